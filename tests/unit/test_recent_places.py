"""The embedded store's remembered places: typed calls agree with a dict whatever moves, frees or empties in between."""
from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wstore import Store

NAMES = [b"key:%d" % i for i in range(40)]
VALUES = [b"12345678", b"87654321", b"short", b"12", b"70000", b"x" * 100, b"y" * 100, b"z" * 1025, b"z" * 3000]
names = st.sampled_from(NAMES)
values = st.sampled_from(VALUES)
steps = st.one_of(
    st.tuples(st.just("get"), names), st.tuples(st.just("set"), names, values), st.tuples(st.just("delete"), names),
    st.tuples(st.just("rename"), names, names), st.tuples(st.just("append"), names),
    st.tuples(st.just("expire"), names), st.tuples(st.just("select"), st.integers(0, 1)),
    st.sampled_from([("flush",), ("swap",), ("tick",)]))


class Model:
    """Two databases as dicts, changed along with a store."""

    def __init__(self, store: Store):
        self.store = store
        self.data: list[dict[bytes, bytes]] = [{}, {}]
        self.db = 0

    @property
    def here(self) -> dict[bytes, bytes]:
        return self.data[self.db]

    def get(self, name):
        assert self.store.get(name) == self.here.get(name) == self.store.get(name.decode())

    def set(self, name, value):
        self.store.set(name, value)
        self.here[name] = value

    def delete(self, name):
        assert self.store.delete(name) == (self.here.pop(name, None) is not None)

    def rename(self, name, to):
        if name in self.here:
            self.store.execute("RENAME", name, to)
            self.here[to] = self.here.pop(name)

    def append(self, name):
        self.store.execute("APPEND", name, b"-more")
        self.here[name] = self.here.get(name, b"") + b"-more"

    def expire(self, name):
        self.store.execute("PEXPIREAT", name, 1)
        self.here.pop(name, None)

    def select(self, index):
        self.store.select(index)
        self.db = index

    def flush(self):
        self.store.execute("FLUSHDB")
        self.here.clear()

    def swap(self):
        self.store.execute("SWAPDB", 0, 1)
        self.data.reverse()

    def tick(self):
        self.store.tick(int(time.time() * 1000))


@settings(max_examples=200)
@given(st.lists(steps, max_size=60))
def test_typed_calls_agree_with_a_dict(story):
    with Store() as store:
        model = Model(store)
        for word, *args in story:
            getattr(model, word)(*args)
            for name in NAMES[:8]:
                assert store.get(name) == model.here.get(name)
                assert (name in store) == (name in model.here)
        assert store.mget(NAMES) == [model.here.get(name) for name in NAMES]
        store.validate()


def test_records_that_evacuation_moved_are_found():
    """Pages run empty under a random half that goes; what is left is moved, and read at its new place."""
    rng = random.Random(5)
    with Store() as store:
        data = {b"key:%06d" % i: b"value-%07d" % i for i in range(60_000)}
        for name, value in data.items():
            store.set(name, value)
        for name in rng.sample(sorted(data), 50_000):
            assert store.get(name) == data.pop(name)
            store.delete(name)
        while store.tick(int(time.time() * 1000)):
            for name in rng.sample(sorted(data), 200):
                assert store.get(name) == data[name]
        assert store.stats()["moved_cells"] > 0
        for name, value in data.items():
            assert store.get(name) == value


def test_a_key_with_a_ttl_is_not_remembered():
    with Store() as store:
        store.set("k", "12345678")
        assert store.get("k") == b"12345678"
        store.execute("PEXPIRE", "k", 30)
        assert store.get("k") == b"12345678"
        time.sleep(0.05)
        assert store.get("k") is None and "k" not in store


@pytest.mark.parametrize("kind", [b"k", "k"])
def test_overwriting_in_place_keeps_the_ttl_rules(kind):
    with Store() as store:
        store.set(kind, "11111111")
        store.set(kind, "22222222", ex=100)
        store.set(kind, "33333333")
        assert store.ttl(kind) == -1 and store.get(kind) == b"33333333"


def test_remembered_places_refresh_access_bits():
    """A key that is read every minute stays at idle time 0, another one ages."""
    with Store() as store:
        store.set("read", "1")
        store.set("left", "1")
        now_ms = int(time.time() * 1000)
        for minute in range(1, 31):
            store.tick(now_ms + minute * 61_000)
            assert store.get("read") == b"1"
        assert store.execute("OBJECT", "IDLETIME", "read") == 0
        assert store.execute("OBJECT", "IDLETIME", "left") > 0


def test_a_store_outgrows_the_places_and_shrinks_again():
    with Store() as store:
        names = [b"key:%06d" % i for i in range(250_000)]
        for name in names:
            store.set(name, name[4:])
        for name in names[::7]:
            store.set(name, b"w" + name[5:])
            assert store.get(name) == b"w" + name[5:]
        store.delete(*names[1::2])
        for _ in range(2):
            for name in names[::7]:
                assert store.get(name) == (b"w" + name[5:] if int(name[4:]) % 2 == 0 else None)
        assert all(store.get(name) == name[4:] for name in names[2::14])


def test_first_database_swapped_for_one_never_used():
    with Store() as store:
        store.set("k", "1")
        store.execute("SWAPDB", 0, 5)
        assert store.get("k") is None
        store.set("k", "2")
        assert store.get("k") == b"2"
        store.execute("SWAPDB", 0, 5)
        assert store.get("k") == b"1"
