//! Tickets: creations that the crew was asked for, and how many of them still count for new demand.
//!
//! ```text
//! Who asks:  A1 it waits, or a place is vacant   A2 fence   A3 read the counts, and take a ticket unless enough are out
//! A ticket:  T1 look what is wanted, and reserve a place for it   T2 it is decided   T3 fence   T4 look what is missing, and have it asked for
//!            T5 make it   T6 it is gone   T7 fence   T8 look who waits
//! ```
//! For a place that is vacant those are enough that have yet to decide; a place that is reserved is missing no more, so none is made for it twice. If A3 misses
//! T2, then T3 meets A2, and T4 sees A1; if it sees it, the ticket counts for nothing. For those who wait all that are out are enough, as each looks
//! again when it is gone: if A3 misses T6, T7 meets A2, and T8 sees A1. All counts are one word: what is decided by one is not undone by another that has
//! changed meanwhile.
//!
//! Runs that lost a vacant place: a ticket looked, found nothing missing, and did not look again; it ran no more, and was out for a moment longer; who asked
//! had read that it was out, and then that it ran no more. One that made two for one place: a ticket counted for nothing before it had reserved.

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
    /// Those that have decided what they make, if anything.
    decided: u64,
    /// Those whose waiter gave up: they may hang, and must not keep others from asking.
    orphans: u64,
}

impl Counts {
    fn of(word: u64) -> Self {
        let mask = (1 << BITS) - 1;
        Self { out: word & mask, decided: (word >> BITS) & mask, orphans: word >> (2 * BITS) }
    }

    fn word(self) -> u64 {
        self.out | (self.decided << BITS) | (self.orphans << (2 * BITS))
    }
}

impl Tickets {
    /// Takes one more for so many who wait and places that are missing, if it is wanted, and a place is vacant for it.
    pub(crate) fn take(&self, waiting: u32, missing: u32, vacant: u32) -> bool {
        // Meets those of `decided`, of an orphan, and of a ticket's end.
        step!("ticket_asks", full_fence(SeqCst));
        self.change(|counts| {
            let undecided = counts.out - counts.decided;
            let is_wanted = counts.out - counts.orphans < u64::from(waiting) || undecided < u64::from(missing);
            (is_wanted && undecided < u64::from(vacant)).then_some(Counts { out: counts.out + 1, ..counts })
        })
        .is_some()
    }

    /// Gives one back that nobody will run.
    pub(crate) fn give_back(&self) {
        self.change(|Counts { out, decided, orphans }| {
            Some(Counts { out: out - 1, decided, orphans: orphans.min(out - 1) })
        });
    }

    /// One that is out counts no more for those who wait: they are to be counted after this, and asked for.
    pub(crate) fn orphan(&self) {
        let one_more = |counts: Counts| (counts.orphans < counts.out).then_some(counts.orphans + 1);
        self.change(|counts| one_more(counts).map(|orphans| Counts { orphans, ..counts }));
        // Meets the one of who asks.
        step!("ticket_orphaned", full_fence(SeqCst));
    }

    /// Those that have decided, and serve as many of those who wait.
    pub(crate) fn on_their_way(&self) -> u32 {
        let Counts { decided, orphans, .. } = Counts::of(self.0.load(Relaxed));
        decided.saturating_sub(orphans) as u32
    }

    /// One that was taken begins to look what it makes.
    pub(crate) fn begin(&self) -> Undecided<'_> {
        Undecided(self)
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

/// A ticket that looks what it makes. Should it come to nothing, it is given back: who asks would wait for it for ever.
pub(crate) struct Undecided<'t>(&'t Tickets);

impl<'t> Undecided<'t> {
    /// It has decided, has the place for what it makes, and ends with what this returns. What is missing is looked at after this.
    pub(crate) fn decided(self) -> Decided<'t> {
        let tickets = self.0;
        std::mem::forget(self);
        let before = tickets.change(|counts| Some(Counts { decided: counts.decided + 1, ..counts }));
        let undecided = before.map_or(0, |before| before.out - before.decided - 1) as u32;
        // Meets the one of who asks.
        step!("ticket_decided", full_fence(SeqCst));
        Decided { tickets, undecided }
    }
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// A ticket that has decided. However it ends, it is counted off.
pub(crate) struct Decided<'t> {
    tickets: &'t Tickets,
    undecided: u32,
}

