"""What COMMAND knows about each command beyond what the engine runs by: the rows of _command_data.py.

A command without a row (a reloaded module may bring one) has the categories that its flags imply, and no
documentation.
"""
from wstore.admin.registry import FLAGS
from wstore.engine.replies import OrderedSet

_HIDDEN_FLAGS = ("container", "protected", "may_replicate")      # not in COMMAND INFO
_STATUS_LISTS = ("flags", "doc_flags")          # their members are simple strings


def wire(value):
    """A value out of a row as a reply: text as bulk strings, flags as sets of simple strings."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list | tuple):
        return [wire(item) for item in value]
    if isinstance(value, dict):
        return {key.encode(): _wire_field(key, item) for key, item in value.items()}
    return value


def _wire_field(key, value):
    if key in _STATUS_LISTS:
        return OrderedSet(value)
    if key == "history":
        return OrderedSet(map(wire, value))
    return wire(value)


def _row(name):
    from wstore.admin._command_data import COMMANDS  # slow to import: with the start of a loop
    return COMMANDS.get(name, {})


def flag_names(bits):
    """Names of the flag bits, in the order of COMMAND INFO."""
    return [name for name, bit in FLAGS.items() if bits & bit and name not in _HIDDEN_FLAGS]


def acl_categories(name, bits):
    """The categories of a command, each with "@"; by its flags alone if the table does not know it."""
    row = _row(name)
    if row:
        return row["acl"]
    found = [flag for flag in ("write", "admin", "pubsub", "fast", "blocking") if bits & FLAGS[flag]]
    if bits & FLAGS["readonly"]:
        found.append("read")
    if bits & FLAGS["admin"]:
        found.append("dangerous")
    if not bits & FLAGS["fast"]:
        found.append("slow")
    return ["@" + category for category in found]


def key_specs(name):
    """The key specs of a command, in the shape of COMMAND INFO."""
    return _row(name).get("key_specs", [])


def tips(name):
    """The command tips, as Redis calls its hints to clients and proxies."""
    return _row(name).get("tips", [])


def docs(name):
    """The fields that COMMAND DOCS gives for a command, without its subcommands."""
    hidden = ("acl", "tips", "key_specs")
    return wire({field: value for field, value in _row(name).items() if field not in hidden})
