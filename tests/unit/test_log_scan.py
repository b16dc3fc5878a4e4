"""LogScan: the walk through an append-only file, cut and bent at every byte, with limits and long arguments."""
import re

import pytest

from tests.resp import encode as encode_words
from wstore.engine._engine import LogScan


def encode(*words):
    return encode_words(words)


SET = encode("SET", "key", "value")
UNITS = [encode("SELECT", "0"), SET, encode("multi") + SET + encode("DEL", "a", "b") + encode("Exec"), encode("PING")]
LOG = b"".join(UNITS)
ENDS = [sum(map(len, UNITS[:i])) for i in range(len(UNITS) + 1)]
COUNTS = [0, 1, 2, 6, 7]


@pytest.fixture
def scan(tmp_path):
    """A function: a finished scan of a file with these bytes."""
    def scan_bytes(data, piece_bytes=1 << 26, **limits):
        (tmp_path / "log").write_bytes(data)
        walk = LogScan(tmp_path / "log", **limits)
        while walk.advance(piece_bytes):
            pass
        return walk
    return scan_bytes


def whole_before(size):
    """What a scan should count of LOG[:size]: (offset behind the last whole unit, commands)."""
    i = max(i for i, end in enumerate(ENDS) if end <= size)
    return ENDS[i], COUNTS[i]


def test_a_whole_log(scan):
    for piece_bytes in (1, 1 << 26):
        walk = scan(LOG, piece_bytes)
        assert (walk.state, walk.damaged, walk.whole, walk.size, walk.at) == ("end", False, *[len(LOG)] * 3)
        assert (walk.commands, walk.transactions, walk.open_commands, walk.start) == (7, 1, 0, 0)


def test_cut_at_every_length(scan):
    for size in range(len(LOG)):
        walk = scan(LOG[:size])
        assert walk.state == ("end" if size in ENDS else "torn")
        assert (walk.whole, walk.commands) == whole_before(size)
        assert walk.commands_behind() is None


def test_what_is_behind_the_limit_is_not_looked_at(scan):
    walk = scan(SET + b"rubbish", until=len(SET))
    assert (walk.state, walk.whole, walk.commands) == ("until", len(SET), 1)


def test_limit_at_every_offset(scan):
    for until in range(len(LOG) + 1):
        walk = scan(LOG, until=until)
        assert walk.state == ("end" if until == len(LOG) else "until")
        assert (walk.whole, walk.commands) == whole_before(until)
        assert walk.transactions == (until >= ENDS[3])


def arguments_of(log):
    """The positions of bytes in names and values: a flip there cannot be found."""
    return {i for found in re.finditer(rb"\$\d+\r\n(.*?)\r\n", log) for i in range(*found.span(1))}


def test_every_byte_flipped(scan):
    inside = arguments_of(LOG)
    for i in range(len(LOG)):
        for bit in (1, 0x10, 0x80):
            walk = scan(LOG[:i] + bytes([LOG[i] ^ bit]) + LOG[i + 1:])
            assert walk.state != "end" or i in inside
            assert walk.damaged or walk.state in ("end", "torn")


@pytest.mark.parametrize("data, state", [
    (b"garbage", "no command"),
    (b"\0" * 100, "no command"),
    (b"*0\r\n", "bad number"),
    (b"*-1\r\n", "bad number"),
    (b"*\r\n", "bad number"),
    (b"*1234567890123456789\r\n", "bad number"),
    (b"*1\n$4\r\nPING\r\n", "no line end"),
    (b"*1\r\r$4\r\nPING\r\n", "no line end"),
    (b"*1\r\n:4\r\n", "no argument"),
    (b"*1\r\n$3\r\nPING\r\n", "no line end"),
    (encode("MULTI") * 2, "MULTI in a transaction"),
    (encode("EXEC"), "EXEC outside of a transaction"),
    (b"#TS:1\n", "no line end"),
    (b"#" * 2000, "no line end"),
])
def test_damage(scan, data, state):
    walk = scan(SET + data)
    assert (walk.state, walk.damaged, walk.whole, walk.commands) == (state, True, len(SET), 1)
    assert len(SET) <= walk.at < len(SET + data)


def test_long_arguments(scan):
    big = encode("SET", "key", b"\r\n*1\r\n" * 200_000)
    walk = scan(SET + big + SET * 50_000)
    assert (walk.state, walk.commands) == ("end", 50_002)
    walk = scan(SET + big[:-1])
    assert (walk.state, walk.whole) == ("torn", len(SET))


def test_commands_behind_damage(scan):
    """A length that points past the end looks torn; what follows tells that it is not."""
    bent = SET.replace(b"$5", b"$5000000")
    walk = scan(SET + bent + SET * 3)
    assert (walk.state, walk.whole) == ("torn", len(SET))
    assert walk.commands_behind() == (len(SET + bent), 3)
    walk = scan(SET + b"#" * 700_000 + b"\n*oops\r\n" + SET * 2 + b"*1")
    assert walk.damaged
    assert walk.commands_behind() == (len(SET) + 700_008, 2)


def test_start_behind_something_else(scan):
    walk = scan(b"preamble" + LOG, start=8)
    assert (walk.state, walk.start, walk.whole, walk.commands) == ("end", 8, 8 + len(LOG), 7)


def test_annotations_of_time(scan):
    notes = [b"#TS:%d\r\n" % stamp for stamp in (100, 200, 300)]
    data = notes[0] + SET + notes[1] + SET + b"#other\r\n" + notes[2] + SET
    assert (scan(data).state, scan(data).stamp_s, scan(data).commands) == ("end", 300, 3)
    for until_s, commands in [(99, 0), (100, 1), (199, 1), (200, 2), (299, 2), (300, 3)]:
        walk = scan(data, until_s=until_s)
        assert walk.commands == commands
        assert walk.state == ("end" if commands == 3 else "until")
        assert data[walk.whole:][:1] in (b"#", b"")


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        LogScan(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        LogScan(tmp_path).advance()
