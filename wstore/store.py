"""`wstore.Store`: the engine embedded in this process, without a socket.

Typed methods for the most used commands (names and arguments as redis-py has them; those of the collection types are
in store_collections.py), `execute` for every command.
Keys and values go in as bytes, or str as UTF-8, and come out as bytes.  Errors are `wstore.ReplyError`.
"""
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from wstore.admin import install
from wstore.admin.config.model import Config
from wstore.commands import _commands
from wstore.engine._engine import TypedStore
from wstore.store_collections import CollectionMethods, Key, Value

if TYPE_CHECKING:
    import numpy

SCAN_COUNT = 100


class Store(TypedStore, CollectionMethods):
    """A keyspace of `databases` databases with all commands, in memory of this process.

    dir: the folder, which must be there, to load the data from and to save them in, when it is closed and by SAVE;
    None: the data are only in memory.  appendonly: instead of that every write is logged there as it is made (`CONFIG
    SET appendfsync always`: it is on disk when the call returns).  ValueError if there is no such folder, RecoveryError
    or OSError if what is in it cannot be loaded.

    Use as a context manager, or call `close()`, to free it at once.
    """

    def __new__(cls, databases: int = 16, **options: object) -> "Store":
        return super().__new__(cls, databases)

    def __init__(self, databases: int = 16, *, dir: str | os.PathLike[str] | None = None,
                 appendonly: bool = False) -> None:
        if appendonly and dir is None:
            raise ValueError("appendonly needs a dir")
        self.adopt(_commands.module())
        config = Config()
        if dir is None or appendonly:
            config.load("save", [""])       # the log has it all
        if dir is not None:
            try:
                config.load("dir", [os.path.abspath(dir)])
            except ValueError as error:
                raise ValueError(f"dir {os.path.abspath(dir)!r}: {error}") from None
            config.load("appendonly", ["yes" if appendonly else "no"])
        install(self, config)
        if dir is not None:
            from wstore.persistence.recovery import Recovery
            Recovery(self.persistence).run()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Save what a `dir` asks for, and free all data; any further use raises ValueError.

        RuntimeError while a Server serves the store, OSError if it cannot be saved: then it stays open.
        """
        self.persistence.end()
        super().close()

    # -- strings ---------------------------------------------------------------------------------------------------

    def mset(self, mapping: Mapping[Key, Value]) -> bool:
        """Store every pair at once. Raises ReplyError if there is none."""
        self.execute("MSET", *(x for pair in mapping.items() for x in pair))
        return True

    def incr(self, key: Key, amount: int = 1) -> int:
        """Add to the integer at `key` (0 if missing); the sum."""
        return self.execute("INCRBY", key, amount)

    def decr(self, key: Key, amount: int = 1) -> int:
        """Subtract from the integer at `key` (0 if missing); the difference."""
        return self.execute("DECRBY", key, amount)

    def append(self, key: Key, value: Value) -> int:
        """Append to the string; its new length in bytes."""
        return self.execute("APPEND", key, value)

    def strlen(self, key: Key) -> int:
        """Bytes of the string, 0 if missing."""
        return self.execute("STRLEN", key)

    def getdel(self, key: Key) -> bytes | None:
        """The string, which is removed."""
        return self.execute("GETDEL", key)

    # -- keys --------------------------------------------------------------------------------------------------------

    def exists(self, *keys: Key) -> int:
        """How many of these keys exist; one given twice counts twice."""
        return self.execute("EXISTS", *keys)

    def expire(self, key: Key, seconds: int) -> bool:
        """Let the key expire in so many seconds; False: no such key."""
        return bool(self.execute("EXPIRE", key, seconds))

    def pexpire(self, key: Key, milliseconds: int) -> bool:
        """Let the key expire in so many milliseconds; False: no such key."""
        return bool(self.execute("PEXPIRE", key, milliseconds))

    def persist(self, key: Key) -> bool:
        """Take the key's TTL away; False: it had none."""
        return bool(self.execute("PERSIST", key))

    def ttl(self, key: Key) -> int:
        """Seconds the key has left; -1: no TTL, -2: no such key."""
        return self.execute("TTL", key)

    def pttl(self, key: Key) -> int:
        """Milliseconds the key has left; -1: no TTL, -2: no such key."""
        return self.execute("PTTL", key)

    def type(self, key: Key) -> str:
        """The key's type, as "string"; "none" if missing."""
        return self.execute("TYPE", key)

    def rename(self, key: Key, new_key: Key) -> bool:
        """Give the key another name, over whatever had that. Raises ReplyError if there is no such key."""
        self.execute("RENAME", key, new_key)
        return True

    def keys(self, pattern: Key = "*") -> list[bytes]:
        """All keys that match the glob."""
        return self.execute("KEYS", pattern)

    def scan_iter(self, match: Key | None = None, count: int = SCAN_COUNT, type: str | None = None) -> Iterator[bytes]:
        """All keys, one after another; those there the whole time come at least once. May go on between changes."""
        options = [x for name, value in (("MATCH", match), ("TYPE", type)) if value is not None for x in (name, value)]
        cursor = b"0"
        while True:
            cursor, keys = self.execute("SCAN", cursor, "COUNT", count, *options)
            yield from keys
            if cursor == b"0":
                return

    def flushdb(self) -> bool:
        """Remove all keys of the selected database."""
        self.execute("FLUSHDB")
        return True

    def flushall(self) -> bool:
        """Remove all keys of all databases."""
        self.execute("FLUSHALL")
        return True

    # -- slots ---------------------------------------------------------------------------------------------------------

    def slot_counts(self) -> "numpy.ndarray":
        """Keys of each hash slot of the selected database: uint32[16384]."""
        import numpy

        return numpy.frombuffer(self.slot_counts_bytes(), dtype=numpy.uint32)
