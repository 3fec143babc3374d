//! Workers: threads that own resources, and take jobs.
//!
//! | file      | what lives there                                                      |
//! |-----------|-----------------------------------------------------------------------|
//! | `manager` | what the program says about the resources: [`LocalManager`]           |
//! | `seat`    | the pool's side: its resource is a seat, which stands for a thread    |
//! | `desk`    | the thread as others see it: its mail, and where it sleeps            |
//! | `thread`  | the thread's own loop                                                 |
//! | `hall`    | the queue of jobs                                                     |
//! | `lanes`   | its order: priorities, and age                                        |
//! | `tray`    | a worker's own part of it, from which everybody may take               |
//! | `inbox`   | jobs for one worker: those of sessions bound to it                    |
//! | `chain`   | the list of those                                                     |
//! | `board`   | who sleeps, who searches, who is to be woken                          |
//! | `job`     | a job with its answer                                                 |
//! | `circle`  | workers that wait for each other                                      |
//! | `ticket`  | where the answer is waited for                                        |
//! | `map`     | a job for each item of an iterator                                    |
//! | `scope`   | jobs that borrow                                                      |

mod board;
mod builder;
mod chain;
mod circle;
mod desk;
mod error;
mod hall;
mod inbox;
mod job;
mod lanes;
mod manager;
mod map;
#[cfg(all(test, slackwater_loom))]
mod models;
mod request;
mod scope;
mod seat;
#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests;
mod thread;
mod ticket;
mod tray;

pub use builder::WorkersBuilder;
pub use error::{JobError, JobPanic, JobTimeout, Refused, SubmitError};
pub use manager::LocalManager;
pub use map::{Map, Unordered};
pub use request::Job;
pub use scope::{Scope, ScopedTicket};
pub use seat::{Seat, ThreadError, Threads};
pub use ticket::Ticket;

use crate::keeper::{Clock, Deadline};
use crate::pool::{CloseReport, Pool};
use hall::Hall;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Threads that each own a resource, and run jobs on it.
///
/// The resource is made, used, checked, reset and ended on its own thread, and need not be `Send`: see [`LocalManager`]. All else is a
/// [`Pool`]'s, of which the threads are the resources: health, expiry, replacement, scaling, breaker, events, numbers, virtual time. A job
/// is one use of its worker's resource.
///
/// `Workers` is a handle: clones are cheap. Dropping the last one closes the workers as [`close`](Self::close) does without any time: the
/// jobs that run are run to their end, those that wait are answered [`NoWorker`](JobError::NoWorker).
///
/// ```
/// use slackwater::Workers;
///
/// let workers = Workers::builder(|| Ok::<_, std::io::Error>(String::new())).pool(|pool| pool.max_size(2)).build()?;
/// let length = workers.submit(|text| {
///     text.push_str("the worker's own");
///     text.len()
/// })?;
/// assert_eq!(length.wait()?, 16);
/// assert!(workers.close(std::time::Duration::from_secs(5)).is_complete());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Workers<M: LocalManager> {
    shared: Arc<Shared<M>>,
    pool: Pool<Threads<M>>,
}

/// What handles share beside the pool.
struct Shared<M: LocalManager> {
    hall: Arc<Hall<M::Resource>>,
    clock: Clock,
    /// How long a submitter waits for room, and `execute` for its job's beginning, in nanoseconds: the pool's `checkout_timeout`.
    patience: u64,
}

impl<M: LocalManager> Workers<M> {
    /// Starts workers whose resources `manager` makes. Default: one worker, 1,024 jobs that may wait, no limit on a job's time.
    pub fn builder(manager: M) -> WorkersBuilder<M> {
        WorkersBuilder::new(manager)
    }

