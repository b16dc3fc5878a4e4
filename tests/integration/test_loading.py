"""Loading with a loop: clients are answered meanwhile, and served afterwards."""
from __future__ import annotations

import threading
from pathlib import Path

import pytest
import redis

import wstore
from tests import rdb_files as rdb
from tests.payloads import string
from tests.processes import wait_for
from tests.resp import Bulk, Connection, Error, Int
from wstore.engine._engine import Session
from wstore.engine.pycommand import PyCommand

KEYS = 200_000


class Load:
    """A server whose store is loading this file, and what it was told at the end."""

    def __init__(self, server: wstore.Server, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.said: list[tuple[str | None, dict]] = []
        self.done = threading.Event()
        self.server = server
        server.store.load_begin([(str(path), "rdb" if data[:5] == b"REDIS" else "aof")], self.end)

    def end(self, error: str | None, report: dict) -> None:
        self.said.append((error, report))
        self.done.set()


@pytest.mark.parametrize("kind", ["rdb", "aof"])
def test_clients_are_answered_while_files_are_loaded(tmp_path: Path, kind: str):
    keys = [b"key:%d" % i for i in range(KEYS)]
    data = rdb.rdb_file(rdb.resize(KEYS, 0), *[rdb.record(key, 0, string(b"value")) for key in keys], crc=0)
    if kind == "aof":
        data = b"".join(rdb.command("SET", key, "value") for key in keys)
    with wstore.Server() as server, Connection(server.port) as client:
        client.call("PING")
        load = Load(server, tmp_path / "file", data)
        assert client.call("GET", "key:1") == Error(b"LOADING Redis is loading the dataset in memory")
        progress = server.store.load_progress()
        assert progress["total_bytes"] == len(data) and 0 <= progress["loaded_bytes"] <= len(data)
        with pytest.raises(RuntimeError, match="a load is running"):
            server.store.load_begin([], print)
        assert load.done.wait(60)
        [(error, report)] = load.said
        assert error is None and report["keys" if kind == "rdb" else "commands"] == KEYS
        assert client.call("GET", "key:77") == Bulk(b"value") and client.call("DBSIZE") == Int(KEYS)
        assert server.store.load_progress() is None


def test_a_failed_load_ends(tmp_path: Path):
    with wstore.Server() as server, redis.Redis(port=server.port) as client:
        load = Load(server, tmp_path / "file", rdb.rdb_file(crc=1))
        assert load.done.wait(20)
        assert "the checksum is wrong" in load.said[0][0]
        wait_for(lambda: server.store.load_progress() is None)
        assert client.set("a", 1)


def test_a_load_in_a_command(tmp_path: Path):
    """With `wait` the load runs where it is called: within a batch of commands, and with handlers in Python."""
    (tmp_path / "file").write_bytes(rdb.commands(["SET a 1", "RPUSH l x", "TWICE a", "INCR a"]))
    said: list[tuple[str | None, dict]] = []

    def load(session: Session, args: list[bytes]) -> bytes:
        session.engine.load_begin([(str(tmp_path / "file"), "aof")], lambda *told: said.append(told), wait=True)
        return args[1]

    with wstore.Server() as server, redis.Redis(port=server.port) as client:
        server.store.register([PyCommand("load", 2, 0, 0, 0, 0, load),
                               PyCommand("twice", 2, 0, 1, 1, 1, lambda session, args: args[1] * 2)])
        pipeline = client.pipeline(transaction=False)
        for line in ("SET b 5", "LOAD now", "GET a", "INCR b", "LRANGE l 0 -1"):
            pipeline.execute_command(*line.split())
        assert pipeline.execute() == [True, b"now", b"2", 6, [b"x"]]
        assert said[0][0] is None and said[0][1]["commands"] == 4 and said[0][1]["errors"] == 0
        server.store.validate()


def test_a_load_that_the_end_of_the_server_cuts_short(tmp_path: Path):
    store = wstore.Store()
    with wstore.Server(store) as server:
        load = Load(server, tmp_path / "file", b"".join(rdb.command("SET", f"key:{i}", "value") for i in range(KEYS)))
    assert store.load_progress() is None
    assert len(store) == KEYS if load.said else len(store) < KEYS       # if it was cut short, nobody was told an end
    store.validate()
    assert store.set("a", "1")
    with wstore.Server(store) as server, redis.Redis(port=server.port) as client:
        assert client.get("a") == b"1"
    store.close()
