//! Checkout: the fast path, and what happens when it fails.

use super::Inner;
use super::create::{CreateFailure, Vacancy};
use crate::config::OnDeadlock;
use crate::core::sync::around::panicking;
use crate::core::{HandOver, Hint, Mark, Outcome, Patience, Phase, Request, Right, Shelf, Slot, Stamp};
use crate::core::{Taker, thread_number};
use crate::error::{CheckoutError, Refusal, SharedError};
use crate::keeper::{ASLEEP, nanos, ticks};
use crate::manager::Manager;
use crate::observe::{DestroyReason, ResourceState, TransitionReason};
use crate::pool::Priority;
use crate::resilience::{FailureKind, Recovery};
use std::cell::Cell;
use std::panic::Location;
use std::sync::atomic::{Ordering::Release, fence};
use std::time::{Duration, Instant};

/// Rounds a caller spins before it queues: about 1 us in all. Longer spins buy throughput while nothing is held, and
/// ruin the tail once something is: those who spin have no age. `benches/contention.rs` shows both.
const SPIN_ROUNDS: u32 = 5;

/// One use in so many of a pool that the thread was not at last has the thread look there first. Always would cost a thread
/// that alternates between pools; never, one that has left a pool for good.
const USES_PER_TURN: u64 = 16;

/// How long a caller whose thread has other work may be away for it, and how long it then stands in the queue: as long as it was
/// away, within these bounds. A single job may take it longer. Measured by the system's clock: it is about real threads.
const AWAY: Duration = Duration::from_millis(4);
const STANDS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(16));

/// What a caller wants.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) patient: Patient,
    pub(super) lane: Priority,
    meanwhile: Option<Meanwhile>,
}

/// Does some of the other work that the caller's thread has; whether there was any.
pub(super) type Meanwhile = fn() -> bool;

impl Ask {
    pub(super) fn new(patient: Patient) -> Self {
        Self { patient, lane: Priority::Normal, meanwhile: None }
    }

    /// With work to do while it waits. It leaves the queue for that: what it does may wait for resources itself, and nothing is kept
    /// for it meanwhile. It comes back to its old place.
    #[cfg(feature = "rayon")]
    pub(super) fn meanwhile(self, meanwhile: Option<Meanwhile>) -> Self {
        Self { meanwhile, ..self }
    }
}

/// How long a caller waits.
#[derive(Clone, Copy)]
pub(super) enum Patient {
    /// As long as the pool is configured for.
    Default,
    /// Not at all.
    Never,
    /// This many nanoseconds.
    For(u64),
    Until(Instant),
}

