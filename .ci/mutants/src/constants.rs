//! Mutants in constants, where no variable can say which one is on: a build for each.

use crate::trial::{self, Tally, Verdict};
use crate::weave::{Mutant, Offsets};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The file of a constant with a mutant in it, and without.
pub struct Change<'m> {
    pub mutant: &'m Mutant,
    with: String,
    without: String,
}

/// What has to be written, before anything else is woven into the copy: later the places are others.
pub fn changes<'m>(copy: &Path, mutants: &'m [Mutant]) -> Vec<Change<'m>> {
    let change = |mutant: &'m Mutant| {
        let without = fs::read_to_string(copy.join(&mutant.file)).expect("a file of the crate");
        let (offsets, mut with) = (Offsets::of(&without), without.clone());
        with.replace_range(offsets.at(mutant.begins)..offsets.at(mutant.ends), &mutant.replacement);
        Change { mutant, with, without }
    };
    mutants.iter().map(change).collect()
}

/// Tries them one after the other: with the first of `tests`, and if that misses it with the others. Tells of those that are missed; the
/// second value counts those that do not build.
pub fn all(
    copy: &Path,
    changes: &[Change],
    tests: &[String],
    patience: Duration,
    mut missed: impl FnMut(&Mutant),
) -> (Tally, usize) {
    let (mut tally, mut refused) = (Tally::default(), 0);
    for Change { mutant, with, without } in changes {
        let write = |text: &str| fs::write(copy.join(&mutant.file), text).expect("a copy may be written to");
        write(with);
        let (first, others) = tests.split_at(1);
        let tried = [first, others].into_iter().map(|tests| {
            let Ok(programs) = trial::built(copy, tests) else { return None };
            let tried = programs.iter().map(|program| trial::verdict(copy, program, None, patience));
            Some(tried.into_iter().find(|verdict| *verdict != Verdict::Missed).unwrap_or(Verdict::Missed))
        });
        match tried.into_iter().find(|verdict| *verdict != Some(Verdict::Missed)) {
            Some(Some(verdict)) => tally.add(&verdict),
            Some(None) => refused += 1,
            None => {
                tally.add(&Verdict::Missed);
                missed(mutant);
            }
        }
        write(without);
    }
    (tally, refused)
}
