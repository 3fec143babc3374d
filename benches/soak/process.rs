//! What Linux tells of this process and its threads; elsewhere, and where it cannot be read, nothing.

use std::fs;
use std::path::Path;

/// Clock ticks a second in /proc, the same on every Linux that runs this.
const TICKS: f64 = 100.0;

/// Resident memory, in KiB.
pub fn resident_kb() -> Option<f64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// What all threads with `part` in their name have used so far, in sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub threads: usize,
    pub seconds: f64,
    /// Times they went to sleep of themselves: as often as they were woken.
    pub sleeps: f64,
}

pub fn usage_of(part: &str) -> Option<Usage> {
    let mut sum = Usage::default();
    for task in fs::read_dir("/proc/self/task").ok()?.flatten() {
        // A thread that ends meanwhile is none of those that are measured.
        let Some((name, seconds, sleeps)) = usage(&task.path()) else { continue };
        if name.contains(part) {
            sum = Usage { threads: sum.threads + 1, seconds: sum.seconds + seconds, sleeps: sum.sleeps + sleeps };
        }
    }
    Some(sum)
}

fn usage(task: &Path) -> Option<(String, f64, f64)> {
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    // User and system time are the 12th and 13th after the name.
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    let sleeps = field(&fs::read_to_string(task.join("status")).ok()?, "voluntary_ctxt_switches:")?;
    Some((name.to_owned(), ticks / TICKS, sleeps))
}

fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
