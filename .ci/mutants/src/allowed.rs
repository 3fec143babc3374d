//! The mutants that are known to go unnoticed, each with its reason.
//!
//! ```text
//! # a comment
//! src/core/fence.rs: replace native::light with (): why, on this line and
//!     on those that are indented
//! ```
//! Lines and columns are left out, as they change with each edit. What begins a line of this file stands for all mutants called so.

use crate::weave::Mutant;
use std::collections::BTreeMap;

pub struct Allowed {
    /// Whether one called so was missed.
    entries: BTreeMap<String, bool>,
    /// Missed ones that are not here.
    pub unknown: usize,
}

/// The name without line and column.
fn key(mutant: &Mutant) -> String {
    let what = mutant.name.splitn(4, ':').last().expect("FILE:LINE:COLUMN: what");
    format!("{}:{what}", mutant.file)
}

impl Allowed {
    pub fn of(text: &str) -> Self {
        let begins_one = |line: &&str| !line.is_empty() && !line.starts_with(['#', ' ']);
        let name = |line: &str| {
            let (name, _) = line.rsplit_once(": ").unwrap_or_else(|| panic!("no reason: {line}"));
            (name.to_owned(), false)
        };
        Self { entries: text.lines().filter(begins_one).map(name).collect(), unknown: 0 }
    }

    /// Whether `mutant`, which was missed, is allowed to be.
    pub fn has(&mut self, mutant: &Mutant) -> bool {
        let entry = self.entries.get_mut(&key(mutant));
        self.unknown += usize::from(entry.is_none());
        entry.map(|missed| *missed = true).is_some()
    }

    /// Those of `mutants` that are here and were noticed.
    pub fn left(&self, mutants: &[Mutant]) -> Vec<String> {
        let tried: Vec<_> = mutants.iter().map(key).collect();
        let noticed = self.entries.iter().filter(|(name, missed)| !**missed && tried.contains(name));
        noticed.map(|(name, _)| name.clone()).collect()
    }
}
