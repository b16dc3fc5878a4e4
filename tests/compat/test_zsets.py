"""Sorted sets against redis-server 7.0: members, scores, ranks and ranges, names of encodings, what travels.

Unions and the like, pops, random members and ZSCAN have a file of their own.
"""
from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compat.test_events import same
from tests.harness import OK, Bulk, Connection, Differential, ServerProcess, configured
from tests.strategies import INT_EDGES, ODD_NUMBERS, maybe, noise, number, options, values, words

THRESHOLDS = {"zset-max-listpack-entries": 5, "zset-max-listpack-value": 8}
SIZES = [0, 1, 63, 64, 65, 127, 128, 196, 197, 198, 199, 200, 201, 1000, 1013, 1014, 1015, 1016, 1020, 1024, 20000]
SCORES = [b"0", b"-0", b"1", b"2", b"3", b"-1", b"inf", b"-inf", b"+inf", b"0.1", b"1.5", b"-1.5", b"3e100", b"-1e-300",
          b"127", b"128", b"16383", b"16384", b"2097151", b"2097152", b"268435455", b"268435456", b"0x10", b"1e17",
          b"4503599627370496", b"9007199254740993", b"17179869184.5", b"16777217", b"123456.789", b"1e308", b"5e-324"]

KEYS = [b"z", b"y", b"{tag}z"]
keys = st.sampled_from(KEYS)
few_members = st.sampled_from([b"a", b"b", b"c", b"d", b"ab", b"", b"1", b"-7", b"01", b"\x00\xff\r\n"])
members = st.one_of(few_members, few_members, st.integers(0, 40).map(number), st.sampled_from(INT_EDGES).map(number),
                    st.sampled_from(SIZES[:-1]).map(lambda n: noise(n, n)))
member_lists = st.lists(members, min_size=1, max_size=4).map(tuple)
scores = st.one_of(
    st.sampled_from(SCORES), st.integers(-5, 5).map(number), st.sampled_from(INT_EDGES).map(number),
    st.floats(allow_nan=False).map(number), st.floats(allow_nan=False, width=32).map(number),
    st.decimals(-1000, 1000, places=2).map(lambda d: str(d).encode()))
any_scores = st.one_of(scores, scores, scores, st.sampled_from([*ODD_NUMBERS, b"x", b"nan", b"-nan", b"1 2"]))
pairs = st.lists(st.tuples(scores, members), min_size=1, max_size=6).map(lambda p: sum(p, ()))
small_pairs = st.lists(st.tuples(st.integers(-3, 3).map(number), few_members), min_size=1, max_size=4).map(
    lambda p: sum(p, ()))
any_pairs = st.lists(st.tuples(any_scores, members), min_size=1, max_size=3).map(lambda p: sum(p, ()))
add_options = st.lists(st.sampled_from([b"NX", b"xx", b"GT", b"lt", b"CH", b"incr"]), max_size=3).map(tuple)

ranks = st.one_of(st.integers(-12, 12), st.sampled_from(
    [b"x", b"1.5", b"", *map(number, INT_EDGES[:3] + INT_EDGES[-9:])]))
score_bounds = st.one_of(
    st.tuples(st.sampled_from([b"", b"("]), scores).map(b"".join), st.sampled_from([b"-inf", b"+inf", b"inf", b"0"]),
    st.sampled_from([b"(", b"", b" 1", b"1 ", b"(1\x002", b"1e400", b"-1e400", b"1e-400", b"((1", b"nan", b"(nan"]))
lex_bounds = st.one_of(
    st.tuples(st.sampled_from([b"[", b"("]), members).map(b"".join), st.sampled_from([b"-", b"+"]),
    st.sampled_from([b"", b"a", b"-x", b"+\x00x", b"(", b"[", b"1"]))
limits = maybe(st.one_of(
    words(b"LIMIT", st.integers(-2, 6), st.integers(-2, 6)), words(b"limit", b"0"), words(b"LIMIT", b"x", b"1"),
    words(b"LIMIT", st.sampled_from([b"0", b"-9223372036854775808", b"9223372036854775807"]), b"9223372036854775807")))
