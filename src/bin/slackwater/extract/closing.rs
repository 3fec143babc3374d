//! What a run says at its end: the summary, the report, the statistics.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::record::Record;
use super::report::{self, Setting};
use super::stats::Stats;
use super::work::Shared;
use crate::run::dashboard::Dashboard;
use crate::run::ending::{self, End, Run};
use crate::run::files::{Leftovers, NamedFile};
use crate::run::output::Kept;
use crate::run::stats;
use crate::run::terminal::{Progress, Summary};
use crate::run::{NO_OUTPUT, complain};

pub struct Closing {
    pub quiet: bool,
    pub progress: Progress,
    pub shared: Arc<Shared>,
    pub report: Option<(Setting, NamedFile)>,
    pub dashboard: Option<Dashboard>,
    pub stats: stats::Wanted,
    pub leftovers: Leftovers,
    pub kept: Kept,
    /// Pages that earlier runs did.
    pub resumed: u64,
    /// Those of them that failed.
    pub failed_before: u64,
}

impl ending::Record for Record {
    fn written(&self) -> (u64, u64) {
        (self.tally.pages, self.tally.failures)
    }
}

impl ending::Closing for Closing {
    type Record = Record;

    fn leftovers(&self) -> Leftovers {
        self.leftovers.clone()
    }

    fn end(self, run: &Run<Self>, end: &End) -> u8 {
        let Self { quiet, progress, shared, report, dashboard, stats, kept, resumed, failed_before, .. } = self;
        let record = run.record.lock();
        let took = record.started.elapsed();
        let (found, skipped) = (run.found.load(Relaxed), run.skipped.load(Relaxed));
        progress.finish();
        if !quiet && !stats.on_stderr {
            let times = ("checkouts", record.waits.distribution());
            let (noun, tally, cut) = (run.noun, record.tally, end.cut());
            let summary = Summary { noun, tally, took, skipped, times, resumed, cut };
            // Standard error may be gone too; there is nobody left to tell.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{summary}{}\n", shared.css()));
        }
        dashboard.into_iter().for_each(|dashboard| dashboard.close(quiet));
        let code = run.told(end, &record, kept, failed_before);
        let code = match report {
            None => code,
            Some((setting, output)) => {
                let run = report::Outcome { end, record: &record, took, found, skipped, pools: shared.snapshots() };
                match report::write(output, &setting, &run) {
                    Ok(()) => code,
                    Err(error) => code.max(complain(NO_OUTPUT, report::not_written(&setting.path, &error))),
                }
            }
        };
        let (engine, component) = (shared.css(), shared.component());
        let told = Stats { end, record: &record, took, skipped, resumed, engine, component };
        stats.write(code, |code| told.line(code))
    }
}
