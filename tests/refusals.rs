//! Every error a checkout can end with: reached, told as one event, counted once, and with cause, numbers and remedy in its text.

mod support;

use slackwater::{
    Backoff, BreakerConfig, BuildError, Builder, CheckoutError, Creation, Fairness, Keeper, OnDeadlock, Pool,
    PoolEvent, VirtualClock,
};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use support::{Act, Probe, closes_balanced, until};

const SEC: Duration = Duration::from_secs(1);

fn still() -> (Probe, VirtualClock, Builder<Probe>) {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let builder = Pool::builder(probe.clone()).min_idle(0).keeper(Keeper::Manual).clock(&clock).name("css");
    (probe, clock, builder)
}

/// The error of `refused`, which has been one event and one count, and whose text has each of `words`.
#[track_caller]
fn told_once(pool: &Pool<Probe>, words: &[&str], refused: impl FnOnce() -> CheckoutError) -> CheckoutError {
    let events = pool.subscribe(1_000);
    let counted = |pool: &Pool<Probe>| pool.stats().timeouts + pool.stats().rejected;
    let before = counted(pool);
    let error = refused();
    let told: Vec<_> = events.try_iter().filter(|event| matches!(event, PoolEvent::Refused(_))).collect();
    let [PoolEvent::Refused(event)] = &told[..] else { panic!("{told:?} for {error}") };
    assert_eq!((event.to_string(), counted(pool)), (error.to_string(), before + 1));
    for word in words {
        assert!(error.to_string().contains(word), "no {word:?} in {error}");
    }
    error
}

#[test]
fn each_error_is_one_event_and_says_cause_numbers_and_remedy() {
    let (_, clock, builder) = still();
    let pool = builder.max_size(1).max_waiters(1).build().unwrap();
    let held = pool.checkout().unwrap();
    told_once(&pool, &["nothing free at once", "1 of 1 in use", "raise max_size"], || pool.try_checkout().unwrap_err());
    let words =
        ["\"css\"", "no resource within 5.0s", "1 of 1 in use", "held longest", "refusals.rs", "or hold resources"];
    told_once(&pool, &words, || {
        thread::scope(|s| {
            let waiter = s.spawn(|| pool.checkout().unwrap_err());
            until(|| pool.stats().waiting == 1);
            clock.advance(5 * SEC);
            waiter.join().unwrap()
        })
    });
    thread::scope(|s| {
        let waiter = s.spawn(|| drop(pool.checkout().unwrap()));
        until(|| pool.stats().waiting == 1);
        let words = ["\"css\"", "1 threads wait already, of 1 allowed", "shed load"];
        told_once(&pool, &words, || pool.checkout().unwrap_err());
        drop(held);
        waiter.join().unwrap();
    });
    pool.close(SEC);
    told_once(&pool, &["\"css\" is closed", "build a new one"], || pool.checkout().unwrap_err());
    closes_balanced(&pool);
}

#[test]
fn a_deadlock_is_one_event_too() {
    let (_, _, builder) = still();
    let pool = builder.on_deadlock(OnDeadlock::Refuse).build().unwrap();
    let held = pool.checkout().unwrap();
    let words = ["\"css\"", "would never end", "refusals.rs", "return the first resource"];
    told_once(&pool, &words, || pool.checkout().unwrap_err());
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn so_is_a_wait_that_is_shed() {
    let (_, clock, builder) = still();
    let pool = builder.fairness(Fairness::Fifo).refuse_unservable(true).build().unwrap();
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let first = s.spawn(|| pool.checkout_owned().unwrap());
        until(|| pool.stats().waiting == 1);
        let second = s.spawn(|| drop(pool.checkout_timeout(3600 * SEC).unwrap()));
        until(|| pool.stats().waiting == 2);
        clock.advance(SEC);
        drop(held);
        let held = first.join().unwrap();
        let words = ["\"css\"", "would wait for about 2.0s", "1 of 1 in use, 1 waiting", "ask again later"];
        told_once(&pool, &words, || pool.checkout_timeout(SEC).unwrap_err());
        drop(held);
        second.join().unwrap();
    });
    closes_balanced(&pool);
}