range_options = st.lists(st.one_of(
    st.sampled_from([(b"REV",), (b"WITHSCORES",), (b"withscores",), (b"BYSCORE",), (b"BYLEX",), (b"x",)]),
    words(b"LIMIT", st.integers(-1, 3), st.integers(-1, 3))), max_size=4).map(lambda parts: sum(parts, ()))
with_scores = options(b"WITHSCORES")


def ranges(*head: object) -> st.SearchStrategy:
    """ZRANGE or ZRANGESTORE with bounds that fit their options, mostly."""
    return st.one_of(
        words(*head, ranks, ranks, options(b"REV"), with_scores),
        words(*head, score_bounds, score_bounds, b"BYSCORE", options(b"REV"), limits, with_scores),
        words(*head, score_bounds, score_bounds, range_options), words(*head, ranks, ranks, range_options))


write_commands = st.one_of(
    words(b"ZADD", keys, pairs), words(b"ZADD", keys, small_pairs), words(b"ZADD", keys, add_options, small_pairs),
    words(b"ZADD", keys, add_options, any_scores, members),
    words(b"ZADD", keys, options(b"INCR", b"NX", b"GT"), any_pairs),
    words(b"ZINCRBY", keys, any_scores, members), words(b"ZINCRBY", keys, st.integers(-3, 3), few_members),
    words(b"ZREM", keys, member_lists), words(b"ZREM", keys, few_members))
range_writes = st.one_of(
    words(b"ZREMRANGEBYRANK", keys, ranks, ranks), words(b"ZREMRANGEBYSCORE", keys, score_bounds, score_bounds),
    ranges(b"ZRANGESTORE", keys, keys))
read_commands = st.one_of(
    words(b"ZSCORE", keys, members), words(b"ZMSCORE", keys, member_lists), words(b"ZCARD", keys),
    words(b"ZRANK", keys, members), words(b"ZREVRANK", keys, members), ranges(b"ZRANGE", keys),
    words(b"ZCOUNT", keys, score_bounds, score_bounds), words(b"ZREVRANGE", keys, ranks, ranks, range_options),
    words(b"ZRANGEBYSCORE", keys, score_bounds, score_bounds, with_scores, limits),
    words(b"ZREVRANGEBYSCORE", keys, score_bounds, score_bounds, with_scores, limits),
    words(b"ZRANGEBYSCORE", keys, score_bounds, score_bounds, range_options))
other_commands = st.one_of(
    words(b"DEL", keys), words(b"COPY", keys, keys, options(b"REPLACE")), words(b"RENAME", keys, keys),
    words(b"OBJECT", b"ENCODING", keys), words(b"TYPE", keys), words(b"EXPIRE", keys, b"10000"), words(b"TTL", keys),
    words(b"SET", keys, values), words(b"APPEND", keys, b"x"), words(b"DEBUG", b"DIGEST-VALUE", keys),
    words(b"HSET", keys, b"a", b"b"))
sequences = st.lists(st.one_of(write_commands, write_commands, range_writes, read_commands, read_commands,
                               other_commands), min_size=1, max_size=30)
left_over = [(*question, key) for key in KEYS
             for question in ((b"ZCARD",), (b"OBJECT", b"ENCODING"), (b"DEBUG", b"DIGEST-VALUE"))]

lex_sequences = st.lists(st.one_of(
    words(b"ZADD", keys, st.lists(members, min_size=1, max_size=5).map(
        lambda drawn: tuple(word for member in drawn for word in (b"0", member)))),
    words(b"ZREM", keys, member_lists), words(b"ZLEXCOUNT", keys, lex_bounds, lex_bounds),
    words(b"ZRANGEBYLEX", keys, lex_bounds, lex_bounds, limits),
    words(b"ZREVRANGEBYLEX", keys, lex_bounds, lex_bounds, limits),
    words(b"ZRANGE", keys, lex_bounds, lex_bounds, b"BYLEX", options(b"REV", b"WITHSCORES"), limits),
    words(b"ZRANGESTORE", keys, keys, lex_bounds, lex_bounds, b"BYLEX", options(b"REV"), limits),
    words(b"ZREMRANGEBYLEX", keys, lex_bounds, lex_bounds)), min_size=1, max_size=20)


