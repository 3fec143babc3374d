//! A resource that takes itself into use: the thread of a worker, whose slot is as good as any holder's.

use super::Inner;
use crate::core::{Mark, Phase, Right, Stamp, Word, attention};
use crate::keeper::{ASLEEP, ticks};
use crate::manager::Manager;
use crate::observe::{ResourceId, ResourceState, TransitionReason};
use std::panic::Location;

impl<M: Manager> Inner<M> {
    /// Takes the resource `id` into use if it is free and fit. Nothing is noted of that before [`own_use`](Self::own_use).
    #[inline]
    pub(crate) fn claim_own(&self, id: ResourceId) -> Option<Right<'_, M::Resource>> {
        let seen = self.own_word(id)?;
        let right = self.shelf.slot(id.slot())?.claim(seen, Phase::Busy)?;
        Some(if seen.phase() == Phase::Degraded { right.marked(Mark::Suspect) } else { right })
    }

    /// Whether [`claim_own`](Self::claim_own) would take it.
    pub(crate) fn is_own_fit(&self, id: ResourceId) -> bool {
        self.own_word(id).is_some()
    }

    /// Takes the resource `id` into use though it is degraded: for a session that takes no other.
    pub(crate) fn claim_own_degraded(&self, id: ResourceId) -> Option<Right<'_, M::Resource>> {
        let slot = self.shelf.slot(id.slot())?;
        let seen = slot.look();
        let is_it = seen.phase() == Phase::Degraded && seen.generation() == id.generation();
        let right = if is_it { slot.claim(seen, Phase::Busy)? } else { return None };
        Some(right.marked(Mark::Suspect))
    }

    /// Whether [`claim_own_degraded`](Self::claim_own_degraded) would take it.
    pub(crate) fn is_own_degraded(&self, id: ResourceId) -> bool {
        let is_it = |seen: Word| seen.phase() == Phase::Degraded && seen.generation() == id.generation();
        self.shelf.slot(id.slot()).is_some_and(|slot| is_it(slot.look()))
    }

    /// Whether the resource `id` is in its slot, whoever has it.
    pub(crate) fn is_there(&self, id: ResourceId) -> bool {
        let is_it = |seen: Word| seen.generation() == id.generation() && !seen.phase().is_empty();
        self.shelf.slot(id.slot()).is_some_and(|slot| is_it(slot.look()))
    }

    /// Whether what is in this slot is free.
    pub(crate) fn is_free(&self, slot: u32) -> bool {
        self.shelf.slot(slot as usize).is_some_and(|slot| slot.look().phase().is_free())
    }

    #[inline]
    fn own_word(&self, id: ResourceId) -> Option<Word> {
        let seen = self.shelf.slot(id.slot())?.look();
        (self.serves(id.slot(), seen) && seen.generation() == id.generation()).then_some(seen)
    }

    /// Has the resource `id` checked if it was set aside for that: as anybody else does who would take it. Its opening is told.
    #[cold]
    pub(crate) fn check_own(&self, id: ResourceId) {
        let Some(slot) = self.shelf.slot(id.slot()) else { return };
        let seen = slot.look();
        if seen.phase() == Phase::Stale
            && seen.generation() == id.generation()
            && let Some(right) = slot.claim(seen, Phase::Checking)
        {
            self.send_to_check(right);
        }
    }

    /// The time in ticks of 10 ms, as good as it is known without looking at a clock.
    #[inline]
    pub(crate) fn coarse_tick(&self) -> u32 {
        let time = self.shelf.coarse();
        if time & ASLEEP != 0 { ticks(self.now()) } else { time }
    }

    /// Notes a use of a resource taken with [`claim_own`](Self::claim_own): as any checkout's, on behalf of `site`.
    #[inline]
    pub(crate) fn own_use<'s>(
        &'s self,
        right: Right<'s, M::Resource>,
        thread: u64,
        site: &'static Location<'static>,
    ) -> Right<'s, M::Resource> {
        let mut time = self.shelf.coarse();
        if time & ASLEEP != 0 {
            time = ticks(self.now());
            self.shelf.set_coarse(time);
            self.alarm.ring();
        }
        let is_due = right.record().checked_out(Stamp::by(thread).at(time), site);
        if self.each_use.record_uses {
            self.moved(&right, ResourceState::Busy, TransitionReason::CheckedOut);
        }
        if is_due { self.time_if_due(right) } else { right }
    }

    /// Ends a use. `panicked`: its holder's panic was caught, and is judged as if it had come this far.
    #[inline]
    pub(crate) fn own_use_ended(&self, right: Right<'_, M::Resource>, panicked: bool) {
        if panicked { self.give_back_after(right, true) } else { self.give_back_plainly(right) }
    }

    /// Puts back what was taken and not used.
    pub(crate) fn own_unused(&self, right: Right<'_, M::Resource>) {
        let slot = right.slot();
        let seen = if right.word().has(Mark::Suspect) {
            self.shelf.open_as(Phase::Degraded, right, move || self.now())
        } else {
            self.shelf.give_back(right, move || self.now())
        };
        if seen & attention::CLOSED != 0 {
            self.end_opened(slot);
        }
    }

    /// Somebody waits with the attendant, and nothing that is free will serve it by itself.
    #[cold]
    pub(crate) fn is_wanted_there(&self) {
        if self.shelf.has_room() {
            self.request_creation(self.unserved());
            self.tell_the_hopeless();
        }
    }

    /// Whether there is room for one more resource.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.shelf.has_room()
    }
}
