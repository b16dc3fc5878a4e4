"""MEMORY STATS, DOCTOR and MALLOC-STATS, LATENCY and LOLWUT beside Redis: forms, fields, errors, plausible values."""
from __future__ import annotations

import pytest

from tests.harness import OK, Array, Bulk, Differential, Double, Int, Map, ServerProcess, Verbatim


@pytest.fixture(params=[2, 3])
def both(request, oracle: ServerProcess, wstore_server: ServerProcess):
    """Connections to a redis-server and to wstore, in the same protocol, with the same two keys."""
    with oracle.connect(resp=request.param) as theirs, wstore_server.connect(resp=request.param) as ours:
        for connection in (theirs, ours):
            connection.pipeline([
                ("FLUSHALL",), ("CONFIG", "RESETSTAT"), ("SET", "a", "1"), ("SELECT", "3"), ("SET", "b", "2"),
                ("SELECT", "0")])
        yield theirs, ours
        for connection in (theirs, ours):
            assert connection.call("FLUSHALL") == OK


def pairs(reply) -> dict:
    """A map, also as RESP2 has it, by the text of its keys."""
    flat = reply.pairs if isinstance(reply, Map) else zip(reply.items[::2], reply.items[1::2], strict=True)
    return {key.data if isinstance(key, Bulk) else key.value: value for key, value in flat}


def test_memory_stats(both):
    theirs, ours = (connection.call("MEMORY", "STATS") for connection in both)
    assert type(ours) is type(theirs)
    theirs, ours = pairs(theirs), pairs(ours)
    assert list(ours) == list(theirs)
    assert {name: type(value) for name, value in ours.items()} == {name: type(value) for name, value in theirs.items()}
    for name in (b"db.0", b"db.3"):
        assert list(pairs(ours[name])) == list(pairs(theirs[name]))
        assert pairs(ours[name])[b"overhead.hashtable.main"].value > 0
    assert ours[b"keys.count"] == Int(2)
    numbers = {name: value.value for name, value in ours.items() if isinstance(value, Int)}
    assert 0 < numbers[b"total.allocated"] <= numbers[b"peak.allocated"]
    assert numbers[b"overhead.total"] + numbers[b"dataset.bytes"] == numbers[b"total.allocated"]


def test_bytes_a_key(wstore_server):
    with wstore_server.connect(resp=3) as connection:
        connection.call("FLUSHALL")
        before = connection.call("MEMORY", "STATS").get(b"total.allocated").value
        connection.pipeline([("SET", f"key:{i:07d}", f"v{i:07d}") for i in range(100_000)])
        stats = connection.call("MEMORY", "STATS")
        total = stats.get(b"total.allocated").value
        assert stats.get(b"keys.count") == Int(100_000)
        assert 20 <= (total - before) / 100_000 <= 60
        # the server is shared: what earlier tests left behind is in there too
        assert stats.get(b"keys.bytes-per-key").value == (total - stats.get(b"startup.allocated").value) // 100_000
        assert 0 < float(stats.get(b"dataset.percentage").text) <= 100
        assert isinstance(stats.get(b"fragmentation"), Double)
        connection.call("FLUSHALL")


@pytest.mark.parametrize("words", [["MEMORY", "DOCTOR"], ["MEMORY", "MALLOC-STATS"], ["LATENCY", "DOCTOR"], ["LOLWUT"],
                                   ["LOLWUT", "VERSION", "6"], ["LOLWUT", "10", "3"], ["LOLWUT", "VERSION"],
                                   ["LOLWUT", "x"], ["LOLWUT", "VERSION", "4", "x"],
                                   ["LOLWUT", "VERSION", "6", "1", "2", "x"]], ids=" ".join)
def test_reports_are_texts(both, words):
    theirs, ours = (connection.call(*words) for connection in both)
    assert type(ours) is type(theirs)
    assert ours.data.decode()
    if isinstance(ours, Verbatim):
        assert ours.kind == theirs.kind


def test_lolwut_ends_with_the_version(wstore_server):
    for words in ([], ["VERSION", "1"], ["7", "2"], ["VERSION", "5", "7", "2"]):
        lines = wstore_server.call("LOLWUT", *words).data.decode().splitlines()
        assert lines[-1].startswith("Redis ver. 7.0.15")
        assert len(lines) == (4 if "7" in words else 14)


def test_latency_histogram(both):
    for connection in both:
        connection.call("CONFIG", "RESETSTAT")
        connection.pipeline([("GET", "a")] * 30 + [("CONFIG", "GET", "port"), ("STRLEN", "a"), ("MGET",)])
    theirs, ours = (connection.call("LATENCY", "HISTOGRAM", "config", "GET", "nosuch", "mget") for connection in both)
    assert type(ours) is type(theirs)
    theirs, ours = pairs(theirs), pairs(ours)
    assert set(theirs) == set(ours) >= {b"config|get", b"get"}
    assert b"mget" not in ours
    for name in ours:
        entry, like = pairs(ours[name]), pairs(theirs[name])
        assert list(entry) == list(like)
        assert entry[b"calls"] == like[b"calls"]
        counts = [count.value for count in pairs(entry[b"histogram_usec"]).values()]
        assert counts == sorted(set(counts))
        assert counts[-1] == entry[b"calls"].value
        bounds = list(pairs(entry[b"histogram_usec"]))
        assert bounds == sorted(bounds)


def test_latency_of_all_commands(both):
    theirs, ours = (pairs(connection.call("LATENCY", "HISTOGRAM")) for connection in both)
    assert set(ours) == set(theirs)


def test_answers_without_events(diff: Differential):
    diff.compare(
        "LATENCY LATEST", "LATENCY HISTORY command", "LATENCY RESET", "LATENCY RESET command x",
        "LATENCY GRAPH command", "LATENCY GRAPH", "LATENCY HISTORY", "LATENCY nosuch", "LATENCY HELP x",
        "LATENCY LATEST x",
        "LATENCY HISTOGRAM nosuch", "LOLWUT VERSION x", "LOLWUT VERSION 5 version", "LOLWUT VERSION 5 1 2 x",
        "LOLWUT VERSION 6 1 x", "MEMORY STATS x", "MEMORY DOCTOR x",
        "MEMORY MALLOC-STATS x", "MEMORY nosuch")


def test_wrong_arguments_of_slowlog(diff: Differential):
    diff.compare(
        "SLOWLOG GET -1 1", "SLOWLOG get 1 2 3", "SlowLog GeT -1 1", "slowlog gEt -2", "SLOWLOG GET x", "SLOWLOG LEN 1",
        "SLOWLOG len 1", "SLOWLOG ReSet 1", "SLOWLOG NoSuch", "SLOWLOG")


def test_wrong_arguments_of_client(diff: Differential):
    diff.compare("CLIENT pAuse x y z", "CLIENT unBlock 1 ERROR x", "CLIENT KiLL", "client noSuch", embedded=False)


@pytest.mark.parametrize("name", ["MEMORY", "LATENCY", "COMMAND"])
def test_help_names_every_subcommand(oracle, wstore_server, name):
    with oracle.connect() as theirs, wstore_server.connect() as ours:
        words = [{line.text.split(b" ")[0] for line in connection.call(name, "HELP").items
                  if not line.text.startswith(b" ")} for connection in (theirs, ours)]
        assert words[0] == words[1]
        assert isinstance(ours.call(name, "HELP"), Array)
