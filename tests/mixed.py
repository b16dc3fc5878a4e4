"""Random writes of all types, from several clients at once: what a replica has to follow.

A unit is one command or a transaction. Names of keys begin with a letter for their type, so that most commands find
what they can work on; some do not, and are answered with errors, which is part of it.
"""
from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from tests.resp import Connection, Simple

Command = tuple[object, ...]
DATABASES = (0, 3, 9)
KEYS = 40                   # of each type in each database
UNITS = 20                  # sent at a time
BIG = 300_000               # bytes of the biggest strings

SCRIPTS = [
    ("EVAL", "redis.call('set', KEYS[1], redis.call('time')[2]); redis.call('incr', KEYS[1]); "
             "return redis.call('spop', KEYS[2])", "2", "n1", "u1"),
    ("EVAL", "for i = 1, 20 do redis.call('rpush', KEYS[1], math.random()) end "
             "redis.call('ltrim', KEYS[1], -50, -1)", "1", "l1"),
    ("EVAL", "redis.call('select', 9); redis.call('hset', KEYS[1], 'of', ARGV[1]); redis.call('pexpire', KEYS[1], 400)",
     "1", "h2", "script"),
    ("GEOADD", "z1", "13.361389", "38.115556", "Palermo"),
]


def name(rng: random.Random, kind: str) -> str:
    return f"{rng.choice('nslhuz') if rng.random() < 0.02 else kind}{rng.randrange(KEYS)}"


def members(rng: random.Random, most: int = 6) -> list[str]:
    return [f"m{rng.randrange(200)}" for _ in range(rng.randint(1, most))]


def of_strings(rng: random.Random) -> Command:
    key, n = name(rng, "s"), name(rng, "n")
    return rng.choice([
        ("SET", key, rng.randbytes(rng.choice((0, 5, 40, 500)))), ("SET", key, "brief", "PX", rng.randint(1, 300)),
        ("SET", key, "long", "EX", rng.randint(1000, 2000), rng.choice(("NX", "XX", "GET"))),
        ("APPEND", key, "x" * rng.randrange(30)), ("SETRANGE", key, rng.randrange(100), "range"),
        ("GETDEL", key), ("GETEX", key, "PX", rng.choice((50, 10 ** 7))), ("GETSET", key, "new"),
        ("SETEX", key, "100", "v"), ("MSET", key, "a", name(rng, "s"), "b"), ("MSETNX", key, "a", name(rng, "s"), "b"),
        ("INCR", n), ("DECRBY", n, rng.randrange(100)), ("INCRBYFLOAT", n, "0.25"), ("SET", n, rng.randrange(1000)),
        ("SETBIT", key, rng.randrange(2000), "1"), ("BITOP", "XOR", name(rng, "s"), key, name(rng, "s")),
        ("BITFIELD", key, "SET", "u8", "8", rng.randrange(256), "INCRBY", "i5", "100", "1"),
    ])


def of_collections(rng: random.Random) -> Command:
    h, u, z, li = (name(rng, kind) for kind in "huzl")
    pairs = [part for m in members(rng) for part in (m, rng.randrange(1000))]
    scored = [part for m in members(rng) for part in (rng.choice((rng.randrange(50), rng.uniform(-9, 9))), m)]
    return rng.choice([
        ("HSET", h, *pairs), ("HDEL", h, *members(rng)), ("HINCRBY", h, "sum", "3"), ("HINCRBYFLOAT", h, "f", "1.5"),
        ("HSETNX", h, "first", rng.randrange(9)), ("HSET", h, "long", "v" * 200),
        ("SADD", u, *members(rng)), ("SADD", u, *(rng.randrange(9999) for _ in range(5))), ("SREM", u, *members(rng)),
        ("SPOP", u), ("SPOP", u, rng.randint(1, 40)), ("SMOVE", u, name(rng, "u"), members(rng)[0]),
        ("SUNIONSTORE", u, name(rng, "u"), name(rng, "u")), ("SDIFFSTORE", u, u, name(rng, "u")),
        ("ZADD", z, *scored), ("ZINCRBY", z, "0.1", members(rng)[0]), ("ZREM", z, *members(rng)), ("ZPOPMIN", z, "3"),
        ("ZREMRANGEBYRANK", z, "50", "-1"), ("ZUNIONSTORE", z, "2", z, name(rng, "z")), ("ZMPOP", "1", z, "MAX"),
        ("ZRANGESTORE", z, name(rng, "z"), "0", "20"), ("ZADD", z, "GT", "CH", "40", members(rng)[0]),
        ("RPUSH", li, *members(rng)), ("LPUSH", li, *members(rng), "w" * 300), ("LPOP", li), ("RPOP", li, "2"),
        ("LTRIM", li, "-60", "-1"), ("LREM", li, "0", members(rng)[0]), ("LSET", li, "0", "set"),
        ("LINSERT", li, "BEFORE", members(rng)[0], "in"), ("LMOVE", li, name(rng, "l"), "LEFT", "RIGHT"),
        ("BLPOP", li, name(rng, "l"), "0.01"), ("BZPOPMIN", z, "0.01"), ("SORT", li, "ALPHA", "STORE", name(rng, "l")),
    ])


