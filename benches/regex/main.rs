//! Whose search caches: a `Regex` for all threads, a clone for each resource, and caches that are the resource's own.
//! Run: cargo bench --features extract --bench regex
//!
//! A short text costs a search some tens of nanoseconds, so what it takes to come by a cache shows; a page hides it.

#[path = "../harness/mod.rs"]
mod harness;

use harness::Bound::AtLeast;
use harness::{About, Neighbours, Options, Progress, Rounds, Table, Verdicts, describe_machine, ratios};
use regex::Regex;
use slackwater::Manager;
use slackwater::extract::{Extractor, RegexExtractor, RegexField, RegexManager, Values};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

const ABOUT: About = About {
    name: "regex",
    text: "Nanoseconds of a core for all matches in a text, by 2, 8 and 32 threads at once: with one `Regex` that all share, with a\n\
           clone of it for each, and with a `RegexExtractor` each, whose caches are its own. A short text, and a page.\n",
    full: (61, Duration::from_millis(20)),
    quick: (11, Duration::from_millis(10)),
    smoke: (1, Duration::from_millis(1)),
};

const NAMES: [&str; 3] = ["shared Regex", "clone for each", "cache for each"];
const THREADS: [usize; 3] = [2, 8, 32];
const PATTERN: &str = r"\bE([0-9]{4})\b";
const SHORT: &str = "error[E0382]: borrow of moved value";
const PAGE: &str = include_str!("../../examples/pages/error-E0499.html");

/// All matches in a text, by one contestant.
enum Searcher<'r> {
    Regex(&'r Regex),
    Own(Regex),
    Extractor(Box<RegexExtractor>),
}

impl Searcher<'_> {
    fn search(&mut self, text: &str, values: &mut Values) {
        values.clear();
        match self {
            Searcher::Regex(regex) => push(regex, text, values),
            Searcher::Own(regex) => push(regex, text, values),
            Searcher::Extractor(extractor) => extractor.extract(text, values),
        }
        black_box(values.of(0).len());
    }
}

fn push(regex: &Regex, text: &str, values: &mut Values) {
    regex.captures_iter(text).filter_map(|found| found.get(1)).for_each(|group| values.push(0, [group.as_str()]));
}

/// Nanoseconds of a core for each of so many searches by each of so many threads.
fn lap(which: usize, threads: usize, text: &str, searches: u64, shared: &Regex, manager: &RegexManager) -> f64 {
    let gate = Barrier::new(threads);
    let (began, ended) = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut searcher = match which {
                        0 => Searcher::Regex(shared),
                        1 => Searcher::Own(shared.clone()),
                        _ => Searcher::Extractor(Box::new(manager.create().expect("it cannot fail"))),
                    };
                    let mut values = Values::new(1);
                    searcher.search(text, &mut values);
                    gate.wait();
                    let began = Instant::now();
                    (0..searches).for_each(|_| searcher.search(text, &mut values));
                    (began, Instant::now())
                })
            })
            .collect();
        let times = workers.into_iter().map(|worker| worker.join().expect("searches do not panic"));
        times.reduce(|all, each| (all.0.min(each.0), all.1.max(each.1))).expect("there are threads")
    });
    let cores = thread::available_parallelism().map_or(1, usize::from).min(threads);
    (ended - began).as_nanos() as f64 * cores as f64 / (searches * threads as u64) as f64
}

fn main() -> ExitCode {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    println!("{} rounds, a lap about {:?}", options.rounds, options.lap);
    let field = RegexField::parse(&format!("codes={PATTERN}")).expect("the pattern is sound");
    let manager = RegexManager::new([(0, field)]);
    let shared = Regex::new(PATTERN).expect("the pattern is sound");
    // The first thread to search owns the quick way into a shared Regex. In a program that is hardly ever a worker.
    shared.is_match(SHORT);
    let neighbours = Neighbours::watch();
    let mut verdicts = Verdicts::default();
    for (name, text) in [("short text", SHORT), ("page", PAGE)] {
        let mut figures: [[Rounds; 3]; 3] = Default::default();
        let mut progress = Progress::of(options.rounds);
        let once = lap(1, 1, text, 1000, &shared, &manager).max(1.0);
        for round in 0..options.rounds {
            for (column, &threads) in THREADS.iter().enumerate() {
                let all = options.lap.as_nanos() as f64 / once;
                let searches = (all / threads as f64).max(1.0) as u64;
                for place in 0..NAMES.len() {
                    let which = (place + round) % NAMES.len();
                    figures[which][column].push(lap(which, threads, text, searches, &shared, &manager));
                }
            }
            progress.step("rounds");
        }
        progress.finish();
        let mut table = Table::new(
            format!("{name}, {} bytes: ns of a core", text.len()),
            &["caches", "2 threads", "8 threads", "32 threads"],
        );
        for (name, rounds) in NAMES.iter().zip(&figures) {
            table.row(
                [(*name).to_owned()]
                    .into_iter()
                    .chain(rounds.iter().map(|all| format!("{:.0}", all.median())))
                    .collect(),
            );
        }
        table.print();
        for (column, threads) in THREADS.iter().enumerate() {
            let bound = if text == SHORT { 1.0 } else { 0.95 };
            let faster = ratios(&figures[0][column], &figures[2][column]).median();
            verdicts.wanted_times(
                &format!("{name}, own cache vs shared Regex, {threads} threads"),
                faster,
                AtLeast(bound),
            );
        }
    }
    println!("\n{}", neighbours.describe());
    ExitCode::from(verdicts.status(options.gate))
}
