//! What the tests of `slackwater map` share: folders, workers in Python, and the command.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

#[path = "../support/skipped.rs"]
mod skipped;

#[path = "../support/python.rs"]
mod python;

pub use python::{PYTHON, has_python};
pub use skipped::skipped;

/// Whether a program is there. Says what is not tested without it.
pub fn has(program: &str) -> bool {
    let there = Command::new(program).arg("-c").arg("").stdin(Stdio::null()).stderr(Stdio::null()).output().is_ok();
    if !there {
        skipped(&format!("there is no {program}"));
    }
    there
}

/// A folder of its own for one test, emptied first.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("map").join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// One with a worker, `worker.py`, that has these operations.
    pub fn with_worker(test: &str, operations: &str) -> Self {
        let folder = Self::new(test);
        let begin = "import os, sys, time\nfrom slackwater_worker import worker\n";
        folder.write("worker.py", &format!("{begin}{operations}\nworker.serve()\n"));
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn lines(&self, name: &str) -> Vec<Value> {
        json_lines(&self.read(name))
    }

    /// `slackwater map` by the worker of this folder.
    pub fn map(&self, args: &[&str]) -> Command {
        let mut command = self.map_by("python3 worker.py");
        command.args(args);
        command
    }

    pub fn map_by(&self, worker: &str) -> Command {
        let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers/python");
        let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
        command.args(["map", "--worker", worker]).current_dir(&self.0).env("PYTHONPATH", kit);
        // The first that is called python3 is the interpreter itself.
        let first = PYTHON.iter().filter_map(|python| python.parent().map(Path::to_owned));
        let others = env::var_os("PATH").unwrap_or_default();
        command.env("PATH", env::join_paths(first.chain(env::split_paths(&others))).unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Runs it with this input.
pub fn fed(mut command: Command, input: impl Into<Vec<u8>>) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.into());
    // It may end before it has read all.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn answers(output: &Output) -> Vec<Value> {
    if output.stdout.is_empty() {
        eprintln!("no answers: {}", told(output));
    }
    json_lines(std::str::from_utf8(&output.stdout).unwrap())
}

pub fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The numbers from 1 on, a line each.
pub fn numbers(count: u64) -> String {
    (1..=count).map(|n| format!("{n}\n")).collect()
}

pub fn signal(child: &Child, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until `holds`, which other processes bring about: they have the processor meanwhile. Longer than any of it takes on a machine that
/// has ten times as much to do.
#[track_caller]
pub fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WATCHDOG, "waited {WATCHDOG:?} for a state that did not come");
        thread::park_timeout(Duration::from_millis(1));
    }
}

const WATCHDOG: Duration = Duration::from_secs(100);

/// Whether a process of this number runs.
#[cfg(target_os = "linux")]
pub fn runs(pid: u64) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
}
