//! Sizes to begin with, where nobody has measured yet.

use super::PoolConfig;
use std::time::Duration;

/// How much is expected of a pool. See [`PoolConfig::native`] and [`PoolConfig::components`]; [`Pool::advise`](crate::Pool::advise) says what fits
/// once there is a load to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Load {
    /// A few requests at a time.
    Low,
    /// Tens.
    Medium,
    /// A hundred.
    High,
}

impl PoolConfig {
    /// For cheap resources in this process, such as extractors: 5 to 20 at low load, 10 to 50 at medium, 20 to 100 at high. What is beyond the
    /// least ends after idling for 30 s.
    pub fn native(load: Load) -> Self {
        let (least, most) = match load {
            Load::Low => (5, 20),
            Load::Medium => (10, 50),
            Load::High => (20, 100),
        };
        Self::sized(least, most, Duration::from_secs(30))
    }

    /// For resources that take memory of their own, such as instances of components: 2 to 10 at low load, 5 to 20 at medium, 10 to 50 at
    /// high. What is beyond the least ends after idling for a minute.
    pub fn components(load: Load) -> Self {
        let (least, most) = match load {
            Load::Low => (2, 10),
            Load::Medium => (5, 20),
            Load::High => (10, 50),
        };
        Self::sized(least, most, Duration::from_secs(60))
    }

    fn sized(min_idle: usize, max_size: usize, idle_timeout: Duration) -> Self {
        Self { min_idle: Some(min_idle), max_size, idle_timeout: Some(idle_timeout), ..Self::default() }
    }
}
