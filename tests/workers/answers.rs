//! What tickets say.

use crate::support::{Probe, WATCHDOG, until};
use crate::{Held, closes_balanced};
use slackwater::{JobError, OnPanic, SubmitError, VirtualClock, Workers};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

fn numbers(size: usize) -> Workers<impl slackwater::LocalManager<Resource = u64>> {
    Workers::builder(|| Ok::<_, String>(0_u64)).pool(move |pool| pool.max_size(size)).build().unwrap()
}

#[test]
fn every_job_is_answered_and_each_is_a_use_of_its_workers_resource() {
    let workers = numbers(2);
    let tickets: Vec<_> = (0..1_000_u64).map(|number| workers.submit(move |_| number * 2).unwrap()).collect();
    for (number, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().unwrap(), number * 2);
    }
    closes_balanced(&workers);
    let stats = workers.pool().stats();
    assert_eq!((stats.created, stats.checkouts), (2, 1_000));
}

#[test]
fn a_panic_is_its_tickets_error_with_message_and_payload() {
    let workers = numbers(1);
    let number = std::hint::black_box(7);
    let answer = workers.submit(move |_| -> u64 { panic!("told to, by {number}") }).unwrap().wait();
    let Err(JobError::Panicked(panic)) = answer else { panic!("{answer:?}") };
    assert_eq!(panic.message(), "told to, by 7");
    let again = catch_unwind(AssertUnwindSafe(|| resume_unwind(panic.into_payload()))).unwrap_err();
    assert_eq!(*again.downcast::<String>().unwrap(), "told to, by 7");
    // By default the resource of a panicked job is discarded, and another is made.
    assert_eq!(workers.execute(|_| 7).unwrap(), 7);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().destroyed.by(slackwater::DestroyReason::HolderPanicked), 1);
}

#[test]
fn a_worker_whose_resource_a_panic_does_not_harm_lives_on() {
    let probe = Probe::new();
    let workers = Workers::builder(probe.clone()).pool(|pool| pool.on_panic(OnPanic::Return)).build().unwrap();
    for _ in 0..10 {
        assert!(matches!(workers.execute(|_| -> () { panic!("told to") }), Err(JobError::Panicked(_))));
    }
    assert_eq!(workers.execute(|thing| thing.number).unwrap(), 1);
    until(|| probe.recycle.calls() == 11);
    closes_balanced(&workers);
}

#[test]
fn others_go_on_while_one_panics() {
    let workers = numbers(2);
    let held = Held::at(&workers);
    assert!(workers.execute(|_| -> () { panic!("told to") }).is_err());
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    held.end();
    closes_balanced(&workers);
}

#[test]
fn a_job_that_is_cancelled_before_it_begins_never_does() {
    let workers = numbers(1);
    let (held, ran) = (Held::at(&workers), Arc::new(AtomicUsize::new(0)));
    let its = Arc::clone(&ran);
    let ticket = workers.submit(move |_| its.fetch_add(1, SeqCst)).unwrap();
    assert!(ticket.cancel());
    assert!(!ticket.cancel(), "twice cancelled");
    // What it had captured is gone at once.
    assert_eq!(Arc::strong_count(&ran), 1);
    assert!(matches!(ticket.wait(), Err(JobError::Cancelled)));
    held.end();
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    assert_eq!(ran.load(SeqCst), 0);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().checkouts, 2, "what was cancelled is no use");
}

#[test]
fn a_job_that_runs_or_is_over_cannot_be_cancelled() {
    let workers = numbers(1);
    let held = Held::at(&workers);
    assert!(!held.ticket.cancel());
    held.end();
    let ticket = workers.submit(|_| 3).unwrap();
    until(|| ticket.is_done());
    assert!(!ticket.cancel());
    assert_eq!(ticket.wait().unwrap(), 3);
    closes_balanced(&workers);
}

#[test]
fn a_ticket_comes_back_from_a_wait_that_was_too_short() {
    let workers = numbers(1);
    let held = Held::at(&workers);
    let mut ticket = workers.submit(|_| 5).unwrap();
    assert!(!ticket.is_done() && ticket.poll().is_none());
    let began = Instant::now();
    ticket = ticket.wait_timeout(Duration::from_millis(20)).unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(20));
    held.end();
    assert_eq!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), 5);
    closes_balanced(&workers);
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped_and_the_job_is_run() {
    let workers = numbers(1);
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let its = Arc::clone(&ran);
        drop(workers.submit(move |_| {
            its.fetch_add(1, SeqCst);
            its
        }));
    }
    until(|| ran.load(SeqCst) == 100 && Arc::strong_count(&ran) == 1);
    closes_balanced(&workers);
}

