//! What others notice of a component that misbehaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slackwater::wasm::{Query, WasmEngine, WasmExtractor};

use crate::contestants::{extractor, fresh, queries};
use crate::harness::Bound::AtMost;
use crate::harness::{Options, Rounds, Table, Wanted, ratios, stay_on_core};
use crate::limits::misbehaving;
use crate::sample;

/// What it does in turn.
const COMMANDS: [&str; 5] = ["loop", "hoard", "trap", "stack", "return 2000000"];

/// Extracts on one core, while the other core does the same for others, or misbehaves: on the same engine, and all the time.
pub fn measure(options: &Options, engine: &WasmEngine, wanted: &mut Wanted) {
    let page = sample::pages(2).map(|(_, pages)| pages).unwrap_or_default();
    let page = page.iter().min_by_key(|page| page.len().abs_diff(20_000)).cloned().unwrap_or_default();
    let (extractor, other, bad) = (extractor(engine, fresh(), 2), extractor(engine, fresh(), 2), misbehaving(engine));
    let queries = queries();
    let well = || drop(other.extract(&page, &queries).expect("an answer"));
    let turn = std::cell::Cell::new(0);
    let badly = || {
        let command = COMMANDS[turn.get() % COMMANDS.len()];
        turn.set(turn.get() + 1);
        drop(bad.extract("", &[Query::pattern(command)]).expect_err("it misbehaves"));
    };
    let mut all = [(); 2].map(|()| Histogram::<u64>::new(3).expect("three digits are few"));
    let mut medians: [Rounds; 2] = Default::default();
    let long = options.lap;
    for _ in 0..options.rounds {
        for (which, (all, medians)) in all.iter_mut().zip(&mut medians).enumerate() {
            let neighbour: &dyn Fn() = if which == 0 { &well } else { &badly };
            let seen = beside(neighbour, || extractor_latencies(&extractor, &page, &queries, long));
            medians.push(seen.value_at_quantile(0.5) as f64);
            all.add(&seen).expect("they are of the same kind");
        }
    }
    let title = format!("A page of {} KB on one core, us, while the other", page.len() / 1000);
    let mut table = Table::new(title, &["", "p50", "p99", "most"]);
    for (name, seen) in ["extracts too", "misbehaves"].iter().zip(&all) {
        let at = |quantile| format!("{:.0}", seen.value_at_quantile(quantile) as f64 / 1e3);
        table.row(vec![(*name).to_owned(), at(0.5), at(0.99), at(1.0)]);
    }
    table.print();
    let ratio = ratios(&medians[1], &medians[0]).median();
    wanted.add("latency beside one that misbehaves vs one that does not, p50", ratio, " x", AtMost(1.1));
}

/// Runs `work` on the second core, while this thread keeps at `neighbour` on the first.
fn beside<T: Send>(neighbour: &dyn Fn(), work: impl FnOnce() -> T + Send) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let work = scope.spawn(move || {
            stay_on_core(1);
            let done = work();
            is_over.store(true, Ordering::Relaxed);
            done
        });
        stay_on_core(0);
        while !is_over.load(Ordering::Relaxed) && !work.is_finished() {
            neighbour();
        }
        work.join().expect("it does not panic")
    })
}

fn extractor_latencies(extractor: &WasmExtractor, page: &str, queries: &[Query], long: Duration) -> Histogram<u64> {
    let mut seen = Histogram::new(3).expect("three digits are few");
    let began = Instant::now();
    while began.elapsed() < long {
        let start = Instant::now();
        extractor.extract(page, queries).expect("an answer");
        seen.record(start.elapsed().as_nanos() as u64).expect("it grows");
    }
    seen
}
