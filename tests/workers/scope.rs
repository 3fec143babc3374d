use super::support::{WATCHDOG, closes_balanced, until};
use slackwater::{JobError, SubmitError, VirtualClock, Workers};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

type Make = fn() -> Result<u64, String>;

fn workers(size: usize) -> Workers<Make> {
    let make: Make = || Ok(0);
    Workers::builder(make).pool(move |pool| pool.max_size(size)).build().unwrap()
}

/// Says in its drop that it is gone, through a reference to what its scope borrows.
struct Noted<'a>(&'a AtomicUsize, Box<u64>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(*self.1 as usize, SeqCst);
    }
}

#[test]
fn jobs_change_what_their_caller_owns() {
    let workers = workers(2);
    let mut heap: Vec<Box<u64>> = (0..1000).map(Box::new).collect();
    workers.scope(|scope| {
        for chunk in heap.chunks_mut(70) {
            drop(scope.submit(|_| chunk.iter_mut().for_each(|number| **number += 1)).unwrap());
        }
    });
    assert!(heap.iter().zip(1..).all(|(number, expected)| **number == expected));
    closes_balanced(workers.pool());
}

#[test]
fn answers_may_borrow_too() {
    let workers = workers(2);
    let text = String::from("flood slack ebb");
    let longest = workers.scope(|scope| {
        let words = text.split(' ').map(|word| scope.submit(move |_| (word.len(), word)).unwrap());
        let tickets: Vec<_> = words.collect();
        tickets.into_iter().map(|ticket| ticket.wait().unwrap()).max().unwrap().1
    });
    assert_eq!(longest, "slack");
    closes_balanced(workers.pool());
}

/// Promise: all jobs have ended when the scope returns, also if `f` panics. Provoked: a job that ends only once `f` has panicked.
#[test]
fn a_scope_whose_closure_panics_waits_for_its_jobs() {
    let workers = workers(2);
    let (panics, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let data = Box::new(41);
    let result = catch_unwind(AssertUnwindSafe(|| {
        workers.scope(|scope| {
            let job = |_: &mut u64| {
                until(|| panics.load(SeqCst));
                // Long enough for a scope that does not wait to be gone.
                (0..1000).for_each(|_| thread::yield_now());
                assert_eq!(*data + 1, 42);
                ended.store(true, SeqCst);
            };
            drop(scope.submit(job).unwrap());
            let _telling = Telling(&panics);
            panic!("the closure's own");
        })
    }));
    assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"the closure's own"));
    assert!(ended.load(SeqCst));
    closes_balanced(workers.pool());
}

struct Telling<'a>(&'a AtomicBool);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_job_that_panics_is_its_tickets_error_and_no_panic_of_the_scope() {
    let workers = workers(1);
    let count = AtomicUsize::new(0);
    let message = workers.scope(|scope| {
        let panics = scope.submit(|_| assert_eq!(count.load(SeqCst), 1, "no sum")).unwrap();
        drop(scope.submit(|_| panic!("nobody hears this")).unwrap());
        drop(scope.submit(|_| count.fetch_add(1, SeqCst)).unwrap());
        match panics.wait() {
            Err(JobError::Panicked(panic)) => panic.message().to_owned(),
            other => panic!("{other:?}"),
        }
    });
    assert!(message.contains("no sum"), "{message}");
    assert_eq!(count.load(SeqCst), 1);
    closes_balanced(workers.pool());
}

/// Promise: nothing that borrows is left when the scope returns. Provoked: answers nobody takes, of jobs whose tickets are dropped, and
/// captures of jobs that are cancelled; all look at the heap as they are dropped.
#[test]
fn answers_and_captures_that_borrow_are_dropped_before_the_scope_returns() {
    let workers = workers(2);
    let dropped = Box::new(AtomicUsize::new(0));
    let (held, open) = (AtomicUsize::new(0), AtomicBool::new(false));
    workers.scope(|scope| {
        for _ in 0..100 {
            drop(scope.submit(|_| Noted(&dropped, Box::new(1))).unwrap());
        }
        let hold = |_: &mut _| {
            held.fetch_add(1, SeqCst);
            until(|| open.load(SeqCst));
        };
        let holding = [(), ()].map(|()| scope.submit(hold).unwrap());
        // Not before: one of them might wait in the other's queue, and its worker do what comes later.
        until(|| held.load(SeqCst) == 2);
        let unwanted: Vec<_> = (0..10)
            .map(|_| {
                let noted = Noted(&dropped, Box::new(1000));
                scope.submit(move |_| drop(noted)).unwrap()
            })
            .collect();
        let cancelled = unwanted.iter().filter(|ticket| ticket.cancel()).count();
        open.store(true, SeqCst);
        assert!(holding.into_iter().all(|holding| holding.wait().is_ok()));
        assert_eq!(cancelled, 10);
        for ticket in unwanted {
            drop(ticket.wait());
        }
    });
    assert_eq!(dropped.load(SeqCst), 100 + 10 * 1000);
    closes_balanced(workers.pool());
}

