//! Attempts at creating: few whoever asks, and ended by the caller's deadline.

use super::support::{Act, TimeRunsOut, closes_balanced, until};
use super::*;
use slackwater::CreateError;
use std::thread;

#[track_caller]
fn create_error<T: std::fmt::Debug>(outcome: Result<T, CheckoutError>) -> CreateError {
    match outcome {
        Err(CheckoutError::Create(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hundred_callers_make_no_more_attempts_than_one() {
    for creation in [Creation::Inline, Creation::Background] {
        for callers in [1, 100] {
            let (probe, clock, builder) = still(creation);
            let builder = builder.keeper(Keeper::Dedicated).max_size(4).checkout_timeout(3600 * SEC).breaker(None);
            let backoff = Backoff::new(10 * MS, 40 * MS).attempts(6).without_jitter();
            let pool = builder.create_parallelism(1).backoff(backoff).build().unwrap();
            probe.create.always(Act::Fail);
            probe.create.shut();
            thread::scope(|s| {
                let _on_failure = TimeRunsOut(&clock);
                let callers: Vec<_> = (0..callers).map(|_| s.spawn(|| create_error(pool.checkout()))).collect();
                // What is under way when the first failure comes cannot be taken back: one, or a caller for each place.
                until(|| {
                    let inside = probe.create.inside();
                    inside > 0 && pool.stats().waiting + inside >= callers.len()
                });
                probe.create.open();
                until(|| {
                    clock.advance(MS);
                    callers.iter().all(|caller| caller.is_finished())
                });
                for caller in callers {
                    let error = caller.join().unwrap();
                    assert!(error.attempts >= 6 && error.retryable, "{error:?}");
                    assert_eq!(error.severity, slackwater::Severity::Transient);
                }
            });
            // What began together, and one for each pause: 10, 20, then 40 ms each. Whoever was on its way back to the queue when
            // the others were told finds out by the next attempt, however late it comes.
            let pauses = 3 + clock.elapsed().saturating_sub(30 * MS).as_millis() as usize / 40;
            let calls = probe.create.calls();
            assert!(calls <= 4 + pauses, "{calls}, {pauses} pauses, by {callers}, {creation:?}");
            closes_balanced(&pool);
        }
    }
}

#[test]
fn an_error_says_how_often_it_was_tried_and_how_long_the_caller_waited() {
    let (probe, clock, builder) = still(Creation::Inline);
    let backoff = Backoff::new(10 * MS, 40 * MS).without_jitter();
    let pool = builder.checkout_timeout(3600 * SEC).backoff(backoff).build().unwrap();
    probe.create.always(Act::Fail);
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let caller = s.spawn(|| create_error(pool.checkout()));
        for (failed, pause) in [(1, 10), (2, 20)] {
            until(|| probe.create.calls() == failed && pool.stats().waiting == 1);
            clock.advance(pause * MS);
        }
        let error = caller.join().unwrap();
        assert_eq!((error.attempts, error.waited), (3, 30 * MS));
        let text = "the pool: could not create a resource (3 attempts, 30.0ms): create was told to fail; \
                    try again once what it needs is back";
        assert_eq!(error.to_string(), text);
    });
    closes_balanced(&pool);
}

/// Promise: pauses begin with `base`, double, and stay at `max`. Provoked: six attempts, each as soon as its pause is over.
#[test]
fn pauses_double_from_the_base_up_to_the_longest() {
    let (probe, clock, builder) = still(Creation::Inline);
    let backoff = Backoff::new(10 * MS, 40 * MS).attempts(6).without_jitter();
    let pool = builder.checkout_timeout(3600 * SEC).backoff(backoff).breaker(None).build().unwrap();
    probe.create.always(Act::Fail);
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let caller = s.spawn(|| create_error(pool.checkout()));
        for (failed, pause) in [(1, 10), (2, 20), (3, 40), (4, 40), (5, 40)] {
            until(|| probe.create.calls() == failed && pool.stats().waiting == 1);
            clock.advance(pause * MS);
        }
        let error = caller.join().unwrap();
        assert_eq!((error.attempts, error.waited), (6, 150 * MS));
    });
    closes_balanced(&pool);
}

