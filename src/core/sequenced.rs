//! A few words that writers replace without waiting, and readers get whole or not at all.
//!
//! ```text
//! Writer: W1 sequence = odd    W2 fence   W3 store the words   W4 sequence = even
//! Reader: R1 read sequence     R2 read the words   R3 fence    R4 read sequence again
//! ```
//! If R1 sees W4, then R2 sees W3 or what came later. If R2 sees a word of a later writer, R3 meets its W2, and R4 sees its
//! W1. The orderings are those of H.-J. Boehm, "Can Seqlocks Get Along with Programming Language Memory Models?" (MSPC 2012).

use super::sync::{AtomicU64, fence};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub(crate) struct Sequenced<const WORDS: usize> {
    /// Twice the ticket that wrote last, plus 2; odd while one is writing.
    sequence: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Default for Sequenced<WORDS> {
    fn default() -> Self {
        Self { sequence: AtomicU64::new(0), words: [(); WORDS].map(|()| AtomicU64::new(0)) }
    }
}

impl<const WORDS: usize> Sequenced<WORDS> {
    /// Replaces the words, unless somebody else is at it, or has written with a later ticket: what one of the two has to say
    /// is not worth waiting for. No ticket is used twice.
    pub(crate) fn write(&self, ticket: u64, words: [u64; WORDS]) {
        let before = self.sequence.load(Relaxed);
        // Acquire: meets the Release below, so that our words come after those of the writer before.
        if before & 1 == 1
            || before > 2 * ticket
            || self.sequence.compare_exchange(before, before | 1, Acquire, Relaxed).is_err()
        {
            return;
        }
        // Meets the fence in `read`: who sees a word of ours sees the odd sequence too.
        step!("sequenced_write_fence", fence(Release));
        for (place, word) in self.words.iter().zip(words) {
            place.store(word, Relaxed);
        }
        // Release: meets the Acquire in `read`, and in the next `write`.
        self.sequence.store(2 * ticket + 2, Release);
    }

    /// The words and the ticket of who wrote them; None if there are none yet, or somebody is writing.
    pub(crate) fn read(&self) -> Option<(u64, [u64; WORDS])> {
        // Acquire: meets the Release in `write`.
        let sequence = self.sequence.load(Acquire);
        let words = std::array::from_fn(|at| self.words[at].load(Relaxed));
        // Meets the fence in `write`.
        step!("sequenced_read_fence", fence(Acquire));
        let whole = sequence != 0 && sequence & 1 == 0 && self.sequence.load(Relaxed) == sequence;
        whole.then(|| (sequence / 2 - 1, words))
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_with_the_latest_ticket_is_read() {
        let shared = Sequenced::<2>::default();
        assert_eq!(shared.read(), None);
        // The first, a later one, the next, one from before, the same once more, and the first again.
        for (ticket, read) in [(0, 0), (3, 3), (4, 4), (2, 4), (4, 4), (0, 4), (9, 9)] {
            shared.write(ticket, [ticket, 10 + ticket]);
            assert_eq!(shared.read(), Some((read, [read, 10 + read])), "after {ticket}");
        }
        shared.write(20, [1, 1]);
        shared.write(9, [2, 2]);
        assert_eq!(shared.read(), Some((20, [1, 1])));
    }

    #[test]
    fn while_somebody_writes_nobody_else_does_and_nothing_is_read() {
        for before in [0, 8] {
            let shared = Sequenced::<1>::default();
            shared.sequence.store(before | 1, Relaxed);
            shared.write(100, [7]);
            assert_eq!(
                (shared.read(), shared.sequence.load(Relaxed), shared.words[0].load(Relaxed)),
                (None, before | 1, 0)
            );
        }
    }
}
