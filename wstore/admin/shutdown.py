"""SHUTDOWN: the server ends, without a reply."""
from wstore.admin.registry import command
from wstore.engine.replies import NoReply
from wstore.errors import ReplyError

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
    if b"save" in chosen and b"force" not in chosen:
        runtime.log.warning("SHUTDOWN SAVE is refused: there is no way yet to save. NOSAVE or FORCE ends the server.")
        raise ReplyError("ERR Errors trying to SHUTDOWN. Check logs.")
    runtime.log.warning("User requested shutdown...")
    runtime.stop()
    return NoReply
