"""`Transfer`: the data of a full sync, from the connection into a file.

    $<bytes>\r\n<file>                      its length is known: the stream may follow at once
    $EOF:<40 bytes>\r\n<file><40 bytes>     it ends with the mark: nothing follows before the first REPLCONF ACK
"""
import contextlib
import os
import re
import time

from wstore.engine._engine import create_file, sync_file, truncate_file, unlink_file, write_file
from wstore.replication.handshake import HandshakeError

PIECE_BYTES = 1 << 20
MARK_BYTES = 40
_MARK_PREFIX = "$EOF:"


_TEMP = re.compile(r"temp-sync-\d+\.(\d+)\.rdb")


def temp_path(folder):
    """Where in a folder to put the file that comes next."""
    return os.path.join(folder, f"temp-sync-{time.time_ns()}.{os.getpid()}.rdb")


def clear_leftovers(folder):
    """Remove such files that a crash, or a sync that was given up, has left there."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            match = _TEMP.fullmatch(name)
            if match and (int(match[1]) == os.getpid() or not os.path.exists(f"/proc/{match[1]}")):
                unlink_file(os.path.join(folder, name))


class Transfer:
    """path: the file; offset: of the stream at which its data stand.  total_bytes: -1: not known (yet); read_bytes:
    so far; heard_s: Unix time of the last; has_mark: how it ends; is_synced: it would outlive a power cut.  Others may
    read them at any time."""

    def __init__(self, path):
        self.path = path
        self.total_bytes = -1
        self.read_bytes = 0
        self.heard_s = time.time()
        self.has_mark = False
        self.is_synced = False

    def receive(self, wire):
        """All of it; HandshakeError, OSError."""
        mark = self._begin(wire.read_answer())
        descriptor = create_file(self.path)
        try:
            if self.has_mark:
                self._receive_to_mark(wire, descriptor, mark)
            else:
                self._receive_length(wire, descriptor)
        finally:
            os.close(descriptor)

    def sync(self):
        """Have the file on disk, if that can be."""
        with contextlib.suppress(OSError), open(self.path, "rb") as file:
            sync_file(file.fileno())
            self.is_synced = True

    def _begin(self, line):
        """What the first line says: the mark, or None; then total_bytes is known."""
        if line.startswith("-"):
            raise HandshakeError(f"MASTER aborted replication with an error: {line[1:]}")
        if line.startswith(_MARK_PREFIX) and len(line) >= len(_MARK_PREFIX) + MARK_BYTES:
            self.has_mark = True
            self.total_bytes = 0
            return line[len(_MARK_PREFIX):].encode()
        if not (line.startswith("$") and line[1:].isdecimal()):
            raise HandshakeError(f"The master announces a file with words that are none of the protocol: {line!r}")
        self.total_bytes = int(line[1:])
        return None

    def _receive_length(self, wire, descriptor):
        buffer = memoryview(bytearray(PIECE_BYTES))
        while self.read_bytes < self.total_bytes:
            n = wire.read_into(buffer[:self.total_bytes - self.read_bytes])
            self._take(descriptor, buffer[:n])

    def _receive_to_mark(self, wire, descriptor, mark):
        """The master waits behind the mark, so that it can only be at the end of what is there."""
        buffer = memoryview(bytearray(PIECE_BYTES))
        tail = b""
        while tail != mark:
            n = wire.read_into(buffer)
            tail = (tail + bytes(buffer[max(0, n - MARK_BYTES):n]))[-MARK_BYTES:]
            self._take(descriptor, buffer[:n])
        truncate_file(self.path, self.read_bytes - MARK_BYTES)

    def _take(self, descriptor, piece):
        write_file(descriptor, piece)
        self.read_bytes += len(piece)
        self.heard_s = time.time()
