"""Bytes a key: growth of a server's Pss by a load, divided by its keys; and what churn leaves behind.

The churn load keeps the number of keys: ten times it deletes a random half and adds as many new keys with values
of 4 to 40 bytes; then its memory is compared with a fresh server that gets the same final data once.
"""
from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

import click

from bench.common import (
    SETTLE_S,
    Table,
    client_core,
    label_of,
    load,
    open_server,
    pss_bytes,
    say,
    server_option,
    show_all,
    verdict,
)
from tests.processes import ServerProcess

LIMITS_BYTES = {"str": 36, "int": 30, "ttl": 42, "v32": 66}
CHURN_LIMIT = 1.15
CHURN_ROUNDS = 10
SEED = 20_240_607
Command = tuple


def shape_str(count: int) -> Iterator[Command]:
    """14-byte key, 8-byte value."""
    for i in range(count):
        yield "SET", f"user:{i:09d}", f"v{i % 10_000_000:07d}"


def shape_int(count: int) -> Iterator[Command]:
    """14-byte key, random integer up to 2^31."""
    rng = random.Random(SEED)
    for i in range(count):
        yield "SET", f"cntr:{i:09d}", rng.randrange(1 << 31)


def shape_ttl(count: int) -> Iterator[Command]:
    """14-byte key, 8-byte value, a TTL of about a day."""
    for i in range(count):
        yield "SET", f"sess:{i:09d}", f"v{i % 10_000_000:07d}", "EX", 80_000 + i % 10_000


def shape_v32(count: int) -> Iterator[Command]:
    """20-byte key, 32-byte value."""
    rng = random.Random(SEED)
    for i in range(count):
        yield "SET", f"feed:item:{i:010d}", f"{rng.getrandbits(128):032x}"


SHAPES = {"str": shape_str, "int": shape_int, "ttl": shape_ttl, "v32": shape_v32}


def growth_bytes(server: ServerProcess, *loads: Iterator[Command]) -> int:
    """Growth of the server's Pss by these loads, after it had time to settle."""
    before = pss_bytes(server.pid)
    for commands in loads:
        load(server.port, commands)
    time.sleep(SETTLE_S)
    return pss_bytes(server.pid) - before


def measure_shapes(servers: Sequence[str], shapes: Sequence[str], sizes: Sequence[int]) -> Table:
    table = Table("Memory: bytes a key (growth of Pss)", ["load", "keys", *map(label_of, servers), "limit", ""])
    for shape in shapes:
        for count in sizes:
            found = []
            for name in servers:
                with open_server(name) as server, client_core():
                    found.append(growth_bytes(server, SHAPES[shape](count)) / count)
                say(f"memory {shape} {count}: {label_of(name)} {found[-1]:.1f} B")
            limit = LIMITS_BYTES[shape]
            held = verdict(found[list(servers).index("wstore")], limit) if "wstore" in servers else ""
            table.rows.append((SHAPES[shape].__doc__.rstrip("."), f"{count:,}", *found, limit, held))
    return table


class Churn:
    """The churn load: `rounds()` yields its commands, `final` afterwards holds the ids of the keys left."""

    def __init__(self, count: int):
        self.rng = random.Random(SEED)
        self.first = count
        self.final = list(range(count))
        self.next_id = count

    def set_command(self, key_id: int) -> Command:
        if key_id < self.first:
            return "SET", f"user:{key_id:09d}", f"v{key_id % 10_000_000:07d}"
        size = 4 + key_id * 2_654_435_761 % 4_294_967_291 % 37
        return "SET", f"user:{key_id:09d}", f"w{key_id * 0x9E3779B97F4A7C15:x}".ljust(40, "y")[:size]

    def fill(self) -> Iterator[Command]:
        return map(self.set_command, self.final)

    def rounds(self) -> Iterator[Command]:
        for _ in range(CHURN_ROUNDS):
            self.rng.shuffle(self.final)
            half = len(self.final) // 2
            for key_id in self.final[half:]:
                yield "DEL", f"user:{key_id:09d}"
            added = range(self.next_id, self.next_id + len(self.final) - half)
            self.next_id = added.stop
            yield from map(self.set_command, added)
            self.final[half:] = added


def measure_churn(servers: Sequence[str], count: int) -> Table:
    table = Table(f"Memory after churn: {count:,} keys, {CHURN_ROUNDS} rounds of replacing a random half",
                  ["server", "churned MB", "fresh MB", "ratio", "limit", ""])
    for name in servers:
        churn = Churn(count)
        with open_server(name) as server, client_core():
            churned = growth_bytes(server, churn.fill(), churn.rounds())
        with open_server(name) as server, client_core():
            fresh = growth_bytes(server, churn.fill())
        ratio = churned / fresh
        held = verdict(ratio, CHURN_LIMIT) if name == "wstore" else ""
        table.rows.append((label_of(name), churned / 1e6, fresh / 1e6, ratio, CHURN_LIMIT, held))
        say(f"memory churn: {label_of(name)} {ratio:.3f}")
    return table


def measure(servers: Sequence[str] = ("redis", "wstore"), shapes: Sequence[str] = tuple(SHAPES),
            sizes: Sequence[int] = (1_000_000, 1_300_000), churn_keys: int = 1_000_000) -> list[Table]:
    """All tables of this module; churn_keys 0 leaves the churn load out."""
    tables = [measure_shapes(servers, shapes, sizes)] if shapes else []
    return [*tables, measure_churn(servers, churn_keys)] if churn_keys else tables


@click.command(help=__doc__)
@server_option
@click.option("--shape", "shapes", multiple=True, type=click.Choice(list(SHAPES)), default=tuple(SHAPES),
              show_default=True, help="Load; several.")
@click.option("--keys", "sizes", multiple=True, type=int, default=(1_000_000, 1_300_000), show_default=True,
              help="Number of keys; several.")
@click.option("--churn-keys", type=int, default=1_000_000, show_default=True, help="Keys of the churn load; 0: none.")
def main(**options) -> None:
    show_all(measure(**options))


if __name__ == "__main__":
    main()
