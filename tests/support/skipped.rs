//! Tests that do nothing here for want of a program: told past the test runner's capture, and counted.

use std::fs::OpenOptions;
use std::io::{self, Write};

/// Says that the test of this thread does nothing, or less, because of `why`. Noted besides in the file that `SKIPPED_TESTS` names,
/// which `./test` counts at its end: names that begin with SLACKWATER_ are a worker's channel's.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("skipped: {test}: {why}\n");
    // In one piece, on a line of its own: others write there too.
    let _ = io::stderr().write_all(format!("\n{line}").as_bytes());
    if let Some(notes) = std::env::var_os("SKIPPED_TESTS") {
        let _ = OpenOptions::new().append(true).open(notes).and_then(|mut notes| notes.write_all(line.as_bytes()));
    }
}
