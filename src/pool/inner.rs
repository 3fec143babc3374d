//! What the handles, guards and threads of one pool share.

use super::circuit::PoolBreaker;
use super::crash_loop::ShortLives;
use super::create::CreationState;
use super::each_use::EachUse;
use super::life::Life;
use super::memory::MemoryBook;
use super::session::Sessions;
use super::sizes::Sizes;
use super::{WarmUp, WarmUpReport};
use crate::config::PoolConfig;
use crate::core::sync::around::thread::JoinHandle;
use crate::core::sync::around::{AtomicU64, AtomicUsize, Condvar, Mutex};
use crate::core::{Lease, Phase, Right, Settle, Shelf, Slots, attention};
use crate::error::{Panicked, SharedError, dropped, let_go};
#[cfg(feature = "metrics")]
use crate::keeper::Reports;
use crate::keeper::{Alarm, Aside, Clock, Crew, KeeperState, Task, Turns, Watch, Work, ticks};
use crate::manager::Manager;
use crate::observe::{
    Audit, Counts, DestroyReason, Holder, JobKind, Recorder, ResourceId, Stats, Subscribers, Timings, Told, say,
};
use arc_swap::{ArcSwap, Guard};
use crossbeam_utils::CachePadded;
use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{Ordering::Acquire, fence};
use std::sync::{Arc, OnceLock, Weak};

pub(crate) struct Inner<M: Manager> {
    pub(crate) shelf: Shelf<M::Resource>,
    pub(crate) manager: M,
    /// What is in force: as was said, but for what the mode makes of it.
    pub(super) config: ArcSwap<PoolConfig>,
    /// What was said. Held while that changes.
    pub(super) said: Mutex<Arc<PoolConfig>>,
    pub(super) each_use: EachUse,
    pub(super) name: Option<Arc<str>>,
    pub(crate) clock: Clock,
    pub(crate) counts: Counts,
    pub(crate) timings: Timings,
    pub(super) creation: CreationState,
    /// Each on lines of its own: holders write to theirs.
    pub(crate) lives: Box<[CachePadded<Life>]>,
    pub(crate) memory: MemoryBook,
    pub(crate) recorder: Recorder,
    pub(crate) subscribers: Subscribers,
    pub(crate) told: Told,
    /// Creations begun, ever: a resource's number, and the pool's epoch.
    pub(super) births: AtomicU64,
    pub(super) sizes: Sizes,
    pub(super) short_lives: ShortLives,
    pub(super) breaker: Option<PoolBreaker>,
    /// The latest epoch by which everything older is to be replaced.
    pub(super) outdated: AtomicU64,
    pub(crate) crew: Arc<Crew<Job<M>>>,
    /// Where the log is told.
    pub(crate) herald: Arc<Aside>,
    #[cfg(feature = "metrics")]
    pub(crate) reports: Reports,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) keeper: Mutex<KeeperState<M>>,
    pub(crate) turns: Turns,
    pub(crate) keeper_thread: Mutex<Option<JoinHandle<()>>>,
    /// Live `Pool` handles. The pool closes when the last one goes, whatever guards and threads remain.
    pub(super) handles: AtomicUsize,
    pub(super) warm_up_report: OnceLock<WarmUpReport>,
    /// The fatal error that closed the pool.
    pub(super) stopped_by: OnceLock<SharedError>,
    /// When a resource beyond `max_size` was created last, or those there are became too many.
    pub(crate) overflowing_since: AtomicU64,
    /// Held while a return decides whether its resource is one too many.
    pub(super) shrinking: Mutex<()>,
    /// Where `close` waits for slots to become vacant.
    pub(super) draining: Mutex<()>,
    pub(super) drained: Condvar,
    /// Made for the first key.
    pub(super) sessions: OnceLock<Sessions>,
    pub(crate) me: Weak<Inner<M>>,
}

/// A right in the care of the pool itself, on its way to the crew or the keeper. Dropped undone, the resource is destroyed.
pub(crate) struct InService;

pub(crate) type Parcel<M> = Lease<Arc<Inner<M>>, InService>;

impl<M: Manager> Settle<Inner<M>> for InService {
    fn settle(pool: &Inner<M>, right: Right<'_, M::Resource>) {
        pool.destroy(right, DestroyReason::Closed);
    }
}

