//! A job: what is to be run, what became of it, and who waits for that, in one allocation.

use super::error::{JobError, JobPanic, JobTimeout};
use crate::core::sync::{Mutex, Thread};
use crate::error::{dropped, let_go};
use crate::pool::{NEVER, Priority};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// What was agreed on when the job was submitted. Times are the pool's, in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) site: &'static Location<'static>,
    pub(super) priority: Priority,
    /// When it was submitted, by the coarse clock.
    pub(super) tick: u32,
    /// When it was submitted, if something of it is limited.
    pub(super) since: u64,
    /// Not to begin after this.
    pub(super) start_by: u64,
    /// To be done by this.
    pub(super) end_by: u64,
    /// To run no longer than this.
    pub(super) run_for: u64,
}

impl Terms {
    pub(super) fn is_limited(&self) -> bool {
        self.start_by.min(self.end_by).min(self.run_for) != NEVER
    }

    /// When the job is to be done, if it begins now.
    pub(super) fn due(&self, now: u64) -> u64 {
        self.end_by.min(now.saturating_add(self.run_for))
    }

    /// The last moment to begin.
    pub(super) fn latest(&self) -> u64 {
        self.start_by.min(self.end_by)
    }
}

/// How a job's turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was over before it began.
    Missed,
    Done,
    Panicked,
}

/// A job, for the workers.
pub(super) trait Run<R>: Send + Sync {
    fn terms(&self) -> &Terms;
    /// Runs it, unless it is over. Catches its panic, and that of whatever is dropped on the way.
    fn run(&self, resource: &mut R) -> Turn;
    /// Ends a job that has not begun with `error`. False if it has, or is over.
    fn refuse(&self, error: JobError) -> bool;
    /// Ends a job that has not begun by `now`, or is not done by `due`.
    fn expire(&self, now: u64, began: Option<u64>) -> bool;
}

pub(super) type AnyJob<R> = Arc<dyn Run<R> + Send + Sync>;

/// A job, for its ticket.
pub(super) trait Answers<T>: Send + Sync {
    fn terms(&self) -> &Terms;
    fn is_over(&self) -> bool;
    /// The answer, once.
    fn take(&self) -> Option<Result<T, JobError>>;
    /// The answer, or the promise that `thread` is unparked when there is one.
    fn take_or_wait(&self, thread: Thread) -> Option<Result<T, JobError>>;
    /// Nobody waits any more. True if somebody was to be unparked.
    fn wait_no_more(&self);
    /// Ends a job that has not begun.
    fn cancel(&self) -> bool;
    /// As the workers do, should they be slow to: ends what is late.
    fn expire(&self, now: u64) -> bool;
}

pub(super) struct Task<F, T> {
    terms: Terms,
    state: Mutex<State<F, T>>,
}

struct State<F, T> {
    stage: Stage<F, T>,
    /// Who is unparked once it is over.
    waiter: Option<Thread>,
}

enum Stage<F, T> {
    Queued(F),
    /// Since when, if it may not take as long as it likes.
    Running(Option<u64>),
    /// None once the answer has been taken.
    Over(Option<Result<T, JobError>>),
}

impl<F, T> Task<F, T> {
    pub(super) fn new(job: F, terms: Terms) -> Self {
        Self { terms, state: Mutex::new(State { stage: Stage::Queued(job), waiter: None }) }
    }

