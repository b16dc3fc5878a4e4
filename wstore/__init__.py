"""wstore: a memory-compact key-value engine that speaks Redis, as a server and inside of Python.

    with wstore.Store() as store:               # the engine in this process, no socket
        store.set("user:1", "Ann")

    with wstore.Server(port=0) as server:       # the same, served to Redis clients by a thread
        print(server.url)

`Store` and `Server`, and the packages `wstore.persistence` and `wstore.replication`, are imported when they are first
used.
"""
from wstore.errors import RecoveryError, ReplyError
from wstore.versions import WSTORE_VERSION as __version__

__all__ = ["RecoveryError", "ReplyError", "Server", "Store", "__version__"]


def __getattr__(name):
    if name == "Store":
        from wstore.store import Store
        return Store
    if name == "Server":
        from wstore.server import Server
        return Server
    if name in ("persistence", "replication"):
        from importlib import import_module
        return import_module(f"wstore.{name}")
    raise AttributeError(f"module 'wstore' has no attribute {name!r}")
