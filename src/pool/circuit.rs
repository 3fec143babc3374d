//! The pool's breaker: what is down is not asked again and again, and callers are told at once.
//!
//! It counts creations. An open circuit refuses them and nothing else: what is alive is lent as ever, and only those are
//! told whom nothing alive could serve. Checks count in a row of their own, which opens nothing by itself: resources may all be
//! dead because the backend was restarted, and is there again. It makes the circuit half-open: the next creations are probes.
//!
//! Probes run on the crew, so that no caller's thread is the first to find out. A caller that comes meanwhile waits for them like
//! for any creation; without threads ([`Keeper::Manual`](crate::Keeper::Manual)) it is the caller after all.

use super::Inner;
use super::create::Held;
use crate::config::PoolConfig;
use crate::core::sync::around::{AtomicU32, Mutex, fence};
use crate::error::{CheckoutError, CircuitOpen, Refusal};
use crate::manager::Manager;
use crate::observe::{BreakerLook, PoolEvent};
use crate::resilience::circuit::{Change, Circuit, Look, Refused, Ticket};
use crate::resilience::{BreakerState, Trip};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// Checks that fail in a row, on whichever resources, before creations are probes, where the breaker trips at a rate.
const CHECKS_IN_A_ROW: u32 = 5;

pub(crate) struct PoolBreaker {
    circuit: Circuit,
    /// Checks that failed in a row since the last one that passed, or the last creation that succeeded.
    failed_checks: AtomicU32,
    most_failed_checks: AtomicU32,
    /// What the log is to be told, by whoever has nothing in hand: see [`Inner::tell_of_circuit`].
    untold: Mutex<Vec<(log::Level, String)>>,
}

impl PoolBreaker {
    pub(super) fn of(config: &PoolConfig) -> Option<Self> {
        let config = config.breaker.as_ref()?;
        let most_failed_checks = AtomicU32::new(checks_in_a_row(config.trip));
        let (circuit, failed_checks) = (Circuit::new(config), AtomicU32::new(0));
        Some(Self { circuit, failed_checks, most_failed_checks, untold: Mutex::default() })
    }
}

fn checks_in_a_row(trip: Trip) -> u32 {
    match trip {
        Trip::Consecutive(failures) => failures,
        Trip::Rate { .. } => CHECKS_IN_A_ROW,
    }
}

/// The leave to make a resource. Whoever has it says how that went.
#[must_use]
#[derive(Clone, Copy)]
pub(super) struct Leave(Option<Ticket>);

impl<M: Manager> Inner<M> {
    fn look_at_circuit(&self) -> Option<Look> {
        Some(self.breaker.as_ref()?.circuit.look(self.now()))
    }

    /// Has the breaker compare with other numbers.
    pub(super) fn set_breaker(&self, config: &PoolConfig) {
        if let (Some(breaker), Some(config)) = (&self.breaker, &config.breaker) {
            breaker.circuit.set(config);
            breaker.most_failed_checks.store(checks_in_a_row(config.trip), Relaxed);
        }
    }

    pub(crate) fn breaker_state(&self) -> Option<BreakerState> {
        self.look_at_circuit().map(|look| look.state)
    }

    pub(crate) fn breaker_look(&self) -> Option<BreakerLook> {
        self.look_at_circuit().map(|look| BreakerLook::new(look.state, look.failures, self.retry_after()))
    }

    pub(crate) fn is_circuit_open(&self) -> bool {
        self.breaker_state() == Some(BreakerState::Open)
    }

