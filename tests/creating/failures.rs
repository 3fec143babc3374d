//! Creations that fail, or hang: how often they are tried, and who is told.

use super::support::{Act, Probe, Refused, TimeRunsOut, closes_balanced, passes, until};
use super::{MS, SEC, lazy, pool_of};
use slackwater::{Backoff, CheckoutError, CreateError, Creation, Keeper, VirtualClock};
use std::error::Error;
use std::thread;

#[track_caller]
fn create_error(outcome: Result<(), CheckoutError>) -> CreateError {
    let error = outcome.unwrap_err();
    let cause = error.source().and_then(|source| source.downcast_ref::<Refused>());
    assert!(cause.is_some(), "the cause is the manager's own error: {error:?}");
    match error {
        CheckoutError::Create(create) => *create,
        other => panic!("{other:?}"),
    }
}

/// 10 ms after the first failure, 20 ms after the second; nothing between. By hand, so that a pause has begun when the
/// failure is seen.
fn three_attempts(creation: Creation, acts: [Act; 3]) -> Result<(), CheckoutError> {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    probe.create.next(acts);
    let sure = Backoff::default().without_jitter();
    let pool = lazy(&probe, creation).backoff(sure).keeper(Keeper::Manual).clock(&clock).build().unwrap();
    let outcome = thread::scope(|s| {
        let caller = s.spawn(|| pool.checkout().map(drop));
        let _on_failure = TimeRunsOut(&clock);
        until(|| pool.stats().waiting == 1);
        for (failed, pause) in [10, 20].into_iter().enumerate() {
            // Again and again: the caller may have asked a moment after a tick.
            until(|| {
                pool.tick();
                probe.create.calls() == failed + 1 && pool.stats().waiting == 1
            });
            clock.advance((pause - 1) * MS);
            pool.tick();
            assert_eq!(probe.create.calls(), failed + 1, "not before its time");
            clock.advance(MS);
            until(|| {
                pool.tick();
                probe.create.calls() == failed + 2
            });
        }
        caller.join().unwrap()
    });
    assert_eq!(probe.create.calls(), 3);
    closes_balanced(&pool);
    outcome
}

#[test]
fn a_passing_failure_is_tried_again_with_growing_pauses_on_either_thread() {
    for creation in [Creation::Inline, Creation::Background] {
        three_attempts(creation, [Act::Fail, Act::Fail, Act::Pass]).unwrap();
        let error = create_error(three_attempts(creation, [Act::Fail; 3]));
        assert_eq!((error.attempts, error.retryable), (3, true), "{creation:?}");
    }
}

/// A real keeper, and nothing but the clock to move it.
#[test]
fn the_keeper_tries_again_when_the_pause_is_over() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    probe.create.next([Act::Fail; 2]);
    let pool = lazy(&probe, Creation::Background).checkout_timeout(3600 * SEC).clock(&clock);
    let pool = pool.backoff(Backoff::default().without_jitter()).build().unwrap();
    thread::scope(|s| {
        let caller = s.spawn(|| pool.checkout().map(drop));
        passes(&clock, || caller.is_finished());
        caller.join().unwrap().unwrap();
    });
    assert_eq!(probe.create.calls(), 3);
    assert!(clock.elapsed() >= 30 * MS, "{:?}", clock.elapsed());
    closes_balanced(&pool);
}

#[test]
fn no_attempt_is_promised_beyond_the_deadline() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    probe.create.always(Act::Fail);
    let sure = Backoff::default().without_jitter();
    let pool = lazy(&probe, Creation::Inline).backoff(sure).keeper(Keeper::Manual).clock(&clock).build().unwrap();
    let error = create_error(pool.checkout_timeout(5 * MS).map(drop));
    assert_eq!((error.attempts, probe.create.calls()), (1, 1));
    assert_eq!(create_error(pool.try_checkout().map(drop)).attempts, 1);
    closes_balanced(&pool);
}

#[test]
fn a_permanent_failure_is_not_tried_again() {
    let probe = Probe::new();
    probe.create.always(Act::FailForGood);
    let pool = lazy(&probe, Creation::Inline).build().unwrap();
    let error = create_error(pool.checkout().map(drop));
    assert_eq!((error.attempts, error.retryable, probe.create.calls()), (1, false, 1));
    assert!(!CheckoutError::Create(Box::new(error)).is_retryable());
    closes_balanced(&pool);
}

/// Time stands still, so whoever is told is told at once; and everyone is, though one resource lives.
#[test]
fn a_permanent_failure_ends_every_wait_at_once() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = pool_of(&probe, 2).min_idle(1).creation(Creation::Background).clock(&clock).build().unwrap();
    // Before one is out: the keeper makes another for it at once.
    probe.create.always(Act::FailForGood);
    probe.create.shut();
    let held = pool.checkout().unwrap();
    thread::scope(|s| {
        let waiters: Vec<_> = (0..3).map(|_| s.spawn(|| pool.checkout().map(drop))).collect();
        until(|| pool.stats().waiting == 3);
        probe.create.open();
        for waiter in waiters {
            assert!(!create_error(waiter.join().unwrap()).retryable);
        }
    });
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn a_return_serves_a_waiter_though_every_creation_fails() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 2).min_idle(1).creation(Creation::Background).build().unwrap();
    // Before one is out: the keeper makes another for it at once.
    probe.create.always(Act::Fail);
    let held = pool.checkout_owned().unwrap();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
        until(|| pool.stats().create_failures >= 4);
        assert_eq!(pool.stats().waiting, 1);
        drop(held);
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
    closes_balanced(&pool);
}

#[test]
fn a_creation_that_hangs_breaks_nobodys_deadline() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = lazy(&probe, Creation::Background).clock(&clock).build().unwrap();
    probe.create.shut();
    thread::scope(|s| {
        let patient = s.spawn(|| pool.checkout().map(drop));
        let hasty = s.spawn(|| pool.checkout_timeout(SEC).map(drop));
        until(|| pool.stats().waiting == 2 && probe.create.inside() == 1);
        clock.advance(SEC);
        assert!(matches!(hasty.join().unwrap(), Err(CheckoutError::Timeout(_))));
        assert_eq!(pool.stats().waiting, 1);
        probe.create.open();
        patient.join().unwrap().unwrap();
    });
    closes_balanced(&pool);
}

/// A job that runs past its timeout counts as hung, and another may start in its place.
#[test]
fn hung_creations_do_not_use_up_the_crew() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = pool_of(&probe, 2).min_idle(0).creation(Creation::Background).create_parallelism(1).clock(&clock);
    let pool = pool.checkout_timeout(60 * SEC).create_timeout(5 * SEC).build().unwrap();
    probe.create.shut();
    thread::scope(|s| {
        let waiters: Vec<_> = (0..2).map(|_| s.spawn(|| drop(pool.checkout().unwrap()))).collect();
        until(|| pool.stats().waiting == 2 && probe.create.inside() == 1);
        clock.advance(5 * SEC);
        until(|| probe.create.inside() == 2 && pool.stats().hung_jobs == 1);
        probe.create.open();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    until(|| pool.stats().hung_jobs == 0);
    assert_eq!(pool.stats().hung_jobs_total, 1);
    closes_balanced(&pool);
}
