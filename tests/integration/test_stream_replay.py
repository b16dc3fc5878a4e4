"""The stream of writes, run by another store, gives the same data: random commands of all types, in and out of
transactions, blocking ones, keys that expire, calls of an embedded store."""
from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wstore
from tests import strategies
from tests.resp import Connection, Error, Simple
from tests.strategies import Words, maybe, options, words
from tests.streams import commands_in

DATABASES = 3
HOURS_MS = 3_600_000
KEYS = strategies.KEYS[:4]
DUMP_OF_V = b"\x00\x01v\n\x00\x91\x08\xce\xb2\x198\x8a\xce"

key = st.sampled_from(KEYS)
item = st.one_of(st.sampled_from([b"a", b"b", b"c", b"", b"1", b"007", b"x" * 64, b"z" * 600]),
                 st.integers(0, 40).map(strategies.number))
items = st.lists(item, min_size=1, max_size=6).map(tuple)
pairs = st.lists(st.tuples(item, item), min_size=1, max_size=5).map(lambda some: sum(some, ()))
score = st.one_of(st.integers(-5, 5).map(strategies.number), st.sampled_from([b"1.5", b"inf", b"1e10"]))
scores = st.lists(st.tuples(score, item), min_size=1, max_size=5).map(lambda some: sum(some, ()))
rank = st.integers(-6, 6)
count = st.integers(0, 4)
side = st.sampled_from([b"LEFT", b"RIGHT"])
end = st.sampled_from([b"MIN", b"MAX"])
some_keys = st.lists(key, min_size=1, max_size=3).map(tuple)
counted_keys = some_keys.map(lambda chosen: (b"%d" % len(chosen), *chosen))
some_count = maybe(words(b"COUNT", st.integers(1, 5)))
hours = st.integers(1, 9)
float_step = st.sampled_from([b"0.1", b"1.5", b"-3e2", b"10"])

strings = st.one_of(strategies.string_commands, strategies.bitmap_commands, words(b"INCRBYFLOAT", key, float_step))
whole = st.one_of(strategies.generic_commands, strategies.rare_commands,
                  words(b"EXPIRE", key, hours.map(lambda n: n * 3600)), words(b"SET", key, item, b"PXAT", b"1"),
                  words(b"RESTORE", key, hours.map(lambda n: n * HOURS_MS), DUMP_OF_V, options(b"REPLACE")),
                  words(b"SORT", key, b"ALPHA", b"STORE", key))
