"""Snapshots taken while commands change what they are of: the file holds the data as it was at the beginning.

The digest that a store computes before a snapshot begins is compared with that of a real redis-server that loads the
file, so that every encoding and every way of being overtaken by a command counts.
"""
from __future__ import annotations

import os
import random
import subprocess
import time

import pytest
import redis

import wstore
from tests.processes import start_oracle

KEYS = 30_000


@pytest.fixture
def store():
    with wstore.Store() as store:
        store.config.load("enable-debug-command", ["yes"])
        store.config.run_hooks()
        yield store


def fill(store, keys=KEYS):
    """Keys of all types, small and big, in two databases."""
    for i in range(keys):
        store.set(b"user:%09d" % i, b"v%07d" % i)
    for i in range(0, keys, 10):
        store.execute("EXPIRE", b"user:%09d" % i, 100_000 + i)
    for i in range(300):
        store.execute("SET", f"long:{i}", os.urandom(500).hex() * (i % 7))
        store.execute("HSET", f"hash:{i}", *[x for j in range(i % 200) for x in (f"f{j}", j)] or ["a", "b"])
        store.execute("RPUSH", f"list:{i}", *range(i + 1))
        store.execute("SADD", f"set:{i}", *range(i + 1))
        store.execute("ZADD", f"zset:{i}", *[x for j in range(i + 1) for x in (j / 3, f"m{j}")])
    for kind, command in (("hash", "HSET"), ("zset", "ZADD")):
        for at in range(0, 20_000, 1000):
            store.execute(command, f"big{kind}", *[x for j in range(at, at + 1000) for x in (j, f"{j:010d}")])
    for kind, command in (("list", "RPUSH"), ("set", "SADD")):
        for at in range(0, 20_000, 1000):
            store.execute(command, f"big{kind}", *[f"element:{j:09d}" for j in range(at, at + 1000)])
    store.execute("SELECT", 5)
    for i in range(1000):
        store.execute("SET", f"other:{i}", i)
    store.execute("SELECT", 0)


def digest(store):
    return store.execute("DEBUG", "DIGEST")


