"""Big sorted sets in a snapshot: what is encoded is the set as it stood, whatever commands do in between.

The RDB object of a frozen set is collected piece by piece, loaded by RESTORE into another store and compared; so is
the live set, with a dict. Leaves hold 1 KB, members over 200 bytes lie outside of them, pieces have 64 KB.
"""
from __future__ import annotations

import random
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import wstore
from tests.strategies import noise
from wstore.engine import _engine

Items = dict[bytes, float]


@pytest.fixture
def store() -> Iterator[wstore.Store]:
    store = wstore.Store()
    yield store
    store.validate()


def member_of(i: int) -> bytes:
    return noise(201 + i % 300, i) if i % 17 == 0 else b"a member %06d" % i if i % 3 else b"%d" % i


def add(store: wstore.Store, name: str, items: Items) -> None:
    pairs = [word for member, score in items.items() for word in (repr(score), member)]
    for start in range(0, len(pairs), 2000):
        store.execute("ZADD", name, *pairs[start:start + 2000])


def items_of(store: wstore.Store, name: str) -> Items:
    return {member: float(score) for member, score in store.execute("ZRANGE", name, 0, -1, "WITHSCORES")}


def decoded(rdb_object: bytes) -> Items:
    """The items of an RDB object of a sorted set, which must be whole."""
    payload = rdb_object + struct.pack("<H", 10)
    with wstore.Store() as store:
        store.execute("RESTORE", "z", 0, payload + struct.pack("<Q", _engine.crc64(payload)))
        store.validate()
        return items_of(store, "z")


def rest_of(frozen) -> bytes:
    pieces = []
    while not frozen.done:
        pieces.append(frozen.step())
    return b"".join(pieces)


class FrozenEdits(RuleBasedStateMachine):
    """A sorted set against a dict, frozen and encoded now and then; it moves from name to name."""

    spans = st.tuples(st.integers(0, 3000), st.integers(1, 1500))
    shares = st.floats(0, 1)

    def __init__(self):
        super().__init__()
        self.store = wstore.Store()
        self.name = "z0"
        self.model: Items = {}
        self.frozen = None
        self.stood: Items = {}
        self.encoded = b""

    def teardown(self):
        self.let_go()
        self.store.validate()

    def let_go(self) -> None:
        """Encode to the end and thaw, if the set is frozen."""
        if self.frozen is not None:
            assert decoded(self.encoded + rest_of(self.frozen)) == self.stood
            self.frozen.thaw()
            self.frozen = None

    @rule(span=spans, spread=st.sampled_from([1, 5, 10**6]), seed=st.integers(0, 9))
    def zadd(self, span, spread, seed):
        drawn = random.Random(seed)
        items = {member_of(i): float(drawn.randrange(spread)) for i in range(span[0], span[0] + span[1])}
        add(self.store, self.name, items)
        self.model.update(items)

    @rule(span=spans, more=st.sampled_from([0.0, 1.0, -0.5, 1e9]))
    def zincrby(self, span, more):
        for i in range(span[0], span[0] + span[1], 7):
            self.store.execute("ZINCRBY", self.name, repr(more), member_of(i))
            self.model[member_of(i)] = self.model.get(member_of(i), 0.0) + more

    @rule(span=spans, step=st.integers(1, 9))
    def zrem(self, span, step):
        members = [member_of(i) for i in range(span[0], span[0] + span[1], step)]
        gone = [member for member in members if self.model.pop(member, None) is not None]
        assert self.store.execute("ZREM", self.name, *members) == len(gone)

    @rule(low=shares, high=shares, by=st.sampled_from(["RANK", "SCORE"]))
    def zremrange(self, low, high, by):
        items = sorted((score, member) for member, score in self.model.items())
        if not items:
            return
        start, stop = sorted((int(low * (len(items) - 1)), int(high * (len(items) - 1))))
        first, last = items[start][0], items[stop][0]
        gone = items[start:stop + 1] if by == "RANK" else [item for item in items if first <= item[0] <= last]
        ends = (start, stop) if by == "RANK" else (repr(first), repr(last))
        assert self.store.execute("ZREMRANGEBY" + by, self.name, *ends) == len(gone)
        for _, member in gone:
            del self.model[member]

    @rule(count=st.integers(1, 2500), command=st.sampled_from(["ZPOPMIN", "ZPOPMAX"]))
    def pop(self, count, command):
        for member, _ in self.store.execute(command, self.name, count):
            del self.model[member]

    @rule(how=st.sampled_from(["DEL", "UNLINK", "SET", "FLUSHALL", "ZUNIONSTORE", "ZDIFFSTORE"]))
    def overwrite(self, how):
        if how == "ZUNIONSTORE":
            add(self.store, "other", {b"%d" % i: 1.0 for i in range(700)})
            self.store.execute(how, self.name, 2, self.name, "other", "WEIGHTS", 2, 1)
            doubled = {member: score * 2 for member, score in self.model.items()}
            self.model = doubled | {b"%d" % i: doubled.get(b"%d" % i, 0.0) + 1 for i in range(700)}
            return
        if how == "ZDIFFSTORE":
            self.store.execute(how, self.name, 2, self.name, self.name)
        elif how == "SET":
            self.store.execute("SET", self.name, "text")
            self.store.execute("DEL", self.name)
        else:
            self.store.execute(how, *[self.name] * (how != "FLUSHALL"))
        self.model = {}

    @rule(number=st.integers(0, 3))
    def rename(self, number):
        if self.model and self.name != f"z{number}":
            self.store.execute("RENAME", self.name, f"z{number}")
            self.name = f"z{number}"

    @precondition(lambda self: self.frozen is None)
    @rule()
    def freeze(self):
        self.frozen = self.store.freeze(self.name.encode())
        self.stood = dict(self.model)
        self.encoded = b""

    @precondition(lambda self: self.frozen is not None)
    @rule(steps=st.integers(1, 3))
    def encode(self, steps):
        for _ in range(steps):
            self.encoded += self.frozen.step()

    @precondition(lambda self: self.frozen is not None)
    @rule()
    def finish(self):
        self.let_go()

    @precondition(lambda self: self.frozen is not None)
    @rule()
    def give_up(self):
        self.frozen.thaw()
        self.frozen = None

    @invariant()
    def holds(self):
        self.store.validate()
        assert items_of(self.store, self.name) == self.model


