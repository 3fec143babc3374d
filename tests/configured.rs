//! Settings out of files, variables and programs' own structures.
#![cfg(feature = "config")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "configured/every.rs"]
mod every;
#[path = "configured/files.rs"]
mod files;
#[path = "configured/layers.rs"]
mod layers;
#[path = "configured/ranges.rs"]
mod ranges;
#[path = "configured/schema.rs"]
mod schema;
#[path = "configured/structures.rs"]
mod structures;
