//! Laps that others spoilt are run again.
//!
//! Whether a lap is spoilt is told by what other programs took of the cores while it ran, never by its figures, so this
//! favours nobody. With all cores wanted by the lap itself, one neighbour that computes makes half of it worthless.

use std::time::Duration;

use crate::contestants::Contestant;
use crate::harness::Neighbours;
use crate::holds::Scenario;
use crate::laps::{self, Tally};

/// A lap is spoilt if others took more than this of the cores.
const SPOILT: f64 = 0.1;
/// How often one lap is run again at most.
const REPEATS: usize = 2;

/// Runs laps, and those that were spoilt again while the budget lasts.
pub struct Quiet {
    budget: usize,
    repeated: usize,
    spoilt: usize,
}

impl Quiet {
    /// For a run of so many laps, a quarter of which may be added.
    pub fn for_laps(laps: usize) -> Self {
        Self { budget: laps / 4, repeated: 0, spoilt: 0 }
    }

    /// Runs a lap, up to two more times if others spoil it.
    pub fn run(&mut self, who: &Contestant, what: Scenario, lap: Duration, record: bool) -> Tally {
        for repeat in 0.. {
            let neighbours = Neighbours::watch();
            let tally = laps::run(&who.part, what, lap, record);
            if neighbours.share().is_none_or(|share| share <= SPOILT) {
                return tally;
            }
            if repeat == REPEATS || self.repeated == self.budget {
                self.spoilt += 1;
                return tally;
            }
            self.repeated += 1;
        }
        unreachable!("the last repeat returns")
    }

    /// The line to print under the figures.
    pub fn describe(&self) -> String {
        let Self { repeated, spoilt, .. } = self;
        format!("laps run again because others took over 10 % of the cores: {repeated}; kept although spoilt: {spoilt}")
    }
}
