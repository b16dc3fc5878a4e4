"""`FullSyncs`: gives replicas all data, by the cheapest way there is.

    1. the log's base, and the log behind it             nothing is saved for it; while that is short; not for one that
                                                         was sent the log before and wants all anew: it may be damaged
    2. the snapshot that is being taken, for whatever    one for all that come in time
    3. the last one for replicas, a second long          for those that come when it is just done
    4. a new snapshot, to a file without a name          read by all that wait, while it is written

For one that wants no stream, and one that came with SYNC, the file alone has to be the data of now: such a peer gets
the fourth, begun after it has asked.

What a replica is sent is `+FULLRESYNC id offset`, unless it came with SYNC, then the file, then the stream from the
file's offset on; a wstore is told where the stream is by then as well, and counts as synchronized when it has come so
far. A file that is still growing goes out as `$EOF:mark`, to replicas that can read that: the others get
line breaks until it is whole.
"""
import os
import time

from wstore.engine import _engine

EOF_MARK_BYTES = 40
LOG_BYTES_MAX = 16 << 20        # a longer log takes a replica back in time for too long, until it has caught up
FED_MAX = 1000
RECENT_S = 1.0                  # the last snapshot for replicas is there for others that come


class FullSyncs:
    """Those of a Master."""

    def __init__(self, master):
        self._master = master
        self._engine = master.engine
        self._output = None         # of the last snapshot that was begun for replicas
        self._begun_s = 0.0         # monotonic time of that
        self._recent = None         # (output, id of the stream) of the last one that is whole
        self._recent_until_s = 0.0  # monotonic time
        self._waiting = []          # Peers that wait until a snapshot for another purpose is over
        self._fed = set()           # names of Peers that were sent what the log has

    @property
    def saves(self):
        """Whether a snapshot for replicas is being taken."""
        return self._output is not None and not (self._output.finished or self._output.failed)

    def begin(self, peer):
        """A peer that has become a replica needs all data."""
        if not self._serve(peer):
            self._waiting.append(peer)

    def note_fed(self, peer):
        """It is sent what the log has."""
        if len(self._fed) >= FED_MAX:
            self._fed.clear()
        self._fed.add(str(peer))

    def was_fed(self, peer):
        """Whether it was sent that, and asks for all data now: the log may be damaged. The next time counts anew."""
        found = str(peer) in self._fed
        self._fed.discard(str(peer))
        return found

    def cron(self):
        """Serve those that wait, as far as that is possible now; whether some go on waiting."""
        if time.monotonic() > self._recent_until_s:
            self._recent = None
        if self._waiting:
            there = {replica["client_id"] for replica in _engine.replicas(self._engine)}
            waiting, self._waiting = self._waiting, []
            for peer in waiting:
                if peer.client_id in there:
                    self.begin(peer)
        return bool(self._waiting)

    def _serve(self, peer):
        """Whether its data are on their way, or its connection is at its end."""
        if self._from_empty(peer):
            return True
        if peer.wants_present:
            return self._from_present(peer)
        return self._from_log(peer) or self._from_recent(peer) or self._from_snapshot(peer)

    # -- sources ------------------------------------------------------------------------------------------------------

    def _from_empty(self, peer):
        """A file without keys, for those that ask for functions only: there are none here."""
        if not peer.no_data:
            return False
        path = self._temp_path()
        try:
            self._engine.snapshot_save(path, self._engine.persistence.aux_fields(), slots=())
            output = _engine.SnapshotOutput.of_file(path, _engine.stream_offset(self._engine))
            _engine.unlink_file(path)
            self._send(peer, output, True)
        except OSError as error:
            self._give_up([peer], error)
        return True

    def _from_log(self, peer):
        base = None if peer.shuns_log else self._base()
        if base is None:
            return False
        try:
            self._send(peer, _engine.SnapshotOutput.of_file(*base), False)
        except (OSError, ValueError):       # the files have changed since
            return False
        self.note_fed(peer)
        self._master.notice(f"Replica {peer} gets the base of the log, and the log from offset {base[1]} on")
        return True

    def _base(self):
        """(path, offset) of the log's base, if all that came behind it is there and is not too long; else None."""
        log = self._engine.persistence.log
        if not log.is_complete:
            return None
        for name, kind, _, offset, _ in self._engine.log_files():
            if kind == "b" and name.endswith(".rdb"):
                first, end = _engine.stream_bounds(self._engine)
                near = end - offset <= LOG_BYTES_MAX
                return (os.path.join(log.folder, name), offset) if first <= offset and near else None
        return None

    def _from_recent(self, peer):
        output, replication_id = self._recent or (None, None)
        if output is None or replication_id != self._master.replication_id or time.monotonic() > self._recent_until_s:
            return False
        try:
            self._send(peer, output, False)
        except ValueError:      # the stream from there on was not kept
            return False
        self._master.notice(f"Replica {peer} gets the last snapshot, and the stream from offset {output.offset} on")
        return True

    def _from_present(self, peer):
        """A snapshot that was begun after it has asked; another that is under way is waited for."""
        running = self._engine.snapshot_progress()["running"]
        if running and not (self.saves and self._begun_s >= peer.asked_s):
            return False
        return self._from_snapshot(peer)

    def _from_snapshot(self, peer):
        output = _engine.snapshot_output(self._engine)
        if output is None:
            if self._engine.snapshot_progress()["running"]:     # not of all keys
                return False
            output = self._begin_snapshot(peer)
            if output is None:
                return True
        try:
            self._send(peer, output, peer.eof and not output.finished)
        except ValueError:      # it is for another purpose, and the stream from there on was not kept
            return False
        self._master.notice(f"Replica {peer} gets a snapshot, and the stream from offset {output.offset} on")
        return True

    # -- snapshots for replicas ---------------------------------------------------------------------------------------

    def _temp_path(self):
        return os.path.join(self._engine.config["dir"], f"temp-replica-{os.getpid()}.rdb")

    def _begin_snapshot(self, peer):
        """The output of a new snapshot, or None if there can be none: the replica is told by the end of its link."""
        try:
            output = _engine.snapshot_for_replicas(
                self._engine, self._temp_path(), self._engine.persistence.aux_fields(), self._written)
        except OSError as error:
            self._give_up([peer], error)
            return None
        self._output = output
        self._begun_s = time.monotonic()
        self._master.notice("Background saving for replicas started")
        return output

    def _written(self, error):
        """The snapshot has ended.  If it has failed the loop closes those that are being sent it."""
        output, self._output = self._output, None
        if error is None:
            self._recent = output, self._master.replication_id
            self._recent_until_s = time.monotonic() + RECENT_S
            self._master.notice("Background saving for replicas terminated with success")
        else:
            waiting, self._waiting = self._waiting, []
            self._give_up(waiting, error)

    def _give_up(self, peers, error):
        self._master.warning(f"Background saving for replicas failed: {error}")
        for peer in peers:
            self._engine.kill_client(peer.client_id)

    # -- sending ------------------------------------------------------------------------------------------------------

    def _send(self, peer, output, with_mark):
        """Send a file and, unless it is all that is wanted, the stream behind it; ValueError if that is not kept.

        with_mark: the file ends with a mark, and the stream waits until the replica says that it has found that.
        """
        mark = os.urandom(EOF_MARK_BYTES // 2).hex().encode() if with_mark else b""
        head = b"$EOF:" + mark + b"\r\n" if with_mark else None
        offset = -1 if peer.rdb_only else output.offset
        _engine.replica_transfer(self._engine, peer.client_id, output, head, mark, offset, with_mark)
        if not peer.old:
            present = f" {_engine.stream_offset(self._engine)}" if peer.catches_up else ""
            line = f"+FULLRESYNC {self._master.replication_id} {output.offset}{present}\r\n"
            self._engine.tell_client(peer.client_id, line.encode())
