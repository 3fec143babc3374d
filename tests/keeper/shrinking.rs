//! Less than there was: shrinking while resources are on their way, expire, or are wanted; sizes of a closed pool.

use super::support::{Act, Probe, closes_balanced, until};
use super::{MIN, SEC, number, pass, still};
use slackwater::{Creation, DestroyReason, Pool};
use std::thread;
use std::time::Duration;

/// What a shrinking finds in a callback is neither free nor in use; it is surplus all the same, once it comes out.
#[test]
fn what_is_in_a_callback_while_the_pool_shrinks_is_not_lent_beyond_the_new_size() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(3).checkout_timeout(MIN).build().unwrap();
    let mut held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    probe.check.shut();
    held[0].mark_suspect();
    drop(held.remove(0));
    until(|| probe.check.inside() == 1);
    pool.resize(0, 2).unwrap();
    probe.check.open();
    until(|| pool.stats().checking == 0);
    assert!(pool.try_checkout().is_err(), "two of two are out: {:?}", pool.stats());
    until(|| pool.stats().total == 2);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn what_is_created_while_the_pool_shrinks_is_not_lent_beyond_the_new_size() {
    let probe = Probe::new();
    let builder = Pool::builder(probe.clone()).max_size(3).min_idle(0).creation(Creation::Background);
    let pool = builder.checkout_timeout(MIN).build().unwrap();
    let held: Vec<_> = (0..2).map(|_| pool.checkout().unwrap()).collect();
    until(|| pool.stats().creating == 0);
    probe.create.shut();
    assert!(pool.try_checkout().is_err(), "which asks for a third");
    until(|| probe.create.inside() == 1);
    pool.resize(0, 2).unwrap();
    probe.create.open();
    until(|| pool.stats().creating == 0);
    assert!(pool.try_checkout().is_err(), "two of two are out: {:?}", pool.stats());
    until(|| pool.stats().total == 2);
    drop(held);
    closes_balanced(&pool);
}

/// A successor would be one too many.
#[test]
fn what_wears_out_in_a_pool_that_shrank_has_no_successor() {
    let (probe, clock, builder) = still();
    let builder = builder.max_size(4).max_uses(1).max_lifetime(MIN).lifetime_jitter(0.0);
    let pool = builder.build().unwrap();
    let mut held: Vec<_> = (0..4).map(|_| pool.checkout().unwrap()).collect();
    pool.resize(1, 1).unwrap();
    held.truncate(1);
    pass(&pool, &clock, SEC, SEC);
    assert_eq!((pool.stats().total, probe.create.calls()), (1, 4));
    held.clear();
    pass(&pool, &clock, 3 * SEC, SEC);
    assert_eq!((pool.stats().available, probe.create.calls()), (1, 5), "the one that is left to have is made");
    closes_balanced(&pool);
}

#[test]
fn from_five_to_sixty_and_back_without_a_resource_too_many() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(60).min_idle(5).idle_timeout(MIN).build().unwrap();
    assert_eq!(pool.stats().total, 5);
    for _ in 0..3 {
        let held: Vec<_> = (0..60).map(|_| pool.checkout().unwrap()).collect();
        assert!(pool.try_checkout().is_err());
        drop(held);
        pass(&pool, &clock, 2 * MIN, SEC);
        assert_eq!((pool.stats().available, pool.stats().total), (5, 5));
    }
    assert_eq!(probe.most_alive(), 60);
    assert_eq!((pool.stats().created, pool.stats().destroyed.by(DestroyReason::Idle)), (5 + 3 * 55, 3 * 55));
    closes_balanced(&pool);
}

#[test]
fn with_min_idle_zero_an_unused_pool_is_empty_and_serves_on() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(4).min_idle(0).idle_timeout(MIN).build().unwrap();
    for round in 1..=3 {
        assert_eq!(pool.with(|thing| number(thing)).unwrap(), round);
        pass(&pool, &clock, 2 * MIN, SEC);
        assert_eq!((pool.stats().total, probe.alive()), (0, 0));
    }
    closes_balanced(&pool);
}

/// `min_idle` counts what is free, so that the next user need not wait for a creation.
#[test]
fn free_ones_are_kept_ready_while_others_are_out() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(6).min_idle(2).build().unwrap();
    let mut held = Vec::new();
    for (out, free) in [(1, 2), (2, 2), (3, 2), (4, 2), (5, 1), (6, 0)] {
        held.push(pool.try_checkout().unwrap());
        pass(&pool, &clock, SEC, SEC);
        pool.tick();
        assert_eq!((pool.stats().in_use, pool.stats().available), (out, free));
    }
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn one_in_and_one_out_for_each_that_is_replaced() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(7).surge(3).build().unwrap();
    for rollouts in 1..=3 {
        assert!(pool.replace_all(3, 1).unwrap().wait(SEC));
        pool.tick();
        let stats = pool.stats();
        assert_eq!((stats.created, stats.destroyed.by(DestroyReason::Replaced)), (7 + 7 * rollouts, 7 * rollouts));
        assert_eq!((stats.available, probe.alive()), (7, 7));
    }
    closes_balanced(&pool);
}

#[test]
fn a_closed_pool_neither_grows_nor_is_replaced() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(2).ceiling(8).build().unwrap();
    closes_balanced(&pool);
    pool.resize(4, 8).unwrap();
    let _rollout = pool.replace_all(1, 0).unwrap();
    pass(&pool, &clock, MIN, SEC);
    assert_eq!((pool.gc().evicted, pool.resources().len(), pool.holders().len()), (0, 0, 0));
    assert!(pool.try_checkout().is_err());
    assert_eq!((probe.create.calls(), probe.alive()), (2, 0));
    closes_balanced(&pool);
}

/// A resize while every creation fails: those who wait are not stranded, and the size is what was asked for in the end.
#[test]
fn a_pool_grows_once_creating_works_again() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(1).ceiling(4).creation(Creation::Background).build().unwrap();
    let held = pool.checkout().unwrap();
    probe.create.always(Act::Fail);
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout_timeout(60 * MIN).map(|thing| number(&thing)));
        until(|| pool.stats().waiting == 1);
        pool.resize(4, 4).unwrap();
        pass(&pool, &clock, 5 * SEC, Duration::from_millis(100));
        assert_eq!((pool.stats().total, pool.stats().waiting), (1, 1));
        probe.create.always(Act::Pass);
        // The breaker has opened, for half a minute at most.
        pass(&pool, &clock, 30 * SEC, Duration::from_millis(100));
        assert!(waiter.join().unwrap().is_ok());
    });
    drop(held);
    pass(&pool, &clock, 2 * SEC, Duration::from_millis(100));
    assert_eq!(pool.stats().available, 4);
    closes_balanced(&pool);
}
