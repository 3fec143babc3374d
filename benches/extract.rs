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
//! Then B with `--report` against B without, on the same sample, in blocks of with, without, without, with: what it costs to count for
//! a report and to write it. The blocks are many, as it costs less than what two runs of the same differ by.
//!
//! Then one page of 60 MB among all pages of the tree, found first and found last.
//!
//! Then the memory: the whole tree in each output format (Parquet with the feature `parquet`), on many threads, and a WARC that is made while it is read,
//! through a pipe, plain and as .gz. What is told is the peak of the process, as the kernel saw it.
//!
//! Environment: EXTRACT_PAGES sample size (1500; `all` for the whole tree, where both sides walk it), EXTRACT_ROUNDS (7),
//! EXTRACT_BLOCKS (21; 0 leaves the report out), EXTRACT_LARGE rounds with a large page (7; 0 leaves it out), EXTRACT_WARC_MB (2000; 0 leaves the memory out), EXTRACT_THREADS (cores). With
//! EXTRACT_ROUNDS=0 there is no comparison with the bare loop.

#[path = "harness/mod.rs"]
mod harness;
#[path = "extract/largest.rs"]
mod largest;
#[path = "extract/memory.rs"]
mod memory;

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
const WANTED_OF_REPORT: f64 = 1.02;

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
    let rounds = number("EXTRACT_ROUNDS").unwrap_or(7);
    let blocks = number("EXTRACT_BLOCKS").unwrap_or(21);
    let all = pages(&root);
    let whole = env::var("EXTRACT_PAGES").is_ok_and(|value| value == "all");
    let size = if whole { all.len() } else { number("EXTRACT_PAGES").unwrap_or(1_500).clamp(1, MOST_ARGUMENTS) };
    let sample: Vec<PathBuf> = all.iter().step_by((all.len() / size).max(1)).cloned().collect();
    let given = if whole { std::slice::from_ref(&root) } else { &sample[..] };
    println!("{} of {} pages, {threads} threads, {rounds} rounds, {blocks} blocks", sample.len(), all.len());

    bare(threads, &sample); // Files into the page cache, for all.
    let mut verdicts = Verdicts::default();
    if rounds > 0 {
        against_bare_loop(rounds, threads, &root, &all, &sample, given, &mut verdicts);
    }
    if blocks > 0 {
        with_report(blocks, threads, given, sample.len(), &mut verdicts);
    }
    let large = number("EXTRACT_LARGE").unwrap_or(7);
    if large > 0 {
        largest::found_last(large, threads, &all, &mut verdicts);
    }
    let warc = number("EXTRACT_WARC_MB").unwrap_or(2_000);
    if warc > 0 {
        memory::of_formats(&root, threads, &mut verdicts);
        memory::of_threads(&root, &mut verdicts);
        memory::of_archives(&sample, warc as u64 * 1_000_000, threads, &mut verdicts);
    }
    ExitCode::from(verdicts.status(true))
}

/// Rounds of both, then the peak memory.
fn against_bare_loop(
    rounds: usize,
    threads: usize,
    root: &Path,
    all: &[PathBuf],
    sample: &[PathBuf],
    given: &[PathBuf],
    verdicts: &mut Verdicts,
) {
    let (mut ratios, mut warm_ratios) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let a = timed_bare(given, threads);
        let start = Instant::now();
        bare(threads, sample);
        let w = start.elapsed();
        let b = ours(given, threads, sample.len(), None).took;
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
    let Run { took, peak, .. } = ours(&[root.to_owned()], threads, all.len(), None);
    println!("{} pages in, {} lines out, {:.2} s", all.len(), all.len(), took.as_secs_f64());

    println!("extract vs bare loop in a warm process: {warm:.3} x its time");
    match peak {
        Some(peak) => verdicts.wanted("peak memory on the reference input", peak, " MB", Below(WANTED_MEGABYTES)),
        None => println!("peak memory: this system does not tell"),
    }
    verdicts.wanted_times("time of extract vs bare scraper loop", ratio, AtMost(WANTED_RATIO));
}

/// Runs with and without a report, in blocks of with, without, without, with: what gets slower or faster meanwhile gets both. Judged
/// by the pages/s that the command tells, which is what counting costs; what writing the report adds at the end is told beside it.
fn with_report(blocks: usize, threads: usize, given: &[PathBuf], pages: usize, verdicts: &mut Verdicts) {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract-bench.html");
    let run = |with: bool| ours(given, threads, pages, with.then_some(&*report));
    let (mut ratios, mut noise, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..blocks {
        let [with, without, again, with_again] = [true, false, false, true].map(run);
        let [a, b, c, d] = [&with, &without, &again, &with_again].map(|run| 1.0 / run.rate);
        ratios.push((a + d) / (b + c));
        // The same against itself: what such a figure is worth here.
        noise.push(c / b);
        rates[0].extend([with.rate, with_again.rate]);
        rates[1].extend([without.rate, again.rate]);
        let end = |run: &Run| run.took.as_secs_f64() - pages as f64 / run.rate;
        ends.push(1e3 * (end(&with) + end(&with_again) - end(&without) - end(&again)) / 2.0);
    }
    let size = fs::metadata(&report).map_or(0, |report| report.len());
    let _ = fs::remove_file(&report);
    let [with, without] = rates.map(median);
    println!("pages/s: with a report {with:.0}, without {without:.0}");
    println!("writing the report, {size} bytes, takes {:.1} ms at the end of a run", median(ends));
    noise.sort_by(f64::total_cmp);
    let at = |share: usize| noise[(noise.len() - 1) * share / 4];
    println!(
        "noise: a run without a report against another one: {:.3} x, middle half {:.3} to {:.3}",
        at(2),
        at(1),
        at(3)
    );
    verdicts.wanted_times("time a page with --report vs without", median(ratios), AtMost(WANTED_OF_REPORT));
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

/// One run of the built binary.
struct Run {
    took: Duration,
    /// Pages a second, as it tells.
    rate: f64,
    /// Its peak memory in MB as the kernel saw it.
    peak: Option<f64>,
}

/// The built binary over the same pages, lines counted afterwards.
fn ours(paths: &[PathBuf], threads: usize, pages: usize, report: Option<&Path>) -> Run {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract-bench.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
    command.args(["extract", "--ordered", "--threads", &threads.to_string()]).arg("-o").arg(&out);
    for field in FIELDS {
        command.args(["--css", field]);
    }
    if let Some(report) = report {
        command.arg("--report").arg(report);
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
    let rate = summary.split_once(" s, ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    Run { took, rate: rate.expect("the summary has pages/s"), peak }
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
