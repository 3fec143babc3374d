//! Files, and what is wrong with them.

use slackwater::{Settings, SettingsError};
use std::time::Duration;

#[test]
fn toml_and_json_say_the_same() {
    let toml = r#"
        max_size = 8
        checkout_timeout = "250ms"
        breaker = "off"
        memory_budget = "512MB"
        [scaling]
        max_size = 0x10
        band = { low = 0.5, high = 0.75 }
        [recovery.use]
        transient = "retry"
    "#;
    let json = r#"{ "max_size": 8, "checkout_timeout": "250ms", "breaker": "off", "memory_budget": 512000000,
        "scaling": { "max_size": 16, "band": { "low": 0.5, "high": 0.75 } }, "recovery": { "use": { "transient": "retry" } } }"#;
    let toml = Settings::new().toml("pool.toml", toml).unwrap().config().unwrap();
    let json = Settings::new().json("pool.json", json).unwrap().config().unwrap();
    assert_eq!(format!("{toml:?}"), format!("{json:?}"));
    assert_eq!((toml.max_size, toml.checkout_timeout), (8, Duration::from_millis(250)));
    assert!(toml.breaker.is_none() && toml.memory_budget == Some(512_000_000));
    assert_eq!(toml.scaling.unwrap().max_size, 16);
}

/// Promise: all that is wrong with a file is told, each with its line and what to try. Provoked: a slip, a wrong kind, a wrong unit, an array.
#[test]
fn all_mistakes_of_a_file_are_told_with_their_places() {
    let text = "max_sise = 8\nmin_idle = \"8\"\ncheckout_timeout = 250\nstrategy = [\"lifo\"]\n[breaker]\nprobe = 1\n[orders]\nx = 1\n";
    let error = Settings::new().toml("pool.toml", text).unwrap_err();
    let SettingsError::File { errors, .. } = &error else { panic!("{error}") };
    let told: Vec<_> =
        errors.mistakes().iter().map(|mistake| (mistake.line(), mistake.what(), mistake.hint())).collect();
    assert_eq!(told[0], (1, "there is no setting \"max_sise\"", "did you mean max_size?"));
    assert_eq!(told[1], (2, "min_idle is \"8\"", "it is a whole number"));
    assert_eq!((told[2].0, told[2].1), (3, "checkout_timeout is 250"));
    assert!(told[2].2.contains("250ms"), "{}", told[2].2);
    assert_eq!(told[3], (4, "strategy is an array", "it is \"affine\", \"lifo\", \"fifo\""));
    assert_eq!(told[4], (6, "there is no setting \"breaker.probe\"", "did you mean breaker.probes?"));
    assert_eq!((told[5].0, told.len()), (7, 6));
    assert!(error.to_string().contains("pool.toml:6:1: there is no setting"), "{error}");
}

#[test]
fn what_is_no_toml_and_what_is_no_json_is_told_once() {
    for error in [
        Settings::new().toml("pool.toml", "max_size =").unwrap_err(),
        Settings::new().json("pool.json", "{\"max_size\": 8,}").unwrap_err(),
        Settings::new().json("pool.json", "[]").unwrap_err(),
    ] {
        let SettingsError::File { errors, .. } = &error else { panic!("{error}") };
        assert_eq!(errors.mistakes().len(), 1, "{error}");
    }
}

#[test]
fn what_the_pool_refuses_is_told_with_its_place() {
    let refused = |text: &str| Settings::new().toml("pool.toml", text).unwrap().config().unwrap_err().to_string();
    let told = refused("min_idle = 2\nmax_size = 1");
    assert!(told.starts_with("pool.toml:1: ") && told.contains("min_idle") && told.contains('2'), "{told}");
    let told = refused("fairness = \"fifo\"\n\nmax_size = 0");
    assert!(told.starts_with("pool.toml:3: "), "{told}");
    let told = refused("idle_timeout = \"1m\"");
    assert!(told.contains("min_idle keeps max_size resources"), "{told}");
}

#[test]
fn one_file_can_have_many_pools() {
    let text = "[http]\nport = 80\n[pools.orders]\nmax_size = 3\n[pools.users]\nmax_size = 4\n";
    let path = std::env::temp_dir().join(format!("slackwater-configured-{}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let size = |table: &str| {
        Settings::new().file_table(&path, table).and_then(|settings| settings.config()).map(|c| c.max_size)
    };
    assert_eq!((size("pools.orders").unwrap(), size("pools.users").unwrap()), (3, 4));
    assert!(size("pools.baskets").unwrap_err().to_string().contains("there is no table [pools.baskets]"));
    assert!(size("http").unwrap_err().to_string().contains("port"));
    std::fs::remove_file(&path).unwrap();
    assert!(size("pools.orders").unwrap_err().to_string().starts_with("cannot read "));
}
