"""CLIENT: the connections of the server and the properties of one's own.

Tracking (client-side caching) does not exist here: TRACKING and CACHING say so, the others answer as for a
connection that does not use it.
"""
import time

from wstore.admin.connection import BAD_NAME, is_printable
from wstore.admin.registry import command, container
from wstore.engine._engine import str_to_i64
from wstore.engine.replies import NoReply, OrderedSet, Verbatim
from wstore.errors import ReplyError

HELP = """\
CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
GETNAME
    Show the name of this connection.
GETREDIR
    Show which client the invalidations of tracking go to: -1, none.
ID
    Show the ID of this connection.
INFO
    Show this connection as LIST does.
KILL <ip:port>
    Close the connection from <ip:port>.
KILL <option> <value> [<option> <value> [...]]
    Close all connections that fit. Options are:
    * ADDR (<ip:port>|<unixsocket>:0)
      From this address.
    * ID <client-id>
      With this ID.
    * LADDR (<ip:port>|<unixsocket>:0)
      To this address of the server.
    * SKIPME (YES|NO)
      Whether this connection stays (default: yes).
    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
      Of this type.
    * USER <username>
      Of this user.
LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|ID <client-id> [...]]
    Show all connections, those of a type, or those with the given IDs.
NO-EVICT (ON|OFF)
    Whether this connection is never closed to free memory.
NO-TOUCH (ON|OFF)
    Whether commands of this connection leave access times alone.
PAUSE <timeout> [WRITE|ALL]
    Hold back writes, or all commands (default), for <timeout> milliseconds.
REPLY (ON|OFF|SKIP)
    Send replies, none from now on, or none to the next command.
SETINFO (LIB-NAME|LIB-VER) <value>
    Say which client library this connection comes from.
SETNAME <name>
    Give this connection a name.
TRACKINGINFO
    Show the state of tracking for this connection: off.
UNBLOCK <clientid> [TIMEOUT|ERROR]
    Wake a blocked connection.
UNPAUSE
    End a PAUSE.
HELP
    Print this help.""".splitlines()

_OWN = "noscript loading stale"
_ALL = "admin noscript loading stale"
_I64_MAX = (1 << 63) - 1
_TYPES = {b"normal": "normal", b"slave": "replica", b"replica": "replica", b"pubsub": "pubsub", b"master": "master"}

container("client", flags="")


def syntax_error():
    return ReplyError("ERR syntax error")


def too_many(args):
    """The error that names the subcommand as it was sent."""
    subcommand = args[1].decode()
    return ReplyError(f"ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try CLIENT HELP.")


def shown(text):
    return text.decode("utf-8", "surrogateescape")


# -- about connections -------------------------------------------------------------------------------------

def line_of(info, now_ms):
    """One connection as a line of CLIENT LIST, fields in the order of Redis 7.0, then those of 7.2."""
    fields = {
        "id": info.id, "addr": shown(info.addr), "laddr": shown(info.laddr), "fd": info.fd, "name": shown(info.name),
        "age": (now_ms - info.created_ms) // 1000, "idle": (now_ms - info.active_ms) // 1000, "flags": info.flags,
        "db": info.db, "sub": info.channels, "psub": info.patterns,
        "ssub": info.shard_channels, "multi": info.multi, "qbuf": info.input_bytes,
        "qbuf-free": info.input_free, "argv-mem": 0, "multi-mem": info.multi_bytes,
        "rbs": info.output_cap, "rbp": info.output_cap,
        "obl": info.output_bytes, "oll": 0, "omem": 0, "tot-mem": info.memory_bytes,
        "events": "rw" if info.writable else "r", "cmd": info.command or "NULL", "user": "default", "redir": -1,
        "resp": info.resp, "lib-name": shown(info.lib_name), "lib-ver": shown(info.lib_ver)}
    return " ".join(f"{name}={value}" for name, value in fields.items()) + "\n"


