"""What the kit promises, asked of a real child over pipes.  Run: python3 -m unittest discover workers/python"""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
KIT = os.path.join(HERE, "slackwater_worker.py")

# Seconds after which a child that says nothing is a failure. Nothing here takes a hundredth of it.
PATIENCE = 60

HEAD = struct.Struct(">IIB")

OPERATIONS = """
import os, subprocess, sys, threading, time
from slackwater_worker import worker

@worker.operation
def echo(value):
    return value

@worker.operation(name="in words")
def other_name(value):
    return str(value)

@worker.operation
def fail(message):
    raise ValueError(message)

@worker.operation
def leave(code):
    sys.exit(code)

@worker.operation
def die(code):
    os._exit(code)

@worker.operation
def make(what):
    return eval(what)

@worker.operation
def say(text):
    print(text)
    os.write(1, text.encode())
    subprocess.run(["echo", text])
    return len(text)

@worker.operation
def ask(_):
    return sys.stdin.read()

@worker.operation
def busy(path):
    open(path, "w").close()
    while True:
        time.sleep(0.01)

@worker.operation
def wait_for(path):
    open(path + ".busy", "w").close()
    while not os.path.exists(path):
        time.sleep(0.001)
    return path

@worker.operation
def fork(_):
    pid = os.fork()
    if pid == 0:
        return "the child came back"
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

@worker.operation
def forked_sleeper(_):
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    return pid

@worker.operation
def environment(_):
    return sorted(name for name in os.environ if name.startswith("SLACKWATER_"))

@worker.operation
def memory(_):
    import gc
    return gc.get_freeze_count()

class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")

class Array:
    def tolist(self):
        return [1, 2.5]
"""

RAW = """
from slackwater_worker import worker

@worker.operation
def turned(data):
    if data == b"text":
        return "text"
    if data == b"fail":
        raise ValueError("told")
    if data == b"numbers":
        import array
        return memoryview(array.array("H", [1, 2]))
    return data[::-1]
"""


