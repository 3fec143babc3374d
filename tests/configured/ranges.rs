//! The ends of each setting's range: both are allowed, and what is beyond them is refused.

use slackwater::{Settings, SettingsError};

/// A name; what is below its range, the least and the most of it, and what is above; and what has to be set beside it.
type Range = (&'static str, [&'static str; 4], &'static [(&'static str, &'static str)]);

const RANGES: &[Range] = &[
    ("mode.pooled", ["-1", "0", "100", "101"], &[]),
    ("max_size", ["0", "1", "65536", "65537"], &[]),
    ("min_idle", ["-1", "0", "8", "9"], &[("max_size", "8")]),
    ("max_overflow", ["-1", "0", "65535", "65536"], &[]),
    ("overflow_ttl", ["-1s", "0s", "100days", "100days 1ms"], &[("max_overflow", "1")]),
    ("checkout_timeout", ["-1s", "0s", "365days", "365days 1ms"], &[]),
    ("fairness.bound", ["0s", "1ns", "60s", "60s 1ns"], &[]),
    ("max_waiters", ["-1", "0", "4294967294", "4294967295"], &[]),
    ("codel.target", ["999ns", "1us", "60s", "60s 1ns"], &[("codel.interval", "60s")]),
    ("codel.interval", ["999us", "1ms", "1h", "1h 1ns"], &[("codel.target", "1us")]),
    ("create_parallelism", ["0", "1", "256", "257"], &[]),
    ("warm_up_timeout", ["0s", "1ns", "365days", "365days 1ms"], &[]),
    ("breaker.failure_threshold", ["0", "1", "100000", "100001"], &[]),
    ("breaker.failure_rate.ratio", ["0.0009", "0.001", "1", "1.001"], &[]),
    ("breaker.failure_rate.window", ["99ms", "100ms", "1day", "1day 1ns"], &[]),
    ("breaker.failure_rate.at_least", ["0", "1", "511", "512"], &[]),
    ("breaker.open_for", ["999us", "1ms", "1day", "1day 1ns"], &[("breaker.open_for_at_first", "1ms")]),
    ("breaker.open_for_at_first", ["999us", "1ms", "1day", "1day 1ns"], &[("breaker.open_for", "1day")]),
    ("breaker.probes", ["0", "1", "31", "32"], &[]),
    ("breaker.success_threshold", ["0", "1", "63", "64"], &[]),
    ("backoff.base", ["999ns", "1us", "1h", "1h 1ns"], &[("backoff.max", "1day")]),
    ("backoff.max", ["999us", "1ms", "1day", "1day 1ns"], &[("backoff.base", "1ms")]),
    ("backoff.attempts", ["0", "1", "100", "101"], &[]),
    ("check_interval", ["999us", "1ms", "365days", "365days 1ms"], &[]),
    ("check_if_idle_for", ["999us", "1ms", "365days", "365days 1ms"], &[]),
    ("degrade_after", ["0", "1", "1000", "1001"], &[("remove_after", "1000")]),
    ("remove_after", ["1", "2", "1000", "1001"], &[("degrade_after", "2")]),
    ("max_lifetime", ["999us", "1ms", "365days", "365days 1ms"], &[]),
    ("lifetime_jitter", ["-0.1", "0", "0.5", "0.501"], &[("max_lifetime", "30m")]),
    ("idle_timeout", ["999us", "1ms", "365days", "365days 1ms"], &[("min_idle", "0")]),
    ("max_uses", ["0", "1", "18446744073709551614", "18446744073709551615"], &[]),
    ("surge", ["0", "1", "65536", "65537"], &[("max_unavailable", "0")]),
    ("max_unavailable", ["-1", "0", "65536", "65537"], &[]),
    ("ceiling", ["7", "8", "65536", "65537"], &[("max_size", "8")]),
    ("max_hold", ["999us", "1ms", "100days", "100days 1ms"], &[]),
    ("on_leak.at_most", ["0", "1", "8", "9"], &[("max_size", "8"), ("max_hold", "1m")]),
    ("memory_budget", ["0", "1", "9223372036854775807", "9223372036854775808"], &[]),
    ("memory_pressure", ["0.009", "0.01", "1", "1.001"], &[("memory_budget", "1GB")]),
    ("max_growth", ["1", "1.01", "1000000", "1000001"], &[]),
    ("scaling.min_size", ["0", "1", "8", "9"], &[("max_size", "8"), ("scaling.max_size", "8")]),
    ("scaling.max_size", ["0", "1", "65536", "65537"], &[]),
    ("scaling.band.low", ["0.049", "0.05", "0.9", "0.91"], &[("scaling.band.high", "0.95")]),
    ("scaling.band.high", ["0.54", "0.55", "0.95", "0.96"], &[("scaling.band.low", "0.5")]),
    ("scaling.interval", ["999us", "1ms", "365days", "365days 1ms"], &[]),
    ("time_one_in", ["-1", "0", "4294967295", "4294967296"], &[]),
    ("queue_alert", ["0", "1", "4294967294", "4294967295"], &[]),
    ("session_binding", ["999us", "1ms", "365days", "365days 1ms"], &[]),
    ("session_places", ["3", "4", "16777216", "16777217"], &[]),
    #[cfg(feature = "metrics")]
    ("metrics_interval", ["99ms", "100ms", "365days", "365days 1ms"], &[]),
    ("create_timeout", ["0s", "1ns", "365days", "365days 1ms"], &[]),
    ("check_timeout", ["0s", "1ns", "365days", "365days 1ms"], &[]),
    ("destroy_timeout", ["0s", "1ns", "365days", "365days 1ms"], &[]),
];

/// What has no range: names, choices, yes and no.
const WITHOUT: &[&str] = &[
    "mode",
    "name",
    "strategy",
    "fairness",
    "codel",
    "refuse_unservable",
    "creation",
    "on_panic",
    "on_deadlock",
    "keeper",
    "fences",
    "breaker",
    "backoff.jitter",
    "on_leak",
    "scaling",
    "record_uses",
];

/// Promise: both ends of a range are allowed, and what is just beyond is refused by name. Provoked: for each setting that has a range.
#[test]
fn every_range_ends_where_it_says() {
    let mut named: Vec<_> = RANGES.iter().map(|range| range.0).chain(WITHOUT.iter().copied()).collect();
    let all = Settings::new().all().unwrap();
    let mut names: Vec<_> =
        all.iter().map(|setting| setting.name).filter(|name| !name.starts_with("recovery.")).collect();
    named.sort_unstable();
    names.sort_unstable();
    assert_eq!(named, names);
    for (name, [below, least, most, above], others) in RANGES {
        let with = |value: &str| {
            let settings = others.iter().fold(Settings::new(), |all, (name, value)| all.set(name, value).unwrap());
            settings.set(name, value).and_then(|settings| settings.config())
        };
        for value in [least, most] {
            with(value).unwrap_or_else(|error| panic!("{name} = {value} is refused: {error}"));
        }
        for value in [below, above] {
            let Err(error) = with(value) else { panic!("{name} = {value} is allowed") };
            let field = match &error {
                SettingsError::Value { name, .. } => (*name).to_owned(),
                SettingsError::Refused { error, .. } => error.field.to_owned(),
                other => panic!("{name}: {other}"),
            };
            assert_eq!(field, *name, "{name} = {value}: {error}");
        }
    }
}
