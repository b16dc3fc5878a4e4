"""Replicas of a server, played by plain sockets: what they are sent, from memory and from disk, and when they end."""
from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wstore
from tests.processes import wait_for
from tests.resp import NULL_BULK, Array, Bulk, Connection, Error, Int, Simple, encode
from tests.streams import commands_in
from wstore.engine import _engine as engine_of
from wstore.engine._engine import SnapshotOutput
from wstore.errors import ReplyError
from wstore.persistence import open_rdb

BLOCK_BYTES = 64 * 1024         # of the tail
SMALL_BACKLOG_BYTES = BLOCK_BYTES
PING, GETACK = encode(("PING",)), encode(("REPLCONF", "GETACK", "*"))
MARK = b"m" * 40


class Replica:
    """A connection that has become a replica of the server."""

    def __init__(self, server: wstore.Server, acks: bool = True, receive_bytes: int | None = None):
        self.store = server.store
        self.sock = socket.socket()
        if receive_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.settimeout(20)
        self.sock.connect(("127.0.0.1", server.port))
        self.sock.sendall(encode(("CLIENT", "ID")))
        self.id = int(self.sock.recv(100)[1:])
        engine_of.replica_begin(self.store, self.id, acks)

    def attach(self, offset: int) -> None:
        engine_of.replica_attach(self.store, self.id, offset)

    def transfer(self, output: SnapshotOutput, head: bytes | None, mark: bytes, offset: int, wait_ack: bool) -> None:
        engine_of.replica_transfer(self.store, self.id, output, head, mark, offset, wait_ack)

    def acknowledge(self, offset: int) -> None:
        engine_of.replica_ack(self.store, self.id, offset)

    def read(self, n: int) -> bytes:
        """That many bytes of what it is sent; fewer if that ends."""
        out = bytearray()
        while len(out) < n:
            part = self.sock.recv(min(n - len(out), 1 << 20))
            if not part:
                break
            out += part
        return bytes(out)

    def read_line(self) -> bytes:
        line = self.read(1)
        while line and not line.endswith(b"\n"):
            line += self.read(1)
        return line

    def has_more(self, timeout_s: float = 0.3) -> bool:
        self.sock.settimeout(timeout_s)
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(20)

    def facts(self) -> dict:
        """What the server has of it; empty: it is closed."""
        return next((one for one in engine_of.replicas(self.store) if one["client_id"] == self.id), {})


@pytest.fixture
def server() -> Iterator[wstore.Server]:
    with wstore.Server() as made:
        made.store.set_option("repl_ping_replica_period", 1000)
        yield made


@pytest.fixture
def logged(server: wstore.Server, tmp_path: Path) -> Iterator[wstore.Server]:
    """With a log that keeps everything, and a small backlog."""
    server.store.set_option("repl_backlog_size", SMALL_BACKLOG_BYTES)
    server.store.set_option("aof_retention_bytes", 1 << 40)
    server.store.log_open(tmp_path, "log")
    yield server
    engine_of.close_replicas(server.store)
    server.store.log_close()


@pytest.fixture
def replica(server: wstore.Server) -> Callable[..., Replica]:
    made = []

    def make(**options: int) -> Replica:
        engine_of.replication_on(server.store)
        made.append(Replica(server, **options))
        return made[-1]

    yield make
    for one in made:
        one.sock.close()


def end_of(server: wstore.Server) -> int:
    return engine_of.stream_bounds(server.store)[1]


