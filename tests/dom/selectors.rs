//! Selectors made by chance: the same are refused, and the others find the same.

use std::convert::Infallible;

use scraper::{Html, Selector};
use slackwater::Manager;
use slackwater::extract::{CssField, CssManager, Extractor, Values};

use crate::sources::Dice;

const PIECES: &[&str] = &[
    "a",
    "p",
    "div",
    "svg",
    "path",
    "*",
    "x-y",
    "H1",
    "|",
    "*|",
    "html|",
    ".c",
    ".",
    "#i",
    "#",
    "[href]",
    "[class~=c]",
    "[ID='i' i]",
    "[*|href]",
    "[x|href]",
    "[href=",
    "]",
    "[",
    " ",
    " > ",
    " + ",
    "~",
    ",",
    ">",
    ":not(",
    ":is(",
    ":where(",
    ":has(",
    ":has(> ",
    ")",
    "(",
    ":first-child",
    ":nth-child(2n+1)",
    ":nth-last-of-type(odd)",
    ":nth-child(",
    ":empty",
    ":root",
    ":scope",
    ":hover",
    ":host",
    "::before",
    ":before",
    "::slotted(a)",
    ":link",
    ":lang(en)",
    "&",
    "\\61 ",
    "\\",
    "'x'",
    "é",
    "1",
    "!",
    "{",
    "/* */",
    "@",
];

const PAGE: &str = "<!doctype html><html id=i><body class=c><h1>t</h1><div class='c d'><p>1</p><p id=i>2<a href=/x class=c>3</a></p>\
    <svg class=c><path id=i /><a xlink:href=y>4</a><title>5</title></svg><x-y><a>6</a><p></p></x-y></div><div><div><p>7<a href>8</a>\
    </div></div><template><p class=c>9</p></template><p>10";

/// Promise: what is accepted and what it finds is as with scraper, but that what is left open is refused. Provoked: selectors of random
/// pieces, short ones above all.
#[test]
fn random_selectors_find_what_scraper_finds() {
    let html = Html::parse_document(PAGE);
    let (mut sound, mut refused) = (0, 0);
    for seed in 0..if cfg!(debug_assertions) { 4_000 } else { 100_000 } {
        let mut dice = Dice::new(seed);
        let text: String = (0..1 + dice.roll(6)).map(|_| dice.pick(PIECES)).collect();
        if text.contains('@') && !text.contains("'@'") {
            // That starts an attribute here.
            continue;
        }
        let theirs = Selector::parse(&text);
        let field = match (CssField::parse(&format!("x={text}")), &theirs) {
            (Ok(field), Ok(_)) => field,
            (Err(mistake), Ok(_)) => {
                assert!(mistake.what().ends_with("is never closed"), "{text:?}: {mistake}");
                continue;
            }
            (Err(_), Err(_)) => {
                refused += 1;
                continue;
            }
            (Ok(_), Err(error)) => panic!("{text:?} is refused by scraper: {error:?}"),
        };
        sound += 1;
        let manager = CssManager::new([(0, field)]);
        let Ok::<_, Infallible>(mut extractor) = manager.create();
        let mut values = Values::new(1);
        extractor.extract(PAGE, &mut values);
        let theirs = theirs.expect("it was just matched");
        let theirs: Vec<String> = html.select(&theirs).map(|element| element.text().collect()).collect();
        assert_eq!(values.of(0).collect::<Vec<_>>(), theirs, "{text:?}");
    }
    assert!(sound > 300 && refused > 300, "{sound} sound, {refused} refused");
}
