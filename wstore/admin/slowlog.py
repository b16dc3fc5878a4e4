"""SLOWLOG: the newest commands that took long."""
from wstore.admin.registry import command, container
from wstore.engine._engine import str_to_i64
from wstore.errors import ReplyError

HELP = """\
SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
GET [<count>]
    Show the newest <count> entries (default: 10, -1: all of them), each with
    id, Unix time, microseconds, arguments, address and name of the client.
LEN
    How many entries there are.
RESET
    Drop all entries.
HELP
    Print this help.""".splitlines()

_FLAGS = "admin loading stale"

container("slowlog")


@command("slowlog|get", arity=-2, flags=_FLAGS)
def slowlog_get(session, args):
    """SLOWLOG GET [count]"""
    if len(args) > 3:
        sent = args[1].decode()
        raise ReplyError(f"ERR unknown subcommand or wrong number of arguments for '{sent}'. Try SLOWLOG HELP.")
    count = 10
    if len(args) == 3:
        count = str_to_i64(args[2])
        if count is None or count < -1:
            raise ReplyError("ERR count should be greater than or equal to -1")
    return session.engine.slow_log(count)


@command("slowlog|len", arity=2, flags=_FLAGS)
def slowlog_len(session, args):
    """SLOWLOG LEN"""
    return session.engine.slow_log_length()


@command("slowlog|reset", arity=2, flags=_FLAGS)
def slowlog_reset(session, args):
    """SLOWLOG RESET"""
    session.engine.reset_slow_log()
    return "OK"


@command("slowlog|help", arity=2, flags="loading stale")
def slowlog_help(session, args):
    """SLOWLOG HELP"""
    return HELP
