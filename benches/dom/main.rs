//! What a page costs a core: the text of `h1` and the `href` of `a[href]`, from real pages in memory, by us and by others.
//! Run: cargo bench --features extract --bench dom
//!
//! The pages are every k-th of the installed toolchain's documentation. A round runs one lap of each contestant over all of them, in
//! turn and on one core. Time is core time, so that what others take of the machine is not in it. The table has the fastest of a
//! contestant's laps; what is judged is the median of the ratios of each round. html5ever's tokenizer alone, and its tree builder with a
//! sink that makes no tree, are there to show what any tree over html5ever costs at least. selectolax, lxml, parsel and BeautifulSoup run
//! in Python processes on the same core, over the same files, in the versions of benches/peers/requirements.txt. lxml's parser, which
//! parsel and BeautifulSoup have here too, is not one of HTML5: what it finds may differ, so its values are only counted.

#[path = "../harness/mod.rs"]
mod harness;

mod clock;
mod contestants;
mod peers;
mod sample;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use clock::core_time;
use contestants::{Bare, Found};
use harness::Bound::AtLeast;
use harness::{About, Neighbours, Options, Table, Verdicts, describe_machine, stay_on_core};
use peers::Peer;
use slackwater::extract::Values;

const ABOUT: About = About {
    name: "dom",
    text: "What a page costs with the document tree, with scraper, with html5ever's parts alone, and with parsers of Python.\n\
           DOM_PAGES says how many pages; `--lap-us` means nothing here, a lap is all pages once. PEERS_PYTHON names a Python\n\
           that has these parsers; without one, an environment is made in the user's cache folder.\n",
    full: (15, Duration::ZERO),
    quick: (3, Duration::ZERO),
    smoke: (1, Duration::ZERO),
};

const NAMES: [&str; 9] = [
    "slackwater on one core",
    "bare scraper",
    "html5ever tokenizer",
    "html5ever builder",
    "selectolax",
    "lxml",
    "parsel",
    "BeautifulSoup",
    "slackwater on two cores",
];
const OURS: usize = 0;
const SCRAPER: usize = 1;
const SELECTOLAX: usize = 4;
const PEERS: std::ops::Range<usize> = SELECTOLAX..TWO;
const TWO: usize = 8;
/// BeautifulSoup takes seconds a lap: it runs few.
const SLOW: usize = 7;
const SLOW_ROUNDS: usize = 3;

