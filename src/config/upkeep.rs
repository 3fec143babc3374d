//! The settings of what the keeper does for resources over their life, and their validation.

use super::{MAX_NOTED_SPAN, MAX_SLOTS, MAX_SPAN, PoolConfig, refuse, within};
use crate::error::ConfigError;
use crate::manager::Manager;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Share of `max_lifetime` by which lives are shortened at most, each by its own draw.
const JITTER: f64 = 0.1;

/// Share of `memory_budget` above which the coldest idle resources go.
const PRESSURE: f64 = 0.8;

/// The `check_interval` that nobody has set.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// What becomes of the capacity of a resource that is held for longer than `max_hold`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnLeak {
    /// It stays with the holder; the log says who that is.
    #[default]
    Report,
    /// Another resource may take its place, so that a guard which never comes back does not cost capacity. The one held
    /// for too long is destroyed when it does come back.
    Replace {
        /// Most resources replaced in this way at once: 1 or more.
        at_most: usize,
    },
}

/// How the keeper adapts `max_size` to the load. See [`Builder::scaling`](crate::Builder::scaling).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scaling {
    /// The least `max_size`: 1 or more.
    pub min_size: usize,
    /// The most.
    pub max_size: usize,
    /// The share of resources in use that is aimed at, averaged over `interval`. Default: 0.6 to 0.8.
    pub band: (f64, f64),
    /// How long a load must last before the pool follows it, and the time between two changes. Default: 10 s, so at most
    /// six changes a minute.
    pub interval: Duration,
}

impl Scaling {
    /// Between `min_size` and `max_size`, with the defaults for the rest.
    pub fn between(min_size: usize, max_size: usize) -> Self {
        Self { min_size, max_size, band: (0.6, 0.8), interval: Duration::from_secs(10) }
    }

    /// Aims at other than 60 to 80 % in use.
    pub fn band(mut self, low: f64, high: f64) -> Self {
        self.band = (low, high);
        self
    }

    /// Follows the load faster or more slowly.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}

impl PoolConfig {
    pub(super) fn validate_upkeep(&self) -> Result<(), ConfigError> {
        self.validate_capacity()?;
        let span = |field, span: Option<Duration>| span.map_or(Ok(()), |s| within(field, s, MILLISECOND..=MAX_SPAN));
        span("check_interval", self.check_interval)?;
        span("check_if_idle_for", self.check_if_idle_for)?;
        within("degrade_after", self.degrade_after, 1..=1_000)?;
        within("remove_after", self.remove_after, self.degrade_after..=1_000)?;
        span("max_lifetime", self.max_lifetime)?;
        if let Some(jitter) = self.lifetime_jitter {
            within("lifetime_jitter", jitter, 0.0..=0.5)?;
            if self.max_lifetime.is_none() {
                return useless("lifetime_jitter", jitter, "max_lifetime is not set; set max_lifetime");
            }
        }
        span("idle_timeout", self.idle_timeout)?;
        #[cfg(feature = "r2d2")]
        if let Some(reaper) = &self.reaper {
            span("reaper_rate", Some(reaper.rate))?;
            span("max_lifetime", reaper.lifetime)?;
            span("idle_timeout", reaper.idle)?;
        }
        #[cfg(feature = "metrics")]
        if let Some(interval) = self.metrics_interval {
            within("metrics_interval", interval, 100 * MILLISECOND..=MAX_SPAN)?;
        }
        if let Some(timeout) = self.idle_timeout
            && self.min_idle() >= self.max_size
        {
            return useless("idle_timeout", timeout, "min_idle keeps max_size resources; set min_idle lower");
        }
        if let Some(uses) = self.max_uses {
            within("max_uses", uses, 1..=u64::MAX - 1)?;
        }
        if let Some(hold) = self.max_hold {
            within("max_hold", hold, MILLISECOND..=MAX_NOTED_SPAN)?;
        }
        if let OnLeak::Replace { at_most } = self.on_leak {
            within("on_leak.at_most", at_most, 1..=self.slots().max(1))?;
            if self.max_hold.is_none() {
                return useless("on_leak", self.on_leak, "max_hold is not set; set max_hold");
            }
        }
        self.validate_memory()
    }