@pytest.fixture(params=["usual", "small"])
def thresholds(request: pytest.FixtureRequest, diff: Differential) -> Iterator[None]:
    with configured(diff, THRESHOLDS if request.param == "small" else {}):
        yield


@settings(max_examples=80)
@given(sequences)
def test_sequences(diff: Differential, thresholds: None, sequence):
    diff.compare(*sequence, *left_over)
    diff.validate()


@settings(max_examples=10)
@given(st.lists(st.one_of(write_commands, write_commands, write_commands, range_writes, read_commands), min_size=50,
                max_size=80))
def test_long_sequences(diff: Differential, thresholds: None, sequence):
    diff.compare(*sequence, *left_over)
    diff.validate()


@settings(max_examples=80)
@given(lex_sequences)
def test_ranges_of_members(diff: Differential, thresholds: None, sequence):
    """All scores are the same, without which such ranges mean nothing."""
    diff.compare(*sequence, *left_over)
    diff.validate()


# -- what travels --------------------------------------------------------------------------------------

def assert_travels(giving: Connection, taking: Connection, key: bytes) -> None:
    """The key's dump loads on the other side, under the same name of its encoding, with the same digest."""
    giving.call("PERSIST", key)
    payload = giving.call("DUMP", key)
    if isinstance(payload, Bulk):
        assert taking.call("RESTORE", "copy", 0, payload.data, "REPLACE") == OK
        assert taking.call("DEBUG", "DIGEST-VALUE", "copy") == giving.call("DEBUG", "DIGEST-VALUE", key)
        taking.call("DEL", "copy")


@settings(max_examples=50)
@given(sequences)
def test_what_is_left_travels(diff: Differential, thresholds: None, sequence):
    diff.compare(*sequence)
    if diff.server is not None:
        with diff.oracle.connect() as theirs, diff.server.connect() as ours:
            for key in KEYS:
                assert_travels(theirs, ours, key)
                assert_travels(ours, theirs, key)


def test_dumps_begin_with_the_highest_score(diff: Differential):
    """As Redis writes them: the same bytes, for sorted sets that it keeps as a skiplist."""
    with configured(diff, {"zset-max-listpack-entries": 0}):
        diff.compare("ZADD z 3 c 1.5 a -inf b 2 1000", "DUMP z", ("ZADD", "y", "1", "x" * 15), "DUMP y")


# -- scores and members --------------------------------------------------------------------------------

@pytest.mark.parametrize("score", SCORES)
def test_scores_as_they_are_printed(diff: Differential, thresholds: None, score: bytes):
    diff.compare(("ZADD", "z", score, "a"), "ZSCORE z a", "ZRANGE z 0 -1 WITHSCORES", ("ZINCRBY", "z", score, "a"),
                 ("ZINCRBY", "z", score, "new"), ("ZADD", "y", "INCR", score, "a"), "ZMSCORE z a b new",
                 ("ZCOUNT", "z", score, score), ("ZCOUNT", "z", b"(" + score, "+inf"),
                 ("ZADD", "z", score, "long member x"), "ZRANGE z 0 -1 WITHSCORES", "OBJECT ENCODING z",
                 ("ZADD", "z", score, "another one of these"), "ZSCORE z a", "DEBUG DIGEST-VALUE z")
    diff.validate()


@pytest.mark.parametrize("size", SIZES)
def test_lengths_of_members(diff: Differential, size: int):
    long = noise(size, size)
    diff.compare(("ZADD", "z", "1", long), "OBJECT ENCODING z", ("ZSCORE", "z", long),
                 ("ZADD", "z", "2", "a", "0.1", long), "ZRANGE z 0 -1 WITHSCORES", ("ZRANK", "z", long),
                 ("ZREM", "z", long), "OBJECT ENCODING z",
                 *[("ZADD", "y", i, b"%d" % i + long) for i in range(20)], ("ZADD", "y", "3", b"19" + long),
                 "ZRANGE y 0 -1", "COPY y x", ("ZREM", "y", b"4" + long), "DEBUG DIGEST", "ZREMRANGEBYRANK y 0 -2")
    diff.validate()


