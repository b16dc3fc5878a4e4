"""DEBUG: digests equal to those of redis-server, replies of every type, switches; and who may use it."""
from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from tests.harness import OK, Bulk, Differential, Error, Int, ServerProcess, Simple, Sleep, start_oracle, start_wstore

PROTOCOL_TYPES = ["string", "integer", "double", "bignum", "null", "array", "set", "map", "attrib", "push", "verbatim",
                  "true", "false"]
filling = st.lists(st.one_of(
    strategies.words(b"SET", strategies.keys, strategies.values),
    strategies.words(b"SET", strategies.any_key, strategies.small_values),
    strategies.words(b"APPEND", strategies.keys, strategies.values),
    strategies.words(b"EXPIRE", strategies.keys, strategies.LONG_TTL_S),
    strategies.words(b"SELECT", st.integers(0, 15)),
    strategies.words(b"DEL", strategies.keys)), max_size=50)


@given(filling, st.lists(strategies.keys, max_size=5))
def test_digests_over_several_databases(diff: Differential, steps, asked):
    diff.compare(*steps, "DEBUG DIGEST", ("DEBUG", "DIGEST-VALUE", *asked), "SELECT 0",
                 ("DEBUG", "DIGEST-VALUE", *asked))


def test_digest_of_many_keys(diff: Differential):
    commands = []
    for db in (0, 3, 15):
        commands += [f"SELECT {db}"] + [("SET", f"key:{db}:{i}", str(i) * (i % 40)) for i in range(1500)]
        commands += [("EXPIRE", f"key:{db}:{i}", "10000") for i in range(0, 1500, 7)]
    diff.compare(*commands, "DEBUG DIGEST", "SELECT 0", "DEL key:0:5", "DEBUG DIGEST", "FLUSHALL", "DEBUG DIGEST")


@pytest.mark.parametrize("name", [*PROTOCOL_TYPES, "STRING", "foo", ""])
def test_protocol_types(oracle: ServerProcess, wstore_server: ServerProcess, name: str):
    """Byte for byte in both protocols: an attribute is no reply that a client could tell from others."""
    for resp in (2, 3):
        told = []
        for server in (oracle, wstore_server):
            with server.connect(resp=resp) as connection:
                connection.send("DEBUG", "PROTOCOL", name)
                connection.send("PING")
                told.append(read_until_pong(connection))
        assert told[0] == told[1]


def read_until_pong(connection) -> bytes:
    out = b""
    while not out.endswith(b"+PONG\r\n"):
        out += connection.file.readline()
    return out


def test_errors(diff: Differential):
    diff.compare("DEBUG", "DEBUG FOO", "DEBUG SLEEP", "DEBUG SLEEP 0 0", "DEBUG DIGEST x", "DEBUG DIGEST-VALUE",
                 "DEBUG OBJECT", "DEBUG OBJECT q", "DEBUG SET-ACTIVE-EXPIRE", "DEBUG ERROR", "DEBUG LOG",
                 "DEBUG PROTOCOL", "DEBUG HELP x", ("DEBUG", "f\r\no" + "o" * 300), ("DEBUG", "\0"))


def test_error_replies(diff: Differential):
    diff.compare(("DEBUG", "ERROR", "ERR some text"), ("debug", "error", "CODE\r\nmore\nlines"),
                 ("DEBUG", "ERROR", "x" * 2000))


def test_object_line(oracle: ServerProcess, wstore_server: ServerProcess):
    """The fields that do not depend on the machine are those of Redis."""
    line = re.compile(rb"Value at:0x[0-9a-f]+ (refcount:\d+ encoding:\w+ serializedlength:\d+) lru:(\d+) "
                      rb"lru_seconds_idle:(\d+)")
    values = [b"1", b"10000", b"-70000", b"123456789012", b"text", b"",
              *(strategies.noise(size, 1) for size in (44, 45, 3000))]
    for value in values:
        fields = []
        for server in (oracle, wstore_server):
            with server.connect() as connection:
                connection.call("SET", "k", value)
                reply = connection.call("DEBUG", "OBJECT", "k")
            match = line.fullmatch(reply.text)
            assert match, reply
            if server is wstore_server:     # in Redis shared integers keep the time of the start
                idle_s = int(match[3])
                assert idle_s == 0
                assert abs(int(match[2]) + idle_s - (int(time.time()) & 0xFFFFFF)) < 5
            fields.append(match[1])
        assert fields[0] == fields[1]


