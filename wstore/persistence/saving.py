"""`Saving`: the RDB file, written in the foreground (SAVE), in the background (BGSAVE) and at save points.

Invariants
* At most one snapshot runs, whatever it is for: the engine refuses a second.
* `saved_changes` is the engine's count of changes that the last good file holds: what came since is "dirty".
"""
import os
import time

from wstore.engine._engine import changes, set_save_failed, stop_snapshot

RETRY_S = 5         # after a save in the background has failed


class Busy(Exception):
    """Another snapshot runs."""


def elapsed_s(started_s):
    """Whole seconds since a Unix time; -1 if that is None."""
    return -1 if started_s is None else int(time.time() - started_s)


class Saving:
    """The RDB side of a Service.

    last_save_s: Unix time of the last good file, or of the start; started_s: of the BGSAVE that runs, else None;
    tried_s: of the last one that was begun; last_ok: whether that came to a good end; last_seconds: how long it took
    (-1: there was none); saves: good files written; scheduled: a BGSAVE waits for its turn.
    """

    def __init__(self, service):
        self._service = service
        self._engine = service.engine
        self.last_save_s = int(time.time())
        self.started_s = None
        self.tried_s = 0.0
        self.last_ok = True
        self.last_seconds = -1
        self.saves = 0
        self.scheduled = False
        self.saved_changes = changes(self._engine)
        self._changes_at_start = 0

    @property
    def path(self):
        config = self._engine.config
        return os.path.join(config["dir"], config["dbfilename"])

    @property
    def dirty(self):
        """Changes that the last good file does not hold."""
        return changes(self._engine) - self.saved_changes

    def mark_saved(self, saved_changes):
        self.saved_changes = saved_changes
        self.last_save_s = int(time.time())
        self.set_ok(True)
        self.saves += 1

    def mark_loaded(self):
        """The data are those on disk."""
        self.saved_changes = changes(self._engine)
        self.last_save_s = int(time.time())

    def set_ok(self, ok):
        self.last_ok = ok
        self.refuse_writes()

    def refuse_writes(self):
        """Have writers refused with -MISCONF, if the directives and the last save say so."""
        config = self._engine.config
        set_save_failed(
            self._engine, not self.last_ok and config["stop-writes-on-bgsave-error"] and bool(config["save"]))

    # -- in the foreground --------------------------------------------------------------------------------------------

    def save(self):
        """Write the file now; OSError, which the log tells of. Busy: another snapshot runs."""
        if self._engine.snapshot_progress()["running"]:
            raise Busy
        try:
            self._engine.snapshot_save(self.path, self._service.aux_fields())
        except OSError as error:
            self._service.warning(f"Write error saving DB on disk: {error}")
            raise
        self.mark_saved(changes(self._engine))
        self._service.notice("DB saved on disk")

    # -- in the background --------------------------------------------------------------------------------------------

    def begin(self):
        """Begin a BGSAVE; OSError if that cannot be, Busy if another snapshot runs."""
        if self._engine.snapshot_progress()["running"]:
            raise Busy
        self.tried_s = time.time()
        self.scheduled = False
        self.started_s = self.tried_s
        self._changes_at_start = changes(self._engine)
        try:
            self._engine.snapshot_begin(self.path, self._service.aux_fields(), then=self._done)
        except OSError as error:
            self.started_s = None
            self.set_ok(False)
            self._service.warning(f"Can't save in background: {error}")
            raise
        self._service.notice("Background saving started")

    def _done(self, error):
        self.last_seconds = elapsed_s(self.started_s)
        self.started_s = None
        if error is None:
            self._service.notice("Background saving terminated with success")
            self.mark_saved(self._changes_at_start)
        else:
            self._service.warning(f"Background saving error: {error}")
            self.set_ok(False)

    def cancel(self):
        """End a BGSAVE that runs, without a file; it counts neither as good nor as failed."""
        if self.started_s is not None:
            self.started_s = None
            stop_snapshot(self._engine)

    def due_point(self):
        """The save point (seconds, changes) that asks for a BGSAVE now, or None."""
        now_s = time.time()
        if not self.last_ok and now_s - self.tried_s <= RETRY_S:
            return None
        dirty = self.dirty
        for seconds, least in self._engine.config["save"]:
            if dirty >= least and now_s - self.last_save_s > seconds:
                return seconds, least
        return None

    def cron(self):
        """Begin the BGSAVE that a save point or SCHEDULE asks for, unless a snapshot runs."""
        point = self.due_point()
        if point is not None:
            self._service.notice(f"{point[1]} changes in {point[0]} seconds. Saving...")
        if point is not None or self.scheduled:
            self._service.attempt(self.begin)
