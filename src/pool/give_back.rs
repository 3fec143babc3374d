//! Return: what becomes of a resource when its guard is dropped.

use super::life::Verdict;
use super::{Inner, Job, Quarantined};
use crate::config::OnPanic;
use crate::core::sync::around::{Instant, panicking};
use crate::core::{Mark, Phase, Right, Slot, attention};
use crate::error::SharedError;
use crate::keeper::{ASLEEP, ticks};
use crate::manager::{Manager, ReturnOutcome, Severity};
use crate::observe::{DestroyReason, JobKind, PoolEvent, ResourceId, ResourceState, TransitionReason};
use crate::resilience::{FailureKind, Recovery};
use std::sync::Arc;

/// Destroying that has measured cheaper than this many nanoseconds happens on the thread that finds it necessary.
const CHEAP: u64 = 100_000;

/// Pauses before a resource that was still busy is checked again, in nanoseconds: 10 ms, doubled each time.
const BUSY_PAUSE: u64 = 10_000_000;
/// Checks before it is given up: after about 2.5 s.
const BUSY_TRIES: u32 = 8;

/// A callback panicked on a resource; it has been counted and logged.
struct CallbackPanicked;

/// What a check that passed is worth once its time was over.
#[derive(Debug, thiserror::Error)]
#[error("it passed after its check_timeout, too late to be believed")]
struct TooLate;

impl<M: Manager> Inner<M> {
    /// Takes a resource back from its holder.
    #[inline(always)]
    pub(crate) fn give_back(&self, right: Right<'_, M::Resource>) {
        // Known when it is compiled. A resource that takes itself into use has to be told that it may again.
        if self.attendant().is_some() {
            return self.give_back_watched(right);
        }
        self.give_back_plainly(right);
    }

    /// The same, by the resource itself if there is an attendant.
    #[inline(always)]
    pub(super) fn give_back_plainly(&self, mut right: Right<'_, M::Resource>) {
        // In this order: `claim` says why.
        if right.word().is_marked() || self.shelf.attention() != 0 || panicking() {
            return self.give_back_watched(right);
        }
        match self.judge(&mut right) {
            Ok(ReturnOutcome::Healthy) => {
                let slot = right.slot();
                let seen = self.shelf.open(right);
                if seen != 0 {
                    self.opened(slot, seen);
                }
            }
            Ok(outcome) => self.settle(right, outcome),
            Err(CallbackPanicked) => self.retire(right, DestroyReason::CallbackPanicked),
        }
    }

    /// What a return owes others that came while it opened its slot.
    #[cold]
    #[inline(never)]
    fn opened(&self, slot: &Slot<M::Resource>, seen: u32) {
        if self.shelf.opened(Some(slot), seen, move || self.now()) & attention::CLOSED != 0 {
            self.end_opened(slot);
        }
    }

    /// Opens a slot for whoever comes, and looks at what a return must look at.
    pub(super) fn open(&self, right: Right<'_, M::Resource>) {
        self.idles_from_now(&right);
        let (slot, attended) = (right.slot(), self.attended_slot(&right));
        let seen = self.shelf.give_back(right, move || self.now());
        if seen & attention::CLOSED != 0 {
            self.end_opened(slot);
        }
        self.tell_opened(attended);
    }

    fn idles_from_now(&self, right: &Right<'_, M::Resource>) {
        // Idle times matter to surplus resources alone, and those are watched. Without a keeper's thread the coarse time
        // is as old as the last tick.
        let time = if self.is_manual() { ticks(self.now()) } else { self.shelf.coarse() & !ASLEEP };
        right.record().free_since(time);
    }

    /// Opens a slot that was created or checked.
    pub(crate) fn open_anew(&self, right: Right<'_, M::Resource>) {
        if self.is_closed() {
            return self.destroy(right.change(Phase::Retiring), DestroyReason::Closed);
        }
        let Some(right) = self.unless_surplus(right) else { return };
        self.open(right);
        // The keeper has a new time to wake at, or waits for resources to end.
        if self.config().ages() || self.shelf.attention() & (attention::WISHES | attention::OVERFLOWING) != 0 {
            self.alarm.ring();
        }
    }

