//! What the run was on, without which its figures mean little.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::thread::available_parallelism;

use super::text;

/// Processor, cores, memory and system, as far as they can be told.
pub fn describe() -> String {
    let cores = available_parallelism().map_or(1, usize::from) as u64;
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| ARCH.to_owned());
    let kib = field("/proc/meminfo", "MemTotal").and_then(|size| size.strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let memory = kib.map_or_else(String::new, |kib| format!(", {} of memory", text::bytes(kib * 1024)));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = format!("{OS} {}", release.trim());
    format!("{model}, {}{memory}, {}", text::counted(cores, "core", "cores"), system.trim())
}

/// The first value under this name in one of the kernel's tables.
fn field(table: &str, name: &str) -> Option<String> {
    let table = fs::read_to_string(table).ok()?;
    let line = table.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
