"""Hashes, lists, sets and sorted sets: bytes a key or an element, and server CPU a request.

Memory is the growth of a server's Pss by a load, divided by its keys (many small values) or its elements (one big
value). CPU is taken as in bench/cpu.py: redis-benchmark at one pipeline depth over values with a million elements, the
servers taking turns within each round; medians are shown.
"""
from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from bench.common import (
    Table,
    client_core,
    label_of,
    load,
    median,
    open_server,
    say,
    server_option,
    show_all,
    verdict,
)
from bench.cpu import CLIENTS, Sample, run_once
from bench.memory import SEED, Command, growth_bytes
from tests.processes import ServerProcess

DEPTH = 16
CPU_LIMIT_RATIO = 0.7
ELEMENTS_A_COMMAND = 20


@dataclass(frozen=True)
class Shape:
    """A load; `each`: what its bytes are divided by."""
    title: str
    each: str
    limit_bytes: float
    commands: Callable[[int], Iterator[Command]]


def small_hashes(count: int) -> Iterator[Command]:
    for i in range(count):
        yield ("HSET", f"hash:{i:09d}", "name", f"n{i % 999_999:06d}", "age", i % 90, "city", f"c{i % 400:03d}",
               "lv", i % 9)


def small_sets(count: int) -> Iterator[Command]:
    rng = random.Random(SEED)
    for i in range(count):
        yield "SADD", f"sets:{i:09d}", *(rng.randrange(1 << 40) for _ in range(8))


def small_zsets(count: int) -> Iterator[Command]:
    rng = random.Random(SEED)
    for i in range(count):
        yield "ZADD", f"zset:{i:09d}", *(word for _ in range(8)
                                          for word in (rng.randrange(100_000), f"m{rng.randrange(1_000_000):06d}"))


def in_pieces(head: tuple, elements: Iterator[tuple]) -> Iterator[Command]:
    """Commands of some elements each, as loaders send them."""
    words: list = []
    for element in elements:
        words += element
        if len(words) >= ELEMENTS_A_COMMAND * len(element):
            yield *head, *words
            words = []
    if words:
        yield *head, *words


def one_hash(count: int) -> Iterator[Command]:
    return in_pieces(("HSET", "one"), ((f"field:{i:06d}", f"v{i:07d}") for i in range(count)))


def one_set(count: int) -> Iterator[Command]:
    return in_pieces(("SADD", "one"), ((f"member{i:06d}",) for i in range(count)))


def one_zset(count: int) -> Iterator[Command]:
    rng = random.Random(SEED)
    return in_pieces(("ZADD", "one"), ((rng.randrange(1_000_000), f"member{i:06d}") for i in range(count)))


def one_list(count: int) -> Iterator[Command]:
    return in_pieces(("RPUSH", "one"), ((f"element-{i:08d}",) for i in range(count)))


SHAPES = {
    "small-hash": Shape("hash of 4 short fields, 14-byte key", "key", 75, small_hashes),
    "small-set": Shape("set of 8 integers up to 2^40", "key", 90, small_sets),
    "small-zset": Shape("zset of 8 members, scores below 100,000", "key", 125, small_zsets),
    "zset": Shape("one zset: 12-byte members, random scores", "member", 45, one_zset),
    "hash": Shape("one hash: 12-byte fields, 8-byte values", "field", 36, one_hash),
    "set": Shape("one set: 12-byte members", "member", 25, one_set),
    "list": Shape("one list: 16-byte elements", "element", 18.6, one_list),
}


def measure_memory(servers: Sequence[str], shapes: Sequence[str], small_keys: int, elements: int) -> Table:
    table = Table("Collections: bytes a key or an element (growth of Pss)",
                  ["load", "number", *map(label_of, servers), "limit", ""])
    for name in shapes:
        shape = SHAPES[name]
        count = small_keys if shape.each == "key" else elements
        found = []
        for server_name in servers:
            with open_server(server_name) as server, client_core():
                found.append(growth_bytes(server, shape.commands(count)) / count)
            say(f"collections {name} {count}: {label_of(server_name)} {found[-1]:.1f} B a {shape.each}")
        held = verdict(found[list(servers).index("wstore")], shape.limit_bytes) if "wstore" in servers else ""
        table.rows.append((f"{shape.title}: by {shape.each}", f"{count:,}", *found, shape.limit_bytes, held))
    return table


# -- CPU ----------------------------------------------------------------------------------------------

