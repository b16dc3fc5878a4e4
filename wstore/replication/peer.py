"""`Peer`: a server (or tool) that may become a replica, by what it has said of itself with REPLCONF."""

CATCHES_UP = b"wstore-catches-up"       # a capability that replicas of Redis do not have, and masters of Redis ignore


class Peer:
    """client_id: of its connection; addr: "ip:port" of that; ip, port: where it listens, by its own word ("", 0: it did
    not say); eof: it can read a file whose length is not known; psync2: the id of the stream may change under it;
    catches_up: it wants to know where the stream is when it asks; rdb_only: it wants the data and no stream; no_data: a
    file without keys; old: it came with SYNC; asked_s: monotonic time at which it did, or with PSYNC; shuns_log: not
    the data that the log has."""

    __slots__ = ("client_id", "addr", "ip", "port", "eof", "psync2", "catches_up", "rdb_only", "no_data", "old",
                 "asked_s", "shuns_log")

    def __init__(self, client_id, addr):
        self.client_id = client_id
        self.addr = addr
        self.ip = ""
        self.port = 0
        self.asked_s = 0.0
        self.eof = self.psync2 = self.catches_up = self.rdb_only = self.no_data = self.old = self.shuns_log = False

    def take_capability(self, name):
        """One that wstore does not know says nothing."""
        if name == b"eof":
            self.eof = True
        elif name == b"psync2":
            self.psync2 = True
        elif name == CATCHES_UP:
            self.catches_up = True

    @property
    def wants_present(self):
        """Whether the file that it gets has to hold all that was written before it asked."""
        return self.rdb_only or self.old

    @staticmethod
    def is_online(facts):
        """Whether it gets the stream, or has got the data.  facts: the engine's about it."""
        return facts["state"] == "online"

    @property
    def host(self):
        """Where it can be reached."""
        return self.ip or self.addr.rpartition(":")[0].strip("[]")

    def __str__(self):
        return f"{self.host}:{self.port}" if self.port else f"client id #{self.client_id}"
