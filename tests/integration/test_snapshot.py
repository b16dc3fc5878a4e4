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