/// Promise: a late job's ticket is answered at once, and the scope waits for the job all the same.
#[test]
fn a_scope_outlives_a_job_that_is_past_its_deadline() {
    let clock = VirtualClock::new();
    let make: Make = || Ok(0);
    let its = clock.clone();
    let workers = Workers::builder(make)
        .pool(move |pool| pool.max_size(1).clock(&its))
        .job_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let (answered, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    workers.scope(|scope| {
        let late = scope.submit(|_| {
            clock.advance(Duration::from_secs(2));
            until(|| answered.load(SeqCst));
            (0..1000).for_each(|_| thread::yield_now());
            ended.store(true, SeqCst);
        });
        assert!(matches!(late.unwrap().wait(), Err(JobError::Timeout(_))));
        assert!(!ended.load(SeqCst));
        answered.store(true, SeqCst);
    });
    assert!(ended.load(SeqCst));
    closes_balanced(workers.pool());
}

#[test]
fn a_job_submits_more_through_its_scope() {
    let workers = workers(2);
    let count = AtomicUsize::new(0);
    workers.scope(|scope| {
        for _ in 0..10 {
            let job = |_: &mut u64| {
                for _ in 0..10 {
                    drop(scope.submit(|_| count.fetch_add(1, SeqCst)).unwrap());
                }
            };
            drop(scope.submit(job).unwrap());
        }
    });
    assert_eq!(count.load(SeqCst), 100);
    closes_balanced(workers.pool());
}

/// Promise: a scope can be used as long as a job of it runs. Provoked: a job that waits until the closure has returned.
#[test]
fn a_job_submits_through_its_scope_after_its_closure_has_returned() {
    struct Returns<'a>(&'a AtomicUsize);
    impl Drop for Returns<'_> {
        fn drop(&mut self) {
            self.0.store(1, SeqCst);
        }
    }
    let workers = workers(2);
    let (has_returned, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
    workers.scope(|scope| {
        let _returns = Returns(&has_returned);
        let job = |_: &mut u64| {
            until(|| has_returned.load(SeqCst) == 1);
            drop(scope.submit(|_| count.fetch_add(1, SeqCst)).unwrap());
        };
        drop(scope.submit(job).unwrap());
    });
    assert_eq!(count.load(SeqCst), 1);
    closes_balanced(workers.pool());
}

/// Promise: no deadlock. Provoked: the only worker is at the job that opens the scope.
#[test]
fn a_scope_inside_a_job_of_the_same_workers_refuses_with_the_job_given_back() {
    let workers = Arc::new(workers(1));
    let inner = workers.clone();
    let answer = workers.execute(move |_| {
        let number = Box::new(6);
        inner.scope(|scope| {
            assert!(matches!(scope.submit(|_| *number), Err(SubmitError::OnWorker)));
            let refused = scope.try_submit(|done: &mut u64| *done + *number).unwrap_err();
            assert!(matches!(refused.reason, SubmitError::OnWorker));
            (refused.job)(&mut 7)
        })
    });
    assert_eq!(answer.unwrap(), 13);
    closes_balanced(workers.pool());
}

#[test]
fn a_scope_of_other_workers_inside_a_job_is_none_of_its_own() {
    let (outer, inner) = (workers(1), Arc::new(workers(1)));
    let other = inner.clone();
    let answer = outer.execute(move |_| {
        let number = Box::new(6);
        other.scope(|scope| scope.submit(|_| *number * 7).unwrap().wait().unwrap())
    });
    assert_eq!(answer.unwrap(), 42);
    closes_balanced(outer.pool());
    closes_balanced(inner.pool());
}

/// Promise: closing answers what has not begun, and the scope returns.
#[test]
fn workers_that_are_closed_meanwhile_do_not_keep_a_scope() {
    let workers = workers(1);
    let (begun, open) = (AtomicBool::new(false), AtomicBool::new(false));
    let data = Box::new(1_usize);
    let (ran, refused) = workers.scope(|scope| {
        let job = |_: &mut u64| {
            begun.store(true, SeqCst);
            until(|| open.load(SeqCst));
        };
        let held = scope.submit(job).unwrap();
        until(|| begun.load(SeqCst));
        let waiting: Vec<_> = (0..5).map(|_| scope.submit(|_| *data).unwrap()).collect();
        thread::scope(|threads| {
            threads.spawn(|| workers.pool().close(WATCHDOG));
            until(|| workers.pool().is_closed());
            open.store(true, SeqCst);
        });
        assert!(held.wait().is_ok());
        assert!(matches!(scope.submit(|_| *data), Err(SubmitError::Closed { .. })));
        let (ran, refused): (Vec<_>, Vec<_>) = waiting.into_iter().map(|ticket| ticket.wait()).partition(Result::is_ok);
        (ran.len(), refused.len())
    });
    assert_eq!(ran + refused, 5);
    closes_balanced(workers.pool());
}

/// A job that nobody could run has its closure still: it is given back, and what it borrows with it.
#[test]
fn a_refused_job_comes_back_whole() {
    let workers = workers(1);
    workers.pool().close(WATCHDOG);
    let mut lines = vec![String::from("one")];
    workers.scope(|scope| {
        let job = |_: &mut u64| lines.push(String::from("two"));
        let mut refused = scope.try_submit(job).unwrap_err();
        (refused.job)(&mut 0);
    });
    assert_eq!(lines, ["one", "two"]);
    closes_balanced(workers.pool());
}
