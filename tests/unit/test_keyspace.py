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
from wstore import Store

SLOTS = 16384
HOUR_MS = 3_600_000


def slot_of(key: bytes) -> int:
    start = key.find(b"{")
    end = key.find(b"}", start + 1) if start >= 0 else -1
    return crc_hqx(key[start + 1:end] if end > start + 1 else key, 0) % SLOTS


def slot_counts(store: Store) -> dict[int, int]:
    counts = store.slot_counts()
    return {int(slot): int(counts[slot]) for slot in counts.nonzero()[0]}


def recount(keys) -> dict[int, int]:
    counts: dict[int, int] = {}
    for key in keys:
        slot = slot_of(key)
        counts[slot] = counts.get(slot, 0) + 1
    return counts


def scan_all(store: Store, count: int = 10) -> list[bytes]:
    cursor, keys = store.scan(0, count)
    while cursor:
        cursor, more = store.scan(cursor, count)
        keys += more
    return keys


def assert_holds(store: Store, model: dict[bytes, bytes]) -> None:
    """The store is intact and holds exactly the model."""
    store.validate()
    assert len(store) == len(model)
    assert sorted(scan_all(store, 100)) == sorted(model)
    assert slot_counts(store) == recount(model)
    for key, value in model.items():
        assert store.get(key) == value


# -- random histories ---------------------------------------------------------------------------------


class History(RuleBasedStateMachine):
    """Single operations and bulk ones, in any order, with TTLs on a clock of our own that only goes forward."""

    def __init__(self):
        super().__init__()
        self.store = Store()
        self.model: dict[bytes, bytes] = {}
        self.expires: dict[bytes, int] = {}
        self.start_ms = self.now_ms = int(time.time() * 1000)

    @initialize(count=st.sampled_from([0, 0, 300, 3000]))
    def begin(self, count):
        self.add_many(0, count)

    @rule(key=strategies.any_key, value=strategies.values)
    def set(self, key, value):
        self.store.set(key, value)
        self.model[key] = value
        self.expires.pop(key, None)

    @rule(key=strategies.any_key)
    def delete(self, key):
        assert self.store.delete(key) == (self.model.pop(key, None) is not None)
        self.expires.pop(key, None)

    @rule(key=strategies.any_key)
    def get(self, key):
        assert self.store.get(key) == self.model.get(key)

    @rule(key=strategies.keys, delay_ms=st.integers(1, 100) | st.integers(HOUR_MS, 2 * HOUR_MS))
    def expire(self, key, delay_ms):
        """Expire a key a while after the farthest time that the clock can reach, or soon."""
        at_ms = self.now_ms + HOUR_MS + delay_ms
        assert self.store.execute("PEXPIREAT", key, at_ms) == (key in self.model)
        if key in self.model:
            self.expires[key] = at_ms

    @rule()
    def let_time_pass(self):
        """One tick an hour later: what is due goes, actively, and nothing else."""
        self.now_ms += HOUR_MS + 50
        self.store.tick(self.now_ms)
        for key in [key for key, at_ms in self.expires.items() if at_ms <= self.now_ms]:
            del self.model[key], self.expires[key]
        assert len(self.store) == len(self.model)

    @rule(first=st.integers(0, 5000), count=st.sampled_from([50, 500, 2500]))
    def add_many(self, first, count):
        for i in range(first, first + count):
            key = b"bulk:%d" % i
            self.store.set(key, b"%d" % i)
            self.model[key] = b"%d" % i

    @rule(first=st.integers(0, 5000), count=st.sampled_from([50, 500, 2500]))
    def delete_many(self, first, count):
        for i in range(first, first + count):
            assert self.store.delete(b"bulk:%d" % i) == (self.model.pop(b"bulk:%d" % i, None) is not None)

    @rule(tag=st.sampled_from([b"{a}", b"{b}"]), count=st.sampled_from([100, 1500]))
    def crowd_a_slot(self, tag, count):
        for i in range(count):
            self.store.set(tag + b"%d" % i, b"x" * (i % 40))
            self.model[tag + b"%d" % i] = b"x" * (i % 40)

    @rule(tag=st.sampled_from([b"{a}", b"{b}"]))
    def clear_a_slot(self, tag):
        slot = slot_of(tag)
        for key in self.store.keys_in_slot(slot):
            assert self.store.delete(key)
            del self.model[key]
            self.expires.pop(key, None)
        assert self.store.keys_in_slot(slot) == []

    @invariant()
    def intact(self):
        self.store.validate()
        assert len(self.store) == len(self.model)

    def teardown(self):
        assert_holds(self.store, self.model)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


