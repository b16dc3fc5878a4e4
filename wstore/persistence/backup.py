"""Backups: consistent copies of what an engine would start from, in folders of `backup-dir` that rotate.

    backup-dir/NAME/appendonlydir/...   with the log on: hard links to the base and the files of the log, with their
                                        sums, and a manifest
    backup-dir/NAME/dump.rdb            with it off: a snapshot of its own
    backup-dir/NAME/backup.json         what it is: time, stream offset, files with their sizes; written last

A folder without backup.json is a backup that has not come to its end; the next one of its name takes its place.  Names
that clients give keep to letters, digits, "-", "_" and "."; those that BACKUP chooses are the time in UTC.

Invariant: linked files never change: a file of the log that is still written to is closed by rolling over first.
"""
import json
import os
import shutil
import time

from wstore.engine._engine import link_file, manifest_text, stream_offset, sync_folder
from wstore.errors import ReplyError
from wstore.persistence import sums
from wstore.persistence.saving import Busy

SUMMARY = "backup.json"
NAME_BYTES_MAX = 128
_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
# Of each period a backup is kept: the form of a time that names the period it lies in
_PERIOD_FORMS = {"hourly": "%Y%m%d%H", "daily": "%Y%m%d", "weekly": "%G%V", "monthly": "%Y%m"}


def chosen_name(now_s):
    """The name of a backup that nobody named."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))


def check_name(raw):
    """The name (str) that a client gives as bytes; ValueError if it may not be one."""
    if not raw or len(raw) > NAME_BYTES_MAX or not _NAME_BYTES.issuperset(raw) or raw.startswith(b"."):
        raise ValueError("a backup's name is made of letters, digits, '-', '_' and '.', and does not begin with '.'")
    return raw.decode()


def backups_in(folder):
    """(name, Unix time) of the complete backups in a folder, newest first; others are passed over."""
    found = []
    for entry in os.scandir(folder):
        try:
            with open(os.path.join(entry.path, SUMMARY), encoding="utf-8") as file:
                found.append((entry.name, float(json.load(file)["time_s"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda backup: (-backup[1], backup[0]))


def outdated(backups, keep):
    """Names of backups that need not be kept.

    backups: (name, Unix time) pairs; keep: ((period, count), ...), as directive backup-keep has it; (): all stay.
    Of each of the last `count` periods that have backups, the newest one stays; so does the newest of all.
    """
    if not keep:
        return []
    newest_first = sorted(backups, key=lambda backup: -backup[1])
    kept = {name for name, _ in newest_first[:1]}
    for period, count in keep:
        seen = {}
        for name, time_s in newest_first:
            seen.setdefault(time.strftime(_PERIOD_FORMS[period], time.gmtime(time_s)), name)
        kept.update(list(seen.values())[:count])
    return [name for name, _ in newest_first if name not in kept]


def rotate(folder, keep):
    """Remove the backups that `keep` does not ask for; their names."""
    names = outdated(backups_in(folder), keep)
    for name in names:
        path = os.path.join(folder, name)
        os.unlink(os.path.join(path, SUMMARY))      # no longer a backup, whatever becomes of the rest
        shutil.rmtree(path, ignore_errors=True)
    return names


class Backups:
    """BACKUP: writes backups of a Service's data, and rotates them."""

    def __init__(self, service):
        self._service = service
        self._engine = service.engine
        self._config = service.engine.config

    def begin(self, name=None):
        """Begin a backup; its name.  With the log on it is complete when this returns, otherwise it is written in the
        background.  ReplyError, OSError, Busy."""
        if not self._config["backup-dir"]:
            raise ReplyError("ERR There is no place for backups: directive backup-dir is not set")
        folder = os.path.join(self._config["dir"], self._config["backup-dir"])
        log = self._service.log
        if not log.is_complete and self._service.snapshot_runs:
            raise Busy
        backup = Backup(folder, name or chosen_name(time.time()))
        try:
            (self._link_log if log.is_complete else self._save)(backup)
        except BaseException:
            backup.drop()
            raise
        return backup.name

    def _link_log(self, backup):
        offset = self._engine.log_roll()
        self._engine.log_sync()
        folder = self._service.log.folder
        name = self._config["appendfilename"]
        inside = self._config["appenddirname"]
        files = [
            file[:4] for file in self._engine.log_files()
            if file[1] == "b" or (file[1] == "i" and file[3] < offset)]     # the one that begins there will change
        for file, *_ in files:
            path = os.path.join(folder, file)
            for each in filter(None, (path, sums.there(path))):
                backup.link(each, inside, os.path.basename(each))
        backup.write(_without_offsets(manifest_text(files)), inside, f"{name}.manifest")
        self._finish(backup, kind="log", offset=offset)

    def _save(self, backup):
        offset = stream_offset(self._engine)

        def then(error):
            if error is None:
                self._service.attempt(lambda: self._finish(backup, kind="rdb", offset=offset))
            else:
                self._service.warning(f"Backup {backup.name} has failed: {error}")
                backup.drop()

        self._engine.snapshot_begin(
            backup.path_of(self._config["dbfilename"] or "dump.rdb"), self._service.aux_fields(), then=then)

    def _finish(self, backup, **facts):
        backup.finish(replication_id=self._engine.replication.history.id, **facts)
        self._service.notice(f"Backup {backup.name} is complete")
        for name in rotate(backup.folder, self._config["backup-keep"]):
            self._service.notice(f"Backup {name} is removed, as backup-keep asks for")


def _without_offsets(manifest):
    """A server that starts from a backup begins a history of its own: nobody may take it for the one that goes on."""
    return b"".join(line.rsplit(b" startoffset ", 1)[0] + b"\n" for line in manifest.splitlines())


class Backup:
    """One backup on its way: a draft folder, which `finish` gives its name."""

    def __init__(self, folder, name):
        """OSError; ReplyError if there is a backup of that name."""
        self.name = name
        self.time_s = time.time()
        self.folder = folder
        self._path = os.path.join(folder, name)
        if os.path.exists(os.path.join(self._path, SUMMARY)):
            raise ReplyError(f"ERR There is a backup '{name}' already")
        shutil.rmtree(self._path, ignore_errors=True)
        os.makedirs(self._path)

    def path_of(self, *parts):
        return os.path.join(self._path, *parts)

    def link(self, path, *parts):
        """Have the file at `path` stand in the backup as well: as a hard link, or copied if that cannot be."""
        target = self.path_of(*parts)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            link_file(path, target)
        except OSError:
            shutil.copyfile(path, target)
            _sync_file(target)

    def write(self, data, *parts):
        """A file of its own with these bytes."""
        target = self.path_of(*parts)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
        _sync_file(target)

    def finish(self, **facts):
        """The backup is complete: say so, for good."""
        files = {}
        for root, _, names in os.walk(self._path):
            sync_folder(root)
            for name in names:
                path = os.path.join(root, name)
                files[os.path.relpath(path, self._path)] = os.path.getsize(path)
        summary = {"name": self.name, "time_s": round(self.time_s, 3), **facts, "files": dict(sorted(files.items()))}
        draft = self.path_of(SUMMARY + ".tmp")
        self.write(json.dumps(summary, indent=1).encode() + b"\n", SUMMARY + ".tmp")
        os.rename(draft, self.path_of(SUMMARY))
        sync_folder(self._path)
        sync_folder(self.folder)
        return summary

    def drop(self):
        """It comes to nothing."""
        shutil.rmtree(self._path, ignore_errors=True)


def _sync_file(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
