"""DUMP and RESTORE: payloads travel between redis-server and wstore, both ways; every option and error."""
from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from tests.harness import OK, Bulk, Connection, Differential, Error, Int, ServerProcess
from tests.payloads import crc64, length, payload, text

VALUES = [b"", b"0", b"-1", b"127", b"128", b"-128", b"-129", b"32767", b"32768", b"-32769", b"2147483647",
          b"2147483648", b"-2147483649", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
          b"007", b"1.5", b"a" * 4, b"a" * 20, b"a" * 21, b"ab" * 500, b"x" * 44, b"x" * 45, b"x" * 1024, b"x" * 1025,
          bytes(range(256)), bytes(range(256)) * 70, b"z" * 1_000_000, strategies.noise(63, 1), strategies.noise(64, 1),
          strategies.noise(16383, 2), strategies.noise(16384, 2), strategies.noise(200_000, 3)]
INTACT = text(b"hello")


def dump_from(connection: Connection, value: bytes) -> bytes:
    assert connection.call("SET", "k", value) == OK
    reply = connection.call("DUMP", "k")
    assert isinstance(reply, Bulk)
    return reply.data


@given(strategies.values)
def test_any_value_travels(oracle: ServerProcess, wstore_server: ServerProcess, value: bytes):
    for source, target in ((oracle, wstore_server), (wstore_server, oracle)):
        with source.connect() as giving, target.connect() as taking:
            assert taking.call("RESTORE", "k", 0, dump_from(giving, value), "REPLACE") == OK
            for question in (("GET", "k"), ("OBJECT", "ENCODING", "k"), ("TTL", "k")):
                assert taking.call(*question) == giving.call(*question)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{len(value)}:{value[:8]!r}")
