"""The hash type inside one process: every edit against a dict, with the engine's own invariants checked.

Lengths sit around what decides how a hash is kept: heads of packed elements, 127 fields (the count then takes three
bytes), 1024 bytes in a record, elements over 512 bytes outside of a table's nodes.
"""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import wstore
from tests.strategies import INT_EDGES, noise

PACKED_MAX = 1024       # larger hashes are tables
HEAD_MAX = 3            # of a packed hash
LENGTHS = [0, 1, 20, 126, 127, 128, 300, 511, 512, 513, 900, 70_000]

texts = st.one_of(st.sampled_from(LENGTHS).map(lambda n: noise(n, n)), st.sampled_from(INT_EDGES).map(b"%d".__mod__),
                  st.integers(0, 200).map(b"%d".__mod__), st.binary(max_size=5))


@pytest.fixture
def store() -> Iterator[wstore.Store]:
    store = wstore.Store()
    yield store
    store.validate()


def flat(pairs: dict[bytes, bytes]) -> list[bytes]:
    return [word for pair in pairs.items() for word in pair]


class HashEdits(RuleBasedStateMachine):
    """Two hashes in a store against two dicts."""

    names = st.sampled_from(["a", "b"])

    def __init__(self):
        super().__init__()
        self.store = wstore.Store()
        self.model: dict[str, dict[bytes, bytes]] = {"a": {}, "b": {}}

    @rule(name=names, pairs=st.dictionaries(texts, texts, min_size=1, max_size=6))
    def hset(self, name, pairs):
        added = len(pairs.keys() - self.model[name].keys())
        assert self.store.execute("HSET", name, *flat(pairs)) == added
        self.model[name].update(pairs)

    @rule(name=names, start=st.integers(-300, 300), count=st.integers(1, 200), size=st.sampled_from([0, 1, 6]))
    def hset_many(self, name, start, count, size):
        pairs = {b"%d" % i: b"v" * size for i in range(start, start + count)}
        self.store.execute("HSET", name, *flat(pairs))
        self.model[name].update(pairs)

    @rule(name=names, fields=st.lists(texts, min_size=1, max_size=6))
    def hdel(self, name, fields):
        gone = {field for field in fields if self.model[name].pop(field, None) is not None}
        assert self.store.execute("HDEL", name, *fields) == len(gone)

    @rule(name=names, part=st.integers(1, 4))
    def hdel_a_part(self, name, part):
        fields = list(self.model[name])[::part]
        if fields:
            assert self.store.execute("HDEL", name, *fields) == len(fields)
            for field in fields:
                del self.model[name][field]

    @rule(name=names, field=texts, by=st.sampled_from(INT_EDGES).filter(lambda n: abs(n) < 1 << 40))
    def hincrby(self, name, field, by):
        old = self.model[name].get(field, b"0")
        if old == b"%d" % int(old if old.lstrip(b"-").isdigit() else b"1") and abs(int(old) + by) < 1 << 63:
            assert self.store.execute("HINCRBY", name, field, by) == int(old) + by
            self.model[name][field] = b"%d" % (int(old) + by)

    @rule(source=names, result=names)
    def copy(self, source, result):
        if source != result and self.model[source]:
            assert self.store.execute("COPY", source, result, "REPLACE") == 1
            self.model[result] = dict(self.model[source])

    @rule(name=names)
    def dump_and_restore(self, name):
        payload = self.store.execute("DUMP", name)
        assert (payload is None) == (not self.model[name])
        if payload is not None:
            assert self.store.execute("RESTORE", name, 0, payload, "REPLACE") == "OK"

    @rule(name=names)
    def delete(self, name):
        assert self.store.execute("DEL", name) == bool(self.model[name])
        self.model[name] = {}

    @invariant()
    def same_hashes(self):
        for name, model in self.model.items():
            assert self.store.execute("HGETALL", name) == model
            assert self.store.execute("HLEN", name) == len(model)
            fields = list(model)[:20]
            if fields:
                assert self.store.execute("HMGET", name, *fields) == [model[field] for field in fields]

    @invariant()
    def structures_hold(self):
        assert self.store.validate() is None


test_hash_edits = HashEdits.TestCase
test_hash_edits.settings = settings(max_examples=60, stateful_step_count=30)


@given(st.lists(st.integers(-1 << 63, (1 << 63) - 1), min_size=1, max_size=20))
def test_every_integer_comes_back(numbers):
    with wstore.Store() as store:
        pairs = {b"%d" % n: b"%d" % -n for n in numbers}
        store.execute("HSET", "h", *flat(pairs))
        assert store.execute("HGETALL", "h") == pairs
        store.validate()


def packed_size(size: int) -> int:
    """Bytes of a packed text."""
    return size + (1 if size < 128 else 3)


@pytest.mark.parametrize("size", range(PACKED_MAX - 20, PACKED_MAX + 4))
def test_where_records_end(store, size):
    """A hash of one pair is packed up to PACKED_MAX bytes: beyond, it has memory outside of its record."""
    store.execute("HSET", "h", "f", noise(size, 1))
    packed = HEAD_MAX + packed_size(1) + packed_size(size) <= PACKED_MAX
    usage = store.execute("MEMORY", "USAGE", "h")
    assert (usage < PACKED_MAX * 17 // 16 + 40) == packed
    store.execute("HSET", "h", "f", "short")
    assert (store.execute("MEMORY", "USAGE", "h") < 40) == packed       # never packed again


@pytest.mark.parametrize("count", [125, 126, 127, 128, 129, 200, 270])
def test_counts_around_the_longer_header(store, count):
    """Pairs of two and four bytes, so that hundreds of them are packed."""
    for i in range(count):
        store.execute("HSET", "h", i, "") if i < 64 else store.execute("HSET", "h", bytes([65 + i // 64, i % 64]), 1)
        store.validate()
    assert store.execute("HLEN", "h") == count
    for i in range(64):
        assert store.execute("HDEL", "h", i) == 1
        store.validate()
    assert store.execute("HLEN", "h") == count - 64
    assert store.execute("MEMORY", "USAGE", "h") < PACKED_MAX


def test_four_short_fields_take_75_bytes(store):
    """The aim of the layout: a key of 14 bytes with four fields of two and values of four to eight bytes."""
    store.execute("HSET", "user:123456789", "f1", "abcd", "f2", "abcdef", "f3", "abcdefgh", "f4", "abcdefgh")
    assert store.execute("MEMORY", "USAGE", "user:123456789") <= 75


def test_a_big_hash_takes_36_bytes_a_field(store):
    count = 100_000
    for start in range(0, count, 1000):
        pairs = {b"field:%06d" % i: b"v%07d" % i for i in range(start, start + 1000)}
        store.execute("HSET", "h", *flat(pairs))
    assert store.execute("MEMORY", "USAGE", "h") <= 36 * count
