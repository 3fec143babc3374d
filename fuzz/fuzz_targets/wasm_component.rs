//! Any bytes as a component. What is one runs with little of everything, and whatever it does ends with a typed error or an answer, within its
//! time, and leaves a pool that makes another instance.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use slackwater::wasm::{ExtractionError, Query, WasmEngine, WasmError, WasmExtractor, WasmLimits, WasmOptions};

static ENGINE: LazyLock<WasmEngine> =
    LazyLock::new(|| WasmEngine::builder().slots(4).max_component(1 << 20).build().expect("an engine"));

const TIMEOUT: Duration = Duration::from_millis(20);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let component = match ENGINE.component(bytes) {
        Ok(component) => component,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let limits = WasmLimits { memory: 4 << 20, timeout: TIMEOUT, result: 1 << 16, ..WasmLimits::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    let extractor = match WasmExtractor::build(&component, options, |pool| pool.max_size(1)) {
        Ok(extractor) => extractor,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let queries = [Query::css("a"), Query::attribute("a", "href"), Query::pattern("loop"), Query::pattern("(a)|b")];
    for _ in 0..2 {
        let began = Instant::now();
        match extractor.extract("<a href=/x>a</a>", &queries) {
            Ok(lists) => assert_eq!(lists.len(), queries.len()),
            Err(ExtractionError::Wasm(error @ WasmError::Spent)) => panic!("the pool lent it: {error}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        // Two ticks, and as much as a loaded machine with a sanitizer may need besides.
        assert!(began.elapsed() < TIMEOUT + Duration::from_secs(2), "{:?}", began.elapsed());
    }
    drop(extractor);
    assert_eq!(ENGINE.free_slots(), ENGINE.slots(), "all slots are back");
});
