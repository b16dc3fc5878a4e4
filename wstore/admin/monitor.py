"""MONITOR: show this connection every command that runs."""
from wstore.admin.registry import command
from wstore.errors import ReplyError


@command("monitor", arity=1, flags="admin noscript loading stale")
def monitor(session, args):
    """MONITOR"""
    if session.is_internal:
        raise ReplyError("ERR MONITOR needs a connection")
    if session.in_transaction:
        raise ReplyError("ERR MONITOR isn't allowed for DENY BLOCKING client")
    session.set_monitor(True)
    return "OK"
