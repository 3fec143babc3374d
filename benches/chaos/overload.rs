//! More load than the backend can serve, from callers that try again at once; then less than it can serve. A pool that
//! lends to whoever has waited longest lends to callers whose time is up by the time they have their answer: all work is
//! in vain, and as every failure brings a new try, that goes on when the load has long fallen.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Condition, READ_TIMEOUT};
use crate::contestants::{Contestant, Lender, Terms};
use crate::harness::Table;

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
    /// From the fall of the load to the last try that failed, in ms.
    pub relief: f64,
    /// Requests answered in time in the last quarter of the time after it, in percent.
    pub afterwards: f64,
    pub mistakes: Vec<String>,
}

/// A try: when it ended, and whether its answer came in time.
type Try = (Instant, bool);

/// Overloads for `lasts`, and looks on for as long with a bearable load.
pub fn run(contestant: &Contestant, lasts: Duration) -> Overload {
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
                let (pool, pace, share) = (&*pool, &pace, f64::from(number) / f64::from(CALLERS));
                let call = move || call(pool, pace, share, over);
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
    let last = tries.iter().filter(|&&(ended, good)| !good && ended > fell).map(|&(ended, _)| ended).max();
    let quarter = over - lasts / 4;
    let (good, bad) = (count(quarter, over, true), count(quarter, over, false));
    Overload {
        name: contestant.name,
        goodput: count(settled, fell, true) / seconds,
        capacity,
        failures: count(settled, fell, false) / seconds,
        relief: last.map_or(0.0, |last| 1e3 * (last - fell).as_secs_f64()),
        afterwards: 100.0 * good / (good + bad),
        mistakes: pool.end(),
    }
}

/// One caller: a request whenever the pace says, late if the one before took longer, and tried again at once.
fn call(pool: &dyn Lender, pace: &AtomicU64, share: f64, over: Instant) -> Vec<Try> {
    let mut tries = Vec::new();
    let period = || Duration::from_nanos(pace.load(Relaxed));
    // Spread over the first period.
    let mut due = Instant::now() + period().mul_f64(share);
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
        due = (due + period()).max(Instant::now());
    }
    tries
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
            format!("{:.0}", overload.relief),
            format!("{:.1}", overload.afterwards),
        ]);
    }
    table.print();
}
