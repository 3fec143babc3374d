//! The settings of a breaker, and their validation.

use super::super::circuit::{MOST_FAILURES, MOST_OPENINGS, MOST_PROBES, MOST_SUCCESSES};
use super::super::window::MOST_AT_LEAST;
use crate::config::within;
use crate::error::ConfigError;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The longest a breaker stays open by itself, and the longest window: what lies a day back says nothing of now.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
// Doubled for each opening that the word counts, the shortest one reaches the longest.
const _: () = assert!(MILLISECOND.as_millis() << (MOST_OPENINGS - 1) >= DAY.as_millis());

const MOST_IN_A_ROW: u32 = 100_000;
const _: () = assert!(MOST_IN_A_ROW <= MOST_FAILURES);

/// What opens a breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trip {
    /// This many failures in a row: 1 to 100,000. A success between them starts the count over. Costs a call that succeeds
    /// two loads, and nothing that other threads would notice.
    Consecutive(u32),
    /// A share of the calls within a window of time. For backends that fail some of the time; costs each call a write
    /// to memory that all share.
    Rate {
        /// The share of calls that fail: 0.001 to 1. Reaching it is enough.
        ratio: f64,
        /// Calls that ended longer ago do not count: 100 ms to a day. It slides by eighths, and is up to an eighth
        /// shorter at times.
        window: Duration,
        /// The fewest calls within the window that a share is taken of: 1 to 511.
        at_least: u32,
    },
}

/// The settings of a [`Breaker`](crate::Breaker).
///
/// The defaults open it after 5 failures in a row, for 1 s at first and twice as long each time a probe fails, up to 30
/// s; let up to 2 probes through at once then; and close it after 2 successes.
///
/// ```
/// use slackwater::BreakerConfig;
/// use std::time::Duration;
///
/// let rarely_down = BreakerConfig::new().failure_threshold(3).open_for(Duration::from_secs(60));
/// let always_flaky = BreakerConfig::new().failure_rate(0.5, Duration::from_secs(10), 20);
/// assert!(rarely_down.validate().is_ok() && always_flaky.validate().is_ok());
///
/// let refused = BreakerConfig::new().probes(0).validate().unwrap_err();
/// assert_eq!(refused.field, "breaker.probes");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// See [`failure_threshold`](Self::failure_threshold) and [`failure_rate`](Self::failure_rate).
    pub trip: Trip,
    /// See [`open_for`](Self::open_for).
    pub open_for: Duration,
    /// See [`open_for_at_first`](Self::open_for_at_first). `None` is the default.
    pub open_for_at_first: Option<Duration>,
    /// See [`probes`](Self::probes).
    pub probes: u32,
    /// See [`success_threshold`](Self::success_threshold).
    pub success_threshold: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            trip: Trip::Consecutive(5),
            open_for: Duration::from_secs(30),
            open_for_at_first: None,
            probes: 2,
            success_threshold: 2,
        }
    }
}

impl BreakerConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens after this many failures in a row: 1 to 100,000. Default: 5. Takes the place of
    /// [`failure_rate`](Self::failure_rate).
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.trip = Trip::Consecutive(failures);
        self
    }

    /// Opens when `ratio` of the calls that ended within `window` have failed, and they were `at_least` so many. See
    /// [`Trip::Rate`] for the limits. Only a failure opens it, never the success that makes the calls enough. Takes the
    /// place of [`failure_threshold`](Self::failure_threshold).
    pub fn failure_rate(mut self, ratio: f64, window: Duration, at_least: u32) -> Self {
        self.trip = Trip::Rate { ratio, window, at_least };
        self
    }

    /// The longest it stays open before it lets probes through: 1 ms to a day. Default: 30 s.
    ///
    /// Never shorter than said, and up to 1 ms longer.
    pub fn open_for(mut self, longest: Duration) -> Self {
        self.open_for = longest;
        self
    }

    /// How long it stays open the first time: 1 ms to [`open_for`](Self::open_for). Default: 1 s, or `open_for` if that
    /// is less.
    ///
    /// Doubled each time a probe fails, up to `open_for`; equal to it, every opening lasts as long. A backend that
    /// restarts in 3 s is found again within 4 instead of 30, and one that is down for long is asked as rarely as
    /// `open_for` says.
    pub fn open_for_at_first(mut self, at_first: Duration) -> Self {
        self.open_for_at_first = Some(at_first);
        self
    }

    /// Most probes under way at once: 1 to 31. Default: 2. All other calls are refused meanwhile.
    ///
    /// If all of them are under way, and nothing is heard of them for as long as it was open last, they are written off
    /// and others let through in their place: what hangs must not keep it from closing.
    pub fn probes(mut self, at_once: u32) -> Self {
        self.probes = at_once;
        self
    }

    /// Probes that must succeed to close it, with none failing between them: 1 to 63. Default: 2.
    pub fn success_threshold(mut self, successes: u32) -> Self {
        self.success_threshold = successes;
        self
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting that is refused: its name, its value and what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.trip {
            Trip::Consecutive(failures) => within("breaker.failure_threshold", failures, 1..=MOST_IN_A_ROW)?,
            Trip::Rate { ratio, window, at_least } => {
                within("breaker.failure_rate.ratio", ratio, 0.001..=1.0)?;
                within("breaker.failure_rate.window", window, 100 * MILLISECOND..=DAY)?;
                within("breaker.failure_rate.at_least", at_least, 1..=MOST_AT_LEAST)?;
            }
        }
        within("breaker.open_for", self.open_for, MILLISECOND..=DAY)?;
        if let Some(at_first) = self.open_for_at_first {
            within("breaker.open_for_at_first", at_first, MILLISECOND..=self.open_for)?;
        }
        within("breaker.probes", self.probes, 1..=MOST_PROBES)?;
        within("breaker.success_threshold", self.success_threshold, 1..=MOST_SUCCESSES)
    }

    pub(crate) fn first_opening(&self) -> Duration {
        self.open_for_at_first.unwrap_or(SECOND.min(self.open_for))
    }
}
