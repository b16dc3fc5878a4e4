"""ZUNION, ZINTER, ZDIFF, their STORE forms and ZINTERCARD: options, errors, orders and sums against redis-server."""
from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compat.test_events import lines_of, same
from tests.harness import Differential, ServerProcess, counted
from tests.strategies import maybe, words

FIXTURE = ["ZADD z1 1 a 2 b 3 c 10 10", "ZADD z2 5 b 6 c 7 d -1 10 0.5 -7", "ZADD z3 inf a -inf b 0 c",
           ("ZADD", "long", "1", "m" * 70, "2", "a"), "SADD s1 a b x 10", "SADD ints 1 2 10 -7", "SET text x",
           "ZADD ttl 1 a 9 z", "EXPIRE ttl 5000"]
CASES = {
    "union": ["ZUNION 2 z1 z2", "ZUNION 2 z1 z2 WITHSCORES", "ZUNION 3 z1 none z2 WITHSCORES", "ZUNION 1 none",
              "ZUNION 4 z1 z1 z1 z1 WITHSCORES", "zunion 2 z1 long withscores"],
    "inter": ["ZINTER 2 z1 z2", "ZINTER 2 z1 z2 WITHSCORES", "ZINTER 2 z1 none", "ZINTER 1 z1 WITHSCORES",
              "ZINTER 3 z1 z2 z1 WITHSCORES"],
    "diff": ["ZDIFF 2 z1 z2", "ZDIFF 2 z1 z2 WITHSCORES", "ZDIFF 2 z1 z1", "ZDIFF 2 none z1", "ZDIFF 2 z1 none",
             "ZDIFF 1 z2 WITHSCORES", "ZDIFF 3 z1 none long WITHSCORES"],
    "with sets": ["ZUNION 2 z1 s1 WITHSCORES", "ZUNION 2 s1 ints WITHSCORES", "ZINTER 2 s1 z1 WITHSCORES",
                  "ZINTER 2 s1 ints WITHSCORES WITHSCORES", "ZDIFF 2 s1 z1 WITHSCORES", "ZDIFF 2 z2 ints WITHSCORES",
                  "ZINTERCARD 3 s1 ints z1", "ZUNIONSTORE d 2 s1 ints WEIGHTS 2 3"],
    "weights": ["ZUNION 2 z1 z2 WEIGHTS 2 -3 WITHSCORES", "ZINTER 2 z1 s1 WITHSCORES WEIGHTS 0 0.5",
                "ZUNION 2 z1 z3 WEIGHTS 0 0 WITHSCORES", "ZINTER 2 z3 z1 WEIGHTS 0 inf WITHSCORES",
                "ZUNIONSTORE d 2 z1 z2 WEIGHTS 1 -1", "ZUNION 1 z1 WEIGHTS 1 WEIGHTS 5 WITHSCORES",
                "ZUNION 1 z1 WEIGHTS -0 WITHSCORES", "ZINTER 2 z1 z2 WEIGHTS 1e300 0x10 WITHSCORES"],
    "aggregate": ["ZUNION 2 z1 z2 AGGREGATE MIN WITHSCORES", "ZUNION 2 z1 z2 AGGREGATE max WITHSCORES",
                  "ZINTER 2 z1 z2 AGGREGATE SUM WITHSCORES", "ZINTER 3 z1 z3 z2 AGGREGATE MAX WITHSCORES",
                  "ZUNIONSTORE d 2 z1 z2 AGGREGATE MIN WEIGHTS -1 -2"],
    "infinities": ["ZUNION 2 z3 z3 WEIGHTS 1 -1 WITHSCORES", "ZINTER 2 z3 z3 WEIGHTS 1 -1 WITHSCORES",
                   "ZINTER 2 z3 z3 WEIGHTS 0 1 AGGREGATE MIN WITHSCORES", "ZUNIONSTORE d 2 z3 z3 WEIGHTS inf -inf",
                   "ZINTER 2 z3 z3 WEIGHTS 1 0 AGGREGATE MAX WITHSCORES"],
    "stores": ["ZUNIONSTORE d 2 z1 z2", "ZINTERSTORE d 2 z1 z2", "ZDIFFSTORE d 2 z1 z2", "ZUNIONSTORE d 1 long",
               "ZINTERSTORE z1 2 z1 z2", "ZDIFFSTORE z2 2 z2 s1", "ZUNIONSTORE z2 2 z2 z2"],
    "stores over something": ["ZUNIONSTORE text 1 z1", "ZINTERSTORE s1 1 z1", "ZUNIONSTORE ttl 1 ttl", "TTL ttl",
                              "ZDIFFSTORE long 1 long"],
    "stores of nothing": ["ZUNIONSTORE text 1 none", "ZINTERSTORE z1 2 z1 none", "ZDIFFSTORE s1 2 s1 s1",
                          "ZDIFFSTORE d 2 none z1", "EXISTS text z1 s1 d"],
    "intercard": ["ZINTERCARD 2 z1 z2", "ZINTERCARD 2 z1 z2 LIMIT 1", "ZINTERCARD 2 z1 z2 LIMIT 0",
                  "ZINTERCARD 1 z1 limit 100", "ZINTERCARD 2 z1 none", "ZINTERCARD 1 z1 LIMIT 1 LIMIT 2",
                  "ZINTERCARD 1 z1 LIMIT -1", "ZINTERCARD 1 z1 LIMIT x", "ZINTERCARD 1 z1 LIMIT", "ZINTERCARD 0 z1",
                  "ZINTERCARD 1 z1 WITHSCORES", "ZINTERCARD 1 z1 WEIGHTS 1", "ZINTERCARD 1 z1 AGGREGATE SUM",
                  "ZINTERCARD 1 z1 LIMIT 9223372036854775808", "ZINTERCARD", "ZINTERCARD x z1", "ZINTERCARD 1 text"],
    "numbers of keys": [f"{word} {n} z1 z2" for word in ("ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "ZUNIONSTORE d",
                                                         "ZINTERSTORE d", "ZDIFFSTORE d")
                        for n in ("0", "-1", "3", "x", "1.5", "", "99999999999", "9223372036854775808")],
    "wrong types come before bad options": ["ZUNION 2 z1 text FOO", "ZUNION 2 text z1", "ZINTERSTORE text 1 text",
                                            "ZDIFF 2 none text", "ZDIFFSTORE d 2 z1 text", "ZINTER 3 none none text"],
    "bad options": ["ZUNION 1 z1 FOO", "ZUNION 1 z1 WEIGHTS", "ZUNION 1 z1 WEIGHTS x", "ZUNION 2 z1 z2 WEIGHTS 1",
                    "ZUNION 1 z1 WEIGHTS nan", "ZUNION 1 z1 AGGREGATE", "ZUNION 1 z1 AGGREGATE AVG",
                    "ZUNION 1 z1 WITHSCORES x", "ZDIFF 1 z1 WEIGHTS 1", "ZDIFF 1 z1 AGGREGATE SUM", "ZDIFF 1 z1 x",
                    "ZUNIONSTORE d 1 z1 WITHSCORES", "ZINTERSTORE d 1 z1 WITHSCORES", "ZDIFFSTORE d 1 z1 WITHSCORES",
                    "ZDIFFSTORE d 1 z1 WEIGHTS 1", "ZINTER 1 z1 LIMIT 1", "ZUNION 1 z1 WEIGHTS 1e400",
                    "ZUNION 2 z1 z2 WEIGHTS 1 2 3", "ZUNION 2 z1 z2 WEIGHTS 1 x AGGREGATE y"],
    "wrong numbers of arguments": ["ZUNION 1", "ZINTER", "ZDIFF 1", "ZUNIONSTORE d 1", "ZINTERSTORE d", "ZDIFFSTORE"],
}


