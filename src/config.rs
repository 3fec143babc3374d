//! The settings of a pool, and their validation.

mod live;
mod mode;
mod presets;
mod shedding;
mod upkeep;

pub use live::{Change, Changes};
pub use mode::Mode;
pub use presets::Load;
pub use shedding::CoDel;
pub use upkeep::{OnLeak, Scaling};

#[cfg(feature = "config")]
pub(crate) use live::fixed_setting;
pub(crate) use live::{refuse_fixed, refuse_other_breaker, refused};
pub(crate) use mode::is_kept;

use crate::core::HandOver;
use crate::error::ConfigError;
use crate::keeper::{Clock, nanos};
use crate::resilience::shedding::Overload;
use crate::resilience::{Backoff, BreakerConfig, RecoveryTable};
use std::fmt::Debug;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::thread::available_parallelism;
use std::time::Duration;

/// Most slots a pool may have, overflow included. A slot takes at least 128 bytes, so this many take 8 MiB.
pub const MAX_SLOTS: usize = 65_536;

/// Longest time span a setting may have: a year. Far below where 64 bits of nanoseconds end (584 years).
pub const MAX_SPAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// So many uses of the fast path one stands for that is timed: at 100 to 370 ns for that one, 0.2 ns for each at most.
const TIME_ONE_IN: u32 = 2_048;

/// Longest span that is measured from a checkout or a return on: the time noted there wraps after 248 days, and more than
/// half of that cannot be told from a moment ahead.
const MAX_NOTED_SPAN: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// The settings of a pool. [`Builder`](crate::Builder) has a method for each; `build` validates them all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolConfig {
    /// See [`Builder::mode`](crate::Builder::mode).
    pub mode: Mode,
    /// See [`Builder::name`](crate::Builder::name).
    pub name: Option<String>,
    /// See [`Builder::max_size`](crate::Builder::max_size).
    pub max_size: usize,
    /// See [`Builder::min_idle`](crate::Builder::min_idle). `None` is `max_size`.
    pub min_idle: Option<usize>,
    /// See [`Builder::max_overflow`](crate::Builder::max_overflow).
    pub max_overflow: usize,
    /// See [`Builder::overflow_ttl`](crate::Builder::overflow_ttl). `None` is the default of 1 s.
    pub overflow_ttl: Option<Duration>,
    /// See [`Builder::checkout_timeout`](crate::Builder::checkout_timeout).
    pub checkout_timeout: Duration,
    /// See [`Builder::strategy`](crate::Builder::strategy).
    pub strategy: Strategy,
    /// See [`Builder::fairness`](crate::Builder::fairness).
    pub fairness: Fairness,
    /// See [`Builder::max_waiters`](crate::Builder::max_waiters). `None` is no limit.
    pub max_waiters: Option<usize>,
    /// See [`Builder::codel`](crate::Builder::codel). `None` is off.
    pub codel: Option<CoDel>,
    /// See [`Builder::refuse_unservable`](crate::Builder::refuse_unservable).
    pub refuse_unservable: bool,
    /// See [`Builder::creation`](crate::Builder::creation).
    pub creation: Creation,
    /// See [`Builder::create_parallelism`](crate::Builder::create_parallelism). `None` is the default.
    pub create_parallelism: Option<usize>,
    /// See [`Builder::warm_up_timeout`](crate::Builder::warm_up_timeout).
    pub warm_up_timeout: Duration,
    /// See [`Builder::on_panic`](crate::Builder::on_panic).
    pub on_panic: OnPanic,
    /// See [`Builder::on_deadlock`](crate::Builder::on_deadlock).
    pub on_deadlock: OnDeadlock,
    /// See [`Builder::keeper`](crate::Builder::keeper).
    pub keeper: Keeper,
    /// See [`Builder::fences`](crate::Builder::fences).
    pub fences: Fences,
    /// See [`Builder::clock`](crate::Builder::clock).
    pub clock: Clock,
    /// See [`Builder::breaker`](crate::Builder::breaker). `None` is without one.
    pub breaker: Option<BreakerConfig>,
    /// See [`Builder::backoff`](crate::Builder::backoff).
    pub backoff: Backoff,
    /// See [`Builder::recovery`](crate::Builder::recovery).
    pub recovery: RecoveryTable,
    /// See [`Builder::check_interval`](crate::Builder::check_interval).
    pub check_interval: Option<Duration>,
    /// See [`Builder::check_if_idle_for`](crate::Builder::check_if_idle_for).
    pub check_if_idle_for: Option<Duration>,
    /// See [`Builder::degrade_after`](crate::Builder::degrade_after).
    pub degrade_after: u32,
    /// See [`Builder::remove_after`](crate::Builder::remove_after).
    pub remove_after: u32,
    /// See [`Builder::max_lifetime`](crate::Builder::max_lifetime).
    pub max_lifetime: Option<Duration>,
    /// See [`Builder::lifetime_jitter`](crate::Builder::lifetime_jitter). `None` is the default.
    pub lifetime_jitter: Option<f64>,
    /// See [`Builder::idle_timeout`](crate::Builder::idle_timeout).
    pub idle_timeout: Option<Duration>,
    /// What ends resources as r2d2 does. Its adapter sets it.
    #[cfg(feature = "r2d2")]
    pub(crate) reaper: Option<crate::keeper::Reaper>,
    /// See [`Builder::max_uses`](crate::Builder::max_uses).
    pub max_uses: Option<u64>,
    /// See [`Builder::surge`](crate::Builder::surge).
    pub surge: usize,
    /// See [`Builder::max_unavailable`](crate::Builder::max_unavailable).
    pub max_unavailable: usize,
    /// See [`Builder::ceiling`](crate::Builder::ceiling). `None` is `max_size` and `max_overflow` together.
    pub ceiling: Option<usize>,
    /// See [`Builder::max_hold`](crate::Builder::max_hold).
    pub max_hold: Option<Duration>,
    /// See [`Builder::on_leak`](crate::Builder::on_leak).
    pub on_leak: OnLeak,
    /// See [`Builder::memory_budget`](crate::Builder::memory_budget).
    pub memory_budget: Option<u64>,
    /// See [`Builder::memory_pressure`](crate::Builder::memory_pressure). `None` is the default.
    pub memory_pressure: Option<f64>,
    /// See [`Builder::max_growth`](crate::Builder::max_growth).
    pub max_growth: Option<f64>,
    /// See [`Builder::scaling`](crate::Builder::scaling).
    pub scaling: Option<Scaling>,
    /// See [`Builder::record_uses`](crate::Builder::record_uses).
    pub record_uses: bool,
    /// See [`Builder::time_one_in`](crate::Builder::time_one_in).
    pub time_one_in: u32,
    /// See [`Builder::queue_alert`](crate::Builder::queue_alert).
    pub queue_alert: Option<usize>,
    /// See [`Builder::session_binding`](crate::Builder::session_binding).
    pub session_binding: Duration,
    /// See [`Builder::session_places`](crate::Builder::session_places). `None` is the default.
    pub session_places: Option<usize>,
    /// See [`Builder::metrics_interval`](crate::Builder::metrics_interval). `None` is not.
    #[cfg(feature = "metrics")]
    pub metrics_interval: Option<Duration>,
    /// See [`Builder::create_timeout`](crate::Builder::create_timeout).
    pub create_timeout: Duration,
    /// See [`Builder::check_timeout`](crate::Builder::check_timeout).
    pub check_timeout: Duration,
    /// See [`Builder::destroy_timeout`](crate::Builder::destroy_timeout).
    pub destroy_timeout: Duration,
}

