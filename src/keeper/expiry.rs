//! Age: what is too old, or has idled for too long.

use crate::core::{Phase, Right, attention};
use crate::manager::Manager;
use crate::observe::{DestroyReason, ResourceId};
use crate::pool::{Inner, NEVER};

use super::{TICK, nanos, since_ticks};
use std::sync::atomic::Ordering::Relaxed;

impl<M: Manager> Inner<M> {
    /// Asks for successors of what has reached its `max_lifetime`. Returns when the next one does.
    pub(super) fn expire(&self, now: u64) -> Option<u64> {
        self.config().max_lifetime?;
        let (mut next, mut expired) = (NEVER, Vec::new());
        for ((index, slot), life) in self.shelf.slots().zip(&self.lives) {
            let word = slot.look();
            if !word.phase().is_live() || word.phase() == Phase::Retiring {
                continue;
            }
            if life.expires() <= now {
                expired.push(ResourceId::new(index, word));
            } else {
                next = next.min(life.expires());
            }
        }
        if !expired.is_empty() {
            self.ask_for_successors(expired, DestroyReason::Expired);
        }
        (next != NEVER).then_some(next)
    }

    /// Ends what has idled for `idle_timeout`, the coldest first, while more than `min_idle` are free.
    pub(super) fn end_idle(&self, now: u64) -> Option<u64> {
        let timeout = nanos(self.config().idle_timeout?);
        let mut spare = self.available().saturating_sub(self.min_idle());
        for (index, since) in self.coldest_first(|phase| matches!(phase, Phase::Ready | Phase::Stale)) {
            let due = since.saturating_add(timeout);
            if spare == 0 || self.is_closed() {
                return None;
            }
            if due > now {
                return Some(due);
            }
            if let Some(right) = self.claim_idle(index) {
                spare -= 1;
                self.send_to_end(right, DestroyReason::Idle);
            }
        }
        None
    }

    /// Sets aside what has neither been used nor checked for `check_if_idle_for`: it is checked before it is lent again.
    pub(super) fn set_stale_aside(&self, now: u64) -> Option<u64> {
        let idle = nanos(self.config().check_if_idle_for.filter(|_| M::CHECKS)?);
        let mut next = NEVER;
        for ((_, slot), life) in self.shelf.slots().zip(&self.lives) {
            let seen = slot.look();
            if seen.phase() != Phase::Ready || life.idle_since() == NEVER {
                continue;
            }
            let due = life.idle_since().max(life.last_check()).saturating_add(idle);
            if due > now {
                next = next.min(due);
            } else if let Some(right) = slot.claim(seen, Phase::Checking) {
                // Claimed like by a borrower: if somebody was faster, it is not idle.
                self.open_stale(right);
            }
        }
        (next != NEVER).then_some(next)
    }

    /// Resources free for checkout.
    pub(super) fn available(&self) -> usize {
        let free = |phase| matches!(phase, Phase::Ready | Phase::Stale);
        self.shelf.slots().filter(|(_, slot)| free(slot.look().phase())).count()
    }

    /// The slots in phases that are `wanted`, and since when they have idled: those that have for longest first.
    pub(super) fn coldest_first(&self, wanted: impl Fn(Phase) -> bool) -> Vec<(usize, u64)> {
        let slots = self.shelf.slots().zip(&self.lives);
        let idle = slots.filter(|((_, slot), life)| wanted(slot.look().phase()) && life.idle_since() != NEVER);
        let mut idle: Vec<_> = idle.map(|((index, _), life)| (index as usize, life.idle_since())).collect();
        idle.sort_by_key(|&(_, since)| since);
        idle
    }

    /// Claims a slot that idled a moment ago, to be ended. Like a borrower: if somebody was faster, it is not idle.
    pub(super) fn claim_idle(&self, index: usize) -> Option<Right<'_, M::Resource>> {
        let slot = self.shelf.slot(index)?;
        let seen = slot.look();
        if seen.phase().is_free() { slot.claim(seen, Phase::Retiring) } else { None }
    }

    /// Destroys what is beyond `max_size` and has idled for `overflow_ttl`, the longest idle first.
    pub(super) fn end_idle_overflow(&self, now: u64) -> Option<u64> {
        let config = self.config();
        let ttl = nanos(config.overflow_ttl());
        while self.shelf.attention() & attention::OVERFLOWING != 0 && !self.is_closed() {
            if self.staying() <= self.places_in_service() {
                if self.shelf.occupied() as usize <= self.places_in_service() {
                    self.shelf.set_attention(attention::OVERFLOWING, false);
                    self.overflow_closed();
                    // A creation may have raised it a moment before.
                    self.watch_surplus();
                }
                return None;
            }
            if self.waiting() > 0 {
                // What is free is on its way to somebody, though that may take as long as a thread takes to wake.
                return Some(now + ttl.max(TICK));
            }
            // Returns note their time since the first surplus resource was made; nothing has idled for longer than that.
            let most = now.saturating_sub(self.overflowing_since.load(Relaxed));
            let idle = self.shelf.slots().filter(|(_, slot)| slot.look().phase().is_free());
            // A noted time is rounded down to its tick: a tick less, so as never to be early.
            let idle_for = |stamp: u32| since_ticks(stamp, now).saturating_sub(TICK).min(most);
            let (index, idle_for) = idle
                .map(|(index, slot)| (index, idle_for(slot.record().stamp().time())))
                .max_by_key(|(_, idle_for)| *idle_for)?;
            if idle_for < ttl {
                return Some(now + (ttl - idle_for));
            }
            if let Some(right) = self.claim_idle(index as usize) {
                // Never here: `destroy` is the user's, and may hang.
                self.send_to_end(right, DestroyReason::Overflow);
            }
        }
        None
    }
}
