//! A job to be submitted, with its terms.

use super::Workers;
use super::circle::is_inside;
use super::error::{JobError, Refused, SubmitError};
use super::inbox::Inbox;
use super::job::{Answers, AnyJob, Bare, Limits, Run, Span, Task, Terms};
use super::manager::LocalManager;
use super::ticket::Ticket;
use crate::keeper::nanos;
use crate::pool::{NEVER, Priority, Seen, SessionMode};
use std::fmt;
use std::hash::Hash;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a session's job waits for its worker before any other may have it, unless it is told: long enough for a worker that has just answered,
/// or is at a short job.
const PATIENCE: Duration = Duration::from_millis(10);

/// See [`Workers::job`].
#[must_use = "a job does nothing until it is submitted"]
pub struct Job<'w, M: LocalManager> {
    workers: &'w Workers<M>,
    priority: Priority,
    start_by: u64,
    end_by: u64,
    session: SessionMode,
}

/// Where a session's job is to go.
struct Way {
    session: Seen,
    own: Option<Own>,
}

/// A worker's own job.
struct Own {
    slot: u32,
    /// Others may have it then.
    until: u64,
    /// Only if nothing else is to be done there.
    alone: bool,
}

impl<'w, M: LocalManager> Job<'w, M> {
    pub(super) fn new(workers: &'w Workers<M>) -> Self {
        Self {
            workers,
            priority: Priority::Normal,
            start_by: NEVER,
            end_by: NEVER,
            session: SessionMode::Hint { wait: PATIENCE },
        }
    }

    /// Its place among those that wait. Default: [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Not to begin later than this. Default: whenever there is a worker. Too late, its ticket is answered
    /// [`Timeout`](JobError::Timeout), and it never runs.
    pub fn start_by(self, instant: Instant) -> Self {
        self.start_within(instant.saturating_duration_since(Instant::now()))
    }

    /// Not to begin later than so long from now. See [`start_by`](Self::start_by).
    pub fn start_within(mut self, span: Duration) -> Self {
        self.start_by = self.workers.shared.clock.now().saturating_add(nanos(span));
        self
    }

