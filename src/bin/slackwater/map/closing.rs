//! What a run says at its end: the summary, the statistics.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use slackwater::DestroyReason;

use super::failure::FailureKind;
use super::record::Record;
use super::workers::Workers;
use crate::run::dashboard::Dashboard;
use crate::run::ending::{self, End, Run};
use crate::run::files::Leftovers;
use crate::run::output::Kept;
use crate::run::stats::{self, times};
use crate::run::terminal::{Progress, Summary, peak_memory};

/// How long workers may take to end, all together. What they do then is nobody's business; what is left is killed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Characters of the first failure that are shown.
const SHOWN: usize = 600;

pub struct Closing {
    pub quiet: bool,
    pub progress: Progress,
    pub workers: Arc<Workers>,
    pub dashboard: Option<Dashboard>,
    pub stats: stats::Wanted,
    pub leftovers: Leftovers,
    pub kept: Kept,
    /// Lines that earlier runs did.
    pub resumed: u64,
    /// Those of them that failed.
    pub failed_before: u64,
}

impl ending::Closing for Closing {
    type Record = Record;

    fn leftovers(&self) -> Leftovers {
        self.leftovers.clone()
    }

    fn end(self, run: &Run<Self>, end: &End) -> u8 {
        let Self { quiet, progress, workers, dashboard, stats, kept, resumed, failed_before, .. } = self;
        let record = run.record.lock();
        let took = record.started.elapsed();
        progress.finish();
        let counts = Workload::of(&workers);
        if !quiet && !stats.on_stderr {
            let times = ("calls", record.calls.distribution());
            let (noun, tally, cut) = (run.noun, record.tally, end.cut());
            let summary = Summary { noun, tally, took, skipped: 0, times, resumed, cut };
            // Standard error may be gone too; there is nobody left to tell.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{summary}\n{}", counts.words(&record)));
        }
        dashboard.into_iter().for_each(|dashboard| dashboard.close(quiet));
        let code = run.told(end, &record, kept, failed_before);
        let told = |code| line(end, code, &record, took, resumed, &counts);
        let code = stats.write(code, told);
        // After an interruption some may be in the midst of a line. They end with this process.
        let patience = if matches!(end, End::Interrupted(_)) { Duration::ZERO } else { LAST_WORDS };
        workers.pool.close(patience);
        code
    }
}

/// What became of workers.
struct Workload {
    started: u64,
    /// That crashed, hung or answered nonsense.
    lost: u64,
    replaced: u64,
}

impl Workload {
    fn of(workers: &Workers) -> Self {
        let stats = workers.pool.stats();
        let by = |reason| stats.destroyed.by(reason);
        let lost = by(DestroyReason::Broken) + by(DestroyReason::CheckFailed) + by(DestroyReason::Discarded);
        Self { started: stats.created, lost, replaced: by(DestroyReason::Replaced) }
    }

    fn words(&self, record: &Record) -> String {
        let mut words = format!("workers: {} started, {} lost", self.started, self.lost);
        if self.replaced > 0 {
            let _ = write!(words, ", {} replaced", self.replaced);
        }
        if record.retries > 0 {
            let _ = write!(words, "; {} retries", record.retries);
        }
        words.push('\n');
        let failed = FailureKind::ALL.into_iter().zip(record.kinds).filter(|(_, count)| *count > 0);
        let failed: Vec<_> = failed.map(|(kind, count)| format!("{} {count}", kind.slug())).collect();
        if let Some((line, reason)) = &record.first_failure {
            let shown = &reason[..reason.floor_char_boundary(SHOWN)];
            let more = if shown.len() < reason.len() { "..." } else { "" };
            let _ =
                writeln!(words, "failed: {}; the first is line {line}: {}{more}", failed.join(", "), shown.trim_end());
        }
        words
    }
}

/// The statistics, as one line.
fn line(end: &End, exit_code: u8, record: &Record, took: Duration, resumed: u64, workers: &Workload) -> String {
    let (tally, seconds) = (record.tally, took.as_secs_f64());
    let kinds: Map<String, Value> = FailureKind::ALL
        .into_iter()
        .zip(record.kinds)
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.slug().to_owned(), count.into()))
        .collect();
    let stats = json!({
        "stats": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "end": end.slug(),
        "exit_code": exit_code,
        "lines": tally.pages,
        "failed": tally.failures,
        "failures": kinds,
        "bytes": tally.bytes,
        "lines_before": resumed,
        "retries": record.retries,
        "seconds": seconds,
        "lines_per_second": tally.pages as f64 / seconds.max(1e-9),
        "peak_memory_bytes": peak_memory(),
        "workers": { "started": workers.started, "lost": workers.lost, "replaced": workers.replaced },
        "calls": times(&record.calls.distribution()),
    });
    format!("{stats}\n")
}