impl Default for PoolConfig {
    /// One resource, made by `build`; no overflow; 5 s of patience.
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            name: None,
            max_size: 1,
            min_idle: None,
            max_overflow: 0,
            overflow_ttl: None,
            checkout_timeout: Duration::from_secs(5),
            strategy: Strategy::default(),
            fairness: Fairness::default(),
            max_waiters: None,
            codel: None,
            refuse_unservable: false,
            creation: Creation::default(),
            create_parallelism: None,
            warm_up_timeout: Duration::from_secs(30),
            on_panic: OnPanic::default(),
            on_deadlock: OnDeadlock::default(),
            keeper: Keeper::default(),
            fences: Fences::default(),
            clock: Clock::system(),
            breaker: Some(BreakerConfig::default()),
            backoff: Backoff::default(),
            recovery: RecoveryTable::default(),
            check_interval: Some(upkeep::CHECK_INTERVAL),
            check_if_idle_for: None,
            degrade_after: 1,
            remove_after: 3,
            max_lifetime: None,
            lifetime_jitter: None,
            idle_timeout: None,
            #[cfg(feature = "r2d2")]
            reaper: None,
            max_uses: None,
            surge: 1,
            max_unavailable: 0,
            ceiling: None,
            max_hold: None,
            on_leak: OnLeak::default(),
            memory_budget: None,
            memory_pressure: None,
            max_growth: None,
            scaling: None,
            record_uses: false,
            time_one_in: TIME_ONE_IN,
            queue_alert: None,
            session_binding: Duration::from_secs(5 * 60),
            session_places: None,
            #[cfg(feature = "metrics")]
            metrics_interval: None,
            // As patient as `build`: a second creation beside a slow one costs the backend, and waiters leave by their
            // own deadlines.
            create_timeout: Duration::from_secs(30),
            // A resource that does not answer for 5 s would fail its next user too.
            check_timeout: Duration::from_secs(5),
            // Ending politely takes time, and nobody waits for it.
            destroy_timeout: Duration::from_secs(30),
        }
    }
}

