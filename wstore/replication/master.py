"""`Master`: the replicas of this server: who they are, which of them go on where they were, what INFO says of them.

What is sent is the loop's business (engine/replicas.pyx), and where all data come from full_sync.py's.  The stream is
kept for replicas from the first one on, until there was none for repl-backlog-ttl seconds.

Invariant: while nobody kept the stream, its offsets do not tell changes of the data: then it gets a new id before the
first replica does.
"""
import time

from wstore.engine import _engine
from wstore.replication.full_sync import FullSyncs


class Master:
    """The side of a Replication that has replicas.

    keeps_stream: whether the stream is kept for replicas; full, partial, refused: full syncs, partial ones, and those
    that were asked for in vain, since the last CONFIG RESETSTAT.
    """

    def __init__(self, replication):
        self._replication = replication
        self.engine = replication.engine
        self.notice = replication.notice
        self.warning = replication.warning
        self.keeps_stream = False
        self.reset_counts()
        self._peers = {}            # client id -> Peer, of replicas
        self._alone_since_s = None  # monotonic time since which there was no replica
        self._full_syncs = FullSyncs(self)

    def reset_counts(self):
        self.full = self.partial = self.refused = 0

    @property
    def saves(self):
        """Whether a snapshot for replicas is being taken."""
        return self._full_syncs.saves

    def counts(self):
        """Fields of INFO stats."""
        return {"sync_full": self.full, "sync_partial_ok": self.partial, "sync_partial_err": self.refused}

    @property
    def replication_id(self):
        return self._replication.history.id

    # -- the stream -------------------------------------------------------------------------------------------------

    def keep_stream(self, is_known=False):
        """From here on; the tail in memory begins here.  is_known: the data are known to be those at its offset."""
        if self.keeps_stream:
            return
        if not (is_known or self.engine.persistence.log.enabled or self._replication.is_replica):
            self._replication.history.renew()
        _engine.replication_on(self.engine)
        self.keeps_stream = True
        self._alone_since_s = None
        self._replication.wake()

    def _drop_stream(self):
        _engine.replication_off(self.engine)
        self.keeps_stream = False

    # -- replicas come ------------------------------------------------------------------------------------------------

    def psync(self, peer, asked_id, asked_offset):
        """A peer asks for the stream; `asked_offset` is the number of the first byte, counted from 1.

        What is to be replied now, or None: the reply comes with the data.
        """
        reached = self._reason_against(asked_id, asked_offset - 1)
        self._adopt(peer)
        if reached is None and self._attach(peer, asked_offset - 1):
            return f"CONTINUE {self.replication_id}" if peer.psync2 else "CONTINUE"
        if asked_id == "?":
            peer.shuns_log = self._full_syncs.was_fed(peer)
            self.notice(f"Full resync requested by replica {peer}")
        else:
            self.refused += 1
            self.notice(f"Partial resynchronization not accepted: {reached or 'the stream was not kept so long'}")
        self._begin_full(peer)
        return None

    def sync(self, peer):
        """A peer asks for all data and the stream, in the words of before PSYNC."""
        peer.old = True
        self._adopt(peer)
        self._begin_full(peer)

    def _reason_against(self, asked_id, offset):
        """Why the peer cannot go on at that offset of a stream called so, or None."""
        if not (self.keeps_stream or self.engine.persistence.log.enabled):
            return "the stream was not kept"
        return self._replication.history.reason_against(asked_id, offset, _engine.stream_offset(self.engine))

    def _adopt(self, peer):
        """Its connection is a replica's from here on."""
        self.notice(f"Replica {peer} asks for synchronization")
        self.keep_stream()
        self._replication.history.is_told = True
        name = str(peer).encode("utf-8", "replace") if peer.port else b""
        _engine.replica_begin(self.engine, peer.client_id, not peer.old, name)
        self._peers[peer.client_id] = peer
        self._replication.wake()

    def _attach(self, peer, offset):
        try:
            _engine.replica_attach(self.engine, peer.client_id, offset)
        except ValueError:
            return False
        self.partial += 1
        self._full_syncs.note_fed(peer)
        behind = _engine.stream_offset(self.engine) - offset
        self.notice(
            f"Partial resynchronization request from {peer} accepted. {behind} bytes from offset {offset + 1} on")
        return True

    def _begin_full(self, peer):
        self.full += 1
        peer.asked_s = time.monotonic()
        self._full_syncs.begin(peer)

    def acknowledge(self, session_id, offset):
        """A replica says how far it is; so may others, in vain."""
        if session_id in self._peers:
            _engine.replica_ack(self.engine, session_id, offset)

    def drop_replicas(self):
        """Close all their links: what they have is not the history of this server any more."""
        _engine.close_replicas(self.engine)

    # -- what there is -------------------------------------------------------------------------------------------------

    def replicas(self):
        """(Peer, facts) of each, in the order in which they came."""
        return [(self._peers[facts["client_id"]], facts) for facts in _engine.replicas(self.engine)
                if facts["client_id"] in self._peers]

    def lagging(self):
        """(Peer, facts) of those that have not said that they have all of the stream."""
        end = _engine.stream_offset(self.engine)
        return [(peer, facts) for peer, facts in self.replicas() if not peer.rdb_only and facts["acked"] < end]

    # -- what is due --------------------------------------------------------------------------------------------------

    def cron(self):
        """What is due; whether there may be more later."""
        if not self.keeps_stream:
            return False
        self._full_syncs.cron()
        listed = self.replicas()
        self._peers = {peer.client_id: peer for peer, _ in listed}
        self._note_alone(not listed)
        return True

    def _note_alone(self, alone):
        """Keep the stream no longer than repl-backlog-ttl asks for if nobody is there to read it."""
        ttl_s = self.engine.config["repl-backlog-ttl"]
        now_s = time.monotonic()
        if not alone or self._replication.is_replica:
            self._alone_since_s = None
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        elif ttl_s and now_s - self._alone_since_s > ttl_s:
            self._drop_stream()
            self.notice(f"Replication backlog freed after {ttl_s} seconds without connected replicas.")
