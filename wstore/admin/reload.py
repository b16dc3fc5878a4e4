"""COMMANDS RELOAD: swap in a new build of the command module, keeping data and connections.

A private copy of the file is loaded as an image of its own, under a name of its own, so that the build may be
overwritten later and the image in force stays what it is; then the engine adopts its tables, which is where the
swap happens: between two commands, as handlers run one at a time.  Whatever fails before that leaves the old
tables in force.  Images are never unloaded: a spec or type table of an old one may still be in use.

Only files under the folder that the start-up-only directive `commands-path` names can be loaded: a client that
may run administrative commands must not get a file of its own making into the process.
"""
import importlib.machinery
import importlib.util
import itertools
import os
import shutil
import stat
import tempfile
import time

from wstore.admin import elf
from wstore.admin.registry import command, container
from wstore.errors import ReplyError

HELP = """\
COMMANDS <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
RELOAD [<path>]
    Load the command module from <path>, under the folder that the directive
    commands-path names (default: the installed build), and swap it in. Returns
    its version and how many microseconds the server stood still for it.
HELP
    Print this help.""".splitlines()

_MODULE = "wstore.commands._commands"
_image_numbers = itertools.count(1)


def default_file():
    """Path of the installed command module."""
    return importlib.util.find_spec(_MODULE).origin


def commands_folder(engine):
    """The folder that modules may come from, with symbolic links resolved."""
    named = engine.config.get("commands-path") if engine.config else ""
    return os.path.realpath(named or os.path.dirname(default_file()))


def resolve(engine, path):
    """The file that RELOAD `path` means (None: the installed build's name); ReplyError if it is out of bounds."""
    folder = commands_folder(engine)
    file = os.path.realpath(os.path.join(folder, path or os.path.basename(default_file())))
    if os.path.commonpath([folder, file]) != folder:
        raise ReplyError("ERR the path is outside of the folder that commands-path names")
    return file


def private_copy(path):
    """Path of a copy of the shared object `path` that nobody else knows of; OSError or ValueError if unusable."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("not a regular file")
        elf.check(source)
        source.seek(0)
        with tempfile.NamedTemporaryFile(prefix="wstore-commands-", suffix=".so", delete=False) as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
    return copy.name


def load(path):
    """A fresh image of the command module in file `path`, as a Python module; any exception if it is not one."""
    copy = private_copy(path)
    try:
        name = f"wstore_reload_{next(_image_numbers)}._commands"
        loader = importlib.machinery.ExtensionFileLoader(name, copy)
        image = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
        loader.exec_module(image)
        return image
    finally:
        os.unlink(copy)     # the mapping keeps the bytes


def reload(engine, path):
    """Swap in the module at `path`: (version, microseconds that it took); ReplyError if the old one stays."""
    started = time.perf_counter_ns()
    file = resolve(engine, path)
    try:
        image = load(file)
        engine.adopt(image.module())
    except Exception as error:
        raise ReplyError("ERR reload failed, the old module stays: " + _reason(error)) from error
    usec = (time.perf_counter_ns() - started) // 1000
    return engine.module.loaded(image, file, usec)


def _reason(error):
    """An exception in one line, as an error reply needs it."""
    text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:500]


container("commands", flags="loading stale")


@command("commands|reload", arity=-2, flags="admin noscript no_async_loading")
def commands_reload(session, args):
    """COMMANDS RELOAD [path]"""
    if len(args) > 3:
        raise ReplyError("ERR wrong number of arguments for 'commands|reload' command")
    path = os.fsdecode(args[2]) if len(args) == 3 else None
    if path is not None and "\0" in path:
        raise ReplyError("ERR the path is outside of the folder that commands-path names")
    version, usec = reload(session.engine, path)
    return {b"version": version.encode(), b"usec": usec}


@command("commands|help", arity=2, flags="loading stale")
def commands_help(session, args):
    """COMMANDS HELP"""
    return HELP
