"""SORT and SORT_RO over lists, sets and sorted sets: every option, patterns, STORE, errors, and which error wins."""
from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.comparers import unordered
from tests.compat.test_events import same
from tests.harness import Array, Bulk, Connection, Differential, Int, ServerProcess
from tests.strategies import maybe, options, words

NUMBERS = [b"3", b"1", b"-2", b"10", b"1.5", b"1e2", b"007", b"0", b"-0", b"inf", b"-inf", b"12345678901234567890"]
TEXTS = [b"b", b"a", b"", b"B", b"a10", b"a9", b"\xff", b"aa", b" 5"]
SOURCES = [b"list", b"set", b"zset", b"intset", b"texts", b"none"]
# The long member makes the sorted set a skiplist, which SORT would make of it in Redis
SETUP = [("RPUSH", "list", *NUMBERS), ("SADD", "set", *NUMBERS), ("SADD", "intset", *range(-5, 15)),
         ("ZADD", "zset", *[part for i, n in enumerate([*NUMBERS, b"1" + b"0" * 80]) for part in (i % 4, n)]),
         ("RPUSH", "texts", *TEXTS),
         ("SET", "string", "x"), ("HSET", "hash", "f", "v"), "SET w_3 30", "SET w_1 90", "SET w_10 20", "SET w_1.5 x1",
         "SET w_-2 -7", "SET w_a 5", "SET w_b 4", "HSET h_3 f 9 g x", "HSET h_1 f 2", "HSET h_10 f 5 g y",
         "HSET h_a f 1", "HSET w_0 f 1", "SET w_007 1.25", "RPUSH w_inf 1", "SET 3 direct"]
PATTERNS = [b"w_*", b"h_*->f", b"h_*->g", b"h_*->none", b"h_*->", b"*", b"#", b"none_*", b"nosort", b"w_*_*", b"->*",
            b"*->f", b"h_*->f*", b"", b"#*", b"##", b"string", b"w_*->f"]


def test_orders(diff: Differential):
    for key in SOURCES:
        for rest in ("", "ASC", "DESC", "ALPHA", "ALPHA DESC", "DESC ASC", "alpha asc desc"):
            diff.compare(*SETUP, ["SORT", key, *rest.split()], ["SORT_RO", key, *rest.split()])


@pytest.mark.parametrize("limit", ["0 3", "2 3", "-1 2", "0 0", "0 -1", "5 -7", "100 1", "3 100",
                                   "0 9223372036854775807",
                                   "9223372036854775807 9223372036854775807", "-9223372036854775808 2"])
def test_limits(diff: Differential, limit: str):
    commands = [["SORT", key, *rest.split(), "LIMIT", *limit.split()] for key in ("list", "zset", "set", "none")
                for rest in ("", "DESC", "BY h_*->f", "GET # GET w_* DESC ALPHA")]
    commands += [["SORT", key, "BY", "nosort", *rest.split(), "LIMIT", *limit.split()] for key in ("list", "zset")
                 for rest in ("", "DESC", "ASC GET w_*")]
    diff.compare(*SETUP, *commands, comparers={"SORT": any_order_of_sets})


def any_order_of_sets(args, expected, actual, tolerance_ms):
    """A set that is not sorted comes in any order; nothing is said of its elements if LIMIT cuts them."""
    lowered = [arg.lower() for arg in args]
    unsorted = any(word == b"by" and b"*" not in lowered[i + 1] for i, word in enumerate(lowered[:-1]))
    if b"set" not in lowered[1] or lowered[1] == b"zset" or not unsorted or not isinstance(expected, Array):
        return expected == actual
    if b"limit" in lowered or b"get" in lowered:
        return len(expected.items) == len(actual.items)
    return unordered(args, expected, actual, tolerance_ms)


