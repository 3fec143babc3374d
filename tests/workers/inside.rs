//! Jobs that submit jobs.

use crate::closes_balanced;
use crate::support::{TimeRunsOut, WATCHDOG, until};
use slackwater::{JobError, LocalManager, SubmitError, VirtualClock, Workers};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

fn workers(size: usize) -> Workers<impl LocalManager<Resource = u64>> {
    Workers::builder(|| Ok::<_, String>(0)).pool(move |pool| pool.max_size(size)).build().unwrap()
}

#[test]
fn a_job_submits_others_that_are_run_after_it() {
    let workers = workers(1);
    let its = workers.clone();
    let inner = workers.execute(move |_| its.submit(|_| 7).unwrap()).unwrap();
    assert_eq!(inner.wait().unwrap(), 7);
    closes_balanced(&workers);
}

#[test]
fn a_job_that_waits_for_another_is_refused_where_nobody_is_left_to_run_it() {
    let workers = workers(1);
    let its = workers.clone();
    let answer = workers.execute(move |_| its.execute(|_| 7)).unwrap();
    assert!(matches!(answer, Err(JobError::WouldDeadlock { workers: 1 })), "{answer:?}");
    let its = workers.clone();
    let answer = workers.execute(move |_| its.submit(|_| 7).unwrap().wait()).unwrap();
    assert!(matches!(answer, Err(JobError::WouldDeadlock { .. })), "{answer:?}");
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().checkouts, 3, "what was refused never ran");
}

#[test]
fn a_job_waits_for_another_where_somebody_is_left_to_run_it() {
    let workers = workers(2);
    for _ in 0..100 {
        let its = workers.clone();
        assert_eq!(workers.execute(move |_| its.execute(|_| 7)).unwrap().unwrap(), 7);
    }
    closes_balanced(&workers);
}

