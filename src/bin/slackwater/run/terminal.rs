//! What the person at the terminal sees: progress while it runs, a summary at the end.

use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use slackwater::Distribution;

use super::Noun;
use super::series::Counts;

/// How much there is to do, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    Exactly(u64),
    /// By what was done of a file, and the bytes that are left.
    About(u64),
    AtLeast(u64),
}

impl Total {
    /// Without what was done before.
    pub fn after(self, done: u64) -> Self {
        match self {
            Self::Exactly(total) => Self::Exactly(total.saturating_sub(done)),
            Self::About(total) => Self::About(total.saturating_sub(done)),
            Self::AtLeast(total) => Self::AtLeast(total.saturating_sub(done)),
        }
    }
}

/// How often a log is told.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The count of what is done, if standard error is a terminal.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    noun: Noun,
    /// In place of the bar, and when it said something last.
    lines: Option<Arc<Mutex<Option<Instant>>>>,
}

impl Progress {
    /// Shown unless quiet, in a pipe, or where lines scroll over the same terminal.
    pub fn start(quiet: bool, lines_on_terminal: bool, noun: Noun) -> Self {
        if quiet || lines_on_terminal || !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), noun, lines: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let template = format!("{{spinner}} {{pos}} {}  {{prefix}}  {{elapsed}}  {{msg}}", noun.many);
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is sound"));
        bar.enable_steady_tick(Duration::from_millis(125));
        Self { bar, noun, lines: None }
    }

    /// In a log: a line at first and then now and then, for who asked for it where there is no terminal.
    #[cfg_attr(not(feature = "process"), allow(dead_code, reason = "nothing is mapped without"))]
    pub fn in_lines(self) -> Self {
        let lines = self.bar.is_hidden().then(Arc::default);
        Self { lines, ..self }
    }

    /// Whether anybody sees it.
    pub fn is_shown(&self) -> bool {
        !self.bar.is_hidden() || self.lines.is_some()
    }

    /// Shows how far the run is, once in so many lines. Formatting for each would be work for nobody: a terminal shows eight of them a
    /// second.
    pub fn show(&self, tally: Counts, started: Instant, one_in: u64, total: impl FnOnce() -> Total) {
        let Counts { pages, bytes, failures } = tally;
        if !pages.is_multiple_of(one_in) || !self.is_shown() {
            return;
        }
        if let Some(last) = &self.lines {
            let mut last = last.lock();
            if last.is_some_and(|last| last.elapsed() < LINE_EVERY) {
                return;
            }
            *last = Some(Instant::now());
        }
        let (took, many) = (started.elapsed(), self.noun.many);
        let rate = pages as f64 / took.as_secs_f64();
        let done = format!("{}{}  {rate:.0} {many}/s", Ahead(pages, took, total()), HumanBytes(bytes));
        let failed = if failures > 0 { format!("{} failed", HumanCount(failures)) } else { String::new() };
        if self.lines.is_some() {
            let line = format!("{} {many}  {done}  {failed}", HumanCount(pages));
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{}\n", line.trim_end()));
            return;
        }
        self.bar.set_position(pages);
        self.bar.set_prefix(done);
        self.bar.set_message(failed);
    }

    /// Takes the progress off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
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
            Total::About(total) => (total, "about "),
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
    pub noun: Noun,
    pub tally: Counts,
    pub took: Duration,
    pub skipped: u64,
    /// What earlier runs did.
    pub resumed: u64,
    /// Times of something, and what they are of.
    pub times: (&'static str, Distribution),
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
            self.noun.of(pages),
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
        write!(f, "\n{seconds:.2} s, {:.0} {}/s", pages as f64 / seconds.max(1e-9), self.noun.many)?;
        if let Some(peak) = peak_memory() {
            write!(f, ", peak memory {:.1} MB", peak as f64 / 1e6)?;
        }
        let (what, times) = &self.times;
        if times.is_empty() {
            return Ok(());
        }
        write!(f, "\n{} {what}: ", HumanCount(times.count()))?;
        for (name, percent) in [("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9)] {
            write!(f, "{name} {}, ", Span(times.percentile(percent)))?;
        }
        write!(f, "max {}", Span(times.max()))
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
        assert_eq!(text(100, 2.0, Total::About(1_100)), "of about 1,100  about 00:00:20 left  ");
        assert_eq!(text(100, 0.5, Total::Exactly(200)), "of 200  ");
        assert_eq!(text(100, 2.0, Total::Exactly(100)), "");
        assert_eq!(text(100, 2.0, Total::AtLeast(7)), "");
        assert_eq!(text(0, 2.0, Total::AtLeast(7)), "");
    }
}
