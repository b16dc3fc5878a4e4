"""`follow`: the changes of a server, of any Redis or wstore: its data first, then its stream of writes, as commands.

    with wstore.replication.follow("redis://127.0.0.1:6379") as stream:
        for offset, database, command in stream:
            apply(database, command)
            keep(stream.position)               # follow(url, position) goes on from there

What is handed out, in this order:
* of the data, commands that recreate them whatever is there before: `SET key value [PXAT ms]` for a string, `RESTORE
  key ms payload REPLACE [ABSTTL]` for anything else, `FUNCTION LOAD REPLACE source`. Their offset is that of the data.
* the commands of the stream, as the server has sent them, without SELECT, PING and REPLCONF. MULTI and EXEC stand
  around those that are to be applied together, and have the offset behind EXEC, as all between them.

So what has one offset is one unit. A position is between two units: stop within one, and resuming begins with its first
command again; stop within the data, and there is none.
"""
import os
import tempfile
import time
import weakref
from itertools import chain, islice

from wstore.persistence.rdb import Record, open_rdb
from wstore.replication.address import Address
from wstore.replication.intake import Intake
from wstore.replication.key_places import KeyFilter
from wstore.replication.opening import Position, open_stream
from wstore.replication.units import Change, Unit, UnitReader

FILE_NAME = "snapshot.rdb"


def follow(url, from_offset=None, slots=None, *, match=None, snapshot=True, retry_s=10.0):
    """A Stream of a server's data and changes.

    url: redis://[user:password@]host[:port] or unix://[user:password@]/path, or an Address; a user must be allowed
    PING, REPLCONF, PSYNC and, for an int or no snapshot, INFO.
    from_offset: go on from there, without the data: a Position, its text, or an int in the stream that the server has
    now.
    slots: only commands with a key in these hash slots, numbers or pairs (first, last). match: only commands with a key
    that this glob matches. Those without keys are never left out.
    snapshot: False: begin now, without the data.
    retry_s: for how long a broken connection is tried to be made again.

    OSError: no connection. HandshakeError: the server refuses; ResumeError: it cannot go on from there. ValueError: a
    wrong argument (TypeError: of a wrong type), or damaged data. The iteration raises them too.
    """
    address = url if isinstance(url, Address) else Address(url)
    if address.db is not None:
        raise ValueError("a stream is of all databases: leave out the one in the address")
    keys = KeyFilter(slots, match)
    return Stream(open_stream(address, as_place(from_offset), snapshot), address, keys, snapshot, retry_s)


def as_place(from_offset):
    """A Position, an int or None, from what `follow` takes."""
    if isinstance(from_offset, str):
        return Position.parse(from_offset)
    if from_offset is not None and not isinstance(from_offset, int | Position):
        raise TypeError(f"from_offset is a Position, its text, or an int, not {from_offset!r}")
    if from_offset is not None and (from_offset if isinstance(from_offset, int) else from_offset.offset) < 0:
        raise ValueError(f"{from_offset!r} is no offset to go on from: it is below 0")
    return from_offset


