//! Which settings can change while a pool lives, and what has changed between two configurations.

use super::PoolConfig;
use crate::error::ConfigError;
use crate::resilience::Trip;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A setting that has another value. See [`Pool::reconfigure`](crate::Pool::reconfigure).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Its name, as the builder's method is called.
    pub name: &'static str,
    /// What it was. `unset` for what follows from others, or is off.
    pub from: String,
    /// What it is.
    pub to: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.name, self.from, self.to)
    }
}

/// What a [`Pool::reconfigure`](crate::Pool::reconfigure) has changed: a slice of [`Change`], in the order of
/// [`PoolConfig`]'s fields. Empty if all was so already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub(crate) Arc<[Change]>);

impl Deref for Changes {
    type Target = [Change];

    fn deref(&self) -> &[Change] {
        &self.0
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        self.iter().enumerate().try_for_each(|(at, change)| {
            f.write_str(if at == 0 { "" } else { ", " })?;
            change.fmt(f)
        })
    }
}

/// Each field, with why it cannot change while the pool lives. One that is missing here does not compile.
macro_rules! fields {
    ($($(#[$cfg:meta])? $name:ident: $fixed:expr,)*) => {
        /// Why a setting cannot change while the pool lives, if it cannot.
        fn fixed(name: &str) -> Option<&'static str> {
            match name {
                $($(#[$cfg])? stringify!($name) => $fixed,)*
                _ => None,
            }
        }

        impl PoolConfig {
            /// What is other in `to`.
            pub(crate) fn differences(&self, to: &PoolConfig) -> Vec<Change> {
                // The clock and the reaper are no values to compare: see `reconfigure`.
                let PoolConfig { $($(#[$cfg])? $name: _,)* clock: _, #[cfg(feature = "r2d2")] reaper: _ } = self;
                let mut changes = Vec::new();
                $($(#[$cfg])? changes.extend(change(stringify!($name), &self.$name, &to.$name));)*
                changes
            }
        }
    };
}

const MADE_WITH_IT: Option<&str> = Some("the list of free resources is made with the pool");

fields! {
    mode: None,
    name: Some("the pool's threads, metrics and errors have it"),
    max_size: None,
    min_idle: None,
    max_overflow: None,
    overflow_ttl: None,
    checkout_timeout: None,
    strategy: MADE_WITH_IT,
    fairness: None,
    max_waiters: None,
    codel: None,
    refuse_unservable: None,
    creation: None,
    create_parallelism: None,
    warm_up_timeout: Some("the warm-up is over once the pool is built"),
    on_panic: None,
    on_deadlock: None,
    keeper: Some("its thread is started with the pool"),
    fences: Some("returns are under way that rely on it"),
    breaker: None,
    backoff: None,
    recovery: None,
    check_interval: None,
    check_if_idle_for: None,
    degrade_after: None,
    remove_after: None,
    max_lifetime: None,
    lifetime_jitter: None,
    idle_timeout: None,
    max_uses: None,
    surge: None,
    max_unavailable: None,
    ceiling: Some("the places for resources are made with the pool"),
    max_hold: None,
    on_leak: None,
    memory_budget: None,
    memory_pressure: None,
    max_growth: None,
    scaling: None,
    record_uses: Some("threads know the shortest way to their last resource, which tells nobody"),
    time_one_in: None,
    queue_alert: None,
    session_binding: None,
    session_places: Some("the table of keys is made once"),
    #[cfg(feature = "metrics")]
    metrics_interval: None,
    create_timeout: None,
    check_timeout: None,
    destroy_timeout: None,
}

fn change(name: &'static str, from: &impl fmt::Debug, to: &impl fmt::Debug) -> Option<Change> {
    // Debug texts of settings are exact: what has the same text is the same.
    let [from, to] = [format!("{from:?}"), format!("{to:?}")].map(plain);
    (from != to).then_some(Change { name, from, to })
}

/// Without what says that there is a value.
fn plain(text: String) -> String {
    match text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')) {
        Some(value) => value.to_owned(),
        None if text == "None" => "unset".to_owned(),
        None => text,
    }
}

/// Why what goes by this name in files cannot change while the pool lives, if it cannot.
#[cfg(feature = "config")]
pub(crate) fn fixed_setting(name: &str) -> Option<&'static str> {
    match name {
        "breaker" => Some(BREAKER),
        _ if name.starts_with("breaker.failure_rate.") => Some(BREAKER),
        _ => fixed(name.split('.').next().unwrap_or(name)),
    }
}

const BREAKER: &str = "whether there is a breaker, and the window of a failure rate, are made with the pool";

/// Refuses a breaker for none, and another way to trip.
pub(crate) fn refuse_other_breaker(
    before: &PoolConfig,
    next: &PoolConfig,
    changes: &[Change],
) -> Result<(), ConfigError> {
    let trip = |config: &PoolConfig| {
        config.breaker.as_ref().map(|breaker| match breaker.trip {
            Trip::Consecutive(_) => None,
            rate @ Trip::Rate { .. } => Some(rate),
        })
    };
    match changes.iter().find(|change| change.name == "breaker") {
        Some(change) if trip(before) != trip(next) => Err(refused(change, BREAKER)),
        _ => Ok(()),
    }
}

/// Refuses the first change that cannot be made.
pub(crate) fn refuse_fixed(changes: &[Change]) -> Result<(), ConfigError> {
    let first = changes.iter().find_map(|change| Some((change, fixed(change.name)?)));
    first.map_or(Ok(()), |(change, why)| Err(refused(change, why)))
}

pub(crate) fn refused(change: &Change, why: &str) -> ConfigError {
    let Change { name, from, to } = change;
    let rule = format!("it cannot change while the pool lives: {why}; leave it at {from}, or build another pool");
    ConfigError { field: name, value: to.clone(), rule: rule.into() }
}
