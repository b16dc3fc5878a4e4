"""open_rdb: records, filters, values and the slot index, on files made by hand and by a real redis-server."""
import struct

import numpy
import pytest

import wstore.persistence
from tests.payloads import crc64, intset, length, listpack, string, text, zipmap
from wstore.engine._engine import key_slot
from wstore.errors import RdbError
from wstore.persistence.rdb import open_rdb

KEYS = [b"key:%d" % i for i in range(50)]


def record(key, body=None, expire_ms=None):
    """A key with its value: a type byte and an object; by default a string that is the key."""
    head = b"" if expire_ms is None else b"\xfc" + struct.pack("<q", expire_ms)
    body = text(key) if body is None else body
    return head + body[:1] + string(key) + body[1:]


def aux(name, value):
    return b"\xfa" + string(name) + string(value)


def whole(body):
    """A file around what stands between its header and its end."""
    data = b"REDIS0010" + body + b"\xff"
    return data + struct.pack("<Q", crc64(data))


def with_index(parts, before=b""):
    """A file of parts (db, first slot, last slot, keys), with a slot index."""
    body, entries = before, b""
    for db, first, last, keys in parts:
        body += b"\xfe" + length(db)
        data = b"".join(map(record, keys))
        entries += struct.pack("<QQIHHH6x", 9 + len(body), len(data), len(keys), db, first, last)
        body += data
    at = 9 + len(body)
    return whole(body + aux(b"wstore-slots", b"WSLOTS01" + entries) + aux(b"wstore-slots-at", b"%020d" % at))


def by_slot(db=0, parts=5):
    """KEYS by slot in so many parts."""
    keys = sorted(KEYS, key=key_slot)
    size = len(keys) // parts
    cut = [keys[i:i + size] for i in range(0, len(keys), size)]
    return [(db, key_slot(part[0]), key_slot(part[-1]), part) for part in cut]


@pytest.fixture
def made(tmp_path):
    """A function: an open file of these bytes."""
    def make(data, **filters):
        (tmp_path / "dump.rdb").write_bytes(data)
        return open_rdb(tmp_path / "dump.rdb", **filters)
    return make


def test_the_public_name():
    assert wstore.persistence.open_rdb is open_rdb
    with pytest.raises(AttributeError):
        _ = wstore.persistence.nothing


def test_records(made):
    body = aux(b"redis-ver", b"7.0.15") + aux(b"ctime", b"\xff") + b"\xfe\x00\xfb\x02\x01" + record(b"a")
    body += b"\xfe\x03" + record(b"b", b"\x0b" + string(intset([1, 2])), 1_700_000_000_000)
    with made(whole(body)) as file:
        assert (file.version, file.slot_index, file.size) == (10, None, 9 + len(body) + 9)
        assert file.aux == {b"redis-ver": b"7.0.15", b"ctime": b"\xff"}
        for _pass in range(2):
            a, b = file
            assert file.position == file.size
        assert (a.key, a.db, a.type, a.encoding, a.expires_ms, a.value) == (b"a", 0, "string", "raw", None, b"a")
        assert (b.key, b.db, b.type, b.encoding, b.expires_ms) == (b"b", 3, "set", "intset", 1_700_000_000_000)
        assert b.value == {b"1", b"2"}
        assert b.slot == key_slot(b"b")
        assert b.offset + b.size == file.size - 9
        assert "set b'b' of database 3" in repr(b)


@pytest.mark.parametrize("body, kind, value", [
    (b"\x00\xc0\x85", "string", b"-123"),
    (b"\x00" + string(b"x" * 100), "string", b"x" * 100),
    (b"\x00" + string(b"x" * 20000), "string", b"x" * 20000),
    (b"\x00\xc3" + length(4) + length(20) + b"\xff" * 4, "string", None),
    (b"\x01\x02" + string(b"a") + string(b"b"), "list", [b"a", b"b"]),
    (b"\x05\x02" + string(b"m") + struct.pack("<d", 1.5) + string(b"n") + struct.pack("<d", float("inf")), "zset",
     [(b"m", 1.5), (b"n", float("inf"))]),
    (b"\x09" + string(zipmap([(b"f", b"v")])), "hash", {b"f": b"v"}),
    (b"\x10" + string(listpack([b"f", b"1"])), "hash", {b"f": b"1"}),
    (b"\x10" + string(b"damaged"), "hash", None),
    (b"\x0f\x00\x00\x00\x00\x00", "stream", None),
])
def test_values(made, body, kind, value):
    with made(whole(record(b"k", body))) as file:
        [found] = file
        assert found.type == kind
        if value is None:
            with pytest.raises(ValueError):
                _ = found.value
        else:
            assert found.value == value


