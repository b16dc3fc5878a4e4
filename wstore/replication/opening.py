"""How a server is asked for its stream by one that is no replica but follows it: from a position, or with data first.

    PING, AUTH, REPLCONF ...            as a replica
    REPLCONF rdb-filter-only ""         if the data are not wanted: Redis 7 sends an empty file then, if it sends one
    INFO replication, INFO keyspace     if the place in the stream is not known, or only its offset
    PSYNC
"""
from typing import NamedTuple

from wstore.replication.handshake import Greeting, HandshakeError, ask, greet
from wstore.replication.wire import Wire

TIMEOUT_S = 60.0


class ResumeError(HandshakeError):
    """The server cannot go on from there."""


class Position(NamedTuple):
    """A place in the stream of writes of a server: everything before `offset` has been dealt with.

    replication_id: of the stream; database: in which its next command runs. As text: "id:offset:database".
    """

    replication_id: str
    offset: int
    database: int = 0

    def __str__(self):
        return f"{self.replication_id}:{self.offset}:{self.database}"

    @classmethod
    def parse(cls, text):
        """From its text; ValueError."""
        name, *numbers = text.split(":")
        if not name or len(numbers) not in (1, 2) or not all(number.isdecimal() for number in numbers):
            raise ValueError(f"{text!r} is no position as id:offset:database")
        return cls(name, *map(int, numbers))


class Opened(NamedTuple):
    """wire: from which all comes; position: where the stream begins (its database counts if it is not has_file);
    has_file: a file comes first."""

    wire: Wire
    position: Position
    has_file: bool


def open_stream(address, from_offset, snapshot):
    """An Opened: from a Position, from an int in the present stream, or with the data, or (no snapshot) from now on.

    In the last case data may come all the same. OSError, HandshakeError, ResumeError.
    """
    wire = Wire(TIMEOUT_S)
    try:
        wire.take(address.connect(TIMEOUT_S))
        greet(wire, Greeting(address.user, address.password, 0, ""))
        if from_offset is not None:
            return _resumed(wire, from_offset)
        if snapshot:
            return _begun(wire, None)
        _refuse_data(wire)
        return _begun(wire, _present(wire))
    except BaseException:
        wire.close()
        raise


def _resumed(wire, from_offset):
    _refuse_data(wire)
    start = from_offset if isinstance(from_offset, Position) else _in_present(wire, from_offset)
    opened = _begun(wire, start)
    if opened.has_file:
        raise ResumeError(_why_not(start, opened.position))
    return opened


def _refuse_data(wire):
    """If the server begins anew, the file is to be empty; Redis 6 does not know that, and sends all."""
    wire.send(["REPLCONF", "rdb-filter-only", ""])
    wire.read_answer()


def _begun(wire, start):
    """From a Position if that can be, else with a file; from the file on if there is none."""
    answer = ask(wire, start and start[:2])
    if answer.kind == "continue":
        return Opened(wire, start._replace(replication_id=answer.id or start.replication_id), False)
    if answer.kind == "full":
        return Opened(wire, Position(answer.id, answer.offset), True)
    raise HandshakeError("The server does not know PSYNC")


def _why_not(start, present):
    if start.replication_id != present.replication_id:
        return (f"The server cannot go on from offset {start.offset} of stream {start.replication_id}: it has stream "
                f"{present.replication_id} now, or no longer has all that came since")
    return (f"The server cannot go on from offset {start.offset}: it does not keep all that came since, or is not that "
            f"far; it is at {present.offset}")


# -- where the server is ---------------------------------------------------------------------------------------------

def _present(wire):
    """The Position of now; None: its database cannot be told."""
    fields = _info(wire, "replication")
    databases = [name for name in _info(wire, "keyspace") if name[:2] == "db"]
    if len(databases) > 1:
        return None
    return Position(fields["master_replid"], int(fields["master_repl_offset"]), int((databases or ["db0"])[0][2:]))


def _in_present(wire, offset):
    present = _present(wire)
    if present is None:
        raise ResumeError(f"The server has several databases: offset {offset} alone does not tell in which of them the "
                          "stream is there")
    return present._replace(offset=offset)


def _info(wire, section):
    """The fields of a section of INFO."""
    wire.send(["INFO", section])
    head = wire.read_answer()
    if head[:1] != "$" or not head[1:].isdecimal():
        raise HandshakeError(f"Error reply to INFO: {head}")
    text = bytearray(int(head[1:]) + 2)
    view = memoryview(text)
    while view:
        view = view[wire.read_into(view):]
    lines = text.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
