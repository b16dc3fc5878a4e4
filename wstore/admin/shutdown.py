"""SHUTDOWN: the server ends, without a reply; it first waits for replicas that lack something."""
from wstore.admin.registry import command
from wstore.engine.replies import NoReply
from wstore.errors import ReplyError
from wstore.persistence.service import ShutdownRefused

_OPTIONS = {b"save", b"nosave", b"now", b"force", b"abort"}
_FAILED = "ERR Errors trying to SHUTDOWN. Check logs."


class Ending:
    """How a Runtime ends: replicas first, then the data, then the loop."""

    def __init__(self, runtime):
        self._runtime = runtime
        self._clients = []          # ids of those that have asked for it, and wait

    @property
    def _farewell(self):
        return self._runtime.engine.replication.farewell

    @property
    def waits(self):
        """Whether replicas are waited for."""
        return self._farewell.waits

    @property
    def client_count(self):
        """Connections that wait for it."""
        if not self._clients:
            return 0
        return len({client.id for client in self._runtime.engine.clients()}.intersection(self._clients))

    def begin(self, options, client_id=None):
        """Do what is to be done before the loop ends: True; False: replicas come first, and the loop ends after that.

        options: those of SHUTDOWN; client_id: of who asks.  ShutdownRefused.
        """
        if self.waits or ("now" not in options and self._farewell.begin(lambda: self._go_on(options))):
            if client_id is not None:
                self._clients.append(client_id)
            return False
        self._finish(options)
        return True

    def _finish(self, options):
        self._farewell.report()
        self._runtime.engine.persistence.shut_down(options)

    def _go_on(self, options):
        try:
            self._finish(options)
        except ShutdownRefused:
            self.abort()
        else:
            self._runtime.stop()

    def abort(self):
        """The server stays, and whoever waits for its end gets an error."""
        self._farewell.abort()
        clients, self._clients = self._clients, []
        for client_id in clients:
            self._runtime.engine.tell_client(client_id, f"-{_FAILED}\r\n".encode())


@command("shutdown", arity=-1, flags="admin noscript loading stale no_multi allow_busy")
def shutdown(session, args):
    """SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]"""
    options = [word.lower() for word in args[1:]]
    chosen = set(options)
    if not chosen <= _OPTIONS or {b"save", b"nosave"} <= chosen or (b"abort" in chosen and len(chosen) > 1):
        raise ReplyError("ERR syntax error")
    runtime = session.engine.runtime
    if b"abort" in chosen:
        return _abort(runtime)
    if runtime is None:
        raise ReplyError(_FAILED)
    if not runtime.ending.waits:
        runtime.log.warning("User requested shutdown...")
    try:
        if runtime.ending.begin({word.decode() for word in chosen}, session.id):
            runtime.stop()
    except ShutdownRefused:
        raise ReplyError(_FAILED) from None
    return NoReply


def _abort(runtime):
    if runtime is None or not runtime.ending.waits:
        raise ReplyError("ERR No shutdown in progress.")
    runtime.ending.abort()
    runtime.log.notice("Shutdown manually aborted.")
    return "OK"
