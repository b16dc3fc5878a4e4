"""Blocking commands where the store is in the same process: embedded calls that serve clients, walks over the links."""
from __future__ import annotations

import random
import threading
import time
from contextlib import suppress

import pytest

import wstore
from tests.harness import Connection
from tests.processes import wait_for
from tests.resp import Array, Bulk, Error, Int
from wstore.engine.pycommand import PyCommand

KEYS = ["x", "y", "k"]


@pytest.fixture
def server():
    with wstore.Server() as server:
        yield server


def waiting(server) -> int:
    text = server.store.execute("INFO", "clients").decode()
    return int(text.split("blocked_clients:")[1].split()[0])


def blocked(server, *command, resp=2) -> Connection:
    """A connection that has begun to wait."""
    before = waiting(server)
    client = Connection(server.port, resp=resp)
    client.send(*command)
    wait_for(lambda: waiting(server) == before + 1)
    return client


def test_an_embedded_call_serves_clients(server):
    with blocked(server, "BLPOP", "k", 0) as first, blocked(server, "BLMOVE", "k", "d", "LEFT", "LEFT", 0) as second:
        first.send("PING")
        assert server.store.execute("RPUSH", "k", "1") == 1
        assert server.store.execute("EXISTS", "k") == 0
        assert first.read() == Array((Bulk(b"k"), Bulk(b"1")))
        assert first.read().text == b"PONG"
        assert server.store.execute("RPUSH", "k", "2", "3") == 2
        assert second.read() == Bulk(b"2") and server.store.execute("LRANGE", "d", 0, -1) == [b"2"]
        assert waiting(server) == 0
        server.store.validate()


def test_an_embedded_call_never_waits():
    with wstore.Store() as store:
        began = time.monotonic()
        assert store.execute("BLPOP", "k", 0) is None
        assert store.execute("BLMOVE", "k", "d", "LEFT", "LEFT", 10) is None
        assert store.execute("BZPOPMIN", "k", "j", 0) is None
        assert time.monotonic() - began < 5


def test_an_embedded_call_unblocks(server):
    with blocked(server, "BLPOP", "k", 0, resp=3) as client:
        number = int(server.store.execute("CLIENT", "LIST").split(b"id=")[1].split()[0])
        assert server.store.execute("CLIENT", "UNBLOCK", number, "ERROR") == 1
        assert client.read() == Error(b"UNBLOCKED client unblocked via CLIENT UNBLOCK")


def test_the_server_ends_while_clients_wait():
    with wstore.Store() as store:
        with wstore.Server(store) as server:
            clients = [blocked(server, "BLPOP", "k", 0), blocked(server, "BRPOP", "k", "j", 100)]
        store.validate()
        store.execute("RPUSH", "k", "1")
        assert store.execute("LLEN", "k") == 1
        for client in clients:
            client.close()


def test_a_reload_while_clients_wait(server):
    with blocked(server, "BLPOP", "k", 0) as client, blocked(server, "BZPOPMIN", "z", 0) as other:
        server.store.execute("COMMANDS", "RELOAD")
        server.store.execute("RPUSH", "k", "1")
        server.store.execute("ZADD", "z", 1, "a")
        assert client.read() == Array((Bulk(b"k"), Bulk(b"1")))
        assert other.read() == Array((Bulk(b"z"), Bulk(b"a"), Bulk(b"1")))
        server.store.validate()


def test_a_python_command_serves_when_it_is_over(server):
    """What a handler does in several steps is one command."""
    def push_both(session, args):
        session.engine.execute("RPUSH", args[1], "first")
        return session.engine.execute("LPUSH", args[1], "second")

    server.store.register([PyCommand("pushboth", 2, 0, 1, 1, 1, push_both)])
    with Connection(server.port) as caller, blocked(server, "BLPOP", "k", 0) as client:
        assert caller.call("PUSHBOTH", "k") == Int(2)
        assert client.read() == Array((Bulk(b"k"), Bulk(b"second")))
    with blocked(server, "BLPOP", "j", 0) as client:
        assert server.store.execute("PUSHBOTH", "j") == 2
        assert client.read() == Array((Bulk(b"j"), Bulk(b"second")))


def some_commands(choose: random.Random) -> list[tuple]:
    key, other = choose.choice(KEYS), choose.choice(KEYS)
    command = choose.choice([
        ("BLPOP", key, other, 0), ("BRPOP", key, choose.choice([0, 0.001, 0.01])), ("BZPOPMAX", key, 0),
        ("BLMOVE", key, other, "LEFT", "RIGHT", 0.02), ("BLMPOP", 0.01, 2, key, other, "LEFT", "COUNT", 2),
        ("BZPOPMIN", key, other, 0.01), ("RPUSH", key, 1, 2), ("LPUSH", key, 3), ("ZADD", key, 1, "a", 2, "b"),
        ("DEL", key), ("SET", key, "v"), ("RENAME", key, other), ("SWAPDB", 0, 1), ("FLUSHDB",), ("PING",),
        ("LPOP", key), ("EXPIRE", key, -1)])
    if choose.random() < 0.2:
        return [("MULTI",), command, ("RPUSH", other, 5), ("EXEC",)]
    return [command]


def behave(server, seed: int, seconds: float) -> None:
    """A client that sends without reading much, and goes away in the middle of things."""
    choose = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Connection(server.port) as client, suppress(ConnectionError):      # it may be killed
            for _ in range(choose.randrange(30)):
                for command in some_commands(choose):
                    client.send(*command)
                if choose.random() < 0.3:
                    time.sleep(choose.random() * 0.01)


@pytest.mark.parametrize("seed", range(3))
def test_links_and_deadlines_hold_whatever_happens(server, seed):
    threads = [threading.Thread(target=behave, args=(server, 100 * seed + i, 2.0)) for i in range(6)]
    choose = random.Random(seed)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for line in server.store.execute("CLIENT", "LIST").decode().splitlines()[:3]:
            option = choose.choice(["UNBLOCK", "KILL", "NONE"])
            if option != "NONE":
                words = (option, "ID") if option == "KILL" else (option,)
                server.store.execute("CLIENT", *words, line.split("id=")[1].split()[0])
        with suppress(wstore.ReplyError):       # another type, perhaps
            server.store.execute("RPUSH", choose.choice(KEYS), "embedded")
        server.store.validate()
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    wait_for(lambda: server.store.execute("CLIENT", "LIST") == b"")
    assert waiting(server) == 0
    server.store.validate()
