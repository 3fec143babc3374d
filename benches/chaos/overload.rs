//! More load than the backend can serve, from callers that try again at once; then less than it can serve. A pool that
//! lends to whoever has waited longest lends to callers whose time is up by the time they have their answer: all work is
//! in vain, and as every failure brings a new try, that goes on when the load has long fallen.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Condition, READ_TIMEOUT};
use crate::contestants::{Contestant, Lender, Terms, WITH_CODEL};
use crate::harness::{Bound, Dice, Table, Verdicts};
use crate::report::ms_or_never;

const SIZE: usize = 4;

/// What a caller waits for its answer. The checkout may take all of it, as it does where nobody has reckoned what the use
/// takes.
const PATIENCE: Duration = Duration::from_millis(100);

/// Tries of one request, each with its own patience, each begun as soon as the one before has failed.
const TRIES: usize = 3;

const CALLERS: u32 = 120;

/// The load first and then, in capacities.
pub const TOO_MUCH: f64 = 3.0;
pub const BEARABLE: f64 = 0.7;

/// What one contestant made of it.
pub struct Overload {
    pub name: &'static str,
    /// Answers in time while overloaded, a second, and what could be served.
    pub goodput: f64,
    pub capacity: f64,
    /// Tries that failed then, a second.
    pub failures: f64,
    /// From the fall of the load until no try failed for as long as two take, in ms. Infinite: not in the time given.
    pub relief: f64,
    /// Requests answered in time in the last quarter of the time after it, in percent.
    pub afterwards: f64,
    pub mistakes: Vec<String>,
}

/// A try: when it ended, and whether its answer came in time.
type Try = (Instant, bool);

/// Overloads for `lasts`, and looks on for as long with a bearable load.
pub fn run(contestant: &Contestant, lasts: Duration, seed: u64) -> Overload {
    let backend = Backend::new(SIZE);
    let pool = (contestant.build)(&backend, Terms { size: SIZE, patience: PATIENCE });
    backend.turn(Condition::Laden);
    let capacity = SIZE as f64 / Condition::Laden.answering().as_secs_f64();
    let period = |load: f64| Duration::from_secs_f64(f64::from(CALLERS) / (load * capacity));
    let (began, over) = (Instant::now(), Instant::now() + 2 * lasts);
    let pace = AtomicU64::new(period(TOO_MUCH).as_nanos() as u64);
    let (fell, tries) = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let (pool, pace, dice) = (&*pool, &pace, Dice::seeded(seed + u64::from(number)));
                let call = move || call(pool, pace, dice, over);
                thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, call).expect("a thread for a caller")
            })
            .collect();
        thread::sleep(lasts);
        pace.store(period(BEARABLE).as_nanos() as u64, Relaxed);
        let fell = Instant::now();
        let tries: Vec<Try> = callers.into_iter().flat_map(|caller| caller.join().expect("no caller panics")).collect();
        (fell, tries)
    });
    let count = |from: Instant, to: Instant, good: bool| {
        tries.iter().filter(|&&(ended, answered)| (from..to).contains(&ended) && answered == good).count() as f64
    };
    // The first patience of all is not the state that lasts.
    let settled = began + 2 * PATIENCE;
    let seconds = (fell - settled).as_secs_f64();
    let quarter = over - lasts / 4;
    let (good, bad) = (count(quarter, over, true), count(quarter, over, false));
    Overload {
        name: contestant.name,
        goodput: count(settled, fell, true) / seconds,
        capacity,
        failures: count(settled, fell, false) / seconds,
        relief: relief(&tries, fell, over),
        afterwards: 100.0 * good / (good + bad),
        mistakes: pool.end(),
    }
}

fn relief(tries: &[Try], fell: Instant, over: Instant) -> f64 {
    let failed = tries.iter().filter(|&&(ended, good)| !good && (fell..over).contains(&ended));
    let mut failed: Vec<Instant> = failed.map(|&(ended, _)| ended).collect();
    failed.sort();
    let mut quiet_from = fell;
    for failure in failed.into_iter().chain([over]) {
        if failure - quiet_from >= 2 * PATIENCE {
            return 1e3 * (quiet_from - fell).as_secs_f64();
        }
        quiet_from = failure;
    }
    f64::INFINITY
}

/// One caller: a request now and then, at random times whose mean distance is the pace, late if the one before took longer,
/// and tried again at once. Callers with a beat of their own would fall into step when they are all held up together, and
/// then overload the pool by their step whatever their number.
fn call(pool: &dyn Lender, pace: &AtomicU64, mut dice: Dice, over: Instant) -> Vec<Try> {
    let mut tries = Vec::new();
    let mut pause = || Duration::from_nanos(pace.load(Relaxed)).mul_f64(-(1.0 - dice.share()).ln());
    let mut due = Instant::now() + pause();
    while due < over {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        for _ in 0..TRIES {
            let began = Instant::now();
            let mut answered = false;
            // The backend does not know who is still waiting for its answer.
            let used = pool.lend(PATIENCE, &mut |connection| {
                answered = connection.request(Instant::now() + READ_TIMEOUT).is_ok();
            });
            let good = used.is_ok() && answered && began.elapsed() <= PATIENCE;
            tries.push((Instant::now(), good));
            if good || Instant::now() >= over {
                break;
            }
        }
        due = (due + pause()).max(Instant::now());
    }
    tries
}

/// Judges the end of an overload where its queue is shed: without, it goes on for as long as callers ask again at once.
pub fn judge(overloads: &[Overload], verdicts: &mut Verdicts) {
    if let Some(shed) = overloads.iter().find(|overload| overload.name == WITH_CODEL) {
        let what = "requests answered once an overload is over, with codel";
        verdicts.wanted(what, shed.afterwards, " %", Bound::AtLeast(99.0));
    }
}

pub fn print(overloads: &[Overload]) {
    let headings = [
        "contestant",
        "answers/s in time",
        "% of capacity",
        "failed tries/s",
        "ms until failures end",
        "% answered at the end",
    ];
    let title = format!("{TOO_MUCH} times the load that can be served, tried again at once; then {BEARABLE} times");
    let mut table = Table::new(title, &headings);
    for overload in overloads {
        table.row(vec![
            overload.name.to_owned(),
            format!("{:.0}", overload.goodput),
            format!("{:.0}", 100.0 * overload.goodput / overload.capacity),
            format!("{:.0}", overload.failures),
            ms_or_never(overload.relief),
            format!("{:.1}", overload.afterwards),
        ]);
    }
    table.print();
}