class Stream:
    """The iterator that `follow` returns, of Change, tuples (offset, database, command). Only `close` suits any thread.

    To ask for more says that what was handed out has been dealt with, which the server is told (WAIT there).

    record: what the change handed out last was made of, a Record (wstore.persistence) with key, type, expires_ms and
    value, if that was one of the data; else None.
    """

    def __init__(self, opened, address, keys, snapshot, retry_s):
        self.record = None
        self._keys = keys
        self._wants_data = snapshot
        self._start = opened.position
        self._folder = (tempfile.TemporaryDirectory(prefix="wstore-follow-", ignore_cleanup_errors=True)
                        if opened.has_file else None)
        file = self._folder and os.path.join(self._folder.name, FILE_NAME)
        self._intake = Intake(opened, address, file, retry_s)
        self._changes = []              # to be handed out, the last one first
        self._record = None             # what they were made of
        self._at = None if opened.has_file else opened.position[1:]     # (offset, database), with what was handed out
        self._behind = self._at                                         # ... and with `changes`
        self._patience_s = None         # for how long `flow` may wait
        self._flow = self._units()
        self._close = weakref.finalize(self, let_go, self._intake, self._folder)
        self._intake.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        while not self._changes:
            self._advance(None)
        change = self._changes.pop()
        self.record = self._record
        if not self._changes and self._behind is not None:
            self._at = self._behind
        return change

    def wait(self, timeout_s=0.0):
        """Whether the next change, or the end, is there within that time; None: however long that takes."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not self._changes:
                if not self._advance(None if deadline_s is None else max(0.0, deadline_s - time.monotonic())):
                    return False
        except StopIteration:
            pass
        return True

    def close(self):
        """End the connection and the iteration; from any thread."""
        self._close()

    @property
    def replication_id(self):
        """Of the server's stream."""
        return self._intake.replication_id

    @property
    def position(self):
        """The Position behind what has been handed out; None: within the data, where nobody can go on."""
        return None if self._at is None else Position(self.replication_id, *self._at)

    @property
    def offset(self):
        """Of `position`."""
        return None if self._at is None else self._at[0]

    # -- units ---------------------------------------------------------------------------------------------------------

    def _advance(self, patience_s):
        """Take the next unit, which may have no changes; whether there was one in time. StopIteration: it is closed."""
        if not self._close.alive:
            raise StopIteration
        self._acknowledge()
        self._patience_s = patience_s
        try:
            unit = next(self._flow)
        except BaseException:
            self.close()
            raise
        if unit is None:
            return False
        self._changes = unit.changes
        self._changes.reverse()
        self._record = unit.record
        self._behind = None if unit.offset is None else (unit.offset, unit.database)
        if not self._changes and self._behind is not None:
            self._at = self._behind
        if unit.asks_ack:
            self._acknowledge(at_once=True)
        return True

    def _acknowledge(self, at_once=False):
        """What was handed out has been dealt with."""
        if self._at is not None:
            self._intake.acked = self._at[0]
        if at_once:
            self._intake.acknowledge()

    def _units(self):
        """Units as they come; None: nothing came in time."""
        offset, database = self._start[1:]
        if self._folder is not None:
            while not self._intake.has_file(self._patience_s):
                yield None
            if not self._close.alive:
                return
            with open_rdb(self._intake.file, self._keys.slots, self._keys.match) as file:
                database = int(file.aux.get(b"repl-stream-db", 0))
                yield from self._data(file, offset, database)
        reader = UnitReader(offset, database, self._keys.passes if self._keys.chooses else None)
        while (piece := self._intake.spool.get(self._patience_s)) != b"":
            if piece is None:
                yield None
            else:
                yield from reader.feed(piece)

    def _data(self, file, offset, database):
        """Units of the data, of which only the last one has a place in the stream."""
        items = file.items() if self._wants_data else iter(())
        first = list(islice(items, 1))
        self._folder.cleanup()          # it is open, and needs no name any more
        last = Unit([], None, None)
        for item in chain(first, items):
            unit = recreated(file, item, offset)
            if unit is not None:
                yield last
                last = unit
        yield last._replace(offset=offset, database=database)


def let_go(intake, folder):
    intake.close()
    if folder is not None:
        folder.cleanup()


def recreated(file, item, offset):
    """A Unit, without a place in the stream, for an item of an RDB file; None: it is none of the data."""
    if item[0] == "function":
        return Unit([Change(offset, 0, (b"FUNCTION", b"LOAD", b"REPLACE", item[1]))], None, None)
    if item[0] != "record":
        return None
    record = Record(file, item)
    expires = None if record.expires_ms is None else b"%d" % record.expires_ms
    if record.type == "string":
        words = (b"SET", record.key, record.value, *([b"PXAT", expires] if expires else []))
    else:
        words = (b"RESTORE", record.key, expires or b"0", record.payload, b"REPLACE", *([b"ABSTTL"] if expires else []))
    return Unit([Change(offset, record.db, words)], None, None, record=record)
