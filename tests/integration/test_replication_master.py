"""wstore as a master: real Redis servers replicate from it, and tools that speak to masters find what they expect."""
from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from tests.datasets import change, fill
from tests.processes import start_oracle, start_wstore, wait_for
from tests.replicating import (
    cut_off,
    facts,
    start_old_redis,
    start_replica,
    sync_counts,
    wait_in_step,
)
from tests.resp import OK, Array, Bulk, Error, Int, Simple
from wstore import ReplyError, Store

LOGGED = ("--appendonly", "yes", "--appendfsync", "no")
REDISES = pytest.mark.parametrize("start", [start_oracle, start_old_redis, start_wstore], ids=["7.0", "6.2", "wstore"])


def write(server, megabytes, prefix="more"):
    """So many megabytes of the stream."""
    with server.connect() as connection:
        for n in range(megabytes):
            connection.pipeline([("SET", f"{prefix}:{n}:{i}", "x" * 1000) for i in range(1000)])


def fill_all(server):
    """The data set, but for a score of -0: Redis 6.2 has that as another number than 0."""
    with server.connect() as connection:
        fill(connection)
        connection.pipeline([command for db in (0, 3, 15) for command in (("SELECT", db), ("ZREM", "z:odd", "d"))])


def change_all(server, seed=2):
    with server.connect() as connection:
        change(connection, seed)


# -- full syncs ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("start", "options"), [
    pytest.param(start, options, id=f"{name}-{source}")
    for name, start in [("7.0", start_oracle), ("6.2", start_old_redis), ("wstore", start_wstore)]
    for source, options in [("snapshot", ()), ("log", LOGGED)] if (name, source) != ("6.2", "log")])
def test_full_sync(start, options):
    with start_wstore(*options) as master:
        fill_all(master)
        with start_replica(master, start=start) as replica:
            wait_in_step(master, replica)
            change_all(master)
            wait_in_step(master, replica)
            assert sync_counts(master) == (1, 0, 0)
        assert ("gets the base of the log" in master.log()) == (options == LOGGED)
        assert ("gets a snapshot" in master.log()) == (options == ())


def test_full_sync_while_data_change(tmp_path):
    with start_wstore() as master:
        fill_all(master)
        write(master, 20)
        stop = threading.Event()

        def keep_changing():
            seed = 0
            while not stop.is_set():
                seed += 1
                change_all(master, seed)
        thread = threading.Thread(target=keep_changing)
        thread.start()
        try:
            with start_replica(master) as replica:
                wait_for(lambda: facts(replica)["master_link_status"] == "up", 60)
                stop.set()
                thread.join()
                wait_in_step(master, replica)
        finally:
            stop.set()
            thread.join()


def test_one_snapshot_serves_all_that_come_in_time():
    with start_wstore() as master:
        write(master, 60)
        replicas = [start_replica(master) for _ in range(4)]
        try:
            wait_in_step(master, *replicas)
            assert sync_counts(master) == (4, 0, 0)
            assert master.log().count("Background saving for replicas started") < 4
        finally:
            for replica in replicas:
                replica.stop()


def test_no_file_is_left(tmp_path):
    with start_wstore("--dbfilename", "x.rdb") as master:
        fill_all(master)
        with start_replica(master) as replica:
            wait_in_step(master, replica)
        assert [path.name for path in master.folder.iterdir()] == ["server.log"]


def test_a_replica_of_a_replica():
    with start_wstore() as master:
        fill_all(master)
        with start_replica(master) as middle, start_replica(middle) as last:
            change_all(master)
            wait_in_step(master, middle, last)


def test_a_file_that_a_full_disk_cuts_short():
    with start_wstore() as master:
        write(master, 20)
        assert master.call("DEBUG", "FAULT", "write", 3, 1000, 28) == OK
        with start_replica(master) as replica:
            wait_for(lambda: "Background saving for replicas failed" in master.log())
            assert master.call("DEBUG", "FAULT", "write", 0, 0, 0) == OK
            wait_in_step(master, replica)


