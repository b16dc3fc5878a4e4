"""INFO: every field of Redis 7.0.15 with the same kind of value, the same sections in the same order, real numbers."""
from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import redis

from tests.harness import OK, Bulk, Connection, Error, ServerProcess, Verbatim

ROOT = Path(__file__).resolve().parents[2]
OWN_SECTION = "Commands_module"
STATIC_SECTIONS = (
    "Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Cluster")
KINDS = (
    ("integer", r"-?\d+"), ("decimal", r"-?\d+\.\d+"), ("percent", r"-?\d+\.\d+%"), ("size", r"\d+(\.\d+)?[BKMGTP]"),
    ("hex40", r"[0-9a-f]{40}"), ("empty", ""))


def parse(text: bytes) -> dict[str, dict[str, str]]:
    """{header: {field: value}} of an INFO reply, in order."""
    sections: dict[str, dict[str, str]] = {}
    for line in text.decode().split("\r\n"):
        if line.startswith("# "):
            fields = sections.setdefault(line[2:], {})
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value
    return sections


def info(server: ServerProcess, *words: str) -> dict[str, dict[str, str]]:
    return parse(server.call("INFO", *words).data)


def kind(value: str) -> str:
    return next((name for name, pattern in KINDS if re.fullmatch(pattern, value)), "text")


@pytest.fixture
def client(wstore_server: ServerProcess):
    """A connection to an empty wstore with its counters at zero."""
    with wstore_server.connect() as connection:
        assert connection.call("FLUSHALL") == OK
        assert connection.call("CONFIG", "RESETSTAT") == OK
        yield connection


def of(connection: Connection, section: str) -> dict[str, str]:
    """The fields of one section."""
    [fields] = parse(connection.call("INFO", section).data).values()
    return fields


@pytest.mark.parametrize("section", STATIC_SECTIONS)
def test_fields_and_their_kinds(oracle, wstore_server, section):
    theirs, ours = info(oracle, "everything")[section], info(wstore_server, "everything")[section]
    shared = [field for field in ours if field in theirs]
    assert shared == list(theirs), "fields are missing, or in another order"
    either = {"config_file"}        # empty or a path
    for field in theirs.keys() - either:
        assert kind(ours[field]) == kind(theirs[field]), f"{field}: {ours[field]!r}, in Redis {theirs[field]!r}"


def test_additional_fields_are_documented(oracle, wstore_server):
    known = {field for fields in info(oracle, "everything").values() for field in fields}
    text = (ROOT / "docs" / "differences.md").read_text()
    ours = info(wstore_server, "everything")
    added = {field for section in (*STATIC_SECTIONS, OWN_SECTION) for field in ours[section]} - known
    assert added
    assert {field for field in added if f"`{field}`" not in text} == set()


@pytest.mark.parametrize("words", [
    [], ["default"], ["all"], ["everything"], ["server"], ["SERVER"], ["cpu", "server"], ["nosuch"],
    ["nosuch", "keyspace"], ["default", "commandstats"], ["all", "modules"], ["memory", "memory"],
    ["commandstats"], ["latencystats"], ["errorstats"], ["modules"], ["cluster"], ["replication"], ["stats"],
    ["persistence"], ["clients"], ["memory"], ["keyspace"]], ids=lambda words: "+".join(words) or "none")
def test_sections_and_their_order(oracle, wstore_server, words):
    ours = list(info(wstore_server, *words))
    if "all" in words or "everything" in words:
        assert ours.pop() == OWN_SECTION
    assert ours == list(info(oracle, *words))


def test_form_of_the_reply(oracle, wstore_server):
    for server in (oracle, wstore_server):
        with server.connect(resp=3) as connection:
            reply = connection.call("INFO", "cpu", "cluster")
            assert isinstance(reply, Verbatim)
            assert reply.kind == b"txt"
            assert re.fullmatch(rb"# CPU\r\n(\w+:[\d.]+\r\n){6}\r\n# Cluster\r\ncluster_enabled:0\r\n", reply.data)
        assert server.call("INFO", "nosuch") == Bulk(b"")