# -- growth and shrinking -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"key:%d", b"{one}%d", b"{%d}x"], ids=["spread", "one slot", "tags"])
def test_growing_and_shrinking(name):
    """Grow over several splits, checking at odd sizes; shrink to nothing; the same again."""
    store = Store()
    for round_number in range(2):
        model = {}
        for i in range(40_000):
            key, value = name % i, b"%d-%d" % (round_number, i)
            store.set(key, value)
            model[key] = value
            if i in (0, 1, 119, 120, 480, 961, 1200, 5000, 12_345):
                store.validate()
        assert_holds(store, model)
        order = list(model)
        random.Random(round_number).shuffle(order)
        for i, key in enumerate(order):
            assert store.delete(key)
            if i in (1, 5000, 20_000, 35_000, 39_000, 39_990):
                store.validate()
        assert_holds(store, {})


def test_a_crowd_in_one_slot_among_few_other_keys():
    """Most entries of a segment on one side of its split, many splits deep, in tables of many seeds."""
    for others in (0, 1, 10, 100, 300) * 6:
        store = Store()
        model = {b"other:%d" % i: b"v" for i in range(others)} | {b"{crowd}%d" % i: b"v" for i in range(1500)}
        for key, value in model.items():
            store.set(key, value)
        store.validate()
        assert slot_counts(store) == recount(model)


def test_values_of_every_size_in_place():
    """One key through every size of record and back, and integers of every width."""
    store = Store()
    for size in [*range(300), *range(1000, 1050), 5000, 100_000, *range(299, -1, -1)]:
        store.set(b"key", b"s" * size)
        assert store.get(b"key") == b"s" * size
    for number in strategies.INT_EDGES:
        store.set(b"key", b"%d" % number)
        assert store.get(b"key") == b"%d" % number
    for odd in strategies.ODD_NUMBERS:
        store.set(b"key", odd)
        assert store.get(b"key") == odd
    assert_holds(store, {b"key": strategies.ODD_NUMBERS[-1]})


def test_keys_of_every_size():
    store = Store()
    model = {b"k" * size: b"%d" % size for size in [*range(600), 1000, 65_535, 65_536, 1_000_000]}
    for key, value in model.items():
        store.set(key, value)
    assert_holds(store, model)
    for key in list(model)[::2]:
        assert store.delete(key)
        del model[key]
    assert_holds(store, model)


def test_seeds_differ():
    """Two stores place keys differently: the hash is keyed anew in each."""
    orders = []
    for _ in range(2):
        store = Store()
        for i in range(200):
            store.set(b"{same}%d" % i, b"")
        orders.append(scan_all(store))
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]


# -- slots --------------------------------------------------------------------------------------------


def test_keys_in_slot():
    store = Store()
    model = {b"key:%d" % i for i in range(30_000)} | {b"{crowd}%d" % i for i in range(3000)}
    for key in model:
        store.set(key, b"v")
    by_slot: dict[int, set[bytes]] = {}
    for key in model:
        by_slot.setdefault(slot_of(key), set()).add(key)
    for slot in range(SLOTS):
        assert set(store.keys_in_slot(slot)) == by_slot.get(slot, set())
    crowd = slot_of(b"{crowd}")
    for count in (0, 1, 7, 2999):
        keys = store.keys_in_slot(crowd, count)
        assert len(keys) == len(set(keys)) == count and set(keys) <= by_slot[crowd]
    with pytest.raises(ValueError):
        store.keys_in_slot(SLOTS)
    with pytest.raises(ValueError):
        store.keys_in_slot(-1)


# -- scans --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [b"", b"{one}"], ids=["spread", "one slot"])
@pytest.mark.parametrize("seed", range(4))
def test_scan_while_the_table_changes(prefix, seed):
    """Keys present throughout a scan are met, whatever is added or deleted meanwhile."""
    rng = random.Random(seed)
    store = Store()
    stable = {prefix + b"stable:%d" % i for i in range(2000)}
    for key in stable:
        store.set(key, b"v")
    other = [prefix + b"other:%d" % i for i in range(20_000 if seed % 2 else 3000)]
    if seed >= 2:
        for key in other:
            store.set(key, b"v")
    met: set[bytes] = set()
    cursor, keys = store.scan(0, 20)
    while cursor:
        met.update(keys)
        for key in rng.sample(other, 200):
            if seed >= 2:
                store.delete(key)
            else:
                store.set(key, b"v")
        cursor, keys = store.scan(cursor, 20)
    met.update(keys)
    assert met >= stable
    store.validate()


def test_scan_of_a_table_at_rest_meets_each_key_once():
    store = Store()
    names = {b"key:%d" % i for i in range(20_000)}
    for key in names:
        store.set(key, b"v")
    for count in (1, 10, 1000, 100_000):
        found = scan_all(store, count) if count > 1 else scan_all(store, 7)
        assert len(found) == len(names) and set(found) == names


def test_scan_takes_any_cursor():
    """A cursor that no scan gave is not an error and ends the scan at some time."""
    store = Store()
    for i in range(1000):
        store.set(b"key:%d" % i, b"v")
    for cursor in (1, 12345, 1 << 40, (1 << 63) + 5, (1 << 64) - 1):
        steps = 0
        while cursor:
            cursor, _ = store.scan(cursor, 100)
            steps += 1
            assert steps < 1000


