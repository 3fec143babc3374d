#!/usr/bin/env python3
"""Round trips and throughput of the same functions, by slackwater's workers and by Python's own pools of processes.

    python3 benches/process/peers.py [--rounds N] [--gate]

Installs loky, in the version below, into a folder of its own for programs' caches, and builds slackwater's part. All that compete are
alive during the whole run, with as many workers as there are cores, and take turns in blocks, so that what the machine does besides
hits all alike. Everybody is called as its documentation shows it, one call a message; slackwater's part is a program in Rust, as that
is where it is called from. What comes back is looked at.

The cases: an empty function; one that computes for 1 ms; a string of 1 MB of text and 1 MB of bytes, there and back. slackwater's
worker takes bytes by the raw codec, and strings by the raw codec too, decoded and encoded in the function; what they take as JSON
is a row of its own, beside the same peers, as its ends of lines have to be escaped. `multiprocessing.Pool.map` sends many calls in one message, which is
not a round trip each; its throughput is shown so as well, and nothing is wanted beside it.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time
import venv

LOKY = "loky==3.7.0"

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MEGABYTE = 1_000_000
TEXT = "the quick brown fox jumps over the lazy dog, and then again\n"

# Calls in a block, for latency and for throughput.
CASES = {"empty": (500, 2_000), "compute": (60, 200), "text": (20, 40), "bytes": (20, 40)}


def with_loky():
    """Goes on in an environment that has loky."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "slackwater" / f"{LOKY.replace('==', '-')}-python{sys.version_info[0]}.{sys.version_info[1]}"
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", LOKY], check=True)
        (folder / "complete").touch()
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def rounds_of_a_millisecond():
    """So many rounds of `compute` take 1 ms here, now and alone."""
    from functions import compute

    took = []
    for _ in range(20):
        begun = time.perf_counter()
        compute(10_000)
        took.append(time.perf_counter() - begun)
    return int(10_000 * 0.001 / min(took))


