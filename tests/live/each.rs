//! The settings that have no test in `tests/settings`, or one that cannot be run by a change: one for each.

use super::support::{Act, Probe, WATCHDOG, closes_balanced, until};
use slackwater::{
    BreakerConfig, BreakerState, CheckoutError, CoDel, DestroyReason, FailureKind, Keeper, Mode, Pool, PoolConfig,
    PoolEvent, Recovery, Severity, ShedReason, VirtualClock,
};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn still(set: impl FnOnce(&mut PoolConfig)) -> (Pool<Probe>, Probe, VirtualClock) {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let mut config = PoolConfig::default();
    (config.keeper, config.clock, config.check_interval) = (Keeper::Manual, (&clock).into(), None);
    set(&mut config);
    (Pool::builder(probe.clone()).config(config).build().unwrap(), probe, clock)
}

fn change(pool: &Pool<Probe>, change: impl FnMut(&mut PoolConfig)) {
    let changes = pool.reconfigure(change).unwrap();
    assert!(!changes.is_empty());
}

#[test]
fn mode_is_what_becomes_of_a_resource_from_the_change_on() {
    let (pool, _, _) = still(|_| ());
    drop(pool.checkout().unwrap());
    change(&pool, |config| config.mode = Mode::Unpooled);
    drop(pool.checkout().unwrap());
    assert_eq!((pool.stats().total, pool.stats().created), (0, 2));
    closes_balanced(&pool);
}

#[test]
fn create_parallelism_is_how_many_are_made_at_once_from_the_change_on() {
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(6).min_idle(0).create_parallelism(1).build().unwrap();
    probe.create.shut();
    change(&pool, |config| (config.create_parallelism, config.min_idle) = (Some(3), Some(6)));
    until(|| probe.create.inside() == 3);
    for _ in 0..2_000 {
        assert_eq!(probe.create.inside(), 3);
        thread::yield_now();
    }
    probe.create.open();
    closes_balanced(&pool);
}

#[test]
fn max_overflow_is_how_many_more_there_may_be() {
    let (pool, _, _) = still(|config| config.ceiling = Some(3));
    change(&pool, |config| config.max_overflow = 2);
    let held: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).collect();
    assert_eq!(held.len(), 3);
    change(&pool, |config| config.max_overflow = 1);
    drop(held);
    assert_eq!((pool.stats().max_overflow, pool.stats().total), (1, 2));
    closes_balanced(&pool);
}

#[test]
fn max_waiters_is_how_many_may_wait_from_the_change_on() {
    let (pool, _, _) = still(|_| ());
    let held = pool.checkout().unwrap();
    change(&pool, |config| config.max_waiters = Some(0));
    assert!(matches!(pool.checkout(), Err(CheckoutError::Saturated(_))));
    change(&pool, |config| config.max_waiters = None);
    assert!(matches!(pool.checkout_timeout(Duration::ZERO), Err(CheckoutError::Timeout(_))));
    drop(held);
    closes_balanced(&pool);
}

/// Whether, with a queue that has stood for long, a second waiter is shed when its wait is as long as the target.
#[test]
fn codel_is_whether_a_queue_that_stands_is_shed() {
    let (pool, _, clock) = still(|_| ());
    let held = pool.checkout().unwrap();
    change(&pool, |config| config.codel = Some(CoDel { target: 5 * MS, interval: 100 * MS }));
    thread::scope(|scope| {
        let _ends = super::support::TimeRunsOut(&clock);
        let waiters: Vec<_> = (1..=3)
            .map(|number| {
                let waiter = scope.spawn(|| pool.checkout_timeout(60 * SEC).map(drop));
                until(|| pool.stats().waiting == number);
                waiter
            })
            .collect();
        until(|| {
            clock.advance(MS);
            pool.stats().shed.queue_delay == 2
        });
        drop(held);
        let ends: Vec<_> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        let shed = |end: &&Result<(), CheckoutError>| matches!(end, Err(CheckoutError::Shed(shed)) if matches!(shed.reason, ShedReason::QueueDelay { .. }));
        assert_eq!((ends.iter().filter(shed).count(), ends.iter().filter(|end| end.is_ok()).count()), (2, 1));
    });
    closes_balanced(&pool);
}

