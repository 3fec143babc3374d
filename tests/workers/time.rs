//! Jobs that are too late.

use crate::support::{Probe, TimeRunsOut, WATCHDOG, until};
use crate::{Held, closes_balanced};
use slackwater::{DestroyReason, JobError, Keeper, VirtualClock, Workers};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_job_that_is_too_late_to_begin_never_does() {
    let clock = VirtualClock::new();
    let _late = TimeRunsOut(&clock);
    let its = clock.clone();
    let workers = Workers::builder(|| Ok::<_, String>(0)).pool(move |pool| pool.clock(&its)).build().unwrap();
    let (held, ran) = (Held::at(&workers), Arc::new(AtomicUsize::new(0)));
    let submit = |within: Duration| {
        let ran = Arc::clone(&ran);
        workers.job().start_within(within).submit(move |_| ran.fetch_add(1, SeqCst)).unwrap()
    };
    let (polled, waited, swept, kept) = (submit(SECOND), submit(SECOND), submit(SECOND), submit(3 * SECOND));
    clock.advance(SECOND);
    // The ticket knows at once, whoever is at work.
    assert!(polled.is_done());
    let answer = waited.wait();
    let Err(JobError::Timeout(timeout)) = answer else { panic!("{answer:?}") };
    assert_eq!((timeout.waited, timeout.ran_for), (SECOND, None));
    assert!(timeout.to_string().contains("had not begun after 1.0s and never will"), "{timeout}");
    held.end();
    assert_eq!(kept.wait().unwrap(), 0);
    assert!(matches!(swept.wait(), Err(JobError::Timeout(_))));
    assert_eq!(ran.load(SeqCst), 1);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().checkouts, 2);
}

#[test]
fn a_wait_that_times_out_in_real_time_says_so_in_time() {
    let workers = Workers::builder(|| Ok::<_, String>(0)).build().unwrap();
    let (held, began) = (Held::at(&workers), Instant::now());
    let answer = workers.execute_timeout(|_| 1, Duration::from_millis(20));
    assert!(matches!(&answer, Err(JobError::Timeout(timeout)) if timeout.ran_for.is_none()), "{answer:?}");
    assert!((Duration::from_millis(20)..WATCHDOG).contains(&began.elapsed()));
    held.end();
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().checkouts, 1);
}

#[test]
fn a_job_past_its_deadline_is_answered_and_its_worker_replaced() {
    // Time stands still but for this: on a busy machine the second job might be late as well.
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let _late = TimeRunsOut(&clock);
    let (its, limit) = (clock.clone(), Duration::from_millis(20));
    let workers =
        Workers::builder(probe.clone()).job_timeout(limit).pool(move |pool| pool.clock(&its)).build().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let late = workers.submit(move |_| {
        begun.send(()).unwrap();
        let _ = may_go.recv_timeout(3 * WATCHDOG);
    });
    has_begun.recv_timeout(WATCHDOG).unwrap();
    clock.advance(limit);
    let answer = late.unwrap().wait();
    let Err(JobError::Timeout(timeout)) = answer else { panic!("{answer:?}") };
    assert_eq!(timeout.ran_for, Some(limit), "{timeout}");
    until(|| workers.pool().stats().long_holds == 1);
    // Another takes its place while it is still at it,
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 2);
    assert_eq!((probe.alive(), workers.pool().stats().long_holds), (2, 1));
    // and it ends once it comes back.
    go.send(()).unwrap();
    until(|| probe.alive() == 1);
    assert_eq!(probe.ended(), [1]);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().destroyed.by(DestroyReason::HeldTooLong), 1);
}

#[test]
fn the_deadline_of_a_job_is_the_workers_clocks() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let _late = TimeRunsOut(&clock);
    let its = clock.clone();
    let workers = Workers::builder(probe.clone()).pool(move |pool| pool.clock(&its).keeper(Keeper::Manual));
    let workers = workers.build().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let ticket = workers.job().timeout(5 * SECOND).submit(move |_| {
        begun.send(()).unwrap();
        let _ = may_go.recv_timeout(3 * WATCHDOG);
    });
    let ticket = ticket.unwrap();
    has_begun.recv_timeout(WATCHDOG).unwrap();
    clock.advance(4 * SECOND);
    workers.pool().tick();
    assert!(!ticket.is_done());
    clock.advance(SECOND);
    let answer = ticket.wait();
    assert!(matches!(&answer, Err(JobError::Timeout(timeout)) if timeout.ran_for == Some(5 * SECOND)), "{answer:?}");
    // By hand, the next tick replaces the worker.
    workers.pool().tick();
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 2);
    go.send(()).unwrap();
    until(|| {
        workers.pool().tick();
        probe.ended() == [1]
    });
    closes_balanced(&workers);
}

#[test]
fn held_places_have_their_limit_and_those_who_wait_are_served_once_one_comes_back() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).job_timeout(Duration::from_millis(5)).build().unwrap();
    // One place is one's own, one more may be lent for it: the third waits.
    let mut gates = Vec::new();
    for _ in 0..2 {
        let (go, may_go) = mpsc::channel::<()>();
        let answer = workers.execute(move |_| may_go.recv_timeout(3 * WATCHDOG).is_ok());
        assert!(matches!(&answer, Err(JobError::Timeout(timeout)) if timeout.ran_for.is_some()), "{answer:?}");
        gates.push(go);
    }
    let waits = workers.submit(|_| 1).unwrap();
    until(|| workers.pool().stats().long_holds == 2);
    assert!(!waits.is_done());
    assert_eq!(probe.alive(), 2);
    gates.into_iter().for_each(|go| go.send(()).unwrap());
    assert_eq!(waits.wait().unwrap(), 1);
    closes_balanced(&workers);
}
