//! Reads a recipe, as TOML and as JSON, and uses what was accepted. Every mistake must point into the text and explain itself.

#![no_main]

use slackwater::Manager;
use slackwater::extract::{Extractor, Recipe, RecipeErrors, Shape, Values};

const PAGE: &str = "<!doctype html><title>t 1994</title><ul><li class=c id=i lang=en>a<a href='/x'>b<i>c</i></a><li><h3>d</h3></ul><!-- e -->";

libfuzzer_sys::fuzz_target!(|text: &str| {
    for recipe in [Recipe::from_toml(text), Recipe::from_json(text)] {
        match recipe {
            Ok(recipe) => run(&recipe),
            Err(errors) => explain(text, &errors),
        }
    }
});

fn explain(text: &str, errors: &RecipeErrors) {
    assert!(!errors.mistakes().is_empty());
    for mistake in errors.mistakes() {
        assert_eq!(mistake.input(), text);
        assert!(mistake.offset() <= text.len());
        assert!((1..=text.split('\n').count()).contains(&mistake.line()));
        assert!(!mistake.what().is_empty() && !mistake.hint().is_empty());
    }
    assert!(errors.to_string().lines().count() >= 3 * errors.mistakes().len());
}

fn run(recipe: &Recipe) {
    assert!(!recipe.names().is_empty() && recipe.names().len() == recipe.shapes().len());
    let mut values = Values::new(recipe.names().len());
    recipe.css_manager().into_iter().for_each(|manager| manager.create().unwrap().extract(PAGE, &mut values));
    recipe.regex_manager().into_iter().for_each(|manager| manager.create().unwrap().extract(PAGE, &mut values));
    for (field, shape) in recipe.shapes().iter().enumerate() {
        let mut found = values.of(field);
        match shape {
            Shape::Count => assert!(found.all(|count| count.parse::<u64>().is_ok())),
            Shape::Record | Shape::Records => {
                assert!(found.all(|record| serde_json::from_str::<serde_json::Map<_, _>>(record).is_ok()));
            }
            Shape::One => assert!(found.len() <= 1),
            _ => {}
        }
    }
}