/// Slow user code for the crew.
pub(crate) enum Job<M: Manager> {
    /// Create a resource if there is still demand for one.
    Create,
    /// Create one of the resources `build` waits for.
    WarmUp(Arc<WarmUp>),
    /// Check a resource, for the `tries`-th time if it was still busy.
    Check { parcel: Parcel<M>, still_busy: Option<u32> },
    /// Make a successor for a resource that is to end, or has ended.
    Replace { old: ResourceId, old_is_gone: bool },
    /// Destroy a resource.
    Destroy { parcel: Parcel<M>, reason: DestroyReason },
}

impl<M: Manager> Task for Job<M> {
    fn kind(&self) -> JobKind {
        match self {
            Job::Create | Job::WarmUp(_) | Job::Replace { .. } => JobKind::Create,
            Job::Check { .. } => JobKind::Check,
            Job::Destroy { .. } => JobKind::Destroy,
        }
    }

    fn slot(&self) -> Option<u32> {
        match self {
            Job::Create | Job::WarmUp(_) | Job::Replace { .. } => None,
            Job::Check { parcel, .. } | Job::Destroy { parcel, .. } => Some(parcel.place().0),
        }
    }

    fn holds_ticket(&self) -> bool {
        matches!(self, Job::Create)
    }
}

/// A resource that was still busy at its return, out of service until a check passes.
pub(crate) struct Quarantined<M: Manager> {
    pub(crate) parcel: Parcel<M>,
    pub(crate) tries: u32,
    pub(crate) due: u64,
}

impl<M: Manager> Slots for Inner<M> {
    type Resource = M::Resource;

    #[inline(always)]
    fn shelf(&self) -> &Shelf<M::Resource> {
        &self.shelf
    }
}

impl<M: Manager> fmt::Display for Inner<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "pool \"{name}\""),
            None => write!(f, "pool {}", self.shelf.number()),
        }
    }
}

impl<M: Manager> Inner<M> {
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The settings in force now. Whoever needs several of them keeps this: the next look may find others.
    pub(crate) fn config(&self) -> Guard<Arc<PoolConfig>> {
        self.config.load()
    }

    /// Under the lock of `said`.
    pub(super) fn set_config(&self, in_force: PoolConfig) {
        self.each_use.set(&in_force);
        self.config.store(Arc::new(in_force));
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shelf.attention() & attention::CLOSED != 0
    }

    /// Runs one of the manager's callbacks. A panic in it is counted, logged and given back as an error.
    pub(super) fn call<T>(&self, callback: &'static str, f: impl FnOnce(&M) -> T) -> Result<T, Panicked> {
        // AssertUnwindSafe: the resource a callback panicked on is destroyed, and a manager whose own state a panic
        // breaks has to guard that itself, as it has to against concurrent calls.
        catch_unwind(AssertUnwindSafe(|| f(&self.manager))).map_err(|payload| self.callback_panicked(callback, payload))
    }

    /// Says something to the program's logger, which is user code, as is the text of a user's error: neither may take a
    /// slot with it. Never called under a lock.
    pub(crate) fn log(&self, level: log::Level, text: fmt::Arguments<'_>) {
        say(level, self, text);
    }

    /// Drops what holds an error of the manager's. A panic in that is one like any other of its panics.
    pub(super) fn let_go<T>(&self, theirs: T) {
        if let Err(payload) = dropped(theirs) {
            self.callback_panicked("Error::drop", payload);
        }
    }

