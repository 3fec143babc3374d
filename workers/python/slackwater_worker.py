#!/usr/bin/env python3
"""A worker for slackwater, in Python: this one file, the standard library, Python 3.9 and later.

    from slackwater_worker import worker

    @worker.warm
    def load():                       # before the worker says that it is ready
        global model
        model = expensive()

    @worker.operation
    def score(args):                  # one JSON value in, one out
        return model.score(args["text"])

    if __name__ == "__main__":
        worker.serve()

or, without a line of it in your own code:

    python3 slackwater_worker.py yourmodule:score

What to know, and nothing of it needs to be set:

- One request at a time, on the main thread. A ping is answered between two requests, not during one: an operation that hangs
  answers no ping, and that is how the parent knows.
- What an operation raises is the caller's error, with type, message and traceback, and the worker lives. So is `sys.exit()` in it, an
  unknown operation, an answer that JSON has no form for, and one longer than a frame may be. `os._exit` ends the worker.
- NaN and the infinities are no JSON. An answer that has one is an error; so is a request. Objects with a `tolist` method (numpy's) are
  sent as what it gives; `Worker(default=...)` tells how to send others. Dicts with keys that are no strings get them as strings.
- What is printed goes to standard error: the channel to the parent is not on standard output. Where the parent does not give it
  descriptors of its own (`SLACKWATER_IN`, `SLACKWATER_OUT`) it is on 0 and 1 until `serve` moves it away: then print nothing before,
  and do what prints in a `warm` function.
- It ends by itself, with code 0, after the running request when the parent says stop or closes the channel; and at once when
  nobody is left to take an answer, whatever it is busy with. Ctrl-C is for the parent to act on, and ignored here.
- What is in memory when the last `warm` function returns is left alone by the garbage collector (`gc.freeze`).
"""

from __future__ import annotations

import gc
import importlib
import inspect
import io
import json
import os
import re
import select
import signal
import struct
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, Tuple, TypeVar, Union, overload

__all__ = ["Worker", "worker", "operation", "warm", "serve"]

PROTOCOL = 1
MAX_FRAME = 64 << 20

# Kinds of frames in the raw codec.
REQUEST, OK, ERROR, READY, FAILED, PING, STOP = range(7)
RAW_HEAD = struct.Struct(">IIB")
LENGTH = struct.Struct(">I")

# What a buffer has at first, and what it may keep from a large frame for the next.
SMALL_BUFFER = 64 << 10
KEPT_BUFFER = 8 << 20

# From this frame on the C library is told to keep freed blocks: what it is told, and the bytes that may be kept.
LARGE_FRAME = 128 << 10
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BLOCK = 16 << 20
KEPT_FREE = 32 << 20

# Seconds between two looks whether the parent is still the same. Its end is seen at once on the channel; the look is for the
# case that somebody else holds the channel open.
PARENT_LOOK = 5.0
GRACE = 2.0

# Characters of a message or traceback that go to the parent.
LONGEST_TEXT = 32 << 10

