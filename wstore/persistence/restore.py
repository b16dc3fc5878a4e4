"""Recovery of a point in time: a new data directory from a base and the log behind it, up to an offset or a time.

The result is a log of its own: it begins anew at offset 0, so that nobody takes what comes to it for the stream of the
server that it was taken from.

Files that are missing matter only where they lie between the base and the point that is wanted.

Invariant: the manifest is written last. A folder that was not finished has none, and no server starts from it.
"""
from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from wstore.engine._engine import BAD_BLOCK, LogScan, log_damage
from wstore.persistence.check import PIECE_BYTES, REASONS, check_file, copy_start, sync_folder
from wstore.persistence.log_folder import TIMES_SUFFIX, LogFile, LogFolder, manifests_in, times_of
from wstore.persistence.rdb import open_rdb

FOLDER = "appendonlydir"
Progress = Callable[[str, int, int], None]      # file, bytes done, bytes in all


class RestoreError(Exception):
    """That point cannot be restored; the text says why."""


@dataclass
class Restored:
    """name of the log; offset: in the stream, where what was restored ends; commands: behind the base."""
    name: str
    base: LogFile | None
    offset: int = 0
    commands: int = 0


def restore(source: str, output: str, until_offset: int | None = None, until_ms: int | None = None,
            progress: Progress = lambda name, done, total: None) -> Restored:
    """Write to `output`, which must be new or empty, what the log in data directory `source` held at that point.

    Of the log everything up to `until_offset` in the stream counts, or what was written up to Unix time `until_ms`;
    the last command or transaction that is whole by then is the last one. OSError, ManifestError, RestoreError.
    """
    folder = the_log(source)
    if os.path.exists(output) and (not os.path.isdir(output) or os.listdir(output)):
        raise RestoreError(f"{output} is there and is no empty folder")
    until_s = None
    if until_ms is not None:
        until_offset, until_s = limits(folder, until_ms)
    base, logs = chosen(folder, until_offset)
    result = Restored(folder.name, base)
    os.makedirs(os.path.join(output, FOLDER))
    lines = [copied_base(result, base, output, progress)] if base else []
    for number, log in enumerate(logs, 1):
        lines.append(f"file {quoted(f'{folder.name}.{number}.incr.aof')} seq {number} type i\n")
        scan = LogScan(log.path, until=None if until_offset is None else log.position(until_offset), until_s=until_s)
        walk(scan, log, log is logs[-1], progress)
        compare(scan, log)
        copy_start(log.path, os.path.join(output, FOLDER, f"{folder.name}.{number}.incr.aof"), scan.whole)
        result.offset = max(log.offset(scan.whole), log.start)
        result.commands += scan.commands
        if scan.state != "end":
            break
    write_manifest(output, folder.name, lines)
    return result


def the_log(source: str) -> LogFolder:
    found = manifests_in(source)
    if len(found) != 1:
        which = ", ".join(os.path.join(where, name) for where, name in found)
        raise RestoreError(f"{source} has more than one log: {which}" if found
                           else f"{source} has no log: there is no manifest in it or in a folder of it")
    return LogFolder(*found[0])


# -- which files -----------------------------------------------------------------------------------------------------

def limits(folder: LogFolder, until_ms: int) -> tuple[int | None, int | None]:
    """The offset, or the time of annotations in seconds, that a time stands for."""
    times = folder.times()
    if not folder.logs or folder.logs[-1].is_there and until_ms >= modified_ms(folder.logs[-1]):
        return None, None       # nothing was written later
    if times:
        return offset_at(folder, times, until_ms), None
    until_s = until_ms // 1000
    told = [first for first in map(first_time, filter(is_there, folder.logs)) if first is not None]
    if not told:
        raise RestoreError("the log tells no times: it has neither .times files nor annotations")
    if until_s < min(told) and not any(base_time(base) <= until_s for base in filter(is_there, folder.bases)):
        raise RestoreError("that time is before the first one that the log tells")
    return None, until_s


def is_there(file: LogFile) -> bool:
    return file.is_there


def modified_ms(file: LogFile) -> int:
    return os.stat(file.path).st_mtime_ns // 1_000_000


def offset_at(folder: LogFolder, times: list[tuple[int, int]], until_ms: int) -> int:
    """The offset that the stream had then; RestoreError if what would tell it is missing."""
    at = max((offset for stamp, offset in times if stamp <= until_ms), default=None)
    if at is None:
        raise RestoreError("that time is before the first one that the log tells")
    later = min((offset for stamp, offset in times if stamp > until_ms), default=math.inf)
    for log in folder.logs:
        if at <= log.start < later and not log.is_there and not times_of(log.path + TIMES_SUFFIX):
            raise RestoreError(f"{log.path} is not there, which may have been written by then. {restorable(folder)}")
    return at


def first_time(log: LogFile) -> int | None:
    """The annotation of time that a log begins with, as those of Redis with `aof-timestamp-enabled yes`; None: none."""
    with open(log.path, "rb") as file:
        found = re.match(rb"#TS:(\d{1,18})\r\n", file.read(32))
    return int(found[1]) if found else None


