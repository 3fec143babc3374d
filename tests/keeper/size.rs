//! Resizing, scaling, advice.

use super::support::{closes_balanced, until};
use super::{MIN, SEC, pass, still};
use slackwater::{DestroyReason, Pool, Scaling};
use std::time::Duration;

#[test]
fn growing_serves_waiters_at_once() {
    let probe = super::support::Probe::new();
    let pool = Pool::builder(probe).max_size(1).ceiling(3).build().unwrap();
    let held = pool.checkout().unwrap();
    std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..2).map(|_| scope.spawn(|| pool.checkout().map(std::mem::forget))).collect();
        until(|| pool.stats().waiting == 2);
        pool.resize(0, 3).unwrap();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap().unwrap());
    });
    assert_eq!(pool.stats().in_use, 3);
    drop(held);
    let stats = pool.stats();
    assert_eq!((stats.max_size, stats.total), (3, 3));
    assert!(pool.audit().is_clean(), "{}", pool.audit());
}

#[test]
fn shrinking_ends_free_ones_now_and_those_in_use_at_their_return() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(5).build().unwrap();
    let mut held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    pool.resize(1, 1).unwrap();
    assert_eq!((pool.stats().total, probe.ended().len()), (3, 2));
    assert!(pool.try_checkout().is_err());
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    held.pop();
    held.pop();
    assert_eq!((pool.stats().total, probe.ended().len()), (1, 4));
    held.pop();
    pool.tick();
    assert_eq!((pool.stats().available, probe.ended().len()), (1, 4));
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Resized), 4);
    pool.resize(5, 5).unwrap();
    pool.tick();
    pool.tick();
    assert_eq!(pool.stats().available, 5);
    closes_balanced(&pool);
}

#[test]
fn shrinking_ends_those_in_use_at_their_return_in_whatever_state_they_come_back() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(3).min_idle(0).check_interval(None).build().unwrap();
    let [good, mut suspect, mut failing] = [(); 3].map(|()| pool.checkout().unwrap());
    pool.resize(0, 1).unwrap();
    suspect.mark_suspect();
    failing.on_error(&super::support::Refused { by: "use", severity: slackwater::Severity::Transient });
    drop(failing);
    drop(suspect);
    assert_eq!((pool.stats().total, probe.ended().len()), (1, 2));
    drop(good);
    assert_eq!(pool.stats().available, 1);
    closes_balanced(&pool);
}

#[test]
fn shrinking_ends_what_is_in_a_check_once_that_is_over() {
    let (probe, _, builder) = still();
    let pool = builder.max_size(2).min_idle(0).check_interval(None).build().unwrap();
    let (mut checked, held) = (pool.checkout().unwrap(), pool.checkout().unwrap());
    checked.mark_suspect();
    drop(checked);
    pool.resize(0, 1).unwrap();
    assert_eq!(pool.stats().total, 2);
    pool.tick();
    assert_eq!((pool.stats().total, probe.ended().len()), (1, 1));
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn what_shrinking_makes_overflow_idles_for_its_whole_time_from_then_on() {
    let (_, clock, builder) = still();
    let builder = builder.max_size(3).min_idle(0).max_overflow(2).overflow_ttl(10 * SEC);
    let pool = builder.check_interval(None).build().unwrap();
    let held = [(); 3].map(|()| pool.checkout().unwrap());
    clock.advance(20 * SEC);
    drop(held);
    pool.resize(0, 2).unwrap();
    pool.tick();
    assert_eq!(pool.stats().total, 3, "it idles since this moment");
    pass(&pool, &clock, 9 * SEC, SEC);
    assert_eq!(pool.stats().total, 3);
    pass(&pool, &clock, 2 * SEC, SEC);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Overflow), 1);
    closes_balanced(&pool);
}

