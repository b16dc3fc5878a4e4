"""RESTORE of every encoding in which Redis 2.4 to 7.2 write collections: payloads of a real redis-server and made by
hand, equal digests on both sides; damaged ones are refused."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

import wstore
from tests import strategies
from tests.harness import OK, Bulk, Connection, Error, Int, ServerProcess, start_oracle
from tests.payloads import intset, length, listpack, payload, quicklist, quicklist_2, string, ziplist, zipmap
from wstore.errors import ReplyError

NUMBERS = [b"%d" % (sign * (1 << bits) + step) for bits in (0, 3, 6, 7, 12, 13, 15, 16, 23, 24, 31, 32, 47, 62, 63)
           for sign in (1, -1) for step in (-1, 0, 1)]
ODD_TEXTS = [b"", b"a", b"-0", b"007", b"1.5", b" 1", b"\x00\xff", b"9223372036854775808", b"-9223372036854775809"]
LONG_TEXTS = [(b"%d:" % size).ljust(size, b"x") for size in
              (62, 63, 64, 124, 125, 126, 127, 250, 251, 252, 253, 254, 255, 256, 4094, 4095, 4096, 16376, 16377,
               16378, 16379, 16380, 16383, 16384)]
ITEMS = list(dict.fromkeys(NUMBERS + ODD_TEXTS + LONG_TEXTS))
SHORT = [item for item in ITEMS if len(item) < 64]
NAMES = [b"n:" + item[:40] for item in ITEMS]
PAIRS = [part for pair in zip(NAMES, ITEMS, strict=True) for part in pair]
SCORES = [b"0", b"1", b"-1", b"12", b"127", b"128", b"1.5", b"-2.25", b"inf", b"-inf", b"1e+300", b"5e-324", b"3.0",
          b"9007199254740993", b"0.10000000000000001"]
SCORED = [part for i, item in enumerate(ITEMS) for part in (item, SCORES[i % len(SCORES)])]
INTS = sorted({int(number) for number in NUMBERS if -1 << 63 <= int(number) < 1 << 63})
MANY = [b"e%d" % i for i in range(3000)]

# type of RDB -> object, made by hand; Redis 7.0 reads all but the last
HAND_MADE = {
    "list of a ziplist": (10, ziplist(ITEMS)),
    "list of ziplists": (14, quicklist([ITEMS[:1], ITEMS[1:9], ITEMS[9:]])),
    "list of listpacks": (18, quicklist_2([ITEMS[:70], b"plain" * 3000, ITEMS[70:], b"12"])),
    "list of one short plain node": (18, quicklist_2([b"12"])),
    "list of many": (18, quicklist_2([MANY])),
    "set of 16-bit integers": (11, intset([0, -1, 5, 32767, -32768])),
    "set of 32-bit integers": (11, intset([0, 32768, -5, -(1 << 31)])),
    "set of 64-bit integers": (11, intset(INTS)),
    "hash of a zipmap": (9, zipmap(list(zip(NAMES, ITEMS, strict=True)))),
    "hash of a zipmap with free bytes": (9, zipmap([(b"f", b"v"), (b"g" * 300, b""), (b"", b"1")], 5)),
    "hash of a zipmap of many": (9, zipmap([(name, b"1") for name in MANY])),
    "hash of a ziplist": (13, ziplist(PAIRS)),
    "hash of a listpack": (16, listpack(PAIRS)),
    "hash of a listpack of many": (16, listpack(MANY)),
    "sorted set of a ziplist": (12, ziplist(SCORED)),
    "sorted set of a listpack": (17, listpack(SCORED)),
    "set of a listpack": (20, listpack(ITEMS)),
}
EMPTY = {"list of a ziplist": (10, ziplist([])), "list of no nodes": (14, quicklist([])),
         "list of empty ziplists": (14, quicklist([[], []])), "list of an empty listpack": (18, quicklist_2([[]])),
         "list of an empty plain node": (18, quicklist_2([b""])), "set of no integers": (11, intset([])),
         "hash of an empty zipmap": (9, zipmap([])), "hash of an empty ziplist": (13, ziplist([])),
         "hash of an empty listpack": (16, listpack([])),
         "sorted set of an empty listpack": (17, listpack([]))}
MALFORMED = {
    "hash with a field only": (16, listpack([b"f"])), "zset without a score": (17, listpack([b"m"])),
    "zset with a text as score": (17, listpack([b"m", b"abc"])),
    "zset with NaN": (12, ziplist([b"m", b"nan"])), "score too long": (17, listpack([b"m", b"1" * 200])),
    "intset out of order": (11, intset([1, 2])[:8] + b"\x02\x00\x01\x00"),
    "intset with a duplicate": (11, intset([1, 2])[:8] + b"\x01\x00\x01\x00"),
    "intset of 3-byte integers": (11, b"\x03\0\0\0\x01\0\0\0abc"),
    "intset cut": (11, intset([1, 2])[:-1]), "intset with more": (11, intset([1, 2]) + b"\0"),
    "wrong count": (16, listpack([b"f", b"v"])[:4] + b"\x03" + listpack([b"f", b"v"])[5:]),
    "wrong size": (16, b"\x0e" + listpack([b"f", b"v"])[1:]),
    "wrong size behind an entry": (16, listpack([b"f", b"v"])[:8] + b"\x01" + listpack([b"f", b"v"])[9:]),
    "no terminator": (16, listpack([b"f", b"v"])[:-1] + b"\x00"),
    "ziplist with a wrong tail": (13, ziplist([b"f", b"v"])[:4] + b"\x0a" + ziplist([b"f", b"v"])[5:]),
    "ziplist with a wrong size before": (13, ziplist([b"f", b"v"])[:-4] + b"\x02\x01v\xff"),
    "zipmap with a wrong count": (9, b"\x02\x01f\x01\x00v\xff"), "zipmap cut": (9, b"\x01\x01f\xff"),
    "hash of a listpack with a field twice": (16, listpack([b"f", b"v", b"f", b"w"])),
    "hash of a ziplist with a field twice": (13, ziplist([b"f", b"v", b"g", b"v", b"f", b"v"])),
    "hash of a zipmap with a field twice": (9, zipmap([(b"f", b"v"), (b"f", b"v")])),
    "sorted set with a member twice": (17, listpack([b"m", b"1", b"m", b"2"])),
    "set with a member twice": (20, listpack([b"12", b"a", b"12"])),
    "quicklist of an unknown container": (18, b"\x01\x03" + string(listpack([b"a"]))),
    "quicklist of fewer nodes": (14, b"\x02" + string(ziplist([b"a"]))),
}


PLAIN_DUPLICATES = {
    "set": b"\x02\x03" + string(b"a") + string(b"b") + string(b"a"),
    "small hash": b"\x04\x02" + string(b"a") + string(b"1") + string(b"a") + string(b"2"),
    "big hash": b"\x04" + length(600) + b"".join(string(b"%d" % (i % 599)) + string(b"1") for i in range(600)),
    "sorted set": b"\x05\x02" + 2 * (string(b"a") + b"\0" * 8),
    "sorted set of texts": b"\x03\x02" + 2 * (string(b"a") + b"\x011"),
}


def body_of(rdb_type: int, encoded: bytes) -> bytes:
    """The object: quicklists stand there as they are, everything else as one string."""
    return bytes([rdb_type]) + (encoded if rdb_type in (14, 18) else string(encoded))


def digest(connection: Connection, key: str = "k") -> object:
    return connection.call("DEBUG", "DIGEST-VALUE", key)


@pytest.fixture(scope="module")
def strict_oracle() -> Iterator[ServerProcess]:
    """A redis-server that checks payloads in depth: what is made by hand must be right."""
    with start_oracle("--sanitize-dump-payload", "yes") as server:
        yield server


@pytest.mark.parametrize("name", [name for name in HAND_MADE if name != "set of a listpack"])
def test_payloads_made_by_hand(strict_oracle: ServerProcess, wstore_server: ServerProcess, name: str):
    data = payload(body_of(*HAND_MADE[name]))
    with strict_oracle.connect() as theirs, wstore_server.connect() as ours:
        for connection in (theirs, ours):
            assert connection.call("RESTORE", "k", 0, data, "REPLACE") == OK
        assert ours.call("TYPE", "k") == theirs.call("TYPE", "k")
        assert digest(ours) == digest(theirs)
        assert theirs.call("RESTORE", "k", 0, ours.call("DUMP", "k").data, "REPLACE") == OK
        assert digest(ours) == digest(theirs)


def test_a_set_as_redis_7_2_writes_it(oracle: ServerProcess, wstore_server: ServerProcess):
    with oracle.connect() as theirs, wstore_server.connect() as ours:
        data = payload(body_of(*HAND_MADE["set of a listpack"]), 11)
        assert ours.call("RESTORE", "k", 0, data, "REPLACE") == OK
        theirs.call("DEL", "k")
        theirs.call("SADD", "k", *ITEMS)
        assert digest(ours) == digest(theirs)


@pytest.mark.parametrize("name", EMPTY)
def test_empty_collections_are_bad_data(strict_oracle: ServerProcess, wstore_server: ServerProcess, name: str):
    for server in (strict_oracle, wstore_server):
        assert server.call("RESTORE", "k", 0, payload(body_of(*EMPTY[name])), "REPLACE") \
            == Error(b"ERR Bad data format")


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_collections_are_bad_data(wstore_server: ServerProcess, name: str):
    with wstore_server.connect() as connection:
        connection.call("SET", "k", "before")
        data = payload(body_of(*MALFORMED[name]))
        assert connection.call("RESTORE", "k", 0, data, "REPLACE") == Error(b"ERR Bad data format")
        assert connection.call("GET", "k") == Bulk(b"before")


@pytest.mark.parametrize("name", PLAIN_DUPLICATES)
def test_elements_that_come_twice_are_bad_data(strict_oracle: ServerProcess, wstore_server: ServerProcess, name: str):
    for server in (strict_oracle, wstore_server):
        assert server.call("RESTORE", "k", 0, payload(PLAIN_DUPLICATES[name]), "REPLACE") \
            == Error(b"ERR Bad data format")


@pytest.mark.parametrize("name", HAND_MADE)
def test_every_cut_is_noticed(name: str):
    """A shorter string in an object of the right lengths, and an object that ends too early."""
    rdb_type, encoded = HAND_MADE[name]
    body = body_of(rdb_type, encoded)
    with wstore.Store() as store:
        for n in [*range(min(len(encoded), 60)), *range(60, len(encoded), len(encoded) // 40 + 1)]:
            for case in (body[:n], body_of(rdb_type, encoded[:n])):
                with pytest.raises(ReplyError, match="ERR Bad data format"):
                    store.execute("RESTORE", "k", 0, payload(case))
        assert store.execute("DBSIZE") == 0


def in_pairs(items: Sequence[bytes]) -> list[bytes]:
    return [part for i, item in enumerate(items) for part in (item, b"%d" % i)]


def with_scores(items: Sequence[bytes]) -> list[bytes]:
    return [part for i, item in enumerate(items) for part in (SCORES[i % len(SCORES)], item)]


# what Redis has to be told to write an encoding: type byte, configuration, commands
WRITTEN = {
    "intset": (11, {}, [("SADD", "k", *INTS[:60])]),
    "set": (2, {}, [("SADD", "k", *ITEMS)]),
    "set of many": (2, {}, [("SADD", "k", *MANY)]),
    "set of many integers": (2, {}, [("SADD", "k", *range(3000))]),
    "hash listpack": (16, {}, [("HSET", "k", *in_pairs(SHORT))]),
    "hash": (4, {}, [("HSET", "k", *PAIRS)]),
    "hash of many": (4, {}, [("HSET", "k", *in_pairs(MANY))]),
    "zset listpack": (17, {"zset-max-listpack-entries": 1000}, [
        ("ZADD", "k", *with_scores(SHORT))]),
    "zset": (5, {}, [("ZADD", "k", *with_scores(ITEMS))]),
    "zset of many": (5, {}, [("ZADD", "k", *with_scores(MANY))]),
    "quicklist of one node": (18, {"list-max-listpack-size": "-5"}, [("RPUSH", "k", *SHORT)]),
    "quicklist of nodes": (18, {"list-max-listpack-size": "3"}, [("RPUSH", "k", *ITEMS)]),
    "compressed quicklist": (18, {"list-max-listpack-size": "-1", "list-compress-depth": "1"}, [("RPUSH", "k", *MANY)]),
    "quicklist with plain nodes": (18, {}, [("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "200"), ("RPUSH", "k", *ITEMS)]),
    "noise": (18, {}, [("RPUSH", "k", *[strategies.noise(size, 1) for size in (10, 5000, 70000)])]),
}


@pytest.mark.parametrize("compression", ["yes", "no"])
@pytest.mark.parametrize("name", WRITTEN)
def test_what_redis_writes(wstore_server: ServerProcess, own_oracle: ServerProcess, name: str, compression: str):
    """And what wstore makes of it travels back."""
    rdb_type, config, commands = WRITTEN[name]
    with own_oracle.connect() as theirs, wstore_server.connect() as ours:
        assert theirs.call("FLUSHALL") == OK
        for directive, value in {**DEFAULTS, **config, "rdbcompression": compression}.items():
            assert theirs.call("CONFIG", "SET", directive, value) == OK
        theirs.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0")
        for command in commands:
            assert not isinstance(theirs.call(*command), Error)
        data = theirs.call("DUMP", "k").data
        assert data[0] == rdb_type
        assert ours.call("RESTORE", "k", 0, data, "REPLACE") == OK
        assert digest(ours) == digest(theirs)
        assert theirs.call("RESTORE", "back", 0, ours.call("DUMP", "k").data) == OK
        assert digest(theirs, "back") == digest(theirs)
        assert theirs.call("EXISTS", "back") == Int(1)


DEFAULTS = {"zset-max-listpack-entries": "128", "list-max-listpack-size": "-2", "list-compress-depth": "0"}


@pytest.fixture(scope="module")
def own_oracle() -> Iterator[ServerProcess]:
    """A redis-server whose configuration these tests change."""
    with start_oracle() as server:
        yield server
