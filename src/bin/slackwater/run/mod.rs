//! What commands that work through a long input have alike: files that can be gone on with, signals, progress, the end.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

pub mod arguments;
pub mod budget;
pub mod closing;
pub mod dashboard;
pub mod ending;
pub mod files;
pub mod interrupt;
pub mod output;
pub mod places;
pub mod series;
pub mod stats;
pub mod terminal;
pub mod writing;

/// Exit codes: some of the input failed; a bad option, or a run that cannot be gone on with so; no output, or no set-up; a bug.
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;
pub const NO_OUTPUT: u8 = 3;
pub const LOST: u8 = 4;

/// What an input consists of, in words.
#[derive(Clone, Copy, Debug)]
pub struct Noun {
    pub one: &'static str,
    pub many: &'static str,
}

impl Noun {
    pub fn of(self, count: u64) -> &'static str {
        if count == 1 { self.one } else { self.many }
    }
}

/// How statistics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatsFormat {
    Json,
}

/// Says why, and gives back the code to end with.
pub fn complain(code: u8, why: impl Display) -> u8 {
    let _ = writeln!(io::stderr(), "error: {why}");
    code
}

/// Reads a number of seconds, such as 0.5.
/// # Errors
/// What is wrong, with what to try.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "that is no number of seconds; such as 0.5 or 10".to_owned())
}

/// Prints as a whole, to whoever reads standard output.
pub fn print(bytes: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => unwritten(&error),
        _ => ExitCode::SUCCESS,
    }
}

pub fn unwritten(error: &io::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
    ExitCode::from(NO_OUTPUT)
}
