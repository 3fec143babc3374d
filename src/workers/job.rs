//! A job: what is to be run, what became of it, and who waits for that, in one allocation.

use super::circle::{Closes, Waiter};
use super::error::{JobError, JobPanic, JobTimeout};
use crate::core::sync::{AtomicBool, Mutex};
use crate::error::{dropped, let_go};
use crate::keeper::since_ticks;
use crate::pool::{NEVER, Priority, Seen};
use smallbox::{SmallBox, smallbox};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What was agreed on when the job was submitted. Small, as every job has one.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) site: &'static Location<'static>,
    /// When it was submitted, by the coarse clock.
    pub(super) tick: u32,
    pub(super) priority: Priority,
}

/// When a job is too late, in the pool's nanoseconds, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// When it was submitted.
    pub(super) since: u64,
    /// Not to begin after this.
    pub(super) start_by: u64,
    /// To be done by this.
    pub(super) end_by: u64,
    /// Bound to the worker that runs it, if it succeeds.
    pub(super) session: Option<Seen>,
}

impl Limits {
    /// The last moment to begin.
    fn latest(&self) -> u64 {
        self.start_by.min(self.end_by)
    }
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begins,
    /// It has a value, which nobody knows yet.
    Succeeded,
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
pub(super) trait Run<R>: Late {
    fn terms(&self) -> &Terms;
    fn limits(&self) -> Option<&Limits>;
    /// Runs it, unless it is over, and tells of its steps. Catches its panic.
    fn run(&self, resource: &mut R, span: Span, tell: &mut dyn FnMut(Step)) -> Turn;
    /// Ends a job that has not begun with `error`. False if it has, or is over.
    fn refuse(&self, error: JobError) -> bool;
}

/// A job, for whoever watches its time.
pub(super) trait Late: Send + Sync {
    /// Ends it if its time is over at `now`: it has not begun, or is not done.
    fn expire(&self, now: u64) -> bool;
}

/// A job in the queue.
pub(super) enum AnyJob<R> {
    /// Others may end it too.
    Shared(Arc<dyn Run<R>>),
    Bare(Bare<R>),
}

/// Where the job that is run next goes, and stays while it runs: to hand it on costs more than some jobs take.
pub(super) type Next<R> = Option<AnyJob<R>>;

impl<R> AnyJob<R> {
    #[inline]
    pub(super) fn terms(&self) -> &Terms {
        match self {
            AnyJob::Shared(job) => job.terms(),
            AnyJob::Bare(job) => &job.terms,
        }
    }

    /// Ends it with what `error` makes. False if it was over before.
    pub(super) fn refuse(self, error: impl FnOnce(&Terms) -> JobError) -> bool {
        let is_refused = match &self {
            AnyJob::Shared(job) => job.refuse(error(job.terms())),
            AnyJob::Bare(_) => true,
        };
        let_go_of(self);
        is_refused
    }
}

/// A job that nobody has a claim to and nothing limits: it runs, or is dropped.
pub(super) struct Bare<R> {
    pub(super) terms: Terms,
    job: SmallBox<dyn FnMut(&mut R) -> Turn + Send, Inline>,
}

/// What a job may have captured to be kept in the queue itself. An allocation, which another thread gives back, costs more than all else
/// that is done for an empty job.
type Inline = [usize; 4];

impl<R> Bare<R> {
    pub(super) fn new(terms: Terms, job: impl FnOnce(&mut R) + Send + 'static) -> Self {
        let mut job = Some(job);
        let run = move |resource: &mut R| {
            // AssertUnwindSafe: as below.
            match catch_unwind(AssertUnwindSafe(|| job.take().map(|job| job(resource)))) {
                Ok(None) => Turn::Missed,
                Ok(Some(())) => Turn::Done,
                Err(payload) => {
                    let_go(payload);
                    Turn::Panicked
                }
            }
        };
        Self { terms, job: smallbox!(run) }
    }

    /// Runs it, once. Catches its panic.
    pub(super) fn run(&mut self, resource: &mut R) -> Turn {
        (self.job)(resource)
    }
}

/// When a job began, and when it is to be done. Unknown, and never, if nothing limits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) began: u64,
    pub(super) due: u64,
}

impl Span {
    pub(super) const UNLIMITED: Span = Span { began: 0, due: NEVER };
}

/// A job, for its ticket.
pub(super) trait Answers<T>: Late {
    fn is_over(&self) -> bool;
    /// As far as that is known without the lock.
    fn has_answer(&self) -> bool;
    /// The answer, once.
    fn take(&self) -> Option<Result<T, JobError>>;
    /// Notes who is unparked once there is an answer: what `waiter` makes, which is asked only if there is none. False if there is one.
    fn wait(&self, waiter: &mut dyn FnMut() -> Result<Waiter, Closes>) -> Result<bool, Closes>;
    /// Nobody waits any more.
    fn wait_no_more(&self);
    /// When it will be too late, as it is now.
    fn limit(&self) -> u64;
    /// Ends a job that has not begun.
    fn cancel(&self) -> bool;
}

pub(super) struct Task<F, T> {
    terms: Terms,
    limits: Option<Box<Limits>>,
    /// There is an answer, or was. For who looks again and again, and would be in the worker's way with a lock.
    has_answer: AtomicBool,
    state: Mutex<State<F, T>>,
}

struct State<F, T> {
    stage: Stage<F, T>,
    /// Who is unparked once it is over.
    waiter: Option<Box<Waiter>>,
}

