//! `slackwater map`.
//!
//! ```text
//! reader thread --lines, few at a time--> callers, one for each worker --answers--> this thread: reorder, write, count
//!       ^                                    ^  wait in the window                     |
//!       +------ blocks: bytes that wait -----+--------------- written <----------------+
//! ```
//! Everything between input and output is bounded, so memory does not depend on the number of lines.

use std::process::ExitCode;

use clap::ArgMatches;

mod args;

pub use args::Args;

#[cfg(feature = "process")]
mod call;
#[cfg(feature = "process")]
mod closing;
#[cfg(feature = "process")]
mod command;
#[cfg(feature = "process")]
mod failure;
#[cfg(feature = "process")]
mod input;
#[cfg(feature = "process")]
mod record;
#[cfg(feature = "process")]
mod run;
#[cfg(feature = "process")]
mod workers;

/// Runs the command. `typed` are the raw matches `args` came from.
#[cfg(feature = "process")]
pub fn run(args: Args, typed: &ArgMatches) -> ExitCode {
    ExitCode::from(run::started(args, typed).unwrap_or_else(|(code, why)| crate::run::complain(code, why)))
}

/// Says how to have it.
#[cfg(not(feature = "process"))]
pub fn run(_: Args, _: &ArgMatches) -> ExitCode {
    let why = "map: this command was built without it; build it with --features cli,process, on Linux or macOS";
    ExitCode::from(crate::run::complain(crate::run::USAGE, why))
}
