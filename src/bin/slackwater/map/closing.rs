//! What a mapping says at its end beyond what every run says: its workers, the statistics.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use slackwater::DestroyReason;

use super::failure::FailureKind;
use super::record::Record;
use super::workers::Workers;
use crate::run::closing::{self, Ended, Job, Sums};
use crate::run::ending::End;
use crate::run::stats::times;
use crate::run::terminal::peak_memory;

/// How long workers may take to end, all together. What they do then is nobody's business; what is left is killed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Characters of the first failure that are shown.
const SHOWN: usize = 600;

pub struct Mapping {
    pub workers: Arc<Workers>,
}

impl closing::Record for Record {
    const TIMES: &'static str = "calls";

    fn sums(&self) -> &Sums {
        &self.sums
    }
}

impl Job for Mapping {
    type Record = Record;

    fn words(&self, record: &Record) -> String {
        format!("\n{}", Workload::of(&self.workers).words(record))
    }

    fn end(self, ended: Ended<'_, Self>) -> u8 {
        let Ended { end, record, took, resumed, stats, code, .. } = ended;
        let counts = Workload::of(&self.workers);
        let code = stats.write(code, |code| line(end, code, record, took, resumed, &counts));
        // After an interruption some may be in the midst of a line. They end with this process.
        let patience = if matches!(end, End::Interrupted(_)) { Duration::ZERO } else { LAST_WORDS };
        self.workers.pool.close(patience);
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
        Self { started: stats.created, lost, replaced: by(DestroyReason::Replaced) + by(DestroyReason::Worn) }
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
    let (tally, seconds) = (record.sums.tally, took.as_secs_f64());
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
        "calls": times(&record.sums.times.distribution()),
    });
    format!("{stats}\n")
}
