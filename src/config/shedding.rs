//! The settings of what is refused under overload, and their validation.

use super::{PoolConfig, within};
use crate::error::ConfigError;
use std::time::Duration;

/// When a queue counts as overloaded, and how long its waiters may wait then. See [`Builder::codel`](crate::Builder::codel).
///
/// ```
/// use slackwater::{CoDel, Pool};
/// use std::time::Duration;
///
/// let codel = CoDel { target: Duration::from_millis(20), ..CoDel::default() };
/// let pool = Pool::builder(|| Ok::<_, String>(0)).codel(codel).build()?;
/// # Ok::<_, slackwater::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoDel {
    /// The wait that is no sign of overload, and all that is left under overload. Default: 5 ms. Choose it above the time
    /// between two returns of a pool that is fully in use: the average hold, divided by `max_size`.
    pub target: Duration,
    /// How long waits have to stay above `target` before the pool counts as overloaded: longer than a burst that it can
    /// work off. Default: 100 ms.
    pub interval: Duration,
}

impl Default for CoDel {
    fn default() -> Self {
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100) }
    }
}

impl PoolConfig {
    pub(super) fn validate_shedding(&self) -> Result<(), ConfigError> {
        let Some(codel) = &self.codel else { return Ok(()) };
        within("codel.target", codel.target, Duration::from_micros(1)..=Duration::from_secs(60))?;
        // Waiters look once an interval, so that is to be no spin; and what is good must not be longer than what is bad.
        let least = codel.target.max(Duration::from_millis(1));
        within("codel.interval", codel.interval, least..=Duration::from_secs(3_600))
    }
}
