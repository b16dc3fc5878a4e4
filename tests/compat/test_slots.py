"""Slots: CLUSTER KEYSLOT, COUNTKEYSINSLOT, GETKEYSINSLOT against a redis-server in cluster mode, CLUSTER's other
subcommands against one that is not, SLOTSINFO against a recount."""
from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from tests.compat.test_stateful import SLOTS, recount, slot_of
from tests.harness import OK, Array, Bulk, Connection, Differential, Error, Int, ServerProcess, start_oracle

TAGGED = st.lists(st.sampled_from([b"{", b"}", b"a", b"bc", b"", b"{}", b"user:1"]), max_size=7).map(b"".join)
DISABLED = Error(b"ERR This instance has cluster support disabled")
INVALID = Error(b"ERR Invalid slot or number of slots")


@pytest.fixture(scope="module")
def cluster() -> Iterator[ServerProcess]:
    """A redis-server that is a whole cluster."""
    with start_oracle("--cluster-enabled", "yes") as server:
        with server.connect() as connection:
            assert connection.call("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1) == OK
            deadline = time.monotonic() + 20
            while b"cluster_state:ok" not in connection.call("CLUSTER", "INFO").data:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield server


@given(st.one_of(TAGGED, strategies.any_key))
def test_keyslot(cluster: ServerProcess, wstore_server: ServerProcess, key: bytes):
    replies = {server.name: server.call("CLUSTER", "KEYSLOT", key) for server in (cluster, wstore_server)}
    assert replies == dict.fromkeys(replies, Int(slot_of(key)))


def fill(connection: Connection, keys: list[bytes]) -> None:
    assert connection.call("FLUSHALL") == OK
    assert set(connection.pipeline([("SET", key, "v") for key in keys])) <= {OK}


@given(st.lists(st.one_of(TAGGED, strategies.any_key), unique=True, max_size=60), st.integers(0, 80))
def test_counts_and_keys_of_slots(cluster: ServerProcess, wstore_server: ServerProcess, keys: list[bytes], most: int):
    with cluster.connect() as theirs, wstore_server.connect() as ours:
        for connection in (theirs, ours):
            fill(connection, keys)
        for slot in {*map(slot_of, keys), 0, SLOTS - 1}:
            assert ours.call("CLUSTER", "COUNTKEYSINSLOT", slot) == theirs.call("CLUSTER", "COUNTKEYSINSLOT", slot)
            expected = theirs.call("CLUSTER", "GETKEYSINSLOT", slot, 1000)
            actual = ours.call("CLUSTER", "GETKEYSINSLOT", slot, 1000)
            assert set(actual.items) == set(expected.items) and len(actual.items) == len(expected.items)
            some = ours.call("CLUSTER", "GETKEYSINSLOT", slot, most)
            assert len(some.items) == min(most, len(expected.items)) and set(some.items) <= set(expected.items)


ODD_SLOTS = ["-1", "16384", "x", "", "16383", "0", "1.5", "99999999999999999999", "9223372036854775807"]


@pytest.mark.parametrize("words", [
    *(("COUNTKEYSINSLOT", slot) for slot in ODD_SLOTS), *(("GETKEYSINSLOT", slot, "10") for slot in ODD_SLOTS),
    *(("GETKEYSINSLOT", "0", count) for count in ("-1", "0", "x", "", "9223372036854775807")),
    ("GETKEYSINSLOT", "x", "y"), ("KEYSLOT",), ("KEYSLOT", "a", "b"), ("COUNTKEYSINSLOT",), ("GETKEYSINSLOT", "1"),
    ("GETKEYSINSLOT", "1", "2", "3")], ids=" ".join)
def test_errors(cluster: ServerProcess, wstore_server: ServerProcess, words: tuple[str, ...]):
    for server in (cluster, wstore_server):
        server.call("FLUSHALL")
    assert wstore_server.call("CLUSTER", *words) == cluster.call("CLUSTER", *words)


SUBCOMMANDS = ["ADDSLOTS 1", "ADDSLOTSRANGE 1 2", "BUMPEPOCH", "COUNT-FAILURE-REPORTS x", "DELSLOTS 1",
               "DELSLOTSRANGE 1 2", "FAILOVER", "FLUSHSLOTS", "FORGET x", "HELP", "INFO", "LINKS", "MEET 127.0.0.1 1",
               "MYID", "NODES", "REPLICAS x", "REPLICATE x", "RESET", "SAVECONFIG", "SET-CONFIG-EPOCH 1",
               "SETSLOT 1 STABLE", "SHARDS", "SLAVES x", "SLOTS"]


@pytest.mark.parametrize("words", SUBCOMMANDS)
def test_the_rest_of_cluster_is_disabled(diff: Differential, words: str):
    [reply] = diff.compare(f"CLUSTER {words}")
    assert reply == DISABLED


def test_arities_of_cluster(diff: Differential):
    diff.compare("CLUSTER", "CLUSTER FOO", *(f"CLUSTER {words.split()[0]} 1 2 3 4" for words in SUBCOMMANDS),
                 *(f"CLUSTER {words.split()[0]}" for words in SUBCOMMANDS))


def slots_info(counts: dict[int, int], first: int = 0, end: int = SLOTS) -> Array:
    return Array(tuple(Array((Int(slot), Int(counts[slot]))) for slot in sorted(counts) if first <= slot < end))


@given(st.lists(st.one_of(TAGGED, strategies.any_key), unique=True, max_size=60), st.integers(0, SLOTS - 1),
       st.integers(0, 20000))
def test_slotsinfo(wstore_server: ServerProcess, keys: list[bytes], first: int, count: int):
    counts = recount(keys)
    with wstore_server.connect() as connection:
        fill(connection, keys)
        assert connection.call("SLOTSINFO") == slots_info(counts)
        assert connection.call("SLOTSINFO", first) == slots_info(counts, first)
        assert connection.call("SLOTSINFO", first, count) == slots_info(counts, first, first + count)


def test_slotsinfo_is_of_the_selected_database(wstore_server: ServerProcess):
    with wstore_server.connect() as connection:
        fill(connection, [b"a"])
        connection.pipeline([("SELECT", 1), ("SET", "b", "v"), ("SET", "{b}2", "v")])
        assert connection.call("SLOTSINFO") == slots_info({slot_of(b"b"): 2})
        connection.pipeline([("SWAPDB", 0, 1)])
        assert connection.call("SLOTSINFO") == slots_info({slot_of(b"a"): 1})
        connection.pipeline([("MOVE", "a", 0)])
        assert connection.call("SLOTSINFO") == Array(())
        connection.pipeline([("SELECT", 0)])
        assert connection.call("SLOTSINFO") == slots_info(recount([b"a", b"b", b"{b}2"]))


def test_slotsinfo_errors(wstore_server: ServerProcess):
    not_a_number = Error(b"ERR value is not an integer or out of range")
    for words, reply in ((("-1",), INVALID), (("16384",), INVALID), (("0", "-1"), INVALID), (("x",), not_a_number),
                         (("0", "x"), not_a_number), (("0", "1", "2"), Error(b"ERR syntax error"))):
        assert wstore_server.call("SLOTSINFO", *words) == reply


def test_counts_follow_expiry(wstore_server: ServerProcess):
    with wstore_server.connect() as connection:
        fill(connection, [b"{t}1", b"{t}2"])
        connection.call("PEXPIRE", "{t}1", 20)
        deadline = time.monotonic() + 10
        while connection.call("CLUSTER", "COUNTKEYSINSLOT", slot_of(b"t")) != Int(1):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert connection.call("CLUSTER", "GETKEYSINSLOT", slot_of(b"t"), 10) == Array((Bulk(b"{t}2"),))