@pytest.mark.parametrize("name", CASES)
def test_case(diff: Differential, name: str):
    diff.compare(*FIXTURE, *CASES[name])


# -- any arguments ------------------------------------------------------------------------------------

KEYS = [b"z1", b"z2", b"z3", b"s1", b"s2", b"d", b"none", b"text"]
MEMBERS = [b"a", b"b", b"c", b"d", b"1", b"2", b"-7", b"300", b"70000", b"01", b"", b"\x00\xff", b"m" * 64, b"m" * 65,
           b"n" * 300]
SCORES = [b"0", b"1", b"-1", b"2.5", b"3", b"1e17", b"-0", b"inf", b"-inf", b"0.1", b"0.2", b"1e-300", b"123456"]
WEIGHTS = [b"1", b"0", b"-1", b"2.5", b"inf", b"-inf", b"1e300", b"0.1"]

keys = st.sampled_from(KEYS[:-1])
any_key = st.sampled_from(KEYS)
members = st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=8).map(tuple)
scored = st.lists(st.tuples(st.sampled_from(SCORES), st.sampled_from(MEMBERS)), min_size=1, max_size=8).map(
    lambda pairs: sum(pairs, ()))
aggregate = words(b"AGGREGATE", st.sampled_from([b"SUM", b"MIN", b"MAX"]))