#[test]
fn refuse_unservable_is_whether_who_would_wait_for_too_long_is_refused() {
    let (pool, _, clock) = still(|_| ());
    change(&pool, |config| config.refuse_unservable = true);
    let mut held = pool.checkout().unwrap();
    thread::scope(|scope| {
        let _ends = super::support::TimeRunsOut(&clock);
        // Served every ten seconds, as the queue learns.
        let waiters: Vec<_> = (1..=2)
            .map(|number| {
                let waiter = scope.spawn(|| pool.request().timeout(1_000 * SEC).checkout().map(std::mem::forget));
                until(|| pool.stats().waiting == number);
                waiter
            })
            .collect();
        clock.advance(10 * SEC);
        held.text.clear();
        drop(held);
        until(|| pool.stats().waiting == 1);
        let refused = pool.checkout_timeout(SEC).unwrap_err();
        assert!(matches!(refused, CheckoutError::Shed(_)), "{refused}");
        clock.advance(1_000 * SEC);
        waiters.into_iter().for_each(|waiter| drop(waiter.join().unwrap()));
    });
    assert_eq!(pool.stats().shed.unservable, 1);
}

#[test]
fn backoff_is_how_long_creation_pauses() {
    let (pool, probe, clock) = still(|config| (config.min_idle, config.backoff.jitter) = (Some(0), false));
    change(&pool, |config| {
        (config.backoff.base, config.backoff.max, config.backoff.attempts) = (20 * SEC, 60 * SEC, 1)
    });
    probe.create.next([Act::Fail]);
    assert!(pool.try_checkout().is_err());
    clock.advance(19 * SEC);
    assert!(pool.try_checkout().is_err());
    assert_eq!(probe.create.calls(), 1, "the default pause is 10 ms");
    clock.advance(SEC);
    drop(pool.try_checkout().unwrap());
    closes_balanced(&pool);
}

#[test]
fn breaker_is_how_many_failures_open_it_and_for_how_long() {
    let (pool, probe, clock) = still(|config| config.min_idle = Some(0));
    change(&pool, |config| {
        let breaker = BreakerConfig::new().failure_threshold(1).success_threshold(1);
        config.breaker = Some(breaker.open_for(90 * SEC).open_for_at_first(60 * SEC));
    });
    probe.create.next([Act::Fail]);
    assert!(pool.try_checkout().is_err());
    assert_eq!(pool.stats().breaker, Some(BreakerState::Open), "the default are five");
    clock.advance(59 * SEC);
    assert!(pool.try_checkout().is_err());
    assert_eq!(probe.create.calls(), 1, "the default is 1 s at first");
    clock.advance(2 * SEC);
    drop(pool.try_checkout().unwrap());
    assert_eq!(pool.stats().breaker, Some(BreakerState::Closed), "the default are two");
    closes_balanced(&pool);
}

#[test]
fn recovery_is_what_follows_from_a_failure() {
    let (pool, probe, _) = still(|config| config.min_idle = Some(0));
    change(&pool, |config| {
        config.recovery.set(FailureKind::Create(Severity::Transient), Recovery::Stop);
    });
    probe.create.next([Act::Fail]);
    assert!(pool.try_checkout().is_err());
    assert!(pool.is_closed());
    closes_balanced(&pool);
}

