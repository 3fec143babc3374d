//! What is the pool's own: replacement, failures, demand.

use crate::support::{Act, Probe, TimeRunsOut, WATCHDOG, passes, until};
use crate::{Held, closes_balanced};
use slackwater::{
    Backoff, BreakerConfig, BuildError, CheckoutError, Creation, DestroyReason, JobError, Keeper, ReturnOutcome,
    VirtualClock, Workers,
};
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

#[test]
fn a_worker_ends_after_its_uses_and_another_goes_on() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.max_uses(10)).build().unwrap();
    let numbers: Vec<_> = (0..35).map(|_| workers.execute(|thing| thing.number).unwrap()).collect();
    assert!((1..=3).all(|worker| numbers.iter().filter(|number| **number == worker).count() == 10), "{numbers:?}");
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().destroyed.by(DestroyReason::Worn), 3);
}

#[test]
fn a_worker_whose_time_has_come_is_replaced() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let its = clock.clone();
    let pool = move |pool: slackwater::Builder<_>| pool.clock(&its).max_lifetime(60 * SEC).lifetime_jitter(0.0);
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 1);
    clock.advance(61 * SEC);
    // It may have been on its way back from its job.
    passes(&clock, || probe.ended() == [1]);
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 2);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().destroyed.by(DestroyReason::Expired), 1);
}

#[test]
fn a_worker_that_fails_its_checks_is_replaced() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let its = clock.clone();
    let pool = move |pool: slackwater::Builder<_>| {
        let pool = pool.max_size(2).clock(&its).keeper(Keeper::Manual);
        pool.check_interval(SEC).remove_after(1).degrade_after(1)
    };
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    probe.check.next([Act::Fail]);
    until(|| {
        clock.advance(SEC);
        workers.pool().tick();
        probe.ended().len() == 1 && workers.pool().stats().available == 2
    });
    assert_ne!(workers.execute(|thing| thing.number).unwrap(), probe.ended()[0]);
    closes_balanced(&workers);
}

fn one_fails_its_check(workers: &Workers<Probe>, probe: &Probe, clock: &VirtualClock) {
    probe.check.next([Act::Fail]);
    until(|| {
        clock.advance(SEC);
        workers.pool().tick();
        probe.check.calls() > 0
    });
}

#[test]
fn a_degraded_worker_serves_as_a_last_resort_and_heals() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let its = clock.clone();
    let pool =
        move |pool: slackwater::Builder<_>| pool.max_size(2).clock(&its).keeper(Keeper::Manual).check_interval(SEC);
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    one_fails_its_check(&workers, &probe, &clock);
    // Now, as its next check passes. It may be looking for a job while the other one is: in use, as far as can be seen.
    until(|| workers.pool().stats().degraded == 1);
    // The other one is at work: it has to do. Whichever of them the first job finds: it is not the degraded one.
    let (one, two) = (Held::at(&workers), Held::at(&workers));
    assert_eq!((workers.pool().stats().in_use, workers.pool().stats().available), (2, 0));
    one.end();
    two.end();
    until(|| {
        workers.pool().tick();
        workers.pool().stats().available == 2
    });
    closes_balanced(&workers);
}

/// Bad run: it leaves the jobs to one that is as it should be, but past its lifetime, and waits for its successor. Provoked: nobody ticks, so there is none.
#[test]
fn a_degraded_worker_does_not_wait_for_one_whose_time_has_come() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let its = clock.clone();
    let pool = move |pool: slackwater::Builder<_>| {
        let pool = pool.max_size(2).clock(&its).keeper(Keeper::Manual).check_interval(SEC);
        pool.max_lifetime(600 * SEC).lifetime_jitter(0.0)
    };
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    one_fails_its_check(&workers, &probe, &clock);
    until(|| workers.pool().stats().degraded == 1 && workers.pool().stats().in_use == 0);
    clock.advance(600 * SEC);
    assert!(workers.submit(|_| ()).unwrap().wait_timeout(WATCHDOG).is_ok());
    closes_balanced(&workers);
}

