//! What a run says at its end, and what it takes for that. Whoever takes it ends the run: the main thread, or the one that waits
//! for signals if that one is stuck.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use slackwater::Histogram;

use super::dashboard::Dashboard;
use super::ending::{End, Run};
use super::files::Leftovers;
use super::output::Kept;
use super::series::Counts;
use super::stats::Wanted;
use super::terminal::{Progress, Summary};

/// What was done up to now.
pub trait Record: Send + 'static {
    /// What the times among the sums are of.
    const TIMES: &'static str;

    fn sums(&self) -> &Sums;
}

/// What every run counts.
pub struct Sums {
    pub started: Instant,
    /// Lines written, those of them that are failures, and their bytes.
    pub tally: Counts,
    pub times: Histogram,
}

impl Sums {
    pub fn new(started: Instant) -> Self {
        Self { started, tally: Counts::default(), times: Histogram::new() }
    }
}

/// What a run is for: what it has to say beyond what every run says.
pub trait Job: Sized + Send + 'static {
    type Record: Record;

    /// What stands below the summary, with its last newline.
    fn words(&self, record: &Self::Record) -> String;

    /// Says the rest, for programs too. Returns the exit code.
    fn end(self, ended: Ended<'_, Self>) -> u8;
}

/// A run whose end people have been told.
pub struct Ended<'r, J: Job> {
    pub run: &'r Run<J>,
    pub end: &'r End,
    pub record: &'r J::Record,
    pub took: Duration,
    /// What earlier runs did.
    pub resumed: u64,
    pub stats: Wanted,
    pub code: u8,
}

pub struct Closing<J> {
    pub quiet: bool,
    pub progress: Progress,
    pub dashboard: Option<Dashboard>,
    pub stats: Wanted,
    /// What to take away if the main thread cannot.
    pub leftovers: Leftovers,
    pub kept: Kept,
    /// What earlier runs did.
    pub resumed: u64,
    /// What of that failed.
    pub failed_before: u64,
    pub job: J,
}

impl<J: Job> Closing<J> {
    /// Says what was done. Returns the exit code.
    pub fn end(self, run: &Run<J>, end: &End) -> u8 {
        let Self { quiet, progress, dashboard, stats, kept, resumed, failed_before, job, leftovers: _ } = self;
        let record = &*run.record.lock();
        let sums = record.sums();
        let took = sums.started.elapsed();
        progress.finish();
        if !quiet && !stats.on_stderr {
            let (noun, tally, skipped) = (run.noun, sums.tally, run.skipped.load(Relaxed));
            let times = (J::Record::TIMES, sums.times.distribution());
            let summary = Summary { noun, tally, took, skipped, times, resumed, cut: end.cut() };
            // Standard error may be gone too; there is nobody left to tell.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{summary}{}", job.words(record)));
        }
        dashboard.into_iter().for_each(|dashboard| dashboard.close(quiet));
        let code = run.told(end, record, kept, failed_before);
        job.end(Ended { run, end, record, took, resumed, stats, code })
    }
}