class Child:
    """A worker, and the parent's ends of its channel."""

    def __init__(self, arguments, *, stdio=False, environment=(), **options):
        self.to_child = self.from_child = None
        env = dict(os.environ, PYTHONPATH=HERE, **dict(environment))
        # With it what is printed before `serve` is on the channel, where that is standard output: so says the kit.
        env.pop("PYTHONUNBUFFERED", None)
        command = [sys.executable, *arguments]
        if stdio:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, **options
            )
            self.to_child, self.from_child = os.dup(self.process.stdin.fileno()), os.dup(self.process.stdout.fileno())
            self.process.stdin.close()
            self.process.stdout.close()
        else:
            child_in, self.to_child = os.pipe()
            self.from_child, child_out = os.pipe()
            env.update(SLACKWATER_IN=str(child_in), SLACKWATER_OUT=str(child_out))
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(child_in, child_out),
                env=env,
                **options,
            )
            os.close(child_in)
            os.close(child_out)

    def _bytes(self, count):
        got = b""
        while len(got) < count:
            if not select.select([self.from_child], [], [], PATIENCE)[0]:
                raise AssertionError(f"{len(got)} of {count} bytes after {PATIENCE} s")
            more = os.read(self.from_child, count - len(got))
            if not more:
                raise EOFError(f"end after {len(got)} of {count} bytes; its words: {self.words()}")
            got += more
        return got

    def read_bytes(self):
        return self._bytes(struct.unpack(">I", self._bytes(4))[0])

    def read(self):
        return json.loads(self.read_bytes())

    def send_bytes(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.to_child, view) :]

    def send(self, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_bytes(struct.pack(">I", len(data)) + data)

    def call(self, operation, args, number=1, epoch=0):
        self.send({"id": number, "epoch": epoch, "op": operation, "args": args})
        return self.read()

    def call_raw(self, data, number=1, epoch=0, kind=0):
        self.send(HEAD.pack(epoch, number, kind) + data)
        answer = self.read_bytes()
        return (*HEAD.unpack(answer[: HEAD.size]), answer[HEAD.size :])

    def hang_up(self, *ends):
        for name in ends or ("to_child", "from_child"):
            if getattr(self, name) is not None:
                os.close(getattr(self, name))
                setattr(self, name, None)

    def code(self):
        return self.process.wait(PATIENCE)

    def words(self):
        """All that it said on standard error, which is never much. Waits for its end."""
        self.code()
        return self.process.stderr.read().decode() if self.process.stderr else ""

    def close(self):
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe and not pipe.closed:
                pipe.close()


class KitTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def child(self, text=OPERATIONS, end="\nworker.serve()\n", **options):
        child = Child([self.write("some_worker.py", text + end)], **options)
        self.addCleanup(child.close)
        return child

    def ready(self, *arguments, **options):
        child = self.child(*arguments, **options)
        child.hello = child.read()
        self.assertIn("ready", child.hello)
        return child

    def until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.001)

    def is_gone(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                return stat.read().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True


class Answers(KitTest):
    def test_ready_tells_protocol_pid_and_operations(self):
        child = self.ready()
        ready = child.hello["ready"]
        self.assertEqual((ready["protocol"], ready["pid"]), (1, child.process.pid))
        self.assertEqual(ready["operations"][:3], ["echo", "in words", "fail"])

    def test_answers_carry_the_ids_of_their_requests(self):
        child = self.ready()
        self.assertEqual(child.call("echo", [1, {"a": None}], 7, 3), {"id": 7, "epoch": 3, "ok": [1, {"a": None}]})
        self.assertEqual(child.call("in words", 5, 2**32 - 1, 4), {"id": 2**32 - 1, "epoch": 4, "ok": "5"})

    def test_requests_that_arrive_together_or_in_pieces_are_answered_one_by_one(self):
        child = self.ready()
        requests = [json.dumps({"id": n, "epoch": 0, "op": "echo", "args": "x" * n * 37}).encode() for n in range(300)]
        stream = b"".join(struct.pack(">I", len(request)) + request for request in requests)
        child.send_bytes(stream[:3])
        child.send_bytes(stream[3:9])
        sent = 9
        for n in range(300):
            while sent < len(stream) and select.select([], [child.to_child], [], 0)[1]:
                sent += os.write(child.to_child, stream[sent : sent + 1000])
            self.assertEqual(child.read(), {"id": n, "epoch": 0, "ok": "x" * n * 37})

    def test_strings_of_every_kind_and_length_come_back_as_they_went(self):
        child = self.ready()
        every = "".join(map(chr, range(0xD7FF))) + "\U0001f30a"
        texts = ["", "plain", every]
        for length in (1_000, 1_023, 1_024, 40_000, 300_000):
            plain = "x" * length
            texts += [plain, plain + '"', "\\" + plain, plain + "\n\r\t", plain + "\0", "ä" * length, '"' + plain + "}"]
        for text in texts:
            for ascii_only in (True, False):
                request = {"id": 1, "epoch": 0, "op": "echo", "args": text}
                child.send(json.dumps(request, separators=(",", ":"), ensure_ascii=ascii_only).encode())
                self.assertEqual(child.read()["ok"], text)

    def test_large_frames_leave_small_ones_alone(self):
        child = self.ready()
        for length in (9_000_000, 1, 200_000, 0, 3_000_000):
            child.send({"id": 1, "epoch": 0, "op": "make", "args": f"'y' * {length}"})
            self.assertEqual(child.read()["ok"], "y" * length)
            child_end = "z" * length
            reader = {"id": 1, "epoch": 0, "op": "make", "args": f"len('{child_end}')"}
            child.send(reader)
            self.assertEqual(child.read()["ok"], length)

    def test_a_ping_is_answered(self):
        child = self.ready()
        child.send({"id": 8, "epoch": 3, "ping": True})
        self.assertEqual(child.read(), {"id": 8, "epoch": 3, "ok": None})


class Errors(KitTest):
    def error(self, child, *call):
        answer = child.call(*call)
        self.assertEqual(set(answer), {"id", "epoch", "error"})
        # It lives, and is in step.
        self.assertEqual(child.call("echo", "still", 99)["ok"], "still")
        return answer["error"]

    def test_an_exception_has_type_message_and_traceback(self):
        error = self.error(self.ready(), "fail", "no such thing")
        self.assertEqual((error["type"], error["message"]), ("ValueError", "no such thing"))
        self.assertRegex(error["traceback"], r'some_worker\.py", line \d+, in fail\n.*\nValueError: no such thing')
        self.assertNotIn("slackwater_worker.py", error["traceback"])

    def test_leaving_is_an_error_too(self):
        self.assertEqual(self.error(self.ready(), "leave", 3)["type"], "SystemExit")

    def test_an_unknown_operation_names_the_known_ones(self):
        child = self.ready()
        message = self.error(child, "ecko", 1)["message"]
        self.assertRegex(message, "'ecko'.*echo, in words, fail")
        self.assertEqual(self.error(child, ["echo"], 1)["type"], "TypeError")

    def test_what_json_has_no_form_for_is_an_error(self):
        child = self.ready()
        for what, said in [
            ("object()", "no form for object"),
            ("b'bytes'", "no form for bytes"),
            ("float('nan')", "not JSON compliant"),
            ("[1e999]", "not JSON compliant"),
            ("'\\ud800'", "surrogates"),
            ("'\\ud800' * 2000", "surrogates"),
            ("(lambda a: a.append(a) or a)([])", "Circular"),
            ("__import__('functools').reduce(lambda a, _: [a], range(100000))", "recursion"),
        ]:
            with self.subTest(what):
                self.assertIn(said, self.error(child, "make", what)["message"])

    def test_arrays_are_lists(self):
        self.assertEqual(self.ready().call("make", "{'a': Array(), 1: (2,)}")["ok"], {"a": [1, 2.5], "1": [2]})

    def test_a_request_too_deep_to_read_is_answered(self):
        child = self.ready()
        child.send(b'{"id":5,"epoch":2,"op":"echo","args":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
        answer = child.read()
        self.assertEqual((answer["id"], answer["epoch"], answer["error"]["type"]), (5, 2, "RecursionError"))
        self.assertEqual(self.error(child, "fail", "x")["message"], "x")

    def test_a_request_with_nan_is_refused(self):
        child = self.ready()
        child.send(b'{"id":5,"epoch":2,"op":"echo","args":NaN}')
        self.assertIn("NaN is no JSON", child.read()["error"]["message"])

    def test_errors_are_bounded_and_always_text(self):
        child = self.ready()
        error = self.error(child, "fail", "\ud800" + "m" * 1_000_000)
        self.assertTrue(error["message"].startswith("\\ud800mmm"))
        self.assertLess(len(error["message"]) + len(error["traceback"]), 100_000)
        self.assertIn("RuntimeError", self.error(child, "make", "exec('raise Unprintable()')")["message"])

    def test_an_answer_longer_than_a_frame_is_an_error(self):
        child = self.ready(environment={"SLACKWATER_MAX_FRAME": "5000"})
        self.assertEqual(len(child.call("make", "'x' * 4900")["ok"]), 4900)
        error = self.error(child, "make", "'x' * 5000")
        self.assertEqual(error["type"], "AnswerTooLong")
        self.assertRegex(error["message"], "5026 bytes.*5000.*max_frame")


class Channels(KitTest):
    def test_what_is_printed_goes_to_standard_error(self):
        for stdio in (False, True):
            with self.subTest(stdio=stdio):
                child = self.ready("print('at import')\n" + OPERATIONS, stdio=stdio)
                self.assertEqual(child.call("say", "hello")["ok"], 5)
                self.assertEqual(child.call("ask", None)["ok"], "")
                child.hang_up()
                self.assertEqual(child.words().count("hello"), 3)

    def test_the_channel_is_not_in_the_environment(self):
        self.assertEqual(self.ready().call("environment", None)["ok"], [])

    def test_frames_that_are_none_end_it_with_a_word(self):
        for sent, said in [
            (b"\0\0\0\0", "frame of 0 bytes"),
            (b"Traceback", "something else writing"),
            (b"\0\0\0\x09{}", "6 bytes into a frame"),
            (b"\0\0\0\x02{}", "no request"),
            (b"\0\0\0\x02[]", "no request"),
            (b"\0\0\0\x04nope", "no request"),
            (b"\0\0\0\x02\xff\xff", "no request"),
        ]:
            with self.subTest(sent):
                child = self.ready()
                child.send_bytes(sent)
                child.hang_up("to_child")
                self.assertEqual(child.code(), 1)
                words = child.words()
                self.assertIn(said, words)
                self.assertNotIn("Traceback (most", words)

    def test_a_fork_does_not_hold_the_channel(self):
        child = self.ready()
        sleeper = child.call("forked_sleeper", None)["ok"]
        self.addCleanup(os.kill, sleeper, signal.SIGKILL)
        os.kill(child.process.pid, signal.SIGKILL)
        self.assertEqual(child.code(), -signal.SIGKILL)
        with self.assertRaises(EOFError):
            child.process.stderr.close()
            child.process.stderr = None
            child.read()

    def test_a_fork_that_comes_back_does_not_answer(self):
        child = self.ready()
        self.assertEqual(child.call("fork", None)["ok"], 1)
        self.assertEqual(child.call("echo", 1)["ok"], 1)


class Ends(KitTest):
    def test_stop_and_a_closed_channel_end_it_in_order(self):
        for stdio in (False, True):
            for stop in (lambda child: child.send({"stop": True}), Child.hang_up, lambda child: child.hang_up("to_child")):
                with self.subTest(stdio=stdio, stop=stop):
                    child = self.ready("import atexit\natexit.register(print, 'at exit')\n" + OPERATIONS, stdio=stdio)
                    stop(child)
                    self.assertEqual(child.code(), 0)
                    self.assertEqual(child.process.stderr.read(), b"at exit\n")

    def test_the_running_request_is_answered_before(self):
        child = self.ready()
        path = self.path("go on")
        child.send({"id": 1, "epoch": 0, "op": "wait_for", "args": path})
        child.hang_up("to_child")
        self.until(lambda: os.path.exists(path + ".busy"))
        self.write("go on", "")
        self.assertEqual(child.read()["ok"], path)
        self.assertEqual(child.code(), 0)

    def test_it_ends_while_busy_when_nobody_takes_the_answer(self):
        child = self.ready()
        child.send({"id": 1, "epoch": 0, "op": "busy", "args": self.path("busy")})
        self.until(lambda: os.path.exists(self.path("busy")))
        child.hang_up()
        self.assertEqual(child.code(), -signal.SIGTERM)

    def test_it_ends_while_busy_when_its_parent_is_killed(self):
        worker = self.write("some_worker.py", OPERATIONS + "\nworker.serve()\n")
        parent = self.write(
            "parent.py",
            f"""
import json, os, struct, subprocess, sys
child_in, to_child = os.pipe()
from_child, child_out = os.pipe()
env = dict(os.environ, SLACKWATER_IN=str(child_in), SLACKWATER_OUT=str(child_out))
child = subprocess.Popen([sys.executable, {worker!r}], env=env, pass_fds=(child_in, child_out), process_group=0) \\
    if sys.version_info >= (3, 11) else \\
    subprocess.Popen([sys.executable, {worker!r}], env=env, pass_fds=(child_in, child_out), preexec_fn=os.setpgrp)
os.close(child_in), os.close(child_out)
length, = struct.unpack(">I", os.read(from_child, 4))
pid = json.loads(os.read(from_child, length))["ready"]["pid"]
data = json.dumps({{"id": 1, "epoch": 0, "op": "busy", "args": {self.path("busy")!r}}}).encode()
os.write(to_child, struct.pack(">I", len(data)) + data)
print(pid, flush=True)
os.read(from_child, 1)
""",
        )
        with subprocess.Popen(
            [sys.executable, parent], stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=HERE)
        ) as process:
            pid = int(process.stdout.readline())
            self.until(lambda: os.path.exists(self.path("busy")))
            process.kill()
            self.until(lambda: self.is_gone(pid))

    def test_it_leaves_interrupts_to_the_parent(self):
        child = self.ready()
        path = self.path("go on")
        child.send({"id": 1, "epoch": 0, "op": "wait_for", "args": path})
        self.until(lambda: os.path.exists(path + ".busy"))
        child.process.send_signal(signal.SIGINT)
        self.write("go on", "")
        self.assertEqual(child.read()["ok"], path)
        child.process.send_signal(signal.SIGINT)
        self.assertEqual(child.call("echo", 1)["ok"], 1)

    def test_a_death_keeps_its_code(self):
        child = self.ready()
        child.send({"id": 1, "epoch": 0, "op": "die", "args": 77})
        self.assertEqual(child.code(), 77)


class Starts(KitTest):
    def failure(self, child):
        failed = child.read()["failed"]
        self.assertEqual(child.code(), 1)
        self.assertIn(failed["message"], child.words())
        return failed

    def test_warm_functions_run_before_ready_and_their_memory_is_left_alone(self):
        child = self.ready(OPERATIONS + "\n@worker.warm\ndef first():\n    print('warm')\n")
        self.assertGreater(child.call("memory", None)["ok"], 1000)
        child.hang_up()
        self.assertIn("warm", child.words())

    def test_a_warm_function_that_fails_is_told(self):
        failed = self.failure(self.child(OPERATIONS + "\n@worker.warm\ndef model():\n    raise OSError('no model')\n"))
        self.assertEqual((failed["type"], failed["message"]), ("OSError", "no model"))
        self.assertIn("in model", failed["traceback"])

    def test_a_worker_without_operations_is_told(self):
        self.assertIn("no operations", self.failure(self.child("from slackwater_worker import worker"))["message"])

    def test_an_unknown_codec_is_told(self):
        child = self.child(environment={"SLACKWATER_CODEC": "pickle"})
        self.assertIn("'pickle'", self.failure(child)["message"])

    def test_operations_that_cannot_be_are_refused(self):
        for text, said in [
            ("@worker.operation\nasync def a(x): pass", "asyncio.run"),
            ("@worker.operation\ndef a(x): yield", "list(...)"),
            ("@worker.operation\ndef a(x): pass\n@worker.operation\ndef a(x): pass", "already"),
            ("worker.operation('name')", "name="),
            ("import functools\nworker.operation(functools.partial(print))", "has no name"),
        ]:
            with self.subTest(text):
                child = self.child("from slackwater_worker import worker\n" + text)
                self.assertEqual(child.code(), 1)
                self.assertIn(said, child.words())

    def run_script(self, *arguments, text="def double(x):\n    return 2 * x\n", **options):
        self.write("plain_module.py", text)
        child = Child([KIT, *arguments], cwd=self.folder, **options)
        self.addCleanup(child.close)
        return child

    def test_any_function_is_served_without_a_line_of_its_own(self):
        for stdio in (False, True):
            child = self.run_script("plain_module:double", "json:dumps", stdio=stdio)
            self.assertEqual(child.read()["ready"]["operations"], ["double", "dumps"])
            self.assertEqual(child.call("double", 21)["ok"], 42)
            self.assertEqual(child.call("dumps", [1])["ok"], "[1]")

    def test_a_module_with_operations_is_served_by_its_name(self):
        child = self.run_script("plain_module", text=OPERATIONS)
        self.assertIn("in words", child.read()["ready"]["operations"])
        self.assertEqual(child.call("in words", 1)["ok"], "1")

    def test_functions_that_are_not_there_are_told(self):
        for name, said in [
            ("no_such_module:f", "no_such_module"),
            ("plain_module:triple", "triple"),
            ("plain_module", "plain_module:function"),
        ]:
            with self.subTest(name):
                self.assertIn(said, self.failure(self.run_script(name))["message"])

    def test_usage_is_told(self):
        for arguments in ([], ["--help"]):
            child = self.run_script(*arguments)
            self.assertEqual(child.code(), 2)
            self.assertIn("usage", child.words())

    def test_by_hand_it_says_how_to_be_tried(self):
        try:
            controlling, terminal = os.openpty()
        except OSError:
            self.skipTest("no terminals here")
        self.addCleanup(os.close, controlling)
        done = subprocess.run(
            [sys.executable, self.write("some_worker.py", OPERATIONS + "\nworker.serve()\n")],
            stdin=terminal,
            stderr=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=HERE),
            timeout=PATIENCE,
            check=False,
        )
        os.close(terminal)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"slackwater map --worker", done.stderr)