def write_stream(server: wstore.Server, total_bytes: int, value_bytes: int = 10_000) -> bytes:
    """Write that much and more; what came into the stream by it, but for the SELECT in front."""
    requests = [encode(("SET", f"key:{i}", bytes([65 + i % 26]) * value_bytes))
                for i in range(total_bytes // value_bytes + 1)]
    with Connection(server.port) as connection:
        for request in requests:
            connection.send_raw(request)
            assert connection.read() == Simple(b"OK")
    return b"".join(requests)


# -- the tail -------------------------------------------------------------------------------------------------------

def test_stream_in_step(server, replica):
    first, second = replica(), replica()
    start = end_of(server)
    first.attach(start)
    second.attach(start)
    sent = encode(("SELECT", "0")) + encode(("SET", "a", "1")) + encode(("SET", "b", "2"))
    with Connection(server.port) as connection:
        connection.pipeline([("SET", "a", "1"), ("SET", "b", "2"), ("GET", "a")])
    assert first.read(len(sent)) == second.read(len(sent)) == sent
    assert end_of(server) == start + len(sent)
    assert not first.has_more()
    wait_for(lambda: first.facts()["offset"] == end_of(server))
    assert first.facts()["state"] == "online"
    assert first.facts()["in_memory"]


def test_calls_of_the_embedding_process_are_sent_at_once(server, replica):
    one = replica()
    one.attach(end_of(server))
    server.store.set("k", "v")
    assert one.read(23 + 27) == encode(("SELECT", "0")) + encode(("SET", "k", "v"))


def test_resumes_from_the_tail(server, replica):
    engine_of.replication_on(server.store)
    start = end_of(server)
    sent = encode(("SELECT", "0")) + write_stream(server, 300_000)
    for at in (0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, len(sent) - 1):
        one = replica()
        one.attach(start + at)
        assert one.read(len(sent) - at) == sent[at:]
    with pytest.raises(ValueError, match="not kept"):
        replica().attach(end_of(server) + 1)


def test_tail_keeps_its_size(server, replica):
    server.store.set_option("repl_backlog_size", SMALL_BACKLOG_BYTES)
    engine_of.replication_on(server.store)
    start = end_of(server)
    write_stream(server, 10 * SMALL_BACKLOG_BYTES)
    first, end = engine_of.stream_bounds(server.store)
    assert SMALL_BACKLOG_BYTES <= end - first < SMALL_BACKLOG_BYTES + BLOCK_BYTES
    assert engine_of.replication_facts(server.store)["tail_bytes"] < SMALL_BACKLOG_BYTES + 4 * BLOCK_BYTES
    one = replica()
    with pytest.raises(ValueError, match="not kept"):
        one.attach(start)
    one.attach(first)
    assert len(one.read(end - first)) == end - first
    engine_of.replication_off(server.store)
    assert engine_of.stream_bounds(server.store) == (end, end)
    write_stream(server, 100)
    assert end_of(server) == end


def test_tail_without_a_loop():
    with wstore.Store() as store:
        store.set_option("repl_backlog_size", SMALL_BACKLOG_BYTES)
        engine_of.replication_on(store)
        for i in range(5000):
            store.set(f"key:{i}", "v" * 100)
        first, end = engine_of.stream_bounds(store)
        assert end > 500_000
        assert SMALL_BACKLOG_BYTES <= end - first < SMALL_BACKLOG_BYTES + BLOCK_BYTES


def test_replica_that_is_behind_has_the_tail_kept_up_to_the_limit(server, replica):
    server.store.set_option("repl_backlog_size", SMALL_BACKLOG_BYTES)
    server.store.set_option("obuf_hard.1", 100_000_000)
    one = replica(receive_bytes=4096)
    start = end_of(server)
    one.attach(start)
    sent = encode(("SELECT", "0")) + write_stream(server, 30_000_000, 1_000_000)
    assert engine_of.stream_bounds(server.store)[0] < end_of(server) - 10_000_000
    assert one.read(len(sent)) == sent
    write_stream(server, 200_000)
    wait_for(lambda: end_of(server) - engine_of.stream_bounds(server.store)[0] < 2 * SMALL_BACKLOG_BYTES)

    server.store.set_option("obuf_hard.1", 10_000_000)
    write_stream(server, 30_000_000, 1_000_000)
    wait_for(lambda: one.facts() == {})
    assert server.store.stats()["output_buffer_limit_disconnections"] == 1
    write_stream(server, 200_000)
    assert end_of(server) - engine_of.stream_bounds(server.store)[0] < 2 * SMALL_BACKLOG_BYTES


def test_soft_limit_closes_in_time(server, replica):
    server.store.set_option("repl_backlog_size", SMALL_BACKLOG_BYTES)
    server.store.set_option("obuf_soft.1", 1_000_000)
    server.store.set_option("obuf_soft_seconds.1", 1)
    one = replica(receive_bytes=4096)
    one.attach(end_of(server))
    write_stream(server, 20_000_000, 1_000_000)
    assert one.facts()
    wait_for(lambda: write_stream(server, 10) and one.facts() == {}, timeout_s=10)


# -- the log --------------------------------------------------------------------------------------------------------

def test_resumes_from_the_log(logged, replica):
    engine_of.replication_on(logged.store)
    start = end_of(logged)
    sent = encode(("SELECT", "0")) + write_stream(logged, 1_000_000)
    logged.store.log_roll()
    sent += encode(("SELECT", "0")) + write_stream(logged, 1_000_000)
    assert engine_of.stream_bounds(logged.store) == (start, start + len(sent))
    for at in (0, 1, 500_000, len(sent) - 100):
        one = replica()
        one.attach(start + at)
        assert one.read(len(sent) - at) == sent[at:]
        wait_for(lambda one=one: one.facts()["in_memory"])
        more = write_stream(logged, 1000)
        assert one.read(len(more)) == more
        sent += more


def test_slow_replica_falls_back_to_the_log(logged, replica):
    logged.store.set_option("obuf_hard.1", 1000)
    one = replica(receive_bytes=4096)
    start = end_of(logged)
    one.attach(start)
    sent = encode(("SELECT", "0")) + write_stream(logged, 30_000_000, 1_000_000)
    assert not one.facts()["in_memory"]
    assert engine_of.replication_facts(logged.store)["tail_bytes"] < 3_000_000
    assert one.read(len(sent)) == sent
    wait_for(lambda: one.facts()["in_memory"])
    more = write_stream(logged, 1000)
    assert one.read(len(more)) == more


def test_log_that_is_switched_on_and_off_under_a_replica(server, replica, tmp_path):
    server.store.set_option("repl_backlog_size", SMALL_BACKLOG_BYTES)
    one = replica(receive_bytes=4096)
    start = end_of(server)
    one.attach(start)
    sent = encode(("SELECT", "0")) + write_stream(server, 10_000_000, 1_000_000)
    server.store.log_open(tmp_path, "log", start=end_of(server))
    sent += encode(("SELECT", "0")) + write_stream(server, 10_000_000, 1_000_000)
    assert one.read(len(sent)) == sent
    sent = write_stream(server, 10_000_000, 1_000_000)
    server.store.log_close()
    sent += write_stream(server, 10_000_000, 1_000_000)
    assert one.read(len(sent)) == sent


def test_log_file_that_is_gone_closes_the_replica(logged, replica, tmp_path):
    engine_of.replication_on(logged.store)
    start = end_of(logged)
    write_stream(logged, 1_000_000)
    logged.store.log_roll()
    write_stream(logged, 1_000_000)
    logged.store.log_sync()
    os.unlink(sorted(tmp_path.glob("*.incr.aof"))[0])
    one = replica()
    one.attach(start)
    wait_for(lambda: one.facts() == {})


@pytest.mark.parametrize("is_last", [False, True])
def test_log_file_with_a_flipped_bit_closes_the_replica(logged, replica, tmp_path, is_last):
    """It is sent nothing of the block in which that is, and what is whole behind it can be had."""
    engine_of.replication_on(logged.store)
    start = end_of(logged)
    sent = encode(("SELECT", "0")) + write_stream(logged, 1_000_000)
    if not is_last:
        logged.store.log_roll()
        write_stream(logged, 1_000_000)
    end = start + len(sent) if not is_last else end_of(logged)
    logged.store.log_sync()
    wait_for(lambda: (tmp_path / "log.1.incr.aof.sums").stat().st_size >= 8 * 16)
    damaged = bytearray(sent)
    damaged[700_000] ^= 1
    (tmp_path / "log.1.incr.aof").write_bytes(damaged)
    one = replica()
    one.attach(start)
    got = one.read(len(sent))
    assert len(got) <= 700_000 and got == sent[:len(got)]
    wait_for(lambda: one.facts() == {})
    with pytest.raises(ValueError, match="not kept"):
        replica().attach(end - 300_000)
    if not is_last:
        later = replica()
        later.attach(end)
        assert later.read(23) == encode(("SELECT", "0"))


# -- data -----------------------------------------------------------------------------------------------------------

def test_whole_file_then_the_stream(server, replica, tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(data)
    one = replica()
    offset = end_of(server)
    output = SnapshotOutput.of_file(tmp_path / "file", offset)
    assert (output.offset, output.written, output.finished, output.failed) == (offset, len(data), True, False)
    one.transfer(output, b"head\r\n", MARK, offset, False)
    (tmp_path / "file").unlink()
    server.store.set("k", "v")
    expected = b"head\r\n" + data + MARK + encode(("SELECT", "0")) + encode(("SET", "k", "v"))
    assert one.read(len(expected)) == expected
    assert not one.has_more()


def test_length_goes_ahead_if_asked_for(server, replica, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 1000)
    one = replica()
    one.transfer(SnapshotOutput.of_file(tmp_path / "file", 0), None, b"", -1, False)
    assert one.read(2000) == b"$1000\r\n" + b"x" * 1000
    wait_for(lambda: one.facts() == {})


def test_stream_waits_for_the_first_ack(server, replica, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 1000)
    one = replica()
    offset = end_of(server)
    one.transfer(SnapshotOutput.of_file(tmp_path / "file", offset), b"", MARK, offset, True)
    server.store.set("k", "v")
    assert one.read(1040) == b"x" * 1000 + MARK
    assert not one.has_more()
    one.acknowledge(offset)
    server.store.set("k", "w")
    stream = encode(("SELECT", "0")) + encode(("SET", "k", "v")) + encode(("SET", "k", "w"))
    assert one.read(len(stream)) == stream


def test_snapshot_is_sent_to_several_while_it_is_written(server, replica, tmp_path):
    for i in range(20_000):
        server.store.set(f"key:{i}", "v" * 200)
    made = [replica() for _ in range(3)]
    ended = []
    output = engine_of.snapshot_for_replicas(
        server.store, str(tmp_path / "dump.rdb"), [(b"repl-id", b"0" * 40)], ended.append)
    same = engine_of.snapshot_output(server.store)
    assert same is None or same.offset == output.offset
    for i, one in enumerate(made):
        one.transfer(output, None if i == 0 else b"", b"" if i == 0 else MARK, output.offset, False)
    server.store.set("later", "v")
    while not (line := made[0].read_line()).strip():
        pass
    length = int(line[1:])
    data = made[0].read(length)
    assert ended == [None] or wait_for(lambda: ended == [None])
    assert list(tmp_path.iterdir()) == []
    assert output.finished
    assert output.written == length
    stream = encode(("SELECT", "0")) + encode(("SET", "later", "v"))
    assert made[0].read(len(stream)) == stream
    for one in made[1:]:
        assert one.read(length + 40 + len(stream)) == data + MARK + stream
    (tmp_path / "got.rdb").write_bytes(data)
    with open_rdb(str(tmp_path / "got.rdb")) as file:
        assert sum(1 for _ in file) == 20_000


def test_snapshot_that_fails_closes_its_replicas(server, replica, tmp_path):
    for i in range(50_000):
        server.store.set(f"key:{i}", "v" * 200)
    one = replica()
    ended = []
    output = engine_of.snapshot_for_replicas(server.store, str(tmp_path / "dump.rdb"), (), ended.append)
    one.transfer(output, b"", MARK, output.offset, False)
    server.store.snapshot_cancel()
    wait_for(lambda: ended != [])
    if ended == [None]:
        pytest.fail("the snapshot was too fast to be cancelled")
    assert output.failed
    wait_for(lambda: one.facts() == {})
    assert list(tmp_path.iterdir()) == []


def test_connection_that_is_closed_under_a_feed(server, replica, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 50_000_000)
    for close in (lambda one: one.sock.close(), lambda one: engine_of.close_replicas(server.store)):
        one = replica(receive_bytes=4096)
        one.transfer(SnapshotOutput.of_file(tmp_path / "file", 0), b"", MARK, end_of(server), False)
        assert one.read(1000) == b"x" * 1000
        close(one)
        wait_for(lambda: engine_of.replicas(server.store) == [])
    with Connection(server.port) as connection:
        assert connection.call("PING") == Simple(b"PONG")


# -- what stands in the stream, and time ----------------------------------------------------------------------------

def test_pings_and_words_of_the_server(server, replica):
    server.store.set_option("repl_ping_replica_period", 1)
    one = replica()
    one.attach(end_of(server))
    assert one.read(len(PING)) == PING
    server.store.set_option("repl_ping_replica_period", 1000)
    while one.has_more(1.5):
        assert one.read(len(PING)) == PING
    engine_of.ask_acks(server.store)
    assert one.read(len(GETACK)) == GETACK
    assert engine_of.put_in_stream(server.store, 3, [b"PUBLISH", b"c", b"m"])
    assert engine_of.put_in_stream(server.store, -1, [b"PING"])
    assert commands_in(one.read(23 + 31 + 14)) == [(b"SELECT", b"3"), (b"PUBLISH", b"c", b"m"), (b"PING",)]


def test_nothing_is_told_without_replicas(server):
    server.store.set_option("repl_ping_replica_period", 1)
    engine_of.replication_on(server.store)
    start = end_of(server)
    engine_of.ask_acks(server.store)
    time.sleep(2.2)
    assert end_of(server) == start


def test_one_that_waits_gets_line_breaks(server, replica):
    one = replica()
    assert one.facts()["state"] == "wait_bgsave"
    assert one.read(2) == b"\n\n"


def test_silent_replica_is_closed(server, replica):
    server.store.set_option("repl_timeout", 2)
    silent, old, speaking = replica(), replica(acks=False), replica()
    for one in (silent, old, speaking):
        one.attach(end_of(server))
    for _ in range(8):
        speaking.sock.sendall(b"\n")
        time.sleep(0.5)
    assert silent.facts() == {}
    assert old.facts()
    assert speaking.facts()


def test_stalled_transfer_is_closed(server, replica, tmp_path):
    server.store.set_option("repl_timeout", 1)
    (tmp_path / "file").write_bytes(b"x" * 50_000_000)
    one = replica(receive_bytes=4096)
    one.transfer(SnapshotOutput.of_file(tmp_path / "file", 0), b"", MARK, end_of(server), False)
    wait_for(lambda: one.facts() == {}, timeout_s=10)


def test_replica_is_listed_as_one(server, replica):
    one = replica()
    one.attach(end_of(server))
    wait_for(lambda: one.facts()["state"] == "online")
    with Connection(server.port) as connection:
        listed = connection.call("CLIENT", "LIST", "TYPE", "replica").data
        assert f"id={one.id} ".encode() in listed
        assert b" flags=S" in listed
        assert connection.call("CLIENT", "KILL", "TYPE", "replica") == Int(1)
    wait_for(lambda: engine_of.replicas(server.store) == [])


# -- WAIT, min-replicas-to-write ------------------------------------------------------------------------------------

def test_wait(server, replica):
    with Connection(server.port) as connection:
        assert connection.pipeline([("SET", "a", "1"), ("WAIT", "0", "0"), ("WAIT", "-1", "0")])[1:] == [Int(0), Int(0)]
        assert connection.call("WAIT", "1", "20") == Int(0)
        one, other = replica(), replica()
        one.attach(end_of(server))
        other.attach(end_of(server))
        connection.pipeline([("SET", "a", "2")])
        before = time.monotonic()
        assert connection.call("WAIT", "1", "50") == Int(0)
        assert time.monotonic() - before >= 0.05
        stream = encode(("SELECT", "0")) + encode(("SET", "a", "2")) + GETACK
        assert one.read(len(stream)) == stream

        connection.send("WAIT", "2", "0")
        connection.send("GET", "a")
        assert one.read(len(GETACK)) == GETACK
        one.acknowledge(end_of(server))
        with Connection(server.port) as control:
            assert control.call("PING") == Simple(b"PONG")
            assert b" flags=b" in control.call("CLIENT", "LIST", "ID", listed_id(control, b"cmd=wait")).data
        other.acknowledge(end_of(server))
        server.store.execute("PING")
        engine_of.ask_acks(server.store)
        assert connection.read() == Int(2)
        assert connection.read() == Bulk(b"2")
        assert connection.call("WAIT", "1", "0") == Int(2)
        assert connection.pipeline([("MULTI",), ("SET", "a", "3"), ("WAIT", "2", "0"), ("EXEC",)])[-1] == Array(
            (Simple(b"OK"), Int(0)))
    server.store.validate()


def listed_id(connection: Connection, what: bytes) -> bytes:
    [line] = [line for line in connection.call("CLIENT", "LIST").data.splitlines() if what in line]
    return line.split()[0].removeprefix(b"id=")


def test_wait_that_is_ended(server, replica):
    one = replica()
    one.attach(end_of(server))
    with Connection(server.port) as connection, Connection(server.port) as control:
        for how, reply in (("TIMEOUT", Int(0)), ("ERROR", Error(b"UNBLOCKED client unblocked via CLIENT UNBLOCK"))):
            connection.call("SET", "a", "1")
            connection.send("WAIT", "1", "0")
            wait_for(lambda: b"flags=b" in control.call("CLIENT", "LIST").data)
            assert control.call("CLIENT", "UNBLOCK", listed_id(control, b"cmd=wait"), how) == Int(1)
            assert connection.read() == reply
        connection.call("SET", "a", "1")
        connection.send("WAIT", "1", "0")
        wait_for(lambda: b"flags=b" in control.call("CLIENT", "LIST").data)
    wait_for(lambda: server.store.client_count() == 1)
    server.store.validate()


@pytest.mark.parametrize("args, text", [
    (("x", "1"), b"ERR value is not an integer or out of range"),
    (("1", "x"), b"ERR timeout is not an integer or out of range"),
    (("1", "-1"), b"ERR timeout is negative")])
def test_wait_refuses(server, args, text):
    with Connection(server.port) as connection:
        assert connection.call("WAIT", *args) == Error(text)


def test_min_replicas_to_write(server, replica):
    refused = Error(b"NOREPLICAS Not enough good replicas to write.")
    server.store.set_option("min_replicas_to_write", 1)
    server.store.set_option("min_replicas_max_lag", 2)
    with Connection(server.port) as connection:
        assert connection.pipeline([("SET", "a", "1"), ("MULTI",), ("SET", "a", "1"), ("EXEC",)])[::3] == [
            refused, Error(b"EXECABORT Transaction discarded because of previous errors.")]
        assert connection.call("GET", "a") == NULL_BULK
        with pytest.raises(ReplyError, match="NOREPLICAS"):
            server.store.set("a", "1")
        one = replica()
        assert connection.call("SET", "a", "1") == refused
        one.attach(end_of(server))
        assert connection.call("SET", "a", "1") == Simple(b"OK")
        assert engine_of.replication_facts(server.store)["good_replicas"] == 1
        connection.pipeline([("MULTI",), ("SET", "a", "2")])
        time.sleep(3.1)
        assert connection.call("EXEC") == Error(
            b"EXECABORT Transaction discarded because of: NOREPLICAS Not enough good replicas to write.")
        assert connection.call("SET", "a", "3") == refused
        one.sock.sendall(b"\n")
        wait_for(lambda: connection.call("SET", "a", "3") == Simple(b"OK"))
        server.store.set_option("min_replicas_max_lag", 0)
        engine_of.close_replicas(server.store)
        wait_for(lambda: engine_of.replicas(server.store) == [])
        assert connection.call("SET", "a", "4") == Simple(b"OK")
