"""The wstore-server process: arguments, configuration files, log, signals, pid file, daemon, sockets."""
import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

from tests.processes import ROOT, ServerProcess, child, free_port, start_wstore, wait_for
from tests.resp import CLOSED, OK, Array, Bulk, Connection, Error, Simple
from wstore.versions import WSTORE_VERSION

LOG_LINE = re.compile(r"\d+:[CM] \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} [.*#-] .*")
WAIT_S = 20


def run(*arguments, stdin="", cwd=None):
    """Run wstore-server until it ends by itself."""
    return subprocess.run([sys.executable, "-m", "wstore.cli.server", *arguments], input=stdin, cwd=cwd, text=True,
                          capture_output=True, timeout=WAIT_S, env={**os.environ, "PYTHONPATH": str(ROOT)})


@contextlib.contextmanager
def server_of_file(folder, text, *options):
    """A server started with a configuration file of this text, which the caller may look at: folder/wstore.conf."""
    path = folder / "wstore.conf"
    path.write_text(text)
    command = [sys.executable, "-m", "wstore.cli.server", str(path)]
    with ServerProcess(command, ["--bind", "127.0.0.1", *options], folder=str(folder)) as server:
        yield server


def value_of(reply):
    """The value in a reply to CONFIG GET of one name."""
    return reply.items[1].data


def config_of(server, name):
    return value_of(server.call("CONFIG", "GET", name))


def refused(argument, reason):
    return Error(f"ERR CONFIG SET failed (possibly related to argument '{argument}') - {reason}".encode())


# -- arguments -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["-v", "--version"])
def test_version(option):
    ended = run(option)
    assert ended.returncode == 0
    assert f"v={WSTORE_VERSION} " in ended.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(option):
    ended = run(option)
    assert ended.returncode == 0
    assert "Usage: wstore-server" in ended.stdout


@pytest.mark.parametrize("arguments, line, text, reason", [
    (["--port", "x"], 2, 'port "x"', "argument couldn't be parsed into an integer"),
    (["--port", "0", "--nope", "1"], 3, 'nope "1"', "Bad directive or wrong number of arguments"),
    (["--hz 1 2"], 2, "hz 1 2", "wrong number of arguments"),
])
def test_wrong_options(arguments, line, text, reason):
    ended = run(*arguments)
    assert ended.returncode == 1
    assert ended.stderr == (f"\n*** FATAL CONFIG FILE ERROR (wstore {WSTORE_VERSION}) ***\n"
                            f"Reading the configuration file, at line {line}\n>>> '{text}'\n{reason}\n")


def test_wrong_file(tmp_path):
    (tmp_path / "x.conf").write_text("# one\nport 0\nmaxclients 0\n")
    ended = run(str(tmp_path / "x.conf"))
    assert ended.returncode == 1
    assert f"Reading the configuration file '{tmp_path}/x.conf', at line 3\n>>> 'maxclients 0'\n" in ended.stderr
    assert "\nargument must be between 1 and 4294967295 inclusive\n" in ended.stderr


def test_missing_file():
    ended = run("/nonexistent/x.conf")
    assert ended.returncode == 1
    assert "can't open config file '/nonexistent/x.conf': No such file or directory" in ended.stdout


def test_unusable_log_file():
    ended = run("--port", "0", "--logfile", "/nonexistent/log")
    assert ended.returncode == 1
    assert "Can't open the log file: No such file or directory" in ended.stderr


@pytest.mark.parametrize("name", ["none", "file"])
def test_commands_path_must_be_a_folder(tmp_path, name):
    (tmp_path / "file").write_text("")
    ended = run("--port", "0", "--commands-path", str(tmp_path / name))
    assert ended.returncode == 1
    assert f"commands-path '{tmp_path / name}' is not a folder" in ended.stderr


def test_renaming_a_command_that_is_not_there(tmp_path):
    (tmp_path / "x.conf").write_text("port 0\nrename-command nosuch x\n")
    ended = run(str(tmp_path / "x.conf"))
    assert ended.returncode == 1
    assert f"Reading the configuration file '{tmp_path}/x.conf', at line 2\n" in ended.stderr


def test_nowhere_to_listen():
    ended = run("--port", "0")
    assert ended.returncode == 1
    assert "Configured to not listen anywhere, exiting." in ended.stdout


def test_port_in_use():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        ended = run("--port", str(sock.getsockname()[1]), "--bind", "127.0.0.1")
    assert ended.returncode == 1
    assert "Address already in use" in ended.stdout


def test_configuration_from_stdin():
    ended = run("-", "--hz", "7", stdin="port 0\nhz x\n")
    assert ended.returncode == 1
    assert "at line 3\n>>> 'hz x'" in ended.stderr


