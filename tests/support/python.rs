//! The Python of those tests that start one.

use super::skipped::skipped;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// The interpreter itself: what is called python3 may be a script that looks for it, takes longer than it, and leaves things behind.
pub static PYTHON: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let out = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    let path = String::from_utf8(out.stdout).ok()?;
    out.status.success().then(|| path.trim().into())
});

/// Whether there is a python3. Says so if there is none, and counts the tests that go without.
pub fn has_python() -> bool {
    if PYTHON.is_none() {
        skipped("there is no python3; install python3");
    }
    PYTHON.is_some()
}
