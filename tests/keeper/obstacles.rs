//! Obstacles: no memory, no place, callbacks that hang. What waits for them costs no processor, holds up nobody else, and goes
//! on when they are gone.

use super::support::{Act, Probe, closes_balanced, passes, until};
use super::{MIN, SEC, number, still};
use slackwater::{Creation, DestroyReason, Keeper, MAX_SPAN, Manager, OnLeak, Pool, PoolEvent, Scaling, VirtualClock};
use std::convert::Infallible;
use std::time::Duration;

/// Resources that all weigh the same.
struct Heavy(u64);

impl Manager for Heavy {
    type Resource = Box<u64>;
    type Error = Infallible;

    fn create(&self) -> Result<Box<u64>, Infallible> {
        Ok(Box::new(self.0))
    }

    fn weight(&self, weight: &Box<u64>) -> u64 {
        **weight
    }
}

/// A pool with a keeper's thread, on a clock of its own that stands still.
fn kept(max_size: usize) -> (Probe, VirtualClock, slackwater::Builder<Probe>) {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).clock(&clock).check_interval(None).max_size(max_size);
    (probe, clock, builder)
}

#[test]
fn a_tick_ends_while_somebody_waits_for_memory() {
    let builder = Pool::builder(Heavy(10)).max_size(2).min_idle(0).memory_budget(10).memory_pressure(1.0);
    let pool =
        builder.creation(Creation::Background).keeper(Keeper::Manual).clock(&VirtualClock::new()).build().unwrap();
    let held = std::thread::scope(|scope| {
        let taker = scope.spawn(|| pool.checkout_timeout(MAX_SPAN));
        until(|| {
            pool.tick();
            taker.is_finished()
        });
        taker.join().unwrap().unwrap()
    });
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.checkout_timeout(MAX_SPAN).map(drop));
        until(|| pool.stats().waiting == 1);
        // Each would go on for ever if what cannot be made were asked for again and again.
        (0..10).for_each(|_| pool.tick());
        let made = pool.stats().created;
        // Before the claim, which would end the test before its thread.
        drop(held);
        waiter.join().unwrap().unwrap();
        assert_eq!(made, 1, "there was no memory for a second");
    });
    closes_balanced(&pool);
}

#[test]
fn a_degraded_resource_is_lent_when_there_is_no_memory_for_another() {
    for creation in [Creation::Inline, Creation::Background] {
        let (_, _, builder) = still();
        let builder = builder.max_size(2).min_idle(1).memory_budget(7).memory_pressure(1.0).creation(creation);
        let pool = builder.build().unwrap();
        pool.checkout()
            .unwrap()
            .on_error(&super::support::Refused { by: "use", severity: slackwater::Severity::Transient });
        assert_eq!(pool.stats().degraded, 1);
        drop(pool.try_checkout().unwrap());
        closes_balanced(&pool);
    }
}

#[test]
fn at_the_limit_of_memory_each_is_replaced_in_the_place_of_the_old_one() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(3).memory_budget(21).memory_pressure(1.0).build().unwrap();
    let rollout = pool.replace_all(1, 0).unwrap();
    let mut fewest = 3;
    for _ in 0..60 {
        clock.advance(SEC / 10);
        pool.tick();
        fewest = fewest.min(pool.stats().available);
    }
    assert!(rollout.wait(Duration::ZERO));
    assert_eq!((fewest, probe.most_alive(), pool.stats().available), (2, 3, 3));
    closes_balanced(&pool);
}

#[test]
fn what_weighs_more_than_the_threshold_is_not_made_again_and_again() {
    let clock = VirtualClock::new();
    let builder = Pool::builder(Heavy(90)).memory_budget(100).keeper(Keeper::Manual).clock(&clock);
    let pool = builder.build().unwrap();
    for _ in 0..100 {
        clock.advance(SEC / 10);
        pool.tick();
    }
    assert!(pool.stats().created <= 2, "{} created", pool.stats().created);
    assert_eq!(**pool.checkout().unwrap(), 90, "what somebody asks for is made");
    closes_balanced(&pool);
}

#[test]
fn memory_pressure_is_told_when_something_goes_and_not_before() {
    let (_, _, mut builder) = still();
    let events = builder.subscribe(64);
    let pool = builder.max_size(2).memory_budget(17).memory_pressure(0.6).build().unwrap();
    let told = || events.try_iter().filter(|event| matches!(event, PoolEvent::MemoryPressure { .. })).count();
    let held = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    (0..10).for_each(|_| pool.tick());
    assert_eq!((told(), pool.memory().gc_count), (0, 0), "all are in use");
    drop(held);
    (0..10).for_each(|_| pool.tick());
    assert_eq!((told(), pool.memory().gc_count, pool.memory().evicted), (1, 1, 1));
    closes_balanced(&pool);
}

