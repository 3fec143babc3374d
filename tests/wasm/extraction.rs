//! The extractor that comes with the crate.

use super::guests::engine;
use super::support::closes_balanced;
use slackwater::wasm::{ExtractionError, Failure, Query, WasmExtractor, WasmOptions};

const PAGE: &str = "<!DOCTYPE html><title>Tides</title><p class=note>high at <b>06:12</b><p>low at 12:31 \
                    <a href=/tides>all</a> <a>none</a>";

#[test]
fn several_queries_are_answered_in_one_call() {
    let engine = engine();
    let extractor = WasmExtractor::bundled(&engine, WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    let queries = [
        Query::css("title"),
        Query::css("p.note"),
        Query::attribute("a", "href"),
        Query::pattern("[0-9]{2}:([0-9]{2})"),
        Query::css("table"),
    ];
    let found = extractor.extract(PAGE, &queries).unwrap();
    assert_eq!(found, [vec!["Tides"], vec!["high at 06:12"], vec!["/tides"], vec!["12", "31"], vec![]]);
    assert_eq!(extractor.extract(PAGE, &[]).unwrap(), Vec::<Vec<String>>::new());

    // What is wrong with a query is said, and the extractor goes on.
    let mistaken = |query| match extractor.extract(PAGE, &[Query::css("p"), query]) {
        Err(ExtractionError::Failure(failure)) => failure,
        other => panic!("{other:?}"),
    };
    assert!(matches!(mistaken(Query::css("p[")), Failure::Selector(mistake) if mistake.query == 1));
    let failure = mistaken(Query::pattern("(a"));
    assert!(failure.to_string().starts_with("wrong pattern in query 1"), "{failure}");
    assert!(matches!(failure, Failure::Pattern(_)));
    assert_eq!(extractor.stats().destroyed.total(), 0);
    closes_balanced(&extractor);
}
