//! How large the pool is now: the settings that can change while it lives.

use super::Inner;
use crate::config::{OnLeak, PoolConfig};
use crate::core::sync::around::{Mutex, fence};
use crate::core::{Phase, Right, attention};
use crate::error::ConfigError;
use crate::manager::Manager;
use crate::observe::PoolEvent;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

/// The present sizes. Written under `changing`, read anywhere.
pub(crate) struct Sizes {
    max_size: AtomicUsize,
    min_idle: AtomicUsize,
    /// As in the settings in force, where it is set a moment before `max_size` is: returns must not add up one of before and one of
    /// after. Written with that under `shrinking` too.
    max_overflow: AtomicUsize,
    /// Resources in service beyond `max_size` for a reason: successors whose predecessors have yet to end, and those in
    /// place of what is held for too long.
    extra: AtomicUsize,
    /// Places open beside the pool's capacity, for what is made in place of what is held for too long.
    held: AtomicUsize,
    changing: Mutex<()>,
}

/// `max_size` as it was and as it is, and what is too much by that.
pub(super) type Resized<'s, M> = Option<(usize, usize, Vec<Right<'s, <M as Manager>::Resource>>)>;

impl Sizes {
    pub(super) fn of(config: &PoolConfig) -> Self {
        Self {
            max_size: AtomicUsize::new(config.max_size),
            min_idle: AtomicUsize::new(config.min_idle()),
            max_overflow: AtomicUsize::new(config.max_overflow),
            extra: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            changing: Mutex::new(()),
        }
    }
}

impl<M: Manager> Inner<M> {
    pub(crate) fn max_size(&self) -> usize {
        self.sizes.max_size.load(Relaxed)
    }

    pub(crate) fn min_idle(&self) -> usize {
        self.sizes.min_idle.load(Relaxed)
    }

    pub(crate) fn max_overflow(&self) -> usize {
        self.sizes.max_overflow.load(Relaxed)
    }

    /// Resources that may be in service without being overflow.
    pub(crate) fn places_in_service(&self) -> usize {
        self.max_size() + self.sizes.extra.load(Relaxed)
    }

    /// Places for resources that are neither overflow nor there for a predecessor that has yet to end.
    pub(crate) fn regular_places(&self) -> usize {
        self.max_size() + self.sizes.held.load(Relaxed)
    }

    /// Most resources at once, overflow included.
    pub(crate) fn capacity(&self) -> usize {
        self.max_size() + self.max_overflow()
    }

    pub(crate) fn set_extra(&self, extra: usize) {
        self.sizes.extra.store(extra, Relaxed);
    }

    /// Whether `config` would be one with these sizes, and the pool has places for it.
    pub(super) fn may_resize(&self, config: &PoolConfig, min_idle: usize, max_size: usize) -> Result<(), ConfigError> {
        let config = PoolConfig { min_idle: Some(min_idle), max_size, scaling: None, ..config.clone() };
        let most = (self.shelf.len() as usize).saturating_sub(config.places_for_replacement() + config.max_overflow);
        crate::config::within("max_size", max_size, 0..=most)?;
        PoolConfig { ceiling: None, idle_timeout: None, on_leak: OnLeak::Report, ..config }.validate()
    }

    /// Sets `min_idle` and `max_size` as `scaling` has it, if `config` is still in force; whether it was. Surplus resources that are
    /// free end at once, by `end`, those in use at their return.
    pub(crate) fn scale_to(
        &self,
        config: &Arc<PoolConfig>,
        (min_idle, max_size): (usize, usize),
        end: impl Fn(Right<'_, M::Resource>),
    ) -> Result<bool, ConfigError> {
        self.may_resize(config, min_idle, max_size)?;
        let said = self.said.lock();
        if !Arc::ptr_eq(config, &self.config()) {
            return Ok(false);
        }
        let resized = self.set_sizes(min_idle, max_size);
        drop(said);
        self.end_resized(resized, end);
        Ok(true)
    }

    /// Sets the sizes there are to be, with the overflow of the settings in force. Under the lock of `said`; what it returns is for
    /// who has given that back. None in a closed pool.
    pub(super) fn set_sizes(&self, min_idle: usize, max_size: usize) -> Resized<'_, M> {
        let _one_at_a_time = self.sizes.changing.lock();
        if self.is_closed() {
            return None;
        }
        let max_overflow = self.config().max_overflow;
        let from = {
            // Returns see both or neither.
            let _one_at_a_time = self.shrinking.lock();
            self.sizes.max_overflow.store(max_overflow, Relaxed);
            self.sizes.max_size.swap(max_size, Relaxed)
        };
        self.sizes.min_idle.store(min_idle, Relaxed);
        self.set_target();
        // Returns end the surplus from here on, where the claims below have not done so.
        self.watch_surplus();
        Some((from, max_size, self.claim_surplus()))
    }

