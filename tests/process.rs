//! Child processes as pooled resources: what they are asked, what becomes of those that misbehave, and what is left behind.
//!
//! Workers are scripts written here, for python3 and sh. Where python3 is missing, what needs it says so and is counted.
#![cfg(any(target_os = "linux", target_os = "macos"))]

#[path = "process/calls.rs"]
mod calls;
#[path = "process/deadlines.rs"]
mod deadlines;
#[path = "process/framing.rs"]
mod framing;
#[path = "process/limits.rs"]
mod limits;
#[path = "process/lives.rs"]
mod lives;
#[path = "support/logger.rs"]
mod logger;
#[path = "process/orphans.rs"]
mod orphans;
#[path = "support/python.rs"]
mod python;
#[path = "support/skipped.rs"]
mod skipped;
#[path = "process/spawning.rs"]
mod spawning;
#[path = "process/starting.rs"]
mod starting;
#[path = "process/stopping.rs"]
mod stopping;
mod support;
#[path = "process/watching.rs"]
mod watching;
#[path = "process/workers.rs"]
mod workers;
