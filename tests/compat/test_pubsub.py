"""Publish and subscribe with several connections: the same story told to redis-server and to wstore."""
from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import CLOSED, NULL, NULL_BULK, OK, Array, Bulk, Connection, Differential, Error, Int, Push, Simple
from tests.resp import read_reply

SERVERS = ("oracle", "wstore_server")
LIMITED = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"


@pytest.fixture(params=SERVERS)
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[2, 3])
def listener(server, request):
    with server.connect(resp=request.param) as connection:
        connection.kind = Push if request.param == 3 else Array
        connection.nothing = NULL if request.param == 3 else NULL_BULK
        yield connection


@pytest.fixture
def other(server):
    with server.connect() as connection:
        yield connection


def until(passes: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not passes() and time.monotonic() < deadline:
        time.sleep(0.01)
    return passes()


def message(listener: Connection, *parts):
    """What a listener hears, its parts bytes or int."""
    return listener.kind(tuple(Int(part) if isinstance(part, int) else Bulk(part) for part in parts))


def is_quiet(listener: Connection) -> bool:
    """Whether nothing is on its way to a listener."""
    listener.send("PING", "quiet?")
    reply = listener.read()
    return reply in (Bulk(b"quiet?"), Array((Bulk(b"pong"), Bulk(b"quiet?"))))


# -- one listener ------------------------------------------------------------------------------------------------------

def test_channels(listener, other):
    listener.send("SUBSCRIBE", "a", "b", "a")
    assert listener.read() == message(listener, b"subscribe", b"a", 1)
    assert listener.read() == message(listener, b"subscribe", b"b", 2)
    assert listener.read() == message(listener, b"subscribe", b"a", 2)
    assert other.call("PUBLISH", "a", "x\r\ny\0") == Int(1)
    assert listener.read() == message(listener, b"message", b"a", b"x\r\ny\0")
    assert other.call("PUBLISH", "c", "x") == Int(0)
    assert other.call("PUBLISH", "b", "") == Int(1)
    assert listener.read() == message(listener, b"message", b"b", b"")
    assert listener.call("UNSUBSCRIBE", "a") == message(listener, b"unsubscribe", b"a", 1)
    assert listener.call("UNSUBSCRIBE", "nosuch") == message(listener, b"unsubscribe", b"nosuch", 1)
    assert other.call("PUBLISH", "a", "x") == Int(0)
    assert listener.call("UNSUBSCRIBE") == message(listener, b"unsubscribe", b"b", 0)
    assert listener.call("UNSUBSCRIBE") == listener.kind((Bulk(b"unsubscribe"), listener.nothing, Int(0)))
    assert listener.call("ECHO", "free") == Bulk(b"free")


def test_patterns(listener, other):
    assert listener.call("PSUBSCRIBE", "news.*") == message(listener, b"psubscribe", b"news.*", 1)
    assert listener.call("PSUBSCRIBE", "n?ws.a") == message(listener, b"psubscribe", b"n?ws.a", 2)
    assert listener.call("SUBSCRIBE", "news.a") == message(listener, b"subscribe", b"news.a", 3)
    assert other.call("PUBLISH", "news.a", "x") == Int(3)
    assert listener.read() == message(listener, b"message", b"news.a", b"x")
    heard = {listener.read().items for _ in range(2)}
    assert heard == {message(listener, b"pmessage", pattern, b"news.a", b"x").items
                     for pattern in (b"news.*", b"n?ws.a")}
    assert other.call("PUBLISH", "news.b", "y") == Int(1)
    assert listener.read() == message(listener, b"pmessage", b"news.*", b"news.b", b"y")
    assert listener.call("PUNSUBSCRIBE", "n?ws.a") == message(listener, b"punsubscribe", b"n?ws.a", 2)
    assert listener.call("PUNSUBSCRIBE") == message(listener, b"punsubscribe", b"news.*", 1)
    assert listener.call("PUNSUBSCRIBE") == listener.kind((Bulk(b"punsubscribe"), listener.nothing, Int(1)))
    assert other.call("PUBLISH", "news.a", "z") == Int(1)
    assert listener.read() == message(listener, b"message", b"news.a", b"z")


def test_shard_channels_are_apart(listener, other):
    assert listener.call("SSUBSCRIBE", "a") == message(listener, b"ssubscribe", b"a", 1)
    assert listener.call("SUBSCRIBE", "a") == message(listener, b"subscribe", b"a", 1)
    assert other.call("SPUBLISH", "a", "x") == Int(1)
    assert listener.read() == message(listener, b"smessage", b"a", b"x")
    assert other.call("PUBLISH", "a", "y") == Int(1)
    assert listener.read() == message(listener, b"message", b"a", b"y")
    assert listener.call("UNSUBSCRIBE") == message(listener, b"unsubscribe", b"a", 0)
    assert listener.call("PING", "x") in (Bulk(b"x"), Array((Bulk(b"pong"), Bulk(b"x"))))
    assert listener.call("SUNSUBSCRIBE") == message(listener, b"sunsubscribe", b"a", 0)
    assert listener.call("SUNSUBSCRIBE") == listener.kind((Bulk(b"sunsubscribe"), listener.nothing, Int(0)))


def test_a_long_message(listener, other):
    text = bytes(range(256)) * 20000
    listener.call("SUBSCRIBE", "a")
    for _ in range(2):
        assert other.call("PUBLISH", "a", text) == Int(1)
        assert listener.read() == message(listener, b"message", b"a", text)


# -- what a subscriber may do ------------------------------------------------------------------------------------------

def test_resp2_allows_little(diff: Differential, server):
    for begin in ("SUBSCRIBE a", "PSUBSCRIBE a", "SSUBSCRIBE a"):
        with server.connect() as client:
            client.call(*begin.split())
            for line, name in (("GET k", "get"), ("client list", "client|list"), ("MULTI", "multi"),
                               ("HELLO 3", "hello"), ("PUBLISH a b", "publish"), ("PUBSUB NUMPAT", "pubsub|numpat"),
                               ("EXEC", "exec"), ("WATCH k", "watch"), ("SELECT 1", "select"), ("AUTH x", "auth")):
                code = "EXECABORT Transaction discarded because of:" if name == "exec" else "ERR"
                assert client.call(*line.split()) == Error(f"{code} Can't execute '{name}': {LIMITED}".encode())
            assert client.call("GET") == Error(b"ERR wrong number of arguments for 'get' command")
            assert client.call("FOO") == Error(b"ERR unknown command 'FOO', with args beginning with: ")
            assert client.call("PING") == Array((Bulk(b"pong"), Bulk(b"")))
            assert client.call("PING", "x") == Array((Bulk(b"pong"), Bulk(b"x")))
            assert client.call("PING", "x", "y") == Error(b"ERR wrong number of arguments for 'ping' command")
            assert client.call("RESET") == Simple(b"RESET")
            assert client.call("PING") == Simple(b"PONG")
            client.call(*begin.split())
            assert client.call("QUIT") == OK
            assert client.read() == CLOSED


def test_resp3_allows_everything(server, other):
    with server.connect(resp=3) as client:
        client.call("SUBSCRIBE", "a")
        assert client.call("PING") == Simple(b"PONG")
        assert client.call("PUBLISH", "a", "own") == Push((Bulk(b"message"), Bulk(b"a"), Bulk(b"own")))
        assert client.read() == Int(1)
        assert client.call("MULTI") == OK
        assert client.call("SET", "k", "v") == Simple(b"QUEUED")
        assert client.call("EXEC") == Array((OK,))
        assert client.call("HELLO", "2").items
        assert client.call("GET", "k").text.startswith(b"ERR Can't execute 'get'")


def test_reset_ends_all_subscriptions(server, other):
    with server.connect(resp=3) as client:
        for word in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"):
            client.call(word, "a")
        assert client.call("RESET") == Simple(b"RESET")
        assert other.call("PUBLISH", "a", "x") == other.call("SPUBLISH", "a", "x") == Int(0)
        assert client.call("SUBSCRIBE", "b") == Array((Bulk(b"subscribe"), Bulk(b"b"), Int(1)))


def test_disconnecting_ends_them(server, other):
    clients = [server.connect(resp=2 + i % 2) for i in range(8)]
    for client in clients:
        client.call("SUBSCRIBE", "a")
        client.call("PSUBSCRIBE", "a*")
    assert other.call("PUBLISH", "a", "x") == Int(16)
    for client in clients:
        client.close()
    assert until(lambda: other.call("PUBSUB", "NUMSUB", "a").items[1] == Int(0))
    assert other.call("PUBSUB", "NUMPAT") == Int(0)
    assert other.call("PUBLISH", "a", "x") == Int(0)


def test_inside_multi(server):
    with server.connect() as client:
        client.call("MULTI")
        assert client.call("SUBSCRIBE", "a", "b") == Simple(b"QUEUED")
        assert client.call("GET", "nosuch") == Simple(b"QUEUED")
        client.send("EXEC")
        assert client.file.readline() == b"*2\r\n"
        assert [read_reply(client.file) for _ in range(3)] == [
            Array((Bulk(b"subscribe"), Bulk(b"a"), Int(1))), Array((Bulk(b"subscribe"), Bulk(b"b"), Int(2))),
            NULL_BULK]
        assert client.call("MULTI").text.startswith(b"ERR Can't execute 'multi'")


def test_published_inside_multi(listener, other):
    listener.call("SUBSCRIBE", "a")
    for line in ("MULTI", "PUBLISH a 1", "PUBLISH a 2", "PUBLISH b 3"):
        other.call(*line.split())
    assert is_quiet(listener)
    assert other.call("EXEC") == Array((Int(1), Int(1), Int(0)))
    assert [listener.read().items[2].data for _ in range(2)] == [b"1", b"2"]


def test_client_reply(listener, other):
    """Messages and confirmations come through CLIENT REPLY OFF, replies do not."""
    listener.send("CLIENT", "REPLY", "OFF")
    assert listener.call("SUBSCRIBE", "a") == message(listener, b"subscribe", b"a", 1)
    listener.send("PING")
    listener.send("SUBSCRIBE")
    assert listener.call("UNSUBSCRIBE") == message(listener, b"unsubscribe", b"a", 0)
    assert listener.call("SUBSCRIBE", "a") == message(listener, b"subscribe", b"a", 1)
    other.call("PUBLISH", "a", "x")
    assert listener.read() == message(listener, b"message", b"a", b"x")


def test_in_pipelines(server, other):
    """Requests behind a SUBSCRIBE in one batch are seen with the new state."""
    with server.connect() as client:
        replies = client.pipeline([
            ("PING",), ("SUBSCRIBE", "a"), ("PING",), ("GET", "k"), ("UNSUBSCRIBE", "a"), ("PING",)])
        assert replies[:3] == [Simple(b"PONG"), Array((Bulk(b"subscribe"), Bulk(b"a"), Int(1))),
                               Array((Bulk(b"pong"), Bulk(b"")))]
        assert replies[3].text.startswith(b"ERR Can't execute") and replies[5] == Simple(b"PONG")
    with server.connect(resp=3) as client:
        published = [("PUBLISH", "a", str(i)) for i in range(50)]
        replies = client.pipeline([("SUBSCRIBE", "a"), *published, *[("PING",)] * 50])
        messages = [reply for reply in replies[1:] if isinstance(reply, Push)]
        assert [push.items[2].data for push in messages] == [b"%d" % i for i in range(50)]
        assert replies[1:] == [item for push in messages for item in (push, Int(1))]


# -- asking ------------------------------------------------------------------------------------------------------------

def test_pubsub(server, other):
    with server.connect() as one, server.connect() as two:
        one.send("SUBSCRIBE", "a", "ab", "b")
        one.send("PSUBSCRIBE", "a*", "b*")
        one.send("SSUBSCRIBE", "s1", "s2")
        two.send("SUBSCRIBE", "a")
        two.send("PSUBSCRIBE", "a*")
        for client, n in ((one, 7), (two, 2)):
            for _ in range(n):
                client.read()

        def names(*args):
            return sorted(item.data for item in other.call("PUBSUB", *args).items)
        assert names("CHANNELS") == [b"a", b"ab", b"b"]
        assert names("CHANNELS", "a*") == [b"a", b"ab"]
        assert names("channels", "z*") == []
        assert names("SHARDCHANNELS") == [b"s1", b"s2"]
        assert names("SHARDCHANNELS", "?1") == [b"s1"]
        assert other.call("PUBSUB", "NUMSUB", "a", "b", "no") == Array((
            Bulk(b"a"), Int(2), Bulk(b"b"), Int(1), Bulk(b"no"), Int(0)))
        assert other.call("PUBSUB", "SHARDNUMSUB", "s1", "a") == Array((Bulk(b"s1"), Int(1), Bulk(b"a"), Int(0)))
        assert other.call("PUBSUB", "NUMPAT") == Int(2)
        info = dict(line.split(":", 1) for line in other.call("INFO", "stats").data.decode().split("\r\n")
                    if ":" in line)
        assert (info["pubsub_channels"], info["pubsub_patterns"], info["pubsubshard_channels"]) == ("3", "2", "2")


@pytest.mark.parametrize("command", [
    "PUBSUB", "PUBSUB FOO", "PUBSUB CHANNELS", "PUBSUB CHANNELS a b", "PUBSUB SHARDCHANNELS a b", "PUBSUB NUMSUB",
    "PUBSUB SHARDNUMSUB", "PUBSUB NUMPAT x", "PUBSUB NUMPAT", "PUBSUB HELP x", "PUBLISH", "PUBLISH a", "PUBLISH a b c",
    "PUBLISH a b", "SPUBLISH a", "SPUBLISH a b"])
def test_forms(diff: Differential, command):
    diff.compare(command)


@pytest.mark.parametrize("command", ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"])
def test_arity(diff: Differential, command):
    diff.compare(command, "PING", embedded=False)


def test_embedded(diff: Differential):
    import wstore
    from wstore.errors import ReplyError
    store = wstore.Store()
    assert store.execute("PUBLISH", "a", "x") == 0 and store.execute("PUBSUB", "CHANNELS") == []
    for word in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"):
        with pytest.raises(ReplyError, match="ERR subscriptions need a connection"):
            store.execute(word, "a")
    store.close()


def field(other: Connection, number: int, name: str) -> str:
    line = other.call("CLIENT", "LIST", "ID", number).data.decode()
    return dict(part.split("=", 1) for part in line.split())[name]


def test_client_list_and_kill(server, other):
    with server.connect() as client, server.connect() as plain:
        number = client.call("CLIENT", "ID").value
        for words in (("SUBSCRIBE", "a", "b"), ("PSUBSCRIBE", "a*"), ("SSUBSCRIBE", "s")):
            client.send(*words)
        for _ in range(4):
            client.read()
        assert [field(other, number, name) for name in ("flags", "sub", "psub", "ssub")] == ["P", "2", "1", "1"]
        listed = other.call("CLIENT", "LIST", "TYPE", "pubsub").data.decode()
        assert [line.split()[0] for line in listed.splitlines()] == [f"id={number}"]
        assert f"id={number} " not in other.call("CLIENT", "LIST", "TYPE", "normal").data.decode()
        assert other.call("CLIENT", "KILL", "TYPE", "pubsub") == Int(1)
        assert client.read() == CLOSED
        assert plain.call("PING") == Simple(b"PONG")
        assert until(lambda: other.call("PUBLISH", "a", "x") == Int(0))


# -- slow readers ------------------------------------------------------------------------------------------------------

def test_a_subscriber_that_never_reads(server, other):
    """It is closed at its hard limit; until then everybody else goes on, and memory with it stays within bounds."""
    limits = other.call("CONFIG", "GET", "client-output-buffer-limit").items[1].data
    other.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0")
    try:
        with server.connect() as slow, server.connect() as reader:
            number = slow.call("CLIENT", "ID").value
            slow.call("SUBSCRIBE", "a")
            reader.call("SUBSCRIBE", "a")
            text = b"x" * 100_000
            most = sent = 0
            while sent < 1000 and other.call("PUBLISH", "a", text) == Int(2):
                assert reader.read().items[2].data == text
                line = other.call("CLIENT", "LIST", "ID", number).data.decode()
                if line.strip():
                    most = max(most, int(line.split(" tot-mem=")[1].split()[0]))
                sent += 1
            assert sent < 1000 and 1_000_000 < most < 7_000_000
            assert other.call("PUBLISH", "a", "last") == Int(1)
            assert reader.read().items[2].data == text      # of the PUBLISH that one received
            assert reader.read().items[2].data == b"last"
    finally:
        other.call("CONFIG", "SET", "client-output-buffer-limit", limits)


def test_many_messages_in_one_batch(server, other):
    """A pipeline that publishes more than the limit to one that would read: it may lose its connection, others not."""
    with server.connect() as listener:
        listener.call("SUBSCRIBE", "a")
        text = b"y" * 1000
        replies = other.pipeline([("PUBLISH", "a", text)] * 2000)
        assert set(replies) == {Int(1)}
        assert all(listener.read().items[2].data == text for _ in range(2000))


# -- stories -----------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "ab"])
STEPS = st.lists(st.tuples(st.integers(0, 2), st.one_of(
    st.builds("{} {}".format, st.sampled_from([
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"]), NAMES),
    st.builds("{} {} {}".format, st.sampled_from(["SUBSCRIBE", "SSUBSCRIBE"]), NAMES, NAMES),
    st.builds("{} {} text".format, st.sampled_from(["PUBLISH", "SPUBLISH"]), NAMES),
    st.builds("PUBSUB NUMSUB {}".format, NAMES), st.builds("PSUBSCRIBE {}*".format, NAMES),
    st.sampled_from(["PUBSUB NUMPAT", "RESET", "HELLO 3", "PING", "MULTI", "DISCARD", "GET k", "HELLO 2"]))),
    max_size=40)
MARK = Array((Bulk(b"pong"), Bulk(b"-mark-")))


def told(server, steps) -> list[list[str]]:
    """What each of three clients reads in the course of a story; the order of patterns is open."""
    clients = [server.connect() for _ in range(3)]
    for who, line in steps:
        clients[who].send(*line.split())
        clients[who].send("PING", "-mark-")     # its reply: the command has been run
        while (reply := clients[who].read()) not in (MARK, Bulk(b"-mark-"), Simple(b"QUEUED")):
            clients[who].heard = [*getattr(clients[who], "heard", []), repr(without_id(reply))]
    out = []
    for client in clients:
        client.send("RESET")
        heard = getattr(client, "heard", [])
        while (reply := client.read()) != Simple(b"RESET"):
            heard.append(repr(without_id(reply)))
        out.append(heard)
        client.close()
    return out


def without_id(reply):
    """The reply, but that of HELLO, which tells the number of the connection."""
    return "hello" if "b'proto'" in repr(reply) else reply


@settings(max_examples=60)
@given(STEPS)
def test_stories(oracle, wstore_server, steps):
    for expected, actual in zip(told(oracle, steps), told(wstore_server, steps), strict=True):
        assert sorted(actual) == sorted(expected)
        def plain(heard):
            return [line for line in heard if "pmessage" not in line]
        assert plain(actual) == plain(expected)
