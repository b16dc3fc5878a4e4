"""What an engine starts from: the log if it is on and there is one, else the RDB file, else nothing.

`find` looks at the data directory and says what to load, as a Plan; it changes nothing.  `Recovery` carries that out:
loads, takes over a single-file log of Redis 4 to 6, cuts a torn tail, switches the log on.  Where the log is on but
there is none yet, the data of an RDB file become its base: a server never starts empty beside its data.

The stream goes on where the data end.  A master calls it by a new id from there on, as a crash may have taken bytes
that replicas have: what they have up to there still counts.  A replica goes on under the id of before.

Invariant: until all is loaded nothing in the directory is changed, but that a single-file log moves into its folder.
"""
import os
import time

from wstore.engine._engine import RdbReader, link_file, place_stream, sync_folder, truncate_file, unlink_file
from wstore.errors import RdbError, RecoveryError
from wstore.persistence import leftovers, manifest, sums
from wstore.persistence.foreign import FOREIGN_WRITES

NAMED_MAX = 10          # missing files that a line of the server's log names


class Plan:
    """source: "log", "old log" (a single file), "rdb" or "nothing"; files: (path, "rdb" or "aof") in the order of
    loading; manifest: the log's Manifest, or None if there is none."""

    __slots__ = ("source", "files", "manifest")

    def __init__(self, source, files=(), listed=None):
        self.source = source
        self.files = list(files)
        self.manifest = listed


def find(config):
    """The Plan for a configuration; RecoveryError if what is there contradicts itself."""
    folder = config["dir"]
    rdb = os.path.join(folder, config["dbfilename"])
    if config["appendonly"]:
        plan = find_log(config)
        if plan is not None:
            return plan
    if config["dbfilename"] and os.path.exists(rdb):
        return Plan("rdb", [(rdb, "rdb")])
    return Plan("nothing")


def find_log(config):
    """The Plan to load the log, or None if there is none; RecoveryError."""
    folder = os.path.join(config["dir"], config["appenddirname"])
    name = config["appendfilename"]
    old = os.path.join(config["dir"], name)
    try:
        listed = manifest.read(folder, name)
    except manifest.ManifestError as error:
        raise RecoveryError(str(error)) from None
    if listed is not None and listed.current:
        files = [(os.path.join(folder, file.name), _kind(file.name)) for file in listed.current]
        _check_there(listed, files)
        last = max((file.number for file in listed.files if file.kind != "b"), default=0)
        if unlisted := [file for file, number in leftovers.logs(folder, name) if number > last]:
            raise RecoveryError(
                f"{folder} has {unlisted[0]}, which holds commands, but the manifest does not name it: its end may be "
                f"lost. Move the file away to start without it")
        return Plan("log", files, listed)
    if os.path.isfile(old):
        return Plan("old log", [(old, "aof")])
    strays = _strays(folder, name, os.path.exists(os.path.join(config["dir"], config["dbfilename"])))
    if strays:
        raise RecoveryError(
            f"{folder} has files of a log ({', '.join(strays)}) but no manifest: starting empty would lose them. "
            f"Write one that names them (wstore check {folder} says what they hold), or move the folder away")
    return None


def _check_there(listed, files):
    """RecoveryError unless the files of a manifest can be as it says."""
    for file, (path, _) in zip(listed.current, files):
        if not os.path.exists(path):
            raise RecoveryError(
                f"The log's file {path} is not there, though the manifest names it: put it back, or make a new "
                f"directory of what came before it, as far as it was kept, by: wstore restore --dir "
                f"{os.path.dirname(path)} --until-offset {file.start} --output NEW_DIRECTORY")
        if os.path.getsize(path) < file.preamble:
            raise RecoveryError(f"The log's file {path} is shorter than its first {file.preamble} bytes, its preamble")


def _kind(name):
    """How a file of the log is to be read: a base may be of either kind, files of commands may begin with one."""
    return "rdb" if name.endswith(".rdb") else "aof"


