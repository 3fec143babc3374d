//! What the queue tells of itself to what watches for overload, and what it is told.

use super::Now;
use super::list::{List, rank};
use crate::resilience::shedding::Overload;

impl List {
    /// Watches for overload in another way, from `now` on.
    pub(crate) fn set_overload(&mut self, mut overload: Overload, now: u64) {
        overload.stands(now);
        self.overload = overload;
    }

    /// Tells what watches for overload that somebody has joined. Returns when that one may be shed at the earliest.
    pub(super) fn note_joined(&mut self, now: u64) -> u64 {
        if self.len == 1 {
            self.overload.stands(now);
        }
        self.overload.sheds_from(now)
    }

    /// Tells what watches for overload that somebody has left.
    pub(super) fn note_left(&mut self, served: bool, now: impl Now) {
        if self.overload.is_watched() {
            // SAFETY: as in `List::first`.
            let heads = self.heads.iter().filter_map(|head| unsafe { head.as_ref() });
            let oldest = heads.map(|head| self.since(head)).min();
            self.overload.left(served, oldest, now());
        }
    }

    /// Why one who joins `lane` now would not be served within `allowed`: how many are before it, and the time that each
    /// takes.
    pub(super) fn too_many_before(&self, lane: usize, since: u64, allowed: u64, now: impl Now) -> Option<(u32, u64)> {
        if self.len == 0 {
            return None;
        }
        let (servable, each) = self.overload.servable(allowed, now())?;
        let servable = u32::try_from(servable).unwrap_or(u32::MAX);
        if self.len < servable {
            return None;
        }
        let before = self.before(lane, since, servable);
        (before >= servable).then_some((before, each))
    }

    /// How many are served before one who joins `lane` now: all, or at least `enough` of them.
    pub(crate) fn before(&self, lane: usize, since: u64, enough: u32) -> u32 {
        let own = rank(lane, since);
        let mut before = self.lens[..=lane].iter().sum::<u32>();
        // Nearly always nobody: who comes now is the youngest.
        for (of, &tail) in self.tails[..=lane].iter().enumerate() {
            let mut at = tail;
            // SAFETY: as in `List::first`.
            while let Some(node) = unsafe { at.as_ref() }
                && rank(of, self.since(node)) > own
            {
                before -= 1;
                // SAFETY: as in `List::since`.
                at = node.place.with(|place| unsafe { (*place).prev });
            }
        }
        for (of, &head) in self.heads.iter().enumerate().skip(lane + 1) {
            let mut at = head;
            // SAFETY: as in `List::first`.
            while let Some(node) = unsafe { at.as_ref() }
                && before < enough
                && rank(of, self.since(node)) < own
            {
                before += 1;
                // SAFETY: as in `List::since`.
                at = node.place.with(|place| unsafe { (*place).next });
            }
        }
        before
    }
}
