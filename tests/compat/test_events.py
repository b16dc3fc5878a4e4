"""Keyspace events: what redis-server and wstore publish for the same commands, in which order."""
from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import OK, Array, Bulk, Connection, Simple

MARK = b"end-of-story"


class Listener:
    """A connection that hears all events of a server."""

    def __init__(self, server, flags: str = "KEAnm"):
        self.server = server
        self.before = server.call("CONFIG", "GET", "notify-keyspace-events").items[1].data
        assert server.call("CONFIG", "SET", "notify-keyspace-events", flags) == OK
        self.connection = server.connect()
        self.connection.call("PSUBSCRIBE", "__key*", MARK)
        self.connection.read()

    def heard(self) -> list[tuple[bytes, bytes]]:
        """(channel, message) of each event since the last call."""
        self.server.call("PUBLISH", MARK, "")
        out = []
        while True:
            kind, _, channel, message = (item.data for item in self.connection.read().items)
            assert kind == b"pmessage"
            if channel == MARK:
                return out
            out.append((channel, message))

    def close(self) -> None:
        self.connection.close()
        self.server.call("CONFIG", "SET", "notify-keyspace-events", self.before)


def tell(server, lines, flags: str = "KEAnm") -> list:
    """The events of each command, and its reply."""
    server.call("FLUSHALL")
    listener = Listener(server, flags)
    told = []
    try:
        with server.connect() as client:
            for line in lines:
                if isinstance(line, float):
                    time.sleep(line)
                    continue
                reply = client.call(*(line.split(" ") if isinstance(line, str) else line))
                told.append((line, type(reply).__name__, listener.heard()))
    finally:
        listener.close()
    return told


def same(oracle, wstore_server, lines, flags: str = "KEAnm") -> list:
    expected = tell(oracle, lines, flags)
    for one, other in zip(expected, tell(wstore_server, lines, flags), strict=True):
        assert one == other
    return expected


STRINGS = """
SET k v|SETBIT k 0 0|SETBIT k 0 0|SETBIT k 100 0|BITFIELD k SET u8 0 48|BITFIELD k SET u8 0 48
BITFIELD q GET u8 0|BITFIELD q INCRBY u8 0 0 OVERFLOW FAIL SET u8 0 300|BITFIELD r OVERFLOW FAIL INCRBY u2 0 9
SET k v EX 10|SET k v GET EX 10|SETEX k 10 v|PSETEX k 10000 v|GETSET n v|SETNX m 1|SETNX m 1|SET k v KEEPTTL
SET k v NX|SET k v XX|SET a x XX|SET a x XX GET|GETSET a x|APPEND a y|APPEND b y|APPEND b |SETRANGE b 4 y
SETRANGE b2 4 y|SETRANGE b3 4 |INCRBYFLOAT f 1|INCR i|DECRBY i 3|INCR a|MSETNX i 1 j 2|MSETNX j 1 l 2
MSET i 1 a 2 i 3|GETDEL nosuch|GETDEL i|GETEX nosuch|GETEX k|GETEX k PERSIST|GETEX k PERSIST|GETEX k EX 10
GETEX k EXAT 10|BITOP NOT k2 l|BITOP AND k2 l none|BITOP NOT k2 none|BITOP NOT k2 none|MGET a nosuch k
GET nosuch|STRLEN nosuch|GETRANGE nosuch 0 1|GETBIT nosuch 1|BITCOUNT nosuch|BITPOS nosuch 1
BITFIELD_RO nosuch GET u8 0|LCS nosuch nosuch2|SUBSTR nosuch 0 1"""
GENERIC = """
MSET k v m 1 n 2 o 3|RENAME m k|RENAME k k|RENAMENX k k2|RENAMENX k2 n|COPY k2 n REPLACE|COPY k2 n|COPY k2 n3
COPY n n4 DB 1|MOVE n3 1|MOVE n3 1|MOVE nosuch 1|EXPIRE n -1|EXPIRE o 100|EXPIRE o 200 NX|PEXPIRE o 100000
EXPIREAT o 9999999999|PEXPIREAT o 1|EXPIRE nosuch 1|PERSIST k2|EXPIRE k2 100|PERSIST k2|DEL k2 nosuch k2
MSET a 1 b 2|UNLINK a b c|EXISTS a b|TTL a|PTTL a|EXPIRETIME a|TYPE a|TOUCH a|OBJECT ENCODING a|OBJECT FREQ a
MEMORY USAGE a|DUMP a|RENAME nosuch a|COPY nosuch a|RESTORE nosuch 0 junk|SET s v|SELECT 1|SET s w|SWAPDB 0 1
FLUSHDB|FLUSHALL|RANDOMKEY|SELECT 3|SET k v|SELECT 0|MULTI|SET k v|DEL k|EXEC|MULTI|SET k v|DISCARD"""

