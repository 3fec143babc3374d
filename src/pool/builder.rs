//! Building: settings, validation, warm-up.

use super::circuit::PoolBreaker;
use super::crash_loop::ShortLives;
use super::create::CreationState;
use super::each_use::EachUse;
use super::memory::MemoryBook;
use super::sizes::Sizes;
use super::{Inner, Job, Pool};
use crate::config::{Creation, Fairness, Fences, Keeper, OnDeadlock, OnPanic, PoolConfig, Strategy};
use crate::core::sync::around::{AtomicU64, AtomicUsize, Condvar, Mutex};
use crate::core::{Available, IndexQueue, IndexStack, Listed, Shelf, ShelfConfig, anchored, attention};
use crate::error::{BuildError, SharedError, let_go};
use crate::keeper::{self, Alarm, Clock, Crew, CrewLimits, KeeperState, Turns, nanos, ticks};
use crate::manager::Manager;
use crate::observe::{Counts, PoolEvent, Recorder, Subscribers, Timings, Told, say};
use arc_swap::ArcSwap;
use crossbeam_channel::Receiver;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// A pool in the making. See [`Pool::builder`].
///
/// Nothing is checked until [`build`](Self::build), which refuses what is out of range or contradicts itself.
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<M: Manager> {
    manager: M,
    pub(crate) config: PoolConfig,
    subscribers: Subscribers,
}

impl<M: Manager> Builder<M> {
    pub(super) fn new(manager: M) -> Self {
        Self { manager, config: PoolConfig::default(), subscribers: Subscribers::default() }
    }

    /// Resources there may be at once: overflow and successors included.
    #[cfg(feature = "wasm")]
    pub(crate) fn places(&self) -> usize {
        self.config.places()
    }

    /// Ends resources as r2d2 does.
    #[cfg(feature = "r2d2")]
    pub(crate) fn reaper(mut self, reaper: crate::keeper::Reaper) -> Self {
        self.config.reaper = Some(reaper);
        self
    }

    /// Replaces all settings at once, by [`PoolConfig::per_core`] for instance.
    pub fn config(mut self, config: PoolConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings so far.
    pub fn settings(&self) -> &PoolConfig {
        &self.config
    }

    /// Names the pool in errors, logs and thread names. Default: none. 1 to 64 bytes without control characters; two pools
    /// may have the same name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = Some(name.into());
        self
    }

    /// Most resources outside overload. Default: 1. Up to [`MAX_SLOTS`](crate::MAX_SLOTS), overflow included; 0 only with
    /// overflow.
    pub fn max_size(mut self, resources: usize) -> Self {
        self.config.max_size = resources;
        self
    }

    /// Free resources to keep ready: made by `build` before it returns, and made anew by the keeper when resources are
    /// lost, while fewer than `max_size` are alive. Default: `max_size`. 0 makes nothing before it is asked for.
    pub fn min_idle(mut self, resources: usize) -> Self {
        self.config.min_idle = Some(resources);
        self
    }

    /// Most resources beyond `max_size`, made when all others are in use. Default: 0.
    pub fn max_overflow(mut self, resources: usize) -> Self {
        self.config.max_overflow = resources;
        self
    }

    /// How long a resource beyond `max_size` idles before one is destroyed, the one idle for longest first. Default: 1 s.
    /// Zero destroys at the return itself, unless somebody waits. Up to 100 days. Refused while `max_overflow` is 0. Acts up
    /// to 10 ms late, never early.
    pub fn overflow_ttl(mut self, ttl: Duration) -> Self {
        self.config.overflow_ttl = Some(ttl);
        self
    }

    /// How long [`checkout`](Pool::checkout) waits. Default: 5 s. Up to a year; zero never waits.
    pub fn checkout_timeout(mut self, timeout: Duration) -> Self {
        self.config.checkout_timeout = timeout;
        self
    }

