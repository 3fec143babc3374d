//! The configuration in structures of a program's own, the schema, and the table in the docs.

use serde::{Deserialize, Serialize};
use slackwater::{PoolConfig, Settings};
use std::time::Duration;

#[derive(Debug, Deserialize, Serialize)]
struct Application {
    port: u16,
    pool: PoolConfig,
}

#[test]
fn a_configuration_is_a_part_of_a_programs_own() {
    let text =
        r#"{ "port": 80, "pool": { "max_size": 3, "breaker": { "probes": 1 }, "idle_timeout": "1m", "min_idle": 0 } }"#;
    let application: Application = serde_json::from_str(text).unwrap();
    assert_eq!((application.port, application.pool.max_size), (80, 3));
    assert_eq!(application.pool.idle_timeout, Some(Duration::from_secs(60)));
    for (pool, told) in [
        (r#"{ "max_sise": 3 }"#, "did you mean max_size?"),
        (r#"{ "max_size": "3" }"#, "a whole number"),
        (r#"{ "min_idle": 3 }"#, "min_idle"),
        (r#"{ "breaker": "off", "codel": { "target": 5 } }"#, "codel.target is 5"),
        ("[]", "the settings of a pool"),
    ] {
        let error = serde_json::from_str::<Application>(&format!("{{ \"port\": 1, \"pool\": {pool} }}")).unwrap_err();
        assert!(error.to_string().contains(told), "{pool}: {error}");
    }
}

#[test]
fn what_is_written_can_be_read_again() {
    let some = "name = \"x\"\nmax_size = 4\nmax_uses = 7\nfairness = \"barging\"\ncodel = \"on\"\n[breaker.failure_rate]\nratio = 0.25";
    let off = "breaker = \"off\"\ncheck_interval = \"off\"\nmax_hold = \"90s\"\n[on_leak]\nat_most = 1\n[scaling]\nmax_size = 6";
    for text in ["", some, off] {
        let config = Settings::new().toml("pool.toml", text).unwrap().config().unwrap();
        let written = serde_json::to_string(&config).unwrap();
        let again: PoolConfig = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
        assert_eq!(format!("{config:?}"), format!("{again:?}"), "{written}");
    }
}

/// Promise: the schema knows every setting and nothing else. Provoked: each is looked up by its path.
#[test]
fn the_schema_has_every_setting() {
    let schema = Settings::schema();
    let is_open = |value: &serde_json::Value| value["additionalProperties"] != serde_json::Value::Bool(false);
    for setting in Settings::new().all().unwrap() {
        let mut place = &schema;
        for part in setting.name.split('.') {
            let table = if place["properties"].is_null() { &place["anyOf"][1] } else { place };
            assert!(!is_open(table), "{}", setting.name);
            place = &table["properties"][part];
        }
        let place = if place["description"].is_null() { &place["anyOf"][0] } else { place };
        assert_eq!(place["description"], setting.about, "{}", setting.name);
    }
}

/// Promise: the table in the docs is that of the code. Mended by `slackwater config options > docs/settings.md`.
#[test]
#[cfg(feature = "metrics")]
fn the_docs_have_the_table_of_the_code() {
    let docs = include_str!("../../docs/settings.md");
    assert!(docs.contains(&Settings::table()), "docs/settings.md is not what `slackwater config options` prints");
}
