"""`Store.get` and `Store.set` in a Python loop, against `dict`, measured with pytest-benchmark.

Run as `python -m pytest bench/embedded.py --benchmark-enable`, or through `python -m bench.embedded`, which takes the
ratios of the medians, each the smallest of several rounds: a shared machine is slow for seconds at a time, and not for
both sides alike.  A loop walks a list of all keys; both sides hold the same keys and values.  With a thousand keys
everything stays in the nearest cache; a million is what a store is for.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest

import wstore
from bench.common import Table, show_all, verdict

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LIMIT_RATIO = 2.0
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(params=SIZES)
def names(request) -> list[bytes]:
    return [b"user:%09d" % i for i in range(request.param)]


@pytest.fixture
def store(names):
    with wstore.Store() as store:
        for i, name in enumerate(names):
            store.set(name, b"v%07d" % i)
        yield store


@pytest.fixture
def mapping(names) -> dict[bytes, bytes]:
    return {name: b"v%07d" % i for i, name in enumerate(names)}


def test_store_get(benchmark, names, store):
    def loop():
        for name in names:
            store.get(name)
    benchmark(loop)


def test_dict_get(benchmark, names, mapping):
    def loop():
        for name in names:
            mapping.get(name)
    benchmark(loop)


def test_store_set(benchmark, names, store):
    def loop():
        for name in names:
            store.set(name, b"w0000001")
    benchmark(loop)


def test_dict_set(benchmark, names, mapping):
    def loop():
        for name in names:
            mapping[name] = b"w0000001"
    benchmark(loop)


def run_pytest(seconds: float) -> dict[str, float]:
    """Median time of a call in ns, by the name of the test with its number of keys, as "test_store_get[1000]"."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.json"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "bench/embedded.py", "--benchmark-enable",
             f"--benchmark-max-time={seconds}", f"--benchmark-json={path}", "-p", "no:cacheprovider"],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        found = json.loads(path.read_text())["benchmarks"]
    return {row["name"]: row["stats"]["median"] / row["params"]["names"] * 1e9 for row in found}


def measure(seconds: float = 1.0, rounds: int = 3) -> list[Table]:
    """One table: ns a call for Store and dict, and their ratio."""
    runs = [run_pytest(seconds) for _ in range(rounds)]
    found = {name: min(run[name] for run in runs) for name in runs[0]}
    table = Table("Embedded: ns a call in a Python loop over all keys",
                  ["call", "keys", "Store", "dict", "ratio", "limit", ""])
    for keys in SIZES:
        for call in ("get", "set"):
            ours, theirs = found[f"test_store_{call}[{keys}]"], found[f"test_dict_{call}[{keys}]"]
            ratio = ours / theirs
            table.rows.append((call, keys, ours, theirs, ratio, LIMIT_RATIO, verdict(ratio, LIMIT_RATIO)))
    return [table]


@click.command(help=__doc__)
@click.option("--seconds", type=float, default=1.0, show_default=True, help="Time for each loop.")
@click.option("--rounds", type=int, default=3, show_default=True)
def main(seconds: float, rounds: int) -> None:
    show_all(measure(seconds, rounds))


if __name__ == "__main__":
    main()
