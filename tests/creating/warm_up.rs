//! Warm-up: several at once, up to a limit and a time, and a report of what failed.

use super::support::{Act, Probe, Refused, closes_balanced, until};
use super::{MS, SEC, pool_of};
use slackwater::{BuildError, CheckoutError, Creation, Keeper, MemoryLimitExceeded, VirtualClock, WarmUpReport};
use std::error::Error;
use std::thread;
use std::time::Instant;

fn counted(report: &WarmUpReport) -> (usize, usize, usize) {
    (report.asked, report.ready, report.failed)
}

#[test]
fn warm_up_makes_several_at_once() {
    let probe = Probe::new();
    probe.create.shut();
    let pool = thread::scope(|s| {
        let build = s.spawn(|| pool_of(&probe, 8).create_parallelism(8).build().unwrap());
        until(|| probe.create.inside() == 8);
        probe.create.open();
        build.join().unwrap()
    });
    assert_eq!((counted(pool.warm_up()), pool.stats().available), ((8, 8, 0), 8));
    closes_balanced(&pool);
}

#[test]
fn create_parallelism_limits_what_runs_at_once() {
    let probe = Probe::new();
    probe.create.shut();
    let pool = thread::scope(|s| {
        let build = s.spawn(|| pool_of(&probe, 8).create_parallelism(2).build().unwrap());
        for passed in 0..7 {
            until(|| probe.create.inside() == 2.min(8 - passed));
            assert_eq!(probe.create.calls(), passed + probe.create.inside());
            probe.create.let_through(1);
            until(|| probe.create.calls() == 8.min(passed + 3));
        }
        probe.create.open();
        build.join().unwrap()
    });
    assert_eq!(pool.stats().available, 8);
    closes_balanced(&pool);
}

#[test]
fn what_is_not_warm_yet_is_not_lent() {
    let probe = Probe::new();
    let pool = pool_of(&probe, 1).min_idle(0).creation(Creation::Background).build().unwrap();
    probe.warm.shut();
    thread::scope(|s| {
        let waiter = s.spawn(|| pool.checkout().unwrap().number);
        until(|| probe.warm.inside() == 1);
        let stats = pool.stats();
        assert_eq!((stats.available, stats.in_use, probe.alive()), (0, 0, 1));
        assert!(matches!(pool.try_checkout(), Err(CheckoutError::Exhausted(_))));
        probe.warm.open();
        assert_eq!(waiter.join().unwrap(), 1);
    });
    assert_eq!((probe.create.calls(), probe.warm.calls()), (1, 1));
    closes_balanced(&pool);
}

#[test]
fn a_warm_up_that_failed_in_part_starts_the_pool_and_says_so() {
    let probe = Probe::new();
    probe.create.next([Act::Fail]);
    let pool = pool_of(&probe, 8).build().unwrap();
    let report = pool.warm_up();
    assert_eq!(counted(report), (8, 7, 1));
    let failure = report.first_failure.as_ref().and_then(|failure| failure.downcast_ref::<Refused>());
    assert_eq!(failure, Some(&Refused { by: "create", severity: slackwater::Severity::Transient }));
    assert!(report.to_string().starts_with("7 of 8 ready, 1 failed, 0 unfinished"), "{report}");
    until(|| pool.stats().available == 8);
    assert_eq!(counted(pool.warm_up()), (8, 7, 1), "the report stays what it was");
    closes_balanced(&pool);
}

#[test]
fn a_warm_up_that_the_memory_budget_stopped_says_so() {
    let probe = Probe::new();
    // Each weighs 7.
    let pool = pool_of(&probe, 4).memory_budget(14).memory_pressure(1.0).keeper(Keeper::Manual).build().unwrap();
    let report = pool.warm_up();
    assert_eq!((counted(report), pool.stats().available), ((4, 2, 2), 2));
    assert!(report.first_failure.as_ref().is_some_and(|failure| failure.is::<MemoryLimitExceeded>()), "{report}");
    closes_balanced(&pool);
}

#[test]
fn a_warm_up_that_failed_whole_is_an_error_with_the_cause() {
    let probe = Probe::new();
    probe.create.always(Act::Fail);
    let error = pool_of(&probe, 3).name("css").build().unwrap_err();
    let BuildError::WarmUp { report, .. } = &error else { panic!("{error:?}") };
    assert_eq!(counted(report), (3, 0, 3));
    assert!(error.to_string().contains("pool \"css\"") && error.to_string().contains("told to fail"), "{error}");
    let cause = error.source().expect("it has a cause");
    assert!(cause.downcast_ref::<Refused>().is_some(), "the cause is the manager's own error: {cause:?}");
    until(|| probe.sharers() == 1);
}

#[test]
fn a_creation_that_hangs_is_left_behind_and_its_result_joins_later() {
    let probe = Probe::new();
    probe.create.shut();
    probe.create.let_through(1);
    let pool = pool_of(&probe, 2).warm_up_timeout(20 * MS).build().unwrap();
    assert_eq!(counted(pool.warm_up()), (2, 1, 0));
    assert!(pool.warm_up().took >= 20 * MS && pool.warm_up().to_string().contains("1 unfinished"));
    assert_eq!((pool.stats().available, pool.stats().creating), (1, 1));
    probe.create.open();
    until(|| pool.stats().available == 2);
    assert_eq!((pool.stats().created, probe.create.calls()), (2, 2));
    closes_balanced(&pool);
}

#[test]
fn a_warm_up_of_which_nothing_came_in_time_is_an_error_and_its_late_result_is_destroyed() {
    let probe = Probe::new();
    probe.create.shut();
    let error = pool_of(&probe, 1).warm_up_timeout(10 * MS).build().unwrap_err();
    assert!(
        matches!(&error, BuildError::WarmUp { .. })
            && error.source().is_none()
            && error.to_string().contains("1 unfinished")
    );
    probe.create.open();
    until(|| probe.sharers() == 1);
    assert_eq!((probe.alive(), probe.destroy.calls()), (0, 1));
}

/// The clock a pool lives in bounds its warm-up too.
#[test]
fn warm_up_timeout_passes_in_virtual_time() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    probe.create.shut();
    probe.create.let_through(1);
    thread::scope(|s| {
        let build = s.spawn(|| pool_of(&probe, 2).clock(&clock).build().unwrap());
        until(|| probe.create.calls() == 2 && probe.create.inside() == 1);
        clock.advance(30 * SEC);
        let began = Instant::now();
        while !build.is_finished() && began.elapsed() < 2 * SEC {
            thread::yield_now();
        }
        let in_time = build.is_finished();
        probe.create.open();
        let pool = build.join().unwrap();
        assert!(in_time, "30 s of virtual time have passed and build still waits");
        until(|| pool.stats().available == 2);
        closes_balanced(&pool);
    });
}

/// What still hangs when `build` returns counts as on its way: the keeper does not make it a second time.
#[test]
fn the_keeper_makes_nothing_that_is_still_on_its_way_from_warm_up() {
    let probe = Probe::new();
    probe.create.shut();
    probe.create.let_through(1);
    let pool = pool_of(&probe, 4).min_idle(2).create_parallelism(4).warm_up_timeout(10 * MS).build().unwrap();
    for _ in 0..1_000 {
        pool.tick();
        thread::yield_now();
    }
    let calls = probe.create.calls();
    probe.create.open();
    until(|| pool.stats().available >= 2);
    closes_balanced(&pool);
    assert_eq!(calls, 2, "two were asked for");
}