    /// To be done within `timeout` from now, all waiting included. Default: no limit but
    /// [`job_timeout`](super::WorkersBuilder::job_timeout), which is for the run alone. Too late, its ticket is answered
    /// [`Timeout`](JobError::Timeout); it never runs, or, if it runs already, its worker is replaced.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.end_by = self.workers.shared.clock.now().saturating_add(nanos(timeout));
        self
    }

    /// What [`submit_for`](Self::submit_for) does while the worker that its key is bound to is busy. Default: [`SessionMode::Hint`] with a wait of
    /// 10 ms: then any worker may have the job, and the session is bound to that. Without a wait it goes to its own worker only if that is idle.
    /// `Wait` waits for its own as long as that lives, `Fail` is refused with [`SubmitError::SessionBusy`]; both are, within a job of the same
    /// workers, which might wait for itself. A worker is busy for some microseconds after it has answered.
    ///
    /// The keeper ends the wait of a hint: with [`Keeper::Manual`](crate::Keeper::Manual) that is at a tick.
    pub fn session(mut self, mode: SessionMode) -> Self {
        self.session = mode;
        self
    }

    /// Submits it for the worker that `key` is bound to: see [`Workers::submit_for`].
    ///
    /// # Blocking
    /// While the queue is full.
    ///
    /// # Errors
    /// As [`Workers::submit`], and [`SubmitError::SessionBusy`] as [`session`](Self::session) says.
    #[track_caller]
    pub fn submit_for<K, T, F>(self, key: &K, job: F) -> Result<Ticket<T>, SubmitError>
    where
        K: Hash + ?Sized,
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let hall = &self.workers.shared.hall;
        if hall.has_no_room() {
            self.wait_for_room(|| hall.has_no_room())?;
        }
        let way = self.way_of(key)?;
        self.accept(job, Location::caller(), Some(way)).map_err(|refused| refused.reason)
    }

    /// The same without waiting for room: see [`Workers::try_submit_for`].
    ///
    /// # Errors
    /// The job, and why it was not accepted.
    #[track_caller]
    pub fn try_submit_for<K, T, F>(self, key: &K, job: F) -> Result<Ticket<T>, Refused<F>>
    where
        K: Hash + ?Sized,
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let hall = &self.workers.shared.hall;
        if hall.has_no_room() && !hall.board.look().is_closing() {
            return Err(Refused { job, reason: hall.full(Duration::ZERO) });
        }
        match self.way_of(key) {
            Ok(way) => self.accept(job, Location::caller(), Some(way)),
            Err(reason) => Err(Refused { job, reason }),
        }
    }

    /// Whether the worker in this slot has nothing to do: it sleeps, or looks for jobs, if it could still take one after that.
    fn is_idle(&self, slot: u32, inbox: &Inbox<M::Resource>) -> bool {
        let pool = &*self.workers.pool.inner;
        pool.is_free(slot) || (inbox.is_looking() && !pool.is_past_its_time(slot))
    }

    fn way_of<K: Hash + ?Sized>(&self, key: &K) -> Result<Way, SubmitError> {
        let (hall, pool) = (&self.workers.shared.hall, &*self.workers.pool.inner);
        let now = pool.now();
        let session = pool.session_of(key, now);
        let way = |own| Ok(Way { session: session.seen(), own });
        // One that only waits for its end would have it done by its successor, which is no more its own than any other.
        let Some(slot) = pool.own_slot(&session).filter(|slot| !pool.awaits_its_end(*slot)) else { return way(None) };
        let Some(inbox) = hall.inbox(slot as usize) else { return way(None) };
        let own = |until, alone| Some(Own { slot, until, alone });
        way(match self.session {
            SessionMode::Hint { wait } if wait.is_zero() => {
                own(now, false).filter(|_| pool.is_free(slot) && !inbox.has_any())
            }
            SessionMode::Hint { wait } => own(now.saturating_add(nanos(wait)), false),
            SessionMode::Wait if !is_inside(hall.circle.number) => own(NEVER, false),
            SessionMode::Fail if !is_inside(hall.circle.number) => own(NEVER, true),
            SessionMode::Wait | SessionMode::Fail => {
                session.was_refused();
                return Err(SubmitError::SessionBusy { slot: slot as usize, queued: inbox.jobs() });
            }
        })
    }

    /// Submits it: see [`Workers::submit`]. Waits for room no longer than the job may wait for its beginning, and not at all within a job
    /// of the same workers, or `create`: those who would make room may all be there.
    ///
    /// # Blocking
    /// While the queue is full.
    ///
    /// # Errors
    /// As [`Workers::submit`].
    #[track_caller]
    pub fn submit<T, F>(self, job: F) -> Result<Ticket<T>, SubmitError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit_from(Location::caller(), job)
    }

    /// The same, on behalf of whoever is at `site`.
    pub(super) fn submit_from<T, F>(self, site: &'static Location<'static>, job: F) -> Result<Ticket<T>, SubmitError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let hall = &self.workers.shared.hall;
        if hall.is_full() {
            self.wait_for_room(|| hall.is_full())?;
        }
        self.accept(job, site, None).map_err(|refused| refused.reason)
    }

    /// Submits it without waiting for room: see [`Workers::try_submit`].
    ///
    /// # Errors
    /// The job, and why it was not accepted.
    #[track_caller]
    pub fn try_submit<T, F>(self, job: F) -> Result<Ticket<T>, Refused<F>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.try_submit_from(Location::caller(), job)
    }

    /// The same, on behalf of whoever is at `site`.
    pub(super) fn try_submit_from<T, F>(self, site: &'static Location<'static>, job: F) -> Result<Ticket<T>, Refused<F>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let hall = &self.workers.shared.hall;
        if hall.is_full() && !hall.board.look().is_closing() {
            return Err(Refused { job, reason: hall.full(Duration::ZERO) });
        }
        self.accept(job, site, None)
    }

    /// Submits it and waits for the answer: see [`Workers::execute`].
    ///
    /// # Blocking
    /// Until the job is done, or its time is over.
    ///
    /// # Errors
    /// As [`Workers::execute`].
    #[track_caller]
    pub fn execute<T, F>(self, job: F) -> Result<T, JobError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit(job).map_err(|refused| JobError::Refused(Box::new(refused)))?.wait()
    }

    fn accept<T, F>(self, job: F, site: &'static Location<'static>, way: Option<Way>) -> Result<Ticket<T>, Refused<F>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = &*self.workers.shared;
        if shared.hall.board.look().is_closing() {
            return Err(Refused { job, reason: SubmitError::Closed { cause: shared.hall.cause() } });
        }
        let limits = self.limits(way.as_ref().map(|way| way.session));
        let task = Arc::new(Task::new(job, self.terms(site), limits));
        let answers: Arc<dyn Answers<T>> = Arc::<Task<F, T>>::clone(&task);
        let shared_job: Arc<dyn Run<M::Resource>> = Arc::<Task<F, T>>::clone(&task);
        match way {
            Some(Way { session, own: Some(own) }) => {
                if let Err(reason) = self.push_for(&own, AnyJob::Shared(shared_job), session)
                    && let Some(job) = task.begin(Span::UNLIMITED)
                {
                    return Err(Refused { job, reason });
                }
            }
            Some(Way { own: None, .. }) | None => self.push(AnyJob::Shared(shared_job)),
        }
        Ok(Ticket::new(answers, shared.clock.clone(), shared.hall.circle.number))
    }

    /// Submits it without a ticket: see [`Workers::spawn`].
    ///
    /// # Blocking
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`Workers::submit`].
    #[inline]
    #[track_caller]
    pub fn spawn<F>(self, job: F) -> Result<(), SubmitError>
    where
        F: FnOnce(&mut M::Resource) + Send + 'static,
    {
        let hall = &self.workers.shared.hall;
        if self.is_limited() || hall.run_for != NEVER {
            // Somebody has to be able to end it.
            return self.submit_from(Location::caller(), job).map(drop);
        }
        if hall.is_full() {
            self.wait_for_room(|| hall.is_full())?;
        }
        if hall.board.look().is_closing() {
            return Err(SubmitError::Closed { cause: hall.cause() });
        }
        self.push(AnyJob::Bare(Bare::new(self.terms(Location::caller()), job)));
        Ok(())
    }

    fn is_limited(&self) -> bool {
        self.start_by.min(self.end_by) != NEVER
    }

    #[inline]
    fn terms(&self, site: &'static Location<'static>) -> Terms {
        Terms { site, tick: self.workers.pool.inner.coarse_tick(), priority: self.priority }
    }

    fn limits(&self, session: Option<Seen>) -> Option<Box<Limits>> {
        let Self { workers, start_by, end_by, .. } = *self;
        let is_limited = self.is_limited() || session.is_some();
        is_limited.then(|| Box::new(Limits { since: workers.shared.clock.now(), start_by, end_by, session }))
    }

    fn push_for(&self, own: &Own, job: AnyJob<M::Resource>, session: Seen) -> Result<(), SubmitError> {
        let (hall, pool) = (&self.workers.shared.hall, &*self.workers.pool.inner);
        let &Own { slot, until, alone } = own;
        let accepts = |inbox: &Inbox<_>, queued| !alone || (queued == 0 && self.is_idle(slot, inbox));
        match hall.push_for(slot, job, until, accepts) {
            Ok(nobody_comes) if nobody_comes => hall.calls_for_more(pool),
            Ok(_) => {}
            Err(queued) => {
                pool.session_again(session).inspect(|session| session.was_refused());
                return Err(SubmitError::SessionBusy { slot: slot as usize, queued });
            }
        }
        if until != NEVER && hall.begins(until) {
            pool.alarm.ring();
        }
        Ok(())
    }

    #[inline(always)]
    fn push(&self, job: AnyJob<M::Resource>) {
        let hall = &self.workers.shared.hall;
        if !hall.push(job).is_anyone_idle() {
            hall.calls_for_more(&*self.workers.pool.inner);
        }
    }

    /// Waits until the queue takes one more.
    #[cold]
    fn wait_for_room(&self, is_full: impl Fn() -> bool) -> Result<(), SubmitError> {
        let shared = &*self.workers.shared;
        let (hall, clock) = (&shared.hall, &shared.clock);
        if is_inside(hall.circle.number) && !hall.board.look().is_closing() {
            // Who would make room may be this very thread.
            return Err(hall.full(Duration::ZERO));
        }
        let began = clock.now();
        let until = began.saturating_add(shared.patience).min(self.start_by).min(self.end_by);
        while is_full() && !hall.board.look().is_closing() {
            let now = clock.now();
            if now >= until {
                return Err(hall.full(Duration::from_nanos(now.saturating_sub(began))));
            }
            hall.wait_for_less(clock.until(until).unwrap_or(Duration::MAX));
        }
        Ok(())
    }
}

impl<M: LocalManager> fmt::Debug for Job<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("priority", &self.priority).finish_non_exhaustive()
    }
}