def test_the_base_of_a_rewrite_under_way_in_another_database():
    with start_wstore(*LOGGED) as master, master.connect() as writer:
        writer.pipeline([("SELECT", 3), *(("SET", f"k{n}", n) for n in range(1000))])
        assert writer.call("BGREWRITEAOF").text.startswith(b"Background")
        writer.pipeline([("SET", f"k{n}", -n) for n in range(500)])
        with start_replica(master) as early:
            writer.pipeline([("SET", f"k{n}", "later") for n in range(100)])
            wait_for(lambda: facts(master, "persistence")["aof_rewrite_in_progress"] == "0")
            writer.pipeline([("SET", f"k{n}", "later still") for n in range(50)])
            with start_replica(master) as late:
                writer.call("SET", "last", "word")
                wait_in_step(master, early, late)


def test_a_save_that_is_under_way_in_another_database():
    """Its offset can only be reached while the stream is kept."""
    with start_wstore() as master, start_replica(master) as first, master.connect() as writer:
        write(master, 20)
        wait_in_step(master, first)
        writer.pipeline([("SELECT", 3), *(("SET", f"k{n}", n) for n in range(1000))])
        writer.pipeline([("BGSAVE",), ("SET", "k1", "while saving")])
        with start_replica(master) as second:
            writer.call("SET", "k2", "behind")
            wait_in_step(master, first, second)


def test_the_log_is_switched_while_replicas_are_there():
    with start_wstore() as master, start_replica(master) as first:
        fill_all(master)
        for value in ("yes", "no", "yes"):
            assert master.call("CONFIG", "SET", "appendonly", value) == OK
            change_all(master)
            with start_replica(master) as second:
                wait_in_step(master, first, second)
            change_all(master, 3)
            with cut_off(master, first):
                master.call("SET", "away", value)
            wait_in_step(master, first)
        assert sync_counts(master) == (4, 3, 0)


# -- partial ones ----------------------------------------------------------------------------------------------------

@REDISES
def test_partial_sync_from_memory(start):
    with start_wstore() as master, start_replica(master, start=start) as replica:
        fill_all(master)
        wait_in_step(master, replica)
        with cut_off(master, replica):
            master.call("SET", "away", "short")
        wait_in_step(master, replica)
        assert sync_counts(master) == (1, 1, 0)


def test_partial_sync_from_disk():
    options = ("--repl-backlog-size", "16kb", "--aof-segment-size", "1mb", "--auto-aof-rewrite-percentage", "0")
    with start_wstore(*LOGGED, *options) as master, start_replica(master) as replica:
        fill_all(master)
        wait_in_step(master, replica)
        with cut_off(master, replica):
            write(master, 10)
            change_all(master)
        wait_in_step(master, replica)
        assert sync_counts(master) == (1, 1, 0)
        write(master, 5)
        wait_in_step(master, replica)


def test_a_stream_that_was_not_kept_so_long():
    with start_wstore("--repl-backlog-size", "16kb") as master, start_replica(master) as replica:
        wait_in_step(master, replica)
        with cut_off(master, replica):
            write(master, 2)
        wait_in_step(master, replica)
        assert sync_counts(master) == (2, 0, 1)
        assert "not accepted" in master.log()


def test_a_slow_replica_falls_back_to_the_log():
    options = ("--repl-backlog-size", "16kb", "--client-output-buffer-limit", "replica 1mb 0 0",
               "--auto-aof-rewrite-percentage", "0")
    with start_wstore(*LOGGED, *options) as master, start_replica(master) as replica:
        wait_in_step(master, replica)
        os.kill(replica.pid, signal.SIGSTOP)
        try:
            write(master, 20)
        finally:
            os.kill(replica.pid, signal.SIGCONT)
        wait_in_step(master, replica)
        assert sync_counts(master) == (1, 0, 0)


