//! The text for Prometheus, line by line. The stage `scrape` of `.ci/run` has Prometheus itself read it.

use super::support::{Probe, closes_balanced};
use slackwater::{Keeper, MetricKind, MetricsReporter, Pool, Scrape, VirtualClock};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Samples by name and labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples: Vec<_> = lines.map(|line| line.rsplit_once(' ').unwrap()).collect();
    let by_key: BTreeMap<_, _> = samples.iter().map(|(key, value)| (*key, value.parse().unwrap())).collect();
    assert_eq!(by_key.len(), samples.len(), "each once");
    by_key
}

fn pool(name: &str, clock: &VirtualClock) -> Pool<Probe> {
    let pool = Pool::builder(Probe::new()).name(name).keeper(Keeper::Manual).clock(clock);
    pool.max_size(2).memory_budget(100).time_one_in(1).build().unwrap()
}

#[test]
fn each_metric_has_its_meaning_its_type_and_samples_in_one_piece() {
    let (clock, scrape) = (VirtualClock::new(), Scrape::new());
    let pool = pool("css", &clock);
    drop(pool.checkout().unwrap());
    let text = scrape.render(&[pool.snapshot()]);
    let mut lines = text.lines().peekable();
    for metric in MetricsReporter::METRICS {
        assert_eq!(lines.next(), Some(&*format!("# HELP {} {}", metric.name, metric.description)));
        assert_eq!(lines.next(), Some(&*format!("# TYPE {} {}", metric.name, metric.kind)));
        let mut its = 0;
        while lines.next_if(|line| line.starts_with(metric.name)).is_some() {
            its += 1;
        }
        assert_eq!(its > 1, metric.label.is_some() || metric.kind == MetricKind::Histogram, "{}: {its}", metric.name);
    }
    assert_eq!(lines.next(), None);
    assert_eq!(text, scrape.render(&[pool.snapshot()]), "nothing has happened since");
    closes_balanced(&pool);
}

#[test]
fn histograms_are_exact_in_counts_and_sums_and_no_percentile_is_too_low() {
    let (clock, scrape) = (VirtualClock::new(), Scrape::new());
    let pool = pool("times", &clock);
    let spans = [1_u64, 900, 1_000, 4_999, 1_000_000, 55_000_000_000, 90_000_000_000].map(Duration::from_nanos);
    for span in spans {
        let held = pool.checkout().unwrap();
        clock.advance(span);
        drop(held);
    }
    let text = scrape.render(&[pool.snapshot()]);
    let samples = samples(&text);
    let of = |series: &str| samples[&*format!("slackwater_pool_hold_seconds_{series}")];
    assert_eq!(of("count{pool=\"times\"}"), 7.0);
    let sum: Duration = spans.iter().sum();
    assert!((of("sum{pool=\"times\"}") - sum.as_secs_f64()).abs() < 1e-6);
    let up_to = |le: &str| of(&format!("bucket{{pool=\"times\",le=\"{le}\"}}"));
    assert_eq!((up_to("0.0000025"), up_to("60"), up_to("+Inf")), (3.0, 6.0, 7.0));
    assert!((1.0..=3.0).contains(&up_to("0.000001")), "what a bound cuts counts as longer");
    let buckets: Vec<_> =
        samples.iter().filter(|(key, _)| key.starts_with("slackwater_pool_hold_seconds_bucket")).collect();
    assert_eq!(buckets.len(), 25);
    for end in [1e-6, 2.5e-6, 5e-6, 1e-3, 1.0, 60.0] {
        let exact = spans.iter().filter(|span| span.as_secs_f64() <= end).count() as f64;
        assert!(up_to(&format!("{end}")) <= exact, "{end}");
    }
    assert_eq!(samples["slackwater_pool_wait_seconds_bucket{pool=\"times\",le=\"0.000001\"}"], 7.0);
    closes_balanced(&pool);
}

#[test]
fn no_counter_falls_while_the_pool_is_at_work() {
    let (clock, scrape) = (VirtualClock::new(), Scrape::new());
    let pool = pool("busy", &clock);
    std::thread::scope(|scope| {
        let works = || (0..20_000).for_each(|_| drop(pool.try_checkout()));
        let workers = [scope.spawn(works), scope.spawn(works), scope.spawn(works)];
        let mut before = BTreeMap::new();
        while workers.iter().any(|worker| !worker.is_finished()) {
            let text = scrape.render(&[pool.snapshot()]);
            let counters = |key: &str| ["_total{", "_bucket{", "_sum{", "_count{"].iter().any(|end| key.contains(end));
            for (key, now) in samples(&text).into_iter().filter(|(key, _)| counters(key)) {
                let seen: f64 = before.insert(key.to_owned(), now).unwrap_or_default();
                assert!(seen <= now, "{key}: {seen} -> {now}");
            }
        }
    });
    closes_balanced(&pool);
}

#[test]
fn pools_of_one_name_are_told_apart_and_strange_names_are_quoted() {
    let (clock, scrape) = (VirtualClock::new(), Scrape::new());
    let pools = ["css", "a \"quoted\" {name}", "css"].map(|name| pool(name, &clock));
    let snapshots: Vec<_> = pools.iter().map(|pool| pool.snapshot()).collect();
    let text = scrape.render(&snapshots);
    let labels: BTreeSet<_> = samples(&text)
        .keys()
        .filter_map(|key| key.strip_prefix("slackwater_pool_max_size{pool="))
        .map(str::to_owned)
        .collect();
    assert_eq!(labels, ["\"css\"}", "\"css-2\"}", "\"a \\\"quoted\\\" {name}\"}"].map(str::to_owned).into());
    pools.iter().for_each(|pool| closes_balanced(pool));
}

#[test]
fn another_pool_of_the_same_name_begins_anew() {
    let (clock, scrape) = (VirtualClock::new(), Scrape::new());
    for uses in [5, 2] {
        let pool = pool("again", &clock);
        (0..uses).for_each(|_| drop(pool.checkout().unwrap()));
        let text = scrape.render(&[pool.snapshot()]);
        assert_eq!(samples(&text)["slackwater_pool_checkouts_total{pool=\"again\"}"], f64::from(uses));
        closes_balanced(&pool);
    }
}
