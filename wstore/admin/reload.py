"""COMMANDS RELOAD: swap in a new build of the command module, keeping data and connections.

A private copy of the file is loaded as an image of its own, under a name of its own, so that the build may be
overwritten later and the image in force stays what it is; then the engine adopts its tables, which is where the
swap happens: between two commands, as handlers run one at a time.  Whatever fails before that leaves the old
tables in force.  Images are never unloaded: a spec or type table of an old one may still be in use.

Only files under the folder that the start-up-only directive `commands-path` names can be loaded: a client that
may run administrative commands must not get a file of its own making into the process.
"""
import importlib.machinery
import itertools
import os
import stat
import time

from wstore.admin import elf
from wstore.admin.process import installed_module
from wstore.admin.registry import command, container
from wstore.engine._engine import module_version
from wstore.errors import ReplyError

HELP = """\
COMMANDS <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
RELOAD [<path>]
    Load the command module from <path>, under the folder that the directive
    commands-path names (default: the installed build), and swap it in. Returns
    its version and how many microseconds the server stood still for it.
HELP
    Print this help.""".splitlines()

_image_numbers = itertools.count(1)


def commands_folder(engine):
    """The folder that modules may come from, with symbolic links resolved."""
    return os.path.realpath(engine.config["commands-path"] or os.path.dirname(installed_module()))


def resolve(engine, path):
    """The file that RELOAD `path` means (None: the installed build's name); ReplyError if it is out of bounds."""
    folder = commands_folder(engine)
    file = os.path.realpath(os.path.join(folder, path or os.path.basename(installed_module())))
    if os.path.commonpath([folder, file]) != folder:
        raise ReplyError("ERR the path is outside of the folder that commands-path names")
    return file


def open_module(path):
    """A descriptor of the shared object `path`, open for reading; OSError or ValueError if it cannot be one."""
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            raise ValueError("not a regular file")
        elf.check(source)
    except BaseException:
        os.close(source)
        raise
    return source


def private_copy(source):
    """Path of a copy that nobody else knows of, in the folder for temporary files."""
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"wstore-commands-{os.urandom(8).hex()}.so")
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while os.sendfile(target, source, None, 1 << 30):
            pass
    finally:
        os.close(target)
    return path


def load(path):
    """A fresh image of the command module in file `path`, as a Python module; any exception if it is not one."""
    source = open_module(path)
    try:
        copy = private_copy(source)
    finally:
        os.close(source)
    try:
        return _import_image(copy)
    finally:
        os.unlink(copy)     # the mapping keeps the bytes


def _import_image(path):
    """The extension module in file `path`, under a name that no image had before."""
    name = f"wstore_reload_{next(_image_numbers)}._commands"
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    spec = importlib.machinery.ModuleSpec(name, loader, origin=path)
    image = loader.create_module(spec)
    loader.exec_module(image)
    return image


def reload(engine, path):
    """Swap in the module at `path`; microseconds that it took. ReplyError: the old one stays."""
    started = time.perf_counter_ns()
    file = resolve(engine, path)
    try:
        image = load(file)
        engine.adopt(image.module())
    except Exception as error:
        raise ReplyError("ERR reload failed, the old module stays: " + _reason(error)) from error
    usec = (time.perf_counter_ns() - started) // 1000
    engine.facts.module.loaded(image, file, usec)
    return usec


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
    usec = reload(session.engine, path)
    return {b"version": module_version(session.engine).encode(), b"usec": usec}


@command("commands|help", arity=2, flags="loading stale")
def commands_help(session, args):
    """COMMANDS HELP"""
    return HELP
