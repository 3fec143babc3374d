//! Jobs without a ticket, and those that a worker has in its own queue.

use crate::support::{WATCHDOG, until};
use crate::{Held, closes_balanced};
use parking_lot::Mutex;
use slackwater::{LocalManager, OnPanic, Priority, SubmitError, Workers};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

fn workers(size: usize) -> Workers<impl LocalManager<Resource = u64>> {
    let workers = Workers::builder(|| Ok::<_, String>(0));
    workers.queue(1 << 12).pool(move |pool| pool.max_size(size).on_panic(OnPanic::Discard)).build().unwrap()
}

#[test]
fn a_job_without_a_ticket_is_a_use_like_any_other() {
    let workers = workers(1);
    let (said, heard) = mpsc::channel();
    for _ in 0..3 {
        let said = said.clone();
        workers
            .spawn(move |uses| {
                *uses += 1;
                said.send(*uses).unwrap();
            })
            .unwrap();
    }
    drop(said);
    assert!(heard.iter().eq(1..=3));
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().checkouts, 3);
}

#[test]
fn a_job_without_a_ticket_that_panics_costs_its_resource_and_no_other_job() {
    let workers = workers(1);
    workers.spawn(|_| std::panic::resume_unwind(Box::new("not told"))).unwrap();
    assert_eq!(workers.execute(|uses| *uses).unwrap(), 0);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().created, 2);
}

#[test]
fn closed_workers_count_the_jobs_without_a_ticket_that_never_ran() {
    let workers = workers(1);
    let held = Held::at(&workers);
    let dropped = Arc::new(());
    for _ in 0..5 {
        let its = Arc::clone(&dropped);
        workers.spawn(move |_| drop(its)).unwrap();
    }
    let report = workers.close(Duration::ZERO);
    assert_eq!((report.jobs_refused, Arc::strong_count(&dropped)), (5, 1));
    assert!(matches!(workers.spawn(|_| ()), Err(SubmitError::Closed { .. })));
    held.end();
    closes_balanced(&workers);
}

#[test]
fn a_job_without_a_ticket_that_is_too_late_never_runs() {
    let workers = workers(1);
    let held = Held::at(&workers);
    let ran = Arc::new(AtomicBool::new(false));
    let its = Arc::clone(&ran);
    workers.job().start_within(Duration::ZERO).spawn(move |_| its.store(true, SeqCst)).unwrap();
    held.end();
    closes_balanced(&workers);
    assert!(!ran.load(SeqCst));
}

/// Bad run: what a job has submitted waits for the worker that this very job keeps.
#[test]
fn what_a_long_job_has_submitted_is_run_by_others() {
    let workers = workers(2);
    for _ in 0..50 {
        let its = workers.clone();
        let all = workers.execute(move |_| {
            let (said, heard) = mpsc::channel();
            for number in 0..40 {
                let said = said.clone();
                its.spawn(move |_| said.send(number).unwrap()).unwrap();
            }
            (0..40).map(|_| heard.recv_timeout(WATCHDOG).unwrap()).sum::<i32>()
        });
        assert_eq!(all.unwrap(), 780);
    }
    closes_balanced(&workers);
}

/// Bad run: a worker takes several jobs at once, the first of which is long.
#[test]
fn what_a_worker_has_taken_in_advance_is_run_by_others() {
    let workers = workers(2);
    let (one, two) = (Held::at(&workers), Held::at(&workers));
    let (go, may_go) = mpsc::channel::<()>();
    workers
        .spawn(move |_| {
            // An error is the end of the test.
            let _ = may_go.recv_timeout(3 * WATCHDOG);
        })
        .unwrap();
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..100 {
        let done = Arc::clone(&done);
        workers
            .spawn(move |_| {
                done.fetch_add(1, SeqCst);
            })
            .unwrap();
    }
    one.end();
    until(|| done.load(SeqCst) == 100 || workers.queued() <= 100);
    two.end();
    until(|| done.load(SeqCst) == 100);
    drop(go);
    closes_balanced(&workers);
}

/// Bad run: whoever has jobs of its own never looks at those of a worker that is busy for long.
#[test]
fn a_worker_whose_jobs_go_on_for_ever_takes_those_of_one_that_is_busy_too() {
    let workers = workers(2);
    let stop = Arc::new(AtomicBool::new(false));
    let (its, told) = (workers.clone(), Arc::clone(&stop));
    workers.spawn(move |_| again(its, told)).unwrap();
    let its = workers.clone();
    let served = workers.execute(move |_| {
        let (said, heard) = mpsc::channel();
        for number in 0..100 {
            let said = said.clone();
            its.spawn(move |_| said.send(number).unwrap()).unwrap();
        }
        (0..100).all(|_| heard.recv_timeout(WATCHDOG).is_ok())
    });
    stop.store(true, SeqCst);
    assert!(served.unwrap());
    until(|| workers.queued() == 0 && workers.pool().stats().in_use == 0);
    closes_balanced(&workers);
}

fn again<M: LocalManager>(workers: Workers<M>, stop: Arc<AtomicBool>) {
    if !stop.load(SeqCst) {
        let its = workers.clone();
        workers.spawn(move |_| again(its, stop)).unwrap();
    }
}

/// Bad run: a worker ends, and nobody finds what is in its queue.
#[test]
fn what_a_worker_leaves_behind_is_run_by_the_next() {
    let workers = workers(1);
    let done = Arc::new(AtomicU64::new(0));
    for round in 1..=20 {
        let (its, counted) = (workers.clone(), Arc::clone(&done));
        workers
            .spawn(move |_| {
                for _ in 0..10 {
                    let counted = Arc::clone(&counted);
                    its.spawn(move |_| {
                        counted.fetch_add(1, SeqCst);
                    })
                    .unwrap();
                }
                std::panic::resume_unwind(Box::new("the resource goes, and its thread"));
            })
            .unwrap();
        until(|| done.load(SeqCst) == 10 * round);
    }
    closes_balanced(&workers);
    assert_eq!(workers.queued(), 0);
}

#[test]
fn jobs_submitted_inside_come_after_those_that_wait_and_more_urgent_ones_before_them() {
    let workers = workers(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |number: u32| {
        let order = Arc::clone(&order);
        move |_: &mut u64| order.lock().push(number)
    };
    let held = Held::at(&workers);
    let (its, inner, urgent) = (workers.clone(), note(3), note(1));
    let first = move |_: &mut u64| {
        its.spawn(inner).unwrap();
        its.job().priority(Priority::High).spawn(urgent).unwrap();
    };
    workers.spawn(first).unwrap();
    workers.spawn(note(2)).unwrap();
    held.end();
    until(|| order.lock().len() == 3);
    closes_balanced(&workers);
    assert_eq!(*order.lock(), [1, 2, 3]);
}

#[test]
fn the_bound_is_kept_by_what_jobs_submit_too() {
    for limit in [1, 2, 7, 100] {
        let workers = Workers::builder(|| Ok::<_, String>(0)).queue(limit).build().unwrap();
        let its = workers.clone();
        let (accepted, queued) = workers
            .execute(move |_| {
                let accepted = (0..1_000).take_while(|_| its.spawn(|_| ()).is_ok()).count();
                (accepted, its.queued())
            })
            .unwrap();
        assert_eq!((accepted, queued), (limit, limit));
        closes_balanced(&workers);
    }
}