# From this length on strings are escaped by hand, and looked through in pieces that stay in the processor's cache.
LONG_STRING = 1 << 10
PIECE = 32 << 10
CONTROLS = bytes(range(32))
# The backslash first, as the others bring some.
ESCAPES = [(b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t")]
REQUEST_HEAD = re.compile(rb'\{"id":(\d+),"epoch":(\d+),"op":"([^"\\]*)","args":"')
IDS = re.compile(rb'\s*\{\s*"id"\s*:\s*(\d+)\s*,\s*"epoch"\s*:\s*(\d+)')

Operation = Callable[[Any], Any]
F = TypeVar("F", bound=Callable[..., Any])
Buffer = Union[bytes, bytearray, memoryview]


class ChannelError(Exception):
    """The channel does not carry what it should. Nothing after it can be trusted."""


class _Channel:
    """Frames, each behind its length, out of one descriptor and into another."""

    def __init__(self, source: int, sink: int, max_frame: int) -> None:
        self.source = source
        self.sink = sink
        self.max_frame = max_frame
        # Whether a request runs. Else who reads sees the end of the channel by itself.
        self.busy = False
        self._buffer = bytearray(SMALL_BUFFER)
        self._start = self._end = 0

    def read(self) -> Optional[Tuple[bytearray, int, int]]:
        """A buffer, and from where to where the next frame is in it, until the next call. `None` at the end."""
        while True:
            start = self._start
            have = self._end - start
            need = 4
            if have >= 4:
                (length,) = LENGTH.unpack_from(self._buffer, start)
                if not 0 < length <= self.max_frame:
                    raise ChannelError(
                        f"a frame of {length} bytes, where 1 to {self.max_frame} are allowed; "
                        "is something else writing to this channel?"
                    )
                need += length
                if have >= need:
                    self._start += need
                    return self._buffer, start + 4, start + need
            self._make_room(need)
            with memoryview(self._buffer) as view, view[self._end :] as room:
                read = os.readv(self.source, [room])
            if read == 0:
                if have:
                    raise ChannelError(f"the channel ended {have} bytes into a frame")
                return None
            self._end += read

    def _make_room(self, need: int) -> None:
        start, end = self._start, self._end
        if start == end:
            self._start = self._end = start = end = 0
            if need <= SMALL_BUFFER < KEPT_BUFFER < len(self._buffer):
                self._buffer = bytearray(SMALL_BUFFER)
        if start + need <= len(self._buffer):
            return
        rest = self._buffer[start:end]
        if need > len(self._buffer):
            if need > LARGE_FRAME:
                _keep_large_blocks()
            self._buffer = bytearray(need + SMALL_BUFFER)
        self._buffer[: len(rest)] = rest
        self._start, self._end = 0, len(rest)

    def write(self, parts: List[Buffer]) -> None:
        """One frame, in one call where the system takes it in one."""
        total = sum(map(len, parts))
        head = LENGTH.pack(total)
        if total < SMALL_BUFFER:
            parts = [b"".join([head, *parts])]
            total = len(parts[0])
        else:
            parts = [head, *parts]
            total += 4
        written = os.writev(self.sink, parts)
        while written < total:
            rest = memoryview(b"".join(parts))[written:]
            parts, total = [rest], len(rest)
            written = os.write(self.sink, rest)


class _Json:
    """Envelopes of JSON around requests and answers."""

    def __init__(self, default: Callable[[Any], Any]) -> None:
        # What `json.loads` calls, without its search for white space.
        self._scan: Callable[[str, int], Tuple[Any, int]] = getattr(
            json.JSONDecoder(parse_constant=_no_constant), "scan_once"
        )
        # One encoder, as `json.dumps` with options makes one each time. Not ASCII: a character that is no character (a lone
        # surrogate) must not get out, as the parent could not read the frame.
        self._encode = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default
        ).encode

    def request(self, buffer: bytearray, start: int, end: int) -> Dict[str, Any]:
        if end - start > LONG_STRING:
            head = REQUEST_HEAD.match(buffer, start, end)
            # A string in which nothing is escaped is taken as it is.
            if (
                head
                and buffer.endswith(b'"}', start, end)
                and buffer.find(b'"', head.end(), end) == end - 2
                and buffer.find(b"\\", head.end(), end) < 0
            ):
                with memoryview(buffer) as view:
                    args = str(view[head.end() : end - 2], "utf-8")
                return {"id": int(head[1]), "epoch": int(head[2]), "op": str(head[3], "utf-8"), "args": args}
        with memoryview(buffer) as view:
            text = str(view[start:end], "utf-8").strip()
        try:
            request, stop = self._scan(text, 0)
        except StopIteration:
            raise ValueError("not JSON") from None
        if not isinstance(request, dict) or stop != len(text):
            raise ValueError("not a JSON object")
        return request

    def value(self, value: Any) -> bytes:
        text: str = self._encode(value)
        return text.encode()

    def answer(self, ids: Tuple[int, int], value: Any) -> List[Buffer]:
        if type(value) is str and len(value) >= LONG_STRING:
            escaped = _escaped(value)
            if escaped is not None:
                return [b'{"id":%d,"epoch":%d,"ok":"' % ids, escaped, b'"}']
        return self.envelope(ids, b"ok", self.value(value))

    @staticmethod
    def envelope(ids: Tuple[int, int], kind: bytes, body: bytes) -> List[Buffer]:
        return [b'{"id":%d,"epoch":%d,"%b":%b}' % (*ids, kind, body)]


class Worker:
    """Operations, and what serves them to a parent.

    `max_frame`: bytes of the longest request and answer. Default: what the parent says (`SLACKWATER_MAX_FRAME`), else 64 MiB.
    `default`: as in `json.dumps`, for objects that JSON has no form for. Default: their `tolist()`, if they have it.
    """

    def __init__(self, *, max_frame: Optional[int] = None, default: Optional[Callable[[Any], Any]] = None) -> None:
        self._operations: Dict[str, Operation] = {}
        self._warm: List[Callable[[], object]] = []
        self._max_frame = max_frame
        self._json = _Json(default or _tolist)

    @overload
    def operation(self, function: F) -> F: ...
    @overload
    def operation(self, function: None = None, *, name: Optional[str] = None) -> Callable[[F], F]: ...
    def operation(self, function: Optional[F] = None, *, name: Optional[str] = None) -> Any:
        """Offers a function of one argument by its name, or another: `@worker.operation(name="score")`."""
        if function is None:
            return lambda function: self._add(function, name)
        return self._add(function, name)

    def _add(self, function: F, name: Optional[str]) -> F:
        if not callable(function):
            raise TypeError("@worker.operation is for functions; another name is given as name=...")
        name = name or getattr(function, "__name__", "")
        if not name:
            raise TypeError(f"{function!r} has no name; give one: @worker.operation(name=...)")
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise TypeError(
                f"{name} gives a coroutine or a generator, which is no answer; call asyncio.run(...) or list(...) in it"
            )
        if name in self._operations:
            raise ValueError(f"there is an operation {name!r} already; give this one another name: name=...")
        self._operations[name] = function
        return function

    def warm(self, function: Callable[[], object]) -> Callable[[], object]:
        """Calls the function before the worker says that it is ready. What it raises is told, and ends the worker."""
        self._warm.append(function)
        return function

    def serve(self, *, codec: Optional[str] = None) -> NoReturn:
        """Answers requests until the parent has no more. Does not return.

        `codec`: "json", or "raw" for the one operation that takes and gives bytes. Default: what the parent says
        (`SLACKWATER_CODEC`), else "json".
        """
        codec = codec or os.environ.get("SLACKWATER_CODEC") or "json"
        channel = _open_channel(self._max_frame)
        try:
            code = _Server(self._operations, self._warm, self._json, channel, codec).run()
        except ChannelError as error:
            code = _last_words(str(error))
        except ConnectionError:
            # Nobody takes the answer. The parent knows why.
            code = 1
        # Not by way of an exception, which a caller could hold up; but `atexit` and open files have their turn.
        sys.exit(code)


class _Server:
    """One run of a worker."""

    def __init__(
        self,
        operations: Dict[str, Operation],
        warm: Sequence[Callable[[], object]],
        encoding: _Json,
        channel: _Channel,
        codec: str,
    ) -> None:
        self._operations = operations
        self._warm = warm
        self._json = encoding
        self._channel = channel
        self._codec = codec
        self._pid = os.getpid()
        self._longest_text = max(64, min(LONGEST_TEXT, channel.max_frame // 32))

    def run(self) -> int:
        _ignore_interrupts()
        _watch_parent(self._channel)
        try:
            if self._codec not in ("json", "raw"):
                raise ValueError(f'unknown codec {self._codec!r}; it is "json" or "raw"')
            for function in self._warm:
                function()
            names = list(self._operations)
            if not names:
                raise ValueError("no operations; put @worker.operation before a function")
            if self._codec == "raw" and len(names) > 1:
                raise ValueError(f"the raw codec has no names, so a worker has one operation, not {', '.join(names)}")
        except BaseException as error:
            # Also on standard error, for who looks there.
            traceback.print_exc()
            self._hello("failed", FAILED, self._error(error))
            return 1
        gc.collect()
        gc.freeze()
        self._hello("ready", READY, {"protocol": PROTOCOL, "pid": os.getpid(), "operations": names})
        return self._serve_raw(self._operations[names[0]]) if self._codec == "raw" else self._serve_json()

    def _hello(self, key: str, kind: int, value: Dict[str, Any]) -> None:
        if self._codec == "raw":
            self._channel.write([RAW_HEAD.pack(0, 0, kind), self._json.value(value)])
        else:
            self._channel.write([self._json.value({key: value})])

    def _serve_json(self) -> int:
        channel = self._channel
        while True:
            frame = channel.read()
            if frame is None:
                return 0
            channel.busy = True
            answer = self._answer_json(frame)
            if answer is None:
                return 0
            self._check_process()
            channel.busy = False
            channel.write(answer)
            # Not while the next request is waited for: it may be large.
            del answer

    def _answer_json(self, frame: Tuple[bytearray, int, int]) -> Optional[List[Buffer]]:
        encoding = self._json
        ids = None
        # Whatever is raised here is the operation's, or of its request or answer.
        try:
            request = encoding.request(*frame)
            if request.get("stop"):
                return None
            ids = request["id"], request["epoch"]
            if "op" in request:
                name = request["op"]
                function = self._operations.get(name)
                if function is None:
                    raise UnknownOperation(name, self._operations)
                answer = encoding.answer(ids, function(request.get("args")))
                length = sum(map(len, answer))
                if length > self._channel.max_frame:
                    raise AnswerTooLong(length, self._channel.max_frame)
                return answer
            if request.get("ping"):
                return encoding.envelope(ids, b"ok", b"null")
            raise ValueError("neither an operation nor a ping")
        except BaseException as error:
            told = encoding.value(self._error(error))
            return encoding.envelope(ids or _ids_of(frame, error), b"error", told)

    def _serve_raw(self, function: Operation) -> int:
        channel = self._channel
        while True:
            frame = channel.read()
            if frame is None:
                return 0
            channel.busy = True
            buffer, start, end = frame
            if end - start < RAW_HEAD.size:
                raise ChannelError(f"a raw frame of {end - start} bytes, where {RAW_HEAD.size} are its head")
            epoch, number, kind = RAW_HEAD.unpack_from(buffer, start)
            if kind == STOP:
                return 0
            if kind == PING:
                kind, body = OK, memoryview(b"")
            elif kind == REQUEST:
                kind, body = self._answer_raw(function, buffer, start + RAW_HEAD.size, end)
            else:
                raise ChannelError(f"a raw frame of kind {kind}, which is no request")
            self._check_process()
            channel.busy = False
            channel.write([RAW_HEAD.pack(epoch, number, kind), body])
            del body

    def _answer_raw(self, function: Operation, buffer: bytearray, start: int, end: int) -> Tuple[int, memoryview]:
        try:
            with memoryview(buffer) as view:
                args = bytes(view[start:end])
            answer = function(args)
            if not isinstance(answer, (bytes, bytearray, memoryview)):
                raise TypeError(f"in the raw codec an answer is bytes, not {type(answer).__name__}")
            body = memoryview(answer).cast("B")
            if len(body) + RAW_HEAD.size > self._channel.max_frame:
                raise AnswerTooLong(len(body), self._channel.max_frame)
            return OK, body
        except BaseException as error:
            return ERROR, memoryview(self._json.value(self._error(error)))

    def _check_process(self) -> None:
        # A child made by an operation with fork, which came back from it.
        if os.getpid() != self._pid:
            os._exit(1)

    def _error(self, error: BaseException) -> Dict[str, str]:
        longest = self._longest_text
        # The first entry is this file's call of the operation.
        trace = error.__traceback__
        if trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        try:
            message = str(error)
        except Exception as broken:
            message = f"<no message: str() of it raised {type(broken).__name__}>"
        try:
            lines = traceback.format_exception(type(error), error, trace)
        except Exception as broken:
            lines = [f"<no traceback: formatting it raised {type(broken).__name__}>"]
        told = {
            "type": type(error).__qualname__,
            "message": message,
            # Where it was raised stands last.
            "traceback": "".join(lines)[-longest:],
        }
        return {key: text[:longest].encode("utf-8", "backslashreplace").decode() for key, text in told.items()}


class UnknownOperation(LookupError):
    """A request for what this worker does not offer."""

    def __init__(self, name: object, known: Dict[str, Operation]) -> None:
        super().__init__(f"no operation {name!r}; this worker has {', '.join(known)}")


class AnswerTooLong(ValueError):
    """An answer that no frame takes."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"an answer of {length} bytes does not fit into a frame of {limit}; give less, or raise max_frame")


def _keep_large_blocks() -> None:
    """glibc gives a freed block of a megabyte back to the system, and has the next one page by page: a third to a half of the time of
    a large request. Elsewhere there is nothing to be told."""
    try:
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK)
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE)


def _escaped(text: str) -> Optional[bytes]:
    """What stands between the quotes of a long string, in half the encoder's time. `None` if there are rare characters in it."""
    escaped = text.encode()
    for character, stands_for_it in ESCAPES:
        if character in escaped:
            escaped = escaped.replace(character, stands_for_it)
    for start in range(0, len(escaped), PIECE):
        piece = escaped[start : start + PIECE]
        if len(piece.translate(None, CONTROLS)) != len(piece):
            return None
    return escaped


def _tolist(value: Any) -> Any:
    tolist = getattr(value, "tolist", None)
    if callable(tolist):
        return tolist()
    raise TypeError(f"JSON has no form for {type(value).__name__}; give dicts, lists, strings, numbers, booleans or None")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _ids_of(frame: Tuple[bytearray, int, int], error: BaseException) -> Tuple[int, int]:
    """Of a request that could not be read: too deep, mostly. Without them nobody can be told."""
    ids = IDS.match(*frame)
    if ids is None:
        raise ChannelError(f"a frame that is no request: {error}") from error
    return int(ids[1]), int(ids[2])


def _open_channel(max_frame: Optional[int]) -> _Channel:
    """Takes the channel to where nothing that user code does by habit comes by."""
    numbers = os.environ.pop("SLACKWATER_IN", None), os.environ.pop("SLACKWATER_OUT", None)
    if numbers[0] is not None and numbers[1] is not None:
        source, sink = int(numbers[0]), int(numbers[1])
    elif os.isatty(0):
        raise SystemExit(
            "this is a worker, which a parent talks to over a channel; try it so:\n"
            "  echo '{\"any\": \"JSON\"}' | slackwater map --worker '" + " ".join(["python3", *sys.argv]) + "'"
        )
    else:
        source, sink = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    # Not flushed before: what was printed up to here is on its way to the channel, and goes elsewhere now.
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What was printed before a crash is wanted.
        sys.stdout.reconfigure(line_buffering=True)
    for descriptor in {source, sink}:
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, True)

    def close() -> None:
        for descriptor in {source, sink}:
            os.close(descriptor)

    # A fork without exec would keep the channel open after this process, and the parent would wait for its end.
    os.register_at_fork(after_in_child=close)
    said = os.environ.get("SLACKWATER_MAX_FRAME")
    return _Channel(source, sink, max_frame or (int(said) if said else MAX_FRAME))


def _ignore_interrupts() -> None:
    # A handler that does nothing, as "ignore" would go on to the processes that operations start.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda number, frame: None)


def _watch_parent(channel: _Channel) -> None:
    """Ends this process once nobody is there to take an answer, also during a request."""
    parent = os.getppid()
    pid = os.getpid()
    poll = select.poll()
    # No events: errors and hang-ups are always told.
    poll.register(channel.sink, 0)

    def watch() -> None:
        while not poll.poll(PARENT_LOOK * 1000) and os.getppid() == parent:
            pass
        if not channel.busy:
            time.sleep(GRACE)
        group = os.getpgrp() == pid
        # First so that it can be handled. What operations started is in the group, if the group is ours.
        os.killpg(pid, signal.SIGTERM) if group else os.kill(pid, signal.SIGTERM)
        time.sleep(GRACE)
        os.killpg(pid, signal.SIGKILL) if group else os._exit(1)

    threading.Thread(target=watch, name="slackwater: watches the parent", daemon=True).start()


def _last_words(why: str) -> int:
    print(f"slackwater worker: {why}", file=sys.stderr, flush=True)
    return 1


worker = Worker()
operation = worker.operation
warm = worker.warm
serve = worker.serve


def _find(name: str) -> None:
    """Offers what `module`, or `module:function`, names."""
    module_name, _, function_name = name.partition(":")
    module = importlib.import_module(module_name)
    if not function_name:
        if not worker._operations:
            raise LookupError(f"{module_name} offers no operation; name a function: {module_name}:function")
        return
    function: Any = module
    for part in function_name.split("."):
        function = getattr(function, part)
    if worker._operations.get(function_name) is not function:
        worker.operation(name=function_name)(function)


def _main(arguments: List[str]) -> NoReturn:
    codec = "raw" if "--raw" in arguments else None
    names = [name for name in arguments if name != "--raw"]
    if not names or any(name.startswith("-") for name in names):
        print("usage: slackwater_worker.py [--raw] MODULE[:FUNCTION] ...", file=sys.stderr)
        sys.exit(2)
    # The module that has the functions imports this file by its name, and shall find this very one.
    sys.modules.setdefault("slackwater_worker", sys.modules[__name__])
    if "" not in sys.path:
        sys.path.insert(0, "")
    # As the first thing before ready: what fails is told as such.
    worker._warm[:0] = [lambda name=name: _find(name) for name in names]  # type: ignore[misc]
    worker.serve(codec=codec)


if __name__ == "__main__":
    _main(sys.argv[1:])
