//! A lap: one contestant, checked out and returned a fixed number of times by one thread or by two at once.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::contestants::Contestant;
use crate::harness::stay_on_core;

/// A share of every lap is run beforehand and not measured, to warm caches and the pools' own hints.
const WARM_UP: u64 = 8;

/// The measuring thread and its one helper, each on a core of its own; the helper sleeps while one thread runs alone.
pub struct Track {
    contestants: Arc<[Contestant]>,
    gate: Arc<Gate>,
    orders: Sender<(usize, u64)>,
    reports: Receiver<Duration>,
}

impl Track {
    /// Ties the calling thread to the first core and starts the helper on the second.
    pub fn new(contestants: Arc<[Contestant]>) -> Self {
        let (orders, ordered) = bounded::<(usize, u64)>(1);
        let (reporter, reports) = bounded(1);
        let gate = Arc::new(Gate::default());
        let (theirs, shared) = (Arc::clone(&gate), Arc::clone(&contestants));
        thread::spawn(move || {
            stay_on_core(1);
            for (which, times) in ordered {
                let took = timed(&shared[which], 1, times, || theirs.pass(2));
                if reporter.send(took).is_err() {
                    return;
                }
            }
        });
        stay_on_core(0);
        Self { contestants, gate, orders, reports }
    }

    /// Runs one lap and says how many nanoseconds one checkout with its return took a thread, on average.
    pub fn lap(&self, which: usize, threads: u64, times: u64) -> f64 {
        let contestant = &self.contestants[which];
        let took = if threads == 1 {
            timed(contestant, 0, times, || ())
        } else {
            self.orders.send((which, times)).expect("the helper lives as long as the track");
            let mine = timed(contestant, 0, times, || self.gate.pass(2));
            mine + self.reports.recv().expect("the helper lives as long as the track")
        };
        took.as_nanos() as f64 / (threads * times) as f64
    }

    /// How many times fill a lap of about this length.
    pub fn times(&self, which: usize, threads: u64, lap: Duration) -> u64 {
        let mut times = 100;
        loop {
            let took = self.lap(which, threads, times) * times as f64;
            let share = lap.as_nanos() as f64 / took;
            if share < 2.0 {
                return ((times as f64 * share) as u64).max(1);
            }
            times *= if share > 20.0 { 10 } else { 2 };
        }
    }
}

fn timed(contestant: &Contestant, thread: usize, times: u64, start_together: impl FnOnce()) -> Duration {
    contestant.run(thread, times.div_ceil(WARM_UP));
    start_together();
    let began = Instant::now();
    contestant.run(thread, times);
    began.elapsed()
}

/// Where the threads of a lap wait for each other, spinning: a parked thread would start too late.
#[derive(Default)]
struct Gate {
    arrived: AtomicU64,
}

impl Gate {
    fn pass(&self, threads: u64) {
        let before = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = before - before % threads + threads;
        while self.arrived.load(Ordering::Acquire) < all {
            spin_loop();
        }
    }
}
