//! Jobs that submit jobs.

use crate::closes_balanced;
use crate::support::WATCHDOG;
use slackwater::{JobError, LocalManager, Workers};

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
