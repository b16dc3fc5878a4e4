"""The sorted set type inside one process: every edit against a dict, with the engine's own invariants checked.

Sizes sit around what decides how a set is kept: widths of scores, 127 items (the count then takes three bytes), 1024
bytes in a record, members over 200 bytes outside of a tree's leaves, leaves of 1 KB, inner nodes of 48 children.
"""
from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import wstore
from tests.strategies import INT_EDGES, noise

LENGTHS = [0, 1, 126, 127, 128, 196, 197, 198, 199, 200, 201, 900, 70_000]
SCORE_EDGES = [0.0, 127.0, 128.0, 16383.0, 16384.0, 2097151.0, 2097152.0, 268435455.0, 268435456.0, -1.0, -2.0**31,
               2.0**31, 2.0**47, -2.0**47, 2.0**53, 0.5, 0.1, 1e300, -1e-300, math.inf, -math.inf, 5e-324, 3.5e38]

texts = st.one_of(st.sampled_from(LENGTHS).map(lambda n: noise(n, n)), st.sampled_from(INT_EDGES).map(b"%d".__mod__),
                  st.integers(0, 200).map(b"%d".__mod__), st.binary(max_size=5))
scores = st.one_of(st.sampled_from(SCORE_EDGES), st.integers(-3, 3).map(float), st.floats(allow_nan=False, width=32),
                   st.floats(allow_nan=False)).map(lambda score: score + 0.0)


@pytest.fixture
def store() -> Iterator[wstore.Store]:
    store = wstore.Store()
    yield store
    store.validate()


def sorted_items(model: dict[bytes, float]) -> list[tuple[float, bytes]]:
    return sorted((score, member) for member, score in model.items())


def pairs_of(model: dict[bytes, float]) -> list[object]:
    return [word for member, score in model.items() for word in (repr(score), member)]


def stored_items(store: wstore.Store, name: str) -> list[tuple[float, bytes]]:
    return [(float(score), member) for member, score in store.execute("ZRANGE", name, 0, -1, "WITHSCORES")]


class SortedSetEdits(RuleBasedStateMachine):
    """Two sorted sets in a store against two dicts."""

    names = st.sampled_from(["a", "b"])

    def __init__(self):
        super().__init__()
        self.store = wstore.Store()
        self.model: dict[str, dict[bytes, float]] = {"a": {}, "b": {}}

    @rule(name=names, items=st.dictionaries(texts, scores, min_size=1, max_size=8))
    def zadd(self, name, items):
        added = len(items.keys() - self.model[name].keys())
        assert self.store.execute("ZADD", name, *pairs_of(items)) == added
        self.model[name].update(items)

    @rule(name=names, start=st.integers(-50, 3000), count=st.integers(1, 700),
          spread=st.sampled_from([1, 3, 1000, 10**9]),
          form=st.sampled_from([b"%d", b"m%06d", b"a rather long member with the number %09d"]), seed=st.integers(0, 9))
    def zadd_many(self, name, start, count, spread, form, seed):
        drawn = random.Random(seed)
        items = {form % i: float(drawn.randrange(spread)) for i in range(start, start + count)}
        self.store.execute("ZADD", name, *pairs_of(items))
        self.model[name].update(items)

    @rule(name=names, members=st.lists(texts, min_size=1, max_size=6))
    def zrem(self, name, members):
        gone = {member for member in members if self.model[name].pop(member, None) is not None}
        assert self.store.execute("ZREM", name, *members) == len(gone)

    @rule(name=names, part=st.integers(1, 9), seed=st.integers(0, 9))
    def zrem_a_part(self, name, part, seed):
        members = list(self.model[name])
        random.Random(seed).shuffle(members)
        members = members[::part]
        if members:
            assert self.store.execute("ZREM", name, *members) == len(members)
            for member in members:
                del self.model[name][member]

    @rule(name=names, low=st.floats(0, 1), high=st.floats(0, 1))
    def zremrangebyrank(self, name, low, high):
        items = sorted_items(self.model[name])
        start, stop = sorted((int(low * len(items)), int(high * len(items))))
        gone = items[start:stop + 1]
        assert self.store.execute("ZREMRANGEBYRANK", name, start, stop) == len(gone)
        for _, member in gone:
            del self.model[name][member]

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

    @rule(name=names, seed=st.integers(0, 99))
    def ranks_and_scores(self, name, seed):
        items = sorted_items(self.model[name])
        for rank in random.Random(seed).choices(range(len(items)), k=20 if items else 0):
            score, member = items[rank]
            assert self.store.execute("ZRANK", name, member) == rank
            assert self.store.execute("ZREVRANK", name, member) == len(items) - 1 - rank
            assert float(self.store.execute("ZSCORE", name, member)) == score
            assert self.store.execute("ZRANGE", name, rank, rank) == [member]
            assert self.store.execute("ZCOUNT", name, "-inf", b"(%r" % score) == sum(s < score for s, _ in items)

    @invariant()
    def same_sets(self):
        for name, model in self.model.items():
            items = sorted_items(model)
            assert stored_items(self.store, name) == items
            assert self.store.execute("ZREVRANGE", name, 0, -1) == [member for _, member in reversed(items)]
            assert self.store.execute("ZCARD", name) == len(model)

    @invariant()
    def structures_hold(self):
        assert self.store.validate() is None


