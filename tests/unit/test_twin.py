"""A twin: data loaded by a thread while others are served, which then take their place."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import wstore
from tests import datasets
from tests.resp import NULL_ARRAY, NULL_BULK, OK, Array, Bulk, Connection, Int
from wstore.engine._engine import adopt_data, call_soon, set_replica, twin


@pytest.fixture
def server() -> Iterator[wstore.Server]:
    with wstore.Server(save="", enable_debug_command="yes") as server:
        yield server


@pytest.fixture
def connection(server: wstore.Server) -> Iterator[Connection]:
    with Connection(server.port) as connection:
        yield connection


def many(count: int) -> tuple[object, ...]:
    return "MSET", *(part for n in range(count) for part in (f"key:{n}", n))


def saved(path: Path, *commands: tuple[object, ...]) -> Path:
    """An RDB file of what these commands make."""
    with wstore.Store() as store:
        for command in commands:
            store.execute(*command)
        store.snapshot_save(str(path))
    return path


def load(server: wstore.Server, path: Path, kind: str = "rdb") -> wstore.Store:
    """A twin of the server's store that a thread has loaded."""
    told: list[str | None] = []
    other = twin(server.store)
    thread = threading.Thread(target=lambda: other.load_begin(
        [(str(path), kind)], lambda error, report: told.append(error), wait=True))
    thread.start()
    thread.join(30)
    assert told == [None]
    return other


def adopt(server: wstore.Server, other: wstore.Store) -> None:
    """adopt_data on the loop's thread; raises what it does."""
    raised: list[Exception | None] = []
    done = threading.Event()

    def work() -> None:
        try:
            adopt_data(server.store, other)
        except (ValueError, RuntimeError) as error:
            raised.append(error)
        done.set()

    call_soon(server.store, work)
    assert done.wait(10)
    if raised:
        raise raised[0]


def test_all_types_take_the_place_of_the_old_data(server: wstore.Server, connection: Connection,
                                                  tmp_path: Path) -> None:
    with wstore.Server(save="", enable_debug_command="yes") as other, Connection(other.port) as source:
        datasets.fill(source)
        datasets.change(source)
        digest = datasets.digest(source)
        other.store.snapshot_save(str(tmp_path / "dump.rdb"))
    datasets.fill(connection, seed=7)
    connection.call("SET", "mine", 1)
    adopt(server, load(server, tmp_path / "dump.rdb"))
    assert datasets.digest(connection) == digest
    assert connection.call("GET", "mine") == NULL_BULK
    server.store.validate()
    datasets.change(connection, seed=9)
    connection.call("FLUSHALL")
    server.store.validate()


def test_commands_in_a_log_run_in_the_twin(server: wstore.Server, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join(b"*3\r\n$3\r\nSET\r\n$2\r\nk%d\r\n$1\r\nv\r\n" % (n % 10) for n in range(500)))
    adopt(server, load(server, path, "aof"))
    assert connection.call("DBSIZE") == Int(10)


def test_old_data_are_served_while_the_twin_loads(server: wstore.Server, connection: Connection,
                                                  tmp_path: Path) -> None:
    path = saved(tmp_path / "dump.rdb", many(200_000))
    connection.call("SET", "old", "1")
    other = twin(server.store)
    ended = threading.Event()
    thread = threading.Thread(target=lambda: other.load_begin([(str(path), "rdb")], lambda *_: ended.set(), wait=True))
    thread.start()
    served = 0
    while not ended.is_set():
        assert connection.call("INCR", "old") == Int(served + 2)
        served += 1
    thread.join()
    assert served > 10
    adopt(server, other)
    assert connection.call("DBSIZE") == Int(200_000)
    server.store.validate()


def test_embedded_calls_find_the_new_data(server: wstore.Server, tmp_path: Path) -> None:
    store = server.store
    path = saved(tmp_path / "dump.rdb", ("SET", "k", "new"))
    store.set("k", "old")
    assert store.get("k") == b"old"
    adopt(server, load(server, path))
    assert store.get("k") == b"new"


def test_watch_and_blocked_clients_hear_of_it(server: wstore.Server, connection: Connection, tmp_path: Path) -> None:
    path = saved(tmp_path / "dump.rdb", ("SET", "same", "1"), ("RPUSH", "l", "a", "b"))
    connection.call("WATCH", "same")
    with Connection(server.port) as other, Connection(server.port) as waits:
        other.call("WATCH", "absent")
        waits.send("BLPOP", "l", 0)
        while b"cmd=blpop" not in connection.call("CLIENT", "LIST").data:
            pass
        adopt(server, load(server, path))
        assert waits.read() == Array((Bulk(b"l"), Bulk(b"a")))
        for client, reply in ((connection, NULL_ARRAY), (other, Array((OK,)))):
            client.call("MULTI")
            client.call("SET", "x", "1")
            assert client.call("EXEC") == reply


def test_snapshot_of_the_old_data_is_cancelled(server: wstore.Server, connection: Connection, tmp_path: Path) -> None:
    path = saved(tmp_path / "dump.rdb", ("SET", "k", "new"))
    connection.call(*many(300_000))
    other = load(server, path)
    told: list[str | None] = []

    def work() -> None:
        server.store.snapshot_begin(str(tmp_path / "other.rdb"), then=told.append)
        adopt_data(server.store, other)

    call_soon(server.store, work)
    while not told or connection.call("DBSIZE") != Int(1):
        pass
    assert told == ["Operation canceled"]
    assert not (tmp_path / "other.rdb").exists()
    server.store.validate()


def test_expired_keys_stay_with_a_replica(server: wstore.Server, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$4\r\n1000\r\n")
    call_soon(server.store, lambda: set_replica(server.store, True))
    adopt(server, load(server, path, "aof"))
    assert connection.call("GET", "k") == NULL_BULK
    assert connection.call("DBSIZE") == Int(1)


def test_only_a_twin_is_adopted(server: wstore.Server) -> None:
    with wstore.Store() as stranger:
        with pytest.raises(ValueError, match="no twin"):
            adopt(server, stranger)
    other = twin(server.store)
    adopt(server, other)
    with pytest.raises(ValueError, match="closed"):
        adopt(server, other)
