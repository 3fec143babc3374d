//! A pool under rayon: `par_map` beside what one would write without it.
//! Run: cargo bench --features rayon --bench parallel

#[path = "../harness/mod.rs"]
mod harness;

use harness::Bound::AtMost;
use harness::{About, Neighbours, Options, Progress, Rounds, Table, Verdicts, describe_machine, ratios};
use rayon::ThreadPool;
use rayon::prelude::*;
use slackwater::{Manager, Pool};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const ABOUT: About = About {
    name: "parallel",
    text: "Nanoseconds an item for 20,000 items of half a microsecond, each worked on with a pooled buffer, by 2 threads and by\n\
           64, with as many buffers as threads.\n",
    full: (100, Duration::ZERO),
    quick: (15, Duration::ZERO),
    smoke: (1, Duration::ZERO),
};

const NAMES: [&str; 4] = ["no pool", "par_map", "map_init, a checkout a split", "map, a checkout an item"];
const ITEMS: usize = 20_000;
const THREADS: [usize; 2] = [2, 64];

fn buffers(size: usize, patience: Duration) -> Pool<impl Manager<Resource = Vec<u64>>> {
    let make = || Ok::<_, String>(vec![0_u64; 256]);
    Pool::builder(make).max_size(size).checkout_timeout(patience).build().expect("vectors can be made")
}

/// About half a microsecond.
fn fill(buffer: &mut [u64], item: usize) -> u64 {
    let mut sum = item as u64;
    for cell in buffer.iter_mut() {
        sum = sum.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        *cell ^= sum;
    }
    black_box(sum)
}

fn lap<M: Manager<Resource = Vec<u64>>>(which: usize, rayon: &ThreadPool, pool: &Pool<M>) -> f64 {
    let began = Instant::now();
    let sums: Vec<u64> = rayon.install(|| {
        let items = (0..ITEMS).into_par_iter();
        match which {
            0 => items.map_init(|| vec![0; 256], |buffer, item| fill(buffer, item)).collect(),
            1 => pool.par_map(items, |buffer, item| fill(buffer, item)).expect("there are as many as threads"),
            2 => {
                let first = || pool.checkout().expect("there are as many as threads");
                items.map_init(first, |buffer, item| fill(buffer, item)).collect()
            }
            _ => items
                .map(|item| pool.with(|buffer| fill(buffer, item)).expect("there are as many as threads"))
                .collect(),
        }
    });
    assert_eq!(sums.len(), ITEMS);
    began.elapsed().as_nanos() as f64 / ITEMS as f64
}

fn main() -> ExitCode {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let neighbours = Neighbours::watch();
    let mut verdicts = Verdicts::default();
    let mut table = Table::new("ns an item", &["contestant", "2 threads", "64 threads"]);
    let mut figures: [[Rounds; 2]; 4] = Default::default();
    let tracks = THREADS.map(|threads| {
        let rayon = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("64 threads");
        (rayon, buffers(threads, Duration::from_secs(60)))
    });
    let mut progress = Progress::of(options.rounds);
    for round in 0..options.rounds {
        for (column, (rayon, pool)) in tracks.iter().enumerate() {
            for place in 0..NAMES.len() {
                let which = (place + round) % NAMES.len();
                figures[which][column].push(lap(which, rayon, pool));
            }
        }
        progress.step("rounds");
    }
    progress.finish();
    for (name, rounds) in NAMES.iter().zip(&figures) {
        table.row(vec![(*name).to_owned(), format!("{:.0}", rounds[0].median()), format!("{:.0}", rounds[1].median())]);
    }
    table.print();
    println!("\n{}", neighbours.describe());
    for (column, threads) in THREADS.iter().enumerate() {
        let ratio = ratios(&figures[1][column], &figures[0][column]).median();
        verdicts.wanted_times(&format!("par_map vs no pool, {threads} threads"), ratio, AtMost(1.1));
    }
    let ratio = ratios(&figures[1][1], &figures[1][0]).median();
    verdicts.wanted_times("par_map, 64 threads vs 2", ratio, AtMost(1.1));
    ExitCode::from(verdicts.status(options.gate))
}
