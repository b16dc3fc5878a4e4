"""The keyspace against a Python dict: random histories, growth, splits and merges, slots, scans, expiry, churn.

After each history `validate()` walks the whole structure, and slot counts are compared with a full recount.
"""
from __future__ import annotations

import random
import time
from binascii import crc_hqx

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests import strategies
from wstore.engine._engine import TypedStore as Engine

SLOTS = 16384
HOUR_MS = 3_600_000


def slot_of(key: bytes) -> int:
    start = key.find(b"{")
    end = key.find(b"}", start + 1) if start >= 0 else -1
    return crc_hqx(key[start + 1:end] if end > start + 1 else key, 0) % SLOTS


def slot_counts(engine: Engine) -> dict[int, int]:
    counts = memoryview(engine.slot_counts_bytes()).cast("I")
    return {slot: count for slot, count in enumerate(counts) if count}


def recount(keys) -> dict[int, int]:
    counts: dict[int, int] = {}
    for key in keys:
        slot = slot_of(key)
        counts[slot] = counts.get(slot, 0) + 1
    return counts


def scan_all(engine: Engine, count: int = 10) -> list[bytes]:
    cursor, keys = engine.scan(0, count)
    while cursor:
        cursor, more = engine.scan(cursor, count)
        keys += more
    return keys


def assert_holds(engine: Engine, model: dict[bytes, bytes]) -> None:
    """The engine is intact and holds exactly the model."""
    engine.validate()
    assert len(engine) == len(model)
    assert sorted(scan_all(engine, 100)) == sorted(model)
    assert slot_counts(engine) == recount(model)
    for key, value in model.items():
        assert engine.get(key) == value


# -- random histories ---------------------------------------------------------------------------------


class History(RuleBasedStateMachine):
    """Single operations and bulk ones, in any order, with TTLs on a clock of our own that only goes forward."""

    def __init__(self):
        super().__init__()
        self.engine = Engine()
        self.model: dict[bytes, bytes] = {}
        self.expires: dict[bytes, int] = {}
        self.start_ms = self.now_ms = int(time.time() * 1000)

    @initialize(count=st.sampled_from([0, 0, 300, 3000]))
    def begin(self, count):
        self.add_many(0, count)

    @rule(key=strategies.any_key, value=strategies.values)
    def set(self, key, value):
        self.engine.set(key, value)
        self.model[key] = value
        self.expires.pop(key, None)

    @rule(key=strategies.any_key)
    def delete(self, key):
        assert self.engine.delete(key) == (self.model.pop(key, None) is not None)
        self.expires.pop(key, None)

    @rule(key=strategies.any_key)
    def get(self, key):
        assert self.engine.get(key) == self.model.get(key)

    @rule(key=strategies.keys, delay_ms=st.integers(1, 100) | st.integers(HOUR_MS, 2 * HOUR_MS))
    def expire(self, key, delay_ms):
        """Expire a key a while after the farthest time that the clock can reach, or soon."""
        at_ms = self.now_ms + HOUR_MS + delay_ms
        assert self.engine.expire_at(key, at_ms) == (key in self.model)
        if key in self.model:
            self.expires[key] = at_ms

    @rule()
    def let_time_pass(self):
        """One tick an hour later: what is due goes, actively, and nothing else."""
        self.now_ms += HOUR_MS + 50
        self.engine.tick(self.now_ms)
        for key in [key for key, at_ms in self.expires.items() if at_ms <= self.now_ms]:
            del self.model[key], self.expires[key]
        assert len(self.engine) == len(self.model)

    @rule(first=st.integers(0, 5000), count=st.sampled_from([50, 500, 2500]))
    def add_many(self, first, count):
        for i in range(first, first + count):
            key = b"bulk:%d" % i
            self.engine.set(key, b"%d" % i)
            self.model[key] = b"%d" % i

    @rule(first=st.integers(0, 5000), count=st.sampled_from([50, 500, 2500]))
    def delete_many(self, first, count):
        for i in range(first, first + count):
            assert self.engine.delete(b"bulk:%d" % i) == (self.model.pop(b"bulk:%d" % i, None) is not None)

    @rule(tag=st.sampled_from([b"{a}", b"{b}"]), count=st.sampled_from([100, 1500]))
    def crowd_a_slot(self, tag, count):
        for i in range(count):
            self.engine.set(tag + b"%d" % i, b"x" * (i % 40))
            self.model[tag + b"%d" % i] = b"x" * (i % 40)

    @rule(tag=st.sampled_from([b"{a}", b"{b}"]))
    def clear_a_slot(self, tag):
        slot = slot_of(tag)
        for key in self.engine.keys_in_slot(slot):
            assert self.engine.delete(key)
            del self.model[key]
            self.expires.pop(key, None)
        assert self.engine.keys_in_slot(slot) == []

    @invariant()
    def intact(self):
        self.engine.validate()
        assert len(self.engine) == len(self.model)

    def teardown(self):
        assert_holds(self.engine, self.model)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


