//! `/metrics`: the text that Prometheus scrapes.
//!
//! The exporter writes counters and gauges. Its histograms would take every checkout as a sample of its own; ours are in buckets
//! already, and are written from those, exact in counts and sums.

use super::reporter::{METADATA, Memory, News, UNNAMED, describe, key};
use super::table::Seen;
use super::{Metric, MetricsReporter};
use crate::core::sync::around::Mutex;
use crate::observe::{Distribution, Snapshot};
use metrics::Recorder;
use metrics_exporter_prometheus::formatting::{sanitize_label_value, write_help_line, write_type_line};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::time::Duration;

/// Where the buckets of histograms end, in nanoseconds: 1 us to 60 s.
const ENDS: [u64; 24] = {
    let (mut ends, mut at, mut decade) = ([0; 24], 0, 1_000);
    while at < 21 {
        (ends[at], ends[at + 1], ends[at + 2]) = (decade, decade / 10 * 25, decade * 5);
        (at, decade) = (at + 3, decade * 10);
    }
    (ends[21], ends[22], ends[23]) = (10_000_000_000, 30_000_000_000, 60_000_000_000);
    ends
};

/// Writes what Prometheus scrapes, for programs that have a server of their own. [`MetricsReporter::METRICS`] lists what is in it.
///
/// It remembers what it wrote, so that no counter ever falls: one for as long as the server lives.
///
/// ```
/// # use slackwater::{Pool, Scrape};
/// # let pool = Pool::builder(|| Ok::<_, String>(0)).name("css").build()?;
/// let scrape = Scrape::new();
/// drop(pool.checkout()?);
/// let text = scrape.render(&[pool.snapshot()]);
/// assert!(text.contains("slackwater_pool_checkouts_total{pool=\"css\"} 1\n"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Scrape {
    memories: Mutex<HashMap<String, Memory>>,
}

impl Scrape {
    /// The media type of the text.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// One that has written nothing yet.
    pub fn new() -> Self {
        // The first recorder of a process sets the time of its clock, which takes a while.
        drop(recorder());
        Self { memories: Mutex::default() }
    }

    /// The text for these pools, the same for the same snapshots. Of pools of the same name the second has `-2` after it, and so on:
    /// of samples with the same labels Prometheus takes none.
    pub fn render(&self, snapshots: &[Snapshot]) -> String {
        let recorder = recorder();
        describe(&recorder);
        let mut times: HashMap<&'static str, String> = HashMap::new();
        let mut memories = self.memories.lock();
        let mut names: Vec<String> = Vec::new();
        for snapshot in snapshots {
            let pool = unlike(&names, snapshot.name.as_deref().unwrap_or(UNNAMED));
            names.push(pool.clone());
            let memory = memories.entry(pool.clone()).or_default();
            memory.forget_another(snapshot);
            memory.each(&Seen::of(snapshot), |metric, label, news| match news {
                News::Counter { seen, .. } => {
                    recorder.register_counter(&key(metric, &pool, label), &METADATA).absolute(seen);
                }
                News::Gauge(now) => recorder.register_gauge(&key(metric, &pool, label), &METADATA).set(now),
                News::Times { seen, .. } => histogram(times.entry(metric.name).or_default(), metric, &pool, seen),
            });
        }
        drop(memories);
        in_order(&recorder.handle().render(), &times)
    }
}

impl Default for Scrape {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

/// `name`, or `name-2` and so on if others have it.
fn unlike(names: &[String], name: &str) -> String {
    let mut wanted = name.to_owned();
    for number in 2.. {
        if !names.contains(&wanted) {
            break;
        }
        wanted = format!("{name}-{number}");
    }
    wanted
}

fn histogram(text: &mut String, metric: &Metric, pool: &str, seen: &Distribution) {
    let (name, pool) = (metric.name, sanitize_label_value(pool));
    for end in ENDS {
        let (end, within) = (end as f64 / 1e9, seen.surely_up_to(Duration::from_nanos(end)));
        let _ = writeln!(text, "{name}_bucket{{pool=\"{pool}\",le=\"{end}\"}} {within}");
    }
    let count = seen.count();
    let _ = writeln!(text, "{name}_bucket{{pool=\"{pool}\",le=\"+Inf\"}} {count}");
    let _ = writeln!(text, "{name}_sum{{pool=\"{pool}\"}} {}", seen.sum().as_secs_f64());
    let _ = writeln!(text, "{name}_count{{pool=\"{pool}\"}} {count}");
}

/// What the exporter wrote, which has no order, and the histograms, as the documentation lists them.
fn in_order(rendered: &str, times: &HashMap<&'static str, String>) -> String {
    let mut text = String::with_capacity(rendered.len() * 2);
    for metric in MetricsReporter::METRICS {
        let mut samples: Vec<&str> = match times.get(metric.name) {
            Some(lines) => vec![lines.trim_end()],
            None => rendered.lines().filter(|line| is_sample_of(metric.name, line)).collect(),
        };
        if samples.is_empty() {
            continue;
        }
        samples.sort_unstable();
        write_help_line(&mut text, metric.name, None, None, metric.description);
        write_type_line(&mut text, metric.name, None, None, &metric.kind.to_string());
        samples.iter().for_each(|line| _ = writeln!(text, "{line}"));
    }
    text
}

fn is_sample_of(name: &str, line: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
}
