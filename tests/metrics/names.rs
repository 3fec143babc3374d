//! Names, units and meanings, by Prometheus' conventions.

use super::listener::Listener;
use super::support::{Probe, closes_balanced};
use metrics::Unit;
use slackwater::{MetricKind, MetricsReporter, Pool};
use std::collections::BTreeSet;

fn heard() -> Listener {
    let pool = Pool::builder(Probe::new()).name("names").memory_budget(1_000).build().unwrap();
    drop(pool.checkout().unwrap());
    let listener = Listener::default();
    metrics::with_local_recorder(&listener, || MetricsReporter::new().report(&pool.snapshot()));
    closes_balanced(&pool);
    listener
}

#[test]
fn what_is_reported_is_what_is_listed_and_everything_is_described() {
    let listener = heard();
    let name = |key: &String| key.split('{').next().unwrap().to_owned();
    let (mut reported, described): (BTreeSet<_>, BTreeSet<_>) = listener.heard(|heard| {
        let reported = heard.counters.keys().chain(heard.gauges.keys()).map(name).collect();
        (reported, heard.described.keys().cloned().collect())
    });
    let times = MetricsReporter::METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram);
    reported.extend(times.map(|metric| metric.name.to_owned()));
    let listed: BTreeSet<_> = MetricsReporter::METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(listed.len(), MetricsReporter::METRICS.len(), "each name once");
    assert_eq!((&reported, &described), (&listed, &listed));
}

#[test]
fn names_units_and_labels_follow_the_conventions() {
    let listener = heard();
    for metric in MetricsReporter::METRICS {
        let name = metric.name;
        assert!(name.starts_with("slackwater_pool_"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == MetricKind::Counter, "{name}");
        // What OpenMetrics keeps for its own series.
        let stem = name.trim_end_matches("_total");
        assert!(!["_bucket", "_sum", "_count", "_created", "_info"].iter().any(|end| stem.ends_with(end)), "{name}");
        if let Some(unit) = metric.unit {
            assert!(["seconds", "ratio"].contains(&unit) && stem.ends_with(unit), "{name}: base units, at the end");
        }
        let not_base = ["milli", "micro", "nano", "percent", "minutes"];
        assert!(!not_base.iter().any(|unit| name.contains(unit)), "{name}");
        assert!(metric.description.ends_with('.') && metric.description.len() > 10, "{name}");
        let (kind, unit, text) = listener.heard(|heard| heard.described[name].clone());
        assert_eq!((kind, text.as_str()), (metric.kind.to_string().as_str(), metric.description));
        assert_eq!(unit == Some(Unit::Seconds), metric.unit == Some("seconds"), "{name}");
        // Histograms may have had no time to tell of.
        if metric.kind != MetricKind::Histogram {
            let labels = listener.heard(|heard| {
                let mut keys = heard.counters.keys().chain(heard.gauges.keys());
                keys.find(|key| key.split('{').next() == Some(name)).cloned().unwrap()
            });
            let beside = metric.label.map_or(String::new(), |label| format!(",{label}=\""));
            assert!(labels.starts_with(&format!("{name}{{pool=\"names\"{beside}")), "{labels}");
        }
    }
}

#[test]
fn a_pool_without_a_name_is_called_pool() {
    let pool = Pool::builder(Probe::new()).build().unwrap();
    let listener = Listener::default();
    metrics::with_local_recorder(&listener, || MetricsReporter::new().report(&pool.snapshot()));
    assert_eq!(listener.gauge("slackwater_pool_max_size{pool=\"pool\"}"), 1.0);
    closes_balanced(&pool);
}
