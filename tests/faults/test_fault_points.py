"""Each call that writes to disk fails, once or for a while: what was promised survives the power cut that follows.

The calls are counted by kind (csrc/files.h). While some of a kind fail, writers write, the log rolls over and is
rewritten, snapshots are taken. Reads go on all the while; when the fault is over, so do writes. A life ends with a
power cut (powercut.c), so that a sync that failed is one that must be made up for.
"""
from __future__ import annotations

import contextlib
import errno
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.disks import FOREVER
from tests.faults.ledger import Crowd
from tests.faults.power import Disk, build
from tests.processes import ServerProcess, start_wstore
from tests.resp import OK, Bulk, Connection, Error

KINDS = ("open", "write", "sync", "rename", "dir_sync", "truncate", "link", "unlink")
SCENES = {
    "writing": ("PING",),
    "rewrite": ("BGREWRITEAOF",),
    "snapshot": ("BGSAVE",),
    "save": ("SAVE",),
}
OPTIONS = (*lives.LOG_OPTIONS, "--appendfsync", "always", "--aof-segment-size", "16kb")
WRITING_S = 0.06


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("powercut"))


def arm(connection: Connection, kind: str, after: int, times: int, error: int) -> None:
    if not lives.is_redis():
        assert connection.call("DEBUG", "FAULT", kind, after, times, error) == OK


def play(server, crowd: Crowd, connection: Connection, kind: str, scene: str, after: int, times: int) -> None:
    """One scene with failing calls, and back to normal."""
    arm(connection, kind, after, times, errno.ENOSPC if kind == "write" else errno.EIO)
    crowd.start(server.port)
    connection.call(*SCENES[scene])
    crowd.stopping.wait(WRITING_S)
    assert connection.call("GET", "key") == Bulk(b"value")
    arm(connection, kind, 0, 0, 0)
    crowd.stop()
    assert all(text.startswith(b"MISCONF ") for text in crowd.refusals()), crowd.refusals()
    lives.wait_info(connection, rdb_bgsave_in_progress="0", aof_rewrite_in_progress="0", aof_rewrite_scheduled="0")
    lives.wait_writable(connection)
    lives.wait_info(connection, aof_last_write_status="ok")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails(tmp_path, library, kind, monkeypatch):
    """redis-server has no such calls: there the scenes play without faults."""
    rng = random.Random(f"fault {kind}")
    crowd = Crowd(4, depth=1)
    disk = Disk(tmp_path)
    with monkeypatch.context() as patched:
        for name, value in disk.environment(library).items():
            patched.setenv(name, value)
        server = lives.start(disk.root, *OPTIONS)
    with server, server.connect() as connection:
        assert connection.call("SET", "key", "value") == OK
        for number in range(lives.rounds(1)):
            for scene in SCENES:
                after = number if number < 8 else rng.randrange(40)
                times = 1 if number % 2 == 0 else rng.choice((2, 10, FOREVER))
                play(server, crowd, connection, kind, scene, after, times)
                crowd.settle(connection)
        crowd.write(server.port, WRITING_S)
        server.kill()
    disk.survivors(tmp_path / "left")
    with lives.start(tmp_path / "left", *OPTIONS) as server, server.connect() as connection:
        crowd.settle(connection)
        assert connection.call("GET", "key") == Bulk(b"value")


@pytest.mark.timeout(1800)
@pytest.mark.skipif(lives.is_redis(), reason="redis-server has no such calls")
def test_an_allocation_that_fails(tmp_path):
    """Without memory the server ends at once and says so, in whatever it was doing; what was answered is there."""
    rng = random.Random("alloc")
    crowd = Crowd(4, depth=1)
    written = 0
    for number in range(lives.rounds(4)):
        with lives.start(tmp_path, *OPTIONS) as server, server.connect() as connection:
            crowd.settle(connection)
            crowd.start(server.port)
            crowd.stopping.wait(WRITING_S)
            with contextlib.suppress(OSError):      # it may be the end already
                connection.call("DEBUG", "FAULT", "alloc", rng.randrange(2 ** (number % 12)), 1, errno.ENOMEM)
            work_until_the_end(server, rng)
            crowd.stop()
            assert server.process.returncode == -signal.SIGABRT
            assert "wstore: out of memory: " in server.log()
            written += crowd.answered()
    with lives.start(tmp_path, *OPTIONS) as server, server.connect() as connection:
        crowd.settle(connection)
    assert written > 0


def work_until_the_end(server: ServerProcess, rng: random.Random) -> None:
    """Have all kinds of work done until the server is no more."""
    deadline = time.monotonic() + 30
    while server.alive():
        assert time.monotonic() < deadline
        with contextlib.suppress(OSError):
            server.call(*SCENES[rng.choice(list(SCENES))])


def test_unknown_faults():
    with start_wstore() as server, server.connect() as connection:
        assert connection.call("DEBUG", "FAULT", "nothing", 0, 1, 5) == Error(b"ERR no such kind of fault")
        assert connection.call("DEBUG", "FAULT", "write", "x", 1, 5) == Error(
            b"ERR value is not an integer or out of range")
