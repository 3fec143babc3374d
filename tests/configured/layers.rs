//! One layer over another.

use slackwater::{Origin, PoolConfig, Settings, SettingsError};
use std::time::Duration;

#[test]
fn a_later_layer_goes_before_an_earlier_one_and_each_value_knows_where_it_came_from() {
    let mut base = PoolConfig::default();
    base.max_uses = Some(5);
    let settings = Settings::over(base).toml("pool.toml", "max_size = 8\nmin_idle = 1\n").unwrap();
    let settings = settings.vars("ORDERS", [("ORDERS_MAX_SIZE", "16"), ("ORDERSX", "?"), ("PATH", "/")]).unwrap();
    let settings = settings.set("checkout_timeout", "1s").unwrap();
    let config = settings.config().unwrap();
    assert_eq!((config.max_size, config.min_idle, config.max_uses), (16, Some(1), Some(5)));
    assert_eq!(config.checkout_timeout, Duration::from_secs(1));
    let origins = ["max_size", "min_idle", "checkout_timeout", "surge"].map(|name| settings.origin(name).to_string());
    assert_eq!(origins, ["ORDERS_MAX_SIZE", "pool.toml:2", "program", "default"]);
}

/// Promise: what a layer switches off has no parts left of earlier layers, and what it says of a part switches on. Provoked: both ways.
#[test]
fn a_layer_that_switches_off_takes_the_parts_with_it() {
    let parts = Settings::new().toml("pool.toml", "[breaker]\nprobes = 1\n[scaling]\nmax_size = 9").unwrap();
    let off = parts.clone().vars("P", [("P_BREAKER", "off"), ("P_SCALING", "off")]).unwrap();
    let config = off.config().unwrap();
    assert!(config.breaker.is_none() && config.scaling.is_none());
    assert_eq!(off.origin("breaker.probes"), Origin::Default);
    let on = off.set("breaker.probes", "3").unwrap().config().unwrap();
    assert_eq!(on.breaker.unwrap().probes, 3);
    let rate = parts.set("breaker.failure_threshold", "9").unwrap().set("breaker.failure_rate.ratio", "0.5").unwrap();
    assert!(format!("{:?}", rate.config().unwrap().breaker).contains("Rate"));
}

#[test]
fn within_a_layer_contradictions_are_errors() {
    for vars in [
        [("P_BREAKER", "off"), ("P_BREAKER_PROBES", "3")],
        [("P_BREAKER_PROBES", "3"), ("P_BREAKER", "off")],
        [("P_FAIRNESS", "barging"), ("P_FAIRNESS_BOUND", "1ms")],
        [("P_BREAKER_FAILURE_RATE_RATIO", "0.5"), ("P_BREAKER_FAILURE_THRESHOLD", "5")],
    ] {
        let error = Settings::new().vars("P", vars).unwrap_err();
        assert!(matches!(error, SettingsError::Contradiction { .. }), "{error}");
        assert!(vars.iter().all(|(name, _)| error.to_string().contains(name)), "{error}");
    }
    let file = "fairness = \"fifo\"\n";
    let bound = Settings::new().toml("pool.toml", file).unwrap().set("fairness.bound", "1ms").unwrap();
    assert!(format!("{:?}", bound.config().unwrap().fairness).contains("1ms"), "a bound is for eventual fairness");
}

