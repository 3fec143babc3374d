//! What crosses from one use to the next.

use super::guests::{Number, cache, command, engine, misbehaving, number};
use super::support::{closes_balanced, until};
use slackwater::wasm::{Isolation, Query, WasmEngine, WasmOptions, WasmPool};
use std::num::NonZeroU64;
use std::time::Duration;

fn reusing(max_uses: u64) -> WasmOptions {
    let isolation = Isolation::Reuse { max_uses: NonZeroU64::new(max_uses).unwrap() };
    WasmOptions { isolation, ..WasmOptions::default() }
}

#[test]
fn in_fresh_nothing_crosses_from_one_use_to_the_next() {
    let extractor = misbehaving(WasmOptions::default());
    for _ in 0..10 {
        assert_eq!(command(&extractor, "count").unwrap(), "1");
        assert_eq!(command(&extractor, "kept").unwrap(), "");
        assert_eq!(command(&extractor, "keep a canary").unwrap(), "");
    }
    assert_eq!(extractor.usage().calls, 30);
    closes_balanced(&extractor);
}

/// How often the canary stands anywhere in memory, a use: each leaves one at the front, at the end of the first page, and in a page more.
fn canaries(engine: &WasmEngine, isolation: Isolation) -> [u32; 10] {
    const SEEK_AND_LEAVE: &str = "
        (local $at i32) (local $found i32)
        (loop $next
            (if (i64.eq (i64.load align=1 (local.get $at)) (i64.const 0x63616e617279212e))
                (then (local.set $found (i32.add (local.get $found) (i32.const 1)))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.le_u (local.get $at) (i32.sub (i32.mul (memory.size) (i32.const 0x10000)) (i32.const 8)))))
        (i64.store (i32.const 0) (i64.const 0x63616e617279212e))
        (i64.store (i32.const 0xfff8) (i64.const 0x63616e617279212e))
        (i64.store (i32.mul (memory.grow (i32.const 1)) (i32.const 0x10000)) (i64.const 0x63616e617279212e))
        (local.get $found)";
    let component = number(engine, SEEK_AND_LEAVE);
    let options = WasmOptions { isolation, ..WasmOptions::default() };
    let pool = WasmPool::build(&component, Number, options, |pool| pool.max_size(1)).unwrap();
    let found = [(); 10].map(|()| pool.checkout().unwrap().call(|number, store| number.call(store, ())).unwrap().0);
    closes_balanced(&pool);
    found
}

#[test]
fn nothing_is_found_anywhere_in_memory_in_fresh_and_all_of_it_in_reuse() {
    // Not in what was grown and given back either.
    assert_eq!(canaries(&engine(), Isolation::Fresh), [0; 10]);
    assert_eq!(canaries(&engine(), reusing(100).isolation), [0, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn nothing_is_found_in_fresh_however_much_memory_stays_with_a_slot() {
    for bytes in [0, 4096, 1 << 16, 64 << 20] {
        let engine = WasmEngine::builder().slots(16).keep_resident(bytes).cache(cache()).build().unwrap();
        assert_eq!(canaries(&engine, Isolation::Fresh), [0; 10], "{bytes}");
    }
}

#[test]
fn in_one_use_several_calls_see_each_other() {
    let extractor = misbehaving(WasmOptions::default());
    let mut instance = extractor.checkout().unwrap();
    for count in ["1", "2"] {
        let lists = instance.call(|extract, store| extract.extract(store, "", &[Query::css("count")]));
        assert_eq!(lists.unwrap().unwrap(), [[count]]);
    }
    drop(instance);
    assert_eq!(command(&extractor, "count").unwrap(), "1");
    closes_balanced(&extractor);
}

#[test]
fn in_reuse_all_that_an_instance_keeps_crosses() {
    let extractor = misbehaving(reusing(100));
    // The thread has the instance again that it had last.
    assert_eq!(command(&extractor, "count").unwrap(), "1");
    assert_eq!(command(&extractor, "count").unwrap(), "2");
    assert_eq!(command(&extractor, "keep a canary").unwrap(), "");
    assert_eq!(command(&extractor, "kept").unwrap(), "a canary");
    assert_eq!(extractor.usage().renewed, 0);
    closes_balanced(&extractor);
}

#[test]
fn in_reuse_an_instance_is_used_as_often_as_allowed() {
    let extractor = misbehaving(WasmOptions::default());
    closes_balanced(&extractor);
    let extractor = misbehaving(reusing(3));
    let mut seen: Vec<u32> = (0..9).map(|_| command(&extractor, "count").unwrap().parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen.last(), Some(&3));
    assert!(seen.iter().filter(|count| **count == 1).count() >= 3, "{seen:?}");
    closes_balanced(&extractor);
}

#[test]
fn an_instance_that_has_grown_is_not_used_again() {
    let extractor = misbehaving(WasmOptions { retire_above: 4 << 20, ..reusing(100) });
    let small = extractor.usage().memory;
    assert_eq!(command(&extractor, "grow 8388608").unwrap(), "8388608");
    until(|| extractor.usage().memory == small);
    assert_eq!(command(&extractor, "count").unwrap(), "1");
    let usage = extractor.usage();
    assert_eq!(usage.renewed_grown, 1);
    assert!(usage.memory_largest > 8 << 20, "{usage:?}");
    closes_balanced(&extractor);
    assert_eq!(extractor.usage().memory, 0);
}

#[test]
fn an_instance_that_was_not_called_stays_as_it_is() {
    let extractor = misbehaving(WasmOptions::default());
    for _ in 0..3 {
        drop(extractor.checkout().unwrap());
    }
    assert_eq!(extractor.usage().renewed, 0);
    closes_balanced(&extractor);
}

#[test]
fn a_reused_instance_that_has_grown_and_idles_gives_its_memory_back() {
    let gc_interval = Some(Duration::from_millis(1));
    let extractor = misbehaving(WasmOptions { gc_interval, retire_above: 64 << 20, ..reusing(1_000_000) });
    let small = extractor.usage().memory;
    assert_eq!(command(&extractor, "grow 8388608").unwrap(), "8388608");
    assert!(extractor.usage().memory > 8 << 20);
    // Whoever has the instance asks for the check that the pool makes at its interval.
    until(|| {
        extractor.checkout().unwrap().mark_suspect();
        extractor.usage().memory == small
    });
    until(|| extractor.usage().collected >= 1);
    closes_balanced(&extractor);
}
