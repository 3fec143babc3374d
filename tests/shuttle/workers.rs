//! Workers under random schedules: what is submitted is answered, whatever becomes of the seats.

#[path = "jobs.rs"]
mod jobs;

use crate::crowd::{Crowd, chance};
use crate::moody::{Mood, Moody};
use crate::{MS, explore, goes_on};
use jobs::{Ledger, Wishes, any_workers, crowd, end};
use shuttle::thread;
use slackwater::{Fairness, Keeper, SessionMode, VirtualClock};

/// Nobody gives up and no time passes: every job is answered, and every seat that is borrowed comes back into service.
#[test]
fn without_time_every_job_is_answered() {
    explore("jobs without time", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let workers = any_workers(&manager, &clock, |pool| pool);
        let ledger = Ledger::default();
        crowd(&workers, &ledger, Wishes { gives_up: false, may_fail: false, closes: false }).join();
        end(workers, &manager, &ledger);
    });
}

/// Who waits for a seat may find one and be granted another. Here it keeps what it found until a job is done that only the worker of the
/// other can do: that one has to be told that its seat is back.
#[test]
fn a_seat_that_nobody_keeps_goes_back_to_work() {
    explore("two seats for one", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let workers = any_workers(&manager, &clock, |pool| pool.max_size(2).min_idle(2).fairness(Fairness::Fifo));
        let held = [(); 2].map(|()| workers.pool().checkout_owned().unwrap());
        let (job, its) = (workers.submit(|_| ()).unwrap(), workers.clone());
        let waiter = thread::spawn(move || {
            let seat = its.pool().checkout().unwrap();
            job.wait().unwrap();
            drop(seat);
        });
        let returns = held.map(|seat| thread::spawn(move || drop(seat)));
        returns.into_iter().chain([waiter]).for_each(|thread| thread.join().unwrap());
        end(workers, &manager, &Ledger::default());
    });
}

/// A session's job is left for its worker, which is taken out of the pool at that moment, and was the last one: another is made for it.
#[test]
fn a_job_left_for_a_worker_that_is_taken_out_is_done_by_another() {
    explore("a job for the last worker", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let workers = any_workers(&manager, &clock, |pool| pool.max_size(1).min_idle(0));
        workers.submit_for(&7, |_| ()).unwrap().wait().unwrap();
        let its = workers.clone();
        let ends = thread::spawn(move || drop(its.pool().checkout().unwrap().detach()));
        let job = workers.job().session(SessionMode::Wait).submit_for(&7, |_| ()).unwrap();
        job.wait().unwrap();
        ends.join().unwrap();
        end(workers, &manager, &Ledger::default());
    });
}

/// The same, while every callback fails now and then, time moves, and some give up.
#[test]
fn every_job_is_answered_in_any_weather() {
    explore("jobs in any weather", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let workers = any_workers(&manager, &clock, |pool| pool.keeper([Keeper::Dedicated, Keeper::Manual][chance(2)]));
        manager.set(Mood::Foul);
        let wishes = Wishes { gives_up: true, may_fail: true, closes: false };
        let ledger = Ledger::default();
        goes_on(workers.pool(), crowd(&workers, &ledger, wishes), &clock);
        // Whatever happened, what is queued is run once the mood is better, though nobody waits for it.
        manager.set(Mood::Calm);
        let (mut rest, its, of) = (Crowd::empty(), ledger.clone(), workers.clone());
        rest.add(move || {
            // One that was cancelled is in the queue until somebody comes by.
            while its.jobs() > 0 || of.queued() > 0 {
                thread::yield_now();
            }
        });
        goes_on(workers.pool(), rest, &clock);
        end(workers, &manager, &ledger);
    });
}

/// The same, closed in the middle: what was accepted is answered, and nothing is left.
#[test]
fn a_close_amid_jobs_answers_them_and_leaves_nothing() {
    explore("jobs, closed", || {
        let (manager, clock) = (Moody::new(), VirtualClock::new());
        let workers = any_workers(&manager, &clock, |pool| pool.keeper([Keeper::Dedicated, Keeper::Manual][chance(2)]));
        manager.set(Mood::Foul);
        let wishes = Wishes { gives_up: true, may_fail: true, closes: true };
        let ledger = Ledger::default();
        let mut crowd = crowd(&workers, &ledger, wishes);
        let its = workers.clone();
        crowd.add(move || {
            (0..chance(8)).for_each(|_| thread::yield_now());
            // Time may run out before all is done; the rest is what this is about.
            let _ = its.close(MS * chance(2) as u32);
        });
        goes_on(workers.pool(), crowd, &clock);
        assert!(workers.is_closed() && workers.try_submit(|_| ()).is_err());
        end(workers, &manager, &ledger);
    });
}
