//! A component that misbehaves: what it is told, and how soon.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use slackwater::wasm::{ExtractionError, Query, WasmEngine, WasmError, WasmExtractor, WasmLimits, WasmOptions};

use crate::clock::micros;
use crate::contestants::engine;
use crate::harness::Bound::AtMost;
use crate::harness::{Options, Rounds, Table, Wanted};
use crate::neighbour;

pub const TICK: Duration = Duration::from_millis(5);
pub const TIMEOUT: Duration = Duration::from_millis(50);
const INSTANCES: usize = 2;

/// What it is told, and what comes of it.
const COMMANDS: [(&str, &str); 12] = [
    ("loop", "Timeout"),
    ("busy 1000000000", "Timeout"),
    ("allocate 100000000", "MemoryLimitExceeded"),
    ("grow 100000000", "MemoryLimitExceeded"),
    ("hoard", "MemoryLimitExceeded"),
    ("return 2000000", "ResultTooLarge"),
    ("values 100000", "ResultTooLarge"),
    ("stack", "StackOverflow"),
    ("shadow", "Trap"),
    ("trap", "Trap"),
    ("panic", "Trap"),
    ("wrong 0", "Failed"),
];

/// A pool of the misbehaving component; a tenth of a second is long for it.
pub fn misbehaving(engine: &WasmEngine) -> WasmExtractor {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/guest/misbehaving.wasm");
    let component = engine.component(&fs::read(path).expect("it is in the repository")).expect("a component");
    let limits = WasmLimits { memory: 16 << 20, timeout: TIMEOUT, result: 1 << 20, ..WasmLimits::default() };
    let options = WasmOptions { limits, ..WasmOptions::default() };
    WasmExtractor::build(&component, options, |pool| pool.max_size(INSTANCES)).expect("a pool")
}

pub fn measure(options: &Options, wanted: &mut Wanted) {
    let engine = engine(|engine| engine.tick(TICK));
    let pool = misbehaving(&engine);
    let (mut wrong, mut lost) = (0, 0);
    let mut late = Rounds::default();
    let mut table = Table::new(
        format!("Misbehaviour; {TIMEOUT:?} and 16 MiB an instance, 1 MiB a result"),
        &["told to", "error", "median, ms", "most, ms"],
    );
    for (command, expected) in COMMANDS {
        let mut times = Rounds::default();
        let mut error = String::new();
        for _ in 0..options.rounds {
            let began = Instant::now();
            let outcome = pool.extract("", &[Query::pattern(command)]);
            let took = began.elapsed();
            times.push(micros(took) / 1e3);
            error = match &outcome {
                Ok(_) => "none".to_owned(),
                Err(error) => kind(error),
            };
            wrong += usize::from(error != expected);
            if expected == "Timeout" {
                late.push(micros(took.saturating_sub(TIMEOUT)) / 1e3);
            }
            lost += usize::from(!is_whole(&pool));
        }
        table.row(vec![
            command.to_owned(),
            error,
            format!("{:.2}", times.median()),
            format!("{:.2}", times.greatest()),
        ]);
    }
    table.print();
    println!("{:?}", pool.usage());
    wanted.add("misbehaviours without an error of their own", wrong as f64, "", AtMost(0.0));
    wanted.add("misbehaviours after which the pool is not whole", lost as f64, "", AtMost(0.0));
    let two_ticks = 2.0 * micros(TICK) / 1e3;
    wanted.add("end of a call after its deadline, median", late.median(), " ms", AtMost(two_ticks));
    neighbour::measure(options, &engine, wanted);
}

/// Whether the pool comes back to its size, each instance of which answers.
fn is_whole(pool: &WasmExtractor) -> bool {
    let began = Instant::now();
    loop {
        let all: Vec<_> = (0..INSTANCES).map_while(|_| pool.try_checkout().ok()).collect();
        if all.len() == INSTANCES {
            drop(all);
            return pool.extract("", &[Query::pattern("count")]).is_ok_and(|lists| lists == [["1"]]);
        }
        drop(all);
        if began.elapsed() > Duration::from_secs(1) {
            return false;
        }
        thread::yield_now();
    }
}

/// The name of the error, without its numbers.
fn kind(error: &ExtractionError) -> String {
    let text = match error {
        ExtractionError::Wasm(WasmError::Trap { .. }) => "Trap".to_owned(),
        ExtractionError::Wasm(error) => format!("{error:?}"),
        error => format!("{error:?}"),
    };
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}
