//! Shedding: who is refused under overload, when to the nanosecond, and that an overload ends when its cause does.

#[path = "shedding/collapse.rs"]
mod collapse;
#[path = "shedding/delay.rs"]
mod delay;
#[path = "shedding/races.rs"]
mod races;
mod support;
#[path = "shedding/unservable.rs"]
mod unservable;

use slackwater::{
    BuildError, Builder, CheckoutError, CoDel, Fairness, Keeper, OwnedCheckout, Pool, PoolConfig, Priority, Shed,
    VirtualClock,
};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;
use support::{Probe, TimeRunsOut, closes_balanced, until};

const NS: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Time that moves only by hand, no threads, and service in strict order.
fn still(clock: &VirtualClock) -> Builder<Probe> {
    Pool::builder(Probe::new()).clock(clock).keeper(Keeper::Manual).fairness(Fairness::Fifo)
}

/// A scene with such a pool, `set` as it wants: if it fails, time runs out, so that nobody waits for ever; once all threads are
/// gone, the pool closes balanced.
#[track_caller]
fn scene<T>(
    set: impl FnOnce(Builder<Probe>) -> Builder<Probe>,
    play: impl for<'s, 'e> FnOnce(&'s Scope<'s, 'e>, &'e Pool<Probe>, &'e VirtualClock) -> T,
) -> T {
    let clock = VirtualClock::new();
    let pool = set(still(&clock)).build().unwrap();
    let outcome = thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        play(s, &pool, &clock)
    });
    closes_balanced(&pool);
    outcome
}

fn codel(builder: Builder<Probe>) -> Builder<Probe> {
    builder.name("css").codel(CoDel::default())
}

#[track_caller]
fn shed(error: CheckoutError) -> Shed {
    match error {
        CheckoutError::Shed(shed) => *shed,
        other => panic!("not shed: {other:?}"),
    }
}

type Waiter<'s> = ScopedJoinHandle<'s, Result<OwnedCheckout<Probe>, CheckoutError>>;

/// Has a thread ask, and returns once it stands in the queue.
fn queues<'s>(s: &'s Scope<'s, '_>, pool: &'s Pool<Probe>, priority: Priority, patience: Duration) -> Waiter<'s> {
    let before = pool.stats().waiting;
    let waiter = s.spawn(move || pool.request().priority(priority).timeout(patience).checkout_owned());
    until(|| pool.stats().waiting == before + 1);
    waiter
}

fn waits<'s>(s: &'s Scope<'s, '_>, pool: &'s Pool<Probe>) -> Waiter<'s> {
    queues(s, pool, Priority::Normal, 1_000 * SEC)
}

/// An overload has begun: what is lent, and the first in the queue. The second was shed.
fn overload<'s>(
    s: &'s Scope<'s, '_>,
    pool: &'s Pool<Probe>,
    clock: &VirtualClock,
) -> (OwnedCheckout<Probe>, Waiter<'s>) {
    let held = pool.checkout_owned().unwrap();
    let (first, second) = (waits(s, pool), waits(s, pool));
    clock.advance(100 * MS);
    shed(second.join().unwrap().unwrap_err());
    (held, first)
}

/// Nobody leaves the queue, although every thread in it has had the time to.
#[track_caller]
fn stay(pool: &Pool<Probe>, waiting: usize) {
    for _ in 0..200 {
        assert_eq!(pool.stats().waiting, waiting);
        thread::yield_now();
    }
}

#[test]
fn a_refused_setting_is_named_with_its_value_and_what_is_allowed() {
    type Refused = (Duration, Duration, &'static str, &'static str, &'static str);
    let refused: [Refused; 6] = [
        (Duration::ZERO, SEC, "codel.target", "0ns", "1µs to 60s"),
        (61 * SEC, 3_600 * SEC, "codel.target", "61s", "1µs to 60s"),
        (5 * MS, 4 * MS, "codel.interval", "4ms", "5ms to 3600s"),
        (1_000 * NS, 999 * NS, "codel.interval", "999ns", "1ms to 3600s"),
        (5 * MS, 3_601 * SEC, "codel.interval", "3601s", "5ms to 3600s"),
        (5 * MS, Duration::MAX, "codel.interval", "18446744073709551615.999999999s", "5ms to 3600s"),
    ];
    for (target, interval, field, value, allowed) in refused {
        let built = Pool::builder(|| Ok::<_, String>(Box::new(0))).codel(CoDel { target, interval }).build();
        let Err(BuildError::Config(error)) = built else { panic!("{field} = {value} is accepted") };
        assert_eq!((error.field, error.value.as_str()), (field, value));
        assert!(error.to_string().contains(allowed), "{error}");
    }
}

#[test]
fn the_ends_of_the_ranges_are_accepted_and_both_are_off_by_default() {
    for (target, interval) in [(1_000 * NS, MS), (60 * SEC, 60 * SEC), (60 * SEC, 3_600 * SEC), (5 * MS, 5 * MS)] {
        let mut config = PoolConfig::default();
        config.codel = Some(CoDel { target, interval });
        assert_eq!(config.validate(), Ok(()));
    }
    let config = PoolConfig::default();
    assert_eq!((config.codel, config.refuse_unservable), (None, false));
    assert_eq!(CoDel::default(), CoDel { target: 5 * MS, interval: 100 * MS });
}
