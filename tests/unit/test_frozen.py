"""Frozen values: what a snapshot reads of a big value is the value as it stood, whatever commands do meanwhile.

A value is frozen, then changed at random between the steps of encoding; the object that comes out of the steps must
restore to what was there, the live value must hold all its invariants after each change, and all memory must come
back.  The same with the steps on a thread of their own, as a snapshot takes them.
"""
from __future__ import annotations

import dataclasses
import gc
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

import wstore
from tests.strategies import noise
from wstore.engine._engine import alloc_used_bytes, crc64

Words = tuple[Any, ...]
Rng = random.Random

NOISES = [noise(size, seed) for size in (0, 100, 511, 513, 700, 3000) for seed in range(9)]
LONG = noise(9000, 1)                       # longer than a node of a list


def payload(body: bytes) -> bytes:
    """What RESTORE takes: an object with version and checksum behind it."""
    data = body + b"\x0a\x00"
    return data + crc64(data).to_bytes(8, "little")


def text(rng: Rng) -> bytes:
    """An element: mostly short, some longer than a node keeps inside, some longer than a node."""
    n = rng.random()
    if n < 0.6:
        return b"element-%05d" % rng.randrange(9000)
    if n < 0.8:
        return b"%d" % rng.choice([rng.randrange(500), rng.randrange(1 << 40)])
    return rng.choice(NOISES) if n < 0.995 else LONG


def texts(rng: Rng, most: int) -> list[bytes]:
    return [text(rng) for _ in range(rng.randint(1, most))]


def pairs(rng: Rng, most: int) -> list[bytes]:
    return [part for name in texts(rng, most) for part in (name, text(rng))]


def change_hash(rng: Rng, fields: dict[bytes, bytes]) -> Words:
    some = rng.sample(sorted(fields), min(len(fields), rng.choice([1, 40, 800])))
    return rng.choice([
        ("HSET", "k", *pairs(rng, 60)), ("HSET", "k", *(part for name in some for part in (name, text(rng)))),
        ("HSET", "k", *(part for name in some for part in (name, fields[name][::-1]))),
        ("HDEL", "k", *some), ("HSET", "k", "count", rng.randrange(10)), ("HSETNX", "k", text(rng), "new")])


def change_set(rng: Rng, members: set[bytes]) -> Words:
    some = rng.sample(sorted(members), min(len(members), rng.choice([1, 40, 800])))
    return rng.choice([
        ("SADD", "k", *texts(rng, 100)), ("SREM", "k", *some), ("SPOP", "k", rng.choice([1, 20, 600])),
        ("SMOVE", "k", "other", some[0]), ("SUNIONSTORE", "k", "k", "other")])