@st.composite
def inputs(draw, with_weights: bool):
    chosen = draw(st.lists(any_key if draw(st.integers(0, 9)) == 0 else keys, min_size=1, max_size=4))
    out = (b"%d" % len(chosen), *chosen)
    if with_weights and draw(st.booleans()):
        out += (b"WEIGHTS", *draw(st.lists(st.sampled_from(WEIGHTS), min_size=len(chosen), max_size=len(chosen))))
    return out


weighted, plain = inputs(True), inputs(False)
with_scores = maybe(st.just((b"WITHSCORES",)))
algebra = st.one_of(
    words(st.sampled_from([b"ZUNION", b"ZINTER"]), weighted, maybe(aggregate), with_scores),
    words(b"ZDIFF", plain, with_scores),
    words(b"ZINTERCARD", plain, maybe(words(b"LIMIT", st.integers(0, 4)))),
    words(st.sampled_from([b"ZUNIONSTORE", b"ZINTERSTORE"]), keys, weighted, maybe(aggregate)),
    words(b"ZDIFFSTORE", keys, plain))
editing = st.one_of(
    words(b"ZADD", st.sampled_from(KEYS[:3]), scored), words(b"SADD", st.sampled_from(KEYS[3:5]), members),
    words(b"ZREM", st.sampled_from(KEYS[:3]), members), words(b"SREM", st.sampled_from(KEYS[3:5]), members),
    words(b"DEL", keys), words(b"SET", b"text", b"x"), words(b"EXPIRE", keys, b"10000"))
THRESHOLDS = ("zset-max-listpack-entries", "zset-max-listpack-value", "set-max-intset-entries")
DEFAULTS = ("128", "64", "512")


def thresholds(*values: object) -> list[tuple[str, ...]]:
    return [("CONFIG", "SET", name, str(value)) for name, value in zip(THRESHOLDS, values, strict=True)]


@settings(max_examples=100)
@given(scored, scored, scored, members, members, st.lists(algebra, min_size=1, max_size=10))
def test_any_arguments(diff: Differential, one, two, three, four, five, asked):
    diff.compare(("ZADD", "z1", *one), ("ZADD", "z2", *two), ("ZADD", "z3", *three), ("SADD", "s1", *four),
                 ("SADD", "s2", *five), "SET text x", *asked)


@settings(max_examples=100)
@given(st.lists(st.one_of(algebra, editing), max_size=40), st.integers(0, 6), st.sampled_from([2, 64]))
def test_results_go_on_living(diff: Differential, sequence, entries, value):
    """Stored results are edited and become sources; Redis's thresholds are low, so that encodings change."""
    diff.compare(*thresholds(entries, value, 4), *sequence, *thresholds(*DEFAULTS))
    diff.validate()


