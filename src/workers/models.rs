//! The workers' protocols under the model checker: see `src/core/models.rs` for how it is run, and for what it explores.
//!
//! The queue itself is crossbeam's, and not explored: for the checker each of its operations is one step.

use super::board::{Board, COUNTS, Sleeper, Tally};
use super::circle::Waiter;
use super::desk::Desk;
use super::error::JobError;
use super::hall::Hall;
use super::inbox::Inbox;
use super::job::{Answers, AnyJob, Run, Span, Task, Terms, Turn};
use crate::core::Word;
use crate::core::models::{explore, explore_all};
use crate::core::sync::{AtomicBool, Mutex, Thread, current, fence, park};
use crate::error::CheckoutError;
use crate::observe::ResourceId;
use crate::pool::{Attendant, Priority};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// A worker that sleeps.
#[derive(Clone)]
struct Bed(usize, Thread);

impl Sleeper for Bed {
    fn call(&self) {
        self.1.unpark();
    }

    fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

struct Room {
    board: Board<Bed>,
    tallies: [Arc<Tally>; 2],
    jobs: Mutex<Vec<u32>>,
    /// How many may search at once.
    searchers: u64,
}

impl Room {
    fn new(searchers: u64) -> Arc<Room> {
        let tallies = [(); 2].map(|()| Tally::new());
        let room = Room { board: Board::new(), tallies, jobs: Mutex::new(Vec::new()), searchers };
        room.tallies.iter().for_each(|tally| room.board.add_tally(tally));
        Arc::new(room)
    }

    /// As one does who is no worker: jobs in a row by different threads, each of which counts in a place of its own.
    fn submit(&self, job: u32) {
        self.jobs.lock().push(job);
        self.board.pushed_outside(job as usize % COUNTS);
    }

    /// As a worker does whose job submits another.
    fn submit_inside(&self, number: usize, job: u32) {
        self.jobs.lock().push(job);
        self.board.pushed(&self.tallies[number]);
    }

    /// A thread that works as worker `number`, and answers the job it got.
    fn worker(self: &Arc<Self>, number: usize) -> loom::thread::JoinHandle<u32> {
        let room = Arc::clone(self);
        loom::thread::spawn(move || room.work(number))
    }

