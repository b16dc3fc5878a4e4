"""The CONFIG command: GET, SET, REWRITE, RESETSTAT, HELP."""
import os

from wstore.admin.config.access import is_allowed
from wstore.admin.config.model import ConfigError
from wstore.admin.config.notes import notes
from wstore.admin.config.table import SENSITIVE, TABLE
from wstore.admin.config.words import to_bytes, to_text
from wstore.admin.registry import command, container
from wstore.errors import ReplyError

_FLAGS = "admin noscript loading stale"

container("config")


@command("config|get", arity=-3, flags=_FLAGS)
def config_get(session, args):
    found = session.engine.config.find(map(to_text, args[2:]))
    return {to_bytes(name): to_bytes(text) for name, text in found.items()}


@command("config|set", arity=-4, flags=_FLAGS)
def config_set(session, args):
    if len(args) % 2:
        raise ReplyError("ERR syntax error")
    words = [to_text(word) for word in args[2:]]
    _hide_passwords(session, words[::2])
    config = session.engine.config
    try:
        config.set_pairs(list(zip(words[::2], words[1::2])), is_allowed(session, "enable-protected-configs"))
    except ConfigError as error:
        raise ReplyError(f"ERR {error}") from None
    if session.engine.log is not None:
        for level, text in notes(config, words[::2]):
            session.engine.log(level, text)
    return "OK"


def _hide_passwords(session, names):
    """Keep values of directives that hold a password out of the slow log and MONITOR."""
    for at, name in enumerate(names):
        if name.lower() in TABLE and TABLE[name.lower()].flags & SENSITIVE:
            session.redact(2 * at + 3, 2 * at + 4)


@command("config|rewrite", arity=2, flags=_FLAGS)
def config_rewrite(session, args):
    from wstore.admin.config.rewrite import FileError, rewrite_file  # slow to import: with the start of a loop

    config = session.engine.config
    if config.path is None:
        raise ReplyError("ERR The server is running without a config file")
    try:
        rewrite_file(config)
    except OSError as error:
        raise ReplyError(f"ERR Rewriting config file: {os.strerror(error.errno)}") from None
    except FileError as error:
        raise ReplyError(f"ERR Rewriting config file: {error}") from None
    return "OK"


@command("config|resetstat", arity=2, flags=_FLAGS)
def config_resetstat(session, args):
    session.engine.reset_stats()
    session.engine.replication.master.reset_counts()
    return "OK"


@command("config|help", arity=2, flags="loading stale")
def config_help(session, args):
    return [
        "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET <pattern> [<pattern> ...]",
        "    The directives whose names match a glob-like pattern, and their values.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Set directives: all of them, or none if one cannot be set.",
        "RESETSTAT",
        "    Set the counters that INFO shows back to zero.",
        "REWRITE",
        "    Write the settings in force to the configuration file.",
        "HELP",
        "    Show this text.",
    ]
