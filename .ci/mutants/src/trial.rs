//! Trials: the tests, with one mutant on at a time.

use crate::build::cargo;
use crate::weave::Mutant;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// What became of all.
#[derive(Default)]
pub struct Tally {
    failed: usize,
    timed_out: usize,
    missed: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, timed_out, missed } = self;
        write!(f, "{failed} noticed by a test that failed, {timed_out} by one that did not end, {missed} missed")
    }
}

impl Tally {
    pub fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Failed => self.failed += 1,
            Verdict::TimedOut => self.timed_out += 1,
            Verdict::Missed => self.missed += 1,
        }
    }

    pub fn join(&mut self, other: Self) {
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.missed += other.missed;
    }
}

#[derive(PartialEq, Eq)]
pub enum Verdict {
    Failed,
    TimedOut,
    Missed,
}

/// The programs of the chosen tests, or the last of what the compiler says.
pub fn built(copy: &Path, tests: &[String]) -> Result<Vec<PathBuf>, String> {
    let arguments: Vec<&str> = ["test", "--no-run"].into_iter().chain(tests.iter().map(String::as_str)).collect();
    let told = cargo(copy, &arguments);
    if !told.iter().any(|told| told["reason"] == "build-finished" && told["success"] == true) {
        let mut said = told.iter().filter_map(|told| told["message"]["rendered"].as_str());
        return Err(said.next_back().unwrap_or_default().to_owned());
    }
    let is_test = |told: &&serde_json::Value| told["profile"]["test"] == true;
    Ok(told.iter().filter(is_test).filter_map(|told| told["executable"].as_str().map(PathBuf::from)).collect())
}

/// The programs of the chosen tests, those first that take the least time. They pass with no mutant on.
pub fn programs(copy: &Path, tests: &[String]) -> Vec<PathBuf> {
    let mut programs = built(copy, tests).unwrap_or_else(|why| panic!("the tests do not build: {why}"));
    assert!(!programs.is_empty(), "no tests were built: try `cargo test --no-run` in {}", copy.display());
    programs.sort_by_cached_key(|program| {
        let began = Instant::now();
        let passes = verdict(copy, program, None, Duration::from_secs(600)) == Verdict::Missed;
        assert!(passes, "{} fails without any mutant", program.display());
        began.elapsed()
    });
    programs
}

/// Tries all of `mutants`, and tells of those that are missed.
pub fn all(
    copy: &Path,
    programs: &[PathBuf],
    mutants: &[&Mutant],
    jobs: usize,
    patience: Duration,
    missed: impl FnMut(&Mutant) + Send,
) -> Tally {
    let (began, next, missed) = (Instant::now(), Mutex::new(mutants.iter()), Mutex::new((Tally::default(), missed)));
    thread::scope(|scope| {
        let try_some = || {
            while let Some(mutant) = { next.lock().expect("no panic under it").next() } {
                let tried = programs.iter().map(|program| self::verdict(copy, program, Some(mutant.id), patience));
                let verdict = tried.into_iter().find(|verdict| *verdict != Verdict::Missed).unwrap_or(Verdict::Missed);
                let (tally, missed) = &mut *missed.lock().expect("no panic under it");
                tally.add(&verdict);
                if verdict == Verdict::Missed {
                    missed(mutant);
                }
                let done = tally.failed + tally.timed_out + tally.missed;
                if done.is_multiple_of(50) {
                    eprintln!("{done} of {} in {} s", mutants.len(), began.elapsed().as_secs());
                }
            }
        };
        for _ in 0..jobs {
            scope.spawn(try_some);
        }
    });
    missed.into_inner().expect("no panic under it").0
}

/// What one program of tests makes of a mutant.
pub fn verdict(copy: &Path, program: &Path, mutant: Option<usize>, patience: Duration) -> Verdict {
    let mut test = Command::new("timeout");
    test.args(["--signal=KILL", &patience.as_secs().to_string()]).arg(program).current_dir(copy);
    test.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = test.envs(mutant.map(|id| ("MUTANT", id.to_string()))).status().expect("there is a timeout");
    match status.code() {
        Some(0) => Verdict::Missed,
        // Of its own signal it dies too, or says so.
        None | Some(137) => Verdict::TimedOut,
        Some(_) => Verdict::Failed,
    }
}