#[test]
fn lifetime_of_those_that_are_there_is_drawn_anew() {
    let (pool, _, clock) = still(|config| config.max_size = 3);
    change(&pool, |config| (config.max_lifetime, config.lifetime_jitter) = (Some(10 * SEC), Some(0.0)));
    clock.advance(9 * SEC);
    (0..3).for_each(|_| pool.tick());
    assert_eq!(pool.stats().destroyed.total(), 0);
    change(&pool, |config| (config.max_lifetime, config.lifetime_jitter) = (Some(9 * SEC), Some(0.0)));
    (0..9).for_each(|_| pool.tick());
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Expired), 3);
    change(&pool, |config| (config.max_lifetime, config.lifetime_jitter) = (None, None));
    clock.advance(100 * SEC);
    (0..9).for_each(|_| pool.tick());
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Expired), 3);
    closes_balanced(&pool);
}

#[test]
fn memory_budget_that_is_raised_serves_who_waits() {
    let probe = Probe::new();
    let pool =
        Pool::builder(probe.clone()).max_size(2).min_idle(0).memory_budget(7).memory_pressure(1.0).build().unwrap();
    let held = pool.checkout().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.checkout_timeout(WATCHDOG).map(drop));
        until(|| pool.stats().waiting == 1);
        change(&pool, |config| config.memory_budget = Some(100));
        assert!(waiter.join().unwrap().is_ok());
    });
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn surge_is_how_many_successors_there_are_places_for() {
    let (pool, probe, _) = still(|config| (config.max_size, config.ceiling) = (4, Some(6)));
    // Which sets a pace of its own, until the next that is said.
    let _rollout = pool.replace_all(1, 0).unwrap();
    (0..20).for_each(|_| pool.tick());
    assert_eq!((pool.stats().destroyed.by(DestroyReason::Replaced), probe.most_alive()), (4, 5));
    change(&pool, |config| config.surge = 3);
    let _rollout = pool.retire_older_than(pool.epoch());
    (0..20).for_each(|_| pool.tick());
    assert_eq!((pool.stats().destroyed.by(DestroyReason::Replaced), probe.most_alive()), (8, 7));
    closes_balanced(&pool);
}

#[test]
fn time_one_in_is_how_many_uses_are_timed_from_the_change_on() {
    let (pool, _, _) = still(|config| config.time_one_in = 0);
    let timed = |uses: u64| {
        let before = pool.latencies();
        (0..uses).for_each(|_| drop(pool.checkout().unwrap()));
        pool.latencies().since(&before).hold.count()
    };
    assert_eq!(timed(10), 0);
    change(&pool, |config| config.time_one_in = 1);
    assert_eq!(timed(10), 10);
    change(&pool, |config| config.time_one_in = 0);
    assert_eq!(timed(10), 0);
    // One that is out when it changes learns of it when its sign is due.
    let held = pool.checkout().unwrap();
    change(&pool, |config| config.time_one_in = 1);
    drop(held);
    assert!(timed(40_000) > 1_000);
    closes_balanced(&pool);
}

#[test]
fn queue_alert_is_the_length_that_is_told() {
    let (pool, _, clock) = still(|_| ());
    let (events, held) = (pool.subscribe(100), pool.checkout().unwrap());
    change(&pool, |config| config.queue_alert = Some(1));
    thread::scope(|scope| {
        let _ends = super::support::TimeRunsOut(&clock);
        let waiter = scope.spawn(|| pool.checkout_timeout(60 * SEC).map(drop));
        until(|| pool.stats().waiting == 1);
        drop(held);
        waiter.join().unwrap().unwrap();
    });
    assert_eq!(events.try_iter().filter(|event| matches!(event, PoolEvent::QueueGrew { .. })).count(), 1);
    closes_balanced(&pool);
}

#[test]
fn session_binding_is_how_long_a_key_is_bound_from_the_change_on() {
    let (pool, _, clock) = still(|_| ());
    drop(pool.checkout_for("one").unwrap());
    change(&pool, |config| config.session_binding = 10 * SEC);
    clock.advance(11 * SEC);
    drop(pool.checkout_for("one").unwrap());
    assert_eq!((pool.session_stats().expirations, pool.session_stats().hits), (1, 0));
    closes_balanced(&pool);
}
