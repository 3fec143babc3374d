//! The lives of resources, from the side of those who hold their rights.

use super::Inner;
use super::life::{Birth, Life};
use crate::config::MAX_SLOTS;
use crate::core::Right;
use crate::core::sync::around::fence;
use crate::error::Panicked;
use crate::manager::{Manager, Severity};
use crate::observe::DestroyReason;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Returns over which the least weight is taken, and windows in a row in which it has to rise.
const WINDOW: u64 = 16;
const RISES: u64 = 4;

/// What weighs more counts as this: four places for each of the most slots a pool may have, and their sum fits 64 bits.
const HEAVIEST: u64 = 1 << 46;
const _: () = assert!(HEAVIEST.checked_mul(4 * MAX_SLOTS as u64 - 1).is_some());

impl<M: Manager> Inner<M> {
    pub(crate) fn life(&self, right: &Right<'_, M::Resource>) -> &Life {
        let index = self.shelf.index_of(right.slot()).expect("rights given back here were won here");
        &self.lives[index as usize]
    }

    pub(super) fn begin_life(&self, right: &Right<'_, M::Resource>, weight: u64) {
        let (now, checkouts) = (self.now(), right.record().checkouts());
        loop {
            let config = self.config();
            self.life(right).begin(&Birth { now, expires: self.expires(now), checkouts, weight });
            // Meets the one in `put_in_force`: what changes meanwhile is seen here, or sees this.
            fence(SeqCst);
            if Arc::ptr_eq(&config, &self.config()) {
                break;
            }
        }
        self.memory.born(weight);
    }

    pub(super) fn end_life(&self, right: &Right<'_, M::Resource>) {
        self.reweighed(self.life(right).weighed(0), 0);
    }

    /// Notes that a resource weighs `new` instead of `old`. Returns what all weighed before and weigh now.
    fn reweighed(&self, old: u64, new: u64) -> (u64, u64) {
        let (before, after) = self.memory.change(old, new);
        // Meets the one in `put_in_force`: a limit set beside this is the one it is held to, or the sum is seen there.
        fence(SeqCst);
        if after < before && self.each_use.memory_budget().is_some_and(|budget| before >= budget && after < budget) {
            // There may be room now, and waiters that were told there is none: of them and the sum above one is seen.
            self.shelf.opened(None, self.shelf.attention(), move || self.now());
            if !self.creates_inline() {
                self.request_creation(self.unserved());
            }
            self.alarm.ring();
        }
        (before, after)
    }

    /// Measures a returned resource against the limits on uses and weight, if it is to be kept at all.
    pub(super) fn measure(&self, right: &mut Right<'_, M::Resource>) -> Option<DestroyReason> {
        let settings = &self.each_use;
        if settings.share_kept().is_some_and(|share| self.is_unpooled(share, right)) {
            return Some(DestroyReason::Unpooled);
        }
        let uses = self.life(right).uses(right.record().checkouts());
        if settings.max_uses().is_some_and(|most| uses >= most) {
            return Some(DestroyReason::Worn);
        }
        if !settings.weighs() {
            return None;
        }
        let resource = &*right.resource_mut();
        let Ok(weight) = self.weigh(resource) else {
            return Some(DestroyReason::CallbackPanicked);
        };
        let life = self.life(right);
        let (before, after) = self.reweighed(life.weighed(weight), weight);
        // Only once: until it is below again, the keeper looks by itself.
        if settings.memory_threshold().is_some_and(|threshold| before <= threshold && after > threshold) {
            self.alarm.ring();
        }
        let growth = settings.max_growth()?;
        let floor = life.floor(weight, uses, WINDOW)?;
        let leaks = floor.rises >= RISES && floor.weight as f64 > floor.baseline as f64 * growth;
        leaks.then_some(DestroyReason::Grown)
    }

    /// Weighs a resource that its check may have changed: its next return may be far off.
    pub(super) fn weigh_anew(&self, right: &mut Right<'_, M::Resource>) {
        if !self.each_use.weighs() {
            return;
        }
        let Ok(new) = self.weigh(right.resource_mut()) else { return };
        let old = self.life(right).weighed(new);
        let (before, after) = self.reweighed(old, new);
        let is_much =
            self.each_use.memory_threshold().is_some_and(|threshold| before <= threshold && after > threshold);
        // What did not fit may fit now.
        if new < old || is_much {
            self.alarm.ring();
        }
    }

    /// What the manager says that `resource` weighs, as far as it can be believed.
    pub(super) fn weigh(&self, resource: &M::Resource) -> Result<u64, Panicked> {
        self.call("weight", |manager| manager.weight(resource)).map(|weight| weight.min(HEAVIEST))
    }

    pub(crate) fn classify(&self, error: &M::Error) -> Severity {
        self.call("classify", |manager| manager.classify(error)).unwrap_or_default()
    }
}
