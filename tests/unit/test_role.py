"""The role of a server: what a replica refuses, and calls into the loop's thread."""
from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

import wstore
from tests.resp import CLOSED, OK, Bulk, Connection, Error, Int
from wstore.engine._engine import call_soon, set_link, set_replica

READONLY = b"READONLY You can't write against a read only replica."
MASTERDOWN = b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
EXECABORT = b"EXECABORT Transaction discarded because of: "


@pytest.fixture
def server() -> Iterator[wstore.Server]:
    with wstore.Server() as server:
        yield server


@pytest.fixture
def connection(server: wstore.Server) -> Iterator[Connection]:
    with Connection(server.port) as connection:
        yield connection


def in_loop(server: wstore.Server, fn) -> None:
    """Run fn() on the loop's thread and wait for it."""
    done = threading.Event()
    call_soon(server.store, fn)
    call_soon(server.store, done.set)
    assert done.wait(5)


def test_call_soon_runs_on_the_loops_thread_in_order(server: wstore.Server) -> None:
    seen: list[object] = []
    in_loop(server, lambda: seen.append(threading.current_thread().name))
    in_loop(server, lambda: [call_soon(server.store, lambda n=n: seen.append(n)) for n in range(3)])
    in_loop(server, lambda: None)
    assert seen == ["wstore", 0, 1, 2]


def test_call_soon_survives_an_error(server: wstore.Server, capfd) -> None:
    in_loop(server, lambda: 1 // 0)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_call_soon_without_a_loop() -> None:
    seen: list[int] = []
    with wstore.Store() as store:
        call_soon(store, lambda: seen.append(store.execute("INCR", "n")))
        assert seen == [1]


def test_replica_refuses_writes(server: wstore.Server, connection: Connection) -> None:
    connection.call("SET", "k", "v")
    connection.call("MULTI")
    connection.call("SET", "k", "w")
    in_loop(server, lambda: set_replica(server.store, True))
    assert connection.call("EXEC") == Error(EXECABORT + READONLY)
    assert connection.call("SET", "k", "w") == Error(READONLY)
    assert connection.call("GET", "k") == Bulk(b"v")
    with pytest.raises(wstore.ReplyError, match="READONLY"):
        server.store.set("k", "w")
    with pytest.raises(wstore.ReplyError, match="READONLY"):
        server.store.execute("SET", "k", "w")
    connection.call("CONFIG", "SET", "replica-read-only", "no")
    assert connection.call("SET", "k", "w") == OK
    in_loop(server, lambda: set_replica(server.store, False))
    connection.call("CONFIG", "SET", "replica-read-only", "yes")
    assert connection.call("SET", "k", "x") == OK


def test_replica_holds_what_has_expired_until_it_is_deleted(server: wstore.Server, connection: Connection) -> None:
    for key in ("a", "b", "c"):
        connection.call("SET", key, "value", "PX", "100")
    in_loop(server, lambda: set_replica(server.store, True))
    connection.call("CONFIG", "SET", "replica-read-only", "no")
    time.sleep(0.15)
    for key in ("a", "b", "c"):
        assert connection.call("EXISTS", key) == Int(0)
        assert server.store.execute("MEMORY", "USAGE", key) > 0
        assert "serializedlength:6" in server.store.execute("DEBUG", "OBJECT", key)
    before = connection.call("INFO", "stats").data
    assert connection.call("DEL", "a") == Int(1)
    assert connection.call("UNLINK", "a", "b", "c") == Int(2)
    assert connection.call("DBSIZE") == connection.call("DEL", "a") == Int(0)
    assert b"expired_keys:0" in before and b"expired_keys:0" in connection.call("INFO", "stats").data


def test_replica_closes_clients_that_wait_for_a_key(server: wstore.Server, connection: Connection) -> None:
    connection.send("BLPOP", "l", "0")
    with Connection(server.port) as other:
        while b"cmd=blpop" not in other.call("CLIENT", "LIST").data:
            pass
    in_loop(server, lambda: set_replica(server.store, True))
    assert connection.read() == Error(
        b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")
    assert connection.read() == CLOSED


def test_replica_without_link_keeps_old_data_to_itself(server: wstore.Server, connection: Connection) -> None:
    connection.call("SET", "k", "v")
    connection.call("MULTI")
    connection.call("GET", "k")
    in_loop(server, lambda: (set_replica(server.store, True), set_link(server.store, True)))
    server.store.execute("CONFIG", "SET", "replica-serve-stale-data", "no")
    assert connection.call("EXEC") == Error(EXECABORT + MASTERDOWN)
    assert connection.call("GET", "k") == Error(MASTERDOWN)
    assert connection.call("SET", "k", "w") == Error(READONLY)
    assert connection.call("PING") == Error(MASTERDOWN)
    assert b"redis_version" in connection.call("INFO").data
    in_loop(server, lambda: set_link(server.store, False))
    assert connection.call("GET", "k") == Bulk(b"v")
