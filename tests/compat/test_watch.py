"""WATCH and UNWATCH with several connections: the same story told to redis-server and to wstore."""
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import NULL, NULL_ARRAY, OK, Connection, Differential, Error, Simple

SERVERS = ("oracle", "wstore_server")


@pytest.fixture(params=SERVERS)
def server(request):
    server = request.getfixturevalue(request.param)
    assert server.call("FLUSHALL") == OK
    return server


@pytest.fixture
def watcher(server):
    with server.connect() as connection:
        yield connection


@pytest.fixture
def other(server):
    with server.connect() as connection:
        yield connection


def run(connection: Connection, *lines: str) -> list:
    return [connection.call(*line.split()) for line in lines]


def survives(watcher: Connection) -> bool:
    """Whether a transaction that is begun now is run."""
    assert watcher.call("MULTI") == OK
    assert watcher.call("PING") == Simple(b"QUEUED")
    reply = watcher.call("EXEC")
    assert reply == NULL_ARRAY or reply.items == (Simple(b"PONG"),)
    return reply != NULL_ARRAY


CHANGES = (
    "SET k v", "SET k 1", "APPEND k x", "SETRANGE k 0 a", "INCR n", "INCRBYFLOAT n 1", "DEL k", "UNLINK k",
    "EXPIRE k 100", "PEXPIREAT k 1", "EXPIRE k -1", "RENAME k z", "RENAME z k",
    "RENAME o k", "COPY o k REPLACE", "MOVE k 1",
    "GETSET k x", "GETDEL k", "GETEX k EX 100", "GETEX k PERSIST", "SETEX k 100 x", "MSET k 1 n 2", "MSETNX q 1 r 2",
    "SETBIT k 1 1", "BITOP AND k o o", "BITFIELD k SET u8 0 3", "BITFIELD k GET u8 0", "BITFIELD k INCRBY u8 0 0",
    "PERSIST k", "PERSIST n", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "SWAPDB 0 0", "SWAPDB 1 2", "SETNX k x", "SETNX q x",
    "SET k x NX", "SET k x XX", "SET q x XX", "SET k x GET", "GETEX k", "GET k", "TOUCH k", "EXPIRE q 10", "DEL q",
    "EXPIRE k 100 XX", "BITOP OR q none none", "SETRANGE q 0 ", "SETRANGE k 0 ", "APPEND q x", "RESTORE k 0 junk",
    "DECRBY n 3", "SET k v KEEPTTL", "EXPIREAT n 9999999999", "COPY k q", "COPY k o", "RENAMENX k o", "RENAMENX k q")
PREPARED = ("SET k v", "SET n 5 EX 1000", "SET o other", "SELECT 1", "SET s swapped", "SELECT 0", "RENAMENX nothing k")


@pytest.mark.parametrize("change", CHANGES)
def test_each_change(diff: Differential, oracle, wstore_server, change: str):
    """Whether a watched key, k, n, q (not there) or s (in another database), notices it, on both servers."""
    seen = []
    for server in (oracle, wstore_server):
        assert server.call("FLUSHALL") == OK
        with server.connect() as other:
            run(other, *PREPARED)
            for key in "knqsoz":
                with server.connect() as watcher:
                    assert watcher.call("WATCH", key) == OK
                    other.call(*change.split(" "))
                    seen.append(survives(watcher))
                run(other, "FLUSHALL", "SELECT 0", *PREPARED)
    assert seen[:6] == seen[6:]


def test_own_changes_count_too(watcher):
    run(watcher, "WATCH k", "SET k 1")
    assert not survives(watcher)
    assert survives(watcher)        # EXEC has ended the watch


def test_unwatch_discard_reset(watcher, other):
    for words in (["UNWATCH"], ["MULTI", "DISCARD"], ["RESET"], ["MULTI", "FOO", "EXEC"], ["MULTI", "EXEC"],
                  ["MULTI", "EXEC x"]):
        run(watcher, "WATCH k", *words)
        other.call("APPEND", "k", "x")
        assert survives(watcher), words
        run(watcher, "WATCH k")
        other.call("APPEND", "k", "x")
        run(watcher, *words)
        assert survives(watcher), words


def test_inside_multi(watcher):
    assert run(watcher, "MULTI", "WATCH k")[1] == Error(b"ERR WATCH inside MULTI is not allowed")
    assert run(watcher, "UNWATCH", "EXEC")[1].items == (OK,)
    assert run(watcher, "WATCH")[0] == Error(b"ERR wrong number of arguments for 'watch' command")


def test_unwatch_inside_multi_comes_too_late(watcher, other):
    run(watcher, "WATCH k", "MULTI", "UNWATCH")
    other.call("SET", "k", "1")
    assert watcher.call("EXEC") == NULL_ARRAY


