"""redis-cli and redis-benchmark against wstore-server: each of their modes, run as their users run them."""
from __future__ import annotations

import contextlib
import csv
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from typing import Self

import pytest

from tests.harness import Connection, Int, ServerProcess, encode
from tests.processes import as_from_a_terminal, child, wait_for

TIMEOUT_S = 60


@pytest.fixture
def server(wstore_server: ServerProcess) -> ServerProcess:
    """The server, emptied, with keys 0 to 499: text, integers, some with a TTL, one of 10 kB."""
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        connection.pipeline([("SET", f"key:{i}", i if i % 2 else f"value {i}") for i in range(500)])
        connection.pipeline([("EXPIRE", f"key:{i}", 10_000) for i in range(0, 500, 5)])
        connection.call("SET", "key:7", "x" * 10_000)
    return wstore_server


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"these tests need {name} (package redis-tools)", pytrace=False)
    return path


def cli(server: ServerProcess, *args: str, stdin: bytes = b"") -> str:
    """redis-cli's output; it must end well and write nothing to stderr."""
    done = subprocess.run([tool("redis-cli"), "-p", str(server.port), *args], input=stdin, capture_output=True,
                          check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0 and done.stderr == b"", (done.returncode, done.stdout, done.stderr)
    return done.stdout.decode()


def cli_until(server: ServerProcess, text: str, *args: str) -> str:
    """What a redis-cli mode that runs until interrupted writes to a terminal, up to a match of `text` at least."""
    master, slave = pty.openpty()
    out = b""
    with os.fdopen(master, "rb", buffering=0) as screen, \
            child([tool("redis-cli"), "-p", str(server.port), *args], stdin=subprocess.DEVNULL, stdout=slave,
                  stderr=slave) as process:
        os.close(slave)
        deadline = time.monotonic() + TIMEOUT_S
        while not re.search(text, out.decode(errors="replace"), re.MULTILINE):
            ready, _, _ = select.select([screen], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {out!r}"
            out += screen.read(65536)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):      # EIO: the other end is closed
            while part := screen.read(65536):
                out += part
        process.wait(TIMEOUT_S)
    return out.decode()


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_commands(server, protocol):
    assert cli(server, protocol, "SET", "a", "1") == "OK\n"
    assert cli(server, protocol, "INCR", "a") == "2\n"
    assert cli(server, protocol, "GET", "none") == "\n"
    assert cli(server, protocol, "-n", "1", "DBSIZE") == "0\n"
    assert cli(server, protocol, "--no-raw", "MGET", "a", "none") == '1) "2"\n2) (nil)\n'
    assert cli(server, protocol, "-x", "SET", "in", stdin=b"from stdin") == "OK\n"
    assert cli(server, protocol, "GET", "in") == "from stdin\n"
    assert "redis_version" in cli(server, protocol, "INFO", "server")


def test_errors_are_shown(server):
    assert cli(server, "GET").startswith("ERR wrong number of arguments for 'get' command")
    assert cli(server, "--no-raw", "INCR", "key:0") == "(error) ERR value is not an integer or out of range\n"


def test_commands_from_stdin(server):
    out = cli(server, stdin=b'SET "a b" "\\x00z"\nGET "a b"\nMULTIBYTE\n')
    lines = out.splitlines()
    assert lines[0] == "OK" and lines[1] == "\x00z" and lines[2].startswith("ERR unknown command 'MULTIBYTE'")


def test_mass_insertion(server):
    data = b"".join(encode(("SET", f"mass:{i}", i)) for i in range(20_000)) + b"SET mass:inline 1\r\n"
    assert "errors: 0, replies: 20001" in cli(server, "--pipe", stdin=data)
    assert cli(server, "DBSIZE") == "20501\n"


def test_scan(server):
    assert len(cli(server, "--scan").split()) == 500
    assert sorted(cli(server, "--scan", "--pattern", "key:49?").split()) == [f"key:{i}" for i in range(490, 500)]


def test_big_keys(server):
    out = cli(server, "--bigkeys")
    assert "Sampled 500 keys in the keyspace!" in out
    assert re.search(r'Biggest string found ["\']+key:7["\']+ has 10000 bytes', out), out


def test_memory_of_keys(server):
    out = cli(server, "--memkeys")
    assert "Sampled 500 keys in the keyspace!" in out
    assert re.search(r'Biggest string found ["\']+key:7["\']+ has \d{5} bytes', out), out


def test_statistics(server):
    cli_until(server, r"^500\s+\S+\s+\d+\s+\d+\s+\d+ \(\+\d+\)\s+\d+", "--stat", "-i", "0.2")


def test_latency(server):
    cli_until(server, r"^\d+ \d+ \d+\.\d\d \d+", "--latency", "-i", "1", "--raw")


def test_latency_history_and_distribution(server):
    cli_until(server, "min:", "--latency-history", "-i", "1", "--no-raw")
    cli_until(server, r"\S", "--latency-dist", "-i", "1")


def test_monitor(server):
    with child([tool("redis-cli"), "-p", str(server.port), "MONITOR"], stdin=subprocess.DEVNULL,
               stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"OK\n"
        server.call("SET", "seen", "by monitor")
        assert process.stdout.readline().endswith(b'"SET" "seen" "by monitor"\n')
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)


class Terminal:
    """redis-cli on a pseudo-terminal, as a person uses it."""

    def __init__(self, *args: str):
        path = tool("redis-cli")
        self.output = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            as_from_a_terminal()
            os.environ.update(TERM="xterm", HOME="/nonexistent", REDISCLI_HISTFILE=os.devnull,
                              REDISCLI_RCFILE=os.devnull)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
            os.execv(path, ["redis-cli", *args])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, line: str) -> None:
        os.write(self.fd, line.encode() + b"\r")

    def expect(self, text: str, timeout_s: float = TIMEOUT_S) -> None:
        """Read on until `text` is shown; what was shown so far is forgotten."""
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.output!r}"
            self.output += os.read(self.fd, 65536).decode(errors="replace")
        self.output = self.output[self.output.index(text) + len(text):]

    def leave(self) -> int:
        """Let it end; its exit code."""
        self.type("exit")
        wait_for(lambda: os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


def test_interactive(server):
    prompt = f"127.0.0.1:{server.port}"
    with Terminal("-p", str(server.port)) as terminal:
        terminal.expect(prompt + "> ")
        told = [("set greeting hello", "OK\r\n"), ("get greeting", '"hello"\r\n'),
                ("incr greeting", "(error) ERR value is not an integer"), ("mget none none", "2) (nil)"),
                ("hello 3", '"proto" => (integer) 3'), ("help get", "summary:")]
        for line, answer in told:
            terminal.type(line)
            terminal.expect(answer)
            terminal.expect(prompt + "> ")      # before that, the terminal drops what is typed
        terminal.type("select 2")
        terminal.expect(prompt + "[2]> ")
        assert terminal.leave() == 0


def benchmark_rows(server: ServerProcess, *args: str) -> list[dict[str, str]]:
    done = subprocess.run([tool("redis-benchmark"), "-p", str(server.port), "--csv", *args], capture_output=True,
                          text=True, check=False, timeout=TIMEOUT_S)
    noise = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == 0 and not noise, (done.returncode, done.stdout, done.stderr)
    start = done.stdout.index('"test"')
    return list(csv.DictReader(done.stdout[start:].splitlines()))


DEFAULT_LOADS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET",
                 "SPOP", "ZADD", "ZPOPMIN", "LPUSH (needed to benchmark LRANGE)", "LRANGE_100 (first 100 elements)",
                 "LRANGE_300 (first 300 elements)", "LRANGE_500 (first 500 elements)",
                 "LRANGE_600 (first 600 elements)", "MSET (10 keys)"]


