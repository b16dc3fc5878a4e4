"""REPLICAOF, SLAVEOF, FAILOVER: who is the master.

What they do is in wstore/replication; texts and orders of checks are those of Redis.
"""
from wstore.admin.registry import command
from wstore.engine._engine import str_to_i64
from wstore.errors import ReplyError
from wstore.replication.failover import FailoverError

_FLAGS = "admin noscript stale no_async_loading"
_NO_INTEGER = "ERR value is not an integer or out of range"


def replicaof(session, args):
    """REPLICAOF host port | NO ONE"""
    replica = session.engine.replication.replica_side()
    if replica.failover.is_on:
        raise ReplyError("ERR REPLICAOF not allowed while failing over.")
    host, port = args[1].decode("utf-8", "surrogateescape"), args[2]
    if host.lower() == "no" and port.lower() == b"one":
        if replica.is_on:
            replica.promote()
            _tell(session, "MASTER MODE enabled")
        return "OK"
    if session.info().kind == "replica":
        raise ReplyError("ERR Command is not valid when client is a replica.")
    number = str_to_i64(port)
    if number is None or not 0 <= number <= 65535:
        raise ReplyError("ERR Invalid master port")
    if session.engine.runtime is None:
        raise ReplyError("ERR a store that is not served cannot follow a master")
    if replica.address == (host, number):
        return "OK Already connected to specified master"
    replica.begin(host, number)
    _tell(session, f"REPLICAOF {host}:{number} enabled")
    return "OK"


def _tell(session, what):
    address = session.info().addr.decode("utf-8", "replace")
    session.engine.replication.notice(f"{what} (user request from '{address}')")


for _name in ("replicaof", "slaveof"):
    command(_name, arity=3, flags=_FLAGS)(replicaof)


class _Wanted:
    """What FAILOVER asks for."""

    def __init__(self, words):
        self.target = self.timeout_ms = None
        self.forced = self.aborts = False
        words = list(words)
        alone = len(words) == 1
        while words:
            self._take(words.pop(0).lower(), words, alone)

    def _take(self, option, words, alone):
        if option == b"timeout" and words and self.timeout_ms is None:
            self.timeout_ms = str_to_i64(words.pop(0))
            if self.timeout_ms is None:
                raise ReplyError(_NO_INTEGER)
            if self.timeout_ms <= 0:
                raise ReplyError("ERR FAILOVER timeout must be greater than 0")
        elif option == b"to" and len(words) > 1 and self.target is None:
            host, port = words.pop(0).decode("utf-8", "surrogateescape"), str_to_i64(words.pop(0))
            if port is None:
                raise ReplyError(_NO_INTEGER)
            self.target = (host, port)
        elif option == b"abort" and alone:
            self.aborts = True
        elif option == b"force" and not self.forced:
            self.forced = True
        else:
            raise ReplyError("ERR syntax error")


@command("failover", arity=-1, flags="admin noscript stale")
def failover(session, args):
    """FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]"""
    wanted = _Wanted(args[1:])
    failover = session.engine.replication.replica_side().failover
    if wanted.aborts:
        if not failover.is_on:
            raise ReplyError("ERR No failover in progress.")
        failover.abort("Failover manually aborted")
        return "OK"
    if failover.is_on:
        raise ReplyError("ERR FAILOVER already in progress.")
    try:
        failover.begin(wanted.target, wanted.forced, wanted.timeout_ms)
    except FailoverError as error:
        raise ReplyError(f"ERR {error}") from None
    return "OK"
