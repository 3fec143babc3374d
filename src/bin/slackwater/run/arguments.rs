//! What was typed, as far as the lines depend on it: a run that goes on must have been asked for the same.

use clap::{ArgMatches, Command};

use super::files::Arguments;

/// What was typed of the options of `command`, but for those that may be different from one run to the next: whatever is not named
/// in `may_change` may not, so that an option that is added later is looked at until somebody decides otherwise. And what relative
/// paths begin at, and which program this is.
pub fn of(command: &Command, typed: &ArgMatches, may_change: &[&str]) -> Arguments {
    let mut arguments = Arguments::new();
    // Not `typed.ids()`: those are the groups too.
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        if may_change.contains(&id) {
            continue;
        }
        let values = typed.try_get_raw(id).ok().flatten().into_iter().flatten();
        let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        if !values.is_empty() {
            let name = argument.get_long().map_or_else(|| id.to_owned(), |long| format!("--{long}"));
            arguments.insert(name, values);
        }
    }
    let folder = std::env::current_dir().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    arguments.insert("the folder".to_owned(), vec![folder]);
    arguments.insert("the version".to_owned(), vec![env!("CARGO_PKG_VERSION").to_owned()]);
    arguments
}
