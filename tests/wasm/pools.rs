//! Pools of instances, as pools.

use super::guests::{Number, command, engine, misbehaving, number};
use super::support::{closes_balanced, until};
use slackwater::wasm::{Held, Query, WasmError, WasmOptions, WasmPool, World};
use slackwater::{DestroyReason, Severity};
use std::thread;
use wasmtime::StoreContextMut;
use wasmtime::component::{Instance, Linker, TypedFunc};

#[test]
fn many_threads_have_instances_of_their_own() {
    let extractor = misbehaving(WasmOptions::default());
    thread::scope(|scope| {
        for thread in 0..4 {
            let extractor = &extractor;
            scope.spawn(move || {
                for round in 0..25 {
                    let text = format!("{thread} {round}");
                    let queries = [format!("keep {text}"), "kept".to_owned(), "count".to_owned()].map(Query::css);
                    let lists = extractor.extract("", &queries).unwrap();
                    assert_eq!(lists, [[""], [text.as_str()], ["1"]]);
                }
            });
        }
    });
    assert_eq!(extractor.usage().calls, 100);
    closes_balanced(&extractor);
    assert_eq!(extractor.usage().memory, 0);
}

#[test]
fn hostile_calls_cost_the_pool_no_capacity_and_nobody_elses_answer() {
    let extractor = misbehaving(WasmOptions::default());
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..30 {
                assert!(command(&extractor, "trap").is_err());
            }
        });
        scope.spawn(|| {
            for _ in 0..100 {
                assert_eq!(command(&extractor, "count").unwrap(), "1");
            }
        });
    });
    assert_eq!(extractor.stats().destroyed.by(DestroyReason::Broken), 30);
    assert_eq!(extractor.usage().traps, 30);
    // Instances that fail in their first use are a crash loop: the keeper makes them with pauses, and callers at once.
    assert_eq!(command(&extractor, "count").unwrap(), "1");
    closes_balanced(&extractor);
}

#[test]
fn a_component_that_always_traps_is_a_crash_loop() {
    let engine = engine();
    let mut events = None;
    let pool = WasmPool::build(&number(&engine, "(unreachable)"), Number, WasmOptions::default(), |mut pool| {
        events = Some(pool.subscribe(1_000));
        pool.max_size(1)
    });
    let pool = pool.unwrap();
    for _ in 0..6 {
        assert!(matches!(pool.call(|number, store| number.call(store, ())), Err(WasmError::Trap { .. })));
    }
    let told = events.unwrap();
    until(|| told.try_iter().any(|event| matches!(event, slackwater::PoolEvent::CrashLoop { in_a_row: 5, .. })));
    closes_balanced(&pool);
}

#[test]
fn the_pool_weighs_its_instances() {
    let engine = engine();
    let limits = slackwater::wasm::WasmLimits { total_memory: Some(64 << 20), ..Default::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    let component = number(&engine, "(drop (memory.grow (i32.const 15))) (memory.size)");
    let pool = WasmPool::build(&component, Number, options, |pool| pool.max_size(3)).unwrap();
    assert_eq!((pool.memory().total, pool.usage().memory), (3 << 16, 3 << 16));
    assert_eq!(pool.memory().budget, Some(64 << 20));
    let mut instance = pool.checkout().unwrap();
    instance.call(|number, store| number.call(store, ())).unwrap();
    assert_eq!((instance.memory(), pool.usage().memory), (16 << 16, 18 << 16));
    drop(instance);
    until(|| pool.memory().total == 3 << 16);
    assert_eq!((pool.usage().memory, pool.usage().memory_peak), (3 << 16, 18 << 16));
    closes_balanced(&pool);
}

/// A world with an import, which the host gives.
struct Asking(u32);

impl World for Asking {
    type Host = u32;
    type Exports = TypedFunc<(), (u32,)>;
    const CHECKS: bool = true;

    fn host(&self) -> u32 {
        self.0
    }

    fn link(&self, linker: &mut Linker<Held<u32>>) -> wasmtime::Result<()> {
        linker.root().func_wrap("ask", |mut store: StoreContextMut<'_, Held<u32>>, (): ()| {
            store.data_mut().host += 1;
            Ok((store.data().host,))
        })
    }

    fn bind(&self, instance: &Instance, mut store: StoreContextMut<'_, Held<u32>>) -> wasmtime::Result<Self::Exports> {
        instance.get_typed_func(&mut store, "number")
    }

    fn check(&self, exports: &Self::Exports, store: StoreContextMut<'_, Held<u32>>) -> wasmtime::Result<()> {
        let (number,) = exports.call(store, ())?;
        wasmtime::ensure!(number == self.0 + 1, "{number} is not what it begins with");
        Ok(())
    }
}

#[test]
fn a_world_may_give_its_components_something_and_check_them() {
    let engine = engine();
    let text = r#"(component
        (import "ask" (func $ask (result u32)))
        (core func $core (canon lower (func $ask)))
        (core module $m
            (import "host" "ask" (func $ask (result i32)))
            (func (export "number") (result i32) (call $ask)))
        (core instance $i (instantiate $m (with "host" (instance (export "ask" (func $core))))))
        (func (export "number") (result u32) (canon lift (core func $i "number"))))"#;
    let component = engine.component(&wat::parse_str(text).unwrap()).unwrap();
    let pool = WasmPool::build(&component, Asking(41), WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    for _ in 0..3 {
        // The host's part is as new as the instance.
        let mut instance = pool.checkout().unwrap();
        assert_eq!(instance.call(|number, store| number.call(store, ())).unwrap(), (42,));
        instance.mark_suspect();
    }
    until(|| pool.stats().available == 1);
    assert_eq!(pool.stats().destroyed.by(DestroyReason::CheckFailed), 0);
    assert_eq!(slackwater::Manager::classify(pool.manager(), &WasmError::Spent), Severity::Transient);
    closes_balanced(&pool);
}