    #[cold]
    fn callback_panicked(&self, callback: &'static str, payload: Box<dyn Any + Send>) -> Panicked {
        let message = match payload.downcast::<String>() {
            Ok(text) => Cow::Owned(*text),
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(text) => Cow::Borrowed(*text),
                Err(payload) => {
                    let_go(payload);
                    Cow::Borrowed("(no message)")
                }
            },
        };
        self.counts.callback_panics.add_one();
        let panicked = Panicked { callback, message };
        self.log(log::Level::Error, format_args!("{panicked}"));
        panicked
    }

    /// Takes over a right, for the crew or the keeper. None when the pool is past its end: the caller acts itself.
    pub(super) fn parcel<'s>(&'s self, right: Right<'s, M::Resource>) -> Result<Parcel<M>, Right<'s, M::Resource>> {
        match self.me.upgrade() {
            Some(me) => Ok(Lease::carry(me, right)),
            None => Err(right),
        }
    }

    /// Hands a job to the crew; gives it back if the crew takes none.
    pub(crate) fn submit(&self, job: Job<M>) -> Result<(), Job<M>> {
        if self.is_manual() {
            return self.crew.leave(job);
        }
        let Some(me) = self.me.upgrade() else { return Err(job) };
        self.crew.submit(&me, job)?;
        // The keeper looks after jobs that hang, or find no thread.
        self.alarm.ring();
        Ok(())
    }

    /// What this thread does from now on, in which slot, if it is one of the crew's. Returns the time.
    pub(super) fn begin(&self, kind: JobKind, right: &Right<'_, M::Resource>) -> u64 {
        let now = self.now();
        if self.crew.begin(kind, self.shelf.index_of(right.slot()), now) {
            self.alarm.ring();
        }
        now
    }

    /// Whether what began at `began` took longer than its kind may.
    pub(super) fn is_late(&self, kind: JobKind, began: u64) -> bool {
        self.now().saturating_sub(began) >= self.crew.timeout(kind)
    }

    /// Duties and background work, now, on this thread.
    pub(super) fn tick_by_hand(&self) {
        // Not if this thread is at it further up.
        if let Some(_my_turn) = self.turns.take() {
            self.tick(true);
        }
        if self.is_manual() {
            while let Some(job) = self.crew.take() {
                self.work(job);
            }
        }
        self.tell_here();
    }

    /// Whether `build` is done with its warm-up.
    pub(crate) fn is_warm(&self) -> bool {
        self.warm_up_report.get().is_some()
    }

    pub(crate) fn is_manual(&self) -> bool {
        self.each_use.is_manual
    }

    /// The same number twice if nothing moved in between: of the words and uses of all slots, and what else is counted in pairs.
    fn fingerprint(&self) -> u64 {
        let mix = |sum: u64, each: u64| (sum ^ each).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        let Counts { created, detached, discards, .. } = &self.counts;
        let counts = [created, detached, discards].map(|count| count.get());
        let sum = counts.into_iter().fold(self.counts.destroyed().total(), mix);
        self.shelf.slots().fold(sum, |sum, (_, slot)| mix(mix(sum, slot.look().bits()), slot.record().checkouts()))
    }

    /// As much of all that is reported: the same number twice if nothing changed but the time.
    #[cfg(feature = "metrics")]
    pub(crate) fn look_of_all(&self) -> u64 {
        let mix = |sum: u64, each: u64| (sum ^ each).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        let Counts { create_failures, waits, timeouts, rejected, fallbacks, callback_panics, long_holds, .. } =
            &self.counts;
        let counts = [create_failures, waits, timeouts, rejected, fallbacks, callback_panics, long_holds];
        let (hung, hung_ever) = self.crew.hung();
        let others = [
            self.max_size() as u64,
            u64::from(self.shelf.waiting_in_all()),
            self.subscribers.lost(),
            self.memory.used(),
            hung as u64,
            hung_ever,
            u64::from(self.short_lives.in_a_row()),
            self.breaker_state().map_or(0, |state| state as u64 + 1),
            u64::from(self.is_closed()),
        ];
        counts.into_iter().map(|count| count.get()).chain(others).fold(self.fingerprint(), mix)
    }

    pub(crate) fn stats(&self) -> Stats {
        let before = self.fingerprint();
        let (hung_jobs, hung_jobs_total) = self.crew.hung();
        let mut stats = Stats {
            max_size: self.max_size(),
            max_overflow: self.max_overflow(),
            total: 0,
            in_use: 0,
            available: 0,
            degraded: 0,
            creating: 0,
            checking: 0,
            retiring: 0,
            overflow: 0,
            waiting: self.shelf.waiting_in_all() as usize,
            created: self.counts.created.get(),
            create_failures: self.counts.create_failures.get(),
            short_lives: self.short_lives.in_a_row(),
            destroyed: self.counts.destroyed(),
            detached: 0,
            checkouts: 0,
            discards: 0,
            affinity_misses: 0,
            waits: self.counts.waits.get(),
            overtakes: self.shelf.overtakes(),
            timeouts: self.counts.timeouts.get(),
            rejected: self.counts.rejected.get(),
            shed: self.counts.shed(),
            fallbacks: self.counts.fallbacks.get(),
            breaker: self.breaker_state(),
            callback_panics: self.counts.callback_panics.get(),
            lost_events: self.subscribers.lost(),
            long_holds: self.counts.long_holds.get(),
            hung_jobs,
            hung_jobs_total,
            weight: 0,
            settled: false,
            returned: 0,
            hits: 0,
        };
        for ((_, slot), life) in self.shelf.slots().zip(&self.lives) {
            stats.checkouts += slot.record().checkouts();
            // Meets the fence in `taken`. What is taken off the checkouts is read after them: too few hits and returns, not too
            // many.
            fence(Acquire);
            stats.affinity_misses += life.misses();
            let phase = slot.look().phase();
            match phase {
                Phase::Vacant | Phase::Shut => {}
                Phase::Creating => stats.creating += 1,
                Phase::Ready | Phase::Stale => stats.available += 1,
                Phase::Busy => stats.in_use += 1,
                Phase::Degraded => stats.degraded += 1,
                Phase::Checking => stats.checking += 1,
                Phase::Retiring => stats.retiring += 1,
            }
            if phase.is_live() {
                stats.total += 1;
                stats.weight = stats.weight.saturating_add(life.weight());
            }
        }
        (stats.discards, stats.detached) = (self.counts.discards.get(), self.counts.detached.get());
        let ended = stats.checkouts.saturating_sub(stats.discards + stats.detached + stats.in_use as u64);
        stats.returned = self.counts.returned.at_least(ended);
        stats.hits = self.counts.hits.at_least(stats.checkouts.saturating_sub(stats.affinity_misses));
        stats.overflow = stats.total.saturating_sub(self.places_in_service());
        stats.settled = self.fingerprint() == before;
        stats
    }

    pub(crate) fn audit(&self) -> Audit {
        let before = self.fingerprint();
        let stats = self.stats();
        let empty = |phase| self.shelf.slots().filter(|(_, slot)| slot.look().phase() == phase).count();
        let (vacant, shut) = (empty(Phase::Vacant), empty(Phase::Shut));
        let queued = self.shelf.queue_len() as usize;
        let settled = self.fingerprint() == before;
        let (open, slots) = (self.shelf.open_slots() as usize, self.shelf.len() as usize);
        let target = self.shelf.target() as usize;
        Audit { slots, open, target, vacant, shut, stats, settled, closed: self.is_closed(), queued }
    }

    pub(crate) fn holders(&self) -> Vec<Holder> {
        let now = self.now();
        let mut holders: Vec<_> = self
            .shelf
            .slots()
            .filter_map(|(index, slot)| Holder::now_of(index, slot, now).map(Holder::named))
            .collect();
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.held_for));
        holders
    }
}

