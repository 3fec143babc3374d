//! The weight of all resources together.

use super::Inner;
use crate::manager::Manager;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sums that right-holders keep as resources come, change and go.
#[derive(Default)]
pub(crate) struct MemoryBook {
    used: AtomicU64,
    peak: AtomicU64,
    at_birth: AtomicU64,
    runs: AtomicU64,
    evicted: AtomicU64,
}

impl MemoryBook {
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// A resource now weighs `new` instead of `old`. Returns what all weighed before, and after.
    pub(crate) fn change(&self, old: u64, new: u64) -> (u64, u64) {
        // Wrapping: the sum of all changes is exact whatever their order, because each weight is added before it is
        // taken away.
        let before = self.used.fetch_add(new.wrapping_sub(old), Relaxed);
        let after = before.wrapping_add(new.wrapping_sub(old));
        if new > old {
            self.peak.fetch_max(after, Relaxed);
        }
        (before, after)
    }

    /// A resource of this weight was created.
    pub(crate) fn born(&self, weight: u64) {
        self.change(0, weight);
        self.at_birth.store(weight, Relaxed);
    }

    /// What the newest resource weighed at its creation.
    pub(crate) fn at_birth(&self) -> u64 {
        self.at_birth.load(Relaxed)
    }

    pub(crate) fn ran(&self, evicted: u64) {
        self.runs.fetch_add(1, Relaxed);
        self.evicted.fetch_add(evicted, Relaxed);
    }
}

/// What a pool's resources weigh, in the unit of [`Manager::weight`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// All living resources together.
    pub total: u64,
    /// Those checked out.
    pub in_use: u64,
    /// The most that all together ever weighed.
    pub peak: u64,
    /// The budget, if there is one.
    pub budget: Option<u64>,
    /// How often idle resources were destroyed for their weight, by the keeper or by [`Pool::gc`](crate::Pool::gc).
    pub gc_count: u64,
    /// Resources destroyed so.
    pub evicted: u64,
}

impl Memory {
    /// The share of the budget that is taken; None without a budget.
    pub fn pressure(&self) -> Option<f64> {
        self.budget.map(|budget| self.total as f64 / budget as f64)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Memory { total, in_use, peak, .. } = self;
        write!(f, "{total} in all, {in_use} in use, {peak} at most")?;
        self.budget.map_or(Ok(()), |budget| write!(f, ", of {budget}"))
    }
}

/// Why no resource is made: those alive weigh as much as `memory_budget` allows.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the pool's resources weigh {used} of {limit} allowed; wait for some to end, or raise memory_budget")]
#[non_exhaustive]
pub struct MemoryLimitExceeded {
    /// What they weigh.
    pub used: u64,
    /// What they may.
    pub limit: u64,
}

/// What a [`Pool::gc`](crate::Pool::gc) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gc {
    /// Resources sent to their end.
    pub evicted: u64,
    /// What they weighed.
    pub freed: u64,
}

impl<M: Manager> Inner<M> {
    pub(crate) fn gc(&self) -> Gc {
        // What came back since the keeper's last look idles too.
        self.look_around(self.now());
        let (evicted, freed) = match self.config().memory_threshold() {
            Some(threshold) => self.evict(threshold),
            None => self.evict_all(),
        };
        Gc { evicted, freed }
    }

    pub(crate) fn memory(&self) -> Memory {
        let busy = self.shelf.slots().zip(&self.lives);
        let busy = busy.filter(|((_, slot), _)| slot.look().phase() == crate::core::Phase::Busy);
        Memory {
            total: self.memory.used(),
            in_use: busy.map(|(_, life)| life.weight()).sum(),
            peak: self.memory.peak.load(Relaxed),
            budget: self.config().memory_budget,
            gc_count: self.memory.runs.load(Relaxed),
            evicted: self.memory.evicted.load(Relaxed),
        }
    }

    /// Why nothing may be made now, if so.
    pub(crate) fn over_budget(&self) -> Option<MemoryLimitExceeded> {
        let (used, limit) = (self.memory.used(), self.config().memory_budget?);
        (used >= limit).then_some(MemoryLimitExceeded { used, limit })
    }
}
