//! Jobs for the worker that a session is bound to.

use crate::support::{WATCHDOG, until};
use crate::{Held, closes_balanced};
use slackwater::{
    JobError, Keeper, LocalManager, OnLeak, OnPanic, SessionMode, SubmitError, Ticket, VirtualClock, Workers,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

const HINT: SessionMode = SessionMode::Hint { wait: Duration::ZERO };

fn workers(size: usize, on_panic: OnPanic) -> Workers<impl LocalManager<Resource = ThreadId>> {
    let make = || Ok::<_, String>(thread::current().id());
    Workers::builder(make)
        .queue(8)
        .pool(move |pool| pool.max_size(size).min_idle(size).on_panic(on_panic))
        .build()
        .unwrap()
}

/// A job of the session `key` that holds its worker until it is let go of.
struct Busy {
    go: mpsc::Sender<bool>,
    ticket: Ticket<()>,
    own: ThreadId,
}

impl Busy {
    /// Sent false, it panics.
    fn with<M: LocalManager<Resource = ThreadId>>(workers: &Workers<M>, key: &str) -> Busy {
        // Bound by one job that is done, then held by the next.
        let own = workers.submit_for(key, |own| *own).unwrap().wait().unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (go, may_go) = mpsc::channel();
        let job = move |own: &mut ThreadId| {
            begun.send(*own).unwrap();
            if may_go.recv_timeout(3 * WATCHDOG) == Ok(false) {
                std::panic::resume_unwind(Box::new("as told"));
            }
        };
        let ticket = workers.job().session(SessionMode::Wait).submit_for(key, job).unwrap();
        assert_eq!(has_begun.recv_timeout(WATCHDOG).unwrap(), own);
        Busy { go, ticket, own }
    }

    fn end(self) {
        self.go.send(true).unwrap();
        self.ticket.wait().unwrap();
    }
}

/// A job of the session "a" whose worker has nothing else to do. That gives its resource back when the answer of the job before is there already.
fn alone<M: LocalManager<Resource = ThreadId>>(workers: &Workers<M>) -> Ticket<ThreadId> {
    let accepted = Mutex::new(None);
    until(|| {
        let job = workers.job().session(SessionMode::Fail).submit_for("a", |own| *own);
        job.map(|job| *accepted.lock().unwrap() = Some(job)).is_ok()
    });
    accepted.into_inner().unwrap().unwrap()
}

#[test]
fn sessions_find_their_workers_again() {
    let workers = workers(4, OnPanic::Discard);
    let mut owns = Vec::new();
    for round in 0..200 {
        for key in 0..4_usize {
            let job = workers.job().session(SessionMode::Wait).submit_for(&key, |own| *own);
            let own = job.unwrap().wait().unwrap();
            if round == 0 {
                owns.push(own);
            }
            assert_eq!(own, owns[key], "round {round}");
        }
    }
    let stats = workers.pool().session_stats();
    assert_eq!((stats.hits, stats.misses), (796, 4));
    closes_balanced(&workers);
}

#[test]
fn a_job_that_fails_binds_nothing() {
    let workers = workers(2, OnPanic::Return);
    let job = |_: &mut ThreadId| std::panic::resume_unwind(Box::new("not told"));
    for _ in 0..3 {
        let answer: Result<(), _> = workers.submit_for("a", job).unwrap().wait();
        assert!(matches!(answer, Err(JobError::Panicked(_))));
    }
    assert_eq!(workers.pool().session_stats(), Default::default());
    closes_balanced(&workers);
}

#[test]
fn a_job_that_succeeds_when_it_is_too_late_binds_nothing() {
    let workers = workers(2, OnPanic::Discard);
    let (go, may_go) = mpsc::channel();
    let job = workers.job().timeout(Duration::from_millis(20));
    let late = job.submit_for("a", move |_| may_go.recv_timeout(3 * WATCHDOG).unwrap()).unwrap();
    assert!(matches!(late.wait(), Err(JobError::Timeout(_))));
    go.send(()).unwrap();
    // Replaced or not: its ticket may have looked at the clock before the keeper did.
    until(|| workers.pool().stats().in_use == 0);
    assert_eq!(workers.pool().session_stats().misses, 0);
    closes_balanced(&workers);
}

#[test]
fn a_session_that_waits_gets_its_own_worker_though_others_are_idle() {
    let workers = workers(2, OnPanic::Discard);
    let busy = Busy::with(&workers, "a");
    let own = busy.own;
    let waits = workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap();
    for _ in 0..100 {
        assert_ne!(workers.execute(|own| *own).unwrap(), own);
    }
    assert!(!waits.is_done() && workers.queued() == 1);
    busy.end();
    assert_eq!(waits.wait().unwrap(), own);
    closes_balanced(&workers);
}

#[test]
fn a_hint_goes_to_another_at_once_or_after_its_wait() {
    for wait in [Duration::ZERO, Duration::from_millis(20)] {
        let workers = workers(2, OnPanic::Discard);
        let busy = Busy::with(&workers, "a");
        let hint = workers.job().session(SessionMode::Hint { wait });
        let other = hint.submit_for("a", |own| *own).unwrap().wait_timeout(WATCHDOG).unwrap().unwrap();
        assert_ne!(other, busy.own);
        assert_eq!(workers.pool().session_stats().in_use, 1);
        // It is bound to that one now.
        let job = workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap();
        assert_eq!(job.wait_timeout(WATCHDOG).unwrap().unwrap(), other);
        busy.end();
        closes_balanced(&workers);
    }
}

#[test]
fn a_session_that_does_not_wait_is_refused_and_gets_its_job_back() {
    let workers = workers(2, OnPanic::Discard);
    let busy = Busy::with(&workers, "a");
    let refused = workers.job().session(SessionMode::Fail).try_submit_for("a", |_| 7).unwrap_err();
    assert!(matches!(refused.reason, SubmitError::SessionBusy { queued: 0, .. }), "{refused}");
    assert!(refused.reason.is_retryable());
    assert_eq!((refused.job)(&mut thread::current().id()), 7);
    assert_eq!(workers.pool().session_stats().refused, 1);
    let own = busy.own;
    busy.end();
    assert_eq!(alone(&workers).wait().unwrap(), own);
    closes_balanced(&workers);
}

/// Promise: of those who do not wait for a session's own worker one is accepted at a time. Provoked: three at once for one that is idle; what is
/// accepted runs until all have been told.
#[test]
fn of_those_who_want_to_be_alone_one_is_accepted() {
    const SUBMITTERS: usize = 3;
    let workers = workers(2, OnPanic::Discard);
    workers.submit_for("a", |_| ()).unwrap().wait().unwrap();
    let mut accepted_in_all = 0;
    for _ in 0..300 {
        until(|| workers.pool().stats().in_use == 0);
        let (start, told) = (Barrier::new(SUBMITTERS), Arc::new(AtomicUsize::new(0)));
        let submit = || {
            start.wait();
            let all_told = Arc::clone(&told);
            let job = move |_: &mut ThreadId| until(|| all_told.load(SeqCst) == SUBMITTERS);
            let ticket = workers.job().session(SessionMode::Fail).submit_for("a", job);
            told.fetch_add(1, SeqCst);
            ticket.inspect_err(|refused| assert!(matches!(refused, SubmitError::SessionBusy { .. }), "{refused}")).ok()
        };
        let accepted: Vec<_> = thread::scope(|scope| {
            let submitters = [(); SUBMITTERS].map(|()| scope.spawn(submit));
            submitters.into_iter().filter_map(|submitter| submitter.join().unwrap()).collect()
        });
        // None, if the worker had yet to fall asleep.
        assert!(accepted.len() <= 1, "{}", accepted.len());
        accepted_in_all += accepted.len();
        accepted.into_iter().for_each(|ticket| ticket.wait().unwrap());
    }
    assert!(accepted_in_all >= 30, "{accepted_in_all}");
    closes_balanced(&workers);
}

/// Promise: a worker whose job waits for another is busy for those who want it to themselves. Provoked: its inbox is closed meanwhile, since what is
/// there might be what it waits for.
#[test]
fn a_worker_that_waits_for_a_job_is_busy() {
    let workers = workers(2, OnPanic::Discard);
    workers.submit_for("a", |_| ()).unwrap().wait().unwrap();
    let (go, may_go) = mpsc::channel::<()>();
    let its = workers.clone();
    let waits = workers.job().session(SessionMode::Wait).submit_for("a", move |_| {
        its.submit(move |_| may_go.recv_timeout(3 * WATCHDOG).is_ok()).unwrap().wait().unwrap()
    });
    let waits = waits.unwrap();
    until(|| workers.pool().stats().in_use == 2);
    for _ in 0..1_000 {
        let refused = workers.job().session(SessionMode::Fail).submit_for("a", |_| ()).map(drop);
        assert!(matches!(refused, Err(SubmitError::SessionBusy { .. })), "{refused:?}");
    }
    go.send(()).unwrap();
    assert!(waits.wait().unwrap());
    closes_balanced(&workers);
}

/// Two workers, of which the one that is held is past its lifetime in 20 s, and the other in 60; nobody ticks from then on.
fn one_of_two_grows_old() -> (Workers<impl LocalManager<Resource = ThreadId>>, VirtualClock, Busy, ThreadId) {
    let clock = VirtualClock::new();
    let its = clock.clone();
    let pool = move |pool: slackwater::Builder<_>| {
        let pool = pool.max_size(2).min_idle(1).clock(&its).keeper(Keeper::Manual);
        pool.max_lifetime(Duration::from_secs(60)).lifetime_jitter(0.0)
    };
    let make = || Ok::<_, String>(thread::current().id());
    let workers = Workers::builder(make).pool(pool).build().unwrap();
    let busy = Busy::with(&workers, "a");
    clock.advance(Duration::from_secs(40));
    let other = workers.submit(|own| *own).unwrap();
    until(|| {
        workers.pool().tick();
        other.is_done()
    });
    let other = other.wait().unwrap();
    assert_ne!(busy.own, other);
    (workers, clock, busy, other)
}

/// Promise: who wants a session's worker to itself does not wait for the successor of one whose time has come. Provoked: nobody ticks, so there is
/// none; another worker is young enough.
#[test]
fn a_worker_past_its_lifetime_is_no_sessions_own() {
    let (workers, clock, busy, other) = one_of_two_grows_old();
    busy.end();
    until(|| workers.pool().stats().in_use == 0);
    clock.advance(Duration::from_secs(21));
    assert_eq!(alone(&workers).wait_timeout(WATCHDOG).unwrap().unwrap(), other);
    closes_balanced(&workers);
}

/// Promise: nor do the jobs that were left for it before. Provoked: they are queued while it is young enough, and it comes to them when it is not.
#[test]
fn jobs_of_a_session_whose_worker_grew_old_go_to_another() {
    let (workers, clock, busy, other) = one_of_two_grows_old();
    let queued = [(); 3].map(|()| workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap());
    clock.advance(Duration::from_secs(21));
    busy.end();
    for job in queued {
        assert_eq!(job.wait_timeout(WATCHDOG).unwrap().unwrap(), other);
    }
    closes_balanced(&workers);
}

/// Promise: one whose time has not come after all works on. Provoked: both are past their lifetime, nobody ticks, and the lifetime is taken away.
#[test]
fn a_worker_is_told_that_it_may_live_longer() {
    let (workers, clock, busy, other) = one_of_two_grows_old();
    let queued = workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap();
    // A worker that looks for jobs just now has its resource in use, and would take one all the same.
    until(|| workers.pool().stats().in_use == 1);
    clock.advance(Duration::from_secs(61));
    let own = busy.own;
    busy.end();
    let waits = workers.submit(|own| *own).unwrap();
    until(|| workers.pool().stats().in_use == 0);
    workers.pool().reconfigure(|config| config.max_lifetime = Some(Duration::from_secs(600))).unwrap();
    for job in [queued, waits] {
        let by = job.wait_timeout(WATCHDOG).unwrap().unwrap();
        assert!(by == own || by == other);
    }
    assert_eq!(workers.pool().stats().created, 2);
    closes_balanced(&workers);
}

/// Bad run: what waits for one worker is lost with it.
#[test]
fn jobs_of_a_session_whose_worker_ends_go_to_another() {
    jobs_survive_their_worker(workers(2, OnPanic::Discard));
}

/// Promise: so do those of the only worker there is. Provoked: nothing but those jobs asks for its successor.
#[test]
fn jobs_of_a_session_whose_only_worker_ends_go_to_its_successor() {
    let make = || Ok::<_, String>(thread::current().id());
    jobs_survive_their_worker(Workers::builder(make).queue(8).build().unwrap());
}

fn jobs_survive_their_worker(workers: Workers<impl LocalManager<Resource = ThreadId>>) {
    for round in 1..=20 {
        let busy = Busy::with(&workers, "a");
        let wait = || workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap();
        let waiting = [(); 5].map(|()| wait());
        busy.go.send(false).unwrap();
        for ticket in waiting {
            assert_ne!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), busy.own, "round {round}");
        }
        assert!(busy.ticket.wait().is_err());
    }
    assert!(workers.pool().session_stats().rebinds >= 20);
    closes_balanced(&workers);
}

