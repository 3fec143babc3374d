//! What a run's lines can be written as. Adding a format is one implementation of `Format`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use slackwater::extract::{Recipe, Shape, Values};

use super::super::failure::Failure;
use super::super::work::Note;
use super::lists::Lists;
use super::sink::Sink;
use super::{json, table};

/// What became of one page, for whoever writes it down.
pub struct Page<'a> {
    pub source: &'a str,
    pub recipe: &'a Recipe,
    /// Those of a page that failed mean nothing.
    pub values: &'a Values,
    /// The note, if there is one.
    pub outcome: Result<Option<&'a Note>, &'a Failure>,
}

impl<'a> Page<'a> {
    /// The fields' names, what they give, and their values.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Shape, impl ExactSizeIterator<Item = &'a str>)> {
        let Self { recipe, values, .. } = *self;
        let fields = recipe.names().iter().zip(recipe.shapes()).enumerate();
        fields.map(|(n, (name, shape))| (name.as_str(), *shape, values.of(n)))
    }

    pub fn error(&self) -> Option<&'a str> {
        self.outcome.err().map(|failure| failure.why.as_str())
    }

    pub fn note(&self) -> Option<&'a Note> {
        self.outcome.ok().flatten()
    }
}

/// A way to write pages down.
pub trait Format: Send + Sync {
    /// A page as the bytes that [`Body::row`] takes. Called on the threads that extract: it is most of the work.
    fn row(&self, page: &Page<'_>) -> Vec<u8>;

    /// Bytes of a file before its first row, as far as they count for `--shard-bytes`.
    fn overhead(&self) -> u64;

    /// The contents of a pipe, or of a file that is there as a whole or not at all.
    fn body(&self, to: Sink) -> io::Result<Box<dyn Body>>;

    /// What is to be a file, under the name `part` or names that begin so. `mark` is what [`Body::pause`] gave: whatever was
    /// written after that is forgotten. Without a mark it begins anew, whatever lies there.
    fn part(&self, part: &Path, mark: Option<u64>) -> io::Result<Box<dyn Body>>;

    /// Makes the file `target` of a part that was paused after its last row. Doing it again, after a kill at any moment of it,
    /// does no harm.
    fn publish(&self, part: &Path, target: &Path) -> io::Result<()>;

    /// How much work a kill may cost. Each pause has its price.
    fn pause_every(&self) -> Duration;
}

/// The contents of one file.
pub trait Body {
    fn row(&mut self, row: Vec<u8>) -> io::Result<()>;

    /// Lets whoever reads along have what there is.
    fn flush(&mut self) -> io::Result<()>;

    /// Sees to it that all rows are on the disk, and says where to go on from.
    fn pause(&mut self) -> io::Result<u64>;

    /// There are no more rows: all is on the disk, in its final form.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    Jsonl,
    Csv,
    Tsv,
    Parquet,
}

impl FormatName {
    /// The format that a file's name promises.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "jsonl" | "ndjson" | "json" => Self::Jsonl,
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "parquet" | "pq" => Self::Parquet,
            _ => return None,
        })
    }

    pub fn has_lists(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }

    /// The format, for the fields of this recipe, and so many files at a time.
    /// # Errors
    /// What is wrong, with what to try.
    pub fn build(self, recipe: &Recipe, lists: Lists, files: u64) -> Result<Arc<dyn Format>, String> {
        if self != Self::Jsonl
            && let Some(taken) = recipe.names().iter().find(|name| ["source", "error", "note"].contains(&name.as_str()))
        {
            return Err(format!(
                "--format: there is a column {taken} already; give that field another name, or write JSON lines, where fields \
                 stand apart"
            ));
        }
        Ok(match self {
            Self::Jsonl => Arc::new(json::Json),
            Self::Csv => Arc::new(table::Table::new(b',', lists, recipe.names())),
            Self::Tsv => Arc::new(table::Table::new(b'\t', lists, recipe.names())),
            #[cfg(feature = "parquet")]
            Self::Parquet => Arc::new(super::parquet::Parquet::new(recipe, files)?),
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => {
                let _ = files;
                return Err("--format: this program was built without Parquet; build it with --features parquet".into());
            }
        })
    }
}
