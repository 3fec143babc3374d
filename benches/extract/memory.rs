//! What runs over a great deal of input take of memory.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;

use serde_json::Value;

use super::FIELDS;
use super::harness::{Bound::Below, Table, Verdicts};

const WANTED_MEGABYTES: f64 = 300.0;

/// The whole tree in each format; twice, as its pages alone are 554 MB, and the 782 that were asked for are MiB of disk with all
/// that is beside them.
pub fn of_formats(root: &Path, threads: usize, verdicts: &mut Verdicts) {
    let formats: &[&str] = if cfg!(feature = "parquet") { &["jsonl", "csv", "parquet"] } else { &["jsonl", "csv"] };
    let mut table = Table::new("the whole documentation, twice", &HEADINGS);
    let mut runs = Vec::new();
    for format in formats {
        let run = Run::of(&["--ordered", "--format", format], &[root, root], threads, |_| Ok(()));
        table.row(run.row(format));
        runs.push((format, run));
    }
    table.print();
    for (format, run) in runs {
        let pages = format!("peak memory of {:.0} MB of pages as {format}", run.megabytes);
        verdicts.wanted(&pages, run.peak, " MB", Below(WANTED_MEGABYTES));
    }
}

/// Threads that are many more than the cores.
const MANY: [usize; 3] = [2, 64, 256];

/// The whole tree on ever more threads: what that costs of time and memory.
pub fn of_threads(root: &Path, verdicts: &mut Verdicts) {
    let mut table = Table::new("the whole documentation, by threads", &HEADINGS);
    let runs = MANY.map(|threads| Run::of(&[], &[root], threads, |_| Ok(())));
    runs.iter().zip(MANY).for_each(|(run, threads)| table.row(run.row(&format!("--threads {threads}"))));
    table.print();
    verdicts.wanted("peak memory with 256 threads", runs[2].peak, " MB", Below(WANTED_MEGABYTES));
}

/// A WARC of that many bytes, of these pages over and over, that comes through a pipe as it is made.
pub fn of_archives(pages: &[PathBuf], bytes: u64, threads: usize, verdicts: &mut Verdicts) {
    let records: Vec<Vec<u8>> = pages.iter().filter_map(|page| Some(record(page, &fs::read(page).ok()?))).collect();
    let packed: Vec<Vec<u8>> = records.iter().map(|record| gzip(record)).collect();
    let mut table = Table::new("a WARC through a pipe", &HEADINGS);
    let mut runs = Vec::new();
    for (name, written) in [("WARC", &records), ("WARC.gz", &packed)] {
        let mut count = 0;
        let run = Run::of(&[], &[Path::new("-")], threads, |mut pipe| {
            let mut left = bytes;
            for (record, written) in records.iter().zip(written).cycle() {
                pipe.write_all(written)?;
                count += 1;
                left = left.saturating_sub(record.len() as u64);
                if left == 0 {
                    break;
                }
            }
            Ok(())
        });
        assert_eq!(run.pages, count, "pages of the {name} are lost");
        table.row(run.row(name));
        runs.push((name, run));
    }
    table.print();
    for (name, run) in runs {
        let what = format!("peak memory of a {name} of {:.1} GB", bytes as f64 / 1e9);
        verdicts.wanted(&what, run.peak, " MB", Below(WANTED_MEGABYTES));
    }
}

const HEADINGS: [&str; 7] = ["", "pages", "MB", "pages/s", "MB/s", "core time, s", "peak memory, MB"];

/// One run of the built binary, as it tells itself.
struct Run {
    pages: u64,
    megabytes: f64,
    seconds: f64,
    /// Seconds of processors, in all threads. NaN where the system does not tell.
    core: f64,
    /// NaN where the system does not tell.
    peak: f64,
}

impl Run {
    /// Runs over `input`, with what `feed` writes to its standard input.
    fn of(
        options: &[&str],
        inputs: &[&Path],
        threads: usize,
        feed: impl FnOnce(ChildStdin) -> io::Result<()> + Send,
    ) -> Self {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extract-memory.out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_slackwater"));
        command.args(["extract", "--quiet", "--stats", "json", "--threads", &threads.to_string(), "-o"]).arg(&out);
        command.args(FIELDS.iter().flat_map(|field| ["--css", field])).args(options).args(inputs);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let before = core_time_of_children();
        let mut child = command.spawn().expect("the binary runs");
        let pipe = child.stdin.take().expect("it was asked for");
        let output = thread::scope(|scope| {
            let fed = scope.spawn(move || feed(pipe));
            let output = child.wait_with_output().expect("it ends");
            fed.join().expect("it does not panic").expect("the binary reads to the end");
            output
        });
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let stats: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
        let _ = fs::remove_file(&out);
        let number = |key: &str| stats[key].as_f64().unwrap_or(f64::NAN);
        Self {
            pages: stats["pages"].as_u64().expect("it counts"),
            megabytes: number("bytes") / 1e6,
            seconds: number("seconds"),
            core: core_time_of_children() - before,
            peak: number("peak_memory_bytes") / 1e6,
        }
    }

    fn row(&self, name: &str) -> Vec<String> {
        let figures = [self.megabytes, self.pages as f64 / self.seconds, self.megabytes / self.seconds, self.peak];
        let [megabytes, pages, rate, peak] = figures.map(|figure| format!("{figure:.0}"));
        vec![name.to_owned(), self.pages.to_string(), megabytes, pages, rate, format!("{:.2}", self.core), peak]
    }
}

/// Seconds of processors that children took which have ended: fields 16 and 17 of proc(5)'s `stat`, in hundredths.
fn core_time_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before them may have anything in it, spaces too.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(13).take(2);
    let ticks: Option<f64> = fields.map(|field| field.parse::<f64>().ok()).sum();
    ticks.filter(|_| !stat.is_empty()).map_or(f64::NAN, |ticks| ticks / 100.0)
}

/// A page as a crawler keeps it.
fn record(page: &Path, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", body.len());
    let start = format!(
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: file://{}\r\nContent-Type: application/http; \
         msgtype=response\r\nContent-Length: {}\r\n\r\n",
        page.display(),
        head.len() + body.len()
    );
    [start.as_bytes(), head.as_bytes(), body, b"\r\n\r\n"].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).and_then(|()| out.finish()).expect("into memory")
}