impl<M: Manager> Watch for Inner<M> {
    fn time_moves(&self) {
        self.look_around(self.now());
    }

    fn time_moved(&self) {
        self.shelf.set_coarse(ticks(self.now()));
        self.shelf.unpark_all();
        self.alarm.ring();
        self.tell_drained();
        self.herald.time_moved();
        #[cfg(feature = "metrics")]
        self.reports.aside.time_moved();
    }
}

impl<M: Manager> Work for Inner<M> {
    type Job = Job<M>;

    fn work(&self, job: Job<M>) {
        match job {
            Job::Create => self.create_on_crew(),
            Job::WarmUp(warm_up) => self.warm_one(&warm_up),
            Job::Replace { old, old_is_gone } => self.make_successor(old, old_is_gone),
            Job::Check { parcel, still_busy } => parcel.end(|pool, right| pool.check(right, still_busy)),
            Job::Destroy { parcel, reason } => parcel.end(|pool, right| pool.destroy(right, reason)),
        }
    }
}

impl<M: Manager> Drop for Inner<M> {
    /// Ends resources whose guards were forgotten: nobody can reach them any more.
    fn drop(&mut self) {
        let left_over = (0..).zip(self.shelf.slots_mut()).filter_map(|(index, slot)| {
            let (word, taken) = (slot.look(), slot.record().stamp().time());
            slot.take_left_over().map(|resource| (index, word, taken, resource))
        });
        let left_over: Vec<_> = left_over.collect();
        for (index, word, taken, resource) in left_over {
            let _ = self.call("destroy", |manager| manager.destroy(resource));
            self.counts.destroyed_one(DestroyReason::Forgotten);
            self.was_forgotten(ResourceId::new(index, word), taken);
        }
        self.nothing_is_left();
        self.set_last_error(None);
        let report = self.warm_up_report.take();
        self.let_go(report);
        let cause = self.stopped_by.take();
        self.let_go(cause);
    }
}
