"""CONFIG against redis-server 7.0: names, defaults, what each directive accepts, how it shows it, and all errors."""
from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import OK, Array, Bulk, ServerProcess, start_oracle, start_wstore
from tests.strategies_config import NAMES, settings
from wstore.admin.config import Config, LineError, Loader, options_text
from wstore.admin.config.table import HIDDEN, PROTECTED, STARTUP, TABLE

# Directives whose value is the process's own, or that wstore has or shows otherwise: see docs/differences.md
OWN = {"dir", "port", "bind", "pidfile", "logfile", "syslog-ident", "enable-debug-command", "save",
       "repl-diskless-load"}
# Directives that a test must not set: the connection would be lost, or the oracle needs jemalloc or TLS for them
UNSET = {"port", "bind", "tls-port", "requirepass", "activedefrag", "maxclients", "loglevel", "dir", "oom-score-adj",
         "watchdog-period"} | {name for name in TABLE if name.startswith("tls-")}
# ... that Redis does not have
NEW = {"commands-path", "aof-segment-size", "aof-retention-bytes", "aof-retention-time", "rdb-skip-unsupported",
       "backup-dir", "backup-keep"}
MUTABLE = sorted(name for name in NAMES if not TABLE[name].flags & (STARTUP | PROTECTED) and name not in UNSET | NEW)
ODD_VALUES = [
    "", " ", "x", "yes", "NO", "true", "0", "-0", "00", "01", "+1", "1", "-1", "2", "10", "1 ", " 1", "1.5", "1e3",
    "0x10", "1k", "1KB", "2mb", "3g", "1gb", "1t", "1b", "kb", "50%", "100%", "101%", "-5%", "%", "255", "256",
    "501", "65535", "65536", "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "99999999999999999999999", "normal 0 0 0", "normal 1kb 2 3", "slave 1 2 3",
    "Replica 1 1 1", "pubsub 1 1 -1", "master 1 1 1", "normal 1 2", "normal 1 1 1 pubsub 2 2 2", "3600 1",
    "3600 1 60 100", "0 1", "1 -1", "1  1", "60 1 ", "a b", "KEA", "AKE", "Kg$n", "q", "K E", "save", "nosave",
    "now save", "save nosave", "default", "50 99 99.9", "100.1", "33.3333333", "nan", "1 2 3", "800 200 0",
    "-2001 0 0", "noeviction", "ALLKEYS-LRU", "everysec", "always", "local", "clients", "swapdb", "ip", "hostname",
    "{title}", "{port} x", "{foo}", "{", "a.b-c", "a_b", "h" * 256, "allchannels", "panic", "relative",
]


@pytest.fixture(scope="module")
def both():
    """A redis-server and a wstore-server of their own, so that settings stay here."""
    with start_oracle() as oracle, start_wstore() as server:
        yield oracle, server


def ask(both: tuple[ServerProcess, ServerProcess], *args: str):
    """The replies of both to a command."""
    return [server.call(*args) for server in both]


def pairs(reply) -> dict[str, bytes]:
    items = [item.data for item in reply.items]
    return {name.decode(): value for name, value in zip(items[::2], items[1::2], strict=True)}


def test_names_and_defaults(both):
    expected, found = map(pairs, ask(both, "CONFIG", "GET", "*"))
    assert set(expected) == set(found) - NEW
    assert {name: value for name, value in found.items() if name not in OWN | NEW} == {
        name: value for name, value in expected.items() if name not in OWN}


def test_defaults_of_hidden_directives(both):
    hidden = [name for name, directive in TABLE.items() if directive.flags & HIDDEN]
    expected, found = ask(both, "CONFIG", "GET", *hidden)
    assert pairs(expected) == pairs(found)


@pytest.mark.parametrize("patterns", [
    ["maxmemory"], ["MAXMEMORY"], ["MaxMemory", "maxmemory"], ["maxmemory", "max*"], ["MAX*"], ["m?xmemory"],
    ["[lm]axmemory"], ["max\\memory"], ["nope"], ["nope*"], ["slave-*", "replica-*"], ["*-max-*-*"], ["watchdog*"],
    ["*k*p*", "ho*", "hz"], [""], ["\\*"],
])
def test_get(both, patterns):
    expected, found = ask(both, "CONFIG", "GET", *patterns)
    assert pairs(expected) == {name: value for name, value in pairs(found).items() if name not in NEW}


def test_get_in_resp3(both):
    oracle, server = both
    with oracle.connect(resp=3) as expected, server.connect(resp=3) as found:
        assert expected.call("CONFIG", "GET", "hz") == found.call("CONFIG", "GET", "hz")


@pytest.mark.parametrize("args", [
    "GET", "SET", "SET hz", "SET hz 10 port", "SET nope 1", "SET nope 1 nix 2", "SET nope 1 daemonize yes",
    "SET daemonize yes nope 1", "SET DaemonIze yes", "SET dir /tmp", "SET dbfilename x", "SET hz 10 HZ 20",
    "SET Hz x", "SET hz 11 maxmemory x", "SET maxmemory x hz 11", "SET slave-priority 7 replica-priority 8",
    "SET include x", "SET user default", "SET rename-command x", "SET list-max-ziplist-entries 1", "SET logfile x",
    "SET enable-debug-command no", "SET unixsocket x", "SET port x", "SET port 65536", "SET port -1",
    "REWRITE", "REWRITE x", "RESETSTAT", "RESETSTAT x", "HELP x", "NOPE", "GETS x", "",
])
def test_replies(both, args):
    expected, found = ask(both, "CONFIG", *args.split())
    assert expected == found
    assert ask(both, "CONFIG", "GET", "hz")[0] == Array((Bulk(b"hz"), Bulk(b"10")))
    assert ask(both, "CONFIG", "GET", "hz")[1] == Array((Bulk(b"hz"), Bulk(b"10")))


