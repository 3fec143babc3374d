//! The workers of the tests.

use super::python::PYTHON;
pub use super::python::has_python;
use rustix::process::{Pid, Signal};
use slackwater::process::{ProcessBuilder, ProcessManager};
use slackwater::{Builder, Pool};

/// What all Python workers here begin with.
const PRELUDE: &str = include_str!("prelude.py");

/// A manager of Python workers that run `script` after the prelude.
pub fn python(script: &str) -> ProcessBuilder {
    let python = PYTHON.as_deref().expect("whoever needs it has asked whether it is there");
    ProcessManager::builder(python).arg("-c").arg(format!("{PRELUDE}\n{script}"))
}

/// One whose workers just serve.
pub fn server() -> ProcessBuilder {
    python("serve()")
}

/// Whether a process of this number is there and runs: the dead whom nobody waited for do not.
pub fn runs(pid: u32) -> bool {
    state_of(pid).is_some_and(|state| state != 'Z')
}

/// Whether the system has an entry for it, dead or alive.
pub fn is_known(pid: u32) -> bool {
    state_of(pid).is_some()
}

#[cfg(target_os = "linux")]
fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[cfg(not(target_os = "linux"))]
fn state_of(pid: u32) -> Option<char> {
    let out = std::process::Command::new("ps").args(["-o", "state=", "-p", &pid.to_string()]).output().ok()?;
    String::from_utf8_lossy(&out.stdout).trim().chars().next()
}

/// Sends a signal, as anybody could.
pub fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A pool of what `workers` makes, with breaker and pauses as they are.
pub fn pool_of(workers: ProcessBuilder) -> Builder<ProcessManager> {
    Pool::builder(workers.build().unwrap())
}
