//! A backend that is simply gone, under one caller and under many: what that costs it, the processor, and the callers.

use std::thread;
use std::time::Duration;

use crate::backend::{Backend, Condition};
use crate::contestants::Contestant;
use crate::harness::Table;
use crate::processor;
use crate::report::ms_or_never;
use crate::ride::{self, Ride};

/// Callers of the two laps.
pub const FEW: usize = 1;
pub const MANY: usize = 64;

/// One contestant before a backend that is gone.
pub struct Down {
    pub name: &'static str,
    pub callers: usize,
    /// Connections tried a second.
    pub attempts: f64,
    /// Of a core, in percent, for the whole program.
    pub processor: f64,
    /// The median time of a request to its error, in ms.
    pub time_to_error: f64,
    /// From the backend's return to the first answer, in ms.
    pub first_answer: f64,
    pub mistakes: Vec<String>,
}

/// Works for a fifth of `lasts`, is refused for `lasts`, and then has half of that to come back.
pub fn run(contestant: &Contestant, callers: usize, lasts: Duration, seed: u64) -> Down {
    let script = |backend: &Backend| {
        thread::sleep(lasts / 5);
        backend.turn(Condition::Refusing);
        let before = processor::used();
        thread::sleep(lasts);
        let used = processor::used().zip(before).map(|(after, before)| after - before);
        backend.turn(Condition::Up);
        thread::sleep(lasts / 2);
        used
    };
    let (ride, used): (Ride, Option<Duration>) = ride::drive(contestant, callers, seed, script);
    Down {
        name: contestant.name,
        callers,
        attempts: ride.attempts_while_refused(),
        processor: used.map_or(f64::NAN, |used| 100.0 * used.div_duration_f64(lasts)),
        time_to_error: ride.time_to_error(),
        first_answer: ride.comebacks().first().map_or(f64::NAN, |comeback| comeback.first_answer),
        mistakes: ride.mistakes,
    }
}

pub fn print(downs: &[Down]) {
    let headings =
        ["contestant, callers", "connects tried/s", "processor, % of a core", "ms to the error", "ms to first answer"];
    let mut table = Table::new("A backend that refuses, and comes back", &headings);
    for down in downs {
        table.row(vec![
            format!("{}, {}", down.name, down.callers),
            format!("{:.1}", down.attempts),
            format!("{:.2}", down.processor),
            format!("{:.1}", down.time_to_error),
            ms_or_never(down.first_answer),
        ]);
    }
    table.print();
}
