//! What a job does, and the scenarios made of that.

use std::fmt;
use std::time::{Duration, Instant};

/// What a job does once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Nothing at all: what is left is the price of handing a job over.
    Empty,
    /// Keeps its processor and looks at the clock until the time is over.
    Busy(Duration),
}

impl Job {
    /// Does it.
    #[inline]
    pub fn run(self) {
        if let Self::Busy(time) = self {
            let began = Instant::now();
            while began.elapsed() < time {}
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty jobs"),
            Self::Busy(time) => write!(f, "{} us jobs", time.as_micros()),
        }
    }
}

/// So many threads that submit such jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What each job does.
    pub job: Job,
    /// How many threads submit.
    pub submitters: usize,
}

impl Scenario {
    /// How many jobs each submitter may have under way in a lap for throughput: 256 among all, and never less than 4. Enough
    /// that no worker waits for a submitter, little enough that no lane is measured by the memory its queue needs.
    pub fn ahead(self) -> usize {
        (256 / self.submitters).max(4)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.submitters == 1 { "" } else { "s" };
        write!(f, "{}, {} submitter{plural}", self.job, self.submitters)
    }
}

/// All scenarios, in the order of the tables.
pub fn scenarios() -> Vec<Scenario> {
    let jobs = [Job::Empty, Job::Busy(Duration::from_micros(1)), Job::Busy(Duration::from_micros(100))];
    jobs.into_iter().flat_map(|job| [1, 2, 4, 16, 64].map(|submitters| Scenario { job, submitters })).collect()
}
