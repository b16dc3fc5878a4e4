"""A store that follows a master's stream: a socket plays the master."""
from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import wstore
from tests import datasets
from tests.masters import Link, eventually, in_loop, unit
from tests.resp import NULL_ARRAY, NULL_BULK, Array, Bulk, Connection, Error, Int, Push, encode
from wstore.engine._engine import follow_begin, follow_end, set_replica, stream_offset
from wstore.engine.pycommand import PyCommand

PAST_MS = 1000


@pytest.fixture
def server() -> Iterator[wstore.Server]:
    with wstore.Server(save="", enable_debug_command="yes") as server:
        server.store.stream_start()
        yield server


@pytest.fixture
def connection(server: wstore.Server) -> Iterator[Connection]:
    with Connection(server.port) as connection:
        yield connection


@pytest.fixture
def link(server: wstore.Server) -> Iterator[Link]:
    with Link(server) as link:
        yield link


# -- the stream ----------------------------------------------------------------------------------------------------

def test_commands_run_and_their_bytes_go_on(server: wstore.Server, link: Link, connection: Connection) -> None:
    stream = encode(["SELECT", 0]) + encode(["set", "k", "v"]) + encode(["PING"]) + unit(
        ("INCR", "n"), ("SELECT", 3), ("INCR", "n")) + encode(["APPEND", "k", "w"])
    link.send(stream)
    link.wait_for()
    assert server.store.stream_take() == stream
    assert connection.call("GET", "k") == Bulk(b"v") and connection.call("GET", "n") == Bulk(b"1")
    connection.call("SELECT", 3)
    assert connection.call("GET", "k") == Bulk(b"w") and connection.call("GET", "n") == Bulk(b"1")
    assert link.facts["db"] == 3 and link.facts["errors"] == 0


def test_stream_begins_anywhere(server: wstore.Server, connection: Connection) -> None:
    with Link(server, offset=12345, db=5) as link:
        link.run(("SET", "k", "v"))
    connection.call("SELECT", 5)
    assert connection.call("GET", "k") == Bulk(b"v")


def test_stream_cut_at_every_byte(server: wstore.Server) -> None:
    """Whatever is torn is dropped; the next link goes on at the offset that was reached."""
    whole = [encode(["INCR", "a"]), unit(("INCR", "b"), ("SELECT", 2), ("INCR", "c"), ("SELECT", 0)),
             encode(["RPUSH", "l", "x" * 30])]
    stream = b"".join(whole)
    ends = [sum(map(len, whole[:n])) for n in range(len(whole) + 1)]
    offset = 0
    for cut in range(len(stream)):
        with Link(server, offset=offset) as link:
            reached = max(end for end in ends if end <= cut)
            link.send(stream[:cut])
            assert "closed" in link.hang_up()
            assert link.facts["offset"] == offset + reached
            offset += reached
        with Link(server, offset=offset) as link:
            link.send(stream[reached:])
            link.wait_for()
            offset = link.offset
    store = server.store
    assert store.execute("GET", "a") == store.execute("GET", "b") == str(len(stream)).encode()
    assert store.execute("LLEN", "l") == len(stream)
    assert store.stream_take() == stream * len(stream)


def test_stream_in_pieces_of_any_size(server: wstore.Server, link: Link, connection: Connection) -> None:
    rng = random.Random(5)
    commands = [("SET", f"k{n % 50}", rng.randbytes(rng.choice([1, 20, 3000]))) for n in range(300)]
    stream = b"".join(unit(command, ("INCR", "n")) if n % 3 else encode(command) for n, command in enumerate(commands))
    at = 0
    while at < len(stream):
        size = rng.choice([1, 2, 7, 100, 5000])
        link.send(stream[at:at + size])
        at += size
        if rng.random() < 0.02:
            connection.call("PING")
    link.wait_for()
    assert connection.call("GET", "n") == Bulk(b"200")
    assert server.store.stream_take() == stream
    server.store.validate()


def test_unit_runs_only_when_it_is_all_there(link: Link, connection: Connection) -> None:
    text = unit(*((("SET", f"k{n}", n)) for n in range(1000)))
    link.send(text[:-1])
    assert connection.call("DBSIZE") == Int(0)
    time.sleep(0.05)
    assert connection.call("DBSIZE") == Int(0)
    assert link.facts["offset"] == 0
    link.send(text[-1:])
    link.wait_for()
    assert connection.call("DBSIZE") == Int(1000)


