"""DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME, RENAMENX, COPY, MOVE, FLUSHDB, FLUSHALL, SWAPDB, DBSIZE, OBJECT, TIME:
every option and error against redis-server, and what INFO counts of them."""
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from tests.harness import Array, Bulk, Differential, Error, Int, ServerProcess, counted

LONG = b"v" * 5000
FIXTURE = ["SET a 1", "SET b text", ("SET", "long", LONG), "SET c 2 EX 5000", "APPEND raw tail",
           "SELECT 1", "SET a other", "SELECT 0"]
CASES = {
    "rename": ["RENAME a z", "GET z", "EXISTS a"],
    "rename over a key": ["RENAME a b", "GET b"],
    "rename a long value": ["RENAME long z", "STRLEN z", "RENAME z long", "GET long"],
    "rename onto itself": ["RENAME a a", "RENAMENX a a", "RENAME q q", "RENAMENX q q"],
    "rename without the key": ["RENAME q a", "RENAMENX q a", "RENAME q z"],
    "rename keeps the TTL": ["RENAME c a", "TTL a", "RENAME b a", "TTL a"],
    "rename keeps the encoding": ["RENAME raw z", "OBJECT ENCODING z", "RENAME a y", "OBJECT ENCODING y"],
    "renamenx": ["RENAMENX a b", "RENAMENX a z", "GET z", "RENAMENX c y", "TTL y"],
    "copy": ["COPY a z", "GET z", "GET a", "COPY a z", "COPY b z REPLACE", "GET z"],
    "copy keeps TTL and encoding": ["COPY c z", "TTL z", "COPY raw y", "OBJECT ENCODING y", "COPY long x", "GET x"],
    "copy to a database": ["COPY a z DB 1", "COPY a a DB 1", "COPY a a DB 1 REPLACE", "COPY a q DB 0", "SELECT 1",
                           "GET z", "GET a"],
    "copy onto itself": ["COPY a a", "COPY a a REPLACE", "COPY a a DB 0", "COPY q q", "COPY q z", "COPY q z REPLACE"],
    "copy with bad options": ["COPY a z DB", "COPY a z DB x", "COPY a z DB 16", "COPY a z DB -1", "COPY a z FOO",
                              "COPY a z DB 9999999999", "COPY a z REPLACE FOO", "COPY a z DB 1 DB 0 REPLACE REPLACE",
                              "COPY a", ("COPY", "a", "z", "db", "1 ")],
    "move": ["MOVE b 1", "EXISTS b", "MOVE a 1", "MOVE q 1", "MOVE c 2", "MOVE long 2", "SELECT 2", "TTL c",
             "GET long"],
    "move with a bad database": ["MOVE a 0", "MOVE a 16", "MOVE a -1", "MOVE a x", "MOVE a 9999999999", "MOVE a",
                                 "MOVE q 0"],
    "swapdb": ["SWAPDB 0 1", "GET a", "DBSIZE", "SWAPDB 1 0", "GET a", "SWAPDB 0 0", "SWAPDB 5 6", "SWAPDB 0 7",
               "DBSIZE", "SELECT 7", "DBSIZE"],
    "swapdb with bad numbers": ["SWAPDB x 1", "SWAPDB 1 x", "SWAPDB 16 0", "SWAPDB 0 -1", "SWAPDB 99999999999 0",
                                "SWAPDB 0 99999999999", "SWAPDB 1"],
    "flushdb": ["FLUSHDB", "DBSIZE", "SELECT 1", "DBSIZE", "FLUSHDB async", "DBSIZE", "FLUSHDB SYNC"],
    "flushall": ["FLUSHALL ASYNC", "DBSIZE", "SET a 1", "FLUSHALL sync", "DBSIZE", "SELECT 1", "DBSIZE"],
    "flush with bad options": ["FLUSHDB FOO", "FLUSHDB SYNC ASYNC", "FLUSHALL FOO", "FLUSHALL ASYNC SYNC"],
    "counts keys as often as named": ["EXISTS a a q a", "TOUCH a a q", "DEL a a q b", "UNLINK c q c", "EXISTS"],
    "type": ["TYPE a", "TYPE long", "TYPE q", "TYPE"],
    "object encoding": ["OBJECT ENCODING a", "OBJECT ENCODING b", "OBJECT ENCODING long", "OBJECT ENCODING raw",
                        "OBJECT ENCODING q"],
    "object refcount": ["SET big 10000", "SET minus -1", "SET last 9999", "OBJECT REFCOUNT big", "OBJECT REFCOUNT last",
                        "OBJECT REFCOUNT minus", "OBJECT REFCOUNT b", "OBJECT REFCOUNT q"],
    "object idletime and freq": ["OBJECT IDLETIME a", "OBJECT IDLETIME q", "OBJECT FREQ a", "OBJECT FREQ q"],
    "object errors": ["OBJECT", "OBJECT FOO a", "OBJECT ENCODING", "OBJECT ENCODING a b", "OBJECT HELP x"],
    "memory usage errors": ["MEMORY USAGE q", "MEMORY USAGE a SAMPLES", "MEMORY USAGE a SAMPLES x", "MEMORY USAGE",
                            "MEMORY USAGE a SAMPLES -1", "MEMORY USAGE a FOO", "MEMORY USAGE a SAMPLES 0",
                            "MEMORY USAGE a SAMPLES 3 SAMPLES 4", "MEMORY FOO", "MEMORY", "MEMORY PURGE"],
    "wrong numbers of arguments": ["DEL", "UNLINK", "TOUCH", "RENAME a", "RENAMENX a", "DBSIZE x", "TIME x",
                                   "RANDOMKEY x"],
}


