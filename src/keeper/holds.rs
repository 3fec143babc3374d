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
        let mut changed = !ended.is_empty();
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
                changed = true;
            }
        }
        if changed {
            self.replace_held();
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
        self.keeper.lock().held.push(Held { holder, checkouts, replaced: false });
    }

    /// Lets others take the places of what is held for too long, as many as may be: one that was too many gets its turn
    /// once another has come back.
    fn replace_held(&self) {
        let OnLeak::Replace { at_most } = self.config().on_leak else { return };
        let replaced: Vec<_> = {
            let mut state = self.keeper.lock();
            let more = at_most.saturating_sub(state.held_replaced());
            let next = state.held.iter_mut().filter(|held| !held.replaced).take(more);
            let replaced: Vec<_> = next
                .map(|held| {
                    held.replaced = true;
                    held.holder.id
                })
                .collect();
            if !replaced.is_empty() {
                state.wishes = true;
                self.shelf.set_attention(attention::WISHES, true);
            }
            replaced
        };
        for id in replaced {
            // Should it have come back this moment, it is free, and no long hold any more.
            if let Some(word) = self.word_of(id).filter(|word| word.phase() == crate::core::Phase::Busy) {
                self.lives[id.slot()].wish(word, DestroyReason::HeldTooLong);
            }
        }
        self.make_room_for_held();
    }

    /// Opens as many places more as there are holds whose resources are replaced.
    fn make_room_for_held(&self) {
        let (held, surging) = {
            let state = self.keeper.lock();
            (state.held_replaced(), state.surging)
        };
        self.set_extra(surging + held);
        self.set_places_for_held(held);
        self.request_creation(self.unserved());
    }
}

impl<M: Manager> super::KeeperState<M> {
    pub(super) fn held_replaced(&self) -> usize {
        self.held.iter().filter(|held| held.replaced).count()
    }
}