#[test]
fn so_are_failures_to_create() {
    let (probe, _, builder) = still();
    let backoff = Backoff::new(SEC, SEC).without_jitter();
    let breaker = BreakerConfig::new().failure_threshold(2);
    let pool = builder.creation(Creation::Inline).backoff(backoff).breaker(breaker).build().unwrap();
    probe.create.next([Act::Fail, Act::FailForGood]);
    let words = ["\"css\"", "1 attempt,", "create was told to fail", "try again once"];
    let error = told_once(&pool, &words, || pool.try_checkout().unwrap_err());
    assert!(error.is_retryable() && error.source().is_some());
    pool.reset_breaker();
    closes_balanced(&pool);

    let (probe, _, builder) = still();
    let pool = builder.creation(Creation::Inline).breaker(BreakerConfig::new().failure_threshold(1)).build().unwrap();
    probe.create.always(Act::FailForGood);
    let words = ["\"css\"", "1 attempt,", "create was told to fail", "mend the manager's settings"];
    let error = told_once(&pool, &words, || pool.checkout().unwrap_err());
    assert!(!error.is_retryable() && error.source().is_some());
    let words = ["\"css\"", "open after a failure", "create was told to fail", "tried again in 1.0s"];
    let error = told_once(&pool, &words, || pool.checkout().unwrap_err());
    assert!(error.is_retryable() && error.source().is_some());
    closes_balanced(&pool);

    let (probe, _, builder) = still();
    let pool = builder.creation(Creation::Inline).build().unwrap();
    probe.create.always(Act::FailFatally);
    told_once(&pool, &["mend the manager's settings"], || pool.checkout().unwrap_err());
    let words = ["\"css\" is closed", "create was told to fail", "mend that, and build a new one"];
    assert!(told_once(&pool, &words, || pool.checkout().unwrap_err()).source().is_some());
    closes_balanced(&pool);
}

/// The error of a build that fails, which has been one event.
#[track_caller]
fn not_built(mut builder: Builder<Probe>, words: &[&str]) -> BuildError {
    let events = builder.subscribe(1_000);
    let error = builder.build().unwrap_err();
    let told: Vec<_> = events.try_iter().filter(|event| matches!(event, PoolEvent::NotBuilt(_))).collect();
    let [PoolEvent::NotBuilt(event)] = &told[..] else { panic!("{told:?} for {error}") };
    assert_eq!(event.to_string(), error.to_string());
    for word in words {
        assert!(error.to_string().contains(word), "no {word:?} in {error}");
    }
    error
}

#[test]
fn a_pool_that_cannot_be_built_says_why_once() {
    let (_, _, builder) = still();
    assert!(matches!(
        not_built(builder.max_size(0), &["max_size = 0 is refused", "at least 1"]),
        BuildError::Config(_)
    ));
    let (probe, _, builder) = still();
    probe.create.always(Act::Fail);
    let words = ["\"css\"", "0 of 3 ready, 3 failed", "create was told to fail"];
    let error = not_built(builder.max_size(3).min_idle(3), &words);
    assert!(matches!(error, BuildError::WarmUp { .. }) && error.source().is_some());
}

/// Under load, by many threads, with failures of every kind: as many events and counts as errors.
#[test]
fn errors_events_and_counts_agree_under_load() {
    let probe = Probe::new();
    let builder = Pool::builder(probe.clone()).max_size(2).min_idle(0).max_waiters(2).creation(Creation::Inline);
    let backoff = Backoff::new(Duration::from_micros(10), Duration::from_micros(100));
    let breaker = BreakerConfig::new().failure_threshold(2).open_for(Duration::from_millis(1));
    let pool = builder.backoff(backoff).breaker(breaker).checkout_timeout(SEC / 1_000).build().unwrap();
    let events = pool.subscribe(100_000);
    let errors = AtomicUsize::new(0);
    thread::scope(|s| {
        for me in 0..6 {
            let (pool, probe, errors) = (&pool, &probe, &errors);
            s.spawn(move || {
                for round in 0..300 {
                    if round % 5 == me % 5 {
                        probe.create.next([Act::Fail]);
                    }
                    let held = if round % 3 == 0 { pool.try_checkout() } else { pool.checkout() };
                    match held {
                        Ok(held) if round % 4 == 0 => held.discard("to have another made"),
                        Ok(_) => thread::yield_now(),
                        Err(_) => drop(errors.fetch_add(1, SeqCst)),
                    }
                }
            });
        }
    });
    let told = events.try_iter().filter(|event| matches!(event, PoolEvent::Refused(_))).count();
    let stats = pool.stats();
    assert_eq!(stats.lost_events, 0);
    assert_eq!((told, (stats.timeouts + stats.rejected) as usize), (errors.load(SeqCst), errors.load(SeqCst)));
    assert!(told > 0);
    closes_balanced(&pool);
}
