"""SHUTDOWN: the server ends, without a reply."""
from wstore.admin.registry import command
from wstore.engine.replies import NoReply
from wstore.errors import ReplyError
from wstore.persistence.service import ShutdownRefused

_OPTIONS = {b"save", b"nosave", b"now", b"force", b"abort"}


@command("shutdown", arity=-1, flags="admin noscript loading stale no_multi allow_busy")
def shutdown(session, args):
    options = [word.lower() for word in args[1:]]
    chosen = set(options)
    if not chosen <= _OPTIONS or {b"save", b"nosave"} <= chosen or (b"abort" in chosen and len(chosen) > 1):
        raise ReplyError("ERR syntax error")
    if b"abort" in chosen:
        raise ReplyError("ERR No shutdown in progress.")
    runtime = session.engine.runtime
    if runtime is None:
        raise ReplyError("ERR Errors trying to SHUTDOWN. Check logs.")
    runtime.log.warning("User requested shutdown...")
    try:
        session.engine.persistence.shut_down({word.decode() for word in chosen})
    except ShutdownRefused:
        raise ReplyError("ERR Errors trying to SHUTDOWN. Check logs.") from None
    runtime.stop()
    return NoReply
