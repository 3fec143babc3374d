//! Tickets: creations that the crew was asked for, and how many of them still count for new demand.
//!
//! ```text
//! Who asks:  A1 it waits, or a place is vacant   A2 fence   A3 read the counts, and take a ticket unless enough are out
//! A ticket:  T1 it runs   T2 fence   T3 look what is wanted, and make it   T4 it is gone   T5 fence   T6 look who waits
//! ```
//! For a place that is vacant only those are enough that have yet to run: nobody asks for it a second time. If A3 misses T1, then
//! T2 meets A2, and T3 sees A1. For those who wait all that are out are enough, as each looks again when it is gone: if A3 misses T4, T5
//! meets A2, and T6 sees A1. All counts are one word: what is decided by one is not undone by another that has changed meanwhile.
//!
//! Three runs that lost a vacant place: a ticket looked, found nothing missing, and ran only then; it ran no more, and was out for a
//! moment longer; who asked had read that it was out, and then that it ran no more.

use super::sync::{AtomicU64, fence as full_fence};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Bits for each of the counts: there are no more tickets out than places and threads of the crew, which are fewer than 2^18.
const BITS: u32 = 21;

#[derive(Default)]
pub(crate) struct Tickets(AtomicU64);

#[derive(Clone, Copy)]
struct Counts {
    /// Those that wait for a thread, or run.
    out: u64,
    /// Those that run.
    running: u64,
    /// Those whose waiter gave up: they may hang, and must not keep others from asking.
    orphans: u64,
}

impl Counts {
    fn of(word: u64) -> Self {
        let mask = (1 << BITS) - 1;
        Self { out: word & mask, running: (word >> BITS) & mask, orphans: word >> (2 * BITS) }
    }

    fn word(self) -> u64 {
        self.out | (self.running << BITS) | (self.orphans << (2 * BITS))
    }
}

impl Tickets {
    /// Takes one more for so many who wait and places that are missing, if it is wanted, and a place is vacant for it.
    pub(crate) fn take(&self, waiting: u32, missing: u32, vacant: u32) -> bool {
        // Meets those of `run` and of a ticket's end.
        step!("ticket_asks", full_fence(SeqCst));
        self.change(|counts| {
            let Counts { out, running, orphans } = counts;
            let yet_to_run = out - running;
            let is_wanted = out - orphans < u64::from(waiting) || yet_to_run < u64::from(missing);
            (is_wanted && yet_to_run < u64::from(vacant)).then_some(Counts { out: out + 1, ..counts })
        })
        .is_some()
    }

    /// Gives one back that nobody will run.
    pub(crate) fn give_back(&self) {
        self.change(|Counts { out, running, orphans }| {
            Some(Counts { out: out - 1, running, orphans: orphans.min(out - 1) })
        });
    }

    /// One that is out counts no more for those who wait: they are to be counted after this, and asked for.
    pub(crate) fn orphan(&self) {
        let one_more = |counts: Counts| (counts.orphans < counts.out).then_some(counts.orphans + 1);
        self.change(|counts| one_more(counts).map(|orphans| Counts { orphans, ..counts }));
        // Meets the one of who asks.
        step!("ticket_orphaned", full_fence(SeqCst));
    }

    /// Begins to run one. What it is to make is looked up after this, and it ends with what this returns.
    pub(crate) fn run(&self) -> Running<'_> {
        let before = self.change(|counts| Some(Counts { running: counts.running + 1, ..counts }));
        let beside = before.map_or(0, |before| before.running.saturating_sub(before.orphans)) as u32;
        // Meets the one of who asks.
        step!("ticket_runs", full_fence(SeqCst));
        Running { tickets: self, beside }
    }

    /// Changes the counts, and returns those before. None if there is nothing to change.
    fn change(&self, change: impl Fn(Counts) -> Option<Counts>) -> Option<Counts> {
        // Not `fetch_update`: the model checker's never reads an old value, as this may.
        let mut word = self.0.load(Relaxed);
        loop {
            let counts = Counts::of(word);
            match self.0.compare_exchange(word, change(counts)?.word(), Relaxed, Relaxed) {
                Ok(_) => return Some(counts),
                Err(now) => word = now,
            }
        }
    }
}

/// A ticket while it runs. However it ends, it is counted off.
pub(crate) struct Running<'t> {
    tickets: &'t Tickets,
    beside: u32,
}

impl Running<'_> {
    /// Others that ran when this one began, and serve as many of those who wait.
    pub(crate) fn beside(&self) -> u32 {
        self.beside
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.tickets.change(|Counts { out, running, orphans }| {
            Some(Counts { out: out - 1, running: running - 1, orphans: orphans.min(out - 1) })
        });
        // Meets the one of who asks: who waits is looked for after this.
        step!("ticket_ends", full_fence(SeqCst));
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    fn counts(tickets: &Tickets) -> [u64; 3] {
        let Counts { out, running, orphans } = Counts::of(tickets.0.load(Relaxed));
        [out, running, orphans]
    }

    #[test]
    fn who_waits_needs_as_many_as_are_out_and_a_place_as_many_as_have_yet_to_run() {
        let tickets = Tickets::default();
        assert!(!tickets.take(0, 0, 9) && !tickets.take(1, 1, 0));
        assert!(tickets.take(2, 0, 9) && tickets.take(2, 0, 9) && !tickets.take(2, 1, 9));
        let running = tickets.run();
        assert_eq!((running.beside(), counts(&tickets)), (0, [2, 1, 0]));
        // One that has yet to run is enough for one place, and for one vacancy.
        assert!(!tickets.take(2, 1, 9) && !tickets.take(3, 2, 1));
        assert!(tickets.take(2, 2, 2));
        drop(running);
        tickets.give_back();
        assert_eq!(counts(&tickets), [1, 0, 0]);
    }

    #[test]
    fn an_orphan_counts_for_nobody_until_it_is_gone() {
        let tickets = Tickets::default();
        tickets.orphan();
        assert_eq!(counts(&tickets), [0, 0, 0], "there is none to be orphaned");
        assert!(tickets.take(1, 0, 9));
        let hangs = tickets.run();
        tickets.orphan();
        tickets.orphan();
        assert_eq!(counts(&tickets), [1, 1, 1]);
        assert!(tickets.take(1, 0, 9) && !tickets.take(1, 0, 9));
        let other = tickets.run();
        assert_eq!(other.beside(), 0);
        drop(other);
        assert_eq!(counts(&tickets), [1, 1, 1]);
        drop(hangs);
        assert_eq!(counts(&tickets), [0, 0, 0]);
    }

    #[test]
    fn the_counts_hold_as_many_as_there_can_be() {
        let most = (1 << BITS) - 1;
        let all = Counts { out: most, running: most, orphans: most };
        let Counts { out, running, orphans } = Counts::of(all.word());
        assert_eq!([out, running, orphans], [most; 3]);
        assert!(4 * crate::config::MAX_SLOTS as u64 <= most);
    }
}