impl PoolConfig {
    /// The defaults with twice as many resources as the process may use processors.
    ///
    /// Counts by [`available_parallelism`], which respects the affinity mask and a cgroup's CPU quota (v1 and v2). Falls
    /// back to 2 resources where the system does not tell.
    pub fn per_core() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self { max_size: (cores * 2).min(MAX_SLOTS), ..Self::default() }
    }

    /// Checks every setting, alone and against the others.
    ///
    /// # Errors
    /// The first setting that is refused: its name, its value and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_mode()?;
        let slots_left = MAX_SLOTS.saturating_sub(self.max_size);
        within("max_size", self.max_size, 0..=MAX_SLOTS)?;
        within("max_overflow", self.max_overflow, 0..=slots_left)?;
        if self.max_size == 0 && self.max_overflow == 0 {
            return refuse("max_size", 0, "a pool without overflow needs at least 1".to_owned());
        }
        if let Some(min_idle) = self.min_idle {
            within("min_idle", min_idle, 0..=self.max_size)?;
        }
        if let Some(ttl) = self.overflow_ttl {
            within("overflow_ttl", ttl, Duration::ZERO..=MAX_NOTED_SPAN)?;
            if self.max_overflow == 0 {
                return refuse(
                    "overflow_ttl",
                    ttl,
                    "it has no effect while max_overflow is 0; set max_overflow".to_owned(),
                );
            }
        }
        within("checkout_timeout", self.checkout_timeout, Duration::ZERO..=MAX_SPAN)?;
        within("warm_up_timeout", self.warm_up_timeout, Duration::from_nanos(1)..=MAX_SPAN)?;
        if let Fairness::Eventual { bound } = self.fairness {
            within("fairness.bound", bound, Duration::from_nanos(1)..=Duration::from_secs(60))?;
        }
        if let Some(max_waiters) = self.max_waiters {
            within("max_waiters", max_waiters, 0..=u32::MAX as usize - 1)?;
        }
        if let Some(waiting) = self.queue_alert {
            within("queue_alert", waiting, 1..=u32::MAX as usize - 1)?;
        }
        within("session_binding", self.session_binding, Duration::from_millis(1)..=MAX_SPAN)?;
        if let Some(places) = self.session_places {
            within("session_places", places, 4..=1 << 24)?;
        }
        self.validate_shedding()?;
        if let Some(parallelism) = self.create_parallelism {
            within("create_parallelism", parallelism, 1..=256)?;
        }
        let job_span = Duration::from_nanos(1)..=MAX_SPAN;
        within("create_timeout", self.create_timeout, job_span.clone())?;
        within("check_timeout", self.check_timeout, job_span.clone())?;
        within("destroy_timeout", self.destroy_timeout, job_span)?;
        self.breaker.as_ref().map_or(Ok(()), BreakerConfig::validate)?;
        self.backoff.validate()?;
        self.recovery.validate()?;
        match &self.name {
            Some(name) if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) => {
                refuse("name", name, "allowed are 1 to 64 bytes without control characters".to_owned())
            }
            _ => self.validate_upkeep(),
        }
    }

    /// When a return passes its slot on to the head of the queue.
    pub(crate) fn hand_over(&self) -> HandOver {
        match self.fairness {
            Fairness::Eventual { bound } => HandOver::After(nanos(bound)),
            Fairness::Fifo => HandOver::Always,
            Fairness::Barging => HandOver::Never,
        }
    }

    pub(crate) fn most_waiters(&self) -> u32 {
        self.max_waiters.map_or(u32::MAX, |most| most as u32)
    }

    pub(crate) fn overload(&self) -> Overload {
        Overload::of(self.codel, self.refuse_unservable)
    }

    /// By [`JobKind`](crate::JobKind), in nanoseconds.
    pub(crate) fn job_timeouts(&self) -> [u64; 3] {
        [self.create_timeout, self.check_timeout, self.destroy_timeout].map(nanos)
    }

    /// Whether returns are to be looked at more closely than for their health.
    pub(crate) fn is_measured(&self) -> bool {
        self.record_uses
            || self.max_uses.is_some()
            || self.memory_budget.is_some()
            || self.max_growth.is_some()
            || self.mode.keeps().is_some()
    }

    pub(crate) fn slots(&self) -> usize {
        self.max_size + self.max_overflow
    }

    pub(crate) fn min_idle(&self) -> usize {
        self.min_idle.unwrap_or(self.max_size)
    }

    pub(crate) fn overflow_ttl(&self) -> Duration {
        self.overflow_ttl.unwrap_or(Duration::from_secs(1))
    }

    /// Between 4 and 8, by the number of processors: creating mostly waits for something else.
    pub(crate) fn create_parallelism(&self) -> usize {
        self.create_parallelism.unwrap_or_else(|| available_parallelism().map_or(4, NonZero::get).clamp(4, 8))
    }
}

