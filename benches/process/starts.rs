//! How long eight workers take to be ready that each take two seconds, and what one that fails and one that hangs cost the others.

use std::time::{Duration, Instant};

use slackwater::Pool;

use crate::harness::Bound::{AtLeast, Below};
use crate::harness::{Options, Table, Wanted};
use crate::workers::{mark, running};
use crate::{look, said};

const WORKERS: usize = 8;

/// What each takes before it is ready, beside the interpreter's own start. Asleep, so that what is measured is the order in which they
/// start and not the machine's processors.
const SLOW: &str = "time.sleep(2)\n";

pub fn measure(_: &Options, wanted: &mut Wanted) {
    let slow = format!("{SLOW}serve()");
    let ready = |size: usize| {
        let manager = running(&slow, &mark("starts")).build().expect("settings");
        let began = Instant::now();
        let pool = Pool::builder(manager).max_size(size).create_parallelism(WORKERS).build().expect("a pool");
        let took = began.elapsed();
        assert_eq!(pool.stats().available, size);
        pool.close(Duration::from_secs(10));
        took
    };
    let (one, eight) = (ready(1), ready(WORKERS));
    let mut table = Table::new("Workers that take 2 s to start", &["what", "ready after, s"]);
    let mut row = |what: &str, took: f64| table.row(vec![what.to_owned(), format!("{took:.2}")]);
    row("one", one.as_secs_f64());
    row("eight at once", eight.as_secs_f64());
    let ratio = eight.as_secs_f64() / one.as_secs_f64();
    wanted.add("eight workers of 2 s ready, in starts of one", ratio, " x", Below(2.0));

    let Troubled { six, told, failures } = troubled();
    row("six of eight, while one fails and one hangs", six);
    table.print();
    println!("told of the other two: {}", failures.join(" | "));
    wanted.add(
        "six ready beside one that fails and one that hangs, in starts of one",
        six / one.as_secs_f64(),
        " x",
        Below(2.0),
    );
    wanted.add("of the one that fails and the one that hangs, told of", told as f64, "", AtLeast(2.0));
}

struct Troubled {
    /// Seconds.
    six: f64,
    told: usize,
    failures: Vec<String>,
}

/// Eight workers asked for at once, one of which fails whenever it is tried and one of which hangs: when the other six are ready.
fn troubled() -> Troubled {
    let place = std::env::temp_dir().join(mark("slackwater-bench-starts"));
    std::fs::create_dir_all(&place).expect("a directory");
    // The first to come fails, and so does whoever is started in its place; the second hangs.
    let script = format!(
        "place = {:?}\n\
         def claim(name):\n    try:\n        os.close(os.open(place + name, os.O_CREAT | os.O_EXCL)); return True\n    except FileExistsError: return False\n\
         number = next((n for n in range(8) if claim('/' + str(n))), 0)\n\
         if number == 0: sys.exit('no licence for this one')\n\
         if number == 1: time.sleep(600)\n\
         {SLOW}serve()",
        place.display().to_string()
    );
    let manager = running(&script, &mark("starts")).ready_within(Duration::from_secs(4)).build().expect("settings");
    // `build` would wait for the one that hangs: what is asked here is when the others serve.
    let pool =
        Pool::builder(manager).max_size(WORKERS).min_idle(0).create_parallelism(WORKERS).build().expect("a pool");
    said::forget();
    let began = Instant::now();
    pool.resize(WORKERS, WORKERS).expect("a size");
    let six = look::wait(Duration::from_secs(60), || pool.stats().available >= 6)
        .map_or(f64::NAN, |_| began.elapsed().as_secs_f64());
    let told = || {
        let said = said::all();
        ["no licence", "not ready within"].iter().filter(|what| said.iter().any(|told| told.contains(**what))).count()
    };
    look::wait(Duration::from_secs(10), || told() == 2);
    let served = (0..6).filter_map(|_| pool.try_checkout().ok()).count();
    assert_eq!(served, 6, "they are there for callers");
    let told = told();
    pool.close(Duration::from_secs(10));
    let _ = std::fs::remove_dir_all(&place);
    let mut failures = said::all();
    failures.retain(|text| text.contains("could not create"));
    failures.sort();
    failures.dedup();
    failures.truncate(3);
    Troubled { six, told, failures }
}
