//! Time that leaps, as it does for a process that was stopped and goes on: nothing has happened meanwhile, and everything
//! is due at once.

use super::support::{Act, closes_balanced};
use super::{MIN, SEC, number, pass, still};
use slackwater::{Creation, DestroyReason, ResourceState, Strategy};

const STRATEGIES: [Strategy; 3] = [Strategy::Affine, Strategy::Lifo, Strategy::Fifo];

/// The first checkout may come before the keeper does, and must not end what it does not need.
#[test]
fn the_first_checkout_after_a_leap_ends_one_expired_resource_and_not_all() {
    for strategy in STRATEGIES {
        let (probe, clock, builder) = still();
        let pool = builder.max_size(8).max_lifetime(MIN).strategy(strategy).build().unwrap();
        clock.advance(60 * MIN);
        assert_eq!(pool.with(|thing| number(thing)).unwrap(), 9, "none that is too old, {strategy:?}");
        assert_eq!((probe.ended().len(), pool.stats().total), (1, 8), "one for one, {strategy:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn among_expired_resources_the_one_that_is_not_is_found() {
    for strategy in STRATEGIES {
        let (probe, clock, builder) = still();
        let pool = builder.max_size(8).max_lifetime(MIN).lifetime_jitter(0.0).strategy(strategy);
        let pool = pool.creation(Creation::Background).build().unwrap();
        pass(&pool, &clock, 50 * SEC, SEC);
        pool.checkout().unwrap().discard("for a younger one");
        pool.tick();
        clock.advance(15 * SEC);
        let lent = pool.try_checkout().map(|thing| number(&thing));
        assert!(matches!(lent, Ok(9)), "{strategy:?}: {lent:?}");
        assert!(probe.ended().len() <= 2, "the discarded one and one that was in the way, {strategy:?}");
        closes_balanced(&pool);
    }
}

/// Though all are too old, the successors come as in quiet times: one after the other, each before its predecessor ends.
#[test]
fn after_a_leap_replacement_keeps_its_pace() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(8).max_lifetime(MIN).build().unwrap();
    clock.advance(60 * MIN);
    let mut least = usize::MAX;
    for _ in 0..50 {
        pool.tick();
        least = least.min(pool.stats().available);
    }
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Expired), 8);
    assert_eq!((least, probe.most_alive(), pool.stats().total), (8, 9, 8));
    closes_balanced(&pool);
}

#[test]
fn nothing_expired_is_ended_while_none_can_be_made() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(4).max_lifetime(MIN).strategy(Strategy::Fifo).build().unwrap();
    clock.advance(60 * MIN);
    probe.create.always(Act::Fail);
    // The first one ends one, and finds out that no other can be made. From then on they are lent as they are.
    let held: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).take(9).collect();
    assert_eq!((held.len(), probe.ended().len()), (3, 1));
    drop(held);
    probe.create.always(Act::Pass);
    closes_balanced(&pool);
}

#[test]
fn a_leap_over_many_intervals_is_one_check_each() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(5).check_interval(SEC).build().unwrap();
    clock.advance(60 * MIN);
    (0..50).for_each(|_| pool.tick());
    assert_eq!(probe.check.calls(), 5);
    closes_balanced(&pool);
}

/// A check that failed because the world was away degrades; it does not remove.
#[test]
fn a_leap_during_a_failure_removes_nothing() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(5).check_interval(SEC).build().unwrap();
    // The last one that is available is not taken for a check.
    probe.check.next([Act::Fail; 4]);
    clock.advance(60 * MIN);
    (0..50).for_each(|_| pool.tick());
    let how_many = |state| pool.resources().iter().filter(|resource| resource.state == state).count();
    assert_eq!((how_many(ResourceState::Degraded), pool.stats().destroyed.total()), (4, 0));
    pass(&pool, &clock, 10 * SEC, SEC);
    assert_eq!(how_many(ResourceState::Ready), 5, "the next checks heal");
    closes_balanced(&pool);
}

#[test]
fn a_leap_past_idle_timeout_leaves_min_idle() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(8).min_idle(3).idle_timeout(MIN).build().unwrap();
    drop((0..8).map(|_| pool.checkout().unwrap()).collect::<Vec<_>>());
    clock.advance(60 * MIN);
    (0..50).for_each(|_| pool.tick());
    assert_eq!((pool.stats().available, probe.create.calls()), (3, 8), "and makes none anew");
    closes_balanced(&pool);
}

#[test]
fn a_hold_over_a_leap_is_one_long_hold() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(2).max_hold(MIN).build().unwrap();
    let held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    for _ in 0..5 {
        clock.advance(60 * MIN);
        pool.tick();
    }
    assert_eq!(pool.stats().long_holds, 2);
    drop(held);
    closes_balanced(&pool);
}
