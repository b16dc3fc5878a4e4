"""The `wstore-server` command: a standalone server, started with the arguments of redis-server."""
import os
import sys

from wstore.admin import install
from wstore.admin.config import Config, FileError, LineError, Loader, options_text
from wstore.admin.config.notes import notes
from wstore.admin.config.words import to_bytes
from wstore.admin.limits import check_clients, fit_clients
from wstore.admin.listening import ListenError
from wstore.admin.runtime import Runtime
from wstore.admin.serverlog import ServerLog
from wstore.cli import process
from wstore.commands import _commands
from wstore.engine._engine import Engine
from wstore.persistence.recovery import Recovery
from wstore.persistence.service import ShutdownRefused
from wstore.versions import REDIS_VERSION, WSTORE_VERSION

USAGE = """\
Usage: wstore-server [/path/to/wstore.conf] [options] [-]
       wstore-server - (read the configuration from standard input)
       wstore-server -v or --version
       wstore-server -h or --help

Options are directives of the configuration file with "--" in front:
       wstore-server --port 7777 --requirepass secret
       wstore-server /etc/wstore.conf --loglevel verbose
       echo 'maxclients 128' | wstore-server -
"""


class StartError(Exception):
    """The server cannot start; the reason is in the log."""


def main(arguments=None):
    """Run the server until it is told to end; exits with 0, or with 1 if it could not start."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] in (["-v"], ["--version"]):
        print(f"wstore server v={WSTORE_VERSION} redis={REDIS_VERSION} bits=64")
        return
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE, end="")
        return
    config = Config(owns_process=True)
    log = ServerLog()
    try:
        renames = read_configuration(config, arguments)
        check_log_file(config)
        check_commands_folder(config)
    except LineError as error:
        fail_with_banner(error)
    except FileError as error:
        log.warning(str(error))
        sys.exit(1)
    open_log(log, config)
    try:
        serve(config, log, renames)
    except StartError:
        sys.exit(1)


def fail_with_banner(error):
    """End the process as Redis does for a configuration that is wrong."""
    print(f"\n*** FATAL CONFIG FILE ERROR (wstore {WSTORE_VERSION}) ***\n{error}", file=sys.stderr)
    sys.exit(1)


def read_configuration(config, arguments):
    """Read file, standard input and options into `config`; the renamed commands as (command, new name) pairs."""
    path, stdin = None, None
    arguments = list(arguments)
    if arguments and not arguments[0].startswith("-"):
        path = os.path.abspath(arguments.pop(0))
    for place in (0, -1):
        if arguments and arguments[place] == "-":
            del arguments[place]
            stdin = b""
    if stdin is not None:
        stdin = sys.stdin.buffer.read()
    loader = Loader(config)
    loader.load(path, stdin, options_text(arguments))
    config.path = path
    return loader.renames


def check_log_file(config):
    """FileError if the log file cannot be written to."""
    path = config["logfile"]
    if path:
        try:
            with open(path, "a"):
                return
        except OSError as error:
            fail_with_banner(f"Can't open the log file: {os.strerror(error.errno)}")


def check_commands_folder(config):
    """End the process if `commands-path` is set and is no folder: RELOAD could never work."""
    path = config["commands-path"]
    if path and not os.path.isdir(path):
        fail_with_banner(f"commands-path '{path}' is not a folder")


def open_log(log, config):
    log.path = os.path.abspath(config["logfile"]) if config["logfile"] else ""
    log.set_level(config["loglevel"])
    if config["syslog-enabled"]:
        log.open_syslog(config["syslog-ident"], config["syslog-facility"])


def serve(config, log, renames):
    """Become a server process and serve until told to end; StartError."""
    supervised = process.is_supervised(config["supervised"])
    if config["daemonize"] and not supervised:
        process.go_into_background()
    log.notice(f"wstore is starting: version={WSTORE_VERSION}, bits=64, pid={os.getpid()}")
    for level, text in notes(config, config.given):
        log.write(level, text)
    log.role = "M"
    fit_clients(config, log)
    pid_file = take_pid_file(config, log)
    try:
        runtime = open_runtime(config, log, renames)
        try:
            run(runtime, supervised)
        finally:
            runtime.close()
    finally:
        process.remove_file(pid_file)
    log.warning("wstore is now ready to exit, bye bye...")


def take_pid_file(config, log):
    """Write the pid file, if one is asked for; its path, or "" if there is none."""
    path = config["pidfile"] or (process.PID_FILE_DEFAULT if config["daemonize"] else "")
    if path:
        path = os.path.abspath(path)
        try:
            process.write_pid_file(path)
        except OSError as error:
            log.warning(f"Failed to write PID file: {error.strerror}")
            return ""
    return path


def open_runtime(config, log, renames):
    """An engine with all commands, listening; StartError."""
    engine = Engine(config["databases"])
    engine.adopt(_commands.module())
    install(engine, config)
    config.on_change(["maxclients"], lambda: check_clients(config))
    rename_commands(engine, renames)
    runtime = Runtime(engine, log)
    try:
        runtime.listeners.open_tcp()
        runtime.listeners.open_unix()
        if not runtime.loop.listener_count:
            log.warning("Configured to not listen anywhere, exiting.")
            raise ListenError
    except ListenError:
        runtime.close()
        raise StartError from None
    return runtime


def rename_commands(engine, renames):
    """Do what the rename-command lines say; ends the process if one is wrong."""
    for name, new_name, *place in renames:
        try:
            engine.rename_command(to_bytes(name), to_bytes(new_name))
        except ValueError as error:
            fail_with_banner(LineError(*place, str(error)))


def run(runtime, supervised):
    """Load the data, say that the server is ready, and serve; StartError."""
    errors = []

    def loaded(error):
        if error is None:
            tell_ready(runtime, supervised)
        else:
            errors.append(error)
            runtime.log.warning(error)
            runtime.stop()

    process.catch_signals(runtime)
    runtime.log.notice(f"Running mode=standalone, port={runtime.engine.config['port']}.")
    Recovery(runtime.engine.persistence).begin(loaded)
    runtime.run()
    while not errors and not may_end(runtime):
        runtime.loop.go_on()
        runtime.run()
    if errors:
        raise StartError
    if supervised:
        process.notify_supervisor("STOPPING=1\n")


def tell_ready(runtime, supervised):
    config, log = runtime.engine.config, runtime.log
    if config["port"]:
        log.notice("Ready to accept connections")
    if config["unixsocket"]:
        log.notice(f"Ready to accept connections at {config['unixsocket']}")
    if supervised:
        process.notify_supervisor("STATUS=Ready to accept connections\nREADY=1\n")


def may_end(runtime):
    """After the loop has ended: save what is to be saved; whether the process may end yet."""
    signal = process.signal_name(runtime)
    if not signal:
        return True         # SHUTDOWN has seen to it
    runtime.log.warning(f"Received {signal}, shutting down...")
    options = runtime.engine.config["shutdown-on-sigint" if signal == "SIGINT" else "shutdown-on-sigterm"]
    try:
        return runtime.ending.begin(options)
    except ShutdownRefused:
        runtime.log.warning(
            f"{signal} received but errors trying to shut down the server, check the logs for more information")
        return False


if __name__ == "__main__":
    main()
