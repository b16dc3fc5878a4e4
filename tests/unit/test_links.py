"""Links between names and clients, driven through commands of many connections to a server in this process.

`Store.validate()` walks the links after each step.
"""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wstore
from tests.resp import OK, Array, Connection, Int, Null


@pytest.fixture(scope="module")
def served():
    store = wstore.Store()
    with wstore.Server(store, port=0) as server:
        yield store, server


def drain(connection: Connection, n: int) -> None:
    for _ in range(n):
        connection.read()


def test_many_names_of_one_client(served):
    """The tables grow and shrink by a bucket at a time, with nothing lost."""
    store, server = served
    with Connection(server.port) as client, Connection(server.port) as other:
        for n in (1, 2, 15, 16, 17, 1000):
            names = [f"name:{i}" for i in range(n)]
            client.send("SUBSCRIBE", *names)
            drain(client, n)
            store.validate()
            assert other.call("PUBLISH", names[-1], "x") == Int(1)
            drain(client, 1)
            client.send("UNSUBSCRIBE", *names[::2])
            drain(client, len(names[::2]))
            store.validate()
            assert len(store.execute("PUBSUB", "CHANNELS")) == n // 2
            client.send("UNSUBSCRIBE")
            drain(client, max(n // 2, 1))
            store.validate()
            assert store.execute("PUBSUB", "CHANNELS") == []


def test_many_clients_of_one_name(served):
    store, server = served
    clients = [Connection(server.port) for _ in range(100)]
    for client in clients:
        assert client.call("WATCH", "k", "k", "other") == OK
    store.validate()
    for client in clients[::3]:
        client.call("UNWATCH")
    store.validate()
    store.set("k", "v")
    store.validate()
    for i, client in enumerate(clients):
        client.call("MULTI")
        reply = client.call("EXEC")
        assert reply == Array(()) if i % 3 == 0 else isinstance(reply, Null)
    for client in clients:
        client.close()


WORDS = st.sampled_from([
    "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "WATCH"])
NAMES = st.lists(st.integers(0, 40).map("n{}".format), min_size=1, max_size=20)
STEPS = st.lists(st.tuples(st.integers(0, 4), st.one_of(
    st.tuples(WORDS, NAMES), st.sampled_from([("RESET", []), ("UNWATCH", []), ("close", []), ("SET", ["n1", "v"])]))),
    max_size=30)


@settings(max_examples=60)
@given(STEPS)
def test_against_a_model(served, steps):
    """Subscriptions of five clients as sets; RESP3, so that any of them may send anything."""
    store, server = served
    clients = [Connection(server.port, resp=3) for _ in range(5)]
    has = [{"S": set(), "PS": set(), "SS": set()} for _ in clients]
    try:
        for who, (word, names) in steps:
            if word == "close":
                clients[who].close()
                clients[who] = Connection(server.port, resp=3)
            else:
                clients[who].send(*[word, *names])
                drain(clients[who], len(names) if word.endswith("SUBSCRIBE") else 1)
            if word in ("close", "RESET"):
                if word == "RESET":
                    clients[who].call("HELLO", "3")
                has[who] = {kind: set() for kind in has[who]}
            elif word.endswith("UNSUBSCRIBE"):
                has[who][{"U": "S", "P": "PS", "S": "SS"}[word[0]]] -= set(names)
            elif word.endswith("SUBSCRIBE"):
                has[who][word.removesuffix("UBSCRIBE")] |= set(names)
            clients[who].call("PING")
            store.validate()
        for kind, sub in (("S", "NUMSUB"), ("SS", "SHARDNUMSUB")):
            every = sorted(set().union(*(one[kind] for one in has)))
            for name in every:
                assert wait_for(store, sub, name, sum(name in one[kind] for one in has))
    finally:
        for client in clients:
            client.close()


def wait_for(store, sub: str, name: str, count: int) -> bool:
    """Whether so many clients listen, once the server has seen who closed its connection."""
    for _ in range(1000):
        if store.execute("PUBSUB", sub, name)[1] == count:
            return True
    return False
