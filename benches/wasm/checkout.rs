//! Checkouts of instances that nobody used before.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slackwater::wasm::{Query, WasmExtractor};

use crate::clock::micros;
use crate::contestants::{engine, extractor, fresh};
use crate::harness::Bound::Below;
use crate::harness::{Options, Rounds, Table, Wanted, stay_on_core};

const PAGE: &str = "<!doctype html><title>t</title><p class=c>x</p>";

struct Scenario {
    name: &'static str,
    threads: usize,
    instances: usize,
    judged: bool,
}

const SCENARIOS: [Scenario; 3] = [
    Scenario { name: "1 thread", threads: 1, instances: 4, judged: true },
    Scenario { name: "2 threads", threads: 2, instances: 4, judged: true },
    Scenario { name: "2 threads, 1 instance", threads: 2, instances: 1, judged: false },
];

/// Nanoseconds of each step, and rounds of what is judged.
struct Figures {
    checkout: Histogram<u64>,
    call: Histogram<u64>,
    give_back: Histogram<u64>,
    median: Rounds,
    tail: Rounds,
    uses: u64,
}

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let engine = engine(|engine| engine);
    let headings =
        ["fresh instances", "uses/s", "checkout p50", "p99", "p99.9", "most", "call p50", "give back p50", "p99.9"];
    let mut table = Table::new("Checkout, call and return by the clock, us", &headings);
    for scenario in &SCENARIOS {
        let extractor = extractor(&engine, fresh(), scenario.instances);
        let mut figures = Figures::new();
        // The first lap warms.
        lap(&extractor, scenario, options.lap / 4, &mut Figures::new());
        for _ in 0..options.rounds {
            lap(&extractor, scenario, options.lap, &mut figures);
        }
        let took = options.lap.as_secs_f64() * options.rounds as f64;
        let Figures { checkout, call, give_back, .. } = &figures;
        let at =
            |histogram: &Histogram<u64>, quantile| format!("{:.2}", histogram.value_at_quantile(quantile) as f64 / 1e3);
        let mut row = vec![scenario.name.to_owned(), format!("{:.0}", figures.uses as f64 / took)];
        row.extend([0.5, 0.99, 0.999, 1.0].map(|quantile| at(checkout, quantile)));
        row.extend([at(call, 0.5), at(give_back, 0.5), at(give_back, 0.999)]);
        table.row(row);
        if scenario.judged {
            let name = |what: &str| format!("warm checkout of a fresh instance, {}, {what}", scenario.name);
            wanted.add(name("p50"), figures.median.median(), " us", Below(1.0));
            wanted.add(name("p99.9"), figures.tail.median(), " us", Below(1000.0));
        }
        let usage = extractor.usage();
        assert!(usage.made >= usage.calls, "{usage:?}: somebody had a used one");
    }
    table.print();
    println!("the last line is what a checkout costs when making instances cannot keep up: it waits for one");
}

impl Figures {
    fn new() -> Self {
        let histogram = || Histogram::new(3).expect("three digits are few");
        let [checkout, call, give_back] = [histogram(), histogram(), histogram()];
        Self { checkout, call, give_back, median: Rounds::default(), tail: Rounds::default(), uses: 0 }
    }
}

fn lap(extractor: &WasmExtractor, scenario: &Scenario, long: Duration, figures: &mut Figures) {
    let start = Barrier::new(scenario.threads);
    let laps: Vec<Figures> = thread::scope(|scope| {
        let threads: Vec<_> = (0..scenario.threads)
            .map(|thread| {
                let start = &start;
                scope.spawn(move || {
                    stay_on_core(thread);
                    start.wait();
                    uses(extractor, long)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let mut checkouts = Histogram::<u64>::new(3).expect("three digits are few");
    for lap in laps {
        checkouts.add(&lap.checkout).expect("they are of the same kind");
        figures.checkout.add(&lap.checkout).expect("they are of the same kind");
        figures.call.add(&lap.call).expect("they are of the same kind");
        figures.give_back.add(&lap.give_back).expect("they are of the same kind");
        figures.uses += lap.uses;
    }
    figures.median.push(checkouts.value_at_quantile(0.5) as f64 / 1e3);
    figures.tail.push(checkouts.value_at_quantile(0.999) as f64 / 1e3);
}

fn uses(extractor: &WasmExtractor, long: Duration) -> Figures {
    let mut figures = Figures::new();
    let queries = [Query::css("p.c")];
    let began = Instant::now();
    while began.elapsed() < long {
        let start = Instant::now();
        let mut instance = extractor.checkout().expect("nobody holds one for long");
        let had = Instant::now();
        let answer = instance.call(|extractor, store| extractor.extract(store, PAGE, &queries)).expect("an answer");
        let called = Instant::now();
        drop(instance);
        let back = Instant::now();
        assert_eq!(answer.as_deref(), Ok(&[vec!["x".to_owned()]][..]));
        let nanos = |from: Instant, to: Instant| (micros(to - from) * 1e3) as u64;
        figures.checkout.record(nanos(start, had)).expect("it grows");
        figures.call.record(nanos(had, called)).expect("it grows");
        figures.give_back.record(nanos(called, back)).expect("it grows");
        figures.uses += 1;
    }
    figures
}
