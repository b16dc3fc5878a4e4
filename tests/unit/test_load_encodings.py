"""RDB files as Redis 2.4 to 7.4 wrote them, made from the format's description: each version, each encoding."""
from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest

from tests import rdb_files as rdb
from tests.payloads import intset, length, listpack, payload, quicklist, quicklist_2, string, ziplist, zipmap
from tests.unit.test_load import Loaded
from wstore.engine._engine import RdbReader

DAY_MS = 86_400_000
LONG = b"long text " * 30
PAIRS = [(b"f", b"v"), (b"n", b"-70000"), (b"l", LONG)]
FLAT = [word for pair in PAIRS for word in pair]
SCORES = [b"a", b"1.5", b"b", b"-inf", b"c", b"300"]
LZF_20_A = b"\xc3\x05\x14\x00a\xe0\x0a\x00"      # twenty times a: one as it is, then a run of nineteen


def old_score(score: float) -> bytes:
    """As text with a length in front, as sorted sets had them up to version 7."""
    special = {math.inf: b"\xfe", -math.inf: b"\xff"}
    return special.get(score) or bytes([len(repr(score))]) + repr(score).encode()


def plain_zset(*pairs: tuple[bytes, float]) -> bytes:
    return length(len(pairs)) + b"".join(string(member) + old_score(score) for member, score in pairs)


# type and object -> how it is asked for, and the answer; the versions of RDB that have it
ENCODINGS = {
    "string": (0, string(b"abc"), "GET k", b"abc", 1), "8 bits": (0, b"\xc0\x85", "GET k", b"-123", 1),
    "16 bits": (0, b"\xc1\x00\x80", "GET k", b"-32768", 1),
    "32 bits": (0, b"\xc2\xff\xff\xff\x7f", "GET k", b"2147483647", 1),
    "LZF": (0, LZF_20_A, "GET k", b"a" * 20, 1),
    "list": (1, length(3) + string(b"a") + b"\xc0\x05" + LZF_20_A, "LRANGE k 0 -1", [b"a", b"5", b"a" * 20], 1),
    "set": (2, length(2) + string(b"a") + b"\xc1\x00\x10", "SMEMBERS k", {b"a", b"4096"}, 1),
    "zset": (3, plain_zset((b"a", 1.25), (b"b", math.inf), (b"c", -math.inf)), "ZRANGE k 0 -1 WITHSCORES",
             [[b"c", -math.inf], [b"a", 1.25], [b"b", math.inf]], 1),
    "hash": (4, length(2) + string(b"f") + string(b"v") + string(b"g") + b"\xc0\x01", "HGETALL k",
             {b"f": b"v", b"g": b"1"}, 1),
    "zset 2": (5, length(1) + string(b"m") + struct.pack("<d", 0.1), "ZSCORE k m", 0.1, 8),
    "zipmap": (9, string(zipmap(PAIRS, free=2)), "HGETALL k", dict(PAIRS), 2),
    "ziplist list": (10, string(ziplist([b"a", b"12", LONG])), "LRANGE k 0 -1", [b"a", b"12", LONG], 2),
    "intset": (11, string(intset([1, -5, 1 << 40])), "SMEMBERS k", {b"1", b"-5", b"1099511627776"}, 2),
    "ziplist zset": (12, string(ziplist(SCORES)), "ZRANGE k 0 -1 WITHSCORES",
                     [[b"b", -math.inf], [b"a", 1.5], [b"c", 300.0]], 2),
    "ziplist hash": (13, string(ziplist(FLAT)), "HGETALL k", dict(PAIRS), 4),
    "quicklist": (14, quicklist([[b"a", b"1"], [LONG]]), "LRANGE k 0 -1", [b"a", b"1", LONG], 7),
    "listpack hash": (16, string(listpack(FLAT)), "HGETALL k", dict(PAIRS), 10),
    "listpack zset": (17, string(listpack(SCORES)), "ZRANGE k 0 -1 WITHSCORES",
                      [[b"b", -math.inf], [b"a", 1.5], [b"c", 300.0]], 10),
    "quicklist 2": (18, quicklist_2([[b"a", b"1"], LONG]), "LRANGE k 0 -1", [b"a", b"1", LONG], 10),
    "listpack set": (20, string(listpack([b"a", b"7"])), "SMEMBERS k", {b"a", b"7"}, 11),
}


def plain(value: object) -> object:
    """A reply with its maps as dicts and its pairs as lists."""
    if not isinstance(value, list):
        return value
    return [list(item) if isinstance(item, (list, tuple)) else item for item in value]


