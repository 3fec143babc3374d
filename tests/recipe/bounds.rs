//! What a recipe makes of a page that is out to do harm.

use slackwater::Pool;
use slackwater::extract::{Bounds, Exceeded, PageError, Recipe, Values, extract_page};
use std::time::Duration;

/// Every field that can give much: records of records, HTML, patterns over text and over other fields.
const GREEDY: [&str; 4] = [
    "[fields.a]\ncss = '*'\n[fields.a.fields.b]\ncss = '*'\n[fields.a.fields.b.fields.c]\ncss = '*'\n",
    "[fields.a]\ncss = '*'\nhtml = 'outer'\n",
    "[fields.t]\ncss = '*'\n[fields.a]\nregex = '(?P<all>.+)'\nover = 'fields.t'\n",
    "[fields.a]\ncss = '*'\n[fields.a.fields.b]\nregex = '\\w'\nover = 'text'\n",
];

fn outcome(recipe: &str, page: &str, bounds: Bounds) -> Result<(), PageError> {
    let recipe = Recipe::from_toml(recipe).unwrap_or_else(|errors| panic!("{errors}"));
    let mut values = Values::new(recipe.names().len());
    values.bound(bounds);
    let css = Pool::builder(recipe.css_manager().unwrap()).max_size(1).build().unwrap();
    extract_page(&css, page, &mut values).1?;
    let Some(manager) = recipe.regex_manager() else { return Ok(()) };
    let regex = Pool::builder(manager).max_size(1).build().unwrap();
    extract_page(&regex, page, &mut values).1
}

/// Promise: values of every kind count. Provoked: a page whose values are a thousand times as large, each way there is.
#[test]
fn too_much_of_a_page_is_told_whatever_asks_for_it() {
    let page = "<div>tide ".repeat(2_000);
    for recipe in GREEDY {
        let outcome = outcome(recipe, &page, Bounds { time: None, bytes: 100_000 });
        assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Bytes(100_000)))), "{recipe}: {outcome:?}");
    }
}

/// Promise: time counts whatever takes it. Provoked: no time at all, and each way to use some.
#[test]
fn time_that_is_over_ends_whatever_takes_it() {
    let page = "<div>tide ".repeat(2_000);
    for recipe in GREEDY {
        let outcome = outcome(recipe, &page, Bounds { time: Some(Duration::ZERO), bytes: usize::MAX });
        assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Time(_)))), "{recipe}: {outcome:?}");
    }
}
