//! What can only be shown from within.

use super::desk::{Desk, take_held};
use super::job::Late;
use super::{JobError, SubmitError, Workers};
use crate::config::Keeper;
use crate::error::CheckoutError;
use crate::keeper::VirtualClock;
use crate::pool::{Builder, NEVER, SessionMode};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// A job whose end is somebody else's.
struct Anything;

impl Late for Anything {
    fn expire(&self, _: u64) -> bool {
        true
    }
}

/// Bad run: the keeper ends a late job, the worker goes on to its next, and the keeper forgets the deadline of that one.
#[test]
fn the_end_of_a_late_job_leaves_the_next_ones_deadline() {
    let (desk, done) = (Desk::here(), AtomicBool::new(false));
    thread::scope(|s| {
        // More than there are processors: some are halted where it matters.
        for _ in 0..4 {
            s.spawn(|| {
                while !done.load(SeqCst) {
                    desk.end_late(10);
                }
            });
        }
        let kept = (0..100_000).all(|uses| {
            desk.begins(Arc::new(Anything), uses, 5);
            desk.has_ended();
            desk.begins(Arc::new(Anything), uses, 100);
            // What had seen the job before has time to go on.
            (0..20).for_each(|_| std::hint::spin_loop());
            let is_due = desk.due() == 100;
            desk.has_ended();
            is_due
        });
        done.store(true, SeqCst);
        assert!(kept, "a deadline was forgotten");
    });
    assert_eq!(desk.due(), NEVER);
}

#[test]
fn a_job_that_finds_no_resource_is_answered_and_the_worker_is_replaced() {
    let workers = Workers::builder(|| Ok::<_, String>(7)).build().unwrap();
    let desk = Arc::clone(&workers.pool().checkout().unwrap().desk);
    let (taken, is_taken) = mpsc::channel();
    desk.post(Box::new(move || taken.send(take_held::<i32>()).unwrap()));
    assert_eq!(is_taken.recv().unwrap(), Some(7));
    let answer = workers.submit(|number| *number).unwrap().wait_timeout(Duration::from_secs(10)).unwrap();
    let Err(JobError::NoWorker(CheckoutError::Create(lost))) = answer else { panic!("{answer:?}") };
    assert!(lost.retryable && lost.to_string().contains("has lost its resource"), "{lost}");
    assert_eq!(workers.execute(|number| *number).unwrap(), 7);
    assert!(workers.close(Duration::from_secs(10)).is_complete());
    assert_eq!(workers.pool().stats().created, 2);
}

/// Promise: a worker that looks for jobs is idle for those who want it to themselves, and busy for the next of them. Provoked: its slot is held here,
/// as it holds it then, and it is said to look, or not.
#[test]
fn a_worker_that_looks_for_jobs_is_idle() {
    let workers = Workers::builder(|| Ok::<_, String>(7)).pool(|pool| pool.max_size(1)).build().unwrap();
    workers.submit_for("a", |_| ()).unwrap().wait().unwrap();
    let held = workers.pool().checkout().unwrap();
    let inbox = workers.shared.hall.inbox(0).unwrap();
    let alone = || workers.job().session(SessionMode::Fail).submit_for("a", |number| *number);
    assert!(matches!(alone(), Err(SubmitError::SessionBusy { queued: 0, .. })));
    inbox.looks(true);
    let job = alone().unwrap();
    assert!(matches!(alone(), Err(SubmitError::SessionBusy { queued: 1, .. })));
    drop(held);
    assert_eq!(job.wait().unwrap(), 7);
}

/// Promise: and no more once it has given its inbox to all, or its time has come. Provoked as above; nobody ticks.
#[test]
fn a_worker_that_leaves_its_jobs_to_others_is_not_idle() {
    for leaves in [true, false] {
        let clock = VirtualClock::new();
        let its = clock.clone();
        let pool = move |pool: Builder<_>| {
            let pool = pool.max_size(1).clock(&its).keeper(Keeper::Manual);
            pool.max_lifetime(Duration::from_secs(60)).lifetime_jitter(0.0)
        };
        let workers = Workers::builder(|| Ok::<_, String>(7)).pool(pool).build().unwrap();
        workers.submit_for("a", |_| ()).unwrap().wait().unwrap();
        let held = workers.pool().checkout().unwrap();
        let inbox = workers.shared.hall.inbox(0).unwrap();
        inbox.looks(true);
        if leaves {
            assert!(inbox.end().is_empty());
        } else {
            clock.advance(Duration::from_secs(61));
        }
        let alone = workers.job().session(SessionMode::Fail).submit_for("a", |number| *number);
        assert!(matches!(alone, Err(SubmitError::SessionBusy { queued: 0, .. })), "leaves: {leaves}");
        drop(held);
        assert!(workers.close(Duration::from_secs(10)).is_complete());
    }
}
