"""`Address`: where a server listens and what it wants to know, from the words of a command line."""
import socket
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_PORT = 6379


class Address:
    """host and port, or the path of a Unix socket; user, password, db (None: not said)."""

    def __init__(self, text):
        """From "host", "host:port", "redis://[user:password@]host[:port][/db]" or
        "unix://[user:password@]/path[?db=n]"; ValueError if it is none."""
        if text.isdecimal():
            raise ValueError(f"{text} is a port without a host: 127.0.0.1:{text}?")
        parts = urlsplit(text if "://" in text else f"redis://{text}")
        if parts.scheme not in ("redis", "unix"):
            raise ValueError(f"{parts.scheme}:// is not spoken here, only redis:// and unix://")
        self.path = unquote(parts.path) if parts.scheme == "unix" else None
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or DEFAULT_PORT
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        db = parse_qs(parts.query).get("db", [""])[0] if self.path else parts.path.strip("/")
        self.db = int(db) if db else None

    def __str__(self):
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"

    def connect(self, timeout_s):
        """A connected socket with that timeout; OSError."""
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout_s)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout_s)
        try:
            sock.connect(self.path)
        except OSError:
            sock.close()
            raise
        return sock
