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
    /// What was told first.
    pub example: Option<String>,
}

impl Seen {
    pub fn new() -> Self {
        let operations = Histogram::new(3).expect("three digits");
        Self { answered: 0, again: 0, told: 0, wrong: 0, lost: 0, operations, example: None }
    }

    pub fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.again += other.again;
        self.told += other.told;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.operations.add(other.operations).expect("of one kind");
        self.example = self.example.take().or(other.example);
    }

    pub fn availability(&self) -> f64 {
        100.0 * self.answered as f64 / (self.answered + self.told + self.wrong + self.lost).max(1) as f64
    }
}

/// Asks until `over`. Each request has its own number, which comes back.
pub fn ask(pool: &Pool<ProcessManager>, caller: u64, over: &AtomicBool) -> Seen {
    let mut seen = Seen::new();
    let mut number = caller << 40;
    while !over.load(Relaxed) {
        number += 1;
        let began = Instant::now();
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            match once(pool, number, &mut seen.operations) {
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

fn once(pool: &Pool<ProcessManager>, number: u64, operations: &mut Histogram<u64>) -> Result<u64, ProcessError> {
    let began = Instant::now();
    // What is free is there at once; waiting for what was killed is no operation of the pool's.
    let mut worker = match pool.try_checkout() {
        Ok(worker) => {
            operations.saturating_record(nanos(began));
            worker
        }
        Err(_) => pool.checkout_timeout(Duration::from_secs(5))?,
    };
    let answer = worker.call_within("echo", &number, Duration::from_secs(3));
    let began = Instant::now();
    drop(worker);
    operations.saturating_record(nanos(began));
    answer
}

fn nanos(began: Instant) -> u64 {
    began.elapsed().as_nanos() as u64
}