def digest_in_redis(path):
    """What redis-server makes of the file; redis-check-rdb has nothing against it."""
    checked = subprocess.run(["redis-check-rdb", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    with start_oracle("--dbfilename", path.name, folder=path.parent) as server:
        return redis.Redis(port=server.port, decode_responses=True).execute_command("DEBUG", "DIGEST")


def random_change(rnd):
    """One command that changes something that fill() made."""
    i = rnd.randrange(KEYS)
    small = rnd.randrange(300)
    return rnd.choice([
        ("SET", f"user:{i:09d}", "changed"), ("DEL", f"user:{i:09d}"), ("SET", f"new:{i}", i),
        ("EXPIRE", f"user:{i:09d}", 5), ("PERSIST", f"user:{i:09d}"), ("APPEND", f"user:{i:09d}", "x" * (i % 50)),
        ("APPEND", f"long:{small}", "tail"), ("SETRANGE", f"long:{small}", 0, "head"), ("DEL", f"long:{small}"),
        ("HSET", f"hash:{small}", f"f{i % 300}", "changed"), ("DEL", f"hash:{small}"), ("LPUSH", f"list:{small}", i),
        ("SREM", f"set:{small}", i % 300), ("ZINCRBY", f"zset:{small}", 7, f"m{i % 300}"),
        ("HSET", "bighash", i, "changed"), ("HDEL", "bighash", i), ("ZADD", "bigzset", i, f"{i:010d}"),
        ("ZREM", "bigzset", f"{i:010d}"), ("LPUSH", "biglist", i), ("RPOP", "biglist", 20),
        ("LSET", "biglist", 50, "x"),
        ("SADD", "bigset", i), ("SREM", "bigset", f"element:{i:09d}"), ("RENAME", f"hash:{small}", f"moved:{small}"),
        ("COPY", "biglist", f"copied:{small}"), ("LTRIM", "biglist", 10, -10),
    ])


def run_beside(store, server, path, changes):
    """Begin a snapshot and run changes until it ends; its error or None."""
    ended = []
    store.snapshot_begin(str(path), [(b"redis-ver", b"7.0.15")], then=ended.append)
    client = redis.Redis(port=server.port)
    count = 0
    while not ended:
        pipe = client.pipeline(transaction=False)
        for command in changes():
            pipe.execute_command(*command)
        pipe.execute(raise_on_error=False)
        count += 1
    assert count > 0
    store.validate()
    return ended[0]


@pytest.mark.parametrize("seed", range(3))
def test_changes_do_not_show(store, tmp_path, seed):
    rnd = random.Random(seed)
    fill(store)
    with wstore.Server(store) as server:
        before = digest(store)
        error = run_beside(store, server, tmp_path / "dump.rdb", lambda: [random_change(rnd) for _ in range(64)])
    assert error is None
    assert digest(store) != before
    assert digest_in_redis(tmp_path / "dump.rdb") == before


@pytest.mark.parametrize("change", [["FLUSHALL"], ["FLUSHALL", "ASYNC"], ["SWAPDB", "0", "5"], ["FLUSHDB"],
                                    ["DEL", "bighash", "biglist", "bigset", "bigzset"]])
def test_big_changes_do_not_show(store, tmp_path, change):
    fill(store)
    with wstore.Server(store) as server:
        before = digest(store)
        todo = [[change]]
        error = run_beside(store, server, tmp_path / "dump.rdb",
                           lambda: todo.pop() if todo else [("SET", "after", "x"), ("HSET", "bighash", "f", "v")])
    assert error is None
    assert digest_in_redis(tmp_path / "dump.rdb") == before


BIG_BYTES = 1 << 18
BIG_EDITS = [
    [("SETBIT", "a", 3, 1)], [("APPEND", "a", "tail")], [("APPEND", "a", "y" * BIG_BYTES)], [("SETRANGE", "a", 9, "x")],
    [("BITFIELD", "a", "SET", "u8", 0, 7)], [("SETBIT", "a", 8 * BIG_BYTES, 1), ("SETBIT", "a", 0, 0)],
    [("RENAME", "a", "b"), ("SETBIT", "b", 9, 1)], [("SETBIT", "a", 9, 1), ("RENAME", "a", "b")],
    [("COPY", "a", "b"), ("APPEND", "a", "x"), ("APPEND", "b", "y")], [("EXPIRE", "a", 1000), ("APPEND", "a", "x")],
    [("DEL", "a")], [("UNLINK", "a")], [("GETDEL", "a")], [("PEXPIRE", "a", -1)], [("SET", "a", "other")],
    [("SETBIT", "a", 5, 1), ("DEL", "a"), ("SETBIT", "a", 5, 1)], [("BITOP", "NOT", "a", "a"), ("SETBIT", "a", 1, 1)],
]


@pytest.mark.parametrize("flush", [False, True])
def test_edits_of_big_strings_do_not_show(store, tmp_path, flush):
    """Some are held when they are edited, some being written, some written."""
    count = 4 * len(BIG_EDITS)
    for i in range(count):
        store.execute("SET", f"{i}:a", os.urandom(BIG_BYTES // 2).hex() if i % 2 else os.urandom(BIG_BYTES))
    with wstore.Server(store) as server:
        before = digest(store)
        todo = [[(command, *(f"{i}:{arg}" if arg in ("a", "b") else arg for arg in args))
                 for command, *args in BIG_EDITS[i % len(BIG_EDITS)]] for i in range(count)]
        if flush:
            todo[0] = [("FLUSHALL",)]
        error = run_beside(store, server, tmp_path / "dump.rdb", lambda: todo.pop() if todo else time.sleep(0.01) or [])
        assert not todo
    assert error is None
    assert digest_in_redis(tmp_path / "dump.rdb") == before


def test_a_big_string_is_not_compressed_by_who_edits_it(store, tmp_path):
    """What a command pays is at most a copy of that one string: much less than writing it takes the thread."""
    names = [f"big{i}" for i in range(4)]
    for name in names:
        store.execute("SET", name, os.urandom(4 << 20))
    began = time.monotonic()
    store.snapshot_save(str(tmp_path / "dump.rdb"))
    whole = time.monotonic() - began
    least = whole
    with wstore.Server(store) as server:
        client = redis.Redis(port=server.port)
        for _ in range(4):
            ended = []
            store.snapshot_begin(str(tmp_path / "dump.rdb"), then=ended.append)
            began = time.monotonic()
            client.setbit(names[-1], 3, 1)
            least = min(least, time.monotonic() - began)
            while not ended:
                time.sleep(0.01)
            assert ended == [None]
    assert least < whole / 8


def test_what_goes_is_not_copied(store, tmp_path):
    """Commands that leave the bytes of a long string alone take no memory for them."""
    size = 4 << 20
    for i in range(16):
        store.execute("SET", f"big{i}", os.urandom(size))
    with wstore.Server(store) as server:
        before = digest(store)
        client = redis.Redis(port=server.port)
        ended = []
        used = client.info("memory")["used_memory"]
        store.snapshot_begin(str(tmp_path / "dump.rdb"), then=ended.append)
        pipe = client.pipeline(transaction=True)
        for i in range(0, 16, 4):
            pipe.execute_command("EXPIRE", f"big{i}", 1000)
            pipe.execute_command("RENAME", f"big{i + 1}", f"moved{i}")
            pipe.execute_command("DEL", f"big{i + 2}")
            pipe.execute_command("SET", f"big{i + 3}", "small")
        pipe.execute_command("INFO", "memory")
        assert pipe.execute()[-1]["used_memory"] - used < 3 * size      # the thread has room for one that it writes
        while not ended:
            time.sleep(0.01)
        assert ended == [None]
        assert client.info("memory")["used_memory"] < used - 7 * size   # and frees what has gone meanwhile
    assert digest_in_redis(tmp_path / "dump.rdb") == before


def test_slots(store, tmp_path):
    fill(store, 3000)
    counts = store.slot_counts()
    store.snapshot_save(str(tmp_path / "part.rdb"), slots=[(100, 8000), (16000, 16383)])
    with start_oracle("--dbfilename", "part.rdb", folder=tmp_path) as server:
        client = redis.Redis(port=server.port)
        assert client.dbsize() == int(counts[100:8001].sum() + counts[16000:].sum())


def test_one_at_a_time_and_cancel(store, tmp_path):
    fill(store)
    with wstore.Server(store):
        ended = []
        store.snapshot_begin(str(tmp_path / "a.rdb"), then=ended.append)
        with pytest.raises(RuntimeError):
            store.snapshot_begin(str(tmp_path / "b.rdb"), then=ended.append)
        with pytest.raises(RuntimeError):
            store.snapshot_save(str(tmp_path / "b.rdb"))
        store.snapshot_cancel()
        while not ended:
            time.sleep(0.01)
    assert len(ended) == 1
    assert ended == ["Operation canceled"] and os.listdir(tmp_path) == [] or (
        ended == [None] and os.listdir(tmp_path) == ["a.rdb"])


def test_failures_leave_nothing(store, tmp_path):
    from wstore.engine._engine import arm_fault
    fill(store, 1000)
    path = tmp_path / "dump.rdb"
    path.write_bytes(b"the old one")
    for kind in ("open", "write", "sync", "rename"):
        arm_fault(kind, error=28)
        with pytest.raises(OSError, match="No space left"):
            store.snapshot_save(str(path))
        assert os.listdir(tmp_path) == ["dump.rdb"]
        assert path.read_bytes() == b"the old one"
    store.snapshot_save(str(path))
    assert digest_in_redis(path) == digest(store)


def test_stop_while_it_runs(store, tmp_path):
    fill(store)
    with wstore.Server(store):
        store.snapshot_begin(str(tmp_path / "a.rdb"))
    store.set("still", "there")
    store.validate()
    assert os.listdir(tmp_path) in ([], ["a.rdb"])
