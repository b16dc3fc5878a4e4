"""`Store.get` and `Store.set` in a Python loop, against `dict`, measured with pytest-benchmark.

Run as `python -m pytest bench/embedded.py --benchmark-enable`, or through `python -m bench.report`, which takes the
ratios of the medians.  A loop walks a list of 1000 keys; both sides hold the same keys and values.
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

KEYS = 1000
LIMIT_RATIO = 2.0
ROOT = Path(__file__).resolve().parent.parent
NAMES = [b"user:%09d" % i for i in range(KEYS)]
VALUES = [b"v%07d" % i for i in range(KEYS)]


@pytest.fixture
def store():
    with wstore.Store() as store:
        for name, value in zip(NAMES, VALUES, strict=True):
            store.set(name, value)
        yield store


@pytest.fixture
def mapping() -> dict[bytes, bytes]:
    return dict(zip(NAMES, VALUES, strict=True))


def test_store_get(benchmark, store):
    def loop():
        for name in NAMES:
            store.get(name)
    benchmark(loop)


def test_dict_get(benchmark, mapping):
    def loop():
        for name in NAMES:
            mapping.get(name)
    benchmark(loop)


def test_store_set(benchmark, store):
    def loop():
        for name in NAMES:
            store.set(name, b"w0000001")
    benchmark(loop)


def test_dict_set(benchmark, mapping):
    def loop():
        for name in NAMES:
            mapping[name] = b"w0000001"
    benchmark(loop)


def run_pytest(seconds: float) -> dict[str, float]:
    """Median time of a call in ns, by the name of the test."""
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
    return {row["name"]: row["stats"]["median"] / KEYS * 1e9 for row in found}


def measure(seconds: float = 1.0) -> list[Table]:
    """One table: ns a call for Store and dict, and their ratio."""
    found = run_pytest(seconds)
    table = Table(f"Embedded: ns a call in a Python loop over {KEYS} keys",
                  ["call", "Store", "dict", "ratio", "limit", ""])
    for call in ("get", "set"):
        ours, theirs = found[f"test_store_{call}"], found[f"test_dict_{call}"]
        table.rows.append((call, ours, theirs, ours / theirs, LIMIT_RATIO, verdict(ours / theirs, LIMIT_RATIO)))
    return [table]


@click.command(help=__doc__)
@click.option("--seconds", type=float, default=1.0, show_default=True, help="Time for each of the four loops.")
def main(seconds: float) -> None:
    show_all(measure(seconds))


if __name__ == "__main__":
    main()
