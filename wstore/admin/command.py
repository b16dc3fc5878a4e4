"""COMMAND: what commands there are and what they take.

Names, arity, flags and key positions are the engine's, from the tables in force; everything else comes from
command_table.py.  The forms of the replies are those of Redis 7.0.15.
"""
from wstore.admin import command_table
from wstore.admin.key_specs import keys_of
from wstore.admin.registry import command
from wstore.engine._engine import glob_match
from wstore.engine.replies import OrderedSet
from wstore.errors import ReplyError

HELP = """\
COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
(no subcommand)
    Describe all commands.
COUNT
    Return how many commands there are, without their subcommands.
LIST [FILTERBY MODULE <name> | ACLCAT <category> | PATTERN <glob>]
    Return the names of all commands, or of those that pass the filter.
INFO [<command-name> ...]
    Describe the named commands, or all.
DOCS [<command-name> ...]
    Return the documentation of the named commands, or of all.
GETKEYS <full-command>
    Return the keys in a full command.
GETKEYSANDFLAGS <full-command>
    Return the keys in a full command, with what happens to each.
HELP
    Print this help.""".splitlines()


def _specs(session):
    """name -> spec of each command and subcommand in force."""
    return {spec["name"]: spec for spec in session.engine.command_specs()}


def _children(specs, name):
    return [child for child in specs if child.startswith(name + "|")]


def _parents(specs):
    return [name for name in specs if "|" not in name]


def _info(specs, name):
    """The ten fields of COMMAND INFO, or None for an unknown command."""
    spec = specs.get(name)
    if spec is None:
        return None
    acl = command_table.acl_categories(name, spec["flags"])
    return [
        name.encode(), spec["arity"], OrderedSet(command_table.flag_names(spec["flags"])),
        spec["first_key"], spec["last_key"], spec["key_step"],
        OrderedSet(acl), OrderedSet(command_table.wire(command_table.tips(name))),
        OrderedSet(command_table.wire(command_table.key_specs(name))),
        [_info(specs, child) for child in _children(specs, name)] or OrderedSet()]     # as Redis has it


def _docs(specs, name):
    fields = command_table.docs(name)
    children = _children(specs, name)
    if children:
        fields[b"subcommands"] = {child.encode(): _docs(specs, child) for child in children}
    return fields


def _asked(args):
    """The names that a client asks for; an undecodable one is no command's."""
    return [name.decode("utf-8", "replace").lower() for name in args]


@command("command", arity=-1, flags="loading stale container")
def command_all(session, args):
    """COMMAND"""
    specs = _specs(session)
    return [_info(specs, name) for name in _parents(specs)]


@command("command|count", arity=2, flags="loading stale")
def command_count(session, args):
    """COMMAND COUNT"""
    return len(_parents(_specs(session)))


@command("command|info", arity=-2, flags="loading stale")
def command_info(session, args):
    """COMMAND INFO [name ...]"""
    specs = _specs(session)
    return [_info(specs, name) for name in _asked(args[2:]) or _parents(specs)]


@command("command|docs", arity=-2, flags="loading stale")
def command_docs(session, args):
    """COMMAND DOCS [name ...]"""
    specs = _specs(session)
    names = _asked(args[2:]) or _parents(specs)
    return {name.encode(): _docs(specs, name) for name in names if name in specs}


@command("command|list", arity=-2, flags="loading stale")
def command_list(session, args):
    """COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]"""
    specs = _specs(session)
    passes = _filter(session, args[2:]) if len(args) > 2 else lambda spec: True
    return [name.encode() for name, spec in specs.items() if passes(spec)]


def _filter(session, words):
    """The test that a FILTERBY clause asks for, on a command's spec."""
    if len(words) != 3 or words[0].lower() != b"filterby":
        raise ReplyError("ERR syntax error")
    kind, wanted = words[1].lower(), words[2]
    if kind == b"module":
        return lambda spec: False       # there are no Redis modules here
    if kind == b"aclcat":
        category = "@" + wanted.decode("utf-8", "replace").lower()
        return lambda spec: category in command_table.acl_categories(spec["name"], spec["flags"])
    if kind == b"pattern":
        return lambda spec: glob_match(wanted, spec["name"].encode(), nocase=True)
    raise ReplyError("ERR syntax error")


@command("command|getkeys", arity=-4, flags="loading stale")
def command_getkeys(session, args):
    """COMMAND GETKEYS command [argument ...]"""
    return [key for key, _ in _keys(session, args[2:])]


@command("command|getkeysandflags", arity=-4, flags="loading stale")
def command_getkeysandflags(session, args):
    """COMMAND GETKEYSANDFLAGS command [argument ...]"""
    return [[key, OrderedSet(flags)] for key, flags in _keys(session, args[2:])]


def _keys(session, argv):
    """[(key, flags)] of a command line."""
    specs = _specs(session)
    spec = _spec_of(specs, argv)
    key_specs = command_table.key_specs(spec["name"])
    if not key_specs:
        raise ReplyError("ERR The command has no key arguments")
    arity = spec["arity"]
    if (arity > 0 and arity != len(argv)) or len(argv) < -arity:
        raise ReplyError("ERR Invalid number of arguments specified for command")
    try:
        return keys_of(spec["name"], key_specs, argv) or _refuse()
    except (ValueError, IndexError):
        raise ReplyError("ERR Invalid arguments specified for command") from None


def _refuse():
    raise ValueError("no keys")


def _spec_of(specs, argv):
    """The spec of the command, or subcommand, that a command line calls."""
    name = _asked(argv[:1])[0]
    if _children(specs, name):
        name += "|" + _asked(argv[1:2])[0]
    if name not in specs:
        raise ReplyError("ERR Invalid command specified")
    return specs[name]


@command("command|help", arity=2, flags="loading stale")
def command_help(session, args):
    """COMMAND HELP"""
    return HELP
