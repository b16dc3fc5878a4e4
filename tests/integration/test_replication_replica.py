"""wstore as a replica of a real Redis, and what becomes of it: promoted, chained, started again."""
from __future__ import annotations

import errno
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wstore
from tests.datasets import change, fill
from tests.harness import OK, Array, Bulk, Error, Int, ServerProcess, start_oracle, start_wstore
from tests.processes import wait_for
from tests.replicating import (
    digest,
    facts,
    follow,
    is_linked,
    offset,
    promote,
    start_old_redis,
    syncs,
    wait_in_step,
    wait_linked,
    write_some,
)

Start = Callable[..., ServerProcess]
QUICK = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


@pytest.fixture
def redis() -> Iterator[Start]:
    yield from starter(start_oracle)


@pytest.fixture
def ours() -> Iterator[Start]:
    yield from starter(start_wstore)


def starter(start: Start) -> Iterator[Start]:
    servers: list[ServerProcess] = []

    def begin(*options: str, **kwargs: object) -> ServerProcess:
        servers.append(start(*QUICK, *options, **kwargs))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


# -- full syncs --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("diskless", ["yes", "no"])
@pytest.mark.parametrize("load", ["swapdb", "disabled"])
@pytest.mark.parametrize("log", ["yes", "no"])
def test_full_sync_of_all_types(redis, ours, diskless, load, log):
    master = redis("--repl-diskless-sync", diskless)
    with master.connect() as connection:
        fill(connection)
    replica = ours("--repl-diskless-load", load, "--appendonly", log)
    replica.call("SET", "own", "gone by the sync")
    follow(replica, master)
    wait_in_step(master, replica)
    with master.connect() as connection:
        change(connection)
    wait_in_step(master, replica)
    assert list(replica.folder.glob("**/temp-*")) == []


@pytest.mark.parametrize("apart", ["crash", "promotion"])
@pytest.mark.parametrize("start", [start_oracle, start_wstore], ids=["redis", "wstore"])
def test_a_log_that_goes_on_in_another_database(ours, start, apart):
    """The master's stream goes on without a SELECT; what the replica's log has of it is read in the right database."""
    replica = ours("--appendonly", "yes", "--appendfsync", "always")
    with start(*QUICK) as master, master.connect() as connection:
        follow(replica, master)
        connection.pipeline([("SELECT", 9), ("SET", "a", 1)])
        wait_in_step(master, replica)
        if apart == "crash":
            replica.kill()
            replica.start()
        else:
            promote(replica)
        follow(replica, master)
        assert syncs(master) == (1, 1)
        connection.call("SET", "b", 1)
        wait_in_step(master, replica)
        replica.kill()
        replica.start()
        assert digest(replica) == digest(master)


def test_full_sync_whose_file_cannot_be_renamed(redis, ours):
    """The log cannot take the file that was received, and is begun anew."""
    master, replica = redis(), ours("--appendonly", "yes")
    with master.connect() as connection:
        fill(connection)
    assert replica.call("DEBUG", "FAULT", "rename", 0, 1, errno.EIO) == OK
    follow(replica, master)
    wait_in_step(master, replica)
    assert "Can't keep the file of the sync: Input/output error" in replica.log()
    wait_for(lambda: facts(replica, "persistence")["aof_rewrite_in_progress"] == "0")
    write_some(master, "a")
    wait_in_step(master, replica)
    replica.stop_process()
    replica.start()
    assert replica.call("GET", "a:99") == Bulk(b"99")
    assert facts(replica, "persistence")["aof_enabled"] == "1"
    assert list(replica.folder.glob("**/temp-*")) == []


def test_redis_6_2_in_both_roles(ours):
    replica, chained = ours(), ours()
    with start_old_redis(*QUICK) as master, master.connect() as connection:
        fill(connection)
        for db in (15, 3, 0):
            connection.pipeline([("SELECT", db), ("DEL", "z:odd")])     # a score of -0 has another digest there
        for server, leader in ((replica, master), (chained, replica)):
            follow(server, leader)
        change(connection)
        wait_in_step(master, replica, chained)
        connection.call("CLIENT", "KILL", "TYPE", "replica")
        change(connection, 3)
        wait_in_step(master, replica, chained)
        assert syncs(master) == (1, 1)
        promote(replica)
        write_some(replica, "b")
        wait_in_step(replica, chained)
        follow(master, replica)
        wait_in_step(replica, master, chained)