#[test]
fn a_rollout_includes_what_is_being_made_when_it_begins() {
    let (probe, clock, builder) = kept(1);
    let pool = builder.min_idle(0).creation(Creation::Background).checkout_timeout(MAX_SPAN).build().unwrap();
    probe.create.shut();
    std::thread::scope(|scope| {
        let taker = scope.spawn(|| drop(pool.checkout().unwrap()));
        until(|| probe.create.inside() == 1);
        let rollout = pool.replace_all(1, 0).unwrap();
        probe.create.open();
        taker.join().unwrap();
        passes(&clock, || rollout.wait(Duration::ZERO));
    });
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Replaced), 1);
    closes_balanced(&pool);
}

#[test]
fn stop_first_never_makes_one_too_many() {
    for creation in [Creation::Inline, Creation::Background] {
        let (probe, clock, builder) = kept(2);
        let pool = builder.max_unavailable(1).creation(creation).checkout_timeout(MAX_SPAN).build().unwrap();
        for _ in 0..50 {
            let rollout = pool.replace_all(0, 1).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| (0..20).for_each(|_| drop(pool.checkout().unwrap())));
                }
            });
            // A return may miss that its resource is to end; the keeper's next look finds it.
            passes(&clock, || rollout.wait(Duration::ZERO));
        }
        assert_eq!(probe.most_alive(), 2, "{creation:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn a_successor_whose_making_hangs_keeps_no_other_from_being_made() {
    let (probe, clock, builder) = kept(3);
    let pool = builder.create_timeout(SEC).build().unwrap();
    probe.create.shut();
    let rollout = pool.replace_all(1, 0).unwrap();
    until(|| probe.create.inside() == 1);
    // While the first hangs, the next is made in the place of one that has ended for it.
    until(|| {
        clock.advance(SEC);
        std::thread::yield_now();
        probe.create.inside() >= 2
    });
    assert!(pool.stats().hung_jobs >= 1);
    probe.create.open();
    passes(&clock, || rollout.wait(Duration::ZERO));
    closes_balanced(&pool);
}

/// Promise: how long a creation may take can be changed while one hangs, and a rollout goes on all the same. Provoked: more time than what watches the hanging
/// one knew of.
#[test]
fn more_time_for_creations_does_not_stop_a_rollout_that_one_hangs_in() {
    let (probe, clock, builder) = kept(3);
    let pool = builder.create_timeout(SEC).build().unwrap();
    probe.create.shut();
    let rollout = pool.replace_all(1, 0).unwrap();
    until(|| probe.create.inside() == 1);
    pool.reconfigure(|config| config.create_timeout = 5 * SEC).unwrap();
    passes(&clock, || probe.create.inside() >= 2);
    probe.create.open();
    passes(&clock, || rollout.wait(Duration::ZERO));
    closes_balanced(&pool);
}

/// Promise: with `max_unavailable` 0 nothing that serves is ended before its successor is there, however long other ends take. An end
/// that hangs is not waited for.
#[test]
fn a_predecessor_that_takes_its_time_to_end_lends_its_place_only_once_it_hangs() {
    let (probe, clock, builder) = kept(2);
    let pool = builder.destroy_timeout(10 * SEC).build().unwrap();
    probe.destroy.shut();
    let rollout = pool.replace_all(1, 0).unwrap();
    until(|| probe.destroy.inside() == 1);
    clock.advance(9 * SEC);
    // A tick may come to do the end itself that it should not have ordered.
    let meanwhile = std::thread::scope(|scope| {
        let ticker = scope.spawn(|| (0..3).for_each(|_| pool.tick()));
        until(|| ticker.is_finished() || probe.destroy.inside() == 2);
        let meanwhile = (probe.destroy.inside(), pool.stats().available);
        clock.advance(SEC);
        until(|| probe.destroy.inside() == 2);
        probe.destroy.open();
        meanwhile
    });
    assert_eq!(meanwhile, (1, 2), "ends, and resources that serve");
    passes(&clock, || rollout.wait(Duration::ZERO));
    closes_balanced(&pool);
}

/// Promise: what is ended before its successor is made holds up the others no longer than its end hangs. Provoked: an end that never
/// returns, where nothing may be made beside what there is.
#[test]
fn an_end_that_hangs_does_not_stop_a_replacement_that_ends_first() {
    let (probe, clock, builder) = kept(3);
    let pool = builder.destroy_timeout(SEC).build().unwrap();
    probe.destroy.shut();
    let rollout = pool.replace_all(0, 1).unwrap();
    until(|| probe.destroy.inside() == 1);
    passes(&clock, || probe.destroy.inside() == 2);
    probe.destroy.open();
    passes(&clock, || rollout.wait(Duration::ZERO));
    closes_balanced(&pool);
}

#[test]
fn a_predecessor_in_use_lends_its_place_after_a_second_and_until_it_is_returned() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(3).min_idle(3).build().unwrap();
    let replaced = || pool.stats().destroyed.by(DestroyReason::Replaced);
    let [first, second, third] = [(); 3].map(|()| pool.checkout().unwrap());
    let rollout = pool.replace_all(1, 0).unwrap();
    let ticks = || (0..3).for_each(|_| pool.tick());
    ticks();
    // One of them has a successor, and neither of the others a place for one.
    clock.advance(SEC / 2);
    ticks();
    assert_eq!((pool.stats().created, replaced()), (4, 0));
    clock.advance(SEC);
    ticks();
    drop([first, second, third]);
    ticks();
    clock.advance(SEC);
    ticks();
    assert!(rollout.wait(Duration::ZERO));
    assert_eq!((replaced(), pool.stats().available), (3, 3));
    closes_balanced(&pool);
}