def test_random_key_reaches_every_key():
    store = Store()
    assert store.execute("RANDOMKEY") is None
    names = {b"key:%d" % i for i in range(50)}
    for key in names:
        store.set(key, b"v")
    assert {store.execute("RANDOMKEY") for _ in range(5000)} == names


# -- expiry -------------------------------------------------------------------------------------------


def test_expired_keys_are_not_seen():
    """Due keys are gone for every reader before any tick removes them."""
    store = Store()
    now_ms = int(time.time() * 1000)
    for i in range(100):
        store.set(b"key:%d" % i, b"v")
        store.execute("PEXPIREAT", b"key:%d" % i, now_ms + (20 if i % 2 else HOUR_MS))
    time.sleep(0.05)
    assert [store.get(b"key:%d" % i) for i in range(100)] == [None if i % 2 else b"v" for i in range(100)]
    assert len(store) == 50
    assert_holds(store, {b"key:%d" % i: b"v" for i in range(0, 100, 2)})


@pytest.mark.parametrize("prefix", [b"", b"{one-slot}"])
def test_a_scan_while_keys_expire(prefix):
    """A scan removes what has expired and merges what is left, and still meets each key that stays."""
    store = Store()
    now_ms = int(time.time() * 1000)
    stays = {prefix + b"stays:%d" % i for i in range(1000)}
    for i, key in enumerate(stays):
        store.set(key, b"v")
        for j in range(20):
            store.set(prefix + b"gone:%d:%d" % (i, j), b"v", pxat=now_ms + 10 * j + 300)
    for count in (10, 1000):
        cursor, found = store.scan(0, count)
        while cursor:
            time.sleep(0.001)
            cursor, more = store.scan(cursor, count)
            found += more
        assert stays <= set(found)
        store.validate()
    time.sleep(max(0, now_ms / 1000 + 0.6 - time.time()))
    assert set(scan_all(store)) == stays and len(store) == 1000
    assert_holds(store, dict.fromkeys(stays, b"v"))


def test_a_random_key_is_found_among_expired_ones():
    store = Store()
    store.set(b"stays", b"v")
    store.mset({b"gone:%d" % i: b"v" for i in range(5000)})
    at_ms = int(time.time() * 1000) + 200
    for i in range(5000):
        store.execute("PEXPIREAT", b"gone:%d" % i, at_ms)
    time.sleep(max(0, at_ms / 1000 + 0.01 - time.time()))
    assert [store.execute("RANDOMKEY") for _ in range(20)] == [b"stays"] * 20
    assert len(store) < 5001
    store.execute("DEL", "stays")
    assert store.execute("RANDOMKEY") is None and len(store) == 0
    store.validate()


def test_active_expiry_removes_what_nobody_asks_for():
    store = Store()
    now_ms = int(time.time() * 1000)
    for i in range(20_000):
        store.set(b"key:%d" % i, b"v")
        store.execute("PEXPIREAT", b"key:%d" % i, now_ms + HOUR_MS + i)
    store.tick(now_ms + HOUR_MS - 1)
    assert len(store) == 20_000
    store.tick(now_ms + HOUR_MS + 9_999)
    assert len(store) == 10_000
    store.validate()
    store.tick(now_ms + 2 * HOUR_MS)
    assert len(store) == 0
    assert_holds(store, {})


def test_a_small_budget_expires_in_the_end():
    """With a budget of microseconds each tick does a little; none is lost over many ticks."""
    store = Store()
    now_ms = int(time.time() * 1000)
    for i in range(5000):
        store.set(b"key:%d" % i, b"v")
        store.execute("PEXPIREAT", b"key:%d" % i, now_ms + HOUR_MS)
    ticks = 0
    while len(store) and ticks < 20_000:
        store.tick(now_ms + HOUR_MS + 1, budget_us=1)
        ticks += 1
    assert len(store) == 0 and ticks > 1
    store.validate()


# -- churn --------------------------------------------------------------------------------------------


def test_churn_gives_memory_back():
    """Rounds of replacing a random half with values of other sizes leave the arena near a fresh one's size."""
    rng = random.Random(5)
    store = Store()
    live = {b"key:%d" % i: b"v" * 8 for i in range(20_000)}
    for key, value in live.items():
        store.set(key, value)
    now_ms = int(time.time() * 1000)
    for round_number in range(10):
        for key in rng.sample(sorted(live), len(live) // 2):
            store.delete(key)
            del live[key]
        for i in range(10_000):
            key, value = b"new:%d:%d" % (round_number, i), b"w" * rng.randrange(4, 41)
            store.set(key, value)
            live[key] = value
    for _ in range(1000):
        if not store.tick(now_ms):
            break
    assert_holds(store, live)
    fresh = Store()
    for key, value in live.items():
        fresh.set(key, value)
    churned_bytes, fresh_bytes = (e.memory()["arena"] + e.memory()["table"] for e in (store, fresh))
    assert churned_bytes <= 1.25 * fresh_bytes