def test_a_file_that_cannot_be_loaded(redis, ours):
    """The old data stay, or have gone with a load in place: then what is on disk tells so, once it is a master again.
    """
    master = redis()
    other = redis()
    master.call("XADD", "stream", "*", "a", "b")
    for load, left in (("swapdb", 1), ("disabled", 0)):
        replica = ours("--appendonly", "yes", "--repl-diskless-load", load)
        replica.call("SET", "old", 1)
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_for(lambda replica=replica: "streams are not supported" in replica.log())
        assert replica.call("DBSIZE") == Int(left)
        follow(replica, other)
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_for(lambda replica=replica: replica.log().count("streams are not supported") >= 2)
        assert f"(MASTER 127.0.0.1:{master.port}, next try in 1 s)" in replica.log()
        assert "# Failed trying to load the MASTER synchronization DB: " in replica.log()
        assert "rdb-skip-unsupported" in replica.log()
        promote(replica)
        replica.call("SET", "new", 1)
        replica.stop_process()
        replica.start()
        assert replica.call("DBSIZE") == Int(1)


def test_big_values(redis, ours):
    master, replica = redis(), ours()
    with master.connect() as connection:
        connection.call("SET", "before", b"x" * 60_000_000)
        follow(replica, master)
        connection.call("SET", "behind", b"y" * 60_000_000)
        connection.pipeline([("RPUSH", "list", *(b"z" * 1000 for _ in range(1000))) for _ in range(30)])
    wait_in_step(master, replica)


def test_old_data_are_served_until_the_new_are_there(redis, ours):
    master, replica = redis("--key-load-delay", "0", "--rdb-key-save-delay", "200"), ours()
    replica.call("SET", "old", "1")
    with master.connect() as connection:
        connection.pipeline([("SET", f"new:{n}", n) for n in range(5000)])
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    wait_for(lambda: facts(replica)["master_sync_in_progress"] == "1")
    assert replica.call("GET", "old") == Bulk(b"1")
    assert replica.call("SET", "own", "1") == Error(b"READONLY You can't write against a read only replica.")
    assert replica.call("ROLE").items[3] == Bulk(b"sync")
    wait_in_step(master, replica)
    assert replica.call("EXISTS", "old") == Int(0)


def test_a_sync_that_is_given_up_leaves_nothing(redis, ours):
    master = redis("--rdb-key-save-delay", "1000")
    with master.connect() as connection:
        connection.pipeline([("SET", f"key:{n}", n) for n in range(20_000)])
    for end in (lambda replica: promote(replica), lambda replica: replica.stop_process()):
        replica = ours("--appendonly", "yes")
        replica.call("SET", "own", 1)
        replica.call("REPLICAOF", "127.0.0.1", master.port)
        wait_for(lambda replica=replica: list(replica.folder.glob("**/temp-sync-*")))
        end(replica)
        wait_for(lambda replica=replica: not list(replica.folder.glob("**/temp-sync-*")), 3)
        if not replica.alive():
            replica.start()
        assert replica.call("GET", "own") == Bulk(b"1")
        assert replica.call("SET", "more", 1) == OK


# -- the stream --------------------------------------------------------------------------------------------------------