class RawCodec(KitTest):
    def raw(self, text=RAW, **options):
        child = self.child(text, environment={"SLACKWATER_CODEC": "raw", **options})
        ready = child.read_bytes()
        self.assertEqual(HEAD.unpack(ready[: HEAD.size]), (0, 0, 3))
        self.assertEqual(json.loads(ready[HEAD.size :])["operations"], ["turned"])
        return child

    def test_bytes_go_as_they_are(self):
        child = self.raw()
        for data in (b"", b"abc", bytes(range(256)) * 5000):
            self.assertEqual(child.call_raw(data, 7, 3), (3, 7, 1, data[::-1]))
        self.assertEqual(child.call_raw(b"numbers")[3], struct.pack("HH", 1, 2))

    def test_errors_are_told_and_it_lives(self):
        child = self.raw()
        for data, said in [(b"fail", "told"), (b"text", "bytes, not str")]:
            epoch, number, kind, body = child.call_raw(data, 7, 3)
            self.assertEqual((epoch, number, kind), (3, 7, 2))
            self.assertIn(said, json.loads(body)["message"])
        self.assertEqual(child.call_raw(b"ab"), (0, 1, 1, b"ba"))

    def test_an_answer_longer_than_a_frame_is_an_error(self):
        child = self.raw("from slackwater_worker import worker\n@worker.operation\ndef turned(d): return d * 9\n",
                         SLACKWATER_MAX_FRAME="5000")
        self.assertIn("max_frame", json.loads(child.call_raw(b"x" * 4000)[3])["message"])

    def test_ping_and_stop(self):
        child = self.raw()
        self.assertEqual(child.call_raw(b"", 9, 1, kind=5), (1, 9, 1, b""))
        child.send(HEAD.pack(0, 0, 6))
        self.assertEqual(child.code(), 0)

    def test_several_operations_are_refused(self):
        child = self.child(environment={"SLACKWATER_CODEC": "raw"})
        self.assertEqual(child.read_bytes()[: HEAD.size], HEAD.pack(0, 0, 4))
        self.assertEqual(child.code(), 1)

    def test_frames_that_are_none_end_it(self):
        for data, said in [(b"short", "5 bytes"), (HEAD.pack(0, 0, 3), "kind 3")]:
            child = self.raw()
            child.send(data)
            self.assertEqual(child.code(), 1)
            self.assertIn(said, child.words())


if __name__ == "__main__":
    unittest.main()