COLLECTIONS = """
HSET h a 1 b 2|HSET h a 1|HSETNX h a 2|HSETNX h c 3|HMSET h d 4|HINCRBY h n 1|HINCRBYFLOAT h n 1.5|HDEL h nosuch
HDEL h a b|HDEL h c d n|HGET nosuch f|HGETALL nosuch|HLEN nosuch|HMGET nosuch a|HRANDFIELD nosuch|HSCAN nosuch 0
HSTRLEN nosuch f|HEXISTS nosuch f|HKEYS nosuch|HVALS nosuch|HDEL nosuch f|SADD s a b c|SADD s a|SREM s nosuch
SREM s a|SMOVE s t b|SMOVE s t nosuch|SMOVE s s c|SPOP s|SADD s x y z|SPOP s 5|SPOP nosuch|SADD s 1 2 3
SADD t 2 3 4|SINTERSTORE d s t|SINTERSTORE d s nosuch|SUNIONSTORE d s t|SDIFFSTORE d s s|SDIFFSTORE d s t
SINTER nosuch s|SMEMBERS nosuch|SCARD nosuch|SISMEMBER nosuch x|SMISMEMBER nosuch x|SRANDMEMBER nosuch
SINTERCARD 2 s nosuch|SUNION nosuch nosuch2|SDIFF nosuch s|SSCAN nosuch 0|SREM t 2 b 3 4 c x|RPUSH l a b c
LPUSH l x|RPUSHX l y|LPUSHX nosuch y|LINSERT l BEFORE a q|LINSERT l BEFORE nosuch q|LSET l 0 z|LTRIM l 1 -2
LREM l 0 nosuch|LREM l 0 a|LPOP l|RPOP l|LPOP l 5|LPOP nosuch|RPUSH l a b c d e|LMOVE l l2 LEFT RIGHT
RPOPLPUSH l l|LMPOP 2 nosuch l LEFT COUNT 2|LTRIM l 5 9|RPOPLPUSH nosuch l|RPOPLPUSH l2 l3|LLEN nosuch
LRANGE nosuch 0 1|LINDEX nosuch 0|LPOS nosuch a|RPUSH l 1|BLPOP nosuch l 1|RPUSH l 1|BRPOP l 1|RPUSH l 1
BLMOVE l l2 LEFT LEFT 1|BLMPOP 1 1 l2 LEFT|DEL l l2 l3|ZADD z 1 a 2 b 3 c|ZADD z 1 a|ZADD z INCR 5 a
ZADD z XX 9 nosuch|ZADD z NX 1 a|ZINCRBY z 2 b|ZREM z nosuch|ZREM z a|ZPOPMIN z|ZPOPMAX z|ZPOPMIN nosuch
ZADD z 1 a 2 b 3 c 4 d|ZREMRANGEBYRANK z 0 0|ZREMRANGEBYSCORE z 2 2|ZREMRANGEBYLEX z - +|ZADD z 1 a 2 b
ZADD y 3 b|ZUNIONSTORE u 2 z y|ZINTERSTORE u 2 z y|ZDIFFSTORE u 2 z z|ZRANGESTORE u z 0 -1|ZRANGESTORE u z 5 9
ZMPOP 1 z MIN|ZMPOP 1 nosuch MIN|BZPOPMIN z 1|BZPOPMAX y 1|ZADD z 1 a|BZMPOP 1 1 z MAX|ZCARD nosuch
ZSCORE nosuch a|ZRANK nosuch a|ZRANGE nosuch 0 1|ZCOUNT nosuch 0 1|ZMSCORE nosuch a|ZRANDMEMBER nosuch
ZUNION 1 nosuch|ZSCAN nosuch 0|ZLEXCOUNT nosuch - +|ZADD z 1 a|SADD s a|ZUNIONSTORE u 2 z s
ZUNIONSTORE u 1 nosuch|RENAME z zz|COPY zz z|DEL zz|ZREMRANGEBYRANK z 0 -1|RPUSH l 3 1 2|SORT l STORE d
SORT nosuch STORE d|SORT nosuch
SORT l BY nosort|SORT_RO nosuch|SET l x|TYPE l"""


