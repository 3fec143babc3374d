//! Each setting, one by one.

use slackwater::{Origin, PoolConfig, Settings, SettingsError};

/// A name, a value, one that is refused, and others beside it.
pub type Each = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Each setting with a value that is not its default, and one that is refused. What has to be set beside it stands in the last column.
pub const EACH: &[Each] = &[
    ("mode", "single", "pool", &[]),
    ("mode.pooled", "30", "101", &[]),
    ("name", "orders", "", &[]),
    ("max_size", "7", "70000", &[]),
    ("min_idle", "0", "2", &[]),
    ("max_overflow", "3", "65536", &[]),
    ("overflow_ttl", "5s", "101days", &[("max_overflow", "1")]),
    ("checkout_timeout", "250ms", "2years", &[]),
    ("strategy", "lifo", "newest", &[]),
    ("fairness", "fifo", "fair", &[]),
    ("fairness.bound", "2ms", "2m", &[]),
    ("max_waiters", "9", "-1", &[]),
    ("codel", "on", "true", &[]),
    ("codel.target", "7ms", "2m", &[]),
    ("codel.interval", "300ms", "2h", &[]),
    ("refuse_unservable", "true", "yes", &[]),
    ("creation", "inline", "soon", &[]),
    ("create_parallelism", "2", "257", &[]),
    ("warm_up_timeout", "3s", "2years", &[]),
    ("on_panic", "check", "ignore", &[]),
    ("on_deadlock", "refuse", "panic", &[]),
    ("keeper", "shared", "none", &[]),
    ("fences", "portable", "off", &[]),
    ("breaker", "off", "false", &[]),
    ("breaker.failure_threshold", "9", "0", &[]),
    ("breaker.failure_rate.ratio", "0.25", "2", &[]),
    ("breaker.failure_rate.window", "20s", "2days", &[]),
    ("breaker.failure_rate.at_least", "30", "512", &[]),
    ("breaker.open_for", "20s", "2days", &[]),
    ("breaker.open_for_at_first", "2s", "31s", &[]),
    ("breaker.probes", "1", "32", &[]),
    ("breaker.success_threshold", "3", "64", &[]),
    ("backoff.base", "20ms", "2h", &[]),
    ("backoff.max", "2s", "1ms", &[]),
    ("backoff.attempts", "4", "101", &[]),
    ("backoff.jitter", "false", "no", &[]),
    ("recovery.create.transient", "refuse", "degrade", &[]),
    ("recovery.create.permanent", "retry", "remove", &[]),
    ("recovery.create.fatal", "refuse", "replace", &[]),
    ("recovery.check.transient", "remove", "refuse", &[]),
    ("recovery.check.permanent", "replace", "refuse", &[]),
    ("recovery.check.fatal", "remove", "refuse", &[]),
    ("recovery.use.transient", "retry", "refuse", &[]),
    ("recovery.use.permanent", "degrade", "refuse", &[]),
    ("recovery.use.fatal", "replace", "refuse", &[]),
    ("check_interval", "off", "0s", &[]),
    ("check_if_idle_for", "1m", "1us", &[]),
    ("degrade_after", "2", "0", &[]),
    ("remove_after", "5", "1001", &[]),
    ("max_lifetime", "30m", "1us", &[]),
    ("lifetime_jitter", "0.2", "0.6", &[("max_lifetime", "30m")]),
    ("idle_timeout", "10m", "1us", &[("min_idle", "0")]),
    ("max_uses", "1000", "0", &[]),
    ("surge", "2", "70000", &[]),
    ("max_unavailable", "1", "70000", &[]),
    ("ceiling", "20", "0", &[]),
    ("max_hold", "1m", "101days", &[]),
    ("on_leak", "replace", "forget", &[("max_hold", "1m")]),
    ("on_leak.at_most", "2", "3", &[("max_hold", "1m"), ("max_size", "2")]),
    ("memory_budget", "512MiB", "0", &[]),
    ("memory_pressure", "0.5", "1.5", &[("memory_budget", "1GB")]),
    ("max_growth", "1.5", "1", &[]),
    ("scaling", "on", "auto", &[]),
    ("scaling.min_size", "2", "9", &[("scaling.max_size", "8"), ("max_size", "4")]),
    ("scaling.max_size", "5", "0", &[]),
    ("scaling.band.low", "0.3", "0.95", &[]),
    ("scaling.band.high", "0.9", "0.5", &[]),
    ("scaling.interval", "20s", "1us", &[]),
    ("record_uses", "true", "1", &[]),
    ("time_one_in", "1", "often", &[]),
    ("queue_alert", "10", "0", &[]),
    ("session_binding", "1m", "0s", &[]),
    ("session_places", "4096", "3", &[]),
    #[cfg(feature = "metrics")]
    ("metrics_interval", "10s", "1ms", &[]),
    ("create_timeout", "20s", "0s", &[]),
    ("check_timeout", "2s", "0s", &[]),
    ("destroy_timeout", "20s", "0s", &[]),
];