def test_large_commands_and_units(server: wstore.Server, link: Link, connection: Connection) -> None:
    big = b"x" * 3_000_000
    stream = encode(["SET", "big", big]) + encode(["RPUSH", "l", *range(20_000)]) + unit(
        *(("SET", f"u{n}", "y" * 1000) for n in range(3000))) + encode(["INCR", "n"])
    link.send(stream)
    link.wait_for()
    assert connection.call("STRLEN", "big") == Int(len(big))
    assert connection.call("LLEN", "l") == Int(20_000)
    assert connection.call("DBSIZE") == Int(3003)
    assert server.store.stream_take() == stream
    assert link.facts["input_memory"] <= 256 * 1024
    server.store.validate()


def test_clients_are_served_while_a_lot_is_applied(link: Link, connection: Connection) -> None:
    stream = b"".join(encode(["SET", f"key:{n % 1000}", n]) for n in range(100_000))
    slowest_s = 0.0
    answered = 0
    for at in range(0, len(stream), 1 << 20):
        link.send(stream[at:at + (1 << 20)])
        begin_s = time.monotonic()
        assert connection.call("PING").text == b"PONG"
        slowest_s = max(slowest_s, time.monotonic() - begin_s)
        answered += 1
        assert link.facts["input_memory"] <= 256 * 1024
    link.wait_for()
    assert answered >= 4 and slowest_s < 0.5
    assert connection.call("GET", "key:999") == Bulk(b"99999")


@pytest.mark.parametrize("bad", [
    b"SET k v\r\n", b"*0\r\n", b"*-1\r\n", b"*1\r\n+PING\r\n", b"*x\r\n", b"*1\r\n$4\r\nPING--", b"*1\r\n$-1\r\n",
    b"\x00\x00\x00\x00", b"*1\r\n$99999999999999\r\n", b"+OK\r\n", b"*3000000000\r\n", b"#TS:1\r\n",
    encode(["EXEC"]), encode(["MULTI"]) * 2, b"*1\n$4\nPING\n", b"*1" + b"0" * 70_000,
    encode(["SELECT", 16]), unit(("DEL", "k"), ("select", "x")),
])
def test_damage_ends_the_link(server: wstore.Server, bad: bytes) -> None:
    good = encode(["SET", "k", "v"])
    with Link(server) as link:
        link.send(good + bad + encode(["SET", "k", "w"]) * 2)
        assert link.ended()
        assert link.facts["offset"] == len(good) and not link.facts["on"]
    assert server.store.get("k") == b"v"
    assert server.store.stream_take() == good


def test_damage_anywhere_does_no_harm(server: wstore.Server) -> None:
    """A byte is changed, left out or doubled: the link ends or goes on with what is there, in step with the stream."""
    rng = random.Random(11)
    good = b"".join([unit(("SET", "k", "some value"), ("RPUSH", "l", *range(9)), ("SELECT", 2)), encode(["INCR", "n"]),
                     encode(["HSET", "h", "f", "v" * 40]), encode(["PING"]), encode(["MSET", "a", 1, "b", 2])])
    store = server.store
    offset = 0
    for _ in range(300):
        at = rng.randrange(len(good))
        bad = good[:at] + rng.choice([bytes([rng.randrange(256)]), b"", good[at:at + 1] * 2]) + good[at + 1:]
        with Link(server, offset=offset) as link:
            link.send(bad)
            with contextlib.suppress(OSError):      # it may have been closed already
                link.sock.shutdown(socket.SHUT_WR)
            link.ended()
            applied = link.facts["offset"] - offset
        assert store.stream_take() == bad[:applied]
        offset += applied
    store.validate()


def test_what_has_come_is_applied_before_the_end_is_told(server: wstore.Server, connection: Connection) -> None:
    stream = b"".join(encode(["INCR", "n"]) for _ in range(20_000))
    with Link(server) as link:
        link.send(stream)
        link.hang_up()
        assert link.facts["offset"] == len(stream)
        assert connection.call("GET", "n") == Bulk(b"20000")


