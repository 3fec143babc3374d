//! What the person at the terminal sees: progress while it runs, a summary at the end.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::work::Line;

/// Counts lines, and shows the count if standard error is a terminal.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    tally: Tally,
}

/// What was counted.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub pages: u64,
    pub bytes: u64,
    pub failures: u64,
}

impl Progress {
    /// Shown unless quiet, in a pipe, or where lines scroll over the same terminal.
    pub fn start(quiet: bool, lines_on_terminal: bool) -> Self {
        let bar = if quiet || lines_on_terminal || !io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            let template = "{spinner} {pos} pages  {prefix}  {elapsed}  {msg}";
            bar.set_style(ProgressStyle::with_template(template).expect("the template is sound"));
            bar.enable_steady_tick(Duration::from_millis(125));
            bar
        };
        Self { bar, started: Instant::now(), tally: Tally::default() }
    }

    pub fn line(&mut self, line: &Line) {
        self.tally.pages += 1;
        self.tally.bytes += line.bytes;
        self.tally.failures += u64::from(line.failed);
        // Formatting for every page would be work for nobody: a terminal shows eight of them a second.
        if !self.bar.is_hidden() && self.tally.pages.is_multiple_of(32) {
            let rate = self.tally.pages as f64 / self.started.elapsed().as_secs_f64();
            self.bar.set_position(self.tally.pages);
            self.bar.set_prefix(format!("{}  {rate:.0} pages/s", HumanBytes(self.tally.bytes)));
            if self.tally.failures > 0 {
                self.bar.set_message(format!("{} failed", HumanCount(self.tally.failures)));
            }
        }
    }

    /// Takes the progress off the screen.
    pub fn finish(self) -> (Tally, Duration) {
        self.bar.finish_and_clear();
        (self.tally, self.started.elapsed())
    }
}

/// The last words of a run.
pub struct Summary<'a> {
    pub tally: Tally,
    pub took: Duration,
    pub skipped: u64,
    /// Checkout times in nanoseconds.
    pub waits: &'a Histogram<u64>,
    /// Whether the output was closed before the end.
    pub cut: bool,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { pages, bytes, failures } = self.tally;
        let seconds = self.took.as_secs_f64();
        write!(
            f,
            "{} {}, {} ({bytes} bytes), {} failed",
            HumanCount(pages),
            if pages == 1 { "page" } else { "pages" },
            HumanBytes(bytes),
            HumanCount(failures)
        )?;
        if self.skipped > 0 {
            write!(f, ", {} other files skipped", HumanCount(self.skipped))?;
        }
        if self.cut {
            write!(f, "; the output was closed early")?;
        }
        write!(f, "\n{seconds:.2} s, {:.0} pages/s", pages as f64 / seconds.max(1e-9))?;
        if let Some(peak) = peak_memory() {
            write!(f, ", peak memory {:.1} MB", peak as f64 / 1e6)?;
        }
        if self.waits.is_empty() {
            return Ok(());
        }
        write!(f, "\n{} checkouts: ", HumanCount(self.waits.len()))?;
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            write!(f, "{name} {}, ", Nanos(self.waits.value_at_quantile(quantile)))?;
        }
        write!(f, "max {}", Nanos(self.waits.max()))
    }
}

/// A time in the unit that suits it.
struct Nanos(u64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n @ 0..1_000 => write!(f, "{n} ns"),
            n @ 1_000..1_000_000 => write!(f, "{:.1} us", n as f64 / 1e3),
            n @ 1_000_000..1_000_000_000 => write!(f, "{:.1} ms", n as f64 / 1e6),
            n => write!(f, "{:.1} s", n as f64 / 1e9),
        }
    }
}

/// The most memory this process ever had resident, in bytes. `None` where the system does not say (outside Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
