"""`Link`: the thread that brings about a link to the master: it connects, says hello, syncs, and hands the connection
over to the loop, with which it ends. What fails is tried again after a while.

    connecting ── handshake ──┬── +CONTINUE ─────────────────────────────────────────┬── handed over
                              └── +FULLRESYNC ── sync: receive, load, take the data ──┘

The thread touches neither engine nor configuration: what needs them runs on the loop's thread, by `_on_loop`, and only
while this Link is the replica's present one.  Whoever ends it does not wait for it.
"""
import contextlib
import os
import threading
import time

from wstore.engine._engine import call_soon, load_watched, unlink_file
from wstore.replication.handshake import FailoverRefused, HandshakeError, ask, greet
from wstore.replication.receive import Transfer, clear_leftovers
from wstore.replication.wire import Wire

RETRY_S = 1.0
SYNC_RETRY_MAX_S = 60.0         # after several full syncs in a row that have come to nothing
NEWLINE_S = 1.0                 # between two signs of life while data are loaded


class Ended(Exception):
    """Somebody has ended the link."""


class Link(threading.Thread):
    """replica: the Replica that it is for.  state: as ROLE has it; transfer: the Transfer of a full sync, or None;
    loading: whether its data are being loaded.  The loop's thread may read them at any time."""

    def __init__(self, replica, wait_s):
        super().__init__(name="wstore-link", daemon=True)
        self.state = "connect"
        self.transfer = None
        self.loading = False
        self._replica = replica
        self._wait_s = wait_s
        self._failed_syncs = 0          # in a row
        self._end = threading.Event()
        self._wire = None

    def end(self):
        """Have it end soon; from any thread.  Its file goes at once: the process may be about to end, too."""
        self._end.set()
        transfer = self.transfer
        if transfer is not None:
            with contextlib.suppress(OSError):
                unlink_file(transfer.path)
        wire = self._wire
        if wire is not None:
            wire.cut()

    def run(self):
        with contextlib.suppress(Ended):
            self._pause(self._wait_s)
            while not self._try_once():
                self._pause(self._wait_s)

    def _pause(self, seconds):
        if self._end.wait(seconds):
            raise Ended

    def _try_once(self):
        """Whether the loop has the connection now."""
        try:
            self._connect(self._on_loop(self._replica.settings))
        except Ended:
            raise
        except FailoverRefused as error:
            reason = str(error)
            self._on_loop(lambda: self._replica.failover_refused(reason))
        except Exception as error:
            self._note_failure(error)
        else:
            return True
        finally:
            self.state = "connect"
        return False

    def _note_failure(self, error):
        """Tell, and wait longer if it was one of several full syncs in a row."""
        self._failed_syncs = self._failed_syncs + 1 if self.state == "sync" else 0
        self._wait_s = min(RETRY_S * 2 ** max(0, self._failed_syncs - 1), SYNC_RETRY_MAX_S)
        reason = self._reason_of(error)
        self._on_loop(lambda: self._replica.attempt_failed(reason, self._wait_s))

    def _reason_of(self, error):
        """For the log, in the words of Redis where it has some."""
        if isinstance(error, HandshakeError):
            return str(error)
        if not isinstance(error, OSError):
            return f"Sync with MASTER failed: {type(error).__name__}: {error}"
        what = "I/O error trying to sync with MASTER" if self.state == "sync" else "Error condition on socket for SYNC"
        return f"{what}: {str(error) if error.filename else error.strerror or error}"

    def _on_loop(self, fn):
        """What fn() returns or raises, called on the loop's thread; Ended."""
        done = threading.Event()
        outcome = []

        def call():
            try:
                if self._replica.link is not self:
                    raise Ended
                outcome.append((fn(), None))
            except Exception as error:
                outcome.append((None, error))
            done.set()

        call_soon(self._replica.engine, call)
        while not done.wait(RETRY_S):
            if self._end.is_set():
                raise Ended
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    # -- one attempt --------------------------------------------------------------------------------------------------

    def _connect(self, settings):
        with Wire(settings.timeout_s) as wire:
            self._wire = wire
            if self._end.is_set():
                raise Ended
            self.state = "connecting"
            wire.connect(settings.host, settings.port, settings.source)
            self.state = "handshake"
            greet(wire, settings.greeting)
            position = self._on_loop(self._replica.position)
            answer = ask(wire, position, settings.failover)
            if answer.kind == "continue":
                self._on_loop(lambda: self._replica.go_on(wire, answer))
            else:
                self._sync(wire, answer, settings)

    def _sync(self, wire, answer, settings):
        """A full one."""
        transfer = self.transfer = Transfer(settings.path)
        self.state = "sync"
        try:
            self._on_loop(lambda: self._replica.sync_begins(answer))
            clear_leftovers(os.path.dirname(settings.path))
            transfer.receive(wire)
            self.loading = True
            syncing = threading.Thread(target=transfer.sync, name="wstore-link-sync")
            if settings.syncs:
                syncing.start()
            report, fresh = self._load(wire, settings.aside)
            if settings.syncs:
                syncing.join()
            self._on_loop(lambda: self._replica.install(wire, answer, transfer, report, fresh))
        finally:
            self.transfer = None
            self.loading = False
            with contextlib.suppress(OSError):
                unlink_file(settings.path)      # it has another name if it is kept

    def _load(self, wire, aside):
        """The load's report, and the engine that has the data if that is another one, else None."""
        fresh = None
        if aside:
            fresh = self._on_loop(self._replica.second_engine)
            outcome = load_watched(fresh, [(self.transfer.path, "rdb")], self._life_shower(wire))
        else:
            outcome = self._load_in_place(wire, self.transfer)
        if outcome is None:
            raise Ended
        error, report = outcome
        if error is not None:
            raise HandshakeError(f"Failed trying to load the MASTER synchronization DB: {error}")
        return report, fresh

    def _load_in_place(self, wire, transfer):
        """In turns of the loop, instead of the data that are there; what load_watched returns."""
        done = threading.Event()
        told = []

        def loaded(*outcome):
            told.extend(outcome)
            done.set()

        self._on_loop(lambda: self._replica.load_in_place(transfer.path, loaded))
        goes_on = self._life_shower(wire)
        while not done.wait(NEWLINE_S):
            if not goes_on():
                return None
        return told

    def _life_shower(self, wire):
        """A function to be called now and then during a load: the master hears of this side; whether to go on.

        That the connection has gone is no reason to stop: with the data in, the rest can be had by another.
        """
        heard_s = time.monotonic()

        def goes_on():
            nonlocal heard_s
            if time.monotonic() - heard_s >= NEWLINE_S:
                heard_s = time.monotonic()
                with contextlib.suppress(OSError):
                    wire.send_newline()
            return not self._end.is_set()

        return goes_on
