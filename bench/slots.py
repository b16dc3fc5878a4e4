"""Time to list one slot: GETKEYSINSLOT of the same keys among few keys and among a hundred times as many.

The listed slot holds the same keys in both servers (they share a hash tag); the rest differ in number. The time is
that of a pipeline of the same request, divided by its length; the shortest of many, as the machine allows.
"""
from __future__ import annotations

import time
from binascii import crc_hqx
from collections.abc import Sequence

import click

from bench.common import Table, client_core, load, median, open_server, say, show_all, verdict
from tests.processes import ServerProcess
from tests.resp import encode

LIMIT_RATIO = 3.0
TAG = "listed"
SLOT = crc_hqx(TAG.encode(), 0) % 16384
REPEATS = 200
DEPTH = 10


def fill(server: ServerProcess, total: int, listed: int) -> None:
    """`total` keys, `listed` of them in SLOT by their tag; few others may fall into it too."""
    load(server.port, (("SET", f"{{{TAG}}}:{i:06d}", "v") for i in range(listed)))
    load(server.port, (("SET", f"user:{i:09d}", "v") for i in range(total - listed)))


def times_us(server: ServerProcess, count: int) -> list[float]:
    """Time of one GETKEYSINSLOT with this count, from pipelines of DEPTH of them; replies are not parsed."""
    command = encode(("CLUSTER", "GETKEYSINSLOT", SLOT, count))
    took = []
    with server.connect() as connection:
        keys = connection.call("CLUSTER", "GETKEYSINSLOT", SLOT, count).items
        if len(keys) != count:
            raise RuntimeError(f"slot {SLOT} listed {len(keys)} keys, not {count}")
        reply_bytes = len(encode([key.data for key in keys]))
        for _ in range(REPEATS):
            start = time.perf_counter()
            connection.send_raw(command * DEPTH)
            missing = reply_bytes * DEPTH
            while missing > 0:
                missing -= len(connection.sock.recv(1 << 20))
            took.append((time.perf_counter() - start) / DEPTH * 1e6)
    return took


def measure(sizes: Sequence[int] = (50_000, 5_000_000), counts: Sequence[int] = (3, 300)) -> list[Table]:
    """One table; the first of `sizes` is the base of the ratio."""
    table = Table("CLUSTER GETKEYSINSLOT: the same slot among more and more keys",
                  ["keys listed", "keys in all", "us (shortest)", "us (median)", "ratio", "limit", ""])
    rows = []
    for total in sizes:
        with open_server("wstore") as server, client_core():
            fill(server, total, max(counts))
            for count in counts:
                took = times_us(server, count)
                rows.append((count, total, min(took), median(took)))
            say(f"slots: {total:,} keys done")
    base = {count: shortest for count, total, shortest, _ in rows if total == sizes[0]}
    for count, total, shortest, typical in sorted(rows):
        ratio = shortest / base[count]
        table.rows.append((count, f"{total:,}", shortest, typical, ratio, LIMIT_RATIO, verdict(ratio, LIMIT_RATIO)))
    return [table]


@click.command(help=__doc__)
@click.option("--keys", "sizes", multiple=True, type=int, default=(50_000, 5_000_000), show_default=True,
              help="Keys in all; several, the first is the base.")
@click.option("--listed", "counts", multiple=True, type=int, default=(3, 300), show_default=True,
              help="Keys of the slot to list; several.")
def main(**options) -> None:
    show_all(measure(**options))


if __name__ == "__main__":
    main()
