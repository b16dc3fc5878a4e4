"""Fuzzing of RESTORE: payloads with a right checksum around objects that are damaged, cut or made up.

Each is refused with one of Redis's errors, and then nothing has changed, or taken, and then the value is whole:
what DUMP gives of it restores to the same value. Objects are of every type and in every encoding; the damage is done
to the encoding or to the object around it.
"""
import random
import struct
from collections.abc import Callable

import wstore
from tests.fuzz.registry import fuzzer
from tests.payloads import intset, length, listpack, payload, string, text, ziplist, zipmap
from wstore.errors import ReplyError

REFUSALS = {"ERR Bad data format", "ERR DUMP payload version or checksum are wrong"}
HOSTILE_LENGTHS = [0, 1, 63, 64, 16383, 16384, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 63) - 1,
                   1 << 63, (1 << 64) - 1]


def some_value(rng: random.Random) -> bytes:
    chance = rng.random()
    if chance < 0.3:
        return str(rng.getrandbits(rng.randrange(1, 66)) * rng.choice((1, -1))).encode()
    if chance < 0.6:
        return rng.randbytes(rng.randrange(1, 8)) * rng.randrange(1, 400)
    return rng.randbytes(rng.choice((0, 1, 20, 44, 63, 64, 1023, 1024, 1025, 17000)))


def damaged(rng: random.Random, body: bytes) -> bytes:
    """`body` with some bytes changed, cut out or put in."""
    data = bytearray(body)
    for _ in range(rng.randrange(4)):
        place = rng.randrange(len(data) + 1) if rng.random() < 0.5 else rng.randrange(min(len(data), 8) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[place:place + 1] = rng.randbytes(1)
        elif kind == 1:
            del data[place:place + rng.randrange(1, 9)]
        elif kind == 2:
            data[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:
            data[place:] = b""
    return bytes(data)


def made_up(rng: random.Random) -> bytes:
    """An object with lengths that do not fit what follows."""
    kind = rng.randrange(4)
    first, second = rng.choice(HOSTILE_LENGTHS), rng.choice(HOSTILE_LENGTHS)
    if kind == 0:
        return b"\x00" + length(first) + rng.randbytes(rng.randrange(40))
    if kind == 1:
        return b"\x00\xc3" + length(first) + length(second) + rng.randbytes(rng.randrange(40))
    if kind == 2:
        body = rng.randbytes(rng.randrange(1, 40))
        return b"\x00\xc3" + length(len(body)) + length(rng.randrange(1, 5000)) + body
    return bytes([rng.randrange(256)]) + rng.randbytes(rng.randrange(20))


def some_items(rng: random.Random) -> list[bytes]:
    """An even number of them, mostly few, some the same."""
    return [some_value(rng)[:rng.choice((1, 5, 70, 300, 20000))] for _ in range(2 * rng.choice((0, 1, 2, 5, 5, 40)))]


def scored(rng: random.Random) -> list[bytes]:
    """Members with their scores, most of them such."""
    scores = (b"0", b"1.5", b"-inf", b"nan", b"5e-324", b"x", b"17", b"")
    return [part for item in some_items(rng)[::2] for part in (item, rng.choice(scores[:rng.choice((3, 8))]))]


def some_intset(rng: random.Random) -> bytes:
    bits = rng.choice((15, 31, 63))
    return intset(rng.randrange(-1 << bits, 1 << bits) for _ in range(rng.choice((0, 1, 5, 200))))


def some_zipmap(rng: random.Random) -> bytes:
    items = some_items(rng)
    return zipmap(list(zip(items[::2], items[1::2], strict=True)), rng.choice((0, 0, 3, 255)))


ENCODINGS: dict[int, Callable[[random.Random], bytes]] = {
    9: some_zipmap, 11: some_intset,
    10: lambda rng: ziplist(some_items(rng)), 12: lambda rng: ziplist(scored(rng)),
    13: lambda rng: ziplist(some_items(rng)), 16: lambda rng: listpack(some_items(rng)),
    17: lambda rng: listpack(scored(rng)), 20: lambda rng: listpack(some_items(rng)),
}


def some_quicklist(rng: random.Random) -> bytes:
    """Nodes that are damaged now and then, under a number that is mostly right."""
    kind = rng.choice((14, 18))
    nodes = []
    for _ in range(rng.choice((0, 1, 2, 2, 5))):
        plain = kind == 18 and rng.random() < 0.3
        node = some_value(rng) if plain else (ziplist if kind == 14 else listpack)(some_items(rng))
        container = b"" if kind == 14 else b"\x01" if plain else b"\x02"
        nodes.append(container + string(damaged(rng, node) if rng.random() < 0.1 else node))
    count = len(nodes) if rng.random() < 0.9 else rng.choice(HOSTILE_LENGTHS)
    return bytes([kind]) + length(count) + b"".join(nodes)


def plain_collection(rng: random.Random) -> bytes:
    """The types in which every element is a string of its own."""
    kind = rng.choice((1, 2, 3, 4, 5))
    items = some_items(rng)
    count = len(items) // (1 if kind < 3 else 2)
    body = b"".join(map(string, items))
    if kind == 3:
        body = b"".join(string(item) + rng.choice((b"\xfd", b"\xfe", b"\xff", b"\x011")) for item in items[::2])
    if kind == 5:
        scores = (0.0, -1.5, float("inf"), float("nan"), 5e-324)
        body = b"".join(string(item) + struct.pack("<d", rng.choice(scores)) for item in items[::2])
    return bytes([kind]) + length(count if rng.random() < 0.9 else rng.choice(HOSTILE_LENGTHS)) + body


def some_collection(rng: random.Random) -> bytes:
    chance = rng.random()
    if chance < 0.2:
        return some_quicklist(rng)
    if chance < 0.4:
        return damaged(rng, plain_collection(rng))
    kind = rng.choice(list(ENCODINGS))
    encoded = ENCODINGS[kind](rng)
    return bytes([kind]) + string(damaged(rng, encoded) if rng.random() < 0.7 else encoded)


def some_body(rng: random.Random, store: wstore.Store) -> bytes:
    chance = rng.random()
    if chance < 0.6:
        return some_collection(rng)
    if chance < 0.8:
        return made_up(rng)
    value = some_value(rng)
    if rng.random() < 0.3:
        return damaged(rng, text(value))
    store.execute("SET", "source", value)
    return damaged(rng, store.execute("DUMP", "source")[:-10])


def restored(store: wstore.Store, key: str, data: bytes) -> bool:
    try:
        store.execute("RESTORE", key, 0, data, "REPLACE")
    except ReplyError as error:
        assert str(error) in REFUSALS, error
        return False
    return True


@fuzzer("restore")
def fuzz_restore(rng: random.Random, iterations: int) -> None:
    with wstore.Store() as store:
        for _ in range(iterations):
            store.execute("SET", "k", "before")
            data = payload(some_body(rng, store), rng.choice((0, 9, 10, 11, 12)))
            if not restored(store, "k", data):
                assert store.get("k") == b"before"
                continue
            store.validate()
            assert restored(store, "copy", store.execute("DUMP", "k"))
            one, other = store.execute("DEBUG", "DIGEST-VALUE", "k", "copy")
            assert one == other
        store.validate()
