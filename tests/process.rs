//! Child processes as pooled resources: what they are asked, what becomes of those that misbehave, and what is left behind.
//!
//! Workers are scripts written here, for python3 and sh. Where python3 is missing, what needs it says so and is counted.
#![cfg(any(target_os = "linux", target_os = "macos"))]

#[path = "process/calls.rs"]
mod calls;
mod support;
#[path = "process/workers.rs"]
mod workers;