    /// Has a worker run `job`, and returns the claim to its answer.
    ///
    /// # Blocking
    /// While the queue is full, for the pool's [`checkout_timeout`](crate::Builder::checkout_timeout) at most. Not within a job of the same
    /// workers: a full queue refuses it at once.
    ///
    /// # Errors
    /// [`SubmitError::Full`] if it stays so, [`SubmitError::Closed`]. The job is dropped; [`try_submit`](Self::try_submit) gives it back.
    #[track_caller]
    pub fn submit<T, F>(&self, job: F) -> Result<Ticket<T>, SubmitError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job().submit(job)
    }

    /// As [`submit`](Self::submit), without waiting for room.
    ///
    /// # Errors
    /// The job, and why it was not accepted.
    #[track_caller]
    pub fn try_submit<T, F>(&self, job: F) -> Result<Ticket<T>, Refused<F>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job().try_submit(job)
    }

    /// Has a worker run `job`, and waits for the answer. The job has to begin within the pool's
    /// [`checkout_timeout`](crate::Builder::checkout_timeout), as a checkout would; it may run for as long as
    /// [`job_timeout`](WorkersBuilder::job_timeout) allows.
    ///
    /// # Blocking
    /// Until the job is done, or its time is over.
    ///
    /// # Errors
    /// [`Panicked`](JobError::Panicked); [`Timeout`](JobError::Timeout); [`NoWorker`](JobError::NoWorker) if none can be made, or the workers
    /// are closed before it has begun; [`Refused`](JobError::Refused) if the queue stayed full, or the workers were closed before;
    /// [`WouldDeadlock`](JobError::WouldDeadlock) within a job of the same workers.
    ///
    /// The answer comes before the worker has given its resource back: for some microseconds more, or as long as `recycle` takes, the pool
    /// counts it as in use, and a [`close`](Self::close) without time names it as still out.
    #[track_caller]
    pub fn execute<T, F>(&self, job: F) -> Result<T, JobError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job().start_within(Duration::from_nanos(self.shared.patience)).execute(job)
    }

    /// As [`execute`](Self::execute), with `timeout` for all of it: the wait for room, the wait for a worker, and the job itself.
    ///
    /// # Blocking
    /// Until the job is done, at most for `timeout`.
    ///
    /// # Errors
    /// As `execute`.
    #[track_caller]
    pub fn execute_timeout<T, F>(&self, job: F, timeout: Duration) -> Result<T, JobError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job().timeout(timeout).execute(job)
    }

    /// Has a worker run `job`, of which nobody asks what became: cheaper than [`submit`](Self::submit), as no answer is kept, and no claim
    /// to it. A job that panics, or is never run because the workers are closed or none can be made, is gone; the pool's numbers and
    /// events tell of the former, [`CloseReport::jobs_refused`] of those that a close left out.
    ///
    /// # Blocking
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    ///
    /// ```
    /// # use slackwater::Workers;
    /// # use std::sync::mpsc::channel;
    /// # let workers = Workers::builder(|| Ok::<_, String>(1)).build()?;
    /// let (said, heard) = channel();
    /// workers.spawn(move |number| said.send(*number + 1).expect("somebody listens"))?;
    /// assert_eq!(heard.recv()?, 2);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<F>(&self, job: F) -> Result<(), SubmitError>
    where
        F: FnOnce(&mut M::Resource) + Send + 'static,
    {
        self.job().spawn(job)
    }

    /// Has `job` run by the worker whose resource `key` had last, for sessions that a resource keeps warm or has the state of: as
    /// [`Pool::checkout_for`] lends it. A key is bound by a job that succeeds, until [`session_binding`](crate::Builder::session_binding) after
    /// its last one; one that is not bound, or whose resource has ended, goes to any worker, and is bound to that. What became of them is in
    /// [`Pool::session_stats`].
    ///
    /// While its worker is busy the job waits there for 10 ms, and then for any worker: [`Job::session`] says otherwise.
    ///
    /// # Blocking
    /// As [`submit`](Self::submit).
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    ///
    /// ```
    /// # use slackwater::Workers;
    /// # let workers = Workers::builder(|| Ok::<_, String>(0)).pool(|pool| pool.max_size(4)).build()?;
    /// for count in 1..=3 {
    ///     let ticket = workers.submit_for("user 7", |seen: &mut i32| {
    ///         *seen += 1;
    ///         *seen
    ///     })?;
    ///     assert_eq!(ticket.wait()?, count);
    /// }
    /// assert_eq!(workers.pool().session_stats().hits, 2);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn submit_for<K, T, F>(&self, key: &K, job: F) -> Result<Ticket<T>, SubmitError>
    where
        K: Hash + ?Sized,
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job().submit_for(key, job)
    }

    /// As [`submit_for`](Self::submit_for), without waiting for room.
    ///
    /// # Errors
    /// The job, and why it was not accepted.
    #[track_caller]
    pub fn try_submit_for<K, T, F>(&self, key: &K, job: F) -> Result<Ticket<T>, Refused<F>>
    where
        K: Hash + ?Sized,
        F: FnOnce(&mut M::Resource) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.job().try_submit_for(key, job)
    }

    /// A job with a priority, or with limits on its time.
    ///
    /// ```
    /// # use slackwater::{Priority, Workers};
    /// # use std::time::Duration;
    /// # let workers = Workers::builder(|| Ok::<_, String>(0)).build()?;
    /// let job = workers.job().priority(Priority::High).timeout(Duration::from_secs(1));
    /// assert_eq!(job.submit(|count: &mut i32| *count + 1)?.wait()?, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn job(&self) -> Job<'_, M> {
        Job::new(self)
    }

    /// Jobs that wait for a worker now, those that were cancelled or are too late among them until a worker comes by.
    pub fn queued(&self) -> usize {
        self.shared.hall.board.jobs()
    }

    /// The pool of the threads: for its numbers, events, health, [`resize`](Pool::resize) and all else. A seat that is checked out of it
    /// takes no jobs until it is given back.
    pub fn pool(&self) -> &Pool<Threads<M>> {
        &self.pool
    }

    /// Closes the workers: refuses jobs from now on, has those that wait run until `deadline` (a span or an instant), answers what is left
    /// then with [`NoWorker`](JobError::NoWorker), and closes the pool, which waits for the jobs that still run, until `deadline` too.
    ///
    /// What was accepted is run if there is time for it: who wants nothing more of it closes with no time at all. Jobs that were refused so are
    /// counted in the report ([`jobs_refused`](CloseReport::jobs_refused)), which is not complete then.
    ///
    /// # Blocking
    /// Until all is done and every resource destroyed, at most until the deadline. Within a job it waits for that job in vain.
    pub fn close(&self, deadline: impl Into<Deadline>) -> CloseReport {
        let clock = &self.shared.clock;
        let (began, deadline) = (clock.now(), deadline.into().on(clock));
        let hall = &self.shared.hall;
        let refused_before = hall.refused();
        hall.board.drain();
        // One that is taken before it is counted hides another for that time in the sum, and not in the queues.
        while !self.pool.is_closed() && (hall.board.jobs() > 0 || hall.has_jobs()) {
            let now = clock.now();
            if now >= deadline {
                break;
            }
            hall.wait_for_less(clock.until(deadline).unwrap_or(Duration::MAX));
        }
        let mut report = self.pool.close(Duration::from_nanos(deadline.saturating_sub(clock.now())));
        report.took = Duration::from_nanos(clock.now().saturating_sub(began));
        report.jobs_refused = hall.refused().saturating_sub(refused_before);
        report
    }

    /// Whether jobs are refused.
    pub fn is_closed(&self) -> bool {
        self.shared.hall.board.look().is_closing()
    }
}

impl<M: LocalManager> Clone for Workers<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), pool: self.pool.clone() }
    }
}

impl<M: LocalManager> fmt::Debug for Workers<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("queued", &self.queued()).field("pool", &self.pool).finish_non_exhaustive()
    }
}
