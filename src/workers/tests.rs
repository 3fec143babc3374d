//! What can only be shown from within.

use super::desk::{Desk, take_held};
use super::job::Late;
use super::{JobError, Workers};
use crate::error::CheckoutError;
use crate::pool::NEVER;
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