def test_goes_on_after_a_restart_of_the_master(tmp_path):
    with start_wstore(*LOGGED, folder=str(tmp_path)) as master:
        fill_all(master)
        with start_replica(master) as replica:
            wait_in_step(master, replica)
            replid = facts(master)["master_replid"]
            master.stop()
            master.start()
            change_all(master)
            wait_in_step(master, replica)
            fields = facts(master)
            assert fields["master_replid"] != replid
            assert fields["master_replid2"] == replid
            assert sync_counts(master) == (0, 1, 0)


def test_the_stream_is_called_otherwise_once_nobody_keeps_it():
    with start_wstore("--repl-backlog-ttl", "1") as master:
        first = facts(master)["master_replid"]
        with start_replica(master) as replica:
            wait_in_step(master, replica)
            kept = facts(master)
            assert kept["repl_backlog_active"] == "1"
            assert kept["master_replid"] != first
            with cut_off(master, replica):
                wait_for(lambda: facts(master)["repl_backlog_active"] == "0")
                master.call("SET", "unseen", 1)
            wait_in_step(master, replica)
            assert sync_counts(master) == (2, 0, 1)
            assert facts(master)["master_replid"] not in (first, kept["master_replid"])


# -- what goes to replicas -------------------------------------------------------------------------------------------

def test_messages_reach_subscribers_of_replicas():
    with start_wstore() as master, start_replica(master) as replica:
        wait_in_step(master, replica)
        with replica.connect() as listener, master.connect() as speaker:
            listener.call("SUBSCRIBE", "news")
            speaker.pipeline([("SELECT", 5), ("PUBLISH", "news", "one"), ("SET", "k", 1), ("MULTI",),
                              ("PUBLISH", "news", "two"), ("SPUBLISH", "other", "x"), ("EXEC",)])
            heard = [listener.read().items[2].data for _ in range(2)]
        assert heard == [b"one", b"two"]
        wait_in_step(master, replica)


def test_messages_do_not_fill_the_log():
    with start_wstore(*LOGGED) as master:
        before = facts(master)["master_repl_offset"]
        assert master.call("PUBLISH", "news", "x") == Int(0)
        assert facts(master)["master_repl_offset"] == before


def test_expired_keys():
    with start_wstore() as master, start_replica(master) as replica:
        master.call("SET", "short", "x", "PX", 50)
        master.call("SET", "long", "x", "PX", 10 ** 8)
        wait_for(lambda: master.call("DBSIZE") == Int(1))
        wait_in_step(master, replica)
        assert replica.call("DBSIZE") == Int(1)
        assert abs(replica.call("PTTL", "long").value - master.call("PTTL", "long").value) < 100


# -- what is said ----------------------------------------------------------------------------------------------------

def role_of(server):
    return server.call("ROLE")


def test_fields_and_role_as_in_redis():
    """The same scene with either master: the same fields, the same states, offsets apart."""
    seen = []
    for start in (start_wstore, start_oracle):
        options = ("--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1")
        with start(*options) as master, start_replica(
                master, "--replica-announce-ip", "10.1.2.3", "--replica-announce-port", "4711") as replica:
            wait_in_step(master, replica)
            wait_for(lambda master=master: role_of(master).items[2].items)
            wait_for(lambda master=master: "lag=0" in facts(master)["slave0"] or "lag=1" in facts(master)["slave0"])
            fields = facts(master)
            kind, place, listed = role_of(master).items
            assert isinstance(place, Int)
            assert listed.items[0].items[:2] == (Bulk(b"10.1.2.3"), Bulk(b"4711"))
            shape = [re.sub(r"offset=\d+,lag=\d", "", value) if name == "slave0" else name
                     for name, value in fields.items()]
            seen.append((kind, shape, fields["master_replid2"], fields["second_repl_offset"],
                         fields["min_slaves_good_slaves"], fields["repl_backlog_active"]))
            assert fields["master_repl_offset"].isdigit()
    assert seen[0] == seen[1]