pub fn beside(others: &[(&str, &str)]) -> Settings {
    others.iter().fold(Settings::new(), |settings, (name, value)| settings.set(name, value).unwrap())
}

/// The fields of the configuration, of which some may have fields of their own, that are not the same in both.
fn changed(before: &PoolConfig, after: &PoolConfig) -> Vec<String> {
    let fields = |config: &PoolConfig| {
        let mut fields = Vec::<(String, String)>::new();
        for line in format!("{config:#?}").lines() {
            match line.strip_prefix("    ").filter(|line| line.starts_with(char::is_alphabetic)) {
                Some(line) => {
                    let (name, value) = line.split_once(": ").unwrap();
                    fields.push((name.to_owned(), value.to_owned()));
                }
                None => fields.last_mut().into_iter().for_each(|(_, value)| value.push_str(line)),
            }
        }
        fields
    };
    let both = fields(before).into_iter().zip(fields(after));
    both.filter(|(before, after)| before != after).map(|((name, _), _)| name).collect()
}

/// Promise: no setting is dead, neither here nor in the table of this test. Provoked: each is given a value that is not its default.
#[test]
fn every_setting_changes_the_field_of_its_name_and_is_shown() {
    let names: Vec<_> = Settings::new().all().unwrap().iter().map(|setting| setting.name).collect();
    assert_eq!(names, EACH.iter().map(|each| each.0).collect::<Vec<_>>());
    for (name, value, _, others) in EACH {
        let without = beside(others);
        let with = without.clone().set(name, value).unwrap();
        let [before, after] =
            [&without, &with].map(|settings| settings.config().unwrap_or_else(|e| panic!("{name}: {e}")));
        assert_eq!(changed(&before, &after), [name.split('.').next().unwrap()], "{name} = {value}");
        if let [old, new] = [&before, &after].map(|config| format!("{config:#?}"))
            && old.lines().count() == new.lines().count()
        {
            let mut lines = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
            let (_, line) = lines.next().unwrap();
            assert_eq!(lines.next(), None, "{name} = {value} changes more than itself");
            // A value without a name of its own has been met above.
            if let Some((field, _)) = line.trim().split_once(": ") {
                assert_eq!(Some(field), name.rsplit('.').next(), "{name} = {value}");
            }
        }
        let shown = with.all().unwrap().into_iter().find(|setting| setting.name == *name).unwrap();
        assert_eq!(shown.origin, Origin::Program);
        // What is shown gives the same again.
        let again = shown.value.unwrap_or_else(|| panic!("{name} is set, and not shown"));
        let again = without.set(name, again.trim_matches('"')).unwrap();
        assert_eq!(format!("{after:?}"), format!("{:?}", again.config().unwrap()), "{name}");
    }
}

/// Promise: what is no value of a setting, or out of its range, is refused with the setting's name and what is allowed. Provoked: for each.
#[test]
fn every_setting_refuses_what_it_cannot_be() {
    for (name, _, bad, others) in EACH {
        let error = beside(others).set(name, bad).and_then(|settings| settings.config()).unwrap_err();
        let field = match &error {
            SettingsError::Value { name, .. } => (*name).to_owned(),
            SettingsError::Refused { error, .. } => error.field.to_owned(),
            other => panic!("{name}: {other}"),
        };
        assert_eq!(field, *name, "{name} = {bad}: {error}");
        assert!(error.to_string().starts_with("program: "), "{error}");
    }
}
