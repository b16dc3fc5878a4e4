"""The stream of writes, run by another store, gives the same data: random commands of all types, in and out of
transactions, blocking ones, keys that expire, calls of an embedded store."""
from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wstore
from tests import strategies
from tests.resp import Connection, Error, Simple, encode
from tests.strategies import Words, maybe, options, words
from tests.streams import commands_in

DATABASES = 3
HOURS_MS = 3_600_000
BRIEF_S = 0.003
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
        ask("EXISTS", *strategies.KEYS)         # drops what has expired: the digest counts it in a way
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
def test_stream_of_a_server_gives_the_same_data(pair, oracle, story) -> None:
    """To another wstore and to redis-server, without a single error."""
    source, copy = pair
    with Connection(source.port) as ours:
        assert ours.call("FLUSHALL") == Simple(b"OK")
        play(source, story)
        expected = state(asking(ours))
    stream = commands_in(source.store.stream_take())
    for other in (copy, oracle):
        with Connection(other.port) as theirs:
            assert theirs.call("FLUSHALL") == Simple(b"OK")
            replies = theirs.pipeline(stream)
            assert [reply for reply in replies if isinstance(reply, Error)] == []
            assert state(asking(theirs)) == expected


# -- embedded ----------------------------------------------------------------------------------------------

typed = st.one_of(
    st.tuples(st.just("set"), key, item), st.tuples(st.just("set"), key, item), st.tuples(st.just("delete"), key),
    st.tuples(st.just("expire_at"), key, hours.map(lambda n: int(time.time() * 1000) + n * HOURS_MS)),
    st.tuples(st.just("expire_at"), key, st.just(-1)), st.tuples(st.just("hours"), hours))
# keys that are gone some steps later: what is done with them until then must come out the same when it is loaded
brief = st.one_of(words(b"SET", key, item, b"PX", b"1"), words(b"PEXPIRE", key, b"1"), words(b"PERSIST", key),
                  words(b"GETEX", key, b"PX", b"1"), words(b"COPY", key, key, b"REPLACE"), words(b"RENAME", key, key))
calls = st.one_of(st.one_of(commands, commands, brief).map(lambda command: ("execute", *command)), typed,
                  st.just(("wait",)))


def call(store: wstore.Store, name: str, *args) -> None:
    """One call; "hours": as if so many had passed, for keys that expire; "wait": until brief ones have."""
    if name == "wait":
        time.sleep(BRIEF_S)
        return
    if name == "hours":
        store.tick(int(time.time() * 1000) + args[0] * HOURS_MS)
        return
    try:
        getattr(store, name)(*args)
    except wstore.ReplyError:
        pass


def load(store: wstore.Store, path: Path) -> None:
    """Load a file of commands."""
    told: list[tuple] = []
    store.load_begin([(str(path), "aof")], lambda *said: told.append(said))
    [(error, report)] = told
    assert error is None, report


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(calls, min_size=5, max_size=80))
def test_stream_of_an_embedded_store_gives_the_same_data(tmp_path: Path, story) -> None:
    source, copy = wstore.Store(databases=DATABASES), wstore.Store(databases=DATABASES)
    source.stream_start()
    for name, *args in story:
        call(source, name, *args)
    time.sleep(BRIEF_S)
    expected = state(source.execute)
    (tmp_path / "stream").write_bytes(source.stream_take())
    load(copy, tmp_path / "stream")
    assert state(copy.execute) == expected
    source.close()
    copy.close()


def test_what_was_done_with_a_key_before_it_expired(tmp_path: Path) -> None:
    """Loaded later, the key has expired from the start."""
    with wstore.Store() as source, wstore.Store() as copy:
        source.stream_start()
        for line in ("SADD s a b", "SET k v", "PEXPIRE s 100", "PEXPIRE k 100", "SUNIONSTORE d s", "BITOP NOT e k",
                     "SORT s ALPHA STORE f", "COPY s g", "PERSIST g", "APPEND k x", "COPY k h", "PERSIST h"):
            source.execute(*line.split())
        time.sleep(0.12)
        expected = state(source.execute)
        assert len(expected[1]) == 5
        (tmp_path / "stream").write_bytes(source.stream_take())
        load(copy, tmp_path / "stream")
        assert state(copy.execute) == expected


def test_nothing_is_appended_while_files_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(encode(("SET", "a", "1")) + encode(("SPOP", "none")) + encode(("INCR", "a")))
    with wstore.Store() as store:
        store.stream_start()
        load(store, tmp_path / "log")
        assert store.stream_take() == b""
        assert store.execute("INCR", "a") == 3
        assert commands_in(store.stream_take()) == [(b"SELECT", b"0"), (b"INCR", b"a")]
