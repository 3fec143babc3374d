//! The line that says what a run was measured on, without which its figures mean little.

use std::fs;
use std::process::Command;
use std::thread;

/// CPU model, cores, compiler, commit, and how busy the machine already was when the run began.
pub fn describe_machine() -> String {
    let cores = thread::available_parallelism().map_or(0, |cores| cores.get());
    let rustc = first_line("rustc", &["-V"]).unwrap_or_else(|| "rustc unknown".into());
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".into());
    let changed = first_line("git", &["status", "--porcelain"]).is_some();
    let commit = if changed { commit + " with changes" } else { commit };
    let load = fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|load| load.split(' ').next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".into());
    format!("machine: {}, {cores} cores, {rustc}, commit {commit}, load at start {load}", cpu_model())
}

/// The CPU's name as Linux has it; elsewhere only its architecture.
fn cpu_model() -> String {
    fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The first line a command prints, if it can be run, succeeds and prints any.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
