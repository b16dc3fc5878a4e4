"""`Replica`: the side of a Replication that has a master: which, and how the link to it stands.

Invariants
* All methods run on the loop's thread, or with the store locked.
* `link` is the thread that brings about a link, None while there is one or none is wanted; a Link that is not `link`
  has no effect.
* `following` is set while the engine applies the master's stream.
* `is_known`: the data are those of `history.id` at the stream's offset.
* `_until` is set while the data are older than the request for them: the link counts as down so long.
"""
import time
from collections import namedtuple

from wstore.engine._engine import (
    adopt_data,
    changes,
    close_replicas,
    empty_databases,
    follow_begin,
    follow_end,
    follow_facts,
    place_stream,
    put_in_stream,
    rename_file,
    set_link,
    set_replica,
    stream_offset,
    twin,
)
from wstore.persistence.saving import elapsed_s
from wstore.replication.failover import HANDING_OVER, Failover
from wstore.replication.handshake import Greeting
from wstore.replication.history import new_id
from wstore.replication.link import RETRY_S, Link
from wstore.replication.receive import temp_path

STEADY_S = 5.0          # a link that has lasted so long is worth an attempt at once, when it is lost

# What a Link needs to know.  aside: the data are loaded beside the old ones; path: of the file that receives them;
# syncs: it is to be the RDB file; failover: the master is to be told that it is the master from now on
Settings = namedtuple("Settings", "host port source greeting timeout_s aside path syncs failover")


