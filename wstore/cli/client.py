"""A small blocking client of a server, for the `wstore` tool: RESP2, one command at a time."""
from wstore.errors import ReplyError

TIMEOUT_S = 10.0


class Client:
    """A connection to an Address; ConnectionError or another OSError when it breaks, ReplyError for an error reply."""

    def __init__(self, address):
        self._socket = address.connect(TIMEOUT_S)
        self._input = self._socket.makefile("rb")
        if address.password:
            self.call("AUTH", *filter(None, [address.user, address.password]))
        if address.db:
            self.call("SELECT", str(address.db))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._input.close()
        self._socket.close()

    def call(self, *words):
        """Send a command (str or bytes) and return its reply: bytes, str, int, list or None."""
        raw = [word.encode() if isinstance(word, str) else word for word in words]
        request = b"".join([b"*%d\r\n" % len(raw), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in raw)])
        self._socket.sendall(request)
        return self._read()

    def _line(self):
        line = self._input.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        return line[:-2]

    def _read(self):
        line = self._line()
        mark, rest = line[:1], line[1:]
        if mark == b"+":
            return rest.decode()
        if mark == b"-":
            raise ReplyError(rest.decode())
        if mark == b":":
            return int(rest)
        if mark not in (b"$", b"*"):
            raise ConnectionError("the server does not speak RESP")
        size = int(rest)
        if size < 0:
            return None
        if mark == b"*":
            return [self._read() for _ in range(size)]
        data = self._input.read(size + 2)
        if len(data) != size + 2:
            raise ConnectionError("the server closed the connection")
        return data[:-2]
