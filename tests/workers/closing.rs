//! The end of workers.

use crate::support::{Act, Probe, WATCHDOG, until};
use crate::{Held, closes_balanced};
use slackwater::{CheckoutError, JobError, Keeper, LocalManager, ReturnOutcome, SubmitError, VirtualClock, Workers};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

#[test]
fn a_close_with_time_runs_what_is_queued() {
    let workers = Workers::builder(Probe::new()).build().unwrap();
    let (held, ran) = (Held::at(&workers), Arc::new(AtomicUsize::new(0)));
    let tickets: Vec<_> = (0..10)
        .map(|_| {
            let ran = Arc::clone(&ran);
            workers.submit(move |_| ran.fetch_add(1, SeqCst)).unwrap()
        })
        .collect();
    thread::scope(|s| {
        let closing = s.spawn(|| workers.close(WATCHDOG));
        until(|| workers.is_closed());
        assert!(matches!(workers.submit(|_| ()), Err(SubmitError::Closed { .. })));
        assert!(matches!(workers.try_submit(|_| ()).unwrap_err().reason, SubmitError::Closed { .. }));
        held.end();
        assert!(closing.join().unwrap().is_complete());
    });
    for (number, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.wait().unwrap(), number);
    }
    closes_balanced(&workers);
}

#[test]
fn a_close_without_time_answers_what_is_queued_and_lets_finish_what_runs() {
    let workers = Workers::builder(Probe::new()).build().unwrap();
    let held = Held::at(&workers);
    let queued: Vec<_> = (0..10).map(|_| workers.submit(|_| 1).unwrap()).collect();
    let report = workers.close(Duration::ZERO);
    assert_eq!((report.still_out.len(), report.jobs_refused, report.is_complete()), (1, 10, false));
    assert!(report.to_string().contains(", 10 jobs not run"), "{report}");
    for ticket in queued {
        let answer = ticket.wait();
        assert!(matches!(&answer, Err(JobError::NoWorker(CheckoutError::Closed(_)))), "{answer:?}");
    }
    held.end();
    closes_balanced(&workers);
}

#[test]
fn the_last_handle_ends_the_workers() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.max_size(2).name("last-handle")).build().unwrap();
    let held = Held::at(&workers);
    let other = Held::at(&workers);
    let queued = workers.submit(|_| 1).unwrap();
    let second = workers.clone();
    drop(workers);
    assert!(!queued.is_done());
    drop(second);
    assert!(matches!(queued.wait(), Err(JobError::NoWorker(CheckoutError::Closed(_)))));
    // What runs is run to its end, and then everything ends.
    held.end();
    other.end();
    until(|| probe.alive() == 0 && probe.sharers() == 1);
    assert_eq!(probe.ended().len(), 2);
}

#[test]
fn the_last_handle_may_go_within_a_job() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).build().unwrap();
    let its = workers.clone();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let ticket = workers.submit(move |_| {
        may_go.recv_timeout(WATCHDOG).unwrap();
        drop(its);
    });
    drop(workers);
    go.send(()).unwrap();
    ticket.unwrap().wait().unwrap();
    until(|| probe.alive() == 0 && probe.sharers() == 1);
}

#[test]
fn a_fatal_error_ends_the_workers_and_is_told_to_those_who_wait() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.min_idle(0)).build().unwrap();
    probe.create.always(Act::FailFatally);
    let answer = workers.submit(|_| 1).unwrap().wait_timeout(WATCHDOG).unwrap();
    let Err(JobError::NoWorker(CheckoutError::Closed(closed))) = answer else { panic!("{answer:?}") };
    assert!(closed.cause.is_some());
    let refused = workers.submit(|_| 1).unwrap_err();
    assert!(refused.to_string().contains("because of a fatal error: create was told to fail"), "{refused}");
    closes_balanced(&workers);
}

#[test]
fn a_submit_beside_a_close_is_refused_or_answered() {
    for round in 0..50 {
        let workers = Workers::builder(|| Ok::<_, String>(0)).pool(|pool| pool.max_size(2)).build().unwrap();
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    while let Ok(ticket) = workers.submit(move |_| round) {
                        match ticket.wait_timeout(WATCHDOG).expect("an answer") {
                            Ok(answer) => assert_eq!(answer, round),
                            Err(JobError::NoWorker(CheckoutError::Closed(_))) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                });
            }
            let time = if round % 2 == 0 { Duration::ZERO } else { WATCHDOG };
            until(|| workers.pool().stats().checkouts > 5);
            workers.close(time);
        });
        closes_balanced(&workers);
    }
}

