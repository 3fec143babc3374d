//! Components as pooled resources: what isolates them, what ends them, and what becomes of the pool then.
//!
//! Guests are compiled once for all tests and runs, into the build's own directory for temporary files: an unoptimised compiler is
//! slow.
#![cfg(unix)]

#[path = "wasm/artifacts.rs"]
mod artifacts;
#[path = "wasm/components.rs"]
mod components;
#[path = "wasm/engines.rs"]
mod engines;
#[path = "wasm/environment.rs"]
mod environment;
#[path = "wasm/extraction.rs"]
mod extraction;
#[path = "wasm/guests.rs"]
mod guests;
#[path = "wasm/isolation.rs"]
mod isolation;
#[path = "wasm/limits.rs"]
mod limits;
#[path = "wasm/pools.rs"]
mod pools;
mod support;
#[path = "wasm/swapping.rs"]
mod swapping;
