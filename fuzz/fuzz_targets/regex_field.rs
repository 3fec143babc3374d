//! Reads a regex field as it is typed, and uses what was accepted. A refusal must point into the text and explain itself.

#![no_main]

#[path = "mistakes.rs"]
mod mistakes;

use slackwater::Manager;
use slackwater::extract::{Extractor, RegexField, RegexManager, Values};

const PAGE: &str = "<title>Ebbe und Flut 1994, café</title>\r\n<a href=\"/E0382\">E0382</a>\n\u{FFFD}aaaa";

libfuzzer_sys::fuzz_target!(|typed: &str| {
    let field = match RegexField::parse(typed) {
        Ok(field) => field,
        Err(mistake) => return mistakes::explain(typed, &mistake),
    };
    assert!(typed.starts_with(field.name()) && !field.name().is_empty());
    let mut values = Values::new(1);
    RegexManager::new([(0, field)]).create().unwrap().extract(PAGE, &mut values);
    assert!(values.of(0).all(|value| PAGE.contains(value)));
});