def test_options_override_the_file(tmp_path):
    with server_of_file(tmp_path, "hz 20\ntimeout 30\n", "--timeout", "40", "--save", "") as server:
        assert config_of(server, "hz") == b"20"
        assert config_of(server, "timeout") == b"40"
        assert config_of(server, "save") == b""


# -- log -----------------------------------------------------------------------------------------------------------

def test_log_lines():
    with start_wstore("--cluster-enabled", "yes", "--stream-node-max-entries", "4") as server:
        wait_for(lambda: "Ready to accept connections" in server.log())
        lines = server.log().splitlines()
    assert all(LOG_LINE.fullmatch(line) for line in lines), lines
    assert any("# Directive 'cluster-enabled' has no effect" in line for line in lines)
    assert any("* Accepted without effect: stream-node-max-entries" in line for line in lines)


def test_setting_directives_without_effect_is_logged_once():
    with start_wstore("--maxmemory", "1gb", "--save", "") as server:
        for value in ("0", "2", "2"):
            assert server.call("CONFIG", "SET", "maxmemory-clients", value, "hz", "20") == OK
            assert server.call("CONFIG", "SET", "maxmemory", "2gb", "maxmemory-policy", "allkeys-lru") == OK
        assert server.call("CONFIG", "SET", "save", "60 1", "appendfsync", "x").code == b"ERR"
        assert server.call("CONFIG", "SET", "tls-cluster", "yes").code == b"ERR"
        told = [line.split(" ", 6)[-1] for line in server.log().splitlines() if "effect" in line]
    assert told == [
        "Directive 'maxmemory' has no effect: memory is not limited",
        "Accepted without effect: maxmemory-policy",
        "Directive 'maxmemory-clients' has no effect: memory is not limited",
    ]


def test_log_file_and_level(tmp_path):
    path = tmp_path / "server.txt"
    with start_wstore("--logfile", str(path), "--loglevel", "warning") as server:
        assert server.log() == ""
        server.call("CONFIG", "SET", "loglevel", "notice")
        server.call("DEBUG", "LOG", "moved")
        path.rename(tmp_path / "old.txt")
        server.call("DEBUG", "LOG", "here")
        assert "here" in path.read_text()
    assert "moved" in (tmp_path / "old.txt").read_text()
    assert "Ready to accept" not in (tmp_path / "old.txt").read_text()


# -- ending --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(number, tmp_path):
    pid_file = tmp_path / "pid"
    with start_wstore("--pidfile", str(pid_file)) as server:
        assert int(pid_file.read_text()) == server.pid
        server.process.send_signal(number)
        assert server.process.wait(WAIT_S) == 0
        assert not pid_file.exists()
        assert f"Received {number.name}" in server.log()
        assert "bye bye" in server.log()


def test_signal_ends_it_with_clients_connected():
    with start_wstore() as server, server.connect() as connection:
        connection.call("SET", "a", "1")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(WAIT_S) == 0
        assert connection.read() == CLOSED


def test_a_second_signal_ends_it_at_once():
    """Both signals wait for a process that is stopped, so that their handlers run before the loop does."""
    with start_wstore() as server:
        server.process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(server.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
            server.process.send_signal(number)
        assert server.process.wait(WAIT_S) == 1
        assert "a second time" in server.log()


def test_sighup_is_ignored():
    with start_wstore() as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.call("PING") == Simple(b"PONG")


@pytest.mark.parametrize("arguments", [[], ["NOSAVE"], ["NOSAVE", "NOW", "FORCE"], ["SAVE", "FORCE"]])
def test_shutdown(arguments):
    with start_wstore() as server, server.connect() as connection:
        connection.send("SHUTDOWN", *arguments)
        assert connection.read() == CLOSED
        assert server.process.wait(WAIT_S) == 0


@pytest.mark.parametrize("arguments, error", [
    (["SAVE", "NOSAVE"], "ERR syntax error"),
    (["LATER"], "ERR syntax error"),
    (["ABORT", "NOW"], "ERR syntax error"),
    (["ABORT"], "ERR No shutdown in progress."),
])
def test_shutdown_errors(wstore_server, oracle, arguments, error):
    for server in (wstore_server, oracle):
        assert server.call("SHUTDOWN", *arguments) == Error(error.encode())
        assert server.alive()


def test_shutdown_saves_if_told(tmp_path):
    for options, saved in (("NOSAVE",), False), ((), False), (("SAVE",), True):
        with start_wstore(folder=str(tmp_path)) as server, server.connect() as connection:
            assert connection.call("SHUTDOWN", *options) is CLOSED
            assert server.process.wait(20) == 0
        assert (tmp_path / "dump.rdb").exists() == saved


# -- process -------------------------------------------------------------------------------------------------------

def test_daemon(tmp_path):
    port, pid_file, log = free_port(), tmp_path / "pid", tmp_path / "log"
    ended = run("--daemonize", "yes", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path),
                "--pidfile", "pid", "--logfile", "log")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
    try:
        wait_for(lambda: "Ready to accept connections" in log.read_text())
        with Connection(port) as connection:
            assert connection.call("PING") == Simple(b"PONG")
        assert os.getsid(pid) == pid
        assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not pid_file.exists())


