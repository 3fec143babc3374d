//! Backoff: the pauses between attempts that fail.

use crate::config::within;
use crate::error::ConfigError;
use crate::keeper::nanos;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How a pool tries again after a creation that failed.
///
/// Exponential with full jitter: before attempt *n* + 1 the pool pauses for a time drawn evenly between nothing and `base`
/// times 2^(*n* - 1), `max` at most. The pause is the pool's, not the caller's: while it lasts nobody makes anything, however
/// many ask, and after it one attempt is made, not one for each of them. A creation that succeeds ends it at once.
///
/// Full jitter, because pools of many processes that lost the same server at the same time must not come back to it at the same
/// time, and of the ways to draw it this one needs the fewest attempts (Brooker, "Exponential Backoff And Jitter", 2015).
///
/// ```
/// use slackwater::{Backoff, Pool};
/// use std::time::Duration;
///
/// let patient = Backoff::new(Duration::from_millis(50), Duration::from_secs(10)).attempts(5);
/// let pool = Pool::builder(|| Ok::<_, std::io::Error>(String::new())).backoff(patient).build()?;
/// # drop(pool);
/// # Ok::<_, slackwater::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The longest pause after the first failure. Default: 10 ms. 1 us to 1 h.
    pub base: Duration,
    /// The longest pause of all. Default: 1 s. `base` to 1 day.
    pub max: Duration,
    /// Attempts in all, the first included, before callers whom nothing alive could serve are told. Default: 3. 1 to 100.
    pub attempts: u32,
    /// Whether pauses are drawn. Default: true. Without, each is as long as it may be.
    pub jitter: bool,
}

impl Default for Backoff {
    /// 10 ms, 20 ms, 40 ms and so on up to 1 s; three attempts.
    fn default() -> Self {
        Self::new(Duration::from_millis(10), Duration::from_secs(1))
    }
}

impl Backoff {
    /// Three attempts, with pauses that double from `base` to `max`.
    pub const fn new(base: Duration, max: Duration) -> Self {
        Self { base, max, attempts: 3, jitter: true }
    }

    /// Tells callers after so many attempts.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Pauses as long as it may each time: for tests, and for a backend with one client.
    pub const fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// The pause after `failures` in a row, in nanoseconds.
    pub(crate) fn pause(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1).min(63);
        let longest = nanos(self.base).saturating_mul(1 << doublings).min(nanos(self.max));
        if self.jitter { (longest as f64 * draw()) as u64 } else { longest }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        within("backoff.base", self.base, Duration::from_micros(1)..=Duration::from_secs(3_600))?;
        within("backoff.max", self.max, self.base..=DAY)?;
        within("backoff.attempts", self.attempts, 1..=100)
    }
}

/// A number between 0 and 1. Seeded by the system, so that processes started together differ.
pub(crate) fn draw() -> f64 {
    // 53 random bits, as many as a float holds.
    (RandomState::new().hash_one(()) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_nanos(10), Duration::from_nanos(75)).without_jitter();
        let pauses = [1, 2, 3, 4, 5, 64, 65, u32::MAX].map(|failures| backoff.pause(failures));
        assert_eq!(pauses, [10, 20, 40, 75, 75, 75, 75, 75]);
    }

    #[test]
    fn drawn_pauses_fill_the_whole_span_and_never_leave_it() {
        let backoff = Backoff::new(Duration::from_nanos(1_000), Duration::from_nanos(1_000));
        let pauses: Vec<_> = (0..2_000).map(|_| backoff.pause(1)).collect();
        assert!(pauses.iter().all(|pause| *pause < 1_000));
        // One of 2,000 even draws misses a tenth of the span with a chance of 0.9^2000.
        let tenths = pauses.iter().fold([0; 10], |mut tenths, pause| {
            tenths[(pause / 100) as usize] += 1;
            tenths
        });
        assert!(tenths.iter().all(|drawn| *drawn > 0), "{tenths:?}");
    }
}
