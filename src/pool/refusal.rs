//! Refusal: what callers are told who get no resource.

use super::Inner;
use super::checkout::Caller;
use super::create::CreateFailure;
use crate::core::Phase;
use crate::core::sync::around::thread;
use crate::error::{CheckoutError, Closed, CreateError, Exhausted, Saturated, Timeout, WouldDeadlock};
use crate::manager::{Manager, Severity};
use crate::observe::{Holder, Line, PoolEvent, kind};
use std::time::Duration;

/// Transitions in an error. A few: whoever wants them all has `Pool::transitions`.
pub(super) const LATELY: usize = 3;

/// Asked twice: for a moment after a checkout its slot names the last holder, unless returns take the name off, as where a circle is refused.
fn stays(is_there: impl Fn() -> bool) -> bool {
    is_there() && {
        thread::yield_now();
        is_there()
    }
}

impl<M: Manager> Inner<M> {
    /// Counts an error on its way to a caller, and tells the subscribers: every one passes here, once.
    pub(super) fn refused(&self, error: &CheckoutError) {
        match error {
            CheckoutError::Timeout(_) => self.counts.timeouts.add_one(),
            _ => self.counts.rejected.add_one(),
        }
        if let CheckoutError::Shed(shed) = error {
            self.counts.shed_one(shed.reason);
        }
        self.subscribers.journal.note(Line::Refused(kind(error)));
        self.subscribers.tell_subscribers(|| PoolEvent::Refused(error.clone()));
    }

    pub(super) fn create_error(&self, failure: CreateFailure, caller: Option<&Caller>) -> CheckoutError {
        let CreateFailure { error, severity, failures, .. } = failure;
        let waited = caller.map_or(0, |caller| self.now().saturating_sub(caller.began));
        CheckoutError::Create(Box::new(CreateError {
            pool: self.name.clone(),
            attempts: failures,
            waited: Duration::from_nanos(waited),
            retryable: severity == Severity::Transient,
            severity,
            error,
        }))
    }

    pub(super) fn refused_closed(&self) -> CheckoutError {
        CheckoutError::Closed(Box::new(self.closed_error()))
    }

    pub(super) fn closed_error(&self) -> Closed {
        Closed { pool: self.name.clone(), cause: self.stopped_by.get().cloned() }
    }

    pub(super) fn exhausted_or_over_budget(&self) -> CheckoutError {
        if self.shelf.has_room() {
            if let Some(limit) = self.over_budget() {
                return self.create_error(CreateFailure::transient(limit), None);
            }
            if self.is_circuit_open() {
                if self.is_hopeless() {
                    return self.refused_by_circuit();
                }
                self.remember_demand();
            } else if let Some(failure) = self.pausing_after() {
                return self.create_error(failure, None);
            }
        }
        CheckoutError::Exhausted(Exhausted {
            in_use: self.in_phase(Phase::Busy) as u32,
            creating: self.in_phase(Phase::Creating) as u32,
            capacity: self.capacity() as u32,
        })
    }

    pub(super) fn timed_out(&self, caller: &Caller, position: u32) -> CheckoutError {
        if !self.callers_create() {
            self.gave_up_on_creation();
        }
        let deadlock = self.is_deadlocked(caller, None, false);
        if deadlock {
            self.log(log::Level::Warn, format_args!("every holder waits here for a second resource: a deadlock"));
        }
        let now = self.now();
        let holders = self.shelf.slots().filter_map(|(index, slot)| Holder::now_of(index, slot, now));
        CheckoutError::Timeout(Box::new(Timeout {
            pool: self.name.clone(),
            waited: Duration::from_nanos(now.saturating_sub(caller.began)),
            in_use: self.in_phase(Phase::Busy),
            capacity: self.capacity(),
            waiting: self.shelf.waiting() as usize + 1,
            position: position as usize,
            oldest: holders.max_by_key(|holder| holder.held_for).map(Holder::named),
            deadlock,
            last_create: self.creation.last_error(),
            lately: self.recorder.last(LATELY),
        }))
    }

    /// The failure after which creation pauses, if it does.
    fn pausing_after(&self) -> Option<CreateFailure> {
        self.creation.paused_until(self.now())?;
        let (error, failures) = (self.creation.last_error()?, self.creation.failures());
        Some(CreateFailure { error, severity: Severity::Transient, failures, turns: 0 })
    }

    pub(crate) fn in_use(&self) -> usize {
        self.in_phase(Phase::Busy)
    }

    pub(super) fn in_phase(&self, phase: Phase) -> usize {
        self.shelf.slots().filter(|(_, slot)| slot.look().phase() == phase).count()
    }

    /// Whether nobody is left to return what the caller waits for: the resource in slot `wanted`, or any. It is `seated` if it asks from its
    /// place on a list, to be refused if so; else it waits no more, and is only told.
    pub(super) fn is_deadlocked(&self, caller: &Caller, wanted: Option<u32>, seated: bool) -> bool {
        let number = caller.number;
        (wanted.is_none() && stays(|| self.shelf.is_last_of_circle(number, seated)))
            || stays(|| self.shelf.is_in_circle(number, wanted, seated))
    }

    pub(super) fn saturated(&self, waiting: u32) -> CheckoutError {
        let max_waiters = self.config().max_waiters.unwrap_or(usize::MAX);
        let saturated = Saturated { pool: self.name.clone(), waiting: waiting as usize, max_waiters };
        CheckoutError::Saturated(Box::new(saturated))
    }

    pub(super) fn would_deadlock(&self) -> CheckoutError {
        let holders = self.holders();
        CheckoutError::WouldDeadlock(Box::new(WouldDeadlock { pool: self.name.clone(), holders }))
    }
}
