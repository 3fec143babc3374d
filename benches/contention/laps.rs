//! A lap: all threads of a scenario on one pool of two resources, for a fixed time.
//!
//! The threads first run unmeasured for a tenth of the lap. A wait counts if its checkout was had after that, however long
//! before it began, and also if it was had only after the lap's end: a starved thread is not forgotten. Throughput counts
//! only what was had and given back within the lap. No wait can be much longer than a lap: laps that are too short flatter
//! whoever starves threads.

use std::hint::black_box;
use std::ops::DerefMut;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::holds::{Hold, Scenario};

const WARM: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// What one lap gave.
pub struct Tally {
    /// Checkouts with their return within the lap, a second.
    pub rate: f64,
    /// Nanoseconds from calling to having; empty if the clock was left alone.
    pub waits: Histogram<u64>,
}

/// One thread's part of a lap: takes and returns until the phase is `OVER`, and says how many fell within.
pub type Part = dyn Fn(Hold, &AtomicU8, Option<&mut Histogram<u64>>) -> u64 + Send + Sync;

/// Makes a thread's part out of a way to take a resource whose guard gives it back.
pub fn part<G>(take: impl Fn() -> G + Send + Sync + 'static) -> Box<Part>
where
    G: DerefMut<Target = u64>,
{
    Box::new(move |hold, phase, waits| match waits {
        Some(waits) => recorded(&take, hold, phase, waits),
        None => unrecorded(&take, hold, phase),
    })
}

fn unrecorded<G: DerefMut<Target = u64>>(take: &impl Fn() -> G, hold: Hold, phase: &AtomicU8) -> u64 {
    let mut done = 0;
    loop {
        use_one(black_box(take()), hold);
        match phase.load(Ordering::Relaxed) {
            OVER => return done,
            now => done += u64::from(now == MEASURED),
        }
    }
}

fn recorded<G>(take: &impl Fn() -> G, hold: Hold, phase: &AtomicU8, waits: &mut Histogram<u64>) -> u64
where
    G: DerefMut<Target = u64>,
{
    let mut done = 0;
    loop {
        let called = Instant::now();
        let guard = black_box(take());
        let waited = called.elapsed();
        use_one(guard, hold);
        let now = phase.load(Ordering::Relaxed);
        if now != WARM {
            waits.saturating_record(waited.as_nanos() as u64);
        }
        if now == OVER {
            return done;
        }
        done += u64::from(now == MEASURED);
    }
}

#[inline]
fn use_one<G: DerefMut<Target = u64>>(mut guard: G, hold: Hold) {
    *guard += 1;
    hold.pass();
}

/// Runs one lap. Recording costs two looks at the clock for every checkout, which is most of it where nothing is held: the
/// throughput of such a scenario is taken from laps of its own, unrecorded.
pub fn run(part: &Part, scenario: Scenario, lap: Duration, record: bool) -> Tally {
    let phase = AtomicU8::new(WARM);
    let ready = Barrier::new(scenario.threads + 1);
    thread::scope(|scope| {
        let serve = || {
            let mut waits = no_waits();
            ready.wait();
            let done = part(scenario.hold, &phase, record.then_some(&mut waits));
            (done, waits)
        };
        let threads: Vec<_> = (0..scenario.threads).map(|_| scope.spawn(serve)).collect();
        ready.wait();
        thread::sleep(lap / 10);
        let began = Instant::now();
        phase.store(MEASURED, Ordering::Relaxed);
        thread::sleep(lap);
        phase.store(OVER, Ordering::Relaxed);
        let took = began.elapsed();
        let (mut done, mut waits) = (0, no_waits());
        for thread in threads {
            let (theirs, waited) = thread.join().expect("no contestant fails");
            done += theirs;
            waits += waited;
        }
        Tally { rate: done as f64 / took.as_secs_f64(), waits }
    })
}

/// From a nanosecond to a minute, to one percent.
fn no_waits() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("the bounds are in order")
}
