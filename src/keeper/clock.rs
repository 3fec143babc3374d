//! The pool's time: the system's monotonic clock, or one that a test moves.

use crate::core::sync::around::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::error::let_go;
use std::fmt;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The time a pool lives in. Default: the system's monotonic clock.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    System { origin: Instant },
    Virtual(VirtualClock),
}

impl Clock {
    /// The system's monotonic clock.
    pub fn system() -> Self {
        Clock(Kind::System { origin: Instant::now() })
    }

    /// Nanoseconds since the clock's origin.
    pub(crate) fn now(&self) -> u64 {
        match &self.0 {
            Kind::System { origin } => nanos(origin.elapsed()),
            Kind::Virtual(clock) => clock.0.now.load(SeqCst),
        }
    }

    /// Whether it is this one, or the one that nobody has to choose.
    pub(crate) fn is_as_good_as(&self, pools: &Clock) -> bool {
        match (&self.0, &pools.0) {
            (Kind::System { .. }, _) => true,
            (Kind::Virtual(one), Kind::Virtual(other)) => Arc::ptr_eq(&one.0, &other.0),
            (Kind::Virtual(_), Kind::System { .. }) => false,
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self.0, Kind::Virtual(_))
    }

    /// Registers someone to be told when virtual time moves.
    pub(crate) fn watch(&self, watcher: Weak<dyn Watch>) {
        if let Kind::Virtual(clock) = &self.0 {
            clock.0.watchers.lock().push(watcher);
        }
    }

    /// How long a thread may park until `deadline`: None is for ever, because virtual time tells when it moves.
    pub(crate) fn until(&self, deadline: u64) -> Option<Duration> {
        match self.0 {
            Kind::System { .. } => Some(Duration::from_nanos(deadline.saturating_sub(self.now()))),
            Kind::Virtual(_) => None,
        }
    }

    /// Waits on `condvar` until `deadline` at most, or for ever. May return early.
    pub(crate) fn wait<T>(&self, condvar: &Condvar, guard: &mut MutexGuard<'_, T>, deadline: Option<u64>) {
        match deadline.and_then(|deadline| self.until(deadline)) {
            Some(time) => drop(condvar.wait_for(guard, time)),
            None => condvar.wait(guard),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_virtual() { "Clock(virtual)" } else { "Clock(system)" })
    }
}

impl From<&VirtualClock> for Clock {
    fn from(clock: &VirtualClock) -> Self {
        Clock(Kind::Virtual(clock.clone()))
    }
}

/// A duration in nanoseconds, at most `u64::MAX` (584 years).
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A clock that stands still until it is told to move, for tests of code that uses a pool.
///
/// Every pool built with it sees the same time: deadlines, expiry and back-off happen when [`advance`](Self::advance)
/// passes them. A thread waiting for a resource under virtual time waits until the time is moved, however long that takes.
///
/// ```
/// use slackwater::{CheckoutError, Keeper, Pool, VirtualClock};
/// use std::{convert::Infallible, time::Duration};
///
/// let clock = VirtualClock::new();
/// let pool = Pool::builder(|| Ok::<_, Infallible>(0)).clock(&clock).keeper(Keeper::Manual).build()?;
/// let held = pool.checkout()?;
/// std::thread::scope(|s| {
///     let late = s.spawn(|| pool.checkout_timeout(Duration::from_secs(5)).map(drop));
///     while pool.stats().waiting == 0 {
///         std::thread::yield_now();
///     }
///     clock.advance(Duration::from_secs(5));
///     assert!(matches!(late.join().unwrap(), Err(CheckoutError::Timeout(_))));
/// });
/// # drop(held);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<State>);

#[derive(Default)]
struct State {
    now: AtomicU64,
    watchers: Mutex<Vec<Weak<dyn Watch>>>,
}

/// Where virtual time ends: as far from zero as from where 64 bits do, so that whatever is added to a time has room.
const END: u64 = u64::MAX / 2;

/// Someone with deadlines in virtual time.
pub(crate) trait Watch: Send + Sync {
    /// Called before: what idles now idles from now on.
    fn time_moves(&self);
    fn time_moved(&self);
}

impl VirtualClock {
    /// A clock at time zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time passed since the clock was made.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.now.load(SeqCst))
    }

    /// Moves the time on by `step`, and lets every pool of this clock see it: waiters past their deadline give up, keeper
    /// threads wake. With `Keeper::Manual`, duties happen at the next `tick`. Time ends after 292 years.
    pub fn advance(&self, step: Duration) {
        let mut watchers = self.0.watchers.lock().clone();
        // A pool whose last handle goes meanwhile ends here, and its manager's destructor may panic.
        let tell = |watcher: &Weak<dyn Watch>, tell: fn(&dyn Watch)| {
            let watcher = watcher.upgrade();
            watcher.iter().for_each(|watcher| tell(&**watcher));
            let lives = watcher.is_some();
            let_go(watcher);
            lives
        };
        watchers.retain(|watcher| tell(watcher, |pool| pool.time_moves()));
        let moved = |now: u64| Some(now.saturating_add(nanos(step)).min(END));
        let _ = self.0.now.fetch_update(SeqCst, SeqCst, moved);
        watchers.retain(|watcher| tell(watcher, |pool| pool.time_moved()));
        self.0.watchers.lock().retain(|watcher| watcher.strong_count() > 0);
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.elapsed()).finish()
    }
}

/// A point in time up to which a pool may take for something: a time span from now, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Duration);

impl Deadline {
    /// By the system's clock, for several pools.
    pub(crate) fn instant(self) -> Instant {
        Instant::now() + self.0.min(crate::MAX_SPAN)
    }

    /// The deadline in the pool's nanoseconds.
    pub(crate) fn on(self, clock: &Clock) -> u64 {
        clock.now().saturating_add(nanos(self.0))
    }
}

impl From<Duration> for Deadline {
    fn from(span: Duration) -> Self {
        Deadline(span)
    }
}

impl Default for Deadline {
    /// 30 s from now.
    fn default() -> Self {
        Deadline(Duration::from_secs(30))
    }
}

impl From<Instant> for Deadline {
    /// As a span from this moment; an instant that has passed is a span of zero.
    fn from(instant: Instant) -> Self {
        Deadline(instant.saturating_duration_since(Instant::now()))
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_ends_and_never_goes_back() {
        let clock = VirtualClock::new();
        clock.advance(Duration::from_secs(5));
        clock.advance(Duration::MAX);
        assert_eq!(clock.elapsed(), Duration::from_nanos(END));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.elapsed(), Duration::from_nanos(END));
    }
}
