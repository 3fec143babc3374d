//! How the lines of a run are written, and where.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use clap::ArgMatches;
use slackwater::extract::Recipe;

use super::args::Args;
use crate::run::USAGE;
use crate::run::files::{Failures, Form, Json};
use crate::run::output::{Opened, Wanted};

mod arguments;
mod format;
mod json;
mod lists;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod table;

pub use format::Page;
pub use options::Options;

use format::{Format, FormatName};

/// How pages become lines: the part of an output that all threads share.
pub struct Encoder {
    format: Arc<dyn Format>,
    failures_apart: bool,
}

impl Encoder {
    pub fn row(&self, page: &Page<'_>) -> Vec<u8> {
        match page.outcome {
            Err(failure) if self.failures_apart => json::failure(page.source, failure),
            _ => self.format.row(page),
        }
    }
}

/// Opens what was asked for. `files` are those that the lines depend on, by what they are and what is in them.
/// # Errors
/// Why not, with what to try and the exit code for that.
pub fn open(
    args: &Args,
    typed: &ArgMatches,
    recipe: &Recipe,
    files: &[(&str, String)],
) -> Result<(Encoder, Opened), (u8, String)> {
    let options = &args.out;
    let path = args.output.as_deref().filter(|path| *path != Path::new("-"));
    options.check(path).map_err(|why| (USAGE, why))?;
    let name = options.format(path);
    if name == FormatName::Parquet && path.is_none() && io::stdout().is_terminal() {
        return Err((USAGE, "--format: Parquet is nothing for a terminal; name a file with -o".to_owned()));
    }
    let format =
        name.build(recipe, options.list.unwrap_or_default(), options.division().width()).map_err(|why| (USAGE, why))?;
    let failures: Failures<'_> = options.failures.as_deref().map(|path| (path, Arc::new(Json) as Arc<dyn Form>));
    let encoder = Encoder { format: Arc::clone(&format), failures_apart: failures.is_some() };
    let wanted = Wanted {
        path,
        form: format,
        division: options.division(),
        failures,
        resume: options.resume.then(|| arguments::of(typed, recipe.names(), files)),
        checkpoint: options.checkpoint,
    };
    Ok((encoder, wanted.open(args.no_output())?))
}