#[test]
fn a_late_job_keeps_no_other_of_its_session_waiting() {
    let workers = workers(2, OnPanic::Discard);
    let busy = workers.submit_for("a", |_| ()).unwrap();
    busy.wait().unwrap();
    let (go, may_go) = mpsc::channel::<()>();
    let job = workers.job().session(SessionMode::Wait).timeout(Duration::from_millis(50));
    let late = job.submit_for("a", move |_| may_go.recv_timeout(3 * WATCHDOG).is_ok()).unwrap();
    let next = workers.job().session(SessionMode::Wait).submit_for("a", |_| 7).unwrap();
    assert_eq!(next.wait_timeout(WATCHDOG).unwrap().unwrap(), 7);
    assert!(matches!(late.wait(), Err(JobError::Timeout(_))));
    go.send(()).unwrap();
    closes_balanced(&workers);
}

/// Bad run: what waits for a worker whose seat somebody keeps waits for ever, and so does each close.
#[test]
fn jobs_of_a_session_whose_worker_is_detached_go_to_another() {
    for size in 1..=2 {
        let workers = workers(size, OnPanic::Discard);
        for _ in 0..20 {
            let own = workers.submit_for("a", |own| *own).unwrap().wait().unwrap();
            let seat = workers.pool().request().session(SessionMode::Wait).checkout_for("a").unwrap();
            let wait = || workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap();
            let waiting = [(); 3].map(|()| wait());
            let kept = seat.detach();
            for ticket in waiting {
                assert_ne!(ticket.wait_timeout(WATCHDOG).unwrap().unwrap(), own, "of {size}");
            }
            drop(kept);
        }
        closes_balanced(&workers);
    }
}

