//! Holds that last too long.

use super::support::{Probe, closes_balanced, until};
use super::{MIN, SEC, number, pass, still};
use slackwater::{DestroyReason, Keeper, OnLeak, Pool};
use std::sync::Barrier;
use std::time::{Duration, Instant};

#[test]
fn a_long_hold_is_reported_once_with_its_holder() {
    let (_, clock, builder) = still();
    let pool = builder.max_hold(MIN).build().unwrap();
    let held = pool.checkout().unwrap();
    pass(&pool, &clock, 59 * SEC, SEC);
    assert_eq!(pool.stats().long_holds, 0);
    pass(&pool, &clock, 2 * MIN, SEC);
    assert_eq!(pool.stats().long_holds, 1);
    drop(held);
    pass(&pool, &clock, SEC, SEC);
    let again = pool.checkout().unwrap();
    assert_eq!(number(&again), 1, "it is as good as before");
    pass(&pool, &clock, 2 * MIN, SEC);
    assert_eq!(pool.stats().long_holds, 2, "another hold");
    drop(again);
    closes_balanced(&pool);
}

#[test]
fn one_lost_guard_does_not_brick_a_pool_of_one() {
    let (probe, clock, builder) = still();
    let pool = builder.max_hold(MIN).on_leak(OnLeak::Replace { at_most: 1 }).build().unwrap();
    let lost = pool.checkout().unwrap();
    assert!(pool.try_checkout().is_err());
    pass(&pool, &clock, 61 * SEC, SEC);
    let other = pool.checkout().unwrap();
    assert_eq!(number(&other), 2);
    assert!(pool.try_checkout().is_err(), "one place for one");
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    assert_eq!(pool.stats().overflow, 0);
    // It comes back after all.
    drop(lost);
    assert_eq!(probe.ended(), [1]);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::HeldTooLong), 1);
    drop(other);
    pass(&pool, &clock, 2 * SEC, SEC);
    assert_eq!((pool.stats().total, pool.stats().available), (1, 1));
    let one = pool.try_checkout().unwrap();
    assert!(pool.try_checkout().is_err(), "and the place is gone again");
    drop(one);
    closes_balanced(&pool);
}

#[test]
fn no_more_than_at_most_are_replaced() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(3).max_hold(MIN).on_leak(OnLeak::Replace { at_most: 2 }).build().unwrap();
    let lost: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    pass(&pool, &clock, 2 * MIN, SEC);
    let more: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).take(9).collect();
    assert_eq!(more.len(), 2);
    drop((lost, more));
    pass(&pool, &clock, 2 * SEC, SEC);
    assert_eq!(pool.stats().total, 3);
    closes_balanced(&pool);
}

#[test]
fn a_lost_guard_beyond_at_most_gets_its_place_once_another_has_come_back() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(2).max_hold(MIN).on_leak(OnLeak::Replace { at_most: 1 }).build().unwrap();
    let (slow, lost) = (pool.checkout().unwrap(), pool.checkout().unwrap());
    pass(&pool, &clock, 61 * SEC, SEC);
    drop(slow);
    pass(&pool, &clock, 2 * SEC, SEC);
    let others: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).take(9).collect();
    assert_eq!(others.len(), 2, "the whole pool, though one guard is lost");
    drop((lost, others));
    pass(&pool, &clock, 2 * SEC, SEC);
    assert_eq!(pool.stats().total, 2);
    closes_balanced(&pool);
}

/// On the system's clock, which nobody reads between two ticks.
#[test]
fn a_hold_that_begins_long_after_the_last_tick_is_no_long_hold() {
    let hold = Duration::from_millis(20);
    let pool = Pool::builder(Probe::new()).keeper(Keeper::Manual).max_hold(hold).build().unwrap();
    let pass = |span: Duration| {
        let began = Instant::now();
        until(|| began.elapsed() > span);
    };
    pass(3 * hold);
    let held = pool.checkout().unwrap();
    pool.tick();
    assert_eq!(pool.stats().long_holds, 0);
    pass(hold);
    pool.tick();
    pass(hold);
    pool.tick();
    assert_eq!(pool.stats().long_holds, 1, "it is by now");
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn two_ticks_at_once_count_a_hold_once() {
    for _ in 0..1_000 {
        let (_, clock, builder) = still();
        let pool = builder.max_hold(MIN).on_leak(OnLeak::Replace { at_most: 1 }).build().unwrap();
        let held = pool.checkout().unwrap();
        clock.advance(2 * MIN);
        let go = Barrier::new(2);
        let tick = || {
            go.wait();
            pool.tick();
        };
        std::thread::scope(|s| {
            s.spawn(tick);
            tick();
        });
        assert_eq!(pool.stats().long_holds, 1);
        drop(held);
        closes_balanced(&pool);
    }
}
