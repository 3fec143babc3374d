//! Failure: what follows when a resource cannot be made, or proves unfit.

use super::Inner;
use super::create::CreateFailure;
use super::life::Verdict;
use crate::core::{Phase, Right};
use crate::error::{Refusal, SharedError};
use crate::keeper::Deadline;
use crate::manager::{Manager, Severity};
use crate::observe::{DestroyReason, PoolEvent, ResourceId};
use crate::resilience::{FailureKind, Recovery};
use std::sync::Arc;
use std::time::Duration;

impl<M: Manager> Inner<M> {
    pub(super) fn recovery(&self, kind: FailureKind) -> Recovery {
        self.config().recovery.of(kind)
    }

    /// Whether nothing that is alive could serve anyone.
    pub(super) fn is_hopeless(&self) -> bool {
        self.staying() == 0
    }

    /// What follows from a creation that failed: those who wait may have to be told, and others look for a last resort. For
    /// when whoever tried owes nobody anything.
    pub(super) fn creation_failed(&self, failure: &CreateFailure) {
        match self.recovery(FailureKind::Create(failure.severity)) {
            Recovery::Stop => self.stop(&failure.error),
            Recovery::Refuse => self.refuse_waiters(failure),
            _ if self.is_circuit_open() => self.tell_the_hopeless(),
            _ if failure.failures >= self.config().backoff.attempts && self.is_hopeless() => {
                self.refuse_waiters(failure)
            }
            _ => {}
        }
        // A waiter that found a new one on its way passed over what is degraded.
        self.shelf.opened(None, self.shelf.attention(), move || self.now());
        self.tell_those_who_serve();
        self.alarm.ring();
    }

    fn refuse_waiters(&self, failure: &CreateFailure) {
        let CreateFailure { error, severity, failures, turns } = failure;
        let refusal = Refusal::Create { error: Arc::clone(error), attempts: *failures, severity: *severity };
        self.shelf.refuse_waiters(*turns, &refusal, move || self.now());
        self.refuse_there(self.attendant_waiting(), &refusal);
        self.let_go(refusal);
    }

    /// Creation works again after failures: those who sat out the pause need not wait for its end.
    pub(super) fn creation_is_back(&self) {
        self.shelf.opened(None, self.shelf.attention(), move || self.now());
        if !self.creates_inline() {
            self.request_creation(self.unserved());
        }
        self.alarm.ring();
    }

    /// The fatal error that closed the pool.
    pub(crate) fn stopped_by(&self) -> Option<SharedError> {
        self.stopped_by.get().cloned()
    }

    /// Closes the pool because of `cause`. Waits for nobody.
    pub(crate) fn stop(&self, cause: &SharedError) {
        if self.is_closed() || self.stopped_by.set(Arc::clone(cause)).is_err() {
            return;
        }
        self.subscribers.tell_subscribers(|| PoolEvent::Stopped(Arc::clone(cause)));
        self.close(Deadline::from(Duration::ZERO));
        // The logger is the user's, and may take its time.
        self.log(log::Level::Error, format_args!("stopped, because nothing can help any more: {cause}"));
    }

    /// Deals with a resource whose check failed. Whether the pool stops is another matter.
    pub(super) fn check_failed(&self, right: Right<'_, M::Resource>, severity: Severity) {
        let life = self.life(&right);
        let Some(verdict) = Verdict::of(self.recovery(FailureKind::Check(severity))) else {
            life.erred();
            return self.open_anew(right);
        };
        life.failed();
        match verdict {
            Verdict::ByTheRow => self.open_after_failure(right),
            Verdict::Replace => self.open_until_replaced(right),
            Verdict::Remove => self.destroy(right.change(Phase::Retiring), DestroyReason::CheckFailed),
        }
    }

    /// A holder's report of an error with the resource it holds. True if its return has to look at it.
    pub(crate) fn failed_in_use(&self, id: ResourceId, error: &M::Error) -> bool {
        let severity = self.classify(error);
        let recovery = self.recovery(FailureKind::Use(severity));
        self.log(log::Level::Debug, format_args!("a {severity} error in use of resource {id}: {recovery:?}"));
        let Some((slot, life)) = self.shelf.slot(id.slot()).zip(self.lives.get(id.slot())) else { return false };
        let Some(verdict) = Verdict::of(recovery) else {
            life.erred();
            return false;
        };
        life.failed_in_use(life.uses(slot.record().checkouts()), verdict);
        if recovery == Recovery::Stop {
            self.stop(&(Arc::new(FatalUse { id }) as SharedError));
        }
        true
    }
}

impl Verdict {
    /// What becomes of a resource that failed; None if it stays as it is.
    fn of(recovery: Recovery) -> Option<Verdict> {
        match recovery {
            Recovery::Retry => None,
            Recovery::Degrade => Some(Verdict::ByTheRow),
            Recovery::Replace => Some(Verdict::Replace),
            // Refuse is for creations: `RecoveryTable::validate` accepts it nowhere else.
            Recovery::Remove | Recovery::Stop | Recovery::Refuse => Some(Verdict::Remove),
        }
    }
}

/// The cause of a pool's end that a holder reported: its own error is still the holder's.
#[derive(Debug, thiserror::Error)]
#[error("the holder of resource {id} reported a fatal error with it")]
struct FatalUse {
    id: ResourceId,
}