/// Bad run: the inbox of a worker that was late once stays shut, and its sessions' jobs go to others for ever. Of two that are late one is
/// replaced; the other lives on.
#[test]
fn a_worker_that_was_late_and_lives_on_has_its_sessions_back() {
    let make = || Ok::<_, String>(thread::current().id());
    let workers = Workers::builder(make);
    let workers = workers.pool(|pool| pool.max_size(2).min_idle(2).on_leak(OnLeak::Replace { at_most: 1 }));
    let workers = workers.build().unwrap();
    let late = |key: &str, number| {
        let (go, may_go) = mpsc::channel::<()>();
        let job = workers.job().session(SessionMode::Wait).timeout(Duration::from_millis(20));
        let late = job.submit_for(key, move |_| may_go.recv_timeout(3 * WATCHDOG).is_ok()).unwrap();
        until(|| workers.pool().stats().long_holds == number);
        assert!(matches!(late.wait(), Err(JobError::Timeout(_))));
        go
    };
    let busy = Busy::with(&workers, "a");
    let (own, replaced) = (busy.own, late("b", 1));
    busy.end();
    late("a", 2).send(()).unwrap();
    // Both that there are have come for a job since.
    let (one, other) = (Held::at(&workers), Held::at(&workers));
    one.end();
    other.end();
    for _ in 0..20 {
        let busy = Busy::with(&workers, "a");
        assert_eq!(busy.own, own);
        let waits = workers.job().session(SessionMode::Wait).submit_for("a", |own| *own).unwrap();
        assert_ne!(workers.execute(|own| *own).unwrap(), own);
        assert!(!waits.is_done());
        busy.end();
        assert_eq!(waits.wait().unwrap(), own);
    }
    replaced.send(()).unwrap();
    closes_balanced(&workers);
}

