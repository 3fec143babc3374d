//! How long a resource that dies while it is free stays unnoticed, and its place empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use slackwater::{DestroyReason, Manager, Pool};

/// Resources, of which half die at once.
const SIZE: usize = 8;
const KILLED: usize = SIZE / 2;

/// Deaths at different moments between two checks.
const ROUNDS: u32 = 6;

const CHECK_INTERVAL: Duration = Duration::from_millis(2_500);

/// What the factory takes for one resource.
const CREATION: Duration = Duration::from_millis(50);

/// The worst of all rounds, in seconds.
#[derive(Default)]
pub struct Death {
    /// From the deaths until the last of the dead is out of service.
    pub detection: f64,
    /// From then until all places are filled again, without what the factory takes.
    pub restoration: f64,
}

struct Mortals;

impl Manager for Mortals {
    type Resource = Arc<AtomicBool>;
    type Error = &'static str;

    fn create(&self) -> Result<Self::Resource, Self::Error> {
        thread::sleep(CREATION);
        Ok(Arc::new(AtomicBool::new(true)))
    }

    fn check(&self, alive: &mut Self::Resource) -> Result<(), Self::Error> {
        if alive.load(Relaxed) { Ok(()) } else { Err("dead") }
    }
}

pub fn measure() -> Death {
    let pool = Pool::builder(Mortals).name("mortal").max_size(SIZE).check_interval(CHECK_INTERVAL).remove_after(1);
    let pool = pool.build().expect("the pool can be built");
    let mut worst = Death::default();
    for round in 0..ROUNDS {
        // Each time at another moment of the checks' period.
        thread::sleep(CHECK_INTERVAL * (round + 1) / ROUNDS);
        let before = pool.stats().destroyed.by(DestroyReason::CheckFailed);
        let held: Vec<_> = (0..KILLED).map(|_| pool.checkout().expect("half of them are always there")).collect();
        held.iter().for_each(|alive| alive.store(false, Relaxed));
        drop(held);
        let died = Instant::now();
        let mut last = None;
        while last.is_none() || pool.stats().available < SIZE {
            thread::sleep(Duration::from_millis(1));
            let found = pool.stats().destroyed.by(DestroyReason::CheckFailed) - before;
            if found >= KILLED as u64 {
                last.get_or_insert_with(Instant::now);
            }
        }
        let whole = Instant::now();
        let detection = last.map_or(f64::NAN, |last| (last - died).as_secs_f64());
        // The places fill side by side, each with one run of the factory after the last detection at the most.
        let restoration = last.map_or(f64::NAN, |last| (whole - last).saturating_sub(CREATION).as_secs_f64());
        worst = Death { detection: worst.detection.max(detection), restoration: worst.restoration.max(restoration) };
    }
    worst
}
