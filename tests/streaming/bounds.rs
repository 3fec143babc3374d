//! What becomes of a page that is out to do harm, without a tree.

use std::time::{Duration, Instant};

use slackwater::Pool;
use slackwater::extract::{
    Bounds, Engine, Exceeded, NotPlain, PageError, Recipe, StreamingManager, Values, extract_page,
};

/// Whatever takes so long has no bounds.
const FOREVER: Duration = Duration::from_secs(60);

fn managers(fields: &[&str]) -> [StreamingManager; 2] {
    let mut recipe = Recipe::new();
    fields.iter().for_each(|field| assert!(recipe.css(field).is_ok(), "{field}"));
    let watched = Engine::choose(&recipe).unwrap_or_else(|why| panic!("{why}")).manager();
    [recipe.unwatched_manager().unwrap_or_else(|why| panic!("{why}")), watched]
}

fn outcome(manager: &StreamingManager, page: &str, bounds: Bounds) -> (Result<(), PageError>, usize) {
    let begun = Instant::now();
    let mut values = Values::new(100);
    values.bound(bounds);
    let pool = Pool::builder(manager.clone()).max_size(1).build().unwrap();
    let outcome = extract_page(&pool, page, &mut values).1;
    assert!(begun.elapsed() < FOREVER, "{outcome:?} after {:?}", begun.elapsed());
    (outcome, (0..values.fields()).map(|field| values.of(field).map(str::len).sum::<usize>()).sum())
}

fn bytes(bytes: usize) -> Bounds {
    Bounds { time: None, bytes }
}

fn millis(millis: u64) -> Bounds {
    Bounds { time: Some(Duration::from_millis(millis)), bytes: usize::MAX }
}

/// A page that is plain, of so many elements below each other, with a text in the innermost.
fn nested(depth: usize, text: usize) -> String {
    format!("{}{}{}", "<div class=c>".repeat(depth), "tide ".repeat(text), "</div>".repeat(depth))
}

/// Promise: values count, whatever gives many of them. Provoked: the same text from each of the elements around it, one attribute
/// again and again, elements that have nothing.
#[test]
fn too_much_of_a_page_is_told() {
    let wide = format!("<p class='{}'>x</p>", "a".repeat(20_000)).repeat(10);
    for (fields, page) in [
        (&["x=div"][..], &nested(300, 1_000)),
        (&["x=div@class"], &nested(300, 1_000).repeat(30)),
        (&["x=p@class"], &wide),
        (&["x=p"], &"<p></p>".repeat(10_000)),
    ] {
        for manager in managers(fields) {
            let (outcome, found) = outcome(&manager, page, bytes(100_000));
            assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Bytes(100_000)))), "{fields:?}: {outcome:?}");
            assert!(found <= 100_000, "{fields:?}: {found}");
            assert_eq!(manager.pages().streamed, 1, "{fields:?}");
        }
    }
}

/// Promise: a page that is not plain is the tree's to answer, also where what its tags say is too much before that is seen. Provoked: many
/// attributes, and a `frameset` at the end.
#[test]
fn whether_a_page_is_plain_is_seen_behind_too_much() {
    let [_, watched] = managers(&["x=span@title"]);
    let page = format!("<span title={}></span>", "a".repeat(1_000)).repeat(300);
    for page in [page.clone(), page + "<frameset></frameset>"] {
        let (result, _) = outcome(&watched, &page, bytes(100_000));
        assert!(matches!(result, Err(PageError::Exceeded(Exceeded::Bytes(_)))), "{result:?}");
    }
    let pages = watched.pages();
    assert_eq!((pages.streamed, pages.fell_back.contains(&(NotPlain::Special, 1))), (1, true), "{pages:?}");
}

/// Promise: what is too much is told where it is, and not when all of it is there. Provoked: a thousand fields that each want an
/// attribute of a megabyte.
#[test]
fn too_much_is_never_held() {
    let page = format!("<p title='{}'>x</p>", "a".repeat(1_000_000));
    let fields: Vec<String> = (0..1_000).map(|n| format!("x{n}=p@title")).collect();
    let mut recipe = Recipe::new();
    fields.iter().for_each(|field| assert!(recipe.css(field).is_ok()));
    let manager = Engine::choose(&recipe).expect("it needs no tree").manager();
    let pool = Pool::builder(manager.clone()).max_size(1).build().unwrap();
    let mut values = Values::new(fields.len());
    values.bound(bytes(5_000_000));
    let outcome = extract_page(&pool, &page, &mut values).1;
    assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Bytes(_)))), "{outcome:?}");
    // The page's text and what an extractor keeps anyway.
    let weight = slackwater::Manager::weight(&manager, &pool.checkout().unwrap());
    assert!(weight < 20_000_000, "{weight}");
}