/// Promise: what is refused for another setting's sake names that one, and its place; alone if the refused one is a default.
#[test]
fn what_is_refused_because_of_another_setting_names_both() {
    let said = |settings: Settings| settings.config().unwrap_err().to_string();
    for (name, value, refused) in [
        ("degrade_after", "5", "remove_after = 3"),
        ("backoff.base", "2s", "backoff.max = 1s"),
        ("codel.target", "200ms", "codel.interval = 100ms"),
        ("scaling.band.low", "0.79", "scaling.band.high = 0.8 is refused: allowed is 0.84 to 0.95"),
    ] {
        let variable = format!("P_{}", name.replace('.', "_").to_uppercase());
        let error = said(Settings::new().vars("P", [(variable.as_str(), value)]).unwrap());
        assert!(error.contains(refused), "{name}: {error}");
        assert!(error.contains(&variable) && error.contains(&format!("because of {name} = ")), "{error}");
    }
    let both = Settings::new().toml("pool.toml", "degrade_after = 5").unwrap().set("remove_after", "2").unwrap();
    assert_eq!(
        said(both),
        "program: remove_after = 2 is refused: allowed is 5 to 1000, because of degrade_after = 5 (pool.toml:1)"
    );
}

#[test]
fn a_variable_nobody_knows_is_an_error_with_the_one_that_was_meant() {
    let error = Settings::new().vars("ORDERS", [("ORDERS_MAX_SISE", "16")]).unwrap_err();
    assert!(error.to_string().contains("ORDERS_MAX_SISE; did you mean ORDERS_MAX_SIZE?"), "{error}");
    let error = Settings::new().vars("ORDERS", [("ORDERS_MAX_SIZE", "many")]).unwrap_err();
    assert_eq!(error.to_string(), "ORDERS_MAX_SIZE: max_size is \"many\"; it is a whole number");
    let error = Settings::new().set("max_sise", "1").unwrap_err();
    assert!(error.to_string().contains("did you mean max_size?"), "{error}");
}

#[test]
fn variables_of_older_deployments_are_read_strictly() {
    let documented = [
        ("NATIVE_POOL_SIZE", "20"),
        ("NATIVE_MAX_INSTANCES", "100"),
        ("NATIVE_IDLE_TIMEOUT_MS", "30000"),
        ("CB_FAILURE_THRESHOLD", "4"),
        ("CB_SUCCESS_THRESHOLD", "3"),
        ("CB_TIMEOUT_MS", "20000"),
        ("HEALTH_CHECK_ENABLED", "true"),
        ("HEALTH_CHECK_INTERVAL_MS", "10000"),
        ("WASM_POOL_SIZE", "10"),
    ];
    let settings = Settings::new().native_vars(documented).unwrap();
    let config = settings.config().unwrap();
    assert_eq!((config.min_idle, config.max_size, config.idle_timeout), (Some(20), 100, Some(Duration::from_secs(30))));
    assert_eq!(config.check_interval, Some(Duration::from_secs(10)));
    let breaker = config.breaker.unwrap();
    assert_eq!((breaker.success_threshold, breaker.open_for), (3, Duration::from_secs(20)));
    assert_eq!(breaker.trip, slackwater::Trip::Consecutive(4));
    assert_eq!(settings.origin("breaker.open_for").to_string(), "CB_TIMEOUT_MS");
    let off = Settings::new().native_vars([("HEALTH_CHECK_ENABLED", "false"), ("HEALTH_CHECK_INTERVAL_MS", "10000")]);
    assert_eq!(off.unwrap().config().unwrap().check_interval, None);
    for (name, value) in [
        ("NATIVE_POOL_SISE", "1"),
        ("NATIVE_POOL_SIZE", "ten"),
        ("CB_TIMEOUT_MS", "20s"),
        ("HEALTH_CHECK_ENABLED", "yes"),
    ] {
        let error = Settings::new().native_vars([(name, value)]).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

#[test]
fn sizes_to_begin_with_are_sound() {
    use slackwater::Load;
    for (load, native, components) in
        [(Load::Low, (5, 20), (2, 10)), (Load::Medium, (10, 50), (5, 20)), (Load::High, (20, 100), (10, 50))]
    {
        for (config, (least, most)) in [(PoolConfig::native(load), native), (PoolConfig::components(load), components)]
        {
            assert_eq!((config.min_idle, config.max_size), (Some(least), most));
            config.validate().unwrap();
        }
    }
}
