"""`UnitReader`: the units of a stream of writes, from its bytes.

A unit is what is applied as a whole: a command, or all from MULTI to EXEC. What keeps the link alive (PING, REPLCONF)
and SELECT are left out of the units, and so is what a filter does not want; their bytes count nevertheless, so that
units without any change tell how far the stream is.
"""
from typing import NamedTuple

from wstore.engine._engine import read_commands

_OF_THE_LINK = (b"PING", b"REPLCONF")
_BOUNDS = (b"MULTI", b"EXEC")


class Change(NamedTuple):
    """offset: of the stream, at which the data stand once this command, and all that have the same offset, are applied;
    database: in which it runs; command: its words, a tuple of bytes."""

    offset: int
    database: int
    command: tuple


class Unit(NamedTuple):
    """changes: a list of Change; offset, database: where the stream stands behind it, or None; asks_ack: it is REPLCONF
    GETACK; record: what its change was made of, if that is one of a server's data."""

    changes: list
    offset: int
    database: int
    asks_ack: bool = False
    record: object = None


class UnitReader:
    """offset, database: where the stream stands when the first bytes come; passes: which commands are wanted."""

    def __init__(self, offset, database, passes=None):
        self._offset = offset           # of the first byte of _input
        self._database = database
        self._passes = passes
        self._input = bytearray()
        self._needed = 1                # bytes of input, before there can be a command
        self._open = None               # (database, words) of the commands of a unit whose EXEC is still to come

    def feed(self, data):
        """The units that end in these bytes, the next ones of the stream, as a list; ValueError: they are none of a
        stream's, and where."""
        self._input += data
        units = []
        while len(self._input) >= self._needed:
            commands, needed = self._commands()
            if not commands:
                self._needed = needed
                break
            for end, words in commands:
                self._take(units, self._offset + end, words)
            used = commands[-1][0]
            self._offset += used
            self._needed = needed - used
            del self._input[:used]
        return units

    def _commands(self):
        try:
            return read_commands(self._input)
        except ValueError as error:
            reason, at = error.args
            raise ValueError(f"at offset {self._offset + at}: {reason}") from None

    def _take(self, units, end, words):
        name = words[0].upper()
        if name == b"SELECT":
            self._select(end, words)
            self._mark(units, end)
        elif name in _OF_THE_LINK:
            self._mark(units, end, name == b"REPLCONF" and words[1:2] and words[1].upper() == b"GETACK")
        elif name in _BOUNDS:
            self._bound(units, end, words, name == b"MULTI")
        elif self._open is not None:
            self._open.append((self._database, words))
        elif self._passes is None or self._passes(words):
            units.append(Unit([Change(end, self._database, words)], end, self._database))
        else:
            self._mark(units, end)

    def _select(self, end, words):
        if len(words) != 2 or not words[1].isdigit():
            raise ValueError(f"the command that ends at offset {end} selects no database")
        self._database = int(words[1])

    def _mark(self, units, end, asks_ack=False):
        """The stream is there, with nothing to be changed; not while a unit is open."""
        if self._open is not None:
            return
        if units and not units[-1].changes and not units[-1].asks_ack:
            units.pop()
        units.append(Unit([], end, self._database, bool(asks_ack)))

    def _bound(self, units, end, words, begins):
        """A unit begins or ends."""
        if begins != (self._open is None):
            raise ValueError(f"the {'MULTI' if begins else 'EXEC'} that ends at offset {end} has no business there")
        if begins:
            self._open = [(self._database, words)]
            return
        multi, *inside = self._open
        self._open = None
        if self._passes is not None:
            inside = [pair for pair in inside if self._passes(pair[1])]
        if not inside:
            self._mark(units, end)
            return
        changes = [Change(end, *pair) for pair in (multi, *inside, (self._database, words))]
        units.append(Unit(changes, end, self._database))
