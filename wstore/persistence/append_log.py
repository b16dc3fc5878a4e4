"""`AppendLog`: the log (AOF) as directives and commands see it: on and off, rewriting, its fields in INFO.

The engine's log writes the files and the manifest.  A rewrite is a snapshot at whose offset the log begins a new file;
once it is whole it becomes the log's base, and what is older becomes history.

Invariants
* While `awaits_base` the manifest on disk is still the one of before: a log that is switched on counts from its first
  base on, as in Redis.
* Where the id of the stream changes a file of the log begins, whose label says so.
"""
import os
import time

from wstore.engine._engine import (
    place_stream,
    rename_file,
    stop_snapshot,
    stream_is_kept,
    stream_offset,
    sync_folder,
    unlink_file,
)
from wstore.persistence import leftovers, manifest
from wstore.persistence.log_folder import BESIDE
from wstore.persistence.saving import Busy, elapsed_s

PATIENT_FAILURES = 3            # from so many failed rewrites in a row on, the next one waits
DELAY_MAX_MINUTES = 60


class AppendLog:
    """The AOF side of a Service.

    enabled: whether writes are logged; scheduled: a rewrite waits for its turn; started_s: Unix time at which the one
    that runs was begun, else None; last_ok, last_seconds: of the last that ended; rewrites: begun; failures: in a row.
    """

    def __init__(self, service):
        self._service = service
        self._engine = service.engine
        self.enabled = False
        self.awaits_base = False
        self.scheduled = False
        self.started_s = None
        self.last_ok = True
        self.last_seconds = -1
        self.rewrites = 0
        self.failures = 0
        self._tried_s = 0.0
        self._folder = ""           # of the log that is open
        self._base = None           # (name, number, offset) of the base that is being written
        self._once = False          # the log is on for BGREWRITEAOF only

    @property
    def folder(self):
        """Where its files are: of a log that is open that stays, whatever `dir` becomes."""
        config = self._engine.config
        return self._folder if self.enabled else os.path.join(config["dir"], config["appenddirname"])

    def make_folder(self):
        """Have a folder for its files, which outlives a power cut; its path.  OSError."""
        folder = self.folder
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o755)
            sync_folder(os.path.dirname(folder))
        return folder

    @property
    def is_complete(self):
        """Whether the files of the log are all the data."""
        return self.enabled and not self.awaits_base

    # -- on and off -------------------------------------------------------------------------------------------------

    def open(self, files=(), start=0, hidden=False):
        """Log all writes from here on, behind the last of `files`, or in a new file that begins at offset `start`.

        files: those of the manifest, as Engine.log_open takes them.  OSError.
        """
        folder = self.make_folder()
        label = self._history.label(start)
        self._engine.log_open(folder, self._engine.config["appendfilename"], files, start, hidden, label)
        self._folder = folder
        self.enabled = True
        self.awaits_base = hidden
        self._service.wake()

    def close(self):
        """Log no more; all is on disk then, or the log of the server says that it is not."""
        if self.enabled:
            try:
                self._engine.log_close()
            except OSError as error:
                self._service.warning(f"The end of the append only file is lost: {error}")
        self.enabled = self.awaits_base = self._once = False

    def _open_hidden(self):
        """Log from here on; the manifest of an older log stays until there is a base, and then its files go."""
        try:
            listed = manifest.read(self.folder, self._engine.config["appendfilename"])
        except manifest.ManifestError:
            listed = None
        if not stream_is_kept(self._engine):
            self._history.renew()
        self.clear_leftovers(listed)
        old = [] if listed is None else [(file.name, "h", file.number, file.start) for file in listed.files]
        self.open(old, stream_offset(self._engine), hidden=True)

    def clear_leftovers(self, listed):
        """Remove files of a log that never came to be in force; listed: the Manifest, or None.  OSError."""
        name = self._engine.config["appendfilename"]
        named = [] if listed is None else [file.name for file in listed.files]
        hidden = leftovers.hidden(self.folder, name, named)
        beside = [file + suffix for file in hidden for suffix in BESIDE]
        for file in [*hidden, *beside, os.path.basename(leftovers.hidden_path(self.folder, name))]:
            if os.path.exists(os.path.join(self.folder, file)):
                unlink_file(os.path.join(self.folder, file))

    def switch_on(self):
        """CONFIG SET appendonly yes: log from here on; the rewrite that makes it count begins as soon as it can."""
        self._open_hidden()
        self.scheduled = True
        if self._service.snapshot_runs:
            self._service.notice(
                "AOF was enabled but there is already another background operation. "
                "An AOF background was scheduled to start when possible.")

    def switch_off(self):
        """CONFIG SET appendonly no."""
        self.cancel()
        self.scheduled = False
        self.close()

    # -- another stream, or another name of it ------------------------------------------------------------------------

    @property
    def _history(self):
        return self._engine.replication.history

    def change_id(self):
        """The stream goes on under another id from here on: history has changed."""
        if self.enabled:
            self._engine.log_roll(self._history.label(stream_offset(self._engine)))

    def reset(self, path, offset, db=-1):
        """The data are others, those of the file at `path`, with history changed: the stream goes on at `offset`.

        With the log on the file becomes its base, by another name on the same disk, as soon as a thread has it synced;
        a crash leaves the old log or the new one.  db: of the stream's next command, -1: it begins with a SELECT.
        OSError: the file cannot be renamed, and the log is as it was.
        """
        self.cancel()
        self.scheduled = False
        if not self.enabled:
            place_stream(self._engine, offset, db)
            return
        number = self._engine.log_next_seq("b") + 1     # one that was given last may be on its way into the manifest
        name = f"{self._engine.config['appendfilename']}.{number}.base.rdb"
        rename_file(path, os.path.join(self.folder, name))
        self._engine.log_reset(name, number, offset, db, self._history.label(offset))
        self.awaits_base = False

    # -- rewriting --------------------------------------------------------------------------------------------------

    def begin_rewrite(self):
        """Begin a snapshot that becomes the base; OSError, Busy.  With the log off it is on until that is done."""
        if self._service.snapshot_runs:
            raise Busy
        self.scheduled = False
        self._tried_s = time.time()
        self.started_s = self._tried_s
        self.rewrites += 1
        try:
            self._begin_snapshot()
        except OSError as error:
            self.started_s = None
            self._failed(f"Can't rewrite append only file in background: {error}")
            raise
        self._service.notice("Background append only file rewriting started")

    def _begin_snapshot(self):
        if not self.enabled:
            self._open_hidden()
            self._once = True
        number = self._engine.log_next_seq("b")
        name = f"{self._engine.config['appendfilename']}.{number}.base.rdb"
        self._base = (name, number, stream_offset(self._engine))
        self._engine.log_roll()
        self._engine.snapshot_begin(
            os.path.join(self.folder, name), self._service.aux_fields(base=True), then=self._written)

    def _written(self, error):
        """The snapshot has ended: the manifest is told of the base."""
        self.last_seconds = elapsed_s(self.started_s)
        self.started_s = None
        if error is not None:
            self._failed(f"Background AOF rewrite terminated with error: {error}")
            return
        self._service.notice("Background AOF rewrite terminated with success")
        if self._engine.runtime is None:        # no loop will tell
            self._engine.log_set_base(*self._base)
            self._listed(None)
        else:
            self._engine.log_set_base(*self._base, then=self._listed)

    def _listed(self, error):
        """The manifest names the base, or could not be written."""
        if error is not None:
            self._failed(f"Error trying to write the AOF manifest file: {error}")
            return
        self.awaits_base = False
        self.last_ok = True
        self.failures = 0
        self._service.notice("Background AOF rewrite finished successfully")
        if self._once:
            self.close()

    def _failed(self, text):
        self._service.warning(text)
        self.last_ok = False
        self.failures += 1
        if self._once:
            self.close()
        elif self.awaits_base:
            self.scheduled = True

    def cancel(self):
        """End a rewrite that runs, without a base."""
        if self.started_s is not None:
            self.started_s = None
            stop_snapshot(self._engine)
            if self._once:
                self.close()

    # -- what is due --------------------------------------------------------------------------------------------------

    def cron(self):
        """Begin the rewrite that is scheduled or due by growth; whether one was begun."""
        if self._is_delayed():
            return False
        growth = self._growth_percent()
        if growth is not None:
            self._service.notice(f"Starting automatic rewriting of AOF on {growth}% growth")
        if growth is None and not self.scheduled:
            return False
        return self._service.attempt(self.begin_rewrite)

    def _growth_percent(self):
        """How much the log has grown since its base was taken, if that is a reason for a new one; else None."""
        config = self._engine.config
        if not self.enabled or self.awaits_base or not config["auto-aof-rewrite-percentage"]:
            return None
        state = self._engine.log_state()
        if state["current_bytes"] <= config["auto-aof-rewrite-min-size"]:
            return None
        growth = state["current_bytes"] * 100 // max(state["base_bytes"], 1) - 100
        return growth if growth >= config["auto-aof-rewrite-percentage"] else None

    def _is_delayed(self):
        """After some failures in a row the next rewrite waits, longer each time."""
        if self.failures < PATIENT_FAILURES:
            return False
        minutes = min(1 << min(self.failures - PATIENT_FAILURES, 8), DELAY_MAX_MINUTES)
        return time.time() - self._tried_s < minutes * 60

    # -- the end, and INFO --------------------------------------------------------------------------------------------

    def may_shut_down(self, force):
        """Whether the server may end now; the log says why not."""
        begun = self.started_s is not None or (self.scheduled and not self.failures)
        if begun and self.awaits_base and not self._once:
            self._service.warning(
                "Writing initial AOF. Exit anyway." if force else "Writing initial AOF, can't exit.")
            return force
        if self.started_s is not None:
            self._service.warning("A rewrite of the AOF is running. Ending it!")
        return True

    def size_fields(self):
        """What INFO adds with the log on."""
        if not self.enabled:
            return {}
        state = self._engine.log_state()
        return {
            "aof_current_size": state["current_bytes"],
            "aof_base_size": state["base_bytes"],
            "aof_pending_rewrite": 0,
            "aof_buffer_length": state["buffer_bytes"],
            "aof_pending_bio_fsync": int(state["syncing"]),
            "aof_delayed_fsync": state["delayed_syncs"],
        }

    @property
    def buffer_bytes(self):
        """What waits in memory to be written."""
        return self._engine.log_state()["buffer_bytes"] if self.enabled else 0

    @property
    def write_ok(self):
        """Whether the last write and sync went well."""
        if not self.enabled:
            return True
        state = self._engine.log_state()
        return not state["write_error"] and not state["sync_error"]