fn main() -> ExitCode {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let Some((paths, pages)) = sample::pages(options.rounds) else {
        println!("no pages: install them with `rustup component add rust-docs`");
        return ExitCode::SUCCESS;
    };
    let bytes: usize = pages.iter().map(String::len).sum();
    println!("{} pages of {:.1} MB in all, {} rounds", pages.len(), bytes as f64 / 1e6, options.rounds);
    let neighbours = Neighbours::watch();
    let mut peers = started(&options, &paths);
    let mut laps: [Vec<Duration>; NAMES.len()] = Default::default();
    let mut values = [0; NAMES.len()];
    for round in 0..options.rounds {
        if round == SLOW_ROUNDS {
            peers.retain(|(which, _)| *which != SLOW);
        }
        thread::scope(|scope| {
            scope.spawn(|| one_core(&options, &pages, &mut peers, &mut laps, &mut values));
        });
        if options.asks_for(NAMES[TWO]) {
            laps[TWO].push(two_cores(&pages));
        }
    }

    let mut table =
        Table::new("h1 text and link targets", &["contestant", "MB a core second", "pages", "us a page", "values"]);
    for ((name, laps), values) in NAMES.iter().zip(&laps).zip(values) {
        let Some(best) = laps.iter().min().map(Duration::as_secs_f64) else { continue };
        let per_page = best / pages.len() as f64;
        table.row(vec![
            (*name).to_owned(),
            format!("{:.1}", bytes as f64 / 1e6 / best),
            format!("{:.0}", 1.0 / per_page),
            format!("{:.1}", per_page * 1e6),
            if values > 0 { values.to_string() } else { String::new() },
        ]);
    }
    table.print();
    println!("{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    let speedup = |slow: usize, fast: usize| {
        let mut ratios: Vec<f64> =
            laps[slow].iter().zip(&laps[fast]).map(|(slow, fast)| slow.div_duration_f64(*fast)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    };
    if let Some(speedup) = speedup(SCRAPER, OURS) {
        println!("dom vs bare scraper, one core: {speedup:.2} x");
    }
    if let Some(speedup) = speedup(SELECTOLAX, OURS) {
        verdicts.wanted_times("dom vs selectolax, one core", speedup, AtLeast(1.0));
    }
    if let Some(speedup) = speedup(OURS, TWO)
        && thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
    {
        verdicts.wanted_times("dom on two cores vs one", speedup, AtLeast(1.9));
    }
    ExitCode::from(verdicts.status(options.gate))
}

/// The Python processes, on the first core, with the pages in their memory. A tiny round goes without them.
fn started(options: &Options, paths: &[PathBuf]) -> Vec<(usize, Peer)> {
    let asked: Vec<usize> = PEERS.filter(|which| options.asks_for(NAMES[*which])).collect();
    if asked.is_empty() || options.rounds == 1 {
        return Vec::new();
    }
    let python = match peers::python(true) {
        Ok(python) => python,
        Err(why) => {
            println!("Python's parsers are left out: {why}");
            return Vec::new();
        }
    };
    let start = |which: usize| match stayed(|| Peer::start_named(NAMES[which], &python, paths)) {
        Ok(peer) => Some((which, peer)),
        Err(why) => {
            println!("{} is left out: {why}", NAMES[which]);
            None
        }
    };
    asked.into_iter().filter_map(start).collect()
}

/// One lap of each, on the first core.
fn one_core(
    options: &Options,
    pages: &[String],
    peers: &mut [(usize, Peer)],
    laps: &mut [Vec<Duration>; NAMES.len()],
    values: &mut [usize; NAMES.len()],
) {
    stay_on_core(0);
    let pool = contestants::pool(1);
    let mut taken = Values::new(2);
    let bare = Bare::new();
    let mut founds = Vec::new();
    let mut lap = |which: usize, run: &mut dyn FnMut(&str, &mut Found)| {
        let mut found = Found::default();
        if !options.asks_for(NAMES[which]) {
            return;
        }
        let start = core_time();
        pages.iter().for_each(|page| run(page, &mut found));
        laps[which].push(core_time() - start);
        if found.count > 0 {
            founds.push((which, found));
        }
    };
    lap(OURS, &mut |page, found| contestants::ours(&pool, page, &mut taken, found));
    lap(SCRAPER, &mut |page, found| bare.page(page, found));
    lap(2, &mut |page, _| contestants::tokenizer(page));
    lap(3, &mut |page, _| contestants::builder(page));
    for (which, peer) in peers {
        let (took, found) = peer.lap().unwrap_or_else(|why| panic!("{} does not answer: {why}", NAMES[*which]));
        laps[*which].push(took);
        founds.push((*which, found));
    }
    founds.iter().for_each(|(which, found)| values[*which] = found.count);
    // The others are no HTML5 parsers.
    founds.retain(|(which, _)| *which <= SELECTOLAX);
    assert!(founds.windows(2).all(|pair| pair[0].1 == pair[1].1), "they differ in what they found: {founds:?}");
}

/// Two threads with one pool, each taking the next page there is. The core time of both, halved: on cores of their own they are
/// done together, after just that.
fn two_cores(pages: &[String]) -> Duration {
    let pool = contestants::pool(2);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let half = |core: usize| {
            let (pool, next) = (&pool, &next);
            scope.spawn(move || {
                stay_on_core(core);
                let (mut values, mut found) = (Values::new(2), Found::default());
                let start = core_time();
                while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    contestants::ours(pool, page, &mut values, &mut found);
                }
                std::hint::black_box(found);
                core_time() - start
            })
        };
        [half(0), half(1)].map(|half| half.join().expect("it does not panic")).into_iter().sum::<Duration>() / 2
    })
}

/// Runs something on the first core; what it starts stays there.
fn stayed<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            stay_on_core(0);
            run()
        });
        run.join().expect("it does not panic")
    })
}