    /// Asks the manager what to make of a returned resource.
    #[inline(always)]
    fn judge(&self, right: &mut Right<'_, M::Resource>) -> Result<ReturnOutcome, CallbackPanicked> {
        let resource = right.resource_mut();
        match self.call("is_broken", |manager| manager.is_broken(resource)) {
            Ok(false) => {}
            Ok(true) => return Ok(ReturnOutcome::Broken),
            Err(_) => return Err(CallbackPanicked),
        }
        self.call("recycle", |manager| manager.recycle(resource)).map_err(|_| CallbackPanicked)
    }

    /// A return with more to look at than its own slot.
    #[inline(never)]
    fn give_back_watched(&self, right: Right<'_, M::Resource>) {
        let panicked = panicking() && !right.word().has(Mark::Unwinding);
        self.give_back_after(right, panicked);
    }

    /// The same, of a use that ended in a panic or did not.
    pub(super) fn give_back_after(&self, mut right: Right<'_, M::Resource>, panicked: bool) {
        let ended = self.use_ended(&right);
        if panicked && self.config().on_panic == OnPanic::Discard {
            return self.retire(right, DestroyReason::HolderPanicked);
        }
        if self.is_closed() {
            return self.retire(right, DestroyReason::Closed);
        }
        let suspect = right.word().has(Mark::Suspect);
        let judged = self.judge(&mut right);
        if let Some(ended) = ended {
            self.recycled(ended);
        }
        let outcome = match judged {
            Ok(ReturnOutcome::Healthy) if suspect => ReturnOutcome::Suspect,
            Ok(ReturnOutcome::Healthy) if panicked && self.config().on_panic == OnPanic::Check => {
                ReturnOutcome::Suspect
            }
            Ok(outcome) => outcome,
            Err(CallbackPanicked) => return self.retire(right, DestroyReason::CallbackPanicked),
        };
        // Its holder knows better than a check would.
        let verdict = right.word().has(Mark::Failed).then(|| self.life(&right).take_verdict());
        if outcome != ReturnOutcome::Broken
            && let Some(reason) = self.reason_to_end(&mut right, verdict)
        {
            return self.retire(right, reason);
        }
        if outcome == ReturnOutcome::Broken {
            return self.settle(right, outcome);
        }
        match self.unless_surplus(right) {
            None => {}
            Some(right) if outcome != ReturnOutcome::Healthy => {
                if verdict == Some(Verdict::Replace) {
                    self.ask_for_one_successor(&right);
                }
                self.returned(&right);
                self.settle(right, outcome);
            }
            Some(right) if verdict == Some(Verdict::Replace) => self.open_until_replaced(right),
            Some(right) if verdict.is_some() => self.open_after_failure(right),
            Some(right) => {
                self.returned(&right);
                self.open(right);
            }
        }
    }

    /// Notes the end of a use whose resource stays as it is, or is yet to be looked at.
    fn returned(&self, right: &Right<'_, M::Resource>) {
        if self.each_use.record_uses && right.word().phase() == Phase::Busy {
            self.moved(right, ResourceState::Ready, TransitionReason::Returned);
        }
    }

    /// Why a resource that comes back goes no further: it failed too often, somebody wished it, or it reached a limit.
    fn reason_to_end(&self, right: &mut Right<'_, M::Resource>, verdict: Option<Verdict>) -> Option<DestroyReason> {
        let too_often = || self.life(right).failures() >= u64::from(self.config().remove_after);
        if verdict == Some(Verdict::Remove) || (verdict.is_some() && too_often()) {
            return Some(DestroyReason::CheckFailed);
        }
        let attention = self.shelf.attention();
        if attention & attention::MEASURED != 0
            && let Some(reason) = self.measure(right)
        {
            return Some(reason);
        }
        if attention & attention::WISHES != 0 { self.life(right).wished(right.word()) } else { None }
    }

