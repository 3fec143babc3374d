//! The pool: what a user holds.

mod attendant;
mod builder;
mod checkout;
mod circuit;
mod close;
mod crash_loop;
mod create;
mod demand;
mod each_use;
mod failure;
mod fallback;
mod give_back;
mod inner;
mod keyed;
mod life;
mod lifeline;
mod lives;
mod memory;
mod modes;
#[cfg(feature = "workers")]
mod own;
#[cfg(feature = "rayon")]
mod parallel;
mod reconfigure;
mod recovery;
mod refusal;
mod rollout;
mod session;
mod shed;
mod sizes;
mod upkeep;

pub use builder::{Builder, WarmUpReport};
pub use close::CloseReport;
pub use keyed::{KeyedError, KeyedPool};
pub use lifeline::Lifeline;
pub use memory::{Gc, Memory, MemoryLimitExceeded};
pub use modes::{Only, Spent};
pub use reconfigure::ReconfigureError;
pub use rollout::{Epoch, Rollout};
#[cfg(feature = "workers")]
pub(crate) use session::Seen;
pub use session::{SessionMode, SessionStats};

pub(crate) use attendant::{Attendant, Attended};
pub(crate) use builder::WarmUp;
pub(crate) use close::KEEPER_GRACE;
pub(crate) use crash_loop::{LOOP as CRASH_LOOP, Supply};
pub(crate) use inner::{Inner, Job, Quarantined};
pub(crate) use life::NEVER;

use crate::core::Lease;
use crate::error::CheckoutError;
use crate::guard::{Checkout, OwnedCheckout};
use crate::keeper::{Advice, Deadline, nanos};
use crate::manager::Manager;
use crate::observe::{
    Audit, Dump, Health, Holder, HungJob, Latencies, PoolEvent, Resource, Snapshot, Stats, Transition,
};
use checkout::{Ask, Patient};
use crossbeam_channel::Receiver;
use std::fmt;
use std::hash::Hash;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::time::{Duration, Instant};

/// Lends resources to threads that may block.
///
/// A free resource is lent without a lock: one compare-exchange to take it, one store to give it back. When none is free
/// the caller waits in a queue. `Pool` is a handle: clones are cheap and share the same resources, and dropping the last
/// one closes the pool.
///
/// ```
/// use slackwater::Pool;
///
/// let pool = Pool::builder(|| Ok::<_, std::io::Error>(String::new())).max_size(4).build()?;
/// let mut text = pool.checkout()?;
/// text.push_str("yours alone until it is dropped");
/// # drop(text);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Pool<M: Manager> {
    pub(crate) inner: Arc<Inner<M>>,
}

