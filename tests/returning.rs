//! Returning: what becomes of a resource when its guard ends, and of the pool when a callback panics.

#[path = "returning/ends.rs"]
mod ends;
#[path = "returning/handed_over.rs"]
mod handed_over;
#[path = "returning/panics.rs"]
mod panics;
#[path = "returning/resets.rs"]
mod resets;
mod support;
#[path = "returning/verdicts.rs"]
mod verdicts;

use slackwater::{DestroyReason, Keeper, Pool, VirtualClock};
use std::thread;
use support::{Probe, closes_balanced, until};

/// One resource, in virtual time and without threads: nothing happens but what the test does.
fn still(probe: &Probe, clock: &VirtualClock) -> slackwater::Builder<Probe> {
    Pool::builder(probe.clone()).clock(clock).keeper(Keeper::Manual)
}

fn one_still(probe: &Probe) -> Pool<Probe> {
    still(probe, &VirtualClock::new()).build().unwrap()
}

fn destroyed(pool: &Pool<Probe>, reason: DestroyReason) -> (u64, u64) {
    let destroyed = pool.stats().destroyed;
    (destroyed.by(reason), destroyed.total())
}

/// What `end` does with the guard leaves room, which serves the waiter.
fn the_end_serves_a_waiter(end: impl FnOnce(slackwater::OwnedCheckout<Probe>)) {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().waiting == 1);
        end(held);
        assert_eq!(waiter.join().unwrap().unwrap(), 2);
    });
    closes_balanced(&pool);
}
