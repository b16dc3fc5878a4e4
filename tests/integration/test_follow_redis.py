"""The stream that a real redis-server sends its replicas, followed by a store: in pieces, with cuts, to equal data."""
from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from typing import Self

import pytest

import wstore
from tests import datasets
from tests.masters import Link
from tests.processes import ServerProcess
from tests.resp import Connection, encode

MARK = encode(["SET", "the-end", "1"])
BRIEF_MS = 300


class Recorder:
    """A replica of a server that only writes down: `offset` where the stream begins, `stream()` what has come."""

    def __init__(self, port: int):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.sock.makefile("rb")
        self.sock.sendall(encode(["PSYNC", "?", "-1"]))
        answer = self._line().split()
        assert answer[0] == b"+FULLRESYNC"
        self.offset = int(answer[2])
        size = self._line()
        self.file.read(int(size[1:]))

    def _line(self) -> bytes:
        while (line := self.file.readline()) == b"\n":
            pass
        return line.rstrip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.file.close()
        self.sock.close()

    def stream(self) -> bytes:
        """All that has come, up to and with the mark."""
        data = b""
        while not data.endswith(MARK):
            data += self.file.read1(1 << 16)
        return data


@pytest.fixture
def master(oracle: ServerProcess) -> Iterator[Connection]:
    with oracle.connect() as connection:
        connection.call("FLUSHALL")
        connection.call("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        yield connection
        connection.call("FLUSHALL")


@pytest.fixture
def server() -> Iterator[wstore.Server]:
    with wstore.Server(save="", enable_debug_command="yes") as server:
        server.store.stream_start()
        yield server


def write(connection: Connection) -> None:
    """All types, transactions, effects of scripts, keys that expire, messages."""
    datasets.fill(connection)
    datasets.change(connection)
    connection.pipeline([
        ("MULTI",), ("SET", "m", 1), ("SELECT", 5), ("INCR", "m"), ("SPOP", "nothing"), ("SELECT", 0), ("EXEC",),
        ("EVAL", "for i = 1, 50 do redis.call('RPUSH', KEYS[1], i) end return redis.call('INCR', KEYS[2])", 2, "l",
         "n"),
        ("SADD", "s", *range(50)), ("SPOP", "s", 7), ("EVAL", "return redis.call('SPOP', KEYS[1])", 1, "s"),
        ("SET", "brief", "x", "PX", BRIEF_MS), ("GETEX", "m", "EX", 10 ** 6), ("EXPIRE", "l", 10 ** 6),
        ("INCRBYFLOAT", "f", "0.1"), ("HINCRBYFLOAT", "h", "f", "0.1"), ("PUBLISH", "news", "hello"),
        ("RPUSH", "big", "y" * 600_000), ("SORT", "s", "STORE", "sorted"), ("COPY", "l", "l2"), ("SWAPDB", 5, 6),
        ("GEOADD", "g", "13.36", "38.11", "Palermo"), ("SETRANGE", "m2", 5, "x")])
    time.sleep(2 * BRIEF_MS / 1000)
    connection.call("GET", "brief")


@pytest.fixture
def recorded(oracle: ServerProcess, master: Connection) -> tuple[int, bytes]:
    with Recorder(oracle.port) as recorder:
        write(master)
        master.call("WAIT", 1, 50)          # which has the master put a REPLCONF GETACK into the stream
        master.call("SET", "the-end", "1")
        return recorder.offset, recorder.stream()


def test_stream_of_redis_in_pieces_and_cuts(server: wstore.Server, master: Connection,
                                            recorded: tuple[int, bytes]) -> None:
    begin, stream = recorded
    assert b"GETACK" in stream and b"MULTI" in stream
    rng = random.Random(3)
    at = 0
    db = 0
    while at < len(stream):
        cut = min(len(stream), at + rng.choice([500, 20_000, 1_200_000]))
        with Link(server, offset=begin + at, db=db) as link:
            for start in range(at, cut, 5000):
                link.send(stream[start:min(start + 5000, cut)])
            link.hang_up()
            at = link.facts["offset"] - begin
            db = link.facts["db"]
    assert server.store.stream_take() == stream
    assert server.store.stats()["error_replies"] == 0
    with Connection(server.port) as replica:
        assert datasets.digest(replica) == datasets.digest(master)
    server.store.validate()
