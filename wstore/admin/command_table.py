"""What COMMAND knows about each command beyond what the engine runs by: command_table.json, as reply values.

The file maps a command or "parent|sub" to: summary, since, group, complexity, doc_flags, deprecated_since,
replaced_by, history ([version, text] pairs), acl (categories with "@"), tips, key_specs and arguments, the
last two in the shape of COMMAND INFO and COMMAND DOCS.  It is read when first asked for: most servers never
get a COMMAND.  tests/compat/test_command.py holds its facts against a real server's.
"""
import functools
import json
import os

from wstore.admin.registry import FLAGS
from wstore.engine.replies import OrderedSet

_HIDDEN_FLAGS = ("container", "protected")      # the engine's own, not in COMMAND INFO
_STATUS_LISTS = ("flags", "doc_flags")          # their members are simple strings


def wire(value):
    """A JSON value as a reply: text as bulk strings, flags as sets of simple strings."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
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


@functools.cache
def table():
    """name -> dict of what the file says, as in the file."""
    path = os.path.join(os.path.dirname(__file__), "command_table.json")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def flag_names(bits):
    """Names of the flag bits, in the order of COMMAND INFO."""
    return [name for name, bit in FLAGS.items() if bits & bit and name not in _HIDDEN_FLAGS]


def acl_categories(name, bits):
    """The categories of a command, each with "@"; by its flags alone if the table does not know it."""
    known = table().get(name)
    if known:
        return known["acl"]
    found = [flag for flag in ("write", "admin", "pubsub", "fast", "blocking") if bits & FLAGS[flag]]
    if bits & FLAGS["readonly"]:
        found.append("read")
    if bits & FLAGS["admin"]:
        found.append("dangerous")
    if not bits & FLAGS["fast"]:
        found.append("slow")
    return ["@" + category for category in found]


def key_specs(name):
    """The key specs of a command, as in the file."""
    return table().get(name, {}).get("key_specs", [])


def tips(name):
    return table().get(name, {}).get("tips", [])


def docs(name):
    """The fields that COMMAND DOCS gives for a command, without its subcommands."""
    known = table().get(name, {})
    hidden = ("acl", "tips", "key_specs")
    return wire({field: value for field, value in known.items() if field not in hidden})
