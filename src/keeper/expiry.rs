//! Age: what is too old, or has idled for too long.

use crate::core::{Phase, Right, attention};
use crate::manager::Manager;
use crate::observe::{DestroyReason, ResourceId};
use crate::pool::{Inner, Life, NEVER};

use super::{TICK, nanos, since_ticks};
use std::sync::atomic::Ordering::Relaxed;

impl<M: Manager> Inner<M> {
    /// Asks for successors of what has reached its `max_lifetime`. Returns when the next one does.
    pub(super) fn expire(&self, now: u64) -> Option<u64> {
        self.config().max_lifetime?;
        let mut next = NEVER;
        for ((index, slot), life) in self.shelf.slots().zip(&self.lives) {
            let word = slot.look();
            if !word.phase().is_live() || word.phase() == Phase::Retiring {
                continue;
            }
            if life.expires() <= now {
                self.ask_for_successor(ResourceId::new(index, word), DestroyReason::Expired);
            } else {
                next = next.min(life.expires());
            }
        }
        (next != NEVER).then_some(next)
    }

    /// Ends what has idled for `idle_timeout`, the coldest first, while more than `min_idle` are free.
    pub(super) fn end_idle(&self, now: u64) -> Option<u64> {
        let timeout = nanos(self.config().idle_timeout?);
        while self.available() > self.min_idle() && !self.is_closed() {
            let due = self.coldest(&[Phase::Ready, Phase::Stale])?.1.saturating_add(timeout);
            if due > now {
                return Some(due);
            }
            let (right, _) = self.claim_coldest(&[Phase::Ready, Phase::Stale])?;
            self.send_to_end(right, DestroyReason::Idle);
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

    /// The slot in one of `phases` that has idled for longest, and since when.
    fn coldest(&self, phases: &[Phase]) -> Option<(u32, u64)> {
        let slots = self.shelf.slots().zip(&self.lives);
        let idle =
            slots.filter(|((_, slot), life)| phases.contains(&slot.look().phase()) && Life::idle_since(life) != NEVER);
        idle.map(|((index, _), life)| (index, life.idle_since())).min_by_key(|&(_, since)| since)
    }

    /// Claims the coldest slot in one of `phases`, to be ended.
    pub(super) fn claim_coldest(&self, phases: &[Phase]) -> Option<(Right<'_, M::Resource>, u64)> {
        loop {
            let (index, since) = self.coldest(phases)?;
            let (_, slot) = self.shelf.slots().nth(index as usize)?;
            let seen = slot.look();
            // As above.
            if phases.contains(&seen.phase())
                && let Some(right) = slot.claim(seen, Phase::Retiring)
            {
                return Some((right, since));
            }
            // Until the next look the life still says that it idles.
            self.lives[index as usize].not_idle();
        }
    }

    /// Destroys what is beyond `max_size` and has idled for `overflow_ttl`, the longest idle first.
    pub(super) fn end_idle_overflow(&self, now: u64) -> Option<u64> {
        let config = self.config();
        let ttl = nanos(config.overflow_ttl());
        while self.shelf.attention() & attention::OVERFLOWING != 0 && !self.is_closed() {
            if self.staying() <= self.places_in_service() {
                if self.shelf.occupied() as usize <= self.places_in_service() {
                    self.shelf.set_attention(attention::OVERFLOWING, false);
                    // A creation may have raised it a moment before.
                    self.watch_surplus();
                }
                return None;
            }
            // Returns note their time since the first surplus resource was made; nothing has idled for longer than that.
            let most = now.saturating_sub(self.overflowing_since.load(Relaxed));
            let free = |phase| matches!(phase, Phase::Ready | Phase::Stale | Phase::Degraded);
            let idle = self.shelf.slots().filter(|(_, slot)| free(slot.look().phase()));
            // A noted time is rounded down to its tick: a tick less, so as never to be early.
            let idle_for = |stamp: u32| since_ticks(stamp, now).saturating_sub(TICK).min(most);
            let (slot, idle_for) = idle
                .map(|(_, slot)| (slot, idle_for(slot.record().stamp().time())))
                .max_by_key(|(_, idle_for)| *idle_for)?;
            if idle_for < ttl {
                return Some(now + (ttl - idle_for));
            }
            let seen = slot.look();
            // Claimed like by a borrower: if somebody was faster, it is not idle.
            if free(seen.phase())
                && let Some(right) = slot.claim(seen, Phase::Retiring)
            {
                // Never here: `destroy` is the user's, and may hang.
                self.send_to_end(right, DestroyReason::Overflow);
            }
        }
        None
    }
}
