"""Commands on whole keys over values of every type and size: DUMP that travels, RENAME, COPY, MOVE, OBJECT, MEMORY
USAGE, DEBUG OBJECT, SCAN TYPE, wrong types; and sequences of commands of all types on few keys."""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.comparers import same_type
from tests.harness import OK, Connection, Differential, Error, ServerProcess
from tests.strategies import maybe, options, words

LONG = [strategies.noise(size, size) for size in (65, 513, 1025, 9000, 70_000)]
NUMBERS = [strategies.number(n) for n in strategies.INT_EDGES]
MANY = [b"element:%d" % i for i in range(1500)]


def paired(items: Sequence[bytes]) -> list[bytes]:
    return [part for i, item in enumerate(items) for part in (item, items[i - 1])]


def scored(items: Sequence[bytes]) -> list[bytes]:
    return [part for i, item in enumerate(items) for part in (b"%d.5" % (i * 37 % 1000 - 500), item)]


ELEMENTS = {"one": [b"a"], "empty": [b""], "integers": NUMBERS, "texts": [b"a", b"b", b"ccc", b"\x00\xff", b"1.5"],
            "long": LONG, "mixed": [*NUMBERS, *LONG, b"x"], "many": MANY,
            "many integers": [b"%d" % i for i in range(1500)]}
MAKERS = {"list": lambda items: ("RPUSH", "k", *items), "set": lambda items: ("SADD", "k", *items),
          "hash": lambda items: ("HSET", "k", *paired(items)), "zset": lambda items: ("ZADD", "k", *scored(items))}
VALUES = {f"{kind} of {name}": maker(items) for kind, maker in MAKERS.items() for name, items in ELEMENTS.items()}
VALUES |= {"string": ("SET", "k", "abc"), "integer": ("SET", "k", "12"), "long string": ("SET", "k", LONG[-1])}
SMALL = {name: VALUES[name] for name in VALUES if "many" not in name}


def digest(connection: Connection, key: str) -> object:
    return connection.call("DEBUG", "DIGEST-VALUE", key)


@pytest.mark.parametrize("name", VALUES)
def test_dumps_travel(oracle: ServerProcess, wstore_server: ServerProcess, name: str):
    """Out of each server, into the other one and back, with equal digests and encodings."""
    for source, target in ((oracle, wstore_server), (wstore_server, oracle)):
        with source.connect() as giving, target.connect() as taking:
            giving.call("FLUSHALL")
            assert not isinstance(giving.call(*VALUES[name]), Error)
            assert taking.call("RESTORE", "k", 0, giving.call("DUMP", "k").data, "REPLACE") == OK
            assert giving.call("RESTORE", "back", 0, taking.call("DUMP", "k").data) == OK
            assert digest(taking, "k") == digest(giving, "k") == digest(giving, "back")
            for question in (("TYPE", "k"), ("OBJECT", "ENCODING", "k"), ("TTL", "k")):
                assert taking.call(*question) == giving.call(*question)


MOVES = ["RENAME k q", "RENAME q k", "RENAMENX k q", "COPY q k", "COPY q k REPLACE", "COPY k other DB 1",
         "MOVE k 1",
         "EXPIRE q 1000", "COPY q k REPLACE", "TTL k", "PERSIST k", "MOVE k 1", "SELECT 1",
         "DEBUG DIGEST-VALUE k other",
         "OBJECT ENCODING k", "OBJECT ENCODING other", "SWAPDB 0 1", "TYPE q", "SELECT 0", "TYPE k", "EXISTS k q other",
         "TOUCH k q", "DEBUG DIGEST", "RENAME other k", "UNLINK k", "SWAPDB 0 1", "SELECT 0", "GETSET q x", "DEL q"]


@pytest.mark.parametrize("name", VALUES)
def test_values_that_move(diff: Differential, name: str):
    diff.compare(VALUES[name], "TYPE k", "OBJECT ENCODING k", "OBJECT FREQ k", "DEBUG DIGEST-VALUE k",
                 *MOVES, VALUES[name], "SET k x", "TYPE k", VALUES[name], "DEBUG DIGEST")


EDITS = {"list": ["RPUSH k x", "LSET k 0 y", "LPOP k"], "set": ["SADD k new", "SPOP k 100000"],
         "hash": ["HSET k new 1", "HDEL k a"], "zset": ["ZADD k 5 new", "ZPOPMIN k"]}


