//! What checks and hangs have to say to the breaker.

use super::support::{Act, TimeRunsOut, closes_balanced, until};
use super::*;
use slackwater::ReturnOutcome;
use std::thread;

/// Has `count` resources checked: each fails as `probe.check` was told to.
fn check(pool: &Pool<Probe>, count: usize) {
    let mut held: Vec<_> = (0..count).map(|_| pool.checkout().unwrap()).collect();
    held.iter_mut().for_each(|held| held.mark_suspect());
    drop(held);
    pool.tick();
}

#[test]
fn checks_that_fail_in_a_row_make_the_next_creations_probes() {
    let (probe, _, builder) = still(Creation::Inline);
    let pool = builder.max_size(4).remove_after(1).breaker(quick()).build().unwrap();
    probe.check.next([Act::Fail, Act::Fail, Act::Pass, Act::Fail]);
    check(&pool, 4);
    assert_eq!(state(&pool), BreakerState::Closed, "two, and one after a pass");
    probe.check.always(Act::Fail);
    check(&pool, 2);
    assert_eq!(state(&pool), BreakerState::Closed, "a creation that succeeds speaks against it");
    check(&pool, 3);
    assert_eq!(state(&pool), BreakerState::HalfOpen);
    // The backend was restarted, and is there: two successes, nobody was refused.
    let held = (pool.checkout().unwrap(), pool.checkout().unwrap());
    assert_eq!(state(&pool), BreakerState::Closed);
    drop(held);
    closes_balanced(&pool);
}

#[test]
fn after_checks_that_failed_one_failed_creation_opens_it() {
    let (probe, _, builder) = still(Creation::Inline);
    let pool = builder.max_size(4).remove_after(1).breaker(quick()).build().unwrap();
    probe.check.always(Act::Fail);
    check(&pool, 3);
    probe.create.always(Act::Fail);
    assert!(pool.try_checkout().is_err());
    assert_eq!(circuit_open(pool.checkout()).retry_after, SEC);
    closes_balanced(&pool);
}

#[test]
fn creations_that_hang_open_it_too() {
    let (probe, clock, builder) = still(Creation::Background);
    let builder = builder.keeper(Keeper::Dedicated).max_size(3).create_timeout(SEC).checkout_timeout(3600 * SEC);
    let pool = builder.breaker(quick()).build().unwrap();
    probe.create.shut();
    thread::scope(|s| {
        let _on_failure = TimeRunsOut(&clock);
        let callers: Vec<_> = (0..3).map(|_| s.spawn(|| circuit_open(pool.checkout()))).collect();
        until(|| pool.stats().waiting == 3);
        until(|| {
            // It is open for a second: time that went on by itself would have it half open before its keeper could tell anybody.
            if state(&pool) == BreakerState::Closed {
                clock.advance(100 * MS);
            }
            callers.iter().all(|caller| caller.is_finished())
        });
        for caller in callers {
            let error = caller.join().unwrap();
            assert!(error.to_string().contains("create"), "{error}");
        }
    });
    assert!(probe.create.calls() <= 3, "one for each place");
    probe.create.open();
    until(|| pool.stats().creating == 0);
    closes_balanced(&pool);
}

#[test]
fn one_that_is_still_busy_is_no_row_of_failed_checks() {
    let (probe, clock, builder) = still(Creation::Inline);
    let pool = builder.max_size(2).breaker(BreakerConfig::new()).build().unwrap();
    probe.recycle.next([Act::Say(ReturnOutcome::StillBusy)]);
    drop(pool.checkout().unwrap());
    probe.check.always(Act::Fail);
    for _ in 0..6 {
        clock.advance(SEC);
        pool.tick();
    }
    assert_eq!((probe.check.calls(), state(&pool)), (6, BreakerState::Closed));
    probe.check.always(Act::Pass);
    closes_balanced(&pool);
}