#[test]
fn a_degraded_resource_that_is_overflow_idles_from_its_return_on() {
    let (_, clock, builder) = still();
    let builder = builder.max_size(1).min_idle(0).max_overflow(1).overflow_ttl(10 * SEC);
    let pool = builder.check_interval(None).build().unwrap();
    let (held, mut failing) = (pool.checkout().unwrap(), pool.checkout().unwrap());
    pass(&pool, &clock, 20 * SEC, SEC);
    failing.on_error(&super::support::Refused { by: "use", severity: slackwater::Severity::Transient });
    drop(failing);
    pass(&pool, &clock, 9 * SEC, SEC);
    assert_eq!(pool.stats().degraded, 1);
    pass(&pool, &clock, 2 * SEC, SEC);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::Overflow), 1);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn up_and_down_in_quick_succession_ends_at_the_last_size() {
    let (_, _, builder) = still();
    let pool = builder.max_size(2).ceiling(64).build().unwrap();
    for size in (1..=64).chain((1..64).rev()).chain([7]) {
        pool.resize(size / 2, size).unwrap();
        assert!(pool.audit().is_clean(), "{size}: {}", pool.audit());
    }
    let held: Vec<_> = (0..7).map(|_| pool.try_checkout().unwrap()).collect();
    assert!(pool.try_checkout().is_err());
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_resize_out_of_bounds_is_refused_and_changes_nothing() {
    let (_, _, builder) = still();
    let pool = builder.max_size(2).ceiling(4).build().unwrap();
    assert!(pool.resize(0, 5).unwrap_err().to_string().contains("max_size"));
    assert!(pool.resize(3, 2).unwrap_err().to_string().contains("min_idle"));
    assert_eq!((pool.stats().max_size, pool.stats().total), (2, 2));
    closes_balanced(&pool);
}

#[test]
fn resizing_under_load_loses_no_slot() {
    let pool = Pool::builder(super::support::Probe::new()).max_size(4).ceiling(8).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..2_000).for_each(|_| drop(pool.checkout().unwrap())));
        }
        for size in [1, 8, 2, 7, 3, 8, 1, 4].into_iter().cycle().take(400) {
            pool.resize(0, size).unwrap();
        }
    });
    pool.resize(0, 5).unwrap();
    until(|| pool.audit().is_clean() && pool.stats().total <= 5);
    let held: Vec<_> = (0..5).map(|_| pool.checkout_timeout(SEC).unwrap()).collect();
    assert!(pool.try_checkout().is_err());
    drop(held);
    closes_balanced(&pool);
}

/// Holds `busy` of the pool's resources for `span` of virtual time.
fn load(pool: &Pool<super::support::Probe>, clock: &slackwater::VirtualClock, busy: usize, span: Duration) {
    let mut passed = Duration::ZERO;
    while passed < span {
        let held: Vec<_> = (0..busy).filter_map(|_| pool.try_checkout().ok()).collect();
        pool.tick();
        clock.advance(SEC);
        pool.tick();
        passed += SEC;
        drop(held);
    }
}

#[test]
fn scaling_brings_use_into_the_band_and_does_not_flap() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(4).min_idle(0).scaling(Scaling::between(2, 40)).build().unwrap();
    load(&pool, &clock, 14, 3 * MIN);
    let size = pool.stats().max_size;
    let used = 14.0 / size as f64;
    assert!((0.6..=0.8).contains(&used), "14 of {size} in use");
    let mut changes = 0;
    let mut last = size;
    for _ in 0..60 {
        load(&pool, &clock, 14, 10 * SEC);
        changes += usize::from(pool.stats().max_size != last);
        last = pool.stats().max_size;
    }
    assert_eq!(changes, 0, "a steady load changes nothing");
    load(&pool, &clock, 0, 5 * MIN);
    assert_eq!(pool.stats().max_size, 2, "nothing in use: the least size");
    closes_balanced(&pool);
}

#[test]
fn scaling_follows_a_load_that_swings_slowly_enough() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(10).min_idle(0).scaling(Scaling::between(2, 40)).build().unwrap();
    let (mut changes, mut last) = (0, 10);
    // A load that swings faster than the interval: at most one change in each.
    for round in 0..120 {
        load(&pool, &clock, if round % 2 == 0 { 5 } else { 9 }, 5 * SEC);
        changes += usize::from(pool.stats().max_size != last);
        last = pool.stats().max_size;
    }
    assert!(changes <= 2, "{changes} changes in ten minutes");
    closes_balanced(&pool);
}

#[test]
fn advice_is_littles_law() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(20).build().unwrap();
    assert_eq!(pool.advise().recommended, 20, "nothing is known yet");
    load(&pool, &clock, 7, 30 * SEC);
    let advice = pool.advise();
    assert!((advice.mean_in_use - 7.0).abs() < 0.5, "{advice}");
    assert!((advice.rate * advice.mean_hold.as_secs_f64() - advice.mean_in_use).abs() < 0.1, "{advice}");
    assert!((9..=11).contains(&advice.recommended), "{advice}");
    assert_eq!(advice.peak_in_use, 7);
    pass(&pool, &clock, SEC, SEC);
    closes_balanced(&pool);
}
