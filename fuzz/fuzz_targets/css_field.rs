//! Reads a CSS field as it is typed, and uses what was accepted. A refusal must point into the text and explain itself.

#![no_main]

#[path = "mistakes.rs"]
mod mistakes;

use slackwater::Manager;
use slackwater::extract::{CssField, CssManager, Extractor, Values};

const PAGE: &str = "<!doctype html><title>t</title><p class=c id=i lang=en>a<a href='/x' viewBox=1>b<i>c</i></a><p>d";

libfuzzer_sys::fuzz_target!(|typed: &str| {
    let field = match CssField::parse(typed) {
        Ok(field) => field,
        Err(mistake) => return mistakes::explain(typed, &mistake),
    };
    assert!(typed.starts_with(field.name()) && !field.name().is_empty());
    let mut values = Values::new(1);
    CssManager::new([(0, field.clone())]).create().unwrap().extract(PAGE, &mut values);
    if let Some(attribute) = field.attribute() {
        assert!(typed.contains(attribute), "{attribute:?}");
    }
});
