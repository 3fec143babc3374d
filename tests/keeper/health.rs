//! Checks: when, of what, and what follows.

use super::support::{Act, Probe, closes_balanced, until};
use super::{MIN, SEC, number, pass, still};
use slackwater::{DestroyReason, Keeper, Pool, ResourceState, VirtualClock};

/// A pool of two whose idle resources are checked every 10 s; the first check is due at 10 s.
fn checked() -> (Probe, VirtualClock, Pool<Probe>) {
    let (probe, clock, builder) = still();
    let pool = builder.max_size(2).check_interval(10 * SEC).build().unwrap();
    (probe, clock, pool)
}

fn states(pool: &Pool<Probe>) -> Vec<ResourceState> {
    pool.resources().iter().map(|resource| resource.state).collect()
}

#[test]
fn each_idle_resource_is_checked_once_an_interval() {
    let (probe, clock, pool) = checked();
    pass(&pool, &clock, 9 * SEC, SEC);
    assert_eq!(probe.check.calls(), 0);
    pass(&pool, &clock, 3 * SEC, SEC);
    assert_eq!(probe.check.calls(), 2);
    pass(&pool, &clock, 50 * SEC, SEC);
    assert_eq!(probe.check.calls(), 12);
    closes_balanced(&pool);
}

#[test]
fn the_last_available_resource_is_not_taken_for_a_check() {
    let (probe, clock, pool) = checked();
    let held = pool.checkout().unwrap();
    pass(&pool, &clock, MIN, SEC);
    assert_eq!(probe.check.calls(), 0);
    drop(held);
    pass(&pool, &clock, 20 * SEC, SEC);
    assert!(probe.check.calls() >= 2);
    closes_balanced(&pool);
}

#[test]
fn one_check_runs_at_a_time_and_its_resource_is_not_lent() {
    let clock = VirtualClock::new();
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).max_size(3).check_interval(10 * SEC).clock(&clock).build().unwrap();
    probe.check.shut();
    clock.advance(10 * SEC);
    until(|| probe.check.inside() == 1);
    assert_eq!(pool.stats().checking, 1);
    let out: Vec<_> = (0..2).map(|_| pool.try_checkout().unwrap()).collect();
    assert!(pool.try_checkout().is_err(), "the third is being checked");
    drop(out);
    clock.advance(SEC);
    assert_eq!(probe.check.inside(), 1);
    probe.check.open();
    until(|| probe.check.calls() >= 3 && pool.stats().available == 3);
    closes_balanced(&pool);
}

#[test]
fn one_failure_degrades_three_in_a_row_remove_and_a_success_heals() {
    // F: degraded and still usable. FF: the same. FFF: replaced. FFSFF: stays.
    let (fail, pass_) = (Act::Fail, Act::Pass);
    for (script, left) in [
        (vec![fail], Some(ResourceState::Degraded)),
        (vec![fail, fail], Some(ResourceState::Degraded)),
        (vec![fail, fail, fail], None),
        (vec![fail, fail, pass_, fail, fail], Some(ResourceState::Degraded)),
        (vec![fail, pass_], Some(ResourceState::Ready)),
    ] {
        let (probe, clock, builder) = still();
        let pool = builder.max_size(2).check_interval(10 * SEC).build().unwrap();
        // The second resource is out, so that all checks are the first one's.
        let first = pool.checkout().unwrap();
        let _second = pool.checkout().unwrap();
        let id = first.id();
        let mut first = Some(first);
        for act in &script {
            if let Some(mut first) = first.take().or_else(|| pool.try_checkout().ok()) {
                assert_eq!(first.id(), id);
                probe.check.next([*act]);
                first.mark_suspect();
            }
            pool.tick();
        }
        let found = pool.resources().into_iter().find(|resource| resource.id == id);
        assert_eq!(found.map(|resource| resource.state), left, "{script:?}");
        assert_eq!(pool.stats().destroyed.by(DestroyReason::CheckFailed), u64::from(left.is_none()), "{script:?}");
        drop(_second);
        pass(&pool, &clock, SEC, SEC);
        closes_balanced(&pool);
    }
}

