//! Settings that stand for several, and those that are a part of one.

use super::options::Unfit;
use super::scalar::{Given, Scalar, words};
use crate::config::{Fairness, Mode, OnLeak, PoolConfig, Scaling};
use crate::resilience::{BreakerConfig, Trip};
use serde_json::json;
use std::time::Duration;

type Set = Result<(), Unfit>;

/// Whether there is such a thing at all, with its defaults.
#[derive(Clone, Copy)]
pub(super) enum OnOff {
    On,
    Off,
}

impl OnOff {
    pub(super) fn of(is_on: bool) -> Self {
        if is_on { OnOff::On } else { OnOff::Off }
    }

    pub(super) fn is_on(self) -> bool {
        matches!(self, OnOff::On)
    }
}

words!(OnOff { OnOff::On => "on", OnOff::Off => "off" });

#[derive(Clone, Copy)]
pub(super) enum ModeKind {
    Pooled,
    Single,
    Unpooled,
    Mixed,
}

words!(ModeKind {
    ModeKind::Pooled => "pooled",
    ModeKind::Single => "single",
    ModeKind::Unpooled => "unpooled",
    ModeKind::Mixed => "mixed",
});

/// How many of a hundred are pooled in mixed mode, if nobody says.
const POOLED: u32 = 50;

pub(super) fn mode(config: &PoolConfig) -> ModeKind {
    match config.mode {
        Mode::Pooled => ModeKind::Pooled,
        Mode::Single => ModeKind::Single,
        Mode::Unpooled => ModeKind::Unpooled,
        Mode::Mixed { .. } => ModeKind::Mixed,
    }
}

pub(super) fn set_mode(config: &mut PoolConfig, kind: ModeKind) -> Set {
    config.mode = match kind {
        ModeKind::Pooled => Mode::Pooled,
        ModeKind::Single => Mode::Single,
        ModeKind::Unpooled => Mode::Unpooled,
        ModeKind::Mixed => Mode::Mixed { pooled: mode_pooled(config).unwrap_or(POOLED) },
    };
    Ok(())
}

pub(super) fn mode_pooled(config: &PoolConfig) -> Option<u32> {
    match config.mode {
        Mode::Mixed { pooled } => Some(pooled),
        _ => None,
    }
}

pub(super) fn set_mode_pooled(config: &mut PoolConfig, pooled: u32) -> Set {
    config.mode = Mode::Mixed { pooled };
    Ok(())
}

#[derive(Clone, Copy)]
pub(super) enum FairnessKind {
    Eventual,
    Fifo,
    Barging,
}

words!(FairnessKind {
    FairnessKind::Eventual => "eventual",
    FairnessKind::Fifo => "fifo",
    FairnessKind::Barging => "barging",
});

pub(super) fn fairness(config: &PoolConfig) -> FairnessKind {
    match config.fairness {
        Fairness::Eventual { .. } => FairnessKind::Eventual,
        Fairness::Fifo => FairnessKind::Fifo,
        Fairness::Barging => FairnessKind::Barging,
    }
}

pub(super) fn set_fairness(config: &mut PoolConfig, kind: FairnessKind) -> Set {
    config.fairness = match (kind, config.fairness) {
        (FairnessKind::Eventual, eventual @ Fairness::Eventual { .. }) => eventual,
        (FairnessKind::Eventual, _) => Fairness::default(),
        (FairnessKind::Fifo, _) => Fairness::Fifo,
        (FairnessKind::Barging, _) => Fairness::Barging,
    };
    Ok(())
}

pub(super) fn fairness_bound(config: &PoolConfig) -> Option<Duration> {
    match config.fairness {
        Fairness::Eventual { bound } => Some(bound),
        Fairness::Fifo | Fairness::Barging => None,
    }
}

pub(super) fn set_fairness_bound(config: &mut PoolConfig, bound: Duration) -> Set {
    let Fairness::Eventual { .. } = config.fairness else {
        return Err(Unfit::Useless("fairness is not \"eventual\"; leave one of the two out"));
    };
    config.fairness = Fairness::Eventual { bound };
    Ok(())
}

#[derive(Clone, Copy)]
pub(super) enum LeakKind {
    Report,
    Replace,
}

words!(LeakKind { LeakKind::Report => "report", LeakKind::Replace => "replace" });

pub(super) fn on_leak(config: &PoolConfig) -> LeakKind {
    match config.on_leak {
        OnLeak::Report => LeakKind::Report,
        OnLeak::Replace { .. } => LeakKind::Replace,
    }
}

pub(super) fn set_on_leak(config: &mut PoolConfig, kind: LeakKind) -> Set {
    config.on_leak = match kind {
        LeakKind::Report => OnLeak::Report,
        LeakKind::Replace => OnLeak::Replace { at_most: on_leak_at_most(config).unwrap_or(1) },
    };
    Ok(())
}

pub(super) fn on_leak_at_most(config: &PoolConfig) -> Option<usize> {
    match config.on_leak {
        OnLeak::Replace { at_most } => Some(at_most),
        OnLeak::Report => None,
    }
}

pub(super) fn set_on_leak_at_most(config: &mut PoolConfig, at_most: usize) -> Set {
    config.on_leak = OnLeak::Replace { at_most };
    Ok(())
}

/// The share, the window and the fewest, where they are not said.
const RATE: (f64, Duration, u32) = (0.5, Duration::from_secs(10), 20);

pub(super) fn failure_threshold(config: &PoolConfig) -> Option<u32> {
    match config.breaker.as_ref()?.trip {
        Trip::Consecutive(failures) => Some(failures),
        Trip::Rate { .. } => None,
    }
}

pub(super) fn set_failure_threshold(config: &mut PoolConfig, failures: u32) -> Set {
    config.breaker.get_or_insert_default().trip = Trip::Consecutive(failures);
    Ok(())
}

pub(super) fn failure_rate(config: &PoolConfig) -> Option<(f64, Duration, u32)> {
    match config.breaker.as_ref()?.trip {
        Trip::Rate { ratio, window, at_least } => Some((ratio, window, at_least)),
        Trip::Consecutive(_) => None,
    }
}

/// The threshold is set before: one that somebody has said stands, and this contradicts it.
pub(super) fn set_failure_rate(config: &mut PoolConfig, change: impl FnOnce(&mut (f64, Duration, u32))) -> Set {
    let mut rate = failure_rate(config).unwrap_or(RATE);
    change(&mut rate);
    let breaker: &mut BreakerConfig = config.breaker.get_or_insert_default();
    breaker.trip = Trip::Rate { ratio: rate.0, window: rate.1, at_least: rate.2 };
    Ok(())
}

pub(super) fn scaling(config: &mut PoolConfig) -> &mut Scaling {
    let most = config.max_size;
    config.scaling.get_or_insert_with(|| Scaling::between(1, most))
}