    /// Ends a resource that is one too many, whatever its state.
    #[inline(always)]
    fn unless_surplus<'s>(&self, right: Right<'s, M::Resource>) -> Option<Right<'s, M::Resource>> {
        if self.shelf.attention() & attention::OVERFLOWING == 0 { Some(right) } else { self.unless_one_too_many(right) }
    }

    /// One at a time, so that two do not end the same surplus.
    #[cold]
    #[inline(never)]
    fn unless_one_too_many<'s>(&self, right: Right<'s, M::Resource>) -> Option<Right<'s, M::Resource>> {
        let (retiring, reason) = {
            let _one_at_a_time = self.shrinking.lock();
            // Its slot does not say yet that it is there. Whoever asked for it is served first, though it be overflow.
            let is_new = right.word().phase() == Phase::Creating;
            if self.beyond_capacity(usize::from(is_new)) > 0 {
                (right.change(Phase::Retiring), DestroyReason::Resized)
            } else if !is_new && self.config().overflow_ttl().is_zero() && self.is_surplus() {
                (right.change(Phase::Retiring), DestroyReason::Overflow)
            } else {
                return Some(right);
            }
        };
        self.retire(retiring, reason);
        None
    }

    /// Whether a resource coming back is one too many: overflow ends at its return, and nobody waits.
    fn is_surplus(&self) -> bool {
        self.waiting() == 0 && self.staying() > self.places_in_service()
    }

    /// Resources that are alive and not about to end.
    pub(crate) fn staying(&self) -> usize {
        let stays = |phase: Phase| phase.is_live() && phase != Phase::Retiring;
        self.shelf.slots().filter(|(_, slot)| stays(slot.look().phase())).count()
    }

    /// Deals with a resource that does not simply go back.
    #[cold]
    #[inline(never)]
    fn settle(&self, right: Right<'_, M::Resource>, outcome: ReturnOutcome) {
        match outcome {
            ReturnOutcome::Healthy => self.open(right),
            ReturnOutcome::Broken => self.retire(right, DestroyReason::Broken),
            ReturnOutcome::Suspect => {
                self.life(&right).set_doubted(true);
                self.send_to_check(right.change(Phase::Checking));
            }
            ReturnOutcome::StillBusy => {
                self.life(&right).set_doubted(true);
                self.quarantine(right.change(Phase::Checking), 0);
            }
        }
    }

    pub(crate) fn send_to_check(&self, right: Right<'_, M::Resource>) {
        match self.parcel(right) {
            Ok(parcel) => {
                // A job the crew refuses is dropped, and its resource destroyed: the pool is closing.
                let _ = self.submit(Job::Check { parcel, still_busy: None });
            }
            Err(right) => self.destroy(right.change(Phase::Retiring), DestroyReason::Closed),
        }
    }

    fn quarantine(&self, right: Right<'_, M::Resource>, tries: u32) {
        match self.parcel(right) {
            Ok(parcel) => {
                let due = self.now().saturating_add(BUSY_PAUSE << tries);
                self.keeper.lock().quarantine.push(Quarantined { parcel, tries, due });
                self.alarm.ring();
                // `close` empties the quarantine once; whoever comes after it clears up behind itself.
                if self.is_closed() {
                    drop(self.take_quarantine(u64::MAX));
                }
            }
            Err(right) => self.destroy(right.change(Phase::Retiring), DestroyReason::Closed),
        }
    }

    /// The resources in quarantine that are due by `now`.
    pub(crate) fn take_quarantine(&self, now: u64) -> Vec<Quarantined<M>> {
        self.keeper.lock().quarantine.extract_if(.., |entry| entry.due <= now).collect()
    }

    /// A check on the crew, and what follows from it. One that takes too long has failed, whatever it says in the end.
    pub(super) fn check(&self, mut right: Right<'_, M::Resource>, still_busy: Option<u32>) {
        let began = self.begin(JobKind::Check, &right);
        let resource = right.resource_mut();
        let mut verdict = self.call_and_classify("check", |manager| manager.check(resource));
        self.timings.check.add(self.now().saturating_sub(began), 1);
        self.crew.came_back();
        if self.is_late(JobKind::Check, began) && matches!(verdict, Ok(Ok(()))) {
            verdict = Ok(Err((Arc::new(TooLate), Severity::Transient)));
        }
        // What is still busy is no worse than it said at its return.
        let is_waited_for = still_busy.is_some_and(|tries| tries + 1 < BUSY_TRIES) && !self.is_closed();
        let is_still_busy = is_waited_for && matches!(verdict, Ok(Err((_, Severity::Transient))));
        if !is_still_busy {
            self.checked(matches!(verdict, Ok(Ok(()))));
        }
        let Ok(verdict) = verdict else {
            return self.destroy(right.change(Phase::Retiring), DestroyReason::CallbackPanicked);
        };
        let (life, index) = (self.life(&right), self.shelf.index_of(right.slot()).unwrap_or(u32::MAX));
        match (verdict, still_busy) {
            (Ok(()), _) => {
                self.weigh_anew(&mut right);
                life.checked(self.now());
                life.set_doubted(false);
                if life.healed() {
                    self.moved(&right, ResourceState::Ready, TransitionReason::Healed);
                    self.log(log::Level::Info, format_args!("the resource in slot {index} passes its check again"));
                }
                self.open_anew(right);
            }
            (Err((error, _)), Some(tries)) if is_still_busy => {
                self.quarantine(right, tries + 1);
                self.let_go(error);
            }
            (Err((error, severity)), _) => {
                life.checked(self.now());
                let failures = life.failures() + 1;
                let id = ResourceId::new(index, right.word());
                // A subscriber that does not take it drops a copy: the error itself stays here.
                let its = || SharedError::clone(&error);
                self.subscribers.tell_subscribers(|| PoolEvent::CheckFailed {
                    id,
                    in_a_row: failures,
                    severity,
                    error: its(),
                });
                if still_busy.is_some() || self.is_closed() {
                    self.destroy(right.change(Phase::Retiring), DestroyReason::CheckFailed);
                } else if let Some(right) = self.unless_surplus(right) {
                    self.check_failed(right, severity);
                }
                if self.recovery(FailureKind::Check(severity)) == Recovery::Stop {
                    self.stop(&error);
                }
                let text = format_args!("the resource in slot {index} failed {failures} check(s) in a row: {error}");
                self.log(log::Level::Warn, text);
                self.let_go(error);
            }
        }
        self.tell_of_circuit();
    }

    /// Opens a slot whose resource failed lately, as its failures in a row demand: as before, as a last resort, or not at
    /// all. Not on the slow path alone: a holder may report what it found.
    pub(super) fn open_after_failure(&self, right: Right<'_, M::Resource>) {
        let failures = self.life(&right).failures();
        if failures >= u64::from(self.config().remove_after) {
            self.retire(right, DestroyReason::CheckFailed);
        } else if failures < u64::from(self.config().degrade_after) {
            self.returned(&right);
            self.open_anew(right);
        } else {
            self.open_degraded(right);
        }
    }

    /// Opens a slot whose resource serves as a last resort until its successor is ready.
    pub(super) fn open_until_replaced(&self, right: Right<'_, M::Resource>) {
        self.ask_for_one_successor(&right);
        self.open_degraded(right);
    }

    /// The keeper sees to it once somebody rings.
    fn ask_for_one_successor(&self, right: &Right<'_, M::Resource>) {
        let index = self.shelf.index_of(right.slot()).unwrap_or(u32::MAX);
        self.ask_for_successors([ResourceId::new(index, right.word())], DestroyReason::CheckFailed);
    }

    fn open_degraded(&self, right: Right<'_, M::Resource>) {
        self.moved(&right, ResourceState::Degraded, TransitionReason::Failed);
        self.idles_from_now(&right);
        let (slot, attended) = (right.slot(), self.attended_slot(&right));
        if self.shelf.open_as(Phase::Degraded, right, move || self.now()) & attention::CLOSED != 0 {
            self.end_opened(slot);
        }
        self.tell_opened(attended);
        // The keeper checks it soon, or sees to its successor.
        self.alarm.ring();
    }

    /// Opens a slot in CHECKING to be checked again before its next use.
    pub(crate) fn open_stale(&self, right: Right<'_, M::Resource>) {
        right.record().is_nobodys();
        let (slot, attended) = (right.slot(), self.attended_slot(&right));
        if self.shelf.open_as(Phase::Stale, right, move || self.now()) & attention::CLOSED != 0 {
            self.end_opened(slot);
        }
        self.tell_opened(attended);
    }

    /// Takes the resource out for good.
    pub(crate) fn detach(&self, mut right: Right<'_, M::Resource>) -> M::Resource {
        self.use_ended(&right);
        self.lived(&right, None, true);
        let resource = right.take().expect("a slot that is checked out holds its resource");
        self.moved(&right, ResourceState::Terminated, TransitionReason::Detached);
        self.end_life(&right);
        self.counts.detached.add_one();
        let slot = self.attended_slot(&right);
        self.vacate(right);
        // Jobs may be left with it alone.
        self.tell_opened(slot);
        resource
    }

    /// Ends a use whose holder wants the resource destroyed.
    pub(crate) fn discard(&self, right: Right<'_, M::Resource>) {
        self.use_ended(&right);
        self.counts.discards.add_one();
        self.retire(right, DestroyReason::Discarded);
    }

    /// Destroys a resource: here if that has measured cheap, else on the crew. The slot is free once it is done.
    pub(crate) fn retire(&self, right: Right<'_, M::Resource>, reason: DestroyReason) {
        // What a pool that keeps nothing lends costs its holder what it would without the pool.
        let cheap = self.creation.destroy_cost() <= CHEAP || reason == DestroyReason::Unpooled;
        let cheap = (cheap && !panicking()) || self.is_closed();
        if (cheap && !M::ENDS_SLOWLY) || self.is_manual() || self.manager.ends_where_found() {
            return self.destroy(right, reason);
        }
        self.send_to_end(right, reason);
    }

    /// The right in RETIRING, with the step noted.
    fn retiring<'s>(&self, right: Right<'s, M::Resource>, reason: DestroyReason) -> Right<'s, M::Resource> {
        let in_use = right.word().phase() == Phase::Busy;
        // Once, although who sends it to its end and who ends it both come here.
        if self.moved(&right, ResourceState::Terminating, TransitionReason::Ended(reason)) {
            self.lived(&right, Some(reason), in_use);
        }
        let right = if right.word().phase() == Phase::Retiring { right } else { right.change(Phase::Retiring) };
        // The end may take its time, and who waits for this very resource need not.
        self.shelf.ends(right.slot(), move || self.now());
        right
    }

    /// Has the crew destroy the resource of a RETIRING slot.
    pub(crate) fn send_to_end(&self, right: Right<'_, M::Resource>, reason: DestroyReason) {
        let right = self.retiring(right, reason);
        match self.parcel(right) {
            Ok(parcel) => {
                if let Err(Job::Destroy { parcel, reason }) = self.submit(Job::Destroy { parcel, reason }) {
                    parcel.end(|pool, right| pool.destroy(right, reason));
                }
            }
            Err(right) => self.destroy(right, reason),
        }
    }

    /// Destroys the resource of a RETIRING slot on this thread, and frees the slot.
    pub(super) fn destroy(&self, right: Right<'_, M::Resource>, reason: DestroyReason) {
        let mut right = self.retiring(right, reason);
        if let Some(resource) = right.take() {
            let began = self.begin(JobKind::Destroy, &right);
            let begun = Instant::now();
            let _ = self.call("destroy", |manager| manager.destroy(resource));
            self.timings.destroy.add(self.now().saturating_sub(began), 1);
            self.crew.came_back();
            self.creation.destroyed_in(begun.elapsed());
            self.end_life(&right);
            self.moved(&right, ResourceState::Terminated, TransitionReason::Ended(reason));
            self.counts.destroyed_one(reason);
        }
        self.vacate(right);
    }

    /// Frees a slot, and lets those know who can use the room.
    pub(super) fn vacate(&self, right: Right<'_, M::Resource>) {
        let seen = self.shelf.vacate(right, move || self.now());
        if seen & attention::CLOSED != 0 {
            self.closed_if_empty();
            return self.tell_drained();
        }
        if !self.creates_inline() {
            self.request_creation(self.unserved());
        }
        // It may have been the last one alive.
        if self.is_circuit_open() {
            self.tell_the_hopeless();
        }
        // The keeper refills to `min_idle`.
        if self.min_idle() > 0 || self.shelf.attention() & attention::WISHES != 0 {
            self.alarm.ring();
        }
    }

    /// Ends the open slots of a closed pool.
    pub(super) fn sweep(&self) {
        for from in [Phase::Ready, Phase::Stale, Phase::Degraded] {
            while let Some(right) = self.shelf.claim_any(from, Phase::Retiring) {
                self.end_closed(right);
            }
        }
    }

    /// Ends what the caller has opened in a closed pool, unless somebody else has it by now. That and no more: two resources that are
    /// threads, and end each other here, would wait for each other.
    #[cold]
    #[inline(never)]
    pub(super) fn end_opened(&self, slot: &Slot<M::Resource>) {
        let mut seen = slot.look();
        while seen.phase().is_free() {
            if let Some(right) = slot.claim(seen, Phase::Retiring) {
                return self.end_closed(right);
            }
            seen = slot.look();
        }
    }

    fn end_closed(&self, right: Right<'_, M::Resource>) {
        // One after another they would take as long as all together.
        if M::ENDS_SLOWLY && !self.is_manual() {
            self.send_to_end(right, DestroyReason::Closed);
        } else {
            self.destroy(right, DestroyReason::Closed);
        }
    }
}