@pytest.mark.parametrize("name", CASES)
def test_case(diff: Differential, name: str):
    diff.compare(*FIXTURE, *CASES[name])


@pytest.mark.parametrize("word", ["DEL", "UNLINK", "EXISTS", "TOUCH"])
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 31, 32, 33, 100])
def test_many_keys_in_one_command(diff: Differential, word: str, count: int):
    """Counts around the sizes of the batches in which keys are hashed; every third key does not exist."""
    there = [("SET", f"key:{i}", i) for i in range(count + 2) if i % 3]
    replies = diff.compare(*there, (word, *(f"key:{i}" for i in range(count))), "DBSIZE")
    assert replies[-2] == Int(sum(1 for i in range(count) if i % 3))


moving = st.one_of(
    strategies.words(b"RENAME", strategies.keys, strategies.keys),
    strategies.words(b"RENAMENX", strategies.keys, strategies.keys),
    strategies.words(b"MOVE", strategies.keys, st.integers(0, 2)),
    strategies.words(b"COPY", strategies.keys, strategies.keys, b"DB", st.integers(0, 2),
                     strategies.options(b"REPLACE")),
    strategies.words(b"SELECT", st.integers(0, 2)),
    strategies.words(b"SWAPDB", st.integers(0, 2), st.integers(0, 2)),
    strategies.words(b"SET", strategies.keys, strategies.values),
    strategies.words(b"APPEND", strategies.keys, strategies.values),
    strategies.words(b"PEXPIREAT", strategies.keys, b"2345678901234"))


@given(st.lists(moving, min_size=5, max_size=50))
def test_values_on_the_move(diff: Differential, sequence):
    """Values of all sizes and encodings, with TTLs, between names and databases; then all data by their digest."""
    asked = [(b"OBJECT", b"ENCODING", key) for key in strategies.KEYS]
    diff.compare(*sequence, *asked, "DEBUG DIGEST", tolerance_ms=0)


COUNTED = ["EXISTS a q a", "TOUCH a q", "TYPE a", "TYPE q", "TTL a", "TTL q", "PTTL c", "EXPIRETIME c", "PEXPIRETIME q",
           "OBJECT ENCODING a", "OBJECT ENCODING q", "OBJECT REFCOUNT a", "OBJECT IDLETIME a", "OBJECT FREQ a",
           "MEMORY USAGE a", "MEMORY USAGE q", "DEBUG OBJECT a", "DUMP a", "DUMP q", "COPY a z", "COPY q z", "COPY a z",
           "COPY a z REPLACE", "RENAME z y", "RENAME y y", "RENAME q z", "RENAMENX a b", "RENAMENX b x", "MOVE x 1",
           "MOVE a 1", "MOVE q 1", "EXPIRE c 100", "EXPIRE c 100 NX", "EXPIRE q 100", "PERSIST c", "PERSIST c",
           "EXPIRE c -1", "KEYS *", "SCAN 0", "RANDOMKEY", "DEL raw long q", "UNLINK y q", "SWAPDB 1 2", "SWAPDB 1 1",
           "RESTORE a 0 x", "FLUSHDB", "FLUSHDB", "FLUSHALL"]


def test_hits_misses_and_changes_are_counted_as_in_redis(oracle: ServerProcess, wstore_server: ServerProcess):
    assert counted(wstore_server, FIXTURE, COUNTED) == counted(oracle, FIXTURE, COUNTED)


def test_memory_usage_grows_with_the_value(wstore_server: ServerProcess):
    with wstore_server.connect() as connection:
        sizes = []
        for size in (1, 100, 1000, 5000, 100_000):
            connection.call("SET", "m", b"x" * size)
            sizes.append(connection.call("MEMORY", "USAGE", "m").value)
            assert size < sizes[-1] < size * 1.5 + 100
        assert sizes == sorted(sizes)


def test_time_is_now(wstore_server: ServerProcess):
    before = time.time()
    reply = wstore_server.call("TIME")
    assert isinstance(reply, Array) and all(isinstance(item, Bulk) for item in reply.items)
    seconds, microseconds = (int(item.data) for item in reply.items)
    assert before - 0.01 <= seconds + microseconds / 1e6 <= time.time() + 0.01


@pytest.mark.parametrize("command", ["OBJECT", "MEMORY"])
def test_help_names_the_subcommands(oracle: ServerProcess, wstore_server: ServerProcess, command: str):
    def syntax(server: ServerProcess) -> list[bytes]:
        return [line.text for line in server.call(command, "HELP").items if not line.text.startswith(b" ")]
    assert syntax(oracle) == syntax(wstore_server)


def test_malloc_stats_is_text(wstore_server: ServerProcess):
    reply = wstore_server.call("MEMORY", "MALLOC-STATS")
    assert isinstance(reply, Bulk) and reply.data.endswith(b"\n")
    assert isinstance(wstore_server.call("MEMORY", "MALLOC-STATS", "x"), Error)


def test_references_of_a_copied_integer(oracle, wstore_server):
    """Redis shares what SET stores, and not what COPY makes; wstore tells both by the value."""
    for server, copied in (oracle, 1), (wstore_server, 2147483647):
        with server.connect() as connection:
            replies = connection.pipeline([
                ("SET", "a", "5"), ("COPY", "a", "b", "REPLACE"), ("OBJECT", "REFCOUNT", "a"),
                ("OBJECT", "REFCOUNT", "b"), ("DEL", "a", "b")])
        assert replies[2:4] == [Int(2147483647), Int(copied)]