#[test]
fn a_degraded_resource_is_checked_again_soon_and_replaced_when_it_stays_bad() {
    let (probe, clock, pool) = checked();
    probe.check.next([Act::Fail]);
    pass(&pool, &clock, 10 * SEC, SEC);
    assert_eq!(states(&pool).iter().filter(|state| **state == ResourceState::Degraded).count(), 1);
    probe.check.always(Act::Fail);
    let sick = pool.resources().into_iter().find(|resource| resource.state == ResourceState::Degraded).unwrap();
    assert_eq!((sick.errors, sick.failures), (1, 1));
    pass(&pool, &clock, 3 * SEC, SEC / 4);
    assert!(pool.resources().iter().all(|resource| resource.id != sick.id), "gone within 3 s of its first failure");
    probe.check.always(Act::Pass);
    pass(&pool, &clock, 3 * SEC, SEC);
    assert_eq!(pool.stats().available, 2, "and replaced");
    closes_balanced(&pool);
}

#[test]
fn what_idled_for_long_is_checked_before_it_is_lent() {
    let (probe, clock, builder) = still();
    let pool = builder.check_if_idle_for(MIN).build().unwrap();
    pass(&pool, &clock, 59 * SEC, SEC);
    drop(pool.try_checkout().unwrap());
    assert_eq!(probe.check.calls(), 0, "it has not idled for that long");
    pass(&pool, &clock, MIN, SEC);
    assert_eq!((pool.stats().available, probe.check.calls()), (1, 0), "nobody wants it yet");
    drop(pool.try_checkout().unwrap());
    assert_eq!(probe.check.calls(), 1);
    // Right after, it has not idled.
    drop(pool.try_checkout().unwrap());
    assert_eq!(probe.check.calls(), 1);
    closes_balanced(&pool);
}

#[test]
fn a_failing_check_never_hands_a_resource_out() {
    let (probe, clock, builder) = still();
    let pool = builder.check_if_idle_for(MIN).remove_after(1).build().unwrap();
    pass(&pool, &clock, MIN, MIN);
    probe.check.next([Act::Fail]);
    let fresh = pool.checkout().unwrap();
    assert_eq!(number(&fresh), 2, "the first failed its check, a new one was made");
    drop(fresh);
    closes_balanced(&pool);
}

#[test]
fn a_waiter_gets_what_passed_its_check() {
    let clock = VirtualClock::new();
    let probe = Probe::new();
    let pool = Pool::builder(probe.clone()).check_if_idle_for(MIN).clock(&clock).build().unwrap();
    clock.advance(MIN);
    until(|| {
        pool.tick();
        pool.resources().iter().any(|resource| resource.idle >= MIN)
    });
    probe.check.shut();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| number(&pool.checkout().unwrap()));
        until(|| probe.check.inside() == 1 || waiter.is_finished());
        probe.check.open();
        assert_eq!(waiter.join().unwrap(), 1);
    });
    assert_ne!(pool.config().keeper, Keeper::Manual);
    closes_balanced(&pool);
}

#[test]
fn errors_a_holder_reports_count_like_failed_checks() {
    let (_, _, builder) = still();
    let pool = builder.degrade_after(2).remove_after(3).build().unwrap();
    let error = super::support::Refused { by: "use", severity: slackwater::Severity::Transient };
    let failed_use = || {
        let mut held = pool.checkout().unwrap();
        held.on_error(&error);
        // Twice in one use is one failed use.
        held.on_error(&error);
    };
    failed_use();
    assert_eq!(states(&pool), [ResourceState::Ready]);
    drop(pool.checkout().unwrap());
    failed_use();
    assert_eq!(states(&pool), [ResourceState::Ready], "a use between them went well");
    failed_use();
    assert_eq!(states(&pool), [ResourceState::Degraded]);
    assert_eq!(pool.resources()[0].errors, 3);
    closes_balanced(&pool);
}
