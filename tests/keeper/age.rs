//! Lifetime, idle time, uses.

use super::support::{Probe, closes_balanced, until};
use super::{MIN, SEC, number, pass, still};
use slackwater::{Creation, DestroyReason, Pool, VirtualClock};
use std::collections::BTreeSet;

#[test]
fn what_is_too_old_is_replaced_before_it_ends() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(3).max_lifetime(10 * MIN).lifetime_jitter(0.0).build().unwrap();
    pass(&pool, &clock, 599 * SEC, SEC);
    assert_eq!(pool.stats().created, 3);
    let mut least = usize::MAX;
    for _ in 0..50 {
        clock.advance(SEC / 10);
        pool.tick();
        least = least.min(pool.stats().available);
    }
    assert_eq!(least, 3, "capacity never fell");
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Expired), 3);
    assert_eq!((probe.alive(), probe.most_alive()), (3, 4), "one at a time");
    closes_balanced(&pool);
}

#[test]
fn what_is_too_old_in_use_ends_at_its_return() {
    let (probe, clock, builder) = still();
    let pool = builder.max_lifetime(MIN).lifetime_jitter(0.0).build().unwrap();
    let held = pool.checkout().unwrap();
    pass(&pool, &clock, 130 * SEC, SEC);
    assert_eq!(number(&held), 1, "nobody takes it away");
    assert_eq!(pool.stats().created, 2 + 1, "its successor is there, and has been replaced in turn");
    drop(held);
    pool.tick();
    assert!(probe.ended().contains(&1));
    assert_eq!(pool.stats().available, 1);
    closes_balanced(&pool);
}

#[test]
fn lives_are_shortened_each_by_its_own_draw_within_the_jitter() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(40).max_lifetime(100 * SEC).lifetime_jitter(0.5).surge(40).build().unwrap();
    pass(&pool, &clock, 49 * SEC, SEC);
    assert_eq!(probe.ended().len(), 0, "none before half of its time");
    let mut moments = BTreeSet::new();
    let mut old = 0;
    for second in 50..=101 {
        pass(&pool, &clock, SEC, SEC);
        let now = probe.ended().iter().filter(|number| **number <= 40).count();
        if now > old {
            moments.insert(second);
        }
        old = now;
    }
    assert_eq!(old, 40, "all within their time");
    assert!(moments.len() > 10, "they end apart from each other: {moments:?}");
    closes_balanced(&pool);
}

#[test]
fn a_check_is_no_use_idle_time_goes_on() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(2).min_idle(1).idle_timeout(3 * MIN).check_interval(Some(MIN)).build().unwrap();
    drop([pool.checkout().unwrap(), pool.checkout().unwrap()]);
    pass(&pool, &clock, 179 * SEC, SEC);
    assert!(probe.check.calls() >= 2, "it was checked meanwhile");
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Idle), 0);
    pass(&pool, &clock, 2 * SEC, SEC);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Idle), 1);
    closes_balanced(&pool);
}

#[test]
fn idle_resources_end_down_to_min_idle_the_coldest_first() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(4).min_idle(2).idle_timeout(MIN).build().unwrap();
    let four: Vec<_> = (0..4).map(|_| pool.checkout().unwrap()).collect();
    let warm = number(&four[0]);
    drop(four);
    pass(&pool, &clock, 30 * SEC, SEC);
    // One of them is used now and then.
    let used = pool.checkout().unwrap();
    let stays = number(&used);
    drop(used);
    assert!(warm >= 1);
    pass(&pool, &clock, 40 * SEC, SEC);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Idle), 2);
    assert_eq!(pool.stats().available, 2);
    assert!(!probe.ended().contains(&stays));
    pass(&pool, &clock, 10 * MIN, SEC);
    assert_eq!(pool.stats().available, 2, "never below min_idle");
    closes_balanced(&pool);
}

#[test]
fn max_uses_is_exact() {
    let (probe, _, builder) = still();
    let pool = builder.max_uses(3).min_idle(0).build().unwrap();
    let numbers: Vec<_> = (0..9).map(|_| pool.with(|thing| number(thing)).unwrap()).collect();
    assert_eq!(numbers, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Worn), 3);
    assert_eq!(probe.alive(), 0);
    closes_balanced(&pool);
}

#[test]
fn a_pool_nobody_ticks_still_lends_nothing_that_is_too_old() {
    let (_, clock, builder) = still();
    let pool = builder.max_lifetime(MIN).lifetime_jitter(0.0).strategy(slackwater::Strategy::Lifo).build().unwrap();
    clock.advance(2 * MIN);
    assert_eq!(pool.with(|thing| number(thing)).unwrap(), 2);
    closes_balanced(&pool);
}

/// Neither the place of one that takes long to end, nor one beside it whose making takes long, is room.
#[test]
fn what_is_too_old_is_lent_when_nothing_else_is_free_and_there_is_no_room() {
    for creation in [Creation::Inline, Creation::Background, Creation::Auto] {
        let (probe, clock) = (Probe::new(), VirtualClock::new());
        let builder = Pool::builder(probe.clone()).clock(&clock).check_interval(None).max_size(2).creation(creation);
        let pool = builder.max_lifetime(MIN).lifetime_jitter(0.0).build().unwrap();
        probe.create.shut();
        probe.destroy.shut();
        clock.advance(2 * MIN);
        // Of the two, a caller ends one, to make room for its own.
        let lent = pool.try_checkout().map(|thing| number(&thing));
        assert!(matches!(lent, Ok(1 | 2)), "{creation:?}: {lent:?}");
        until(|| probe.destroy.inside() >= 1);
        probe.create.open();
        probe.destroy.open();
        closes_balanced(&pool);
    }
}
