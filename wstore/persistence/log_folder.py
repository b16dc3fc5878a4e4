"""The folder of a log (AOF) as tools see it: its manifest, the files in their order, and the times beside them.

    NAME.manifest                   which files there are: manifest.py
    NAME.3.base.rdb                 the data as they stood at a place in the stream of writes; .aof: as commands
    NAME.3.incr.aof                 the writes from there on
    NAME.3.incr.aof.times           lines "Unix ms, blank, offset": the stream ended there then; written about once a
                                    second, so that a crash leaves the last line torn
    NAME.3.incr.aof.sums            checksums of its blocks: csrc/log_sums.h

Invariant: `bases` and `logs` rise by their starts; both have those of history too.
"""
from __future__ import annotations

import os
import re
from dataclasses import dataclass

from wstore.persistence import leftovers, manifest, sums

MANIFEST_SUFFIX = ".manifest"
TIMES_SUFFIX = ".times"
BESIDE = (TIMES_SUFFIX, sums.SUFFIX)
TIMES_DIGITS = (13, 20)
LOG_FILE = re.compile(r"(.+)\.\d+\.(?:base\.rdb|base\.aof|incr\.aof)")


@dataclass(frozen=True)
class LogFile:
    """start: offset in the stream of its first byte, behind the preamble; of a base: at which it was taken."""
    path: str
    type: str
    start: int
    preamble: int = 0

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def is_base(self) -> bool:
        return self.type == "b" or self.type == "h" and self.name.endswith((".base.rdb", ".base.aof"))

    @property
    def is_there(self) -> bool:
        return os.path.exists(self.path)

    @property
    def size(self) -> int:
        return os.path.getsize(self.path)

    def offset(self, position: int) -> int:
        """In the stream, of a byte of the file."""
        return self.start + position - self.preamble

    def position(self, offset: int) -> int:
        """Where in the file a byte of the stream is."""
        return self.preamble + offset - self.start

    @property
    def end(self) -> int:
        return self.offset(self.size)


class LogFolder:
    """path, name (of the log, as directive appendfilename), has_offsets (or only those that the sizes give).

    ManifestError: the manifest is none.
    """

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self.name = name
        listed = manifest.read(path, name)
        self.has_offsets = listed.has_offsets
        files = [LogFile(os.path.join(path, file.name), file.kind, file.start, file.preamble) for file in listed.files]
        self.bases = sorted((file for file in files if file.is_base), key=lambda file: file.start)
        self.logs = sorted((file for file in files if not file.is_base), key=lambda file: file.start)

    @property
    def current(self) -> list[LogFile]:
        """What a server loads: the base and the logs behind it."""
        return [file for file in self.bases if file.type == "b"] + [file for file in self.logs if file.type == "i"]

    def times(self) -> list[tuple[int, int]]:
        """(Unix ms, offset) pairs as they were noted; torn lines are passed over."""
        return [pair for file in self.logs for pair in times_of(file.path + TIMES_SUFFIX)]


def times_of(path: str) -> list[tuple[int, int]]:
    found = []
    try:
        with open(path, "rb") as file:
            for line in file:
                words = line.split()
                if line.endswith(b"\n") and line[:-1].replace(b" ", b"").isdigit() and \
                        tuple(map(len, words)) == TIMES_DIGITS:
                    found.append((int(words[0]), int(words[1])))
    except FileNotFoundError:
        pass
    return found


def folders_in(folder: str) -> list[str]:
    """A data directory and the folders in it."""
    return [folder, *sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())]


def manifests_in(folder: str) -> list[tuple[str, str]]:
    """(folder, name of the log) for each manifest in a data directory: in it, or in a folder of it."""
    return [(where, file.removesuffix(MANIFEST_SUFFIX)) for where in folders_in(folder)
            for file in sorted(os.listdir(where)) if file.endswith(MANIFEST_SUFFIX) and not file.startswith("temp-")]


def strays_in(folder: str) -> list[tuple[str, str, list[str]]]:
    """(folder, name of the log, files) for each log in a data directory that has files but no manifest."""
    known, found = manifests_in(folder), {}
    for where in folders_in(folder):
        for file in sorted(os.listdir(where)):
            named = LOG_FILE.fullmatch(file)
            if named is not None and (where, named[1]) not in known and file not in leftovers.hidden(where, named[1]):
                found.setdefault((where, named[1]), []).append(file)
    return [(*log, files) for log, files in found.items()]
