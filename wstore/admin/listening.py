"""Where a server listens: TCP addresses of `bind` and `port`, and a Unix socket; changeable while it runs.

An address "*" means all of IPv4, "::*" all of IPv6; "-" in front of an address: it may be missing on this
machine.  A change opens all new sockets before it closes the old ones, and closes nothing if one fails.
"""
import errno
import socket

from wstore.admin.config import ConfigError

# This machine does not speak the address family: never fatal
_NO_SUCH_FAMILY = {
    errno.ENOPROTOOPT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EPFNOSUPPORT, errno.EAFNOSUPPORT}
_ANY = {"*": "0.0.0.0", "::*": "::"}


class ListenError(Exception):
    """An address that cannot be listened at; the reason is in the log."""


def open_tcp(host, port, backlog):
    """A listening socket at `host` (address or name) and `port` (0: any); OSError."""
    host = _ANY.get(host, host)
    [family, kind, protocol, _, address] = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


class Listeners:
    """The listening sockets of one loop.

    `port` is the TCP port in use (of an embedded server with `port 0`: the one that the system chose), 0 if there
    is none.
    """

    def __init__(self, loop, config, log):
        self._loop = loop
        self._config = config
        self._log = log
        self._open = {}         # (address as configured, port as configured) -> descriptor
        self._any_port = False
        self.port = 0

    def open_tcp(self, any_port=False):
        """Listen as `bind` and `port` say, from now on; any_port: port 0 means one that is free.  ListenError."""
        self._any_port = any_port
        self._replace()
        self._config.on_change(["bind", "port"], self._change)

    def open_unix(self):
        """Listen at `unixsocket`, if there is one; ListenError."""
        path = self._config["unixsocket"]
        if not path:
            return
        try:
            self._loop.listen_unix(path, self._config["unixsocketperm"] or None, self._config["tcp-backlog"])
        except OSError as error:
            self._log.warning(f"Could not listen at the Unix socket {path}: {error.strerror}")
            raise ListenError(path) from None

    def close(self):
        """Stop following the configuration; the sockets are closed with the loop."""
        self._config.forget(self._change)

    def _change(self):
        ports = {port for _, port in self._open}
        try:
            self._replace()
        except ListenError:
            if self._config["port"] in ports:
                raise ConfigError("Failed to bind to specified addresses.") from None
            raise ConfigError("Unable to listen on this port. Check server logs.") from None

    def _replace(self):
        """Open and close sockets until they are those of the configuration."""
        port, addresses = self._config["port"], self._config["bind"]
        wanted = [(address, port) for address in addresses] if port or self._any_port else []
        if any(open_port == port for _, open_port in self._open):
            # An address and the wildcard that covers it exclude each other: first go the old ones
            self._close([key for key in self._open if key not in wanted])
            self._open_all([key for key in wanted if key not in self._open or wanted.count(key) > 1])
        else:
            old = list(self._open)
            self._open_all(wanted)
            self._close(old)
        self.port = self.port if self._open else 0

    def _open_all(self, keys):
        """Open a socket for each (address, port); ListenError if one fails, with none of them left open."""
        opened = []
        for key in keys:
            try:
                descriptor = self._open_one(*key)
            except OSError as error:
                self._log.warning(f"Could not listen at {key[0]}:{key[1]}: {error.strerror}")
                self._close(opened)
                raise ListenError(key[0]) from None
            if descriptor is not None:
                self._open[key] = descriptor
                opened.append(key)

    def _open_one(self, address, port):
        """The descriptor of a new listening socket; None if its address may be missing and is."""
        optional = address.startswith("-")
        number = port or self.port
        try:
            sock = open_tcp(address.removeprefix("-"), number, self._config["tcp-backlog"])
        except OSError as error:
            if error.errno in _NO_SUCH_FAMILY or (optional and error.errno == errno.EADDRNOTAVAIL):
                self._log.verbose(f"Not listening at {address}:{number}: {error.strerror}")
                return None
            raise
        self.port = sock.getsockname()[1]
        descriptor = sock.detach()
        self._loop.add_listener(descriptor)
        return descriptor

    def _close(self, keys):
        for key in keys:
            self._loop.remove_listener(self._open.pop(key))
