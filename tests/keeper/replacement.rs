//! Rolling replacement: capacity, pace, failures.

use super::support::{Act, Probe, closes_balanced, until};
use super::{MIN, SEC, number, pass, still};
use slackwater::{Checkout, DestroyReason, OnLeak, Pool};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

#[test]
fn replace_all_under_full_load_fails_no_request_and_keeps_capacity() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(4).surge(2).build().unwrap();
    let (stop, served, least) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    pool.with(|thing| assert!(!thing.text.is_empty())).unwrap();
                    served.fetch_add(1, Relaxed);
                }
            });
        }
        until(|| served.load(Relaxed) > 100);
        for _ in 0..5 {
            let rollout = pool.replace_all(2, 0).unwrap();
            until(|| {
                least.fetch_min(pool.stats().total, Relaxed);
                rollout.wait(Duration::ZERO)
            });
        }
        stop.store(true, Relaxed);
    });
    assert!(least.load(Relaxed) >= 4, "{} alive", least.load(Relaxed));
    assert!(probe.most_alive() <= 4 + 2, "{} alive", probe.most_alive());
    assert!(pool.stats().destroyed.by(DestroyReason::Replaced) >= 5 * 4);
    closes_balanced(&pool);
}

/// Promise: who is asked to replace many does so beside whatever happens to them. Provoked: what is lent and given back while the keeper puts
/// what is free first.
#[test]
fn many_are_replaced_while_they_are_lent_and_given_back() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(256).build().unwrap();
    let rollout = pool.replace_all(1, 0).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    drop((0..200).filter_map(|_| pool.try_checkout().ok()).collect::<Vec<_>>());
                }
            });
        }
        let ticks = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..2_000).any(|_| {
                pool.tick();
                rollout.wait(Duration::ZERO)
            })
        }));
        stop.store(true, Relaxed);
        assert!(ticks.is_ok(), "a tick panicked");
    });
    let ended = (0..2_000).any(|_| {
        clock.advance(SEC);
        pool.tick();
        rollout.wait(Duration::ZERO)
    });
    assert!(ended);
    closes_balanced(&pool);
}

#[test]
fn without_surge_no_more_than_max_unavailable_are_out_of_service() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(4).surge(0).max_unavailable(1).build().unwrap();
    let rollout = pool.replace_all(0, 1).unwrap();
    let mut least = 4;
    for _ in 0..50 {
        pool.tick();
        least = least.min(pool.stats().available);
    }
    assert!(rollout.wait(SEC));
    assert_eq!((least, pool.stats().available, probe.most_alive()), (3, 4, 4));
    closes_balanced(&pool);
}

#[test]
fn a_resource_in_use_is_replaced_at_its_return() {
    let (_, _, builder) = still();
    let pool = builder.max_size(2).build().unwrap();
    let held = pool.checkout().unwrap();
    let rollout = pool.replace_all(1, 0).unwrap();
    assert!(!rollout.wait(SEC));
    assert_eq!(rollout.remaining(), 1);
    assert!(pool.stats().available >= 1);
    drop(held);
    assert!(rollout.wait(SEC));
    assert_eq!((pool.stats().total, pool.stats().overflow), (2, 0));
    closes_balanced(&pool);
}

#[test]
fn what_cannot_be_replaced_stays_in_service() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(2).build().unwrap();
    probe.create.always(Act::Fail);
    let rollout = pool.replace_all(1, 0).unwrap();
    for _ in 0..20 {
        clock.advance(SEC);
        pool.tick();
        assert_eq!(pool.stats().available, 2);
    }
    assert_eq!(rollout.remaining(), 2);
    assert!(probe.create.calls() < 2 + 25, "with pauses: {} tries", probe.create.calls());
    probe.create.always(Act::Pass);
    // The breaker stays open for half a minute at most.
    for _ in 0..5 {
        clock.advance(30 * SEC);
        pool.tick();
    }
    assert!(rollout.wait(SEC));
    closes_balanced(&pool);
}