#[test]
fn jobs_of_sessions_count_in_the_queue_and_in_its_close() {
    let workers = workers(2, OnPanic::Discard);
    let busy = Busy::with(&workers, "a");
    let waiting = [(); 8].map(|()| workers.job().session(SessionMode::Wait).submit_for("a", |_| ()).unwrap());
    let full = workers.job().session(SessionMode::Wait).try_submit_for("a", |_| ()).unwrap_err();
    assert!(matches!(full.reason, SubmitError::Full { queued: 8, limit: 8, .. }), "{full}");
    let report = workers.close(Duration::ZERO);
    assert_eq!(report.jobs_refused, 8);
    for ticket in waiting {
        assert!(matches!(ticket.wait(), Err(JobError::NoWorker(_))));
    }
    busy.end();
    closes_balanced(&workers);
}

#[test]
fn a_session_waits_for_no_worker_within_a_job_of_the_same_ones() {
    let workers = workers(2, OnPanic::Discard);
    workers.submit_for("a", |_| ()).unwrap().wait().unwrap();
    let its = workers.clone();
    let refused = workers.execute(move |_| {
        let refused = |mode| its.job().session(mode).submit_for("a", |_| ()).map(drop);
        [SessionMode::Wait, SessionMode::Fail, HINT].map(refused)
    });
    let [wait, fail, hint] = refused.unwrap();
    assert!(matches!((wait, fail), (Err(SubmitError::SessionBusy { .. }), Err(SubmitError::SessionBusy { .. }))));
    assert!(hint.is_ok());
    closes_balanced(&workers);
}

