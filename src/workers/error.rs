//! What can go wrong between a job and its answer.

use crate::error::{CheckoutError, SharedError};
use parking_lot::Mutex;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a job has no answer of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The job panicked. Its resource was judged as at any return; see [`OnPanic`](crate::OnPanic).
    #[error(transparent)]
    Panicked(JobPanic),
    /// The job's time was over before it had begun, or before it was done.
    #[error(transparent)]
    Timeout(Box<JobTimeout>),
    /// The job was cancelled before it began.
    #[error("the job was cancelled before it began; submit it again if it is wanted after all")]
    Cancelled,
    /// The job was never accepted.
    #[error(transparent)]
    Refused(Box<SubmitError>),
    /// No worker is alive that could run the job, and none can be made, or the workers are closed: as those who wait for a resource of
    /// a [`Pool`](crate::Pool) are told.
    #[error(transparent)]
    NoWorker(CheckoutError),
    /// Every worker is at a job that waits for another job of the same workers, this caller's included: the answer would never come. Within
    /// `create` always, whatever the number of workers: with one it could not come.
    #[error(
        "all workers that are there ({workers}) are at jobs, or in create, and wait for another job of their own; wait outside of jobs, \
         or raise max_size"
    )]
    WouldDeadlock {
        /// Workers there may be, overflow included; one within `create`.
        workers: usize,
    },
}

impl JobError {
    /// Whether the same job may succeed later without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            JobError::Timeout(_) => true,
            JobError::Refused(refused) => refused.is_retryable(),
            JobError::NoWorker(error) => error.is_retryable(),
            JobError::Panicked(_) | JobError::Cancelled | JobError::WouldDeadlock { .. } => false,
        }
    }

    /// Whether the job has certainly not begun, and never will.
    pub fn never_began(&self) -> bool {
        match self {
            JobError::Panicked(_) | JobError::WouldDeadlock { .. } => false,
            JobError::Timeout(timeout) => timeout.ran_for.is_none(),
            JobError::Cancelled | JobError::Refused(_) | JobError::NoWorker(_) => true,
        }
    }
}

/// See [`JobError::Panicked`].
pub struct JobPanic(Box<Parts>);

struct Parts {
    message: String,
    /// In a lock only so that the error is `Sync`, as errors are expected to be.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl JobPanic {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned()));
        let message = text.unwrap_or_else(|| "(no message)".to_owned());
        Self(Box::new(Parts { message, payload: Mutex::new(payload) }))
    }

    /// The panic's message, if it was text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the panic carried, for [`resume_unwind`](std::panic::resume_unwind).
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.payload.into_inner()
    }
}

impl fmt::Debug for JobPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobPanic").field("message", &self.0.message).finish_non_exhaustive()
    }
}

impl fmt::Display for JobPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the job panicked: {}; mend the job, its worker goes on", self.0.message)
    }
}

impl Error for JobPanic {}

/// See [`JobError::Timeout`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobTimeout {
    /// How long the job waited: until it began, or in vain.
    pub waited: Duration,
    /// How long it had run at its deadline; None if it never began, and never will.
    pub ran_for: Option<Duration>,
}

impl fmt::Display for JobTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waited, ran_for } = self;
        match ran_for {
            None => write!(
                f,
                "the job had not begun after {waited:.1?} and never will; raise max_size, or give it more time"
            ),
            Some(ran_for) => write!(
                f,
                "the job was not done after {ran_for:.1?} of running ({waited:.1?} of waiting); its worker is replaced if a place can be lent \
                 for it; give it more time, or make it shorter"
            ),
        }
    }
}

impl Error for JobTimeout {}

/// Why a job was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The queue is full, and stayed so for as long as the caller may wait.
    #[error(
        "{queued} jobs wait already, of {limit} allowed, for {waited:.1?} of this caller's time; shed load, or raise max_size or queue"
    )]
    Full {
        /// Jobs in the queue.
        queued: usize,
        /// The most it takes.
        limit: usize,
        /// How long the caller waited for room.
        waited: Duration,
    },
    /// The workers are closed, or about to be.
    #[error("the workers are closed{}; build new ones to go on", because(.cause))]
    Closed {
        /// The fatal error that closed them, if that was no decision of the program's.
        cause: Option<SharedError>,
    },
    /// The caller is inside a job of the same workers and would wait for this one: with every worker at such a job, for ever.
    #[error(
        "submitted from inside a job of the same workers, which would wait for it; submit it outside of jobs, or let go of its ticket, or \
         use other workers"
    )]
    OnWorker,
    /// The worker that the session is bound to has something else to do, and the session takes no other ([`SessionMode::Fail`]), or may not
    /// wait for it within a job of the same workers ([`SessionMode::Wait`]).
    ///
    /// [`SessionMode::Fail`]: crate::SessionMode::Fail
    /// [`SessionMode::Wait`]: crate::SessionMode::Wait
    #[error(
        "the worker in slot {slot}, which the session is bound to, is busy, and {queued} of its jobs wait; try again, or wait for it, or take any \
         worker (Job::session; within a job of the same workers SessionMode::Hint alone waits)"
    )]
    SessionBusy {
        /// Its worker's slot.
        slot: usize,
        /// Jobs that wait for this worker.
        queued: usize,
    },
}

impl SubmitError {
    /// Whether the same job may be accepted later without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, SubmitError::Full { .. } | SubmitError::SessionBusy { .. })
    }
}

fn because(cause: &Option<SharedError>) -> String {
    cause.as_ref().map(|cause| format!(" because of a fatal error: {cause}")).unwrap_or_default()
}

/// A job that was not accepted, given back, and why.
#[non_exhaustive]
pub struct Refused<F> {
    /// The job, as it was.
    pub job: F,
    /// Why it was not accepted.
    pub reason: SubmitError,
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<F> Error for Refused<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}