def test_traffic_is_counted():
    with start_wstore() as master, start_replica(master) as replica:
        wait_in_step(master, replica)
        write(master, 2)
        wait_in_step(master, replica)
        stats = facts(master, "stats")
        assert 2_000_000 < int(stats["total_net_repl_output_bytes"]) < int(stats["total_net_output_bytes"])
        wait_for(lambda: float(facts(master, "stats")["instantaneous_output_repl_kbps"]) > 0)
        assert int(facts(master, "memory")["mem_replication_backlog"]) >= 1 << 20
        assert master.call("CONFIG", "RESETSTAT") == OK
        assert int(facts(master, "stats")["total_net_repl_output_bytes"]) < 1000
        assert sync_counts(master) == (0, 0, 0)


def test_clients_of_type_replica():
    with start_wstore() as master, start_replica(master) as replica:
        wait_in_step(master, replica)
        listed = master.call("CLIENT", "LIST", "TYPE", "replica").data.decode()
        assert re.search(r" flags=S .* cmd=replconf ", listed)
        assert master.call("CLIENT", "KILL", "TYPE", "replica") == Int(1)
        wait_for(lambda: sync_counts(master) == (1, 1, 0))
        wait_in_step(master, replica)


class Wire:
    """A connection that sends lines, and reads what comes until nothing more does for a while."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._socket.close()

    def say(self, line, pause_s=0.4):
        self._socket.sendall(line.encode() + b"\r\n")
        return self.hear(pause_s)

    def hear(self, pause_s=0.4):
        self._socket.settimeout(pause_s)
        heard = b""
        try:
            while got := self._socket.recv(1 << 16):
                heard += got
        except TimeoutError:
            return heard
        return heard + b"<closed>"


DIALOGUES = [
    ["REPLCONF", "REPLCONF listening-port", "REPLCONF listening-port abc", "REPLCONF listening-port 99999999"],
    ["REPLCONF listening-port 123 capa eof capa psync2", "REPLCONF ip-address 1.2.3.4", "REPLCONF capa what"],
    ["REPLCONF ip-address " + "x" * 255, "REPLCONF ip-address " + "x" * 256],
    ["REPLCONF ack 5", "REPLCONF ack abc", "REPLCONF getack *", "REPLCONF capa eof ack 3"],
    ["REPLCONF rdb-only 2", "REPLCONF rdb-only x", "REPLCONF rdb-only 1", "REPLCONF rdb-only 0"],
    ['REPLCONF rdb-filter-only "functions"', "REPLCONF rdb-filter-only x", 'REPLCONF rdb-filter-only ""',
     'REPLCONF rdb-filter-only "functions functions"', "REPLCONF rdb-filter-only \"'abc\""],
    ["REPLCONF version 7.0.0", "REPLCONF x y"],
    ["PSYNC", "PSYNC a", "PSYNC ? abc", "PSYNC ? -1 failover", "SYNC a", "ROLE a", "ROLE"],
    ["PING\r\nPSYNC ? -1"],
    ["MULTI", "PSYNC ? -1", "SYNC", "ROLE", "REPLCONF capa eof", "EXEC"],
    ["MULTI", "ROLE", "REPLCONF capa eof", "REPLCONF ack 3", "EXEC"],
    ['REPLCONF rdb-filter-only ""', "SYNC"],
    ["MONITOR", "SYNC"],
    ["SUBSCRIBE a", "SYNC"],
    ["REPLCONF capa eof", "PSYNC ? -1", "SYNC", "GET a"],
    ["REPLCONF capa eof capa psync2", "PSYNC abc 3", "PSYNC ? -1"],
    ["PSYNC ? -1 what"],
    ["SYNC", "PSYNC ? -1", "REPLCONF capa eof"],
    ["REPLCONF rdb-only 1", "SYNC"],
    ["REPLCONF capa eof rdb-only 1", "SYNC"],
    ["REPLCONF capa eof", "REPLCONF rdb-filter-only functions", "SYNC"],
    ["CLIENT REPLY OFF", "REPLCONF capa eof", "PSYNC abc 3"],
]


def without_data(heard):
    """What was said but for the file, ids, and line breaks that only tell that somebody is there."""
    heard = re.sub(rb"REDIS00.*(?=[0-9a-f]{40}|<closed>|$)", b"FILE", heard.lstrip(b"\n"), flags=re.DOTALL)
    heard = re.sub(rb"[0-9a-f]{40}", b"ID", heard)
    return re.sub(rb"\$\d+\r\nFILE", b"$N\r\nFILE", re.sub(rb"ID \d+\r\n", b"ID N\r\n", heard))


@pytest.mark.parametrize("lines", DIALOGUES, ids=lambda lines: lines[-1][:30])
def test_dialogues_as_with_redis(masters, lines):
    heard = []
    for master in masters:
        with Wire(master.port) as wire:
            heard.append([without_data(wire.say(line)) for line in lines])
    assert heard[0] == heard[1]


@pytest.fixture(scope="module")
def masters():
    with start_oracle("--repl-diskless-sync-delay", "0") as redis, start_wstore() as wstore:
        redis.call("SET", "k", "v")
        wstore.call("SET", "k", "v")
        yield redis, wstore


def test_a_peer_that_needs_the_length_first():
    with start_wstore() as master, Wire(master.port) as wire:
        write(master, 30)
        heard = wire.say("PSYNC ? -1", 1.5)
        head = re.match(rb"\+FULLRESYNC [0-9a-f]{40} (\d+)\r\n\n*\$(\d+)\r\n", heard)
        size = int(head[2])
        assert heard[head.end():].startswith(b"REDIS")
        assert heard[head.end() + size - 9] == 0xFF         # the end mark, in front of the checksum
        master.call("SET", "behind", 1)
        assert b"behind" in heard[head.end() + size:] + wire.hear()


def copy_by_redis_cli(master, path):
    done = subprocess.run(["redis-cli", "-p", str(master.port), "--rdb", str(path)], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_tools_that_ask_for_data(tmp_path):
    with start_wstore() as master:
        fill_all(master)
        path = tmp_path / "got.rdb"
        copy_by_redis_cli(master, path)
        checked = subprocess.run(["redis-check-rdb", path], capture_output=True, check=False)
        assert b"RDB looks OK" in checked.stdout
        with start_oracle("--dbfilename", "got.rdb", folder=str(tmp_path)) as redis, \
                redis.connect() as theirs, master.connect() as ours:
            assert theirs.call("DEBUG", "DIGEST") == ours.call("DEBUG", "DIGEST")


def test_data_without_a_stream_are_those_of_now(tmp_path):
    """What was written behind the log's base, and behind the begin of a save that is under way."""
    with start_wstore(*LOGGED) as master:
        write(master, 30)
        master.call("BGSAVE")
        master.call("SET", "last", "word")
        copy_by_redis_cli(master, tmp_path / "got.rdb")
        with start_oracle("--dbfilename", "got.rdb", folder=str(tmp_path)) as redis, \
                redis.connect() as theirs, master.connect() as ours:
            assert theirs.call("GET", "last") == Bulk(b"word")
            assert theirs.call("DEBUG", "DIGEST") == ours.call("DEBUG", "DIGEST")


