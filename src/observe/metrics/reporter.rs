//! Reports to whatever recorder is there: what is new to it, and nothing twice.

use super::table::{METRICS, Metric, MetricKind, Read, Seen};
use crate::observe::{Distribution, Snapshot};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// Most samples of one histogram in one report: recorders take them one by one. With these 99.9 % are still known by 16.
const MOST_SAMPLES: u64 = 16_384;

/// The label of a pool without a name.
pub(super) const UNNAMED: &str = "pool";

/// Reports a pool through the `metrics` facade, from [`Snapshot`]s, whenever it is asked to: one reporter for each pool.
///
/// Goes to the recorder that is current at the call, a local one included. One that comes late, or in the place of another, gets all
/// that was counted since the pool was built. Pools report by themselves with
/// [`metrics_interval`](crate::Builder::metrics_interval); this is for those who want to say when, or to whom.
///
/// Counters are told by how much they grew, so that pools that have, or had, the same name add up. Histograms get the times that
/// came since the last report, each as the greatest of its bucket: never too low, and at most a sixteenth too high. Of more than
/// 16,384 of a kind they get every so-manieth, the longest always: percentiles stay, counts do not. Those are counters anyway.
///
/// ```
/// # use slackwater::{MetricsReporter, Pool};
/// # let pool = Pool::builder(|| Ok::<_, String>(0)).build()?;
/// let mut reporter = MetricsReporter::new();
/// reporter.report(&pool.snapshot());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MetricsReporter {
    /// Where the recorder that was told last lies.
    told: Option<usize>,
    memory: Memory,
}

/// The most that was seen of each number that only grows. Derived ones may fall for a moment, which for a counter would be a new
/// beginning.
#[derive(Default)]
pub(super) struct Memory {
    counters: HashMap<(&'static str, String), u64>,
    times: HashMap<&'static str, Distribution>,
}

impl MetricsReporter {
    /// All that is reported, in the order of the documentation.
    pub const METRICS: &'static [Metric] = &METRICS;

    /// One that has reported nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the current recorder what is new in `snapshot`. The recorder's panics are the caller's.
    pub fn report(&mut self, snapshot: &Snapshot) {
        metrics::with_recorder(|recorder| self.report_to(recorder, snapshot));
    }

    fn report_to(&mut self, recorder: &dyn Recorder, snapshot: &Snapshot) {
        let here = std::ptr::from_ref(recorder).cast::<()>().addr();
        if self.told != Some(here) {
            self.memory = Memory::default();
            describe(recorder);
            self.told = Some(here);
        }
        let pool = snapshot.name.as_deref().unwrap_or(UNNAMED);
        self.memory.forget_another(snapshot);
        self.memory.each(&Seen::of(snapshot), |metric, label, news| {
            let key = key(metric, pool, label);
            match news {
                News::Counter { more: 0, seen } if seen > 0 => {}
                News::Counter { more, .. } => recorder.register_counter(&key, &METADATA).increment(more),
                News::Gauge(value) => recorder.register_gauge(&key, &METADATA).set(value),
                News::Times { more, .. } => {
                    let histogram = recorder.register_histogram(&key, &METADATA);
                    for (span, times) in thinned(more) {
                        histogram.record_many(span.as_secs_f64(), times as usize);
                    }
                }
            }
        });
    }
}

impl fmt::Debug for MetricsReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsReporter").finish_non_exhaustive()
    }
}

/// What a look brought.
pub(super) enum News<'m> {
    /// How many more there are, and how many in all.
    Counter {
        more: u64,
        seen: u64,
    },
    Gauge(f64),
    /// The spans that came, by their buckets, and all there are.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "what a scrape tells"))]
    Times {
        more: Vec<(Duration, u64)>,
        seen: &'m Distribution,
    },
}

impl Memory {
    /// A pool that has done less than was seen is another one, and begins anew: both numbers only grow.
    pub(super) fn forget_another(&mut self, snapshot: &Snapshot) {
        let fell = |name, now| self.counters.get(&(name, String::new())).is_some_and(|seen| *seen > now);
        let stats = &snapshot.stats;
        if fell("slackwater_pool_checkouts_total", stats.checkouts)
            || fell("slackwater_pool_creations_total", stats.created)
        {
            *self = Self::default();
        }
    }

