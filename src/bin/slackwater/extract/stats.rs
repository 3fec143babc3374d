//! `--stats json`: what a run did, for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::engine::Css;
use super::failure::FailureKind;
use super::record::Record;
use crate::run::ending::End;
use crate::run::stats::times;
use crate::run::terminal::peak_memory;

/// What is told of a run, besides its record.
pub struct Stats<'a> {
    pub end: &'a End,
    pub record: &'a Record,
    pub took: Duration,
    pub skipped: u64,
    /// Pages that earlier runs did.
    pub resumed: u64,
    pub engine: &'a Css,
    pub component: Option<Value>,
}

impl Stats<'_> {
    /// One line.
    pub fn line(&self, exit_code: u8) -> String {
        let tally = self.record.sums.tally;
        let seconds = self.took.as_secs_f64();
        let kinds: Map<String, Value> = FailureKind::ALL
            .into_iter()
            .zip(self.record.kinds)
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| (kind.slug(), count.into()))
            .collect();
        let stats = json!({
            "stats": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "end": self.end.slug(),
            "exit_code": exit_code,
            "pages": tally.pages,
            "failed": tally.failures,
            "failures": kinds,
            "bytes": tally.bytes,
            "pages_before": self.resumed,
            "other_files": self.skipped,
            "seconds": seconds,
            "pages_per_second": tally.pages as f64 / seconds.max(1e-9),
            "peak_memory_bytes": peak_memory(),
            "engine": self.engine.json(),
            "wasm": self.component,
            "checkouts": times(&self.record.sums.times.distribution()),
        });
        format!("{stats}\n")
    }
}
