//! Memory: the coldest idle resources go when all together weigh too much.

use crate::core::Phase;
use crate::manager::Manager;
use crate::observe::{DestroyReason, PoolEvent};
use crate::pool::Inner;

impl<M: Manager> Inner<M> {
    /// Destroys free resources, the coldest first, while the pool is above its memory threshold.
    pub(super) fn relieve_memory(&self) -> Option<u64> {
        let threshold = self.config().memory_threshold()?;
        let used = self.memory.used();
        if used > threshold {
            let (evicted, _) = self.evict(threshold);
            if evicted > 0 {
                self.subscribers.tell(|| PoolEvent::MemoryPressure { used, threshold, evicted });
            }
        }
        None
    }

    /// Destroys free resources, the coldest first, until the others weigh `target` or less. Returns how many, and their
    /// weight.
    pub(crate) fn evict(&self, target: u64) -> (u64, u64) {
        self.evict_weight(self.memory.used().saturating_sub(self.ending_weight()).saturating_sub(target))
    }

    /// Destroys all that is free.
    pub(crate) fn evict_all(&self) -> (u64, u64) {
        self.evict_weight(u64::MAX)
    }

    /// Destroys free resources until those destroyed weigh `enough`.
    fn evict_weight(&self, enough: u64) -> (u64, u64) {
        let (mut evicted, mut freed) = (0, 0);
        for (index, _) in self.coldest_first(Phase::is_free) {
            if self.is_closed() || freed >= enough {
                break;
            }
            if let Some(right) = self.claim_idle(index) {
                evicted += 1;
                freed += self.life(&right).weight();
                self.send_to_end(right, DestroyReason::MemoryPressure);
            }
        }
        if evicted > 0 {
            self.memory.ran(evicted);
        }
        (evicted, freed)
    }

    /// What the resources weigh that are being destroyed.
    fn ending_weight(&self) -> u64 {
        let ending = self.shelf.slots().zip(&self.lives);
        ending.filter(|((_, slot), _)| slot.look().phase() == Phase::Retiring).map(|(_, life)| life.weight()).sum()
    }

    /// Whether one more would leave the pool below its threshold: else a refill would undo an eviction. It is taken to weigh
    /// as much as the newest did at its creation, or as the average does now.
    pub(super) fn memory_allows_refill(&self) -> bool {
        let Some(threshold) = self.config().memory_threshold() else { return true };
        let (used, alive) = (self.memory.used(), u64::from(self.shelf.occupied().max(1)));
        used.saturating_add(self.memory.at_birth().max(used / alive)) <= threshold
    }
}