# -- growth and shrinking -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"key:%d", b"{one}%d", b"{%d}x"], ids=["spread", "one slot", "tags"])
def test_growing_and_shrinking(name):
    """Grow over several splits, checking at odd sizes; shrink to nothing; the same again."""
    engine = Engine()
    for round_number in range(2):
        model = {}
        for i in range(40_000):
            key, value = name % i, b"%d-%d" % (round_number, i)
            engine.set(key, value)
            model[key] = value
            if i in (0, 1, 119, 120, 480, 961, 1200, 5000, 12_345):
                engine.validate()
        assert_holds(engine, model)
        order = list(model)
        random.Random(round_number).shuffle(order)
        for i, key in enumerate(order):
            assert engine.delete(key)
            if i in (1, 5000, 20_000, 35_000, 39_000, 39_990):
                engine.validate()
        assert_holds(engine, {})


def test_a_crowd_in_one_slot_among_few_other_keys():
    """Most entries of a segment on one side of its split, many splits deep, in tables of many seeds."""
    for others in (0, 1, 10, 100, 300) * 6:
        engine = Engine()
        model = {b"other:%d" % i: b"v" for i in range(others)} | {b"{crowd}%d" % i: b"v" for i in range(1500)}
        for key, value in model.items():
            engine.set(key, value)
        engine.validate()
        assert slot_counts(engine) == recount(model)


def test_values_of_every_size_in_place():
    """One key through every size of record and back, and integers of every width."""
    engine = Engine()
    for size in [*range(300), *range(1000, 1050), 5000, 100_000, *range(299, -1, -1)]:
        engine.set(b"key", b"s" * size)
        assert engine.get(b"key") == b"s" * size
    for number in strategies.INT_EDGES:
        engine.set(b"key", b"%d" % number)
        assert engine.get(b"key") == b"%d" % number
    for odd in strategies.ODD_NUMBERS:
        engine.set(b"key", odd)
        assert engine.get(b"key") == odd
    assert_holds(engine, {b"key": strategies.ODD_NUMBERS[-1]})


def test_keys_of_every_size():
    engine = Engine()
    model = {b"k" * size: b"%d" % size for size in [*range(600), 1000, 65_535, 65_536, 1_000_000]}
    for key, value in model.items():
        engine.set(key, value)
    assert_holds(engine, model)
    for key in list(model)[::2]:
        assert engine.delete(key)
        del model[key]
    assert_holds(engine, model)


def test_seeds_differ():
    """Two engines place keys differently: the hash is keyed anew in each."""
    orders = []
    for _ in range(2):
        engine = Engine()
        for i in range(200):
            engine.set(b"{same}%d" % i, b"")
        orders.append(scan_all(engine))
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]


# -- slots --------------------------------------------------------------------------------------------


def test_keys_in_slot():
    engine = Engine()
    model = {b"key:%d" % i for i in range(30_000)} | {b"{crowd}%d" % i for i in range(3000)}
    for key in model:
        engine.set(key, b"v")
    by_slot: dict[int, set[bytes]] = {}
    for key in model:
        by_slot.setdefault(slot_of(key), set()).add(key)
    for slot in range(SLOTS):
        assert set(engine.keys_in_slot(slot)) == by_slot.get(slot, set())
    crowd = slot_of(b"{crowd}")
    for count in (0, 1, 7, 2999):
        keys = engine.keys_in_slot(crowd, count)
        assert len(keys) == len(set(keys)) == count and set(keys) <= by_slot[crowd]
    with pytest.raises(ValueError):
        engine.keys_in_slot(SLOTS)
    with pytest.raises(ValueError):
        engine.keys_in_slot(-1)


# -- scans --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [b"", b"{one}"], ids=["spread", "one slot"])
@pytest.mark.parametrize("seed", range(4))
def test_scan_while_the_table_changes(prefix, seed):
    """Keys present throughout a scan are met, whatever is added or deleted meanwhile."""
    rng = random.Random(seed)
    engine = Engine()
    stable = {prefix + b"stable:%d" % i for i in range(2000)}
    for key in stable:
        engine.set(key, b"v")
    other = [prefix + b"other:%d" % i for i in range(20_000 if seed % 2 else 3000)]
    if seed >= 2:
        for key in other:
            engine.set(key, b"v")
    met: set[bytes] = set()
    cursor, keys = engine.scan(0, 20)
    while cursor:
        met.update(keys)
        for key in rng.sample(other, 200):
            if seed >= 2:
                engine.delete(key)
            else:
                engine.set(key, b"v")
        cursor, keys = engine.scan(cursor, 20)
    met.update(keys)
    assert met >= stable
    engine.validate()


