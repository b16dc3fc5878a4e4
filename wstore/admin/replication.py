"""ROLE, and what replicas say to their master: REPLCONF, PSYNC, SYNC.

What they do is in wstore/replication; texts and the order of checks are those of Redis.
"""
from wstore.admin.config.words import split_words
from wstore.admin.registry import command
from wstore.engine._engine import str_to_i64
from wstore.engine.replies import NoReply
from wstore.errors import ReplyError
from wstore.replication import report
from wstore.replication.peer import Peer
from wstore.replication.service import Replication

_HOST_BYTES_MAX = 256       # of what REPLCONF ip-address may give, and one more
_FLAGS = "admin noscript no_async_loading no_multi"


def attach(engine):
    """Give the engine its part in replication."""
    replication = engine.replication = Replication(engine)
    replication.take_directive()
    engine.config.on_change(["replicaof"], replication.take_directive)


@command("role", arity=1, flags="noscript loading stale fast")
def role(session, args):
    """ROLE"""
    return report.role(session.engine.replication)


# -- what a replica says of itself -----------------------------------------------------------------------------------

def peer_of(session):
    """The Peer of a connection; its first word makes it one."""
    if session.peer is None:
        info = session.info()
        session.peer = Peer(info.id, info.addr.decode("utf-8", "surrogateescape"))
    return session.peer


def _number(text):
    number = str_to_i64(text)
    if number is None:
        raise ReplyError("ERR value is not an integer or out of range")
    return number


def _take_port(peer, value):
    peer.port = _number(value)


def _take_ip(peer, value):
    if len(value) >= _HOST_BYTES_MAX:
        raise ReplyError(f"ERR REPLCONF ip-address provided by replica instance is too long: {len(value)} bytes")
    peer.ip = value.decode("utf-8", "surrogateescape")


def _take_capability(peer, value):
    peer.take_capability(value.lower())


def _take_rdb_only(peer, value):
    number = _number(value)
    if number not in (0, 1):
        raise ReplyError("ERR value is out of range, value must between 0 and 1")
    peer.rdb_only = bool(number)


def _take_filter(peer, value):
    """What the file is to hold beside the keys, and that it is to hold none of these."""
    words = split_words(value)
    if words is None:
        raise ReplyError("ERR Missing rdb-filter-only values")
    for word in words:
        if word.lower() != b"functions":
            raise ReplyError(f"ERR Unsupported rdb-filter-only option: {word.decode('utf-8', 'backslashreplace')}")
    peer.no_data = True


_OPTIONS = {
    b"listening-port": _take_port, b"ip-address": _take_ip, b"capa": _take_capability, b"rdb-only": _take_rdb_only,
    b"rdb-filter-only": _take_filter}


@command("replconf", arity=-1, flags="admin noscript loading stale allow_busy")
def replconf(session, args):
    """REPLCONF option value ...: about a server that is about to become a replica, or is one"""
    if len(args) % 2 == 0:
        raise ReplyError("ERR syntax error")
    for name, value in zip(args[1::2], args[2::2], strict=True):
        option = name.lower()
        if option == b"ack":
            offset = str_to_i64(value)
            if offset is not None:
                session.engine.replication.master.acknowledge(session.id, offset)
            return NoReply
        if option == b"getack":
            return NoReply
        if option not in _OPTIONS:
            raise ReplyError(f"ERR Unrecognized REPLCONF option: {name.decode('utf-8', 'backslashreplace')}")
        _OPTIONS[option](peer_of(session), value)
    return "OK"


# -- the stream, please ----------------------------------------------------------------------------------------------

def _check_role(session, args):
    """ReplyError if this server cannot have (more) replicas now, or not by this connection."""
    replication = session.engine.replication
    if session.is_internal:
        raise ReplyError("ERR only a connection can be a replica")
    if len(args) > 3 and args[3].lower() == b"failover":
        _take_over(session, args[1])
    if replication.failover_state != "no-failover":
        raise ReplyError("NOMASTERLINK Can't SYNC while failing over")
    if replication.is_replica and not replication.replica.is_connected:
        raise ReplyError("NOMASTERLINK Can't SYNC while not connected with my master")
    if session.info().output_bytes:
        raise ReplyError("ERR SYNC and PSYNC are invalid with pending output")
    if peer_of(session).no_data and not peer_of(session).eof:
        raise ReplyError("ERR Filtered replica requires EOF capability")


def _take_over(session, asked_id):
    """The master of this server hands its role over: PSYNC id offset FAILOVER."""
    replication = session.engine.replication
    replication.warning(f"Failover request received for replid {asked_id.decode('utf-8', 'backslashreplace')}.")
    if not replication.is_replica:
        raise ReplyError("ERR PSYNC FAILOVER can't be sent to a master.")
    if asked_id.lower() != replication.history.id.encode():
        raise ReplyError("ERR PSYNC FAILOVER replid must match my replid.")
    replication.replica.take_over()
    replication.notice(f"MASTER MODE enabled (failover request from client id #{session.id})")


@command("psync", arity=-3, flags=_FLAGS)
def psync(session, args):
    """PSYNC id offset [FAILOVER]: the stream of that id from that offset on, or all data and the stream behind them"""
    if _is_listening(session):
        return NoReply
    _check_role(session, args)
    offset = _number(args[2])
    session.set_reply_mode("on")
    reply = session.engine.replication.master.psync(
        peer_of(session), args[1].lower().decode("utf-8", "backslashreplace"), offset)
    return NoReply if reply is None else reply


@command("sync", arity=1, flags=_FLAGS)
def sync(session, args):
    """SYNC: all data and the stream behind them"""
    if _is_listening(session):
        return NoReply
    _check_role(session, args)
    session.set_reply_mode("on")
    session.engine.replication.master.sync(peer_of(session))
    return NoReply


def _is_listening(session):
    """Whether the connection is a replica's already, or is shown the commands of others."""
    info = session.info()
    return info.kind == "replica" or info.is_monitor