def change_list(rng: Rng, items: list[bytes]) -> Words:
    n = len(items)
    at = rng.randrange(n)
    return rng.choice([
        (rng.choice(["LPUSH", "RPUSH"]), "k", *texts(rng, 100)),
        (rng.choice(["LPOP", "RPOP"]), "k", rng.randint(1, 90)), ("LSET", "k", at, text(rng)),
        ("LINSERT", "k", rng.choice(["BEFORE", "AFTER"]), items[at], text(rng)),
        ("LREM", "k", rng.choice([0, 1, -1, 5]), items[at]), ("LTRIM", "k", rng.randrange(n // 8 + 1), -1 - n // 9),
        ("LTRIM", "k", n // 3, -1), ("LMOVE", "k", "k", "LEFT", "RIGHT"), ("LMOVE", "k", "other", "RIGHT", "LEFT"),
        ("CONFIG", "SET", "list-compress-depth", rng.choice([0, 1, 3])),
        ("CONFIG", "SET", "list-max-listpack-size", rng.choice([-1, -2, 20]))])


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type: how its values are made, changed and read."""
    add: Callable[[Rng, int], Words]
    read: Words                             # command behind which the key stands
    tail: Words
    change: Callable[[Rng, Any], Words]

    def value(self, store: wstore.Store, key: str = "k") -> Any:
        value = store.execute(*self.read, key, *self.tail)
        if self.read[0] == "HGETALL":
            return value if isinstance(value, dict) else dict(zip(value[::2], value[1::2], strict=True))
        return set(value) if self.read[0] == "SMEMBERS" else value


KINDS = {
    "hash": Kind(lambda rng, n: ("HSET", "k", *pairs(rng, n)), ("HGETALL",), (), change_hash),
    "set": Kind(lambda rng, n: ("SADD", "k", *texts(rng, n)), ("SMEMBERS",), (), change_set),
    "list": Kind(lambda rng, n: ("RPUSH", "k", *texts(rng, n)), ("LRANGE",), (0, -1), change_list),
}
FATES: list[list[Words]] = [                # of the whole key
    [("DEL", "k")], [("UNLINK", "k")], [("SET", "k", "x")], [("PEXPIREAT", "k", 1)], [("MOVE", "k", 3)],
    [("FLUSHALL", "SYNC")], [("FLUSHALL", "ASYNC")], [("FLUSHDB",)], [("SWAPDB", 0, 4), ("FLUSHALL",)],
    [("RENAME", "k", "away")], [("RENAME", "k", "away"), ("RENAME", "away", "k")],
    [("COPY", "k", "twin")], [("COPY", "k", "twin"), ("RENAME", "twin", "k")],
    [("RESTORE", "k", 0, payload(b"\x02\x01\x01a"), "REPLACE")]]



def restored(kind: str, store: wstore.Store, body: bytes) -> Any:
    """The value that an object restores to."""
    store.execute("RESTORE", "restored", 0, payload(body), "REPLACE")
    value = KINDS[kind].value(store, "restored")
    store.execute("DEL", "restored")
    return value


class Life:
    """A key that is frozen, encoded in steps and thawed, again and again, while all sorts of things happen to it."""

    def __init__(self, kind: str, seed: int):
        self.type = kind
        self.kind = KINDS[kind]
        self.rng = random.Random(seed)
        self.store = wstore.Store()
        self.frozen: Any = None
        self.thawed = 0
        self.fill()

    def fill(self) -> None:
        self.store.execute("DEL", "k")
        for _ in range(self.rng.choice([1, 4])):
            self.store.execute(*self.kind.add(self.rng, 500))

    def freeze(self) -> None:
        if self.store.execute("TYPE", "k") != self.type:
            self.fill()
        self.before = self.kind.value(self.store)
        self.frozen = self.store.freeze(b"k")
        self.bytes = b""

    def change(self) -> None:
        for _ in range(self.rng.randint(1, 9)):
            if self.store.execute("TYPE", "k") == self.type:
                self.store.execute(*self.kind.change(self.rng, self.kind.value(self.store)))

    def befall(self) -> None:
        """Something happens to the whole key."""
        for words in self.rng.choice(FATES) if self.store.execute("EXISTS", "k") else ():
            self.store.execute(*words)
        if self.rng.random() < 0.5:
            self.fill()

    def encode(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            self.bytes += self.frozen.step()
        if self.frozen.done:
            self.frozen.thaw()
            self.frozen = None
            assert restored(self.type, self.store, self.bytes) == self.before
            self.thawed += 1

    def give_up(self) -> None:
        self.frozen.thaw()
        self.frozen = None

    def go_on(self) -> None:
        n = self.rng.random()
        if n < 0.5:
            self.change()
        elif n < 0.65:
            self.befall()
        elif self.frozen is None:
            self.freeze()
        elif n < 0.97:
            self.encode()
        else:
            self.give_up()
        self.store.validate()


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("seed", range(8))
def test_what_was_frozen_comes_out_whatever_happens(kind, seed):
    gc.collect()
    used_bytes = alloc_used_bytes()
    life = Life(kind, seed)
    for _ in range(120):
        life.go_on()
    while life.frozen is not None:
        life.encode()
    assert life.thawed > 3
    life.store.close()
    del life
    gc.collect()
    assert alloc_used_bytes() == used_bytes


class Encoder(threading.Thread):
    """Takes all steps of a frozen value, as the thread of a snapshot does."""

    def __init__(self, frozen: Any):
        super().__init__()
        self.frozen = frozen
        self.bytes = b""
        self.start()

    def run(self) -> None:
        while not self.frozen.done:
            self.bytes += self.frozen.step()


def filled(kind: str, rng: Rng) -> wstore.Store:
    """A store with a value that takes some dozens of steps."""
    store = wstore.Store()
    for _ in range(16):
        store.execute(*KINDS[kind].add(rng, 2000))
    return store


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_thread_encodes_while_commands_change_the_value(kind):
    rng = random.Random(kind)
    store = filled(kind, rng)
    for _ in range(4):
        before = KINDS[kind].value(store)
        frozen = store.freeze(b"k")
        encoder = Encoder(frozen)
        while encoder.is_alive():
            live = before[:store.execute("LLEN", "k")] if kind == "list" else before
            store.execute(*(KINDS[kind].change(rng, live) if live else KINDS[kind].add(rng, 2000)))
        frozen.thaw()
        store.validate()
        assert restored(kind, store, encoder.bytes) == before
        store.execute("CONFIG", "SET", "list-compress-depth", 0, "list-max-listpack-size", -2)
        store.execute(*KINDS[kind].add(rng, 2000))
    store.close()


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("end", [("FLUSHALL", "ASYNC"), ("DEL", "k"), ("RENAME", "other", "k")])
def test_a_thread_encodes_what_is_gone(kind, end):
    gc.collect()
    used_bytes = alloc_used_bytes()
    for seed in range(4):
        store = filled(kind, random.Random(seed))
        store.execute("SET", "other", "x")
        before = KINDS[kind].value(store)
        encoder = Encoder(store.freeze(b"k"))
        store.execute(*end)
        encoder.join()
        encoder.frozen.thaw()
        assert restored(kind, store, encoder.bytes) == before
        store.close()
        del store, encoder
        gc.collect()
    assert alloc_used_bytes() == used_bytes


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_encoded_is_not_copied_any_more(kind):
    names = {"hash": ("HKEYS", "k"), "set": ("SMEMBERS", "k"), "list": ("LRANGE", "k", 0, -1)}
    store = filled(kind, random.Random(1))
    frozen = store.freeze(b"k")
    while not frozen.done:
        frozen.step()
    used_bytes = alloc_used_bytes()
    for i, name in enumerate(store.execute(*names[kind])):
        if name.startswith(b"element"):
            if kind == "list":
                store.execute("LSET", "k", i, name[::-1])
            else:
                store.execute("HDEL" if kind == "hash" else "SREM", "k", name)
    assert alloc_used_bytes() < used_bytes + 100_000
    frozen.thaw()
    store.validate()


def test_small_values_are_not_frozen():
    store = wstore.Store()
    store.execute("HSET", "h", "a", "b")
    assert store.freeze(b"h") is None
    assert store.freeze(b"missing") is None
    store.execute("SET", "s", "x" * 100_000)
    assert store.freeze(b"s") is None


def test_a_thawed_value_takes_no_steps():
    store = wstore.Store()
    store.execute("SADD", "s", *range(10_000))
    frozen = store.freeze(b"s")
    while not frozen.done:
        frozen.step()
    assert frozen.step() == b""
    frozen.thaw()
    frozen.thaw()
    with pytest.raises(ValueError, match="thawed"):
        frozen.step()
