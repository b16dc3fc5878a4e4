"""`Failover`: FAILOVER, by which this master and one of its replicas change roles, without a write being lost.

    no-failover ── FAILOVER ──> waiting-for-sync ── a replica has all ──> failover-in-progress ──> no-failover
                                                                            (PSYNC ... FAILOVER is on its way)

Writes are held back from the begin to the end.  ABORT, a time that is up, and a replica that refuses lead back to a
master that serves; FORCE takes the target as it is when the time is up.
"""
import time

from wstore.engine._engine import hold_pings, put_in_stream, stream_offset

IDLE = "no-failover"
WAITING = "waiting-for-sync"
HANDING_OVER = "failover-in-progress"
_FOR_EVER_MS = (1 << 63) - 1


class FailoverError(Exception):
    """FAILOVER cannot be: the text of the reply, without its code."""


class Failover:
    """Of a Replica.  state: as INFO has it; target: (host, port) that is to be the master, None: whoever is first."""

    def __init__(self, replica, replication):
        self._replica = replica
        self._replication = replication
        self._engine = replica.engine
        self.state = IDLE
        self.target = None
        self._forced = False
        self._deadline_s = None         # monotonic time, or None

    @property
    def is_on(self):
        return self.state != IDLE

    def begin(self, target, forced, timeout_ms):
        """Hold writes back, and wait for a replica that has all; FailoverError."""
        self._check(target, forced, timeout_ms)
        self._replication.notice(f"FAILOVER requested{f' to {target[0]}:{target[1]}' if target else ''}.")
        self.state = WAITING
        self.target = target
        self._forced = forced
        self._deadline_s = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        self._engine.pause(_FOR_EVER_MS, False)
        put_in_stream(self._engine, -1, [b"REPLCONF", b"GETACK", b"*"])
        hold_pings(self._engine, True)      # the stream stands still now
        self._replication.wake()

    def _check(self, target, forced, timeout_ms):
        if self._replica.is_on:
            raise FailoverError("FAILOVER is not valid when server is a replica.")
        replicas = self._replication.master.replicas()
        if not replicas:
            raise FailoverError("FAILOVER requires connected replicas.")
        if forced and (target is None or timeout_ms is None):
            raise FailoverError("FAILOVER with force option requires both a timeout and target HOST and IP.")
        if target is not None:
            online = [is_online for address, is_online, _ in self._candidates() if address == target]
            if not online:
                raise FailoverError("FAILOVER target HOST and PORT is not a replica.")
            if not online[0]:
                raise FailoverError("FAILOVER target replica is not online.")

    def _candidates(self):
        """(address, whether it is online, offset that it has) of each replica."""
        return [((peer.host, peer.port), peer.is_online(facts), facts["acked"])
                for peer, facts in self._replication.master.replicas()]

    def abort(self, reason):
        """Go on as the master."""
        if self.state == IDLE:
            return
        self._replication.notice(f"Aborting failover while in state {self.state}: {reason}")
        if self.state == HANDING_OVER:
            self._replica.promote()
        self.end()

    def end(self):
        """It is over: writes go on, here or, being refused, elsewhere."""
        if self.state != IDLE:
            self.state = IDLE
            self.target = None
            self._engine.unpause()
            hold_pings(self._engine, False)

    def cron(self):
        """Hand over once a replica has all; whether there will be more to do."""
        if self.state == WAITING:
            self._look_for_replica()
        return self.is_on

    def _look_for_replica(self):
        end = stream_offset(self._engine)
        for address, is_online, offset in self._candidates():
            if is_online and offset == end and self.target in (None, address):
                self._hand_over(address)
                return
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            if self._forced:
                self._replication.notice("Failover to the target has timed out, and is forced")
                self._hand_over(self.target)
            else:
                self.abort("Replica never caught up before timeout")

    def _hand_over(self, address):
        self._replication.notice(f"Failing over to {address[0]}:{address[1]}")
        self.state = HANDING_OVER
        self.target = address
        self._replica.begin(*address)