def test_module_section(wstore_server):
    fields = info(wstore_server, "commands_module")[OWN_SECTION]
    assert list(fields) == ["version", "path", "reloads", "reload_last_us", "reload_max_us"]
    assert "_commands" in fields["path"]
    assert all(fields[name].isdigit() for name in ("reloads", "reload_last_us", "reload_max_us"))


def test_command_counts_have_redis_s_form(oracle, client):
    pattern = r"calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=\d+,failed_calls=\d+"
    with oracle.connect() as other:
        for connection in (other, client):
            assert connection.call("CONFIG", "RESETSTAT") == OK
            connection.call("SET", "k", "v")
            connection.call("SET", "k")
            connection.call("INCR", "k")
            connection.call("GET", "k")
            connection.call("GET", "k")
            connection.call("CONFIG", "GET", "port")
            counts = of(connection, "commandstats")
            assert all(re.fullmatch(pattern, counts[name]) for name in counts)
            seen = {name: re.sub(r"usec\w*=[\d.]+,", "", counts[name]) for name in counts}
            assert seen["cmdstat_set"] == "calls=1,rejected_calls=1,failed_calls=0"
            assert seen["cmdstat_incr"] == "calls=1,rejected_calls=0,failed_calls=1"
            assert seen["cmdstat_get"] == "calls=2,rejected_calls=0,failed_calls=0"
            assert seen["cmdstat_config|get"] == "calls=1,rejected_calls=0,failed_calls=0"
            assert "cmdstat_del" not in seen


def test_error_counts(oracle, client):
    with oracle.connect() as other:
        for connection in (other, client):
            assert connection.call("CONFIG", "RESETSTAT") == OK
            connection.call("SET", "k", "v")
            for words in (["INCR", "k"], ["nosuch"], ["GET"], ["RESTORE", "k", "0", "x"], ["HELLO", "9"]):
                assert isinstance(connection.call(*words), Error)
            errors = of(connection, "errorstats")
            assert errors == {
                "errorstat_ERR": "count=3", "errorstat_BUSYKEY": "count=1", "errorstat_NOPROTO": "count=1"}
            assert of(connection, "stats")["total_error_replies"] == "5"


def test_latency_percentiles(oracle, client):
    pattern = r"p50=\d+\.\d{3},p99=\d+\.\d{3},p99.9=\d+\.\d{3}"
    with oracle.connect() as other:
        for connection in (other, client):
            assert connection.call("CONFIG", "RESETSTAT") == OK
            connection.call("DEBUG", "SLEEP", "0.02")
            connection.call("ECHO", "x")
            latencies = of(connection, "latencystats")
            assert all(re.fullmatch(pattern, value) for value in latencies.values())
            share = [float(part.split("=")[1]) for part in latencies["latency_percentiles_usec_debug"].split(",")]
            assert all(20_000 <= value < 30_000 for value in share)
            assert float(latencies["latency_percentiles_usec_echo"].split(",")[0][4:]) < 10_000


def test_keyspace(oracle, client):
    with oracle.connect() as other:
        lines = []
        for connection in (other, client):
            connection.call("FLUSHALL")
            for index, keys in ((0, 5), (9, 2)):
                connection.call("SELECT", str(index))
                for i in range(keys):
                    connection.call("SET", f"k{i}", "v")
            connection.call("PEXPIRE", "k0", "500000")
            lines.append({db: re.sub(r"avg_ttl=\d+", "avg_ttl=", text)
                          for db, text in of(connection, "keyspace").items()})
            connection.call("FLUSHALL")
            assert of(connection, "keyspace") == {}
    assert lines[0] == lines[1] == {"db0": "keys=5,expires=0,avg_ttl=", "db9": "keys=2,expires=1,avg_ttl="}


