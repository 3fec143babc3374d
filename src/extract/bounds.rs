//! What the extraction of one page may take.
//!
//! A page can be made so that any parser takes very long over it, or so that what a recipe asks for is many times the page. Each
//! extractor looks at the clock and at what it has found so far, stops where it is too much, and says so in the page's
//! [`Values`](super::Values); the next page begins anew.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What one page may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Time that extractors may have it, all of them together; waiting for one is not counted.
    pub time: Option<Duration>,
    /// Bytes of all its values, and some for each of them.
    pub bytes: usize,
}

impl Default for Bounds {
    /// No bounds.
    fn default() -> Self {
        Self { time: None, bytes: usize::MAX }
    }
}

/// What a page took too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Exceeded {
    /// It was not done in [`Bounds::time`].
    #[error("extraction took longer than {}; give it more time, or ask for less: fewer or simpler fields", in_words(.0))]
    Time(Duration),
    /// Its values had more than [`Bounds::bytes`].
    #[error(
        "its values take more than {0} bytes: elements that are nested give the same text again and again; select less"
    )]
    Bytes(usize),
    /// Its tree has more nodes than its bytes can explain: elements that are never closed are opened again in each paragraph.
    #[error(
        "its document has more than {0} nodes: elements that it never closes come back in each paragraph; leave it out"
    )]
    Nodes(usize),
    /// Its elements are nested deeper than `:has(...)` can look.
    #[error(
        "its elements are nested more than {0} deep, and :has(...) looks no deeper; leave the page or the selector out"
    )]
    Depth(usize),
    /// Without a document tree: what is open takes more memory than there is for it.
    #[error(
        "its elements are nested so deep that the streaming engine needs more than {0} bytes for them; run with the dom engine"
    )]
    Streaming(usize),
    /// It is longer than a document can be.
    #[error("longer than the 2 GiB that a document can have; leave it out")]
    Length,
}

fn in_words(time: &Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds == 1.0 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

/// Steps between two looks at the clock. One is a few nanoseconds, and a look is thirty.
const STEPS: u32 = 1 << 10;

/// Whether there is time left, for who asks at every step.
#[derive(Debug)]
pub(super) struct Clock {
    deadline: Option<Instant>,
    steps: Cell<u32>,
    over: Cell<bool>,
}

impl Clock {
    pub(super) fn new(deadline: Option<Instant>) -> Self {
        Self { deadline, steps: Cell::new(0), over: Cell::new(false) }
    }

    /// Takes a step; whether there is no time for it. Once there is none there never is.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        match self.steps.get().checked_sub(1) {
            Some(left) => {
                self.steps.set(left);
                false
            }
            None => self.look(),
        }
    }

    /// Something that is about to be done takes as long as so many steps.
    pub(super) fn spend(&self, steps: usize) {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.steps.set(self.steps.get().saturating_sub(steps));
    }

    /// Whether it turned out that there is no time left.
    pub(super) fn was_over(&self) -> bool {
        self.over.get()
    }

    #[cold]
    fn look(&self) -> bool {
        let over = self.over.get() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.over.set(over);
        self.steps.set(if over { 0 } else { STEPS });
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: time that is over is over from the first step on, and time without end never is. Provoked: a deadline that has
    /// passed, none, and steps of every price.
    #[test]
    fn a_clock_is_over_once_and_for_all() {
        let (past, never) = (Clock::new(Some(Instant::now())), Clock::new(None));
        for steps in 0..3 * STEPS {
            assert!(past.is_over() && past.was_over());
            assert!(!never.is_over() && !never.was_over());
            never.spend(steps as usize * 7);
        }
        never.spend(usize::MAX);
        assert!(!never.is_over());
    }

    /// Promise: a price brings the next look nearer. Provoked: a deadline that passes after the first look.
    #[test]
    fn what_takes_long_brings_the_next_look_nearer() {
        let clock = Clock { deadline: Some(Instant::now()), steps: Cell::new(STEPS), over: Cell::new(false) };
        assert!(!clock.is_over());
        clock.spend(STEPS as usize);
        assert!(clock.is_over());
    }
}
