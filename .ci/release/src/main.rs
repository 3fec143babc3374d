//! What a release has to hold to, apart from its tests: `.ci/run release`.
//!
//! `release api FILE` reads rustdoc's JSON and compares all public items with the committed list;
//! `release licences` reads `cargo metadata` from standard input, and refuses licences outside the committed list.
//! `SLACKWATER_ACCEPT=1` writes the list of items in place of comparing.

mod api;
mod licences;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["api", json, committed] => api::compare(json.as_ref(), committed.as_ref()),
        ["licences", allowed] => licences::check(allowed.as_ref()),
        _ => Err("usage: release api JSON LIST, or release licences LIST".to_owned()),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