def test_counters_count(wstore_server, client):
    before = of(client, "stats")
    client.call("SET", "there", "1", "PX", "1000")
    client.call("GET", "there")
    client.call("GET", "missing")
    time.sleep(1.3)
    client.call("GET", "there")
    with wstore_server.connect() as second:
        second.call("PING")
        assert of(client, "clients")["connected_clients"] == "2"
    after = of(client, "stats")
    grown = {name: int(after[name]) - int(before[name]) for name in after if kind(after[name]) == "integer"}
    assert grown["total_connections_received"] == 1
    assert grown["keyspace_misses"] == 2
    assert grown["keyspace_hits"] == 1
    assert grown["expired_keys"] == 1
    assert grown["total_commands_processed"] >= 6
    assert grown["total_net_input_bytes"] > 100
    assert grown["total_net_output_bytes"] > 1000


def test_rates_show_the_load(client):
    deadline = time.monotonic() + 10
    rate = 0
    while rate < 1000 and time.monotonic() < deadline:
        client.pipeline([("PING",)] * 500)
        rate = int(of(client, "stats")["instantaneous_ops_per_sec"])
    assert rate >= 1000
    assert float(of(client, "stats")["instantaneous_input_kbps"]) > 0


def test_memory_grows_with_the_data_and_shrinks(client):
    def number(field):
        return int(of(client, "memory")[field])
    empty = number("used_memory")
    client.pipeline([("SET", f"key:{i}", "x" * 2000) for i in range(5000)])
    full = number("used_memory")
    assert full - empty >= 10_000_000
    assert number("used_memory_dataset") >= 10_000_000
    assert number("used_memory_peak") >= full
    parts = number("used_memory_overhead") + number("used_memory_dataset")
    assert parts == pytest.approx(number("used_memory"), rel=0.01)
    client.call("FLUSHALL")
    while number("lazyfree_pending_objects"):
        time.sleep(0.01)
    assert number("used_memory") < full - 8_000_000
    assert number("used_memory_peak") >= full
    assert number("used_memory_rss") > 1_000_000


def test_changes_are_counted(client):
    before = int(of(client, "persistence")["rdb_changes_since_last_save"])
    client.pipeline([("SET", "a", "1"), ("MSET", "b", "1", "c", "2"), ("DEL", "a", "b"), ("GET", "c")])
    assert int(of(client, "persistence")["rdb_changes_since_last_save"]) - before == 5


def test_server_facts(wstore_server, client):
    server = of(client, "server")
    assert server["redis_version"] == "7.0.15"
    assert int(server["process_id"]) == wstore_server.pid
    assert int(server["tcp_port"]) == wstore_server.port
    assert abs(int(server["server_time_usec"]) / 1e6 - time.time()) < 5
    first, began = int(server["uptime_in_seconds"]), time.monotonic()
    time.sleep(1.1)
    assert 1 <= int(of(client, "server")["uptime_in_seconds"]) - first <= time.monotonic() - began + 2
    assert of(client, "server")["run_id"] == server["run_id"]


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_reads_the_same_types(oracle, wstore_server, protocol):
    types = []
    for server in (oracle, wstore_server):
        with redis.Redis(port=server.port, protocol=protocol) as client:
            client.set("k", "v", ex=1000)
            client.info("commandstats")
            types.append({name: type(value) for name, value in client.info("everything").items()})
            assert set(client.info("commandstats")["cmdstat_info"]) == {
                "calls", "usec", "usec_per_call", "rejected_calls", "failed_calls"}
            assert client.info("keyspace")["db0"]["expires"] >= 1
            client.flushall()
    loose = {"config_file", "executable", "os", "monotonic_clock"}
    theirs = {name: kind for name, kind in types[0].items()
              if name not in loose and not name.startswith(("cmdstat_", "errorstat_", "latency_percentiles", "db"))}
    assert {name: types[1].get(name) for name in theirs} == theirs
