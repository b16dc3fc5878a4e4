"""Checks of a whole data directory: its RDB files, and each log with what its manifest says of it."""
from __future__ import annotations

import os
from collections.abc import Callable

from wstore.persistence.check import Finding, spoiled
from wstore.persistence.log_folder import LOG_FILE, LogFile, LogFolder, manifests_in, strays_in
from wstore.persistence.manifest import ManifestError

Look = Callable[[str], Finding]


def check_folder(folder: str, look: Look) -> list[Finding]:
    """What `look` (check_file, say) finds in every file of a data directory, and what is wrong between them."""
    logs, strays = manifests_in(folder), strays_in(folder)
    found = [look(entry.path) for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
             if entry.is_file() and entry.name.endswith((".rdb", ".aof")) and LOG_FILE.fullmatch(entry.name) is None]
    for where, name in logs:
        found += check_listed(where, name, look)
    for where, name, files in strays:
        manifest = Finding(os.path.join(where, f"{name}.manifest"), "manifest", 0)
        found.append(spoiled(manifest, 0, "there is none, though there are files of this log"))
        found += [look(os.path.join(where, file)) for file in files]
    return found


def check_listed(where: str, name: str, look: Look) -> list[Finding]:
    """The files that one manifest names."""
    path = os.path.join(where, f"{name}.manifest")
    listed = Finding(path, "manifest", os.path.getsize(path))
    try:
        folder = LogFolder(where, name)
    except ManifestError as error:
        return [spoiled(listed, 0, str(error).removeprefix(f"{path}: "))]
    listed.files = len(folder.bases) + len(folder.logs)
    return [listed, *(check_listed_file(file, folder, look) for file in folder.bases + folder.logs)]


def check_listed_file(file: LogFile, folder: LogFolder, look: Look) -> Finding:
    if not os.path.exists(file.path):
        return spoiled(Finding(file.path, "log", 0), 0, "the manifest names it, but it is not there")
    found = look(file.path)
    if found.state == "torn" and file is not folder.logs[-1]:
        found.state = "damaged"
        found.reason += ", though it is not the last one of the log"
    behind = following(file, folder)
    if found.state == "whole" and found.size < file.preamble:
        spoiled(found, found.size, f"the manifest tells of a preamble of {file.preamble} bytes")
    elif found.state == "whole" and behind is not None and file.offset(found.size) != behind.start:
        spoiled(found, found.size, f"the next file of the log begins at offset {behind.start:,}, but this one ends at "
                                   f"{file.offset(found.size):,}")
    return found


def following(file: LogFile, folder: LogFolder) -> LogFile | None:
    """The log behind a log, None: it is the last one, or a base."""
    if file.is_base or not folder.has_offsets:
        return None
    later = folder.logs[folder.logs.index(file) + 1:]
    return later[0] if later else None
