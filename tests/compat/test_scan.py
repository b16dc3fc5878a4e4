"""SCAN, KEYS and RANDOMKEY: options, errors and patterns against redis-server; the promise of a full scan."""
from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import NULL_BULK, Bulk, Connection, Differential, Int, ServerProcess, Sleep

KEYS = [b"a", b"b", b"ab", b"abc", b"a*c", b"a?c", b"[a]", b"a\\b", b"h\xffllo", b"hello", b"hallo", b"hxllo", b"h^llo",
        b"key:1", b"key:22", b"key:333", b"", b"-", b"x-y", b"]", b"\x00", b"A", b"KEY:1", b"{t}1", b"{t}2"]
FILL = [("SET", key, "1") for key in KEYS]
PATTERNS = [b"*", b"", b"?", b"??", b"a*", b"*b", b"*b*", b"a\\*c", b"a\\?c", b"[ab]", b"[^a]", b"[a-c]", b"[c-a]",
            b"h[ae]llo", b"h[^e]llo", b"h[a-z]llo", b"[[]a]", b"[", b"[a", b"[^", b"[a-", b"\\", b"a\\", b"[\\]]",
            b"[]]", b"[\\-x]*", b"*:[0-9]", b"key:*", b"**", b"*?*", b"\x00", b"[^\x00]", b"h\xffllo", b"{t}*", b"[a-]"]
CURSORS = ["x", "", "-1", "+0", "00", "18446744073709551615", "18446744073709551616", "1x", " 0", "0 ", "-", "0x0",
           "-18446744073709551616", "99999999999999999999999"]


@pytest.mark.parametrize("word", ["KEYS", "SCAN"])
def test_patterns(diff: Differential, word: str):
    prefix = ("KEYS",) if word == "KEYS" else ("SCAN", "0", "COUNT", "1000", "MATCH")
    diff.compare(*FILL, *[(*prefix, pattern) for pattern in PATTERNS])


@settings(max_examples=150)
@given(st.lists(st.sampled_from([b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"c", b"h", b"l", b"o"]),
                max_size=8).map(b"".join))
def test_any_pattern(diff: Differential, pattern: bytes):
    diff.compare(*FILL, ("KEYS", pattern))


def test_scan_options(diff: Differential):
    diff.compare(*FILL, "SCAN 0 COUNT 1000", "SCAN 0 COUNT 1000 TYPE string", "SCAN 0 COUNT 1000 TYPE STRING",
                 "SCAN 0 COUNT 1000 TYPE list", "SCAN 0 COUNT 1000 TYPE nothing", "SCAN 0 MATCH a* COUNT 1000",
                 "SCAN 0 match x* match a* count 5 count 1000", "scan 0 count 9223372036854775807 type string match *")


def test_scan_errors(diff: Differential):
    diff.compare(*FILL, "SCAN 0 COUNT 0", "SCAN 0 COUNT -1", "SCAN 0 COUNT x", "SCAN 0 COUNT", "SCAN 0 MATCH",
                 "SCAN 0 TYPE", "SCAN 0 FOO", "SCAN 0 FOO x", "SCAN 0 MATCH a COUNT", "SCAN", "SCAN 0 COUNT 1.5",
                 "SCAN 0 COUNT 99999999999999999999", "KEYS", "KEYS a b")


def test_cursors(diff: Differential):
    """In an empty database any number that is a cursor leads to the end."""
    diff.compare(*[("SCAN", cursor) for cursor in CURSORS], ("SCAN", "x", "FOO"), ("SCAN", b"0\x00x"))


def test_randomkey(diff: Differential, wstore_server: ServerProcess):
    assert diff.compare("RANDOMKEY") == [NULL_BULK]
    with wstore_server.connect() as connection:
        connection.pipeline([("FLUSHALL",), *FILL])
        met = {reply.data for reply in connection.pipeline([("RANDOMKEY",)] * 1000)}
    assert met == set(KEYS)


def test_who_removes_expired_keys(diff: Differential):
    """With active expiry off: RANDOMKEY and SCAN do, KEYS does not."""
    gone = [("SET", f"gone:{i}", "x", "PX", 10) for i in range(5)]
    replies = diff.compare("DEBUG SET-ACTIVE-EXPIRE 0", *gone, Sleep(0.1), "KEYS *", "DBSIZE", "RANDOMKEY", "DBSIZE",
                           *gone, Sleep(0.1), "SCAN 0 COUNT 100", "DBSIZE", *gone, "SET stays x", Sleep(0.1),
                           "SCAN 0 COUNT 100 TYPE list", "DBSIZE", *gone, Sleep(0.1), "RANDOMKEY", "KEYS *",
                           "SCAN 0 COUNT 100", "DBSIZE", "DEBUG SET-ACTIVE-EXPIRE 1", embedded=False)
    assert [reply.value for reply in replies if isinstance(reply, Int)] == [5, 0, 0, 1, 1]


def scan_all(connection: Connection, *options: object) -> list[bytes]:
    found, cursor = [], b"0"
    while True:
        page = connection.call("SCAN", cursor, *options)
        cursor = page.items[0].data
        found += [item.data for item in page.items[1].items]
        if cursor == b"0":
            return found


@pytest.mark.parametrize("count", [1, 7, 100, 5000])
def test_a_quiet_scan_returns_each_key_once(wstore_server: ServerProcess, count: int):
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        names = [b"key:%d" % i for i in range(5000)]
        connection.pipeline([("SET", name, "x") for name in names])
        assert sorted(scan_all(connection, "COUNT", count)) == sorted(names)


def change(connection: Connection, rng: random.Random, gone: set[bytes], step: int) -> None:
    """One batch of inserts or deletes: the table grows tenfold, then shrinks again."""
    if step % 40 < 20:
        fresh = [b"new:%d:%d" % (step, i) for i in range(rng.choice((1, 50, 2000)))]
        connection.pipeline([("SET", name, "y" * rng.randrange(30)) for name in fresh])
        gone.update(fresh)
    else:
        doomed = rng.sample(sorted(gone), min(len(gone), 4000))
        connection.pipeline([("DEL", name) for name in doomed])
        gone.difference_update(doomed)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("prefix", [b"", b"{one-slot}"])
def test_a_scan_returns_what_stays_while_the_table_changes(wstore_server: ServerProcess, seed: int, prefix: bytes):
    """Keys present all the time are returned, with growth, splits and merges between the calls."""
    rng = random.Random(seed)
    stays = {prefix + b"stay:%d" % i for i in range(3000)}
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        connection.pipeline([("SET", name, "x") for name in stays])
        gone: set[bytes] = set()
        found: set[bytes] = set()
        cursor, step = b"0", 0
        while True:
            page = connection.call("SCAN", cursor, "COUNT", rng.choice((1, 10, 100, 1000)))
            cursor = page.items[0].data
            found.update(item.data for item in page.items[1].items)
            if cursor == b"0":
                break
            if step < 120:
                change(connection, rng, gone, step)
            step += 1
    assert stays - found == set()


def test_keys_of_other_sizes(diff: Differential):
    """A reply of some megabytes, with its length in front."""
    names = [b"%d:" % i + b"n" * 300 for i in range(3000)]
    replies = diff.compare(*[("SET", name, "") for name in names], "KEYS *", "SCAN 0 COUNT 100000", check_state=False)
    assert sorted(item.data for item in replies[-2].items) == sorted(names)
    assert isinstance(replies[-1].items[0], Bulk)
