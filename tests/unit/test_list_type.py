"""The list type inside one process: every edit against a Python list, with the structure validated after each step.

Node sizes and compression depths change on the way, so that nodes of every form meet: tiny and full, compressed and
not, with one element longer than a node.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import wstore
from tests.strategies import INT_EDGES, noise
from wstore.engine._engine import alloc_used_bytes

PACKED_MAX = 1024       # bytes of the largest list that lies in a record
FREED_AT_ONCE = 64      # nodes; more are freed in the background

texts = st.one_of(
    st.sampled_from([b"a", b"b", b"", b"x" * 30, b"y" * 126, b"y" * 127, b"z" * 300]),
    st.sampled_from(INT_EDGES).map(lambda n: b"%d" % n),
    st.tuples(st.sampled_from([500, 1020, 4000, 4090, 8190, 9000, 17_000, 66_000]), st.integers(0, 3)).map(
        lambda t: noise(*t)))
batches = st.one_of(st.lists(texts, min_size=1, max_size=4),
                    st.integers(5, 120).map(lambda n: [b"element-%05d" % i for i in range(n)]))
places = st.floats(0, 1)


@pytest.fixture
def store() -> Iterator[wstore.Store]:
    store = wstore.Store()
    yield store
    store.validate()


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class ListEdits(RuleBasedStateMachine):
    """One list in a store against a Python list."""

    def __init__(self):
        super().__init__()
        self.store = wstore.Store()
        self.model: list[bytes] = []

    def run(self, *args):
        return self.store.execute(*args)

    def at(self, place: float) -> int:
        return min(int(place * len(self.model)), len(self.model) - 1)

    @rule(size=st.sampled_from([1, 2, 3, 7, 40, -1, -2, -5]), depth=st.sampled_from([0, 1, 1, 2, 5]))
    def reshape(self, size, depth):
        self.run("CONFIG", "SET", "list-max-listpack-size", size, "list-compress-depth", depth)

    @rule(items=batches, head=st.booleans())
    def push(self, items, head):
        assert self.run("LPUSH" if head else "RPUSH", "l", *items) == len(self.model) + len(items)
        self.model = items[::-1] + self.model if head else self.model + items

    @rule(count=st.one_of(st.integers(1, 3), st.integers(1, 400)), head=st.booleans())
    def pop(self, count, head):
        out = self.model[:count] if head else self.model[::-1][:count]
        assert self.run("LPOP" if head else "RPOP", "l", count) == (out or None)
        self.model = self.model[count:] if head else self.model[:-count]

    @precondition(lambda self: self.model)
    @rule(place=places, item=texts, negative=st.booleans())
    def set(self, place, item, negative):
        at = self.at(place)
        self.run("LSET", "l", at - len(self.model) if negative else at, item)
        self.model[at] = item

    @precondition(lambda self: self.model)
    @rule(place=places, item=texts, after=st.booleans())
    def insert(self, place, item, after):
        pivot = self.model[self.at(place)]
        self.run("LINSERT", "l", "AFTER" if after else "BEFORE", pivot, item)
        self.model.insert(self.model.index(pivot) + after, item)

    @precondition(lambda self: self.model)
    @rule(place=places, count=st.sampled_from([0, 1, -1, 2, -2]))
    def remove(self, place, count):
        item = self.model[self.at(place)]
        hits = [i for i, other in enumerate(self.model) if other == item]
        hits = hits if count == 0 else hits[:count] if count > 0 else hits[count:]
        assert self.run("LREM", "l", count, item) == len(hits)
        self.model = [other for i, other in enumerate(self.model) if i not in set(hits)]

    @precondition(lambda self: self.model)
    @rule(low=places, high=places)
    def trim(self, low, high):
        start, end = sorted((self.at(low * 0.2), self.at(1 - high * 0.2)))
        self.run("LTRIM", "l", start, end)
        self.model = self.model[start:end + 1]

    @precondition(lambda self: self.model)
    @rule(head=st.booleans(), to_head=st.booleans())
    def rotate(self, head, to_head):
        item = self.model.pop(0 if head else -1)
        assert self.run("LMOVE", "l", "l", "LEFT" if head else "RIGHT", "LEFT" if to_head else "RIGHT") == item
        self.model.insert(0 if to_head else len(self.model), item)

    @precondition(lambda self: self.model)
    @rule(place=places, rank=st.sampled_from([1, -1, 2, -2]))
    def find(self, place, rank):
        item = self.model[self.at(place)]
        hits = [i for i, other in enumerate(self.model) if other == item]
        hits = hits[rank - 1:] if rank > 0 else hits[::-1][-rank - 1:]
        assert self.run("LPOS", "l", item, "RANK", rank, "COUNT", 0) == hits

    @precondition(lambda self: self.model)
    @rule()
    def copy(self):
        self.run("COPY", "l", "copy", "REPLACE")
        assert self.run("LRANGE", "copy", 0, -1) == self.model
        self.run("RESTORE", "l", 0, self.run("DUMP", "copy"), "REPLACE")

    @invariant()
    def agrees(self):
        self.store.validate()
        assert self.run("LRANGE", "l", 0, -1) == self.model
        for at in {0, len(self.model) // 3, len(self.model) // 2, len(self.model) - 1} if self.model else ():
            assert self.run("LINDEX", "l", at) == self.model[at]

    def teardown(self):
        self.store.close()


TestListEdits = ListEdits.TestCase
TestListEdits.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("head", [True, False])
def test_a_long_list_takes_little_more_than_its_elements(store, head):
    before = alloc_used_bytes()
    for i in range(0, 100_000, 100):
        store.execute("LPUSH" if head else "RPUSH", "l", *(b"element-%08d" % j for j in range(i, i + 100)))
    assert 18 * 100_000 < alloc_used_bytes() - before < 18.3 * 100_000
    assert store.execute("MEMORY", "USAGE", "l") < 18.3 * 100_000


def test_a_list_grows_out_of_its_record(store):
    usages = []
    for i in range(200):
        store.execute("RPUSH", "l", b"item-%05d" % i)
        usages.append(store.execute("MEMORY", "USAGE", "l") - 11 * i)
    last = (PACKED_MAX - 2) // 11                           # after that the elements lie outside
    assert max(usages[:last]) < 60 and min(usages[last:]) > 100
    assert max(usages[last:]) < PACKED_MAX
    store.execute("LTRIM", "l", 0, 1)
    assert store.execute("MEMORY", "USAGE", "l") < 500      # it stays big, but shrinks


@pytest.mark.parametrize("how", [("DEL", "l"), ("LTRIM", "l", 1, 0), ("LPOP", "l", 100_000), ("SET", "l", "x"),
                                 ("LREM", "l", 0, "e" * 100), ("FLUSHALL",)])
@pytest.mark.parametrize("count", [1000, FREED_AT_ONCE * 100])
def test_memory_is_given_back(store, how, count):
    before = alloc_used_bytes()
    store.execute("RPUSH", "l", *["e" * 100] * count)
    assert alloc_used_bytes() > before + 100 * count
    store.execute(*how)
    wait_until(lambda: alloc_used_bytes() < before + 30_000)     # counters of the commands stay


@pytest.mark.parametrize("depth", [0, 1])
def test_a_copy_is_a_list_of_its_own(store, depth):
    store.execute("CONFIG", "SET", "list-compress-depth", depth)
    for i in range(0, 20_000, 100):
        store.execute("RPUSH", "l", *(b"element-%05d" % j for j in range(i, i + 100)))
    store.execute("LPUSH", "l", "first")
    before = store.execute("LRANGE", "l", 0, -1)
    store.execute("COPY", "l", "copy")
    store.validate()
    assert store.execute("MEMORY", "USAGE", "copy") < store.execute("MEMORY", "USAGE", "l") + 5000
    store.execute("LTRIM", "l", 500, 900)
    store.execute("RPUSH", "copy", "last")
    assert store.execute("LRANGE", "copy", 0, -1) == [*before, b"last"]
    store.execute("LSET", "copy", 10_000, "other")
    assert store.execute("LRANGE", "l", 0, -1) == before[500:901]


def test_inner_nodes_are_compressed(store):
    items = [b"compressible " * 5 + b"%d" % i for i in range(5000)]
    sizes = {}
    for depth in (0, 1, 3):
        store.execute("CONFIG", "SET", "list-compress-depth", depth)
        store.execute("DEL", "l")
        for item in items:
            store.execute("RPUSH", "l", item)
        sizes[depth] = store.execute("MEMORY", "USAGE", "l")
        assert store.execute("LRANGE", "l", 0, -1) == items
    assert sizes[1] < sizes[3] < sizes[0] / 4


def test_the_ends_of_a_compressed_list_are_plain_again(store):
    store.execute("CONFIG", "SET", "list-compress-depth", 1)
    items = [b"compressible " * 5 + b"%d" % i for i in range(2000)]
    store.execute("RPUSH", "l", *items)
    while items:
        assert store.execute("LPOP", "l", 7) == items[:7]
        items = items[7:]
        if items:
            assert store.execute("RPOP", "l") == items.pop()
        store.validate()


def test_a_queue_moves_little_memory(store):
    """A steady queue in one node: its memory stays near what its elements take."""
    store.execute("RPUSH", "q", *(b"job-%06d" % i for i in range(600)))
    for i in range(20_000):
        store.execute("RPUSH", "q", b"job-%06d" % (i + 600))
        assert store.execute("LPOP", "q") == b"job-%06d" % i
        assert store.execute("MEMORY", "USAGE", "q") < 600 * 12 * 2 + 10_000
