"""Files of a real redis-server are loaded, RDB and append only file with and without an RDB part: the same data."""
from __future__ import annotations

import random
from pathlib import Path

import pytest

import wstore
from tests.harness import OK, Connection, start_oracle
from tests.processes import wait_for

SMALL = ["--hash-max-listpack-entries", "2", "--set-max-intset-entries", "2", "--zset-max-listpack-entries", "2",
         "--list-max-listpack-size", "2"]


def fill(connection: Connection, rng: random.Random) -> None:
    """Keys of every type, small and big, with and without a TTL, in two databases, by all sorts of commands."""
    for db in (0, 7):
        connection.call("SELECT", db)
        for name, size in (("one", 1), ("some", 12), ("many", 3000)):
            words = [rng.choice((b"%d" % rng.getrandbits(40), rng.randbytes(rng.randrange(1, 90))))
                     for _ in range(size)]
            connection.call("SET", f"string {name}", b"".join(words))
            connection.call("SET", f"number {name}", -(17 ** size) if size < 13 else 5, "EX", 100_000)
            connection.call("RPUSH", f"list {name}", *words, b"long" * 3000)
            connection.call("SADD", f"set {name}", *words)
            connection.call("SADD", f"integers {name}", *range(-size, size * 70_000, 70_001))
            connection.call("HSET", f"hash {name}", *[part for word in words for part in (word, word[::-1])])
            connection.call("ZADD", f"zset {name}", *[part for word in words for part in (rng.gauss(0, 9), word)])
            connection.call("EXPIRE", f"set {name}", 100_000)
        connection.call("SET", "compressed", "word " * 5000)
        connection.call("SET", "x" * 300, "1")
        connection.call("SPOP", "set many", 10)
        connection.call("LTRIM", "list many", 5, -5)
        connection.call("MULTI")
        for line in ("SET m 1", "INCRBYFLOAT m 0.25", "RPUSHX nothing 1", "ZINCRBY zset\x00some 3 a", "APPEND m x"):
            connection.call(*line.split(" "))
        connection.call("EXEC")
    connection.call("FLUSHDB", "ASYNC")
    connection.call("SWAPDB", 0, 3)
    connection.call("SET", "last", "word")


def load(*files: tuple[Path, str]) -> tuple[wstore.Store, dict]:
    store = wstore.Store()
    said: list[tuple[str | None, dict]] = []
    store.load_begin([(str(path), kind) for path, kind in files], lambda *told: said.append(told))
    [(error, report)] = said
    assert error is None and report["torn"] is None and report["errors"] == 0 and report["warnings"] == []
    store.validate()
    store.set_option("enable_debug", 1)
    return store, report


@pytest.mark.parametrize("options", [[], SMALL, ["--rdbcompression", "no", "--rdbchecksum", "no"]],
                         ids=["plain", "big encodings", "bare"])
def test_an_rdb_file(options: list[str]):
    with start_oracle(*options) as redis, redis.connect() as connection:
        fill(connection, random.Random(3))
        assert connection.call("SAVE") == OK
        store, _ = load((redis.folder / "dump.rdb", "rdb"))
        assert store.execute("DEBUG", "DIGEST").encode() == connection.call("DEBUG", "DIGEST").text


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_an_append_only_file(preamble: str):
    """Also after a rewrite in the middle."""
    with start_oracle("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", preamble,
                      "--aof-timestamp-enabled", "yes") as redis, redis.connect() as connection:
        fill(connection, random.Random(4))
        connection.call("BGREWRITEAOF")
        wait_for(lambda: list(redis.folder.glob("appendonlydir/*.2.base.*")))
        fill(connection, random.Random(5))
        wait_for(lambda: b"aof_rewrite_in_progress:0" in connection.call("INFO", "persistence").data)
        [base] = redis.folder.glob("appendonlydir/*.2.base.*")
        [log] = redis.folder.glob("appendonlydir/*.2.incr.aof")
        kind = "rdb" if preamble == "yes" else "aof"
        assert base.suffix == f".{kind}"
        store, report = load((base, kind), (log, "aof"))
        assert report["commands"] > 0
        assert store.execute("DEBUG", "DIGEST").encode() == connection.call("DEBUG", "DIGEST").text
