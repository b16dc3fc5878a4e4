"""Power cuts: only what was synced survives, bytes and names, and what was promised is among it.

The shim is strict where real file systems are kind: a file created, renamed or removed keeps its old state until the
directory is synced. redis-server creates its folder of logs without syncing the one above, so that it starts once
without the shim when these tests prove themselves on it.
"""
from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.ledger import Crowd
from tests.faults.power import Disk, build
from tests.faults.test_kill import SMALL_SEGMENTS, killed_while_writing
from tests.resp import OK, Bulk

LOSS_S = {"always": 0.0, "everysec": 1.5}       # a sync that begins after a second takes some time as well
WRITING_S = {"always": (0.1, 0.6), "everysec": (0.5, 2.5)}


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("powercut"))


def fresh_disk(folder: Path, options: tuple[str, ...], survivors: Path | None = None) -> Disk:
    """A disk that holds what survived the last cut, if there was one."""
    disk = Disk(folder)
    if survivors is not None:
        for path in survivors.iterdir():
            path.rename(disk.root / path.name)
    elif lives.is_redis():
        lives.start(disk.root, *options).stop()
    disk.keep_all()
    return disk


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_what_was_promised_survives(tmp_path, library, policy, monkeypatch):
    rng = random.Random(f"cut {policy}")
    options = (*lives.LOG_OPTIONS, "--appendfsync", policy, *SMALL_SEGMENTS)
    crowd = Crowd(8)
    survivors, cut_at, written = None, None, 0
    for number in range(lives.rounds(3)):
        disk = fresh_disk(tmp_path / f"disk{number}", options, survivors)
        with monkeypatch.context() as patched:
            for name, value in disk.environment(library).items():
                patched.setenv(name, value)
            server = lives.start(disk.root, *options)
        with server:
            with server.connect() as connection:
                crowd.settle(connection, cut_at, LOSS_S[policy])
            cut_at = killed_while_writing(server, crowd, rng.uniform(*WRITING_S[policy]), rng)
            written += crowd.answered()
        survivors = tmp_path / f"survivors{number}"
        disk.survivors(survivors)
    with lives.start(survivors, *options) as server, server.connect() as connection:
        crowd.settle(connection, cut_at, LOSS_S[policy])
    assert written > 500


def test_a_snapshot_that_was_reported_survives(tmp_path, library, monkeypatch):
    """SAVE answers when the new file has its name for good; the old one is there until then."""
    disk = fresh_disk(tmp_path / "disk", ())
    for name, value in disk.environment(library).items():
        monkeypatch.setenv(name, value)
    server = lives.start(disk.root)
    monkeypatch.undo()
    with server, server.connect() as connection:
        for value in ("old", "new"):
            connection.pipeline([("SET", "key", value), ("SAVE",)])
            assert surviving(disk, tmp_path / value) == Bulk(value.encode())
        assert connection.call("SET", "key", "lost") == OK
        server.kill()
    assert surviving(disk, tmp_path / "end") == Bulk(b"new")


def surviving(disk: Disk, folder: Path) -> object:
    """The value of `key` for a server that starts from what would be left of the disk now."""
    disk.survivors(folder)
    with lives.start(folder) as server:
        return server.call("GET", "key")


def run(program: str, folder: Path, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env=environment)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_shim_drops_what_was_not_synced(tmp_path, library):
    """Bytes and names before and after each kind of sync, by a process of this test's own."""
    disk = Disk(tmp_path)
    program = """
import os, sys
os.chdir(sys.argv[1])
def put(name, data, sync):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, data)
    sync and os.fsync(fd)
    os.close(fd)
def sync_names(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
put("synced", b"one", True); put("synced", b"two", False); put("empty", b"x", False); put("old", b"old", True)
os.mkdir("sub"); put("sub/inner", b"inner", True); put("gone", b"gone", True)
sync_names(".")
put("nameless", b"x", True); put("new", b"new", True); os.rename("new", "old"); os.unlink("gone")
put("another", b"another", True)
"""
    environment = {**os.environ, **disk.environment(library)}
    run(program, disk.root, environment)
    disk.survivors(tmp_path / "left")
    assert contents(tmp_path / "left") == {"synced": b"one", "empty": b"", "old": b"old", "gone": b"gone"}
    run("import os, sys\nos.chdir(sys.argv[1])\nfor path in ('sub', '.'): os.fsync(os.open(path, os.O_RDONLY))",
        disk.root, environment)
    disk.survivors(tmp_path / "later")
    assert contents(tmp_path / "later") == {"synced": b"one", "empty": b"", "old": b"new", "sub/inner": b"inner",
                                            "nameless": b"x", "another": b"another"}
