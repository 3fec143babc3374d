//! Replacing what is there: all of it, or what is older than some moment.

use super::{Inner, Pool};
use crate::config::within;
use crate::core::sync::around::fence;
use crate::core::{Phase, Right};
use crate::error::ConfigError;
use crate::keeper::{Deadline, Pace, Successor};
use crate::manager::Manager;
use crate::observe::{DestroyReason, PoolEvent, ResourceId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// A moment in the life of a pool, between two creations. See [`Pool::epoch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

/// A replacement under way. Dropping it does not stop it.
#[must_use = "`wait` tells when all is replaced"]
pub struct Rollout<M: Manager> {
    pool: Arc<Inner<M>>,
    epoch: Epoch,
}

impl<M: Manager> Rollout<M> {
    /// Resources that have yet to end.
    pub fn remaining(&self) -> usize {
        self.pool.older_than(self.epoch).count()
    }

    fn to_do(&self) -> usize {
        self.remaining() + self.pool.replacing()
    }

    /// Waits until all have ended and their successors are made, at most until `deadline`. True if they are.
    ///
    /// # Blocking
    /// Up to the deadline. Resources in use end at their return, so it can be in vain. With
    /// [`Keeper::Manual`](crate::Keeper::Manual) it does what can be done by ticks, and waits for nobody.
    pub fn wait(&self, deadline: impl Into<Deadline>) -> bool {
        let deadline = deadline.into().on(&self.pool.clock);
        loop {
            if self.to_do() == 0 {
                return true;
            }
            if self.pool.now() >= deadline || self.pool.is_closed() {
                return false;
            }
            if self.pool.is_manual() {
                let before = self.to_do();
                // A replacement takes three: to be made, to end its predecessor, to be counted off.
                (0..3).for_each(|_| self.pool.tick_by_hand());
                if self.to_do() == before {
                    return false;
                }
            } else {
                self.pool.wait_for_an_end();
            }
        }
    }
}

impl<M: Manager> fmt::Debug for Rollout<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

impl<M: Manager> Pool<M> {
    /// Replaces every resource there is now, under load: `surge` successors at a time are made before their predecessors
    /// end, and up to `max_unavailable` resources at a time end before their successors are made. One in use ends at its
    /// return.
    ///
    /// The pace holds for automatic replacements too, until the next call.
    ///
    /// ```
    /// # use slackwater::Pool;
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(|| Ok::<_, String>(0)).max_size(4).build()?;
    /// let rollout = pool.replace_all(1, 0)?;
    /// assert!(rollout.wait(Duration::from_secs(30)));
    /// assert_eq!(pool.stats().created, 8);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If both are 0, or `surge` is more than the [`surge`](crate::Builder::surge) the pool was built with.
    pub fn replace_all(&self, surge: usize, max_unavailable: usize) -> Result<Rollout<M>, ConfigError> {
        within("surge", surge, 0..=self.inner.config().surge)?;
        within("max_unavailable", max_unavailable, usize::from(surge == 0)..=crate::MAX_SLOTS)?;
        self.inner.keeper.lock().pace = Some(Pace { surge, max_unavailable });
        Ok(self.retire_older_than(self.epoch()))
    }

    /// This moment: resources whose creation began before are older, all others are not.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.inner.births.fetch_add(1, Relaxed))
    }

    /// Replaces what is older than `epoch`, as [`replace_all`](Self::replace_all) does, at the pool's pace.
    pub fn retire_older_than(&self, epoch: Epoch) -> Rollout<M> {
        self.inner.outdated.fetch_max(epoch.0, Relaxed);
        // Meets the fence in `replace_if_outdated`.
        fence(SeqCst);
        self.inner.ask_for_successors(self.inner.older_than(epoch), DestroyReason::Replaced);
        self.inner.alarm.ring();
        Rollout { pool: Arc::clone(&self.inner), epoch }
    }
}

impl<M: Manager> Inner<M> {
    fn older_than(&self, epoch: Epoch) -> impl Iterator<Item = ResourceId> {
        let slots = self.shelf.slots().zip(&self.lives);
        slots.filter_map(move |((index, slot), life)| {
            let word = slot.look();
            let lives = word.phase().is_live() || word.phase() == Phase::Creating;
            (lives && life.birth() < epoch.0).then(|| ResourceId::new(index, word))
        })
    }

    /// Has a resource replaced that began to be made before an epoch by which all are to be newer. Either the slot is seen to
    /// be CREATING by who sets the epoch, with this birth, or the epoch is seen here.
    pub(super) fn replace_if_outdated(&self, right: &Right<'_, M::Resource>, birth: u64) {
        fence(SeqCst);
        if birth < self.outdated.load(Relaxed) {
            let index = self.shelf.index_of(right.slot()).unwrap_or(u32::MAX);
            self.ask_for_successors([ResourceId::new(index, right.word())], DestroyReason::Replaced);
            self.alarm.ring();
        }
    }
}

impl<M: Manager> Inner<M> {
    /// Makes a successor for `old`, in a place of its own or in the one that `old` left, and tells the keeper how that
    /// went.
    pub(super) fn make_successor(&self, old: ResourceId, old_is_gone: bool) {
        self.successor_begun(old);
        let served = old_is_gone && self.is_taken(0);
        let leave = if served || self.is_closed() { None } else { self.may_create().ok() };
        let vacancy = leave.and_then(|leave| {
            let place = if old_is_gone { self.reserve_in_place_of_another() } else { self.shelf.reserve_extra() };
            self.occupy(place, leave)
        });
        let mut failed = None;
        let made = match vacancy.map(|vacancy| self.make_in_time(vacancy)) {
            Some(Ok((right, _))) => {
                let index = self.shelf.index_of(right.slot()).unwrap_or(u32::MAX);
                let new = ResourceId::new(index, right.word());
                self.subscribers.tell(|| PoolEvent::Replaced { old, new });
                self.open_anew(right);
                self.choose_where_to_create();
                Successor::Is(new)
            }
            Some(Err(failure)) => {
                failed = Some(failure);
                Successor::Missing
            }
            None if served || (old_is_gone && self.is_taken(0)) => Successor::OfAnother,
            None => Successor::Missing,
        };
        self.successor_made(old, made);
        if let Some(failure) = failed {
            self.creation_failed(&failure);
            self.tell_of_failure(failure.error);
        }
        self.tell_of_circuit();
    }

    /// Whether somebody else has made a resource in the place that one has left, not counting `own` that are reserved for it.
    fn is_taken(&self, own: usize) -> bool {
        let present = self.shelf.slots().filter(|(_, slot)| !slot.look().phase().is_empty()).count();
        // What hangs may never be one.
        present.saturating_sub(own + self.crew.hung_makers()) >= self.regular_places() + self.outlived()
    }

    /// Reserves the place that a resource has left. It was shut if another had to give one back meanwhile.
    fn reserve_in_place_of_another(&self) -> Option<Right<'_, M::Resource>> {
        if let Some(right) = self.shelf.reserve() {
            return Some(right);
        }
        let right = self.shelf.reserve_extra()?;
        // Another may have been reserved since the look before.
        if self.is_taken(1) {
            self.vacate(right);
            return None;
        }
        Some(right)
    }
}
