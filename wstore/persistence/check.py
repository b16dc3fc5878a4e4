"""Checks of files: is an RDB file or a log whole, torn at its end, or damaged; and cutting off a torn end.

torn      the file ends within a command or transaction, as after a crash: what is before it is whole
damaged   bytes that cannot be where they are, a length that points past the end although commands follow, or a block
          that is not as its checksum says (csrc/log_sums.h)

A log may begin with an RDB file, as Redis 4 to 6 wrote it.
"""
from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from wstore.engine._engine import BAD_BLOCK, LogScan, RdbReader, log_damage
from wstore.errors import RdbError
from wstore.persistence import sums
from wstore.persistence.rdb import KINDS, RdbFile
from wstore.persistence.values import QUESTIONS, Scratch

PIECE_BYTES = 1 << 24
LOOK_EVERY = 4096       # items of an RDB file between two calls of progress
REASONS = {
    "torn": "the file ends within a command",
    "no command": "a command, which begins with '*', should be here",
    "no argument": "an argument, which begins with '$', should be here",
    "bad number": "this count or length is none",
    "no line end": "the end of a line should be here",
    "MULTI in a transaction": "MULTI within a transaction",
    "EXEC outside of a transaction": "EXEC outside of a transaction",
}
Progress = Callable[[int], None]


@dataclass
class Finding:
    """What a check found in one file.

    kind: "rdb", "log" or "manifest"; state: "whole", "torn" or "damaged"; reason and offset: what is wrong and where;
    whole: where the last whole command, transaction or RDB file ends; bad_block: only a checksum tells of the damage;
    follows: (offset, commands) that can be read behind damage; keys of an RDB file, commands and transactions of a log,
    files of a manifest.
    """
    path: str
    kind: str
    size: int
    state: str = "whole"
    reason: str = ""
    offset: int = 0
    whole: int = 0
    bad_block: bool = False
    keys: int = 0
    commands: int = 0
    transactions: int = 0
    files: int = 0
    follows: tuple[int, int] | None = None


def check_file(path: str | os.PathLike, progress: Progress = lambda offset: None, values: bool = False) -> Finding:
    """Check an RDB file or a log, whichever it is by its first bytes. OSError: it cannot be read.

    values: also build every value of an RDB file.
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        begins_as_rdb = file.read(5) == b"REDIS"
    found = Finding(path, "rdb" if begins_as_rdb or path.endswith(".rdb") else "log", os.path.getsize(path))
    if found.kind == "rdb":
        check_rdb(found, progress, Scratch() if values else None)
        if found.state != "whole" or found.whole == found.size:
            return found
        if path.endswith(".rdb"):
            return spoiled(found, found.whole, "there are bytes behind the end of the RDB file")
        found.kind = "log"
    check_log(found, progress)
    return found


def spoiled(found: Finding, offset: int, reason: str) -> Finding:
    found.state, found.offset, found.reason = "damaged", offset, reason
    return found


def check_rdb(found: Finding, progress: Progress, scratch: Scratch | None) -> None:
    """Walk over an RDB file from its beginning, and compare its checksum; build its values if there is a `scratch`."""
    last = None
    try:
        reader = RdbReader(found.path)
        for number, item in enumerate(reader):
            if item[0] == "record":
                if scratch is not None and not check_value(found, reader, item, scratch):
                    return
                found.keys += 1
                last = item
            if number % LOOK_EVERY == 0:
                progress(reader.offset)
        found.whole = reader.offset
        check_index(found)
    except RdbError as error:
        behind = "" if last is None else f"; the last whole key before it is {last[1]!r}"
        spoiled(found, error.offset, error.reason + behind)


def check_index(found: Finding) -> None:
    """A slot index, if there is one, stands for every key of the file."""
    index = RdbFile(found.path).slot_index
    if index is not None and int(index["keys"].sum()) != found.keys:
        raise RdbError(found.path, found.whole, f"the slot index has {int(index['keys'].sum()):,} keys, but the file "
                                                f"has {found.keys:,}")


def check_value(found: Finding, reader: RdbReader, item: tuple, scratch: Scratch) -> bool:
    """Whether a record's value can be built; streams and values of modules pass."""
    _, key, rdb_type, _expire_ms, _db, _offset, at, length = item
    kind = KINDS[rdb_type][0]
    try:
        if kind in QUESTIONS:
            scratch.value(kind, reader.payload(rdb_type, at, length))
    except ValueError as error:
        spoiled(found, at, f"{error}; its key is {key!r}")
    return found.state == "whole"