    /// Which free resource a checkout takes. Default: [`Strategy::Affine`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.config.strategy = strategy;
        self
    }

    /// Who gets a returned resource when threads wait. Default: [`Fairness::Eventual`] with a bound of 500 us.
    pub fn fairness(mut self, fairness: Fairness) -> Self {
        self.config.fairness = fairness;
        self
    }

    /// Most threads that may wait; one more is refused at once with
    /// [`Saturated`](crate::CheckoutError::Saturated). Default: no limit. 0 lets nobody wait.
    pub fn max_waiters(mut self, threads: usize) -> Self {
        self.config.max_waiters = Some(threads);
        self
    }

    /// On which thread a checkout's demand is created. Default: [`Creation::Auto`].
    pub fn creation(mut self, creation: Creation) -> Self {
        self.config.creation = creation;
        self
    }

    /// Background jobs (creating, checking, destroying) that run at once, hanging ones not counted: 1 to 256. Default:
    /// the number of processors, at least 4 and at most 8. With [`Keeper::Manual`] one runs at a time whatever is set, so
    /// that a test can take a pool's settings as they are.
    pub fn create_parallelism(mut self, jobs: usize) -> Self {
        self.config.create_parallelism = Some(jobs);
        self
    }

    /// How long `build` waits for the `min_idle` resources. Default: 30 s. What is ready by then is enough; the rest
    /// joins when it is done.
    pub fn warm_up_timeout(mut self, timeout: Duration) -> Self {
        self.config.warm_up_timeout = timeout;
        self
    }

    /// What becomes of a resource whose holder panicked. Default: [`OnPanic::Discard`].
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.config.on_panic = on_panic;
        self
    }

    /// What to do when every holder waits here for a second resource. Default: [`OnDeadlock::Report`].
    pub fn on_deadlock(mut self, on_deadlock: OnDeadlock) -> Self {
        self.config.on_deadlock = on_deadlock;
        self
    }

    /// Who runs the pool's regular duties. Default: [`Keeper::Dedicated`].
    pub fn keeper(mut self, keeper: Keeper) -> Self {
        self.config.keeper = keeper;
        self
    }

    /// How a return makes sure that a thread about to park sees it. Default: [`Fences::Auto`].
    pub fn fences(mut self, fences: Fences) -> Self {
        self.config.fences = fences;
        self
    }

    /// The time the pool lives in. Default: the system's monotonic clock. Tests pass a
    /// [`&VirtualClock`](crate::VirtualClock).
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.config.clock = clock.into();
        self
    }

    /// Subscribes to the pool's events from the very first on. See [`Pool::subscribe`].
    ///
    /// # Panics
    /// As there.
    pub fn subscribe(&mut self, capacity: usize) -> Receiver<PoolEvent> {
        assert!(capacity > 0, "a subscriber needs room for an event: capacity is 0");
        self.subscribers.subscribe(capacity)
    }

    /// How long creating in the background, `warm` included, may take before it counts as hung: another thread, and another
    /// slot if there is one, take over. Default: 30 s. A resource that comes after all stays if there is room for it or
    /// somebody waits. A creation on the caller is not bounded.
    pub fn create_timeout(mut self, timeout: Duration) -> Self {
        self.config.create_timeout = timeout;
        self
    }

    /// How long a check may take before it counts as hung, and as failed: a later pass is not believed. Default: 5 s.
    pub fn check_timeout(mut self, timeout: Duration) -> Self {
        self.config.check_timeout = timeout;
        self
    }

    /// How long destroying in the background may take before it counts as hung, and another thread takes over. Its slot
    /// stays taken until it ends. Default: 30 s.
    pub fn destroy_timeout(mut self, timeout: Duration) -> Self {
        self.config.destroy_timeout = timeout;
        self
    }

    /// Builds the pool and makes its first resources, several at a time.
    ///
    /// Some of them may fail: the pool starts with those that came, [`Pool::warm_up`] tells what happened, and the keeper
    /// goes on trying.
    ///
    /// # Blocking
    /// Until the `min_idle` resources are made or have failed, at most for `warm_up_timeout`.
    ///
    /// # Errors
    /// [`BuildError::Config`] for a setting that is refused; [`BuildError::WarmUp`] if resources were to be made and not
    /// one was ready in time; [`BuildError::Thread`] if the keeper's thread could not be started.
    pub fn build(self) -> Result<Pool<M>, BuildError> {
        let Builder { manager, config, subscribers } = self;
        let label = config.name.as_ref().map_or_else(|| "a pool".to_owned(), |name| format!("pool \"{name}\""));
        let told = |subscribers: &Subscribers, error: BuildError| {
            subscribers.tell_subscribers(|| PoolEvent::NotBuilt(error.clone()));
            say(log::Level::Error, &label, format_args!("not built: {error}"));
            error
        };
        let attended = manager.attendant().is_some();
        let valid = config.validate().and_then(|()| config.validate_for::<M>());
        let valid = valid.and_then(|()| config.validate_attended(attended));
        valid.map_err(|error| told(&subscribers, error.into()))?;
        let in_force = config.in_force();
        let warm_up = Arc::new(WarmUp::default());
        let inner = anchored(shelf(&in_force, config.places()), |shelf, me| {
            assemble(shelf, manager, (config, in_force), subscribers, Weak::clone(me))
        });
        let watcher: Weak<dyn keeper::Watch> = inner.me.clone();
        inner.clock.watch(watcher);
        inner.shelf.set_wake_on_vacancy(inner.config().creation == Creation::Inline || inner.is_manual());
        inner.draw_first();
        let pool = Pool { inner };
        keeper::start(&pool.inner).map_err(|error| told(&pool.inner.subscribers, error))?;
        let report = pool.inner.warm_up(&warm_up);
        if report.ready == 0 && report.asked > 0 {
            let error = BuildError::WarmUp { pool: pool.inner.name.clone(), report };
            return Err(told(&pool.inner.subscribers, error));
        }
        pool.inner.warm_up_report.get_or_init(|| report);
        pool.inner.shelf.set_coarse(ticks(pool.inner.now()));
        pool.inner.alarm.ring();
        Ok(pool)
    }
}

