//! Creating: warm-up, on which thread, how often after failures, and never more than there is room or demand for.

mod support;

use slackwater::{
    Backoff, BuildError, CheckoutError, CreateError, Creation, Keeper, MemoryLimitExceeded, Pool, Strategy,
    VirtualClock, WarmUpReport,
};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};
use support::{Act, Probe, Refused, TimeRunsOut, closes_balanced, passes, until};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

fn pool_of(probe: &Probe, max_size: usize) -> slackwater::Builder<Probe> {
    Pool::builder(probe.clone()).max_size(max_size)
}

/// Makes nothing before it is asked to.
fn lazy(probe: &Probe, creation: Creation) -> slackwater::Builder<Probe> {
    pool_of(probe, 1).min_idle(0).creation(creation)
}

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
        pool.tick();
        for (failed, pause) in [10, 20].into_iter().enumerate() {
            until(|| probe.create.calls() == failed + 1 && pool.stats().waiting == 1);
            clock.advance((pause - 1) * MS);
            pool.tick();
            assert_eq!(probe.create.calls(), failed + 1, "not before its time");
            clock.advance(MS);
            pool.tick();
            until(|| probe.create.calls() == failed + 2);
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
    let held = pool.checkout().unwrap();
    probe.create.always(Act::FailForGood);
    probe.create.shut();
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
    let held = pool.checkout_owned().unwrap();
    probe.create.always(Act::Fail);
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

/// A pool of one and three more, all out, in still time.
fn surplus(probe: &Probe, clock: &VirtualClock) -> (Pool<Probe>, Vec<slackwater::OwnedCheckout<Probe>>) {
    let pool = pool_of(probe, 1).max_overflow(3).overflow_ttl(SEC).strategy(Strategy::Fifo);
    let pool = pool.clock(clock).keeper(Keeper::Manual).build().unwrap();
    let held = (0..4).map(|_| pool.checkout_owned().unwrap()).collect();
    assert_eq!(pool.stats().overflow, 3);
    (pool, held)
}

#[test]
fn each_surplus_resource_ends_at_its_own_time() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, mut held) = surplus(&probe, &clock);
    for _ in 0..3 {
        clock.advance(400 * MS);
        held.pop();
    }
    // Numbers 4, 3 and 2 came back at 400, 800 and 1200 ms.
    for (now, ended) in [(1390, 0), (1420, 1), (1790, 1), (1820, 2), (2190, 2), (2220, 3), (9000, 3)] {
        clock.advance(now * MS - clock.elapsed());
        pool.tick();
        assert_eq!(probe.ended(), [4, 3, 2][..ended], "at {now} ms");
    }
    drop(held);
    clock.advance(60 * SEC);
    pool.tick();
    assert_eq!(pool.stats().available, 1, "the core stays");
    closes_balanced(&pool);
}

#[test]
fn a_surplus_resource_that_is_used_again_outlives_one_that_is_not() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let (pool, mut held) = surplus(&probe, &clock);
    held.pop();
    clock.advance(500 * MS);
    held.pop();
    clock.advance(400 * MS);
    assert_eq!(pool.checkout().unwrap().number, 4, "first in, first out");
    clock.advance(200 * MS);
    pool.tick();
    assert_eq!(probe.ended(), [] as [usize; 0], "number 4 has idled for 200 ms, number 3 for 600");
    clock.advance(420 * MS);
    pool.tick();
    assert_eq!(probe.ended(), [3], "the coldest goes first");
    clock.advance(400 * MS);
    pool.tick();
    assert_eq!(probe.ended(), [3, 4]);
    drop(held);
    closes_balanced(&pool);
}

/// A real keeper, and nothing but the clock to move it.
#[test]
fn the_keeper_ends_surplus_without_traffic() {
    let (probe, clock) = (Probe::new(), VirtualClock::new());
    let pool = pool_of(&probe, 1).max_overflow(2).clock(&clock).build().unwrap();
    let held: Vec<_> = (0..3).map(|_| pool.checkout().unwrap()).collect();
    drop(held);
    assert_eq!(pool.stats().available, 3, "the default is to keep them for a second");
    clock.advance(SEC + 20 * MS);
    until(|| pool.stats().total == 1);
    closes_balanced(&pool);
}

#[test]
fn never_more_are_alive_than_allowed_though_destroying_takes_its_time() {
    for creation in [Creation::Inline, Creation::Background, Creation::Auto] {
        let probe = Probe::new();
        probe.destroy.always(Act::Dawdle);
        let pool = pool_of(&probe, 2).max_overflow(1).overflow_ttl(Duration::ZERO).creation(creation);
        let pool = pool.checkout_timeout(60 * SEC).build().unwrap();
        thread::scope(|s| {
            for thread in 0..6_usize {
                let pool = &pool;
                s.spawn(move || {
                    for round in 0..100 {
                        let guard = pool.checkout().unwrap();
                        if (thread + round) % 3 == 0 {
                            guard.discard("next");
                        }
                    }
                });
            }
        });
        assert!(probe.most_alive() <= 3, "{} alive at once, {creation:?}", probe.most_alive());
        closes_balanced(&pool);
        assert_eq!(probe.alive(), 0);
    }
}