def test_transactions_scripts_databases_and_expiry(redis, ours):
    master, replica = redis(), ours()
    follow(replica, master)
    with master.connect() as connection:
        connection.pipeline([("SELECT", 5), ("MULTI",), ("SET", "a", 1), ("SELECT", 2), ("INCR", "a"), ("EXEC",)])
        connection.call("EVAL", "for i = 1, 500 do redis.call('rpush', KEYS[1], i) end redis.call('spop', KEYS[2])", 2,
                        "list", "set")
        connection.pipeline([("SADD", "set", *range(50)), ("SPOP", "set", 20), ("SET", "brief", 1, "PX", 50),
                             ("SET", "long", 1, "EX", 1000), ("GETEX", "long", "PX", 900_000), ("SWAPDB", 2, 7)])
        time.sleep(0.2)
        connection.call("GET", "brief")
    wait_in_step(master, replica)
    with replica.connect() as connection:
        connection.call("SELECT", 7)
        assert connection.call("LLEN", "list") == Int(500)
        assert 0 < connection.call("PTTL", "long").value <= 900_000


def test_a_key_that_has_expired_is_hidden_until_the_master_says_so(redis, ours):
    master, replica = redis(), ours()
    master.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    follow(replica, master)
    master.call("SET", "brief", 1, "PX", 100)
    wait_in_step(master, replica)
    time.sleep(0.3)
    assert replica.call("GET", "brief").mark == b"$"
    assert replica.call("DBSIZE") == Int(1)
    master.call("GET", "brief")
    wait_for(lambda: replica.call("DBSIZE") == Int(0))


def test_what_the_replica_tells(redis, ours):
    master, replica = redis(), ours("--replica-announce-ip", "127.0.0.1", "--replica-priority", "7")
    assert replica.call("ROLE").items[0] == Bulk(b"master")
    follow(replica, master)
    wait_in_step(master, replica)
    told = facts(replica)
    assert told["role"] == "slave"
    assert (told["master_host"], told["master_port"]) == ("127.0.0.1", str(master.port))
    assert told["slave_priority"] == "7"
    assert told["master_replid"] == facts(master)["master_replid"]
    assert replica.call("ROLE").items[:4] == (
        Bulk(b"slave"), Bulk(b"127.0.0.1"), Int(master.port), Bulk(b"connected"))
    wait_for(lambda: f"port={replica.port},state=online,offset={offset(master)},lag=" in facts(master)["slave0"])
    assert list(facts(replica))[:11] == list(facts_of_redis_replica(redis, master))[:11]


def facts_of_redis_replica(redis: Start, master: ServerProcess) -> dict[str, str]:
    other = redis()
    follow(other, master)
    return facts(other)


# -- cuts --------------------------------------------------------------------------------------------------------------

def test_partial_sync_behind_a_cut(redis, ours):
    master, replica = redis(), ours()
    follow(replica, master)
    for n in range(3):
        master.call("CLIENT", "KILL", "TYPE", "replica")
        with master.connect() as connection:
            connection.pipeline([("SELECT", n), ("SET", "key", n), ("RPUSH", "list", *range(100))])
        wait_in_step(master, replica)
    assert syncs(master) == (1, 3)


def test_full_sync_where_the_backlog_is_too_short(redis, ours):
    master, replica = redis("--repl-backlog-size", "16384"), ours()
    follow(replica, master)
    replica.process.send_signal(signal.SIGSTOP)
    master.call("CLIENT", "KILL", "TYPE", "replica")
    write_some(master, "key", 5000)
    replica.process.send_signal(signal.SIGCONT)
    wait_in_step(master, replica)
    assert syncs(master)[0] == 2


def test_a_silent_master(redis, ours):
    master, replica = redis(), ours("--repl-timeout", "2")
    follow(replica, master)
    master.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: not is_linked(replica))
    master.process.send_signal(signal.SIGCONT)
    wait_in_step(master, replica)
    assert syncs(master)[0] == 1


def test_a_master_that_is_not_there_yet(redis, ours, free_tcp_port):
    replica = ours()
    assert replica.call("REPLICAOF", "127.0.0.1", free_tcp_port) == OK
    time.sleep(0.5)
    assert facts(replica)["master_link_status"] == "down"
    assert f"* Connecting to MASTER 127.0.0.1:{free_tcp_port}" in replica.log()
    assert (f"# Error condition on socket for SYNC: Connection refused (MASTER 127.0.0.1:{free_tcp_port}, "
            "next try in 1 s)" in replica.log())
    master = redis(port=free_tcp_port)
    wait_in_step(master, replica)


