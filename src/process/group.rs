//! What a process group has: processes and memory, out of /proc.

use std::collections::HashMap;

/// The processes of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Those that run; the dead whom nobody waited for are not among them.
    pub(super) members: u32,
    /// Bytes of memory, what they share counted for each.
    pub(super) weight: u64,
}

/// What each group has that `wanted` tells of. Empty where there is no /proc.
///
/// One look at every process of the system: some milliseconds where there are a thousand.
pub(super) fn look(wanted: impl Fn(i32) -> bool) -> HashMap<i32, Group> {
    let mut groups: HashMap<i32, Group> = HashMap::new();
    let Ok(entries) = std::fs::read_dir("/proc") else { return groups };
    let page = rustix::param::page_size() as u64;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        // One that ends while we look is not there.
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else { continue };
        let Some(one) = Stat::read(&stat) else { continue };
        if one.lives && wanted(one.group) {
            let group = groups.entry(one.group).or_default();
            group.members += 1;
            group.weight += one.pages * page;
        }
    }
    groups
}

/// A group with more than its limit of members among the processes numbered `from` to `to`, and how many there are at least. Ends with
/// the first: where processes start others as fast as they can, a look at all of them would never end.
pub(super) fn crowded(from: u32, to: u32, limit_of: impl Fn(i32) -> Option<u32>) -> Option<(i32, u32)> {
    let mut members: HashMap<i32, u32> = HashMap::new();
    // The youngest first: there are most of those.
    for pid in (from..=to).rev() {
        let Ok(stat) = std::fs::read(format!("/proc/{pid}/stat")) else { continue };
        let Some(one) = Stat::read(&stat).filter(|one| one.lives) else { continue };
        let Some(limit) = limit_of(one.group) else { continue };
        let seen = members.entry(one.group).or_default();
        *seen += 1;
        if *seen > limit {
            return Some((one.group, *seen));
        }
    }
    None
}

/// Bytes of memory of one process alone. None if it is gone, or there is no /proc.
pub(super) fn weight_of(pid: i32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    Some(Stat::read(&stat)?.pages * rustix::param::page_size() as u64)
}

/// How often the system has ended a process for lack of memory since it started. None where it does not tell.
pub(super) fn out_of_memory_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.parse().ok()
}

/// The process that the system started last, by its number.
pub(super) fn last_started() -> Option<u32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().last()?.parse().ok()
}

/// What is used of /proc/PID/stat.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    lives: bool,
    group: i32,
    pages: u64,
}

impl Stat {
    fn read(stat: &[u8]) -> Option<Self> {
        // The name may hold anything, blanks and parentheses too; nothing after it holds a parenthesis.
        let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
        let mut fields = std::str::from_utf8(&stat[after..]).ok()?.split_ascii_whitespace();
        let lives = !matches!(fields.next()?, "Z" | "X" | "x");
        let group = fields.nth(1)?.parse().ok()?;
        // Field 24 of the whole; field 5 was the last one read.
        let pages = fields.nth(18)?.parse().ok()?;
        Some(Self { lives, group, pages })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_anything() {
        let rest = "S 1 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 100 12345 678 18446744073709551615 0 0";
        let stat = format!("9 (a) b (c)) {rest}");
        assert_eq!(Stat::read(stat.as_bytes()), Some(Stat { lives: true, group: 77, pages: 678 }));
        assert_eq!(Stat::read(b"9 (a"), None);
    }

    #[test]
    fn this_process_is_in_a_group_and_has_memory() {
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        let groups = look(|group| group == own);
        let me = weight_of(std::process::id() as i32).unwrap();
        assert!(groups[&own].members >= 1 && me > 100_000, "{groups:?} {me}");
    }
}
