//! What pages are asked for.

use slackwater::Manager;
use slackwater::extract::{CssExtractor, Recipe, RegexExtractor};

pub fn extractors() -> (CssExtractor, RegexExtractor) {
    let mut recipe = Recipe::new();
    for field in ["title=title", "headings=h1, h2", "links=a@href", "odd=ul > li:nth-child(odd) ~ [class*=x i]"] {
        recipe.css(field).unwrap();
    }
    recipe.regex(r"codes=\bE[0-9]{4}\b").unwrap();
    recipe.regex("pairs=(?s)<b>(.*?)</b>").unwrap();
    (recipe.css_manager().unwrap().create().unwrap(), recipe.regex_manager().unwrap().create().unwrap())
}
