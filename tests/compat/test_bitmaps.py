"""Bitmaps and bit fields against redis-server 7.0: every range, unit, type, overflow rule and error."""
from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.harness import Differential
from tests.strategies import noise

WIDTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 62, 63, 64]
INT64_MAX = (1 << 63) - 1
INT64_MIN = -(1 << 63)
bitmap_sizes = st.sampled_from([0, 1, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 5000])
bitmaps = st.one_of(st.binary(max_size=24), bitmap_sizes.flatmap(
    lambda n: st.sampled_from([b"\x00" * n, b"\xff" * n, noise(n, n), b"\x00" * n + b"\x01", b"\xff" * n + b"\xfe"])))
positions = st.one_of(st.integers(-40, 40), st.integers(-300, 300),
                      st.sampled_from([-5000, 5000, INT64_MIN, INT64_MAX]))
units = st.sampled_from([(), ("BYTE",), ("BIT",), ("bit",)])


@settings(max_examples=200)
@given(bitmaps, positions, positions, units)
@example(b"", 0, -1, ())
@example(b"12", -1, -2, ("XX",))
@example(b"\xff\xff\xff", 3, 3, ("BIT",))
@example(b"\xff\xff\xff", 7, 8, ("BIT",))
def test_bitcount(diff: Differential, value, start, end, unit):
    diff.compare(["SET", "k", value], "BITCOUNT k", ["BITCOUNT", "k", start, end, *unit],
                 ["BITCOUNT", "none", start, end, *unit])


@settings(max_examples=300)
@given(bitmaps, st.sampled_from([0, 1]), positions, positions, units)
@example(b"", 0, 0, -1, ())
@example(b"\xff\xff", 0, 0, -1, ())
@example(b"\xff\xff\xff", 0, 3, 9, ("BIT",))
@example(b"\x00\xff\xf0", 1, 20, 23, ("BIT",))
def test_bitpos(diff: Differential, value, bit, start, end, unit):
    diff.compare(["SET", "k", value], ["BITPOS", "k", bit], ["BITPOS", "k", bit, start],
                 ["BITPOS", "k", bit, start, end, *unit], ["BITPOS", "none", bit, start, end, *unit])


@pytest.mark.parametrize("command", [
    "BITCOUNT {} 1", "BITCOUNT {} a b", "BITCOUNT {} 0 b", "BITCOUNT {} 0 1 X", "BITCOUNT {} a 1 X",
    "BITCOUNT {} -1 -2 X", "BITCOUNT {} 0 1 BIT X", "BITCOUNT {} 1.0 2", "BITCOUNT", "BITPOS {}", "BITPOS {} 2",
    "BITPOS {} x", "BITPOS {} -1", "BITPOS {} 1 x", "BITPOS {} 1 0 x", "BITPOS {} 1 0 1 X", "BITPOS {} 1 x 1 X",
    "BITPOS {} 1 0 x X", "BITPOS {} 1 0 x BIT", "BITPOS {} 1 0 1 BIT 2", "BITPOS {} 1 BIT", "SETBIT {} 1",
    "SETBIT {} -1 1", "SETBIT {} x 1", "SETBIT {} 1 x", "SETBIT {} 1 2", "SETBIT {} 1 -1", "SETBIT {} x 2",
    "SETBIT {} 4294967296 1", "SETBIT {} #1 1", "SETBIT {} 9223372036854775808 1", "GETBIT {} -1", "GETBIT {} x",
    "GETBIT {} 4294967295", "GETBIT {} 4294967296", "GETBIT {}", "BITOP", "BITOP AND d", "BITOP NOT d {} {}",
    "BITOP BAD d {}", "BITOP AN d {}", "bitop and d {}"])
def test_errors_and_their_order(diff: Differential, command):
    diff.compare("SET k foobar", "SET n 123", *[command.replace("{}", key) for key in ("k", "n", "none")])


@settings(max_examples=150)
@given(st.one_of(st.none(), bitmaps, st.integers(-10**18, 10**18).map(str)),
       st.lists(st.tuples(st.one_of(st.integers(0, 300), st.sampled_from([8191, 8192, 8199, 50000])),
                          st.integers(0, 1)), min_size=1, max_size=10))
def test_setbit(diff: Differential, value, edits):
    diff.compare(*([] if value is None else [["SET", "k", value, "EX", "1000"]]),
                 *[step for offset, bit in edits
                   for step in (["SETBIT", "k", offset, bit], ["GETBIT", "k", offset], ["GETBIT", "k", offset + 1])],
                 "OBJECT ENCODING k", "TTL k", "STRLEN k", "BITCOUNT k", "DEBUG DIGEST-VALUE k")


@settings(max_examples=200)
@given(st.sampled_from(["AND", "OR", "XOR", "NOT", "xOr"]), st.lists(st.one_of(bitmaps, st.just(b"123")), max_size=4),
       st.lists(st.sampled_from(["k0", "k1", "k2", "k3", "none"]), min_size=1, max_size=5),
       st.sampled_from(["d", "k0", "ttl"]))
