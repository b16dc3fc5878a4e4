"""The registry of fuzzers: seeded, so that a failure repeats; each file of this folder adds its own.

A fuzzer is a function `(random, iterations)` that raises AssertionError when it finds something; `random` is a
`random.Random`.  The canary finds something with every seed: a run that does not report it is broken.
"""
import importlib
import random
from collections.abc import Callable
from pathlib import Path

Fuzzer = Callable[[random.Random, int], None]

CANARY = "canary"
_fuzzers: dict[str, Fuzzer] = {}


def fuzzer(name: str) -> Callable[[Fuzzer], Fuzzer]:
    """Decorator: register a fuzzer under `name`."""
    def register(function: Fuzzer) -> Fuzzer:
        assert name not in _fuzzers, f"fuzzer {name!r} is registered twice"
        _fuzzers[name] = function
        return function
    return register


def names() -> list[str]:
    """Names of all fuzzers but the canary, in order."""
    for path in sorted(Path(__file__).parent.glob("fuzz_*.py")):
        importlib.import_module(f"tests.fuzz.{path.stem}")
    return sorted(set(_fuzzers) - {CANARY})


def run(name: str, seed: int, iterations: int) -> None:
    """Run one fuzzer; AssertionError (or whatever broke) if it finds something."""
    _fuzzers[name](random.Random(f"{name}:{seed}"), iterations)


@fuzzer(CANARY)
def canary(rng: random.Random, iterations: int) -> None:
    """Among bytes all values turn up: claim that one does not."""
    seen = {byte for _ in range(max(iterations, 1)) for byte in rng.randbytes(8192)}
    assert 7 not in seen, "the canary sings"