def test_unknown_commands_and_errors_are_counted_and_told(server: wstore.Server, link: Link,
                                                          connection: Connection, caplog) -> None:
    link.run(("SET", "k", "text"), ("INCR", "k"))
    link.run(("NOSUCH", "x"), ("GET",), ("SET", "l", "1"))
    assert link.facts["errors"] == 3 and not link.reasons
    assert connection.call("GET", "l") == Bulk(b"1")
    [line] = [record.message for record in caplog.records if "CRITICAL" in record.message]
    assert "'INCR'" in line and "not an integer" in line
    assert b"unexpected_error_replies:3\r\n" in connection.call("INFO", "stats").data
    assert b"total_net_repl_input_bytes:%d\r\n" % link.offset in connection.call("INFO", "stats").data
    time.sleep(1.1)
    link.run(("NOSUCH", "x"),)
    line = [record.message for record in caplog.records if "CRITICAL" in record.message][1]
    assert "'NOSUCH'" in line and "was said last: 3" in line


# -- acknowledgements ----------------------------------------------------------------------------------------------

def test_acknowledges_at_once_each_second_and_when_asked(server: wstore.Server) -> None:
    with Link(server, offset=7) as link:
        assert link.read_ack() == 7
        link.commands(("SET", "k", "v"), ("REPLCONF", "GETACK", "*"))
        assert link.read_ack() == link.offset
        begin_s = time.monotonic()
        assert link.read_ack() == link.offset
        assert 0.8 < time.monotonic() - begin_s < 3
        assert link.facts["acked"] == link.offset and link.facts["errors"] == 0


def test_acknowledgement_waits_for_its_socket(server: wstore.Server) -> None:
    """A master that does not read gets whole acknowledgements once it does."""
    with Link(server) as link:
        for _ in range(20_000):
            link.commands(("REPLCONF", "GETACK", "*"))
        link.wait_for()
        seen = [link.read_ack()]
        while seen[-1] < link.offset:
            seen.append(link.read_ack())
        assert seen == sorted(seen) and seen[-1] == link.offset


# -- expiry --------------------------------------------------------------------------------------------------------

def test_expired_keys_are_hidden_until_the_master_deletes_them(server: wstore.Server, link: Link,
                                                               connection: Connection) -> None:
    link.run(("SET", "k", "v"), ("PEXPIREAT", "k", PAST_MS), ("SET", "l", "1", "PXAT", PAST_MS))
    for command, reply in ((("GET", "k"), NULL_BULK), (("EXISTS", "k", "l"), Int(0)), (("KEYS", "*"), Array(())),
                           (("TTL", "k"), Int(-2)), (("DBSIZE",), Int(2)),
                           (("SCAN", 0), Array((Bulk(b"0"), Array(()))))):
        assert connection.call(*command) == reply
    time.sleep(0.3)
    assert connection.call("DBSIZE") == Int(2)
    link.run(("INCR", "l"), ("APPEND", "k", "w"), ("PERSIST", "k"))
    assert connection.call("GET", "k") == Bulk(b"vw")
    link.run(("PERSIST", "l"),)
    assert connection.call("GET", "l") == Bulk(b"2")
    link.run(("PEXPIREAT", "k", PAST_MS), ("DEL", "k"))
    assert connection.call("DBSIZE") == Int(1)
    assert b"expired_keys:0" in connection.call("INFO", "stats").data
    in_loop(server.store, lambda: (follow_end(server.store), set_replica(server.store, False)))
    connection.call("PEXPIREAT", "l", PAST_MS)
    assert connection.call("DBSIZE") == Int(0)


def test_expired_key_is_gone_for_a_write_on_a_writable_replica(link: Link, connection: Connection) -> None:
    connection.call("CONFIG", "SET", "replica-read-only", "no")
    link.run(("SET", "n", "5", "PXAT", PAST_MS))
    assert connection.call("INCR", "n") == Int(1)


# -- who hears of it -----------------------------------------------------------------------------------------------

def test_limits_of_clients_do_not_hold_for_the_stream(link: Link, connection: Connection) -> None:
    connection.call("CONFIG", "SET", "proto-max-bulk-len", 1 << 20)
    link.run(("SET", "k", "x" * (2 << 20)), ("APPEND", "k", "y"), ("SETRANGE", "k", 3 << 20, "z"),
             ("SETBIT", "b", 1 << 24, 1))
    assert connection.call("STRLEN", "k") == Int((3 << 20) + 1) and connection.call("STRLEN", "b") == Int((1 << 21) + 1)
    assert link.facts["errors"] == 0


