//! The workers of the bench: Python scripts, each marked in its environment so that it can be found from outside.

use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use slackwater::process::{ProcessBuilder, ProcessManager};

pub const MARK: &str = "SLACK_BENCH_MARK";

const PRELUDE: &str = r#"
import json, os, signal, struct, sys, time
reads, writes = int(os.environ["SLACKWATER_IN"]), int(os.environ["SLACKWATER_OUT"])
def put(data):
    while data:
        data = data[os.write(writes, data):]
def send(message):
    body = json.dumps(message).encode()
    put(struct.pack(">I", len(body)) + body)
def exactly(n):
    data = b""
    while len(data) < n:
        more = os.read(reads, n - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data
def fork():
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    return pid
def bomb(args):
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
def op_echo(args): return args
def op_sleep(args): time.sleep(args); return args
def op_fork(args): return fork()
def op_die_with_a_grandchild(args): fork(); os._exit(3)
def op_flood(args): os.write(2, b"x" * args); return args
def op_print(args): print("x" * args, flush=True); return args
def op_bomb(args): bomb(args)
def op_hang(args): time.sleep(600)
def serve():
    send({"ready": {"protocol": 1, "pid": os.getpid(), "operations": ["echo"]}})
    while True:
        request = json.loads(exactly(struct.unpack(">I", exactly(4))[0]))
        if request.get("stop"):
            sys.exit(0)
        reply = {"id": request["id"], "epoch": request["epoch"]}
        reply["ok"] = None if request.get("ping") else globals()["op_" + request["op"]](request["args"])
        send(reply)
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
    let builder = ProcessManager::builder(python).arg("-c").arg(format!("{PRELUDE}\n{script}"));
    builder.env(MARK, mark).grace(Duration::from_millis(500)).stop_within(Duration::from_millis(500))
}

/// A mark that no other run has.
pub fn mark(what: &str) -> String {
    format!("{what}-{}", std::process::id())
}
