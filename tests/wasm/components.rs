//! What is no component, and what is none of the world.

use super::guests::{IMPORTING, MISBEHAVING, Number, engine, number, number_bytes};
use slackwater::wasm::{Extraction, Found, WasmBuildError, WasmEngine, WasmLimits, WasmOptions, WasmPool};
use std::path::Path;
use std::time::Duration;

#[test]
fn what_is_no_component_is_told_from_one() {
    let engine = engine();
    let refused = |bytes: &[u8]| match engine.component(bytes).unwrap_err() {
        WasmBuildError::NotAComponent { found } => found,
        other => panic!("{other}"),
    };
    assert_eq!(refused(&wat::parse_str("(module)").unwrap()), Found::Module);
    let artifact = engine.wasmtime().precompile_component(&number_bytes("(i32.const 0)")).unwrap();
    assert_eq!(refused(&artifact), Found::Artifact);
    assert_eq!(refused(b"(component)"), Found::Other);
    assert_eq!(refused(b""), Found::Other);
}

#[test]
fn what_begins_as_a_component_and_goes_on_otherwise_is_invalid() {
    let mut bytes = number_bytes("(i32.const 0)");
    bytes.truncate(bytes.len() - 3);
    let error = engine().component(&bytes).unwrap_err();
    assert!(matches!(error, WasmBuildError::Invalid { .. }));
    assert!(error.to_string().contains("at offset"), "{error}");
}

#[test]
fn a_module_may_have_several_memories_and_tables() {
    let text = r#"(component
        (core module $m
            (memory 1) (memory 2) (table 1 funcref) (table 2 funcref)
            (func (export "number") (result i32) (i32.add (memory.size 1) (table.size 1))))
        (core instance $i (instantiate $m))
        (func (export "number") (result u32) (canon lift (core func $i "number"))))"#;
    let engine = engine();
    let component = engine.component(&wat::parse_str(text).unwrap()).unwrap();
    let pool = WasmPool::build(&component, Number, WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (4,));
    assert_eq!(pool.checkout().unwrap().memory(), 3 << 16);
    super::support::closes_balanced(&pool);
}

#[test]
fn a_component_may_be_as_large_as_the_engine_says() {
    let engine = WasmEngine::builder().slots(1).max_component(2000).build().unwrap();
    let error = engine.component(MISBEHAVING).unwrap_err();
    assert!(matches!(error, WasmBuildError::TooLarge { bytes, limit: 2000 } if bytes == MISBEHAVING.len() as u64));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/misbehaving.wasm");
    assert!(matches!(engine.component_file(file), Err(WasmBuildError::TooLarge { limit: 2000, .. })));
    assert!(matches!(engine.component_file("/nowhere/at/all.wasm"), Err(WasmBuildError::Read { .. })));
}

#[test]
fn a_component_with_imports_is_refused_with_their_names() {
    let engine = engine();
    let component = engine.component(IMPORTING).unwrap();
    assert!(!component.imports().is_empty());
    let error = WasmPool::build(&component, Extraction, WasmOptions::default(), |pool| pool).unwrap_err();
    let WasmBuildError::Imports { names, .. } = &error else { panic!("{error}") };
    assert_eq!(names, component.imports());
    assert!(names.iter().all(|name| error.to_string().contains(name)), "{error}");
    assert_eq!(engine.free_slots(), engine.slots());
}

#[test]
fn a_component_of_another_world_is_refused() {
    let engine = engine();
    let component = engine.component(MISBEHAVING).unwrap();
    let error = WasmPool::build(&component, Number, WasmOptions::default(), |pool| pool).unwrap_err();
    assert!(matches!(error, WasmBuildError::World { .. }), "{error}");
    let component = number(&engine, "(i32.const 0)");
    let error = WasmPool::build(&component, Extraction, WasmOptions::default(), |pool| pool).unwrap_err();
    assert!(error.to_string().contains("it exports no slackwater:extract/extraction@0.1.0"), "{error}");
}

#[test]
fn a_component_that_needs_more_than_it_may_have_is_refused_with_the_numbers() {
    let engine = engine();
    let component = engine.component(MISBEHAVING).unwrap();
    let limits = WasmLimits { memory: 64 << 10, ..WasmLimits::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    let error = WasmPool::build(&component, Extraction, options, |pool| pool).unwrap_err();
    let WasmBuildError::Needs { what, needs, limit } = error else { panic!("{error}") };
    assert_eq!((what, limit), ("bytes of memory", 64 << 10));
    assert!(needs > limit);
}

#[test]
fn a_component_whose_start_does_not_end_is_refused() {
    let engine = engine();
    let text = r#"(component
        (core module $m (func $start (loop (br 0))) (start $start) (func (export "number") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "number") (result u32) (canon lift (core func $i "number"))))"#;
    let component = engine.component(&wat::parse_str(text).unwrap()).unwrap();
    let limits = WasmLimits { timeout: Duration::from_millis(20), ..WasmLimits::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    let error = WasmPool::build(&component, Number, options, |pool| pool).unwrap_err();
    assert!(matches!(error, WasmBuildError::Start { .. }), "{error}");
}
