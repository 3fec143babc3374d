//! Two of eight workers killed, round after round, under load: what callers see, how soon it is seen, how soon all are back.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use slackwater::process::{ProcessError, ProcessManager};
use slackwater::{DestroyReason, Pool};

use crate::harness::Bound::{AtLeast, AtMost, Below};
use crate::harness::{Dice, Options, Rounds, Table, Wanted};
use crate::load::{ECHO, Seen, ask};
use crate::look;
use crate::said;
use crate::workers::{mark, running};

pub const WORKERS: usize = 8;
const CALLERS: u64 = 6;

/// Older than what a crash loop is made of: what dies in its first second is one to the pool, and rightly.
pub const GROWN_UP: Duration = Duration::from_millis(1_100);

/// Full size is wanted again within this, or the storm has broken the pool.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let mark = mark("storm");
    let manager = running("serve()", &mark).build().expect("settings");
    let pool = Pool::builder(manager).max_size(WORKERS).create_parallelism(WORKERS).build().expect("a pool");
    let (idle, busy) = (detected_idle(&pool, options.rounds.min(10)), detected_busy(&pool, options.rounds.min(10)));
    said::forget();
    let Storm { took, seen, recoveries, broken } = storm(&pool, options.rounds, GROWN_UP.max(options.lap), &mark);
    let crash_loops = said::all().iter().filter(|line| line.contains("right after their creation")).count();
    // Five that die young are a crash loop, after which the keeper takes its time.
    let relentless = storm(&pool, options.rounds.min(10), options.lap, &mark);
    let whole_again = whole(&pool);
    let zombies = look::wait(Duration::from_secs(5), || look::zombies() == 0).map_or(look::zombies(), |_| 0);
    let stats = pool.stats();
    let size = stats.available + stats.in_use;
    let report = pool.close(Duration::from_secs(20));
    let stats = pool.stats();
    let orphans = look::marked(&mark).len();

    let mut table = Table::new(
        format!("{} rounds of killing 2 of {WORKERS} workers under {CALLERS} callers", options.rounds),
        &["what", "figure"],
    );
    let mut row = |what: &str, figure: String| table.row(vec![what.to_owned(), figure]);
    row("requests", (seen.answered + seen.told + seen.wrong + seen.lost).to_string());
    row("requests a second", format!("{:.0}", (seen.answered + seen.told) as f64 / took.as_secs_f64()));
    row("answered the first time", (seen.answered - seen.again).to_string());
    row("answered on another worker", seen.again.to_string());
    row("told by an error", seen.told.to_string());
    row("workers that ended as broken", stats.destroyed.by(DestroyReason::Broken).to_string());
    row("death while idle seen after, median, ms", format!("{:.2}", idle.median()));
    row("death while busy told after, median, ms", format!("{:.2}", busy.median()));
    row("full size again after, median, ms", format!("{:.0}", recoveries.median()));
    row("full size again after, most, ms", format!("{:.0}", recoveries.greatest()));
    row("crash loops that the pool took it for", crash_loops.to_string());
    row("checkout or return, p50, us", format!("{:.2}", seen.operations.value_at_quantile(0.5) as f64 / 1e3));
    row("checkout or return, p99, us", format!("{:.2}", seen.operations.value_at_quantile(0.99) as f64 / 1e3));
    row("checkout or return, p99.9, us", format!("{:.2}", seen.operations.value_at_quantile(0.999) as f64 / 1e3));
    row("10 rounds without a pause: availability, %", format!("{:.3}", relentless.seen.availability()));
    row("full size after them, s", whole_again.map_or("never".to_owned(), |took| format!("{:.1}", took.as_secs_f64())));
    table.print();
    if let Some(example) = &seen.example {
        println!("told, for example: {example}");
    }
    wanted.add("rounds after which the pool was not whole again", broken as f64, "", AtMost(0.0));
    wanted.add("size after the storm", size as f64, "", AtLeast(WORKERS as f64));
    wanted.add("callers with neither answer nor error", (seen.lost + relentless.seen.lost) as f64, "", AtMost(0.0));
    wanted.add("answers that were another's", (seen.wrong + relentless.seen.wrong) as f64, "", AtMost(0.0));
    wanted.add("availability in the storm", seen.availability(), " %", AtLeast(99.9));
    wanted.add("death while idle seen after, most", idle.greatest(), " ms", Below(5_000.0));
    wanted.add("death while busy told after, most", busy.greatest(), " ms", Below(5_000.0));
    wanted.add("full size again after a round, mean", recoveries.mean(), " ms", Below(500.0));
    wanted.add(
        "pool operations in the storm, p99",
        seen.operations.value_at_quantile(0.99) as f64 / 1e3,
        " us",
        Below(1_000.0),
    );
    wanted.add("zombies after the storm", zombies as f64, "", AtMost(0.0));
    wanted.add("workers left after the close", orphans as f64, "", AtMost(0.0));
    wanted.add(
        "resources created and not destroyed",
        (stats.created - stats.destroyed.total()) as f64,
        "",
        AtMost(0.0),
    );
    assert!(report.is_complete(), "{report}");
}