#[test]
fn retire_older_than_spares_what_came_later() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(3).min_idle(1).build().unwrap();
    let old = pool.checkout().unwrap();
    let epoch = pool.epoch();
    let young = pool.checkout().unwrap();
    let (old_number, young_number) = (number(&old), number(&young));
    drop((old, young));
    let rollout = pool.retire_older_than(epoch);
    assert!(rollout.wait(SEC));
    assert!(probe.ended().contains(&old_number) && !probe.ended().contains(&young_number));
    closes_balanced(&pool);
}

#[test]
fn a_pace_that_replaces_nothing_is_refused() {
    let (_, _, builder) = still();
    let pool = builder.build().unwrap();
    assert!(pool.replace_all(0, 0).unwrap_err().to_string().contains("max_unavailable"));
    assert!(pool.replace_all(2, 0).unwrap_err().to_string().contains("surge"));
    closes_balanced(&pool);
}

/// One that is held has its turn to end for its successor; then all that are free are to be replaced too.
fn with_one_that_is_waited_for(then: impl FnOnce(&Pool<Probe>, Checkout<'_, Probe>)) {
    let (_, _, builder) = still();
    let pool = builder.max_size(3).min_idle(3).build().unwrap();
    let held = pool.checkout().unwrap();
    let first = pool.replace_all(0, 1).unwrap();
    assert!(!first.wait(SEC));
    assert_eq!((first.remaining(), pool.stats().available), (1, 2), "the other two are new");
    then(&pool, held);
    closes_balanced(&pool);
}

#[test]
fn one_in_use_that_is_to_end_holds_up_no_replacement_of_what_is_free() {
    with_one_that_is_waited_for(|pool, held| {
        let second = pool.replace_all(0, 1).unwrap();
        assert!(!second.wait(SEC));
        assert_eq!((second.remaining(), pool.stats().destroyed.by(DestroyReason::Replaced)), (1, 4));
        // Its turn comes again.
        drop(held);
        assert!(second.wait(SEC));
        assert_eq!((pool.stats().destroyed.by(DestroyReason::Replaced), pool.stats().available), (5, 3));
    });
}

/// It would be the second one out of service.
#[test]
fn one_in_use_that_yields_to_what_is_free_may_come_back_meanwhile() {
    with_one_that_is_waited_for(|pool, held| {
        let second = pool.replace_all(0, 1).unwrap();
        pool.tick();
        assert_eq!(pool.stats().available, 1, "one is out of service");
        drop(held);
        assert_eq!(pool.stats().available, 2);
        assert!(second.wait(SEC));
        assert_eq!((pool.stats().destroyed.by(DestroyReason::Replaced), pool.stats().available), (5, 3));
    });
}

/// What is held for too long ends at its return, whoever else wants it replaced, and in whatever order they come.
#[test]
fn a_replacement_that_takes_its_wish_back_leaves_that_of_a_long_hold() {
    for held_too_long_first in [true, false] {
        let (probe, clock, builder) = still();
        let pool = builder.max_size(2).max_hold(MIN).on_leak(OnLeak::Replace { at_most: 1 }).build().unwrap();
        let held = pool.checkout().unwrap();
        let lost = number(&held);
        if held_too_long_first {
            pass(&pool, &clock, 61 * SEC, SEC);
        }
        let first = pool.replace_all(0, 1).unwrap();
        assert!(!first.wait(SEC));
        if !held_too_long_first {
            pass(&pool, &clock, 61 * SEC, SEC);
        }
        assert_eq!((first.remaining(), pool.stats().long_holds), (1, 1));
        // The held one yields to these.
        let second = pool.replace_all(0, 1).unwrap();
        pool.tick();
        drop(held);
        assert_eq!(probe.ended().last(), Some(&lost), "{held_too_long_first}");
        assert_eq!(pool.stats().destroyed.by(DestroyReason::HeldTooLong), 1);
        assert!(second.wait(SEC));
        pass(&pool, &clock, 2 * SEC, SEC);
        assert_eq!((pool.stats().total, pool.stats().available), (2, 2));
        closes_balanced(&pool);
    }
}
