"""Masters and replicas that are killed, restarted and change roles: they go on where they were, from disk."""
from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.datasets import change, digest, fill
from tests.harness import OK, ServerProcess, start_oracle, start_wstore
from tests.processes import wait_for
from tests.replicating import facts, syncs, wait_in_step, wait_linked
from tests.resp import Bulk, Int
from wstore.persistence import manifest

NAME = "appendonly.aof"
LOG = ("--appendonly", "yes", "--appendfsync", "always")
FILE = ("--save", "3600 1000000")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """run(name, *options, master=server, kind="wstore"): a server with a folder of that name."""
    running = []

    def start(name: str, *options: str, master: ServerProcess | None = None, kind: str = "wstore") -> ServerProcess:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        link = () if master is None else ("--replicaof", f"127.0.0.1 {master.port}")
        begin = start_wstore if kind == "wstore" else start_oracle
        running.append(begin(*options, *link, folder=str(folder)))
        return running[-1]

    yield start
    for server in running:
        server.kill()


def write(server: ServerProcess, seed: int = 2) -> None:
    """Changes of all kinds, and some in another database, which it ends in."""
    with server.connect() as connection:
        change(connection, seed=seed)
        connection.call("SELECT", "5")
        for n in range(100):
            connection.call("SET", f"five:{n}", f"{seed}")


def begun(run: Callable[..., ServerProcess], options: tuple[str, ...]) -> tuple[ServerProcess, ServerProcess]:
    """A master and its replica, in step."""
    master = run("master", *options)
    with master.connect() as connection:
        fill(connection)
    replica = run("replica", *options, master=master)
    wait_in_step(master, replica)
    write(master)
    wait_in_step(master, replica)
    return master, replica


def end(server: ServerProcess, options: tuple[str, ...]) -> None:
    """By a signal that it cannot catch, or by SHUTDOWN where that saves the data."""
    if options == LOG:
        server.kill()
    else:
        with server.connect() as connection:
            connection.call("SHUTDOWN")
        server.process.wait(20)


@pytest.mark.parametrize("options", [LOG, FILE], ids=["log", "file"])
def test_a_replica_that_starts_again_goes_on(run, options):
    master, replica = begun(run, options)
    end(replica, options)
    write(master, 3)
    replica = run("replica", *options, master=master)
    wait_in_step(master, replica)
    assert syncs(master) == (1, 1)
    write(master, 4)
    wait_in_step(master, replica)


@pytest.mark.parametrize("options", [LOG, FILE], ids=["log", "file"])
def test_replicas_of_a_master_that_starts_again_go_on(run, options):
    master, replica = begun(run, options)
    first = facts(master)["master_replid"]
    end(master, options)
    master = run("master", *options)
    assert replica.call("REPLICAOF", "127.0.0.1", str(master.port)) == OK
    wait_in_step(master, replica)
    assert syncs(master) == (0, 1)
    told = facts(replica)
    assert told["master_replid"] == facts(master)["master_replid"] != first
    write(master, 3)
    wait_in_step(master, replica)


def test_roles_change_over_restarts(run):
    """The master dies, a replica takes over, the old master comes back below it, and dies and comes back again."""
    master, replica = begun(run, LOG)
    third = run("third", *LOG, master=master)
    wait_in_step(master, third)
    master.kill()
    assert replica.call("REPLICAOF", "NO", "ONE") == OK
    assert third.call("REPLICAOF", "127.0.0.1", str(replica.port)) == OK
    write(replica, 3)
    wait_in_step(replica, third)
    old = run("master", *LOG, master=replica)
    wait_in_step(replica, third, old)
    assert syncs(replica) == (0, 2)
    old.kill()
    write(replica, 4)
    old = run("master", *LOG)                       # as Sentinel finds it: it thinks that it is a master
    assert old.call("REPLICAOF", "127.0.0.1", str(replica.port)) == OK
    wait_in_step(replica, third, old)
    assert syncs(replica) == (0, 3)
    assert len({facts(server)["master_replid"] for server in (replica, third, old)}) == 1


def test_writes_that_nobody_has_make_a_full_sync(run):
    """A master that has written on alone cannot go on below another one."""
    master, replica = begun(run, LOG)
    assert replica.call("REPLICAOF", "NO", "ONE") == OK
    write(master, 3)
    write(replica, 4)
    assert master.call("REPLICAOF", "127.0.0.1", str(replica.port)) == OK
    wait_in_step(replica, master)
    assert syncs(replica)[0] == 1
    wait_for(lambda: len(list((Path(master.folder) / "appendonlydir").glob("*.incr.aof"))) == 1)
    write(replica, 5)
    wait_in_step(replica, master)
    same_in_redis(run, master)


