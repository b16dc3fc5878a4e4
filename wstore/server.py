"""`wstore.Server`: a store served to Redis clients by a thread of this process."""
import logging
import threading

from wstore.admin.config.table import TABLE
from wstore.admin.listening import ListenError
from wstore.admin.runtime import Runtime
from wstore.admin.serverlog import Log
from wstore.persistence.recovery import Recovery
from wstore.store import Store

_PERSISTENT = {"dir", "appendonly", "save"}      # settings that ask for data on disk
_PYTHON_LEVELS = (logging.DEBUG, logging.DEBUG, logging.INFO, logging.WARNING)


class _PythonLog(Log):
    """The server's log as records of the logger "wstore"."""

    def __init__(self):
        self._logger = logging.getLogger("wstore")
        self.last_warning = ""

    def set_level(self, level):
        """Levels are up to the logger."""

    def write(self, level, text):
        if level == 3:
            self.last_warning = text
        self._logger.log(_PYTHON_LEVELS[level], text)


class Server:
    """Serves a Store over RESP.  The loop runs in a thread of its own, without the GIL.

        with wstore.Server(requirepass="secret") as server:
            redis.Redis(port=server.port, password="secret").ping()

    store: the Store to serve, which stays open; None: a new one, closed with the server.
    port: TCP port; 0: one that is free; None: no TCP.  `bind` is 127.0.0.1 unless given.
    settings: directives of the configuration, with "_" for "-" (`maxclients=100`, `unixsocket="/tmp/x"`); bool,
    numbers, text, and lists of them for directives of several words (`save=[60, 1]`).

    Data are loaded from and saved to disk only if settings ask for it: with `dir` the server of a new store loads what
    is there as it starts, and saves as redis-server does; with `appendonly=True` it logs every write there.

    The store may be used directly at the same time.  ValueError for a wrong setting, OSError if `start` cannot
    listen.  A server can be started again after it has stopped.
    """

    def __init__(self, store=None, port=0, *, bind="127.0.0.1", **settings):
        self._own_store = store is None
        self.store = Store(databases=settings.get("databases", 16)) if store is None else store
        self._any_port = port == 0
        self._runtime = None
        self._thread = None
        self._loads = self._own_store and bool(_PERSISTENT & settings.keys())
        if self._loads:
            self.store.persistence.ready = False
            if not settings.get("appendonly"):
                settings.setdefault("save", TABLE["save"].kind.text(TABLE["save"].default).split())
        self._configure({"port": port or 0, "bind": bind, **settings})

    def _configure(self, settings):
        config = self.store.config
        for name, value in settings.items():
            name = name.replace("_", "-")
            if name not in TABLE:
                raise ValueError(f"there is no directive {name!r}")
            try:
                config.load(name, words_of(value))
            except ValueError as error:
                shown = f"{name} {str(value)!r}" if name == "dir" else name
                raise ValueError(f"{shown}: {error}") from None
        config.run_hooks()

    def start(self):
        """Load what is there, listen and serve.

        OSError if an address cannot be had, RecoveryError if the data cannot be loaded, RuntimeError if the store is
        served already.
        """
        log = _PythonLog()
        if self._loads:
            Recovery(self.store.persistence).run()
            self._loads = False
        runtime = Runtime(self.store, log)
        self.store.persistence.resume()
        try:
            runtime.listeners.open_tcp(self._any_port)
            runtime.listeners.open_unix()
        except ListenError:
            runtime.close()
            raise OSError(log.last_warning) from None
        self._runtime = runtime
        self._thread = threading.Thread(target=self._serve, args=[runtime], name="wstore", daemon=True)
        self._thread.start()

    def _serve(self, runtime):
        """The thread: ends by `stop` or by SHUTDOWN."""
        try:
            runtime.run()
        finally:
            self.store.persistence.pause()
            runtime.close()
            self._runtime = None

    def stop(self):
        """End the loop and close all connections; the data stays, unless the store is the server's own."""
        runtime, thread = self._runtime, self._thread
        if runtime is not None:
            runtime.stop()
        if thread is not None:
            thread.join()
        self._thread = None

    def close(self):
        """`stop`, and close the store if it is the server's own."""
        self.stop()
        if self._own_store:
            self.store.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def port(self):
        """The TCP port that it listens on; 0 while it does not."""
        runtime = self._runtime
        return runtime.listeners.port if runtime is not None else 0

    @property
    def url(self):
        """Where clients connect to: redis://127.0.0.1:PORT, or unix://PATH without TCP."""
        if self.port:
            [address, *_] = self.store.config["bind"]
            host = {"*": "127.0.0.1", "::*": "[::1]"}.get(address, address)
            return f"redis://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{self.port}"
        return f"unix://{self.store.config['unixsocket']}"


def words_of(value):
    """A Python value as the words of a directive."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (list, tuple)):
        return [str(word) for word in value]
    return [str(value)]
