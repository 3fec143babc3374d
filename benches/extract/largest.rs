//! One page of many megabytes among ordinary ones: what it costs that it is found last.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Bound::AtMost, Verdicts};

/// Bytes of the large page: some tenths of a second for one thread.
const LARGE: u64 = 60 << 20;

/// How much longer the run may take for it.
const WANTED: f64 = 1.05;

/// Runs over `pages` and the large one, which the walk finds first, last, and last with the order asked for.
pub fn found_last(rounds: usize, threads: usize, pages: &[PathBuf], verdicts: &mut Verdicts) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let large = folder.join("extract-bench-large.html");
    made_of(pages, &large);
    let list = |name: &str, first: bool| {
        let mut paths: Vec<&Path> = pages.iter().map(PathBuf::as_path).collect();
        paths.insert(if first { 0 } else { paths.len() }, &large);
        let path = folder.join(name);
        let mut file = File::create(&path).unwrap();
        paths.iter().for_each(|path| writeln!(file, "{}", path.display()).unwrap());
        path
    };
    let (first, last) = (list("extract-bench-first", true), list("extract-bench-last", false));
    let (mut ratios, mut in_order) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let found_first = timed(&first, threads, false);
        ratios.push(timed(&last, threads, false).div_duration_f64(found_first));
        in_order.push(timed(&last, threads, true).div_duration_f64(found_first));
    }
    let what = format!("a page of {} MB found last, --ordered", LARGE >> 20);
    println!("{what}: {:.3} x the time of one found first", super::median(in_order));
    verdicts.wanted_times("time with the largest page found last vs first", super::median(ratios), AtMost(WANTED));
    fs::remove_file(large).unwrap();
}

/// A page of pages, so that its markup is what theirs is.
fn made_of(pages: &[PathBuf], large: &Path) {
    let mut file = File::create(large).unwrap();
    let mut bytes = 0;
    for page in pages.iter().cycle() {
        let page = fs::read(page).unwrap();
        file.write_all(&page).unwrap();
        bytes += page.len() as u64;
        if bytes >= LARGE {
            return;
        }
    }
}

fn timed(list: &Path, threads: usize, ordered: bool) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--quiet", "--threads", &threads.to_string(), "--output", "/dev/null"]);
    command.args(super::FIELDS.iter().flat_map(|field| ["--css", field])).arg("--files-from").arg(list);
    command.args(ordered.then_some("--ordered")).stdin(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}