collections = st.one_of(
    words(b"SADD", key, items), words(b"SREM", key, items), words(b"SPOP", key), words(b"SPOP", key, count),
    words(b"SMOVE", key, key, item),
    words(st.sampled_from([b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE"]), key, some_keys),
    words(st.sampled_from([b"LPUSH", b"RPUSH", b"LPUSHX"]), key, items),
    words(st.sampled_from([b"LPOP", b"RPOP"]), key, maybe(words(count))),
    words(b"LTRIM", key, rank, rank), words(b"LREM", key, rank, item), words(b"LSET", key, rank, item),
    words(b"LINSERT", key, b"BEFORE", item, item), words(b"LMOVE", key, key, side, side), words(b"RPOPLPUSH", key, key),
    words(b"LMPOP", counted_keys, side, some_count),
    words(b"HSET", key, pairs), words(b"HDEL", key, items), words(b"HINCRBY", key, item, st.integers(-50, 50)),
    words(b"HINCRBYFLOAT", key, item, float_step), words(b"HSETNX", key, item, item),
    words(b"ZADD", key, options(b"NX", b"XX", b"GT", b"LT", b"CH"), scores), words(b"ZINCRBY", key, score, item),
    words(b"ZREM", key, items), words(st.sampled_from([b"ZPOPMIN", b"ZPOPMAX"]), key, count),
    words(b"ZMPOP", counted_keys, end, some_count), words(b"ZREMRANGEBYRANK", key, rank, rank),
    words(b"ZREMRANGEBYSCORE", key, score, score), words(b"ZRANGESTORE", key, key, rank, rank),
    words(st.sampled_from([b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"]), key, counted_keys))
commands = st.one_of(strings, whole, collections, collections)
# of clients that may wait: they do so until the end, if nothing comes
waiting = st.one_of(
    words(st.sampled_from([b"BLPOP", b"BRPOP", b"BZPOPMIN", b"BZPOPMAX"]), some_keys, b"0"),
    words(b"BLMOVE", key, key, side, side, b"0"), words(b"BRPOPLPUSH", key, key, b"0"),
    words(b"BLMPOP", b"0", counted_keys, side, some_count), words(b"BZMPOP", b"0", counted_keys, end, some_count))
transactions = st.one_of(st.just((b"MULTI",)), st.just((b"EXEC",)), st.just((b"EXEC",)))
steps = st.one_of(st.tuples(st.just(0), st.one_of(commands, commands, commands, transactions)),
                  st.tuples(st.integers(1, 2), waiting))


def state(ask) -> list:
    """What there is: the digest, then the keys of each database and when they expire. `ask` runs a command."""
    found = []
    for db in range(DATABASES):
        ask("SELECT", db)
        found.append(sorted((name, ask("PEXPIRETIME", name)) for name in ask("KEYS", "*")))
    ask("SELECT", 0)
    return [ask("DEBUG", "DIGEST"), *found]


# -- over connections --------------------------------------------------------------------------------------

class Client:
    """A connection that may wait for a reply."""

    def __init__(self, port: int):
        self.connection = Connection(port)
        self.waits = False

    def run(self, command: Words, control: Connection) -> None:
        """Send a command, unless the one before still waits, and read its reply if it does not."""
        if self.waits and not self.has_reply(control):
            return
        if self.waits:
            self.connection.read()
        self.connection.send(*command)
        self.waits = True
        if self.has_reply(control):
            self.connection.read()
            self.waits = False

    def has_reply(self, control: Connection) -> bool:
        control.pipeline([("PING",)] * 2)
        control.call("PING")
        self.connection.sock.setblocking(False)
        try:
            return bool(self.connection.file.peek(1))
        except BlockingIOError:
            return False
        finally:
            self.connection.sock.settimeout(30)


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[wstore.Server, wstore.Server]]:
    """Two servers; the first one's stream is on."""
    settings = {"enable_debug_command": "yes", "databases": DATABASES}
    with wstore.Server(**settings) as source, wstore.Server(**settings) as copy:
        source.store.stream_start()
        yield source, copy


def asking(connection: Connection):
    def ask(*args):
        reply = connection.call(*args)
        assert not isinstance(reply, Error), reply
        if hasattr(reply, "items"):
            return [item.data for item in reply.items]
        return reply
    return ask


def play(server: wstore.Server, story: Sequence[tuple[int, Words]]) -> None:
    control = Connection(server.port)
    cast = [Client(server.port) for _ in range(3)]
    for who, command in story:
        cast[who].run(command, control)
    for client in cast:
        client.connection.close()
    control.close()


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=5, max_size=60))
def test_stream_of_a_server_gives_the_same_data(pair, story) -> None:
    source, copy = pair
    with Connection(source.port) as ours, Connection(copy.port) as theirs:
        assert ours.call("FLUSHALL") == theirs.call("FLUSHALL") == Simple(b"OK")
        play(source, story)
        expected = state(asking(ours))
        stream = source.store.stream_take()
        replies = theirs.pipeline(commands_in(stream))
        assert [reply for reply in replies if isinstance(reply, Error)] == []
        assert state(asking(theirs)) == expected


# -- embedded ----------------------------------------------------------------------------------------------

typed = st.one_of(
    st.tuples(st.just("set"), key, item), st.tuples(st.just("set"), key, item), st.tuples(st.just("delete"), key),
    st.tuples(st.just("expire_at"), key, hours.map(lambda n: int(time.time() * 1000) + n * HOURS_MS)),
    st.tuples(st.just("expire_at"), key, st.just(-1)), st.tuples(st.just("hours"), hours))
calls = st.one_of(commands.map(lambda command: ("execute", *command)), typed)


def call(store: wstore.Store, name: str, *args) -> None:
    """One call; "hours": as if so many had passed, for keys that expire."""
    if name == "hours":
        store.tick(int(time.time() * 1000) + args[0] * HOURS_MS)
        return
    try:
        getattr(store, name)(*args)
    except wstore.ReplyError:
        pass


def replay(store: wstore.Store, stream: Iterable[Words]) -> None:
    for command in stream:
        if command[0] not in (b"MULTI", b"EXEC"):
            store.execute(*command)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.lists(calls, min_size=5, max_size=80))
def test_stream_of_an_embedded_store_gives_the_same_data(story) -> None:
    source, copy = wstore.Store(databases=DATABASES), wstore.Store(databases=DATABASES)
    source.stream_start()
    for name, *args in story:
        call(source, name, *args)
    expected = state(source.execute)
    replay(copy, commands_in(source.stream_take()))
    assert state(copy.execute) == expected
    source.close()
    copy.close()
