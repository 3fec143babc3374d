//! Jobs that borrow: to workers what [`std::thread::scope`] is to threads.

use super::circle::is_inside;
use super::{JobError, LocalManager, Refused, SubmitError, Ticket, Workers};
use crate::core::sync::around::{Condvar, Mutex};
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

impl<M: LocalManager> Workers<M> {
    /// Lets jobs borrow what lives outside of `f`, and waits for all of them before it returns.
    ///
    /// ```
    /// use slackwater::Workers;
    ///
    /// let workers = Workers::builder(|| Ok::<_, std::io::Error>(Vec::<u8>::new())).pool(|pool| pool.max_size(2)).build()?;
    /// let mut levels = vec![1, 2, 3, 4];
    /// let (low, high) = levels.split_at_mut(2);
    /// let total = workers.scope(|scope| {
    ///     let low = scope.submit(|_buffer| low.iter_mut().map(|level| { *level += 1; *level }).sum::<i32>())?;
    ///     let high = scope.submit(|_buffer| high.iter_mut().map(|level| { *level *= 2; *level }).sum::<i32>())?;
    ///     Ok::<_, Box<dyn std::error::Error>>(low.wait()? + high.wait()?)
    /// })?;
    /// assert_eq!((total, levels), (5 + 14, vec![2, 3, 6, 8]));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Every job that was accepted runs, unless it is cancelled, too late, or caught by [`close`](Self::close). A job may submit more through the
    /// same scope. What a ticket that was dropped would have said, a panic included, is lost, as with [`submit`](Self::submit).
    ///
    /// # It waits for jobs that are late
    /// A job past its deadline goes on with what it borrows: its ticket is answered, and its worker replaced, but nothing can take a
    /// reference away from a thread that runs. So the scope does not return before such a job ends, and not at all if it never does;
    /// neither does it after [`close`](Self::close). Jobs that may hang are for [`submit`](Self::submit), with what they own.
    ///
    /// # Not inside a job of the same workers
    /// There, the thread that waits would be one of those that are waited for, and workers that are all in scopes would wait for ever. A
    /// scope that is opened there refuses what is submitted through it, with [`SubmitError::OnWorker`], so that it has nothing to wait for.
    /// That goes for any number of workers: a program works with one worker or with none. Other workers' scopes are welcome there, and
    /// so are jobs of a scope that was opened outside.
    ///
    /// # Blocking
    /// Until `f` has returned or panicked and every job of the scope has ended, or been dropped without having begun.
    ///
    /// # Panics
    /// If `f` panics, with its panic, once its jobs have ended. Not if a job does.
    pub fn scope<'env, F, T>(&'env self, f: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, M>) -> T,
    {
        let under_way = Arc::new(UnderWay::default());
        let scope = Scope {
            workers: self,
            under_way: Arc::clone(&under_way),
            is_on_worker: is_inside(self.shared.hall.circle.number),
            scope: PhantomData,
            env: PhantomData,
        };
        // Waits in its drop, so that a panic of `f` waits too; and below the scope, which jobs may use as long as they run.
        let _waits = WaitsForAll(under_way);
        f(&scope)
    }
}

/// How many jobs of a scope have not ended.
#[derive(Default)]
struct UnderWay {
    jobs: Mutex<usize>,
    ended: Condvar,
}

/// One of them.
struct Share(Arc<UnderWay>);

impl Share {
    fn of(under_way: &Arc<UnderWay>) -> Self {
        *under_way.jobs.lock() += 1;
        Self(Arc::clone(under_way))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut jobs = self.0.jobs.lock();
        *jobs -= 1;
        if *jobs == 0 {
            self.0.ended.notify_all();
        }
    }
}

struct WaitsForAll(Arc<UnderWay>);

impl Drop for WaitsForAll {
    fn drop(&mut self) {
        let mut jobs = self.0.jobs.lock();
        self.0.ended.wait_while(&mut jobs, |jobs| *jobs > 0);
    }
}

