//! Random commands against a reference: see `model/commands.rs`.

#[path = "model/commands.rs"]
mod commands;

use std::panic::catch_unwind;
use std::{env, fs};

/// Bytes that follow from `seed` (Marsaglia's xorshift).
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let length = 2 + 2 * usize::from(next());
    (0..length).map(|_| next()).collect()
}

fn fails(bytes: &[u8]) -> bool {
    catch_unwind(|| commands::run(bytes)).is_err()
}

/// Leaves out commands for as long as the rest still fails.
fn shrunk(mut bytes: Vec<u8>) -> Vec<u8> {
    let without = |bytes: &[u8], at: usize| [&bytes[..at], &bytes[at + 2..]].concat();
    while let Some(fewer) = (2..bytes.len()).step_by(2).map(|at| without(&bytes, at)).find(|fewer| fails(fewer)) {
        bytes = fewer;
    }
    bytes
}

/// `SLACKWATER_CASES` sets how many, of the odd seeds and the even ones together.
fn agrees_from(first: u64) {
    let cases = env::var("SLACKWATER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000);
    for seed in (first..=cases).step_by(2) {
        let bytes = bytes(seed);
        if fails(&bytes) {
            panic!("seed {seed}; the commands that matter: {:?}", shrunk(bytes));
        }
    }
}

#[test]
fn random_commands_agree_with_the_reference() {
    agrees_from(1);
}

#[test]
fn other_random_commands_agree_with_the_reference() {
    agrees_from(2);
}

#[test]
fn the_fuzzers_corpus_agrees_with_the_reference() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/commands");
    let mut replayed = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is part of the repository") {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(!fails(&bytes), "{}", path.display());
        replayed += 1;
    }
    assert!(replayed > 0, "the corpus is empty");
}