impl<M: Manager> Pool<M> {
    /// Starts a pool of what `manager` makes. Default: one resource, no overflow, 5 s of patience.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    /// Takes a free resource, waiting up to the pool's `checkout_timeout` for one.
    ///
    /// The resource is yours alone until the guard is dropped. Which one you get depends on the
    /// [`Strategy`](crate::Strategy).
    ///
    /// # Blocking
    /// Parks the caller while nothing is free. Creates on the calling thread only as [`Creation`](crate::Creation) allows.
    ///
    /// # Errors
    /// Every variant of [`CheckoutError`] but `Exhausted`.
    #[inline(always)]
    #[track_caller]
    pub fn checkout(&self) -> Result<Checkout<'_, M>, CheckoutError> {
        self.ask(|| Ask::new(Patient::Default), Location::caller())
    }

    /// Takes a free resource if there is one at once; creates one if the pool has room and
    /// [`Creation`](crate::Creation) allows it on the calling thread.
    ///
    /// # Errors
    /// [`Exhausted`](CheckoutError::Exhausted) if nothing is free, also while a resource is being created in the
    /// background; [`Create`](CheckoutError::Create) and [`Closed`](CheckoutError::Closed).
    #[inline(always)]
    #[track_caller]
    pub fn try_checkout(&self) -> Result<Checkout<'_, M>, CheckoutError> {
        self.ask(|| Ask::new(Patient::Never), Location::caller())
    }

    /// As [`checkout`](Self::checkout), waiting up to `timeout`. Zero does not wait, and reports a timeout.
    ///
    /// # Blocking
    /// As `checkout`.
    ///
    /// # Errors
    /// As `checkout`.
    #[inline(always)]
    #[track_caller]
    pub fn checkout_timeout(&self, timeout: Duration) -> Result<Checkout<'_, M>, CheckoutError> {
        self.ask(|| Ask::new(Patient::For(nanos(timeout))), Location::caller())
    }

    /// As [`checkout`](Self::checkout), waiting until `deadline`. One that has passed does not wait.
    ///
    /// # Blocking
    /// As `checkout`.
    ///
    /// # Errors
    /// As `checkout`.
    #[inline(always)]
    #[track_caller]
    pub fn checkout_deadline(&self, deadline: Instant) -> Result<Checkout<'_, M>, CheckoutError> {
        self.ask(|| Ask::new(Patient::Until(deadline)), Location::caller())
    }

    /// As [`checkout`](Self::checkout), with a guard that keeps the pool alive instead of borrowing it: for guards that
    /// are stored, or move to threads that outlive the caller. Costs two updates of a reference count.
    ///
    /// # Blocking
    /// As `checkout`.
    ///
    /// # Errors
    /// As `checkout`.
    #[inline(always)]
    #[track_caller]
    pub fn checkout_owned(&self) -> Result<OwnedCheckout<M>, CheckoutError> {
        let site = Location::caller();
        let ask = || Ask::new(Patient::Default);
        Lease::try_new(Arc::clone(&self.inner), |inner| inner.claim(site, ask)).map(OwnedCheckout::new)
    }

    /// As [`try_checkout`](Self::try_checkout), with a guard that keeps the pool alive.
    #[cfg(feature = "r2d2")]
    #[track_caller]
    pub(crate) fn try_checkout_owned(&self) -> Result<OwnedCheckout<M>, CheckoutError> {
        let site = Location::caller();
        let ask = || Ask::new(Patient::Never);
        Lease::try_new(Arc::clone(&self.inner), |inner| inner.claim(site, ask)).map(OwnedCheckout::new)
    }

    /// As [`checkout`](Self::checkout), preferring the resource that `key` had last: for sessions whose state a resource has warm. If that
    /// is in use or has ended, another is taken at once, and is the one that `key` is bound to from then on;
    /// [`Request::session`] has other ways. Whoever must know compares [`Checkout::id`].
    ///
    /// A key is bound once a checkout gave it a resource, and until it has not come for [`session_binding`](Builder::session_binding), 5
    /// minutes, or its resource ends, or [`forget_session`](Self::forget_session). Keys are hashed and not kept;
    /// [`session_places`](Builder::session_places) says how many are remembered, others displace them. Two keys never have one resource at the
    /// same time, whatever their hashes. It reads the clock, which [`checkout`](Self::checkout) does not.
    ///
    /// ```
    /// # use slackwater::Pool;
    /// # let pool = Pool::builder(|| Ok::<_, String>(String::new())).max_size(4).build()?;
    /// let first = pool.checkout_for("user 7")?.id();
    /// assert_eq!(pool.checkout_for("user 7")?.id(), first);
    /// assert_eq!(pool.session_stats().hits, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocking
    /// As `checkout`.
    ///
    /// # Errors
    /// As `checkout`.
    #[track_caller]
    pub fn checkout_for<K: Hash + ?Sized>(&self, key: &K) -> Result<Checkout<'_, M>, CheckoutError> {
        self.request().checkout_for(key)
    }

    /// A checkout with a priority, or other than default patience.
    ///
    /// ```
    /// # use slackwater::{Pool, Priority};
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(|| Ok::<_, String>(0)).build()?;
    /// let guard = pool.request().priority(Priority::High).timeout(Duration::from_millis(20)).checkout()?;
    /// # drop(guard);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn request(&self) -> Request<'_, M> {
        Request { pool: self, ask: Ask::new(Patient::Default), session: SessionMode::default() }
    }

    /// Runs `f` on a resource and gives it back, however `f` ends.
    ///
    /// # Blocking
    /// As [`checkout`](Self::checkout).
    ///
    /// # Errors
    /// As `checkout`; `f` has not run then.
    ///
    /// # Panics
    /// If `f` panics, with its panic; the resource is discarded (see [`OnPanic`](crate::OnPanic)).
    #[track_caller]
    pub fn with<T>(&self, f: impl FnOnce(&mut M::Resource) -> T) -> Result<T, CheckoutError> {
        let mut guard = self.checkout()?;
        Ok(f(&mut guard))
    }

    /// The pool's numbers. Reads each slot once; blocks nobody.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Checks the pool's books. Meant for tests and diagnosis: reads every slot up to three times, and takes the queue's
    /// lock for a moment.
    pub fn audit(&self) -> Audit {
        self.inner.audit()
    }

    /// Who holds what, the longest hold first. For a moment after a checkout it still names the holder before: see
    /// [`Holder`].
    pub fn holders(&self) -> Vec<Holder> {
        self.inner.holders()
    }

    /// Every resource: its state, age, uses, errors, idle time, holder, last check and weight.
    pub fn resources(&self) -> Vec<Resource> {
        self.inner.resources()
    }

    /// How well the pool is, and why, as far as a [`snapshot`](Self::snapshot) tells: a pool in full use is well. Waits for no
    /// resource and touches none.
    pub fn health(&self) -> Health {
        Health::of(&self.inner.snapshot())
    }

    /// All that can be seen of the pool, read once. Takes locks of the slow paths for moments, none of them while user code
    /// runs, and waits for no resource.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// All that an operator wants to know, in one text: `println!("{}", pool.dump())`.
    pub fn dump(&self) -> Dump {
        Dump::of(self.inner.snapshot())
    }

    /// How long waiting, holding, creating, checking, resetting and destroying took, since the pool was built. For an interval,
    /// keep one look and take the next one's [`since`](Latencies::since). Reads each slot once; blocks nobody.
    ///
    /// ```
    /// # use slackwater::Pool;
    /// # let pool = Pool::builder(|| Ok::<_, String>(0)).build()?;
    /// let mut last = pool.latencies();
    /// # drop(pool.checkout()?);
    /// let now = pool.latencies();
    /// let lately = now.since(&last);
    /// println!("{} checkouts, p99 of the wait {:?}", lately.wait.count(), lately.wait.percentile(99.0));
    /// last = now;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn latencies(&self) -> Latencies {
        self.inner.latencies()
    }

    /// Subscribes to the pool's events from now on. A subscriber that is slow loses what its channel of `capacity` events
    /// cannot take, counted in [`Stats::lost_events`], and holds nobody up; one that is dropped is forgotten.
    ///
    /// # Panics
    /// If `capacity` is 0: nothing could ever be received.
    pub fn subscribe(&self, capacity: usize) -> Receiver<PoolEvent> {
        assert!(capacity > 0, "a subscriber needs room for an event: capacity is 0");
        self.inner.subscribers.subscribe(capacity)
    }

    /// The flight recorder: the last 256 transitions, the oldest first.
    pub fn transitions(&self) -> Vec<Transition> {
        self.inner.recorder.transitions()
    }

    /// What size would fit the load of the last minute.
    pub fn advise(&self) -> Advice {
        self.inner.advise()
    }

    /// What the resources weigh.
    pub fn memory(&self) -> Memory {
        self.inner.memory()
    }

    /// Destroys free resources, the longest idle first: until the pool is below its memory threshold, or all that are free
    /// if it has no [`memory_budget`](Builder::memory_budget).
    pub fn gc(&self) -> Gc {
        self.inner.gc()
    }

    /// Background jobs that have run for longer than their timeout and still do, the longest first.
    pub fn hung_jobs(&self) -> Vec<HungJob> {
        self.inner.crew.hung_jobs(self.inner.now())
    }

    /// How the warm-up in `build` went.
    pub fn warm_up(&self) -> &WarmUpReport {
        self.inner.warm_up_report.get_or_init(WarmUpReport::default)
    }

    /// Opens the pool's breaker, as failures would: nothing is created until probes succeed. For who knows that the backend is
    /// down, or must be spared. Without a breaker nothing happens.
    pub fn trip_breaker(&self) {
        self.inner.trip();
    }

    /// Closes the pool's breaker: creation is tried at once. For who knows that the backend is back.
    pub fn reset_breaker(&self) {
        self.inner.reset();
    }

    /// The pool's name.
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    /// The manager the pool was built with.
    pub fn manager(&self) -> &M {
        &self.inner.manager
    }

    /// The settings of the pool: those it was built with, and what [`reconfigure`](Self::reconfigure), [`set_mode`](Self::set_mode) and
    /// [`resize`](Self::resize) have made of them since. What the mode and scaling make of the sizes, [`stats`](Self::stats) tells.
    pub fn config(&self) -> Arc<crate::PoolConfig> {
        Arc::clone(&self.inner.said.lock())
    }

    /// Runs the keeper's duties once, now, and the background work that nobody has begun. Only with
    /// [`Keeper::Manual`](crate::Keeper::Manual) is there a need to. Called from within the duties, by the program's logger for
    /// instance, it does without them.
    ///
    /// # Blocking
    /// While another thread is at the duties. With `Keeper::Manual`, for as long as the manager's callbacks take.
    pub fn tick(&self) {
        self.inner.tick_by_hand();
    }

    /// Closes the pool: refuses checkouts from now on, wakes every waiter at once, destroys what is free, waits until
    /// `deadline` (a span or an instant) for what is checked out, and ends the pool's threads.
    ///
    /// What is returned later is destroyed at its return. Background work that was not done by the deadline goes on; what
    /// waits behind a job that hangs is done once that job's timeout has passed. Closing again waits again, and reports anew.
    ///
    /// # Blocking
    /// Until everything is back and destroyed, at most until the deadline. A resource held by the calling thread itself
    /// is waited for in vain.
    pub fn close(&self, deadline: impl Into<Deadline>) -> CloseReport {
        self.inner.close(deadline.into())
    }

    /// Whether the pool is closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    #[inline(always)]
    fn ask(
        &self,
        ask: impl FnOnce() -> Ask,
        site: &'static Location<'static>,
    ) -> Result<Checkout<'_, M>, CheckoutError> {
        Lease::try_new(&*self.inner, |inner| inner.claim(site, ask)).map(Checkout::new)
    }
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        // Relaxed: as with a reference count, a new handle is made from one that is held.
        self.inner.handles.fetch_add(1, Relaxed);
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<M: Manager> Drop for Pool<M> {
    /// Dropping the last handle closes the pool: what is free is destroyed here, what is checked out at its return, and what
    /// is being checked, or was still busy at its return, in the background. Resources whose end takes its time, as that of a process
    /// does, end all at once in the background, and are waited for here, at most for
    /// [`destroy_timeout`](crate::Builder::destroy_timeout).
    fn drop(&mut self) {
        // AcqRel: meets itself on other handles, so that closing sees all they did.
        if self.inner.handles.fetch_sub(1, AcqRel) == 1 {
            self.inner.shut_down();
        }
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Pool")
            .field("name", &self.name())
            .field("available", &stats.available)
            .field("in_use", &stats.in_use)
            .field("waiting", &stats.waiting)
            .field("max_size", &stats.max_size)
            .finish_non_exhaustive()
    }
}

