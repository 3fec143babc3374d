//! Settings out of the environment.

use super::guests::{command, engine};
use super::support::closes_balanced;
use slackwater::PoolConfig;
use slackwater::wasm::{Extraction, WasmConfig, WasmConfigError, WasmOptions, WasmPool};
use std::time::Duration;

fn read(vars: &[(&str, &str)]) -> Result<WasmConfig, WasmConfigError> {
    WasmConfig::from_vars(vars.iter().copied())
}

#[test]
fn without_variables_all_is_as_documented() {
    assert_eq!(read(&[]).unwrap(), WasmConfig::default());
    assert_eq!(read(&[("PATH", "/bin"), ("NATIVE_POOL_SIZE", "x")]).unwrap(), WasmConfig::default());
}

#[test]
fn each_variable_sets_what_it_says() {
    let vars = [
        ("WASM_POOL_SIZE", "3"),
        ("WASM_MAX_INSTANCES", "7"),
        ("WASM_IDLE_TIMEOUT_MS", "1500"),
        ("WASM_HEALTH_CHECK_INTERVAL_MS", "250"),
        ("WASM_MEMORY_LIMIT_MB", "96"),
        ("MEMORY_PRESSURE_THRESHOLD", "0.5"),
        ("GC_INTERVAL_MS", "9000"),
    ];
    let config = read(&vars).unwrap();
    let pool = config.pool(PoolConfig::default());
    assert_eq!((pool.min_idle, pool.max_size), (Some(3), 7));
    assert_eq!(pool.idle_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(pool.check_interval, Some(Duration::from_millis(250)));
    assert_eq!((pool.memory_budget, pool.memory_pressure), (Some(96 << 20), Some(0.5)));
    let options = config.options(WasmOptions::default());
    assert_eq!((options.limits.memory, options.limits.total_memory), (96 << 20, Some(96 << 20)));
    assert_eq!(options.gc_interval, Some(Duration::from_secs(9)));
    assert!(options.validate().is_ok() && pool.validate().is_ok());
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let names = [
        "WASM_POOL_SIZE",
        "WASM_MAX_INSTANCES",
        "WASM_IDLE_TIMEOUT_MS",
        "WASM_HEALTH_CHECK_INTERVAL_MS",
        "WASM_MEMORY_LIMIT_MB",
        "MEMORY_PRESSURE_THRESHOLD",
        "GC_INTERVAL_MS",
    ];
    for name in names {
        for wrong in ["", "ten", "-1", "0", "99999999999999999999", "1e", "NaN"] {
            let error = read(&[(name, wrong)]).unwrap_err();
            assert!(
                matches!(&error, WasmConfigError::Value { name: its, value, .. } if *its == name && value == wrong)
            );
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

#[test]
fn what_is_unknown_is_refused_and_what_is_known_is_named() {
    let error = read(&[("WASM_POOLSIZE", "3")]).unwrap_err();
    assert_eq!(error, WasmConfigError::Unknown { name: "WASM_POOLSIZE".to_owned() });
    assert!(error.to_string().contains("WASM_POOL_SIZE"));
}

#[test]
fn more_ready_than_there_may_be_are_refused() {
    let error = read(&[("WASM_POOL_SIZE", "60")]).unwrap_err();
    assert_eq!(error, WasmConfigError::PoolSize { pool_size: 60, max_instances: 50 });
}

#[test]
fn an_extractor_is_built_from_it() {
    let config = read(&[("WASM_POOL_SIZE", "1"), ("WASM_MAX_INSTANCES", "3")]).unwrap();
    let engine = engine();
    let component = engine.component(super::guests::MISBEHAVING).unwrap();
    assert!(config.slots() <= engine.slots());
    assert_eq!(config.pool(PoolConfig::default()).remove_after, 1, "what could not be renewed is not lent");
    let set = |pool: slackwater::Builder<_>| pool.config(config.pool(PoolConfig::default()));
    let options = config.options(WasmOptions::default());
    let extractor = slackwater::wasm::WasmExtractor::build(&component, options, set).unwrap();
    assert_eq!(engine.free_slots(), engine.slots() - config.slots());
    assert_eq!(command(&extractor, "count").unwrap(), "1");
    let _: &WasmPool<Extraction> = &extractor;
    closes_balanced(&extractor);
}
