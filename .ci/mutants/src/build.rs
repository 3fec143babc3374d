//! The copy of the crate with all mutants in it that the compiler takes.

use crate::weave::{Mutant, ON, weave};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Which mutant is on. Asked in constants too, where none is.
const SWITCH: &str = r#"
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub(crate) const fn on(id: usize) -> bool {
    const fn never(_: usize) -> bool {
        false
    }
    core::intrinsics::const_eval_select((id,), never, is_on)
}

fn is_on(id: usize) -> bool {
    const UNKNOWN: usize = usize::MAX;
    static ON: AtomicUsize = AtomicUsize::new(UNKNOWN);
    if ON.load(Relaxed) == UNKNOWN {
        ON.store(std::env::var("MUTANT").map_or(UNKNOWN - 1, |id| id.parse().unwrap()), Relaxed);
    }
    ON.load(Relaxed) == id
}
"#;

/// Weaves `mutants` into the crate in `copy`. Returns the numbers of those that do not build, or for which there is no way: an `||` in
/// a chain with `let`, which does not build either, and a field that is left out.
pub fn woven(copy: &Path, mutants: &[Mutant]) -> BTreeSet<usize> {
    let path = |file: &str| copy.join(file);
    let read = |file: &str| fs::read_to_string(path(file)).expect("a file of the crate");
    let write = |file: &str, text: String| fs::write(path(file), text).expect("a copy may be written to");
    let files: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
    let originals: BTreeMap<&str, String> = files.into_iter().map(|file| (file, read(file))).collect();
    let features = "#![feature(core_intrinsics, const_eval_select)]\n#![allow(internal_features)]\n";
    write("src/lib.rs", format!("{features}{}\npub(crate) mod mutant;\n", read("src/lib.rs")));
    write("src/mutant.rs", SWITCH.to_owned());
    let mut left_out = BTreeSet::new();
    loop {
        for (file, text) in &originals {
            let is_in = |mutant: &&Mutant| mutant.file == *file && !left_out.contains(&mutant.id);
            let (woven, without_a_way) = weave(text, &mutants.iter().filter(is_in).collect::<Vec<_>>());
            left_out.extend(without_a_way);
            write(file, woven);
        }
        let refused = refused(copy);
        if refused.is_empty() {
            return left_out;
        }
        eprintln!("{} do not build", refused.len());
        left_out.extend(refused);
    }
}

/// What cargo tells, with tests or without.
pub fn cargo(copy: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new("cargo")
        .args(arguments)
        .arg("--message-format=json")
        .current_dir(copy)
        // The switch wants what is not stable, and mutants overflow where that is a lint.
        .envs([("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "--cap-lints allow")])
        .stderr(Stdio::null())
        .output()
        .expect("there is a cargo");
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The mutants that the compiler complains of.
fn refused(copy: &Path) -> BTreeSet<usize> {
    let mut told = cargo(copy, &["check", "--lib"]);
    told.extend(cargo(copy, &["check", "--lib", "--profile", "test"]));
    let errors = told.iter().map(|told| &told["message"]).filter(|message| message["level"] == "error");
    let (mut refused, mut others) = (BTreeSet::new(), Vec::new());
    for error in errors.filter(|error| error["spans"].as_array().is_some_and(|spans| !spans.is_empty())) {
        match meant(copy, error) {
            its if its.is_empty() => others.push(error["rendered"].as_str().unwrap_or_default()),
            its => refused.extend(its),
        }
    }
    assert!(!refused.is_empty() || others.is_empty(), "not of any mutant:\n{}", others.join("\n"));
    refused
}

/// Whom an error means: the last one before it, or, if a `match` lacks arms, those that follow and take arms away.
fn meant(copy: &Path, error: &Value) -> Vec<usize> {
    let spans = error["spans"].as_array().into_iter().flatten();
    let Some(span) = spans.into_iter().find(|span| span["is_primary"] == true) else { return Vec::new() };
    let Ok(text) = fs::read_to_string(copy.join(span["file_name"].as_str().unwrap_or_default())) else {
        return Vec::new();
    };
    let at = span["byte_start"].as_u64().unwrap_or_default() as usize;
    let number = |text: &str| text.split(')').next()?.parse().ok();
    if error["code"]["code"] == "E0004" {
        let without_arm = format!("if !{ON}(");
        let near = &text[at..text.len().min(at + 1_200)];
        return near.split(&without_arm).skip(1).filter_map(number).collect();
    }
    let question = format!("{ON}(");
    text[..at].rfind(&question).and_then(|on| number(&text[on + question.len()..])).into_iter().collect()
}