def test_names_of_encodings_stay(diff: Differential):
    """listpack becomes skiplist with the member too many or too long, and never again what it was."""
    members = [word for i in range(128) for word in (i, f"m{i}")]
    diff.compare(("ZADD", "z", *members), "OBJECT ENCODING z", "ZADD z 1 m1", "ZADD z XX 1 other", "OBJECT ENCODING z",
                 "ZADD z 1 other", "OBJECT ENCODING z", "ZREMRANGEBYRANK z 1 -1", "OBJECT ENCODING z", "COPY z y",
                 "OBJECT ENCODING y", "ZRANGESTORE x z 0 -1", "OBJECT ENCODING x", ("ZADD", "w", 1, "x" * 64),
                 "OBJECT ENCODING w", ("ZADD", "w", 1, "x" * 65), "OBJECT ENCODING w", ("ZREM", "w", "x" * 65),
                 "OBJECT ENCODING w")
    with configured(diff, {"zset-max-listpack-entries": 0}):
        diff.compare("ZADD z 1 a", "OBJECT ENCODING z")
    with configured(diff, {"zset-max-ziplist-entries": 1000, "zset-max-listpack-value": 2000}):
        diff.compare(("ZADD", "z", *members, 5, "x" * 2000), "OBJECT ENCODING z", ("ZADD", "z", "-0", "y"),
                     "ZSCORE z y", ("ZADD", "z", 5, "x" * 2001), "OBJECT ENCODING z", "ZADD z -0 n", "ZSCORE z n",
                     "ZSCORE z y")


# -- errors --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", [
    "ZADD z 1", "ZADD z 1 a 2", "ZADD z NX", "ZADD z NX XX 1 a", "ZADD z NX GT 1 a", "ZADD z GT LT 1 a",
    "ZADD z LT NX 1 a", "ZADD z INCR 1 a 2 b", "ZADD z CH INCR 1 a 2", "ZADD z x a", "ZADD z 1 a nan b",
    "ZADD z 1e400 a", "ZADD z 1 a 1", "ZADD s 1 a", "ZADD s NX 1", "ZINCRBY z x a", "ZINCRBY z nan a", "ZINCRBY s 1 a",
    "ZINCRBY z NX a", "ZINCRBY i -inf a", "ZADD i INCR -inf a", "ZADD i INCR inf a", "ZREM s a", "ZREM z", "ZCARD s",
    "ZCARD missing", "ZSCORE s a", "ZSCORE missing a", "ZMSCORE s a", "ZMSCORE missing a b", "ZRANK s a",
    "ZRANK missing a", "ZREVRANK s a", "ZRANK i", "ZCOUNT s 1 2", "ZCOUNT s x 2", "ZCOUNT i 1 x", "ZCOUNT missing 1 2",
    "ZLEXCOUNT s - +", "ZLEXCOUNT i a b", "ZRANGE s 0 1", "ZRANGE s x 1", "ZRANGE i 0 1 LIMIT 0 1",
    "ZRANGE i 0 1 LIMIT 0 -1", "ZRANGE i 0 1 LIMIT 0", "ZRANGE i 0 1 BYLEX WITHSCORES", "ZRANGE i 0 1 BYLEX",
    "ZRANGE i 0 1 BYSCORE BYLEX", "ZRANGE i 0 1 REV REV", "ZRANGE i - + BYLEX LIMIT a 1", "ZRANGE missing 0 1",
    "ZRANGE missing 0 1 WITHSCORES", "ZREVRANGE i 0 1 REV", "ZREVRANGE i 0 1 BYSCORE", "ZREVRANGE i 0 1 LIMIT 0 1",
    "ZRANGEBYSCORE i 0 1 REV", "ZRANGEBYSCORE i 0 1 BYLEX", "ZRANGEBYSCORE i 0 x", "ZRANGEBYLEX i - + WITHSCORES",
    "ZRANGEBYLEX i - + REV", "ZRANGEBYLEX i 0 +", "ZREVRANGEBYLEX i + -",
    "ZREVRANGEBYSCORE i +inf -inf WITHSCORES LIMIT 0 1", "ZRANGESTORE d i 0 1 WITHSCORES", "ZRANGESTORE d s 0 1",
    "ZRANGESTORE d missing 0 1", "ZRANGESTORE s missing 0 1", "ZRANGESTORE s i 0 -1", "ZRANGESTORE i i 0 -1",
    "ZRANGESTORE d i 0 1 LIMIT 0 1", "ZRANGESTORE d i x 1", "ZREMRANGEBYRANK s 0 1", "ZREMRANGEBYRANK i x 1",
    "ZREMRANGEBYSCORE i x 1", "ZREMRANGEBYSCORE s 1 2", "ZREMRANGEBYLEX i 1 2", "ZREMRANGEBYLEX s - +",
    "ZREMRANGEBYRANK i 0 -1", "ZREMRANGEBYSCORE i -inf inf", "ZREMRANGEBYLEX i - +", "ZREMRANGEBYRANK missing 0 1"])
