//! Demand: how many resources are asked of the crew, and by whom.

use super::create::{CreateFailure, CreationState, Held, Vacancy};
use super::{Inner, Job, Supply};
use crate::core::sync::around::thread;
use crate::core::{Phase, Right};
use crate::manager::Manager;
use crate::observe::{DestroyReason, JobKind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

impl<M: Manager> Inner<M> {
    /// Those who wait and whom nothing free can serve. A waiter stands in the queue until its thread has run, and must not have
    /// another made for it while it is on its way to a free one.
    pub(crate) fn unserved(&self) -> u32 {
        let there = self.attendant().map_or(0, |attendant| attendant.unserved());
        let waiting = self.shelf.waiting().saturating_add(there);
        if waiting == 0 {
            return 0;
        }
        let fit_until = self.must_outlast();
        let slots = self.shelf.slots().zip(&self.lives);
        let free = slots.filter(|((_, slot), life)| slot.look().phase() == Phase::Ready && life.expires() > fit_until);
        // One that was woken may have taken what it was woken for. Should others take what is free, those who come too late
        // look, find none and ask; where nobody but a tick would hear them, each tick counts them.
        let on_its_way = !self.is_manual() && self.shelf.is_waking();
        waiting.saturating_sub((free.count() as u32).max(u32::from(on_its_way)))
    }

    /// Asks the crew for resources, as long as fewer are on their way than wait. False if creation pauses.
    pub(crate) fn request_creation(&self, waiting: u32) -> bool {
        self.request_supply(waiting, 0)
    }

    /// The same, and as long as fewer are about to be made than are `missing`.
    pub(crate) fn request_supply(&self, waiting: u32, missing: u32) -> bool {
        let wanted = waiting.max(missing);
        if wanted == 0 || self.is_closed() {
            return true;
        }
        if self.creation_held_until(self.now()).is_some() {
            // The keeper asks again when the pause is over.
            self.alarm.ring();
            return false;
        }
        if let Some(limit) = self.over_budget() {
            // Whoever makes the pool lighter asks again.
            self.cannot_create(Arc::new(limit));
            return false;
        }
        // As many as are wanted now and no more: the crew gives tickets back unused once creation pauses, or demand is met.
        for _ in 0..wanted {
            let vacant = self.shelf.open_slots().saturating_sub(self.shelf.occupied());
            if !self.creation.tickets.take(waiting, missing, vacant) {
                break;
            }
            if self.submit(Job::Create).is_err() {
                self.creation.tickets.give_back();
                break;
            }
        }
        true
    }

    /// A waiter that asked for a creation gave up: whoever comes next may ask for another.
    pub(crate) fn gave_up_on_creation(&self) {
        self.creation.tickets.orphan();
    }

    /// A caller that does not wait found nothing: the next one may find more.
    pub(super) fn creation_asked(&self) {
        if !self.callers_create() && self.shelf.has_room() {
            self.creation.asked.store(true, SeqCst);
            self.request_creation(self.unserved().max(1));
        }
    }

    /// Whether somebody is owed a creation who does not wait for it.
    pub(crate) fn creation_is_asked(&self) -> bool {
        self.creation.asked.load(SeqCst)
    }

    /// Resources that `min_idle` asks for beyond those that are free, or in the making.
    pub(crate) fn missing(&self) -> u32 {
        let free = |phase: Phase| matches!(phase, Phase::Ready | Phase::Stale | Phase::Checking | Phase::Creating);
        let free = self.shelf.slots().filter(|(_, slot)| free(slot.look().phase())).count();
        // What hangs may never be free.
        let free = free.saturating_sub(self.crew.hung_makers());
        let room = self.places_in_service().saturating_sub(self.shelf.occupied() as usize);
        self.min_idle().saturating_sub(free).min(room) as u32
    }

    /// A place to make something for, unless it lies beyond the pool's size and nobody waits for it: then another ticket has found the same one
    /// missing.
    fn unless_superfluous<'s>(
        &self,
        place: Vacancy<'s, M::Resource>,
        is_awaited: bool,
    ) -> Option<Vacancy<'s, M::Resource>> {
        if is_awaited || self.shelf.occupied() as usize <= self.places_in_service() {
            return Some(place);
        }
        self.vacate(place.right);
        self.leave_unused(place.leave);
        None
    }

    fn is_any_vacant(&self) -> bool {
        self.shelf.slots().any(|(_, slot)| slot.look().phase() == Phase::Vacant)
    }

    /// A creation on the crew, unless a return has served its demand meanwhile.
    pub(super) fn create_on_crew(&self) {
        let CreationState { tickets, asked, .. } = &self.creation;
        let ticket = tickets.begin();
        // One for all of them: an ask that is served on the way must not have another made afterwards.
        let is_asked = asked.swap(false, SeqCst);
        let is_awaited = is_asked || self.unserved() > tickets.on_their_way();
        // What is missing waits for the end of the pause in a crash loop; whoever waits does not.
        let for_nobody = || self.missing() > 0 && !matches!(self.supply(self.now()), Supply::After(_));
        let wanted = is_awaited || for_nobody();
        // Asked for by somebody who looked before the last failure: the keeper asks again when the pause is over.
        let is_held = self.creation_held_until(self.now()).is_some();
        let wanted = wanted && !is_held;
        let place = wanted.then(|| self.reserve());
        let is_held = is_held || matches!(place, Some(Err(Held { until })) if until != u64::MAX);
        let vacancy = place.and_then(Result::ok).and_then(|place| self.unless_superfluous(place, is_awaited));
        // What became vacant meanwhile may have been left to this one, which has looked. What is about to, rings later, and finds it decided.
        let ticket = ticket.decided();
        if !is_held && self.missing() > ticket.undecided() && self.is_any_vacant() {
            self.alarm.ring();
        }
        // Counted as vacant by a thread that has yet to vacate it: without a pause, asking again below would keep this
        // one busy, and that one from its processor.
        if wanted && vacancy.is_none() {
            thread::yield_now();
        }
        let failed = match vacancy.map(|right| self.make_in_time(right)) {
            // Before the ticket is back, too: what is neither on its way nor free would be made a second time.
            Some(Ok((right, in_time))) => {
                self.adopt(right, in_time);
                None
            }
            Some(Err(failure)) => Some(failure),
            None => None,
        };
        drop(ticket);
        if let Some(failure) = &failed {
            self.creation_failed(failure);
        }
        // Demand that came while all tickets were out. Its waiter counted itself, or its asker said so, before it found none;
        // we gave ours back before we look: one of us sees the other.
        self.request_creation(self.unserved().max(u32::from(asked.load(SeqCst))));
        match failed {
            Some(failure) => self.tell_of_failure(failure.error),
            None => self.tell_of_circuit(),
        }
    }

    /// Creates on the crew. Says whether that took no longer than it may.
    pub(super) fn make_in_time<'s>(
        &self,
        vacancy: Vacancy<'s, M::Resource>,
    ) -> Result<(Right<'s, M::Resource>, bool), CreateFailure> {
        let began = self.begin(JobKind::Create, &vacancy.right);
        let right = self.make(vacancy)?;
        Ok((right, !self.is_late(JobKind::Create, began)))
    }

    /// Opens a new resource. One that came late may have been replaced: it stays if there is room or somebody waits.
    pub(super) fn adopt(&self, right: Right<'_, M::Resource>, in_time: bool) {
        if in_time || self.waiting() > 0 || self.staying() < self.places_in_service() {
            self.open_anew(right);
        } else {
            self.destroy(right.change(Phase::Retiring), DestroyReason::Overflow);
        }
        self.choose_where_to_create();
    }
}