@pytest.mark.parametrize("kind", ["redis", "ours"])
def test_how_long_the_link_is_down(kind, request, redis, free_tcp_port):
    start = request.getfixturevalue(kind)
    master, replica = redis(), start()
    follow(replica, master)
    wait_linked(replica)
    down_s = "master_link_down_since_seconds"
    assert down_s not in facts(replica)
    replica.call("REPLICAOF", "127.0.0.1", free_tcp_port)
    wait_for(lambda: facts(replica)[down_s] == "1")         # the old link counts
    replica.call("REPLICAOF", "NO", "ONE")
    replica.call("REPLICAOF", "127.0.0.1", free_tcp_port)
    assert facts(replica)[down_s] == "-1"


@pytest.fixture
def free_tcp_port() -> int:
    from tests.processes import free_port
    return free_port()


def test_password(redis, ours):
    master, replica = redis("--requirepass", "secret"), ours("--masterauth", "wrong")
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    wait_for(lambda: "WRONGPASS" in replica.log())
    assert replica.call("CONFIG", "SET", "masterauth", "secret") == OK
    wait_linked(replica)


# -- roles -------------------------------------------------------------------------------------------------------------

def test_promoted_and_followed_by_what_was_its_master(redis, ours):
    """The old master wrote nothing more: it goes on where it was, as a replica."""
    master, replica = redis(), ours()
    follow(replica, master)
    write_some(master, "a")
    wait_in_step(master, replica)
    promote(replica)
    assert replica.call("ROLE").items[0] == Bulk(b"master")
    assert facts(replica)["master_replid2"] == facts(master)["master_replid"]
    write_some(replica, "b")
    follow(master, replica)
    write_some(replica, "c")
    wait_in_step(replica, master)


def test_a_real_replica_goes_over_to_the_promoted(redis, ours):
    master, replica, other = redis(), ours(), redis()
    follow(replica, master)
    follow(other, master)
    write_some(master, "a")
    wait_in_step(master, replica, other)
    promote(replica)
    write_some(replica, "b")
    follow(other, replica)
    wait_in_step(replica, other)
    assert syncs(replica) == (0, 1)
    assert "Successful partial resynchronization with master" in other.log()


def test_over_to_a_promoted_redis(redis, ours):
    master, replica, other = redis(), ours(), redis()
    follow(replica, master)
    follow(other, master)
    wait_in_step(master, replica, other)
    promote(other)
    write_some(other, "b")
    follow(replica, other)
    wait_in_step(other, replica)
    assert syncs(other) == (0, 1)
    assert facts(replica)["master_replid"] == facts(other)["master_replid"]


def test_back_to_the_old_master_without_a_write(redis, ours):
    master, replica = redis(), ours("--appendonly", "yes")
    follow(replica, master)
    write_some(master, "a")
    wait_in_step(master, replica)
    promote(replica)
    write_some(master, "b")
    follow(replica, master)
    wait_in_step(master, replica)
    assert syncs(master) == (1, 1)


def test_role_changes_in_a_transaction(redis, ours):
    """As Sentinel does it."""
    master, replica = redis(), ours()
    with replica.connect() as connection:
        replies = connection.pipeline([
            ("MULTI",), ("SLAVEOF", "127.0.0.1", master.port), ("CLIENT", "KILL", "TYPE", "normal"), ("EXEC",)])
    assert replies[-1] == Array((OK, Int(0)))
    wait_linked(replica)
    with replica.connect() as connection:
        connection.pipeline([("MULTI",), ("SLAVEOF", "NO", "ONE"), ("EXEC",)])
        assert connection.call("SET", "a", 1) == OK


