"""`Service`: all that an engine does with its data directory, as `engine.persistence`.

It brings together the RDB file (saving.py), the log (append_log.py) and, once a period, what of them is due; commands
and the process that serves the engine call it.  Everything here runs with the store locked, or before it is served.
"""
import time

from wstore.engine._engine import (
    memory_facts,
    set_cron_hook,
    stop_snapshot,
    stream_db,
    stream_is_kept,
    stream_offset,
)
from wstore.persistence.append_log import AppendLog
from wstore.persistence.saving import Busy, Saving
from wstore.versions import REDIS_VERSION

PERIOD_MS = 100         # between two looks at what is due
_PYTHON_LEVELS = (10, 10, 20, 30)        # of the module logging, by the server's


class ShutdownRefused(Exception):
    """Data would be lost; the log says why."""


class Service:
    """engine: with its `config` and `facts` in place.

    ready: whether the data are those of the directory, or will never be; until then nothing is saved or logged.
    loaded: what the last load found: its keys, those that had expired; loading_since_s: Unix time, while one runs.
    """

    def __init__(self, engine):
        self.engine = engine
        self.saving = Saving(self)
        self.log = AppendLog(self)
        self.ready = True
        self.loaded = {"keys": 0, "expired": 0}
        self.loading_since_s = None
        self.wake()

    @property
    def backups(self):
        from wstore.persistence.backup import Backups  # slow to import: with the start of a loop
        return Backups(self)

    # -- the log of the server --------------------------------------------------------------------------------------

    def write_line(self, level, text):
        if self.engine.log is not None:
            self.engine.log(level, text)
        else:
            import logging  # slow to import
            logging.getLogger("wstore").log(_PYTHON_LEVELS[level], text)

    def notice(self, text):
        self.write_line(2, text)

    def warning(self, text):
        self.write_line(3, text)

    # -- what the parts share -----------------------------------------------------------------------------------------

    def aux_fields(self, base=False):
        """Fields of an RDB file's header, as Redis writes them; base: the file is the base of a log."""
        fields = {
            "redis-ver": REDIS_VERSION, "redis-bits": 64, "ctime": int(time.time()),
            "used-mem": memory_facts(self.engine)["used"]}
        if stream_is_kept(self.engine):     # else changes pass it by, and its offset does not tell the data
            fields |= {
                "repl-stream-db": max(stream_db(self.engine), 0), "repl-id": self.engine.replication.history.id,
                "repl-offset": stream_offset(self.engine)}
        fields["aof-base"] = int(base)
        return [(name.encode(), str(value).encode()) for name, value in fields.items()]

    @property
    def snapshot_runs(self):
        return self.engine.snapshot_progress()["running"]

    @property
    def saves_in_background(self):
        """Whether the keys are being saved, to a file of the directory or for replicas."""
        return self.saving.started_s is not None or self.engine.replication.master.saves

    def end_other(self):
        """SAVE goes before a snapshot for another purpose: that begins anew later."""
        if self.log.started_s is not None:
            self.log.cancel()
            self.log.scheduled = True
            self.wake()
        elif self.snapshot_runs:
            stop_snapshot(self.engine)

    def attempt(self, begin):
        """Call `begin`; whether it went well. If not, that is in the log."""
        try:
            begin()
        except (OSError, Busy):
            return False
        return True

    def wake(self):
        """Something may be due from now on: have the loop call `cron`."""
        set_cron_hook(self.engine, True)

    def cron(self, flushed):
        """What is due; the milliseconds until the next call.  flushed: FLUSHALL ran since the last."""
        if not self.ready:
            return PERIOD_MS
        if flushed:
            self._flushed()
        if not self.snapshot_runs and not self.log.cron():
            self.saving.cron()
        if not (self.engine.config["save"] or self.log.enabled or self.log.scheduled or self.saving.scheduled):
            set_cron_hook(self.engine, False)       # which spares the loop the GIL
        return PERIOD_MS

    def _flushed(self):
        """After FLUSHALL the file is emptied as well, at once, where save points ask for one: as Redis does."""
        self.saving.cancel()
        if self.engine.config["save"] and not self.snapshot_runs:
            saved_changes = self.saving.saved_changes
            if self.attempt(self.saving.save):
                self.saving.saved_changes = saved_changes

    # -- the end ------------------------------------------------------------------------------------------------------

    def shut_down(self, options=()):
        """Leave everything on disk that has to be there; ShutdownRefused if it cannot.  options: those of SHUTDOWN."""
        if not self.ready:
            return
        force = "force" in options
        if not self.log.may_shut_down(force):
            raise ShutdownRefused
        if self.saving.started_s is not None:
            self.warning("A background save is running. Ending it!")
        self.saving.cancel()
        self.log.cancel()
        if "save" in options or (self.engine.config["save"] and "nosave" not in options):
            self._final_save(force)
        self.close()

    def _final_save(self, force):
        self.notice("Saving the final RDB snapshot before exiting.")
        try:
            self.saving.save()
        except (OSError, Busy):
            if not force:
                self.warning("Error trying to save the DB, can't exit.")
                raise ShutdownRefused from None
            self.warning("Error trying to save the DB. Exit anyway.")

    def pause(self):
        """The loop has ended, the store stays: a snapshot that ran begins anew with the next loop."""
        if self.saving.started_s is not None:
            self.saving.cancel()
            self.saving.scheduled = True
            self.wake()
        self.end_other()

    def resume(self):
        """A loop serves the store, perhaps after SHUTDOWN has ended the last one."""
        if not self.ready:
            self.ready = True
            self.wake()
            if self.engine.config["appendonly"]:
                self.log.switch_on()

    def answer(self, args):
        """The reply to DEBUG RELOAD and its like."""
        from wstore.persistence import debugging  # rarely used
        return debugging.answer(self, args)

    def end(self):
        """An embedded store is closed: save it if directive save asks for that, and close the log; OSError."""
        if self.ready and self.engine.runtime is None:
            self.saving.cancel()
            self.log.cancel()
            stop_snapshot(self.engine)
            if self.log.awaits_base:
                self.log.begin_rewrite()
            if self.engine.config["save"]:
                self.saving.save()
            self.close()

    def close(self):
        """Nothing is written from here on."""
        if self.log.enabled:
            self.notice("Calling fsync() on the AOF file.")
        self.log.close()
        self.ready = False
        set_cron_hook(self.engine, False)