def test_sleep_stops_the_server(wstore_server: ServerProcess):
    with wstore_server.connect() as sleeper, wstore_server.connect() as other:
        before = time.monotonic()
        sleeper.send("DEBUG", "SLEEP", "0.6")
        time.sleep(0.2)             # by then it has begun
        assert other.call("PING") == Simple(b"PONG")
        assert 0.6 <= time.monotonic() - before < 20
        assert sleeper.read() == OK


def test_sleep_for_no_time(diff: Differential):
    diff.compare("DEBUG SLEEP 0", "DEBUG SLEEP x", "DEBUG SLEEP -1", "DEBUG SLEEP 1e-3")


def test_set_active_expire(diff: Differential):
    """Off: expired keys stay in the table until somebody asks for them."""
    replies = diff.compare("DEBUG SET-ACTIVE-EXPIRE 0", "SET k v PX 10", Sleep(0.5), "DBSIZE", "GET k", "DBSIZE",
                           "SET k v PX 10", "DEBUG SET-ACTIVE-EXPIRE 1", Sleep(0.5), "DBSIZE", embedded=False)
    assert [reply.value for reply in replies if isinstance(reply, Int)] == [1, 0, 0]


def test_what_has_expired_is_seen_while_it_is_held(diff: Differential):
    """On a master until somebody else asks for it."""
    replies = diff.compare("DEBUG SET-ACTIVE-EXPIRE 0", "SET k v PX 10", Sleep(0.1), "DEBUG DIGEST-VALUE k",
                           "DEBUG DIGEST-VALUE k", "DBSIZE", "GET k", "DEBUG DIGEST-VALUE k", "DEBUG OBJECT k",
                           "MEMORY USAGE k", "DEBUG SET-ACTIVE-EXPIRE 1", embedded=False)
    assert replies[4].value == 1


def test_log(wstore_server: ServerProcess):
    assert wstore_server.call("DEBUG", "LOG", "a line of this test") == OK
    deadline = time.monotonic() + 5
    while "DEBUG LOG: a line of this test" not in wstore_server.log():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stringmatch_len(wstore_server: ServerProcess):
    """wstore's own: how a pattern does on many letters a. Even the worst pattern is done at once."""
    with wstore_server.connect() as connection:
        for length, pattern, reply in ((0, "", 1), (3, "aaa", 1), (3, "aa", 0), (1000, "a*", 1), (1000, "*b", 0),
                                       (3, "[^a]??", 0), (3, "AAA", 0)):
            assert connection.call("DEBUG", "STRINGMATCH-LEN", length, pattern) == Int(reply)
        before = time.monotonic()
        assert connection.call("DEBUG", "STRINGMATCH-LEN", 20000, "a*" * 50 + "b") == Int(0)
        assert time.monotonic() - before < 5
        for length in ("x", "-1", "99999999999999"):
            error = connection.call("DEBUG", "STRINGMATCH-LEN", length, "a")
            assert error == Error(b"ERR value is not an integer or out of range")


def test_help_lists_what_there_is(wstore_server: ServerProcess):
    lines = [line.text.decode() for line in wstore_server.call("DEBUG", "HELP").items]
    names = [line.split()[0] for line in lines[1:] if not line.startswith(" ")]
    assert names == sorted(names[:-1]) + ["HELP"]
    for name in names[:-1]:
        assert wstore_server.call("DEBUG", name, *["0"] * 9) != OK
        assert b"DEBUG HELP" in wstore_server.call("DEBUG", name + "x").text


@pytest.mark.parametrize("allowed", ["no", "yes", "local"])
def test_who_may_use_it(allowed: str):
    """Over TCP from this machine: the rule and the words of Redis."""
    told = []
    for start in (start_oracle, start_wstore):
        with start("--enable-debug-command", allowed) as server, server.connect() as connection:
            connection.call("SET", "k", "v")
            told.append([connection.call(*words.split()) for words in (
                "DEBUG DIGEST-VALUE k", "DEBUG FOO", "DEBUG", "CONFIG SET enable-debug-command yes", "DEBUG SLEEP 0")])
    assert told[0] == told[1]
    assert isinstance(told[0][0], Error) == (allowed == "no")


def test_a_bulk_reply_is_one(wstore_server: ServerProcess):
    assert wstore_server.call("DEBUG", "PROTOCOL", "string") == Bulk(b"Hello World")
