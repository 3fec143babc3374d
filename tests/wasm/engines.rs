//! Engines: their thread, their slots, their address space.

use super::guests::{Number, cache, engine, number};
use super::support::{closes_balanced, until};
use slackwater::wasm::{
    Allocation, WasmBuildError, WasmEngine, WasmEngineBuilder, WasmError, WasmLimits, WasmOptions, WasmPool,
};
use std::process::Command;
use std::time::Duration;

fn pool(engine: &WasmEngine, body: &str, size: usize) -> Result<WasmPool<Number>, WasmBuildError> {
    WasmPool::build(&number(engine, body), Number, WasmOptions::default(), |pool| pool.max_size(size))
}

#[test]
fn an_engine_at_rest_does_nothing() {
    let engine = engine();
    assert!(engine.is_at_rest());
    let pool = pool(&engine, "(i32.const 7)", 1).unwrap();
    for _ in 0..3 {
        assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (7,));
        // Where making an instance takes long, the next one is made behind its user's back.
        until(|| pool.stats().available == 1);
        until(|| engine.is_at_rest());
    }
    let ticks = engine.ticks();
    closes_balanced(&pool);
    assert_eq!(engine.ticks(), ticks);
}

#[test]
#[cfg(target_os = "linux")]
fn the_thread_that_counts_ticks_ends_with_the_engine() {
    use super::support::threads_named;

    // In a process of its own: other tests' engines have such threads too.
    if !alone("engines::the_thread_that_counts_ticks_ends_with_the_engine") {
        return;
    }
    let engine = engine();
    let component = number(&engine, "(i32.const 7)");
    assert_eq!(threads_named("wasm-ticker").len(), 0);
    let pool = WasmPool::build(&component, Number, WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    pool.call(|number, store| number.call(store, ())).unwrap();
    until(|| threads_named("wasm-ticker").len() == 1);
    closes_balanced(&pool);
    drop(pool);
    drop(component);
    drop(engine);
    until(|| threads_named("wasm-ticker").is_empty());
}

#[test]
fn slots_are_claimed_by_pools_and_given_back() {
    let engine = WasmEngine::builder().slots(7).build().unwrap();
    // Its instances, a successor, and the one that is tried out.
    let first = pool(&engine, "(i32.const 7)", 4).unwrap();
    assert_eq!(engine.free_slots(), 1);
    let error = pool(&engine, "(i32.const 7)", 2).unwrap_err();
    assert!(matches!(error, WasmBuildError::Slots { wanted: 3, free: 0, slots: 7 }), "{error}");
    assert_eq!(engine.free_slots(), 1);
    closes_balanced(&first);
    // Until the last of its instances is gone, wherever that is.
    drop(first);
    until(|| engine.free_slots() == 7);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |builder: WasmEngineBuilder| builder.build().unwrap_err().to_string();
    assert!(refused(WasmEngine::builder().slots(0)).contains("engine.slots"));
    assert!(refused(WasmEngine::builder().tick(Duration::ZERO)).contains("engine.tick"));
    assert!(refused(WasmEngine::builder().stack(1)).contains("engine.stack"));
    assert!(refused(WasmEngine::builder().keep_resident(usize::MAX)).contains("engine.keep_resident"));
    assert!(refused(WasmEngine::builder().max_component(0)).contains("engine.max_component"));
}

#[test]
fn without_a_reserve_all_works_and_the_engine_says_so() {
    works_without_a_reserve(&WasmEngine::builder().slots(4).pooling(false).build().unwrap());
}

fn works_without_a_reserve(engine: &WasmEngine) {
    assert!(matches!(engine.allocation(), Allocation::OnDemand { .. }), "{engine:?}");
    // Past 64 MiB it moves.
    let body = "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable)) (memory.size)";
    let pool = pool(engine, body, 2).unwrap();
    for _ in 0..4 {
        assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (1001,));
    }
    closes_balanced(&pool);
}

#[test]
#[cfg(target_os = "linux")]
fn where_address_space_is_limited_the_engine_does_without_a_reserve() {
    let name = "engines::where_address_space_is_limited_the_engine_does_without_a_reserve";
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().unwrap();
        // 8 GiB: enough for the process, too little for 16 slots.
        let command = format!("ulimit -v 8388608 && exec '{}' --exact {name} --test-threads 1", this.display());
        return passes(Command::new("sh").arg("-c").arg(command));
    }
    let engine = WasmEngine::builder().slots(16).build().unwrap();
    let Allocation::OnDemand { why } = engine.allocation() else { panic!("{engine:?}") };
    assert!(why.contains("16 slots reserve") && why.contains("the process may have 8589934592"), "{why}");
    works_without_a_reserve(&engine);
}

/// Set in the process that a test starts for itself.
const CHILD: &str = "SLACKWATER_WASM_CHILD";

/// Runs the test again in a process of its own. True in that process.
fn alone(name: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    passes(Command::new(std::env::current_exe().unwrap()).args(["--exact", name]));
    false
}

#[track_caller]
fn passes(command: &mut Command) {
    let child = command.env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_call_after_a_rest_ends_too_and_not_before_its_time() {
    let engine = WasmEngine::builder().slots(4).tick(Duration::from_millis(1)).cache(cache()).build().unwrap();
    let limits = WasmLimits { timeout: Duration::from_millis(5), ..WasmLimits::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    let component = number(&engine, "(loop (br 0)) (i32.const 0)");
    let pool = WasmPool::build(&component, Number, options, |pool| pool.max_size(1)).unwrap();
    for round in 0..20 {
        if round % 2 == 0 {
            until(|| engine.is_at_rest());
        }
        let error = pool.call(|number, store| number.call(store, ())).unwrap_err();
        let WasmError::Timeout { ticks, .. } = error else { panic!("{error}") };
        // How late depends on who else wants the processor, with ticks as short as these.
        assert!(ticks >= 5, "{ticks}");
    }
    closes_balanced(&pool);
}

#[test]
fn an_instance_with_two_memories_takes_two_slots() {
    let engine = WasmEngine::builder().slots(8).build().unwrap();
    let text = r#"(component
        (core module $n (memory 1))
        (core module $m (memory 1) (func (export "number") (result i32) (memory.size)))
        (core instance (instantiate $n))
        (core instance $i (instantiate $m))
        (func (export "number") (result u32) (canon lift (core func $i "number"))))"#;
    let double = engine.component(&wat::parse_str(text).unwrap()).unwrap();
    let build =
        |component: &_, size| WasmPool::build(component, Number, WasmOptions::default(), |pool| pool.max_size(size));
    let error = build(&double, 3).unwrap_err();
    assert!(matches!(error, WasmBuildError::Slots { wanted: 8, free: 6, slots: 8 }), "{error}");
    let pool = build(&double, 2).unwrap();
    assert_eq!((engine.free_slots(), pool.usage().memory), (0, 4 << 16));
    closes_balanced(&pool);
    drop(pool);
    until(|| engine.free_slots() == 8);
    let limits = WasmLimits { instances: 1, ..WasmLimits::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    let error = WasmPool::build(&double, Number, options, |pool| pool.max_size(1)).unwrap_err();
    assert!(matches!(error, WasmBuildError::Start { .. }), "{error}");
    until(|| engine.free_slots() == 8);
    // What was claimed for one memory each is too little for two.
    let pool = build(&number(&engine, "(i32.const 7)"), 2).unwrap();
    assert!(matches!(pool.swap(&double), Err(WasmBuildError::Slots { wanted: 8, .. })));
    closes_balanced(&pool);
}
