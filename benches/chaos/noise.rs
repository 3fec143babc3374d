//! How late this machine wakes a thread that wants nothing of anybody: what no pool can be blamed for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(1);

/// A thread that sleeps and looks at the clock.
pub struct Noise {
    stop: Arc<AtomicBool>,
    listener: JoinHandle<Duration>,
}

impl Noise {
    pub fn listen() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let listener = thread::spawn(move || {
            let mut latest = Duration::ZERO;
            while !until.load(Relaxed) {
                let began = Instant::now();
                thread::sleep(NAP);
                latest = latest.max(began.elapsed().saturating_sub(NAP));
            }
            latest
        });
        Self { stop, listener }
    }

    /// By how much it woke too late, at the most.
    pub fn end(self) -> Duration {
        self.stop.store(true, Relaxed);
        self.listener.join().expect("it only sleeps")
    }
}
