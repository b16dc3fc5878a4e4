"""Loading RDB files and append only files into a store in process: what is read, what is reported, what is refused."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest

import wstore
from tests import rdb_files as rdb
from tests.payloads import intset, length, string
from wstore.engine._engine import RdbReader
from wstore.errors import RdbError

FUTURE_MS = 4_000_000_000_000


class Loaded:
    """A store that has loaded these files, what it said of them, and whether that was an error."""

    def __init__(self, path: Path, *files: bytes | tuple[bytes, str], **options: int) -> None:
        self.store = wstore.Store()
        for name, value in options.items():
            self.store.set_option(name, value)
        names = []
        for number, file in enumerate(files):
            data, kind = file if isinstance(file, tuple) else (file, "rdb" if file[:5] == b"REDIS" else "aof")
            (path / str(number)).write_bytes(data)
            names.append((str(path / str(number)), kind))
        told: list[tuple[str | None, dict]] = []
        self.store.load_begin(names, lambda *said: told.append(said))
        [(self.error, self.report)] = told
        self.store.validate()

    def __getitem__(self, command: str) -> object:
        return self.store.execute(*command.split())


STRINGS = [rdb.select(0), rdb.record(b"a", 0, string(b"1")), rdb.record(b"b", 0, b"\xc0\x05", expire_ms=FUTURE_MS)]


def test_an_rdb_file(tmp_path: Path):
    got = Loaded(tmp_path, rdb.rdb_file(rdb.aux(b"redis-ver", b"7.0.0"), *STRINGS, rdb.select(9),
                                        rdb.record(b"s", 11, string(intset([1, 2])))))
    assert got.error is None and got.report["torn"] is None and got.report["warnings"] == []
    assert got.report["keys"] == 3 and got.report["aux"] == {b"redis-ver": b"7.0.0"}
    assert (got["GET a"], got["GET b"], got["PEXPIRETIME b"], got["DBSIZE"]) == (b"1", b"5", FUTURE_MS, 2)
    assert got["SELECT 9"] == "OK" and got["SMEMBERS s"] == {b"1", b"2"}
    assert got.store.load_progress() is None


def test_an_append_only_file(tmp_path: Path):
    got = Loaded(tmp_path, rdb.commands(["SELECT 3", "SET a 1", "MULTI", "INCR a", "SELECT 0", "SET b 2", "EXEC",
                                         "GET b"]))
    assert got.error is None and got.report["commands"] == 6 and got.report["errors"] == 0
    assert (got["GET b"], got["DBSIZE"], got["SELECT 3"], got["GET a"]) == (b"2", 1, "OK", b"2")


def test_a_base_and_what_follows(tmp_path: Path):
    """Also each file begins in database 0, and an RDB part may stand in front of commands."""
    base = rdb.rdb_file(*STRINGS)
    got = Loaded(tmp_path, base, rdb.commands(["SELECT 1", "SET x 1"]), rdb.commands(["INCR a"]))
    assert got.error is None and got["GET a"] == b"2"
    got = Loaded(tmp_path, (base + rdb.commands(["INCR a", "INCR b"]), "aof"))
    assert got.error is None and (got["GET a"], got["GET b"]) == (b"2", b"6")


def test_expired_keys(tmp_path: Path):
    """Dropped if the file is all there is; with a log behind it, that tells when they went."""
    base = rdb.rdb_file(rdb.record(b"old", 0, string(b"1"), expire_ms=1),
                        rdb.record(b"older", 0, string(b"1"), expire_s=1))
    got = Loaded(tmp_path, base)
    assert got.report["expired"] == 2 and got["DBSIZE"] == 0
    got = Loaded(tmp_path, base, rdb.commands(["PERSIST old", "COPY older copy", "PERSIST copy"]))
    assert got.report["expired"] == 0 and (got["GET old"], got["GET copy"], got["GET older"]) == (b"1", b"1", None)


def test_the_count_of_changes_stays(tmp_path: Path):
    got = Loaded(tmp_path, rdb.commands(["SET a 1", "GET a", "GET b"]))
    assert got.store.stats()["keyspace_hits"] == got.store.stats()["keyspace_misses"] == 0


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_torn_end_is_reported(tmp_path: Path, cut: int):
    whole = rdb.commands(["SET a 1", "SET b 2"])
    unit = rdb.commands(["MULTI", "SET c 3", "SET d 4", "EXEC"])
    got = Loaded(tmp_path, whole + unit[:-cut])
    assert got.error is None and got["MGET a b c d"] == [b"1", b"2", None, None]
    assert got.report["torn"] == {"path": str(tmp_path / "0"), "offset": len(whole), "length": len(unit) - cut}


def test_zeros_at_the_end_are_torn_off_too(tmp_path: Path):
    whole = rdb.commands(["SET a 1"])
    for rest in (b"\0" * 5000, rdb.command("SET", "b", "12345")[:-4] + b"\0" * 100):
        assert Loaded(tmp_path, whole + rest).report["torn"]["offset"] == len(whole)


def test_a_torn_file_must_be_the_last(tmp_path: Path):
    whole = rdb.commands(["SET a 1", "SET b 2"])
    got = Loaded(tmp_path, whole[:-1], whole)
    assert got.error == f"{tmp_path / '0'}: at byte 27: the file ends within a command, and another file follows it"


BAD_COMMANDS = {
    b"SET a 1\r\n": (0, "does not begin with *"), b"*1\r\n+OK\r\n": (4, "does not begin with $"),
    b"*x\r\n": (1, "no number"), b"*0\r\n": (0, "no words"), b"*1\r\n$4\r\nPINGxx": (12, "does not end in CR LF"),
    b"*1\n$4\r\nPING\r\n": (2, "no number"), rdb.command("NOSUCH"): (0, "the command 'NOSUCH' is unknown"),
    rdb.command("GET"): (0, "'GET' has the wrong number"), rdb.command("EXEC"): (0, "EXEC stands without MULTI"),
    rdb.commands(["MULTI", "MULTI", "EXEC"]): (15, "a MULTI follows another one"),
    b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$99\r\n1\r\n" + rdb.command("PING"): (0, "a length is wrong"),
    b"*99\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n" + rdb.command("PING"): (28, "does not begin with $"),
}


@pytest.mark.parametrize("bad", BAD_COMMANDS)
def test_damage_is_refused(tmp_path: Path, bad: bytes):
    front = rdb.commands(["SET a 1"])
    offset, reason = BAD_COMMANDS[bad]
    got = Loaded(tmp_path, front + bad + rdb.command("PING"))
    assert got.report["error"]["offset"] == len(front) + offset and reason in got.report["error"]["reason"]
    assert got.error.startswith(f"{tmp_path / '0'}: at byte {len(front) + offset}: ")


def test_errors_of_commands_are_told(tmp_path: Path):
    got = Loaded(tmp_path, rdb.commands(["SET a x", "INCR a", "INCR a"]))
    assert got.error is None and got.report["errors"] == 2
    assert got.report["warnings"] == ["2 commands replied with an error, the first at byte 35: "
                                      "ERR value is not an integer or out of range"]


def test_long_commands(tmp_path: Path):
    words = [b"w%d" % i for i in range(10_000)]
    got = Loaded(tmp_path, rdb.command("RPUSH", "l", *words) + rdb.command("RPUSH", "l", b"x" * 1_000_000)
                 + b"#TS:1700000000\r\n" + rdb.command("LPOP", "l"))
    assert got.error is None and got["LLEN l"] == 10_000 and got["LINDEX l -1"] == b"x" * 1_000_000


def test_a_file_that_cannot_be_opened(tmp_path: Path):
    store = wstore.Store()
    told: list[tuple[str | None, dict]] = []
    store.load_begin([(str(tmp_path / "none"), "rdb")], lambda *said: told.append(said))
    assert told[0][0] == f"{tmp_path / 'none'}: No such file or directory"
    with pytest.raises(ValueError, match='"rdb" or "aof"'):
        store.load_begin([("x", "y")], print)


# -- refused and left out --------------------------------------------------------------------------------------------

STREAM_1 = (length(1) + string(b"i" * 16) + string(b"listpack") + length(1) + length(5) + length(1) + length(1)
            + string(b"group") + length(5) + length(1) + length(1) + b"i" * 16 + b"t" * 8 + length(1) + length(1)
            + string(b"consumer") + b"t" * 8 + length(1) + b"i" * 16)
STREAM_3 = (length(1) + string(b"i" * 16) + string(b"listpack") + length(1) + length(5) * 7 + length(1)
            + string(b"group") + length(5) + length(1) + length(1) + length(0) + length(1) + string(b"consumer")
            + b"t" * 16 + length(0))
MODULE = length(1 << 40) + b"\x02\x05\x01\x04\x03" + b"f" * 4 + b"\x04" + b"d" * 8 + b"\x05" + string(b"text") + b"\x00"
UNSUPPORTED = {"stream": (15, STREAM_1), "stream 3": (21, STREAM_3), "module": (7, MODULE)}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_types(tmp_path: Path, name: str):
    rdb_type, body = UNSUPPORTED[name]
    data = rdb.rdb_file(rdb.record(b"a", 0, string(b"1")), rdb.record(b"key", rdb_type, body),
                        rdb.record(b"b", 0, b"\xc0\x05"))
    got = Loaded(tmp_path, data)
    assert got.report["error"]["offset"] == 9 + 5
    assert f"not supported: skipped only if rdb-skip-unsupported is yes (key 'key', type {rdb_type})" in got.error
    got = Loaded(tmp_path, data, rdb_skip_unsupported=1)
    assert got.error is None and (got["GET a"], got["GET b"], got["DBSIZE"]) == (b"1", b"5", 2)
    assert got.report["warnings"] == ["1 key or command of an unsupported type was left out"]


def test_functions_and_data_of_modules_are_left_out(tmp_path: Path):
    got = Loaded(tmp_path, rdb.rdb_file(b"\xf7" + MODULE, b"\xf5" + string(b"#!lua name=x"), *STRINGS,
                                        b"\xf4" + length(5) + length(1) + length(0), b"\xf8\x05\xf9\x07",
                                        rdb.record(b"z", 0, b"\x01z")))
    assert got.error is None and got["DBSIZE"] == 3
    assert [line.split()[:2] for line in got.report["warnings"]] == [["1", "function"], ["1", "piece"]]


BAD_RDB = {
    "empty": (b"", 0, "too short"), "other file": (b"NOTREDIS0000", 0, "does not begin with REDIS"),
    "version": (b"REDIS00x1\xff", 5, "the version is no number"),
    "future": (rdb.rdb_file(version=13), 5, "this version"),
    "checksum": (rdb.rdb_file(*STRINGS, crc=5), 31, "the checksum is wrong"),
    "opcode": (rdb.rdb_file(b"\xf0"), 9, "no such opcode or type"),
    "type 8": (rdb.rdb_file(b"\x08"), 9, "no such opcode"),
    "value": (rdb.rdb_file(rdb.record(b"k", 11, string(b"123"))), 9, "the value is damaged (key 'k', type 11)"),
    "twice": (rdb.rdb_file(rdb.record(b"k", 0, b"\x00") * 2), 13, "the key is there twice (key 'k', type 0)"),
    "databases": (rdb.rdb_file(rdb.select(16)), 9, "directive databases"),
    "nothing behind a TTL": (rdb.rdb_file(b"\xfd1234"), 14, "no key follows"),
    "old module": (rdb.rdb_file(rdb.record(b"k", 6, b"x")), 9, "types of modules are not supported"),
    "short": (rdb.rdb_file(*STRINGS)[:20], 16, "the file ends too early"),
    "length": (rdb.rdb_file(rdb.record(b"k", 0, b"\x81" + b"\xff" * 8)), 21, "the file ends too early"),
}


@pytest.mark.parametrize("name", BAD_RDB)
def test_bad_rdb_files(tmp_path: Path, name: str):
    data, offset, reason = BAD_RDB[name]
    got = Loaded(tmp_path, (data, "rdb"))
    assert (got.report["error"]["offset"], reason in got.error) == (offset, True), got.error
    if name not in ("value", "twice", "databases", "old module"):       # the reader looks at no values
        with pytest.raises(RdbError, match=f"{tmp_path / '0'}: at byte {offset}: "):
            list(RdbReader(tmp_path / "0"))


def test_checksums(tmp_path: Path):
    """A zero says that none was made; rdbchecksum no looks at none; old versions have none."""
    for data, options in ((rdb.rdb_file(*STRINGS, crc=0), {}), (rdb.rdb_file(*STRINGS, crc=1), {"rdb_checksum": 0}),
                          (rdb.rdb_file(*STRINGS, version=4), {})):
        got = Loaded(tmp_path, data, **options)
        assert got.error is None and got["DBSIZE"] == 2 and got.report["warnings"] == []


def test_bytes_behind_the_end(tmp_path: Path):
    assert Loaded(tmp_path, rdb.rdb_file(*STRINGS) + b"123").report["warnings"] == [
        f"{tmp_path / '0'}: 3 bytes behind the end of the RDB file are ignored"]


def test_values_without_elements_are_left_out(tmp_path: Path):
    empty = [(1, b"\0"), (2, b"\0"), (4, b"\0"), (5, b"\0"), (14, b"\0"), (18, b"\0"), (11, string(intset([]))),
             (13, string(struct.pack("<IIHB", 11, 10, 0, 255))), (16, string(struct.pack("<IHB", 7, 0, 255)))]
    got = Loaded(tmp_path, rdb.rdb_file(*[rdb.record(b"%d" % n, *what) for n, what in enumerate(empty)], *STRINGS))
    assert got.error is None and got.report["empty"] == len(empty) and got["DBSIZE"] == 2


# -- every damage ----------------------------------------------------------------------------------------------------

def small_rdb() -> bytes:
    return rdb.rdb_file(rdb.aux(b"a", b"b"), *STRINGS, rdb.resize(3, 1), rdb.record(b"s", 11, string(intset([1, 2]))),
                        rdb.record(b"l", 1, length(2) + string(b"x") + b"\xc3\x05\x0a\x00a\xe0\x00\x00"),
                        rdb.record(b"z", 5, length(1) + string(b"m") + struct.pack("<d", 1.5)))


def test_every_byte_of_an_rdb_file_flipped(tmp_path: Path):
    data = small_rdb()
    assert Loaded(tmp_path, data).error is None
    for place in range(len(data)):
        for bits in (1, 0x80, 0xFF):
            damaged = data[:place] + bytes([data[place] ^ bits]) + data[place + 1:]
            got = Loaded(tmp_path, (damaged, "rdb"))
            same_objects = 5 <= place < 9 or got.error is not None
            assert same_objects, f"byte {place} ^ {bits}"
            Loaded(tmp_path, (damaged, "rdb"), rdb_checksum=0)      # whatever it says of it, it does not crash


def test_an_rdb_file_cut_everywhere(tmp_path: Path):
    data = small_rdb()
    for size in range(len(data)):
        assert Loaded(tmp_path, (data[:size], "rdb")).error is not None


def test_every_byte_of_an_append_only_file_flipped(tmp_path: Path):
    """Each byte that is no data is either noticed, or the file loads the same."""
    data = rdb.commands(["SET a 1", "MULTI", "RPUSH l x y", "INCR n", "EXEC", "SELECT 2", "SET b 2"])
    for place in range(len(data)):
        for bits in (1, 0x80, 0xFF):
            got = Loaded(tmp_path, data[:place] + bytes([data[place] ^ bits]) + data[place + 1:])
            if got.error is None and got.report["torn"] is None:
                assert chr(data[place]).isalnum()


def test_an_append_only_file_cut_everywhere(tmp_path: Path):
    parts = [rdb.command("SET", "a", "1"), rdb.commands(["MULTI", "RPUSH l x y", "INCR n", "EXEC"]),
             rdb.command("DEL", "a")]
    ends = {sum(map(len, parts[:n])) for n in range(len(parts) + 1)}
    data = b"".join(parts)
    for size in range(len(data)):
        got = Loaded(tmp_path, data[:size])
        last = max(end for end in ends if end <= size)
        assert got.error is None
        assert (got.report["torn"] or {"offset": size})["offset"] == last