enum Stage<F, T> {
    Queued(F),
    Running(Span),
    /// None once the answer has been taken.
    Over(Option<Result<T, JobError>>),
}

impl<F, T> State<F, T> {
    /// Who is to be woken, if somebody is: waits no more from here on.
    fn waiter_is_served(&mut self) -> Option<Box<Waiter>> {
        let mut waiter = self.waiter.take()?;
        waiter.leave();
        Some(waiter)
    }
}

impl<F, T> Task<F, T> {
    pub(super) fn new(job: F, terms: Terms, limits: Option<Box<Limits>>) -> Self {
        Self {
            terms,
            limits,
            has_answer: AtomicBool::new(false),
            state: Mutex::new(State { stage: Stage::Queued(job), waiter: None }),
        }
    }

    /// The last moment to begin.
    fn latest(&self) -> u64 {
        self.limits.as_ref().map_or(NEVER, |limits| limits.latest())
    }

    /// The job, if it has not begun; from now on it runs.
    pub(super) fn begin(&self, span: Span) -> Option<F> {
        let mut state = self.state.lock();
        if !matches!(state.stage, Stage::Queued(_)) {
            return None;
        }
        match std::mem::replace(&mut state.stage, Stage::Running(span)) {
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
        let waiter = state.waiter_is_served();
        drop(state);
        self.has_answer.store(true, Relaxed);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Ends the job if `error` has one for the stage it is in. The job itself is dropped, outside of the lock.
    fn end_if(&self, error: impl FnOnce(&Stage<F, T>) -> Option<JobError>) -> bool {
        let mut state = self.state.lock();
        let Some(error) = error(&state.stage) else { return false };
        let before = std::mem::replace(&mut state.stage, Stage::Over(Some(Err(error))));
        let waiter = state.waiter_is_served();
        drop(state);
        self.has_answer.store(true, Relaxed);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        let_go(before);
        true
    }

    fn too_late(&self, now: u64, began: Option<u64>) -> JobError {
        let span = |from: u64, to: u64| Duration::from_nanos(to.saturating_sub(from));
        let until = began.unwrap_or(now);
        // Of a job without limits of its own the coarse clock knows.
        let since = |limits: &Limits| span(limits.since, until);
        let waited = || Duration::from_nanos(since_ticks(self.terms.tick, until));
        JobError::Timeout(Box::new(JobTimeout {
            waited: self.limits.as_deref().map_or_else(waited, since),
            ran_for: began.map(|began| span(began, now)),
        }))
    }
}

fn is_queued<F, T>(stage: &Stage<F, T>) -> bool {
    matches!(stage, Stage::Queued(_)) || left_out!("cancel_asks")
}

impl<F: Send, T: Send> Late for Task<F, T> {
    fn expire(&self, now: u64) -> bool {
        self.end_if(|stage| match stage {
            Stage::Queued(_) if now >= self.latest() => Some(self.too_late(now, None)),
            Stage::Running(span) if now >= span.due => Some(self.too_late(now, Some(span.began))),
            _ => None,
        })
    }
}

impl<R, F, T> Run<R> for Task<F, T>
where
    F: FnOnce(&mut R) -> T + Send,
    T: Send,
{
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn limits(&self) -> Option<&Limits> {
        self.limits.as_deref()
    }

    fn run(&self, resource: &mut R, span: Span, tell: &mut dyn FnMut(Step)) -> Turn {
        let Some(job) = self.begin(span) else { return Turn::Missed };
        tell(Step::Begins);
        // AssertUnwindSafe: what a panic did to the resource is judged at its return.
        match catch_unwind(AssertUnwindSafe(|| job(resource))) {
            Ok(value) => {
                // One that was too late has failed, whatever it comes to now.
                if self.limits.as_ref().is_some_and(|limits| limits.session.is_some()) && !Answers::is_over(self) {
                    tell(Step::Succeeded);
                }
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
        self.end_if(|stage| is_queued(stage).then_some(error))
    }
}

impl<F: Send, T: Send> Answers<T> for Task<F, T> {
    fn is_over(&self) -> bool {
        matches!(self.state.lock().stage, Stage::Over(_))
    }

    fn has_answer(&self) -> bool {
        self.has_answer.load(Relaxed)
    }

    fn take(&self) -> Option<Result<T, JobError>> {
        match &mut self.state.lock().stage {
            Stage::Over(answer) => answer.take(),
            Stage::Queued(_) | Stage::Running(_) => None,
        }
    }

    fn wait(&self, waiter: &mut dyn FnMut() -> Result<Waiter, Closes>) -> Result<bool, Closes> {
        let mut state = self.state.lock();
        let waits = !matches!(state.stage, Stage::Over(_));
        if waits {
            state.waiter = Some(Box::new(waiter()?));
        }
        Ok(waits)
    }

    fn wait_no_more(&self) {
        let waiter = self.state.lock().waiter.take();
        drop(waiter);
    }

    fn limit(&self) -> u64 {
        match self.state.lock().stage {
            Stage::Queued(_) => self.latest(),
            Stage::Running(span) => span.due,
            Stage::Over(_) => NEVER,
        }
    }

    fn cancel(&self) -> bool {
        self.end_if(|stage| is_queued(stage).then_some(JobError::Cancelled))
    }
}

/// Drops a job, which may be the last of it: what the user put into it may panic in its drop.
pub(super) fn let_go_of(job: impl Sized) {
    if let Err(payload) = dropped(job) {
        let_go(payload);
    }
}
