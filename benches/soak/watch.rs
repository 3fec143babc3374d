//! What is looked at while the load runs: who is alive, and how much memory it takes.

use slackwater::testing::{Callback, ChaosHandle};

use crate::faults::Chaotic;
use crate::process::resident_kb;

pub struct Watch {
    rounds: usize,
    fewest: usize,
    /// Creations that had hung when the hung were released last.
    released: u64,
    /// Resident memory after each round, in KiB.
    resident: Vec<f64>,
}

impl Watch {
    pub fn new(rounds: usize) -> Self {
        Self { rounds, fewest: usize::MAX, released: 0, resident: Vec::with_capacity(rounds) }
    }

    /// Takes a sample of the living.
    pub fn look(&mut self, pool: &Chaotic, chaos: &ChaosHandle) {
        self.fewest = self.fewest.min(pool.stats().total + self.hung_creations(chaos));
    }

    /// Whatever hangs is about to be released.
    pub fn released(&mut self, chaos: &ChaosHandle) {
        self.released = chaos.counts(Callback::Create).hung;
    }

    /// A creation that hangs costs its slot until it is released: that is the guarantee, and no failure of it.
    fn hung_creations(&self, chaos: &ChaosHandle) -> usize {
        (chaos.counts(Callback::Create).hung - self.released) as usize
    }

    pub fn round_over(&mut self) {
        self.resident.push(resident_kb().unwrap_or(f64::NAN));
    }

    /// The fewest alive that any sample saw, hung creations counted as alive.
    pub fn floor(&self) -> usize {
        self.fewest
    }

    /// How much more memory the last quarter of the rounds took than the second, by their medians: the first one warms up.
    pub fn growth(&self) -> f64 {
        let quarter = (self.rounds / 4).max(1);
        let [warm, last] = [quarter, 3 * quarter].map(|from| {
            let mut part: Vec<f64> = self.resident.iter().skip(from).take(quarter).copied().collect();
            part.sort_by(f64::total_cmp);
            part.get(part.len() / 2).copied().unwrap_or(f64::NAN)
        });
        last / warm - 1.0
    }

    pub fn describe(&self, pool: &Chaotic, chaos: &ChaosHandle) -> String {
        let total = pool.stats().total;
        let resident = self.resident.last().copied().unwrap_or(f64::NAN);
        format!("{total} alive (fewest {}), {} calls hang, {resident:.0} KiB", self.fewest, chaos.hanging())
    }
}
