//! Instances of components: what it costs to have one, what isolation costs, and what misbehaviour costs others.
//! Run: cargo bench --features wasm,extract --bench wasm
//!
//! Six parts, in the order of their names on the command line: `cold`, `checkout`, `pages`, `memory`, `limits`, `artifacts`. The pages are every
//! k-th of the installed toolchain's documentation. Rates are of the core time of the whole process, so that what others take of the
//! machine is not in them; checkouts and deadlines are by the clock.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../dom/sample.rs"]
mod sample;

mod artifacts;
mod checkout;
mod clock;
mod cold;
mod contestants;
mod limits;
mod memory;
mod neighbour;
mod pages;

use std::process::ExitCode;
use std::time::Duration;

use harness::{About, Options, Part, describe_machine, measure};

const ABOUT: About = About {
    name: "wasm",
    text: "What instances of components cost, in parts: cold, checkout, pages, memory, limits, artifacts. A FILTER names parts.\n\
           DOM_PAGES says how many pages; WASM_COMPONENT names a component of an extractor to measure in place of the bundled one,\n\
           whose answers are then only counted. `--lap-us` says how long threads check out, and how long a neighbour is watched.\n",
    full: (11, Duration::from_millis(400)),
    quick: (3, Duration::from_millis(200)),
    smoke: (1, Duration::from_millis(20)),
};

fn main() -> ExitCode {
    let options = Options::from_arguments(&ABOUT);
    println!("{}", describe_machine());
    let parts: [Part; 6] = [
        ("cold", cold::measure),
        ("checkout", checkout::measure),
        ("pages", pages::measure),
        ("memory", memory::measure),
        ("limits", limits::measure),
        ("artifacts", artifacts::measure),
    ];
    measure(&options, &parts)
}