impl Decided<'_> {
    /// Others that have yet to look: as many places as that need not be asked for.
    pub(crate) fn undecided(&self) -> u32 {
        self.undecided
    }
}

impl Drop for Decided<'_> {
    fn drop(&mut self) {
        self.tickets.change(|Counts { out, decided, orphans }| {
            Some(Counts { out: out - 1, decided: decided - 1, orphans: orphans.min(out - 1) })
        });
        // Meets the one of who asks: who waits is looked for after this.
        step!("ticket_ends", full_fence(SeqCst));
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    fn counts(tickets: &Tickets) -> [u64; 3] {
        let Counts { out, decided, orphans } = Counts::of(tickets.0.load(Relaxed));
        [out, decided, orphans]
    }

    #[test]
    fn who_waits_needs_as_many_as_are_out_and_a_place_as_many_as_have_yet_to_decide() {
        let tickets = Tickets::default();
        assert!(!tickets.take(0, 0, 9) && !tickets.take(1, 1, 0));
        assert!(tickets.take(2, 0, 9) && tickets.take(2, 0, 9) && !tickets.take(2, 1, 9));
        let decided = tickets.begin().decided();
        assert_eq!((decided.undecided(), tickets.on_their_way(), counts(&tickets)), (1, 1, [2, 1, 0]));
        // One that has yet to decide is enough for one place, and for one vacancy.
        assert!(!tickets.take(2, 1, 9) && !tickets.take(3, 2, 1));
        assert!(tickets.take(2, 2, 2));
        // Two are out that have yet to decide: for the next to decide there is one other, for the last none.
        let next = tickets.begin().decided();
        assert_eq!((next.undecided(), counts(&tickets)), (1, [3, 2, 0]));
        let last = tickets.begin().decided();
        assert_eq!((last.undecided(), counts(&tickets)), (0, [3, 3, 0]));
        drop((decided, next, last));
        assert!(tickets.take(1, 0, 9) && tickets.take(2, 0, 9));
        tickets.give_back();
        assert_eq!(counts(&tickets), [1, 0, 0]);
        // One that panics as it looks.
        drop(tickets.begin());
        assert_eq!(counts(&tickets), [0, 0, 0]);
    }

    #[test]
    fn an_orphan_counts_for_nobody_until_it_is_gone() {
        let tickets = Tickets::default();
        tickets.orphan();
        assert_eq!(counts(&tickets), [0, 0, 0], "there is none to be orphaned");
        assert!(tickets.take(1, 0, 9));
        let hangs = tickets.begin().decided();
        tickets.orphan();
        tickets.orphan();
        assert_eq!(counts(&tickets), [1, 1, 1]);
        assert!(tickets.take(1, 0, 9) && !tickets.take(1, 0, 9));
        assert_eq!(tickets.on_their_way(), 0);
        let other = tickets.begin().decided();
        drop(other);
        assert_eq!(counts(&tickets), [1, 1, 1]);
        drop(hangs);
        assert_eq!(counts(&tickets), [0, 0, 0]);
        // One whose waiter gave up before anybody ran it.
        assert!(tickets.take(1, 0, 9));
        tickets.orphan();
        tickets.give_back();
        assert_eq!(counts(&tickets), [0, 0, 0]);
    }

    #[test]
    fn the_counts_hold_as_many_as_there_can_be() {
        let most = (1 << BITS) - 1;
        let all = Counts { out: most, decided: most, orphans: most };
        let Counts { out, decided, orphans } = Counts::of(all.word());
        assert_eq!([out, decided, orphans], [most; 3]);
        assert!(4 * crate::config::MAX_SLOTS as u64 <= most);
    }
}