impl<M: Manager> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// With `slots` places.
fn shelf(config: &PoolConfig, slots: usize) -> ShelfConfig {
    let (available, listed) = match config.strategy {
        Strategy::Affine => (Available::Affine, 0),
        Strategy::Lifo => (Available::Lifo(Listed::new(slots, IndexStack::new(slots))), attention::LISTED),
        Strategy::Fifo => (Available::Fifo(Listed::new(slots, IndexQueue::new(slots))), attention::LISTED),
    };
    let flag = |is_up, flag| if is_up { flag } else { 0 };
    let measured = flag(config.is_measured(), attention::MEASURED);
    let named = flag(config.on_deadlock == OnDeadlock::Refuse, attention::NAMED);
    ShelfConfig {
        slots: slots as u32,
        open: config.slots() as u32,
        available,
        fairness: config.hand_over(),
        max_waiters: config.most_waiters(),
        attention: listed | measured | named,
        asymmetric: config.fences == Fences::Auto,
        overload: config.overload(),
    }
}

fn assemble<M: Manager>(
    shelf: Shelf<M::Resource>,
    manager: M,
    (said, config): (PoolConfig, PoolConfig),
    subscribers: Subscribers,
    me: Weak<Inner<M>>,
) -> Inner<M> {
    let slots = said.places();
    let label = config.name.as_deref().unwrap_or("pool");
    let alarm = Arc::new(Alarm::default());
    subscribers.journal.rings(&alarm);
    let limits = CrewLimits { at_once: config.create_parallelism(), slots, timeouts: config.job_timeouts() };
    Inner {
        shelf,
        name: config.name.as_deref().map(Arc::from),
        clock: config.clock.clone(),
        counts: Counts::default(),
        timings: Timings::default(),
        creation: CreationState::default(),
        lives: std::iter::repeat_with(Default::default).take(slots).collect(),
        memory: MemoryBook::default(),
        recorder: Recorder::default(),
        subscribers,
        told: Told::default(),
        births: AtomicU64::new(0),
        sizes: Sizes::of(&config),
        short_lives: ShortLives::default(),
        breaker: PoolBreaker::of(&config),
        outdated: AtomicU64::new(0),
        crew: Arc::new(Crew::new(format!("{label}-crew"), limits)),
        alarm,
        herald: Arc::default(),
        #[cfg(feature = "metrics")]
        reports: Default::default(),
        keeper: Mutex::new(KeeperState::default()),
        turns: Turns::default(),
        keeper_thread: Mutex::new(None),
        handles: AtomicUsize::new(1),
        warm_up_report: OnceLock::new(),
        stopped_by: OnceLock::new(),
        sessions: OnceLock::new(),
        overflowing_since: AtomicU64::new(0),
        shrinking: Mutex::new(()),
        draining: Mutex::new(()),
        drained: Condvar::new(),
        manager,
        each_use: EachUse::of(&config),
        config: ArcSwap::from_pointee(config),
        said: Mutex::new(Arc::new(said)),
        me,
    }
}