/// Submits jobs that may borrow. See [`Workers::scope`].
///
/// Lifetimes as in [`std::thread::Scope`]: `'scope` is the scope's own, which jobs live for; `'env` is that of what is borrowed.
pub struct Scope<'scope, 'env: 'scope, M: LocalManager> {
    workers: &'env Workers<M>,
    under_way: Arc<UnderWay>,
    is_on_worker: bool,
    // Invariant: a `'scope` that could be shortened would let jobs borrow what `f` itself owns, which ends before they do.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, 'env: 'scope, M: LocalManager> Scope<'scope, 'env, M> {
    /// Submits a job that may borrow what outlives the scope. As [`Workers::submit`] otherwise.
    ///
    /// # Blocking
    /// As [`Workers::submit`], while the queue is full.
    ///
    /// # Errors
    /// As [`Workers::submit`], and [`SubmitError::OnWorker`] if the scope was opened inside a job of the same workers.
    #[track_caller]
    pub fn submit<F, T>(&'scope self, job: F) -> Result<ScopedTicket<'scope, T>, SubmitError>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (request, site) = (self.workers.job(), Location::caller());
        let submit = |job: Borrowing<M::Resource>| request.submit_from(site, move |resource| job.run(resource));
        self.hand_over(job, submit).map_err(|refused| refused.reason)
    }

    /// The same without waiting for room in the queue. As [`Workers::try_submit`] otherwise.
    ///
    /// # Errors
    /// As [`Workers::try_submit`], and as [`submit`](Self::submit); the job is given back.
    #[track_caller]
    pub fn try_submit<F, T>(&'scope self, job: F) -> Result<ScopedTicket<'scope, T>, Refused<F>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (request, site) = (self.workers.job(), Location::caller());
        self.hand_over(job, |job| {
            request.try_submit_from(site, move |resource| job.run(resource)).map_err(|refused| refused.reason)
        })
    }

    fn hand_over<F, T>(
        &'scope self,
        job: F,
        submit: impl FnOnce(Borrowing<M::Resource>) -> Result<Ticket<()>, SubmitError>,
    ) -> Result<ScopedTicket<'scope, T>, Refused<F>>
    where
        F: FnOnce(&mut M::Resource) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        if self.is_on_worker {
            return Err(Refused { job, reason: SubmitError::OnWorker });
        }
        let call = Arc::new(Mutex::new(Call::Job(job)));
        let run: Arc<dyn Run<M::Resource> + 'scope> = call.clone();
        // SAFETY: only the lifetime changes, from 'scope to 'static. What it stands for, this `Scope` included, is alive until
        // `WaitsForAll` has seen the last share of `under_way` dropped: it is the last local of `Workers::scope`, so the first to be dropped.
        // The reference made here is in the same `Borrowing` as such a share and is gone before it: run or not, unwinding or not, since
        // fields are dropped in their order. Whoever has the `Borrowing` cannot take it out, and who leaks it keeps the scope waiting.
        let run =
            unsafe { mem::transmute::<Arc<dyn Run<M::Resource> + 'scope>, Arc<dyn Run<M::Resource> + 'static>>(run) };
        match submit(Borrowing { run, _share: Share::of(&self.under_way) }) {
            Ok(ticket) => Ok(ScopedTicket { ticket, call }),
            Err(reason) => match mem::replace(&mut *call.lock(), Call::Over) {
                Call::Job(job) => Err(Refused { job, reason }),
                Call::Answer(_) | Call::Over => unreachable!("a job that is refused has not run"),
            },
        }
    }
}

impl<M: LocalManager> fmt::Debug for Scope<'_, '_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("is_on_worker", &self.is_on_worker).finish_non_exhaustive()
    }
}

/// A job that borrows, as the workers have it.
struct Borrowing<R> {
    run: Arc<dyn Run<R>>,
    /// Dropped after `run`: then nothing is borrowed any more.
    _share: Share,
}

impl<R> Borrowing<R> {
    fn run(self, resource: &mut R) {
        self.run.run(resource);
    }
}

trait Run<R>: Send + Sync {
    fn run(&self, resource: &mut R);
}

/// A job, then its answer.
enum Call<F, T> {
    Job(F),
    Answer(T),
    Over,
}

impl<R, F, T> Run<R> for Mutex<Call<F, T>>
where
    F: FnOnce(&mut R) -> T + Send,
    T: Send,
{
    fn run(&self, resource: &mut R) {
        let job = mem::replace(&mut *self.lock(), Call::Over);
        if let Call::Job(job) = job {
            let answer = job(resource);
            *self.lock() = Call::Answer(answer);
        }
    }
}

/// Where a ticket finds its answer.
trait Answer<T>: Send + Sync {
    fn take(&self) -> Option<T>;
}

impl<F: Send, T: Send> Answer<T> for Mutex<Call<F, T>> {
    fn take(&self) -> Option<T> {
        match mem::replace(&mut *self.lock(), Call::Over) {
            Call::Answer(answer) => Some(answer),
            Call::Job(_) | Call::Over => None,
        }
    }
}

/// The claim to the answer of a job that borrows. As [`Ticket`], for the length of its scope.
#[must_use = "dropping a ticket does not cancel its job; say so with drop, if that is meant"]
pub struct ScopedTicket<'scope, T> {
    ticket: Ticket<()>,
    call: Arc<dyn Answer<T> + 'scope>,
}

impl<T> ScopedTicket<'_, T> {
    /// As [`Ticket::wait`].
    ///
    /// # Blocking
    /// Until the job is done, or will never be.
    ///
    /// # Errors
    /// As [`Ticket::wait`].
    pub fn wait(self) -> Result<T, JobError> {
        let Self { ticket, call } = self;
        answer(ticket.wait(), &*call)
    }

    /// As [`Ticket::wait_timeout`].
    ///
    /// # Blocking
    /// Until the job is done, at most for `timeout`. Zero looks once.
    ///
    /// # Errors
    /// The ticket, if the answer has not come in time.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<T, JobError>, Self> {
        let Self { ticket, call } = self;
        match ticket.wait_timeout(timeout) {
            Ok(done) => Ok(answer(done, &*call)),
            Err(ticket) => Err(Self { ticket, call }),
        }
    }

    /// As [`Ticket::poll`].
    pub fn poll(&mut self) -> Option<Result<T, JobError>> {
        self.ticket.poll().map(|done| answer(done, &*self.call))
    }

    /// As [`Ticket::is_done`].
    pub fn is_done(&self) -> bool {
        self.ticket.is_done()
    }

    /// As [`Ticket::cancel`]. The scope does not wait for a job that was cancelled; what it had captured is dropped with this ticket.
    pub fn cancel(&self) -> bool {
        self.ticket.cancel()
    }
}

fn answer<T>(done: Result<(), JobError>, call: &(dyn Answer<T> + '_)) -> Result<T, JobError> {
    done.map(|()| call.take().expect("it is there before the ticket's own, and taken once"))
}

impl<T> fmt::Debug for ScopedTicket<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedTicket").field("is_done", &self.ticket.is_done()).finish_non_exhaustive()
    }
}