def lines_of(text: str) -> list[str]:
    return [line for line in text.replace("\n", "|").split("|") if line.strip()]


@pytest.mark.parametrize("text", [STRINGS, GENERIC, COLLECTIONS], ids=["strings", "generic", "collections"])
def test_each_command(oracle, wstore_server, text):
    told = same(oracle, wstore_server, lines_of(text))
    assert sum(len(events) for _, _, events in told) > 50


def test_restore(oracle, wstore_server):
    oracle.call("SET", "k", "value")
    payload = oracle.call("DUMP", "k").data
    same(oracle, wstore_server, [
        ("RESTORE", "a", "0", payload), ("RESTORE", "a", "0", payload), ("RESTORE", "a", "0", payload, "REPLACE"),
        ("RESTORE", "b", "1000000", payload), ("RESTORE", "c", "1", payload, "ABSTTL"),
        ("RESTORE", "a", "1", payload, "ABSTTL", "REPLACE"), ("RESTORE", "a", "0", payload[:-1])])


def test_expired_lazily(oracle, wstore_server):
    lines = ["DEBUG SET-ACTIVE-EXPIRE 0"]
    for command in ("GET k", "SET k v", "DEL k", "INCR k", "TTL k", "RENAME k z", "SETNX k v", "EXISTS k", "RANDOMKEY",
                    "COPY k z", "MOVE k 1", "GETDEL k", "GETEX k", "APPEND k x", "BITOP NOT z k", "MGET k", "SCAN 0",
                    "EXPIRE k 10", "PERSIST k", "TYPE k", "OBJECT ENCODING k", "SET k v GET", "DUMP k", "KEYS *"):
        lines += ["FLUSHALL", "SET k 1 PX 1", 0.01, command]
    same(oracle, wstore_server, [*lines, "DEBUG SET-ACTIVE-EXPIRE 1"])


def test_expired_actively(oracle, wstore_server):
    for server in (oracle, wstore_server):
        server.call("FLUSHALL")
        listener = Listener(server, "Ex")
        try:
            for i in range(20):
                server.call("SET", f"key:{i}", "v", "PX", "20")
            deadline = time.monotonic() + 10
            heard = []
            while len(heard) < 20 and time.monotonic() < deadline:
                time.sleep(0.02)
                heard += listener.heard()
            assert sorted(heard) == sorted((b"__keyevent@0__:expired", b"key:%d" % i) for i in range(20))
        finally:
            listener.close()


@pytest.mark.parametrize("flags", [
    "", "A", "K", "E", "KA", "EA", "Kg", "E$", "K$x", "Egn", "Em", "KEm", "Kn", "KEh", "Elg"])
def test_classes(oracle, wstore_server, flags):
    same(oracle, wstore_server, lines_of(
        "SET k v EX 100|GET nosuch|DEL k|SADD s a|HSET h f v|SREM s a|INCR n|RENAME n m"), flags)


@pytest.mark.parametrize("flags", [
    "", "A", "AKE", "KEA", "Kg$lshzxet", "KE", "Knm", "KEAnm", "q", "K d", "g$lshzxetd"])
def test_config_forms(oracle, wstore_server, flags):
    replies = []
    for server in (oracle, wstore_server):
        with server.connect() as client:
            replies.append([client.call("CONFIG", "SET", "notify-keyspace-events", flags),
                            client.call("CONFIG", "GET", "notify-keyspace-events")])
            client.call("CONFIG", "SET", "notify-keyspace-events", "")
    assert replies[0] == replies[1]


KEYS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from(["1", "x", "2.5", "-3"])
COMMANDS = st.one_of(
    st.builds("SET {} {}".format, KEYS, VALUES), st.builds("SET {} {} EX 100".format, KEYS, VALUES),
    st.builds("SET {} {} NX GET".format, KEYS, VALUES),
    st.builds("MSET {} {} {} {}".format, KEYS, VALUES, KEYS, VALUES),
    st.builds("MSETNX {} {} {} {}".format, KEYS, VALUES, KEYS, VALUES),
    st.builds("{} {}".format, st.sampled_from([
        "GET", "DEL", "UNLINK", "INCR", "GETDEL", "GETEX", "PERSIST", "TTL", "TYPE", "EXISTS", "STRLEN",
        "TOUCH"]), KEYS),
    st.builds("{} {} {}".format, st.sampled_from([
        "RENAME", "RENAMENX", "COPY", "BITOP NOT", "DEL", "MGET", "LCS"]), KEYS, KEYS),
    st.builds("COPY {} {} REPLACE".format, KEYS, KEYS), st.builds("MOVE {} 1".format, KEYS),
    st.builds("{} {} {}".format, st.sampled_from([
        "APPEND", "GETSET", "SETNX", "INCRBY", "INCRBYFLOAT"]), KEYS, VALUES),
    st.builds("EXPIRE {} {}".format, KEYS, st.sampled_from(["-1", "100"])),
    st.builds("SETRANGE {} {} {}".format, KEYS, st.sampled_from(["0", "3"]), VALUES),
    st.builds("SETBIT {} {} {}".format, KEYS, st.sampled_from(["0", "9"]), st.sampled_from("01")),
    st.builds("BITOP OR {} {} {}".format, KEYS, KEYS, KEYS),
    st.sampled_from(["SELECT 0", "SELECT 1", "FLUSHDB", "SWAPDB 0 1", "MULTI", "EXEC"]))


