//! A recorder that keeps what it is told.

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// By name and labels, as `name{pool="css",state="open"}`.
#[derive(Default)]
pub struct Heard {
    pub counters: BTreeMap<String, u64>,
    pub gauges: BTreeMap<String, f64>,
    pub samples: BTreeMap<String, Vec<f64>>,
    /// Kind, unit and description by name.
    pub described: BTreeMap<String, (&'static str, Option<Unit>, String)>,
    /// Calls of any kind.
    pub calls: usize,
}

#[derive(Clone, Default)]
pub struct Listener(Arc<Mutex<Heard>>);

impl Listener {
    pub fn heard<T>(&self, ask: impl FnOnce(&Heard) -> T) -> T {
        ask(&self.0.lock())
    }

    pub fn counter(&self, key: &str) -> u64 {
        self.heard(|heard| *heard.counters.get(key).unwrap_or_else(|| panic!("no counter {key}")))
    }

    pub fn gauge(&self, key: &str) -> f64 {
        self.heard(|heard| *heard.gauges.get(key).unwrap_or_else(|| panic!("no gauge {key}")))
    }

    pub fn samples(&self, key: &str) -> Vec<f64> {
        self.heard(|heard| heard.samples.get(key).cloned().unwrap_or_default())
    }

    fn describe(&self, kind: &'static str, name: &KeyName, unit: Option<Unit>, text: &SharedString) {
        let mut heard = self.0.lock();
        heard.calls += 1;
        heard.described.insert(name.as_str().to_owned(), (kind, unit, text.to_string()));
    }

    fn told(&self, key: &Key) -> Arc<Told> {
        self.0.lock().calls += 1;
        Arc::new(Told { heard: Arc::clone(&self.0), key: written(key) })
    }
}

fn written(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|label| format!("{}=\"{}\"", label.key(), label.value())).collect();
    format!("{}{{{}}}", key.name(), labels.join(","))
}

struct Told {
    heard: Arc<Mutex<Heard>>,
    key: String,
}

impl Told {
    fn with(&self, change: impl FnOnce(&mut Heard, String)) {
        let mut heard = self.heard.lock();
        heard.calls += 1;
        change(&mut heard, self.key.clone());
    }
}

impl CounterFn for Told {
    fn increment(&self, value: u64) {
        self.with(|heard, key| *heard.counters.entry(key).or_default() += value);
    }

    fn absolute(&self, value: u64) {
        self.with(|heard, key| {
            let counter = heard.counters.entry(key).or_default();
            *counter = value.max(*counter);
        });
    }
}

impl GaugeFn for Told {
    fn increment(&self, value: f64) {
        self.with(|heard, key| *heard.gauges.entry(key).or_default() += value);
    }

    fn decrement(&self, value: f64) {
        GaugeFn::increment(self, -value);
    }

    fn set(&self, value: f64) {
        self.with(|heard, key| {
            heard.gauges.insert(key, value);
        });
    }
}

impl HistogramFn for Told {
    fn record(&self, value: f64) {
        self.with(|heard, key| heard.samples.entry(key).or_default().push(value));
    }
}

impl Recorder for Listener {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe("counter", &name, unit, &text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe("gauge", &name, unit, &text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe("histogram", &name, unit, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.told(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.told(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.told(key))
    }
}
