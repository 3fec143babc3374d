//! The lanes behind one face, so that a round is a loop over them.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::idle::{self, Idle};
use crate::jobs::Scenario;
use crate::lanes::{Channel, Lane, Ours, Rayon, Threadpool, Tickets};
use crate::{laps, tree};

/// What runs jobs, and the laps that can be run on it.
pub struct Contestant {
    /// The name in the tables.
    pub name: &'static str,
    /// Jobs a second.
    pub throughput: Box<dyn Fn(Scenario, Duration) -> f64>,
    /// Nanoseconds from submit to start.
    pub delays: Box<dyn Fn(Scenario, Duration) -> Histogram<u64>>,
    /// Jobs a second in trees.
    pub tree: Box<dyn Fn(Duration) -> f64>,
    /// The first second in which it has nothing to do, and a later one; alone in the process.
    pub idle: Box<dyn Fn() -> [Idle; 2]>,
    /// Microseconds of processor time for each job of those that come rarely; alone in the process.
    pub rare_jobs: Box<dyn Fn() -> f64>,
}

/// The peers.
pub const RAYON: &str = "rayon";
pub const THREADPOOL: &str = "threadpool";
pub const CHANNEL: &str = "channel";
/// And ours.
pub const OURS: &str = "slackwater";
/// With tickets, which no peer has: shown, and not judged.
pub const TICKETS: &str = "with tickets";

/// All of them, each with so many threads.
pub fn contestants(threads: usize) -> Vec<Contestant> {
    vec![
        contestant(OURS, move || Ours::with(threads)),
        contestant(TICKETS, move || Tickets(Ours::with(threads))),
        contestant(RAYON, move || Rayon::with(threads)),
        contestant(THREADPOOL, move || Threadpool::with(threads)),
        contestant(CHANNEL, move || Channel::with(threads)),
    ]
}

/// Every lap has a lane of its own, which is gone when the next begins: threads that sleep nearby cost whoever runs.
fn contestant<L: Lane>(name: &'static str, make: impl Fn() -> L + Clone + 'static) -> Contestant {
    let [make_too, make_again, and_again, for_rare] = std::array::from_fn(|_| make.clone());
    Contestant {
        name,
        throughput: Box::new(move |scenario, lap| laps::throughput(&make(), scenario, lap)),
        delays: Box::new(move |scenario, lap| laps::delays(&make_too(), scenario, lap)),
        tree: Box::new(move |lap| tree::grow(&make_again(), lap)),
        idle: Box::new(move || {
            let lane = and_again();
            tree::grow(&lane, Duration::from_millis(1));
            idle::seconds()
        }),
        rare_jobs: Box::new(move || idle::rare_jobs(&for_rare())),
    }
}