def test_scan_of_a_table_at_rest_meets_each_key_once():
    engine = Engine()
    names = {b"key:%d" % i for i in range(20_000)}
    for key in names:
        engine.set(key, b"v")
    for count in (1, 10, 1000, 100_000):
        found = scan_all(engine, count) if count > 1 else scan_all(engine, 7)
        assert len(found) == len(names) and set(found) == names


def test_scan_takes_any_cursor():
    """A cursor that no scan gave is not an error and ends the scan at some time."""
    engine = Engine()
    for i in range(1000):
        engine.set(b"key:%d" % i, b"v")
    for cursor in (1, 12345, 1 << 40, (1 << 63) + 5, (1 << 64) - 1):
        steps = 0
        while cursor:
            cursor, _ = engine.scan(cursor, 100)
            steps += 1
            assert steps < 1000


def test_random_key_reaches_every_key():
    engine = Engine()
    assert engine.random_key() is None
    names = {b"key:%d" % i for i in range(50)}
    for key in names:
        engine.set(key, b"v")
    assert {engine.random_key() for _ in range(5000)} == names


# -- expiry -------------------------------------------------------------------------------------------


def test_expired_keys_are_not_seen():
    """Due keys are gone for every reader before any tick removes them."""
    engine = Engine()
    now_ms = int(time.time() * 1000)
    for i in range(100):
        engine.set(b"key:%d" % i, b"v")
        engine.expire_at(b"key:%d" % i, now_ms + (20 if i % 2 else HOUR_MS))
    time.sleep(0.05)
    assert [engine.get(b"key:%d" % i) for i in range(100)] == [None if i % 2 else b"v" for i in range(100)]
    assert len(engine) == 50
    assert_holds(engine, {b"key:%d" % i: b"v" for i in range(0, 100, 2)})


def test_active_expiry_removes_what_nobody_asks_for():
    engine = Engine()
    now_ms = int(time.time() * 1000)
    for i in range(20_000):
        engine.set(b"key:%d" % i, b"v")
        engine.expire_at(b"key:%d" % i, now_ms + HOUR_MS + i)
    engine.tick(now_ms + HOUR_MS - 1)
    assert len(engine) == 20_000
    engine.tick(now_ms + HOUR_MS + 9_999)
    assert len(engine) == 10_000
    engine.validate()
    engine.tick(now_ms + 2 * HOUR_MS)
    assert len(engine) == 0
    assert_holds(engine, {})


def test_a_small_budget_expires_in_the_end():
    """With a budget of microseconds each tick does a little; none is lost over many ticks."""
    engine = Engine()
    now_ms = int(time.time() * 1000)
    for i in range(5000):
        engine.set(b"key:%d" % i, b"v")
        engine.expire_at(b"key:%d" % i, now_ms + HOUR_MS)
    ticks = 0
    while len(engine) and ticks < 20_000:
        engine.tick(now_ms + HOUR_MS + 1, budget_us=1)
        ticks += 1
    assert len(engine) == 0 and ticks > 1
    engine.validate()


# -- churn --------------------------------------------------------------------------------------------


def test_churn_gives_memory_back():
    """Rounds of replacing a random half with values of other sizes leave the arena near a fresh one's size."""
    rng = random.Random(5)
    engine = Engine()
    live = {b"key:%d" % i: b"v" * 8 for i in range(20_000)}
    for key, value in live.items():
        engine.set(key, value)
    now_ms = int(time.time() * 1000)
    for round_number in range(10):
        for key in rng.sample(sorted(live), len(live) // 2):
            engine.delete(key)
            del live[key]
        for i in range(10_000):
            key, value = b"new:%d:%d" % (round_number, i), b"w" * rng.randrange(4, 41)
            engine.set(key, value)
            live[key] = value
    for _ in range(1000):
        if not engine.tick(now_ms):
            break
    assert_holds(engine, live)
    fresh = Engine()
    for key, value in live.items():
        fresh.set(key, value)
    churned_bytes, fresh_bytes = (e.memory()["arena"] + e.memory()["table"] for e in (engine, fresh))
    assert churned_bytes <= 1.25 * fresh_bytes