def test_replies(redis, ours):
    master, replica = redis(), ours()
    other = redis()
    for args in [("REPLICAOF", "host", "x"), ("REPLICAOF", "host", 70000), ("REPLICAOF", "no", "two"),
                 ("SLAVEOF", "NO", "ONE"), ("SLAVEOF", "a"), ("REPLICAOF", "127.0.0.1", master.port),
                 ("REPLICAOF", "127.0.0.1", master.port), ("WAIT", 1, 1), ("WAIT", "x", -1), ("FAILOVER",),
                 ("FAILOVER", "ABORT"), ("REPLICAOF", "NO", "ONE"), ("FAILOVER",), ("FAILOVER", "TO", "a", "x"),
                 ("FAILOVER", "TIMEOUT", 0), ("FAILOVER", "TIMEOUT", "x"), ("FAILOVER", "TO"),
                 ("FAILOVER", "ABORT", "TIMEOUT", 1), ("FAILOVER", "FORCE"), ("FAILOVER", "nonsense"),
                 ("CONFIG", "SET", "replicaof", "a 1")]:
        assert replica.call(*args) == other.call(*args), args


def test_directive_and_rewrite(redis, ours, tmp_path):
    master = redis()
    path = tmp_path / "wstore.conf"
    path.write_text(f"replicaof 127.0.0.1 {master.port}\nsave \"\"\n")
    replica = ServerProcess([*start_command(), str(path)], ["--enable-debug-command", "yes"], name="wstore")
    with replica:
        wait_in_step(master, replica)
        assert replica.call("CONFIG", "GET", "replicaof").items[1] == Bulk(b"127.0.0.1 %d" % master.port)
        promote(replica)
        assert replica.call("CONFIG", "REWRITE") == OK
        assert "replicaof" not in path.read_text()
        assert replica.call("REPLICAOF", "127.0.0.1", master.port) == OK
        assert replica.call("CONFIG", "REWRITE") == OK
        assert f"replicaof 127.0.0.1 {master.port}\n" in path.read_text()


def start_command() -> list[str]:
    import sys
    return [sys.executable, "-m", "wstore.cli.server"]


# -- chains ------------------------------------------------------------------------------------------------------------

def test_chain_in_mixed_order(redis, ours):
    servers = [redis(), ours(), redis(), ours()]
    with servers[0].connect() as connection:
        fill(connection)
    for master, replica in zip(servers, servers[1:]):
        follow(replica, master)
    with servers[0].connect() as connection:
        change(connection)
    wait_in_step(*servers)
    servers[0].call("CLIENT", "KILL", "TYPE", "replica")
    servers[1].call("CLIENT", "KILL", "TYPE", "replica")
    servers[2].call("CLIENT", "KILL", "TYPE", "replica")
    with servers[0].connect() as connection:
        change(connection, 3)
    wait_in_step(*servers)
    assert [syncs(server) for server in servers[:3]] == [(1, 1)] * 3


def test_full_sync_in_the_middle_of_a_chain(redis, ours):
    first, other, middle, last = redis(), redis(), ours(), redis()
    write_some(first, "a")
    write_some(other, "b")
    follow(middle, first)
    follow(last, middle)
    wait_in_step(first, middle, last)
    follow(middle, other)
    wait_in_step(other, middle, last)
    assert syncs(middle)[0] == 2


def test_promotion_in_the_middle_of_a_chain(redis, ours):
    first, middle, last = redis(), ours(), redis()
    follow(middle, first)
    follow(last, middle)
    write_some(first, "a")
    wait_in_step(first, middle, last)
    promote(middle)
    write_some(middle, "b")
    wait_in_step(middle, last)
    assert syncs(middle) == (1, 1)


# -- starting again ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [
    ("--appendonly", "yes"), ("--save", "3600", "1"), ("--appendonly", "yes", "--aof-segment-size", "100000")])
def test_a_replica_that_starts_again_goes_on(redis, ours, options):
    master, replica = redis(), ours(*options)
    with master.connect() as connection:
        fill(connection)
        follow(replica, master)
        change(connection)
        wait_in_step(master, replica)
        replica.stop_process()
        change(connection, 3)
    replica.options += ["--replicaof", f"127.0.0.1 {master.port}"]
    replica.start()
    wait_in_step(master, replica)
    assert syncs(master) == (1, 1)