/// Bad run: a worker waits for a job that only it would come for.
#[test]
fn a_worker_that_waits_for_a_job_leaves_those_of_its_own_to_others() {
    let workers = workers(2, OnPanic::Discard);
    let own = Busy::with(&workers, "a");
    let other = Held::at(&workers);
    let ticket = workers.job().session(SessionMode::Wait).submit_for("a", |_| 7).unwrap();
    let (begun, has_begun) = mpsc::channel();
    let waits = workers.submit(move |own| {
        begun.send(*own).unwrap();
        ticket.wait()
    });
    let (waits, its) = (waits.unwrap(), own.own);
    // In turns: after one of its own it takes what is there for all.
    own.end();
    assert_eq!(has_begun.recv_timeout(WATCHDOG).unwrap(), its);
    other.end();
    assert_eq!(waits.wait_timeout(WATCHDOG).expect("no deadlock").unwrap().unwrap(), 7);
    closes_balanced(&workers);
}

/// Bad run: one of many that are submitted, moved, refused and run at the same time is answered by nobody.
#[test]
fn every_job_of_a_crowd_of_sessions_is_answered() {
    let workers = workers(3, OnPanic::Discard);
    thread::scope(|s| {
        for submitter in 0..4_u64 {
            let workers = &workers;
            s.spawn(move || {
                for number in 0..2_000_u64 {
                    let mode =
                        [SessionMode::Wait, HINT, SessionMode::default(), SessionMode::Fail][(number % 4) as usize];
                    let fails = number % 97 == 0;
                    let job = move |_: &mut ThreadId| {
                        if fails { std::panic::resume_unwind(Box::new("not told")) } else { number }
                    };
                    match workers.job().session(mode).submit_for(&((submitter + number) % 5), job) {
                        Ok(ticket) => match ticket.wait_timeout(WATCHDOG).expect("an answer") {
                            Ok(said) => assert!(said == number && !fails),
                            Err(error) => assert!(fails, "{error}"),
                        },
                        Err(refused) => assert!(matches!(refused, SubmitError::SessionBusy { .. }), "{refused}"),
                    }
                }
            });
        }
    });
    closes_balanced(&workers);
    assert_eq!(workers.queued(), 0);
}
