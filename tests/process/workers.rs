//! The workers of the tests.

use slackwater::process::{ProcessBuilder, ProcessManager};
use slackwater::{Builder, Pool};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{LazyLock, Once};

/// What all Python workers here begin with: `send` and `receive` speak the wire, `serve` answers with the function `op_NAME`.
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
def receive():
    return json.loads(exactly(struct.unpack(">I", exactly(4))[0]))
def ready(*operations):
    send({"ready": {"protocol": 1, "pid": os.getpid(), "operations": list(operations)}})
def answer(request, value):
    send({"id": request["id"], "epoch": request["epoch"], "ok": value})
def op_echo(args): return args
def op_pid(args): return os.getpid()
def op_sleep(args): time.sleep(args); return args
def op_environment(args): return dict(os.environ)
def op_exit(args): os._exit(args)
def op_kill(args): os.kill(os.getpid(), args); time.sleep(60)
def op_fail(args): raise ValueError(args)
def op_print(args): print(args, flush=True); print("to stderr", file=sys.stderr, flush=True)
def serve():
    ready("echo", "pid")
    while True:
        request = receive()
        if request.get("stop"):
            sys.exit(0)
        if request.get("ping"):
            answer(request, None)
            continue
        try:
            answer(request, globals()["op_" + request["op"]](request["args"]))
        except Exception as error:
            told = {"type": type(error).__name__, "message": str(error), "traceback": "where"}
            send({"id": request["id"], "epoch": request["epoch"], "error": told})
"#;

static HAS_PYTHON: LazyLock<bool> =
    LazyLock::new(|| Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success()));
static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Whether there is a python3. Says so if there is none, and counts the tests that go without.
#[track_caller]
pub fn has_python() -> bool {
    static ONCE: Once = Once::new();
    if !*HAS_PYTHON {
        let skipped = SKIPPED.fetch_add(1, SeqCst) + 1;
        ONCE.call_once(|| eprintln!("python3 is missing: what needs it is skipped"));
        eprintln!("SKIPPED for want of python3: {} ({skipped} so far)", std::panic::Location::caller());
    }
    *HAS_PYTHON
}

/// A manager of Python workers that run `script` after the prelude.
pub fn python(script: &str) -> ProcessBuilder {
    ProcessManager::builder("python3").arg("-c").arg(format!("{PRELUDE}\n{script}"))
}

/// One whose workers just serve.
pub fn server() -> ProcessBuilder {
    python("serve()")
}

/// A pool of what `workers` makes, with breaker and pauses as they are.
pub fn pool_of(workers: ProcessBuilder) -> Builder<ProcessManager> {
    Pool::builder(workers.build().unwrap())
}
