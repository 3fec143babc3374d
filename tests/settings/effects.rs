//! One test for each field of `PoolConfig`, each failing if the field is ignored.

use super::Built;
use super::support::{Probe, Step, closes_balanced, until};
use slackwater::{
    Builder, CheckoutError, Creation, DestroyReason, Fairness, Fences, JobKind, Keeper, OnDeadlock, OnLeak, OnPanic,
    Pool, PoolConfig, Scaling, Strategy, VirtualClock,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// No threads, and time that stands still.
fn still(probe: &Probe, clock: &VirtualClock) -> Builder<Probe> {
    Pool::builder(probe.clone()).keeper(Keeper::Manual).clock(clock)
}

fn manual() -> Builder<Probe> {
    still(&Probe::new(), &VirtualClock::new())
}

#[test]
fn name_is_the_pools_name_and_stands_in_its_errors() {
    let pool = manual().name("css").built();
    assert_eq!(pool.name(), Some("css"));
    let held = pool.checkout().unwrap();
    let error = pool.checkout_timeout(Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("\"css\""), "{error}");
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn max_size_is_how_many_may_be_out() {
    let pool = manual().max_size(3).built();
    let held: Vec<_> = (0..3).map(|_| pool.try_checkout().unwrap()).collect();
    assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn min_idle_is_how_many_build_makes_and_tick_makes_anew() {
    for (min_idle, made) in [(Some(0), 0), (Some(2), 2), (None, 4)] {
        let probe = Probe::new();
        let mut config = manual_config(4);
        config.min_idle = min_idle;
        let pool = Pool::builder(probe.clone()).config(config).built();
        assert_eq!((pool.stats().available, probe.create.calls()), (made, made));
        if made > 0 {
            pool.checkout().unwrap().discard("one fewer");
            pool.tick();
            pool.tick();
            assert_eq!(pool.stats().available, made);
        }
        closes_balanced(&pool);
    }
}

#[test]
fn max_overflow_is_how_many_more_may_be_out() {
    let pool = manual().max_overflow(2).built();
    let held: Vec<_> = (0..3).map(|_| pool.try_checkout().unwrap()).collect();
    assert_eq!(pool.stats().overflow, 2);
    assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn overflow_ttl_is_how_long_a_surplus_resource_idles() {
    let clock = VirtualClock::new();
    let pool = still(&Probe::new(), &clock).max_overflow(1).overflow_ttl(10 * SEC).built();
    drop((pool.try_checkout().unwrap(), pool.try_checkout().unwrap()));
    clock.advance(9 * SEC);
    pool.tick();
    assert_eq!(pool.stats().total, 2, "the default of 1 s is not what was asked for");
    clock.advance(2 * SEC);
    pool.tick();
    pool.tick();
    assert_eq!((pool.stats().total, pool.stats().destroyed.by(DestroyReason::Overflow)), (1, 1));
    closes_balanced(&pool);
}

#[test]
fn checkout_timeout_is_how_long_checkout_waits() {
    let clock = VirtualClock::new();
    let pool = still(&Probe::new(), &clock).checkout_timeout(7 * SEC).built();
    let held = pool.checkout().unwrap();
    thread::scope(|s| {
        let late = s.spawn(|| pool.checkout().map(drop));
        until(|| pool.stats().waiting == 1);
        clock.advance(6 * SEC);
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert!(!late.is_finished(), "the default of 5 s is not what was asked for");
        clock.advance(SEC);
        until(|| late.is_finished());
        assert!(matches!(late.join().unwrap(), Err(CheckoutError::Timeout(_))));
    });
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn strategy_is_which_of_the_free_ones_is_lent() {
    for (strategy, slot) in [(Strategy::Affine, 2), (Strategy::Lifo, 0), (Strategy::Fifo, 1)] {
        let pool = manual().max_size(3).strategy(strategy).built();
        let mut held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
        held.sort_by_key(|guard| guard.id().slot());
        let [zero, one, two]: [_; 3] = held.try_into().unwrap();
        // Have this thread use slot 2 last, then return 1, 2 and 0 in this order.
        drop(two);
        let two = pool.checkout().unwrap();
        drop(one);
        drop(two);
        drop(zero);
        assert_eq!(pool.checkout().unwrap().id().slot(), slot, "{strategy:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn max_waiters_is_how_many_may_wait() {
    let pool = manual().max_waiters(0).built();
    let held = pool.checkout().unwrap();
    assert!(matches!(pool.checkout(), Err(CheckoutError::Saturated(_))));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn creation_is_where_a_resource_is_made() {
    for (creation, at_once) in [(Creation::Inline, true), (Creation::Auto, true), (Creation::Background, false)] {
        let pool = manual().min_idle(0).creation(creation).built();
        assert_eq!(pool.try_checkout().is_ok(), at_once, "{creation:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn create_parallelism_is_how_many_are_made_at_once() {
    for most in [1, 3] {
        let probe = Probe::new();
        probe.create.shut();
        thread::scope(|s| {
            let build = s.spawn(|| Pool::builder(probe.clone()).max_size(6).create_parallelism(most).build().unwrap());
            until(|| probe.create.inside() == most);
            for _ in 0..2_000 {
                assert_eq!(probe.create.inside(), most);
                thread::yield_now();
            }
            probe.create.open();
            closes_balanced(&build.join().unwrap());
        });
    }
}

#[test]
fn warm_up_timeout_is_how_long_build_waits() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    probe.create.shut();
    thread::scope(|s| {
        let build = s.spawn(|| Pool::builder(probe.clone()).clock(&clock).warm_up_timeout(60 * SEC).build());
        until(|| probe.create.inside() == 1);
        clock.advance(50 * SEC);
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert!(!build.is_finished(), "the default of 30 s is not what was asked for");
        clock.advance(10 * SEC);
        until(|| build.is_finished());
        assert!(build.join().unwrap().is_err());
        probe.create.open();
    });
    until(|| probe.sharers() == 1);
    assert_eq!(probe.alive(), 0);
}

#[test]
fn on_panic_is_what_becomes_of_a_resource_whose_holder_panicked() {
    let outcomes = [(OnPanic::Discard, (0, 1, 0)), (OnPanic::Check, (1, 0, 1)), (OnPanic::Return, (1, 0, 0))];
    for (on_panic, expected) in outcomes {
        let probe = Probe::new();
        let pool = still(&probe, &VirtualClock::new()).min_idle(0).on_panic(on_panic).built();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let _held = pool.checkout().unwrap();
            panic!("while holding");
        }));
        assert!(ended.is_err());
        pool.tick();
        let stats = pool.stats();
        let seen = (stats.available, stats.destroyed.by(DestroyReason::HolderPanicked), probe.check.calls());
        assert_eq!(seen, expected, "{on_panic:?}");
        closes_balanced(&pool);
    }
}

#[test]
fn on_deadlock_is_whether_a_hopeless_wait_is_refused() {
    for (on_deadlock, refused) in [(OnDeadlock::Refuse, true), (OnDeadlock::Report, false)] {
        let pool = manual().on_deadlock(on_deadlock).built();
        let held = pool.checkout().unwrap();
        let error = pool.checkout_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(matches!(error, CheckoutError::WouldDeadlock(_)), refused, "{error}");
        assert_eq!(matches!(&error, CheckoutError::Timeout(timeout) if timeout.deadlock), !refused, "{error}");
        drop(held);
        closes_balanced(&pool);
    }
}

#[test]
fn keeper_is_who_does_the_background_work() {
    let lazy = |keeper| {
        let probe = Probe::new();
        let builder = Pool::builder(probe.clone()).min_idle(0).creation(Creation::Background).keeper(keeper);
        (probe, builder.built())
    };
    let (_, kept) = lazy(Keeper::Dedicated);
    assert!(kept.try_checkout().is_err());
    drop(kept.checkout().unwrap());
    closes_balanced(&kept);

    let (probe, by_hand) = lazy(Keeper::Manual);
    assert!(by_hand.try_checkout().is_err());
    assert_eq!(probe.create.calls(), 0);
    by_hand.tick();
    let me = thread::current().id();
    assert!(probe.create.threads().iter().all(|thread| *thread == me));
    closes_balanced(&by_hand);
}

#[test]
fn clock_is_the_time_the_pool_lives_in() {
    let clock = VirtualClock::new();
    let pool = still(&Probe::new(), &clock).built();
    let held = pool.checkout().unwrap();
    clock.advance(100 * SEC);
    assert_eq!(pool.holders()[0].held_for, 100 * SEC);
    drop(held);
    closes_balanced(&pool);
}

/// Has one job of each kind stand still, and tells which kinds hang after `seconds`.
fn hung_after(seconds: u32, set: impl Fn(Builder<Probe>) -> Builder<Probe>) -> Vec<JobKind> {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = set(Pool::builder(probe.clone()).max_size(3).min_idle(0).clock(&clock).creation(Creation::Background));
    let pool = pool.built();
    // All there is room for, so that none is left over.
    let [mut suspect, ended, missing] = [(); 3].map(|()| pool.checkout().unwrap());
    let steps = [&probe.create, &probe.check, &probe.destroy];
    steps.into_iter().for_each(Step::shut);
    suspect.mark_suspect();
    drop(suspect);
    ended.discard("to be destroyed");
    drop(missing.detach());
    assert!(pool.try_checkout().is_err(), "which asks for a creation");
    until(|| steps.iter().all(|step| step.inside() == 1));
    clock.advance(seconds * SEC);
    // Done by hand, beside the keeper, so that there is nothing to wait for.
    pool.tick();
    let mut kinds: Vec<_> = pool.hung_jobs().iter().map(|job| job.kind).collect();
    kinds.sort_by_key(|kind| *kind as usize);
    // A thread that made one of the three, and was stopped before it could say that it was done, is late as well.
    kinds.dedup();
    steps.into_iter().for_each(Step::open);
    closes_balanced(&pool);
    kinds
}

#[test]
fn create_timeout_is_how_long_a_creation_may_take() {
    let set = |builder: Builder<Probe>| builder.create_timeout(2 * SEC);
    assert_eq!((hung_after(1, set), hung_after(2, set)), (vec![], vec![JobKind::Create]));
}

#[test]
fn check_timeout_is_how_long_a_check_may_take() {
    let set = |builder: Builder<Probe>| builder.check_timeout(2 * SEC);
    assert_eq!((hung_after(1, set), hung_after(2, set)), (vec![], vec![JobKind::Check]));
}

#[test]
fn destroy_timeout_is_how_long_a_destruction_may_take() {
    let set = |builder: Builder<Probe>| builder.destroy_timeout(2 * SEC);
    assert_eq!((hung_after(1, set), hung_after(2, set)), (vec![], vec![JobKind::Destroy]));
}

#[test]
fn ceiling_unsaid_is_what_the_pool_was_built_with() {
    let pool = manual().max_size(2).build().unwrap();
    assert!(pool.resize(0, 3).is_err());
    closes_balanced(&pool);
}

fn manual_config(max_size: usize) -> PoolConfig {
    let mut config = PoolConfig::default();
    (config.max_size, config.keeper, config.clock) = (max_size, Keeper::Manual, (&VirtualClock::new()).into());
    config
}

#[test]
fn every_method_of_the_builder_sets_its_own_field() {
    let pool = Pool::builder(Probe::new())
        .name("all")
        .max_size(3)
        .min_idle(1)
        .max_overflow(2)
        .overflow_ttl(4 * SEC)
        .checkout_timeout(6 * SEC)
        .strategy(Strategy::Fifo)
        .fairness(Fairness::Barging)
        .max_waiters(7)
        .creation(Creation::Inline)
        .create_parallelism(8)
        .warm_up_timeout(9 * SEC)
        .on_panic(OnPanic::Return)
        .on_deadlock(OnDeadlock::Refuse)
        .keeper(Keeper::Manual)
        .fences(Fences::Portable)
        .clock(&VirtualClock::new())
        .create_timeout(10 * SEC)
        .check_timeout(11 * SEC)
        .destroy_timeout(12 * SEC)
        .check_interval(13 * SEC)
        .check_if_idle_for(14 * SEC)
        .degrade_after(15)
        .remove_after(16)
        .max_lifetime(17 * SEC)
        .lifetime_jitter(0.18)
        .idle_timeout(19 * SEC)
        .max_uses(20)
        .surge(21)
        .max_unavailable(22)
        .ceiling(23)
        .max_hold(24 * SEC)
        .on_leak(OnLeak::Replace { at_most: 2 })
        .memory_budget(26)
        .memory_pressure(0.27)
        .max_growth(28.0)
        .scaling(Scaling::between(1, 5))
        .record_uses(true)
        .time_one_in(29)
        .queue_alert(30)
        .build()
        .unwrap();
    let config = pool.config();
    assert_eq!(config.name.as_deref(), Some("all"));
    assert_eq!((config.max_size, config.min_idle, config.max_overflow), (3, Some(1), 2));
    assert_eq!((config.overflow_ttl, config.checkout_timeout), (Some(4 * SEC), 6 * SEC));
    assert_eq!((config.strategy, config.fairness), (Strategy::Fifo, Fairness::Barging));
    assert_eq!((config.max_waiters, config.creation), (Some(7), Creation::Inline));
    assert_eq!((config.create_parallelism, config.warm_up_timeout), (Some(8), 9 * SEC));
    assert_eq!((config.on_panic, config.on_deadlock), (OnPanic::Return, OnDeadlock::Refuse));
    assert_eq!((config.keeper, config.fences), (Keeper::Manual, Fences::Portable));
    assert_eq!(format!("{:?}", config.clock), "Clock(virtual)");
    assert_eq!((config.create_timeout, config.check_timeout, config.destroy_timeout), (10 * SEC, 11 * SEC, 12 * SEC));
    assert_eq!((config.check_interval, config.check_if_idle_for), (Some(13 * SEC), Some(14 * SEC)));
    assert_eq!((config.degrade_after, config.remove_after, config.max_uses), (15, 16, Some(20)));
    assert_eq!((config.max_lifetime, config.lifetime_jitter), (Some(17 * SEC), Some(0.18)));
    assert_eq!((config.idle_timeout, config.max_hold), (Some(19 * SEC), Some(24 * SEC)));
    assert_eq!((config.surge, config.max_unavailable, config.ceiling), (21, 22, Some(23)));
    assert_eq!((config.on_leak, config.record_uses), (OnLeak::Replace { at_most: 2 }, true));
    assert_eq!((config.time_one_in, config.queue_alert), (29, Some(30)));
    assert_eq!((config.memory_budget, config.memory_pressure, config.max_growth), (Some(26), Some(0.27), Some(28.0)));
    assert_eq!(config.scaling, Some(Scaling::between(1, 5)));
    closes_balanced(&pool);
}

#[test]
fn config_replaces_every_setting() {
    let config = PoolConfig::clone(&manual().max_size(5).name("whole").build().unwrap().config());
    let pool = Pool::builder(Probe::new()).max_size(9).name("other").config(config).build().unwrap();
    assert_eq!((pool.config().max_size, pool.name()), (5, Some("whole")));
    closes_balanced(&pool);
}