/// How the warm-up in `build` went.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WarmUpReport {
    /// Resources that were to be made: `min_idle`.
    pub asked: usize,
    /// Resources that were ready in time.
    pub ready: usize,
    /// Resources that could not be made.
    pub failed: usize,
    /// The first failure.
    pub first_failure: Option<SharedError>,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for WarmUpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WarmUpReport { asked, ready, failed, took, .. } = self;
        let unfinished = asked - ready - failed;
        write!(f, "{ready} of {asked} ready, {failed} failed, {unfinished} unfinished after {took:.1?}")?;
        match &self.first_failure {
            Some(error) => write!(f, "; the first failure: {error}"),
            None if unfinished > 0 => f.write_str("; raise warm_up_timeout, or lower min_idle"),
            None => Ok(()),
        }
    }
}

/// What `build` and the crew know of a warm-up under way.
#[derive(Default)]
pub(crate) struct WarmUp {
    report: Mutex<WarmUpReport>,
    changed: Condvar,
}

impl WarmUp {
    /// Gives back a failure that is not the first: it is the user's, and is dropped where no lock is held.
    fn note(&self, made: Result<(), SharedError>) -> Option<SharedError> {
        let mut report = self.report.lock();
        let mut error = made.err();
        match error {
            None => report.ready += 1,
            Some(_) => report.failed += 1,
        }
        if report.first_failure.is_none() {
            report.first_failure = error.take();
        }
        self.changed.notify_all();
        error
    }
}

impl Drop for WarmUp {
    /// On the thread of the last job, which must go on.
    fn drop(&mut self) {
        let_go(self.report.lock().first_failure.take());
    }
}

impl<M: Manager> Inner<M> {
    /// Makes the first resources: on the crew, or here if the pool has no threads.
    fn warm_up(&self, warm_up: &Arc<WarmUp>) -> WarmUpReport {
        let began = self.now();
        let asked = self.min_idle();
        let deadline = began.saturating_add(nanos(self.config().warm_up_timeout));
        for _ in 0..asked {
            if self.is_manual() {
                self.warm_one(warm_up);
                if self.now() >= deadline {
                    break;
                }
            } else if self.submit(Job::WarmUp(Arc::clone(warm_up))).is_err() {
                break;
            }
        }
        let mut report = warm_up.report.lock();
        // A fatal failure closes the pool, and nobody tells of what is left then.
        while report.ready + report.failed < asked && self.now() < deadline && !self.is_manual() && !self.is_closed() {
            // In short waits: virtual time that moves meanwhile rings no bell here.
            warm_up.changed.wait_for(&mut report, Duration::from_millis(10));
        }
        report.asked = asked;
        report.took = Duration::from_nanos(self.now().saturating_sub(began));
        report.clone()
    }

    pub(super) fn warm_one(&self, warm_up: &WarmUp) {
        if self.is_closed() {
            return;
        }
        // No room means that somebody else made it, unless all together weigh too much.
        let mut failed = None;
        let limit = self.over_budget();
        let place = if limit.is_none() { self.shelf.reserve() } else { None };
        let made = match self.occupy(place, self.take_leave()).map(|vacancy| self.make_in_time(vacancy)) {
            None => limit.map_or(Ok(()), |limit| Err(Arc::new(limit) as SharedError)),
            Some(Ok((right, in_time))) => {
                self.adopt(right, in_time);
                Ok(())
            }
            Some(Err(failure)) => {
                let error = SharedError::clone(&failure.error);
                failed = Some(failure);
                Err(error)
            }
        };
        let further = warm_up.note(made);
        self.let_go(further);
        if let Some(failure) = failed {
            self.creation_failed(&failure);
            self.tell_of_failure(failure.error);
        }
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn fences_is_whether_a_return_fences_although_nobody_waits() {
        let flags = |fences| {
            let pool = Pool::builder(|| Ok::<_, String>(Box::new(0))).keeper(Keeper::Manual).fences(fences);
            pool.build().unwrap().inner.shelf.attention() & attention::CONTENDED
        };
        assert_ne!(flags(Fences::Portable), 0);
        assert_eq!(flags(Fences::Auto) == 0, crate::core::fence::available());
    }
}
