"""The registry of commands written in Python: `@command` adds one, `commands()` lists them all.

Each file of wstore/admin registers its commands when it is imported; `wstore.admin.install` imports those
files and hands the list to an engine.  A name is registered once; the registry is filled at import time only.
"""
from wstore.engine.pycommand import PyCommand

# Bits of CommandFlag in engine/abi.pxd, by their names in COMMAND INFO
FLAGS = {
    name: 1 << bit
    for bit, name in enumerate((
        "write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
        "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "may_replicate", "no_async_loading",
        "no_multi", "movablekeys", "allow_busy", "container", "protected"))
}

_commands: dict[str, PyCommand] = {}


def flag_bits(names):
    """The bits of a blank-separated list of flag names; KeyError for one that does not exist."""
    bits = 0
    for name in names.split():
        bits |= FLAGS[name]
    return bits


def _add(name, arity, flags, keys, fn):
    if name in _commands:
        raise ValueError(f"command {name!r} is registered twice")
    _commands[name] = PyCommand(name, arity, flag_bits(flags), *keys, fn)


def command(name, arity, flags="", keys=(0, 0, 0)):
    """Decorator: register `fn(session, args)` as command `name` (lower case, "parent|sub" for a subcommand).

    arity: as COMMAND INFO gives it, the command's own name counted (both words of a subcommand); negative: at
    least so many.  flags: names out of FLAGS.  keys: first key, last key, step, as in COMMAND INFO.
    """
    def register(fn):
        _add(name, arity, flags, keys, fn)
        return fn
    return register


def container(name, arity=-2, flags=""):
    """Register a command that has nothing but subcommands."""
    _add(name, arity, flags + " container", (0, 0, 0), None)


def commands():
    """All registered commands, as a list of PyCommand."""
    return list(_commands.values())