def same_set_and_get(both, name, value):
    """Set it on both sides, and see what they show then."""
    expected, found = ask(both, "CONFIG", "SET", name, value)
    assert expected == found, (name, value)
    expected, found = ask(both, "CONFIG", "GET", name)
    assert expected == found, (name, value)


@pytest.mark.parametrize("name", MUTABLE)
def test_set_odd_values(both, name):
    before = pairs(ask(both, "CONFIG", "GET", name)[0])[name].decode()
    same_set_and_get(both, name, before)        # where the defaults differ
    for value in ODD_VALUES:
        if name == "maxmemory-clients" and value.isdigit() and int(value) > 2 ** 63 - 1:
            continue        # which Redis takes for a percentage
        same_set_and_get(both, name, value)
    same_set_and_get(both, name, before)


@given(st.lists(settings(MUTABLE), min_size=1, max_size=4))
def test_set_several(both, chosen):
    words = [word for name, values in chosen for word in (name, " ".join(values))]
    names = [name for name, _ in chosen]
    for name in names:
        same_set_and_get(both, name, TABLE[name].kind.text(TABLE[name].default))
    expected, found = ask(both, "CONFIG", "SET", *words)
    assert expected == found
    expected, found = ask(both, "CONFIG", "GET", *names)
    assert pairs(expected) == pairs(found)


WRONG_FILES = [
    "port x", "port", "port 1 2", "PORT -1", "port 99999", "nope 1", "hz 1\n\n  # c\n\tmaxmemory 1t  \nhz 2",
    "port '1", 'port "1"x', "requirepass a'b", "save 1", 'save "1 2 3"', "save 0 1", "daemonize maybe", "loglevel loud",
    "supervised x", "appendfsync sometimes", "client-output-buffer-limit normal 1 2", "notify-keyspace-events K E",
    "client-output-buffer-limit nobody 1 2 3", "oom-score-adj-values 1 2", "latency-tracking-info-percentiles 101",
    "unixsocketperm 9", "unixsocketperm 1777", "dbfilename a/b", "appendfilename ''", "appenddirname a/b",
    "replicaof a", "replicaof a b", "include", "rename-command x", "lua-replicate-commands", "a.b", "dir /nonexistent",
    "maxclients 0", "proto-max-bulk-len 1", "io-threads 129", "syslog-facility local9", "repl-backlog-size 0",
    "slave-priority x", "hash-max-ziplist-entries -1", "tcp-backlog 1k",
    "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
]


def complaint_of_redis(*arguments: str) -> str:
    """What redis-server says about a configuration, without its banner."""
    ended = subprocess.run([shutil.which("redis-server"), *arguments], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    return ended.stderr.split("***\n")[-1].rstrip("\n")


@pytest.mark.parametrize("text", WRONG_FILES)
def test_wrong_files(tmp_path, text):
    path = tmp_path / "x.conf"
    path.write_text(f"port 0\n{text}\nport 0\n")
    with pytest.raises(LineError) as caught:
        Loader(Config()).load(str(path))
    told = complaint_of_redis(str(path)).replace("configuration file,", f"configuration file '{path}',")
    assert str(caught.value) == told


@pytest.mark.parametrize("arguments", [
    ["--port", "0", "--hz", "x"], ["--port", "0", "--hz"], ["--port", "0", "--hz", "1", "2"], ["--port 0", "--hz 1 2"],
    ["--port", "0", "--save", "--hz", "x"], ["--port", "0", "--nope", "--hz"], ["--port", "0", "--hz", "--port"],
    ["--port", "0", "--requirepass", "a\nb", "--hz", "\x01"],
])
def test_wrong_options(arguments):
    with pytest.raises(LineError) as caught:
        Loader(Config()).load(options=options_text(arguments))
    assert str(caught.value) == complaint_of_redis(*arguments)


SETTINGS = {
    "hz": "77", "maxmemory": "3gb", "save": "60 5 900 1", "client-output-buffer-limit": "pubsub 1mb 2mb 3",
    "notify-keyspace-events": "Kg$", "requirepass": 'a "b" \\ c', "latency-tracking-info-percentiles": "50 99.5",
    "replica-announce-ip": "h x", "oom-score-adj-values": "1 2 3", "maxmemory-clients": "7%",
    "repl-backlog-size": "2mb", "proc-title-template": "{title} '{port}'", "shutdown-on-sigterm": "nosave now",
    "timeout": "300",
}


@pytest.mark.parametrize("writer, reader", [("redis", "wstore"), ("wstore", "redis")])
def test_rewritten_files_move_between_both(tmp_path, writer, reader):
    """One server's CONFIG REWRITE makes a file that the other reads, to the same settings."""
    commands = {"redis": ["redis-server"], "wstore": [sys.executable, "-m", "wstore.cli.server"]}
    path = tmp_path / "x.conf"
    path.write_text("# mine\nbind 127.0.0.1\nhz 20\n")
    shown = []
    for name in (writer, reader):
        command = [*commands[name], str(path)]
        with ServerProcess(command, folder=str(tmp_path)) as server, server.connect() as connection:
            if name == writer:
                connection.call("CONFIG", "SET", *(word for pair in SETTINGS.items() for word in pair))
                assert connection.call("CONFIG", "REWRITE") == OK
            else:
                connection.call("AUTH", SETTINGS["requirepass"])
            shown.append(pairs(connection.call("CONFIG", "GET", *SETTINGS, "bind")))
    assert shown[0] == shown[1]
    assert path.read_text().startswith("# mine\nbind 127.0.0.1\nhz 77\n")