def test_bitop(diff: Differential, operation, contents, sources, target):
    diff.compare("SET ttl x EX 1000", *[["SET", f"k{i}", value] for i, value in enumerate(contents)],
                 ["BITOP", operation, target, *(sources[:1] if operation == "NOT" else sources)],
                 ["GET", target], ["TTL", target], ["OBJECT", "ENCODING", target], "DBSIZE", "DEBUG DIGEST")


# -- BITFIELD ------------------------------------------------------------------------------------------------------
types = st.one_of(st.sampled_from(WIDTHS).map(lambda w: f"i{w}"), st.sampled_from(WIDTHS[:-1]).map(lambda w: f"u{w}"),
                  st.integers(1, 63).map(lambda w: f"u{w}"), st.integers(1, 64).map(lambda w: f"i{w}"))
places = st.one_of(st.integers(0, 150), st.integers(0, 20).map(lambda n: f"#{n}"))
edges = st.one_of(st.integers(-300, 300), st.sampled_from(WIDTHS).flatmap(
    lambda w: st.sampled_from([s * (1 << (w - 1)) + d for s in (1, -1) for d in (-1, 0, 1)])),
    st.integers(INT64_MIN, INT64_MAX)).map(lambda n: max(min(n, INT64_MAX), INT64_MIN))
rules = st.sampled_from([(), ("OVERFLOW", "WRAP"), ("OVERFLOW", "SAT"), ("OVERFLOW", "FAIL"), ("overflow", "sat")])
field_ops = st.one_of(
    st.tuples(st.just("GET"), types, places),
    st.tuples(rules, st.just("SET"), types, places, edges).map(lambda t: (*t[0], *t[1:])),
    st.tuples(rules, st.just("INCRBY"), types, places, edges).map(lambda t: (*t[0], *t[1:])))


def flat(ops: list[tuple]) -> list:
    return [word for op in ops for word in op]


@settings(max_examples=300)
@given(st.one_of(st.none(), bitmaps, st.just(b"12345")),
       st.lists(st.lists(field_ops, max_size=5), min_size=1, max_size=4))
@example(b"\xff" * 9, [[("SET", "i64", "3", "0"), ("GET", "u63", "4")]])
@example(b"\x7f" + b"\xff" * 8, [[("INCRBY", "i64", "0", "1"), ("OVERFLOW", "SAT", "INCRBY", "i64", "0", INT64_MIN)]])
@example(None, [[("OVERFLOW", "FAIL", "SET", "u4", "77", "16")]])
@example(None, [[("OVERFLOW", "SAT", "SET", "i5", "0", INT64_MIN), ("GET", "i5", "0"), ("SET", "i5", "9", INT64_MAX)]])
@example(None, [[("OVERFLOW", "SAT", "SET", "u63", "0", "-1"), ("OVERFLOW", "SAT", "INCRBY", "u63", "0", "-5")]])
def test_bitfield(diff: Differential, value, calls):
    diff.compare(*([] if value is None else [["SET", "k", value, "EX", "1000"]]),
                 *[["BITFIELD", "k", *flat(ops)] for ops in calls], "GET k", "TTL k", "OBJECT ENCODING k", "STRLEN k",
                 *[["BITFIELD_RO", "k", *flat([op for op in ops if op[0] == "GET"])] for ops in calls])


@pytest.mark.parametrize("width", [f"u{n}" for n in range(66)] + [f"i{n}" for n in range(67)])
def test_every_width_at_every_shift(diff: Differential, width):
    diff.compare(["SET", "k", noise(40, 7)],
                 *[["BITFIELD", "k", "GET", width, at, "INCRBY", width, at + 70, 1, "SET", width, at + 140, -1,
                    "GET", width, at + 139] for at in range(9)], "GET k")


@pytest.mark.parametrize("arguments", [
    "", "GET", "GET u8", "GET u8 0 GET", "GET u64 0", "GET u0 0", "GET i0 0", "GET i65 0", "GET x8 0", "GET u 0",
    "GET 8 0", "GET u08 0", "GET U8 0", "GET u8x 0", "GET u8 #a", "GET u8 -1", "GET u8 #-1", "GET u8 #", "GET u8 x",
    "GET u8 4294967287", "GET u8 4294967295", "GET u8 4294967296", "GET u8 #536870911", "GET u8 #536870912",
    "GET u8 #4611686018427387904", "GET u8 9223372036854775807", "SET u8 0", "SET u8 0 x",
    "SET u8 0 9223372036854775808", "SET u64 0 x", "SET u8 x x", "SET u8 99999999999 1", "INCRBY u8 0",
    "INCRBY u8 0 1.5", "INCRBY u8 x 1", "OVERFLOW", "OVERFLOW X", "OVERFLOW WRAP", "OVERFLOW WRAP GET u8 0",
    "OVERFLOW SAT OVERFLOW FAIL SET u4 0 16", "GET u8 0 OVERFLOW", "GET u8 0 OVERFLOW X", "BAD u8 0", "GET u8 0 BAD",
    "SET u8 0 1 BAD", "get u8 0 set i5 3 2 incrby u2 1 1", "SET u8 0 1 GET u99 0"])
def test_bitfield_arguments(diff: Differential, arguments):
    diff.compare("SET k foobar", *[f"{command} {key} {arguments}" for command in ("BITFIELD", "BITFIELD_RO")
                                   for key in ("k", "none")], "STRLEN k")