def test_sync_brings_a_file_of_all_that_was_written_before():
    with start_wstore(*LOGGED) as master, Wire(master.port) as wire:
        master.call("SET", "last", "word")
        heard = wire.say("SYNC", 1.0)
        head = re.match(rb"\n*\$(\d+)\r\n", heard)
        data = heard[head.end():head.end() + int(head[1])]
        assert b"last" in data


def test_a_tool_that_shows_the_stream():
    with start_wstore() as master, subprocess.Popen(
            ["redis-cli", "-p", str(master.port), "--replica"], stdout=subprocess.PIPE, text=True) as tool:
        try:
            wait_for(lambda: facts(master)["connected_slaves"] == "1" and "state=online" in facts(master)["slave0"])
            time.sleep(0.3)
            master.call("SET", "k", "v")
            lines = [tool.stdout.readline() for _ in range(4)]
        finally:
            tool.kill()
    assert any('"SET","k","v"' in line.replace('" "', '","') or "SET" in line for line in lines), lines


# -- the log ---------------------------------------------------------------------------------------------------------

def test_the_log_calls_a_silent_replica_by_its_port():
    with start_wstore("--repl-timeout", "3") as master, start_wstore() as replica:
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_in_step(master, replica)
        os.kill(replica.pid, signal.SIGSTOP)
        wait_for(lambda: "is disconnected" in master.log())
        os.kill(replica.pid, signal.SIGCONT)
        assert (f"Replica 127.0.0.1:{replica.port} is disconnected: it has not been heard from for repl-timeout"
                in master.log())