def _files_with_data(folder):
    try:
        return [file for file in sorted(os.listdir(folder)) if os.path.getsize(os.path.join(folder, file))]
    except OSError:
        return []


def _strays(folder, name, has_rdb):
    """Files of a log that a folder has, though nothing lists them, and the data of which would be lost.

    A base alone is none if it is empty or there is an RDB file: the first start with a log was cut short.
    """
    logs = [file for file, _ in leftovers.logs(folder, name)]
    bases = [file for file in _files_with_data(folder)
             if file.startswith(f"{name}.") and file.endswith((".base.rdb", ".base.aof"))]
    if not logs:
        bases = [file for file in bases if not has_rdb and not _is_empty_base(os.path.join(folder, file))]
    return sorted(logs + bases)


def _is_empty_base(path):
    """Whether it is an RDB file without keys."""
    try:
        return path.endswith(".rdb") and all(item[0] != "record" for item in RdbReader(path))
    except (OSError, RdbError):
        return False


class Recovery:
    """Starts a Service from its directory.

    `run()` does it at once; `begin(then)`, while a loop serves clients, who are told that it loads: `then(error)` is
    called with None, or with the text of a RecoveryError.
    """

    def __init__(self, service):
        self._service = service
        self._engine = service.engine
        self._config = service.engine.config
        self._plan = None
        self._then = None

    def run(self):
        """Load everything; RecoveryError."""
        errors = []
        self.begin(errors.append)
        if errors[0] is not None:
            raise RecoveryError(errors[0])

    def begin(self, then):
        self._then = then
        self._service.ready = False
        try:
            self._plan = find(self._config)
        except RecoveryError as error:
            self._end(str(error))
            return
        if self._plan.files:
            self._service.loading_since_s = time.time()
            ours = self._plan.manifest is not None and self._plan.manifest.has_offsets
            self._engine.load_begin(self._plan.files, self._loaded, pass_over=FOREIGN_WRITES if ours else ())
        else:
            self._finish({})

    def _end(self, error):
        service = self._service
        service.loading_since_s = None
        service.ready = error is None
        service.saving.mark_loaded()
        self._then(error)

    def _loaded(self, error, report):
        if error is not None:
            self._end(self._reason(report["error"]))
        else:
            self._finish(report)

    def _finish(self, report):
        """All files are in: what is left is the log."""
        try:
            if report:
                self._tell(report)
                self._cut_tail(report["torn"])
            if self._config["appendonly"]:
                self._open_log(report)
            elif report and self._plan.source == "rdb":
                self._adopt_file(report)
        except RecoveryError as error:
            self._end(str(error))
        except OSError as error:
            self._end(f"Can't open the append only file: {error}")
        else:
            self._end(None)

    def _tell(self, report):
        service = self._service
        service.loaded = report
        for text in report["warnings"]:
            service.warning(text)
        if self._plan.source == "rdb":
            service.notice(f"Done loading RDB, keys loaded: {report['keys']}, keys expired: {report['expired']}.")
        what = "disk" if self._plan.source == "rdb" else "append only file"
        service.notice(f"DB loaded from {what}: {report['seconds']:.3f} seconds")

    # -- what is wrong with files ------------------------------------------------------------------------------------

    def _reason(self, error):
        """Why it cannot start: file, place, what is wrong there, and what to do."""
        path = error["path"]
        place = "" if error["offset"] is None else f" at offset {error['offset']}"
        if self._plan.source == "rdb":
            return f"Fatal error loading the DB from {path}{place}: {error['reason']}. See: wstore check {path}"
        return (f"Bad file format reading the append only file {path}{place}: {error['reason']}. "
                f"Make a copy of it, then run: wstore check --fix {path}")

    def _cut_tail(self, torn):
        """Cut off the beginning of a command or transaction that a crash has left at the end of the last file."""
        if torn is None:
            return
        path, offset = torn["path"], torn["offset"]
        if not self._config["aof-load-truncated"]:
            raise RecoveryError(
                f"Unexpected end of file reading the append only file {path}: the last command begins at offset "
                f"{offset} and is not all there. Run: wstore check --fix {path}; or set aof-load-truncated to yes")
        self._service.warning(f"!!! Truncating the AOF {path} at offset {offset} !!!")
        sums.cut(path, offset)
        truncate_file(path, offset)
        self._service.warning(f"AOF {path} loaded anyway because aof-load-truncated is enabled")

    # -- the log from here on ----------------------------------------------------------------------------------------

    def _open_log(self, report):
        log = self._service.log
        log.clear_leftovers(self._plan.manifest)
        if self._plan.source == "log":
            self._adopt_log(report)
        elif self._plan.source == "old log":
            self._take_over(log)
        else:
            name = f"{self._config['appendfilename']}.1.base.rdb"
            self._service.notice(f"Creating AOF base file {name} on server start")
            self._engine.snapshot_save(os.path.join(log.make_folder(), name), self._service.aux_fields(base=True))
            log.open([(name, "b", 1, 0)])

    def _adopt_log(self, report):
        """The stream goes on behind the log."""
        listed = self._plan.manifest
        self._tell_missing_history(listed)
        end = self._end_of_log(listed)
        if self._adopt_history(self._engine.replication.history.resume(listed.labels)):
            self._engine.replication.history.begin(end)
        self._service.log.open(listed.files, end)
        self._place(end, report["db"])

    def _tell_missing_history(self, listed):
        """The data do not need it; but who restores, or is a replica that was away, should not learn it only then."""
        folder = self._service.log.folder
        missing = [file.name for file in listed.files
                   if file.kind == "h" and not os.path.exists(os.path.join(folder, file.name))]
        if missing:
            more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
            self._service.warning(
                f"Files of the log's history are not in {folder}, though the manifest names them: "
                f"{', '.join(missing[:NAMED_MAX])}{more}. What they held cannot be read back")

    def _end_of_log(self, listed):
        last = listed.files[-1]
        if last.kind != "i":
            return last.start
        return last.start - last.preamble + os.path.getsize(os.path.join(self._service.log.folder, last.name))

    def _adopt_file(self, report):
        """With the log off the stream goes on where an RDB file says that it stood, if that says so."""
        told = {name: value.decode("ascii", "replace") for name, value in report["aux"].items()}
        name, offset, db = (told.get(key, "") for key in (b"repl-id", b"repl-offset", b"repl-stream-db"))
        is_told = len(name) == manifest.ID_CHARS and offset.isdigit()
        is_master = self._adopt_history(is_told)
        if not is_told or is_master and self._engine.runtime is None:
            return
        replication = self._engine.replication
        replication.history.replace(name)
        place_stream(self._engine, int(offset), -1 if is_master or not db.isdigit() else int(db))
        if is_master:
            replication.history.begin(int(offset))
            replication.master.keep_stream(is_known=True)   # unless it is kept its offsets do not tell the data

    def _adopt_history(self, is_known):
        """The ids of before are known, or not; whether it is a master that knows them."""
        replication = self._engine.replication
        if replication.is_replica:
            replication.replica.is_known = is_known
        return is_known and not replication.is_replica

    def _place(self, end, db):
        if self._engine.replication.is_replica:
            place_stream(self._engine, end, db)

    def _take_over(self, log):
        """Have a single-file log be the base of the new one."""
        name = self._config["appendfilename"]
        old = os.path.join(self._config["dir"], name)
        new = os.path.join(log.make_folder(), name)
        if os.path.exists(new):         # of an attempt that was cut short
            unlink_file(new)
        link_file(old, new)
        sync_folder(log.folder)
        log.open([(name, "b", 1, 0)])
        unlink_file(old)
        self._service.notice(
            f"Successfully migrated an old-style AOF file ({name}) into the AOF directory ({log.folder}).")
