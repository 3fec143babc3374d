//! Threads that use workers, each in a way of its own.

use crate::crowd::{Crowd, chance};
use crate::moody::{Moody, Thing};
use crate::{MS, any_settings};
use shuttle::thread;
use slackwater::{
    Builder, CheckoutError, JobError, Priority, SessionMode, SubmitError, Threads, VirtualClock, Workers,
    as_if_unwinding,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// What those who submit may do.
#[derive(Clone, Copy)]
pub struct Wishes {
    /// Jobs have deadlines, and waits for them and for seats an end.
    pub gives_up: bool,
    /// May hear that no worker could be made.
    pub may_fail: bool,
    /// Somebody closes the workers meanwhile.
    pub closes: bool,
}

/// One to three workers with settings as the schedule has them, and then those of `settings`.
pub fn any_workers(
    manager: &Moody,
    clock: &VirtualClock,
    settings: impl FnOnce(Builder<Threads<Moody>>) -> Builder<Threads<Moody>> + 'static,
) -> Workers<Moody> {
    let (queue, clock) = ([1, 2, 64][chance(3)], clock.clone());
    let workers = Workers::builder(manager.clone()).queue(queue);
    workers.pool(move |pool| settings(any_settings(pool, &clock))).build().unwrap()
}

/// Counts the jobs that are neither over nor dropped. Not shuttle's: see `Moody`.
#[derive(Clone, Default)]
pub struct Ledger(Arc<AtomicUsize>);

impl Ledger {
    pub fn jobs(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn entry(&self) -> Entry {
        self.0.fetch_add(1, SeqCst);
        Entry(Arc::clone(&self.0))
    }
}

/// What a job has with it for as long as it is there.
struct Entry(Arc<AtomicUsize>);

impl Entry {
    fn work(&self, thing: &mut Thing) -> usize {
        thing.take();
        thing.text.push_str("worked");
        thread::yield_now();
        thing.let_go();
        thing.text.len()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Lets five in who submit, and one who borrows seats.
pub fn crowd(workers: &Workers<Moody>, ledger: &Ledger, wishes: Wishes) -> Crowd {
    let mut crowd = Crowd::empty();
    for _ in 0..5 {
        let (workers, ledger) = (workers.clone(), ledger.clone());
        crowd.add(move || (0..2).for_each(|_| submits(&workers, &ledger, wishes)));
    }
    let workers = workers.clone();
    crowd.add(move || (0..2).for_each(|_| borrows(&workers, wishes)));
    crowd
}

fn submits(workers: &Workers<Moody>, ledger: &Ledger, wishes: Wishes) {
    let mut job = workers.job().priority([Priority::Low, Priority::Normal, Priority::High][chance(3)]);
    if wishes.gives_up && chance(3) == 0 {
        job = job.timeout(MS * chance(3) as u32);
    }
    let its = ledger.entry();
    let ticket = match chance(8) {
        // Nobody asks what becomes of it.
        0 => return was_refused(workers.spawn(move |thing| _ = its.work(thing)), wishes),
        1 => {
            let modes = [SessionMode::Wait, SessionMode::Fail, SessionMode::Hint { wait: MS * chance(2) as u32 }];
            job.session(modes[chance(3)]).submit_for(&chance(3), move |thing| its.work(thing))
        }
        // It submits another from inside, and may wait for that.
        2 => {
            let (inner, last, waits) = (workers.clone(), ledger.entry(), chance(2) == 0);
            job.submit(move |thing| {
                let next = inner.submit(move |thing| last.work(thing));
                let number = its.work(thing);
                match next {
                    Ok(next) if waits => was_answered(next.wait(), Wishes { may_fail: true, ..wishes }),
                    Ok(_) | Err(_) => {}
                }
                number
            })
        }
        3 => job.submit(move |thing| {
            its.work(thing);
            // Past the hook: shuttle takes a panic that it hears of for the end of the test.
            std::panic::resume_unwind(Box::new("a job's"))
        }),
        4 => match job.try_submit(move |thing| its.work(thing)) {
            Ok(ticket) => Ok(ticket),
            Err(refused) => return was_refused(Err::<(), _>(refused.reason), Wishes { gives_up: true, ..wishes }),
        },
        // The items of an iterator, until somebody has had enough of them.
        5 => {
            let map =
                workers.map((0..4).map(|_| ledger.entry()), |thing, entry: Entry| entry.work(thing)).look_ahead(2);
            let taken = 1 + chance(4);
            return match chance(2) {
                0 => map.take(taken).for_each(|answer| was_answered(answer, wishes)),
                _ => map.unordered().take(taken).for_each(|(_, answer)| was_answered(answer, wishes)),
            };
        }
        // They borrow, and have ended when the scope has.
        6 => {
            let runs = AtomicUsize::new(0);
            workers.scope(|scope| {
                let tickets = [(); 2].map(|()| {
                    let its = ledger.entry();
                    scope.submit(|thing| {
                        runs.fetch_add(1, SeqCst);
                        let its = its;
                        let written = its.work(thing);
                        runs.fetch_sub(1, SeqCst);
                        written
                    })
                });
                for ticket in tickets {
                    match ticket {
                        Ok(ticket) if chance(2) == 0 => was_answered(ticket.wait(), wishes),
                        Ok(_) => {}
                        Err(refused) => was_refused(Err::<(), _>(refused), wishes),
                    }
                }
            });
            return assert_eq!(runs.into_inner(), 0, "a job outlives its scope");
        }
        _ => job.submit(move |thing| its.work(thing)),
    };
    match ticket {
        Ok(ticket) => {
            if chance(6) == 0 && ticket.cancel() {
                return assert!(matches!(ticket.wait(), Err(JobError::Cancelled)));
            }
            match chance(4) {
                0 => drop(ticket),
                1 if wishes.gives_up => {
                    if let Err(ticket) = ticket.wait_timeout(MS * chance(2) as u32) {
                        was_answered(ticket.wait(), wishes);
                    }
                }
                _ => was_answered(ticket.wait(), wishes),
            }
        }
        Err(refused) => was_refused(Err::<(), _>(refused), wishes),
    }
}

/// The answer is one that may come.
fn was_answered(answer: Result<usize, JobError>, wishes: Wishes) {
    match answer {
        Ok(written) => assert!(written > 0),
        Err(JobError::Panicked(_) | JobError::WouldDeadlock { .. }) => {}
        Err(JobError::Timeout(_)) if wishes.gives_up => {}
        Err(JobError::NoWorker(CheckoutError::Closed(_))) => assert!(wishes.closes),
        Err(JobError::NoWorker(CheckoutError::Create(_) | CheckoutError::CircuitOpen(_))) if wishes.may_fail => {}
        Err(JobError::Refused(refused)) => was_refused(Err::<(), _>(*refused), wishes),
        Err(error) => panic!("{error}"),
    }
}

fn was_refused<T>(answer: Result<T, SubmitError>, wishes: Wishes) {
    match answer {
        Ok(_) | Err(SubmitError::SessionBusy { .. }) => {}
        Err(SubmitError::Closed { .. }) => assert!(wishes.closes),
        Err(SubmitError::Full { .. }) if wishes.gives_up => {}
        Err(refused) => panic!("{refused}"),
    }
}

/// Takes a seat out of service for a while, or for good.
fn borrows(workers: &Workers<Moody>, wishes: Wishes) {
    let pool = workers.pool();
    let got = match chance(3) {
        0 if wishes.gives_up => pool.try_checkout(),
        1 if wishes.gives_up => pool.checkout_timeout(MS),
        2 => pool.checkout_for(&chance(3)),
        _ => pool.checkout(),
    };
    match got {
        Ok(seat) => {
            thread::yield_now();
            match chance(6) {
                0 => seat.discard("in a test"),
                1 => drop(seat.detach()),
                2 => as_if_unwinding(|| drop(seat)),
                _ => drop(seat),
            }
        }
        Err(CheckoutError::Closed(_)) => assert!(wishes.closes),
        Err(CheckoutError::SessionBusy(_)) => {}
        Err(CheckoutError::Create(_) | CheckoutError::CircuitOpen(_)) if wishes.may_fail => {}
        Err(error) => assert!(wishes.gives_up, "{error}"),
    }
}

/// Ends the workers, by a close or with the last handle: nothing is left of them.
pub fn end(workers: Workers<Moody>, manager: &Moody, ledger: &Ledger) {
    if chance(2) == 0 {
        let report = workers.close(Duration::from_secs(3600));
        assert!(report.is_complete(), "{report}");
        let stats = workers.pool().stats();
        assert_eq!(stats.created, stats.destroyed.total() + stats.detached, "{stats:?}");
        assert_eq!((stats.waiting, stats.total, workers.queued()), (0, 0, 0), "{stats:?}");
        assert!(workers.pool().audit().is_clean(), "{}", workers.pool().audit());
    }
    drop(workers);
    // Seats that were taken out end by themselves.
    let mut turns = 0;
    while manager.alive() > 0 || ledger.jobs() > 0 {
        thread::yield_now();
        turns += 1;
        assert!(turns < 10_000, "{} resources and {} jobs outlive their workers", manager.alive(), ledger.jobs());
    }
}