pub(crate) fn within<T: PartialOrd + Debug>(
    field: &'static str,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let rule = format!("allowed is {:?} to {:?}", allowed.start(), allowed.end());
    refuse(field, value, rule)
}

pub(crate) fn refuse(field: &'static str, value: impl Debug, rule: String) -> Result<(), ConfigError> {
    Err(ConfigError { field, value: format!("{value:?}"), rule: rule.into() })
}

/// Which free resource a checkout takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// The one this thread had last, if it is free; else the next free one. The fastest: threads stay out of each other's
    /// way, and a resource stays in the caches of the core that used it.
    #[default]
    Affine,
    /// The one returned last, by whichever thread. Keeps the set in use small, so that the others can expire.
    Lifo,
    /// The one returned longest ago. Spreads use evenly; nothing ever idles for long.
    Fifo,
}

/// Who gets a returned resource when threads wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fairness {
    /// Whoever comes first, a running thread or the woken head of the queue, until the head has waited for `bound`; from
    /// then on returns hand over to the front of the queue. There a waiter that ran on the returning thread's processor goes
    /// first if it is among the first eight, but nobody is passed over more than twice in a row. Nearly the throughput of
    /// [`Barging`](Self::Barging) with nearly the tail of [`Fifo`](Self::Fifo).
    Eventual {
        /// The longest that running threads overtake a waiter, apart from the time until the next return: 1 ns to 60 s.
        bound: Duration,
    },
    /// The head of the queue, always.
    Fifo,
    /// Whoever comes first, always. Most throughput; a waiter can be overtaken without end.
    Barging,
}

impl Default for Fairness {
    /// Eventual, with a bound of 500 us: above the time a wake takes, below what a person or a deadline notices.
    fn default() -> Self {
        Fairness::Eventual { bound: Duration::from_micros(500) }
    }
}

/// On which thread a checkout's demand is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Creation {
    /// On the caller while creating has measured cheap (100 us or less), else in the background. A creation that was
    /// always cheap and then hangs holds its caller beyond the deadline; choose `Background` where that can happen.
    #[default]
    Auto,
    /// On the caller, always. Its deadline does not bound the creation itself.
    Inline,
    /// On a helper thread, while the caller waits for whatever comes first: the new resource, a returned one, or its
    /// deadline.
    Background,
}

/// What becomes of a resource whose holder panicked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnPanic {
    /// It is destroyed: nobody knows in what state the panic left it.
    #[default]
    Discard,
    /// [`Manager::check`](crate::Manager::check) decides.
    Check,
    /// It goes back as if nothing had happened, through `is_broken` and `recycle`.
    Return,
}

/// What to do when every resource is held by a thread that itself waits here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDeadlock {
    /// Wait on, and say so in the timeout error and the log: a guard may have moved to a thread that will return it.
    #[default]
    Report,
    /// Refuse the wait at once with [`CheckoutError::WouldDeadlock`](crate::CheckoutError::WouldDeadlock). For programs
    /// whose guards stay on the thread that checked out. Returns then do more than they have to otherwise: they take the holder's name off.
    Refuse,
}

/// Who runs the pool's regular duties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keeper {
    /// A thread of the pool's own, named after it, silent while nothing is checked out, joined when the pool closes.
    #[default]
    Dedicated,
    /// One thread for all pools of the process that are built with this: for many pools that do little. It starts with the
    /// first of them and is joined when the last one closes. Duties that are due at about the same time are done
    /// together: late by up to an eighth of the time until they were due, at most 1 s. While the program's logger holds
    /// up the thread of one pool, it holds up all.
    Shared,
    /// Whoever calls [`Pool::tick`](crate::Pool::tick). The pool starts no thread at all: background work runs inside
    /// `tick`, warm-up inside `build`, and `Creation::Auto` creates on the caller.
    Manual,
}

/// How a return makes sure that a thread about to park sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fences {
    /// By `membarrier(2)` on the waiter's side where the system has it, so that a return pays nothing; else as `Portable`.
    #[default]
    Auto,
    /// By a full fence on each return, about 5 ns. For systems that filter or log `membarrier`.
    Portable,
}