    /// Ends what is too much, by `end`, which is the user's, and tells.
    pub(super) fn end_resized<'s>(&'s self, resized: Resized<'s, M>, end: impl Fn(Right<'s, M::Resource>)) {
        let Some((from, to, surplus)) = resized else { return };
        surplus.into_iter().for_each(end);
        self.request_creation(self.unserved());
        self.alarm.ring();
        if from != to {
            self.subscribers.tell(|| PoolEvent::Resized { from, to });
        }
    }

    pub(crate) fn set_places_for_held(&self, held: usize) {
        let _one_at_a_time = self.sizes.changing.lock();
        self.sizes.held.store(held, Relaxed);
        self.set_target();
    }

    /// Waits until no slot is held to be shut or opened. In a closed pool none will be.
    pub(super) fn sizes_have_settled(&self) {
        drop(self.sizes.changing.lock());
    }

    /// Under `changing`.
    fn set_target(&self) {
        if self.is_closed() {
            return;
        }
        let target = self.capacity() + self.sizes.held.load(Relaxed);
        self.shelf.set_target(target as u32, move || self.now());
        // The shelf has held vacant slots for a moment. Meets the fence in its `close`: either we see that the pool is
        // closed, or who closed it sees them vacant again.
        fence(SeqCst);
        if self.is_closed() {
            self.tell_drained();
        }
    }

    /// Has returns look whether they are one too many.
    pub(crate) fn watch_surplus(&self) {
        let occupied = self.shelf.occupied() as usize;
        if occupied > self.places_in_service() {
            self.overflow_opened(occupied);
            // Until now returns noted no time: whatever they left idles from here on.
            if self.shelf.attention() & attention::OVERFLOWING == 0 {
                self.overflowing_since.store(self.now(), Relaxed);
            }
            self.shelf.set_attention(attention::OVERFLOWING, true);
        }
    }

    /// Claims free resources beyond what the pool may hold at all. Returns that come meanwhile wait, lest both end the same
    /// surplus.
    fn claim_surplus(&self) -> Vec<Right<'_, M::Resource>> {
        let _one_at_a_time = self.shrinking.lock();
        let surplus = self.beyond_capacity(0);
        let free = [Phase::Degraded, Phase::Stale, Phase::Ready].into_iter();
        free.flat_map(|phase| std::iter::from_fn(move || self.shelf.claim_any(phase, Phase::Retiring)))
            .take(surplus)
            .collect()
    }

    /// How many more resources there are than the pool may hold since it was made smaller, counting `new` that were just
    /// made and whose slots do not say so yet. Under `shrinking`.
    pub(super) fn beyond_capacity(&self, new: usize) -> usize {
        (self.staying() + new).saturating_sub(self.places_in_service() + self.max_overflow())
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use crate::{Keeper, Pool};
    use std::thread;
    use std::time::Duration;

    /// Bad run: of a change that makes more of the pool and less of its overflow, a return sees the second half alone.
    #[test]
    fn a_return_beside_a_change_goes_by_the_sizes_before_it_or_after_it() {
        let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).keeper(Keeper::Manual);
        let pool = pool.max_size(2).min_idle(0).max_overflow(6).build().unwrap();
        let held: Vec<_> = (0..8).map(|_| pool.checkout().unwrap()).collect();
        thread::scope(|scope| {
            // Where the change has to wait before its sizes are set.
            let changing = pool.inner.sizes.changing.lock();
            let change = scope.spawn(|| pool.reconfigure(|config| (config.max_size, config.max_overflow) = (8, 0)));
            while pool.inner.config().max_overflow != 0 {
                thread::yield_now();
            }
            drop(held);
            let ended = pool.stats().destroyed.total();
            drop(changing);
            assert_eq!(change.join().unwrap().unwrap().len(), 2);
            assert_eq!((ended, pool.stats().total), (0, 8));
        });
        // And what is too much by the change ends at once.
        let _changes = pool.reconfigure(|config| (config.max_size, config.max_overflow) = (3, 1)).unwrap();
        assert_eq!((pool.stats().total, pool.stats().max_overflow), (4, 1));
        assert_eq!(pool.close(Duration::ZERO).destroyed, 4);
    }
}