@pytest.mark.parametrize("spread", [[], ["-r", "1000"]], ids=["one key", "many keys"])
@pytest.mark.parametrize("depth", [1, 16])
@pytest.mark.parametrize("protocol", [[], ["-3"]], ids=["resp2", "resp3"])
def test_benchmark(server, protocol, depth, spread):
    """The whole list of loads that it runs when it is not told which."""
    rows = benchmark_rows(server, "-n", "2000", "-P", str(depth), *spread, *protocol)
    assert [row["test"] for row in rows] == DEFAULT_LOADS
    assert all(float(row["rps"]) > 0 for row in rows)


def test_benchmark_with_threads_and_commands(server):
    benchmark_rows(server, "-t", "set,get", "-n", "3000", "--threads", "2", "-d", "5000")
    benchmark_rows(server, "-n", "2000", "-r", "100000", "-P", "8", "SET", "bench:__rand_int__", "v", "EX", "1000")
    with Connection(server.port) as connection:
        assert connection.call("EXISTS", "key:1") == Int(1)
        assert len(connection.call("KEYS", "bench:*").items) > 1000


def test_benchmark_with_idle_clients(server):
    """Hundreds of clients at once, most of them waiting."""
    rows = benchmark_rows(server, "-t", "get", "-n", "5000", "-c", "400", "-k", "1")
    assert len(rows) == 1
