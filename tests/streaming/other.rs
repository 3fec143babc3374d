//! Beside lol_html, which takes tags for elements as well: on pages that are not plain there is no other to ask.

use std::borrow::Cow;
use std::cell::RefCell;

use lol_html::html_content::Element;
use lol_html::{ElementContentHandlers, HtmlRewriter, Selector, Settings};
use slackwater::Manager;
use slackwater::extract::{CssField, Extractor, StreamingManager, Values};

use crate::random;

const SELECTORS: &[&str] = &[
    "*",
    "p",
    "div p",
    "div > p",
    "b b",
    "td b, li b",
    "table td",
    "tr > td",
    ".d",
    "p[href]",
    "a:not([href])",
    "li:nth-child(2)",
    ":nth-child(2n+1)",
    "x-y > *",
    "body :first-child",
    "[id=i] .d",
];

/// What keeps the two from meaning the same: rules for what is not HTML, and where lol_html 3.0 takes text for tags.
const LEFT_OUT: &[&str] =
    &["<svg", "<math", "<plaintext", "<select", "<frameset", "=>", "= >", "=/>", "<template", "CDATA"];

/// How many elements match each selector.
fn matches(selectors: &[Selector], page: &str) -> Vec<usize> {
    let counts: Vec<RefCell<usize>> = selectors.iter().map(|_| RefCell::new(0)).collect();
    let mut settings = Settings::new().with_strict(false);
    for (selector, count) in selectors.iter().zip(&counts) {
        let count = move |_: &mut Element<'_, '_>| {
            *count.borrow_mut() += 1;
            Ok(())
        };
        let handlers = ElementContentHandlers::default().element(count);
        settings = settings.append_element_content_handler((Cow::Borrowed(selector), handlers));
    }
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    rewriter.write(page.as_bytes()).and_then(|()| rewriter.end()).expect("it is not strict");
    counts.into_iter().map(RefCell::into_inner).collect()
}

/// Promise: tags alone open and close what they say, whatever is missing or crosses. Provoked: random pages, sound and not.
#[test]
fn as_many_elements_match_as_lol_html_finds() {
    let parsed: Vec<Selector> = SELECTORS.iter().map(|text| text.parse().expect("lol_html has it")).collect();
    let fields = SELECTORS.iter().map(|text| CssField::parse(&format!("x={text}")).expect("sound")).enumerate();
    let Ok(mut ours) = StreamingManager::unwatched(fields).expect("they ask for tags only").create();
    let seeds = if cfg!(debug_assertions) { 3_000 } else { 60_000 };
    let (mut compared, mut found) = (0, 0);
    for seed in 0..seeds {
        let page = random::page(seed);
        if LEFT_OUT.iter().any(|text| page.contains(text)) {
            continue;
        }
        let mut values = Values::new(SELECTORS.len());
        ours.extract(&page, &mut values);
        let theirs = matches(&parsed, &page);
        for (n, selector) in SELECTORS.iter().enumerate() {
            assert_eq!(values.of(n).len(), theirs[n], "{selector} in {page:?}");
        }
        compared += 1;
        found += theirs.iter().sum::<usize>();
    }
    println!("{compared} of {seeds} pages compared, {found} matches");
    assert!(compared > seeds / 10 && found > compared as usize, "{compared} pages, {found} matches");
}
