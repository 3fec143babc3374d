//! Any bytes as a page, through the command line's own fields. Values come in page order, and the same ones each time.

#![no_main]

mod fields;

use slackwater::extract::{CssExtractor, Extractor, RegexExtractor, Values, decode};
use std::cell::RefCell;

thread_local! {
    static EXTRACTORS: RefCell<(CssExtractor, RegexExtractor)> = RefCell::new(fields::extractors());
}

fn extracted(page: &str) -> Values {
    let mut values = Values::new(6);
    EXTRACTORS.with_borrow_mut(|(css, regex)| {
        css.extract(page, &mut values);
        regex.extract(page, &mut values);
    });
    values
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let page = decode(bytes).text;
    let (once, again) = (extracted(&page), extracted(&page));
    for field in 0..6 {
        assert!(once.of(field).eq(again.of(field)));
    }
    let mut rest = &*page;
    for value in once.of(4).chain(once.of(5)) {
        assert!(page.contains(value), "a match is a part of the page");
    }
    for code in once.of(4) {
        let at = rest.find(code).expect("matches come in page order");
        rest = &rest[at + code.len()..];
    }
});
