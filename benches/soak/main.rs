//! A pool under load for minutes while everything goes wrong at once: does anyone suffer who was not meant to, and is the
//! pool whole, small and quiet afterwards?

mod death;
mod faults;
#[path = "../harness/mod.rs"]
mod harness;
mod load;
mod process;
mod rest;
mod watch;

use std::process::exit;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use faults::{Chaotic, Faulty, MAX_SIZE};
use harness::{About, Bound::AtLeast, Bound::AtMost, Bound::Below, Neighbours, Options, Verdicts, describe_machine};
use load::{Load, THREADS};
use slackwater::Rollout;
use slackwater::testing::ChaosHandle;
use watch::Watch;

const ABOUT: About = About {
    name: "soak",
    text: "\
16 threads on 16 resources that fail, dawdle, hang, panic and die, with guards forgotten now and then. A round is a second of
it. Then all faults end, and what the pool is like at rest is measured, and what 100 idle pools cost.
There is nothing to filter.
",
    full: (120, Duration::from_secs(1)),
    quick: (10, Duration::from_secs(1)),
    smoke: (1, Duration::from_millis(100)),
};

/// What decides which call is struck and what each thread does.
const SEED: u64 = 2_026;

/// Guards forgotten in the whole run: each takes a slot for good.
const FORGOTTEN: usize = 3;

/// Rounds between two releases of what hangs: more than the 5 s after which a pool takes a job to hang.
const HANG_ROUNDS: usize = 7;

/// Resources that are always alive, or hang in the making. What dies is replaced at once, and not all die together; a pool
/// that lost slots for good would go below this in the end, and miss its recovery.
const FLOOR: f64 = MAX_SIZE as f64 / 2.0;

/// The pool may take as long as its longest pause after a failed creation.
const RECOVERY: Duration = Duration::from_secs(1);

fn main() {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    println!("{} rounds of {:?}, {THREADS} threads, {MAX_SIZE} resources, seed {SEED}", options.rounds, options.lap);
    let neighbours = Neighbours::watch();
    faults::keep_panics_quiet();
    let (pool, chaos) = faults::pool(SEED);
    let Ran { load, watch, rollout, ended } = run(&pool, &chaos, &options);
    let recovery = recover(&pool, &chaos, ended);
    let old = rollout.map_or(0, |rollout| rollout.remaining().saturating_sub(load.forgotten()));
    let stats = pool.stats();
    let busy_keeper = rest::of_one(options.lap);
    let mistakes = end(pool, &chaos, &load);
    let idle_keepers = rest::of_many(options.lap);
    let death = death::measure();

    println!("{}", load.describe());
    println!("{}", faults::describe(&chaos, &stats));
    println!("{}", neighbours.describe());
    let mut verdicts = Verdicts::default();
    verdicts.wanted("failed requests beyond the injected", load.failed() as f64, "", AtMost(0.0));
    verdicts.wanted("resources in two hands at once", load.shared() as f64, "", AtMost(0.0));
    verdicts.wanted("fewest resources alive, hung creations added", watch.floor() as f64, "", AtLeast(FLOOR));
    verdicts.wanted("capacity whole after the faults end", recovery.as_secs_f64() * 1e3, " ms", AtMost(1e3));
    verdicts.wanted("resources a replacement left over", old as f64, "", AtMost(0.0));
    verdicts.wanted("memory growth after warm-up", 100.0 * watch.growth(), " %", Below(5.0));
    verdicts.wanted("keeper at rest, of a core", busy_keeper.percent, " %", Below(1.0));
    verdicts.wanted("keeper wakes a second, 100 pools at rest", idle_keepers.wakes, "", Below(2.0));
    verdicts.wanted("keeper of 100 pools at rest, of a core", idle_keepers.percent, " %", Below(1.0));
    verdicts.wanted("a death found by checks every 2.5 s", death.detection, " s", Below(5.0));
    verdicts.wanted("its place filled, beyond the factory's time", 1e3 * death.restoration, " ms", Below(500.0));
    verdicts.wanted("entries that do not add up at the end", mistakes as f64, "", AtMost(0.0));
    exit(verdicts.status(options.gate).into());
}