@pytest.mark.parametrize("kind", EDITS)
def test_copies_are_independent(diff: Differential, kind: str):
    for name in (name for name in VALUES if name.startswith(kind)):
        diff.compare(VALUES[name], "COPY k q", *EDITS[kind], "DEBUG DIGEST-VALUE q", "COPY k q REPLACE", "DEL k",
                     "DEBUG DIGEST-VALUE q", "OBJECT ENCODING q")


@pytest.mark.parametrize("name", VALUES)
def test_debug_object_and_memory_usage(diff: Differential, wstore_server: ServerProcess, name: str):
    diff.compare(VALUES[name], "DEBUG OBJECT k", "MEMORY USAGE k", "MEMORY USAGE k SAMPLES 0", "OBJECT REFCOUNT none",
                 "MEMORY USAGE k SAMPLES -1", "MEMORY USAGE none", "OBJECT IDLETIME k")
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        connection.call(*VALUES[name])
        told = connection.call("DEBUG", "OBJECT", "k").text
        size = int(re.search(rb"serializedlength:(\d+)", told)[1])
        assert size == len(connection.call("DUMP", "k").data) - 11
        assert b"encoding:%s " % connection.call("OBJECT", "ENCODING", "k").data in told
        used = connection.call("MEMORY", "USAGE", "k").value
        payload = sum(len(arg) for arg in VALUES[name][2:] if not re.fullmatch(rb"-?[\d.]+", as_bytes(arg)))
        assert payload <= used <= 4 * payload + 64 * len(VALUES[name]) + 1000


def as_bytes(arg: str | bytes) -> bytes:
    return arg.encode() if isinstance(arg, str) else arg


def test_scan_by_type(diff: Differential):
    named = [(word, f"{kind}:{i}", *rest) for i, (kind, (word, _, *rest)) in enumerate(SMALL.items())]
    diff.compare(*named, *[("SCAN", "0", "COUNT", "1000", "TYPE", kind) for kind in
                           ("string", "list", "set", "zset", "hash", "stream", "HASH", "none", "")],
                 "SCAN 0 COUNT 1000 TYPE hash MATCH *long*", "DBSIZE", "KEYS set*")


# every command that wants a type, with arguments that fit it
TYPED = {
    "string": ["GET k", "SETRANGE k 0 a", "APPEND k a", "INCR k", "INCRBYFLOAT k 1", "STRLEN k", "GETRANGE k 0 1",
               "GETSET k a", "GETDEL k", "GETEX k", "SETBIT k 0 1", "GETBIT k 0", "BITCOUNT k", "BITPOS k 1",
               "BITFIELD k GET u8 0", "BITOP NOT q k", "LCS k k", "MGET k", "SET k a GET", "SETNX k a"],
    "list": ["LPUSH k a", "RPUSHX k a", "LPOP k", "RPOP k 1", "LLEN k", "LINDEX k 0", "LSET k 0 a", "LRANGE k 0 1",
             "LTRIM k 0 -1", "LREM k 0 zz", "LINSERT k BEFORE a b", "LPOS k a", "RPOPLPUSH k k", "LMOVE k q LEFT LEFT",
             "LMPOP 1 k LEFT", "BLPOP k 0.01", "BLMOVE q k LEFT LEFT 0.01", "BLMPOP 0.01 1 k LEFT",
             "RPOPLPUSH k q"],
    "set": ["SADD k a", "SREM k zz", "SCARD k", "SISMEMBER k a", "SMISMEMBER k a b", "SMEMBERS k", "SPOP k",
            "SRANDMEMBER k", "SMOVE k q zz", "SMOVE q k zz", "SINTER k k", "SUNION k", "SDIFF none k",
            "SINTERSTORE q k", "SUNIONSTORE q k none", "SDIFFSTORE q k", "SINTERCARD 1 k", "SSCAN k 0 COUNT 1000",
            "SRANDMEMBER k 2"],
    "hash": ["HSET k a b", "HSETNX k a b", "HGET k a", "HMGET k a b", "HDEL k zz", "HLEN k", "HKEYS k", "HVALS k",
             "HGETALL k", "HEXISTS k a", "HSTRLEN k a", "HINCRBY k n 1", "HINCRBYFLOAT k n 1", "HRANDFIELD k",
             "HRANDFIELD k 2 WITHVALUES", "HSCAN k 0 COUNT 1000", "HMSET k a b"],
    "zset": ["ZADD k 1 a", "ZADD k INCR 1 a", "ZINCRBY k 1 a", "ZREM k zz", "ZCARD k", "ZSCORE k a", "ZMSCORE k a b",
             "ZRANK k a", "ZREVRANK k a", "ZCOUNT k 0 1", "ZLEXCOUNT k - +", "ZRANGE k 0 1", "ZREVRANGE k 0 1",
             "ZRANGEBYSCORE k 0 1", "ZRANGEBYLEX k - +", "ZREVRANGEBYSCORE k 1 0", "ZREVRANGEBYLEX k + -",
             "ZREMRANGEBYSCORE k 5000 6000", "ZREMRANGEBYRANK k 9000 9001", "ZREMRANGEBYLEX k [zz [zz",
             "ZPOPMIN k", "ZPOPMAX k 1", "BZPOPMIN k 0.01", "ZMPOP 1 k MIN", "BZMPOP 0.01 1 k MIN", "ZRANDMEMBER k",
             "ZSCAN k 0 COUNT 1000",
             "ZRANGESTORE q k 0 1", "ZUNION 1 k", "ZINTER 1 k", "ZDIFF 1 k", "ZUNIONSTORE q 1 k", "ZINTERSTORE q 1 k",
             "ZDIFFSTORE q 1 k", "ZINTERCARD 1 k"],
}