    /// Tells all values there are. What is told is remembered before: should `tell` panic, it is not told again.
    pub(super) fn each(
        &mut self,
        seen: &Seen<'_>,
        mut tell: impl FnMut(&'static Metric, Option<(&'static str, &str)>, News<'_>),
    ) {
        let Self { counters, times } = self;
        let mut grown = |metric: &'static Metric, label: &str, now: u64| {
            let seen = counters.entry((metric.name, label.to_owned())).or_default();
            let more = now.saturating_sub(*seen);
            *seen += more;
            News::Counter { more, seen: *seen }
        };
        for metric in &METRICS {
            let by = |label: &'static str| metric.label.unwrap_or(label);
            match metric.read {
                Read::Counter(read) => tell(metric, None, grown(metric, "", read(seen))),
                Read::Counters(read) => {
                    read(seen).iter().for_each(|(label, now)| {
                        tell(metric, Some((by("by"), label)), grown(metric, label, *now));
                    });
                }
                Read::Gauge(read) => {
                    if let Some(now) = read(seen) {
                        tell(metric, None, News::Gauge(now));
                    }
                }
                Read::Gauges(read) => {
                    read(seen).iter().for_each(|(label, now)| tell(metric, Some((by("by"), label)), News::Gauge(*now)));
                }
                Read::Times(read) => {
                    let seen_before = times.entry(metric.name).or_default();
                    let more = seen_before.advance(&read(seen));
                    tell(metric, None, News::Times { more, seen: seen_before });
                }
            }
        }
    }
}

pub(super) static METADATA: Metadata<'static> =
    Metadata::new("slackwater", Level::INFO, Some("slackwater::observe::metrics"));

pub(super) fn key(metric: &'static Metric, pool: &str, label: Option<(&'static str, &str)>) -> Key {
    let labels = [("pool", pool)].into_iter().chain(label);
    Key::from_parts(metric.name, labels.map(|(key, value)| Label::new(key, value.to_owned())).collect::<Vec<_>>())
}

/// Tells `recorder` units and meanings.
pub(super) fn describe(recorder: &dyn Recorder) {
    for Metric { name, kind, unit, description, .. } in &METRICS {
        let (name, description) = (KeyName::from_const_str(name), SharedString::const_str(description));
        let unit = match unit {
            Some("seconds") => Some(Unit::Seconds),
            _ if *kind == MetricKind::Counter => Some(Unit::Count),
            _ => None,
        };
        match kind {
            MetricKind::Counter => recorder.describe_counter(name, unit, description),
            MetricKind::Gauge => recorder.describe_gauge(name, unit, description),
            MetricKind::Histogram => recorder.describe_histogram(name, unit, description),
        }
    }
}

/// As many of `spans` as one report may have, evenly over all, the longest included.
fn thinned(mut spans: Vec<(Duration, u64)>) -> Vec<(Duration, u64)> {
    let all: u64 = spans.iter().map(|(_, times)| times).sum();
    let one_in = all.div_ceil(MOST_SAMPLES).max(1);
    // From the longest on: that one, and every so-manieth after it.
    let mut passed = 0_u64;
    for (_, times) in spans.iter_mut().rev() {
        let before = passed.div_ceil(one_in);
        passed += *times;
        *times = passed.div_ceil(one_in) - before;
    }
    spans.retain(|(_, times)| *times > 0);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_spans_than_a_report_may_have_are_thinned_evenly_and_the_longest_stays() {
        let micros = Duration::from_micros;
        let few = vec![(micros(1), 3), (micros(2), MOST_SAMPLES - 3)];
        assert_eq!(thinned(few.clone()), few);
        let many = vec![(micros(0), 900_000_000), (micros(5), 99_000_000), (micros(9), 999_999), (micros(99), 1)];
        let thin = thinned(many);
        let all: u64 = thin.iter().map(|(_, times)| times).sum();
        assert!(all <= MOST_SAMPLES && all > MOST_SAMPLES / 2, "{all}");
        assert_eq!(thin.last(), Some(&(micros(99), 1)));
        let share = |at: usize| thin[at].1 as f64 / all as f64;
        assert!((share(0) - 0.9).abs() < 0.001 && (share(1) - 0.099).abs() < 0.001, "{thin:?}");
    }
}
