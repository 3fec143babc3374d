//! A million jobs that end in every way there is.

use crate::closes_balanced;
use crate::support::WATCHDOG;
use slackwater::{JobError, OnPanic, ReturnOutcome, Workers};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// So many where they take a few seconds.
const JOBS: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
const SUBMITTERS: u64 = 4;

struct Fragile;

impl slackwater::LocalManager for Fragile {
    type Resource = Rc<Cell<u64>>;
    type Error = Infallible;

    fn create(&self) -> Result<Rc<Cell<u64>>, Infallible> {
        Ok(Rc::default())
    }

    fn recycle(&self, uses: &mut Rc<Cell<u64>>) -> ReturnOutcome {
        uses.set(uses.get() + 1);
        // A kill, now and then.
        if uses.get().is_multiple_of(5_000) { ReturnOutcome::Broken } else { ReturnOutcome::Healthy }
    }
}

#[derive(Default)]
struct Answers {
    done: AtomicU64,
    panicked: AtomicU64,
    late: AtomicU64,
    too_long: AtomicU64,
    cancelled: AtomicU64,
}

#[test]
fn every_ticket_of_a_storm_gets_exactly_one_answer() {
    // The panics are told to nobody: there are ten thousand.
    std::panic::set_hook(Box::new(|panic| {
        if !panic.payload().is::<Told>() {
            eprintln!("{panic}");
        }
    }));
    let pool = |pool: slackwater::Builder<_>| pool.max_size(4).on_panic(OnPanic::Return).max_uses(20_000);
    let workers = Workers::builder(Fragile).pool(pool).build().unwrap();
    let (ran, answers) = (Arc::new(AtomicU64::new(0)), Answers::default());
    thread::scope(|s| {
        for submitter in 0..SUBMITTERS {
            let (workers, answers, ran) = (&workers, &answers, &ran);
            s.spawn(move || {
                let mut tickets = Vec::new();
                for number in 0..JOBS / SUBMITTERS {
                    let number = number * SUBMITTERS + submitter;
                    let job = workers.job();
                    // Its time is over before it can begin.
                    let job = if number.is_multiple_of(97) { job.start_within(Duration::ZERO) } else { job };
                    let is_long = number.is_multiple_of(JOBS / 20);
                    let job = if is_long { job.timeout(Duration::from_millis(20)) } else { job };
                    let its = Arc::clone(ran);
                    let ticket = job.submit(move |uses| {
                        its.fetch_add(1, Relaxed);
                        if is_long {
                            // What is too long is this job itself; nobody waits by it for a state.
                            thread::park_timeout(Duration::from_millis(40));
                        }
                        if number.is_multiple_of(101) {
                            std::panic::panic_any(Told);
                        }
                        (number, uses.get())
                    });
                    match ticket {
                        Ok(ticket) => tickets.push((number, ticket)),
                        // It waits for room no longer than for its beginning.
                        Err(full) => {
                            assert!(number.is_multiple_of(97) || is_long, "{full}");
                            answers.late.fetch_add(1, Relaxed);
                        }
                    }
                    if number.is_multiple_of(89)
                        && let Some((_, ticket)) = tickets.last()
                    {
                        ticket.cancel();
                    }
                    if tickets.len() == 64 {
                        tickets.drain(..).for_each(|(number, ticket)| answers.count(number, ticket));
                    }
                }
                tickets.into_iter().for_each(|(number, ticket)| answers.count(number, ticket));
            });
        }
    });
    let _ = std::panic::take_hook();
    let counts = [&answers.done, &answers.panicked, &answers.late, &answers.too_long, &answers.cancelled];
    let [done, panicked, late, too_long, cancelled] = counts.map(|count| count.load(Relaxed));
    assert_eq!(done + panicked + late + too_long + cancelled, JOBS / SUBMITTERS * SUBMITTERS);
    assert_eq!(done + panicked + too_long, ran.load(Relaxed), "what was answered otherwise never ran");
    assert!(panicked > 0 && late > 0 && done > JOBS / 2, "{done} done, {panicked} panicked, {late} late");
    closes_balanced(&workers);
    let stats = workers.pool().stats();
    assert_eq!(stats.checkouts, done + panicked + too_long);
    assert!(stats.created > 4, "nobody was killed");
}

/// What the jobs that are told to panic with.
struct Told;

impl Answers {
    fn count(&self, number: u64, ticket: slackwater::Ticket<(u64, u64)>) {
        let of = match ticket.wait_timeout(WATCHDOG).expect("every job is answered") {
            Ok((answer, _)) => {
                assert_eq!(answer, number);
                &self.done
            }
            Err(JobError::Panicked(_)) => &self.panicked,
            Err(JobError::Timeout(timeout)) if timeout.ran_for.is_some() => &self.too_long,
            Err(JobError::Timeout(_)) => &self.late,
            Err(JobError::Cancelled) => &self.cancelled,
            Err(other) => panic!("{other}"),
        };
        of.fetch_add(1, Relaxed);
    }
}
