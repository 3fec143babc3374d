//! More callers than workers, with requests that take their time, and faults of several kinds: workers that are killed, crash, are told to go,
//! and hang.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use slackwater::process::ProcessManager;
use slackwater::{DestroyReason, Pool};

use crate::harness::Bound::{AtLeast, AtMost};
use crate::harness::{Dice, Options, Table, Wanted};
use crate::load::{Seen, Task, ask};
use crate::look;
use crate::storm::{GROWN_UP, PATIENCE, WORKERS};
use crate::workers::{mark, running};

const CALLERS: u64 = 12;

/// In turn, one a round, for two workers each. A worker that is stopped hangs: whoever has it is told at the deadline.
const FAULTS: [(&str, Signal); 4] =
    [("killed", Signal::KILL), ("crashed", Signal::SEGV), ("told to go", Signal::TERM), ("hung", Signal::STOP)];

/// Two milliseconds of nothing, and what was asked. Within a deadline that no busy machine has it miss.
const NAP: Task = Task { operation: "nap", limit: Duration::from_millis(1_500) };

/// What is hit ends as broken or by its check, or was not ready yet.
fn ended(pool: &Pool<ProcessManager>) -> u64 {
    let stats = pool.stats();
    let by = |reason| stats.destroyed.by(reason);
    by(DestroyReason::Broken) + by(DestroyReason::CheckFailed) + stats.create_failures
}

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let mark = mark("crowd");
    let naps = running("def op_nap(args): time.sleep(0.002); return args\nserve()", &mark);
    let manager = naps.ping_timeout(Duration::from_secs(1)).build().expect("settings");
    let builder = Pool::builder(manager).max_size(WORKERS).create_parallelism(WORKERS).remove_after(1);
    // Whoever hangs while free is found by its check.
    let pool = builder.check_interval(Duration::from_millis(500)).build().expect("a pool");
    let rounds = options.rounds.min(3 * FAULTS.len()).max(1);
    let (over, mut dice, mut seen, mut broken) = (AtomicBool::new(false), Dice::seeded(9), Seen::new(), 0);
    thread::scope(|scope| {
        let (pool, over) = (&pool, &over);
        let callers: Vec<_> = (1..=CALLERS).map(|caller| scope.spawn(move || ask(pool, caller, over, &NAP))).collect();
        for round in 0..rounds {
            thread::sleep(GROWN_UP.max(options.lap));
            let ended_before = ended(pool);
            let (_, signal) = FAULTS[round % FAULTS.len()];
            let hit = look::hit_two(&mark, &mut dice, signal);
            assert_eq!(hit.len(), 2, "workers to be found by their mark");
            // Both are gone, and all are there again.
            let recovered = look::wait(PATIENCE, || {
                let stats = pool.stats();
                ended(pool) >= ended_before + 2
                    && stats.available + stats.in_use + stats.checking == WORKERS
                    && hit.iter().all(|pid| !look::workers(&mark).contains(pid))
            });
            broken += usize::from(recovered.is_none());
        }
        over.store(true, Relaxed);
        callers.into_iter().for_each(|caller| seen.add(caller.join().expect("no panic")));
    });
    let report = pool.close(Duration::from_secs(20));
    let kinds: Vec<_> = FAULTS.iter().take(rounds).map(|(name, _)| *name).collect();
    let kinds = kinds.join(", ");
    let title = format!("{rounds} rounds of 2 of {WORKERS} workers {kinds}, under {CALLERS} callers");
    let mut table = Table::new(title, &["what", "figure"]);
    let mut row = |what: &str, figure: String| table.row(vec![what.to_owned(), figure]);
    row("requests of 2 ms", (seen.answered + seen.told + seen.wrong + seen.lost).to_string());
    row("answered the first time", (seen.answered - seen.again).to_string());
    row("answered on another worker", seen.again.to_string());
    row("told by an error", seen.told.to_string());
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let wait = seen.waits.value_at_quantile(quantile) as f64 / 1e6;
        row(&format!("waits for a worker, {name}, ms"), format!("{wait:.2}"));
    }
    table.print();
    if let Some(example) = &seen.example {
        println!("told, for example: {example}");
    }
    wanted.add(format!("crowd: availability while workers are {kinds}"), seen.availability(), " %", AtLeast(99.9));
    wanted.add("crowd: callers with neither answer nor error", seen.lost as f64, "", AtMost(0.0));
    wanted.add("crowd: answers that were another's", seen.wrong as f64, "", AtMost(0.0));
    wanted.add("crowd: rounds after which the pool was not whole again", broken as f64, "", AtMost(0.0));
    wanted.add("crowd: workers left after the close", look::marked(&mark).len() as f64, "", AtMost(0.0));
    assert!(report.is_complete(), "{report}");
}
