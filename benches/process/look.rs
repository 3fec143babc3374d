//! What there is, looked at from outside: in /proc.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Dice;
use crate::workers::MARK;

/// A process, as far as the bench cares.
pub struct One {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    pub is_dead: bool,
}

/// Every process there is.
pub fn all() -> Vec<One> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    numbers.filter_map(|entry| one(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn one(pid: u32) -> Option<One> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(One { pid, parent: fields[1].parse().ok()?, group: fields[2].parse().ok()?, is_dead: fields[0] == "Z" })
}

/// The dead children of this process for whom nobody has waited.
pub fn zombies() -> usize {
    let me = std::process::id();
    all().iter().filter(|one| one.parent == me && one.is_dead).count()
}

/// The living whose environment carries `mark`, wherever they hang.
pub fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={mark}");
    let carries = |pid: u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    all().iter().filter(|one| !one.is_dead && carries(one.pid)).map(|one| one.pid).collect()
}

/// The living workers of this process that carry `mark`: those who lead their group.
pub fn workers(mark: &str) -> Vec<u32> {
    let me = std::process::id();
    let marked = marked(mark);
    all()
        .iter()
        .filter(|one| one.parent == me && one.group == one.pid && marked.contains(&one.pid))
        .map(|one| one.pid)
        .collect()
}

pub fn members(group: u32) -> usize {
    all().iter().filter(|one| one.group == group && !one.is_dead).count()
}

/// Waits until `holds`, and says how long that took; None if it did not come in time.
pub fn wait(limit: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Some(began.elapsed())
}

pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Sends a signal to two of the workers that carry `mark`, or to as many as there are, and tells which.
pub fn hit_two(mark: &str, dice: &mut Dice, with: Signal) -> Vec<u32> {
    let mut alive = workers(mark);
    let mut hit = Vec::new();
    while hit.len() < 2 && !alive.is_empty() {
        let pid = alive.swap_remove(dice.below(alive.len() as u64) as usize);
        signal(pid, with);
        hit.push(pid);
    }
    hit
}

/// Sends a signal to a process, if it is still there.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        let _ = kill_process(pid, signal);
    }
}