@pytest.mark.parametrize("group", TYPED)
@pytest.mark.parametrize("name", ["string", "integer", "list of texts", "list of long", "set of integers",
                                  "set of long", "hash of texts", "hash of long", "zset of texts", "zset of long"])
def test_each_command_on_each_type(diff: Differential, group: str, name: str):
    """The same result or the same WRONGTYPE; on their own type, single elements may be picked at random."""
    random_picks = {"SPOP": same_type, "SRANDMEMBER": same_type, "HRANDFIELD": same_type, "ZRANDMEMBER": same_type}
    for command in TYPED[group]:
        diff.compare(VALUES[name], command, "TYPE k", "EXISTS q", comparers=random_picks,
                     check_state=not command.startswith("SPOP"))


# -- sequences over all types ------------------------------------------------------------------------------
KEYS = strategies.KEYS[:4]
key = st.sampled_from(KEYS)
item = st.one_of(st.sampled_from([b"a", b"b", b"c", b"", b"1", b"2", b"-1", b"007"]), st.integers(0, 30).map(
    strategies.number), st.sampled_from([b"x" * 64, b"y" * 65, b"z" * 600, *NUMBERS[::9]]))
items = st.lists(item, min_size=1, max_size=6).map(tuple)
pairs = st.lists(st.tuples(item, item), min_size=1, max_size=5).map(lambda some: sum(some, ()))
score = st.one_of(st.integers(-5, 5).map(strategies.number), st.sampled_from([b"1.5", b"inf", b"-inf", b"1e10", b"x"]))
scores = st.lists(st.tuples(score, item), min_size=1, max_size=5).map(lambda some: sum(some, ()))
rank = st.integers(-6, 6)
side = st.sampled_from([b"LEFT", b"RIGHT"])
some_keys = st.lists(key, min_size=1, max_size=3).map(tuple)
counted_keys = some_keys.map(lambda chosen: (b"%d" % len(chosen), *chosen))
writes = st.one_of(
    words(b"SET", key, item), words(b"APPEND", key, item), words(b"SADD", key, items), words(b"SREM", key, items),
    words(st.sampled_from([b"LPUSH", b"RPUSH"]), key, items), words(st.sampled_from([b"LPOP", b"RPOP"]), key),
    words(b"LTRIM", key, rank, rank), words(b"LREM", key, rank, item), words(b"LSET", key, rank, item),
    words(b"LMOVE", key, key, side, side),
    words(b"LMPOP", counted_keys, side, maybe(words(b"COUNT", st.integers(1, 5)))),
    words(b"HSET", key, pairs), words(b"HDEL", key, items), words(b"HINCRBY", key, item, st.integers(-50, 50)),
    words(b"ZADD", key, scores), words(b"ZADD", key, options(b"NX", b"XX", b"GT", b"LT", b"CH"), scores),
    words(b"ZREM", key, items), words(b"ZPOPMIN", key, st.integers(0, 5)), words(b"ZINCRBY", key, score, item),
    words(b"ZREMRANGEBYRANK", key, rank, rank), words(b"ZRANGESTORE", key, key, rank, rank),
    words(b"ZUNIONSTORE", key, counted_keys), words(b"ZINTERSTORE", key, counted_keys), words(b"SMOVE", key, key, item),
    words(b"SINTERSTORE", key, some_keys), words(b"SUNIONSTORE", key, some_keys), words(b"SDIFFSTORE", key, some_keys),
    words(b"SORT", key, b"ALPHA", b"STORE", key), words(b"GETDEL", key))
