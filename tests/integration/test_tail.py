"""`wstore tail`: what it prints of a server's data and changes, and how it goes on."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from tests.processes import ROOT, child, free_port, start_oracle, start_wstore, wait_for
from tests.replicating import digest, facts, offset
from tests.resp import OK
from wstore.engine._engine import key_slot

WAIT_S = 20
GOES_ON = re.compile(r"--from-offset (\S+) goes on from here\n")


@pytest.fixture(scope="module", params=["redis", "wstore"])
def server(request):
    start = start_oracle if request.param == "redis" else start_wstore
    with start("--repl-diskless-sync-delay", "0") as server:
        yield server


@pytest.fixture
def connection(server):
    """To the server, which has no data, nobody following, and no earlier snapshot to hand out again."""
    wait_for(lambda: facts(server)["connected_slaves"] == "0")
    with server.connect() as connection:
        connection.call("FLUSHALL")
        assert connection.call("DEBUG", "CHANGE-REPL-ID") == OK
        yield connection


class Tail:
    """A running `wstore tail`, whose lines are read as they come."""

    def __init__(self, process):
        self.process = process

    def line(self):
        return self.process.stdout.readline()

    def lines(self, count):
        return [self.line() for _ in range(count)]

    def interrupt(self, number=signal.SIGINT):
        """As Ctrl-C does; exit code and what stands on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, said.decode()


@contextlib.contextmanager
def tail(server, *options):
    command = [sys.executable, "-m", "wstore.cli.tool", "tail", f"redis://127.0.0.1:{server.port}", *map(str, options)]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
               env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        yield Tail(process)


def end(line):
    """The line without its offset."""
    return line.split(b" ", 1)[1].decode()


def test_text(server, connection):
    connection.call("HSET", "hash", "field", b"a \"b\"\r\n\xff")
    connection.call("PEXPIREAT", "hash", 10 ** 14)
    with tail(server) as shown:
        assert [end(line) for line in shown.lines(2)] == [
            '[0] "HSET" "hash" "field" "a \\"b\\"\\r\\n\\xff"\n', '[0] "PEXPIREAT" "hash" "100000000000000"\n']
        connection.pipeline([("SELECT", 2), ("MULTI",), ("INCR", "a"), ("INCR", "b"), ("EXEC",)])
        lines = shown.lines(4)
        assert [end(line) for line in lines] == [
            '[2] "MULTI"\n', '[2] "INCR" "a"\n', '[2] "INCR" "b"\n', '[2] "EXEC"\n']
        assert len({line.split()[0] for line in lines}) == 1
        code, said = shown.interrupt()
    assert code == 0 and GOES_ON.fullmatch(said)[1].split(":")[1:] == [lines[0].split()[0].decode(), "2"]


def test_going_on(server, connection):
    with tail(server, "--no-snapshot") as shown:
        wait_for(lambda: facts(server)["connected_slaves"] == "1")
        connection.call("SET", "a", 1)
        assert end(shown.line()) == '[0] "SET" "a" "1"\n'
        place = GOES_ON.fullmatch(shown.interrupt()[1])[1]
    connection.call("SET", "a", 2)
    for start in (place, place.split(":")[1]):
        with tail(server, "--from-offset", start) as shown:
            assert end(shown.line()) == '[0] "SET" "a" "2"\n'
    with tail(server, "--from-offset", "0" * 40 + ":1:0") as shown:
        assert shown.process.wait(WAIT_S) == 1
        assert b"cannot go on from offset 1" in shown.process.stderr.read()


@pytest.mark.parametrize("databases", [1, 2])
def test_going_on_though_nothing_was_shown(server, connection, databases):
    """Where it says to go on is behind all that was read, not only behind what was shown."""
    connection.pipeline([("SET", "a", 1), ("SELECT", databases - 1), ("SET", "b", 1)])
    with tail(server, "--no-snapshot", "--match", "user:*") as shown:
        wait_for(lambda: facts(server).get("slave0", "").find("state=online") > 0)
        connection.call("SET", "b", 2)
        at = offset(server)
        wait_for(lambda: f",offset={at}," in facts(server)["slave0"])
        code, said = shown.interrupt(signal.SIGTERM)
    assert code == 0
    place = GOES_ON.fullmatch(said)[1]
    assert int(place.split(":")[1]) >= at
    connection.call("SET", "user:1", 1)
    with tail(server, "--from-offset", place) as shown:
        assert end(shown.line()) == f'[{databases - 1}] "SET" "user:1" "1"\n'


