//! Steps that no outcome of a call of theirs brings about.

use super::word::{View, Word, after, closed_since};
use super::{Change, Circuit, Ticket};
use std::sync::atomic::Ordering::{Relaxed, Release};

impl Circuit {
    /// Opens it, as the next failure might: for as long as is its turn.
    pub(crate) fn trip(&self, now: u64) -> Option<Change> {
        self.open(now, None)
    }

    /// Opens it for that many nanoseconds, or leaves it open for that long.
    pub(crate) fn trip_for(&self, now: u64, span: u64) -> Option<Change> {
        self.open(now, Some(span))
    }

    fn open(&self, now: u64, span: Option<u64>) -> Option<Change> {
        let mut seen = Word::from_bits(self.word.load(Relaxed));
        loop {
            let view = seen.view();
            if let View::Closed { .. } = view {
                self.failures.store(self.look_at(view, now).failures, Relaxed);
            }
            let next = self.opening(view, now, span);
            if next == view {
                return None;
            }
            // Release: as in `tell`.
            match self.exchange(seen, next.into(), Release, Relaxed) {
                Ok(change) => return change,
                Err(now_there) => seen = now_there,
            }
        }
    }

    /// Closes it, and forgets every failure. What is under way counts no more.
    pub(crate) fn reset(&self, now: u64) -> Option<Change> {
        let mut seen = Word::from_bits(self.word.load(Relaxed));
        loop {
            let next = View::Closed { since: closed_since(seen.view().time(), now), failures: 0 };
            // Release: as in `tell`.
            match self.exchange(seen, next.into(), Release, Relaxed) {
                Ok(change) => return change,
                Err(now_there) => seen = now_there,
            }
        }
    }

    /// Some call that was let through failed, nobody knows when it was. Counts as one of the present period.
    pub(crate) fn failed_of_late(&self, now: impl Fn() -> u64) -> Option<Change> {
        // Relaxed: as in `succeeded`.
        let period = Word::from_bits(self.word.load(Relaxed)).period();
        self.tell(Ticket { period, change: None }, now, true)
    }

    /// Has it let through probes alone, if it is closed: something else suggests that calls would fail.
    pub(crate) fn suspect(&self, now: u64) -> Option<Change> {
        let mut seen = Word::from_bits(self.word.load(Relaxed));
        while let view @ View::Closed { since, .. } = seen.view() {
            self.failures.store(self.look_at(view, now).failures, Relaxed);
            let since = after(since, now);
            let next = View::HalfOpen { since, openings: 0, probing: 0, successes: 0, span: 0 };
            // Release: as in `tell`.
            match self.exchange(seen, next.into(), Release, Relaxed) {
                Ok(change) => return change,
                Err(now_there) => seen = now_there,
            }
        }
        None
    }
}
