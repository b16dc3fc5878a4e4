"""The string type inside one process: every edit against a bytearray, with the engine's own invariants checked.

Sizes sit around what decides how a string is kept: integers of each width, 1024 bytes in a record, blobs beyond.
"""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import wstore
from tests.strategies import EDGE_SIZES, INT_EDGES, noise, values

EMBED_MAX = 1024        # longer strings are blobs, outside the records
BLOB_HEADER = 24
GROWTH_MAX = 1 << 20

offsets = st.one_of(st.integers(0, 60), st.sampled_from([1000, 1023, 1024, 1025, 5000]))


@pytest.fixture
def store() -> Iterator[wstore.Store]:
    store = wstore.Store()
    yield store
    store.validate()


def blobs(store: wstore.Store) -> int:
    return store.memory()["blobs"]


class StringEdits(RuleBasedStateMachine):
    """Two strings in a store against two bytearrays."""

    names = st.sampled_from(["a", "b"])

    def __init__(self):
        super().__init__()
        self.store = wstore.Store()
        self.model: dict[str, bytes] = {}

    @rule(name=names, value=values)
    def set(self, name, value):
        self.store.execute("SET", name, value)
        self.model[name] = value

    @rule(name=names, piece=values)
    def append(self, name, piece):
        self.model[name] = self.model.get(name, b"") + piece
        assert self.store.execute("APPEND", name, piece) == len(self.model[name])

    @rule(name=names, offset=offsets, piece=values.filter(len))
    def setrange(self, name, offset, piece):
        old = self.model.get(name, b"").ljust(offset, b"\0")
        self.model[name] = old[:offset] + piece + old[offset + len(piece):]
        assert self.store.execute("SETRANGE", name, offset, piece) == len(self.model[name])

    @rule(name=names, offset=offsets, bit=st.integers(0, 1))
    def setbit(self, name, offset, bit):
        data = bytearray(self.model.get(name, b"").ljust(offset // 8 + 1, b"\0"))
        mask = 0x80 >> offset % 8
        assert self.store.execute("SETBIT", name, offset, bit) == (data[offset // 8] & mask != 0)
        data[offset // 8] = data[offset // 8] & ~mask | mask * bit
        self.model[name] = bytes(data)

    @rule(name=names, offset=st.integers(0, 100), number=st.integers(0, 65535))
    def bitfield(self, name, offset, number):
        data = self.model.get(name, b"").ljust((offset + 15) // 8 + 1, b"\0")
        bits = int.from_bytes(data, "big")
        shift = len(data) * 8 - offset - 16
        assert self.store.execute("BITFIELD", name, "SET", "u16", offset, number) == [bits >> shift & 0xFFFF]
        self.model[name] = (bits & ~(0xFFFF << shift) | number << shift).to_bytes(len(data), "big")

    @rule(result=names, source=names)
    def invert(self, result, source):
        data = bytes(255 - byte for byte in self.model.get(source, b""))
        assert self.store.execute("BITOP", "NOT", result, source) == len(data)
        self.model[result] = data
        if not data:
            del self.model[result]

    @rule(source=names, result=names)
    def copy(self, source, result):
        done = self.store.execute("COPY", source, result, "REPLACE") if source != result else 0
        assert done == (source != result and source in self.model)
        if done:
            self.model[result] = self.model[source]

    @rule(source=names)
    def dump_and_restore(self, source):
        payload = self.store.execute("DUMP", source)
        assert (payload is None) == (source not in self.model)
        if payload is not None:
            self.store.execute("RESTORE", source, 0, payload, "REPLACE")

    @rule(name=names)
    def delete(self, name):
        assert self.store.execute("DEL", name) == (self.model.pop(name, None) is not None)

    @invariant()
    def same_strings(self):
        assert [self.store.get(name) for name in "ab"] == [self.model.get(name) for name in "ab"]

    @invariant()
    def structures_hold(self):
        self.store.validate()
        least = sum(len(value) for value in self.model.values() if len(value) > EMBED_MAX)
        assert least <= blobs(self.store) <= 3 * least + 2 * BLOB_HEADER

    def teardown(self):
        self.store.flushall()
        assert blobs(self.store) == 0


test_string_edits = StringEdits.TestCase
test_string_edits.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.parametrize("size", EDGE_SIZES)
def test_blobs_begin_where_records_end(store, size):
    store.execute("SET", "k", noise(size, 1))
    assert blobs(store) == (size + BLOB_HEADER if size > EMBED_MAX else 0)
    store.execute("SET", "k", "short")
    assert blobs(store) == 0


def test_appending_is_amortised(store):
    """A growing string moves a few times, not at every step; past a megabyte it reserves no more than that."""
    sizes = set()
    for _ in range(3000):
        store.execute("APPEND", "k", b"x" * 1000)
        sizes.add(blobs(store))
    assert len(sizes) < 20
    assert store.strlen("k") == 3_000_000
    assert 3_000_000 <= blobs(store) <= 3_000_000 + GROWTH_MAX + 2000


@pytest.mark.parametrize("n", [n for n in INT_EDGES if -(1 << 63) <= n < 1 << 63])
def test_a_counter_stays_in_its_record(store, n):
    """Counting across the edge of a width and back keeps value and TTL."""
    store.execute("SET", "k", n, "EX", 1000)
    down = n > -(1 << 63)
    assert store.incr("k", -1 if down else 1) == (n - 1 if down else n + 1)
    assert store.incr("k", 1 if down else -1) == n
    assert store.execute("OBJECT", "ENCODING", "k") == b"int"
    assert 990 < store.ttl("k") <= 1000
    assert store.get("k") == b"%d" % n


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 63), (1 << 63) - 1))
def test_sums_are_exact_or_refused(n, by):
    store = wstore.Store()
    store.set("k", n)
    if -(1 << 63) <= n + by < 1 << 63:
        assert store.incr("k", by) == n + by
    else:
        with pytest.raises(wstore.ReplyError, match="would overflow"):
            store.incr("k", by)
        assert store.get("k") == b"%d" % n


@given(values)
def test_dumps_read_back(value):
    """Whatever encoding a dump takes (integer, compressed, plain), the string it gives back is the same."""
    store = wstore.Store()
    store.set("k", value)
    store.execute("RESTORE", "copy", 0, store.execute("DUMP", "k"))
    assert store.get("copy") == value
    store.validate()


def test_dumps_are_small():
    """Integers take one to five bytes, repetition is compressed; all payloads end in ten bytes of version and CRC."""
    store = wstore.Store()
    for value, size in ((b"1", 2), (b"-300", 3), (b"70000", 5), (b"2147483648", 11), (b"abc", 4)):
        store.set("k", value)
        assert len(store.execute("DUMP", "k")) == 1 + size + 10
    store.set("k", b"ab" * 5000)
    assert len(store.execute("DUMP", "k")) < 300
