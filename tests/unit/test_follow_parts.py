"""The parts of `follow` that need no server: commands out of bytes, units, the spool, addresses, positions."""
from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.resp import encode
from wstore.engine._engine import key_slot, read_commands
from wstore.replication import Change, Position, follow
from wstore.replication.address import Address
from wstore.replication.key_places import KeyFilter
from wstore.replication.spool import Spool
from wstore.replication.units import Unit, UnitReader

WORDS = st.lists(st.binary(max_size=40), min_size=1, max_size=5).map(tuple)


# -- commands ------------------------------------------------------------------------------------------------------

@given(st.lists(WORDS, max_size=6), st.integers(0, 100))
def test_commands_out_of_bytes(commands, cut):
    pieces = list(map(encode, commands))
    ends = list(itertools.accumulate(map(len, pieces)))
    data = b"".join(pieces)
    kept = data[:max(0, len(data) - cut)]
    found, needed = read_commands(kept)
    assert found == [(end, words) for end, words in zip(ends, commands) if end <= len(kept)]
    assert needed > len(kept)
    if len(found) < len(commands):
        assert needed <= ends[len(found)]


def test_what_a_long_argument_needs_is_known():
    data = encode((b"SET", b"k", b"x" * 100_000))
    assert read_commands(data[:40]) == ([], len(data))


@pytest.mark.parametrize(("data", "reason", "at"), [
    (b"PING\r\n", "a command does not begin with *", 0),
    (b"*0\r\n", "a command has no words", 0),
    (b"*1\r\n$x\r\n", "a length is no number", 5),
    (b"*1\r\n$1\r\nabc", "an argument does not end in CR LF", 9),
    (b"*2\r\n$1\r\na\r\n*1\r\n", "an argument does not begin with $", 11),
])
def test_bytes_that_are_no_commands(data, reason, at):
    with pytest.raises(ValueError) as caught:
        read_commands(data)
    assert caught.value.args == (reason, at)
    whole = encode(("SET", "a", "b"))
    assert read_commands(whole + data)[0] == [(len(whole), (b"SET", b"a", b"b"))]


# -- units ---------------------------------------------------------------------------------------------------------

def stream_of(*commands):
    """Their bytes, and where each ends, from offset 100."""
    pieces = [encode(command.split()) for command in commands]
    return b"".join(pieces), [100 + end for end in itertools.accumulate(map(len, pieces))]


def words(text):
    return tuple(text.encode().split())


def test_units():
    data, ends = stream_of("SET a 1", "select 3", "multi", "INCR a", "SELECT 4", "INCR b", "exec", "PING",
                           "REPLCONF GETACK *", "ping", "PING", "INCR c")
    assert UnitReader(100, 9).feed(data) == [
        Unit([Change(ends[0], 9, words("SET a 1"))], ends[0], 9),
        Unit([], ends[1], 3),
        Unit([Change(ends[6], 3, words("multi")), Change(ends[6], 3, words("INCR a")),
              Change(ends[6], 4, words("INCR b")), Change(ends[6], 4, words("exec"))], ends[6], 4),
        Unit([], ends[8], 4, True),
        Unit([], ends[10], 4),
        Unit([Change(ends[11], 4, words("INCR c"))], ends[11], 4),
    ]


@given(st.integers(1, 60))
def test_units_do_not_depend_on_how_the_bytes_come(size):
    data, _ = stream_of("SET a 1", "SELECT 3", "MULTI", "INCR a", "INCR b", "EXEC", "SET a " + "x" * 50, "FLUSHALL")
    reader = UnitReader(100, 0)
    found = [unit for at in range(0, len(data), size) for unit in reader.feed(data[at:at + size]) if unit.changes]
    assert found == [unit for unit in UnitReader(100, 0).feed(data) if unit.changes]


def test_units_of_a_filter():
    data, ends = stream_of("SET a 1", "MULTI", "SET b 1", "EXEC", "MULTI", "SET b 1", "SET a 2", "EXEC", "SET b 2")
    units = UnitReader(100, 0, lambda command: b"a" in command).feed(data)
    assert [([change.command for change in unit.changes], unit.offset) for unit in units] == [
        ([words("SET a 1")], ends[0]), ([], ends[3]),
        ([(b"MULTI",), words("SET a 2"), (b"EXEC",)], ends[7]), ([], ends[8])]


@pytest.mark.parametrize(("commands", "reason"), [
    (["SELECT x"], "selects no database"), (["EXEC"], "the EXEC that ends at offset 114 has no business"),
    (["MULTI", "MULTI"], "the MULTI"),
])
def test_streams_that_are_none(commands, reason):
    with pytest.raises(ValueError, match=reason):
        UnitReader(100, 0).feed(stream_of(*commands)[0])


