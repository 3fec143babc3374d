//! What the person at the terminal sees: progress while it runs, a summary at the end.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use slackwater::Distribution;

use super::record::Record;
use super::series::Counts;

/// The count of pages, if standard error is a terminal.
#[derive(Clone)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Shown unless quiet, in a pipe, or where lines scroll over the same terminal.
    pub fn start(quiet: bool, lines_on_terminal: bool) -> Self {
        if quiet || lines_on_terminal || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let template = "{spinner} {pos} pages  {prefix}  {elapsed}  {msg}";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is sound"));
        bar.enable_steady_tick(Duration::from_millis(125));
        Self(bar)
    }

    /// Shows how far the run is. Formatting for every page would be work for nobody: a terminal shows eight of them a second.
    pub fn show(&self, record: &Record) {
        let Counts { pages, bytes, failures } = record.tally;
        if self.0.is_hidden() || !pages.is_multiple_of(32) {
            return;
        }
        let rate = pages as f64 / record.started.elapsed().as_secs_f64();
        self.0.set_position(pages);
        self.0.set_prefix(format!("{}  {rate:.0} pages/s", HumanBytes(bytes)));
        if failures > 0 {
            self.0.set_message(format!("{} failed", HumanCount(failures)));
        }
    }

    /// Takes the progress off the screen.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// The last words of a run.
pub struct Summary {
    pub tally: Counts,
    pub took: Duration,
    pub skipped: u64,
    /// Pages that earlier runs did.
    pub resumed: u64,
    /// Checkout times.
    pub waits: Distribution,
    /// What ended the run before its time, in words.
    pub cut: Option<&'static str>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { pages, bytes, failures } = self.tally;
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
        if self.resumed > 0 {
            write!(f, ", after {} of earlier runs", HumanCount(self.resumed))?;
        }
        if let Some(cut) = self.cut {
            write!(f, "; {cut}")?;
        }
        write!(f, "\n{seconds:.2} s, {:.0} pages/s", pages as f64 / seconds.max(1e-9))?;
        if let Some(peak) = peak_memory() {
            write!(f, ", peak memory {:.1} MB", peak as f64 / 1e6)?;
        }
        if self.waits.is_empty() {
            return Ok(());
        }
        write!(f, "\n{} checkouts: ", HumanCount(self.waits.count()))?;
        for (name, percent) in [("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9)] {
            write!(f, "{name} {}, ", Span(self.waits.percentile(percent)))?;
        }
        write!(f, "max {}", Span(self.waits.max()))
    }
}

/// A time in the unit that suits it.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_nanos() {
            n @ 0..1_000 => write!(f, "{n} ns"),
            n @ 1_000..1_000_000 => write!(f, "{:.1} us", n as f64 / 1e3),
            n @ 1_000_000..1_000_000_000 => write!(f, "{:.1} ms", n as f64 / 1e6),
            n => write!(f, "{:.1} s", n as f64 / 1e9),
        }
    }
}

/// The most memory this process ever had resident, in bytes. `None` where the system does not say (outside Linux).
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
