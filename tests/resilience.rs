//! A pool whose backend breaks: who is told what and when, what goes on as before, and what brings it back.

#[path = "resilience/backoff.rs"]
mod backoff;
#[path = "resilience/circuit.rs"]
mod circuit;
#[path = "resilience/health.rs"]
mod health;
#[path = "resilience/recovery.rs"]
mod recovery;
mod support;

use slackwater::{
    Backoff, BreakerConfig, BreakerState, Builder, CheckoutError, CircuitOpen, Creation, Keeper, Pool, VirtualClock,
};
use std::error::Error;
use std::time::Duration;
use support::{Probe, Refused};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Nothing is made before it is asked for, and nobody but the test does anything. Pauses of 1 ms, so that the breaker
/// alone is to be waited for.
fn still(creation: Creation) -> (Probe, VirtualClock, Builder<Probe>) {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).min_idle(0).creation(creation).keeper(Keeper::Manual).clock(&clock);
    let builder = builder.check_interval(None).backoff(Backoff::new(MS, MS).without_jitter());
    (probe, clock, builder)
}

/// 3 failures open it for 1 s.
fn quick() -> BreakerConfig {
    BreakerConfig::new().failure_threshold(3).open_for(SEC)
}

/// Has a creation fail `times` times.
fn fail(pool: &Pool<Probe>, clock: &VirtualClock, times: usize) {
    for _ in 0..times {
        clock.advance(MS);
        assert!(pool.try_checkout().is_err());
        pool.tick();
    }
}

#[track_caller]
fn circuit_open<T: std::fmt::Debug>(outcome: Result<T, CheckoutError>) -> CircuitOpen {
    match outcome {
        Err(CheckoutError::CircuitOpen(open)) => *open,
        other => panic!("{other:?}"),
    }
}

fn state(pool: &Pool<Probe>) -> BreakerState {
    pool.stats().breaker.expect("there is one by default")
}

fn cause(error: &dyn Error) -> Option<&Refused> {
    error.source().and_then(|source| source.downcast_ref())
}
