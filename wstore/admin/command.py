"""COMMAND: what commands there are and what they take.

What is said of a command comes from catalog.py; the forms of the replies are those of Redis 7.0.15.
"""
from wstore.admin import command_table
from wstore.admin.catalog import Catalog, catalog
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


def _asked(args):
    """The names that a client asks for; an undecodable one is no command's."""
    return [name.decode("utf-8", "replace").lower() for name in args]


@command("command", arity=-1, flags="loading stale container")
def command_all(session, args):
    """COMMAND"""
    return _infos(session, ())


def _infos(session, names):
    known = catalog(session.engine)
    return [known.encoded(Catalog.info, name, session.resp) for name in names or known.parents]


@command("command|count", arity=2, flags="loading stale")
def command_count(session, args):
    """COMMAND COUNT"""
    return len(catalog(session.engine).parents)


@command("command|info", arity=-2, flags="loading stale")
def command_info(session, args):
    """COMMAND INFO [name ...]"""
    return _infos(session, _asked(args[2:]))


@command("command|docs", arity=-2, flags="loading stale")
def command_docs(session, args):
    """COMMAND DOCS [name ...]"""
    known = catalog(session.engine)
    return {
        name.encode(): known.encoded(Catalog.docs, name, session.resp)
        for name in _asked(args[2:]) or known.parents if name in known.by_name}


@command("command|list", arity=-2, flags="loading stale")
def command_list(session, args):
    """COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]"""
    passes = _filter(args[2:]) if len(args) > 2 else lambda spec: True
    return [spec["name"].encode() for spec in catalog(session.engine).specs if passes(spec)]


def _filter(words):
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
    spec = _spec_of(catalog(session.engine), argv)
    key_specs = command_table.key_specs(spec["name"])
    if all("not_key" in key_spec["flags"] for key_spec in key_specs):     # channels, if any
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


def _spec_of(known, argv):
    """The spec of the command, or subcommand, that a command line calls."""
    name, sub = _asked(argv[:2])
    if known.children(name):
        name = f"{name}|{sub}"
    if name not in known.by_name:
        raise ReplyError("ERR Invalid command specified")
    return known.by_name[name]


@command("command|help", arity=2, flags="loading stale")
def command_help(session, args):
    """COMMAND HELP"""
    return HELP
