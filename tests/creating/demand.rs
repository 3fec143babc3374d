//! On which thread, and how many: no more than there is demand for, and never fewer than `min_idle`.

use super::support::{Act, Probe, closes_balanced, until};
use super::{MS, SEC, lazy, pool_of};
use slackwater::{CheckoutError, Creation, Keeper};
use std::thread;
use std::time::Instant;

#[test]
fn inline_creates_on_the_caller() {
    let probe = Probe::new();
    let pool = lazy(&probe, Creation::Inline).build().unwrap();
    for calls in 1..=3 {
        pool.checkout().unwrap().discard("again");
        assert_eq!(probe.create.threads(), vec![thread::current().id(); calls]);
    }
    closes_balanced(&pool);
}

#[test]
fn background_never_creates_on_the_caller() {
    let probe = Probe::new();
    let pool = lazy(&probe, Creation::Background).build().unwrap();
    for _ in 0..20 {
        pool.checkout().unwrap().discard("again");
    }
    assert_eq!(probe.create.calls(), 20);
    assert!(!probe.create.threads().contains(&thread::current().id()));
    assert!(matches!(pool.try_checkout().map(drop), Err(CheckoutError::Exhausted(_))), "it would have to wait");
    closes_balanced(&pool);
}

/// Unknown, then measured dear, then measured cheap.
#[test]
fn auto_creates_on_the_caller_once_that_has_measured_cheap() {
    let (probe, me) = (Probe::new(), thread::current().id());
    let pool = lazy(&probe, Creation::Auto).build().unwrap();
    probe.create.shut();
    thread::scope(|s| {
        let first = s.spawn(|| pool.checkout().unwrap().discard("again"));
        until(|| probe.create.inside() == 1);
        let began = Instant::now();
        until(|| began.elapsed() > MS);
        probe.create.open();
        first.join().unwrap();
    });
    pool.checkout().unwrap().discard("again");
    assert!(!probe.create.threads().contains(&me), "a millisecond is not cheap");
    until(|| {
        pool.checkout().unwrap().discard("again");
        probe.create.threads().last() == Some(&me)
    });
    closes_balanced(&pool);
}

#[test]
fn without_threads_auto_creates_on_the_caller_and_background_in_tick() {
    let (probe, me) = (Probe::new(), thread::current().id());
    let pool = lazy(&probe, Creation::Auto).keeper(Keeper::Manual).build().unwrap();
    drop(pool.checkout().unwrap());
    assert_eq!(probe.create.threads(), [me]);
    closes_balanced(&pool);

    let probe = Probe::new();
    let pool = lazy(&probe, Creation::Background).keeper(Keeper::Manual).build().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| drop(pool.checkout().unwrap()));
        until(|| pool.stats().waiting == 1);
        assert_eq!(probe.create.calls(), 0);
        pool.tick();
        waiter.join().unwrap();
    });
    assert_eq!(probe.create.threads(), [me]);
    closes_balanced(&pool);
}

/// Fifty wait, two come back again and again, and creating is slow: what nobody needs any more is not made.
#[test]
fn demand_that_returns_have_served_is_not_created() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 50).min_idle(2).creation(Creation::Background).create_parallelism(4).build().unwrap();
    let held = [pool.checkout_owned().unwrap(), pool.checkout_owned().unwrap()];
    probe.create.shut();
    thread::scope(|s| {
        let wait = || drop(pool.checkout_timeout(60 * SEC).unwrap());
        let waiters: Vec<_> = (0..50).map(|_| s.spawn(wait)).collect();
        until(|| pool.stats().waiting == 50);
        drop(held);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(pool.stats().created, 2, "two served all fifty");
    });
    probe.create.open();
    until(|| pool.stats().creating == 0);
    until(|| probe.create.inside() == 0);
    let created = pool.stats().created;
    assert!(created <= 2 + 4, "{created} for fifty waiters: only what was under way is finished");
    closes_balanced(&pool);
}

#[test]
fn min_idle_is_filled_again_after_a_loss() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 4).min_idle(2).build().unwrap();
    assert_eq!((pool.stats().available, pool.stats().created), (2, 2));
    let both = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    both.into_iter().for_each(|guard| guard.discard("lost"));
    until(|| pool.stats().available >= 2);
    closes_balanced(&pool);
}

/// Without a single checkout after the loss.
#[test]
fn min_idle_is_filled_again_though_creating_fails_for_a_while() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 2).build().unwrap();
    let both = [pool.checkout().unwrap(), pool.checkout().unwrap()];
    probe.create.next([Act::Fail; 4]);
    both.into_iter().for_each(|guard| guard.discard("lost"));
    until(|| pool.stats().available == 2);
    assert_eq!(pool.stats().create_failures, 4);
    closes_balanced(&pool);
}