def test_patterns(diff: Differential):
    for pattern in PATTERNS:
        for key in (b"list", b"set", b"zset", b"texts", b"none"):
            for rest in ("", "ALPHA", "ALPHA DESC", "GET # GET w_*"):
                diff.compare(*SETUP, [b"SORT", key, b"BY", pattern, *rest.split()],
                             [b"SORT", key, b"ALPHA", b"GET", pattern, b"GET", b"#"],
                             comparers={"SORT": stable_by_itself})


def stable_by_itself(args, expected, actual, tolerance_ms):
    """Elements without a weight, sorted ALPHA, keep the order of their set, which is any."""
    if args[1] in (b"set", b"zset", b"intset") and b"BY" in args and isinstance(expected, Array):
        step = 2 if b"GET" in args else 1

        def rows(reply):
            return sorted(repr(reply.items[i:i + step]) for i in range(0, len(reply.items), step))
        return rows(expected) == rows(actual)
    return any_order_of_sets(args, expected, actual, tolerance_ms)


def test_weights_order_elements(wstore_server: ServerProcess):
    """What the comparer above forgives: weighed elements of a set come in the order of their weights."""
    with wstore_server.connect() as connection:
        for command in ("FLUSHALL", "SADD s a b c d", "MSET w_a 3 w_b 1 w_c 2 w_d 10"):
            connection.call(*command.split())
        assert ordered(connection, "SORT s BY w_*") == [b"b", b"c", b"a", b"d"]
        assert ordered(connection, "SORT s BY w_* DESC") == [b"d", b"a", b"c", b"b"]
        assert ordered(connection, "SORT s BY w_* ALPHA") == [b"b", b"d", b"c", b"a"]
        assert ordered(connection, "SORT s BY w_* ALPHA DESC LIMIT 1 2") == [b"c", b"d"]


def ordered(connection: Connection, command: str) -> list[bytes]:
    return [item.data for item in connection.call(*command.split()).items]


STORES = ["SORT list STORE out", "SORT list DESC LIMIT 1 3 STORE out", "SORT none STORE out", "SORT set STORE out",
          "SORT set BY nosort STORE out", "SORT intset BY nosort DESC LIMIT 2 3 STORE out", "SORT list STORE list",
          "SORT zset BY nosort DESC STORE zset", "SORT list GET w_* GET # GET none_* STORE out", "SORT texts STORE out",
          "SORT list LIMIT 50 1 STORE out", "SORT texts ALPHA STORE out", "SORT list STORE a STORE out",
          "SORT list BY nosort GET none_* STORE out", "SORT string STORE out", "SORT zset STORE zset"]


@pytest.mark.parametrize("before", ["GET out", "SET out x EX 1000", "RPUSH out x"])
def test_store(diff: Differential, before: str):
    for command in STORES:
        diff.compare(*SETUP, before, command, "TYPE out", "TTL out", "OBJECT ENCODING out", "SORT_RO list STORE out")


def test_a_long_result_is_stored(diff: Differential):
    diff.compare(["RPUSH", "l", *[b"%d" % (i * 7919 % 5000) for i in range(5000)]], "SORT l STORE out",
                 "SORT l DESC ALPHA STORE alpha", "LLEN out", "LRANGE out 0 20", "SORT l LIMIT 2000 20")


ERRORS = ["SORT", "SORT_RO", "SORT list FOO", "SORT list LIMIT 1", "SORT list LIMIT a 1", "SORT list LIMIT 1 b",
          "SORT list BY", "SORT list GET", "SORT list STORE", "SORT_RO list STORE x", "SORT string", "SORT hash",
          "SORT string FOO", "SORT texts", "SORT texts LIMIT 0 0", "SORT texts GET #", "SORT texts BY nosort",
          "SORT texts STORE out", "SORT list BY w_*", "SORT list ALPHA BY w_*", "SORT list LIMIT 1 2 LIMIT x",
          "SORT string STORE out", "SORT list LIMIT 99999999999999999999 1", "SORT none LIMIT a 1",
          "SORT list STORE a b"]


def test_errors(diff: Differential):
    diff.compare(*SETUP, *ERRORS)