def test_jsonl(server, connection):
    connection.pipeline([("SADD", "set", "é"), ("SET", b"\xff", "1")])
    with tail(server, "--format", "jsonl") as shown:
        data = {line["key"]: line for line in map(json.loads, shown.lines(2))}
        assert {name: data["set"][name] for name in ("db", "type", "value")} == {
            "db": 0, "type": "set", "value": ["é"]}
        assert data["\\xff"]["escaped"] and data["\\xff"]["offset"] == data["set"]["offset"]
        connection.pipeline([("SET", "é", "x"), ("SET", "a", b"\\\xfe")])
        first, second = map(json.loads, shown.lines(2))
    assert (first["db"], first["command"]) == (0, ["SET", "é", "x"]) and "escaped" not in first
    assert (second["escaped"], second["command"]) == (True, ["SET", "a", "\\\\\\xfe"])
    assert data["set"]["offset"] < first["offset"] < second["offset"]


def test_filters(server, connection):
    connection.pipeline([("SET", f"user:{n}", n) for n in range(50)] + [("SET", "a", "b")])
    with tail(server, "--slots", "0-8000", "--match", "user:*") as shown:
        connection.call("SET", "user:b", "last")        # slot 3393
        for line in iter(shown.line, b""):
            key = line.split()[3].strip(b'"')
            assert key.startswith(b"user:") and key_slot(key) <= 8000
            if key == b"user:b":
                break


def test_resp_moves_a_live_server(server, connection):
    """Piped into another server it brings data and changes there."""
    connection.pipeline([("SELECT", 1), ("RPUSH", "list", *range(1000)), ("SELECT", 0), ("SET", "a", "b", "EX", 1000)])
    with start_oracle() as copy, tail(server, "--format", "resp") as shown:
        with child([shutil.which("redis-cli"), "-p", str(copy.port), "--pipe"], stdin=shown.process.stdout,
                   stdout=subprocess.DEVNULL):
            for n in range(20):
                connection.pipeline([("SELECT", n % 3), ("INCR", "i"), ("MULTI",), ("SADD", "s", n), ("EXEC",)])
            wait_for(lambda: digest(copy) == digest(server))
        assert copy.call("CONFIG", "GET", "maxmemory")


def test_no_way_to_go_on(server, connection):
    """Neither within the data nor from an offset within a command: it does not name one."""
    connection.pipeline([("SET", f"key:{n}", "x" * 1000) for n in range(1000)])
    with tail(server) as shown:
        shown.line()
        assert shown.interrupt() == (0, "No --from-offset goes on from here: the data had not all come yet\n")
    with tail(server, "--from-offset", offset(server) - 1) as shown:
        assert shown.process.wait(WAIT_S) == 1
        said = shown.process.stderr.read().decode()
    assert re.fullmatch(r"Error: .*: at offset \d+: a command does not begin with \*\n", said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("options", "said"), [
    ([], "No --from-offset goes on from here: the server had not answered yet\n"),
    (["--no-snapshot"], "No --from-offset goes on from here: the server had not answered yet\n"),
    (["--from-offset", "id:5:1"], "--from-offset id:5:1 goes on from here\n")])
def test_ended_before_the_server_has_answered(number, options, said):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(WAIT_S)
        command = [sys.executable, "-m", "wstore.cli.tool", "tail", f"127.0.0.1:{silent.getsockname()[1]}", *options]
        with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   env={**os.environ, "PYTHONPATH": str(ROOT)}) as process, silent.accept()[0]:
            assert Tail(process).interrupt(number) == (0, said)


def test_ended_before_the_data_come():
    """The server has been asked for them, and waits for others who may ask."""
    with start_oracle("--repl-diskless-sync-delay", "1000") as server, tail(server) as shown:
        wait_for(lambda: facts(server)["connected_slaves"] == "1")
        code, said = shown.interrupt(signal.SIGTERM)
    assert code == 0 and re.fullmatch(r"No --from-offset goes on from here: [^\n]+ yet\n", said)


def test_nobody_there():
    port = free_port()
    ended = subprocess.run([sys.executable, "-m", "wstore.cli.tool", "tail", f"127.0.0.1:{port}"], timeout=WAIT_S,
                           capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"Error: 127.0.0.1:{port}: Connection refused\n"


@pytest.mark.parametrize("options", [["--from-offset", "x"], ["--slots", "16384"], ["--format", "xml"]])
def test_wrong_options(server, options):
    with tail(server, *options) as shown:
        assert shown.process.wait(WAIT_S) == 2
