//! What a run's lines can be written as. Adding a format is one implementation of `Format`.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use slackwater::extract::{Recipe, Shape, Values};

use super::super::failure::Failure;
use super::super::work::Note;
use super::lists::Lists;
use super::table;
use crate::run::files::{Form, Json};

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
pub trait Format: Form {
    /// A page as the bytes that [`Body::row`](crate::run::files::Body::row) takes. Called on the threads that extract: it is most of the
    /// work.
    fn row(&self, page: &Page<'_>) -> Vec<u8>;
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
            Self::Jsonl => Arc::new(Json),
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