/// Promise: what just fits is given, to the byte as the tree gives it. Provoked: bounds around what a page needs.
#[test]
fn what_fits_is_given() {
    let fields = ["x=p", "y=p@class", "z=b"];
    let page = "<p class=c> tide <b>ebb</b></p>".repeat(100);
    let mut recipe = Recipe::new();
    fields.iter().for_each(|field| assert!(recipe.css(field).is_ok()));
    let dom = Pool::builder(recipe.css_manager().unwrap()).max_size(1).build().unwrap();
    // Three values of 9, 1 and 3 bytes for each.
    let needs = 100 * (3 * size_of::<std::ops::Range<usize>>() + 13);
    for (room, fits) in [(needs, true), (needs - 1, false), (needs + 1, true)] {
        let mut values = Values::new(3);
        values.bound(bytes(room));
        assert_eq!(extract_page(&dom, &page, &mut values).1.is_ok(), fits, "{room}");
        for manager in managers(&fields) {
            assert_eq!(outcome(&manager, &page, bytes(room)).0.is_ok(), fits, "{room}");
        }
    }
}

/// Promise: time counts whatever takes it. Provoked: no time at all on pages of every kind.
#[test]
fn time_that_is_over_ends_everything() {
    for (fields, page) in [
        (&["x=div"][..], nested(300, 1_000)),
        (&["x=i"], "<p>x</p>".repeat(50_000)),
        (&["x=i"], format!("<p title='{}'>x", "a".repeat(1_000_000))),
        (&["x=i"], "x".repeat(1_000_000)),
        (&["x=i"], "<p>x<p>y".to_owned()),
    ] {
        for manager in managers(fields) {
            let (outcome, _) = outcome(&manager, &page, millis(0));
            assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Time(_)))), "{fields:?}: {outcome:?}");
        }
    }
}

/// Promise: a page that takes longer than it may is given up, also where no field finds anything. Provoked: as many names as elements, and end
/// tags of nothing that is open.
#[test]
fn a_page_that_takes_too_long_is_given_up() {
    let names: String = (0..400_000).map(|n| format!("<x{n}></x{n}>")).collect();
    let page = format!("<html><head></head><body>{names}</body></html>");
    let strays = format!("{}{}", "<x>".repeat(100_000), "</x-x></y-x></z-x>".repeat(100_000));
    let [unwatched, watched] = managers(&["x=i:nth-child(2)", "y=b:not([title='x'])"]);
    for (manager, page) in [(&unwatched, &page), (&watched, &page), (&unwatched, &strays)] {
        let begun = Instant::now();
        let (outcome, _) = outcome(manager, page, millis(1));
        assert!(matches!(outcome, Err(PageError::Exceeded(Exceeded::Time(_)))), "{outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

/// Promise: elements that are never closed take bounded memory: the tree does the page where answers are its, and without it there is an error
/// that says so. Provoked: three million of them.
#[test]
fn elements_that_are_never_closed_take_bounded_memory() {
    let page = "<x>".repeat(3_000_000);
    let [unwatched, watched] = managers(&["x=i"]);
    let (result, _) = outcome(&unwatched, &page, bytes(usize::MAX));
    assert!(matches!(result, Err(PageError::Exceeded(Exceeded::Streaming(_)))), "{result:?}");
    assert!(outcome(&watched, &page, bytes(usize::MAX)).0.is_ok());
    assert!(watched.pages().fell_back.contains(&(NotPlain::Deep, 1)));
}

/// Promise: attributes take none. Provoked: four million of them in one tag, on a page that is plain.
#[test]
fn attributes_without_end_take_no_memory() {
    let page = format!("<p{}>x</p>", " a".repeat(4_000_000));
    let [unwatched, watched] = managers(&["x=p[b]", "y=p"]);
    for manager in [unwatched, watched] {
        let pool = Pool::builder(manager.clone()).max_size(1).build().unwrap();
        let mut values = Values::new(2);
        assert!(extract_page(&pool, &page, &mut values).1.is_ok());
        assert_eq!((values.of(0).len(), values.of(1).collect::<Vec<_>>()), (0, vec!["x"]));
        assert_eq!(manager.pages().streamed, 1);
        let weight = slackwater::Manager::weight(&manager, &pool.checkout().unwrap());
        assert!(weight < 1_000_000, "{weight}");
    }
}

/// Promise: what one page took too much of is no other page's affect. Provoked: a good page after each bad one.
#[test]
fn the_next_page_begins_anew() {
    let good = "<p class=c>ebb</p>";
    for manager in managers(&["x=p", "y=p@class"]) {
        let pool = Pool::builder(manager).max_size(1).build().unwrap();
        let mut values = Values::new(2);
        for bad in [good.repeat(10_000), "<p>".repeat(100_000), format!("<p class='{}'>", "a".repeat(100_000))] {
            for bounds in [bytes(50_000), millis(0)] {
                values.bound(bounds);
                assert!(extract_page(&pool, &bad, &mut values).1.is_err());
                values.clear();
                assert!(extract_page(&pool, good, &mut values).1.is_ok());
                assert_eq!((0..2).flat_map(|field| values.of(field)).collect::<Vec<_>>(), ["ebb", "c"]);
                values.clear();
            }
        }
    }
}