def test_the_log_counts_offsets_as_replicas_do():
    with start_wstore() as master, Wire(master.port) as first, Wire(master.port) as second:
        head = first.say("PSYNC ? -1", 1.0)
        replication_id, offset = re.match(rb"\+FULLRESYNC ([0-9a-f]{40}) (\d+)", head).groups()
        assert second.say(f"PSYNC {replication_id.decode()} {int(offset) + 1}", 0.5).startswith(b"+CONTINUE")
        assert f"bytes from offset {int(offset) + 1} on" in master.log()


# -- the end ---------------------------------------------------------------------------------------------------------

def ask_for_the_end(master):
    """SHUTDOWN by a connection that waits for its reply."""
    connection = master.connect()
    connection.send("SHUTDOWN", "NOSAVE")
    return connection


@pytest.fixture
def lagging():
    """A master with a write that its replica, which stands still, does not have."""
    with start_wstore() as master, start_replica(master) as replica:
        wait_in_step(master, replica)
        os.kill(replica.pid, signal.SIGSTOP)
        try:
            master.call("SET", "last", "word")
            yield master, replica
        finally:
            os.kill(replica.pid, signal.SIGCONT)


def test_shutdown_waits_for_replicas(lagging):
    master, replica = lagging
    with ask_for_the_end(master):
        wait_for(lambda: "Waiting for replicas before shutting down." in master.log())
        time.sleep(0.3)
        assert master.alive()
        os.kill(replica.pid, signal.SIGCONT)
        wait_for(lambda: not master.alive())
    assert replica.call("GET", "last") == Bulk(b"word")
    assert "1 of 1 replicas are in sync when shutting down." in master.log()


def test_a_signal_waits_for_replicas_too(lagging):
    master, replica = lagging
    os.kill(master.pid, signal.SIGTERM)
    wait_for(lambda: "Waiting for replicas before shutting down." in master.log())
    assert master.alive()
    os.kill(replica.pid, signal.SIGCONT)
    wait_for(lambda: not master.alive())
    assert replica.call("GET", "last") == Bulk(b"word")


def test_shutdown_waits_no_longer_than_it_may(lagging):
    master, _ = lagging
    master.call("CONFIG", "SET", "shutdown-timeout", 1)
    with ask_for_the_end(master):
        wait_for(lambda: not master.alive())
    assert "Lagging replica" in master.log()