#[test]
fn what_a_close_did_not_run_is_in_its_report_with_the_time_it_had() {
    let (clock, probe) = (VirtualClock::new(), Probe::new());
    let its = clock.clone();
    let workers = Workers::builder(probe).pool(move |pool| pool.clock(&its)).build().unwrap();
    let seat = workers.pool().checkout().unwrap();
    let queued = workers.submit(|_| 1).unwrap();
    // Cancelled by their owner: nobody misses it.
    let cancelled = workers.submit(|_| 1).unwrap();
    assert!(cancelled.cancel());
    let report = thread::scope(|s| {
        let closing = s.spawn(|| workers.close(Duration::from_secs(5)));
        until(|| workers.is_closed());
        until(|| {
            clock.advance(Duration::from_secs(1));
            closing.is_finished()
        });
        closing.join().unwrap()
    });
    assert_eq!((report.jobs_refused, report.still_out.len()), (1, 1), "{report}");
    assert!(report.took >= Duration::from_secs(5), "{report}");
    assert!(matches!(queued.wait(), Err(JobError::NoWorker(CheckoutError::Closed(_)))));
    drop(seat);
    closes_balanced(&workers);
}

/// Counts those that are asked about their return, and holds them there until all are.
struct Gathers {
    workers: usize,
    returns: AtomicUsize,
}

impl LocalManager for Gathers {
    type Resource = Box<u32>;
    type Error = Infallible;

    fn create(&self) -> Result<Box<u32>, Infallible> {
        Ok(Box::new(0))
    }

    fn recycle(&self, _: &mut Box<u32>) -> ReturnOutcome {
        self.returns.fetch_add(1, SeqCst);
        until(|| self.returns.load(SeqCst) >= self.workers);
        ReturnOutcome::Healthy
    }
}

/// Bad run: each of two workers that come back to a closed pool ends the other, and waits for that.
#[test]
fn workers_that_come_back_together_to_a_closed_pool_end_themselves() {
    const WORKERS: usize = 4;
    for _ in 0..200 {
        let manager = Gathers { workers: WORKERS + 1, returns: AtomicUsize::new(0) };
        let workers = Workers::builder(manager).pool(|pool| pool.max_size(WORKERS)).build().unwrap();
        let held = [(); WORKERS].map(|()| Held::at(&workers));
        held.into_iter().for_each(Held::end);
        let returns = &workers.pool().manager().manager().returns;
        until(|| returns.load(SeqCst) == WORKERS);
        assert_eq!(workers.close(Duration::ZERO).still_out.len(), WORKERS);
        returns.fetch_add(1, SeqCst);
        closes_balanced(&workers);
    }
}

/// No thread of the pool's is left: those of its workers have its name, too.
#[cfg(target_os = "linux")]
fn no_thread_is_left(name: &str) {
    until(|| crate::support::threads_named(name).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_left_where_the_last_handle_goes_while_a_job_runs() {
    let workers = Workers::builder(Probe::new()).pool(|pool| pool.max_size(2).name("last-gone")).build().unwrap();
    let (one, two) = (Held::at(&workers), Held::at(&workers));
    drop(workers);
    one.end();
    two.end();
    no_thread_is_left("last-gone");
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_left_where_a_job_outlasts_the_close() {
    let workers = Workers::builder(Probe::new()).pool(|pool| pool.max_size(2).name("outlasts")).build().unwrap();
    let held = Held::at(&workers);
    assert_eq!(workers.close(Duration::ZERO).still_out.len(), 1);
    held.end();
    closes_balanced(&workers);
    no_thread_is_left("outlasts");
}

/// Without threads of the pool's own each worker ends its resource itself, at the return.
#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_left_of_workers_that_end_themselves() {
    let pool = |pool: slackwater::Builder<_>| pool.keeper(Keeper::Manual).max_uses(1).name("by-itself");
    let workers = Workers::builder(Probe::new()).pool(pool).build().unwrap();
    for number in 1..=5 {
        let ticket = workers.submit(|thing| thing.number).unwrap();
        until(|| {
            workers.pool().tick();
            ticket.is_done()
        });
        assert_eq!(ticket.wait().unwrap(), number);
    }
    closes_balanced(&workers);
    no_thread_is_left("by-itself");
}

/// Drops a handle of its own workers in `destroy`.
struct Keeps {
    handle: Arc<Mutex<Option<Workers<Keeps>>>>,
    dropped: mpsc::Sender<()>,
}

impl LocalManager for Keeps {
    type Resource = ();
    type Error = Infallible;

    fn create(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn destroy(&self, (): ()) {
        let handle = self.handle.lock().unwrap().take();
        drop(handle);
        self.dropped.send(()).unwrap();
    }
}

/// Bad run: who drops it waits for the end of its own resource, as long as a `destroy` may take.
#[test]
fn the_last_handle_may_go_at_the_end_of_a_resource() {
    let (dropped, is_dropped) = mpsc::channel();
    let handle = Arc::default();
    let keeps = Keeps { handle: Arc::clone(&handle), dropped };
    let workers = Workers::builder(keeps).pool(|pool| pool.max_uses(1)).build().unwrap();
    let held = Held::at(&workers);
    *handle.lock().unwrap() = Some(workers);
    held.end();
    is_dropped.recv_timeout(WATCHDOG).expect("it waits for itself");
}
