//! Any bytes as a page, with a tree and by the engine that keeps none where it may: the same values.

#![no_main]

use slackwater::Manager;
use slackwater::extract::{CssExtractor, Engine, Extractor, Recipe, StreamingExtractor, Values, decode};
use std::cell::RefCell;

/// The first recipe cannot tell what was left out of a page, the second can.
const RECIPES: [&[&str]; 2] = [
    &["title=title", "links=a@href", "text=p, li, td", "raw=pre, textarea, script, title", "class=.c@class"],
    &["all=*@id", "child=div > p", "nth=:nth-child(2n)@class", "within=div a", "not=a:not([href])"],
];

thread_local! {
    static EXTRACTORS: RefCell<Vec<(CssExtractor, StreamingExtractor, usize)>> = RefCell::new(extractors());
}

fn extractors() -> Vec<(CssExtractor, StreamingExtractor, usize)> {
    let both = |fields: &[&str]| {
        let mut recipe = Recipe::new();
        for field in fields {
            recipe.css(field).unwrap();
        }
        let streaming = Engine::choose(&recipe).unwrap().manager().create().unwrap();
        (recipe.css_manager().unwrap().create().unwrap(), streaming, fields.len())
    };
    RECIPES.into_iter().map(both).collect()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let page = decode(bytes).text;
    EXTRACTORS.with_borrow_mut(|extractors| {
        for (dom, streaming, fields) in extractors {
            let (mut tree, mut tags) = (Values::new(*fields), Values::new(*fields));
            dom.extract(&page, &mut tree);
            streaming.extract(&page, &mut tags);
            for field in 0..*fields {
                assert!(tree.of(field).eq(tags.of(field)), "field {field}");
            }
        }
    });
});