    /// Refuses what the manager does not serve: a closure neither checks nor weighs.
    pub(crate) fn validate_for<M: Manager>(&self) -> Result<(), ConfigError> {
        const NO_CHECK: &str = "the manager is a closure, which has no `check`; implement Manager for a type";
        const NO_WEIGHT: &str = "the manager is a closure, which has no `weight`; implement Manager for a type";
        match self {
            // The default cannot be told from the same interval set on purpose.
            Self { check_interval: Some(interval), .. } if !M::CHECKS && *interval != CHECK_INTERVAL => {
                useless("check_interval", interval, NO_CHECK)
            }
            Self { check_if_idle_for: Some(idle), .. } if !M::CHECKS => useless("check_if_idle_for", idle, NO_CHECK),
            Self { memory_budget: Some(budget), .. } if !M::WEIGHS => useless("memory_budget", budget, NO_WEIGHT),
            Self { max_growth: Some(growth), .. } if !M::WEIGHS => useless("max_growth", growth, NO_WEIGHT),
            _ => Ok(()),
        }
    }

    fn validate_capacity(&self) -> Result<(), ConfigError> {
        within("surge", self.surge, 0..=MAX_SLOTS)?;
        within("max_unavailable", self.max_unavailable, 0..=MAX_SLOTS)?;
        if self.surge == 0 && self.max_unavailable == 0 {
            let rule = "with max_unavailable 0 too nothing could be replaced; set one of them".to_owned();
            return refuse("surge", self.surge, rule);
        }
        if let Some(ceiling) = self.ceiling {
            within("ceiling", ceiling, self.slots()..=MAX_SLOTS)?;
        }
        let Some(scaling) = &self.scaling else { return Ok(()) };
        let (low, high) = scaling.band;
        let most = self.ceiling.unwrap_or(MAX_SLOTS).saturating_sub(self.max_overflow);
        within("scaling.max_size", scaling.max_size, 1..=most)?;
        within("scaling.min_size", scaling.min_size, 1..=scaling.max_size)?;
        within("max_size", self.max_size, scaling.min_size..=scaling.max_size)?;
        within("scaling.band.low", low, 0.05..=0.9)?;
        // More than all is never in use.
        let least = ((low + 0.05) * 1e6).round() / 1e6;
        within("scaling.band.high", high, least..=0.95)?;
        within("scaling.interval", scaling.interval, MILLISECOND..=MAX_SPAN)
    }

    fn validate_memory(&self) -> Result<(), ConfigError> {
        if let Some(budget) = self.memory_budget {
            within("memory_budget", budget, 1..=u64::MAX / 2)?;
        }
        if let Some(pressure) = self.memory_pressure {
            within("memory_pressure", pressure, 0.01..=1.0)?;
            if self.memory_budget.is_none() {
                return useless("memory_pressure", pressure, "memory_budget is not set; set memory_budget");
            }
        }
        match self.max_growth {
            Some(growth) => within("max_growth", growth, 1.01..=1_000_000.0),
            None => Ok(()),
        }
    }

    /// Places for resources: what `resize` and scaling may reach, and room to make a replacement before its predecessor
    /// ends.
    pub(crate) fn places(&self) -> usize {
        let scaled = self.scaling.as_ref().map_or(0, |scaling| scaling.max_size + self.max_overflow);
        self.ceiling.unwrap_or(0).max(self.slots()).max(scaled) + self.places_for_replacement()
    }

    pub(crate) fn places_for_replacement(&self) -> usize {
        let held = match self.on_leak {
            OnLeak::Replace { at_most } => at_most,
            OnLeak::Report => 0,
        };
        self.surge + held
    }

    /// Whether the keeper has something to do for resources that merely get older.
    pub(crate) fn ages(&self) -> bool {
        let spans = [self.check_interval, self.check_if_idle_for, self.max_lifetime, self.idle_timeout];
        spans.into_iter().any(|span| span.is_some())
    }

    /// For a pool whose attendant finds the uses that are too long: each gives its place to another, whatever `max_hold` is.
    #[cfg(feature = "workers")]
    pub(crate) fn spare_places_for_attended(&mut self) {
        if self.on_leak == OnLeak::Report {
            let free = MAX_SLOTS.saturating_sub(self.places());
            self.on_leak = OnLeak::Replace { at_most: self.slots().min(free).max(1) };
        }
        self.max_hold = self.max_hold.or(Some(MAX_NOTED_SPAN));
    }

    pub(crate) fn lifetime_jitter(&self) -> f64 {
        self.lifetime_jitter.unwrap_or(JITTER)
    }

    /// The weight above which the coldest idle resources go.
    pub(crate) fn memory_threshold(&self) -> Option<u64> {
        let budget = self.memory_budget?;
        Some((budget as f64 * self.memory_pressure.unwrap_or(PRESSURE)) as u64)
    }
}

fn useless(field: &'static str, value: impl std::fmt::Debug, why: &str) -> Result<(), ConfigError> {
    refuse(field, value, format!("it has no effect while {why}"))
}