/// Promise: what is still in use lends its place because its successor serves too. Provoked: the successor dies meanwhile.
#[test]
fn a_predecessor_in_use_lends_nothing_once_its_successor_is_gone() {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(2).min_idle(0).build().unwrap();
    let [first, second] = [(); 2].map(|()| pool.checkout().unwrap());
    let old = [number(&first), number(&second)];
    let rollout = pool.replace_all(1, 0).unwrap();
    pool.tick();
    assert_eq!(pool.stats().created, 3);
    // The first has a successor now, which is the one that is free.
    let successor = pool.checkout().unwrap();
    assert!(!old.contains(&number(&successor)));
    probe.is_broken.next([Act::Fail]);
    drop(successor);
    let ended = |reason| pool.stats().destroyed.by(reason);
    let ticks = || (0..3).for_each(|_| pool.tick());
    for _ in 0..5 {
        clock.advance(SEC);
        ticks();
    }
    drop(second);
    ticks();
    let serves = (ended(DestroyReason::Replaced), pool.stats().available);
    assert_eq!((serves, ended(DestroyReason::Broken)), ((0, 1), 1));
    drop(first);
    ticks();
    assert!(rollout.wait(Duration::ZERO));
    assert_eq!(ended(DestroyReason::Replaced), 2);
    closes_balanced(&pool);
}

#[test]
fn the_end_of_a_check_goes_on_with_what_waited_for_it() {
    let (probe, clock, builder) = kept(1);
    let pool = builder.min_idle(0).build().unwrap();
    probe.check.shut();
    pool.checkout().unwrap().mark_suspect();
    until(|| probe.check.inside() == 1);
    let rollout = pool.replace_all(1, 0).unwrap();
    until(|| pool.stats().created == 2);
    probe.check.open();
    passes(&clock, || rollout.wait(Duration::ZERO));
    closes_balanced(&pool);
}

#[test]
fn surplus_resources_end_whatever_they_rest_as() {
    let (_, clock, builder) = still();
    let builder = builder.max_size(1).min_idle(0).max_overflow(2).overflow_ttl(SEC).check_if_idle_for(SEC / 10);
    let pool = builder.build().unwrap();
    let mut held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    held[0].on_error(&super::support::Refused { by: "use", severity: slackwater::Severity::Transient });
    drop(held);
    pool.tick();
    for _ in 0..20 {
        clock.advance(SEC / 5);
        pool.tick();
    }
    assert_eq!((pool.stats().total, pool.stats().destroyed.by(DestroyReason::Overflow)), (1, 2));
    closes_balanced(&pool);
}

#[test]
fn an_end_that_hangs_holds_up_neither_scaling_nor_the_keeper() {
    let (probe, clock, mut builder) = kept(4);
    let events = builder.subscribe(64);
    let pool = builder.min_idle(0).scaling(Scaling::between(1, 4).interval(SEC)).max_hold(MIN).build().unwrap();
    // Its end measures cheap.
    pool.checkout().unwrap().discard("to be measured");
    until(|| pool.stats().destroyed.total() == 1);
    drop([pool.checkout().unwrap(), pool.checkout().unwrap(), pool.checkout().unwrap()]);
    probe.destroy.shut();
    until(|| {
        clock.advance(SEC / 2);
        probe.destroy.inside() > 0
    });
    let held = pool.checkout().unwrap();
    until(|| {
        clock.advance(10 * SEC);
        events.try_iter().any(|event| matches!(event, PoolEvent::LeakSuspected(_)))
    });
    pool.resize(0, 1).unwrap();
    probe.destroy.open();
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn one_short_use_after_a_long_rest_is_no_load() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(1).scaling(Scaling::between(1, 8).interval(2 * SEC)).build().unwrap();
    pool.tick();
    clock.advance(10 * SEC);
    let held = pool.checkout().unwrap();
    pool.tick();
    clock.advance(SEC / 4);
    drop(held);
    pool.tick();
    assert_eq!(pool.stats().max_size, 1);
    assert!(pool.advise().mean_hold <= SEC / 4, "{}", pool.advise());
    closes_balanced(&pool);
}

#[test]
fn a_pool_may_shrink_below_what_leaks_may_replace() {
    let (probe, _, builder) = still();
    let builder = builder.max_size(4).max_hold(MIN).on_leak(OnLeak::Replace { at_most: 3 });
    let pool = builder.build().unwrap();
    probe.create.always(Act::Pass);
    pool.resize(1, 1).unwrap();
    assert_eq!(pool.stats().total, 1);
    closes_balanced(&pool);
}
