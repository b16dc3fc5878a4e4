"""`Spool`: bytes from the thread that receives them to the one that uses them, however far behind that is.

    put --> [ file: MEMORY_BYTES and more behind ] --> [ pieces in memory ] --> get

Invariant: what is in the file came after all that is in memory; nothing goes into memory while the file has something.
"""
import tempfile
import threading
from collections import deque

MEMORY_BYTES = 16 << 20
PIECE_BYTES = 1 << 20


class Spool:
    """memory_bytes: what is not in memory is in a temporary file without a name."""

    def __init__(self, memory_bytes=MEMORY_BYTES):
        self._room = memory_bytes
        self._pieces = deque()
        self._file = None
        self._read = self._written = 0      # positions in the file
        self._changed = threading.Condition()
        self._ended = False
        self._error = None

    def put(self, data):
        """Add bytes; OSError: there is no room for them on disk."""
        with self._changed:
            if self._ended:
                return
            if self._read < self._written or len(data) > self._room:
                self._put_in_file(data)
            else:
                self._pieces.append(data)
                self._room -= len(data)
            self._changed.notify()

    def _put_in_file(self, data):
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)
        self._file.seek(self._written)
        left = memoryview(data)
        while left:
            left = left[self._file.write(left):]
        self._written += len(data)

    def end(self, error=None):
        """Nothing more comes, because of `error` or of a wish."""
        with self._changed:
            if not self._ended:
                self._ended = True
                self._error = error
            self._changed.notify_all()

    def get(self, timeout_s=None):
        """Some bytes, waited for; None: the time is up; b"": that was all. Raises the error that it ended with."""
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._read < self._written or self._ended, timeout_s)
            if self._pieces:
                return self._from_memory()
            if self._read < self._written:
                return self._from_file()
            if self._error is not None:
                raise self._error
            return b"" if self._ended else None

    def _from_memory(self):
        taken = [self._pieces.popleft()]
        size = len(taken[0])
        while self._pieces and size < PIECE_BYTES:
            taken.append(self._pieces.popleft())
            size += len(taken[-1])
        self._room += size
        return b"".join(taken)

    def _from_file(self):
        self._file.seek(self._read)
        data = self._file.read(min(PIECE_BYTES, self._written - self._read))
        self._read += len(data)
        if self._read == self._written:
            self._file.truncate(0)
            self._read = self._written = 0
        return data

    def close(self):
        """Let go of all that is there."""
        with self._changed:
            self._pieces.clear()
            self._read = self._written = 0
            self._ended = True
            self._error = None
            if self._file is not None:
                self._file.close()
                self._file = None
            self._changed.notify_all()
