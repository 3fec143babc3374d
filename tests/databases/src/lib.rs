//! Servers of real databases, for tests and a bench that kill them: each with a data folder and a port of its own on loopback, and
//! none that outlives the program that started it.

mod folder;
mod load;
mod outage;
mod postgresql;
mod programs;
mod redis_server;
mod server;
#[path = "../../support/mod.rs"]
mod support;

pub use load::{Answer, Load, Lost, under_load};
pub use outage::{Outage, whole};
pub use server::Server;
pub use support::closes_balanced;

use std::time::{Duration, Instant};

/// Longer than any state takes to come on a busy machine; a test that runs into it has failed.
pub const WATCHDOG: Duration = Duration::from_secs(30);

/// Waits until `holds`, which another process brings about: a look may cost it a query, so it is left alone between two of them.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WATCHDOG, "waited {WATCHDOG:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `panics` on a thread of its own, and waits for its end.
pub fn on_a_thread_that_panics(panics: impl FnOnce() + Send) {
    let quiet = std::thread::Builder::new().name("panics on purpose".to_owned());
    std::thread::scope(|scope| {
        let thread = quiet.spawn_scoped(scope, panics).expect("there is a thread to be had");
        assert!(thread.join().is_err(), "it was to panic");
    });
}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/databases.md")]
struct Guide;
