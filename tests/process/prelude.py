# What the Python workers of tests and benches begin with: `send` and `receive` speak the wire, `serve` answers with the function `op_NAME`.
# By itself, and not by the kit in `workers/`, so that each tests the other.
import json, os, signal, struct, sys, time
reads, writes = int(os.environ.get("SLACKWATER_IN", 0)), int(os.environ.get("SLACKWATER_OUT", 1))
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
def asked():
    """The next request that is no wish that the worker ends; that it fulfils."""
    request = receive()
    if request.get("stop"):
        sys.exit(0)
    return request
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
def op_descriptors(args): return sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd))
def op_group(args): return os.getpgrp()
def op_stderr(args): os.write(2, b"x" * args + b"the end"); return args
def op_grow(args): globals().setdefault("kept", []).append(b"x" * args); return args
def op_fork(args):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    return pid
def op_print(args): print(args, flush=True); print("to stderr", file=sys.stderr, flush=True)
def serve():
    ready("echo", "pid")
    while True:
        request = asked()
        if request.get("ping"):
            answer(request, None)
            continue
        try:
            answer(request, globals()["op_" + request["op"]](request["args"]))
        except Exception as error:
            told = {"type": type(error).__name__, "message": str(error), "traceback": "where"}
            send({"id": request["id"], "epoch": request["epoch"], "error": told})
