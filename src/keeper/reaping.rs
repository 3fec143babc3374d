//! Reaping as r2d2 does it, for programs that count on that: every so often all that has idled for too long or is too old ends at once,
//! whatever `min_idle` says, and is made anew.

use super::nanos;
use crate::manager::Manager;
use crate::observe::DestroyReason;
use crate::pool::Inner;
use std::time::Duration;

/// What is ended, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reaper {
    pub(crate) rate: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) lifetime: Option<Duration>,
}

impl<M: Manager> Inner<M> {
    /// Ends what is free and has idled for too long, or is too old. Returns when that is due again.
    pub(super) fn reap(&self, now: u64) -> Option<u64> {
        let Reaper { rate, idle, lifetime } = self.config().reaper?;
        let rate = nanos(rate);
        let due = *self.keeper.lock().reap_at.get_or_insert(now.saturating_add(rate));
        if due > now {
            return Some(due);
        }
        let is_over = |span: Option<Duration>, since: u64| span.is_some_and(|s| now.saturating_sub(since) >= nanos(s));
        for (index, since) in self.coldest_first(|phase| phase.is_free()) {
            let reason = if is_over(lifetime, self.lives[index].born()) {
                DestroyReason::Expired
            } else if is_over(idle, since) {
                DestroyReason::Idle
            } else {
                continue;
            };
            if let Some(right) = self.claim_idle(index) {
                self.send_to_end(right, reason);
            }
        }
        let next = now.saturating_add(rate);
        self.keeper.lock().reap_at = Some(next);
        Some(next)
    }
}
