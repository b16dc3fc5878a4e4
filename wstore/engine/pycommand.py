"""`PyCommand`: how a command that is written in Python is described to the engine.

A plain class with slots, not a dataclass: the server imports it at start-up, where `dataclasses` alone would
cost several milliseconds.
"""


class PyCommand:
    """One command or subcommand ("parent|sub") with a Python handler.

    `arity`, `flags` (bits of `CommandFlag` in abi.pxd) and the key positions are those of COMMAND INFO.
    `fn(session, args)` runs with the store locked; None: a container that only has subcommands.
    """

    __slots__ = ("name", "arity", "flags", "first_key", "last_key", "key_step", "fn")

    def __init__(self, name, arity, flags, first_key, last_key, key_step, fn):
        self.name = name
        self.arity = arity
        self.flags = flags
        self.first_key = first_key
        self.last_key = last_key
        self.key_step = key_step
        self.fn = fn

    def __repr__(self):
        return f"PyCommand({self.name!r}, arity={self.arity}, flags={self.flags:#x})"
