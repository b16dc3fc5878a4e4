"""A crash at every single call that syncs, renames or removes something, from the first start on.

A short life, the same each time: a first start, writes, a rewrite, a snapshot, more writes, an orderly end. It is
stopped at each of its calls in turn (POWERCUT_AT of powercut.c); both what is on the disk as it seems and what a power
cut would leave of it must start again, with every write that was answered. The same for a server that becomes a
replica: it must start again with the data of before or those of its master.
"""
from __future__ import annotations

import errno
import random
import time
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.disks import FOREVER
from tests.faults.power import Disk, build
from tests.processes import ServerProcess, start_wstore
from tests.replicating import wait_in_step
from tests.resp import CLOSED, OK, Bulk, Connection, Simple

OPTIONS = (*lives.LOG_OPTIONS, "--appendfsync", "always")
STEPS = ["write", "BGREWRITEAOF", "write", "BGSAVE", "write", "BGREWRITEAOF", "SAVE", "write"]
MORE_CALLS = 200            # than a life has


def write(connection: Connection, number: int) -> bool:
    """Two writes, one of them a transaction; whether both were answered."""
    replies = connection.pipeline([("MULTI",), ("SET", f"left{number}", number), ("SET", f"right{number}", number),
                                   ("EXEC",), ("SET", f"single{number}", number)])
    return replies[-1] == OK


def live(connection: Connection) -> int:
    """Go through the steps; how many writes were answered until it ended."""
    answered = 0
    for number, step in enumerate(STEPS):
        if step == "write":
            if not write(connection, number):
                break
            answered += 1
        elif isinstance(connection.call(step), Simple):
            lives.wait_quiet(connection)
    return answered


def check(folder: Path, answered: int) -> None:
    """A server starts from the folder, has all that was answered and no half of a transaction, and takes writes."""
    numbers = [number for number, step in enumerate(STEPS) if step == "write"]
    with lives.start(folder, *OPTIONS) as server, server.connect() as connection:
        for number in numbers:
            left, right, single = (connection.call("GET", f"{name}{number}") for name in ("left", "right", "single"))
            assert left == right, (number, left, right)
            if numbers.index(number) < answered:
                assert left == single == Bulk(str(number).encode()), (number, left, single)
        assert connection.call("SET", "again", "x") == OK


def one_life(folder: Path, library: Path, monkeypatch, at: int) -> int:
    """A life that ends at call number `at`; how many calls it had."""
    disk, answered = Disk(folder), 0
    if lives.is_redis():
        (disk.root / "appendonlydir").mkdir()
        disk.keep_all()
    with monkeypatch.context() as patched:
        for name, value in {**disk.environment(library), "POWERCUT_AT": str(at)}.items():
            patched.setenv(name, value)
        try:
            server = lives.start(disk.root, *OPTIONS)
        except (RuntimeError, OSError):
            server = None
    if server is not None:
        with server:
            try:
                with server.connect() as connection:
                    answered = live(connection)
            except (OSError, lives.Gone):
                pass
    disk.survivors(folder / "left")
    for rest in (disk.root, folder / "left"):
        check(rest, answered)
    return (disk.shadow / "calls").stat().st_size


@pytest.mark.timeout(3600)
def test_a_crash_at_each_call(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    library = build(tmp_path)
    calls = one_life(tmp_path / "whole", library, monkeypatch, MORE_CALLS)
    assert 10 < calls < MORE_CALLS
    chosen = range(1, calls + 1)
    if not lives.ROUNDS:
        chosen = sorted(random.Random(calls).sample(chosen, 6))
    for at in chosen:
        assert one_life(tmp_path / str(at), library, monkeypatch, at) >= at


def test_an_older_log_stays_until_the_new_one_counts(tmp_path):
    """Switched on again at run time, a log is not done with its base when the crash comes: the older one is whole."""
    with start_wstore(*OPTIONS, folder=str(tmp_path)) as server:
        assert server.call("SET", "old", "x") == OK
    before = {path.name: path.read_bytes() for path in (tmp_path / "appendonlydir").iterdir()}
    with start_wstore(folder=str(tmp_path)) as server, server.connect() as connection:
        assert connection.call("DEBUG", "FAULT", "rename", 0, FOREVER, errno.EIO) == OK
        connection.call("SET", "new", "x")
        assert connection.call("CONFIG", "SET", "appendonly", "yes") == OK
        lives.wait_info(connection, aof_last_bgrewrite_status="err")
        connection.call("SET", "newer", "x")
        server.kill()
    after = {path.name: path.read_bytes() for path in (tmp_path / "appendonlydir").iterdir()}
    assert {name: after.get(name) for name in before} == before


# -- a full sync -----------------------------------------------------------------------------------------------------

def life_of_a_replica(folder: Path, library: Path, monkeypatch, at: int, master: ServerProcess) -> int:
    """Its own data, then those of a master; stopped at call number `at`. How many calls it had."""
    disk = Disk(folder)
    with monkeypatch.context() as patched:
        for name, value in {**disk.environment(library), "POWERCUT_AT": str(at)}.items():
            patched.setenv(name, value)
        try:
            server = lives.start(disk.root, *OPTIONS)
        except (RuntimeError, OSError):
            server = None
    if server is not None:
        with server:
            try:
                with server.connect() as connection:
                    become_replica(connection, master)
            except (OSError, lives.Gone):
                pass
    disk.survivors(folder / "left")
    for rest in (disk.root, folder / "left"):
        check_replica(rest, master)
    return (disk.shadow / "calls").stat().st_size


def become_replica(connection: Connection, master: ServerProcess) -> None:
    """One write of its own, and all of the master's."""
    connection.call("SET", "own", "x")
    connection.call("REPLICAOF", "127.0.0.1", str(master.port))
    deadline = time.monotonic() + 20
    while connection.call("GET", "last") != Bulk(b"x"):
        if connection.call("PING") == CLOSED:
            raise lives.Gone
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)     # the log may have something left to do


def check_replica(folder: Path, master: ServerProcess) -> None:
    """A server starts from the folder, with its own data or with a beginning of the master's; and is in step again."""
    with lives.start(folder, *OPTIONS) as server, server.connect() as connection:
        keys = [connection.call("EXISTS", key).value for key in ("own", "first", "last")]
        assert keys in ([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1]), keys
    with lives.start(folder, *OPTIONS, "--replicaof", f"127.0.0.1 {master.port}") as server:
        wait_in_step(master, server)


@pytest.mark.timeout(3600)
def test_a_crash_at_each_call_around_a_full_sync(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    library = build(tmp_path)
    with start_wstore() as master:
        assert master.call("SET", "first", "x") == OK
        assert master.call("SET", "last", "x") == OK
        calls = life_of_a_replica(tmp_path / "whole", library, monkeypatch, MORE_CALLS, master)
        assert 10 < calls < MORE_CALLS
        chosen = range(1, calls + 1)
        if not lives.ROUNDS:
            chosen = sorted(random.Random(calls).sample(chosen, 6))
        for at in chosen:
            life_of_a_replica(tmp_path / str(at), library, monkeypatch, at, master)