def test_filters(made):
    data = whole(b"".join(map(record, KEYS)))
    slots = [key_slot(key) for key in KEYS[:10]]
    assert [record.key for record in made(data, slots=slots)] == KEYS[:10]
    assert [record.key for record in made(data, slots=[(0, 16383)], match="key:1?")] == KEYS[10:20]
    assert [record.key for record in made(data, slots=(), match=b"key:1?")] == []
    for wrong in ([16384], [-1], [(5, 4)]):
        with pytest.raises(ValueError, match="slot"):
            made(data, slots=wrong)


def test_slot_index(made):
    parts = by_slot() + by_slot(db=2)
    file = made(with_index(parts, aux(b"redis-ver", b"7.0.15")))
    index = file.slot_index
    assert index["keys"].tolist() == [10] * 10
    assert index["db"].tolist() == [0] * 5 + [2] * 5
    assert list(zip(index["first_slot"], index["last_slot"])) == [(first, last) for _, first, last, _ in parts]
    assert isinstance(index["offset"], numpy.ndarray)
    assert len(list(file)) == 100


def test_only_the_parts_that_are_needed_are_read(made):
    """A part with other slots may hold rubbish."""
    parts = by_slot() + by_slot(db=2)
    data = with_index(parts)
    for db, first, last, keys in parts:
        file = made(data, slots=[(first, last)])
        assert {(found.db, found.key) for found in file} == {(n, key) for n in (0, 2) for key in keys}
        [at] = [int(e["offset"]) for e in file.slot_index if (e["db"], e["first_slot"]) == (db, first)]
        bent = data[:at] + b"\xf3" + data[at + 1:]
        with pytest.raises(RdbError) as caught:
            list(made(bent, slots=[first]))
        assert caught.value.offset == at
        other = next(slot for _, slot, _, _ in parts if not first <= slot <= last)
        assert list(made(bent, slots=[other]))


@pytest.mark.parametrize("old, new, reason", [
    (b"WSLOTS01", b"WSLOTS02", "no slot index where one should be"),
    (b"wstore-slots-at\x14000000", b"wstore-slots-at\x14900000", "points outside"),
    (b"wstore-slots-at\x1400", b"wstore-slots-at\x14xx", "points outside"),
])
def test_a_damaged_slot_index(made, old, new, reason):
    data = with_index(by_slot())
    assert data.count(old) == 1
    with pytest.raises(RdbError, match=reason):
        _ = made(data.replace(old, new)).slot_index


def test_slot_entries_outside_of_the_file(made):
    data = with_index(by_slot())
    at = data.index(b"WSLOTS01") + 8
    for bent in (data[:at + 8] + b"\xff" * 8 + data[at + 16:], data[:at] + b"\xff" * 8 + data[at + 8:]):
        with pytest.raises(RdbError, match="the slot index is damaged"):
            _ = made(bent).slot_index


def test_damage_is_told_with_its_place(made):
    data = whole(b"".join(map(record, KEYS)))
    with pytest.raises(RdbError, match="checksum"):
        list(made(data.replace(b"key:7", b"key:x")))
    with pytest.raises(RdbError, match="ends too early"):
        list(made(data[:100]))
    with pytest.raises(RdbError, match="does not begin with REDIS"):
        made(b"x" + data)


def test_what_is_passed_over_is_told(made):
    file = made(whole(b"\xf5" + string(b"#!lua name=x\n") + record(b"a")))
    assert [found.key for found in file] == [b"a"]
    assert file.warnings == ["a library of functions was passed over"]