def lines_of(infos):
    now_ms = time.time_ns() // 1_000_000
    text = "".join(line_of(info, max(now_ms, info.created_ms)) for info in infos)
    return Verbatim("txt", text.encode("utf-8", "surrogateescape"))


def type_named(text):
    kind = _TYPES.get(text.lower())
    if kind is None:
        raise ReplyError(f"ERR Unknown client type '{shown(text)}'")
    return kind


def _ids(texts):
    ids = [str_to_i64(text) for text in texts]
    if None in ids:
        raise ReplyError("ERR Invalid client ID")
    return ids


@command("client|list", arity=-2, flags=_ALL)
def client_list(session, args):
    """CLIENT LIST [TYPE type | ID id ...]"""
    option = args[2].lower() if len(args) > 2 else None
    infos = session.engine.clients()
    if option == b"type" and len(args) == 4:
        wanted = type_named(args[3])
        infos = [info for info in infos if info.kind == wanted]
    elif option == b"id" and len(args) > 3:
        by_id = {info.id: info for info in infos}
        infos = [by_id[number] for number in _ids(args[3:]) if number in by_id]
    elif option is not None:
        raise syntax_error()
    return lines_of(infos)


@command("client|info", arity=2, flags=_OWN)
def client_info(session, args):
    """CLIENT INFO"""
    return lines_of([session.info()])


@command("client|id", arity=2, flags=_OWN)
def client_id(session, args):
    """CLIENT ID"""
    return session.id


# -- closing, holding back -------------------------------------------------------------------------------------

class _Filter:
    """What CLIENT KILL asks for: all that is given must fit."""

    def __init__(self, options):
        self.id = self.addr = self.laddr = self.kind = None
        self.skip_me = True
        for name, value in zip(options[::2], options[1::2]):
            self._take(name.lower(), value)

    def _take(self, name, value):
        if name == b"id":
            self.id = str_to_i64(value)
            if self.id is None or self.id < 1:
                raise ReplyError("ERR client-id should be greater than 0")
        elif name == b"type":
            self.kind = type_named(value)
        elif name == b"addr":
            self.addr = value
        elif name == b"laddr":
            self.laddr = value
        elif name == b"user":
            if value != b"default":
                raise ReplyError(f"ERR No such user '{shown(value)}'")
        elif name == b"skipme" and value.lower() in (b"yes", b"no"):
            self.skip_me = value.lower() == b"yes"
        else:
            raise syntax_error()

    def fits(self, info):
        return (self.id in (None, info.id) and self.addr in (None, info.addr) and self.laddr in (None, info.laddr)
                and self.kind in (None, info.kind))


@command("client|kill", arity=-3, flags=_ALL)
def client_kill(session, args):
    """CLIENT KILL address | option value ...: OK, or with options how many were closed"""
    engine = session.engine
    if len(args) == 3:
        for info in engine.clients():
            if info.addr == args[2]:
                engine.kill_client(info.id)
                return "OK"
        raise ReplyError("ERR No such client")
    if len(args) % 2:
        raise syntax_error()
    wanted = _Filter(args[2:])
    killed = int(wanted.kind == "master" and engine.replication.is_replica and engine.replication.replica.kill_link())
    for info in engine.clients():
        if wanted.fits(info) and not (wanted.skip_me and info.id == session.id):
            killed += engine.kill_client(info.id)
    return killed