REQUESTS = {
    "HSET": ("HSET", "hash", "f:__rand_int__", "v0000001"),
    "ZADD": ("ZADD", "zset", "__rand_int__", "m:__rand_int__"),
    "SADD": ("SADD", "set", "m:__rand_int__"),
    "LPUSH": ("LPUSH", "list", "element-00000000"),
    "RPOP": ("RPOP", "list"),
    "LRANGE 100": ("LRANGE", "range", "0", "99"),
    "ZRANGE 100": ("ZRANGE", "zset", "0", "99"),
}
REPLIES_OF_100 = 20         # a request that replies with 100 elements is asked so many times less


def contents(key: str, count: int) -> Iterator[Command]:
    """The value at a key of REQUESTS; it holds every element that redis-benchmark names by `__rand_int__`."""
    rng = random.Random(SEED)
    names = (f"{i:012d}" for i in range(count))
    if key == "hash":
        return in_pieces(("HSET", key), ((f"f:{name}", "v0000000") for name in names))
    if key == "set":
        return in_pieces(("SADD", key), ((f"m:{name}",) for name in names))
    if key == "zset":
        return in_pieces(("ZADD", key), ((rng.randrange(count), f"m:{name}") for name in names))
    return in_pieces(("RPUSH", key), ((f"element-{i:08d}",) for i in range(count)))


def measure_cpu(servers: Sequence[str], requests: Sequence[str], elements: int, times: int, rounds: int) -> Table:
    samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    running: dict[str, ServerProcess] = {}
    try:
        for name in servers:
            running[name] = open_server(name)
            with client_core():
                for key in {REQUESTS[request][1] for request in requests}:
                    load(running[name].port, contents(key, elements))
        for number in range(rounds):
            for request in requests:
                asked = max(times // REPLIES_OF_100, 1000) if request.endswith(" 100") else times
                for name, server in running.items():
                    samples[request, name].append(
                        run_once(server, REQUESTS[request], DEPTH, CLIENTS[DEPTH], elements, asked))
            say(f"collections cpu: round {number + 1} of {rounds}")
    finally:
        for server in running.values():
            server.stop()
    return cpu_table(servers, requests, samples, elements, rounds)


def cpu_table(servers: Sequence[str], requests: Sequence[str], samples: dict[tuple[str, str], list[Sample]],
              elements: int, rounds: int) -> Table:
    table = Table(f"Collections: server CPU a request, values of {elements:,} elements, pipeline {DEPTH}, "
                  f"medians of {rounds} interleaved rounds",
                  ["request", "server", "us/request", "ratio", "limit", "", "k requests/s", "p99 ms"])
    for request in requests:
        found = {name: {what: median(sample[what] for sample in samples[request, name])
                        for what in ("us", "krps", "p99")} for name in servers}
        base = found[servers[0]]["us"]
        for name in servers:
            ratio = found[name]["us"] / base if base else 0.0
            judged = name == "wstore" and servers[0] == "redis"
            limits = (CPU_LIMIT_RATIO, verdict(ratio, CPU_LIMIT_RATIO)) if judged else ("", "")
            table.rows.append((request, label_of(name), found[name]["us"], ratio, *limits, found[name]["krps"],
                               found[name]["p99"]))
    return table


def measure(servers: Sequence[str] = ("redis", "wstore"), shapes: Sequence[str] = tuple(SHAPES),
            requests: Sequence[str] = tuple(REQUESTS), small_keys: int = 500_000, elements: int = 1_000_000,
            times: int = 1_000_000, rounds: int = 5) -> list[Table]:
    """Both tables; no shapes or no requests leave one out. Ratios are to the first of `servers`."""
    tables = [measure_memory(servers, shapes, small_keys, elements)] if shapes else []
    return [*tables, measure_cpu(servers, requests, elements, times, rounds)] if requests else tables


@click.command(help=__doc__)
@server_option
@click.option("--shape", "shapes", multiple=True, type=click.Choice([*SHAPES, "none"]), default=tuple(SHAPES),
              show_default=True, help="Load whose memory is measured; several.")
@click.option("--request", "requests", multiple=True, type=click.Choice([*REQUESTS, "none"]),
              default=tuple(REQUESTS), show_default=True, help="Request whose CPU is measured; several.")
@click.option("--small-keys", type=int, default=500_000, show_default=True, help="Keys with a small value.")
@click.option("--elements", type=int, default=1_000_000, show_default=True, help="Elements of a big value.")
@click.option("--times", type=int, default=1_000_000, show_default=True, help="Requests a run.")
@click.option("--rounds", type=int, default=5, show_default=True)
def main(shapes: Sequence[str], requests: Sequence[str], **options) -> None:
    show_all(measure(shapes=[name for name in shapes if name != "none"],
                     requests=[name for name in requests if name != "none"], **options))


if __name__ == "__main__":
    main()
