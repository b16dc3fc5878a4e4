"""Hypothesis strategies for keys, values, times and whole commands.

Keys are few, so that commands meet on the same ones; values sit at the edges where an encoding changes: integer
widths, the 44 bytes that Redis embeds, the 1024 bytes that wstore keeps in a record, compressible and not.
TTLs are either over at once or so long that no run sees them end, so that two runs agree.
"""
from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Words = tuple[bytes, ...]

KEYS = [b"a", b"b", b"key:1", b"{tag}x", b"{tag}y", b"{}z", b"u{a}{b}", b"", b"\x00\xff\r\n", b"k" * 254, b"k" * 255,
        b"long" * 75]
INT_EDGES = sorted({sign * (1 << bits) + step for bits in (0, 7, 8, 15, 16, 31, 32, 53, 62, 63, 64)
                    for sign in (1, -1) for step in (-1, 0, 1)} | {0, 9, 10, 99, 100, 9999, 10000})
ODD_NUMBERS = [b"-0", b"+1", b"01", b" 1", b"1 ", b"1.0", b"1e3", b"0x10", b"", b"-", b"inf", b"-inf", b"nan", b"1.",
               b".5", b"3.0e-5", b"1e400", b"9223372036854775807.5", b"0.1", b"1_0"]
EDGE_SIZES = [*range(40, 51), 255, 256, 257, 1022, 1023, 1024, 1025, 1026, 4095, 4096, 20000]
LONG_TTL_S = st.integers(1_000, 2_000_000)
PAST_TTL_S = st.sampled_from([0, -1, -1000])
BITFIELD_TYPES = [b"u1", b"u4", b"u7", b"u8", b"u16", b"u31", b"u32", b"u63", b"i1", b"i4", b"i8", b"i16", b"i33",
                  b"i64", b"u64", b"i0", b"x8"]


def number(n: float) -> bytes:
    return str(n).encode()


def noise(size: int, seed: int) -> bytes:
    """`size` bytes that do not compress."""
    out, block = b"", struct.pack("<Q", seed)
    while len(out) < size:
        block = struct.pack("<II", zlib.crc32(block), zlib.adler32(block + b"x") ^ zlib.crc32(block + b"y"))
        out += block
    return out[:size]


keys: SearchStrategy[bytes] = st.sampled_from(KEYS)
any_key: SearchStrategy[bytes] = st.one_of(keys, st.binary(max_size=400))
ints: SearchStrategy[bytes] = st.one_of(st.sampled_from(INT_EDGES), st.integers(-1000, 1000)).map(number)
numbers: SearchStrategy[bytes] = st.one_of(ints, st.sampled_from(ODD_NUMBERS))
floats: SearchStrategy[bytes] = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(number),
    st.decimals(-1000, 1000, places=3).map(lambda d: str(d).encode()), st.sampled_from(ODD_NUMBERS))
edge_texts = st.sampled_from(EDGE_SIZES).map(lambda n: b"v" * n)
noises = st.tuples(st.sampled_from(EDGE_SIZES), st.integers(0, 99)).map(lambda t: noise(*t))
compressible = st.tuples(st.binary(min_size=1, max_size=40), st.integers(2, 60)).map(lambda t: t[0] * t[1])
short_texts = st.text("ab01", max_size=12).map(str.encode)
small_values: SearchStrategy[bytes] = st.one_of(ints, st.binary(max_size=45), short_texts)
values: SearchStrategy[bytes] = st.one_of(small_values, numbers, floats, edge_texts, noises, compressible)
offsets = st.one_of(st.integers(-40, 60), st.sampled_from([255, 1023, 1024, 5000, -5000]))


def words(*parts: object) -> SearchStrategy[Words]:
    """A command from constants and strategies; a strategy may give bytes, an int or a tuple of words."""
    def flat(drawn: Sequence[object]) -> Words:
        out: list[bytes] = []
        for part in drawn:
            if isinstance(part, tuple):
                out += part
            else:
                out.append(part if isinstance(part, bytes) else number(part))
        return tuple(out)
    return st.tuples(*(p if isinstance(p, SearchStrategy) else st.just(p) for p in parts)).map(flat)


def maybe(strategy: SearchStrategy[Words]) -> SearchStrategy[Words]:
    return st.one_of(st.just(()), strategy)


def options(*choices: bytes) -> SearchStrategy[Words]:
    """None, one or two of these words, right or not together."""
    return st.lists(st.sampled_from(choices), max_size=2).map(tuple)


far_future_s = st.integers(2_000_000_000, 3_000_000_000)
set_expiry = st.one_of(words(b"EX", LONG_TTL_S), words(b"PX", LONG_TTL_S.map(lambda s: s * 1000)),
                       words(b"EXAT", far_future_s), words(b"PXAT", far_future_s.map(lambda s: s * 1000)),
                       words(b"EX", PAST_TTL_S), st.just((b"KEEPTTL",)), words(b"EXAT", st.just(1)))