@command("client|pause", arity=-3, flags=_ALL)
def client_pause(session, args):
    """CLIENT PAUSE milliseconds [WRITE | ALL]"""
    if len(args) > 4:
        raise too_many(args)
    mode = args[3].lower() if len(args) == 4 else b"all"
    if mode not in (b"write", b"all"):
        raise ReplyError("ERR CLIENT PAUSE mode must be WRITE or ALL")
    timeout_ms = str_to_i64(args[2])
    if timeout_ms is None:
        raise ReplyError("ERR timeout is not an integer or out of range")
    if timeout_ms < 0:
        raise ReplyError("ERR timeout is negative")
    session.engine.pause(min(time.time_ns() // 1_000_000 + timeout_ms, _I64_MAX), mode == b"all")
    return "OK"


@command("client|unpause", arity=2, flags=_ALL)
def client_unpause(session, args):
    """CLIENT UNPAUSE"""
    session.engine.unpause()
    return "OK"


@command("client|unblock", arity=-3, flags=_ALL)
def client_unblock(session, args):
    """CLIENT UNBLOCK id [TIMEOUT | ERROR]: whether it was blocked"""
    if len(args) > 4:
        raise too_many(args)
    if len(args) == 4 and args[3].lower() not in (b"timeout", b"error"):
        raise ReplyError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    number = str_to_i64(args[2])
    if number is None:
        raise ReplyError("ERR value is not an integer or out of range")
    with_error = len(args) == 4 and args[3].lower() == b"error"
    return int(number > 0 and session.engine.unblock_client(number, with_error))


# -- properties of one's own ---------------------------------------------------------------------------------------

def _on(text):
    if text.lower() not in (b"on", b"off"):
        raise syntax_error()
    return text.lower() == b"on"


@command("client|setname", arity=3, flags=_OWN)
def client_setname(session, args):
    """CLIENT SETNAME name"""
    if not is_printable(args[2]):
        raise ReplyError(BAD_NAME)
    session.name = args[2]
    return "OK"


@command("client|getname", arity=2, flags=_OWN)
def client_getname(session, args):
    """CLIENT GETNAME"""
    return session.name or None


@command("client|setinfo", arity=4, flags=_OWN)
def client_setinfo(session, args):
    """CLIENT SETINFO LIB-NAME name | LIB-VER version"""
    option = args[2].lower()
    if option not in (b"lib-name", b"lib-ver"):
        raise ReplyError(f"ERR Unrecognized option '{shown(args[2])}'")
    if not is_printable(args[3]):
        raise ReplyError(f"ERR {shown(args[2])} cannot contain spaces, newlines or special characters.")
    session.set_library(shown(option[4:]), args[3])
    return "OK"


@command("client|reply", arity=3, flags=_OWN)
def client_reply(session, args):
    """CLIENT REPLY ON | OFF | SKIP"""
    mode = args[2].lower()
    if mode not in (b"on", b"off", b"skip"):
        raise syntax_error()
    session.set_reply_mode(shown(mode))
    return "OK" if mode == b"on" else NoReply


@command("client|no-evict", arity=3, flags=_ALL)
def client_no_evict(session, args):
    """CLIENT NO-EVICT ON | OFF"""
    session.set_no_evict(_on(args[2]))
    return "OK"


@command("client|no-touch", arity=3, flags=_OWN)
def client_no_touch(session, args):
    """CLIENT NO-TOUCH ON | OFF"""
    session.set_no_touch(_on(args[2]))
    return "OK"


# -- tracking ------------------------------------------------------------------------------------------------------

@command("client|tracking", arity=-3, flags=_OWN)
def client_tracking(session, args):
    """CLIENT TRACKING ON | OFF ...: only OFF is possible"""
    if _on(args[2]):
        raise ReplyError("ERR client-side caching is not available: keys are not tracked")
    return "OK"


@command("client|caching", arity=3, flags=_OWN)
def client_caching(session, args):
    """CLIENT CACHING YES | NO: an error, as there is no tracking"""
    raise ReplyError("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT "
                     "mode enabled")


@command("client|getredir", arity=2, flags=_OWN)
def client_getredir(session, args):
    """CLIENT GETREDIR"""
    return -1


@command("client|trackinginfo", arity=2, flags=_OWN)
def client_trackinginfo(session, args):
    """CLIENT TRACKINGINFO"""
    return {b"flags": OrderedSet([b"off"]), b"redirect": -1, b"prefixes": []}


@command("client|help", arity=2, flags="loading stale")
def client_help(session, args):
    """CLIENT HELP"""
    return HELP
