//! Long holds: guards that may never come back.

use super::nanos;
use crate::config::OnLeak;
use crate::core::attention;
use crate::manager::Manager;
use crate::observe::{DestroyReason, Holder, PoolEvent};
use crate::pool::Inner;

/// A hold that was reported.
pub(crate) struct Held {
    holder: Holder,
    /// Checkouts of the slot at that time: another checkout is another hold.
    checkouts: u64,
    /// Whether another resource may take its place.
    replaced: bool,
}

impl<M: Manager> Inner<M> {
    /// Reports holds of more than `max_hold`, and their ends.
    pub(super) fn watch_holds(&self, now: u64) -> Option<u64> {
        let most = nanos(self.config().max_hold?);
        let ended = self.ended_holds();
        for held in &ended {
            self.subscribers.tell(|| PoolEvent::LeakReturned(held.holder.clone()));
            self.log(
                log::Level::Info,
                format_args!("came back after a long hold: resource {}, {}", held.holder.id, held.holder),
            );
        }
        let mut next: Option<u64> = None;
        for (index, slot) in self.shelf.slots() {
            let Some(holder) = Holder::of(index, slot, now) else { continue };
            let held_for = nanos(holder.held_for);
            if held_for < most {
                let due = now + (most - held_for);
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            let checkouts = slot.record().checkouts();
            let new =
                !self.keeper.lock().held.iter().any(|held| held.holder.id == holder.id && held.checkouts == checkouts);
            if new {
                self.report_hold(holder.named(), checkouts);
            }
        }
        if !ended.is_empty() {
            self.make_room_for_held();
        }
        next
    }

    fn ended_holds(&self) -> Vec<Held> {
        let ended = |held: &mut Held| {
            let slot = self.shelf.slots().nth(held.holder.id.slot());
            let same = slot.is_some_and(|(_, slot)| slot.record().checkouts() == held.checkouts);
            let busy = self.word_of(held.holder.id).is_some_and(|word| word.phase() == crate::core::Phase::Busy);
            !(same && busy)
        };
        self.keeper.lock().held.extract_if(.., ended).collect()
    }

    fn report_hold(&self, holder: Holder, checkouts: u64) {
        self.counts.long_holds.add_one();
        self.subscribers.tell(|| PoolEvent::LeakSuspected(holder.clone()));
        self.log(log::Level::Warn, format_args!("held for too long: {holder}"));
        let (id, may_replace) = (holder.id, self.config().on_leak);
        let replaced = {
            let mut state = self.keeper.lock();
            let replaced = matches!(may_replace, OnLeak::Replace { at_most } if state.held_replaced() < at_most);
            state.held.push(Held { holder, checkouts, replaced });
            if replaced {
                state.wishes = true;
                self.shelf.set_attention(attention::WISHES, true);
            }
            replaced
        };
        if replaced {
            // Should it have come back this moment, it is free, and no long hold any more.
            if let Some(word) = self.word_of(id).filter(|word| word.phase() == crate::core::Phase::Busy) {
                self.lives[id.slot()].wish(word, DestroyReason::HeldTooLong);
            }
            self.make_room_for_held();
        }
    }

    /// Opens as many places more as there are holds whose resources are replaced.
    fn make_room_for_held(&self) {
        let (held, surging) = {
            let state = self.keeper.lock();
            (state.held_replaced(), state.surging)
        };
        self.set_extra(surging + held);
        self.set_places_for_held(held);
        self.request_creation(self.demand());
    }
}

impl<M: Manager> super::KeeperState<M> {
    pub(super) fn held_replaced(&self) -> usize {
        self.held.iter().filter(|held| held.replaced).count()
    }
}