def test_systemd_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(WAIT_S)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(tmp_path / "notify")}
        argv = [sys.executable, "-m", "wstore.cli.server", "--supervised", "systemd", "--daemonize", "yes",
                "--port", str(free_port()), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--pidfile", "pid"]
        with child(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            assert b"READY=1\n" in manager.recv(1000)
            assert (tmp_path / "pid").read_text() == f"{process.pid}\n"     # in the foreground, despite daemonize
            process.terminate()
            assert manager.recv(1000) == b"STOPPING=1\n"
            assert process.wait(WAIT_S) == 0


def test_dir_is_the_working_directory(tmp_path):
    with start_wstore(folder=str(tmp_path)) as server:
        assert config_of(server, "dir") == os.fsencode(tmp_path)
        assert os.readlink(f"/proc/{server.pid}/cwd") == str(tmp_path)
        assert server.call("CONFIG", "SET", "dir", "/") == refused("dir", "can't set protected config")


def test_protected_configs_can_be_enabled():
    with start_wstore("--enable-protected-configs", "local") as server:
        server.call("CONFIG", "SET", "dir", "/")
        assert os.readlink(f"/proc/{server.pid}/cwd") == "/"
        assert server.call("CONFIG", "SET", "dir", "/nonexistent") == refused("dir", "No such file or directory")


def test_too_many_clients_for_the_system():
    limits = ["sh", "-c", 'ulimit -n 200 && exec "$0" -m wstore.cli.server "$@"', sys.executable]
    with ServerProcess(limits, ["--bind", "127.0.0.1", "--maxclients", "1000"]) as server:
        assert config_of(server, "maxclients") == b"168"
        assert "maxclients is 168 now, not 1000" in server.log()


# -- sockets -------------------------------------------------------------------------------------------------------

def test_unix_socket(tmp_path):
    path = tmp_path / "sock"
    path.write_text("stale")
    argv = [sys.executable, "-m", "wstore.cli.server", "--port", "0", "--unixsocket", str(path),
            "--unixsocketperm", "700", "--save", ""]
    with child(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
               text=True) as process:
        wait_for(lambda: answers_at(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        process.terminate()
        log = process.communicate(timeout=WAIT_S)[0]
    assert process.returncode == 0
    assert f"Ready to accept connections at {path}" in log
    assert not path.exists()


def answers_at(path):
    """Whether a server answers at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        sock.sendall(b"PING\r\n")
        return sock.recv(100) == b"+PONG\r\n"


def answers(host, port):
    """Whether a server answers there."""
    try:
        with socket.create_connection((host, port), timeout=2) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(100) == b"+PONG\r\n"
    except ConnectionRefusedError:
        return False


def test_several_addresses():
    port = free_port()
    with start_wstore("--bind", "127.0.0.1", "-::1", "127.0.0.2", port=port) as server:
        assert [answers(host, port) for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3")] == [True, True, False]
        assert config_of(server, "bind") == b"127.0.0.1 -::1 127.0.0.2"


def test_addresses_change_while_it_runs():
    with start_wstore() as server, server.connect() as connection:
        assert not answers("127.0.0.2", server.port)
        connection.call("CONFIG", "SET", "bind", "* -::*")
        assert answers("127.0.0.2", server.port)
        connection.call("CONFIG", "SET", "bind", "127.0.0.1 -::1")
        assert not answers("127.0.0.2", server.port)
        port = free_port()
        connection.call("CONFIG", "SET", "port", str(port))
        assert [answers("127.0.0.1", p) for p in (port, server.port)] == [True, False]
        connection.call("CONFIG", "SET", "port", "0")
        assert not answers("127.0.0.1", port)
        connection.call("CONFIG", "SET", "port", str(server.port))
        assert answers("127.0.0.1", server.port)


@pytest.mark.parametrize("name, value, reason", [
    ("bind", "192.0.2.1", "Failed to bind to specified addresses."),
    ("bind", "127.0.0.1 127.0.0.1", "Failed to bind to specified addresses."),
    ("port", "TAKEN", "Unable to listen on this port. Check server logs."),
])
def test_an_address_that_cannot_be_had(name, value, reason):
    with start_wstore() as server, server.connect() as connection, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        value = value.replace("TAKEN", str(taken.getsockname()[1]))
        before = connection.call("CONFIG", "GET", name)
        assert connection.call("CONFIG", "SET", name, value) == refused(name, reason)
        assert connection.call("CONFIG", "GET", name) == before
        assert answers("127.0.0.1", server.port)


# -- CONFIG REWRITE ------------------------------------------------------------------------------------------------

def test_rewrite_round_trip(tmp_path):
    with server_of_file(tmp_path, "# mine\nhz 20\nrequirepass \"a b\"\n") as server, server.connect() as connection:
        connection.call("AUTH", "a b")
        connection.call("CONFIG", "SET", "hz", "30", "maxmemory", "1gb", "save", "60 1 5 2")
        assert connection.call("CONFIG", "REWRITE") == OK
        text = (tmp_path / "wstore.conf").read_text()
    assert text.startswith('# mine\nhz 30\nrequirepass "a b"\n# Generated by CONFIG REWRITE\n')
    assert {"maxmemory 1gb", "save 60 1", "save 5 2", f"port {server.port}"} <= set(text.splitlines())
    assert set(os.listdir(tmp_path)) == {"server.log", "wstore.conf", "dump.rdb"}
    with server_of_file(tmp_path, text) as server, server.connect() as connection:
        connection.call("AUTH", "a b")
        assert value_of(connection.call("CONFIG", "GET", "save")) == b"60 1 5 2"
        assert value_of(connection.call("CONFIG", "GET", "maxmemory")) == b"1073741824"


def test_rewrite_without_a_file(wstore_server):
    assert wstore_server.call("CONFIG", "REWRITE") == Error(b"ERR The server is running without a config file")


def test_rewrite_in_a_folder_that_is_gone(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.conf").write_text("hz 20\n")
    command = [sys.executable, "-m", "wstore.cli.server", str(tmp_path / "sub" / "x.conf")]
    with ServerProcess(command, ["--bind", "127.0.0.1"]) as server:
        (tmp_path / "sub" / "x.conf").unlink()
        (tmp_path / "sub").rmdir()
        assert server.call("CONFIG", "REWRITE") == Error(b"ERR Rewriting config file: No such file or directory")


# -- rename-command ------------------------------------------------------------------------------------------------

def test_rename_command(tmp_path):
    text = 'rename-command CONFIG cfg\nrename-command flushall ""\n'
    with server_of_file(tmp_path, text) as server:
        assert server.call("CFG", "GET", "hz") == Array((Bulk(b"hz"), Bulk(b"10")))
        for name in ("CONFIG", "FLUSHALL", "config|get"):
            assert server.call(name, "hz").text.startswith(f"ERR unknown command '{name}'".encode())


@pytest.mark.parametrize("line, reason", [
    ("rename-command nope x", "No such command in rename-command"),
    ("rename-command get set", "Target command name already exists"),
])
def test_wrong_rename_command(tmp_path, line, reason):
    (tmp_path / "x.conf").write_text(f"port 0\n\n{line}\n")
    ended = run(str(tmp_path / "x.conf"))
    assert ended.returncode == 1
    assert f"at line 3\n>>> '{line}'\n{reason}\n" in ended.stderr


# -- the wstore tool -----------------------------------------------------------------------------------------------

def tool(*arguments):
    plain = {"NO_COLOR": "1", "FORCE_COLOR": "", "COLUMNS": "100"}
    return subprocess.run([sys.executable, "-m", "wstore.cli.tool", *arguments], text=True, capture_output=True,
                          timeout=WAIT_S, env={**os.environ, "PYTHONPATH": str(ROOT), **plain})


def test_tool_version():
    assert tool("version").stdout.startswith(f"wstore {WSTORE_VERSION} ")


def test_tool_slots():
    with start_wstore("--requirepass", "s e") as server, server.connect() as connection:
        connection.call("AUTH", "s e")
        for i in range(5):
            connection.call("SET", f"{{a}}{i}", "x")
        connection.call("SET", "b", "x")
        shown = tool("slots", f"redis://:s%20e@127.0.0.1:{server.port}", "--top", "1").stdout
        assert re.search(r"15495 .* 5 .* 83\.33%", shown), shown
        assert "3300" not in shown
        assert "6 keys in 2 of 16,384 slots" in shown
        refused = tool("slots", f"127.0.0.1:{server.port}")
        assert refused.returncode == 1
        assert "NOAUTH" in refused.stderr


def test_tool_without_a_server():
    ended = tool("slots", f"127.0.0.1:{free_port()}")
    assert ended.returncode == 1
    assert "Connection refused" in ended.stderr
    assert tool("slots", "ftp://x").returncode == 2
