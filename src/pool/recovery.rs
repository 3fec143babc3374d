//! The settings of what follows from failures.

use super::Builder;
use crate::manager::Manager;
use crate::resilience::{Backoff, FailureKind, Recovery};

impl<M: Manager> Builder<M> {
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
