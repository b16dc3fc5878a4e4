"""Fuzzing of RESTORE: payloads with a right checksum around objects that are damaged, cut or made up.

Each is refused with one of Redis's errors, and then nothing has changed, or taken, and then the value is whole:
what DUMP gives of it restores to the same value.
"""
import random

import wstore
from tests.fuzz.registry import fuzzer
from tests.payloads import length, payload, text
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


def some_body(rng: random.Random, store: wstore.Store) -> bytes:
    if rng.random() < 0.4:
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
            assert restored(store, "copy", store.execute("DUMP", "k"))
            assert store.get("copy") == store.get("k")
        store.validate()