def test_shutdown_can_be_called_off(lagging):
    master, _ = lagging
    assert master.call("SHUTDOWN", "ABORT") == Error(b"ERR No shutdown in progress.")
    with ask_for_the_end(master) as waiting, master.connect() as writer:
        wait_for(lambda: "Waiting for replicas" in master.log())
        writer.send("SET", "held", "back")
        wait_for(lambda: facts(master, "clients")["blocked_clients"] == "2")
        assert 0 < int(facts(master, "server")["shutdown_in_milliseconds"]) <= 10_000
        assert master.call("SHUTDOWN", "ABORT") == OK
        assert waiting.read() == Error(b"ERR Errors trying to SHUTDOWN. Check logs.")
        assert writer.read() == OK
    assert master.alive()
    assert "Shutdown manually aborted." in master.log()
    assert "shutdown_in_milliseconds" not in facts(master, "server")
    assert facts(master, "clients")["blocked_clients"] == "0"


def test_shutdown_now(lagging):
    master, _ = lagging
    with master.connect() as connection:
        connection.send("SHUTDOWN", "NOSAVE", "NOW")
        wait_for(lambda: not master.alive())
    assert "Waiting for replicas" not in master.log()


def test_hello_says_the_role():
    with start_wstore() as master, master.connect(resp=3) as connection:
        assert connection.call("HELLO").get(b"role") == Bulk(b"master")
        assert connection.call("ROLE") == Array((Bulk(b"master"), Int(0), Array(())))
        assert connection.call("PING") == Simple(b"PONG")


# -- changes of the role ---------------------------------------------------------------------------------------------

def test_all_go_on_with_the_replica_that_was_promoted():
    with start_wstore() as first, start_replica(first, start=start_wstore) as second, \
            start_replica(second) as third, start_replica(first) as other:
        fill_all(first)
        wait_in_step(first, second, third, other)
        assert second.call("REPLICAOF", "NO", "ONE") == OK
        second.call("SET", "written", "later")
        for server in (other, first):
            assert server.call("REPLICAOF", "127.0.0.1", second.port) == OK
        wait_in_step(second, first, third, other)
        assert sync_counts(second) == (1, 3, 0)
        change_all(second)
        wait_in_step(second, first, third, other)


def test_a_master_that_went_on_alone_takes_all_data():
    with start_wstore() as first, start_replica(first, start=start_wstore) as second, start_replica(second) as third:
        fill_all(first)
        wait_in_step(first, second, third)
        assert second.call("REPLICAOF", "NO", "ONE") == OK
        change_all(first)
        second.call("SET", "written", "later")
        assert first.call("REPLICAOF", "127.0.0.1", second.port) == OK
        wait_in_step(second, first, third)
        assert sync_counts(second) == (2, 1, 1)
        assert first.call("GET", "written") == Bulk(b"later")


@pytest.mark.parametrize("options", [(), LOGGED], ids=["memory", "log"])
def test_roles_change_between_redis_and_wstore(options):
    with start_oracle("--repl-diskless-sync-delay", "0") as redis, \
            start_replica(redis, *options, start=start_wstore) as wstore:
        fill_all(redis)
        wait_in_step(redis, wstore)
        for _ in range(2):
            assert wstore.call("REPLICAOF", "NO", "ONE") == OK
            change_all(wstore)
            assert redis.call("REPLICAOF", "127.0.0.1", wstore.port) == OK
            wait_in_step(wstore, redis)
            assert redis.call("REPLICAOF", "NO", "ONE") == OK
            change_all(redis, 3)
            assert wstore.call("REPLICAOF", "127.0.0.1", redis.port) == OK
            wait_in_step(redis, wstore)
        assert sync_counts(wstore)[0] == 0


# -- without a connection --------------------------------------------------------------------------------------------

def test_a_call_cannot_be_a_replica():
    with Store() as store:
        for command in (("SYNC",), ("PSYNC", "?", "-1")):
            with pytest.raises(ReplyError, match="only a connection"):
                store.execute(*command)
        assert store.execute("REPLCONF", "listening-port", "1") == "OK"
        assert store.execute("ROLE") == [b"master", 0, []]
