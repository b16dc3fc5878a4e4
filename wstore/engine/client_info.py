"""`ClientInfo`: what is known of one connection, as a value for Python code."""


class ClientInfo:
    """A connection at the moment of asking.

    id, fd, db, resp: int; addr, laddr, name, lib_name, lib_ver: bytes; created_ms, active_ms: Unix ms (int);
    flags: letters as in CLIENT LIST (str); input_bytes: received and not yet run; input_free: room behind them;
    output_bytes: waiting to be sent; output_cap: of the buffer they are in; memory_bytes: all of it;
    command: name of its last command (str), or None; is_unix, is_monitor, no_evict, writable: bool; multi: commands
    queued by MULTI (int), -1 outside of one; multi_bytes: their arguments and 8 for each; channels, patterns,
    shard_channels: its subscriptions (int); kind: "normal", "pubsub" or "replica".
    """

    __slots__ = ("id", "fd", "addr", "laddr", "name", "lib_name", "lib_ver", "created_ms", "active_ms", "flags", "db",
                 "resp", "input_bytes", "input_free", "output_bytes", "output_cap", "memory_bytes", "command",
                 "is_unix", "is_monitor", "no_evict", "writable", "multi", "multi_bytes",
                 "channels", "patterns", "shard_channels", "kind")

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)

    def __repr__(self):
        return f"ClientInfo(id={self.id}, addr={self.addr!r}, name={self.name!r})"