/// Bad run: set aside by the keeper, it takes itself for somebody else's, and waits to be told for ever.
#[test]
fn a_worker_that_has_idled_for_too_long_is_checked_and_works_on() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let its = clock.clone();
    let pool = move |pool: slackwater::Builder<_>| pool.clock(&its).keeper(Keeper::Manual).check_if_idle_for(SEC);
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    // It may be found while it looks for a job, and is not idle, all the same.
    until(|| {
        until(|| workers.pool().stats().in_use == 0);
        for _ in 0..3 {
            clock.advance(SEC);
            workers.pool().tick();
        }
        let ticket = workers.submit(|thing| thing.number).unwrap();
        until(|| {
            workers.pool().tick();
            ticket.is_done()
        });
        assert_eq!(ticket.wait().unwrap(), 1);
        probe.check.calls() >= 3
    });
    closes_balanced(&workers);
}

/// Bad run: its submitter leaves the job to a worker that sleeps, whose slot is out; that one leaves it to nobody.
#[test]
fn a_worker_that_is_woken_and_cannot_work_has_another_made() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.max_size(2).min_idle(0)).build().unwrap();
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 1);
    until(|| workers.pool().stats().in_use == 0);
    let seat = workers.pool().checkout().unwrap();
    assert_eq!(workers.pool().stats().created, 1);
    let ticket = workers.submit(|thing| thing.number).unwrap();
    assert_eq!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), 2);
    drop(seat);
    closes_balanced(&workers);
}

/// Bad run: too old to work as long as another is being made, it never learns that none is.
#[test]
fn a_worker_whose_time_is_over_serves_when_its_successor_cannot_be_made() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let _late = TimeRunsOut(&clock);
    let its = clock.clone();
    let pool = move |pool: slackwater::Builder<_>| pool.clock(&its).max_lifetime(60 * SEC).lifetime_jitter(0.0);
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 1);
    until(|| workers.pool().stats().in_use == 0);
    probe.create.shut();
    probe.create.always(Act::Fail);
    clock.advance(61 * SEC);
    let ticket = workers.submit(|thing| thing.number).unwrap();
    until(|| probe.create.inside() == 1);
    assert!(!ticket.is_done());
    probe.create.open();
    assert_eq!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), 1);
    probe.create.always(Act::Pass);
    closes_balanced(&workers);
}

/// Bad run: the same where the creation hangs, or none may begin, so that none fails. In the second case the worker may look after that by itself: the moment
/// cannot be forced.
#[test]
fn a_worker_whose_time_is_over_serves_when_nothing_takes_its_place() {
    for hangs in [true, false] {
        let (clock, probe) = (VirtualClock::new(), Probe::new());
        let _late = TimeRunsOut(&clock);
        let its = clock.clone();
        let pool = move |pool: slackwater::Builder<_>| {
            let pool = pool.clock(&its).max_lifetime(60 * SEC).lifetime_jitter(0.0).create_timeout(SEC);
            // As much as one weighs. Without a keeper, which would make room.
            if hangs { pool } else { pool.max_size(2).min_idle(1).memory_budget(7).keeper(Keeper::Manual) }
        };
        let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
        assert_eq!(workers.execute(|thing| thing.number).unwrap(), 1);
        until(|| workers.pool().stats().in_use == 0);
        probe.create.shut();
        clock.advance(61 * SEC);
        let ticket = workers.submit(|thing| thing.number).unwrap();
        if hangs {
            until(|| probe.create.inside() == 1);
            assert!(!ticket.is_done());
            passes(&clock, || ticket.is_done());
        }
        assert_eq!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), 1, "hangs: {hangs}");
        probe.create.open();
        closes_balanced(&workers);
    }
}

#[test]
fn a_job_finds_the_worker_that_was_being_checked_when_it_came() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).build().unwrap();
    probe.check.shut();
    probe.recycle.next([Act::Say(ReturnOutcome::Suspect)]);
    workers.execute(|_| ()).unwrap();
    until(|| probe.check.inside() == 1);
    let ticket = workers.submit(|thing| thing.number).unwrap();
    assert!(!ticket.is_done());
    probe.check.open();
    assert_eq!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), 1);
    closes_balanced(&workers);
}

#[test]
fn jobs_that_wait_have_workers_made_up_to_the_pools_size_and_beyond() {
    let probe = Probe::new();
    let pool = |pool: slackwater::Builder<_>| pool.max_size(2).min_idle(0).max_overflow(1).overflow_ttl(Duration::ZERO);
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    assert_eq!(workers.pool().stats().created, 0);
    let held: Vec<_> = (0..3).map(|_| Held::at(&workers)).collect();
    let waits = workers.submit(|_| 1).unwrap();
    assert_eq!(probe.most_alive(), 3);
    held.into_iter().for_each(Held::end);
    assert_eq!(waits.wait().unwrap(), 1);
    // What is beyond its size the pool ends when nobody waits.
    until(|| probe.alive() <= 2);
    closes_balanced(&workers);
    assert_eq!(probe.most_alive(), 3);
}

