//! Selectors and patterns that are compiled when asked for: what they find, how many are kept, and what is counted.

mod support;

use slackwater::Pool;
use slackwater::extract::{CssManager, Extractor, Recipe, RegexManager, Values};
use support::closes_balanced;

const PAGE: &str = "<title>Tides</title><a href='/ebb'>ebb 1994</a><a href='/flow'>flow 2003</a>";

#[test]
fn it_finds_what_a_recipe_finds() {
    let mut recipe = Recipe::new();
    recipe.css("x=a[href]@href").unwrap().regex("y=[a-z]+ ([0-9]{4})").unwrap();
    let css = Pool::builder(recipe.css_manager().unwrap()).build().unwrap();
    let regex = Pool::builder(recipe.regex_manager().unwrap()).build().unwrap();
    let (mut by_recipe, mut asked, mut years) = (Values::new(2), Values::new(1), Values::new(1));
    let (mut selects, mut searches) = (css.checkout().unwrap(), regex.checkout().unwrap());
    for _ in 0..3 {
        [&mut by_recipe, &mut asked, &mut years].into_iter().for_each(Values::clear);
        selects.select("a[href]@href", PAGE, &mut asked).unwrap();
        searches.search("[a-z]+ ([0-9]{4})", PAGE, &mut years).unwrap();
        selects.extract(PAGE, &mut by_recipe);
        searches.extract(PAGE, &mut by_recipe);
        assert_eq!(by_recipe.of(0).collect::<Vec<_>>(), ["/ebb", "/flow"]);
        assert!(by_recipe.of(0).eq(asked.of(0)));
        assert_eq!(by_recipe.of(1).collect::<Vec<_>>(), ["1994", "2003"]);
        assert!(by_recipe.of(1).eq(years.of(0)));
    }
    drop((selects, searches));
    closes_balanced(&css);
    closes_balanced(&regex);
}

#[test]
fn each_extractor_keeps_as_many_as_there_is_room_for_and_all_are_counted() {
    let css = Pool::builder(CssManager::new([]).cache(2)).max_size(2).build().unwrap();
    let (mut one, mut other) = (css.checkout().unwrap(), css.checkout().unwrap());
    let mut values = Values::new(1);
    for selector in ["a", "title", "a", "p", "title"] {
        one.select(selector, PAGE, &mut values).unwrap();
    }
    other.select("a", PAGE, &mut values).unwrap();
    assert_eq!(css.manager().cache_stats().misses, 0, "they are told at the return");
    drop(one);
    let stats = css.manager().cache_stats();
    assert_eq!((stats.hits, stats.misses, stats.evictions), (1, 4, 2));
    other.discard("its numbers count too");
    support::until(|| css.manager().cache_stats().misses == 5);
    closes_balanced(&css);
}

#[test]
fn patterns_are_kept_and_counted_as_selectors_are() {
    let regex = Pool::builder(RegexManager::new([]).cache(1)).build().unwrap();
    let mut values = Values::new(1);
    for pattern in ["[0-9]+", "[0-9]+", "ebb", "[0-9]+"] {
        regex.checkout().unwrap().search(pattern, PAGE, &mut values).unwrap();
    }
    let stats = regex.manager().cache_stats();
    assert_eq!((stats.hits, stats.misses, stats.evictions), (1, 3, 2));
    assert!(regex.stats().created == 1);
    closes_balanced(&regex);
}

#[test]
fn a_mistake_is_told_each_time_with_its_place_in_what_was_asked() {
    let css = Pool::builder(CssManager::new([])).build().unwrap();
    let regex = Pool::builder(RegexManager::new([])).build().unwrap();
    let mut values = Values::new(1);
    for _ in 0..2 {
        let mistake = css.checkout().unwrap().select("h1>>b", PAGE, &mut values).unwrap_err();
        assert_eq!((mistake.input(), mistake.offset()), ("h1>>b", 3), "{mistake}");
        let mistake = regex.checkout().unwrap().search("a(b", PAGE, &mut values).unwrap_err();
        assert_eq!((mistake.input(), mistake.offset()), ("a(b", 1), "{mistake}");
    }
    let (css_stats, regex_stats) = (css.manager().cache_stats(), regex.manager().cache_stats());
    assert_eq!((css_stats.hits, css_stats.misses, css_stats.evictions), (0, 2, 0));
    assert_eq!((regex_stats.hits, regex_stats.misses, regex_stats.evictions), (0, 2, 0));
    assert_eq!(values.of(0).len(), 0);
    closes_balanced(&css);
    closes_balanced(&regex);
}
