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

/// Promise: one value is bounded as all of them are. Provoked: a tag of a megabyte that comes back in each paragraph.
#[test]
fn a_single_value_that_is_too_much_is_given_up() {
    let page = format!("<p><i x='{}'>{}", "A".repeat(1_000_000), "<p>a".repeat(100_000));
    for fields in ["css = 'body'\nhtml = 'outer'", "css = 'body'\n[fields.a.fields.b]\ncss = ':scope'\nhtml = 'outer'"]
    {
        let outcome = outcome(&format!("[fields.a]\n{fields}"), &page, Bounds { time: None, bytes: 10_000_000 });
        assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Bytes(_)))), "{outcome:?}");
    }
}

/// Promise: searches that give nothing are counted too. Provoked: a match at each byte after a look at all of the rest, in which the
/// group takes no part.
#[test]
fn matches_that_give_nothing_take_time_too() {
    let page = format!("<p>{}", "a".repeat(1_000_000));
    let bounds = Bounds { time: Some(Duration::from_millis(100)), bytes: usize::MAX };
    for recipe in [
        "[fields.t]\ncss = 'i'\n[fields.a]\nregex = 'a.*z(x)|a'\nrequired = true\n",
        "[fields.a]\ncss = 'p'\n[fields.a.fields.b]\nregex = 'a.*z(x)|a'\nover = 'text'\n",
    ] {
        let outcome = outcome(recipe, &page, bounds);
        assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Time(_)))), "{recipe}: {outcome:?}");
    }
}