    /// Takes the job back from a task that nobody else has seen.
    pub(super) fn into_job(self) -> Option<F> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.stage, Stage::Over(None)) {
            Stage::Queued(job) => Some(job),
            Stage::Running(_) | Stage::Over(_) => None,
        }
    }

    /// The job, if it has not begun; from now on it runs.
    fn begin(&self) -> Option<F> {
        let mut state = self.state.lock();
        if !matches!(state.stage, Stage::Queued(_)) {
            return None;
        }
        match std::mem::replace(&mut state.stage, Stage::Running(None)) {
            Stage::Queued(job) => Some(job),
            Stage::Running(_) | Stage::Over(_) => unreachable!("looked at under the same lock"),
        }
    }

    /// Gives the answer, unless there is one. Wakes who waits for it.
    fn answer(&self, answer: Result<T, JobError>) {
        let mut state = self.state.lock();
        if let Stage::Over(_) = state.stage {
            drop(state);
            // It came too late, and is the user's to drop.
            return let_go(answer);
        }
        state.stage = Stage::Over(Some(answer));
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            waiter.unpark();
        }
    }

    /// Ends the job with `error` if `is_to_end` says so of the stage it is in. The job itself is dropped, outside of the lock.
    fn end_if(&self, is_to_end: impl FnOnce(&Stage<F, T>) -> bool, error: impl FnOnce() -> JobError) -> bool {
        let mut state = self.state.lock();
        if matches!(state.stage, Stage::Over(_)) || !is_to_end(&state.stage) {
            return false;
        }
        let before = std::mem::replace(&mut state.stage, Stage::Over(Some(Err(error()))));
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            waiter.unpark();
        }
        let_go(before);
        true
    }

    fn timeout(&self, now: u64, began: Option<u64>) -> JobError {
        let span = |from: u64, to: u64| Duration::from_nanos(to.saturating_sub(from));
        JobError::Timeout(Box::new(JobTimeout {
            workers: None,
            waited: span(self.terms.since, began.unwrap_or(now)),
            ran_for: began.map(|began| span(began, now)),
        }))
    }
}

fn is_queued<F, T>(stage: &Stage<F, T>) -> bool {
    matches!(stage, Stage::Queued(_)) || left_out!("cancel_asks")
}

impl<R, F, T> Run<R> for Task<F, T>
where
    F: FnOnce(&mut R) -> T + Send,
    T: Send,
{
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn run(&self, resource: &mut R) -> Turn {
        let Some(job) = self.begin() else { return Turn::Missed };
        // AssertUnwindSafe: what a panic did to the resource is judged at its return.
        match catch_unwind(AssertUnwindSafe(|| job(resource))) {
            Ok(value) => {
                self.answer(Ok(value));
                Turn::Done
            }
            Err(payload) => {
                self.answer(Err(JobError::Panicked(JobPanic::new(payload))));
                Turn::Panicked
            }
        }
    }

    fn refuse(&self, error: JobError) -> bool {
        self.end_if(is_queued, || error)
    }

    fn expire(&self, now: u64, began: Option<u64>) -> bool {
        match began {
            None => self.end_if(is_queued, || self.timeout(now, None)),
            Some(began) => self.end_if(|stage| matches!(stage, Stage::Running(_)), || self.timeout(now, Some(began))),
        }
    }
}

impl<F: Send, T: Send> Answers<T> for Task<F, T> {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn is_over(&self) -> bool {
        matches!(self.state.lock().stage, Stage::Over(_))
    }

    fn take(&self) -> Option<Result<T, JobError>> {
        match &mut self.state.lock().stage {
            Stage::Over(answer) => answer.take(),
            Stage::Queued(_) | Stage::Running(_) => None,
        }
    }

    fn take_or_wait(&self, thread: Thread) -> Option<Result<T, JobError>> {
        let mut state = self.state.lock();
        match &mut state.stage {
            Stage::Over(answer) => answer.take(),
            Stage::Queued(_) | Stage::Running(_) => {
                state.waiter = Some(thread);
                None
            }
        }
    }

    fn wait_no_more(&self) {
        self.state.lock().waiter = None;
    }

    fn cancel(&self) -> bool {
        self.end_if(is_queued, || JobError::Cancelled)
    }

    fn expire(&self, now: u64) -> bool {
        now >= self.terms.latest() && self.end_if(is_queued, || self.timeout(now, None))
    }
}

/// Drops a job, which may be the last of it: what the user put into it may panic in its drop.
pub(super) fn let_go_of<R>(job: AnyJob<R>) {
    if let Err(payload) = dropped(job) {
        let_go(payload);
    }
}
