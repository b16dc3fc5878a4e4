"""A full disk, under the log, a base, a snapshot: writers are refused, reads go on, and service resumes by itself."""
from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.disks import small_disk
from tests.faults.ledger import Crowd
from tests.processes import ServerProcess
from tests.resp import OK, Bulk, Connection, Error, Int, Simple

NO_LOG_SPACE = Error(b"MISCONF Errors writing to the AOF file: No space left on device")
NO_SNAPSHOT = Error(
    b"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    b"may modify the data set are disabled, because this instance is configured to report errors during writes if "
    b"RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
    b"RDB error.")
# redis-server ends itself when it cannot write with `always`
POLICIES = ("everysec", "no") if lives.is_redis() else ("always", "everysec", "no")


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def wait_refused(server: ServerProcess, wanted: Error) -> None:
    """Until a write is refused in these words. One that still waits to be answered is left alone: `always`."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with server.connect(timeout_s=0.2) as connection, contextlib.suppress(TimeoutError):
            reply = connection.call("SET", "refused", "x" * 5000)
            if reply == wanted:
                return
            assert reply == OK, reply
    raise AssertionError(f"writes go on\n{server.log()}")


def incompressible(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def fill_with_data(connection: Connection, keys: int = 100) -> None:
    """1 MB in the files."""
    connection.pipeline([("SET", f"data:{i}", incompressible(i, 10_000)) for i in range(keys)])


def check_data(connection: Connection, keys: int = 100) -> None:
    replies = connection.pipeline([("GET", f"data:{i}") for i in range(keys)])
    assert replies == [Bulk(incompressible(i, 10_000)) for i in range(keys)]


@pytest.mark.parametrize("policy", POLICIES)
def test_log(disk, policy):
    options = (*lives.LOG_OPTIONS, "--appendfsync", policy)
    crowd = Crowd(8, depth=1)
    with lives.start(disk.folder, *options) as server, server.connect() as connection, server.connect() as reader:
        assert connection.call("SET", "key", "value") == OK
        crowd.start(server.port)
        disk.fill(connection)
        wait_refused(server, NO_LOG_SPACE)
        assert lives.info(reader)["aof_last_write_status"] == "err"
        assert reader.call("GET", "key") == Bulk(b"value")
        assert reader.call("EXISTS", "key", "none").value == 1
        disk.free(reader)
        crowd.stop()
        lives.wait_writable(reader)
        lives.wait_info(reader, aof_last_write_status="ok")
        crowd.settle(reader)
        crowd.write(server.port, 0.2)
        assert not crowd.refusals() and crowd.answered() > 20
        if policy != "always":
            time.sleep(1.3)
        server.kill()
    with lives.start(disk.folder, *options) as server, server.connect() as connection:
        assert crowd.settle(connection) == 0
        assert connection.call("GET", "key") == Bulk(b"value")


def test_base(disk):
    """A rewrite fails for want of room: the log goes on as it was, and the next rewrite is none the worse."""
    options = (*lives.LOG_OPTIONS, "--appendfsync", "everysec")
    crowd = Crowd(1, depth=1)
    with lives.start(disk.folder, *options) as server, server.connect() as connection:
        fill_with_data(connection)
        lives.wait_info(connection, aof_buffer_length="0")      # all of it is written
        before = names(disk.folder)
        disk.fill(connection, room_bytes=500_000)
        assert isinstance(connection.call("BGREWRITEAOF"), Simple)
        told = lives.wait_info(connection, aof_rewrite_in_progress="0", aof_last_bgrewrite_status="err")
        assert told["aof_last_write_status"] == "ok"
        lives.wait_writable(connection)     # the rewrite had taken all the room
        crowd.write(server.port, 0.03)
        assert not crowd.refusals()
        assert not [name for name in names(disk.folder) - before if "temp" in name or "tmp" in name]
        check_data(connection)
        disk.free(connection)
        assert isinstance(connection.call("BGREWRITEAOF"), Simple)
        lives.wait_info(connection, aof_rewrite_in_progress="0", aof_last_bgrewrite_status="ok")
        crowd.write(server.port, 0.1)
        time.sleep(1.3)
        server.kill()
    with lives.start(disk.folder, *options) as server, server.connect() as connection:
        crowd.settle(connection)
        check_data(connection)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def test_snapshot(disk):
    """Saving fails: the old file stays, and writers are refused until the next automatic one has succeeded."""
    options = ("--save", "1 1")
    with lives.start(disk.folder, *options) as server, server.connect() as connection:
        assert connection.pipeline([("SET", "key", "old"), ("SAVE",)]) == [OK, OK]
        fill_with_data(connection)
        disk.fill(connection, room_bytes=100_000)
        connection.call("BGSAVE")
        lives.wait_info(connection, rdb_bgsave_in_progress="0", rdb_last_bgsave_status="err")
        assert connection.call("SET", "key", "new") == NO_SNAPSHOT
        assert connection.call("GET", "key") == Bulk(b"old")
        check_data(connection)
        disk.free(connection)
        lives.wait_writable(connection)
        lives.wait_info(connection, rdb_last_bgsave_status="ok", rdb_bgsave_in_progress="0")
        server.kill()
    with lives.start(disk.folder, *options) as server, server.connect() as connection:
        check_data(connection)
        assert connection.call("GET", "key") == Bulk(b"old")


def test_the_old_snapshot_is_loaded_after_a_crash(disk):
    with lives.start(disk.folder) as server, server.connect() as connection:
        assert connection.pipeline([("SET", "key", "old"), ("SAVE",)]) == [OK, OK]
        fill_with_data(connection)
        disk.fill(connection, room_bytes=100_000)
        assert isinstance(connection.call("SAVE"), Error)
        server.kill()
    with lives.start(disk.folder) as server:
        assert server.call("GET", "key") == Bulk(b"old")
        assert server.call("DBSIZE") == Int(1)


def test_switching_the_log_on(disk):
    """Without room for a base the log begins as soon as there is some."""
    with lives.start(disk.folder) as server, server.connect() as connection:
        fill_with_data(connection)
        disk.fill(connection, room_bytes=300_000)
        switched = connection.call("CONFIG", "SET", "appendonly", "yes")
        if switched == OK:
            lives.wait_info(connection, aof_last_bgrewrite_status="err")
        disk.free(connection)
        if switched != OK:
            assert connection.call("CONFIG", "SET", "appendonly", "yes") == OK
        connection.call("BGREWRITEAOF")
        lives.wait_info(connection, aof_rewrite_in_progress="0", aof_rewrite_scheduled="0",
                        aof_last_bgrewrite_status="ok", aof_enabled="1")
        assert connection.call("SET", "key", "value") == OK
        time.sleep(1.3)
        server.kill()
    with lives.start(disk.folder, *lives.LOG_OPTIONS) as server, server.connect() as connection:
        check_data(connection)
        assert connection.call("GET", "key") == Bulk(b"value")