def test_watch_sees_the_stream(link: Link, connection: Connection) -> None:
    connection.call("WATCH", "k")
    link.run(("SET", "k", "v"),)
    connection.call("MULTI")
    connection.call("GET", "k")
    assert connection.call("EXEC") == NULL_ARRAY


def test_events_and_messages(server: wstore.Server, link: Link, connection: Connection) -> None:
    connection.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
    with Connection(server.port, resp=3) as listener:
        listener.call("SUBSCRIBE", "__keyevent@0__:set", "news")
        listener.read()
        link.run(("SET", "k", "v"), ("PUBLISH", "news", "hello"))
        assert listener.read() == Push((Bulk(b"message"), Bulk(b"__keyevent@0__:set"), Bulk(b"k")))
        assert listener.read() == Push((Bulk(b"message"), Bulk(b"news"), Bulk(b"hello")))


def test_monitor_shows_the_stream(server: wstore.Server, link: Link) -> None:
    with Connection(server.port) as monitor:
        monitor.call("MONITOR")
        link.run(("SET", "k", "v"),)
        assert monitor.read().text.endswith(b'"SET" "k" "v"')


def test_blocked_clients_of_a_writable_replica(server: wstore.Server, link: Link, connection: Connection) -> None:
    connection.call("CONFIG", "SET", "replica-read-only", "no")
    with Connection(server.port) as first, Connection(server.port) as second:
        first.send("BLPOP", "l", 0)
        second.send("BLPOP", "m", 0)
        eventually(lambda: b"blocked_clients:2" in connection.call("INFO", "clients").data)
        link.run(("RPUSH", "l", "a", "b"), ("SET", "x", "1"))
        assert first.read() == Array((Bulk(b"l"), Bulk(b"a")))
        link.send(unit(("RPUSH", "m", "a"), ("LPUSH", "m", "b"), ("INCR", "x")))
        assert second.read() == Array((Bulk(b"m"), Bulk(b"b")))
        first.send("BLPOP", "q", 0)
        first.send("PING")
        link.send(unit(*([("SET", "y", n) for n in range(70)] + [("RPUSH", "q", "z")])))
        assert first.read() == Array((Bulk(b"q"), Bulk(b"z")))
        assert first.read().text == b"PONG"
    server.store.validate()


def test_blocked_client_that_a_long_unit_serves(server: wstore.Server, link: Link, connection: Connection) -> None:
    """A unit that fills batches to the brim: whoever waits is served behind its EXEC."""
    connection.call("CONFIG", "SET", "replica-read-only", "no")
    for count in (62, 63, 64, 65, 128):
        connection.send("BLPOP", "l", 0)
        with Connection(server.port) as other:
            eventually(lambda other=other: b"blocked_clients:1" in other.call("INFO", "clients").data)
        link.send(unit(("RPUSH", "l", "first"), *[("LPUSH", "l", n) for n in range(count - 1)]))
        assert connection.read() == Array((Bulk(b"l"), Bulk(b"%d" % (count - 2))))
        link.run(("DEL", "l"),)


def test_stream_counts_in_commandstats_but_not_in_the_slow_log(link: Link, connection: Connection) -> None:
    connection.call("CONFIG", "SET", "slowlog-log-slower-than", "0")
    connection.call("SLOWLOG", "RESET")
    link.run(("SETRANGE", "k", "0", "v"),)
    assert b"cmdstat_setrange:calls=1" in connection.call("INFO", "commandstats").data
    assert b"SETRANGE" not in repr(connection.call("SLOWLOG", "GET", "-1")).encode()


