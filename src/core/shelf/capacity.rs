//! Capacity: how many slots are in use at all. The others are SHUT.
//!
//! ```text
//! Resizer:  S1 lower the target   S2 fence   S3 shut every VACANT slot while more are open than the target
//! Returner: R1 open > target? SHUT, else store VACANT   R2 fence   R3 as S3
//! ```
//! A slot that becomes VACANT beside a shrinking pool must not stay open. If R1 misses S1, either S3 sees R1's VACANT, or
//! R3 sees S1: the same pair of fences as between a return and a wait.

use super::*;

impl<R> Shelf<R> {
    /// Slots that are not SHUT: at least the target, and more while there are resources that have yet to end.
    pub(crate) fn open_slots(&self) -> u32 {
        self.capacity.open.load(Relaxed)
    }

    /// How many slots are to be open once everything surplus has ended.
    pub(crate) fn target(&self) -> u32 {
        self.capacity.target.load(Relaxed)
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
        self.capacity.open.fetch_add(1, Relaxed);
        Some(right)
    }

    /// Frees a slot's place and lets a waiter know that there is capacity. Returns the attention seen.
    pub(crate) fn vacate(&self, right: Right<'_, R>, now: impl Now) -> u32 {
        self.occupied.fetch_sub(1, Relaxed);
        let shut = self.may_shut();
        right.vacate(if shut { Phase::Shut } else { Phase::Vacant });
        // Meets the fence in `announce`: our caller counts waiters too, to create for them. Meets the one in `set_target`.
        step!("vacate_fence", full_fence(SeqCst));
        step!("shut_again", self.shut_surplus(now));
        if !shut {
            self.wake_for_vacancy(now);
        }
        self.attention()
    }

    /// Sets how many slots are to be open. Vacant ones beyond are shut at once, the others when they are vacated; missing
    /// ones are opened as far as there are places.
    pub(crate) fn set_target(&self, target: u32, now: impl Now) {
        self.capacity.target.store(target, Relaxed);
        // Meets the fence in `vacate`.
        step!("target_fence", full_fence(SeqCst));
        self.shut_surplus(now);
        while self.open_slots() < target {
            let Some(right) = self.reserve_extra() else { return };
            self.vacate(right, now);
        }
    }

    /// One slot less, if more are open than the target.
    fn may_shut(&self) -> bool {
        let target = self.target();
        let shut = |open: u32| (open > target).then(|| open - 1);
        self.capacity.open.fetch_update(Relaxed, Relaxed, shut).is_ok()
    }

    fn shut_surplus(&self, now: impl Now) {
        while self.open_slots() > self.target()
            && let Some(right) = scan(&self.slots, 0, Phase::Vacant, Phase::Creating)
        {
            if self.may_shut() {
                right.vacate(Phase::Shut);
            } else {
                right.vacate(Phase::Vacant);
                // Somebody may have looked for room while we had it.
                step!("put_back_fence", full_fence(SeqCst));
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

/// How many slots are open, and how many should be.
pub(super) struct Capacity {
    pub(super) open: AtomicU32,
    pub(super) target: AtomicU32,
}
