"""Values out of the payloads of an RDB file: restored into a store of their own, and read by commands."""
from __future__ import annotations

from typing import Any

from wstore.commands import _commands
from wstore.engine._engine import TypedStore
from wstore.errors import ReplyError

FOOTER_BYTES = 10       # of a payload: version and checksum
QUESTIONS = {
    "string": ("GET", "v"),
    "list": ("LRANGE", "v", "0", "-1"),
    "set": ("SMEMBERS", "v"),
    "zset": ("ZRANGE", "v", "0", "-1", "WITHSCORES"),
    "hash": ("HGETALL", "v"),
}


class Scratch:
    """A store that holds one value at a time."""

    def __init__(self) -> None:
        self.store = TypedStore(1)
        self.store.adopt(_commands.module())

    def value(self, type_name: str, payload: bytes) -> Any:
        """The value that the payload holds. ValueError: damaged, or of a type that there is not."""
        if type_name == "string" and payload[1] < 0x80:
            return payload[2 if payload[1] < 0x40 else 3:-FOOTER_BYTES]     # its length in 6 or 14 bits, and itself
        if type_name not in QUESTIONS:
            raise ValueError(f"a {type_name} cannot be read")
        try:
            self.store.execute("RESTORE", "v", "0", payload, "REPLACE")
        except ReplyError as error:
            raise ValueError(f"the value is damaged: {error}") from None
        value = self.store.execute(*QUESTIONS[type_name])
        if type_name == "zset":
            return [(member, score) for member, score in value]
        return value
