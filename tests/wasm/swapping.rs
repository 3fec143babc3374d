//! Another component in the place of the one there is.

use super::guests::{MISBEHAVING, Number, engine, number};
use super::support::{WATCHDOG, closes_balanced, until};
use slackwater::Manager as _;
use slackwater::wasm::{WasmBuildError, WasmManager, WasmOptions, WasmPool};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

#[test]
fn a_swap_under_load_fails_no_call_and_leaves_nothing_of_the_old() {
    let engine = engine();
    let first = number(&engine, "(i32.const 1)");
    let pool = WasmPool::build(&first, Number, WasmOptions::default(), |pool| pool.max_size(3)).unwrap();
    let swapped = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !swapped.load(Relaxed) {
                    let mut instance = pool.checkout().unwrap();
                    let version = instance.version();
                    let (number,) = instance.call(|number, store| number.call(store, ())).unwrap();
                    // An instance is of one version, whichever that is.
                    assert_eq!(u64::from(number), version);
                    last = last.max(number);
                }
            });
        }
        for version in 2..=5 {
            let next = number(&engine, &format!("(i32.const {version})"));
            assert!(pool.swap(&next).unwrap().wait(WATCHDOG));
            assert_eq!(pool.manager().component().digest(), next.digest());
        }
        swapped.store(true, Relaxed);
    });
    for _ in 0..10 {
        assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (5,));
    }
    assert_eq!(pool.usage().failed, 0);
    closes_balanced(&pool);
}

#[test]
fn a_swap_to_what_cannot_run_changes_nothing() {
    let engine = engine();
    let first = number(&engine, "(i32.const 1)");
    let pool = WasmPool::build(&first, Number, WasmOptions::default(), |pool| pool.max_size(2)).unwrap();
    let other_world = engine.component(MISBEHAVING).unwrap();
    assert!(matches!(pool.swap(&other_world), Err(WasmBuildError::World { .. })));
    let of_another = number(&super::guests::engine(), "(i32.const 2)");
    assert!(matches!(pool.swap(&of_another), Err(WasmBuildError::OtherEngine)));
    assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (1,));
    assert_eq!(pool.stats().created, 2);
    closes_balanced(&pool);
}

#[test]
fn the_instance_that_a_component_was_tried_out_with_is_the_first_that_is_lent() {
    let component = number(&engine(), "(i32.const 1)");
    // Unless making it took long, as it may beside others.
    until(|| {
        let manager = WasmManager::new(&component, Number, WasmOptions::default()).unwrap();
        assert_eq!(manager.usage().made, 1);
        let mut made = [0, 0];
        for made in &mut made {
            let mut instance = manager.create().unwrap();
            assert_eq!(instance.call(|number, store| number.call(store, ())).unwrap(), (1,));
            *made = manager.usage().made;
        }
        assert!(made == [1, 2] || made == [2, 3], "{made:?}");
        made == [1, 2]
    });
}

#[test]
fn what_a_component_was_tried_out_with_is_not_lent_after_a_swap() {
    let engine = engine();
    let first = number(&engine, "(i32.const 1)");
    let pool = WasmPool::build(&first, Number, WasmOptions::default(), |pool| pool.max_size(1).min_idle(0)).unwrap();
    for version in 2..=3 {
        let next = number(&engine, &format!("(i32.const {version})"));
        assert!(pool.swap(&next).unwrap().wait(WATCHDOG));
    }
    let mut instance = pool.checkout().unwrap();
    assert_eq!((instance.version(), pool.usage().made), (3, 4));
    assert_eq!(instance.call(|number, store| number.call(store, ())).unwrap(), (3,));
    drop(instance);
    closes_balanced(&pool);
}
