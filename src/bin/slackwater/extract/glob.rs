//! Globs that the shell left alone, for more names than a command line takes.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

/// A pattern for paths, and where to begin to look.
pub struct Glob {
    matcher: GlobMatcher,
    base: PathBuf,
    /// Folders to go down from there.
    depth: usize,
    /// Whether it began with `./`.
    dotted: bool,
}

impl Glob {
    /// What was typed as a glob. `None` if it is a name: there is such a file, or nothing in it that globs are made of.
    pub fn of(typed: &Path) -> Option<Result<Self, String>> {
        let text = typed.to_str()?;
        if !is_pattern(text) || typed.symlink_metadata().is_ok() {
            return None;
        }
        Some(Self::read(typed, text))
    }

    fn read(typed: &Path, text: &str) -> Result<Self, String> {
        let built = GlobBuilder::new(text.strip_prefix("./").unwrap_or(text)).literal_separator(true).build();
        let matcher =
            built.map_err(|error| format!("{}; write [?] for a question mark", error.kind()))?.compile_matcher();
        let fixed = |part: &Component| part.as_os_str().to_str().is_some_and(|part| !is_pattern(part));
        let base: PathBuf = typed.components().take_while(fixed).collect();
        let rest = typed.components().skip_while(fixed);
        let depth = if text.contains("**") || text.contains('{') { usize::MAX } else { rest.count() };
        let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
        Ok(Self { matcher, base, depth, dotted: text.starts_with("./") })
    }

    /// Everything that may match, sorted by name.
    pub fn walk(&self) -> impl Iterator<Item = walkdir::Result<walkdir::DirEntry>> {
        WalkDir::new(&self.base).follow_links(true).sort_by_file_name().max_depth(self.depth).into_iter()
    }

    /// The path as the shell would have written it, if it matches.
    pub fn matched<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let bare = path.strip_prefix(".").unwrap_or(path);
        self.matcher.is_match(bare).then_some(if self.dotted { path } else { bare })
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}