/// Bad run: a worker beyond `max_size` has idled for long enough before its thread has run for the first time.
#[test]
fn a_worker_that_may_not_idle_does_the_job_it_was_made_for() {
    let pool = |pool: slackwater::Builder<_>| pool.max_overflow(1).overflow_ttl(Duration::ZERO);
    for _ in 0..50 {
        let workers = Workers::builder(Probe::new()).pool(pool).build().unwrap();
        let held = Held::at(&workers);
        // One may have been made for that job, while the first looked for it.
        until(|| workers.pool().stats().total == 1);
        let before = workers.pool().stats().created;
        workers.submit(|_| ()).unwrap().wait().unwrap();
        assert_eq!(workers.pool().stats().created, before + 1);
        held.end();
        closes_balanced(&workers);
    }
}

#[test]
fn a_creation_that_fails_for_good_is_told_to_those_who_wait() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.min_idle(0)).build().unwrap();
    probe.create.always(Act::FailForGood);
    let answer = workers.execute(|_| 1);
    let Err(JobError::NoWorker(CheckoutError::Create(create))) = answer else { panic!("{answer:?}") };
    assert!(!create.retryable);
    assert!(create.error.downcast_ref::<crate::support::Refused>().is_some(), "the manager's own: {create}");
    probe.create.always(Act::Pass);
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    closes_balanced(&workers);
}

#[test]
fn creations_that_go_on_failing_are_told_to_those_who_wait() {
    let probe = Probe::new();
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2)).attempts(2);
    let pool = move |pool: slackwater::Builder<_>| pool.min_idle(0).backoff(backoff);
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    probe.create.always(Act::Fail);
    let tickets: Vec<_> = (0..5).map(|_| workers.submit(|_| 1).unwrap()).collect();
    for ticket in tickets {
        let answer = ticket.wait_timeout(WATCHDOG).unwrap();
        assert!(matches!(&answer, Err(JobError::NoWorker(CheckoutError::Create(_)))), "{answer:?}");
    }
    closes_balanced(&workers);
}

#[test]
fn an_open_breaker_is_told_at_once() {
    let probe = Probe::new();
    let pool = |pool: slackwater::Builder<_>| pool.min_idle(0).breaker(BreakerConfig::default());
    let workers = Workers::builder(probe.clone()).pool(pool).build().unwrap();
    workers.pool().trip_breaker();
    let answer = workers.submit(|_| 1).unwrap().wait_timeout(WATCHDOG).unwrap();
    assert!(matches!(&answer, Err(JobError::NoWorker(CheckoutError::CircuitOpen(_)))), "{answer:?}");
    workers.pool().reset_breaker();
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    closes_balanced(&workers);
}

#[test]
fn a_panic_in_create_is_a_failed_creation() {
    let probe = Probe::new();
    probe.create.next([Act::Panic]);
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.max_size(2)).build().unwrap();
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    assert_eq!(workers.pool().stats().callback_panics, 1);
    closes_balanced(&workers);
}

#[test]
fn panics_in_callbacks_cost_their_worker_and_no_other() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).build().unwrap();
    probe.recycle.next([Act::Panic]);
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 1);
    probe.destroy.next([Act::Panic]);
    probe.is_broken.next([Act::Panic]);
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 2);
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 3);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().destroyed.by(DestroyReason::CallbackPanicked), 2);
}

#[test]
fn settings_are_refused_with_their_names() {
    let build = |configure: fn(slackwater::WorkersBuilder<Probe>) -> slackwater::WorkersBuilder<Probe>| match configure(
        Workers::builder(Probe::new()),
    )
    .build()
    {
        Err(BuildError::Config(config)) => config.field,
        other => panic!("{other:?}"),
    };
    assert_eq!(build(|workers| workers.queue(0)), "queue");
    assert_eq!(build(|workers| workers.job_timeout(Duration::ZERO)), "job_timeout");
    assert_eq!(build(|workers| workers.pool(|pool| pool.creation(Creation::Inline))), "creation");
    assert_eq!(build(|workers| workers.pool(|pool| pool.max_uses(0))), "max_uses");
}
