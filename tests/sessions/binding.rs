//! How long a key is known, and what is counted when it no longer is. By hand, where time passes: a keeper checks what is free meanwhile,
//! and what is being checked is as good as in use.

use super::support::{Probe, TimeRunsOut, closes_balanced, until};
use slackwater::{Keeper, Pool, SessionMode, SessionStats, VirtualClock};
use std::thread;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);

fn counted(hits: u64, misses: u64) -> SessionStats {
    let mut stats = SessionStats::default();
    (stats.hits, stats.misses) = (hits, misses);
    stats
}

/// Promise: a binding lasts for five minutes from its last use, by the pool's clock. Provoked: uses just before that, and one just then.
#[test]
fn a_binding_lasts_five_minutes_from_its_last_use() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(4).keeper(Keeper::Manual).clock(&clock).build().unwrap();
    drop(pool.checkout_for("a").unwrap());
    for _ in 0..3 {
        clock.advance(5 * MINUTE - MS);
        drop(pool.checkout_for("a").unwrap());
    }
    assert_eq!(pool.session_stats(), counted(3, 1));
    clock.advance(5 * MINUTE);
    drop(pool.checkout_for("a").unwrap());
    let mut expired = counted(3, 2);
    expired.expirations = 1;
    assert_eq!(pool.session_stats(), expired);
    // It is bound again.
    drop(pool.checkout_for("a").unwrap());
    assert_eq!(pool.session_stats().hits, 4);
    closes_balanced(&pool);
}

/// Promise: a binding lasts from the moment its resource was got, not from when somebody began to wait for it. Provoked: a wait as long as
/// bindings last.
#[test]
fn a_wait_does_not_shorten_the_binding() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).session_binding(MINUTE).keeper(Keeper::Manual).clock(&clock);
    let pool = pool.checkout_timeout(10 * MINUTE).build().unwrap();
    let _runs_out = TimeRunsOut(&clock);
    let held = pool.checkout_for("a").unwrap();
    let id = held.id();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.request().session(SessionMode::Wait).checkout_for("a").unwrap().id());
        until(|| pool.stats().waiting == 1);
        clock.advance(MINUTE);
        drop(held);
        assert_eq!(waiter.join().unwrap(), id);
    });
    clock.advance(MINUTE - MS);
    assert_eq!(pool.checkout_for("a").unwrap().id(), id);
    assert_eq!(pool.session_stats(), counted(2, 1));
    closes_balanced(&pool);
}

/// Promise: the time is what the builder says. Provoked: a minute.
#[test]
fn a_binding_lasts_as_long_as_it_is_told_to() {
    let clock = VirtualClock::new();
    let pool =
        Pool::builder(Probe::new()).session_binding(MINUTE).keeper(Keeper::Manual).clock(&clock).build().unwrap();
    assert_eq!(pool.config().session_binding, MINUTE);
    drop(pool.checkout_for("a").unwrap());
    clock.advance(MINUTE);
    drop(pool.checkout_for("a").unwrap());
    let stats = pool.session_stats();
    assert_eq!((stats.hits, stats.expirations), (0, 1));
    closes_balanced(&pool);
}

/// Promise: a key is bound by a checkout that succeeds, and not by one that fails. Provoked: one of each.
#[test]
fn a_checkout_that_fails_binds_nothing() {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    let held = pool.checkout().unwrap();
    assert!(pool.request().timeout(Duration::ZERO).checkout_for("a").is_err());
    assert!(!pool.forget_session("a"));
    drop(held);
    drop(pool.checkout_for("a").unwrap());
    assert_eq!(pool.session_stats(), counted(0, 1));
    assert_eq!(pool.session_stats().hit_rate(), Some(0.0));
    closes_balanced(&pool);
}

/// Promise: a key that is forgotten begins anew, once. Provoked: a key that is known, and one that is not.
#[test]
fn a_key_that_is_forgotten_begins_anew() {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    assert!(!pool.forget_session("a"), "nobody has come yet");
    drop(pool.checkout_for("a").unwrap());
    assert!(pool.forget_session("a"));
    assert!(!pool.forget_session("a") && !pool.forget_session("b"));
    drop(pool.checkout_for("a").unwrap());
    assert_eq!(pool.session_stats(), counted(0, 2));
    closes_balanced(&pool);
}

/// Promise: each reason for a miss has its own count, and each count is in the snapshot. Provoked: each of them once, the table's end
/// with more keys than it has places.
#[test]
fn misses_are_told_apart() {
    let clock = VirtualClock::new();
    let pool = Pool::builder(Probe::new()).max_size(2).session_places(4).keeper(Keeper::Manual).clock(&clock);
    let pool = pool.build().unwrap();
    assert_eq!(pool.session_stats(), SessionStats::default());
    assert_eq!(pool.session_stats().hit_rate(), None);
    pool.checkout_for("ends").unwrap().discard("it is to end");
    drop(pool.checkout_for("ends").unwrap());
    clock.advance(5 * MINUTE);
    let first = pool.checkout_for("ends").unwrap();
    let second = pool.checkout_for("ends").unwrap();
    drop((first, second));
    let stats = pool.session_stats();
    assert_eq!((stats.misses, stats.rebinds, stats.expirations, stats.in_use), (4, 1, 1, 1));
    for key in 0..5 {
        drop(pool.checkout_for(&key).unwrap());
    }
    let stats = pool.session_stats();
    // Of five and one there is room for four.
    assert_eq!((stats.misses, stats.evictions), (9, 2));
    assert_eq!(pool.snapshot().sessions, stats);
    closes_balanced(&pool);
}
