//! `--stats json`: what a run did, for programs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::args::Args;
use super::ending::End;
use super::engine::Css;
use super::failure::FailureKind;
use super::output::NamedFile;
use super::record::Record;
use super::terminal::peak_memory;
use super::{NO_OUTPUT, complain};

/// What is told of a run, besides its record.
pub struct Stats<'a> {
    pub end: &'a End,
    pub exit_code: u8,
    pub record: &'a Record,
    pub took: Duration,
    pub skipped: u64,
    /// Pages that earlier runs did.
    pub resumed: u64,
    pub engine: &'a Css,
    pub component: Option<Value>,
}

impl Stats<'_> {
    /// One line.
    pub fn line(&self) -> String {
        let tally = self.record.tally;
        let seconds = self.took.as_secs_f64();
        let kinds: Map<String, Value> = FailureKind::ALL
            .into_iter()
            .zip(self.record.kinds)
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| (kind.slug(), count.into()))
            .collect();
        let waits = self.record.waits.distribution();
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let percentile = |percent| nanoseconds(waits.percentile(percent));
        let stats = json!({
            "stats": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "end": self.end.slug(),
            "exit_code": self.exit_code,
            "pages": tally.pages,
            "failed": tally.failures,
            "failures": kinds,
            "bytes": tally.bytes,
            "pages_before": self.resumed,
            "other_files": self.skipped,
            "seconds": seconds,
            "pages_per_second": tally.pages as f64 / seconds.max(1e-9),
            "peak_memory_bytes": peak_memory(),
            "engine": self.engine.json(),
            "wasm": self.component,
            "checkouts": {
                "count": waits.count(),
                "p50_ns": percentile(50.0),
                "p99_ns": percentile(99.0),
                "p999_ns": percentile(99.9),
                "max_ns": nanoseconds(waits.max()),
            },
        });
        format!("{stats}\n")
    }
}

/// Where they are to go.
pub struct Wanted {
    pub on_stderr: bool,
    file: Option<(PathBuf, NamedFile)>,
}

/// Opens the file of `--stats-to`, so that a place that cannot be written is known before the run and not after it.
/// # Errors
/// Why not, with what to try.
pub fn open(args: &Args) -> Result<Wanted, String> {
    let file = match &args.out.stats_to {
        Some(path) => Some((path.clone(), NamedFile::open(path).map_err(|error| not_written(path, &error))?)),
        None => None,
    };
    Ok(Wanted { on_stderr: args.out.stats.is_some(), file })
}

fn not_written(path: &Path, error: &io::Error) -> String {
    format!("cannot write the statistics {}: {error}; choose another place with --stats-to", path.display())
}

impl Wanted {
    /// Says what was done, wherever it is wanted. Returns the exit code, which is another one if that cannot be written.
    pub fn write(self, mut stats: Stats<'_>) -> u8 {
        if let Some((path, mut file)) = self.file {
            let written = file.write(stats.line().as_bytes()).and_then(|()| file.finish());
            if let Err(error) = written {
                stats.exit_code = stats.exit_code.max(complain(NO_OUTPUT, not_written(&path, &error)));
            }
        }
        if self.on_stderr {
            // Standard error may be gone too; there is nobody left to tell.
            let _ = io::stderr().write_all(stats.line().as_bytes());
        }
        stats.exit_code
    }
}
