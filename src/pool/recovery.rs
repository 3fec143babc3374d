//! The settings of what follows from failures.

use super::Builder;
use crate::manager::Manager;
use crate::resilience::{Backoff, BreakerConfig, FailureKind, Recovery};

impl<M: Manager> Builder<M> {
    /// When creations are refused because they failed lately, and for how long. Default: after 5 failures in a row, for 1 s at
    /// first and up to 30 s; then up to 2 probes at once, in the background, of which 2 must succeed.
    ///
    /// Meanwhile resources that are alive are lent as ever. Callers whom none of them could serve are told at once, with the
    /// cause and the time of the next attempt ([`CheckoutError::CircuitOpen`](crate::CheckoutError::CircuitOpen)). Failed checks do not
    /// open it, but as many in a row make the next creations probes. None is without a breaker.
    pub fn breaker(mut self, breaker: impl Into<Option<BreakerConfig>>) -> Self {
        self.config.breaker = breaker.into();
        self
    }

    /// How often a creation is tried, and the pauses between attempts. Default: three attempts, pauses of 10 ms, 20 ms and so
    /// on up to 1 s, with full jitter. A caller's deadline ends its waiting for them.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.config.backoff = backoff;
        self
    }

    /// Has `recovery` follow from a kind of failure. Default: the [`RecoveryTable`](crate::RecoveryTable). Refused where it
    /// makes no sense: there is no resource to degrade when none could be created.
    ///
    /// ```
    /// use slackwater::{FailureKind, Pool, Recovery, Severity};
    ///
    /// // A wrong password is as good as the end of the program.
    /// let pool = Pool::builder(|| Ok::<_, std::io::Error>(String::new()))
    ///     .recovery(FailureKind::Create(Severity::Permanent), Recovery::Stop)
    ///     .build()?;
    /// # drop(pool);
    /// # Ok::<_, slackwater::BuildError>(())
    /// ```
    pub fn recovery(mut self, kind: FailureKind, recovery: Recovery) -> Self {
        self.config.recovery.set(kind, recovery);
        self
    }
}
