//! A lap: all submitters of a scenario on one lane, for a fixed time.
//!
//! For throughput each submitter is a bounded number of jobs ahead and goes on when half of them are done. For latency it has
//! one job under way and submits the next when that is done: what is measured is the way to a thread, not the length of a
//! queue that the bench itself has filled.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::ahead::Ahead;
use crate::jobs::Scenario;
use crate::lanes::Lane;

const WARM: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// Jobs a second over one lap.
pub fn throughput<L: Lane>(lane: &L, scenario: Scenario, lap: Duration) -> f64 {
    let Scenario { job, submitters } = scenario;
    let (phase, ready) = (AtomicU8::new(WARM), Barrier::new(submitters + 1));
    let submit = |sender: &crossbeam_channel::Sender<&'static Ahead>| {
        let ahead = Ahead::of_this_thread();
        sender.send(ahead).expect("main receives them");
        ready.wait();
        let mut submitted = 0;
        while phase.load(Relaxed) != OVER {
            if submitted - ahead.done() >= scenario.ahead() {
                ahead.wait_for(submitted - scenario.ahead() / 2);
            }
            lane.submit(move || {
                job.run();
                ahead.one_done();
            });
            submitted += 1;
        }
        ahead.wait_for(submitted);
    };
    thread::scope(|scope| {
        let (sender, receiver) = crossbeam_channel::unbounded();
        for _ in 0..submitters {
            let sender = sender.clone();
            scope.spawn(move || submit(&sender));
        }
        let all: Vec<&Ahead> = receiver.iter().take(submitters).collect();
        let done = || all.iter().map(|each| each.done()).sum::<usize>();
        ready.wait();
        thread::sleep(lap / 10);
        let (began, before) = (Instant::now(), done());
        thread::sleep(lap);
        let (after, took) = (done(), began.elapsed());
        phase.store(OVER, Relaxed);
        (after - before) as f64 / took.as_secs_f64()
    })
}

/// Nanoseconds from submit to start, of every job of one lap.
pub fn delays<L: Lane>(lane: &L, scenario: Scenario, lap: Duration) -> Histogram<u64> {
    let Scenario { job, submitters } = scenario;
    let (phase, ready) = (AtomicU8::new(WARM), Barrier::new(submitters + 1));
    let submit = || {
        let (ahead, mut delays) = (Ahead::of_this_thread(), no_delays());
        ready.wait();
        for submitted in 1.. {
            let began = Instant::now();
            lane.submit(move || {
                ahead.delay.store(began.elapsed().as_nanos() as u64, Relaxed);
                job.run();
                ahead.one_done();
            });
            ahead.wait_for(submitted);
            let now = phase.load(Relaxed);
            if now != WARM {
                delays.saturating_record(ahead.delay.load(Relaxed));
            }
            if now == OVER {
                break;
            }
        }
        delays
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..submitters).map(|_| scope.spawn(submit)).collect();
        ready.wait();
        thread::sleep(lap / 10);
        phase.store(MEASURED, Relaxed);
        thread::sleep(lap);
        phase.store(OVER, Relaxed);
        let mut all = no_delays();
        for thread in threads {
            all += thread.join().expect("no submitter fails");
        }
        all
    })
}

/// From a nanosecond to a minute, to one percent.
fn no_delays() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("the bounds are in order")
}
