//! Capacity: how many slots are in use at all. The others are SHUT.
//!
//! ```text
//! Resizer:  S1 set the target                        S2 fence   S3 shut VACANT slots, or open SHUT ones, until they fit
//! Returner: R1 open > target? SHUT, else VACANT      R2 fence   R3 as S3
//! ```
//! A slot that becomes VACANT beside a shrinking pool must not stay open, and one that is about to be SHUT beside a growing one
//! must not stay shut. The counts change by compare-exchange on one word, so that each is right for the other; but the
//! slot follows its count a moment later. If S3 misses the slot, S1 comes before R3, which then sees that it does not fit: the
//! same pair of fences as between a return and a wait.

use super::*;
use crate::core::sync::AtomicU64;
use std::cmp::Ordering;

impl<R> Shelf<R> {
    /// Slots that are not SHUT: the target, and more while there are resources that have yet to end.
    pub(crate) fn open_slots(&self) -> u32 {
        self.capacity.read().0
    }

    /// How many slots are to be open once everything surplus has ended.
    pub(crate) fn target(&self) -> u32 {
        self.capacity.read().1
    }

    /// Whether another resource may be made in place of those that are alive.
    pub(crate) fn has_room(&self) -> bool {
        self.occupied() < self.open_slots()
    }

    /// Reserves a vacant slot for a new resource: the first one, so that overflow slots come last.
    pub(crate) fn reserve(&self) -> Option<Right<'_, R>> {
        if !self.has_room() {
            return None;
        }
        let right = scan(&self.slots, 0, Phase::Vacant, Phase::Creating)?;
        self.occupied.fetch_add(1, Relaxed);
        Some(right)
    }

    /// Reserves a place beyond the present capacity: until something else ends, there is one slot more than the target.
    pub(crate) fn reserve_extra(&self) -> Option<Right<'_, R>> {
        let right = scan(&self.slots, 0, Phase::Shut, Phase::Creating)?;
        self.occupied.fetch_add(1, Relaxed);
        self.capacity.open_one();
        Some(right)
    }

    /// Frees a slot's place and lets a waiter know that there is capacity. Returns the attention seen.
    pub(crate) fn vacate(&self, right: Right<'_, R>, now: impl Now) -> u32 {
        self.occupied.fetch_sub(1, Relaxed);
        let slot = right.slot();
        let shut = self.capacity.may_shut();
        right.vacate(if shut { Phase::Shut } else { Phase::Vacant });
        // Meets the fence in `announce`: our caller counts waiters too, to create for them. Meets the one in `set_target`.
        step!("vacate_fence", full_fence(SeqCst));
        step!("vacate_tells_bound", self.serve_bound(slot, now));
        step!("fit_again", self.fit(now));
        if !shut {
            self.wake_for_vacancy(now);
        }
        self.attention()
    }

    /// Sets how many slots are to be open. Vacant ones beyond are shut at once, the others when they are vacated; missing
    /// ones are opened as far as there are places.
    pub(crate) fn set_target(&self, target: u32, now: impl Now) {
        self.capacity.set_target(target);
        // Meets the fence in `vacate`.
        step!("target_fence", full_fence(SeqCst));
        self.fit(now);
    }

    /// Shuts or opens slots until as many are open as should be, or none is left that nobody uses.
    fn fit(&self, now: impl Now) {
        loop {
            let (open, target) = self.capacity.read();
            let from = match open.cmp(&target) {
                Ordering::Greater => Phase::Vacant,
                Ordering::Less => Phase::Shut,
                Ordering::Equal => return,
            };
            let Some(right) = scan(&self.slots, 0, from, Phase::Creating) else { return };
            let changes = if from == Phase::Vacant { self.capacity.may_shut() } else { self.capacity.may_open() };
            let vacant = changes != (from == Phase::Vacant);
            right.vacate(if vacant { Phase::Vacant } else { Phase::Shut });
            // Whoever looked for room, or for a slot to shut or open, while we had this one.
            step!("put_back_fence", full_fence(SeqCst));
            if vacant {
                self.wake_for_vacancy(now);
            }
        }
    }

    fn wake_for_vacancy(&self, now: impl Now) {
        if self.signals.wake_on_vacancy.load(Relaxed) && self.waiters.count() > 0 {
            step!("vacate_wakes", self.wake_next(now));
        }
    }
}

/// How many slots are open, in the low half of a word, and how many should be, in the high half.
pub(super) struct Capacity(AtomicU64);

impl Capacity {
    pub(super) fn of(open: u32) -> Self {
        Self(AtomicU64::new(u64::from(open) << 32 | u64::from(open)))
    }

    /// Open, and to be open.
    fn read(&self) -> (u32, u32) {
        halves(self.0.load(Relaxed))
    }

    fn set_target(&self, target: u32) {
        let set = |word: u64| Some(u64::from(target) << 32 | word & u64::from(u32::MAX));
        let _ = self.0.fetch_update(Relaxed, Relaxed, set);
    }

    fn open_one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One slot less, if more are open than should be.
    fn may_shut(&self) -> bool {
        let shut = |word| (halves(word).0 > halves(word).1).then(|| word - 1);
        self.0.fetch_update(Relaxed, Relaxed, shut).is_ok()
    }

    /// One more, if fewer are.
    fn may_open(&self) -> bool {
        let open = |word| (halves(word).0 < halves(word).1 || left_out!("bound_opening")).then(|| word + 1);
        self.0.fetch_update(Relaxed, Relaxed, open).is_ok()
    }
}

fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_more_open_than_should_and_no_more_shut_than_surplus() {
        let capacity = Capacity::of(2);
        let opens = |capacity: &Capacity| std::iter::repeat_with(|| capacity.may_open()).take_while(|may| *may).count();
        let shuts = |capacity: &Capacity| std::iter::repeat_with(|| capacity.may_shut()).take_while(|may| *may).count();
        assert_eq!((opens(&capacity), shuts(&capacity)), (0, 0));
        capacity.set_target(5);
        assert_eq!((shuts(&capacity), opens(&capacity), capacity.read()), (0, 3, (5, 5)));
        capacity.open_one();
        capacity.set_target(1);
        assert_eq!((opens(&capacity), shuts(&capacity), capacity.read()), (0, 5, (1, 1)));
    }
}
