"""`Wire`: the connection to a master as long as Python reads it: lines to the byte, then a file.

Nothing is read beyond what was asked for: what is behind the last line or the file is the stream, and that is for the
engine, which takes the descriptor over.

Invariant: `cut` may be called by any thread at any time; whoever reads or connects then gets an OSError.
"""
import socket

LINE_BYTES_MAX = 4096


class Wire:
    """timeout_s: how long the master may be silent, `repl-timeout`.  Errors of the connection are OSErrors."""

    def __init__(self, timeout_s):
        self.timeout_s = timeout_s
        self._socket = None
        self._cut = False

    def connect(self, host, port, source=""):
        """Connect, from address `source` unless that is empty."""
        error = OSError(f"no address of {host}")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                self._open(family, kind, protocol, source)
                self._socket.connect(address)
                return
            except OSError as failure:
                error = failure
        raise error

    def _open(self, family, kind, protocol, source):
        self.close()
        if self._cut:
            raise OSError("cut")
        self._socket = socket.socket(family, kind, protocol)
        self._socket.settimeout(self.timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if source:
            self._socket.bind((source, 0))

    def take(self, sock):
        """Be on a connection that is there."""
        self.close()
        self._socket = sock
        self.wait_for(self.timeout_s)

    def wait_for(self, timeout_s):
        """From now on a call that waits for longer raises TimeoutError."""
        self._socket.settimeout(timeout_s)

    @property
    def own_address(self):
        return self._socket.getsockname()[0]

    def send(self, *commands):
        """Send commands, each a sequence of words, at once."""
        self._socket.sendall(b"".join(map(encoded, commands)))

    def send_newline(self):
        """Show the master that this side is alive, where no command may stand."""
        self._socket.sendall(b"\n")

    def read_line(self):
        """The next line without its end, as text."""
        line = b""
        while not line.endswith(b"\n"):
            seen = self._socket.recv(LINE_BYTES_MAX, socket.MSG_PEEK)
            if not seen:
                raise ConnectionResetError("the master has closed the connection")
            line += self._socket.recv((seen.find(b"\n") + 1) or len(seen))
            if len(line) > LINE_BYTES_MAX:
                raise ConnectionError("the master's reply has no end")
        return line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")

    def read_answer(self):
        """The next line that is not empty: those are sent while the master is busy with what was asked for."""
        while not (line := self.read_line()):
            pass
        return line

    def read_into(self, buffer):
        """What is there, but for an end of the connection, into a buffer; how many bytes."""
        n = self._socket.recv_into(buffer)
        if n == 0:
            raise ConnectionResetError("the master has closed the connection")
        return n

    def detach(self):
        """The descriptor, not blocking, which is the caller's from here on."""
        self._socket.setblocking(False)
        descriptor = self._socket.detach()
        self._socket = None
        return descriptor

    def cut(self):
        """End the connection, whatever is going on there."""
        self._cut = True
        sock = self._socket
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass        # not connected yet: connecting ends by the timeout

    def close(self):
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def encoded(words):
    """A command as RESP."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