#[test]
fn a_success_ends_the_pause_for_all_who_wait() {
    let (probe, clock, builder) = still(Creation::Inline);
    let backoff = Backoff::new(SEC, SEC).without_jitter();
    let pool = builder.max_size(3).checkout_timeout(3600 * SEC).backoff(backoff).breaker(None).build().unwrap();
    probe.create.next([Act::Fail]);
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let callers: Vec<_> = (0..3)
            .map(|at| {
                let caller = s.spawn(|| pool.checkout_owned().unwrap());
                until(|| pool.stats().waiting == at + 1);
                caller
            })
            .collect();
        assert_eq!(probe.create.calls(), 1, "the others sit out the pause of the first");
        clock.advance(SEC);
        let held: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        assert_eq!((probe.create.calls(), held.len()), (4, 3));
    });
    closes_balanced(&pool);
}

#[test]
fn what_is_free_is_lent_while_creation_pauses() {
    let (probe, clock, builder) = still(Creation::Inline);
    let backoff = Backoff::new(SEC, SEC).without_jitter();
    let pool = builder.max_size(2).backoff(backoff).build().unwrap();
    let held = pool.checkout().unwrap();
    probe.create.always(Act::Fail);
    assert_eq!(create_error(pool.try_checkout()).attempts, 1);
    assert_eq!(create_error(pool.try_checkout()).attempts, 1, "the same failure: there was no other attempt");
    drop(held);
    assert!(pool.try_checkout().is_ok());
    assert_eq!(probe.create.calls(), 2);
    clock.advance(SEC);
    closes_balanced(&pool);
}

/// On a clock that runs: where it stands still, what fails together cannot be told from what fails one after another.
#[test]
fn creations_that_fail_together_have_failed_once() {
    let probe = Probe::new();
    let builder =
        Pool::builder(probe.clone()).max_size(8).min_idle(0).creation(Creation::Background).create_parallelism(8);
    let pool = builder.backoff(Backoff::new(MS, MS).without_jitter()).breaker(None).build().unwrap();
    probe.create.next([Act::Fail; 8]);
    probe.create.shut();
    thread::scope(|s| {
        let callers: Vec<_> = (0..8).map(|_| s.spawn(|| drop(pool.checkout().unwrap()))).collect();
        until(|| probe.create.inside() == 8);
        // Not before all have begun, by the clock too.
        let began = std::time::Instant::now();
        until(|| began.elapsed() > MS);
        probe.create.open();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
    // Callers may all be served by what was made before the last of the first eight is through.
    until(|| pool.stats().create_failures == 8);
    assert_eq!(pool.stats().rejected, 0, "nobody was told of three failures in a row");
    closes_balanced(&pool);
}

#[test]
fn a_waiter_that_came_before_a_pause_tries_when_it_is_over() {
    for keeper in [Keeper::Manual, Keeper::Dedicated] {
        let (probe, clock, builder) = still(Creation::Inline);
        let pool = builder.keeper(keeper).max_size(1).checkout_timeout(3600 * SEC).build().unwrap();
        probe.create.next([Act::Fail]);
        probe.create.shut();
        thread::scope(|s| {
            let _on_failure = TimeRunsOut(&clock);
            let hasty = s.spawn(|| pool.try_checkout().map(drop));
            until(|| probe.create.inside() == 1);
            let waiter = s.spawn(|| pool.checkout().map(|thing| thing.number));
            until(|| pool.stats().waiting == 1);
            probe.create.open();
            assert!(hasty.join().unwrap().is_err());
            // Time for the waiter to find, by the wake of that failure, that the pause is on: nothing shows it.
            (0..10_000).for_each(|_| thread::yield_now());
            until(|| {
                clock.advance(MS);
                pool.stats().created == 1 || clock.elapsed() > 600 * SEC
            });
            assert_eq!(pool.stats().created, 1, "{keeper:?}: nobody tried for 10 minutes");
            waiter.join().unwrap().unwrap();
        });
        closes_balanced(&pool);
    }
}

#[test]
fn a_reset_ends_the_pause_too() {
    for creation in [Creation::Background, Creation::Inline] {
        let (probe, clock, builder) = still(creation);
        let pool = builder.backoff(Backoff::new(SEC, SEC).without_jitter()).breaker(quick()).build().unwrap();
        probe.create.always(Act::Fail);
        for _ in 0..3 {
            clock.advance(SEC);
            assert!(pool.try_checkout().is_err());
            pool.tick();
        }
        assert_eq!(state(&pool), BreakerState::Open);
        probe.create.always(Act::Pass);
        pool.reset_breaker();
        let _ = pool.try_checkout();
        pool.tick();
        assert_eq!(pool.stats().created, 1, "{creation:?}: creation is tried at once");
        closes_balanced(&pool);
    }
}
