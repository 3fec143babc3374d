//! `slackwater extract` against a bare loop over scraper, on real pages.
//! Run: cargo bench --features cli --bench extract
//!
//! The pages are the HTML documentation of the installed toolchain (component `rust-docs`). First a sample of every k-th page
//! by sorted path, rounds of A and B in turn on the same number of threads; the median of B's time over A's counts. Then one
//! run over the whole tree for the peak memory. Both sides are a process of their own from start to end, given the same paths
//! and taking the same fields. A, the bare loop, drops its results; B, the built binary, writes them to a file as JSON, in order.
//!
//! Each round also times W, the bare loop inside this long-lived process, paths at hand and heap grown by the rounds before. No
//! program that starts once gets that, so it has no verdict, but its ratio is printed: it is the strictest reading.
//!
//! Environment: EXTRACT_PAGES sample size (1500; `all` for the whole tree, where both sides walk it), EXTRACT_ROUNDS (7),
//! EXTRACT_THREADS (cores).

#[path = "harness/mod.rs"]
mod harness;

use std::env;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use harness::{Bound::AtMost, Bound::Below, Verdicts};
use rayon::prelude::*;
use scraper::{Html, Selector};
use walkdir::WalkDir;

const FIELDS: [&str; 3] = ["title=title", "headings=h1, h2", "links=a@href"];

/// Arguments a process can surely be given at once; a larger sample is the whole tree anyway.
const MOST_ARGUMENTS: usize = 8_000;

const WANTED_RATIO: f64 = 1.10;
const WANTED_MEGABYTES: f64 = 300.0;

/// Set for the child process that is the bare loop.
const BARE: &str = "EXTRACT_BARE_LOOP";

fn main() -> ExitCode {
    if let Some(threads) = number(BARE) {
        let paths = env::args_os().skip(1).map(PathBuf::from);
        bare(threads, &paths.flat_map(|path| pages(&path)).collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    let Some(root) = reference() else {
        println!("no reference input: install it with `rustup component add rust-docs`");
        return ExitCode::FAILURE;
    };
    let threads = number("EXTRACT_THREADS").unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let rounds = number("EXTRACT_ROUNDS").unwrap_or(7).max(1);
    let all = pages(&root);
    let whole = env::var("EXTRACT_PAGES").is_ok_and(|value| value == "all");
    let size = if whole { all.len() } else { number("EXTRACT_PAGES").unwrap_or(1_500).clamp(1, MOST_ARGUMENTS) };
    let sample: Vec<PathBuf> = all.iter().step_by((all.len() / size).max(1)).cloned().collect();
    let given = if whole { std::slice::from_ref(&root) } else { &sample[..] };
    println!("{} of {} pages, {threads} threads, {rounds} rounds", sample.len(), all.len());

    bare(threads, &sample); // Files into the page cache, for all.
    let (mut ratios, mut warm_ratios) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let a = timed_bare(given, threads);
        let start = Instant::now();
        bare(threads, &sample);
        let w = start.elapsed();
        let (b, _) = ours(given, threads, sample.len());
        let rate = |took: Duration| sample.len() as f64 / took.as_secs_f64();
        let (ratio, warm) = (b.div_duration_f64(a), b.div_duration_f64(w));
        println!(
            "round {round}: pages/s: bare {:.0}, in a warm process {:.0}, slackwater {:.0}; ratios {ratio:.3}, {warm:.3}",
            rate(a),
            rate(w),
            rate(b)
        );
        ratios.push(ratio);
        warm_ratios.push(warm);
    }
    let (ratio, warm) = (median(ratios), median(warm_ratios));

    println!("whole reference input, ordered ...");
    let (took, peak) = ours(std::slice::from_ref(&root), threads, all.len());
    println!("{} pages in, {} lines out, {:.2} s", all.len(), all.len(), took.as_secs_f64());

    println!("extract vs bare loop in a warm process: {warm:.3} x its time");
    let mut verdicts = Verdicts::default();
    match peak {
        Some(peak) => verdicts.wanted("peak memory on the reference input", peak, " MB", Below(WANTED_MEGABYTES)),
        None => println!("peak memory: this system does not tell"),
    }
    verdicts.wanted_times("time of extract vs bare scraper loop", ratio, AtMost(WANTED_RATIO));
    ExitCode::from(verdicts.status(true))
}

/// The shortest program that takes the fields: every page read, parsed, selected; the results dropped.
fn bare(threads: usize, pages: &[PathBuf]) {
    let title = Selector::parse("title").expect("sound");
    let headings = Selector::parse("h1, h2").expect("sound");
    let links = Selector::parse("a").expect("sound");
    let rayon = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    rayon.install(|| {
        pages.par_iter().for_each(|path| {
            let source = fs::read_to_string(path).expect("the reference input is UTF-8");
            let html = Html::parse_document(&source);
            let text = |selector| {
                let found = html.select(selector).map(|element| element.text().collect());
                found.collect::<Vec<String>>()
            };
            let links = html.select(&links).filter_map(|element| element.attr("href").map(str::to_owned));
            black_box((text(&title), text(&headings), links.collect::<Vec<_>>()));
        });
    });
}

fn timed_bare(paths: &[PathBuf], threads: usize) -> Duration {
    let start = Instant::now();
    let status = Command::new(env::current_exe().expect("this program"))
        .env(BARE, threads.to_string())
        .args(paths)
        .status()
        .expect("this program runs");
    assert!(status.success());
    start.elapsed()
}

/// The built binary over the same pages, lines counted afterwards. Its time, and its peak memory in MB as the kernel saw it.
fn ours(paths: &[PathBuf], threads: usize, pages: usize) -> (Duration, Option<f64>) {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract-bench.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--ordered", "--threads", &threads.to_string()]).arg("-o").arg(&out);
    for field in FIELDS {
        command.args(["--css", field]);
    }
    let start = Instant::now();
    let output = command.args(paths).stdin(Stdio::null()).output().expect("the binary runs");
    let took = start.elapsed();
    let summary = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{summary}");
    let written = fs::read(&out).expect("the output file");
    let lines = written.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines, pages, "lines out are not pages in: {summary}");
    let _ = fs::remove_file(&out);
    // The summary reads VmHWM of its own process at the end, when nothing can raise it any more.
    let peak = summary.split_once("peak memory ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    (took, peak)
}

/// The toolchain's documentation.
fn reference() -> Option<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let root = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("share/doc/rust/html");
    root.is_dir().then_some(root)
}

fn pages(root: &Path) -> Vec<PathBuf> {
    let files = WalkDir::new(root).sort_by_file_name().into_iter().filter_map(Result::ok);
    files.map(walkdir::DirEntry::into_path).filter(|path| path.extension().is_some_and(|ext| ext == "html")).collect()
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn number(name: &str) -> Option<usize> {
    env::var(name).ok()?.parse().ok()
}
