//! The ticket: where a job's answer is waited for.

use super::circle::{Closes, Waiter, give_way, join};
use super::error::JobError;
use super::job::Answers;
use crate::core::sync::{current, park, park_timeout};
use crate::keeper::{Clock, nanos};
use crate::pool::NEVER;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Looks at an answer that may come at once, before its thread parks: a few hundred nanoseconds in all.
const SPINS: u32 = 64;

/// How often who waits looks at a clock that it cannot wait on: a virtual one.
const LOOK: Duration = Duration::from_millis(1);

/// The claim to a job's answer.
///
/// Dropping it does not cancel the job: who wants no answer need not keep it. The answer is dropped then, on the worker's thread.
#[must_use = "dropping a ticket does not cancel its job; say so with drop, if that is meant"]
pub struct Ticket<T> {
    task: Arc<dyn Answers<T>>,
    clock: Clock,
    /// Whose jobs it would wait for in vain: a number, as a reference would be counted by all who submit.
    circle: u64,
}

impl<T> Ticket<T> {
    pub(super) fn new(task: Arc<dyn Answers<T>>, clock: Clock, circle: u64) -> Self {
        Self { task, clock, circle }
    }

    /// Waits for the answer.
    ///
    /// # Blocking
    /// Until the job is done, or will never be.
    ///
    /// # Errors
    /// Every variant of [`JobError`] but `Refused`. [`WouldDeadlock`](JobError::WouldDeadlock) only within a job of the same workers, or
    /// within `create`: then this job is cancelled, if it has not begun. Workers that wait for each other's jobs across two sets are not
    /// found out: whoever builds two that submit to each other bounds those waits, with [`wait_timeout`](Self::wait_timeout) or with
    /// [`Job::timeout`](super::Job::timeout).
    pub fn wait(self) -> Result<T, JobError> {
        match self.answer_by(NEVER) {
            Some(answer) => answer,
            // Nobody but this ticket takes it.
            None => Err(JobError::Cancelled),
        }
    }

    /// Waits for the answer, for `timeout` at most: then the ticket comes back, and the job goes on. Within a job of the same workers too:
    /// a wait that ends by itself is never refused, and nobody is refused because of it.
    ///
    /// # Blocking
    /// Until the job is done, at most for `timeout`. Zero looks once.
    ///
    /// # Errors
    /// The ticket, if the answer has not come in time.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<T, JobError>, Self> {
        let until = self.clock.now().saturating_add(nanos(timeout));
        self.answer_by(until).ok_or(self)
    }

    /// The answer, if it is there. After that it is no more: then, and while the job is not done, `None`.
    pub fn poll(&mut self) -> Option<Result<T, JobError>> {
        self.expire();
        self.task.take()
    }

    /// Whether the job is over: answered, cancelled, refused or too late.
    pub fn is_done(&self) -> bool {
        self.expire();
        self.task.is_over()
    }

    /// Cancels the job if it has not begun. True: it never will, and its answer is [`JobError::Cancelled`]. What it had captured is
    /// dropped here. False: it runs, or is over.
    pub fn cancel(&self) -> bool {
        self.task.cancel()
    }

    fn expire(&self) {
        if self.task.limit() != NEVER {
            self.task.expire(self.clock.now());
        }
    }

    fn answer_by(&self, until: u64) -> Option<Result<T, JobError>> {
        for _ in 0..SPINS {
            if self.task.has_answer() {
                return self.task.take();
            }
            std::hint::spin_loop();
        }
        // A wait that ends by itself is in nobody's way for ever.
        let is_bounded = until != NEVER;
        let mut waiter = || Ok(Waiter::new(current(), if is_bounded { None } else { join(self.circle)? }));
        match self.task.wait(&mut waiter) {
            Ok(true) if is_bounded => {}
            Ok(true) => give_way(self.circle),
            Ok(false) => return self.task.take(),
            Err(Closes(workers)) => {
                self.task.cancel();
                return Some(Err(JobError::WouldDeadlock { workers }));
            }
        }
        loop {
            if let Some(answer) = self.task.take() {
                return Some(answer);
            }
            // Read anew: of a job that begins, what counts is how long it runs.
            let limit = self.task.limit();
            match limit.min(until) {
                // The keeper ends a job that takes too long.
                NEVER => park(),
                next => {
                    let now = self.clock.now();
                    if now >= limit {
                        self.task.expire(now);
                    } else if now >= until {
                        self.task.wait_no_more();
                        // It may have come between the two.
                        return self.task.take();
                    } else {
                        park_timeout(self.clock.until(next).unwrap_or(LOOK));
                    }
                }
            }
        }
    }
}

/// For those who wait for several tickets, outside of jobs.
impl<T> Ticket<T> {
    /// The answer, if it is there; else the calling thread is unparked when it is.
    pub(super) fn poll_or_unpark(&mut self) -> Option<Result<T, JobError>> {
        self.expire();
        if let Ok(true) = self.task.wait(&mut || Ok(Waiter::new(current(), None))) {
            return None;
        }
        self.task.take()
    }

    /// How long the calling thread may park before it is to look by itself. None: until it is unparked.
    pub(super) fn patience(&self) -> Option<Duration> {
        // Of a job that begins meanwhile the limit is another, and the keeper's to watch.
        match self.task.limit() {
            NEVER => None,
            limit => Some(self.clock.until(limit).unwrap_or(LOOK).max(LOOK)),
        }
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("is_done", &self.task.is_over()).finish_non_exhaustive()
    }
}