class Replica:
    """address: (host, port) of the master, None: this is a master itself."""

    def __init__(self, replication):
        self._replication = replication
        self.engine = replication.engine
        self.address = None
        self.link = None
        self.following = None           # a token of the link that is up
        self.is_known = False
        self.failover = Failover(self, replication)
        self._earlier_id = None         # of the stream that the data belong to, unless it is the present one
        self._db = None                 # that this stream ended in; None: as the server was started
        self._is_emptied = False        # the old data went, the new have not come
        self._until = None              # offset up to which a full sync takes, or None: it is over
        self._failure = None            # (reason, wait) of the last attempt, as the log was told
        self._since_s = None            # when the present link came up
        self._lost_s = None             # Unix time at which the last one went

    # -- the role -----------------------------------------------------------------------------------------------------

    @property
    def is_on(self):
        return self.address is not None

    @property
    def is_connected(self):
        return self.following is not None

    @property
    def is_up(self):
        """Whether the data are the master's, as far as the link goes."""
        return self.is_connected and self._until is None

    def begin(self, host, port):
        """Be a replica of that master from here on."""
        was_master = not self.is_on
        self._drop()
        self._set_address((host, port))
        self._failure = None
        if was_master:
            self._look_back()
            set_replica(self.engine, True)
        set_link(self.engine, True)
        if self._may_connect:
            self._connect(0)
        self._replication.wake()

    @property
    def _may_connect(self):
        return self.engine.runtime is not None and (self.engine.persistence.ready or self._is_emptied)

    def _look_back(self):
        """As a master, find out what the data can be said to be.

        Its own stream is one that some replica may have, and lead now.  If nobody has heard of it, and nothing was
        written since it began, then the data are still those of the stream before, or of one before that, if that was
        no different: the oldest is known to most.
        """
        history = self._replication.history
        self.is_known = self.engine.persistence.log.enabled or self._replication.master.keeps_stream
        self._earlier_id = None
        if self.is_known and not history.is_told:
            end = stream_offset(self.engine)
            self._earlier_id = next((name for name, ended in reversed(history.earlier) if ended == end), None)

    def promote(self):
        """Be a master from here on."""
        self._drop()
        self._lost_s = None
        self._set_address(None)
        self._db = follow_facts(self.engine)["db"]
        self._replication.history.begin(stream_offset(self.engine))
        set_replica(self.engine, False)
        set_link(self.engine, False)
        close_replicas(self.engine)
        if self._is_emptied:
            self._is_emptied = False
            self.engine.persistence.ready = True
            put_in_stream(self.engine, 0, [b"FLUSHALL"])

    def resume(self):
        """A loop serves the engine: there is one who can call for a link."""
        self._show_role()
        self._replication.wake()

    def suspend(self):
        """The loop is about to end: nobody could serve the link."""
        self._drop()
        set_link(self.engine, self.is_on)

    def _set_address(self, address):
        self.address = address
        self._until = None
        self.engine.config.put("replicaof", address or ())
        self._show_role()

    def _show_role(self):
        if self.engine.runtime is not None:
            self.engine.runtime.log.role = "S" if self.is_on else "M"

    def _drop(self):
        """End the link, or the attempt at one."""
        if self.link is not None:
            self.link.end()
            self.link = None
        if self.following is not None:
            self.following = None
            self._lost_s = time.time()
            follow_end(self.engine)

    def _connect(self, wait_s):
        self._replication.notice(f"Connecting to MASTER {self.address[0]}:{self.address[1]}")
        self.link = Link(self, wait_s)
        self.link.start()

    def take_over(self):
        """The master has asked for it: FAILOVER."""
        self.promote()

    # -- asked by the Link --------------------------------------------------------------------------------------------

    def settings(self):
        config = self.engine.config
        service = self.engine.persistence
        host, port = self.address
        folder = service.log.folder if config["appendonly"] else config["dir"]
        greeting = Greeting(config["masteruser"], config["masterauth"], self._announced_port(),
                            config["replica-announce-ip"])
        return Settings(
            host, port, config["bind-source-addr"], greeting, config["repl-timeout"],
            config["repl-diskless-load"] == "swapdb", temp_path(folder), self._becomes_file,
            self.failover.state == HANDING_OVER)

    def _announced_port(self):
        return self.engine.config["replica-announce-port"] or self.engine.runtime.listeners.port

    @property
    def _becomes_file(self):
        """Whether a file that was received becomes the RDB file: where there is to be one."""
        config = self.engine.config
        return bool(config["save"] and config["dbfilename"] and not config["appendonly"])

    def position(self):
        """(id, offset) of the data that are there; None: they are no master's."""
        return (self._present_id, stream_offset(self.engine)) if self.is_known else None

    @property
    def _present_id(self):
        return self._earlier_id or self._replication.history.id

    def second_engine(self):
        return twin(self.engine)

    def sync_begins(self, answer):
        self.failover.end()
        self._replication.notice(f"Full resync from master: {answer.id}:{answer.offset}")

    def load_in_place(self, path, then):
        """Load a file instead of the data that are there, in turns of the loop; then(error, report)."""
        service = self.engine.persistence
        close_replicas(self.engine)
        service.saving.cancel()
        service.log.cancel()
        service.ready = False           # what is on disk stays as it is until the new data are in
        self.is_known = False
        self._is_emptied = True
        self._replication.history.renew()
        service.loading_since_s = time.time()
        empty_databases(self.engine)

        def loaded(error, report):
            service.loading_since_s = None
            then(error, report)

        self.engine.load_begin([(path, "rdb")], loaded)

    def install(self, wire, answer, transfer, report, fresh):
        """The data of a full sync are loaded: they are this server's from here on, and the stream behind them."""
        engine, service = self.engine, self.engine.persistence
        offset = answer.offset or 0
        db = int(report["aux"].get(b"repl-stream-db", 0))
        self.is_known = False
        close_replicas(engine)
        service.saving.cancel()
        service.log.cancel()
        if fresh is not None:
            adopt_data(engine, fresh)
        self._replication.history.replace(answer.id or new_id())
        service.ready = True
        self._is_emptied = False
        self._move_stream(transfer, offset, db)
        self._earlier_id = None
        self.is_known = True
        self._until = answer.present if (answer.present or 0) > offset else None
        self._follow(wire, offset, db)
        for text in report["warnings"]:
            self._replication.warning(text)
        self._replication.notice(f"MASTER <-> REPLICA sync: Finished with success, {report['keys']} keys")

    def _move_stream(self, transfer, offset, db):
        """The stream goes on there; the file that was received becomes the base of the log, or the RDB file."""
        service = self.engine.persistence
        try:
            service.log.reset(transfer.path, offset, db)
            if transfer.is_synced and not service.log.enabled:
                rename_file(transfer.path, service.saving.path)
                service.saving.mark_saved(changes(self.engine))
        except OSError as error:
            self._replication.warning(f"Can't keep the file of the sync: {error.strerror}")
            if service.log.enabled:
                self._log_anew(transfer.path, offset, db)

    def _log_anew(self, path, offset, db):
        """The log could not take the file for its base: it begins with a rewrite."""
        log = self.engine.persistence.log
        log.close()
        log.reset(path, offset, db)
        try:
            log.switch_on()
        except OSError as error:
            self._replication.warning(f"The append only file is off: {error.strerror}")

    def go_on(self, wire, answer):
        """The master sends what is missing behind the data that are there."""
        history = self._replication.history
        offset = stream_offset(self.engine)
        db = self._db_at_end()
        present = answer.id or self._present_id
        place_stream(self.engine, offset, db)       # which a file of the log that begins here says
        if present != history.id:
            self._replication.notice(f"Master replication ID changed to {present}")
            close_replicas(self.engine)
            history.change(present, offset)
        self._replication.notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
        self._follow(wire, offset, db)

    def _db_at_end(self):
        """The database that the stream which goes on stands in."""
        if self._earlier_id is None:
            return follow_facts(self.engine)["db"]
        return self.engine.persistence.loaded.get("db", 0) if self._db is None else self._db

    def _follow(self, wire, offset, db):
        token = object()
        follow_begin(self.engine, wire.detach(), offset, db, lambda reason: self._lost(token, reason))
        self.following = token
        self.link = None
        self._earlier_id = None
        self._since_s = time.monotonic()
        self._lost_s = self._failure = None
        set_link(self.engine, self._until is not None)
        self._replication.master.keep_stream()
        self.failover.end()

    def attempt_failed(self, reason, wait_s):
        """It is made again after that time; the log hears of it if that or the reason is another than before."""
        if (reason, wait_s) != self._failure:
            self._failure = reason, wait_s
            host, port = self.address
            self._replication.warning(f"{reason} (MASTER {host}:{port}, next try in {wait_s:g} s)")

    def failover_refused(self, reason):
        """The replica that was to become the master will not."""
        self.failover.abort(reason)

    # -- once it is up ------------------------------------------------------------------------------------------------

    def _lost(self, token, reason):
        """The engine says that the link has ended."""
        if self.following is token:
            self.following = None
            if follow_facts(self.engine)["damaged"]:
                self.is_known = False           # the same would come again: all data are asked for
            self._reconnect(reason)

    def kill_link(self):
        """CLIENT KILL TYPE master: whether there was one."""
        if self.following is None:
            return False
        self._end_following("killed by a client")
        return True

    def _end_following(self, reason):
        self.following = None
        follow_end(self.engine)
        self._reconnect(reason)

    def _reconnect(self, reason):
        self._replication.warning(f"Connection with master lost: {reason}")
        self._lost_s = time.time()
        set_link(self.engine, True)
        self._connect(0 if time.monotonic() - self._since_s >= STEADY_S else RETRY_S)

    def cron(self):
        """What is due: whether there may be more later."""
        if self.following is not None:
            self._check_silence()
            self._check_catch_up()
        elif self.is_on and self.link is None and self._may_connect:
            self._connect(0)
        return self.failover.cron() or self.is_on

    def _check_silence(self):
        if self._silent_s() > self.engine.config["repl-timeout"]:
            self._end_following("MASTER timeout: no data nor PING received...")

    def _check_catch_up(self):
        if self._until is not None and stream_offset(self.engine) >= self._until:
            self._until = None
            set_link(self.engine, False)
            self._replication.notice("MASTER <-> REPLICA sync: Caught up with the master")

    # -- what there is to tell ----------------------------------------------------------------------------------------

    @property
    def failover_state(self):
        return self.failover.state

    @property
    def state(self):
        """As ROLE has it."""
        if self.is_connected:
            return "connected" if self.is_up else "sync"
        return self.link.state if self.link is not None else "connect"

    @property
    def is_loading_aside(self):
        """Whether data are being loaded while others are served."""
        return self.link is not None and self.link.loading and self.engine.persistence.loading_since_s is None

    def role(self):
        """The reply to ROLE of a replica."""
        host, port = self.address
        offset = stream_offset(self.engine) if self.is_connected else -1
        return [b"slave", host.encode("utf-8", "surrogateescape"), port, self.state.encode(), offset]

    def info_fields(self):
        """Section replication of INFO: what only a replica has."""
        config = self.engine.config
        host, port = self.address
        transfer = self.link.transfer if self.link is not None else None
        offset = stream_offset(self.engine)
        fields = {
            "master_host": host,
            "master_port": port,
            "master_link_status": "up" if self.is_up else "down",
            "master_last_io_seconds_ago": self._silent_s() if self.is_connected else -1,
            "master_sync_in_progress": int(transfer is not None or self.is_connected and not self.is_up),
            "slave_read_repl_offset": offset,
            "slave_repl_offset": offset,
        }
        if transfer is not None:
            fields.update(_progress(transfer))
        if not self.is_up:
            fields["master_link_down_since_seconds"] = elapsed_s(self._lost_s)
        return {
            **fields,
            "slave_priority": config["replica-priority"],
            "slave_read_only": int(config["replica-read-only"]),
            "replica_announced": int(config["replica-announced"]),
        }

    def _silent_s(self):
        """Whole seconds since the master was heard of."""
        return max(0, int(time.time() - follow_facts(self.engine)["received_ms"] / 1000))


def _progress(transfer):
    """Fields of INFO about data that are coming in."""
    total, read = transfer.total_bytes, transfer.read_bytes
    return {
        "master_sync_total_bytes": total,
        "master_sync_read_bytes": read,
        "master_sync_left_bytes": total - read,
        "master_sync_perc": f"{read * 100 / total if total > 0 else 0:.2f}",
        "master_sync_last_io_seconds_ago": int(time.time() - transfer.heard_s),
    }