def test_a_chain_of_logs_has_the_same_bytes(run):
    master, replica = begun(run, (*LOG, "--aof-segment-size", "50kb"))
    last = run("last", *LOG, "--aof-segment-size", "30kb", master=replica)
    wait_in_step(master, replica, last)
    write(master, 3)
    wait_in_step(master, replica, last)
    assert facts(master)["master_replid"] == facts(last)["master_replid"]
    for server in (master, replica, last):
        server.kill()
    streams = [stream_of(Path(server.folder)) for server in (master, replica, last)]
    start = max(begin for begin, _ in streams)
    assert len({bytes[start - begin:] for begin, bytes in streams}) == 1
    assert len(streams[2][1]) > 100_000
    same_in_redis(run, last)


def stream_of(folder: Path) -> tuple[int, bytes]:
    """Where the stream of a log begins, and all of it."""
    log = folder / "appendonlydir"
    files = [file for file in manifest.read(str(log), NAME).files if file.kind == "i"]
    assert any(file.preamble for file in files) or folder.name == "master"
    out = b""
    for file in files:
        assert file.start == files[0].start + len(out)
        out += (log / file.name).read_bytes()[file.preamble:]
    return files[0].start, out


def same_in_redis(run: Callable[..., ServerProcess], server: ServerProcess) -> None:
    """A real server, and its checker, have nothing against a server's log, and read the same data from it."""
    folder = Path(server.folder)
    server.kill()
    log = folder / "appendonlydir" / f"{NAME}.manifest"
    done = subprocess.run([shutil.which("redis-check-aof"), str(log)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    shutil.copytree(folder, folder.parent / "of-redis")
    redis = run("of-redis", "--appendonly", "yes", kind="redis")
    again = run(folder.name, *LOG)
    with redis.connect() as one, again.connect() as other:
        assert digest(one) == digest(other)


def test_a_master_of_redis_and_logs_of_its_replicas(run):
    master = run("master", kind="redis")
    with master.connect() as connection:
        fill(connection)
    replica = run("replica", *LOG, master=master)
    wait_in_step(master, replica)
    write(master)
    wait_in_step(master, replica)
    replica.kill()
    write(master, 3)
    replica = run("replica", *LOG, master=master)
    wait_in_step(master, replica)
    assert syncs(master) == (1, 1)
    assert replica.call("BGREWRITEAOF").text.startswith(b"Background")
    wait_for(lambda: facts(replica, "persistence")["aof_rewrite_in_progress"] == "0")
    write(master, 4)
    wait_in_step(master, replica)
    same_in_redis(run, replica)


@pytest.mark.parametrize("moment_s", [0.0, 0.01, 0.03, 0.1])
def test_a_crash_around_a_full_sync_leaves_one_history_or_the_other(run, moment_s):
    """Killed at some moment of it, a replica starts with all of the old data, or with what the master's stream has made
    by then."""
    master = run("master", *LOG)
    with master.connect() as connection:
        fill(connection)
    old = run("replica", *LOG)
    old.call("SET", "own", "1")
    with old.connect() as connection:
        before = digest(connection)
    old.call("REPLICAOF", "127.0.0.1", str(master.port))
    time.sleep(moment_s)
    old.kill()
    alone = run("replica", *LOG)
    with alone.connect() as connection:
        if connection.call("EXISTS", "own") == Int(1):
            assert digest(connection) == before
        else:
            assert facts(alone)["master_replid2"] == facts(master)["master_replid"]
    alone.kill()
    again = run("replica", *LOG, master=master)
    wait_in_step(master, again)
    same_in_redis(run, again)


def test_commands_that_only_the_master_knows(run):
    """They stand in the replica's log, which loads again without them; in a log of a real server they stop the load."""
    master = run("master", "--appendonly", "yes", kind="redis")
    replica = run("replica", *LOG, master=master)
    wait_in_step(master, replica)
    master.call("PFADD", "visitors", "one", "two")
    master.call("XADD", "events", "*", "field", "value")
    master.call("SET", "key", "value")
    wait_for(lambda: replica.call("GET", "key") == Bulk(b"value"))
    replica.kill()
    again = run("replica", *LOG, master=master)
    wait_linked(again)
    assert syncs(master) == (1, 1)
    assert again.call("GET", "key") == Bulk(b"value")
    assert again.call("DBSIZE") == Int(1)
    assert "2 keys or commands of unsupported types were left out" in again.log()
    master.kill()
    with pytest.raises(RuntimeError, match="PFADD"):
        run("master", *LOG)
