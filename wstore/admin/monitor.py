"""MONITOR: show this connection every command that runs."""
from wstore.admin.registry import command
from wstore.errors import ReplyError


@command("monitor", arity=1, flags="admin noscript loading stale")
def monitor(session, args):
    """MONITOR"""
    if session.is_internal:
        raise ReplyError("ERR MONITOR needs a connection")
    session.set_monitor(True)
    return "OK"