#[test]
fn of_jobs_that_wait_for_others_at_the_same_time_the_last_one_is_refused() {
    let workers = workers(4);
    let tickets: Vec<_> = (0..200)
        .map(|_| {
            let its = workers.clone();
            workers.submit(move |_| its.execute(|_| 7)).unwrap()
        })
        .collect();
    let mut served = 0;
    for ticket in tickets {
        match ticket.wait_timeout(WATCHDOG).expect("no deadlock").unwrap() {
            Ok(7) => served += 1,
            Err(JobError::WouldDeadlock { workers: 4 }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(served > 0);
    closes_balanced(&workers);
}

#[test]
fn workers_may_wait_for_other_workers() {
    let (outer, inner) = (workers(1), workers(1));
    let its = inner.clone();
    assert_eq!(outer.execute(move |_| its.execute(|_| 7)).unwrap().unwrap(), 7);
    closes_balanced(&outer);
    closes_balanced(&inner);
}

#[test]
fn a_wait_that_ends_by_itself_is_not_refused_and_the_job_goes_on() {
    let workers = workers(1);
    let its = workers.clone();
    let within = Duration::from_millis(20);
    let (ticket, took) = workers
        .execute(move |_| {
            let began = Instant::now();
            (its.submit(|_| 7).unwrap().wait_timeout(within), began.elapsed())
        })
        .unwrap();
    assert!(took >= within, "{took:?}");
    assert_eq!(ticket.unwrap_err().wait().unwrap(), 7);
    closes_balanced(&workers);
}

#[test]
fn a_worker_that_waits_for_a_time_only_is_none_of_those_that_wait() {
    let (workers, within) = (workers(2), Duration::from_millis(50));
    let (first, second) = (workers.clone(), workers.clone());
    let (waits, is_waiting) = mpsc::channel();
    let (begins, has_begun) = mpsc::channel();
    let bounded = workers.submit(move |_| {
        has_begun.recv_timeout(WATCHDOG).unwrap();
        let never = first.submit(|_| 1).unwrap();
        waits.send(()).unwrap();
        never.wait_timeout(within)
    });
    // Both are inside now, and nobody runs anything before the first has waited long enough.
    let unbounded = workers.submit(move |_| {
        begins.send(()).unwrap();
        is_waiting.recv_timeout(WATCHDOG).unwrap();
        second.submit(|_| 7).unwrap().wait()
    });
    assert_eq!(unbounded.unwrap().wait().unwrap().unwrap(), 7);
    assert_eq!(bounded.unwrap().wait().unwrap().unwrap_err().wait().unwrap(), 1);
    closes_balanced(&workers);
}

/// Bad run: who finds its answer waits for the next one at once, and is counted twice; or is counted although the answer is there.
#[test]
fn one_that_waits_again_and_again_beside_a_free_worker_is_never_refused() {
    let workers = workers(3);
    let tickets: Vec<_> = (0..2)
        .map(|_| {
            let its = workers.clone();
            workers.submit(move |_| (0..5_000).all(|_| its.submit(|_| 7).unwrap().wait().is_ok())).unwrap()
        })
        .collect();
    for ticket in tickets {
        assert!(ticket.wait_timeout(3 * WATCHDOG).expect("no deadlock").unwrap());
    }
    closes_balanced(&workers);
}

/// Of two workers one is late and waits; another has its place. So there are two that run jobs.
#[test]
fn a_worker_whose_place_is_lent_is_none_of_those_that_wait() {
    let clock = VirtualClock::new();
    let _late = TimeRunsOut(&clock);
    let on = clock.clone();
    let workers =
        Workers::builder(|| Ok::<_, String>(0)).pool(move |pool| pool.max_size(2).clock(&on)).build().unwrap();
    let its = workers.clone();
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let late = workers.job().timeout(Duration::from_secs(5)).submit(move |_| {
        let waited_for = its.submit(move |_| {
            begun.send(()).unwrap();
            may_go.recv_timeout(3 * WATCHDOG).is_ok()
        });
        waited_for.unwrap().wait()
    });
    has_begun.recv_timeout(WATCHDOG).unwrap();
    clock.advance(Duration::from_secs(5));
    assert!(matches!(late.unwrap().wait(), Err(JobError::Timeout(_))));
    until(|| workers.pool().stats().long_holds == 1);
    let its = workers.clone();
    let waits = workers.submit(move |_| its.submit(|_| 7).unwrap().wait()).unwrap();
    // It waits for the one that the late one waits for, too.
    until(|| workers.pool().stats().checkouts == 3 && workers.queued() == 1);
    go.send(()).unwrap();
    assert_eq!(waits.wait().unwrap().unwrap(), 7);
    closes_balanced(&workers);
}

#[test]
fn a_full_queue_refuses_jobs_of_jobs_at_once() {
    let workers = Workers::builder(|| Ok::<_, String>(0)).queue(1).build().unwrap();
    let its = workers.clone();
    let (ticket, refused) = workers
        .execute(move |_| {
            let ticket = its.submit(|_| 1).unwrap();
            (ticket, its.submit(|_| 2).unwrap_err())
        })
        .unwrap();
    let SubmitError::Full { queued: 1, limit: 1, waited } = refused else { panic!("{refused}") };
    assert_eq!(waited, Duration::ZERO);
    assert_eq!(ticket.wait().unwrap(), 1);
    closes_balanced(&workers);
}

#[test]
fn create_is_refused_a_wait_for_a_job_of_its_own_workers() {
    struct Greedy(Arc<Mutex<Option<Workers<Greedy>>>>, mpsc::Sender<JobError>);
    impl LocalManager for Greedy {
        type Resource = u64;
        type Error = String;

        fn create(&self) -> Result<u64, String> {
            let Some(workers) = self.0.lock().unwrap().clone() else { return Ok(0) };
            let answer = workers.submit(|_| 1).unwrap().wait();
            self.1.send(answer.unwrap_err()).map_err(|gone| gone.to_string())?;
            Ok(1)
        }
    }
    let (its, (told, is_told)) = (Arc::new(Mutex::new(None)), mpsc::channel());
    let workers = Workers::builder(Greedy(Arc::clone(&its), told)).pool(|pool| pool.min_idle(0)).build().unwrap();
    *its.lock().unwrap() = Some(workers.clone());
    assert_eq!(workers.submit(|number| *number).unwrap().wait_timeout(WATCHDOG).expect("no deadlock").unwrap(), 1);
    let told = is_told.recv_timeout(WATCHDOG).unwrap();
    assert!(matches!(told, JobError::WouldDeadlock { workers: 1 }), "{told:?}");
    closes_balanced(&workers);
    // The manager holds the workers that hold it.
    let held = its.lock().unwrap().take();
    drop(held);
}
