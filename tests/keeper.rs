//! The keeper's duties on the virtual clock: health, age, replacement, long holds, memory, size.

#[path = "keeper/age.rs"]
mod age;
#[path = "keeper/crash_loop.rs"]
mod crash_loop;
#[path = "keeper/health.rs"]
mod health;
#[path = "keeper/holds.rs"]
mod holds;
#[path = "keeper/memory.rs"]
mod memory;
#[path = "keeper/replacement.rs"]
mod replacement;
#[path = "keeper/size.rs"]
mod size;
#[path = "keeper/states.rs"]
mod states;
mod support;

use slackwater::{Builder, Keeper, Pool, VirtualClock};
use std::time::Duration;
use support::{Probe, Thing};

const SEC: Duration = Duration::from_secs(1);
const MIN: Duration = Duration::from_secs(60);

/// A manager, its time, and nobody but the test to do anything.
fn still() -> (Probe, VirtualClock, Builder<Probe>) {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).keeper(Keeper::Manual).clock(&clock).check_interval(None);
    (probe, clock, builder)
}

/// Moves the time on by `span` in steps of `step`, with a tick after each.
fn pass(pool: &Pool<Probe>, clock: &VirtualClock, span: Duration, step: Duration) {
    let mut passed = Duration::ZERO;
    while passed < span {
        clock.advance(step);
        passed += step;
        pool.tick();
    }
}

fn number(thing: &Thing) -> usize {
    thing.number
}
