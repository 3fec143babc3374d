//! The workers of the bench: Python scripts, each marked in its environment so that it can be found from outside.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use slackwater::process::{ProcessBuilder, ProcessManager};

pub const MARK: &str = "SLACK_BENCH_MARK";

/// What the tests' workers begin with too.
const PRELUDE: &str = include_str!("../../tests/process/prelude.py");

/// What only the bench has them do.
const MORE: &str = r#"
def op_die_with_a_grandchild(args): op_fork(args); os._exit(3)
def op_flood(args): os.write(2, b"x" * args); return args
def op_noise(args): os.write(1, b"x" * args); return args
def op_hang(args): time.sleep(600)
def op_bomb(args):
    made = 0
    while True:
        try:
            if os.fork() == 0:
                made = 0
                time.sleep(0.001)
        except OSError:
            time.sleep(0.01)
        made += 1
        if made > 60:
            time.sleep(60)
"#;

/// The interpreter itself: what is called python3 may be a script that looks for it. None if there is none.
pub fn python() -> Option<&'static str> {
    static PYTHON: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let out = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        let path = String::from_utf8(out.stdout).ok()?;
        out.status.success().then(|| path.trim().to_owned())
    };
    PYTHON.get_or_init(find).as_deref()
}

/// Workers that run `script` after the prelude, marked with `mark`.
pub fn running(script: &str, mark: &str) -> ProcessBuilder {
    let python = python().expect("the bench has asked whether it is there");
    let builder = ProcessManager::builder(python).arg("-c").arg(format!("{PRELUDE}{MORE}{script}"));
    builder.env(MARK, mark).grace(Duration::from_millis(500)).stop_within(Duration::from_millis(500))
}

/// A mark that no other run has.
pub fn mark(what: &str) -> String {
    format!("{what}-{}", std::process::id())
}