/// A load that is over.
struct Ran {
    load: Load,
    watch: Watch,
    rollout: Option<Rollout<Faulty>>,
    /// When the faults ended.
    ended: Instant,
}

/// The load, for all rounds.
fn run(pool: &Chaotic, chaos: &ChaosHandle, options: &Options) -> Ran {
    let load = Load::default();
    let mut watch = Watch::new(options.rounds);
    let mut rollout = None;
    let ended = thread::scope(|scope| {
        for number in 0..THREADS {
            let name = format!("soak-{number}");
            let load = &load;
            let work = move || load::work(pool, load, SEED + number as u64);
            thread::Builder::new().name(name).spawn_scoped(scope, work).expect("a thread for the load");
        }
        let began = Instant::now();
        for round in 1..=options.rounds {
            disturb(chaos, &load, &mut watch, round, options);
            if round == options.rounds.div_ceil(2) {
                rollout = Some(replace_all(pool));
            }
            while began.elapsed() < options.lap * round as u32 {
                watch.look(pool, chaos);
                thread::sleep(Duration::from_millis(10).min(options.lap));
            }
            watch.round_over();
            if round.is_multiple_of(5) {
                eprintln!(
                    "{:4.0} s: {}; {}",
                    began.elapsed().as_secs_f64(),
                    load.describe(),
                    watch.describe(pool, chaos)
                );
            }
        }
        load.stop.store(true, Relaxed);
        chaos.set_enabled(false);
        chaos.release_hung();
        Instant::now()
    });
    Ran { load, watch, rollout, ended }
}

/// What happens at certain rounds rather than by chance.
fn disturb(chaos: &ChaosHandle, load: &Load, watch: &mut Watch, round: usize, options: &Options) {
    if round.is_multiple_of(HANG_ROUNDS) {
        watch.released(chaos);
        chaos.release_hung();
    }
    let due = |nth: usize| round == (options.rounds * nth).div_ceil(FORGOTTEN + 1);
    if (1..=FORGOTTEN).any(due) {
        load.forget_one();
    }
}

/// A rolling replacement under load: what is held and never returned is all that may be left of the old.
fn replace_all(pool: &Chaotic) -> Rollout<Faulty> {
    pool.replace_all(1, 0).expect("the pool has room for one more")
}

/// How long after the end of the faults every slot but the forgotten ones could be had at once again.
fn recover(pool: &Chaotic, chaos: &ChaosHandle, ended: Instant) -> Duration {
    let whole = || {
        // A call that was struck just before the end may only now begin to hang.
        chaos.release_hung();
        let free: Vec<_> = std::iter::from_fn(|| pool.try_checkout().ok()).collect();
        let stats = pool.stats();
        drop(free);
        stats.in_use >= MAX_SIZE
    };
    while !whole() && ended.elapsed() < 10 * RECOVERY {
        thread::sleep(Duration::from_millis(1));
    }
    ended.elapsed()
}

/// Closes the pool, and counts what does not add up: in its own books, and in those of the manager.
fn end(pool: Chaotic, chaos: &ChaosHandle, load: &Load) -> usize {
    let began = Instant::now();
    while !pool.audit().is_clean() && began.elapsed() < RECOVERY {
        thread::sleep(Duration::from_millis(1));
    }
    let mut mistakes = pool.audit().findings();
    let report = pool.close(RECOVERY);
    if report.still_out.len() != load.forgotten() || report.unfinished > 0 {
        mistakes.push(format!("{} guards were forgotten, and the end is: {report}", load.forgotten()));
    }
    drop(pool);
    if chaos.alive() > 0 {
        mistakes.push(format!("{} resources outlive the pool", chaos.alive()));
    }
    for mistake in &mistakes {
        println!("does not add up: {mistake}");
    }
    mistakes.len()
}