def base_time(base: LogFile) -> float:
    """When a base was taken, in Unix seconds; infinite: it does not tell."""
    if not base.name.endswith(".rdb"):
        return math.inf
    with open_rdb(base.path) as file:
        told = file.aux.get(b"ctime", b"")
    return int(told) if told.isdigit() else math.inf


def chosen(folder: LogFolder, until_offset: int | None) -> tuple[LogFile | None, list[LogFile]]:
    """The latest base that is not past the offset, and the logs from there on.

    Without any base the log began with no data. But where there are later ones, the first may have gone with history.
    """
    fits = [base for base in folder.bases if until_offset is None or base.start <= until_offset]
    if not fits and (folder.bases or not folder.logs or folder.logs[0].start > 0):
        first = folder.bases[0].start if folder.bases else None
        raise RestoreError("the log has no base" if first is None else
                           f"the earliest base that was kept is at offset {first:,}")
    base = next(filter(is_there, reversed(fits)), None)
    if fits and base is None:
        raise RestoreError(f"{fits[-1].path} is not there, though the manifest names it. {restorable(folder)}")
    logs, end, behind = chain(folder, base.start if base else 0)
    if behind is not None and (until_offset is None or until_offset > end):
        raise RestoreError(f"{what_breaks(behind, end)}. {restorable(folder)}")
    if until_offset is not None and until_offset > end:
        raise RestoreError(f"the log ends at offset {end:,}")
    return base, logs if until_offset is None else [log for log in logs if log.start <= until_offset]


def chain(folder: LogFolder, start: int) -> tuple[list[LogFile], int, LogFile | None]:
    """The logs from there on, as far as they follow one another and are there; the offset at which they end; and the
    next one, which is missing or does not follow."""
    logs: list[LogFile] = []
    end = start
    for log in folder.logs:
        if log.start >= start:
            if log.start != end or not log.is_there:
                return logs, end, log
            logs.append(log)
            end = log.end
    return logs, end, None


def what_breaks(log: LogFile, end: int) -> str:
    """Why a log is not part of the chain that ends there."""
    if log.start != end:
        return f"the log from offset {end:,} to {log.start:,} was not kept"
    return f"{log.path} is not there, though the manifest names it"


def restorable(folder: LogFolder) -> str:
    """A sentence: which offsets can be restored from the files that are there, if they are whole."""
    starts = [base.start for base in folder.bases if base.is_there]
    if not folder.bases and folder.logs and folder.logs[0].start == 0:
        starts = [0]
    spans: list[tuple[int, int]] = []
    for start in starts:
        end = chain(folder, start)[1]
        if spans and start <= spans[-1][1]:
            first, last = spans.pop()
            start, end = first, max(end, last)
        spans.append((start, end))
    told = " and ".join(f"{start:,} to {end:,}" for start, end in spans)
    return f"Offsets that can be restored: {told or 'none'}"


# -- copies ------------------------------------------------------------------------------------------------------------

def copied_base(result: Restored, base: LogFile, output: str, progress: Progress) -> str:
    """Copy the base, once it has proved whole; its line in the manifest."""
    found = check_file(base.path, lambda done: progress(base.name, done, base.size))
    if found.state != "whole":
        raise RestoreError(f"{base.path} is {found.state}: at byte {found.offset:,}: {found.reason}")
    name = f"{result.name}.1.base{base.name[-4:]}"
    copy_start(base.path, os.path.join(output, FOLDER, name))
    result.offset = base.start
    return f"file {quoted(name)} seq 1 type b\n"


def walk(scan: LogScan, log: LogFile, is_last: bool, progress: Progress) -> None:
    """Walk through a log up to the point that is wanted; RestoreError if it cannot be read up to there."""
    while scan.advance(PIECE_BYTES):
        progress(log.name, scan.at, scan.size)
    at, state = scan.at, scan.state
    if scan.damaged or state == "torn" and not (is_last and scan.commands_behind() is None):
        raise RestoreError(f"{log.path} is damaged at byte {at:,}, offset {log.offset(at):,}: {REASONS[state]}. Before "
                           f"that, offset {log.offset(scan.whole):,} can be restored")


def compare(scan: LogScan, log: LogFile) -> None:
    """RestoreError if a block of what was walked through is not as its checksum says."""
    at = log_damage(log.path, scan.whole)
    if at is None:
        return
    before = LogScan(log.path, until=at)
    while before.advance(PIECE_BYTES):
        pass
    raise RestoreError(f"{log.path} is damaged at byte {at:,}, offset {log.offset(at):,}: {BAD_BLOCK}. Before that, "
                       f"offset {max(log.offset(before.whole), log.start):,} can be restored")


def write_manifest(output: str, name: str, lines: list[str]) -> None:
    path = os.path.join(output, FOLDER, f"{name}.manifest")
    with open(path, "x") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    for folder in (os.path.join(output, FOLDER), output, os.path.dirname(os.path.abspath(output))):
        sync_folder(folder)


def quoted(name: str) -> str:
    """A name as one word of a manifest."""
    if name.isprintable() and not set(name) & set(" \"'\\"):
        return name
    return '"' + "".join(f"\\x{byte:02x}" for byte in os.fsencode(name)) + '"'
