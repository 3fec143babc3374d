//! The breaker for calls of the user's own. They run on the caller's thread, under no lock, as many at once as there
//! are callers.

mod config;
mod error;
mod permit;

pub use config::{BreakerConfig, Trip};
pub use error::{BreakerError, BreakerOpen};
pub use permit::Permit;

use super::circuit::{BreakerState, Change, Circuit, Look, Refused};
use crate::core::sync::around::{AtomicU64, panicking};
use crate::error::ConfigError;
use crate::keeper::{Clock, nanos};
use crate::observe::say;
use crossbeam_utils::CachePadded;
use permit::End;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Stops calling a backend that fails, and finds out when it is back.
///
/// *Closed*, it lets every call through and counts failures. At too many it *opens*: calls are refused at once, and
/// neither caller nor backend lose time on them. After a while it is *half-open*: a few calls are let through as
/// probes, all others still refused. If the probes succeed it closes; if one fails it opens again, for twice as long.
/// The idea is M. Nygard's ("Release It!", 2007).
///
/// It is one word in memory: no lock, no thread, no timer. A call that succeeds while all is well costs two loads, and
/// no look at the clock. Share it by reference, in an `Arc` or a static. A [`Pool`](crate::Pool) has one of its own for
/// creating resources.
///
/// ```
/// use slackwater::{Breaker, BreakerConfig, BreakerError, BreakerState, VirtualClock};
/// use std::time::Duration;
///
/// let clock = VirtualClock::new();
/// let breaker = Breaker::with_clock(BreakerConfig::new().failure_threshold(2), &clock)?.named("payments");
/// for _ in 0..2 {
///     assert_eq!(breaker.call(|| Err::<(), _>("no route")), Err(BreakerError::Failed("no route")));
/// }
/// // Now it is open: the closure does not run.
/// let refused = breaker.call(|| -> Result<(), &str> { unreachable!() });
/// let Err(BreakerError::Open(open)) = refused else { panic!("it is open") };
/// assert_eq!(open.retry_after, Duration::from_secs(1));
/// assert!(open.to_string().starts_with("breaker \"payments\" is open after 2 failures; try again in 1.0s"));
///
/// // Its time has come: two probes that succeed close it.
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(breaker.state(), BreakerState::HalfOpen);
/// assert!(breaker.call(|| Ok::<_, &str>(())).is_ok() && breaker.call(|| Ok::<_, &str>(())).is_ok());
/// assert_eq!(breaker.state(), BreakerState::Closed);
/// # Ok::<_, slackwater::ConfigError>(())
/// ```
///
/// What comes before what: all that a probe did before its success, before every call that is let through because the
/// breaker closed; all that a call did before its failure, before every refusal because the breaker opened.
pub struct Breaker {
    circuit: Circuit,
    clock: Clock,
    name: Option<Arc<str>>,
    /// Apart from the circuit's word, which every call reads.
    counts: CachePadded<Counts>,
}

#[derive(Default)]
struct Counts {
    failed: AtomicU64,
    refused: AtomicU64,
    opened: AtomicU64,
}

impl Breaker {
    /// A closed breaker that lives in the system's time.
    ///
    /// # Errors
    /// A setting that [`BreakerConfig::validate`] refuses.
    pub fn new(config: BreakerConfig) -> Result<Breaker, ConfigError> {
        Self::with_clock(config, Clock::system())
    }

    /// A closed breaker in the time of a [`VirtualClock`](crate::VirtualClock), for tests, or of any other [`Clock`].
    ///
    /// # Errors
    /// A setting that [`BreakerConfig::validate`] refuses.
    pub fn with_clock(config: BreakerConfig, clock: impl Into<Clock>) -> Result<Breaker, ConfigError> {
        config.validate()?;
        Ok(Self { circuit: Circuit::new(&config), clock: clock.into(), name: None, counts: CachePadded::default() })
    }