@settings(max_examples=30)
@given(st.lists(COMMANDS, max_size=30))
def test_stories(oracle, wstore_server, lines):
    same(oracle, wstore_server, lines)


def test_embedded_methods_are_heard():
    """A Store that is served: what its own process changes is published to connections."""
    import wstore
    from wstore.server import Server
    store = wstore.Store()
    with Server(store, port=0) as server, Connection(server.port) as listener:
        store.execute("CONFIG", "SET", "notify-keyspace-events", "EA")
        listener.call("PSUBSCRIBE", "__keyevent*")
        store.set("k", "v")
        store.set("k", "w")         # at its remembered place
        store.expire_at("k", 1 << 45)
        store.expire_at("k", -1)
        store.set("k", "x", ex=100)
        store.delete("k", "nosuch")
        store.execute("MSET", "a", "1", "b", "2")
        assert store.execute("PUBLISH", "__keyevent-end", "") == 1
        heard = []
        while True:
            channel, message = (item.data for item in listener.read().items[2:])
            if channel == b"__keyevent-end":
                break
            heard.append((channel.partition(b":")[2], message))
    assert heard == [(b"set", b"k"), (b"set", b"k"), (b"expire", b"k"), (b"persist", b"k"), (b"set", b"k"),
                     (b"expire", b"k"), (b"del", b"k"), (b"set", b"a"), (b"set", b"b")]


def test_own_events_come_before_the_reply(wstore_server):
    """In RESP3, where a connection can do both; the whole of EXEC's reply is behind what it caused."""
    wstore_server.call("CONFIG", "SET", "notify-keyspace-events", "EA")
    try:
        with wstore_server.connect(resp=3) as client:
            client.call("SUBSCRIBE", "__keyevent@0__:set", "__keyevent@0__:del")
            client.read()
            for line in ("SET k v", "DEL k"):
                assert client.call(*line.split()).items[2] == Bulk(b"k")
                client.read()
            for line in ("MULTI", "SET k v", "GET k", "DEL k", "EXEC"):
                client.send(*line.split())
            replies = [client.read() for _ in range(7)]
        assert replies[0] == OK and replies[3] == Simple(b"QUEUED")
        assert [push.items[1].data for push in replies[4:6]] == [b"__keyevent@0__:set", b"__keyevent@0__:del"]
        assert replies[6].items[:2] == (OK, Bulk(b"v"))
    finally:
        wstore_server.call("CONFIG", "SET", "notify-keyspace-events", "")


def test_a_client_that_waits_and_listens(wstore_server):
    """Blocked in RESP3: the events of its being served come in front of its reply, in one piece each."""
    wstore_server.call("CONFIG", "SET", "notify-keyspace-events", "EA")
    wstore_server.call("DEL", "l")
    try:
        with wstore_server.connect(resp=3) as client, wstore_server.connect() as other:
            client.call("PSUBSCRIBE", "__keyevent*")
            client.send("BLMPOP", "20", "1", "l", "LEFT", "COUNT", "2")
            while b" flags=Pb " not in other.call("CLIENT", "LIST").data:
                time.sleep(0.01)
            other.call("RPUSH", "l", "a", "b")
            replies = [client.read() for _ in range(4)]
        assert [push.items[2].data.partition(b":")[2] for push in replies[:3]] == [b"rpush", b"lpop", b"del"]
        assert replies[3] == Array((Bulk(b"l"), Array((Bulk(b"a"), Bulk(b"b")))))
    finally:
        wstore_server.call("CONFIG", "SET", "notify-keyspace-events", "")