ttl_rules = options(b"NX", b"XX", b"GT", b"LT")
many_keys = st.lists(keys, min_size=1, max_size=4).map(tuple)
many_pairs = st.lists(st.tuples(keys, values), min_size=1, max_size=4).map(lambda pairs: sum(pairs, ()))
bit = st.sampled_from([b"0", b"1", b"2"])
bit_offset = st.one_of(st.integers(0, 400), st.sampled_from([-1, 8191, 8192, 40000, 1 << 32]))
unit = options(b"BYTE", b"BIT")
bitfield_op = st.one_of(
    words(b"GET", st.sampled_from(BITFIELD_TYPES), bit_offset),
    words(b"SET", st.sampled_from(BITFIELD_TYPES), st.one_of(bit_offset, st.sampled_from([b"#1", b"#9"])), ints),
    words(b"INCRBY", st.sampled_from(BITFIELD_TYPES), st.integers(0, 200), ints),
    words(b"OVERFLOW", st.sampled_from([b"WRAP", b"SAT", b"FAIL", b"NO"])))

string_commands = st.one_of(
    words(b"SET", keys, values),
    words(b"SET", keys, values, options(b"NX", b"XX", b"GET", b"KEEPTTL"), maybe(set_expiry)),
    words(b"GET", keys), words(b"GETDEL", keys), words(b"GETSET", keys, values), words(b"STRLEN", keys),
    words(b"GETEX", keys, st.one_of(maybe(set_expiry), st.just((b"PERSIST",)))),
    words(b"SETEX", keys, st.one_of(LONG_TTL_S, PAST_TTL_S), values), words(b"SETNX", keys, values),
    words(b"PSETEX", keys, LONG_TTL_S.map(lambda s: s * 1000), values),
    words(b"APPEND", keys, values), words(b"SETRANGE", keys, offsets, small_values),
    words(b"GETRANGE", keys, offsets, offsets), words(b"SUBSTR", keys, offsets, offsets),
    words(b"INCR", keys), words(b"DECR", keys), words(b"INCRBY", keys, numbers), words(b"DECRBY", keys, numbers),
    words(b"INCRBYFLOAT", keys, floats), words(b"MGET", many_keys), words(b"MSET", many_pairs),
    words(b"MSETNX", many_pairs),
    words(b"LCS", keys, keys, options(b"LEN", b"IDX", b"WITHMATCHLEN")))

bitmap_commands = st.one_of(
    words(b"SETBIT", keys, st.one_of(st.integers(0, 400), st.sampled_from([-1, 8191, 8192, 1 << 32])), bit),
    words(b"GETBIT", keys, bit_offset),
    words(b"BITCOUNT", keys, maybe(words(offsets, offsets, unit))),
    words(b"BITPOS", keys, bit, maybe(words(offsets, maybe(words(offsets, unit))))),
    words(b"BITOP", st.sampled_from([b"AND", b"OR", b"XOR", b"NOT", b"X"]), keys, many_keys),
    words(b"BITFIELD", keys, st.lists(bitfield_op, max_size=3).map(lambda ops: sum(ops, ()))),
    words(b"BITFIELD_RO", keys, st.lists(bitfield_op, max_size=2).map(lambda ops: sum(ops, ()))))

generic_commands = st.one_of(
    words(b"DEL", many_keys), words(b"UNLINK", many_keys), words(b"EXISTS", many_keys), words(b"TOUCH", many_keys),
    words(b"EXPIRE", keys, st.one_of(LONG_TTL_S, PAST_TTL_S), ttl_rules),
    words(b"PEXPIRE", keys, LONG_TTL_S.map(lambda s: s * 1000), ttl_rules),
    words(b"EXPIREAT", keys, st.one_of(far_future_s, PAST_TTL_S), ttl_rules),
    words(b"PEXPIREAT", keys, far_future_s.map(lambda s: s * 1000 + 1), ttl_rules),
    words(b"EXPIRE", keys, numbers), words(b"PERSIST", keys), words(b"TTL", keys), words(b"PTTL", keys),
    words(b"EXPIRETIME", keys), words(b"PEXPIRETIME", keys), words(b"TYPE", keys),
    words(b"RENAME", keys, keys), words(b"RENAMENX", keys, keys),
    words(b"COPY", keys, keys, options(b"REPLACE"), maybe(words(b"DB", st.integers(0, 2)))),
    words(b"MOVE", keys, st.integers(-1, 2)), words(b"OBJECT", b"ENCODING", keys), words(b"OBJECT", b"REFCOUNT", keys),
    words(b"KEYS", st.sampled_from([b"*", b"a*", b"?", b"[ab]", b"{tag}*", b"[^a]*", b"\\a"])),
    words(b"SCAN", b"0", b"COUNT", b"1000", maybe(words(b"MATCH", st.sampled_from([b"*", b"k*", b"{tag}?"])))),
    words(b"SELECT", st.integers(0, 2)))        # no DBSIZE: it counts expired keys until somebody looks

rare_commands = st.one_of(words(b"FLUSHDB"), words(b"FLUSHALL", options(b"SYNC", b"ASYNC")),
                          words(b"SWAPDB", st.integers(0, 2), st.integers(0, 2)))
commands: SearchStrategy[Words] = st.one_of(string_commands, generic_commands, bitmap_commands, string_commands,
                                            generic_commands, rare_commands)