def test_writes_of_clients_are_refused_and_leave_no_trace(server: wstore.Server, link: Link,
                                                          connection: Connection) -> None:
    assert connection.call("SET", "k", "v") == Error(b"READONLY You can't write against a read only replica.")
    connection.call("CONFIG", "SET", "replica-read-only", "no")
    connection.call("SET", "mine", "v")
    link.run(("SET", "k", "v"),)
    assert server.store.stream_take() == encode(["SET", "k", "v"])


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_log_of_a_replica_is_its_masters_stream(tmp_path: Path, policy: str) -> None:
    """Whatever files it is cut into, and wherever: loaded it gives the same data."""
    options = {"dir": str(tmp_path), "appendonly": True, "appendfsync": policy, "aof_segment_size": 1000,
               "enable_debug_command": "yes"}
    with wstore.Server(**options) as server, wstore.Server(save="") as master, Connection(master.port) as source:
        master.store.stream_start()
        with Link(server, offset=stream_offset(server.store)) as link:
            for seed in range(6):
                datasets.change(source, seed)
                stream = master.store.stream_take()
                for at in range(0, len(stream), 700):
                    link.send(stream[at:at + 700])
                link.wait_for()
            link.commands(("REPLCONF", "GETACK", "*"))
            while link.read_ack() < link.offset:
                pass
            if policy == "always":
                assert server.store.log_state()["synced"] == link.offset
        with Connection(server.port) as replica:
            digest = datasets.digest(replica)
        server.store.log_sync()         # the writer has come to all files
        files = len(server.store.log_files())
    assert files > 6
    with wstore.Server(**options) as again, Connection(again.port) as replica:
        assert datasets.digest(replica) == digest
        again.store.validate()


# -- beginning and ending ------------------------------------------------------------------------------------------

def test_promoted_server_says_its_database(server: wstore.Server, connection: Connection) -> None:
    with Link(server, db=4) as link:
        link.run(("SET", "k", "v"),)
    in_loop(server.store, lambda: set_replica(server.store, False))
    connection.call("SELECT", 4)
    server.store.stream_take()
    connection.call("SET", "k", "w")
    assert server.store.stream_take() == encode(["SELECT", 4]) + encode(["SET", "k", "w"])


def test_link_ended_here_is_not_told(server: wstore.Server) -> None:
    link = Link(server)
    link.run(("SET", "k", "v"),)
    in_loop(server.store, lambda: follow_end(server.store))
    assert link.read_ack() == 0
    link.file.read()
    link.close()
    assert not link.reasons and not link.facts["on"] and link.facts["received_bytes"] == link.offset


def test_next_link_begins_where_the_last_is_told_to_have_ended(server: wstore.Server) -> None:
    with Link(server) as link:
        again: list[Link] = []
        link.run(("INCR", "n"),)
        link.hang_up()
        again.append(Link(server, offset=link.facts["offset"]))
        with again[0] as other:
            other.run(("INCR", "n"),)
    assert server.store.get("n") == b"2"


def test_only_one_link_and_only_of_a_replica(server: wstore.Server, link: Link) -> None:
    with pytest.raises(RuntimeError, match="a link already"):
        Link(server)
    in_loop(server.store, lambda: (follow_end(server.store), set_replica(server.store, False)))
    with pytest.raises(RuntimeError, match="no replica"):
        in_loop(server.store, lambda: follow_begin(server.store, link.sock.dup().detach(), 0, 0, print))
    with pytest.raises(ValueError, match="no database 16"):
        Link(server, db=16)


def test_server_that_stops_with_its_link_up() -> None:
    with wstore.Server(save="", enable_debug_command="yes") as server:
        link = Link(server)
        link.run(("SET", "k", "v"),)
        server.stop()
        assert not link.reasons
        link.close()


def test_python_command_and_a_new_command_table(server: wstore.Server, link: Link) -> None:
    """A command that is replaced while its name is remembered."""
    link.run(("SET", "k", "v"),)
    store = server.store

    def register(session: object, args: list[bytes]) -> int:
        name = "follow.other" + args[1].decode()
        store.register([PyCommand(name, 1, 0, 0, 0, 0, lambda session, args: 1)])
        return 1

    store.register([PyCommand("follow.note", 2, 0, 0, 0, 0, register)])
    link.commands(*[("FOLLOW.NOTE", n) if n % 10 == 0 else ("SET", "k", n) for n in range(100)])
    link.wait_for()
    assert store.get("k") == b"99" and link.facts["errors"] == 0
    link.run(("FOLLOW.OTHER0",), ("SET", "k", "end"))
    assert store.get("k") == b"end"


def test_all_kinds_of_commands(server: wstore.Server, link: Link) -> None:
    """The effects that one store tells are the other's stream."""
    with wstore.Server(save="", enable_debug_command="yes") as master, Connection(master.port) as source:
        master.store.stream_start()
        datasets.fill(source)
        datasets.change(source)
        link.send(master.store.stream_take())
        link.wait_for()
        with Connection(server.port) as replica:
            assert datasets.digest(replica) == datasets.digest(source)
    assert link.facts["errors"] == 0
    server.store.validate()