def of_keys(rng: random.Random) -> Command:
    kind = rng.choice("nslhuz")
    key, other = name(rng, kind), name(rng, kind)
    return rng.choice([
        ("DEL", key), ("UNLINK", key, other), ("PEXPIRE", key, rng.choice((1, 40, 400))), ("EXPIRE", key, "5000"),
        ("EXPIREAT", key, "1"), ("PERSIST", key), ("RENAME", key, other), ("RENAMENX", key, other),
        ("COPY", key, other, "REPLACE"), ("COPY", key, other, "DB", rng.choice(DATABASES)), ("MOVE", key, "3"),
        ("SELECT", rng.choice(DATABASES)), ("SELECT", rng.choice(DATABASES)),
    ])


def of_rare_kinds(rng: random.Random) -> Command:
    return rng.choice([
        ("SET", f"s{rng.randrange(5)}", rng.randbytes(BIG)), ("SET", f"s{rng.randrange(5)}", b"ab" * (BIG // 2)),
        ("SETRANGE", name(rng, "s"), rng.randrange(BIG), "far"), ("SWAPDB", "3", "9"),
        ("FLUSHDB",) if rng.random() < 0.2 else ("DBSIZE",),
        ("RPUSH", name(rng, "l"), *("e" * 100 for _ in range(1000))), ("PUBLISH", "news", "of nothing"),
        ("HSET", name(rng, "h"), *(part for i in range(600) for part in (f"f{i}", i))),
        ("SADD", name(rng, "u"), *range(0, 4000, 3)),
        ("ZADD", name(rng, "z"), *(part for i in range(600) for part in (i, f"e{i}"))),
    ])


def unit(rng: random.Random, scripts: bool = False) -> list[Command]:
    """One command, or a transaction. `scripts`: also what only redis-server can do."""
    kinds: Sequence[Callable[[random.Random], Command]] = (of_strings, of_collections, of_collections, of_keys)
    if rng.random() < 0.1:
        return [("MULTI",), *(rng.choice(kinds)(rng) for _ in range(rng.randint(0, 5))),
                ("DISCARD",) if rng.random() < 0.1 else ("EXEC",)]
    if rng.random() < 0.004:
        return [of_rare_kinds(rng)]
    return [rng.choice(SCRIPTS) if scripts and rng.random() < 0.03 else rng.choice(kinds)(rng)]


class Writers:
    """Clients that write until told to stop, or cut off. As a context: while the block lasts."""

    def __init__(self, port: int, seed: object, clients: int = 3, scripts: bool = False, pause_s: float = 0.0):
        self.port, self.scripts, self.pause_s = port, scripts, pause_s
        self.stopping = threading.Event()
        self.written = 0
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{seed} {i}"),)) for i in range(clients)]

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def run(self, rng: random.Random) -> None:
        try:
            with Connection(self.port) as connection:
                while not self.stopping.is_set():
                    commands = [command for _ in range(UNITS) for command in unit(rng, self.scripts)]
                    replies = connection.pipeline(commands)
                    self.written += sum(isinstance(reply, Simple) for reply in replies)
                    time.sleep(self.pause_s)
        except (OSError, ValueError):       # the server is gone
            pass


def write(port: int, seconds: float, seed: object, **options) -> int:
    """Write for so long; how many commands were answered with OK or QUEUED."""
    with Writers(port, seed, **options) as writers:
        time.sleep(seconds)
    assert writers.written > 0
    return writers.written