#[test]
fn what_panics_in_its_drop_takes_no_worker_with_it() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("told to panic in a destructor");
        }
    }
    let workers = numbers(1);
    let held = Held::at(&workers);
    drop(workers.submit(|_| Bad).unwrap());
    let bad = Bad;
    let cancelled = workers.submit(move |_| drop(bad)).unwrap();
    assert!(cancelled.cancel());
    held.end();
    assert_eq!(workers.execute(|_| 1).unwrap(), 1);
    closes_balanced(&workers);
    assert_eq!(workers.pool().stats().created, 1);
}

#[test]
fn a_full_queue_gives_the_job_back() {
    let workers = Workers::builder(|| Ok::<_, String>(0)).queue(2).build().unwrap();
    let held = Held::at(&workers);
    let queued: Vec<_> = (0..2).map(|number| workers.try_submit(move |_| number).unwrap()).collect();
    let text = String::from("precious");
    let refused = workers.try_submit(move |_| text.len()).unwrap_err();
    assert!(matches!(refused.reason, SubmitError::Full { queued: 2, limit: 2, .. }), "{refused}");
    held.end();
    for (number, ticket) in (0..).zip(queued) {
        assert_eq!(ticket.wait().unwrap(), number);
    }
    assert_eq!(workers.submit(refused.job).unwrap().wait().unwrap(), 8);
    closes_balanced(&workers);
}

/// Who has seen room does not look again for a while: a refusal of one ends that for all.
#[test]
fn a_full_queue_refuses_those_too_who_saw_room_a_while_ago() {
    const LIMIT: usize = 1_024;
    let workers = Workers::builder(|| Ok::<_, String>(0)).queue(LIMIT).build().unwrap();
    let held = Held::at(&workers);
    let submit = || workers.try_submit(|_| ()).map_err(|refused| refused.reason);
    let (has_room, is_full) = (Barrier::new(9), Barrier::new(9));
    std::thread::scope(|s| {
        let others = [(); 8].map(|()| {
            s.spawn(|| {
                let first = submit();
                has_room.wait();
                is_full.wait();
                (first, submit())
            })
        });
        has_room.wait();
        let more = (0..2 * LIMIT).take_while(|_| submit().is_ok()).count();
        is_full.wait();
        for (first, second) in others.map(|one| one.join().unwrap()) {
            assert!(first.is_ok(), "{first:?}");
            assert!(matches!(second, Err(SubmitError::Full { limit: LIMIT, .. })), "{second:?}");
        }
        assert!((LIMIT..=LIMIT + 256).contains(&(8 + more)), "{more}");
    });
    held.end();
    closes_balanced(&workers);
}

#[test]
fn a_submitter_waits_for_room_and_no_longer_than_it_may() {
    let workers = Workers::builder(|| Ok::<_, String>(0)).queue(1);
    let workers = workers.pool(|pool| pool.checkout_timeout(Duration::from_millis(10))).build().unwrap();
    let held = Held::at(&workers);
    let queued = workers.submit(|_| 1).unwrap();
    let refused = workers.submit(|_| 2).unwrap_err();
    let SubmitError::Full { waited, .. } = refused else { panic!("{refused}") };
    assert!(waited >= Duration::from_millis(10));
    held.end();
    assert_eq!(queued.wait().unwrap(), 1);
    closes_balanced(&workers);
}

#[test]
fn a_submitter_that_waits_for_room_is_served_once_there_is_some() {
    // In virtual time, which stands still: it waits until there is room, however long that takes.
    let clock = VirtualClock::new();
    let workers = Workers::builder(|| Ok::<_, String>(0)).queue(1);
    let workers = workers.pool(move |pool| pool.clock(&clock)).build().unwrap();
    for _ in 0..20 {
        let held = Held::at(&workers);
        let queued = workers.submit(|_| 1).unwrap();
        let (about, is_about) = std::sync::mpsc::channel();
        std::thread::scope(|s| {
            let waits = s.spawn(|| {
                about.send(()).unwrap();
                workers.submit(|_| 3)
            });
            is_about.recv_timeout(WATCHDOG).unwrap();
            assert!(!waits.is_finished(), "there is no room");
            held.end();
            assert_eq!(waits.join().unwrap().unwrap().wait().unwrap(), 3);
        });
        assert_eq!(queued.wait().unwrap(), 1);
    }
    closes_balanced(&workers);
}

#[test]
fn many_submitters_share_a_short_queue() {
    let workers = Workers::builder(|| Ok::<_, String>(0_u64)).queue(4).pool(|pool| pool.max_size(2)).build().unwrap();
    let total = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                for _ in 0..500 {
                    let its = Arc::clone(&total);
                    drop(workers.submit(move |_| its.fetch_add(1, SeqCst)).unwrap());
                }
            });
        }
    });
    closes_balanced(&workers);
    assert_eq!(total.load(SeqCst), 4_000);
}
