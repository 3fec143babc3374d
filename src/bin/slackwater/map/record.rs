//! What a run has done so far.

use std::time::{Duration, Instant};

use super::failure::FailureKind;
use crate::run::closing::Sums;
use crate::run::series::Counts;

/// A line that is done.
pub struct Done {
    /// As it is to be written.
    pub row: Vec<u8>,
    pub size: u64,
    /// Which line of the input it is, for those who go on.
    pub key: u64,
    pub number: u64,
    /// Bytes of it in the input.
    pub bytes: u64,
    pub failure: Option<(FailureKind, String)>,
    /// How long a worker had it; not if none did.
    pub took: Option<Duration>,
    pub retries: u64,
}

/// What was done up to now; the times are of calls. Everything in it comes from lines that were written, so the parts agree.
pub struct Record {
    pub sums: Sums,
    /// Failures by kind, as in `FailureKind::ALL`.
    pub kinds: [u64; FailureKind::ALL.len()],
    pub retries: u64,
    /// The first of them, for who looks at the summary alone.
    pub first_failure: Option<(u64, String)>,
}

impl Record {
    pub fn new(started: Instant) -> Self {
        Self { sums: Sums::new(started), kinds: Default::default(), retries: 0, first_failure: None }
    }

    /// A line was written.
    pub fn line(&mut self, line: Done) {
        self.sums.tally.add(Counts { pages: 1, failures: u64::from(line.failure.is_some()), bytes: line.bytes });
        self.retries += line.retries;
        line.took.into_iter().for_each(|took| self.sums.times.record(took));
        if let Some((kind, reason)) = line.failure {
            self.kinds[kind as usize] += 1;
            self.first_failure.get_or_insert((line.number, reason));
        }
    }
}