def check_log(found: Finding, progress: Progress) -> None:
    """Walk over the commands from `found.whole` on, as far as the checksums say that they are as they were written."""
    bad_block = log_damage(found.path)
    scan = LogScan(found.path, found.whole, until=bad_block)
    while scan.advance(PIECE_BYTES):
        progress(scan.at)
    found.whole, found.size = scan.whole, scan.size
    found.commands, found.transactions = scan.commands, scan.transactions
    if scan.state == "end":
        return
    if bad_block is not None and not scan.damaged:
        spoiled(found, bad_block, BAD_BLOCK)
        found.bad_block = True
        found.follows = scan.commands_behind()
        return
    found.state, found.offset, found.reason = "torn", scan.at, REASONS[scan.state]
    if scan.damaged and zeros_to_end(found.path, scan.at, scan.size):
        found.reason = "only zeros follow"
        return
    if scan.state == "torn" and scan.open_commands:
        found.reason = f"the file ends within a transaction, after {scan.open_commands:,} of its commands"
    found.follows = scan.commands_behind()
    if found.follows is not None or scan.damaged:
        found.state = "damaged"
    if found.state == "damaged" and scan.state == "torn":
        found.reason = "the length of an argument points past the end of the file, but commands follow"


def zeros_to_end(path: str, offset: int, size: int) -> bool:
    """Whether only zeros follow, or one byte and then zeros: what some file systems leave of a write that was lost."""
    with open(path, "rb") as file:
        file.seek(min(offset + 1, size - 1))
        while piece := file.read(PIECE_BYTES):
            if piece.strip(b"\0"):
                return False
    return True


# -- repair --------------------------------------------------------------------------------------------------------

def cut(path: str, size: int) -> str:
    """Let the file end after `size` bytes; the path of the original, which is kept beside it. OSError.

    The short file is on disk before it takes the name.
    """
    sums.cut(path, size)
    kept = free_name(f"{path}.original")
    short = free_name(f"{path}.short")
    copy_start(path, short, size)
    os.link(path, kept)
    os.rename(short, path)
    sync_folder(os.path.dirname(path) or ".")
    return kept


def free_name(path: str) -> str:
    number, name = 1, path
    while os.path.lexists(name):
        number += 1
        name = f"{path}.{number}"
    return name


def copy_start(path: str, to: str, size: int | None = None) -> None:
    """Copy the first `size` bytes of a file (None: all), with its mode, to a new file; fsync it."""
    left = os.path.getsize(path) if size is None else size
    with open(path, "rb") as source, open(to, "xb") as target:
        while left > 0:
            piece = source.read(min(left, PIECE_BYTES))
            if not piece:
                raise OSError(f"{path} is shorter than it was")
            target.write(piece)
            left -= len(piece)
        target.flush()
        os.fsync(target.fileno())
    shutil.copymode(path, to)


def sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def writers(path: str) -> list[int]:
    """Processes, of those that may be looked at, that have the file open for writing."""
    target = os.stat(path)
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                about = os.stat(f"/proc/{pid}/fd/{fd}")
                if (about.st_dev, about.st_ino) == (target.st_dev, target.st_ino) and writes(pid, fd):
                    found.append(int(pid))
        except OSError:
            continue        # of another user, or gone
    return sorted(set(found))


def writes(pid: str, fd: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{fd}") as info:
        flags = next(line.split()[1] for line in info if line.startswith("flags:"))
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
