"""Fuzzing of loading: RDB files and append only files that are damaged, cut or made up.

Whatever they hold, a load ends with an error that names a place in the file, or well; the store is whole in either
case. What comes before a torn end loads to the same data when it is a file of its own.
"""
import random
import struct
import tempfile
from pathlib import Path

import wstore
from tests import rdb_files as rdb
from tests.fuzz.fuzz_restore import HOSTILE_LENGTHS, damaged, some_collection, some_value
from tests.fuzz.registry import fuzzer
from tests.payloads import length, listpack, string
from wstore.engine._engine import RdbReader
from wstore.errors import RdbError

FUTURE_MS = 4_000_000_000_000


def hash_with_ttls(rng: random.Random) -> bytes:
    """Type and object of a hash as of Redis 7.4."""
    kind = rng.choice((22, 23, 24, 25))
    ttls = [rng.choice((0, 1, 1000, FUTURE_MS)) for _ in range(rng.choice((0, 1, 3, 30)))]
    first = struct.pack("<Q", rng.choice((0, 5, FUTURE_MS))) if kind >= 24 else b""
    if kind in (23, 25):
        words = [word for n, ttl in enumerate(ttls) for word in (b"f%d" % n, some_value(rng)[:50], b"%d" % ttl)]
        return bytes([kind]) + first + string(listpack(words))
    body = b"".join(length(ttl) + string(b"f%d" % n) + string(some_value(rng)[:50]) for n, ttl in enumerate(ttls))
    return bytes([kind]) + first + length(len(ttls)) + body


def some_record(rng: random.Random, number: int) -> bytes:
    chance = rng.random()
    if chance < 0.3:
        object_ = b"\x00" + string(some_value(rng))
    else:
        object_ = hash_with_ttls(rng) if chance < 0.5 else some_collection(rng) or b"\x00"
    expire_ms = rng.choice((None, None, 1, FUTURE_MS))
    return rdb.record(b"key %d" % number, object_[0], object_[1:], expire_ms)


def some_part(rng: random.Random, number: int) -> bytes:
    """Anything that stands in a file."""
    chance = rng.random()
    if chance < 0.7:
        return some_record(rng, number)
    hostile = length(rng.choice(HOSTILE_LENGTHS))
    return rng.choice((
        rdb.aux(b"name", some_value(rng)[:100]), rdb.select(rng.randrange(18)), b"\xfe" + hostile,
        rdb.resize(rng.choice((3, 100_000)), 1), b"\xfb" + hostile + hostile, b"\xf5" + string(b"source"),
        b"\xf4" + length(3) * 3, b"\xf8" + hostile, b"\xf9\x05",
        b"\xf7" + hostile + b"\x02\x07\x05" + string(b"x") + b"\x00",
        rdb.record(b"stream", 15, rng.randbytes(rng.randrange(30))), rdb.record(b"module", 7, b"\x05\x00")))


class Load:
    """One load of one file into a store, which is emptied before."""

    def __init__(self, store: wstore.Store, path: Path, data: bytes, kind: str, **options: int) -> None:
        path.write_bytes(data)
        store.execute("FLUSHALL")
        for name, value in options.items():
            store.set_option(name, value)
        said: list[tuple[str | None, dict]] = []
        store.load_begin([(str(path), kind)], lambda *told: said.append(told))
        [(self.error, self.report)] = said
        store.validate()
        if self.error is not None:
            assert 0 <= self.report["error"]["offset"] <= len(data), self.error
        self.digest = store.execute("DEBUG", "DIGEST")


def read_all(path: Path) -> bool:
    """Whether the reader goes through the file as well."""
    try:
        return bool(list(RdbReader(path, check_sum=False)))
    except RdbError as error:
        assert 0 <= error.offset <= path.stat().st_size, error
        return False


@fuzzer("load rdb")
def fuzz_load_rdb(rng: random.Random, iterations: int) -> None:
    with tempfile.TemporaryDirectory() as folder, wstore.Store() as store:
        for _ in range(iterations):
            parts = [some_part(rng, number) for number in range(rng.randrange(12))]
            data = rdb.rdb_file(*parts, version=rng.choice((4, 9, 11, 12)), crc=0)
            if rng.random() < 0.5:
                data = data[:9] + damaged(rng, data[9:])
            load = Load(store, Path(folder, "file"), data, "rdb", rdb_checksum=rng.randrange(2),
                        rdb_skip_unsupported=rng.randrange(2))
            assert read_all(Path(folder, "file")) or load.error is not None


WORDS = [b"a", b"b", b"1", b"-7", b"", b"x" * 70]
COMMANDS = ["SET", "INCR", "RPUSH", "SADD", "HSET", "DEL", "SELECT", "ZADD", "APPEND", "GET"]


def some_command(rng: random.Random) -> bytes:
    return rdb.command(rng.choice(COMMANDS), *rng.choices(WORDS, k=rng.randrange(1, 4)))


def some_unit(rng: random.Random) -> bytes:
    commands = b"".join(some_command(rng) for _ in range(rng.randrange(3)))
    return rdb.command("MULTI") + commands + rdb.command("exec") if rng.random() < 0.3 else commands


@fuzzer("load aof")
def fuzz_load_aof(rng: random.Random, iterations: int) -> None:
    with tempfile.TemporaryDirectory() as folder, wstore.Store() as store:
        for _ in range(iterations):
            data = b"".join(some_unit(rng) for _ in range(rng.randrange(6)))
            data = damaged(rng, data) + rng.choice((b"", b"", b"\0" * 9, b"#TS:5\r\n"))
            load = Load(store, Path(folder, "file"), data, "aof")
            if load.error is None and load.report["torn"] is not None:
                before = Load(store, Path(folder, "file"), data[:load.report["torn"]["offset"]], "aof")
                assert before.error is None and before.report["torn"] is None and before.digest == load.digest