test_frozen_edits = FrozenEdits.TestCase
test_frozen_edits.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_small_sets_and_missing_keys_are_not_frozen(store):
    store.execute("ZADD", "small", 1, "a")
    assert store.freeze(b"small") is None
    assert store.freeze(b"nothing") is None


def test_the_object_is_that_of_dump(store):
    add(store, "z", {member_of(i): float(i % 100) for i in range(5000)})
    frozen = store.freeze(b"z")
    assert rest_of(frozen) == store.execute("DUMP", "z")[:-10]
    assert frozen.step() == b""
    frozen.thaw()


def settled_bytes(store: wstore.Store) -> int:
    """Allocated bytes, once nothing is being freed in the background; without those of the slow log."""
    store.execute("SLOWLOG", "RESET")
    deadline = time.monotonic() + 10
    while _engine.memory_facts(store)["background_frees"] and time.monotonic() < deadline:
        time.sleep(0.01)
    return store.memory()["malloc"]


@pytest.mark.parametrize("end", ["DEL", "UNLINK", "FLUSHALL", "ZREMRANGEBYRANK"])
@pytest.mark.parametrize("thawed_first", [True, False])
def test_memory_comes_back(store, end, thawed_first):
    """Nothing is left of a set that was changed all over while it was frozen, whichever goes first."""
    add(store, "z", {member_of(i): float(i) for i in range(30_000)})
    store.execute("DEL", "z")           # what stays behind now, the store's own buffers, stays in any case
    before = settled_bytes(store)
    add(store, "z", {member_of(i): float(i) for i in range(30_000)})
    full = store.memory()["malloc"] - before
    frozen = store.freeze(b"z")
    frozen.step()
    add(store, "z", {member_of(i): float(i * 7919 % 30_000) for i in range(30_000)})
    store.validate()
    if thawed_first:
        frozen.thaw()
    store.execute(end, *{"FLUSHALL": [], "ZREMRANGEBYRANK": ["z", 0, -1]}.get(end, ["z"]))
    frozen.thaw()
    assert settled_bytes(store) <= before + full // 50


def test_kept_memory_is_that_of_changed_leaves(store):
    """A frozen set costs a list of its leaves and a copy of those that change, whatever happens to them how often."""
    add(store, "z", {b"member%06d" % i: float(i) for i in range(60_000)})
    full = store.memory()["malloc"]
    frozen = store.freeze(b"z")
    assert store.memory()["malloc"] < full * 1.02
    for n in range(20_000):
        store.execute("ZINCRBY", "z", 0.25 if n % 2 else -0.25, b"member%06d" % (n % 500))
        store.execute("ZADD", "z", 1e9, noise(300, n))
        store.execute("ZREM", "z", noise(300, n))
    assert store.memory()["malloc"] < full * 1.05
    frozen.thaw()


def test_what_is_encoded_is_not_kept(store):
    """Changes behind the snapshot cost nothing, even while the set is still frozen."""
    add(store, "z", {b"member%06d" % i: float(i) for i in range(60_000)})
    full = store.memory()["malloc"]
    frozen = store.freeze(b"z")
    rest_of(frozen)
    add(store, "z", {b"member%06d" % i: i + 0.0 if i % 2 else i + 0.5 for i in range(60_000)})
    assert store.memory()["malloc"] < full * 1.3        # scores that are no integers take 4 bytes more
    frozen.thaw()


def test_encoded_on_another_thread(store):
    """Rounds of snapshots: one thread encodes as fast as it can while this one changes the set all over."""
    drawn = random.Random(5)
    model = {member_of(i): float(drawn.randrange(1000)) for i in range(20_000)}
    add(store, "z", model)
    for _ in range(8):
        frozen = store.freeze(b"z")
        stood, pieces = dict(model), []
        thread = threading.Thread(target=lambda frozen=frozen, pieces=pieces: pieces.append(rest_of(frozen)))
        thread.start()
        while thread.is_alive():
            some = {member_of(i): float(drawn.randrange(1000)) for i in drawn.sample(range(25_000), 300)}
            add(store, "z", some)
            model.update(some)
            gone = [member_of(i) for i in drawn.sample(range(25_000), 200)]
            store.execute("ZREM", "z", *gone)
            for member in gone:
                model.pop(member, None)
            for member, _ in store.execute("ZPOPMIN", "z", 50):
                del model[member]
        thread.join()
        store.validate()
        assert decoded(pieces[0]) == stood
        frozen.thaw()
    assert items_of(store, "z") == model