/// What a look around found.
enum Found<'s, R> {
    /// A resource.
    Resource(Right<'s, R>),
    /// A resource that is too old, to be ended.
    Expired(Right<'s, R>),
    /// A resource to be checked first, by the caller: no thread but this one would do it.
    Stale(Right<'s, R>),
    /// Room for a new one, reserved.
    Vacancy(Vacancy<'s, R>),
    /// That waiting would never end.
    Deadlock,
    /// That nothing is alive, and nothing may be made.
    CircuitOpen,
}

/// A caller in the slow path.
pub(super) struct Caller {
    pub(super) number: u64,
    site: &'static Location<'static>,
    /// Where an affine search begins.
    start: u32,
    pub(super) began: u64,
    deadline: u64,
    /// When it is to look again although nobody wakes it: at the end of the pause that its last look met. Whoever looks while
    /// there is room has this, and whoever leaves the queue while there is room wakes another: so one of them knows.
    look_again: Cell<u64>,
    /// Whether it has ended a resource whose time had come.
    ended_one: Cell<bool>,
    /// Whether it did more than to take what its first look found.
    has_waited: Cell<bool>,
    /// Whether it had a place in the queue.
    has_queued: Cell<bool>,
    /// How long it stands there before it does other work.
    stands: Cell<Duration>,
}

impl Caller {
    /// Looks for a free resource from there on.
    pub(super) fn starting_at(self, start: u32) -> Self {
        Self { start, ..self }
    }

    pub(super) fn deadline(&self) -> u64 {
        self.deadline
    }

    pub(super) fn taker(&self) -> Taker {
        Taker { thread: self.number, site: self.site }
    }

    /// It goes to wait. True the first time.
    pub(super) fn queues(&self) -> bool {
        self.has_waited.set(true);
        !self.has_queued.replace(true)
    }

    pub(super) fn has_queued(&self) -> bool {
        self.has_queued.get()
    }

    pub(super) fn has_waited(&self) -> bool {
        self.has_waited.get()
    }

    pub(super) fn waits_while<T>(&self, what: impl FnOnce() -> T) -> T {
        self.has_waited.set(true);
        what()
    }
}

impl<M: Manager> Inner<M> {
    /// Takes a resource for the caller at `site`.
    #[inline(always)]
    pub(super) fn claim(
        &self,
        site: &'static Location<'static>,
        ask: impl FnOnce() -> Ask,
    ) -> Result<Right<'_, M::Resource>, CheckoutError> {
        // Asked first of all: what its rare call would interrupt has to be kept for after it, in registers that the common
        // case wants for itself.
        if !panicking()
            && let Some(right) = self.shelf.hinted_last(|slot, hint| self.claim_hinted(slot, &hint, site))
        {
            return Ok(right);
        }
        if let Some(right) = self.claim_other(site) {
            return Ok(right);
        }
        self.claim_slowly(site, ask())
    }

    /// Takes the slot that the thread remembers, if nobody else did. Not for a thread that unwinds: its checkouts are marked.
    #[inline(always)]
    fn claim_hinted<'s>(
        &'s self,
        slot: &'s Slot<M::Resource>,
        hint: &Hint,
        site: &'static Location<'static>,
    ) -> Option<Right<'s, M::Resource>> {
        let time = self.shelf.coarse();
        // All that can be known before the exchange is asked before it: loads after it have to wait for it.
        if time & ASLEEP != 0 {
            return None;
        }
        let right = slot.claim_ready(hint.ready)?;
        if right.record().checked_out(hint.stamp.at(time), site) {
            return Some(self.time_if_due(right));
        }
        Some(right)
    }

    /// Takes the slot that a thread remembers that was at another pool last.
    #[cold]
    #[inline(never)]
    fn claim_other(&self, site: &'static Location<'static>) -> Option<Right<'_, M::Resource>> {
        if panicking() {
            return None;
        }
        let (slot, hint) = self.shelf.hinted()?;
        let right = self.claim_hinted(slot, &hint, site)?;
        if right.record().checkouts().is_multiple_of(USES_PER_TURN) {
            hint.becomes_last();
        }
        Some(right)
    }

    /// Notes the checkout and remembers the slot for the thread's next one. The first one after a rest starts the coarse
    /// clock again.
    pub(super) fn taken<'s>(&self, right: Right<'s, M::Resource>, caller: &Caller) -> Right<'s, M::Resource> {
        let (mut time, stamp) = (self.shelf.coarse(), Stamp::by(caller.number));
        if time & ASLEEP != 0 {
            time = ticks(self.now());
            self.shelf.set_coarse(time);
            self.alarm.ring();
        }
        self.life(&right).missed();
        if caller.has_waited.get() {
            self.life(&right).waited();
        }
        // Meets the fences in `latencies` and `stats`: who counts this checkout knows that it missed, and that it waited.
        fence(Release);
        let is_due = right.record().checked_out(stamp.at(time), caller.site);
        if self.each_use.record_uses {
            self.moved(&right, ResourceState::Busy, TransitionReason::CheckedOut);
        } else if self.each_use.is_affine {
            self.shelf.remember(&right, stamp);
        }
        let right = match caller.has_waited.get() {
            true => self.time_waited(right, caller.began, is_due),
            false if is_due => self.time_if_due(right),
            false => right,
        };
        if panicking() { right.marked(Mark::Unwinding) } else { right }
    }

    #[cold]
    #[inline(never)]
    fn claim_slowly(
        &self,
        site: &'static Location<'static>,
        ask: Ask,
    ) -> Result<Right<'_, M::Resource>, CheckoutError> {
        self.find(&self.caller(site, ask.patient), ask).inspect_err(|error| self.refused(error))
    }

    /// A checkout without waiting whose failure is not told, nor counted as a refusal: for callers that do without.
    #[cfg(feature = "rayon")]
    pub(super) fn claim_untold(
        &self,
        site: &'static Location<'static>,
    ) -> Result<Right<'_, M::Resource>, CheckoutError> {
        let ask = Ask::new(Patient::Never);
        self.claim_other(site).map_or_else(|| self.search(&self.caller(site, ask.patient), ask), Ok)
    }

    pub(super) fn find(&self, caller: &Caller, ask: Ask) -> Result<Right<'_, M::Resource>, CheckoutError> {
        let found = self.search(caller, ask);
        if found.is_err() {
            // Whoever is refused at its first look has waited for no time. Who does not want to wait may still have made one.
            let has_waited = caller.has_waited.get() || !matches!(ask.patient, Patient::Never);
            self.waited_in_vain(if has_waited { self.now().saturating_sub(caller.began) } else { 0 });
        }
        found
    }

    pub(super) fn caller(&self, site: &'static Location<'static>, patient: Patient) -> Caller {
        let number = thread_number();
        let hinted = self.shelf.hinted().and_then(|(slot, _)| self.shelf.index_of(slot));
        let began = self.now();
        let patience = match patient {
            Patient::Default => self.each_use.patience(),
            Patient::Never => 0,
            Patient::For(time) => time,
            Patient::Until(instant) => nanos(instant.saturating_duration_since(Instant::now())),
        };
        Caller {
            number,
            site,
            // Threads without a hint start apart from each other.
            start: hinted.unwrap_or(number as u32 % self.shelf.open_slots().max(1)),
            began,
            deadline: began.saturating_add(patience),
            look_again: Cell::new(u64::MAX),
            ended_one: Cell::new(false),
            has_waited: Cell::new(false),
            has_queued: Cell::new(false),
            stands: Cell::new(STANDS.0),
        }
    }

    fn search(&self, caller: &Caller, ask: Ask) -> Result<Right<'_, M::Resource>, CheckoutError> {
        if self.is_closed() {
            return Err(self.refused_closed());
        }
        // With waiters queued, newcomers have had their hint's chance and queue: no search of a saturated pool.
        let may_pass = self.shelf.waiting() == 0 || self.shelf.hand_over() == HandOver::Never;
        let mut tried = false;
        let mut found = if may_pass { self.look(caller, true) } else { None };
        loop {
            match found {
                Some(Found::Resource(right)) => return Ok(self.taken(right, caller)),
                // The user's code runs here, not where it was found: in the queue, others may rely on this thread's look.
                Some(Found::Expired(right)) => {
                    caller.waits_while(|| self.retire(right, DestroyReason::Expired));
                    found = self.look(caller, true);
                    continue;
                }
                Some(Found::Stale(right)) => {
                    caller.waits_while(|| self.check(right, None));
                    found = self.look(caller, true);
                    continue;
                }
                // In the queue it may have been granted something after that look, and have opened that for others. Now it is free.
                Some(Found::Deadlock | Found::CircuitOpen) if let Some(free) = self.take_free(caller) => {
                    found = Some(free);
                    continue;
                }
                Some(Found::Deadlock) => return Err(self.would_deadlock()),
                Some(Found::CircuitOpen) => return Err(self.refused_by_circuit()),
                Some(Found::Vacancy(vacancy)) => match caller.waits_while(|| self.make(vacancy)) {
                    Ok(right) => {
                        self.choose_where_to_create();
                        return Ok(self.taken(right.change(Phase::Busy), caller));
                    }
                    Err(failure) => {
                        self.creation_failed(&failure);
                        self.tell_of_failure(SharedError::clone(&failure.error));
                        // No more of that for now: a last resort may be left.
                        found = self.take_free(caller).or_else(|| self.last_resort(caller));
                        if found.is_some() {
                            self.let_go(failure.error);
                            continue;
                        }
                        self.may_wait_on(caller, ask, failure)?;
                        tried = true;
                    }
                },
                None => {}
            }
            if let Patient::Never = ask.patient {
                self.creation_asked();
                return Err(self.exhausted_or_over_budget());
            }
            caller.has_waited.set(true);
            if !tried
                && may_pass
                && let Some(right) = self.spin(caller)
            {
                return Ok(self.taken(right, caller));
            }
            if ask.meanwhile.is_some() && !caller.has_queued.get() {
                found = self.look_on(caller, ask);
                if found.is_some() {
                    continue;
                }
            }
            found = match self.queue(caller, ask)? {
                Some(found) => Some(found),
                // The pause after a failed creation is over, or it is time to do other work.
                None => self.look_on(caller, ask),
            };
        }
    }

    /// Looks for a resource, or room for one: free, else a new one, else a degraded one.
    fn look(&self, caller: &Caller, free_slots: bool) -> Option<Found<'_, M::Resource>> {
        caller.look_again.set(u64::MAX);
        if free_slots && let Some(found) = self.take_free(caller) {
            return Some(found);
        }
        if self.is_circuit_open_on_nothing() {
            return Some(Found::CircuitOpen);
        }
        if self.shelf.has_room() {
            if self.callers_create() {
                match self.reserve() {
                    Ok(vacancy) => return Some(Found::Vacancy(vacancy)),
                    Err(held) => caller.look_again.set(held.until),
                }
            } else if self.request_creation(self.unserved().max(1)) {
                return None;
            } else if self.creates_inline() {
                // The crew makes the probes; nobody but those who wait asks it for them.
                caller.look_again.set(self.creation_held_until(self.now()).unwrap_or(u64::MAX));
            }
        }
        if free_slots { self.last_resort(caller) } else { None }
    }

    fn last_resort(&self, caller: &Caller) -> Option<Found<'_, M::Resource>> {
        // Nothing free, and no new one to be had for now: then one whose time has come, which the keeper would have replaced
        // if it had room.
        if self.each_use.expires()
            && let Some(right) = self.shelf.take_anywhere(caller.start)
        {
            return Some(Found::Resource(right));
        }
        // One good use proves nothing: it is checked again at its return.
        let last_resort = self.shelf.claim_any(Phase::Degraded, Phase::Busy)?;
        Some(Found::Resource(last_resort.marked(Mark::Suspect)))
    }

    /// Claims a free resource. What has idled for long is sent to be checked: whoever waits gets it after that.
    fn take_free(&self, caller: &Caller) -> Option<Found<'_, M::Resource>> {
        if let Some(found) = self.take_ready(caller, |shelf| shelf.take_anywhere(caller.start)) {
            return Some(found);
        }
        let stale = self.shelf.claim_any(Phase::Stale, Phase::Checking)?;
        if self.is_manual() {
            return Some(Found::Stale(stale));
        }
        self.send_to_check(stale);
        None
    }

    /// What `take` claims. If its time has come although the keeper has not been there yet, it is to end, unless none can be
    /// made for it, and another is looked for. A caller ends one, which is the room it needs, and leaves the others to the
    /// keeper's pace: after a leap of the time all are too old at once.
    fn take_ready<'s>(
        &'s self,
        caller: &Caller,
        take: impl FnOnce(&'s Shelf<M::Resource>) -> Option<Right<'s, M::Resource>>,
    ) -> Option<Found<'s, M::Resource>> {
        if !self.each_use.expires() {
            return take(&self.shelf).map(Found::Resource);
        }
        if !caller.ended_one.get() {
            let right = take(&self.shelf)?;
            if self.life(&right).expires() > self.must_outlast() {
                return Some(Found::Resource(right));
            }
            caller.ended_one.set(true);
            // It was never lent: not from BUSY does it end.
            return Some(Found::Expired(right.change(Phase::Retiring)));
        }
        self.take_unexpired().map(Found::Resource)
    }

    /// Claims a free resource whose time has not come, or any if none can be made.
    fn take_unexpired(&self) -> Option<Right<'_, M::Resource>> {
        let fit_until = self.must_outlast();
        let fit = self.shelf.slots().zip(&self.lives).filter(|(_, life)| life.expires() > fit_until);
        fit.map(|((_, slot), _)| (slot, slot.look())).find_map(|(slot, seen)| match seen.phase() {
            Phase::Ready => slot.claim(seen, Phase::Busy),
            _ => None,
        })
    }

    /// The time at which a resource that is lent must not have expired: now, or none if no other can be made.
    pub(super) fn must_outlast(&self) -> u64 {
        if !self.each_use.expires() {
            return 0;
        }
        let now = self.now();
        if self.creation.is_failing() || self.creation_held_until(now).is_some() { 0 } else { now }
    }

    fn spin(&self, caller: &Caller) -> Option<Right<'_, M::Resource>> {
        if self.shelf.hand_over() == HandOver::Always {
            return None;
        }
        for round in 0..SPIN_ROUNDS {
            for _ in 0..1 << round.min(3) {
                std::hint::spin_loop();
            }
            match self.take_ready(caller, |shelf| shelf.take_nearby(caller.start)) {
                Some(Found::Resource(right)) => return Some(right),
                Some(Found::Expired(right)) => self.retire(right, DestroyReason::Expired),
                _ => {}
            }
        }
        None
    }

    /// Looks around outside the queue, and goes on with that while the caller's thread has other work to do in between. First
    /// of all, for it may have left the queue with a wake.
    fn look_on(&self, caller: &Caller, ask: Ask) -> Option<Found<'_, M::Resource>> {
        let Some(meanwhile) = ask.meanwhile else { return self.look(caller, true) };
        let began = Instant::now();
        let found = loop {
            // What is free belongs to whoever has waited for longer.
            let oldest = self.shelf.hand_over() == HandOver::Never
                || self.shelf.waits_since().is_none_or(|since| caller.began <= since);
            let found = self.look(caller, oldest);
            if found.is_some() || began.elapsed() >= AWAY || self.now() >= caller.deadline {
                break found;
            }
            // Nobody in the queue says so for it.
            self.creation_asked();
            if !meanwhile() {
                break None;
            }
        };
        caller.stands.set(began.elapsed().clamp(STANDS.0, STANDS.1));
        found
    }

    /// Waits in the queue. None means that the pause after a failed creation is over, or that it is time to do other work.
    fn queue(&self, caller: &Caller, ask: Ask) -> Result<Option<Found<'_, M::Resource>>, CheckoutError> {
        let holder = caller.taker();
        // Its place is not denied to one that left it for a while.
        let comes_back = caller.has_queued.get() && ask.meanwhile.is_some();
        let allowed = if comes_back { None } else { self.worth_waiting(caller.deadline) };
        let request = Request { lane: ask.lane.lane(), since: caller.began, holder, allowed, comes_back };
        let shed_from = self.waits_anyway_until(caller.began);
        let until = || caller.deadline.min(caller.look_again.get());
        let stands_until = ask.meanwhile.map(|_| Instant::now() + caller.stands.get());
        let mut has_joined = false;
        let outcome = self.shelf.wait(
            &request,
            |free_slots| {
                // Nobody looks who was refused a place.
                if !std::mem::replace(&mut has_joined, true) {
                    if !caller.has_queued.replace(true) {
                        self.counts.waits.add_one();
                    }
                    self.queue_changed();
                }
                // Asked after joining the queue: of those who close a circle at the same time, one is last.
                let refuses = self.config().on_deadlock == OnDeadlock::Refuse;
                let deadlock = || (refuses && self.is_deadlocked(caller, None, true)).then_some(Found::Deadlock);
                self.look(caller, free_slots).or_else(deadlock)
            },
            |ask_at| {
                let (now, until, ask_at) = (self.now(), until(), shed_from.max(ask_at));
                let stands = stands_until.map(|until| until.saturating_duration_since(Instant::now()));
                match (self.clock.until(until.min(ask_at)), stands) {
                    _ if now >= until => Patience::Over,
                    _ if now >= ask_at => Patience::IfCalm,
                    (_, Some(Duration::ZERO)) => Patience::Over,
                    (time, Some(stands)) => Patience::For(time.map_or(stands, |time| time.min(stands))),
                    (Some(time), None) => Patience::For(time),
                    (None, None) => Patience::Forever,
                }
            },
            |right| self.open(right),
            move || self.now(),
        );
        // Whoever is back in a moment has not changed it.
        let comes_again = matches!(outcome, Outcome::TimedOut { .. }) && self.now() < caller.deadline;
        if has_joined && !(comes_again && ask.meanwhile.is_some()) {
            self.queue_changed();
        }
        match outcome {
            Outcome::Granted(right) => Ok(Some(Found::Resource(right))),
            Outcome::Found(found) => Ok(Some(found)),
            Outcome::Refused(Refusal::Closed) => Err(self.refused_closed()),
            Outcome::Refused(Refusal::Create { error, attempts, severity }) => {
                Err(self.create_error(CreateFailure { error, severity, failures: attempts, turns: 0 }, Some(caller)))
            }
            Outcome::Refused(Refusal::CircuitOpen(open)) => Err(CheckoutError::CircuitOpen(open)),
            Outcome::Refused(Refusal::LookAgain) => Ok(None),
            Outcome::Full { waiting } => Err(self.saturated(waiting)),
            Outcome::Shed { above_for } => Err(self.shed_for_delay(caller.began, above_for)),
            Outcome::Unservable { before, each, waiting } => Err(self.unservable(before, each, waiting, allowed)),
            Outcome::TimedOut { .. } if comes_again => Ok(None),
            Outcome::TimedOut { position } => Err(self.timed_out(caller, position)),
        }
    }

    /// After a failed creation on the caller's thread: whether to wait, for the next attempt or for a return.
    fn may_wait_on(&self, caller: &Caller, ask: Ask, failure: CreateFailure) -> Result<(), CheckoutError> {
        let retries = self.recovery(FailureKind::Create(failure.severity)) == Recovery::Retry;
        let too_late = || self.creation.paused_until(self.now()).is_some_and(|pause| pause >= caller.deadline);
        let is_over = || failure.failures >= self.config().backoff.attempts || too_late();
        if matches!(ask.patient, Patient::Never) || !retries || (is_over() && self.is_hopeless()) {
            return Err(self.create_error(failure, Some(caller)));
        }
        self.let_go(failure.error);
        Ok(())
    }
}
