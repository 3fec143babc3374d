//! Pooled extractors as a library: panics, one parse a page, memory that stays bounded.
#![cfg(feature = "extract")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use slackwater::Pool;
use slackwater::extract::{CssField, Extractor, PageError, Recipe, RegexField, Reorder, Values, Window, extract_page};

/// Counts pages, and panics on one.
struct Touchy(usize);

impl Extractor for Touchy {
    fn extract(&mut self, page: &str, values: &mut Values) {
        self.0 += 1;
        values.push(0, [page]);
        assert!(!page.contains("bomb"), "cannot stand {page}");
    }
}

/// Promise: a panic is that page's error, its extractor is discarded, the pool keeps its capacity. Provoked: more panics than
/// the pool has extractors, good pages between them, on two threads.
#[test]
fn a_panic_is_the_error_of_one_page() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let pool = Pool::builder(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, String>(Touchy(0))
    })
    .max_size(2)
    .build()
    .unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut values = Values::new(1);
                for n in 0..20 {
                    values.clear();
                    let (_, outcome) = extract_page(&pool, if n % 4 == 3 { "a bomb" } else { "a page" }, &mut values);
                    match outcome {
                        Ok(()) => assert_eq!(values.of(0).collect::<Vec<_>>(), ["a page"]),
                        Err(PageError::Panicked(why)) => {
                            assert_eq!((n % 4, why.as_str()), (3, "cannot stand a bomb"))
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    let stats = pool.stats();
    assert_eq!(stats.in_use, 0);
    // The last one may still be on its way to be replaced.
    let began = std::time::Instant::now();
    while !pool.audit().is_clean() {
        assert!(began.elapsed().as_secs() < 10, "{}", pool.audit());
        thread::yield_now();
    }
    // Ten panics, each of which cost one extractor; the last may not have been replaced yet.
    assert!(made.load(Ordering::Relaxed) >= 10, "{made:?}");
    assert!(pool.checkout().unwrap().0 < 40);
}

/// Promise: no manager for a kind without fields, so regex fields alone never parse a page. Provoked: both one-sided recipes.
#[test]
fn a_recipe_makes_managers_only_for_kinds_in_use() {
    let mut recipe = Recipe::new();
    assert!(recipe.css_manager().is_none() && recipe.regex_manager().is_none());
    recipe.regex("y=[0-9]+").unwrap();
    assert!(recipe.css_manager().is_none() && recipe.regex_manager().is_some());
    recipe.css("t=title").unwrap();
    assert!(recipe.css_manager().is_some());
    assert_eq!(recipe.names(), ["y", "t"]);
}

/// Promise: a match in which group 1 took no part gives nothing; the first of several groups counts. Provoked: an optional
/// group, two groups, a group that does not capture.
#[test]
fn group_one_or_the_whole_match() {
    let found = |pattern: &str, page: &str| {
        let mut recipe = Recipe::new();
        recipe.regex(&format!("r={pattern}")).unwrap();
        let pool = Pool::builder(recipe.regex_manager().unwrap()).build().unwrap();
        let mut values = Values::new(1);
        extract_page(&pool, page, &mut values).1.unwrap();
        values.of(0).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("a(b)?", "a ab a"), ["b"]);
    assert_eq!(found("(a)(b)", "ab ab"), ["a", "a"]);
    assert_eq!(found("(?:a)b", "ab"), ["ab"]);
}

/// Promise: only an `@` outside brackets, parentheses and quotes starts an attribute. Provoked: one in each of them.
#[test]
fn an_at_sign_means_an_attribute_only_outside() {
    let attribute = |text: &str| CssField::parse(text).unwrap().attribute().map(str::to_owned);
    assert_eq!(attribute("x=a@href"), Some("href".into()));
    assert_eq!(attribute("x=a @ href "), Some("href".into()));
    assert_eq!(attribute(r#"x=a[href="x@y"]"#), None);
    assert_eq!(attribute(r#"x=a[href="x@y"]@title"#), Some("title".into()));
    assert_eq!(attribute(r#"x=:not([a='@b'])"#), None);
    assert_eq!(attribute(r"x=.a\@b"), None);
    assert_eq!(attribute(r"x=.a\@b@data-x"), Some("data-x".into()));
    assert_eq!(CssField::parse("x=a@b@c").unwrap_err().column(), 4, "the first part is no selector");
}

/// Promise: a mistake knows its column, also behind wide text and on a later line. Provoked: both.
#[test]
fn a_mistake_knows_its_place() {
    let mistake = RegexField::parse("näme=(?x) a\n  (b").unwrap_err();
    assert_eq!((mistake.line(), mistake.column()), (2, 3));
    assert!(mistake.to_string().contains("\n      (b\n      ^\n"), "{mistake}");
    let mistake = CssField::parse("ü=é > !b").unwrap_err();
    assert_eq!((mistake.line(), mistake.column(), mistake.offset()), (1, 7, 8));
}

/// Promise: an attribute is found however its capitals stand. Provoked: HTML lowers them, SVG keeps `viewBox`.
#[test]
fn attribute_names_ignore_case() {
    let mut recipe = Recipe::new();
    recipe.css("a=a@HREF").unwrap().css("v=svg@viewbox").unwrap().css("w=svg@viewBox").unwrap();
    let pool = Pool::builder(recipe.css_manager().unwrap()).build().unwrap();
    let mut values = Values::new(3);
    extract_page(&pool, "<a href=/x></a><svg viewbox='0 0 1 1'></svg>", &mut values).1.unwrap();
    let got: Vec<Vec<&str>> = (0..3).map(|field| values.of(field).collect()).collect();
    assert_eq!(got, [["/x"], ["0 0 1 1"], ["0 0 1 1"]]);
}

/// Promise: ordered output holds at most a window of pages and its bytes, whatever the number of pages. Provoked: 20 000 pages,
/// four workers, and page 0 finished only when the others can get no further.
#[test]
fn the_window_bounds_what_waits_for_its_turn() {
    const PAGES: u64 = 20_000;
    const NEAR: u64 = 64;
    let window = Window::new(NEAR, u64::MAX);
    let next = AtomicU64::new(0);
    let (to_output, lines) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(Some(released));
    let mut largest = 0;
    thread::scope(|scope| {
        for _ in 0..4 {
            let to_output = to_output.clone();
            let (window, next, released) = (&window, &next, &released);
            scope.spawn(move || {
                loop {
                    let ticket = next.fetch_add(1, Ordering::Relaxed);
                    if ticket >= PAGES || !window.enters(ticket) {
                        break;
                    }
                    if ticket == 0 {
                        let gate = released.lock().unwrap().take().unwrap();
                        gate.recv().unwrap();
                    }
                    window.finished(1);
                    to_output.send(ticket).unwrap();
                }
            });
        }
        drop(to_output);
        let mut reorder = Reorder::new();
        let mut expected = 0;
        for ticket in lines {
            reorder.put(ticket, ticket);
            largest = largest.max(reorder.len() as u64);
            if expected == 0 && reorder.len() as u64 == NEAR - 1 {
                release.send(()).unwrap();
            }
            while let Some(ticket) = reorder.pop() {
                assert_eq!(ticket, expected);
                expected += 1;
                window.written(1);
            }
        }
        assert_eq!(expected, PAGES);
        assert!(reorder.is_empty());
    });
    assert!((NEAR - 1..=NEAR).contains(&largest), "{largest}");
}

/// Promise: full bytes hold back every page but the next in line, and room lets them in. Provoked: the states one by one.
#[test]
fn full_bytes_let_only_the_next_page_in() {
    let window = Window::new(100, 10);
    assert!(window.enters(0) && window.enters(1));
    window.finished(10); // Page 1 is done and waits for page 0.
    assert!(window.enters(0), "the page all others wait for");
    thread::scope(|scope| {
        let later = scope.spawn(|| window.enters(2));
        window.finished(0);
        window.written(0); // Page 0 out, page 1 still held.
        window.written(10);
        assert!(later.join().unwrap());
    });
}

/// Promise: closing wakes everyone who waits. Provoked: three waiters far ahead.
#[test]
fn a_closed_window_lets_nobody_wait() {
    let window = Window::new(1, 1);
    thread::scope(|scope| {
        let waiters: Vec<_> = (1..4)
            .map(|ticket| {
                scope.spawn({
                    let window = &window;
                    move || window.enters(ticket)
                })
            })
            .collect();
        window.close();
        for waiter in waiters {
            assert!(!waiter.join().unwrap());
        }
    });
    assert!(!window.enters(0));
}

/// Promise: a lost ticket does not lose the others. Provoked: ticket 1 never comes.
#[test]
fn a_gap_leaves_the_rest_in_order() {
    let mut reorder = Reorder::new();
    for ticket in [4, 0, 2] {
        reorder.put(ticket, ticket);
    }
    assert_eq!(reorder.pop(), Some(0));
    assert_eq!(reorder.pop(), None);
    assert_eq!(reorder.len(), 2);
    assert_eq!(reorder.into_rest().collect::<Vec<_>>(), [2, 4]);
}
