//! What an extraction says at its end beyond what every run says: its engines, the report, the statistics.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::record::Record;
use super::report::{self, Setting};
use super::stats::Stats;
use super::work::Shared;
use crate::run::closing::{self, Ended, Job, Sums};
use crate::run::files::NamedFile;
use crate::run::{NO_OUTPUT, complain};

pub struct Extraction {
    pub shared: Arc<Shared>,
    pub report: Option<(Setting, NamedFile)>,
}

impl closing::Record for Record {
    const TIMES: &'static str = "checkouts";

    fn sums(&self) -> &Sums {
        &self.sums
    }
}

impl Job for Extraction {
    type Record = Record;

    fn words(&self, _: &Record) -> String {
        format!("{}\n", self.shared.css())
    }

    fn end(self, ended: Ended<'_, Self>) -> u8 {
        let Self { shared, report } = self;
        let Ended { run, end, record, took, resumed, stats, code } = ended;
        let (found, skipped) = (run.found.load(Relaxed), run.skipped.load(Relaxed));
        let code = match report {
            None => code,
            Some((setting, output)) => {
                let run = report::Outcome { end, record, took, found, skipped, pools: shared.snapshots() };
                match report::write(output, &setting, &run) {
                    Ok(()) => code,
                    Err(error) => code.max(complain(NO_OUTPUT, report::not_written(&setting.path, &error))),
                }
            }
        };
        let (engine, component) = (shared.css(), shared.component());
        let told = Stats { end, record, took, skipped, resumed, engine, component };
        stats.write(code, |code| told.line(code))
    }
}
