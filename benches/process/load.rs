//! Callers: threads that ask as fast as they are answered, and what they saw.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slackwater::Pool;
use slackwater::process::{ProcessError, ProcessManager};

/// Longer than any caller may wait for an answer or an error.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How often a request is made in all: each has the same answer however often it is asked.
const TRIES: u32 = 3;

/// What is asked, by a number that comes back, and how long it may take.
pub struct Task {
    pub operation: &'static str,
    pub limit: Duration,
}

/// Nothing but the number.
pub const ECHO: Task = Task { operation: "echo", limit: Duration::from_secs(3) };

/// What callers saw.
pub struct Seen {
    /// Answered, the first time or again.
    pub answered: u64,
    /// Of those, as many were asked again.
    pub again: u64,
    /// Told by an error, after all tries.
    pub told: u64,
    /// Answered with another's answer.
    pub wrong: u64,
    /// Neither answered nor told in time.
    pub lost: u64,
    /// Of a checkout that found a free worker, and of each return, in nanoseconds.
    pub operations: Histogram<u64>,
    /// Of the waits for a worker where none was free, in nanoseconds.
    pub waits: Histogram<u64>,
    /// What was told first.
    pub example: Option<String>,
}

impl Seen {
    pub fn new() -> Self {
        let histogram = || Histogram::new(3).expect("three digits");
        let (operations, waits) = (histogram(), histogram());
        Self { answered: 0, again: 0, told: 0, wrong: 0, lost: 0, operations, waits, example: None }
    }

    pub fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.again += other.again;
        self.told += other.told;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.operations.add(other.operations).expect("of one kind");
        self.waits.add(other.waits).expect("of one kind");
        self.example = self.example.take().or(other.example);
    }

    pub fn availability(&self) -> f64 {
        100.0 * self.answered as f64 / (self.answered + self.told + self.wrong + self.lost).max(1) as f64
    }
}

/// Asks until `over`. Each request has its own number, which comes back.
pub fn ask(pool: &Pool<ProcessManager>, caller: u64, over: &AtomicBool, task: &Task) -> Seen {
    let mut seen = Seen::new();
    let mut number = caller << 40;
    while !over.load(Relaxed) {
        number += 1;
        let began = Instant::now();
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            match once(pool, task, number, &mut seen) {
                Err(error) if tries < TRIES && !error.leaves_worker() => {}
                outcome => break outcome,
            }
        };
        seen.lost += u64::from(began.elapsed() > LIMIT);
        match outcome {
            Ok(answer) if answer == number => {
                seen.answered += 1;
                seen.again += u64::from(tries > 1);
            }
            Ok(_) => seen.wrong += 1,
            Err(error) => {
                seen.told += 1;
                seen.example.get_or_insert_with(|| error.to_string());
            }
        }
    }
    seen
}

fn once(pool: &Pool<ProcessManager>, task: &Task, number: u64, seen: &mut Seen) -> Result<u64, ProcessError> {
    let began = Instant::now();
    // What is free is there at once; waiting for what was killed is no operation of the pool's.
    let mut worker = match pool.try_checkout() {
        Ok(worker) => {
            seen.operations.record(nanos(began)).expect("it grows");
            worker
        }
        Err(_) => {
            let worker = pool.checkout_timeout(Duration::from_secs(5));
            seen.waits.record(nanos(began)).expect("it grows");
            worker?
        }
    };
    let answer = worker.call_within(task.operation, &number, task.limit);
    let began = Instant::now();
    drop(worker);
    seen.operations.record(nanos(began)).expect("it grows");
    answer
}

fn nanos(began: Instant) -> u64 {
    began.elapsed().as_nanos() as u64
}
