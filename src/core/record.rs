//! What is noted of a slot's uses, by whoever uses it.

use std::panic::Location;
// Bookkeeping that takes part in no protocol, so the model checker need not see it.
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicU64};

/// What is known of a slot's user, written by the holder with plain stores beside the word it owns.
///
/// Each field is a single atomic, so a reader never sees a torn value; two fields read together may stem from two
/// holders, which readers accept or guard against by reading the word before and after.
#[derive(Debug)]
pub(crate) struct Record {
    /// Who checked out last, and when: see [`Stamp`].
    stamp: AtomicU64,
    /// Where it did: a `&'static Location`, or null.
    site: AtomicPtr<Location<'static>>,
    /// Checkouts of this slot, over all its lives, in the low 48 bits: eight days of nothing but checkouts at 2.5 ns each. The high
    /// 16 count on to their sign, at which the holder has more to do than the fast path: so one addition counts and asks.
    uses: AtomicU64,
    /// How many checkouts come before the next one that is timed. The right-holder's business.
    timed_after: AtomicU64,
}

/// Of [`Record::uses`]: the checkouts.
const COUNT: u64 = (1 << 48) - 1;
/// One checkout, and one step towards the sign.
const ONE_USE: u64 = COUNT + 2;
/// As many steps as there may be up to the sign.
const STEPS: u64 = (1 << 15) - 1;

/// A thread's number in the high half, a coarse time in the low half: one store notes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// `thread` from [`thread_number`](super::thread_number); it wraps after four billion threads.
    pub(crate) const fn by(thread: u64) -> Stamp {
        Stamp(thread << 32)
    }

    /// At `time`, for a stamp without one.
    #[inline(always)]
    pub(crate) const fn at(self, time: u32) -> Stamp {
        Stamp(self.0 | time as u64)
    }

    pub(crate) const fn time(self) -> u32 {
        self.0 as u32
    }

    pub(crate) const fn thread(self) -> u64 {
        self.0 >> 32
    }
}

impl Record {
    /// Notes a checkout: three stores to a line that the holder owns. True if it is to look whether this use
    /// [is timed](Self::is_timed).
    #[inline(always)]
    #[must_use = "a sign that is not looked after stays"]
    pub(crate) fn checked_out(&self, stamp: Stamp, site: &'static Location<'static>) -> bool {
        let uses = self.uses.load(Relaxed).wrapping_add(ONE_USE);
        self.uses.store(uses, Relaxed);
        self.stamp.store(stamp.0, Relaxed);
        self.site.store(std::ptr::from_ref(site).cast_mut(), Relaxed);
        (uses as i64) < 0
    }

    /// Whether the use that has just been noted is the one to be timed: then the next one is to be
    /// [chosen](Self::time_after). If not, it is still to come, and so is the sign. Called by the slot's right-holder.
    pub(crate) fn is_timed(&self) -> bool {
        let is_timed = self.checkouts() > self.timed_after.load(Relaxed);
        if !is_timed {
            self.count_on();
        }
        is_timed
    }

    /// The next to be timed is the first that has so many checkouts before it. Called by the slot's right-holder, or before
    /// there is one.
    pub(crate) fn time_after(&self, checkouts: u64) {
        self.timed_after.store(checkouts, Relaxed);
        self.count_on();
    }

    /// As [`time_after`](Self::time_after), by anybody: it counts from the next sign on, 2^15 uses away at most.
    pub(crate) fn time_after_sign(&self, checkouts: u64) {
        self.timed_after.store(checkouts, Relaxed);
    }

    /// The sign is as far away as the next use that is timed, or as it can be.
    fn count_on(&self) {
        let checkouts = self.checkouts();
        let steps = self.timed_after.load(Relaxed).saturating_sub(checkouts).saturating_add(1).min(STEPS);
        self.uses.store((STEPS + 1 - steps) << 48 | checkouts, Relaxed);
    }

    /// Notes who is about to take over a slot that is handed to it.
    pub(crate) fn handed_to(&self, stamp: Stamp, site: &'static Location<'static>) {
        self.stamp.store(stamp.0, Relaxed);
        self.site.store(std::ptr::from_ref(site).cast_mut(), Relaxed);
    }

    /// Notes that it is nobody's since `time`: whoever takes it next is not taken for its last holder meanwhile. Called by the slot's
    /// right-holder alone.
    #[inline]
    pub(crate) fn free_since(&self, time: u32) {
        self.stamp.store(Stamp::by(0).at(time).0, Relaxed);
    }

    /// The same, since whatever time is noted.
    pub(crate) fn is_nobodys(&self) {
        self.free_since(self.stamp().time());
    }

    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(self.stamp.load(Relaxed))
    }

    pub(crate) fn site(&self) -> Option<&'static Location<'static>> {
        let site = self.site.load(Relaxed);
        // SAFETY: the only stores are null (at birth of the slot) and pointers made from `&'static Location<'static>`
        // in `checked_out`, so a non-null value points to an immutable `Location` that lives for ever.
        unsafe { site.as_ref() }
    }

    pub(crate) fn checkouts(&self) -> u64 {
        self.uses.load(Relaxed) & COUNT
    }
}

impl Default for Record {
    /// Of a slot that nobody has used, and no use of which is timed.
    fn default() -> Self {
        Self {
            stamp: AtomicU64::new(0),
            site: AtomicPtr::default(),
            uses: AtomicU64::new(0),
            timed_after: AtomicU64::new(u64::MAX),
        }
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    /// Checks out until a use is timed, and says how many were before it.
    fn untimed(record: &Record) -> u64 {
        let before = record.checkouts();
        loop {
            let is_due = record.checked_out(Stamp::by(1), Location::caller());
            if is_due && record.is_timed() {
                return record.checkouts() - before - 1;
            }
            assert!(!is_due || (record.checkouts() - before).is_multiple_of(STEPS), "a sign for nothing");
        }
    }

    #[test]
    fn the_use_that_was_chosen_is_timed_however_far_away_it_was() {
        let record = Record::default();
        for gap in [0, 1, 2, 100, STEPS - 2, STEPS - 1, STEPS, STEPS + 1, 3 * STEPS, 100_000] {
            record.time_after(record.checkouts() + gap);
            assert_eq!(untimed(&record), gap);
        }
    }

    #[test]
    fn who_is_about_to_take_over_is_noted_before_it_runs() {
        let record = Record::default();
        record.handed_to(Stamp::by(3).at(9), Location::caller());
        let site = record.site().expect("it was noted");
        assert_eq!((record.stamp(), site.file(), record.checkouts()), (Stamp::by(3).at(9), file!(), 0));
    }

    #[test]
    fn without_a_choice_no_use_is_timed_and_all_are_counted() {
        let record = Record::default();
        for _ in 0..10 * STEPS {
            let is_due = record.checked_out(Stamp::by(1), Location::caller());
            assert!(!(is_due && record.is_timed()));
        }
        assert_eq!(record.checkouts(), 10 * STEPS);
    }
}
