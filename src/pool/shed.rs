//! Shedding: its settings, and what those who are refused by them are told.

use super::{Builder, Inner};
use crate::config::CoDel;
use crate::core::Phase;
use crate::error::{CheckoutError, Shed, ShedReason};
use crate::keeper::nanos;
use crate::manager::Manager;
use std::time::Duration;

impl<M: Manager> Builder<M> {
    /// Refuses those who have waited for `target` while the pool is overloaded, with
    /// [`CheckoutError::Shed`]: while for a whole `interval` somebody has always waited for more than `target`. So under
    /// overload whoever is served has not waited for long, and has the time left that the work takes. Default: not.
    ///
    /// The first in the queue is never refused: the next resource that comes back is its. The overload is over once nobody was
    /// refused for an `interval`. Resources that are being made count as little as those in use: have as many as a peak needs
    /// made before ([`min_idle`](Self::min_idle)).
    ///
    /// `target` is 1 us to 60 s, `interval` at least as long, 1 ms to 1 h.
    pub fn codel(mut self, codel: CoDel) -> Self {
        self.config.codel = Some(codel);
        self
    }

    /// Refuses at once, with [`CheckoutError::Shed`], whoever would have to wait for longer than it is ready to: its place in
    /// the queue times the average time in which one was served lately. Default: false.
    ///
    /// Where nobody waits nobody is refused, nor while the pool has room for another resource. Of an estimate that is too
    /// high half is forgotten with each second in which nobody waits, and an eighth of what it is too high with each waiter
    /// that is served. Whoever does not want to wait at all gets its timeout, as ever.
    pub fn refuse_unservable(mut self, refuse: bool) -> Self {
        self.config.refuse_unservable = refuse;
        self
    }
}

impl<M: Manager> Inner<M> {
    /// How long who waits from now on, until `deadline`, may have to wait without being refused. None: for ever.
    pub(super) fn worth_waiting(&self, deadline: u64) -> Option<u64> {
        if !self.config().refuse_unservable || self.shelf.has_room() {
            return None;
        }
        Some(deadline.saturating_sub(self.now())).filter(|allowed| *allowed > 0)
    }

    /// The time until when who came at `began` waits, overloaded or not.
    pub(super) fn waits_anyway_until(&self, began: u64) -> u64 {
        self.config().codel.map_or(u64::MAX, |codel| began.saturating_add(nanos(codel.target)))
    }

    pub(super) fn shed_for_delay(&self, began: u64, above_for: u64) -> CheckoutError {
        if !self.creates_inline() {
            self.gave_up_on_creation();
        }
        let waited = Duration::from_nanos(self.now().saturating_sub(began));
        let target = self.config().codel.unwrap_or_default().target;
        let reason = ShedReason::QueueDelay { waited, target, above_for: Duration::from_nanos(above_for) };
        self.shed(reason, self.shelf.waiting())
    }

    pub(super) fn unservable(&self, before: u32, each: u64, waiting: u32, allowed: Option<u64>) -> CheckoutError {
        let position = before as usize + 1;
        let expected = Duration::from_nanos(each.saturating_mul(position as u64));
        let allowed = Duration::from_nanos(allowed.unwrap_or(u64::MAX));
        self.shed(ShedReason::Unservable { expected, allowed, position }, waiting)
    }

    fn shed(&self, reason: ShedReason, waiting: u32) -> CheckoutError {
        let in_use = self.in_phase(Phase::Busy);
        let (pool, capacity) = (self.name.clone(), self.capacity());
        CheckoutError::Shed(Box::new(Shed { pool, reason, waiting: waiting as usize, in_use, capacity }))
    }
}
