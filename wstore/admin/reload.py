"""COMMANDS RELOAD: swap in a new build of the command module, keeping data and connections.

The file is read once; those bytes are checked and become an image (admin/images.py), or are known as one already;
then the engine adopts its tables, which is where the swap happens: between two commands, as handlers run one at a
time.  Whatever fails before that leaves the old tables in force.  The log tells of both.

Only files under the folder that the start-up-only directive `commands-path` names can be loaded: a client that
may run administrative commands must not get a file of its own making into the process.
"""
import os
import stat
import time

from wstore.admin import elf
from wstore.admin.images import Images, in_one_line
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

IMAGES = Images()
SIZE_LIMIT_BYTES = 64 << 20     # of a build; one with all debug information has a tenth of that
_SHOWN_CHARS = 200              # of a path in the log


def commands_folder(engine):
    """The folder that modules may come from, with symbolic links resolved."""
    return os.path.realpath(engine.config["commands-path"] or os.path.dirname(installed_module()))


def resolve(engine, path):
    """The file that RELOAD `path` means (None: the installed build's name); ReplyError if it is out of bounds."""
    folder = commands_folder(engine)
    file = None
    if path is None or "\0" not in path:
        file = os.path.realpath(os.path.join(folder, path or os.path.basename(installed_module())))
    if file is None or os.path.commonpath([folder, file]) != folder:
        raise ReplyError("ERR the path is outside of the folder that commands-path names")
    return file


def read_module(path):
    """The bytes of the shared object `path`; OSError or ValueError if it cannot be one."""
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(source)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("not a regular file")
        if facts.st_size > SIZE_LIMIT_BYTES:
            raise ValueError(f"the file is too large: {facts.st_size} of at most {SIZE_LIMIT_BYTES} bytes")
        build = os.read(source, facts.st_size)
    finally:
        os.close(source)
    elf.check(build)
    return build


def reload(engine, path):
    """Swap in the module at `path`; microseconds that it took. ReplyError: the old one stays."""
    log = engine.runtime.log if engine.runtime is not None else None
    started = time.perf_counter_ns()
    try:
        file = resolve(engine, path)
        _adopt(engine, file)
    except ReplyError as error:
        if log is not None:
            name = "" if path is None else f" of {path[:_SHOWN_CHARS]!r}"
            log.warning(f"COMMANDS RELOAD{name}: {str(error).removeprefix('ERR ')}")
        raise
    usec = (time.perf_counter_ns() - started) // 1000
    engine.facts.module.loaded(file, usec)
    if log is not None:
        log.notice(f"COMMANDS RELOAD: version {module_version(engine)} is in force, "
                   f"from {file[:_SHOWN_CHARS]!r}, after {usec} microseconds")
    return usec


def _adopt(engine, file):
    try:
        engine.adopt(IMAGES.tables(read_module(file)))
    except Exception as error:
        raise ReplyError("ERR reload failed, the old module stays: " + in_one_line(error)) from error


container("commands", flags="loading stale")


@command("commands|reload", arity=-2, flags="admin noscript no_async_loading")
def commands_reload(session, args):
    """COMMANDS RELOAD [path]"""
    if len(args) > 3:
        raise ReplyError("ERR wrong number of arguments for 'commands|reload' command")
    path = os.fsdecode(args[2]) if len(args) == 3 else None
    usec = reload(session.engine, path)
    return {b"version": module_version(session.engine).encode(), b"usec": usec}


@command("commands|help", arity=2, flags="loading stale")
def commands_help(session, args):
    """COMMANDS HELP"""
    return HELP
