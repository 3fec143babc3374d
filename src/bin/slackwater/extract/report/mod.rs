//! `--report FILE.html`: what a run did, as one page that needs nothing else: no script, no font, no picture from elsewhere.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use slackwater::Snapshot;

use super::args::Args;
use super::fields::Kind;
use super::record::Record;
use crate::run::ending::End;
use crate::run::files::NamedFile;

mod axis;
mod machine;
mod notable;
mod page;
mod percentiles;
mod plot;
mod rates;
mod run;
mod text;

/// What was asked for, as far as a report says so.
pub struct Setting {
    pub path: PathBuf,
    command: Vec<OsString>,
    recipe: Option<PathBuf>,
    fields: Vec<(Kind, String)>,
    inputs: Vec<PathBuf>,
    lines_to: String,
    threads: usize,
    pool_size: usize,
    max_bytes: u64,
    ordered: bool,
    begun: SystemTime,
}

/// What came of it.
pub struct Outcome<'a> {
    pub end: &'a End,
    pub record: &'a Record,
    pub took: Duration,
    pub found: u64,
    pub skipped: u64,
    pub pools: Vec<Snapshot>,
}

/// Opens the report's file, so that a place that cannot be written is known before the run and not after it. `None` if no report
/// is wanted.
/// # Errors
/// Why not, with what to try.
pub fn open(args: &Args, fields: &[(Kind, &str)]) -> Result<Option<(Setting, NamedFile)>, String> {
    let Some(path) = &args.report else { return Ok(None) };
    let output = NamedFile::open(path).map_err(|error| not_written(path, &error))?;
    let setting = Setting {
        path: path.clone(),
        command: std::env::args_os().collect(),
        recipe: args.recipe.clone(),
        fields: fields.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect(),
        inputs: args.inputs(),
        lines_to: args.output.as_ref().map_or_else(|| "-".into(), |path| path.to_string_lossy().into_owned()),
        threads: args.threads(),
        pool_size: args.pool_size(),
        max_bytes: args.max_bytes,
        ordered: args.ordered,
        begun: SystemTime::now(),
    };
    Ok(Some((setting, output)))
}

/// Writes the report and gives its file its name.
pub fn write(mut output: NamedFile, setting: &Setting, outcome: &Outcome) -> io::Result<()> {
    let nothing = Record::new(outcome.record.sums.started, true);
    let details =
        outcome.record.details.as_ref().or(nothing.details.as_ref()).expect("one of them was asked for details");
    output.write(page::page(setting, outcome, details).as_bytes())?;
    output.finish()
}

/// How to say that the report could not be written.
pub fn not_written(path: &Path, error: &io::Error) -> String {
    format!("cannot write the report {}: {error}; choose another place with --report", path.display())
}
