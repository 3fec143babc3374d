//! What can be typed about the input, beside paths.

use std::path::{Path, PathBuf};

use slackwater::extract::input::JsonFields;

use super::list::List;

/// How to read the input.
#[derive(clap::Args)]
#[group(skip)]
pub struct Options {
    /// Take paths from FILE too, one a line, or from standard input (-)
    ///
    /// Folders and archives may be among them; globs are not looked for. The list is read as it is needed.
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// The paths of --files-from end with a NUL, as `find -print0` writes them
    #[arg(short = '0', long, requires = "files_from")]
    pub null: bool,

    /// The input is JSON Lines, and the page's source is in this field of each
    ///
    /// Compressed with gzip or zstd, if need be. A folder gives its *.jsonl and *.ndjson files. Each line may have --max-bytes.
    #[arg(long, value_name = "FIELD")]
    pub json_lines: Option<String>,

    /// Where the JSON has the page's name, a string or a number [default: the file's name, # and the line]
    #[arg(long, value_name = "FIELD", requires = "json_lines")]
    pub name_field: Option<String>,

    /// Take every file for a page, whatever it is
    #[arg(long, conflicts_with = "json_lines")]
    pub no_archives: bool,
}

impl Options {
    /// The fields of JSON Lines, if that is what the input is.
    pub fn json_fields(&self) -> Option<JsonFields> {
        let html = self.json_lines.clone()?;
        Some(JsonFields { html, name: self.name_field.clone() })
    }

    /// The list of paths, opened.
    /// # Errors
    /// If it cannot be, with what to try.
    pub fn list(&self) -> Result<Option<List>, String> {
        let Some(path) = &self.files_from else { return Ok(None) };
        let list = List::open(path, self.null);
        list.map(Some).map_err(|error| format!("--files-from: cannot read {}: {error}; check the path", path.display()))
    }

    /// Refuses to read standard input twice.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn check(&self, paths: &[PathBuf]) -> Result<(), String> {
        let all = self.files_from.iter().chain(paths);
        if all.filter(|path| *path == Path::new("-")).count() > 1 {
            return Err("standard input can be read only once; name - once, for a page, pages or paths".to_owned());
        }
        Ok(())
    }
}
