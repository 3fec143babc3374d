//! Every limit: its own error with its numbers, the instance discarded, the pool at its capacity again.

use super::guests::{Number, cache, command, engine, misbehaving_in, number};
use super::support::{closes_balanced, until};
use slackwater::DestroyReason;
use slackwater::wasm::{
    ExtractionError, Isolation, Query, WasmEngine, WasmError, WasmExtractor, WasmLimits, WasmOptions, WasmPool,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// With time enough for whatever is not about time.
fn limited(engine: &WasmEngine) -> WasmExtractor {
    limited_to(engine, Duration::from_secs(10))
}

fn limited_to(engine: &WasmEngine, timeout: Duration) -> WasmExtractor {
    let limits = WasmLimits { memory: 16 << 20, timeout, result: 1 << 20, ..WasmLimits::default() };
    misbehaving_in(engine, WasmOptions { limits, ..WasmOptions::default() })
}

/// How a command fails, after which the pool is as it was.
#[track_caller]
fn fails(extractor: &WasmExtractor, wrong: &str) -> WasmError {
    let broken = extractor.stats().destroyed.by(DestroyReason::Broken);
    let error = match command(extractor, wrong) {
        Err(ExtractionError::Wasm(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(error.is_guests());
    until(|| extractor.stats().destroyed.by(DestroyReason::Broken) == broken + 1);
    until(|| extractor.stats().available == 2);
    assert_eq!(command(extractor, "count").unwrap(), "1");
    error
}

#[test]
fn a_call_without_end_ends_within_two_ticks_after_its_deadline() {
    // Ticks so long that it matters little who else wants the processor.
    let tick = Duration::from_millis(100);
    let engine = WasmEngine::builder().slots(4).tick(tick).cache(cache()).build().unwrap();
    let extractor = limited_to(&engine, 2 * tick);
    let WasmError::Timeout { limit, ran, ticks } = fails(&extractor, "loop") else { panic!() };
    assert_eq!(limit, 2 * tick);
    assert!(ran >= limit, "{ran:?}");
    assert!((2..=4).contains(&ticks), "{ticks}");
    assert_eq!(extractor.usage().timeouts, 1);
    closes_balanced(&extractor);
}

#[test]
fn each_call_has_a_deadline_of_its_own() {
    let engine = engine();
    let extractor = limited_to(&engine, Duration::from_millis(400));
    let mut instance = extractor.checkout().unwrap();
    let began = engine.ticks();
    // Together they take longer than one may, at 5 ms a tick.
    while engine.ticks() - began < 100 {
        let lists = instance.call(|extract, store| extract.extract(store, "", &[Query::css("busy 1")]));
        assert_eq!(lists.unwrap().unwrap().len(), 1);
    }
    drop(instance);
    closes_balanced(&extractor);
}

#[test]
fn memory_has_a_limit_and_the_error_says_which() {
    let extractor = limited(&engine());
    for wrong in ["allocate 33554432", "hoard"] {
        let error = fails(&extractor, wrong);
        let WasmError::MemoryLimitExceeded { used, wanted, limit } = error else { panic!("{error}") };
        assert_eq!(limit, 16 << 20);
        assert!(used <= limit && wanted > limit, "{used} {wanted}");
    }
    assert_eq!(extractor.usage().out_of_memory, 2);
    assert!(extractor.usage().memory_largest <= 16 << 20);
    // Within it, all is well.
    assert_eq!(command(&extractor, "allocate 8388608").unwrap(), "8388608");
    closes_balanced(&extractor);
    assert_eq!(extractor.usage().memory, 0);
}

#[test]
fn the_account_is_what_the_guest_says_it_has() {
    let extractor = limited(&engine());
    for grown in ["grow 1", "grow 1000000", "grow 4194304"] {
        let mut instance = extractor.checkout().unwrap();
        let queries = [grown, "memory"].map(Query::css);
        let lists = instance.call(|extract, store| extract.extract(store, "", &queries)).unwrap().unwrap();
        assert_eq!(lists[1], [instance.memory().to_string()]);
    }
    closes_balanced(&extractor);
}

#[test]
fn all_instances_together_have_a_limit() {
    let limits = WasmLimits { memory: 16 << 20, total_memory: Some(20 << 20), ..WasmLimits::default() };
    let extractor = misbehaving_in(&engine(), WasmOptions { limits, ..WasmOptions::default() });
    let grow = [Query::css("grow 12582912")];
    let mut one = extractor.checkout().unwrap();
    let mut other = extractor.checkout().unwrap();
    one.call(|extract, store| extract.extract(store, "", &grow)).unwrap().unwrap();
    let error = other.call(|extract, store| extract.extract(store, "", &grow)).unwrap_err();
    let WasmError::TotalMemoryExceeded { used, more, limit } = error else { panic!("{error}") };
    assert!(used <= limit && used + more > limit && limit == 20 << 20, "{error}");
    drop(one);
    drop(other);
    until(|| extractor.stats().available == 2);
    assert!(extractor.usage().memory_peak <= 20 << 20);
    closes_balanced(&extractor);
}

#[test]
fn what_no_memory_can_have_does_not_talk_the_account_down() {
    let engine = engine();
    // Grows by 8 pages, asks for more than 4 GiB, and again.
    let body = "(drop (memory.grow (i32.const 8))) (drop (memory.grow (i32.const 65535)))
                (drop (memory.grow (i32.const 8))) (drop (memory.grow (i32.const 65535)))
                (memory.size)";
    let component = number(&engine, body);
    let pool = WasmPool::build(&component, Number, WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    let mut instance = pool.checkout().unwrap();
    let (pages,) = instance.call(|number, store| number.call(store, ())).unwrap();
    assert_eq!((pages, instance.memory()), (17, 17 << 16));
    drop(instance);
    closes_balanced(&pool);
}

#[test]
fn a_result_too_large_has_its_own_error() {
    let extractor = limited(&engine());
    for wrong in ["return 2097152", "values 100000"] {
        let error = fails(&extractor, wrong);
        assert!(matches!(error, WasmError::ResultTooLarge { limit } if limit == 1 << 20), "{error}");
    }
    assert_eq!(command(&extractor, "return 500000").unwrap().len(), 500_000);
    closes_balanced(&extractor);
}

#[test]
fn a_stack_that_overflows_has_its_own_error() {
    // How deep it came, before and after.
    let body = "(global.set $n (i32.add (global.get $n) (i32.const 1)))
                (if (result i32) (i32.lt_u (global.get $n) (i32.const 3000))
                    (then (i32.add (call 0) (i32.const 1))) (else (i32.const 0)))";
    for (stack, enough) in [(64 << 10, false), (1 << 20, true)] {
        let engine = WasmEngine::builder().slots(4).stack(stack).build().unwrap();
        let pool = WasmPool::build(&number(&engine, body), Number, WasmOptions::default(), |pool| pool.max_size(1));
        let pool = pool.unwrap();
        match pool.call(|number, store| number.call(store, ())) {
            Ok((depth,)) => assert!(enough && depth == 2999, "{depth}"),
            Err(WasmError::StackOverflow { limit }) => assert!(!enough && limit == stack as u64, "{limit}"),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(pool.usage().stack_overflows, u64::from(!enough));
        closes_balanced(&pool);
    }
    let extractor = limited(&engine());
    // The component's own stack is memory like any other, and what lies below it is not there.
    let error = fails(&extractor, "shadow");
    assert!(matches!(error, WasmError::Trap { trap: wasmtime::Trap::MemoryOutOfBounds, .. }), "{error}");
    closes_balanced(&extractor);
}

#[test]
fn a_trap_says_which() {
    let extractor = limited(&engine());
    for wrong in ["trap", "panic"] {
        let error = fails(&extractor, wrong);
        let WasmError::Trap { trap, .. } = error else { panic!("{error}") };
        assert_eq!(trap, wasmtime::Trap::UnreachableCodeReached);
    }
    assert_eq!(extractor.usage().traps, 2);
    closes_balanced(&extractor);
}

#[test]
fn an_answer_of_the_wrong_length_is_none() {
    let extractor = limited(&engine());
    let error = fails(&extractor, "wrong 3");
    assert!(error.to_string().contains("answered 1 queries with 3 lists"), "{error}");
    closes_balanced(&extractor);
}

#[test]
fn tables_have_a_limit() {
    let engine = engine();
    let text = r#"(component
        (core module $m
            (table 1 funcref)
            (func (export "number") (result i32)
                (if (i32.eq (table.grow (ref.null func) (i32.const 5000)) (i32.const -1)) (then unreachable))
                (table.size)))
        (core instance $i (instantiate $m))
        (func (export "number") (result u32) (canon lift (core func $i "number"))))"#;
    let component = engine.component(&wat::parse_str(text).unwrap()).unwrap();
    let with = |table_entries| {
        let limits = WasmLimits { table_entries, ..WasmLimits::default() };
        let options = WasmOptions { limits, ..WasmOptions::default() };
        WasmPool::build(&component, Number, options, |pool| pool.max_size(1)).unwrap()
    };
    let pool = with(5001);
    assert_eq!(pool.call(|number, store| number.call(store, ())).unwrap(), (5001,));
    closes_balanced(&pool);
    let pool = with(5000);
    let error = pool.call(|number, store| number.call(store, ())).unwrap_err();
    assert!(matches!(error, WasmError::TableLimitExceeded { used: 1, wanted: 5001, limit: 5000 }), "{error}");
    closes_balanced(&pool);
}

#[test]
fn an_instance_whose_call_failed_is_not_entered_again() {
    let extractor = limited(&engine());
    let mut instance = extractor.checkout().unwrap();
    let mut call = |wanted: &str| {
        let queries = [Query::css(wanted)];
        instance.call(|extract, store| extract.extract(store, "", &queries)).map(|answer| answer.unwrap())
    };
    assert!(matches!(call("trap"), Err(WasmError::Trap { .. })));
    assert!(matches!(call("count"), Err(WasmError::Spent)));
    drop(instance);
    closes_balanced(&extractor);
}

#[test]
fn an_error_that_the_caller_keeps_to_itself_spends_the_instance_too() {
    let isolation = Isolation::Reuse { max_uses: 100.try_into().unwrap() };
    let extractor = misbehaving_in(&engine(), WasmOptions { isolation, ..WasmOptions::default() });
    for (nth, wrong) in ["trap", "wrong 3"].into_iter().enumerate() {
        let swallowed = extractor.call(|extract, store| {
            let _ = extract.extract(store, "", &[Query::css(wrong)]);
            Ok(())
        });
        assert!(swallowed.is_ok());
        until(|| extractor.stats().destroyed.by(DestroyReason::Broken) == nth as u64 + 1);
        until(|| extractor.stats().available == 2);
    }
    assert_eq!(command(&extractor, "count").unwrap(), "1");
    closes_balanced(&extractor);
}

#[test]
fn a_panic_in_the_callers_part_spends_the_instance() {
    let extractor = limited(&engine());
    let mut instance = extractor.checkout().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = instance.call(|_, _| -> wasmtime::Result<()> { resume_unwind(Box::new(0)) });
    }));
    assert!(panicked.is_err());
    assert!(matches!(instance.call(|_, _| Ok(())), Err(WasmError::Spent)));
    drop(instance);
    until(|| extractor.stats().destroyed.by(DestroyReason::Broken) == 1);
    closes_balanced(&extractor);
}

#[test]
fn limits_out_of_range_are_refused_by_name() {
    let engine = engine();
    let component = number(&engine, "(i32.const 0)");
    let refused = |limits| {
        let options = WasmOptions { limits, ..WasmOptions::default() };
        WasmPool::build(&component, Number, options, |pool| pool).unwrap_err().to_string()
    };
    let fine = WasmLimits::default();
    assert!(refused(WasmLimits { memory: 0, ..fine }).contains("limits.memory"));
    assert!(refused(WasmLimits { total_memory: Some(1), ..fine }).contains("limits.total_memory"));
    assert!(refused(WasmLimits { timeout: Duration::ZERO, ..fine }).contains("limits.timeout"));
    assert!(refused(WasmLimits { result: 0, ..fine }).contains("limits.result"));
    assert!(refused(WasmLimits { table_entries: usize::MAX, ..fine }).contains("limits.table_entries"));
    assert!(refused(WasmLimits { instances: 0, ..fine }).contains("limits.instances"));
}
