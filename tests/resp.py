"""A raw RESP2/RESP3 client for tests: replies keep their exact types, so that comparing them is exact.

Each reply is one of the frozen dataclasses below.  `Bulk(b"1")`, `Simple(b"1")` and `Int(1)` all differ, and so
do the three nulls (`NULL_BULK`, `NULL_ARRAY` of RESP2, `NULL` of RESP3).  Doubles and big numbers keep their text.
Format: the RESP specification, versions 2 and 3.
"""
from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Self

Arg = bytes | str | int | float
PIPELINE_CHUNK_BYTES = 64 * 1024    # sent before replies are read: less than any socket buffer pair holds


@dataclass(frozen=True)
class Simple:
    text: bytes


@dataclass(frozen=True)
class Error:
    text: bytes

    @property
    def code(self) -> bytes:
        """The first word: ERR, WRONGTYPE ..."""
        return self.text.split(b" ", 1)[0]


@dataclass(frozen=True)
class Bulk:
    data: bytes


@dataclass(frozen=True)
class Verbatim:
    kind: bytes
    data: bytes


@dataclass(frozen=True)
class Int:
    value: int


@dataclass(frozen=True)
class Double:
    text: bytes


@dataclass(frozen=True)
class BigNumber:
    text: bytes


@dataclass(frozen=True)
class Boolean:
    value: bool


@dataclass(frozen=True)
class Null:
    mark: bytes


@dataclass(frozen=True)
class Array:
    items: tuple


@dataclass(frozen=True)
class Set:
    items: tuple


@dataclass(frozen=True)
class Push:
    items: tuple


@dataclass(frozen=True)
class Map:
    pairs: tuple    # of (key reply, value reply), in the order sent

    def get(self, name: bytes) -> Reply:
        """The value of the field with this name; KeyError if there is none."""
        for key, value in self.pairs:
            if key in (Bulk(name), Simple(name)):
                return value
        raise KeyError(name)


@dataclass(frozen=True)
class Closed:
    """Stands where a reply should be when the server closed the connection."""


Reply = (Simple | Error | Bulk | Verbatim | Int | Double | BigNumber | Boolean | Null | Array | Set | Push | Map
         | Closed)

OK = Simple(b"OK")
NULL_BULK = Null(b"$")
NULL_ARRAY = Null(b"*")
NULL = Null(b"_")
CLOSED = Closed()


def to_bytes(arg: Arg) -> bytes:
    """An argument as it goes over the wire."""
    if isinstance(arg, (bytes, bytearray)):
        return bytes(arg)
    return (arg if isinstance(arg, str) else repr(arg)).encode()


def encode(args: Sequence[Arg]) -> bytes:
    """One command as a RESP array of bulk strings."""
    out = [b"*%d\r\n" % len(args)]
    for arg in map(to_bytes, args):
        out.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    return b"".join(out)


def read_reply(file: BinaryIO) -> Reply:
    """The next reply from a buffered stream; CLOSED at its end, ValueError for anything that is not RESP."""
    line = file.readline()
    if not line:
        return CLOSED
    if not line.endswith(b"\r\n"):
        raise ValueError(f"reply line without CRLF: {line!r}")
    mark, text = line[:1], line[1:-2]
    reader = _READERS.get(mark)
    if reader is None:
        raise ValueError(f"not a RESP reply: {line!r}")
    return reader(file, text)


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size + 2)
    if len(data) != size + 2 or data[-2:] != b"\r\n":
        raise ValueError(f"bulk of {size} bytes ends as {data[-8:]!r}")
    return data[:-2]


def _read_bulk(file: BinaryIO, text: bytes) -> Reply:
    return NULL_BULK if text == b"-1" else Bulk(_read_exactly(file, int(text)))


def _read_verbatim(file: BinaryIO, text: bytes) -> Reply:
    data = _read_exactly(file, int(text))
    return Verbatim(data[:3], data[4:])


def _read_items(file: BinaryIO, text: bytes) -> tuple:
    return tuple(read_reply(file) for _ in range(int(text)))


def _read_array(file: BinaryIO, text: bytes) -> Reply:
    return NULL_ARRAY if text == b"-1" else Array(_read_items(file, text))


def _read_map(file: BinaryIO, text: bytes) -> Reply:
    return Map(tuple((read_reply(file), read_reply(file)) for _ in range(int(text))))


_READERS = {
    b"+": lambda file, text: Simple(text),
    b"-": lambda file, text: Error(text),
    b":": lambda file, text: Int(int(text)),
    b"$": _read_bulk,
    b"=": _read_verbatim,
    b",": lambda file, text: Double(text),
    b"(": lambda file, text: BigNumber(text),
    b"#": lambda file, text: Boolean({b"t": True, b"f": False}[text]),
    b"_": lambda file, text: NULL,
    b"*": _read_array,
    b"~": lambda file, text: Set(_read_items(file, text)),
    b">": lambda file, text: Push(_read_items(file, text)),
    b"%": _read_map,
}


class Connection:
    """One client connection, over TCP to loopback or over a Unix socket."""

    def __init__(self, port: int = 0, resp: int = 2, unix_path: str | None = None, timeout_s: float = 30.0,
                 host: str = "127.0.0.1"):
        if unix_path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout_s)
            self.sock.connect(unix_path)
        else:
            self.sock = socket.create_connection((host, port), timeout=timeout_s)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", buffering=1 << 16)
        if resp == 3:
            hello = self.call("HELLO", "3")
            if not isinstance(hello, Map):
                self.close()
                raise AssertionError(f"HELLO 3: {hello}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    def send(self, *args: Arg) -> None:
        """Send one command without reading its reply."""
        self.sock.sendall(encode(args))

    def send_raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self) -> Reply:
        """The next reply; CLOSED when the server has closed the connection."""
        try:
            return read_reply(self.file)
        except (ConnectionResetError, BrokenPipeError):
            return CLOSED

    def call(self, *args: Arg) -> Reply:
        """Send one command and read its reply."""
        try:
            self.send(*args)
        except (ConnectionResetError, BrokenPipeError):
            return CLOSED
        return self.read()

    def pipeline(self, commands: Iterable[Sequence[Arg]]) -> list[Reply]:
        """Send commands back to back and read all replies; long pipelines go in chunks."""
        replies: list[Reply] = []
        chunk, count, size = [], 0, 0
        for command in commands:
            data = encode(command)
            if size + len(data) > PIPELINE_CHUNK_BYTES and chunk:
                replies += self._exchange(chunk, count)
                chunk, count, size = [], 0, 0
            chunk.append(data)
            count += 1
            size += len(data)
        return replies + self._exchange(chunk, count)

    def _exchange(self, chunk: list[bytes], count: int) -> list[Reply]:
        try:
            self.sock.sendall(b"".join(chunk))
        except (ConnectionResetError, BrokenPipeError):
            return [CLOSED] * count
        return [self.read() for _ in range(count)]
