//! Deep and giant pages.

use std::time::{Duration, Instant};

use slackwater::extract::{Values, extract_page};

use crate::compared::{Compared, pool};

/// Promise: nesting 2,000 deep, or 300 where nothing is optimised, gives what scraper gives. Provoked: elements of different kinds, closed and not.
#[test]
fn deep_nesting_gives_what_scraper_gives() {
    let depth = if cfg!(debug_assertions) { 300 } else { 2_000 };
    let mut compared = Compared::new();
    for (open, close, levels) in [
        ("<div class=c>", "</div>", 1),
        ("<p><span>", "", 1),
        ("<table><td>", "", 4),
        ("<svg><g>", "</g>", 2),
        ("<x-y>", "", 1),
    ] {
        // Some of the selectors look down, and what is above the page's own elements counts too.
        let depth = (depth - 10) / levels;
        compared.check(&format!("{}x{}", open.repeat(depth), close.repeat(depth)));
    }
}

/// Promise: `:has(...)` looks 2,000 levels down, in the stack that a thread has, and what is deeper is an error; other selectors have
/// no such limit. Provoked: both sides of it, with the document, html and body above, and elements in what was taken out of the document.
#[test]
fn looking_down_has_an_end() {
    let answer = |field: &str, page: &str| {
        let pool = pool(field);
        let mut values = Values::new(1);
        let outcome = extract_page(&pool, page, &mut values).1.map(|()| values.of(0).count());
        pool.close(Duration::from_secs(10));
        outcome.map_err(|error| error.to_string())
    };
    let page = |depth: usize| format!("{}<b>", "<div>".repeat(depth));
    assert_eq!(answer("x=:not(:has(i)):has(b)", &page(1_997)), Ok(1_999));
    let why = answer("x=:not(:has(i)):has(b)", &page(1_998)).unwrap_err();
    assert!(why.contains("nested more than 2000 deep"), "{why}");
    assert_eq!(answer("x=div > b", &page(100_000)), Ok(1));
    let taken_out = format!("<br id=x>{}<frameset>", "<div>".repeat(5_000));
    assert!(answer("x=div:has(i)", &taken_out.replace("<br id=x>", "")).unwrap_err().contains("deep"));
}

/// Promise: deep nesting takes time that grows with the page, not with its square. Provoked: 25,000 and 100,000 nested elements
/// of a kind that asks for a paragraph in scope each time. Four times the page may take twelve times as long, on a machine that is
/// busy with other things; squared it would be sixteen.
#[test]
fn deep_nesting_is_not_quadratic() {
    let pool = pool("x=b");
    let mut values = Values::new(1);
    for open in ["<div>", "<p><button>", "<ul><li>", "<x-y>", "<svg>"] {
        let mut time = |depth: usize| {
            values.clear();
            let page = format!("{}<b>x</b>{}", open.repeat(depth), "</div></q>".repeat(depth));
            let start = Instant::now();
            extract_page(&pool, &page, &mut values).1.expect("an answer");
            start.elapsed()
        };
        // A busy machine can make one lap long, but not the better of many.
        let (mut small, mut large) = (time(25_000), time(100_000));
        for _ in 0..40 {
            if large < small * 12 {
                break;
            }
            (small, large) = (small.max(time(25_000)), large.min(time(100_000)));
        }
        assert!(large < small * 12, "{open}: {small:?}, then {large:?}");
    }
    drop(values);
    pool.close(Duration::from_secs(10));
}

/// Promise: an end tag that moves a block out of many elements takes time that grows with the page, and gives what scraper gives.
/// Provoked: 5,000 and 20,000 elements that are taken off the stack from below as many others.
#[test]
fn a_block_that_is_moved_out_of_many_elements_is_not_quadratic() {
    let page = |n: usize| format!("<b>{0}<p>{0}x</b>y", "<q>".repeat(n));
    Compared::new().check(&page(200));
    let pool = pool("x=b");
    let mut values = Values::new(1);
    let mut time = |n: usize| {
        values.clear();
        let page = page(n);
        let start = Instant::now();
        extract_page(&pool, &page, &mut values).1.expect("an answer");
        start.elapsed()
    };
    let (mut small, mut large) = (time(5_000), time(20_000));
    for _ in 0..10 {
        if large < small * 12 {
            break;
        }
        (small, large) = (small.max(time(5_000)), large.min(time(20_000)));
    }
    assert!(large < small * 12, "{small:?}, then {large:?}");
    drop(values);
    pool.close(Duration::from_secs(10));
}

/// Promise: a giant page's memory is given back after it, and the weight tells. Provoked: a page of 15 MB between small ones,
/// and one with half a million names that nobody knows.
#[test]
fn a_giant_page_leaves_no_giant_arena() {
    let mut compared = Compared::new();
    compared.check("<p>a");
    let small = compared.weight();
    assert!(small > 0);
    let pool = pool("x=b");
    let mut values = Values::new(1);
    extract_page(&pool, &"<p a=b>&amp;".repeat(1 << 19), &mut values).1.expect("an answer");
    extract_page(&pool, "<b>x", &mut values).1.expect("an answer");
    assert_eq!(values.of(0).collect::<Vec<_>>(), ["x"]);
    assert!(pool.stats().weight < 16 << 20, "{} bytes", pool.stats().weight);
    let names: String = (0..1 << 19).map(|n| format!("<x{n:x}>")).collect();
    extract_page(&pool, &names, &mut values).1.expect("an answer");
    assert!(pool.stats().weight < 16 << 20, "{} bytes", pool.stats().weight);
    pool.close(Duration::from_secs(10));
}
