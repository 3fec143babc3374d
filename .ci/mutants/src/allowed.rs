//! The mutants that are known to go unnoticed, each with its reason.
//!
//! ```text
//! # a comment
//! src/core/fence.rs: replace native::light with (): why, on this line and
//!     on those that are indented
//! ```
//! Lines and columns are left out, as they change with each edit. Where several mutants are called so, the name ends with how many of
//! them go unnoticed: `... in retag [2]`.

use crate::weave::Mutant;
use std::collections::BTreeMap;

pub struct Allowed {
    entries: BTreeMap<String, Missed>,
    /// Missed ones that are not here.
    pub unknown: usize,
}

/// How many of those called so.
struct Missed {
    expected: usize,
    found: usize,
}

/// The name without line and column.
fn key(mutant: &Mutant) -> String {
    let what = mutant.name.splitn(4, ':').last().expect("FILE:LINE:COLUMN: what");
    format!("{}:{what}", mutant.file)
}

/// A name and how many of it there are.
fn counted(name: &str) -> (&str, usize) {
    let ends = name.strip_suffix(']').and_then(|name| name.rsplit_once(" ["));
    ends.and_then(|(name, count)| Some((name, count.parse().ok()?))).unwrap_or((name, 1))
}

impl Allowed {
    pub fn of(text: &str) -> Self {
        let begins_one = |line: &&str| !line.is_empty() && !line.starts_with(['#', ' ']);
        let entry = |line: &str| {
            let (name, _) = line.rsplit_once(": ").unwrap_or_else(|| panic!("no reason: {line}"));
            let (name, expected) = counted(name);
            (name.to_owned(), Missed { expected, found: 0 })
        };
        Self { entries: text.lines().filter(begins_one).map(entry).collect(), unknown: 0 }
    }

    /// Whether `mutant`, which was missed, is allowed to be: not if more are called so than are expected.
    pub fn has(&mut self, mutant: &Mutant) -> bool {
        let is_expected = self.entries.get_mut(&key(mutant)).is_some_and(|missed| {
            missed.found += 1;
            missed.found <= missed.expected
        });
        self.unknown += usize::from(!is_expected);
        is_expected
    }

    /// Those here of which some were tried, and fewer went unnoticed than are expected.
    pub fn left(&self, tried: &[&Mutant]) -> Vec<String> {
        let tried: Vec<_> = tried.iter().map(|mutant| key(mutant)).collect();
        let noticed =
            self.entries.iter().filter(|(name, missed)| missed.found < missed.expected && tried.contains(name));
        noticed
            .map(|(name, missed)| format!("{name}: {} of {}", missed.expected - missed.found, missed.expected))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::LineColumn;

    fn mutant(name: &str) -> Mutant {
        let (file, genre, replacement) = ("a.rs".into(), String::new(), String::new());
        let begins = LineColumn { line: 1, column: 2 };
        Mutant { id: 0, name: format!("a.rs:1:2: {name}"), file, genre, replacement, begins, ends: begins }
    }

    #[test]
    fn of_those_with_one_name_no_more_go_unnoticed_than_was_said() {
        let mut allowed = Allowed::of("# of two\na.rs: two [2]: why,\n    and why\na.rs: one: why: because\n");
        let [one, two, three] = ["one: why", "two", "three"].map(mutant);
        let one_is_there = allowed.has(&one);
        assert_eq!(
            (one_is_there, allowed.has(&two), allowed.left(&[&one, &two])),
            (true, true, vec!["a.rs: two: 1 of 2".into()])
        );
        assert_eq!((allowed.has(&two), allowed.left(&[&two]).len(), allowed.unknown), (true, 0, 0));
        assert_eq!(
            (allowed.has(&two), allowed.has(&one), allowed.has(&three), allowed.unknown),
            (false, false, false, 3)
        );
    }
}