/// From the kill of a free worker to the pool having taken it out.
fn detected_idle(pool: &Pool<ProcessManager>, rounds: usize) -> Rounds {
    let mut times = Rounds::default();
    for _ in 0..rounds {
        thread::sleep(GROWN_UP);
        let pid = pool.checkout().expect("a worker").pid();
        let broken = |pool: &Pool<ProcessManager>| {
            let stats = pool.stats();
            stats.destroyed.by(DestroyReason::Broken) + stats.retiring as u64
        };
        let before = broken(pool);
        look::kill(pid);
        let took = look::wait(PATIENCE, || broken(pool) > before);
        times.push(took.map_or(f64::NAN, millis));
        whole(pool);
    }
    times
}

/// From the kill of a worker at work to its caller having the error.
fn detected_busy(pool: &Pool<ProcessManager>, rounds: usize) -> Rounds {
    let mut times = Rounds::default();
    for _ in 0..rounds {
        thread::sleep(GROWN_UP);
        // What dies in its first use is one as well.
        drop(pool.checkout().expect("a worker"));
        let mut worker = pool.checkout().expect("a worker");
        let pid = worker.pid();
        let killed = thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            let at = Instant::now();
            look::kill(pid);
            at
        });
        let error = worker.call::<_, u64>("sleep", &60).expect_err("it dies");
        let told = Instant::now();
        assert!(matches!(error, ProcessError::Died { .. }), "{error}");
        times.push(millis(told - killed.join().expect("no panic")));
        drop(worker);
        whole(pool);
    }
    times
}

fn whole(pool: &Pool<ProcessManager>) -> Option<Duration> {
    look::wait(PATIENCE, || {
        let stats = pool.stats();
        stats.available + stats.in_use == WORKERS
    })
}

struct Storm {
    took: Duration,
    seen: Seen,
    recoveries: Rounds,
    broken: usize,
}

fn storm(pool: &Pool<ProcessManager>, rounds: usize, lap: Duration, mark: &str) -> Storm {
    let (over, began) = (AtomicBool::new(false), Instant::now());
    let (mut recoveries, mut broken) = (Rounds::default(), 0);
    let mut dice = Dice::seeded(2_026);
    let mut seen = Seen::new();
    thread::scope(|scope| {
        let callers: Vec<_> = (1..=CALLERS)
            .map(|caller| {
                scope.spawn({
                    let over = &over;
                    move || ask(pool, caller, over, &ECHO)
                })
            })
            .collect();
        for _ in 0..rounds {
            thread::sleep(lap);
            // What is killed before it is ready was a creation that failed.
            let ended = || {
                let stats = pool.stats();
                stats.destroyed.by(DestroyReason::Broken) + stats.create_failures
            };
            let ended_before = ended();
            let began = Instant::now();
            let killed = look::hit_two(mark, &mut dice, Signal::KILL).len() as u64;
            // Both are gone, and all are there again.
            let recovered = look::wait(PATIENCE, || {
                let stats = pool.stats();
                ended() >= ended_before + killed && stats.available + stats.in_use + stats.checking == WORKERS
            });
            match recovered {
                Some(_) => recoveries.push(millis(began.elapsed())),
                None => broken += 1,
            }
        }
        over.store(true, Relaxed);
        callers.into_iter().for_each(|caller| seen.add(caller.join().expect("no panic")));
    });
    Storm { took: began.elapsed(), seen, recoveries, broken }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
