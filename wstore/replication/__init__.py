"""Replication: this server's replicas and its master, the stream of writes between them, and its history.

    with wstore.replication.follow("redis://127.0.0.1:6379") as stream:
        for offset, database, command in stream:
            ...

`follow`, for programs that want the changes of a server, is in following.py; it and what belongs to it are imported
when they are first used.
"""
_PLACES = {"follow": "following", "Stream": "following", "Change": "units", "Position": "opening",
           "ResumeError": "opening", "HandshakeError": "handshake"}


def __getattr__(name):
    if name in _PLACES:
        from importlib import import_module
        return getattr(import_module(f"wstore.replication.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'wstore.replication' has no attribute {name!r}")
