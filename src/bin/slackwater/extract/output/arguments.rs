//! What was typed, as far as the lines depend on it: a run that goes on must have been asked for the same.

use clap::{ArgMatches, Args as _, Command};

use super::super::args::Args;
use super::journal::Arguments;

/// What may be different from one run to the next. Whatever is not named here may not, so that an option that is added later
/// is looked at until somebody decides otherwise.
const MAY_CHANGE: [&str; 10] =
    ["threads", "pool_size", "ordered", "quiet", "report", "dashboard", "stats", "stats_to", "resume", "checkpoint"];

/// What was typed, beside the texts and digests of the files that were named.
pub fn of(typed: &ArgMatches, names: &[String], files: &[(&str, String)]) -> Arguments {
    let mut arguments = Arguments::new();
    // Not `typed.ids()`: those are the groups too.
    for argument in Args::augment_args(Command::new("extract")).get_arguments() {
        let id = argument.get_id().as_str();
        if MAY_CHANGE.contains(&id) {
            continue;
        }
        let values = typed.try_get_raw(id).ok().flatten().into_iter().flatten();
        let mut values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        if id == "engine" {
            // The others give the same lines.
            values.retain(|engine| engine == "streaming");
        }
        if !values.is_empty() {
            let name = argument.get_long().map_or_else(|| id.to_owned(), |long| format!("--{long}"));
            arguments.insert(name, values);
        }
    }
    // The order of fields across options, the defaults where there are none, and what relative paths begin at.
    arguments.insert("the order of fields".to_owned(), names.to_vec());
    // Not its name alone: what is in it may have changed.
    arguments.extend(files.iter().map(|(what, content)| ((*what).to_owned(), vec![content.clone()])));
    let folder = std::env::current_dir().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    arguments.insert("the folder".to_owned(), vec![folder]);
    arguments.insert("the version".to_owned(), vec![env!("CARGO_PKG_VERSION").to_owned()]);
    arguments
}