def test_damage_is_told_with_its_offset():
    data, ends = stream_of("SET a 1", "SET b 2")
    reader = UnitReader(100, 0)
    assert len(reader.feed(data)) == 2
    with pytest.raises(ValueError, match=f"at offset {ends[1]}: a command does not begin with"):
        reader.feed(b"damage")


# -- the spool -----------------------------------------------------------------------------------------------------

@given(st.lists(st.one_of(st.integers(1, 50), st.none()), max_size=60))
def test_a_spool_keeps_the_order(steps):
    """Numbers are put in, that many bytes; None takes out."""
    spool = Spool(memory_bytes=64)
    source = itertools.cycle(range(256))
    put = taken = b""
    for size in steps:
        if size is not None:
            piece = bytes(itertools.islice(source, size))
            spool.put(piece)
            put += piece
        else:
            taken += spool.get(0) or b""
        assert put.startswith(taken)
    spool.end()
    while piece := spool.get(0):
        taken += piece
    assert taken == put
    assert spool.get() == b""
    spool.close()


def test_a_spool_between_threads():
    spool = Spool(memory_bytes=1000)
    pieces = [bytes([n % 256]) * (n % 300) for n in range(3000)]

    def fill():
        for piece in pieces:
            spool.put(piece)
        spool.end(OSError("over"))

    thread = threading.Thread(target=fill)
    thread.start()
    taken = bytearray()
    with pytest.raises(OSError, match="over"):
        while True:
            taken += spool.get()
    thread.join()
    assert bytes(taken) == b"".join(pieces)
    spool.close()


def test_a_spool_that_is_closed_or_has_nothing():
    spool = Spool(memory_bytes=4)
    assert spool.get(0) is None
    spool.put(b"abcd")
    spool.put(b"efgh")
    spool.close()
    spool.put(b"ijkl")
    assert spool.get() == b""


# -- addresses and positions ---------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "host", "port", "path", "user", "password", "db"), [
    ("example", "example", 6379, None, "", "", None),
    ("example:1", "example", 1, None, "", "", None),
    ("redis://u:secret%40@[::1]:7/3", "::1", 7, None, "u", "secret@", 3),
    ("redis://:secret@h/", "h", 6379, None, "", "secret", None),
    ("unix:///tmp/a%20b.sock", "127.0.0.1", 6379, "/tmp/a b.sock", "", "", None),
    ("unix://u:secret@/tmp/s?db=2", "127.0.0.1", 6379, "/tmp/s", "u", "secret", 2),
])
def test_addresses(text, host, port, path, user, password, db):
    address = Address(text)
    told = address.host, address.port, address.path, address.user, address.password, address.db
    assert told == (host, port, path, user, password, db)
    assert "secret" not in str(address)


@pytest.mark.parametrize("text", ["http://a", "rediss://a", "a:b", "redis://a/x"])
def test_addresses_that_are_none(text):
    with pytest.raises(ValueError):
        Address(text)


def test_a_port_alone():
    with pytest.raises(ValueError, match="26341 is a port without a host: 127.0.0.1:26341"):
        Address("26341")


def test_addresses_in_errors():
    assert str(Address("redis://u:secret@[::1]:7/3")) == "[::1]:7"
    assert str(Address("example")) == "example:6379"
    assert str(Address("unix:///tmp/s")) == "/tmp/s"


@pytest.mark.parametrize(("wrong", "error", "reason"), [
    ({"slots": "x"}, TypeError, "slots are numbers or pairs"), ({"slots": 5}, TypeError, "slots are numbers or pairs"),
    ({"slots": [(1, 2, 3)]}, TypeError, "slots are numbers or pairs"), ({"slots": [16384]}, ValueError, "is no slot"),
    ({"match": 5}, TypeError, "match is a glob"), ({"from_offset": 1.5}, TypeError, "from_offset is a Position"),
    ({"from_offset": ("ab", 1, 0)}, TypeError, "from_offset is a Position"),
    ({"from_offset": "None"}, ValueError, "'None' is no position"),
])
def test_wrong_arguments(wrong, error, reason):
    """They are told before anybody connects."""
    with pytest.raises(error, match=reason):
        follow("127.0.0.1:1", **wrong)


@pytest.mark.parametrize("slots", [[1, (3, 4)], [[1, 1], [3, 4]], range(1, 5), iter([1, 3, 4])])
def test_forms_of_slots(slots):
    keys = KeyFilter(slots)
    passed = {key_slot(key) for key in map(b"%d".__mod__, range(200_000)) if keys.passes((b"DEL", key))}
    assert passed | {2} == {1, 2, 3, 4}


def test_positions_as_text():
    position = Position("ab" * 20, 4711, 3)
    assert Position.parse(str(position)) == position
    assert Position.parse("ab:12") == ("ab", 12, 0)
    for text in ("", "ab", ":1", "ab:x", "ab:1:2:3", "ab:-1"):
        with pytest.raises(ValueError):
            Position.parse(text)
