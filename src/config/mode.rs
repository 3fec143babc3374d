//! Pooled or not: what a pool makes of its resources between two uses.

use super::{Creation, Fairness, PoolConfig, refuse, within};
use crate::error::ConfigError;
use std::fmt;

/// What becomes of resources between two uses. Guards, errors, counts, events and `close` are the same in all modes, and
/// [`Pool::set_mode`](crate::Pool::set_mode) goes from one to another while the pool is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Resources are kept for the next user.
    #[default]
    Pooled,
    /// There is one resource, whatever [`max_size`](crate::Builder::max_size) is, and no overflow. Borrowers take turns, in the order
    /// in which they came.
    Single,
    /// Every checkout makes a resource, on the caller unless [`Creation::Background`] is asked for, and every return destroys it,
    /// on the thread that gives it back. Most at once: `max_size` and `max_overflow`.
    Unpooled,
    /// Of every hundred returns, this many keep their resource and the others destroy it: to try pooling on some of the traffic
    /// first. Which ones, the uses of each place decide, and no chance and no clock: of any hundred uses in a row of a place it is
    /// exactly so many. 0 is [`Unpooled`](Self::Unpooled), 100 is [`Pooled`](Self::Pooled).
    Mixed {
        /// How many of a hundred: 0 to 100.
        pooled: u32,
    },
}

impl fmt::Display for Mode {
    /// `pooled`, `single`, `unpooled`, `30 % pooled`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Pooled => f.write_str("pooled"),
            Mode::Single => f.write_str("single"),
            Mode::Unpooled => f.write_str("unpooled"),
            Mode::Mixed { pooled } => write!(f, "{pooled} % pooled"),
        }
    }
}

impl Mode {
    /// How many of a hundred returns keep their resource, if some do not.
    pub(crate) fn keeps(self) -> Option<u64> {
        match self {
            Mode::Pooled | Mode::Single => None,
            Mode::Unpooled => Some(0),
            Mode::Mixed { pooled } => (pooled < 100).then_some(u64::from(pooled)),
        }
    }

    /// Whether no resource is lent twice.
    pub(crate) fn keeps_none(self) -> bool {
        self.keeps() == Some(0)
    }
}

/// Whether use number `uses` of a place is one of those whose resource is kept, if `share` of a hundred are.
pub(crate) fn is_kept(uses: u64, share: u64) -> bool {
    // Where the whole number that this many uses come to goes up by one. The remainder is enough for that.
    (uses % 100) * share % 100 + share >= 100
}

impl PoolConfig {
    pub(super) fn validate_mode(&self) -> Result<(), ConfigError> {
        match self.mode {
            Mode::Mixed { pooled } => within("mode.pooled", pooled, 0..=100),
            _ => Ok(()),
        }
    }

    /// Refuses what resources cannot do that take work by themselves.
    pub(crate) fn validate_attended(&self, attended: bool) -> Result<(), ConfigError> {
        if attended && self.mode != Mode::Pooled {
            let rule = "workers keep their threads; leave it at Pooled, and set max_size".to_owned();
            return refuse("mode", self.mode, rule);
        }
        Ok(())
    }

    /// What these settings come to in their mode.
    pub(crate) fn in_force(&self) -> PoolConfig {
        let mut config = self.clone();
        if self.mode == Mode::Single {
            (config.max_size, config.min_idle) = (1, Some(self.min_idle().min(1)));
            (config.max_overflow, config.overflow_ttl) = (0, None);
            (config.fairness, config.scaling) = (Fairness::Fifo, None);
        }
        if self.mode.keeps_none() {
            config.min_idle = Some(0);
            if config.creation == Creation::Auto {
                config.creation = Creation::Inline;
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_any_hundred_uses_in_a_row_exactly_the_share_is_kept() {
        for share in 0..=100 {
            for from in [0, 1, 37, 99, 1_000_003, u64::MAX - 200] {
                let kept = (from..from + 100).filter(|&uses| is_kept(uses, share)).count();
                assert_eq!(kept as u64, share, "of those from {from} on");
            }
        }
    }

    #[test]
    fn those_that_are_kept_are_spread_evenly() {
        let kept: Vec<_> = (0..100).filter(|&uses| is_kept(uses, 25)).collect();
        assert!(kept.windows(2).all(|pair| pair[1] - pair[0] == 4), "{kept:?}");
    }
}
