//! Any bytes as a page, through the bundled component. It gives what the extractors of the crate give, time after time, used again or not.

#![no_main]

mod fields;

use std::num::NonZeroU64;
use std::sync::LazyLock;

use slackwater::extract::{CssExtractor, Extractor, RegexExtractor, Values, decode};
use slackwater::wasm::{
    ArtifactCache, ExtractionError, Isolation, Query, WasmEngine, WasmError, WasmExtractor, WasmOptions,
};
use std::cell::RefCell;

thread_local! {
    static OWN: RefCell<(CssExtractor, RegexExtractor)> = RefCell::new(fields::extractors());
}

/// To compile it takes a sanitized compiler a while: it is kept.
static COMPONENTS: LazyLock<[WasmExtractor; 2]> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join("slackwater-fuzz-artifacts");
    let mut engine = WasmEngine::builder().slots(8);
    if let Ok(cache) = ArtifactCache::open(folder) {
        engine = engine.cache(cache);
    }
    let engine = engine.build().expect("an engine");
    let uses = Isolation::Reuse { max_uses: NonZeroU64::new(1000).expect("not 0") };
    [Isolation::Fresh, uses].map(|isolation| {
        let options = WasmOptions { isolation, ..WasmOptions::default() };
        WasmExtractor::bundled(&engine, options, |pool| pool.max_size(1)).expect("a pool")
    })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let page = decode(bytes).text;
    let queries = [
        Query::css("title"),
        Query::css("h1, h2"),
        Query::attribute("a", "href"),
        Query::css("ul > li:nth-child(odd) ~ [class*=x i]"),
        Query::pattern(r"\bE[0-9]{4}\b"),
        Query::pattern("(?s)<b>(.*?)</b>"),
    ];
    let mut values = Values::new(queries.len());
    OWN.with_borrow_mut(|(css, regex)| {
        css.extract(&page, &mut values);
        regex.extract(&page, &mut values);
    });
    for component in &*COMPONENTS {
        let lists = match component.extract(&page, &queries) {
            Ok(lists) => lists,
            // Elements in elements take scraper a time that grows with their square.
            Err(ExtractionError::Wasm(WasmError::Timeout { .. })) => return,
            Err(error) => panic!("{error}"),
        };
        for (field, list) in lists.iter().enumerate() {
            assert!(values.of(field).eq(list.iter().map(|value| &**value)), "field {field}");
        }
    }
});
