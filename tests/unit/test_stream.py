"""The stream of writes: commands as they came in over a connection, calls of an embedded store, Python handlers."""
from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import wstore
from tests.resp import Connection, encode
from tests.streams import commands_in
from wstore.engine.pycommand import PyCommand

SELECT_0 = (b"SELECT", b"0")
ARGS_OF_LONG = 3000         # more than a batch takes at once


@pytest.fixture
def store() -> Iterator[wstore.Store]:
    with wstore.Store() as store:
        store.stream_start()
        yield store


@pytest.fixture
def server(store: wstore.Store) -> Iterator[wstore.Server]:
    with wstore.Server(store) as server:
        yield server


def sent(server: wstore.Server, *pieces: bytes) -> bytes:
    """What stands in the stream after these pieces were sent by a connection, one a turn of the loop."""
    with Connection(server.port) as connection, Connection(server.port) as control:
        for piece in pieces:
            connection.send_raw(piece)
            control.call("PING")
            control.call("PING")
    return server.store.stream_take()


def test_request_is_copied_as_it_was_sent(server: wstore.Server) -> None:
    requests = [encode(words) for words in (("SET", "k", "v"), ("set", b"\r\n\x00", b"*1\r\n$4\r\nPING\r\n"),
                                            ("APPEND", "k", "x" * 100_000), ("SET", "k", ""))]
    assert sent(server, b"".join(requests)) == encode(SELECT_0) + b"".join(requests)
    assert sent(server, *requests) == b"".join(requests)


def test_request_that_comes_in_pieces(server: wstore.Server) -> None:
    request = encode(("SET", "k", "value" * 2000))
    assert sent(server, request[:3], request[3:20], request[20:5000], request[5000:]) == encode(SELECT_0) + request
    later = encode(("SET", "q", "1"))
    assert sent(server, later + request[:40], request[40:] + later) == later + request + later


def test_request_of_many_arguments(server: wstore.Server) -> None:
    request = encode(("RPUSH", "l", *range(ARGS_OF_LONG)))
    assert sent(server, request[:1000], request[1000:]) == encode(SELECT_0) + request


def test_empty_and_inline_requests(server: wstore.Server) -> None:
    request = encode(("SET", "k", "v"))
    lines = b'\r\nset  "a b"   "\\x00\\r\\n"\r\nSET c d\n'
    inline = encode(("set", "a b", b"\x00\r\n")) + encode(("SET", "c", "d"))
    got = sent(server, b"*0\r\n" + request + lines + b"*-1\r\n" + request)
    assert got == encode(SELECT_0) + request + inline + request


def test_transaction_of_one_effect_and_of_several(server: wstore.Server) -> None:
    one = (("MULTI",), ("SET", "a", "1"), ("GET", "a"), ("EXEC",))
    two = (("MULTI",), ("SET", "a", "1"), ("INCR", "a"), ("EXEC",))
    assert commands_in(sent(server, b"".join(map(encode, one + two)))) == [
        SELECT_0, (b"SET", b"a", b"1"), (b"MULTI",), (b"SET", b"a", b"1"), (b"INCR", b"a"), (b"EXEC",)]


def test_calls_of_an_embedded_store(store: wstore.Store) -> None:
    later_ms = int(time.time() * 1000) + 100_000
    store.set("a", "1")
    store.set("a", "2")                 # of the same shape: it may be written in place
    store.set("b", 3, ex=100)
    store.expire_at("a", later_ms)
    store.expire_at("a", -1)
    store.expire_at("a", -1)
    store.expire_at("none", later_ms)
    assert store.delete("a", "none", "b") == 2
    got = commands_in(store.stream_take())
    assert got[3][:4] == (b"SET", b"b", b"3", b"PXAT")
    assert got[:3] + got[4:] == [
        SELECT_0, (b"SET", b"a", b"1"), (b"SET", b"a", b"2"), (b"PEXPIREAT", b"a", b"%d" % later_ms),
        (b"PERSIST", b"a"), (b"DEL", b"a"), (b"DEL", b"b")]
    assert store.stream_take() == b""


def test_embedded_calls_name_the_database(store: wstore.Store) -> None:
    store.select(2)
    store.set("a", "1")
    store.execute("SET", "b", "1")
    store.select(0)
    store.delete("a")
    store.set("a", "1")
    assert commands_in(store.stream_take()) == [
        (b"SELECT", b"2"), (b"SET", b"a", b"1"), (b"SET", b"b", b"1"), SELECT_0, (b"SET", b"a", b"1")]