@pytest.mark.parametrize("version", range(1, 13))
def test_every_version(tmp_path: Path, version: int):
    """All encodings that a version of the format knows, in one file, with and without a TTL."""
    known = {name: row for name, row in ENCODINGS.items() if row[4] <= version}
    seconds, ms = (4_000_000_000, None) if version < 3 else (None, 4_000_000_000_000)
    parts = [rdb.select(0)]
    for name, (rdb_type, body, *_) in known.items():
        parts.append(rdb.record(name.encode(), rdb_type, body))
        parts.append(rdb.record(b"ttl " + name.encode(), rdb_type, body, ms, seconds))
    got = Loaded(tmp_path, rdb.rdb_file(*parts, version=version))
    assert got.error is None and got.report["keys"] == got["DBSIZE"] == 2 * len(known)
    for name, (_, _, question, answer, _) in known.items():
        for key in (name, "ttl " + name):
            words = [key if word == "k" else word for word in question.split()]
            assert plain(got.store.execute(*words)) == answer, key
        assert got.store.execute("PEXPIRETIME", "ttl " + name) == 4_000_000_000_000


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_reader_gives_payloads_that_restore(tmp_path: Path, name: str):
    rdb_type, body, question, answer, version = ENCODINGS[name]
    got = Loaded(tmp_path, rdb.rdb_file(rdb.record(b"key", rdb_type, body), version=version))
    reader = RdbReader(tmp_path / "0")
    [record] = [item for item in reader if item[0] == "record"]
    assert record == ("record", b"key", rdb_type, -1, 0, 9, 14, len(body)) and reader.version == version
    assert got.store.execute("RESTORE", "k", 0, reader.payload(rdb_type, *record[6:])) == "OK"
    assert plain(got[question]) == answer


# -- fields with TTLs, as of Redis 7.4 -------------------------------------------------------------------------------

def now_ms(got: Loaded) -> int:
    seconds, microseconds = got["TIME"]
    return int(seconds) * 1000 + int(microseconds) // 1000


def hashes_with_ttls(past: int, future: int) -> dict[str, tuple[int, bytes]]:
    """live (no TTL), gone (past), later (future), in each of the four forms."""
    fields = [(b"live", b"1", 0), (b"gone", b"2", past), (b"later", b"3", future)]
    early = length(3) + b"".join(length(ttl) + string(name) + string(value) for name, value, ttl in fields)
    late = struct.pack("<Q", past) + length(3) + b"".join(
        length(ttl - past + 1 if ttl else 0) + string(name) + string(value) for name, value, ttl in fields)
    packed = string(listpack([word for name, value, ttl in fields for word in (name, value, b"%d" % ttl)]))
    return {"22": (22, early), "23": (23, packed), "24": (24, late), "25": (25, struct.pack("<Q", past) + packed)}


@pytest.mark.parametrize("form", ["22", "23", "24", "25"])
def test_ttls_of_fields(tmp_path: Path, form: str):
    now = now_ms(Loaded(tmp_path, rdb.rdb_file()))
    rdb_type, body = hashes_with_ttls(now - DAY_MS, now + DAY_MS)[form]
    got = Loaded(tmp_path, rdb.rdb_file(rdb.record(b"h", rdb_type, body), version=12))
    assert got["HGETALL h"] == {b"live": b"1", b"later": b"3"}
    [warning] = got.report["warnings"]
    assert warning.startswith("1 hash had TTLs of fields, which are not supported")
    assert got.store.execute("RESTORE", "k", 0, payload(bytes([rdb_type]) + body, 12)) == "OK"
    assert got["HGETALL k"] == {b"live": b"1", b"later": b"3"}


@pytest.mark.parametrize("form", [22, 23, 24, 25])
def test_a_hash_all_of_whose_fields_have_expired(tmp_path: Path, form: int):
    first = struct.pack("<Q", 1000) if form >= 24 else b""
    body = first + (string(listpack([b"f", b"v", b"1000"])) if form in (23, 25) else
                    length(1) + length(1 if form == 24 else 1000) + string(b"f") + string(b"v"))
    got = Loaded(tmp_path, rdb.rdb_file(rdb.record(b"h", form, body), rdb.record(b"a", 0, string(b"1")), version=12))
    assert got.error is None and got["DBSIZE"] == 1 and got.report["expired"] == 1
    assert got.store.execute("RESTORE", "a", 0, payload(bytes([form]) + body, 12), "REPLACE") == "OK"
    assert got["DBSIZE"] == 0


@pytest.mark.parametrize("form", ["22", "23", "24", "25"])
def test_damaged_hashes_with_ttls(tmp_path: Path, form: str):
    rdb_type, body = hashes_with_ttls(1_000, 4_000_000_000_000)[form]
    for size in range(len(body)):
        got = Loaded(tmp_path, rdb.rdb_file(rdb.record(b"h", rdb_type, body[:size]), version=12))
        assert got.error is not None