/// How soon a waiter is served, compared with others.
///
/// Each step is worth 100 ms of waiting: a high request overtakes normal ones that came less than 100 ms before it. So
/// a stream of high requests delays a low one by 200 ms at most, apart from those that were there first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// After normal requests.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before normal requests.
    High,
}

impl Priority {
    pub(crate) fn lane(self) -> usize {
        match self {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        }
    }
}

/// A checkout to be made, with its priority and patience. See [`Pool::request`].
#[derive(Clone, Copy)]
#[must_use = "a request does nothing until `checkout`"]
pub struct Request<'p, M: Manager> {
    pool: &'p Pool<M>,
    ask: Ask,
    session: SessionMode,
}

impl<'p, M: Manager> Request<'p, M> {
    /// Default: [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.ask.lane = priority;
        self
    }

    /// Waits up to `timeout`. Default: the pool's `checkout_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.ask.patient = Patient::For(nanos(timeout));
        self
    }

    /// Waits until `deadline`. Default: the pool's `checkout_timeout`.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.ask.patient = Patient::Until(deadline);
        self
    }

    /// What [`checkout_for`](Self::checkout_for) does while the resource that its key is bound to is in use. Other checkouts have no key.
    /// Default: [`SessionMode::Hint`] without a wait.
    ///
    /// ```
    /// # use slackwater::{CheckoutError, Pool, SessionMode};
    /// # let pool = Pool::builder(|| Ok::<_, String>(String::new())).max_size(4).build()?;
    /// let held = pool.checkout_for("user 7")?;
    /// let refused = pool.request().session(SessionMode::Fail).checkout_for("user 7").unwrap_err();
    /// assert!(matches!(refused, CheckoutError::SessionBusy(_)), "{refused}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session(mut self, mode: SessionMode) -> Self {
        self.session = mode;
        self
    }

    /// As [`Pool::checkout`].
    ///
    /// # Blocking
    /// As there.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn checkout(self) -> Result<Checkout<'p, M>, CheckoutError> {
        self.pool.ask(|| self.ask, Location::caller())
    }

    /// As [`Pool::checkout_for`], as [`session`](Self::session) says.
    ///
    /// # Blocking
    /// As there. With [`SessionMode::Wait`], and for its time with `Hint`, until the one resource is free or has ended. Whoever waits for it
    /// is served in turn, by priority as in the queue, and before anybody else but those in the queue whose
    /// [`Fairness`](crate::Fairness) is due and who have waited for longer. `max_waiters` and the deadlock detection count these waits,
    /// `codel` and `refuse_unservable` do not: they are about the pool's load.
    ///
    /// # Errors
    /// As there, and [`SessionBusy`](CheckoutError::SessionBusy).
    #[track_caller]
    pub fn checkout_for<K: Hash + ?Sized>(self, key: &K) -> Result<Checkout<'p, M>, CheckoutError> {
        let site = Location::caller();
        Lease::try_new(&*self.pool.inner, |inner| inner.claim_for(key, self.session, site, self.ask)).map(Checkout::new)
    }

    /// As [`checkout_for`](Self::checkout_for), with a guard as that of [`Pool::checkout_owned`].
    ///
    /// # Blocking
    /// As there.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn checkout_owned_for<K: Hash + ?Sized>(self, key: &K) -> Result<OwnedCheckout<M>, CheckoutError> {
        let site = Location::caller();
        let pool = Arc::clone(&self.pool.inner);
        Lease::try_new(pool, |inner| inner.claim_for(key, self.session, site, self.ask)).map(OwnedCheckout::new)
    }

    /// As [`Pool::checkout_owned`].
    ///
    /// # Blocking
    /// As there.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn checkout_owned(self) -> Result<OwnedCheckout<M>, CheckoutError> {
        let site = Location::caller();
        Lease::try_new(Arc::clone(&self.pool.inner), |inner| inner.claim(site, || self.ask)).map(OwnedCheckout::new)
    }
}