@pytest.mark.parametrize("lazily, name", [("no", b"DEL"), ("yes", b"UNLINK")])
def test_expired_keys_go_by_name(store: wstore.Store, lazily: str, name: bytes) -> None:
    store.execute("CONFIG", "SET", "lazyfree-lazy-expire", lazily)
    for key in ("a", "b", "c", "d"):
        store.execute("SET", key, "v", "PXAT", 1)
    store.stream_take()
    assert store.get("a") is None
    store.set("b", "w")
    assert store.scan(0, 100) == (0, [b"b"])
    assert sorted(commands_in(store.stream_take())) == sorted(
        [(name, b"a"), (name, b"b"), (b"SET", b"b", b"w"), (name, b"c"), (name, b"d")])


def test_active_expiry(store: wstore.Store) -> None:
    store.execute("SET", "a", "v", "EX", 100)
    store.execute("SET", "b", "v", "EX", 100)
    store.stream_take()
    store.tick(int(time.time() * 1000) + 200_000)
    assert sorted(commands_in(store.stream_take())) == [(b"DEL", b"a"), (b"DEL", b"b")]     # no transaction


def test_what_a_python_handler_does_is_one_unit(store: wstore.Store) -> None:
    def several(session, args):
        session.engine.execute("SET", "a", "1")
        session.engine.execute("GET", "a")
        session.engine.execute("SPOP", "none")
        session.engine.execute("INCR", "a")
        session.engine.set("b", "2")

    def one(session, args):
        session.engine.execute("SET", "a", "1")

    store.register([PyCommand("several", 1, 1, 0, 0, 0, several), PyCommand("one", 1, 1, 0, 0, 0, one)])
    store.execute("several")
    store.execute("one")
    assert commands_in(store.stream_take()) == [
        SELECT_0, (b"MULTI",), (b"SET", b"a", b"1"), (b"INCR", b"a"), (b"SET", b"b", b"2"), (b"EXEC",),
        (b"SET", b"a", b"1")]


def test_nothing_is_taken_out_of_a_unit(store: wstore.Store) -> None:
    taken = []

    def handler(session, args):
        taken.append(session.engine.stream_take())
        session.engine.execute("SET", "a", "1")
        with pytest.raises(RuntimeError, match="left effects"):
            session.engine.stream_take()

    store.register([PyCommand("handler", 1, 1, 0, 0, 0, handler)])
    store.execute("handler")
    assert taken == [b""]
    assert commands_in(store.stream_take()) == [SELECT_0, (b"SET", b"a", b"1")]


def test_stream_begins_with_the_database(store: wstore.Store) -> None:
    store.set("a", "1")
    store.stream_start()
    assert store.stream_take() == b""       # what was there before belongs to no stream any more
    store.set("a", "1")
    assert commands_in(store.stream_take())[0] == SELECT_0


def test_nothing_without_a_stream() -> None:
    with wstore.Store() as store:
        store.set("a", "1")
        store.execute("SET", "b", "1", "PXAT", 1)
        assert store.get("b") is None
        assert store.stream_take() == b""


def test_observers_come_and_go_beside_the_stream(server: wstore.Server) -> None:
    """WATCH, waiting clients and keyspace events set and clear what the stream needs to stay set."""
    with Connection(server.port) as connection:
        for words in (("CONFIG", "SET", "notify-keyspace-events", "KEA"), ("WATCH", "a"), ("UNWATCH",),
                      ("BLPOP", "none", "0.01"), ("CONFIG", "SET", "notify-keyspace-events", ""),
                      ("RESTORE", "k", "0", b"\x00\x01v\n\x00\x91\x08\xce\xb2\x198\x8a\xce"), ("SET", "a", "1")):
            connection.call(*words)
    assert [words[0] for words in commands_in(server.store.stream_take())] == [b"SELECT", b"RESTORE", b"SET"]


def test_handler_knows_that_it_is_in_a_transaction(server: wstore.Server) -> None:
    seen = []
    server.store.register([PyCommand("look", 1, 0, 0, 0, 0, lambda session, args: seen.append(session.in_transaction))])
    sent(server, b"".join(encode((word,)) for word in ("LOOK", "MULTI", "LOOK", "EXEC", "LOOK")))
    assert seen == [False, True, False]


def test_string_that_bitfield_makes_longer_in_vain(store: wstore.Store) -> None:
    """Redis leaves this out of its log."""
    command = (b"BITFIELD", b"k", b"OVERFLOW", b"FAIL", b"SET", b"u1", b"9", b"5")
    assert store.execute(*command) == [None]
    assert store.get("k") == b"\0\0"
    assert store.execute(*command) == [None]
    assert commands_in(store.stream_take()) == [SELECT_0, command]