@pytest.mark.parametrize("text", [b"nan", b"1e400", b"1e-400", b"5e-324", b"0x10", b" 1", b"1 ", b"", b"1\x00x", b"+1",
                                  b"1e5", b".5", b"1_0", b"infinity", b"-nan"])
def test_what_counts_as_a_number(diff: Differential, text: bytes):
    diff.compare(["RPUSH", "l", "1", text, "-1"], "SORT l", ["SET", "w_1", text], "SORT l BY w_* LIMIT 0 1",
                 "SORT l BY w_* ALPHA", ["HSET", "h", "f", text], "SORT l BY h->f")


sort_options = st.lists(st.one_of(
    words(b"BY", st.sampled_from(PATTERNS)), words(b"GET", st.sampled_from(PATTERNS)),
    words(b"LIMIT", st.integers(-2, 14), st.integers(-2, 14)), options(b"ASC", b"DESC", b"ALPHA"),
    words(b"STORE", st.sampled_from([b"out", b"list", b"string"]))), max_size=4).map(lambda chosen: sum(chosen, ()))


@given(st.lists(words(st.sampled_from([b"SORT", b"SORT_RO"]), st.sampled_from([b"list", b"texts", b"none", b"out"]),
                      sort_options, maybe(words(b"ALPHA"))), min_size=1, max_size=6))
def test_any_options(diff: Differential, commands):
    """Equal weights are in any order when Redis sorts a part only; then nothing may be stored."""
    commands = [command for command in commands if not (b"STORE" in command and in_any_order(command))]
    diff.compare(*SETUP, *commands, comparers={"SORT": any_order_of_ties, "SORT_RO": any_order_of_ties})


def in_any_order(args):
    return {b"BY", b"ALPHA", b"LIMIT"} <= set(args)


def any_order_of_ties(args, expected, actual, tolerance_ms):
    if in_any_order(args) and isinstance(expected, Array):
        return isinstance(actual, Array) and len(expected.items) == len(actual.items)
    return expected == actual


def same_hits(args, expected, actual, tolerance_ms):
    def counted(reply):
        return re.findall(rb"keyspace_(?:hits|misses):\d+", reply.data)
    return counted(expected) == counted(actual)


def test_reading_counts_hits(diff: Differential):
    diff.compare(*SETUP, "CONFIG RESETSTAT", "SORT list BY w_* ALPHA GET h_*->f", "SORT_RO none", "SORT none STORE q",
                 "INFO stats", comparers={"INFO": same_hits})


def test_events(oracle: ServerProcess, wstore_server: ServerProcess):
    """Of what is stored, and of each key that a pattern misses."""
    told = same(oracle, wstore_server, [
        "RPUSH l 3 1 2", "MSET w_1 5 w_2 7", "HSET h_1 f 1", "SORT l STORE out", "SORT l BY w_* GET h_*->f GET #",
        "SORT l BY w_* STORE out", "SORT none STORE out", "SORT none STORE out", "SORT l BY none GET x_* LIMIT 1 1",
        "SORT_RO l GET w_*", "SORT_RO none", "SET s x", "SORT s STORE out", "SORT l GET s STORE s"])
    assert any(message == b"sortstore" for _, _, events in told for _, message in events)


def test_a_transaction_may_sort(diff: Differential):
    diff.compare(*SETUP, "MULTI", "SORT list STORE out", "SORT out DESC LIMIT 0 2", "EXEC", embedded=False)


def test_elements_outlive_keys_that_expire(wstore_server: ServerProcess):
    """Look-ups by pattern drop expired keys: the elements, taken before, stay whole."""
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        names = [b"%d" % i for i in range(400)]
        connection.pipeline([("SET", b"w_" + name, b"x" * 30, "PX", 1) for name in names])
        connection.call("SADD", "s", *names)
        time.sleep(0.01)
        reply = connection.call("SORT", "s", "BY", "w_*", "GET", "#")
        assert reply == Array(tuple(Bulk(name) for name in sorted(names)))
        assert connection.call("DBSIZE") == Int(1)
