"""A data set with every type that wstore has, in small and big encodings, for what goes through files.

`fill` writes it by commands that both servers know; `digest` is what must be the same on both sides afterwards.
"""
from __future__ import annotations

import random
from collections.abc import Iterator

from tests.resp import Connection, Simple

Command = tuple[object, ...]
FAR_MS = 4_000_000_000_000


def strings(rng: random.Random) -> Iterator[Command]:
    yield from (("SET", f"n{n}", n) for n in (0, -1, 127, 128, -32769, 2 ** 31, -2 ** 63, 2 ** 63 - 1))
    yield from (("SET", b"k\x00\xff" + bytes([n]), rng.randbytes(n)) for n in (0, 1, 63, 64, 200))
    yield "SET", "compressible", b"abcd" * 5000
    yield "SET", "random", rng.randbytes(100_000)
    yield "SET", "like-a-number", "0123"
    yield "SET", "ttl", "x", "PXAT", FAR_MS
    yield "APPEND", "raw", "bit by bit"
    yield "SETBIT", "bits", 1000, 1
    yield from (("SET", f"many:{n}", f"value of {n}") for n in range(3000))


def collections(rng: random.Random) -> Iterator[Command]:
    for name, count, size in (("small", 5, 8), ("long", 3, 400), ("big", 3000, 12)):
        members = [f"{n}:{rng.randbytes(size).hex()[:size]}" for n in range(count)]
        yield "HSET", f"h:{name}", *(part for m in members for part in (m, rng.randint(0, 10 ** 6)))
        yield "SADD", f"s:{name}", *members
        yield "RPUSH", f"l:{name}", *members
        yield "ZADD", f"z:{name}", *(part for m in members for part in (rng.uniform(-1e9, 1e9), m))
    yield "SADD", "s:ints", *range(-5, 300, 3)
    yield "SADD", "s:many-ints", *range(3000)
    yield "ZADD", "z:odd", "-inf", "a", "inf", "b", "0.1", "c", "-0", "d", "1e300", "e", "5", "f"
    yield "RPUSH", "l:wide", *(rng.randbytes(9000) for _ in range(8))
    yield "HSET", "h:empty-values", "", "", "f", ""
    yield "PEXPIREAT", "h:big", FAR_MS
    yield "PEXPIREAT", "z:small", FAR_MS + 1


def fill(connection: Connection, seed: int = 1) -> None:
    """Write the data set into databases 0, 3 and 15."""
    rng = random.Random(seed)
    for db in (0, 3, 15):
        commands: list[Command] = [("SELECT", db), *strings(rng)] if db != 15 else [("SELECT", db)]
        connection.pipeline([*commands, *collections(rng), ("SELECT", 0)])


def change(connection: Connection, seed: int = 2) -> None:
    """Writes of all kinds onto the data set: what a log has behind its base."""
    rng = random.Random(seed)
    commands: list[Command] = [("SELECT", 3)]
    for n in range(400):
        commands += rng.choice([
            [("INCRBYFLOAT", "float", "1.5")], [("SET", f"new:{n}", n, "EX", 10 ** 8)], [("DEL", f"many:{n}")],
            [("SPOP", "s:big", 2)], [("LPUSH", "l:big", n), ("RPOP", "l:big")], [("HINCRBY", "h:big", "sum", n)],
            [("ZADD", "z:big", n, f"new{n}")], [("ZPOPMIN", "z:big")],
            [("MULTI",), ("INCR", "c"), ("INCR", "d"), ("EXEC",)],
            [("GETEX", f"many:{n}", "PX", 10 ** 12)], [("RENAME", f"many:{n + 500}", f"was:{n}")],
            [("COPY", "l:wide", f"copy:{n}", "DB", 7)], [("LMOVE", "l:small", "l:long", "LEFT", "RIGHT")],
            [("SETRANGE", "bits", n, "z")], [("HDEL", "h:big", f"{n}")], [("SINTERSTORE", f"i:{n}", "s:big", "s:big")]])
    connection.pipeline([*commands, ("SWAPDB", 1, 7), ("SELECT", 0)])


def digest(connection: Connection) -> bytes:
    reply = connection.call("DEBUG", "DIGEST")
    assert isinstance(reply, Simple), reply
    return reply.text
