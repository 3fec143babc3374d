//! How long eight workers take to be ready that each take two seconds, and what one that fails and one that hangs cost the others.

use std::thread;
use std::time::{Duration, Instant};

use slackwater::Pool;

use crate::harness::Bound::{AtLeast, Below};
use crate::harness::{Options, Table};
use crate::wanted::Wanted;
use crate::workers::{mark, running};

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
    let mut row = |what: &str, took: Duration| table.row(vec![what.to_owned(), format!("{:.2}", took.as_secs_f64())]);
    row("one", one);
    row("eight at once", eight);
    let ratio = eight.as_secs_f64() / one.as_secs_f64();
    wanted.add("eight workers of 2 s ready, in starts of one", ratio, " x", Below(2.0));

    let Troubled { six, told, failures } = troubled();
    row("six callers of eight, while one fails and one hangs", six);
    table.print();
    println!("told of the other two: {}", failures.join(" | "));
    wanted.add("six ready beside one that fails and one that hangs, in starts of one", six.as_secs_f64() / one.as_secs_f64(), " x", Below(2.0));
    wanted.add("of the one that fails and the one that hangs, told of", told as f64, "", AtLeast(2.0));
}

struct Troubled {
    six: Duration,
    told: usize,
    failures: Vec<String>,
}

/// Eight callers at once: when six of them have a worker, and what is told of the other two.
fn troubled() -> Troubled {
    let place = std::env::temp_dir().join(mark("slackwater-bench-starts"));
    std::fs::create_dir_all(&place).expect("a directory");
    // The first to come fails, and so does whoever is started in its place; the second hangs, and so does whoever is in its place.
    let script = format!(
        "place = {:?}\n\
         def claim(name):\n    try:\n        os.close(os.open(place + name, os.O_CREAT | os.O_EXCL)); return True\n    except FileExistsError: return False\n\
         number = next((n for n in range(8) if claim('/' + str(n))), 0)\n\
         if number == 0: sys.exit('no licence for this one')\n\
         if number == 1: time.sleep(600)\n\
         {SLOW}serve()",
        place.display().to_string()
    );
    let manager = running(&script, &mark("starts")).ready_within(Duration::from_secs(5)).build().expect("settings");
    let mut builder = Pool::builder(manager).max_size(WORKERS).min_idle(0).create_parallelism(WORKERS);
    let events = builder.subscribe(1_000);
    let pool = builder.build().expect("a pool");
    let began = Instant::now();
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS)
            .map(|_| {
                let pool = &pool;
                scope.spawn(move || {
                    let worker = pool.checkout_timeout(Duration::from_secs(6));
                    let took = began.elapsed();
                    // Held until all have had their turn, so that nobody is served with another's.
                    thread::sleep(Duration::from_secs(6).saturating_sub(took));
                    worker.is_ok().then_some(took)
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
    });
    times.sort();
    pool.close(Duration::from_secs(10));
    let _ = std::fs::remove_dir_all(&place);
    let failed = events.try_iter().filter_map(|event| match event {
        slackwater::PoolEvent::CreateFailed { error, .. } => Some(error.to_string()),
        _ => None,
    });
    let mut failures: Vec<String> = failed.collect();
    failures.sort();
    failures.dedup();
    let told = ["no licence", "not ready within"].iter().filter(|what| failures.iter().any(|told| told.contains(**what))).count();
    Troubled { six: times.get(5).copied().unwrap_or(Duration::from_secs(60)), told, failures }
}
