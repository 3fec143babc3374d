//! Pooled against not pooled: a recipe of 20 selectors and 10 patterns, on real pages in memory.
//! Run: cargo bench --features extract --bench pooled
//!
//! Four ways to the same values: extractors in pools, as the command has them; extractors kept by hand, which is what pooling must not
//! cost much against; extractors made for each page out of a compiled recipe; and the recipe compiled for each page. All on one core,
//! in core time, lap after lap in turn. The first page is measured on a contestant just made, the median over rounds and pages; what
//! making it takes stands beside. Memory is what the allocator was asked for: by making a contestant and its first lap, what is still
//! there afterwards, and the most at a time.

mod contestants;
#[path = "../harness/mod.rs"]
mod harness;
mod memory;

#[path = "../dom/clock.rs"]
mod clock;
#[path = "../dom/sample.rs"]
mod sample;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clock::core_time;
use contestants::{CompiledForEach, Contestant, Kept, MadeForEach, Pooled, recipe};
use harness::Bound::{AtLeast, AtMost};
use harness::{About, Neighbours, Options, Rounds, Table, Verdicts, describe_machine, ratios, stay_on_core};
use memory::{Counting, Taken, taken};
use slackwater::extract::Values;

#[global_allocator]
static COUNTING: Counting = Counting;

const ABOUT: About = About {
    name: "pooled",
    text: "First page, steady rate and memory of extractors in pools, kept by hand, made for each page, and compiled for each page.\n\
           DOM_PAGES says how many pages; `--lap-us` means nothing here, a lap is all pages once.\n",
    full: (11, Duration::ZERO),
    quick: (3, Duration::ZERO),
    smoke: (1, Duration::ZERO),
};

/// Makes one of them anew.
type Make = fn() -> Box<dyn Contestant>;

const CONTESTANTS: [(&str, Make); 4] = [
    ("in pools", || Box::new(Pooled::new())),
    ("kept by hand", || Box::new(Kept::new())),
    ("made for each page", || Box::new(MadeForEach::new())),
    ("compiled for each page", || Box::new(CompiledForEach)),
];
const POOLED: usize = 0;
const KEPT: usize = 1;
const MADE: usize = 2;
const COMPILED: usize = 3;

/// Pages of a lap of who compiles for each: it takes milliseconds a page.
const SLOW_PAGES: usize = 30;

/// Contestants made anew in a round, each for a first page.
const FIRSTS: usize = 5;

/// What was measured of one contestant.
#[derive(Default)]
struct Figures {
    /// Microseconds: to be made, and for its first page.
    made: Rounds,
    first: Rounds,
    /// Pages a second of a core.
    rate: Rounds,
    memory: Taken,
    pages: usize,
}

fn main() -> ExitCode {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let Some((_, pages)) = sample::pages(options.rounds) else {
        println!("no pages: install them with `rustup component add rust-docs`");
        return ExitCode::SUCCESS;
    };
    let bytes: usize = pages.iter().map(String::len).sum();
    println!("{} pages of {:.1} MB in all, {} rounds", pages.len(), bytes as f64 / 1e6, options.rounds);
    let neighbours = Neighbours::watch();
    let mut figures: [Figures; CONTESTANTS.len()] = Default::default();
    stay_on_core(0);
    for round in 0..options.rounds {
        for ((name, make), figures) in CONTESTANTS.iter().zip(&mut figures) {
            if options.asks_for(name) {
                let pages =
                    if *name == CONTESTANTS[COMPILED].0 { &pages[..pages.len().min(SLOW_PAGES)] } else { &pages };
                let from = round * FIRSTS % (pages.len() - FIRSTS);
                measure(*make, pages, &pages[from..from + FIRSTS], figures);
                if round == 0 {
                    figures.memory = lap_in_memory(*make, pages);
                }
            }
        }
    }
    print_table(&figures);
    println!("\n{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    judge(&figures, &mut verdicts);
    ExitCode::from(verdicts.status(options.gate))
}

/// One contestant's round: made for first pages, and a lap over all.
fn measure(make: Make, pages: &[String], firsts: &[String], figures: &mut Figures) {
    let mut values = Values::new(recipe().names().len());
    let mut contestant = make();
    for first in firsts {
        // A pool is made with the help of a thread: here the time of day counts.
        let start = Instant::now();
        contestant = make();
        figures.made.push(start.elapsed().as_secs_f64() * 1e6);
        let start = core_time();
        contestant.page(first, &mut values);
        figures.first.push((core_time() - start).as_secs_f64() * 1e6);
        values.clear();
    }
    lap(&mut *contestant, &pages[..pages.len().min(50)], &mut values); // Warm, all of them.
    let start = core_time();
    lap(&mut *contestant, pages, &mut values);
    figures.rate.push(pages.len() as f64 / (core_time() - start).as_secs_f64());
    figures.pages = pages.len();
}

fn lap(contestant: &mut dyn Contestant, pages: &[String], values: &mut Values) {
    for page in pages {
        values.clear();
        contestant.page(page, values);
    }
}

fn lap_in_memory(make: Make, pages: &[String]) -> Taken {
    let mut values = Values::new(recipe().names().len());
    // What the values need is everybody's; it is there before the counting.
    lap(&mut Kept::new(), pages, &mut values);
    let (contestant, taken) = taken(|| {
        let mut contestant = make();
        lap(&mut *contestant, pages, &mut values);
        contestant
    });
    drop(contestant);
    taken
}

fn print_table(figures: &[Figures]) {
    let headings =
        ["extractors", "to make, us", "first page, us", "pages/s", "allocations a page", "kept, KB", "most, KB"];
    let mut table = Table::new("20 selectors and 10 patterns, one core", &headings);
    for ((name, _), figures) in CONTESTANTS.iter().zip(figures) {
        if figures.pages == 0 {
            continue;
        }
        let Taken { calls, kept, most } = figures.memory;
        table.row(vec![
            (*name).to_owned(),
            format!("{:.0}", figures.made.median()),
            format!("{:.0}", figures.first.median()),
            format!("{:.0}", figures.rate.median()),
            format!("{:.1}", calls as f64 / figures.pages as f64),
            format!("{:.0}", kept as f64 / 1e3),
            format!("{:.0}", most as f64 / 1e3),
        ]);
    }
    table.print();
}

fn judge(figures: &[Figures], verdicts: &mut Verdicts) {
    let rate = |one: usize, other: usize| ratios(&figures[one].rate, &figures[other].rate).median();
    let first = |one: usize, other: usize| ratios(&figures[one].first, &figures[other].first).median();
    // A side that was not asked for has no figure.
    let mut wanted = |what: &str, figure: f64, bound| {
        if !figure.is_nan() {
            verdicts.wanted_times(what, figure, bound);
        }
    };
    wanted("pages/s in pools vs kept by hand", rate(POOLED, KEPT), AtLeast(0.97));
    wanted("pages/s in pools vs made for each page", rate(POOLED, MADE), AtLeast(1.5));
    wanted("pages/s in pools vs compiled for each page", rate(POOLED, COMPILED), AtLeast(5.0));
    wanted("time of the first page in pools vs compiled for it", first(POOLED, COMPILED), AtMost(0.5));
    // To make an extractor is to copy it, and its caches grow with the page: nothing of that is done before the first one.
    println!("time of the first page in pools vs made for it: {:.3} x", first(POOLED, MADE));
}
