//! Child processes as pooled resources: how fast they start, what becomes of callers while workers are killed, what is left behind.
//! Run: cargo bench --features process --bench process
//!
//! Six parts, in the order of their names on the command line: `starts`, `storm`, `crowd`, `recycling`, `misbehaviour`, `orphans`. The workers are
//! Python scripts. Times are by the clock, on a machine that others may use too.

#[path = "../harness/mod.rs"]
mod harness;

mod crowd;
mod load;
mod look;
mod misbehaviour;
mod orphans;
mod recycling;
mod said;
mod starts;
mod storm;
mod workers;

use std::process::ExitCode;
use std::time::Duration;

use harness::{About, Options, Part, describe_machine, measure};

const ABOUT: About = About {
    name: "process",
    text: "Child processes behind a pool, in parts: starts, storm, crowd, recycling, misbehaviour, orphans. A FILTER names parts.\n\
           Rounds are those of the storm, in each of which two of eight workers are killed. Wants python3 and Linux's /proc.\n",
    full: (30, Duration::from_millis(300)),
    quick: (30, Duration::from_millis(100)),
    smoke: (2, Duration::from_millis(20)),
};

fn main() -> ExitCode {
    if let Some(mark) = std::env::var_os(orphans::IS_VICTIM) {
        orphans::be_the_victim(&mark.to_string_lossy());
    }
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    if workers::python().is_none() || !std::path::Path::new("/proc/self/stat").exists() {
        println!("SKIPPED: without python3 and /proc there is nothing to measure");
        return ExitCode::from(u8::from(options.gate));
    }
    said::listen();
    let parts: [Part; 6] = [
        ("starts", starts::measure),
        ("storm", storm::measure),
        ("crowd", crowd::measure),
        ("recycling", recycling::measure),
        ("misbehaviour", misbehaviour::measure),
        ("orphans", orphans::measure),
    ];
    measure(&options, &parts)
}