def test_a_refused_command_says_so_first(watcher, other):
    run(watcher, "WATCH k", "MULTI", "FOO")
    other.call("SET", "k", "1")
    assert watcher.call("EXEC") == Error(b"EXECABORT Transaction discarded because of previous errors.")


def test_null_in_resp3(server, other):
    with server.connect(resp=3) as watcher:
        run(watcher, "WATCH k", "MULTI", "PING")
        other.call("SET", "k", "1")
        assert watcher.call("EXEC") == NULL


def test_keys_are_of_a_database(watcher, other):
    run(watcher, "WATCH k")
    run(other, "SELECT 1", "SET k v", "SELECT 0")
    assert survives(watcher)
    run(watcher, "SELECT 1", "WATCH k", "SELECT 0")
    run(other, "SET k v")
    assert survives(watcher)
    run(watcher, "SELECT 1", "WATCH k", "SELECT 0")
    run(other, "SELECT 1", "SET k v")
    assert not survives(watcher)


def test_expiry_while_watched(watcher, other):
    """A key that expires is a change, dropped already or not."""
    for active in ("0", "1"):
        other.call("DEBUG", "SET-ACTIVE-EXPIRE", active)
        run(other, "SET k v PX 30")
        run(watcher, "WATCH k")
        time.sleep(0.3)
        assert not survives(watcher), active
        run(other, "SET k v PX 30")
        run(watcher, "WATCH k")
        time.sleep(0.05)
        run(other, "GET k")
        assert not survives(watcher), active


def test_expired_before_watched(watcher, other):
    """That an expired key is dropped is no change; that it is written is one."""
    other.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        for change, fine in (("GET k", True), ("DEL k", True), ("FLUSHALL", True), ("SET k v", False),
                             ("INCR k", False), ("RANDOMKEY", True), ("SWAPDB 0 1", True)):
            run(other, "FLUSHALL", "SET k v PX 1")
            time.sleep(0.03)
            run(watcher, "WATCH k")
            run(other, change)
            assert survives(watcher) == fine, change
    finally:
        other.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")


def test_swapped_in_expired(watcher, other):
    other.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        run(other, "SELECT 1", "SET k v PX 1", "SELECT 0")
        time.sleep(0.03)
        run(watcher, "WATCH k")
        run(other, "SWAPDB 0 1")
        assert survives(watcher)
        run(watcher, "WATCH k")
        run(other, "SWAPDB 0 1", "SET k v")
        assert not survives(watcher)
    finally:
        other.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")


def test_flags_of_client_list(watcher, other):
    number = watcher.call("CLIENT", "ID").value
    run(watcher, "WATCH k")
    other.call("SET", "k", "v")
    line = other.call("CLIENT", "LIST", "ID", number).data.decode()
    assert " flags=d " in line
    run(watcher, "MULTI")
    assert " flags=xd " in other.call("CLIENT", "LIST", "ID", number).data.decode()


def test_compare_and_set_from_many(server):
    """Counters by WATCH, GET, MULTI, SET, EXEC: no increment is lost, and some are refused."""
    connections = [server.connect() for _ in range(4)]
    done = refused = 0
    try:
        while done < 40:
            values = []
            for connection in connections:
                connection.call("WATCH", "counter")
                values.append(int(connection.call("GET", "counter").data or 0)
                              if connection.call("EXISTS", "counter").value else 0)
            for connection, value in zip(connections, values):
                run(connection, "MULTI", f"SET counter {value + 1}")
                if connection.call("EXEC") == NULL_ARRAY:
                    refused += 1
                else:
                    done += 1
        assert int(connections[0].call("GET", "counter").data) == done and refused == 3 * done
    finally:
        for connection in connections:
            connection.close()


KEYS = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.lists(st.tuples(st.integers(0, 2), st.one_of(
    st.builds(lambda *keys: " ".join(("WATCH", *keys)), KEYS, KEYS), KEYS.map(lambda key: f"WATCH {key}"),
    st.sampled_from(["UNWATCH", "MULTI", "EXEC", "DISCARD", "FLUSHDB", "SWAPDB 0 1", "SELECT 1", "SELECT 0", "RESET"]),
    st.builds(lambda word, key: f"{word} {key}", st.sampled_from(["DEL", "INCR", "GET", "PERSIST", "GETDEL"]), KEYS),
    st.builds(lambda key, to: f"RENAME {key} {to}", KEYS, KEYS))), max_size=40)


@given(STEPS)
def test_stories(oracle, wstore_server, steps):
    """Three clients, the same steps on both servers, each reply equal."""
    told = []
    for server in (oracle, wstore_server):
        server.call("FLUSHALL")
        clients = [server.connect() for _ in range(3)]
        told.append([clients[who].call(*line.split()) for who, line in steps])
        told[-1].append([client.call("EXEC") for client in clients])
        for client in clients:
            client.close()
    assert told[0] == told[1]