# -- many members -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [100, 3000])
def test_many_members(diff: Differential, seed: int, size: int):
    """Packed values and trees, integers and texts; equal scores, sums whose order shows in the last digit."""
    rng = random.Random(seed)
    names = [b"%d" % i if i % 3 else b"member:%d" % i for i in range(size)]

    def pairs(share: float):
        for name in rng.sample(names, int(size * share)):
            yield from (rng.choice((rng.random(), rng.randrange(20), 0.1, 1e16)), name)
    fill = [("ZADD", key, *pairs(share)) for key, share in (("a", 0.9), ("b", 0.5), ("c", 0.1))]
    fill += [("SADD", "s", *rng.sample(names, size // 2)), ("SADD", "ints", *range(0, size, 2))]
    weights = "WEIGHTS 0.1 0.7 -3"
    diff.compare(*fill, f"ZUNION 3 a b c {weights} WITHSCORES", f"ZINTER 3 a s b {weights} WITHSCORES",
                 "ZDIFF 3 a s c WITHSCORES", "ZUNION 4 ints s a b AGGREGATE MAX WITHSCORES", "ZINTERCARD 3 a b s",
                 "ZINTERCARD 3 a b s LIMIT 7", f"ZUNIONSTORE u 3 ints a c {weights}", "ZINTERSTORE i 2 a u",
                 "ZDIFFSTORE d 2 u b", "ZDIFF 1 ints WITHSCORES", "ZUNION 2 ints ints", "ZINTER 2 s a")
    diff.validate()


def test_very_many_keys(diff: Differential):
    """More sources than there is room for on a stack; their sizes decide the order of sums."""
    rng = random.Random(1)
    fill = [("ZADD", f"k{i}", *(x for m in range(rng.randrange(1, 6)) for x in (rng.random() * 10 ** m, f"m{m}")))
            for i in range(1000)]
    names = [f"k{i}" for i in range(1000)]
    diff.compare(*fill, ("ZUNION", 1000, *names, "WITHSCORES"), ("ZINTER", 1000, *names, "WITHSCORES"),
                 ("ZINTERCARD", 1000, *names), ("ZUNIONSTORE", "d", 1000, *names, "WEIGHTS", *range(1000)),
                 "ZRANGE d 0 -1 WITHSCORES", check_state=False)


# -- counters -----------------------------------------------------------------------------------------

COUNTED = ["ZUNION 2 z1 none", "ZINTER 2 none z1", "ZDIFF 3 z1 s1 z1", "ZUNIONSTORE d 2 z1 z2", "ZINTERSTORE d 2 z1 z2",
           "ZDIFFSTORE d 2 z1 z2", "ZDIFFSTORE d 2 z1 z1", "ZDIFFSTORE d 2 z1 z1", "ZINTERCARD 2 z1 z2",
           "ZUNIONSTORE text 1 none", "ZUNION 2 z1 z2 FOO", "ZUNION 3 z1 text z2"]


def test_hits_misses_and_changes_are_counted_as_in_redis(oracle: ServerProcess, wstore_server: ServerProcess):
    assert counted(wstore_server, FIXTURE, COUNTED) == counted(oracle, FIXTURE, COUNTED)


EVENTS = """
ZADD z 1 a 2 b|ZADD y 1 b 2 c|SADD s a b|ZUNION 2 z nosuch|ZINTER 2 z y|ZDIFF 2 nosuch z|ZINTERCARD 2 z nosuch
ZUNIONSTORE d 2 z y|ZUNIONSTORE d 2 z y|ZINTERSTORE d 2 z s|ZDIFFSTORE d 2 z y|ZDIFFSTORE d 1 nosuch
ZDIFFSTORE d 1 nosuch
ZUNIONSTORE d 1 nosuch|ZINTERSTORE d 2 z nosuch|ZUNIONSTORE z 2 z y|ZINTERSTORE s 2 s y|ZDIFFSTORE s 2 s s|SET text x
ZUNIONSTORE text 1 z|SET text x|ZINTERSTORE text 2 y nosuch|ZUNIONSTORE d 2 z text FOO|SET text x
ZUNIONSTORE d 1 text"""


def test_events(oracle: ServerProcess, wstore_server: ServerProcess):
    told = same(oracle, wstore_server, lines_of(EVENTS))
    assert sum(len(events) for _, _, events in told) > 50