    /// As a worker does, until it has a job: that one takes it for ever.
    fn work(&self, number: usize) -> u32 {
        let (me, mut searching) = (Bed(number, current()), false);
        loop {
            let job = self.jobs.lock().pop();
            if let Some(job) = job {
                self.board.taken(Some(&self.tallies[number]), searching);
                return job;
            }
            if !searching && self.board.search(self.searchers) {
                searching = true;
            } else if self.board.sleep(&me, std::mem::take(&mut searching)) {
                park();
                searching = self.board.leave(&me);
            } else {
                searching = true;
                loom::thread::yield_now();
            }
        }
    }
}

/// Bad run: the submitter sees nobody asleep, the worker no job, and both rest.
#[test]
fn a_job_submitted_while_its_worker_falls_asleep_is_taken() {
    explore_all("submit against sleep", || {
        let room = Room::new(1);
        let worker = room.worker(0);
        room.submit(7);
        assert_eq!(worker.join().unwrap(), 7);
    });
}

/// Bad run: two jobs in a row wake one worker, which takes one; the other stays with the one that sleeps.
#[test]
fn a_worker_that_found_a_job_wakes_another_for_the_next() {
    for searchers in [1, 2] {
        explore("two submits against two sleeps", move || {
            let room = Room::new(searchers);
            let workers = [0, 1].map(|number| room.worker(number));
            room.submit(3);
            room.submit(4);
            let taken = workers.map(|worker| worker.join().unwrap());
            assert_eq!(taken.iter().sum::<u32>(), 7);
        });
    }
}

/// Bad run: who falls asleep does not see the count of what a worker has submitted, which saw nobody asleep.
#[test]
fn a_job_submitted_by_a_worker_is_taken_by_another() {
    explore_all("a worker's submit against sleep", || {
        let room = Room::new(1);
        let worker = room.worker(0);
        room.submit_inside(1, 7);
        assert_eq!(worker.join().unwrap(), 7);
    });
}

/// Bad run: the sums are the same because one job is missing on one side, and another on the other.
#[test]
fn jobs_of_a_worker_and_of_others_do_not_stand_for_each_other() {
    for searchers in [1, 2] {
        explore("a worker that submits and works, another that works", move || {
            let room = Room::new(searchers);
            let worker = room.worker(0);
            room.submit_inside(1, 3);
            room.submit(4);
            let taken = room.work(1) + worker.join().unwrap();
            assert_eq!(taken, 7);
        });
    }
}

/// Bad run: two submitters, each of which relies on what the other wakes.
#[test]
fn jobs_submitted_at_the_same_time_are_taken_by_two() {
    for searchers in [1, 2] {
        explore("two submitters against a sleep", move || {
            let room = Room::new(searchers);
            let its = Arc::clone(&room);
            let submitter = loom::thread::spawn(move || its.submit(3));
            let worker = room.worker(0);
            room.submit(4);
            let taken = room.work(1) + worker.join().unwrap();
            submitter.join().unwrap();
            assert_eq!(taken, 7);
        });
    }
}

fn hall() -> Arc<Hall<()>> {
    Arc::new(Hall::new(8, crate::pool::NEVER))
}

/// A job that answers 7.
fn seven() -> Arc<Task<fn(&mut ()) -> u32, u32>> {
    Arc::new(Task::new(|_: &mut ()| 7, terms(), None))
}

#[track_caller]
fn is_told_of_the_close(task: &impl Answers<u32>) {
    let answer = task.take().expect("an answer");
    assert!(matches!(answer, Err(JobError::NoWorker(CheckoutError::Closed(_)))), "{answer:?}");
}

fn terms() -> Terms {
    Terms { site: Location::caller(), tick: 0, priority: Priority::Normal }
}

/// Bad run: a job is told to be cancelled, and runs; or neither runs nor is.
#[test]
fn a_job_is_cancelled_or_begins() {
    explore_all("cancel against start", || {
        let ran = Arc::new(AtomicUsize::new(0));
        let its = Arc::clone(&ran);
        let task = Arc::new(Task::new(move |_: &mut ()| its.fetch_add(1, SeqCst), terms(), None));
        let runs = Arc::clone(&task);
        let worker = loom::thread::spawn(move || Run::run(&*runs, &mut (), Span::UNLIMITED, &mut |_| ()));
        let cancelled = task.cancel();
        let turn = worker.join().unwrap();
        assert_eq!((cancelled, ran.load(SeqCst)), if turn == Turn::Missed { (true, 0) } else { (false, 1) });
        match task.take() {
            Some(Ok(0)) => assert!(!cancelled),
            Some(Err(JobError::Cancelled)) => assert!(cancelled),
            other => panic!("{other:?}"),
        }
        assert!(task.take().is_none(), "answered twice");
    });
}

/// Bad run: the answer comes after the look and before the wait, and wakes nobody.
#[test]
fn who_waits_for_an_answer_gets_it() {
    explore_all("wait against answer", || {
        let task = seven();
        let runs = Arc::clone(&task);
        let worker = loom::thread::spawn(move || Run::run(&*runs, &mut (), Span::UNLIMITED, &mut |_| ()));
        if let Ok(true) = Answers::wait(&*task, &mut || Ok(Waiter::new(current(), None))) {
            while !task.is_over() {
                park();
            }
        }
        assert_eq!(task.take().unwrap().unwrap(), 7);
        assert_eq!(worker.join().unwrap(), Turn::Done);
    });
}

/// Bad run: a job is pushed after who closes has looked, and nobody answers it.
#[test]
fn a_job_submitted_beside_a_close_is_answered() {
    explore_all("close against submit", || {
        let hall = hall();
        let task = seven();
        let (its, job) = (Arc::clone(&hall), Arc::clone(&task));
        let submitter = loom::thread::spawn(move || {
            if its.board.look().is_closing() {
                return false;
            }
            let job: Arc<dyn Run<()>> = job;
            its.push(AnyJob::Shared(job));
            true
        });
        hall.board.close();
        hall.refuse_all();
        if submitter.join().unwrap() {
            is_told_of_the_close(&*task);
        }
    });
}

/// Bad run: who closes looks while a job is on its way from one queue to another, and nobody answers it.
#[test]
fn a_job_that_a_close_finds_between_two_queues_is_answered() {
    explore_all("close against a batch", || {
        let hall = hall();
        let task = seven();
        let job: Arc<dyn Run<()>> = Arc::<Task<_, _>>::clone(&task);
        hall.push(AnyJob::Shared(job));
        let its = Arc::clone(&hall);
        // As a worker that takes a batch, of which the first job is another.
        let mover = loom::thread::spawn(move || {
            let mut job = None;
            its.lanes.take(None, &mut job);
            // The checker's threads take turns at its own operations only.
            its.board.look();
            if let Some(job) = job {
                its.lanes.push(job, None);
                its.has_moved_jobs();
            }
        });
        hall.board.close();
        hall.refuse_all();
        mover.join().unwrap();
        let answer = task.take().expect("an answer");
        assert!(matches!(answer, Err(JobError::NoWorker(CheckoutError::Closed(_)))), "{answer:?}");
    });
}

/// Bad run: who opens a slot sees nobody aside, and its worker a slot that is not free.
#[test]
fn a_worker_that_stands_aside_is_told_of_its_slot() {
    explore_all("aside against opened", || {
        let hall = hall();
        let is_free = Arc::new(AtomicBool::new(false));
        let me = Desk::here();
        hall.seat(ResourceId::new(0, Word::from_bits(0)), &me);
        let (its, free) = (Arc::clone(&hall), Arc::clone(&is_free));
        let opener = loom::thread::spawn(move || {
            free.store(true, Relaxed);
            // As `tell_opened` does.
            fence(SeqCst);
            its.opened(0);
        });
        hall.stand_aside(&me, true);
        if !is_free.load(Relaxed) {
            park();
        }
        hall.stand_aside(&me, false);
        opener.join().unwrap();
    });
}

/// A worker of `hall` whose inbox is open.
fn seated(hall: &Hall<()>) -> (Arc<Desk>, Arc<Inbox<()>>) {
    let desk = Desk::here();
    let inbox = hall.open_inbox(ResourceId::new(0, Word::from_bits(0)), &desk);
    (desk, inbox)
}

/// As a worker does that finds nothing until it has a job.
fn finds(hall: &Hall<()>, desk: &Arc<Desk>, inbox: Option<&Inbox<()>>) -> AnyJob<()> {
    let (mut searching, mut job) = (false, None);
    loop {
        if let Some(job) = inbox.and_then(|inbox| hall.take_from(inbox)) {
            return job;
        }
        if hall.take(None, &mut searching, &mut job) {
            return job.take().expect("what was taken");
        }
        if hall.board.sleep(desk, std::mem::take(&mut searching)) {
            desk.rest();
            searching = hall.board.leave(desk);
        } else {
            searching = true;
            loom::thread::yield_now();
        }
    }
}

/// A thread that leaves `task` for the worker in slot 0.
fn leaves(hall: &Arc<Hall<()>>, task: &Arc<Task<fn(&mut ()) -> u32, u32>>) -> loom::thread::JoinHandle<()> {
    let (hall, job) = (Arc::clone(hall), Arc::<Task<_, _>>::clone(task));
    loom::thread::spawn(move || {
        let job: Arc<dyn Run<()>> = job;
        hall.push_for(0, AnyJob::Shared(job), crate::pool::NEVER, |_, _| true).expect("nobody asks to be alone");
    })
}

/// Bad run: a job is left for a worker after its look, and before its sleep.
#[test]
fn a_job_left_for_a_worker_that_falls_asleep_is_taken() {
    explore_all("inbox against sleep", || {
        let hall = hall();
        let task = seven();
        let (desk, inbox) = seated(&hall);
        let submitter = leaves(&hall, &task);
        drop(finds(&hall, &desk, Some(&inbox)));
        submitter.join().unwrap();
        assert_eq!(hall.board.jobs(), 0, "none is counted twice, or not at all");
    });
}

/// Bad run: a job is left for a worker that has just given what was left there to the others, of whom one sleeps.
#[test]
fn a_job_left_for_a_worker_that_closes_its_inbox_is_taken_by_another() {
    explore("inbox against its end", || {
        let hall = hall();
        let task = seven();
        let (_, inbox) = seated(&hall);
        let submitter = leaves(&hall, &task);
        let its = Arc::clone(&hall);
        let other = loom::thread::spawn(move || drop(finds(&its, &Desk::here(), None)));
        _ = hall.close_inbox(&inbox);
        other.join().unwrap();
        submitter.join().unwrap();
        assert_eq!(hall.board.jobs(), 0, "none is counted twice, or not at all");
    });
}

/// Bad run: a job is left for a worker after who closes has looked, and nobody answers it.
#[test]
fn a_job_left_for_a_worker_beside_a_close_is_answered() {
    explore_all("close against inbox", || {
        let hall = hall();
        let task = seven();
        let (_, _inbox) = seated(&hall);
        let submitter = leaves(&hall, &task);
        hall.board.close();
        hall.refuse_all();
        submitter.join().unwrap();
        is_told_of_the_close(&*task);
    });
}

/// Bad run: two want a worker to themselves, and both are accepted: one is asked after the job of the other was taken, and before that has begun.
#[test]
fn of_two_who_want_a_worker_to_themselves_one_is_accepted() {
    explore_all("alone against alone", || {
        let hall = hall();
        let (_, inbox) = seated(&hall);
        inbox.looks(true);
        let (its, tasks) = (Arc::clone(&hall), [seven(), seven()]);
        let alone = |hall: &Hall<()>, task: &Arc<Task<fn(&mut ()) -> u32, u32>>| {
            let job: Arc<dyn Run<()>> = Arc::<Task<_, _>>::clone(task);
            let accepts = |inbox: &Inbox<()>, queued| queued == 0 && inbox.is_looking();
            hall.push_for(0, AnyJob::Shared(job), crate::pool::NEVER, accepts).is_ok()
        };
        let second = Arc::clone(&tasks[1]);
        let submitter = loom::thread::spawn(move || alone(&its, &second));
        let its = Arc::clone(&hall);
        // The job lasts until all have been told.
        let worker = loom::thread::spawn(move || its.take_from(&inbox));
        let accepted = [alone(&hall, &tasks[0]), submitter.join().unwrap()];
        assert_ne!(accepted[0], accepted[1]);
        drop(worker.join().unwrap());
    });
}
