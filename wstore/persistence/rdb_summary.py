"""What an RDB file holds, in numbers: one pass over its records, values untouched."""
from __future__ import annotations

import bisect
import heapq
import time
from dataclasses import dataclass, field

import numpy

from wstore.engine._engine import key_slot
from wstore.persistence.rdb import KINDS, NO_EXPIRY, SLOTS, RdbFile

MINUTE, HOUR, DAY = 60, 3600, 86400
TTL_BOUNDS_S = (0, MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY)
TTL_NAMES = ("expired", "up to a minute", "up to an hour", "up to a day", "up to a week", "up to 30 days",
             "up to a year", "more than a year")
PROGRESS_EVERY = 4096


@dataclass
class Tally:
    """Keys of one sort: how many, how many of them with a TTL, bytes in the file."""
    keys: int = 0
    expires: int = 0
    size_bytes: int = 0

    def add(self, size_bytes: int, expires: bool) -> None:
        self.keys += 1
        self.expires += expires
        self.size_bytes += size_bytes


@dataclass
class Summary:
    total: Tally = field(default_factory=Tally)
    kinds: dict[tuple[str, str], Tally] = field(default_factory=dict)       # (type, encoding)
    databases: dict[int, Tally] = field(default_factory=dict)
    slots: numpy.ndarray = field(default_factory=lambda: numpy.zeros(SLOTS, dtype=numpy.int64))
    ttls: list[int] = field(default_factory=lambda: [0] * len(TTL_NAMES))
    biggest: list[tuple[int, bytes, str, int]] = field(default_factory=list)    # size, key, type, database; falling


def summarize(file: RdbFile, top: int, progress=lambda: None, now_ms: int | None = None) -> Summary:
    """Count the records of the file; `progress()` is called now and then. RdbError as from iterating it."""
    found = Summary()
    bounds = [(time.time_ns() // 1_000_000 if now_ms is None else now_ms) + 1000 * bound for bound in TTL_BOUNDS_S]
    by_type: dict[int, Tally] = {}
    slots = [0] * SLOTS
    biggest: list = []
    for number, item in enumerate(file.items()):
        if item[0] != "record":
            continue
        _, key, rdb_type, expire_ms, db, offset, at, length = item
        size = at + length - offset
        expires = expire_ms != NO_EXPIRY
        for tallies, name in ((by_type, rdb_type), (found.databases, db)):
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = Tally()
            tally.add(size, expires)
        slots[key_slot(key)] += 1
        if expires:
            found.ttls[bisect.bisect_left(bounds, expire_ms)] += 1
        if len(biggest) < top:
            heapq.heappush(biggest, (size, key, rdb_type, db))
        elif top and size > biggest[0][0]:
            heapq.heapreplace(biggest, (size, key, rdb_type, db))
        if number % PROGRESS_EVERY == 0:
            progress()
    found.slots[:] = slots
    found.biggest = [(size, key, KINDS[kind][0], db) for size, key, kind, db in sorted(biggest, reverse=True)]
    finish(found, by_type)
    return found


def finish(found: Summary, by_type: dict[int, Tally]) -> None:
    """Types by name, and the sum of all."""
    for number, tally in by_type.items():
        for into in (found.kinds.setdefault(KINDS[number], Tally()), found.total):
            into.keys += tally.keys
            into.expires += tally.expires
            into.size_bytes += tally.size_bytes
