//! Supply: what the keeper asks of the crew, and what it does when the crew does not answer.

use super::QUIET;
use super::crew::Upkeep;
use crate::manager::Manager;
use crate::observe::{HungJob, JobKind};
use crate::pool::{Inner, Job, Quarantined, Supply};
use std::sync::Arc;

/// A creation that may never come back, as the failure that it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Hangs(HungJob);

impl<M: Manager> Inner<M> {
    /// Sends what was still busy at its return to be checked again.
    pub(super) fn retry_still_busy(&self, now: u64) -> Option<u64> {
        for Quarantined { parcel, tries, .. } in self.take_quarantine(now) {
            // A job the crew refuses is dropped, and its resource destroyed: the pool is closing.
            let _ = self.submit(Job::Check { parcel, still_busy: Some(tries) });
        }
        self.keeper.lock().quarantine.iter().map(|entry| entry.due).min()
    }

    /// Asks the crew for what `min_idle` misses, and for what waiters need after a failed creation.
    pub(super) fn refill(&self, now: u64) -> Option<u64> {
        self.tell_of_circuit();
        let missing = self.missing();
        let in_trouble = self.is_in_trouble();
        if in_trouble {
            // Nobody should have to be told twice; a caller that joined at a bad moment is told now.
            self.tell_the_hopeless();
        }
        // Probes are the crew's, wherever else resources are made, and are due to those who were refused before.
        let waiting = if self.creates_inline() && !in_trouble { 0 } else { self.unserved() };
        let waiting = waiting.max(u32::from(in_trouble && self.creation_is_asked()));
        if waiting.max(missing) == 0
            || self.is_closed()
            || !self.is_warm()
            || (waiting == 0 && !self.memory_allows_refill())
        {
            return None;
        }
        if let Some(pause) = self.creation_held_until(now) {
            return Some(pause);
        }
        let supply = self.supply(now);
        match supply {
            Supply::After(time) => {
                if waiting > 0 {
                    self.request_creation(waiting);
                }
                return Some(time);
            }
            Supply::One => self.request_creation(waiting.max(1)),
            Supply::Any => self.request_supply(waiting, missing),
        };
        (supply == Supply::One).then_some(now.saturating_add(QUIET))
    }

    /// Finds background jobs that hang. One that should have created is replaced by another, in another slot.
    pub(crate) fn look_after_crew(&self, now: u64) -> Option<u64> {
        if self.is_manual() {
            return None;
        }
        let Upkeep { next, newly_hung, hung_tickets, refused } = self.crew.look_after(&self.me.upgrade()?, now);
        (0..hung_tickets).for_each(|_| self.gave_up_on_creation());
        for job in &newly_hung {
            if job.kind == JobKind::Create {
                self.cannot_create(Arc::new(Hangs(job.clone())));
                self.creation_hangs();
            }
            self.log(log::Level::Warn, format_args!("{job}; another thread may start in its place"));
        }
        if let Some(error) = refused {
            self.log(log::Level::Warn, format_args!("no thread for background work, it waits: {error}"));
        }
        if newly_hung.is_empty() {
            return next;
        }
        // Other duties may have waited for these, and they have had their turn in this tick.
        self.alarm.ring();
        // The creations that are to replace hung ones.
        next.into_iter().chain(self.refill(now)).min()
    }
}
