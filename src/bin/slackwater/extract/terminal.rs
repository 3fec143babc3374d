//! What the person at the terminal sees: progress while it runs, a summary at the end.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use slackwater::Distribution;

use super::ahead::Total;
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

    /// Whether anybody sees it.
    pub fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    /// Shows how far the run is. Formatting for every page would be work for nobody: a terminal shows eight of them a second.
    pub fn show(&self, record: &Record, total: impl FnOnce() -> Total) {
        let Counts { pages, bytes, failures } = record.tally;
        if self.0.is_hidden() || !pages.is_multiple_of(32) {
            return;
        }
        let took = record.started.elapsed();
        let rate = pages as f64 / took.as_secs_f64();
        self.0.set_position(pages);
        self.0.set_prefix(format!("{}{}  {rate:.0} pages/s", Ahead(pages, took, total()), HumanBytes(bytes)));
        if failures > 0 {
            self.0.set_message(format!("{} failed", HumanCount(failures)));
        }
    }

    /// Takes the progress off the screen.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Of how many pages, and what time those to come will take at the rate up to now: pages done, the time they took, and how many there
/// are. Ends with a gap, if there is anything to say.
struct Ahead(u64, Duration, Total);

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(pages, took, total) = *self;
        let (total, least) = match total {
            Total::Exactly(total) => (total, ""),
            Total::AtLeast(total) => (total, "at least "),
        };
        if total <= pages || pages == 0 {
            return Ok(());
        }
        write!(f, "of {least}{}  ", HumanCount(total))?;
        // A rate of less than a second's pages says little.
        if took < Duration::from_secs(1) {
            return Ok(());
        }
        let left = (took.as_secs_f64() * (total - pages) as f64 / pages as f64).ceil() as u64;
        let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
        write!(f, "{least}{hours:02}:{minutes:02}:{seconds:02} left  ")
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: the time left is what the pages left take at the rate up to now, said to be the least where more pages may come, and
    /// not said where nothing is known. Provoked: each of these, at the first second and hours from the end.
    #[test]
    fn the_time_left_is_told_as_far_as_it_is_known() {
        let text = |pages, seconds, total| Ahead(pages, Duration::from_secs_f64(seconds), total).to_string();
        assert_eq!(text(100, 2.0, Total::Exactly(1_100)), "of 1,100  00:00:20 left  ");
        assert_eq!(text(100, 2.0, Total::AtLeast(1_100)), "of at least 1,100  at least 00:00:20 left  ");
        assert_eq!(text(1_000, 10.0, Total::Exactly(10_001_000)), "of 10,001,000  27:46:40 left  ");
        assert_eq!(text(100, 0.5, Total::Exactly(200)), "of 200  ");
        assert_eq!(text(100, 2.0, Total::Exactly(100)), "");
        assert_eq!(text(100, 2.0, Total::AtLeast(7)), "");
        assert_eq!(text(0, 2.0, Total::AtLeast(7)), "");
    }
}
