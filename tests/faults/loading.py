"""Loads damaged versions of a file, one after another, in a process of its own: `python -m tests.faults.loading`.

Arguments: "rdb" or "aof", the file, and a folder to work in. Each damage is named before it is tried and its outcome
is told after it, as lines of JSON, so that a crash says what caused it.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wstore
from tests.faults import lives

MASKS = (0x01, 0x20, 0x80, 0xFF) if lives.ROUNDS else (0x01, 0xFF)


@dataclass(frozen=True)
class Outcome:
    """What came of loading a file: an error, or the data there is, the torn tail, and how many commands failed."""

    name: str
    error: str | None
    keys: int
    digest: str
    torn: dict | None
    refused: int
    valid: str | None


def damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The file as it is, cut at every length, and with each byte changed in several ways."""
    yield "whole", data
    for size in range(len(data)):
        yield f"cut {size}", data[:size]
    for at, byte in enumerate(data):
        for mask in MASKS:
            yield f"flip {at} {mask}", data[:at] + bytes([byte ^ mask]) + data[at + 1:]


def load(store: wstore.Store, name: str, path: Path, kind: str) -> Outcome:
    """Load a file into the store, which is emptied before."""
    said: list = []
    store.execute("FLUSHALL")
    store.load_begin([(str(path), kind)], lambda error, report: said.append((error, report)))
    [(error, report)] = said
    keys = sum(store.execute("SELECT", db) and store.execute("DBSIZE") for db in range(16))
    store.execute("SELECT", 0)
    return Outcome(name, error, keys, str(store.execute("DEBUG", "DIGEST")), report["torn"], report["errors"],
                   store.validate())


def main(kind: str, source: str, folder: str) -> None:
    path = Path(folder) / f"damaged.{kind}"
    with wstore.Store() as store:
        for name, data in damages(Path(source).read_bytes()):
            print(json.dumps(name), flush=True)
            path.write_bytes(data)
            print(json.dumps(load(store, name, path, kind).__dict__), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
