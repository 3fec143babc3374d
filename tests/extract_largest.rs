//! `slackwater extract` does not leave the largest file for last.
#![cfg(all(feature = "cli", unix))]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Small pages that are found before the large one, and after it.
const BEFORE: usize = 200;
const AFTER: usize = 4_000;

/// The sources of a run on one thread, in the order of its output. If it is `held`, that thread is kept at the first page, a pipe, until the
/// walk has come by the large file, which is found behind `BEFORE` small ones.
fn sources(test: &str, options: &[&str], held: bool) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_largest").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("small"), "<p>x</p>").unwrap();
    fs::write(folder.join("large"), "<p>x</p>\n".repeat(60_000)).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());

    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args([
        "extract",
        "--css",
        "p=p:first-child",
        "--threads",
        "1",
        "--output",
        "lines",
        "--quiet",
        "--files-from",
        "-",
    ]);
    command.args(options).current_dir(&folder).stdin(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let mut names = run.stdin.take().unwrap();
    writeln!(names, "pipe").unwrap();
    // Blocks until the thread has opened the other end.
    let mut pipe = Some(File::options().write(true).open(folder.join("pipe")).unwrap());
    // In order, nothing is found any more once enough of it waits for the first.
    let release =
        |pipe: &mut Option<File>| pipe.take().into_iter().for_each(|mut pipe| pipe.write_all(b"<p>x</p>").unwrap());
    if !held {
        release(&mut pipe);
    }
    names.write_all("small\n".repeat(BEFORE).as_bytes()).unwrap();
    writeln!(names, "large").unwrap();
    // The pipe takes 64 KiB, and who reads it some more ahead: once all of this is written, all that is above has been read.
    names.write_all("./././././././././././././small\n".repeat(AFTER).as_bytes()).unwrap();
    drop(names);
    release(&mut pipe);
    assert!(run.wait().unwrap().success());
    let lines = fs::read_to_string(folder.join("lines")).unwrap();
    let source = |line| serde_json::from_str::<Value>(line).unwrap()["source"].as_str().unwrap().to_owned();
    lines.lines().map(source).collect()
}

/// Promise: where the order is free, a large file goes before small ones that were found before it. Provoked: one thread that is held
/// until the walk has seen them all.
#[test]
fn the_largest_file_is_not_left_for_last() {
    let sources = sources("free", &[], true);
    assert_eq!(sources.len(), 1 + BEFORE + 1 + AFTER);
    let place = sources.iter().position(|source| source == "large").unwrap();
    assert!(place < 1 + BEFORE, "{place} pages before it");
}

/// Promise: an order that was asked for is kept. Provoked: the same input.
#[test]
fn an_order_that_was_asked_for_is_kept() {
    for options in [&["--ordered"][..], &["--resume"]] {
        let sources = sources(options[0], options, false);
        assert_eq!(sources.len(), 1 + BEFORE + 1 + AFTER);
        assert_eq!(sources.iter().position(|source| source == "large"), Some(1 + BEFORE), "{options:?}");
    }
}

/// Promise: what was found does not wait for what is yet to be found. Provoked: a list whose writer rests after more names than are handed
/// on in advance, and goes on once it has seen that nearly all have lines: a batch may be incomplete, here and on its way to the output.
#[test]
fn pages_that_were_found_do_not_wait_for_a_list_that_rests() {
    const FIRST: usize = 6_000;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract_largest/rests");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("small"), "<p>x</p>").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--css", "p=p", "--threads", "2", "--quiet", "--files-from", "-"]);
    let mut run = command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut names = run.stdin.take().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    names.write_all("small\n".repeat(FIRST).as_bytes()).unwrap();
    let seen = lines.by_ref().take(FIRST - 1_000).filter(Result::is_ok).count();
    assert_eq!(seen, FIRST - 1_000);
    writeln!(names, "small").unwrap();
    drop(names);
    assert_eq!(seen + lines.count(), FIRST + 1);
    assert!(run.wait().unwrap().success());
}
