"""Disks that fill up: a small tmpfs where mounting is allowed, else the fault points of csrc/files.h."""
from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.resp import OK, Connection

SIZE_BYTES = 4 << 20
FOREVER = 1 << 40


class SmallDisk:
    """A tmpfs; `folder` is where it is mounted."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self, connection: Connection, room_bytes: int = 0) -> None:
        """Leave no more room than that."""
        del connection
        with open(self.ballast, "wb", buffering=0) as file:
            free = os.statvfs(self.folder)
            file.write(bytes(max(0, free.f_bavail * free.f_frsize - room_bytes)))

    def free(self, connection: Connection) -> None:
        del connection
        self.ballast.unlink()


class FailingDisk:
    """A folder on which writes of the server under test fail: with some room left the next one, with none all."""

    def __init__(self, folder: Path):
        self.folder = folder

    def fill(self, connection: Connection, room_bytes: int = 0) -> None:
        times = 1 if room_bytes else FOREVER
        assert connection.call("DEBUG", "FAULT", "write", 0, times, errno.ENOSPC) == OK

    def free(self, connection: Connection) -> None:
        assert connection.call("DEBUG", "FAULT", "write", 0, 0, 0) == OK


def mount(folder: Path) -> bool:
    """Put a tmpfs there; whether that is allowed."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)],
                          capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | FailingDisk]:
    folder.mkdir()
    if not mount(folder):
        yield FailingDisk(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