reads = st.one_of(
    words(b"HGETALL", key), words(b"SMEMBERS", key), words(b"LRANGE", key, rank, rank), words(b"GET", key),
    words(b"ZRANGE", key, rank, rank, maybe(words(b"WITHSCORES"))), words(b"SISMEMBER", key, item),
    words(b"HGET", key, item), words(b"ZSCORE", key, item), words(b"ZRANK", key, item), words(b"LPOS", key, item),
    words(b"SUNION", some_keys), words(b"SDIFF", some_keys), words(b"LLEN", key), words(b"ZCARD", key),
    words(b"OBJECT", b"ENCODING", key), words(b"TYPE", key), words(b"DEBUG", b"DIGEST-VALUE", key),
    words(b"SCAN", b"0", b"COUNT", b"1000", b"TYPE", st.sampled_from([b"list", b"set", b"zset", b"hash", b"string"])))
whole = st.one_of(
    words(b"RENAME", key, key), words(b"RENAMENX", key, key), words(b"DEL", key), words(b"UNLINK", key),
    words(b"COPY", key, key, options(b"REPLACE"), maybe(words(b"DB", st.integers(0, 1)))),
    words(b"MOVE", key, st.integers(0, 1)), words(b"EXPIRE", key, st.sampled_from([-1, 5000])), words(b"PERSIST", key),
    words(b"TTL", key), words(b"SELECT", st.integers(0, 1)), words(b"SWAPDB", b"0", b"1"), words(b"EXISTS", key, key))
THRESHOLDS = {"hash-max-listpack-entries": "6", "hash-max-listpack-value": "64", "set-max-intset-entries": "5",
              "zset-max-listpack-entries": "6", "zset-max-listpack-value": "64", "list-max-listpack-size": "4"}


@pytest.fixture
def small_thresholds(diff: Differential) -> Iterator[None]:
    """Encodings change after a few elements, on all sides."""
    def everywhere(name: str, values: dict[str, str]) -> dict[str, str]:
        for server in filter(None, (diff.oracle, diff.server)):
            with server.connect() as connection:
                before = {directive: connection.call("CONFIG", "GET", directive).items[1].data for directive in values}
                for directive, value in values.items():
                    assert connection.call("CONFIG", "SET", directive, value) == OK
        if diff.store is not None:
            for directive, value in values.items():
                diff.store.execute("CONFIG", "SET", directive, value)
        return before
    before = everywhere("set", THRESHOLDS)
    yield
    everywhere("reset", before)


def without_sort(commands: Sequence[tuple[bytes, ...]]) -> list[tuple[bytes, ...]]:
    """Without SORT of sorted sets, which changes their encoding in Redis."""
    return [command for command in commands if command[0] != b"SORT"]


@settings(max_examples=80)
@given(st.lists(st.one_of(writes, writes, writes, reads, whole), min_size=5, max_size=60))
def test_sequences_over_all_types(diff: Differential, small_thresholds: None, commands):
    """Every reply, what is left, and dumps that travel both ways."""
    diff.compare(*without_sort(commands), *[("DEBUG", "DIGEST-VALUE", name) for name in KEYS], "DEBUG DIGEST")
    diff.validate()
    if diff.server is not None:
        with diff.server.connect() as ours, diff.oracle.connect() as theirs:
            assert_dumps_travel(theirs, ours)
            assert_dumps_travel(ours, theirs)


def assert_dumps_travel(source: Connection, target: Connection) -> None:
    for name in source.call("KEYS", "*").items:
        source.call("PERSIST", name.data)
        data = source.call("DUMP", name.data).data
        assert target.call("RESTORE", b"copy", 0, data, "REPLACE") == OK
        assert digest(target, "copy") == source.call("DEBUG", "DIGEST-VALUE", name.data)
        target.call("DEL", "copy")


@settings(max_examples=40)
@given(st.lists(st.one_of(writes, whole), min_size=5, max_size=60))
def test_sorted_results_over_all_types(diff: Differential, commands):
    """SORT among the rest; the encodings of sorted sets that it reads are left out of the comparison."""
    diff.compare(*commands, *[("DEBUG", "DIGEST-VALUE", name) for name in KEYS], check_state=False)
