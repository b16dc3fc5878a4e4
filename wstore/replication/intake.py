"""`Intake`: the thread that receives what a followed server sends, as fast as it sends it: a file, if one comes, and
then the stream, into a Spool. It tells the server once a second how far its user is.

    connected ──> receives the file ──> receives the stream ──> over: closed, or an error
                                          │  ^
                                   link broken: connects again, goes on where the bytes ended
"""
import threading
import time

from wstore.replication.handshake import HandshakeError
from wstore.replication.opening import Position, ResumeError, open_stream
from wstore.replication.receive import Transfer
from wstore.replication.spool import Spool

ACK_S = 1.0
SILENCE_S = 60.0            # a server that is alive says something more often: repl-ping-replica-period is ten seconds
RETRY_S = 0.5
BUFFER_BYTES = 1 << 18


class Intake(threading.Thread):
    """opened: an Opened; address: where it leads; file: the path for the file that comes first, or None.

    replication_id: of the stream. acked: the offset up to which the user has dealt with it, set by the user.
    """

    def __init__(self, opened, address, file, retry_s):
        super().__init__(name="wstore-follow", daemon=True)
        self.replication_id = opened.position.replication_id
        self.acked = 0 if file else opened.position.offset
        self.file = file
        self.spool = Spool()
        self._offset = opened.position.offset       # up to which the stream is here
        self._wire = opened.wire
        self._address = address
        self._retry_s = retry_s
        self._received = threading.Event()          # the file, or it never will be
        self._file_error = None
        self._sending = threading.Lock()
        self._closed = threading.Event()

    def has_file(self, timeout_s=None):
        """Whether it is there within that time, or the intake closed; raises what has happened to it."""
        there = self._received.wait(timeout_s)
        if self._file_error is not None:
            raise self._file_error
        return there

    def close(self):
        """End it, and forget what is here; from any thread."""
        self._closed.set()
        self._wire.cut()
        self.spool.close()

    def run(self):
        try:
            if self.file:
                self._receive_file()
            while not self._closed.is_set():
                self._receive_and_resume()
            self.spool.end()
        except Exception as error:
            self.spool.end(None if self._closed.is_set() else error)
        self._wire.close()

    def _receive_file(self):
        try:
            Transfer(self.file).receive(self._wire)
        except Exception as error:
            self._file_error = None if self._closed.is_set() else error
            raise
        finally:
            self._received.set()

    # -- the stream ---------------------------------------------------------------------------------------------------

    def _receive_and_resume(self):
        try:
            self._receive()
        except OSError as error:
            self._resume(error)

    def _receive(self):
        """Until the link breaks, with an OSError."""
        self._wire.wait_for(ACK_S)
        buffer = memoryview(bytearray(BUFFER_BYTES))
        heard_s = time.monotonic()
        acked_s = 0
        while True:
            now_s = time.monotonic()
            if now_s - acked_s >= ACK_S:
                self.acknowledge()
                acked_s = now_s
            try:
                n = self._wire.read_into(buffer)
            except TimeoutError:
                if now_s - heard_s > SILENCE_S:
                    raise
                continue
            heard_s = now_s
            self.spool.put(bytes(buffer[:n]))
            self._offset += n

    def acknowledge(self):
        """Tell the server how far its stream has been dealt with; from any thread."""
        with self._sending:
            self._wire.send(["REPLCONF", "ACK", self.acked])

    def _resume(self, error):
        """Connect again; if that cannot be done in time, `error`, which made it necessary."""
        deadline_s = time.monotonic() + self._retry_s
        while not self._closed.wait(RETRY_S):
            if time.monotonic() > deadline_s:
                raise error
            try:
                opened = open_stream(self._address, Position(self.replication_id, self._offset), False)
            except ResumeError:
                raise
            except (OSError, HandshakeError):
                continue        # not there, or not ready yet
            with self._sending:
                self._wire.close()
                self._wire = opened.wire
            self.replication_id = opened.position.replication_id
            if self._closed.is_set():
                self._wire.cut()
            return