def test_errors_and_what_is_missing(diff: Differential, command: str):
    diff.compare("SET s text", "ZADD i inf a", command, "ZRANGE i 0 -1 WITHSCORES", "EXISTS i z d s missing")


def test_removed_keys_lose_their_ttl(diff: Differential):
    diff.compare("ZADD z 1 a 2 b", "EXPIRE z 1000", "ZADD z 3 c", "ZREM z a", "ZINCRBY z 1 b", "TTL z", "ZREM z b c d",
                 "EXISTS z", "ZADD z 1 a", "TTL z", "ZRANGESTORE z z 0 -1", "EXPIRE z 1000", "ZRANGESTORE z z 0 -1",
                 "TTL z")


# -- big ones ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("spread", [1, 7, 100_000])
def test_thousands_of_members(diff: Differential, spread: int):
    """Every kind of range of a set whose members have one score, a few, or each its own."""
    fill = [("ZADD", "z", *[word for i in range(start, start + 500)
                            for word in (i * 7919 % 100_003 % spread, f"m{i * 104_729 % 5003}")])
            for start in range(0, 5000, 500)]
    asked = [("ZRANGE", "z", 2400, 2450, "WITHSCORES"), ("ZREVRANGE", "z", 4000, -900), ("ZRANK", "z", "m777"),
             ("ZREVRANK", "z", "m778"), ("ZRANGE", "z", 2, 3, "BYSCORE", "LIMIT", 400, 5), ("ZCOUNT", "z", 2, "(90000"),
             ("ZREVRANGEBYSCORE", "z", 5, "-inf", "LIMIT", 600, 10), ("ZCOUNT", "z", "-inf", "(1"), ("ZCARD", "z")]
    if spread == 1:
        asked += [("ZRANGEBYLEX", "z", "[m3", "(m31"), ("ZLEXCOUNT", "z", "(m3", "+"),
                  ("ZREVRANGEBYLEX", "z", "[m4", "-", "LIMIT", 50, 60), ("ZREMRANGEBYLEX", "z", "[m2", "[m3"), *asked]
    diff.compare(*fill, *asked, ("ZREMRANGEBYRANK", "z", 1000, 2000), *asked,
                 ("ZREMRANGEBYSCORE", "z", 0, "(0.5"), *asked, ("ZRANGESTORE", "y", "z", 100, -100), "DEBUG DIGEST",
                 "COPY z x", ("ZREMRANGEBYRANK", "z", 5, -1), *asked, "DEBUG DIGEST")
    diff.validate()


# -- events and memory ---------------------------------------------------------------------------------

@settings(max_examples=20)
@given(st.lists(st.one_of(write_commands, range_writes, other_commands), max_size=30))
def test_events_of_sequences(oracle: ServerProcess, wstore_server: ServerProcess, sequence):
    same(oracle, wstore_server, sequence)


def test_small_sorted_sets_are_small(wstore_server: ServerProcess):
    drawn = random.Random(1)
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        for i in range(100):
            pairs = [word for _ in range(8) for word in (drawn.randrange(100_000), f"m{drawn.randrange(10**6):06}")]
            connection.call("ZADD", f"key:{i:010}", *pairs)
        sizes = [connection.call("MEMORY", "USAGE", f"key:{i:010}").value for i in range(100)]
        assert sum(sizes) / 100 < 118