test_sorted_set_edits = SortedSetEdits.TestCase
test_sorted_set_edits.settings = settings(max_examples=40, stateful_step_count=25)


@given(st.lists(scores, min_size=1, max_size=40))
def test_every_score_comes_back(drawn):
    with wstore.Store() as store:
        model = {b"%d" % i: score for i, score in enumerate(drawn)}
        store.execute("ZADD", "z", *pairs_of(model))
        assert [(score.hex(), member) for score, member in stored_items(store, "z")] == \
            [(score.hex(), member) for score, member in sorted_items(model)]


def fill(store: wstore.Store, items: list[tuple[float, bytes]]) -> None:
    for start in range(0, len(items), 1000):
        store.execute("ZADD", "z", *[word for item in items[start:start + 1000] for word in item])


@pytest.mark.parametrize("order", ["random", "rising", "falling", "equal"])
def test_density(store, order):
    """Members of 12 bytes take some 30 bytes in all, whatever the order in which they came."""
    drawn = random.Random(3)
    count = 60_000
    numbers = {"random": [drawn.randrange(10**6) for _ in range(count)], "rising": list(range(count)),
               "falling": list(range(count, 0, -1)), "equal": [7] * count}[order]
    items = [(number, b"member%06d" % i) for i, number in enumerate(numbers)]
    fill(store, items)
    assert store.execute("MEMORY", "USAGE", "z") < 36 * count
    store.validate()


def test_memory_comes_back(store):
    """A set that shrinks gives memory back step by step, and all of it when it is removed."""
    drawn = random.Random(4)
    items = [(drawn.random(), b"member%06d" % i + b"x" * (300 * (i % 50 == 0))) for i in range(30_000)]
    fill(store, items)
    full = store.execute("MEMORY", "USAGE", "z")
    drawn.shuffle(items)
    for start in range(0, 29_000, 1000):
        store.execute("ZREM", "z", *[member for _, member in items[start:start + 1000]])
    assert store.execute("MEMORY", "USAGE", "z") < full / 8
    assert stored_items(store, "z") == sorted(items[29_000:])
    store.validate()
    store.execute("ZREMRANGEBYRANK", "z", 0, -1)
    fill(store, items)
    before = store.memory()["malloc"]
    store.execute("UNLINK", "z")
    deadline = time.monotonic() + 10
    while store.memory()["malloc"] > before - full * 0.8 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert store.memory()["malloc"] <= before - full * 0.8


def scan(store: wstore.Store, count: int) -> Iterator[list[bytes]]:
    cursor = b"0"
    while True:
        cursor, page = store.execute("ZSCAN", "z", cursor, "COUNT", count)
        yield [member for member, _ in page] if page and not isinstance(page[0], bytes) else page[::2]
        if cursor == b"0":
            return


@pytest.mark.parametrize("change", ["grow", "shrink", "move"])
def test_scans_miss_nobody(store, change):
    """Members that are there throughout are seen, while the set doubles or shrinks, or they change their scores."""
    drawn = random.Random(5)
    stay = {b"stay%05d" % i for i in range(3000)}
    leave = [b"leave%05d" % i for i in range(9000 if change == "shrink" else 0)]
    fill(store, [(drawn.random(), member) for member in [*stay, *leave]])
    seen: set[bytes] = set()
    for n, page in enumerate(scan(store, 20)):
        seen.update(page)
        if change == "grow":
            store.execute("ZADD", "z", *[word for i in range(40) for word in (drawn.random(), f"new{n}:{i}")])
        elif change == "move":
            store.execute("ZADD", "z", *[word for member in drawn.sample(sorted(stay), 40)
                                         for word in (drawn.random(), member)])
        elif leave:
            gone, leave = leave[:200], leave[200:]
            store.execute("ZREM", "z", *gone)
    assert seen >= stay
    store.validate()


def test_scan_of_a_set_at_rest_sees_each_member_once(store):
    members = [b"%d" % i for i in range(5000)]
    fill(store, [(1, member) for member in members])
    seen = [member for page in scan(store, 7) for member in page]
    assert sorted(seen) == sorted(members)
