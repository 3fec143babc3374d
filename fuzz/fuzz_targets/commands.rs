//! Looks for commands on which a pool and its reference disagree.
//!
//! With cargo-fuzz: `cargo fuzz run commands`. Without it, without coverage but with the same corpus, from this folder:
//! `cargo run --release --bin commands -- -runs=20000 corpus/commands`.

#![no_main]

#[path = "../../tests/model/commands.rs"]
mod commands;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| commands::run(bytes));
