#!/usr/bin/env python3
"""The strongest frequencies of a signal: a worker with numpy, and without it where there is none.

    printf '[0, 1, 0, -1, 0, 1, 0, -1]\n' | slackwater map --worker 'python3 workers/python/spectrum.py'
"""

import cmath
from importlib import import_module
from typing import Any, Dict, Iterable, List

from slackwater_worker import worker

try:
    # Before the worker is ready, so that no request waits for it.
    numpy: Any = import_module("numpy")
except ImportError:
    numpy = None


@worker.warm
def first_call() -> None:
    """The first call of much is slower than the others: here before anybody waits."""
    strengths([0.0] * 64)


def strengths(samples: List[float]) -> Iterable[float]:
    if numpy is not None:
        spectrum: Iterable[float] = numpy.abs(numpy.fft.rfft(samples))
        return spectrum
    count = len(samples)
    turns = [cmath.exp(-2j * cmath.pi * n / count) for n in range(count)]
    return [abs(sum(x * turns[k * n % count] for n, x in enumerate(samples))) for k in range(count // 2 + 1)]


@worker.operation
def spectrum(samples: List[float]) -> Dict[str, Any]:
    """The three strongest, strongest first: [[waves in the signal, strength], ...]."""
    found = enumerate(strengths(samples))
    best = sorted(((round(float(strength), 6), wave) for wave, strength in found), key=lambda each: (-each[0], each[1]))
    return {"by": "numpy" if numpy is not None else "python", "strongest": [[wave, s] for s, wave in best[:3]]}


if __name__ == "__main__":
    worker.serve()