class Slackwater:
    name = "slackwater"

    def __init__(self, program, size):
        kit = ROOT / "workers" / "python" / "slackwater_worker.py"
        command = [program, sys.executable, kit, str(size)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def lap(self, measure, case, argument, count):
        size = argument if isinstance(argument, int) else len(argument)
        case = {"text": "raw_text", "text as JSON": "text"}.get(case, case)
        self.process.stdin.write(f"{measure} {case} {size} {count}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("slackwater's part ended; what it said is above")
        return [int(nanoseconds) / 1e9 for nanoseconds in answer.split()]

    def latencies(self, case, _, argument, count):
        return self.lap("latency", case, argument, count)

    def throughput(self, case, _, argument, count):
        return count / self.lap("throughput", case, argument, count)[0]

    def close(self):
        # Its standard input may be held open by others' workers, which were forked after it was started.
        self.process.stdin.write("end\n")
        self.process.stdin.close()
        self.process.wait()


class Peer:
    def __init__(self, name, pool):
        self.name, self.pool = name, pool

    def latencies(self, _, function, argument, count):
        took = []
        for _ in range(count):
            begun = time.perf_counter()
            same(self.call(function, argument), argument)
            took.append(time.perf_counter() - begun)
        return took

    def throughput(self, _, function, argument, count):
        begun = time.perf_counter()
        for back in self.all(function, [argument] * count):
            same(back, argument)
        return count / (time.perf_counter() - begun)


class Executor(Peer):
    def call(self, function, argument):
        return self.pool.submit(function, argument).result()

    def all(self, function, arguments):
        futures = [self.pool.submit(function, argument) for argument in arguments]
        return (future.result() for future in concurrent.futures.as_completed(futures))

    def close(self):
        self.pool.shutdown()


class Pool(Peer):
    def call(self, function, argument):
        return self.pool.apply(function, (argument,))

    def all(self, function, arguments):
        return self.pool.imap_unordered(function, arguments)

    def in_chunks(self, function, argument, count):
        begun = time.perf_counter()
        self.pool.map(function, [argument] * count)
        return count / (time.perf_counter() - begun)

    def close(self):
        self.pool.close()
        self.pool.join()


def same(back, sent):
    if isinstance(sent, (str, bytes)) and len(back) != len(sent):
        raise SystemExit("what came back is not what was sent")


def percentile(times, percent):
    return sorted(times)[min(len(times) - 1, int(len(times) * percent / 100))]


def span(seconds):
    return f"{seconds * 1e6:.0f} us" if seconds < 1e-2 else f"{seconds * 1e3:.1f} ms"


def main():
    with_loky()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="blocks of each case and competitor [20]")
    parser.add_argument("--gate", action="store_true", help="end with 1 if something wanted was missed")
    parser.add_argument("--program", help="slackwater's part, if it is built already")
    options = parser.parse_args()
    program = options.program
    if program is None:
        build = ["cargo", "build", "--release", "--features", "process", "--example", "process_laps", "--message-format", "json"]
        told = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        found = [part for part in told.replace(",", "\n").splitlines() if part.startswith('"executable":"')]
        program = found[-1].split('"')[3]

    sys.path.insert(0, str(HERE))
    os.environ["PYTHONPATH"] = str(HERE)
    import functions
    from loky import ProcessPoolExecutor as Loky

    size = os.cpu_count() or 1
    cases = {
        "empty": (functions.empty, 0),
        "compute": (functions.compute, rounds_of_a_millisecond()),
        "text": (functions.echo, (TEXT * MEGABYTE)[:MEGABYTE]),
        "bytes": (functions.echo, bytes(range(256)) * (MEGABYTE // 256)),
    }
    pool = Pool("multiprocessing.Pool", multiprocessing.Pool(size))
    peers = [Executor("ProcessPoolExecutor", concurrent.futures.ProcessPoolExecutor(size)), pool, Executor("loky", Loky(size))]
    ours = Slackwater(program, size)
    all_of_them = [ours, *peers]
    print(f"{size} workers, Python {sys.version.split()[0]}, {LOKY}; load {os.getloadavg()[0]:.1f} at the beginning")

    times = {}
    rates = {}
    chunks = {}
    for number in range(-1, options.rounds):
        for case, (function, argument) in cases.items():
            for_latency, for_throughput = CASES[case]
            # Each begins as often as the others.
            turn = number % len(all_of_them)
            for one in all_of_them[turn:] + all_of_them[:turn]:
                names = [case, "text as JSON"] if case == "text" and one is ours else [case]
                for name in names:
                    took = one.latencies(name, function, argument, for_latency)
                    rate = one.throughput(name, function, argument, for_throughput)
                    # The first round is for everybody to get warm.
                    if number >= 0:
                        times.setdefault((name, one.name), []).extend(took)
                        rates.setdefault((name, one.name), []).append(rate)
            if number >= 0:
                chunks.setdefault(case, []).append(pool.in_chunks(function, argument, for_throughput))
    for one in all_of_them:
        one.close()

    print(f"\n{'':14} {'':24} {'p50':>10} {'p99':>10} {'calls/s':>10}")
    figures = {}
    for (case, name), took in times.items():
        rate = statistics.median(rates[case, name])
        figures[case, name] = percentile(took, 50), percentile(took, 99), rate
        print(f"{case:14} {name:24} {span(figures[case, name][0]):>10} {span(figures[case, name][1]):>10} {rate:10.0f}")
    for case, found in chunks.items():
        print(f"{case:14} {'multiprocessing.Pool.map, in chunks':45} {statistics.median(found):12.0f}")

    print()
    missed = 0
    for case in [*cases, "text as JSON"]:
        for at, what in enumerate(["p50", "p99", "throughput"]):
            figure = figures[case, ours.name][at]
            theirs = [figures["text" if case == "text as JSON" else case, peer.name][at] for peer in peers]
            ahead = figure / max(theirs) if what == "throughput" else min(theirs) / figure
            missed += ahead <= 1
            print(f"wanted {case}: {what} ahead of the best peer: {ahead:.2f} x (> 1 x) {'ok' if ahead > 1 else 'MISS'}")
    sys.exit(1 if options.gate and missed else 0)


if __name__ == "__main__":
    main()
