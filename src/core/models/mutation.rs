//! What `.ci/mutations` leaves out, and `.ci/orderings` weakens, in this run of the models.
//!
//! It is chosen at run time, so that all of them cost one build. `SLACKWATER_MUTATION` names one place; with
//! `SLACKWATER_REACHED`, the name of a file, every place this run comes by is noted there: a model that never comes by a place
//! need not be run for it, and a place that no model comes by is tested by none.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{LazyLock, Mutex};

static CHOSEN: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("SLACKWATER_MUTATION").ok());

static REACHED: LazyLock<Option<Mutex<(File, HashSet<&str>)>>> = LazyLock::new(|| {
    let path = std::env::var_os("SLACKWATER_REACHED")?;
    Some(Mutex::new((File::create(path).expect("the file can be written"), HashSet::new())))
});

/// Whether this run does without the place `name`.
pub(crate) fn is(name: &'static str) -> bool {
    if let Some(reached) = &*REACHED {
        let (file, names) = &mut *reached.lock().expect("nothing panics under this lock");
        if names.insert(name) {
            writeln!(file, "{name}").expect("the file can be written");
        }
    }
    CHOSEN.as_deref() == Some(name)
}

/// The ordering of the place `name`, which `.ci/orderings` writes into its copy of the sources.
#[allow(dead_code, reason = "only that copy calls it")]
pub(crate) fn ordering(name: &'static str, full: Ordering, weaker: Ordering) -> Ordering {
    if is(name) { weaker } else { full }
}
