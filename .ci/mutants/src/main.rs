//! Tries mutants of a crate without a build for each: all of them are woven into one copy of it, and a variable says which one is on. Those in
//! constants are built one by one.
//!
//! Usage: mutants LIST COPY ALLOWED JOBS SECONDS CARGO-TEST-ARGUMENT...
//!
//! LIST is what `cargo mutants --list --json` prints of the crate in COPY, which is rewritten. The arguments choose tests; SECONDS are
//! what each program of tests may take. Prints each mutant that no test notices; fails if one of them is not in ALLOWED, or if
//! something in ALLOWED is noticed.

mod allowed;
mod build;
mod constants;
mod trial;
mod weave;

use allowed::Allowed;
use proc_macro2::LineColumn;
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};
use weave::Mutant;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [list, copy, allowed, jobs, seconds, tests @ ..] = &arguments[..] else {
        eprintln!("usage: mutants LIST COPY ALLOWED JOBS SECONDS CARGO-TEST-ARGUMENT...");
        return ExitCode::from(2);
    };
    let number = |text: &str| text.parse::<usize>().unwrap_or_else(|error| panic!("{text}: {error}"));
    let (copy, jobs, patience) = (Path::new(copy), number(jobs), Duration::from_secs(number(seconds) as u64));
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (mutants, in_constants) = listed(&read(list));
    let mut allowed = Allowed::of(&read(allowed));

    let changes = constants::changes(copy, &in_constants);
    let left_out = build::woven(copy, &mutants);
    let programs = trial::programs(copy, tests);
    let tried: Vec<&Mutant> = mutants.iter().filter(|mutant| !left_out.contains(&mutant.id)).collect();
    println!(
        "{} mutants, {} of them in constants; {} others do not build; {} programs of tests",
        mutants.len() + changes.len(),
        changes.len(),
        left_out.len(),
        programs.len()
    );
    let mut missed = |mutant: &Mutant| {
        if !allowed.has(mutant) {
            println!("MISSED  {}", mutant.name);
        }
    };
    let mut tally = trial::all(copy, &programs, &tried, jobs, patience, &mut missed);
    let (of_constants, refused) = constants::all(copy, &changes, tests, patience, missed);
    tally.join(of_constants);
    println!("{refused} of those in constants do not build");
    let tried: Vec<&Mutant> = tried.into_iter().chain(&in_constants).collect();
    let stale: Vec<String> = allowed.left(&tried);
    stale.iter().for_each(|entry| println!("NOTICED, and allowed: {entry}"));
    println!("{tally}, {} of the missed not allowed, {} allowed and noticed", allowed.unknown, stale.len());
    ExitCode::from(u8::from(allowed.unknown > 0 || !stale.is_empty()))
}

/// The mutants of a list, numbered: those in functions, and those in constants.
fn listed(list: &str) -> (Vec<Mutant>, Vec<Mutant>) {
    let list: Vec<Value> = serde_json::from_str(list).expect("a list of cargo-mutants");
    let text = |of: &Value| of.as_str().expect("text").to_owned();
    let place = |of: &Value| {
        let number = |key: &str| of[key].as_u64().expect("a number") as usize;
        LineColumn { line: number("line"), column: number("column") - 1 }
    };
    let mutant = |(id, of): (usize, &Value)| Mutant {
        id,
        name: text(&of["name"]),
        file: text(&of["file"]),
        genre: text(&of["genre"]),
        replacement: text(&of["replacement"]),
        begins: place(&of["span"]["start"]),
        ends: place(&of["span"]["end"]),
    };
    let (in_functions, in_constants): (Vec<_>, Vec<_>) = list.iter().partition(|of| !of["function"].is_null());
    let numbered = |of: Vec<&Value>| of.into_iter().enumerate().map(mutant).collect();
    (numbered(in_functions), numbered(in_constants))
}
