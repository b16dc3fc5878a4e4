"""Long fuzzing: python -m tests.fuzz [--seconds 60] [--seed N] [NAME ...]

Runs each fuzzer (default: all of them) with one seed after the other until its time is over.  A finding ends the
run with the command that repeats it.
"""
import argparse
import secrets
import sys
import time

from tests.fuzz import registry

ITERATIONS = 500


def fuzz(name: str, first_seed: int, seconds: float) -> int:
    """Run one fuzzer for some time; the number of seeds tried."""
    deadline = time.monotonic() + seconds
    seed = first_seed
    while True:
        try:
            registry.run(name, seed, ITERATIONS)
        except BaseException:
            print(f"\n{name}: seed {seed}; again: python -m tests.fuzz --seed {seed} --seconds 0 {name}", flush=True)
            raise
        seed += 1
        if time.monotonic() >= deadline:
            return seed - first_seed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Run fuzzers for long.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=60, help="time for each fuzzer")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    options = parser.parse_args()
    known = registry.names()
    unknown = set(options.names) - {*known, registry.CANARY}
    if unknown:
        sys.exit(f"no such fuzzer: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    for name in options.names or known:
        tried = fuzz(name, options.seed, options.seconds)
        print(f"{name}: {tried} seeds from {options.seed} on, nothing found", flush=True)


if __name__ == "__main__":
    main()
