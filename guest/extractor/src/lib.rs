//! The extractor that comes with slackwater: the world of `wit/extract.wit`, on scraper and regex.

mod bindings {
    #![allow(missing_docs, reason = "they stand in the wit")]
    wit_bindgen::generate!({ path: "../../wit", world: "extractor", additional_derives: [PartialEq, Eq] });
    export!(Extractor with_types_in self);
    use super::Extractor;
}
mod css;
mod pattern;

use core::arch::wasm32::memory_size;
use std::cell::RefCell;

use bindings::exports::slackwater::extract::extraction::{Failure, Guest, Query};
use css::CssQuery;
use pattern::PatternQuery;
use scraper::Html;

struct Extractor;

/// A query, ready to run.
enum Compiled {
    Css(CssQuery),
    Pattern(PatternQuery),
}

thread_local! {
    /// The queries of the last call, for the next, which mostly asks the same.
    static LAST: RefCell<(Vec<Query>, Vec<Compiled>)> = RefCell::default();
    /// The tree of the last page, which the next call takes apart: an instance that has no next one is thrown away whole.
    static TREE: RefCell<Option<Html>> = const { RefCell::new(None) };
}

/// Pages of memory, of 64 KiB, up to which a tree may stay: while it does, the next page has to fit beside it.
const STAYS: usize = 64;

impl Guest for Extractor {
    fn extract(page: String, queries: Vec<Query>) -> Result<Vec<Vec<String>>, Failure> {
        TREE.take();
        LAST.with_borrow_mut(|(asked, compiled)| {
            if *asked != queries {
                *compiled =
                    (0..).zip(&queries).map(|(index, query)| compile(index, query)).collect::<Result<_, _>>()?;
                *asked = queries;
            }
            Ok(answer(&page, compiled))
        })
    }
}

fn compile(index: u32, query: &Query) -> Result<Compiled, Failure> {
    match query {
        Query::Css(css) => CssQuery::new(index, css).map(Compiled::Css).map_err(Failure::Selector),
        Query::Pattern(pattern) => PatternQuery::new(index, pattern).map(Compiled::Pattern).map_err(Failure::Pattern),
    }
}

fn answer(page: &str, queries: &[Compiled]) -> Vec<Vec<String>> {
    let has_css = queries.iter().any(|query| matches!(query, Compiled::Css(_)));
    let html = has_css.then(|| Html::parse_document(page));
    let one = |query: &Compiled| match (query, &html) {
        (Compiled::Css(query), Some(html)) => query.values(html),
        (Compiled::Css(_), None) => unreachable!("there is a selector, so the page was parsed"),
        (Compiled::Pattern(query), _) => query.values(page),
    };
    let answer = queries.iter().map(one).collect();
    if memory_size(0) <= STAYS {
        TREE.set(html);
    }
    answer
}