def test_edge_values_travel(oracle: ServerProcess, wstore_server: ServerProcess, value: bytes):
    test_any_value_travels.hypothesis.inner_test(oracle, wstore_server, value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{len(value)}:{value[:8]!r}")
def test_a_payload_is_as_short_as_that_of_redis(oracle: ServerProcess, wstore_server: ServerProcess, value: bytes):
    with oracle.connect() as theirs, wstore_server.connect() as ours:
        expected, actual = dump_from(theirs, value), dump_from(ours, value)
    assert actual[-10:-8] == expected[-10:-8] == struct.pack("<H", 10)
    assert struct.unpack("<Q", actual[-8:])[0] == crc64(actual[:-8])
    if expected[1] & 0xC0 == 0xC0 and expected[1] & 0x3F == 3:      # compressed: two compressors may differ
        assert abs(len(actual) - len(expected)) <= max(8, len(expected) // 10)
    else:
        assert actual == expected


def test_an_edited_string_is_dumped_as_in_redis(diff: Differential):
    diff.compare("SET k 12", "APPEND k 3", "DUMP k", "SET k abc", "SETRANGE k 1 x", "DUMP k", "DUMP q", "DUMP",
                 "DUMP k k")


def test_nothing_is_compressed_without_rdbcompression(diff: Differential):
    texts = [b"a" * 20, b"a" * 21, b"ab" * 32, b"ab" * 500, b"z" * 100_000, b"1" * 40]
    diff.compare("CONFIG SET rdbcompression no", *[step for text in texts for step in (("SET", "k", text), "DUMP k")],
                 "CONFIG SET rdbcompression yes")


TTL_CASES = ["0", "1000000", "-1", "x", "9223372036854775807", "99999999999999999999", "1 ABSTTL", "-5 ABSTTL",
             "0 ABSTTL", "4000000000000 ABSTTL", "9223372036854775807 ABSTTL"]


@pytest.mark.parametrize("replace", ["", "REPLACE"])
@pytest.mark.parametrize("before", ["SET q old", "SET k old", "SET k old EX 1000"])
def test_ttls(diff: Differential, before: str, replace: str):
    for case in TTL_CASES:
        ttl, *options = case.split()
        diff.compare(before, ("RESTORE", "k", ttl, payload(INTACT), *options, *replace.split()), "GET k",
                     "PEXPIRETIME k", "DBSIZE")


OPTIONS = ["REPLACE", "replace absttl", "ABSTTL", "FOO", "IDLETIME", "IDLETIME 5", "IDLETIME -1", "IDLETIME x", "FREQ",
           "FREQ 0", "FREQ 255", "FREQ 256", "FREQ -1", "FREQ x", "IDLETIME 1 FREQ 1", "FREQ 1 IDLETIME 1",
           "IDLETIME 1 REPLACE IDLETIME 2", "REPLACE REPLACE FOO", "IDLETIME 99999999999999999999", "REPLACE 1"]


@pytest.mark.parametrize("options", OPTIONS)
def test_options(diff: Differential, options: str):
    """Also which of several errors wins: option, busy key, TTL, footer, data."""
    for key, ttl, body in (("q", "0", payload(INTACT)), ("k", "0", payload(INTACT)), ("k", "x", b"bad"),
                           ("q", "-1", b"bad"), ("q", "0", b"bad"), ("q", "0", payload(b"\x00\x3fabc"))):
        diff.compare("SET k old", ("RESTORE", key, ttl, body, *options.split()), "GET q", "GET k")


# The lengths lead beyond the footer: Redis takes its bytes for data, wstore does not (OVERRUN).
BAD = {
    "empty": b"", "nine bytes": b"123456789", "footer only": payload(b""), "type only": payload(b"\x00"),
    "no footer": INTACT, "wrong checksum": payload(INTACT)[:-1] + b"\x00",
    "version of the future": payload(INTACT, 300),
    "wrong version": payload(INTACT, 10)[:-10] + b"\x09" + payload(INTACT)[-9:], "unknown type": payload(b"\xfe\x01a"),
    "type of a module": payload(b"\x07\x81"), "short string": payload(b"\x00\x3fabc"),
    "short 14-bit length": payload(b"\x00\x41"), "short 32-bit length": payload(b"\x00\x80\x00\x00"),
    "short 64-bit length": payload(b"\x00\x81\x00\x00\x00\x00"),
    "length beyond": payload(b"\x00\x80\x7f\xff\xff\xffabc"),
    "unknown length form": payload(b"\x00\x82abc"), "unknown encoding": payload(b"\x00\xc4abc"),
    "short LZF": payload(b"\x00\xc3\x05\x0aabc"), "LZF of the wrong length": payload(b"\x00\xc3\x04\x14\x02abc"),
    "LZF that looks back too far": payload(b"\x00\xc3\x03\x0a\x20\xff\x00"),
    "LZF without lengths": payload(b"\x00\xc3"),
}
GOOD = {
    "old version": payload(INTACT, 1), "version 0": payload(INTACT, 0), "trailing bytes": payload(INTACT + b"more"),
    "long form of a length": payload(b"\x00\x80\x00\x00\x00\x03abc"),
    "64-bit length": payload(b"\x00\x81" + b"\0" * 7 + b"\x03abc"), "int8": payload(b"\x00\xc0\x80"),
    "int16": payload(b"\x00\xc1\xff\xff"), "int32": payload(b"\x00\xc2\x01\x02\x03\x84"),
    "digits as text": payload(text(b"12345")), "LZF": payload(b"\x00\xc3\x05\x0a\x00a\xe0\x00\x00"),
    "empty string": payload(b"\x00\x00"),
}
OVERRUN = {"int8": b"\x00\xc0", "int16": b"\x00\xc1\x01", "int32": b"\x00\xc2\x01\x02", "string": b"\x00\x05abc"}


@pytest.mark.parametrize("name", BAD)
def test_bad_payloads(diff: Differential, name: str):
    replies = diff.compare("SET k old EXAT 4000000000", ("RESTORE", "k", "0", BAD[name], "REPLACE"),
                           ("RESTORE", "q", "0", BAD[name]), ("RESTORE-ASKING", "q", "0", BAD[name]), "GET k", "DBSIZE")
    assert isinstance(replies[1], Error) and replies[-1] == Int(1)


@pytest.mark.parametrize("name", GOOD)
def test_unusual_payloads(diff: Differential, name: str):
    diff.compare(("RESTORE", "k", "0", GOOD[name]), "GET k", "OBJECT ENCODING k",
                 ("RESTORE-ASKING", "q", "0", GOOD[name]))


@pytest.mark.parametrize("name", OVERRUN)
def test_an_object_ends_before_the_footer(wstore_server: ServerProcess, name: str):
    reply = wstore_server.call("RESTORE", "q", "0", payload(OVERRUN[name]), "REPLACE")
    assert reply == Error(b"ERR Bad data format")


@pytest.mark.parametrize("version", [11, 12])
def test_versions_after_redis_7_0_are_understood(wstore_server: ServerProcess, version: int):
    """Redis 7.2 and 7.4 write these; a string is in them what it was."""
    with wstore_server.connect() as connection:
        connection.call("DEL", "k")
        assert connection.call("RESTORE", "k", 0, payload(INTACT, version)) == OK
        assert connection.call("GET", "k") == Bulk(b"hello")
        error = connection.call("RESTORE", "k", 0, payload(INTACT, 13), "REPLACE")
        assert error == Error(b"ERR DUMP payload version or checksum are wrong")


@given(st.binary(max_size=40), st.integers(0, 60))
def test_damage_is_noticed(wstore_server: ServerProcess, value: bytes, place: int):
    with wstore_server.connect() as connection:
        data = bytearray(dump_from(connection, value))
        data[place % len(data)] ^= 1 << place % 8
        error = connection.call("RESTORE", "k", 0, bytes(data), "REPLACE")
        assert error == Error(b"ERR DUMP payload version or checksum are wrong")
        assert connection.call("GET", "k") == Bulk(value)


def test_wrong_numbers_of_arguments(diff: Differential):
    diff.compare("RESTORE", "RESTORE k", "RESTORE k 0", "RESTORE-ASKING k 0")


def test_lengths_are_written_in_every_form():
    """The helper of this file against the format's own examples."""
    assert [length(n)[:1] for n in (63, 64, 16383, 16384, 1 << 32)] == [b"\x3f", b"\x40", b"\x7f", b"\x80", b"\x81"]