    /// Gives it the name that it has in errors and in the log.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Breaker {
        self.name = Some(name.into());
        self
    }

    /// Its name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Calls `f`, or refuses to. An error is a failure, and so is a panic, which goes on after it is counted.
    ///
    /// `f` runs on this thread, beside any other calls. How long it takes is its own affair: give it a timeout, for a call
    /// that never ends is never counted.
    ///
    /// # Errors
    /// [`Open`](BreakerError::Open) if `f` was not called, [`Failed`](BreakerError::Failed) with its error if it was.
    ///
    /// # Panics
    /// When `f` does.
    #[inline]
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, BreakerError<E>> {
        self.call_if(|_| true, f)
    }

    /// Like [`call`](Self::call), for calls with errors that are no failure of the backend's, like "not found":
    /// `counts` says of an error whether it is one.
    ///
    /// An error that is not counts as a success, because the backend answered. What fails before it gets to the backend
    /// says nothing of it; do that before the call, or drop the [`Permit`] of [`acquire`](Self::acquire).
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    ///
    /// # Panics
    /// When `f` or `counts` does, which is a failure.
    #[inline]
    pub fn call_if<T, E>(
        &self,
        counts: impl FnOnce(&E) -> bool,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, BreakerError<E>> {
        let mut permit = self.acquire()?;
        // Whether this thread unwinds already or not, only a panic of this call ends the permit before we do.
        permit.end = End::FailureIfUnwinding;
        let outcome = f();
        match &outcome {
            Err(error) if counts(error) => permit.failed(),
            _ => permit.succeeded(),
        }
        outcome.map_err(BreakerError::Failed)
    }

    /// Asks to make a call, for calls that a closure does not fit. How it went is told with the [`Permit`].
    ///
    /// # Errors
    /// The call is not to be made.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, BreakerOpen> {
        match self.circuit.acquire(|| self.clock.now()) {
            Ok(ticket) => {
                self.changed(ticket.change);
                let end = if panicking() { End::NoOutcome } else { End::FailureIfUnwinding };
                Ok(Permit { breaker: self, period: ticket.period(), end })
            }
            Err(refused) => Err(self.refused(refused)),
        }
    }

    #[cold]
    fn refused(&self, refused: Refused) -> BreakerOpen {
        self.counts.refused.fetch_add(1, Relaxed);
        BreakerOpen::new(self.name.clone(), refused)
    }

    /// What it does with calls now. [`HalfOpen`](BreakerState::HalfOpen) from the moment probes may come.
    pub fn state(&self) -> BreakerState {
        self.circuit.state(self.clock.now())
    }

    /// When the next call is let through, at the latest; `None` if one is at once.
    pub fn retry_after(&self) -> Option<Duration> {
        self.circuit.retry_after(self.clock.now()).map(Duration::from_nanos)
    }

    /// Opens it now, as another failure might: for [`open_for_at_first`](BreakerConfig::open_for_at_first), or for
    /// twice as long as the last time if it was half-open. One that is open stays so for as long at least. Calls under
    /// way count no more.
    pub fn trip(&self) {
        self.changed(self.circuit.trip(self.clock.now()));
    }

    /// Opens it now for this long, whatever the settings say. One that is open for longer stays so.
    ///
    /// For backends known to be down: [`MAX_SPAN`](crate::MAX_SPAN) is a year, and [`reset`](Self::reset) ends it.
    pub fn trip_for(&self, span: Duration) {
        self.changed(self.circuit.trip_for(self.clock.now(), nanos(span)));
    }

    /// Closes it now, and forgets every failure. Calls under way count no more.
    pub fn reset(&self) {
        self.changed(self.circuit.reset(self.clock.now()));
    }

    /// What it has seen.
    pub fn stats(&self) -> BreakerStats {
        let Look { state, failures, openings, probes } = self.circuit.look(self.clock.now());
        let Counts { failed, refused, opened } = &*self.counts;
        BreakerStats {
            state,
            failures,
            openings,
            probes,
            failed: failed.load(Relaxed),
            refused: refused.load(Relaxed),
            opened: opened.load(Relaxed),
        }
    }

    /// Notes and logs what this thread has just brought about.
    #[inline]
    fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.note(change);
        }
    }

    #[cold]
    fn note(&self, Change { from, to }: Change) {
        let level = match to {
            BreakerState::Open => log::Level::Warn,
            BreakerState::Closed | BreakerState::HalfOpen => log::Level::Info,
        };
        if to == BreakerState::Open {
            self.counts.opened.fetch_add(1, Relaxed);
        }
        let name = self.name().map_or_else(|| "a breaker".to_owned(), |name| format!("breaker \"{name}\""));
        say(level, &name, format_args!("{from} -> {to}"));
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("name", &self.name).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// What a [`Breaker`] has seen. Read while it works on. Successes are not counted: that would make each of them write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerStats {
    /// See [`Breaker::state`].
    pub state: BreakerState,
    /// Closed: failures in a row, or those in the window of [`Trip::Rate`]. Else: see [`BreakerOpen::failures`].
    pub failures: u32,
    /// See [`BreakerOpen::openings`].
    pub openings: u32,
    /// Probes under way, apart from those written off.
    pub probes: u32,
    /// Failures told to it, all together.
    pub failed: u64,
    /// Calls refused, all together.
    pub refused: u64,
    /// How often it opened, all together.
    pub opened: u64,
}