def test_a_killed_replica_with_a_log_goes_on(redis, ours):
    master, replica = redis(), ours("--appendonly", "yes")
    with master.connect() as connection:
        fill(connection)
        follow(replica, master)
        change(connection)
        wait_in_step(master, replica)
        time.sleep(0.1)
        replica.kill()
        change(connection, 3)
    replica.options += ["--replicaof", f"127.0.0.1 {master.port}"]
    replica.start()
    wait_in_step(master, replica)
    assert syncs(master) == (1, 1)


def test_data_of_a_full_sync_outlive_a_crash(redis, ours):
    master, replica = redis(), ours("--appendonly", "yes")
    replica.call("SET", "own", 1)
    with master.connect() as connection:
        fill(connection)
    follow(replica, master)
    before = digest(master)
    assert digest(replica) == before
    replica.kill()
    master.stop()
    replica.start()
    assert digest(replica) == before
    assert len(list(Path(replica.folder, "appendonlydir").glob("*.rdb"))) == 1


def test_a_master_that_was_killed_comes_back_as_a_replica(redis, ours):
    """It has begun a stream of its own by then, but written nothing into it."""
    master, replica = ours("--appendonly", "yes"), redis()
    with master.connect() as connection:
        fill(connection)
        follow(replica, master)
        connection.pipeline([("SELECT", 5), ("SET", "a", 1)])
        wait_in_step(master, replica)
    time.sleep(0.1)
    master.kill()
    promote(replica)
    write_some(replica, "b")
    for _ in range(2):          # each start begins a stream
        master.start()
        master.kill()
    master.start()
    follow(master, replica)
    wait_in_step(replica, master)
    assert syncs(replica) == (0, 1)


def test_a_served_store_as_a_replica(redis, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    master = redis()
    with wstore.Server(replicaof=["127.0.0.1", master.port]) as server:
        write_some(master, "a")
        wait_for(lambda: len(server.store) == 100)
        with pytest.raises(wstore.ReplyError, match="READONLY"):
            server.store.set("own", 1)
        server.stop()
        write_some(master, "b")
        server.start()
        wait_for(lambda: len(server.store) == 200)
        assert syncs(master) == (1, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_not_served_follows_nobody():
    with wstore.Store() as store, pytest.raises(wstore.ReplyError, match="not served"):
        store.execute("REPLICAOF", "127.0.0.1", 1)


# -- FAILOVER ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("starts", [(start_oracle, start_wstore), (start_wstore, start_oracle),
                                    (start_wstore, start_wstore)])
def test_failover_and_back(starts):
    with starts[0](*QUICK) as first, starts[1](*QUICK) as second:
        follow(second, first)
        write_some(first, "a")
        for master, replica in ((first, second), (second, first)):
            assert master.call("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 10_000) == OK
            wait_for(lambda replica=replica: facts(replica)["role"] == "master")
            wait_linked(master)
            assert facts(master)["master_failover_state"] == "no-failover"
            write_some(replica, "b")
            wait_in_step(replica, master)
        assert syncs(first)[0] == 1
        assert syncs(second)[0] == 0


def test_failover_that_is_aborted(redis, ours):
    master, replica = ours(), redis()
    follow(replica, master)
    replica.process.send_signal(signal.SIGSTOP)
    master.call("SET", "a", 1)
    assert master.call("FAILOVER", "TO", "127.0.0.1", replica.port) == OK
    assert facts(master)["master_failover_state"] == "waiting-for-sync"
    assert master.call("FAILOVER") == Error(b"ERR FAILOVER already in progress.")
    assert master.call("REPLICAOF", "NO", "ONE") == Error(b"ERR REPLICAOF not allowed while failing over.")
    assert master.call("FAILOVER", "ABORT") == OK
    assert master.call("SET", "a", 2) == OK
    assert master.call("FAILOVER", "TIMEOUT", 200) == OK
    with master.connect() as connection:
        assert connection.call("SET", "a", 3) == OK     # held back until the time was up
    assert facts(master)["master_failover_state"] == "no-failover"
    replica.process.send_signal(signal.SIGCONT)
    wait_in_step(master, replica)
