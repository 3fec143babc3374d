//! The extractor that comes with the crate.

use super::guests::engine;
use super::support::closes_balanced;
use slackwater::wasm::{ExtractionError, Failure, Query, WasmExtractor, WasmOptions};

const PAGE: &str = "<!DOCTYPE html><title>Tides</title><p class=note>high at <b>06:12</b><p>low at 12:31 \
                    <a href=/tides>all</a> <a>none</a>";

/// Native and within: a page is read as one whose scripts run, whose `noscript` is text.
#[test]
#[cfg(feature = "extract")]
fn scripting_is_on_as_it_is_outside() {
    use slackwater::Pool;
    use slackwater::extract::{Recipe, Values, extract_page};

    let page = "<!DOCTYPE html><title>t</title><body><noscript><p>none</p></noscript><p>some</p>";
    let mut recipe = Recipe::new();
    recipe.css("p=p").unwrap().css("n=noscript").unwrap();
    let native = Pool::builder(recipe.css_manager().unwrap()).max_size(1).build().unwrap();
    let mut values = Values::new(2);
    extract_page(&native, page, &mut values).1.unwrap();
    let extractor = WasmExtractor::bundled(&engine(), WasmOptions::default(), |pool| pool.max_size(1)).unwrap();
    let found = extractor.extract(page, &[Query::css("p"), Query::css("noscript")]).unwrap();
    assert_eq!(found, [["some"], ["<p>none</p>"]]);
    assert_eq!((0..2).map(|field| values.of(field).collect::<Vec<_>>()).collect::<Vec<_>>(), found);
    closes_balanced(&extractor);
    closes_balanced(&native);
}

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