    /// Whether the breaker has its eye on creations, or refuses them.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.breaker_state().is_some_and(|state| state != BreakerState::Closed)
    }

    /// Whether callers make their own resources: where that measured best, but not if they would be probes.
    pub(super) fn callers_create(&self) -> bool {
        self.creates_inline() && (self.is_manual() || !self.is_in_trouble())
    }

    /// When creation may go on, if it has to pause: after a failure, or while the circuit is open.
    pub(crate) fn creation_held_until(&self, now: u64) -> Option<u64> {
        match self.breaker.as_ref().and_then(|breaker| breaker.circuit.opens_again_at(now)) {
            Some(opens_again) => (opens_again > now).then_some(opens_again),
            None => self.creation.paused_until(now),
        }
    }

    /// Leave to make one more resource, if failures lately do not speak against it.
    pub(super) fn ask_leave(&self) -> Result<Leave, Held> {
        let attempt = || self.creation.attempt(&self.config().backoff, self.now());
        let Some(PoolBreaker { circuit, .. }) = &self.breaker else { return attempt().map(|()| Leave(None)) };
        let held = |refused: Refused| Held { until: self.now().saturating_add(refused.retry_after) };
        let ticket = circuit.acquire(|| self.now()).map_err(held)?;
        self.circuit_changed(ticket.change);
        // Probes have places of their own, in place of a pause.
        if !ticket.is_probe() {
            attempt().inspect_err(|_| circuit.cancelled(ticket))?;
        }
        Ok(Leave(Some(ticket)))
    }

    /// Leave for what is tried whatever happened before.
    pub(super) fn take_leave(&self) -> Leave {
        let ticket = self.breaker.as_ref().and_then(|breaker| breaker.circuit.acquire(|| self.now()).ok());
        self.circuit_changed(ticket.and_then(|ticket| ticket.change));
        Leave(ticket)
    }

    /// Nothing was made after all.
    pub(super) fn leave_unused(&self, leave: Leave) {
        if let (Some(breaker), Leave(Some(ticket))) = (&self.breaker, leave) {
            breaker.circuit.cancelled(ticket);
        }
    }

    pub(super) fn made(&self, leave: Leave) {
        let Some(breaker) = &self.breaker else { return };
        breaker.failed_checks.store(0, Relaxed);
        if let Leave(Some(ticket)) = leave {
            self.circuit_changed(breaker.circuit.succeeded(ticket, || self.now()));
        }
    }

    pub(super) fn not_made(&self, leave: Leave) {
        if let (Some(breaker), Leave(Some(ticket))) = (&self.breaker, leave) {
            self.circuit_changed(breaker.circuit.failed(ticket, || self.now()));
        }
    }

    /// A creation that was let through at some time hangs, and counts as failed.
    pub(crate) fn creation_hangs(&self) {
        if let Some(breaker) = &self.breaker {
            self.circuit_changed(breaker.circuit.failed_of_late(|| self.now()));
            self.tell_the_hopeless();
            self.tell_of_circuit();
        }
    }

    /// A check of some resource passed, or failed.
    pub(super) fn checked(&self, passed: bool) {
        let Some(breaker) = &self.breaker else { return };
        if passed {
            // A load where there is nothing to forget: checks may be many.
            if breaker.failed_checks.load(Relaxed) != 0 {
                breaker.failed_checks.store(0, Relaxed);
            }
        } else if breaker.failed_checks.fetch_add(1, Relaxed) + 1 >= breaker.most_failed_checks.load(Relaxed) {
            breaker.failed_checks.store(0, Relaxed);
            self.circuit_changed(breaker.circuit.suspect(self.now()));
        }
    }

    /// Refuses creations from now on, until probes succeed.
    pub(super) fn trip(&self) {
        if let Some(breaker) = &self.breaker {
            self.circuit_changed(breaker.circuit.trip(self.now()));
            self.tell_the_hopeless();
            self.tell_of_circuit();
        }
    }

    /// Allows creations from now on.
    pub(super) fn reset(&self) {
        if let Some(breaker) = &self.breaker {
            let was_failing = self.creation.starts_over();
            self.circuit_changed(breaker.circuit.reset(self.now()));
            if was_failing {
                self.creation_is_back();
            }
            self.tell_of_circuit();
        }
    }

    /// Tells the log how the circuit went. The logger is the user's, and may take its time: whoever calls this has nothing in
    /// hand, and owes nobody anything.
    pub(crate) fn tell_of_circuit(&self) {
        let Some(PoolBreaker { untold, .. }) = &self.breaker else { return };
        let told = std::mem::take(&mut *untold.lock());
        for (level, text) in told {
            self.log(level, format_args!("{text}"));
        }
    }

    fn circuit_changed(&self, change: Option<Change>) {
        let (Some(Change { from, to }), Some(breaker)) = (change, &self.breaker) else { return };
        let look = self.look_at_circuit();
        let failures = look.map_or(0, |look| look.failures);
        let retry_after = self.retry_after();
        self.subscribers.tell_subscribers(|| PoolEvent::Breaker { from, to, failures, retry_after });
        let line = match to {
            BreakerState::Open => {
                let text = format!("creates nothing for {retry_after:.1?}: {failures} failures; {from} circuit opened");
                (log::Level::Warn, text)
            }
            BreakerState::HalfOpen => (log::Level::Info, "creates again, to see whether it works".to_owned()),
            BreakerState::Closed => (log::Level::Info, "creates as before".to_owned()),
        };
        breaker.untold.lock().push(line);
        if to == BreakerState::Closed {
            self.creation_is_back();
        }
        if to == BreakerState::Open {
            self.tell_those_who_serve();
        }
        // The keeper has a probe to send, or demand to serve, and the log to tell if nobody else has.
        self.alarm.ring();
    }

    fn retry_after(&self) -> Duration {
        let now = self.now();
        let opens_again = self.breaker.as_ref().and_then(|breaker| breaker.circuit.opens_again_at(now));
        Duration::from_nanos(opens_again.map_or(0, |at| at.saturating_sub(now)))
    }

    /// Whether nobody can be served: nothing is alive, and nothing may be made.
    pub(super) fn is_circuit_open_on_nothing(&self) -> bool {
        self.is_circuit_open() && self.is_hopeless()
    }

    /// Ends the waits of those whom nothing alive can serve, while the circuit is open. Whoever waits from now on finds out by
    /// itself: it joins the queue, then looks; here the circuit opened, or the last one went, and then the queue is looked at.
    pub(crate) fn tell_the_hopeless(&self) {
        fence(SeqCst);
        let there = self.attendant_waiting();
        if self.shelf.waiting() == 0 && there == 0 {
            return;
        }
        // Before the look: for who joins after it, the circuit may let a probe through.
        let turns = self.shelf.turns();
        if self.is_circuit_open_on_nothing() {
            self.remember_demand();
            let refusal = Refusal::CircuitOpen(Box::new(self.circuit_open()));
            self.shelf.refuse_waiters(turns, &refusal, move || self.now());
            self.refuse_there(there, &refusal);
            // Another creation may have failed meanwhile, and those who were told may be done with the error.
            self.let_go(refusal);
        }
    }

    /// The error of a caller that an open circuit leaves with nothing.
    pub(super) fn refused_by_circuit(&self) -> CheckoutError {
        self.remember_demand();
        CheckoutError::CircuitOpen(Box::new(self.circuit_open()))
    }

    fn circuit_open(&self) -> CircuitOpen {
        CircuitOpen {
            pool: self.name().cloned(),
            retry_after: self.retry_after(),
            failures: self.look_at_circuit().map_or(0, |look| look.failures),
            error: self.creation.last_error(),
        }
    }

    /// Somebody was refused who would have had a resource made: the keeper has a probe sent in its place when the time comes.
    pub(super) fn remember_demand(&self) {
        if !self.creation.asked.swap(true, SeqCst) {
            self.alarm.ring();
        }
    }
}
