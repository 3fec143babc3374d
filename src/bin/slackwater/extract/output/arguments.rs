//! What was typed, as far as the lines depend on it.

use clap::{ArgMatches, Args as _, Command};

use super::super::args::Args;
use crate::run::arguments;
use crate::run::files::Arguments;

/// What may be different from one run to the next.
const MAY_CHANGE: [&str; 10] =
    ["threads", "pool_size", "ordered", "quiet", "report", "dashboard", "stats", "stats_to", "resume", "checkpoint"];

/// What was typed, beside the texts and digests of the files that were named.
pub fn of(typed: &ArgMatches, names: &[String], files: &[(&str, String)]) -> Arguments {
    let command = Args::augment_args(Command::new("extract"));
    let mut arguments = arguments::of(&command, typed, &MAY_CHANGE);
    if arguments.get("--engine").is_some_and(|engine| engine != &["streaming"]) {
        // The others give the same lines.
        arguments.remove("--engine");
    }
    // The order of fields across options, and the defaults where there are none.
    arguments.insert("the order of fields".to_owned(), names.to_vec());
    // Not its name alone: what is in it may have changed.
    arguments.extend(files.iter().map(|(what, content)| ((*what).to_owned(), vec![content.clone()])));
    arguments
}
