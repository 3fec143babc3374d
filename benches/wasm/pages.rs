//! The same fields of the same pages, natively and in components.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use slackwater::wasm::{Query, WasmExtractor};

use crate::clock::process_time;
use crate::contestants::{Native, Own, engine, extractor, fresh, own_component, queries, reused};
use crate::harness::Bound::AtMost;
use crate::harness::{Options, Rounds, Table, Wanted, ratios, stay_on_core};
use crate::sample;

const OWN: usize = 0;
const NATIVE: usize = 1;
const COMPILING: usize = 2;
const FRESH: usize = 3;
const NAMES: [&str; 6] = [
    "slackwater's own",
    "scraper and regex",
    "the same, compiled for each page",
    "component, fresh",
    "fresh, memory given back",
    "component, reused",
];

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let Some((_, pages)) = sample::pages(options.rounds) else {
        println!("\nno pages: install them with `rustup component add rust-docs`");
        return;
    };
    let (engine, giving_back) = (engine(|engine| engine), engine(|engine| engine.keep_resident(0)));
    let queries = queries();
    let components =
        [extractor(&engine, fresh(), 2), extractor(&giving_back, fresh(), 2), extractor(&engine, reused(), 2)];
    let differing = compare(&components, &pages, &queries);

    let mut laps: [[Rounds; NAMES.len()]; 2] = Default::default();
    for _ in 0..options.rounds {
        for (threads, laps) in (1..).zip(&mut laps) {
            laps[OWN].push(lap(threads, &pages, Own::new, |own, page| drop(black_box(own.answer(page)))));
            laps[NATIVE].push(lap(threads, &pages, Native::new, |native, page| drop(black_box(native.answer(page)))));
            // What an instance that is new has to do.
            laps[COMPILING].push(lap(threads, &pages, || (), |(), page| drop(black_box(Native::new().answer(page)))));
            for (component, laps) in components.iter().zip(&mut laps[FRESH..]) {
                let run =
                    |_: &mut (), page: &str| drop(black_box(component.extract(page, &queries).expect("an answer")));
                laps.push(lap(threads, &pages, || (), run));
            }
        }
    }
    let bytes: usize = pages.iter().map(String::len).sum();
    let title = format!("{} pages of {:.1} MB in all, by core time", pages.len(), bytes as f64 / 1e6);
    let mut table = Table::new(title, &["extractor", "pages/s", "us a page", "of native", "pages/s on 2 threads"]);
    for (which, name) in NAMES.iter().enumerate() {
        let [one, two] = [0, 1].map(|threads: usize| pages.len() as f64 / laps[threads][which].median());
        let of_native = ratios(&laps[0][which], &laps[0][NATIVE]).median();
        table.row(vec![
            (*name).to_owned(),
            format!("{one:.0}"),
            format!("{:.0}", 1e6 / one),
            format!("{of_native:.2} x"),
            format!("{two:.0}"),
        ]);
    }
    table.print();
    let times = |one: usize, other: usize, threads: usize| ratios(&laps[threads][one], &laps[threads][other]).median();
    println!("a fresh component takes {:.1} x the time of slackwater's own extractors", times(FRESH, OWN, 0));
    if own_component().is_none() {
        for (threads, name) in ["1 thread", "2 threads"].iter().enumerate() {
            let name = |what: &str| format!("time in a fresh component vs natively, {what}, {name}");
            wanted.add(name("compiled once"), times(FRESH, NATIVE, threads), " x", AtMost(2.2));
            wanted.add(name("compiled for each page"), times(FRESH, COMPILING, threads), " x", AtMost(2.2));
        }
        wanted.add(format!("pages of {} whose answers differ", pages.len()), differing as f64, "", AtMost(0.0));
    }
}

/// How many pages' answers are not the same from all.
fn compare(components: &[WasmExtractor], pages: &[String], queries: &[Query]) -> usize {
    let (mut own, native) = (Own::new(), Native::new());
    let differs = |page: &&String| {
        let answer = native.answer(page);
        let same = own.answer(page) == answer;
        !components.iter().all(|component| component.extract(page, queries).is_ok_and(|theirs| theirs == answer))
            || !same
    };
    pages.iter().filter(differs).count()
}

/// Seconds of a core that all pages take, divided by the threads: on cores of their own they are done together, after just that.
fn lap<C>(threads: usize, pages: &[String], new: impl Fn() -> C + Sync, run: impl Fn(&mut C, &str) + Sync) -> f64 {
    let next = AtomicUsize::new(0);
    let work = |core: usize| {
        stay_on_core(core);
        let mut contestant = new();
        while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
            run(&mut contestant, page);
        }
    };
    let began = process_time();
    thread::scope(|scope| {
        for core in 0..threads {
            let work = &work;
            scope.spawn(move || work(core));
        }
    });
    let took: Duration = process_time() - began;
    took.as_secs_f64() / threads as f64
}
