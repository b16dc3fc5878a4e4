"""Full syncs from the log's base, which may be old: until a replica has caught up it does not pass for one in step."""
from __future__ import annotations

import re

import pytest

from tests.processes import ServerProcess, start_oracle, start_wstore, wait_for
from tests.replicating import facts, is_linked, offset, start_replica, wait_in_step
from tests.resp import Bulk, Error

OLD_BASE = ("--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")
LAST = 99


def age(server: ServerProcess) -> int:
    """Some megabytes of log behind an empty base, in which a key grows from 0 to LAST; the offset behind it."""
    with server.connect() as connection:
        for number in range(LAST + 1):
            connection.pipeline([("SET", "version", number), *[("INCR", f"count:{i}") for i in range(3000)]])
    return offset(server)


def last_log(server: ServerProcess) -> bytes:
    return max(server.folder.glob("**/*.incr.aof"), key=lambda file: file.stat().st_mtime).read_bytes()


def replica_line(master: ServerProcess) -> tuple[str, int]:
    """State and offset of the one replica, as INFO has them."""
    line = facts(master).get("slave0", "state=none,offset=0")
    return re.search(r"state=(\w+)", line)[1], int(re.search(r"offset=(\d+)", line)[1])


@pytest.mark.parametrize("start", [start_wstore, start_oracle], ids=["wstore", "redis"])
def test_a_replica_is_online_once_it_has_all_that_was_there_when_it_asked(start):
    with start_wstore(*OLD_BASE, "--min-replicas-to-write", "1") as master:
        master.call("CONFIG", "SET", "min-replicas-to-write", 0)
        end = age(master)
        master.call("CONFIG", "SET", "min-replicas-to-write", 1)
        with start_replica(master, start=start) as replica, master.connect() as asks:
            state = "none"
            while state != "online":
                may_write = not isinstance(asks.call("SET", "probe", 1), Error)
                state, acked = replica_line(master)
                assert acked >= end or not (may_write or state == "online")
            assert b"GETACK" in last_log(master)        # it was asked, and not left to tell when it tells anyway
            wait_in_step(master, replica)
        assert "gets the base of the log" in master.log()


@pytest.mark.parametrize("stale", ["yes", "no"])
def test_a_link_is_up_once_the_replica_has_all_that_was_there_when_it_asked(stale):
    with start_wstore(*OLD_BASE) as master:
        age(master)
        with start_replica(master, "--replica-serve-stale-data", stale, start=start_wstore) as replica:
            up = False
            while not up:
                up = is_linked(replica)
                version = replica.call("GET", "version")
                assert version == Bulk(b"%d" % LAST) or not up
                assert stale == "yes" or version == Bulk(b"%d" % LAST) or version.text.startswith(b"MASTERDOWN")
                assert facts(replica)["master_sync_in_progress"] == "0" or not up
            wait_in_step(master, replica)
            assert "Caught up with the master" in replica.log()
            assert replica.call("ROLE").items[3] == Bulk(b"connected")


def test_a_long_log_is_not_sent():
    with start_wstore(*OLD_BASE) as master:
        with master.connect() as connection:
            for n in range(17):
                connection.pipeline([("SET", f"key:{n}:{i}", "x" * 1000) for i in range(1000)])
        with start_replica(master, start=start_wstore) as replica:
            wait_in_step(master, replica)
        assert "gets a snapshot" in master.log()
        master.call("BGREWRITEAOF")
        wait_for(lambda: facts(master, "persistence")["aof_rewrite_in_progress"] == "0")
        with start_replica(master, start=start_wstore) as replica:
            wait_in_step(master, replica)
        assert "gets the base of the log" in master.log()


def test_listeners_do_not_hear_of_the_past():
    with (start_wstore(*OLD_BASE) as master, start_replica(master, start=start_wstore) as first,
          start_wstore("--notify-keyspace-events", "KEA") as second, second.connect() as listener):
        wait_in_step(master, first)
        for command in (("PUBLISH", "news", "old"), ("LPUSH", "list", "a"), ("RPOP", "list")):
            master.call(*command)
        listener.pipeline([("SUBSCRIBE", "news"), ("PSUBSCRIBE", "__key*")])
        second.call("REPLICAOF", "127.0.0.1", master.port)
        wait_in_step(master, second)
        assert "gets the base of the log" in master.log()
        master.call("PUBLISH", "news", "new")
        assert listener.read().items[2] == Bulk(b"new")
        master.call("SET", "k", 1)
        assert listener.read().items[2] == Bulk(b"__keyspace@0__:k")
