"""`Farewell`: before a server ends, its replicas get what they lack, for as long as shutdown-timeout allows.

Writes are held back meanwhile, so that they can catch up.
"""
import time

from wstore.engine._engine import hold_pings, stream_offset
from wstore.replication.report import lag_s

_FOR_EVER_MS = (1 << 63) - 1


class Farewell:
    """waits: whether it is going on."""

    def __init__(self, replication):
        self._replication = replication
        self._engine = replication.engine
        self._then = None
        self._deadline_s = 0.0

    @property
    def waits(self):
        return self._then is not None

    @property
    def left_ms(self):
        """For how long it may go on."""
        return int((self._deadline_s - time.monotonic()) * 1000)

    def begin(self, then):
        """Wait if a replica lacks something: True, and `then()` is called by the loop once that is over."""
        timeout_s = self._engine.config["shutdown-timeout"]
        if not timeout_s or not self._replication.master.lagging():
            return False
        self._then = then
        self._deadline_s = time.monotonic() + timeout_s
        self._engine.pause(_FOR_EVER_MS, False)
        hold_pings(self._engine, True)
        self._replication.notice("Waiting for replicas before shutting down.")
        self._replication.wake()
        return True

    def abort(self):
        """The server stays."""
        self._then = None
        self._engine.unpause()
        hold_pings(self._engine, False)

    def cron(self):
        if self.waits and (time.monotonic() >= self._deadline_s or not self._replication.master.lagging()):
            then, self._then = self._then, None
            then()

    def report(self):
        """Have the log say how far replicas are."""
        lagging = self._replication.master.lagging()
        for peer, facts in lagging:
            self._replication.warning(
                f"Lagging replica {peer} reported offset {stream_offset(self._engine) - facts['acked']} behind master, "
                f"lag={lag_s(facts)}, state={facts['state']}.")
        if everyone := len(self._replication.master.replicas()):
            self._replication.notice(
                f"{everyone - len(lagging)} of {everyone} replicas are in sync when shutting down.")
