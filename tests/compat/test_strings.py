"""The string family against redis-server 7.0: every option, error and encoding, and what `dirty` counts."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.harness import OK, Connection, Differential, Sleep
from tests.strategies import EDGE_SIZES, INT_EDGES, ODD_NUMBERS, ints, noise, numbers, offsets, values

FAR_S = 4102444800              # 2100-01-01
SMALLEST_BULK_LIMIT = 1 << 20   # proto-max-bulk-len takes no less
INT64_MAX = (1 << 63) - 1
TIMES = [b"100", b"0", b"-1", b"100000", b"x", b"", b"1.5", b"%d" % FAR_S, b"%d" % (FAR_S * 1000), b"%d" % INT64_MAX,
         b"%d" % (INT64_MAX // 1000), b"%d" % (INT64_MAX // 1000 + 1), b"%d" % (INT64_MAX - 1000), b"-%d" % INT64_MAX,
         b"%d" % (INT64_MAX + 1)]
TIME_WORDS = [b"EX", b"PX", b"EXAT", b"PXAT"]
SET_WORDS = [*TIME_WORDS, b"NX", b"XX", b"GET", b"KEEPTTL", b"PERSIST", b"", b"ex", b"nX", b"IFEQ"]
BEFORE = st.sampled_from([(), ("SET k old",), ("SET k 12 EX 1000",), ("SET k gone PX 1", Sleep(0.005))])
AFTER = ("GET k", "PTTL k", "OBJECT ENCODING k", "DBSIZE")


def with_times(words: list[bytes], times: list[bytes]) -> list[bytes]:
    """Each word that takes a time is followed by the next of `times`, until they run out."""
    out, left = [], list(times)
    for word in words:
        out.append(word)
        if word.upper() in TIME_WORDS and left:
            out.append(left.pop())
    return out


option_lists = st.tuples(st.lists(st.sampled_from(SET_WORDS), max_size=4),
                         st.lists(st.sampled_from(TIMES), max_size=3)).map(lambda t: with_times(*t))


@settings(max_examples=150)
@given(BEFORE, option_lists)
@example((), [b"GET", b"NX"])
@example(("SET k old",), [b"GET", b"NX"])
@example(("SET k old",), [b"XX", b"GET", b"KEEPTTL"])
@example(("SET k 12 EX 1000",), [b"KEEPTTL"])
@example(("SET k 12 EX 1000",), [b"EX", b"10", b"EX", b"2000"])
@example(("SET k old",), [b"EX"])
def test_set_options(diff: Differential, before, options):
    diff.compare(*before, ["SET", "k", "new", *options], *AFTER)


@settings(max_examples=100)
@given(BEFORE, option_lists)
@example(("SET k 12 EX 1000",), [b"PERSIST"])
@example(("SET k old",), [b"PERSIST"])
@example(("SET k old",), [b"EXAT", b"1"])
@example(("SET k old",), [b"PXAT", b"1"])
def test_getex_options(diff: Differential, before, options):
    diff.compare(*before, ["GETEX", "k", *options], *AFTER)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("command", ["SET k v EX", "SET k v PX", "SET k v EXAT", "SET k v PXAT", "GETEX k EX",
                                     "GETEX k PX", "GETEX k EXAT", "GETEX k PXAT"])
def test_every_time_bound(diff: Differential, command, time):
    diff.compare([*command.split(), time], *AFTER)
    diff.compare("SET k old EX 1000", [*command.split(), time], *AFTER)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("command", ["SETEX", "PSETEX"])
def test_setex_bounds(diff: Differential, command, time):
    diff.compare([command, "k", time, "v"], *AFTER)


def test_time_bounds_at_second_resolution_are_exact(diff: Differential):
    """No rounding anywhere: absolute times come back to the millisecond, also far beyond six bytes."""
    for ms in (FAR_S * 1000 + 1, (1 << 48) - 1, 1 << 48, (1 << 48) + 1, INT64_MAX - 1, INT64_MAX):
        diff.compare(["SET", "k", "v", "PXAT", ms], "PEXPIRETIME k", "GET k", ["SET", "k", "w", "KEEPTTL"],
                     "PEXPIRETIME k", "SETRANGE k 2 more", "PEXPIRETIME k", "GET k", tolerance_ms=0)


@settings(max_examples=150)
@given(values, values)
def test_encodings(diff: Differential, first, second):
    diff.compare(["SET", "k", first], "OBJECT ENCODING k", "STRLEN k", "DEBUG DIGEST-VALUE k",
                 ["SET", "k", second], "OBJECT ENCODING k", "GET k", "DEBUG DIGEST-VALUE k",
                 ["GETSET", "k", first], "OBJECT ENCODING k", ["APPEND", "k", second], "OBJECT ENCODING k",
                 "DEBUG DIGEST-VALUE k", "GETDEL k", "GETDEL k", "DEBUG DIGEST-VALUE k", "DEBUG DIGEST")


@pytest.mark.parametrize("n", INT_EDGES)
def test_integers_at_every_width(diff: Differential, n):
    diff.compare(["SET", "k", n], "OBJECT ENCODING k", "STRLEN k", "INCR k", "GET k", "OBJECT ENCODING k", "DECR k",
                 "DECR k", "GET k", ["SET", "m", n], "APPEND m 1", "OBJECT ENCODING m", "INCR m", "OBJECT ENCODING m",
                 "DEBUG DIGEST")


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(["INCRBY", "DECRBY"]), numbers), min_size=1, max_size=6), numbers)
@example([("INCRBY", b"%d" % INT64_MAX), ("INCRBY", b"1")], b"0")
@example([("DECRBY", b"-9223372036854775808")], b"0")
@example([("INCRBY", b"-9223372036854775808")], b"-1")
def test_counters(diff: Differential, steps, start):
    diff.compare(["SET", "k", start, "EX", "1000"], *[(command, "k", by) for command, by in steps], *AFTER,
                 *[(command, "new", by) for command, by in steps])


@settings(max_examples=150)
@given(st.one_of(numbers, st.sampled_from(ODD_NUMBERS)),
       st.lists(st.one_of(numbers, st.sampled_from(ODD_NUMBERS),
                          st.decimals(-10**20, 10**20, places=10).map(lambda d: str(d).encode()),
                          st.floats(allow_nan=False, width=64).map(lambda f: repr(f).encode())),
                min_size=1, max_size=4))
@example(b"10.50", [b"0.1", b"-5", b"5.0e3"])
@example(b"1e4000", [b"1e4932", b"1e4932"])
@example(b"3", [b"0", b"1.5"])
def test_incrbyfloat(diff: Differential, start, steps):
    diff.compare(["SET", "k", start, "EX", "1000"], *[("INCRBYFLOAT", "k", by) for by in steps], *AFTER,
                 *[("INCRBYFLOAT", "new", by) for by in steps], "OBJECT ENCODING new", "INCR new")


@settings(max_examples=150)
@given(values, offsets, offsets)
@example(b"hello", -1, -2)
@example(b"hello", -100, -50)
@example(b"", 0, -1)
@example(b"12345", 1, 3)
def test_getrange(diff: Differential, value, start, end):
    diff.compare(["SET", "k", value], ["GETRANGE", "k", start, end], ["SUBSTR", "k", start, end],
                 ["GETRANGE", "none", start, end])


@pytest.mark.parametrize("command", ["GETRANGE", "SUBSTR"])
def test_getrange_with_odd_positions(diff: Differential, command):
    edges = [str(INT64_MAX), str(-INT64_MAX - 1), str(INT64_MAX + 1), "x", "1.0", ""]
    diff.compare("SET k hello", *[[command, "k", a, b] for a in edges for b in [*edges, "2"]],
                 [command, "none", "x", "1"])


@settings(max_examples=150)
@given(st.one_of(st.none(), values), st.lists(st.tuples(offsets, values), min_size=1, max_size=4))
@example(None, [(0, b"")])
@example(None, [(5, b"x")])
@example(b"12", [(0, b"")])
@example(b"12", [(1, b"3")])
@example(b"v" * 1024, [(1024, b"x"), (2000, b"y"), (0, b"z")])
def test_setrange(diff: Differential, value, writes):
    diff.compare(*([] if value is None else [["SET", "k", value, "EX", "1000"]]),
                 *[("SETRANGE", "k", offset, piece) for offset, piece in writes], *AFTER)


@settings(max_examples=100)
@given(st.lists(values, min_size=1, max_size=8), st.booleans())
def test_append(diff: Differential, pieces, has_ttl):
    diff.compare(*(["SET k 1 EX 1000"] if has_ttl else []),
                 *[step for piece in pieces for step in (("APPEND", "k", piece), "STRLEN k", "OBJECT ENCODING k")],
                 "DEBUG DIGEST-VALUE k", *AFTER)


def test_append_over_every_size(diff: Differential):
    """One byte at a time over the sizes at which the storage changes, then in steps that make it grow."""
    for size in EDGE_SIZES:
        diff.compare(["SET", "k", noise(size, size)], "APPEND k x", "APPEND k yz", "GET k", "OBJECT ENCODING k",
                     *[["APPEND", "k", "w" * 700]] * 5, "STRLEN k", "GETRANGE k -1500 -1")


many_names = st.lists(st.sampled_from([f"key:{i}" for i in range(40)]), min_size=1, max_size=40)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from([f"key:{i}" for i in range(40)]), values), min_size=1, max_size=40),
       many_names)
def test_many_keys(diff: Differential, pairs, names):
    """More keys than one batch, some twice, some missing."""
    flat = [word for pair in pairs for word in pair]
    diff.compare("SET key:1 x EX 1000", ["MSET", *flat], ["MGET", *names], ["MSETNX", *flat], "MSETNX a 1 b 2",
                 "MSETNX c 1 b 2", "MGET a b c", "TTL key:1", "DEBUG DIGEST")


@pytest.mark.parametrize("command", ["MSET a", "MSET a 1 b", "MSETNX a 1 b", "MSETNX a", "MGET", "MSET a 1 a 2",
                                     "MSETNX a 1 a 2", "SET a", "GET", "GET a b", "SETNX a", "APPEND a", "INCR",
                                     "INCR a b", "INCRBY a", "LCS a", "SETRANGE a 1", "GETEX", "STRLEN", "GETDEL"])
def test_arity(diff: Differential, command):
    diff.compare(command, "GET a")


@settings(max_examples=60)
@given(st.one_of(st.none(), values), values)
def test_setnx_and_getdel(diff: Differential, old, new):
    diff.compare(*([] if old is None else [["SET", "k", old, "EX", "1000"]]), ["SETNX", "k", new], *AFTER, "GETDEL k",
                 ["SETNX", "k", new], *AFTER, ["GETSET", "k", "x"], *AFTER)


def test_getset_drops_the_ttl(diff: Differential):
    diff.compare("GETSET k a", "SET k 1 EX 1000", "GETSET k 2", *AFTER)


def test_expired_keys_are_gone_for_every_command(diff: Differential):
    commands = ["GET k", "STRLEN k", "GETRANGE k 0 -1", "APPEND k x", "SETRANGE k 2 x", "INCR k", "GETDEL k",
                "GETEX k PERSIST", "SETNX k v", "GETSET k v", "SET k v XX", "SET k v KEEPTTL", "SET k v GET",
                "MGET k k", "MSETNX k v", "LCS k k LEN", "INCRBYFLOAT k 1", "SETBIT k 3 1", "GETBIT k 1", "BITCOUNT k",
                "BITPOS k 0", "BITOP NOT k k", "BITFIELD k GET u8 0 SET u8 8 1"]
    for command in commands:
        diff.compare("SET k 77 PX 1", Sleep(0.003), command, *AFTER)
    diff.compare("SET k v PXAT 1", *AFTER)


# -- LCS -----------------------------------------------------------------------------------------------------------
lcs_texts = st.one_of(st.text("ab", max_size=40), st.text("abcde01", max_size=70), st.text("a", max_size=20))


@settings(max_examples=150)
@given(lcs_texts, lcs_texts, st.sampled_from(["0", "1", "2", "4", "-3", "1000"]))
@example("ohmytext", "mynewtext", "4")
@example("x" * 64, "x" * 65, "1")
@example("ab" * 64, "ba" * 64, "2")
@example("", "", "0")
def test_lcs(diff: Differential, a, b, length):
    diff.compare(["MSET", "a", a, "b", b], "LCS a b", "LCS a b LEN", "LCS a b IDX", "LCS a b IDX WITHMATCHLEN",
                 ["LCS", "a", "b", "IDX", "MINMATCHLEN", length], "LCS b a", "LCS a a IDX", "LCS a none",
                 ["LCS", "b", "a", "WITHMATCHLEN", "IDX", "MINMATCHLEN", length, "MINMATCHLEN", "2"])


@pytest.mark.parametrize("options", ["IDX LEN", "LEN IDX", "MINMATCHLEN", "MINMATCHLEN x", "IDX MINMATCHLEN 1.5",
                                     "LEN LEN", "IDX IDX", "WITHMATCHLEN", "MINMATCHLEN 3", "FOO", "LEN FOO",
                                     "LEN MINMATCHLEN 2 WITHMATCHLEN", "idx withmatchlen minmatchlen 1", "IDX LEN FOO"])
def test_lcs_options(diff: Differential, options):
    diff.compare("MSET a ohmytext b mynewtext n 12345 m 2345", f"LCS a b {options}", f"LCS none b {options}",
                 f"LCS none none2 {options}", f"LCS n m {options}", f"LCS n n {options}")


def test_lcs_of_strings_too_long(diff: Differential):
    for a, b in [(20000, 6709), (20000, 6710), (20000, 6711)]:
        diff.compare(["SET", "a", "a" * a], ["SETRANGE", "b", b - 1, "a"], "LCS a b LEN", check_state=False)


# -- limits, counters of INFO ----------------------------------------------------------------------------------------
@pytest.fixture
def small_strings(diff: Differential) -> Iterator[Differential]:
    """The runner while every server has the smallest proto-max-bulk-len there is."""
    servers = [server for server in (diff.oracle, diff.server) if server is not None]
    for limit in (SMALLEST_BULK_LIMIT, 512 << 20):
        for server in servers:
            with server.connect() as connection:
                assert connection.call("CONFIG", "SET", "proto-max-bulk-len", limit) == OK
        if limit == SMALLEST_BULK_LIMIT:
            yield diff


def test_longest_strings(small_strings: Differential):
    limit = SMALLEST_BULK_LIMIT
    small_strings.compare(
        ["SETRANGE", "k", limit - 3, "abc"], ["SETRANGE", "k", limit - 2, "abc"], ["SETRANGE", "k", limit, "a"],
        ["SETRANGE", "k", limit, ""], ["SETRANGE", "new", limit, ""], ["SETRANGE", "new", limit, "a"],
        ["SETRANGE", "k", INT64_MAX, "a"], ["SETRANGE", "k", -1, ""], ["SETRANGE", "k", "x", "a"], "STRLEN k",
        "APPEND k x", ["APPEND", "k", ""], "APPEND new x", ["APPEND", "new", "y" * limit], "STRLEN new",
        ["SETBIT", "bits", limit * 8 - 1, 1], ["SETBIT", "bits", limit * 8, 1], ["GETBIT", "bits", limit * 8],
        "STRLEN bits",
        ["BITFIELD", "bits", "GET", "u8", limit * 8 - 1], ["BITFIELD", "bits", "SET", "u8", limit * 8 - 1, 255],
        ["BITFIELD", "bits", "GET", "u8", f"#{limit - 1}"], ["BITFIELD", "bits", "GET", "u8", f"#{limit}"],
        "STRLEN bits", "BITCOUNT bits", "BITPOS bits 1 -1", "LCS k new", embedded=False, check_state=False)


def changes(connection: Connection) -> int:
    """rdb_changes_since_last_save: the sum of what write commands count as changes."""
    told = connection.call("INFO", "persistence").data
    return int(told.split(b"rdb_changes_since_last_save:")[1].split()[0])


def hits_and_misses(connection: Connection) -> list[int]:
    told = connection.call("INFO", "stats").data
    return [int(told.split(name)[1].split()[0]) for name in (b"keyspace_hits:", b"keyspace_misses:")]


COUNTED = ["SET k v", "SET k v NX", "SET k v XX", "SET new v GET", "SET k v GET", "SETNX k v", "SETNX new v",
           "GETSET k v", "GETSET new v", "GETDEL k", "GETDEL new", "GETEX k", "GETEX k EX 100", "GETEX k PERSIST",
           "GETEX ttl PERSIST", "GETEX k EXAT 1", "GETEX new EX 100", "MSET a 1 b 2 c 3", "MSETNX a 1 b 2",
           "MSETNX k 1 b 2", "APPEND k x", "APPEND k", "APPEND new x", "SETRANGE k 1 x", "SETRANGE k 99 y", "INCR n",
           "INCR k", "INCR new", "INCRBY n 0", "INCRBYFLOAT n 1.5", "INCRBYFLOAT new 0", "SETEX k 10 v",
           "PSETEX k 0 v", "GET k", "GET new", "STRLEN k", "STRLEN new", "MGET k new n", "GETRANGE k 0 1",
           "LCS k n", "LCS k new", "LCS new new", "SETBIT k 0 0", "SETBIT k 1 1", "SETBIT k 2 1", "SETBIT k 400 0",
           "SETBIT new 0 0", "GETBIT k 1", "BITCOUNT k", "BITPOS new 1", "BITOP AND d k n", "BITOP AND k none none2",
           "BITOP OR d none", "BITFIELD k SET u8 0 118", "BITFIELD k SET u8 0 1 SET u8 8 2", "BITFIELD k GET u8 0",
           "BITFIELD new SET u8 0 0 INCRBY u8 0 0", "BITFIELD new OVERFLOW FAIL SET u4 0 77",
           "BITFIELD k OVERFLOW FAIL SET u4 0 77 INCRBY u4 0 0", "BITFIELD_RO k GET u8 0"]


@pytest.mark.parametrize("command", COUNTED)
def test_what_counts_as_a_change_hit_or_miss(diff: Differential, command):
    told = []
    for server in (diff.oracle, diff.server or diff.oracle):
        with server.connect() as connection:
            connection.call("FLUSHALL")
            connection.pipeline([(b"SET", b"k", b"v"), (b"SET", b"n", b"5"), (b"SET", b"ttl", b"v", b"EX", b"1000")])
            before = [changes(connection), *hits_and_misses(connection)]
            connection.call(*command.split())
            after = [changes(connection), *hits_and_misses(connection)]
            told.append([b - a for a, b in zip(before, after)])
    assert told[0] == told[1]


@settings(max_examples=30)
@given(ints, st.lists(st.sampled_from(["INCR k", "DECR k", "APPEND k 1", "GETDEL k", "STRLEN k", "SETRANGE k 1 9",
                                       "SET k 5 KEEPTTL", "GETEX k PERSIST", "EXPIRE k 1000"]), max_size=12))
def test_mixed_edits_of_one_number(diff: Differential, start, steps):
    diff.compare(["SET", "k", start], *[step for edit in steps for step in (edit, "OBJECT ENCODING k", "GET k")],
                 *AFTER, "DEBUG DIGEST")
