//! How much of the machine others took meanwhile: what makes a figure not worth quoting.

use std::fs;

/// Core time since the machine started, in clock ticks.
#[derive(Clone, Copy)]
struct Ticks {
    all: u64,
    idle: u64,
    ours: u64,
}

/// Watches what other programs, and other guests of the same host, use of the cores.
#[derive(Clone, Copy)]
pub struct Neighbours(Option<Ticks>);

impl Neighbours {
    /// Watches from now on. Only Linux tells; elsewhere it stays unknown.
    pub fn watch() -> Self {
        Self(now())
    }

    /// The share of all cores' time that others took since then, 0 to 1; `None` where it is unknown. Ticks are 10 ms, so
    /// this says little about less than a few hundred of them.
    pub fn share(self) -> Option<f64> {
        let (before, after) = (self.0?, now()?);
        let all = after.all.checked_sub(before.all).filter(|&all| all > 0)?;
        let idle = after.idle.saturating_sub(before.idle);
        let ours = after.ours.saturating_sub(before.ours);
        Some(all.saturating_sub(idle + ours) as f64 / all as f64)
    }

    /// The line to print under the figures.
    pub fn describe(self) -> String {
        match self.share() {
            Some(share) => format!("others took {:.0} % of the cores meanwhile", 100.0 * share),
            None => "what others took of the cores meanwhile is unknown".to_owned(),
        }
    }
}

fn now() -> Option<Ticks> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    // cpu user nice system idle iowait irq softirq steal; guest time after that is already in user and nice
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let cores: Vec<u64> = line.split_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    // user and system time are the 12th and 13th after the name in brackets, and those of children that have ended come next
    let (_, own) = own.rsplit_once(')')?;
    let ours = own.split_whitespace().skip(11).take(4).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Ticks { all: cores.iter().sum(), idle: cores.get(3)? + cores.get(4)?, ours })
}
