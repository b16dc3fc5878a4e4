"""The newest redis-py listening and watching, threads and asyncio included, over RESP2 and RESP3."""
from __future__ import annotations

import asyncio
import threading

import pytest
import redis
import redis.asyncio

from tests.harness import ServerProcess


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request) -> int:
    return request.param


@pytest.fixture
def client(wstore_server: ServerProcess, protocol: int):
    with redis.Redis(port=wstore_server.port, protocol=protocol) as client:
        client.flushall()
        yield client


def next_message(pubsub):
    while True:
        message = pubsub.get_message(timeout=10)
        if message is not None:
            return message


def test_pubsub(client):
    with client.pubsub() as pubsub:
        pubsub.subscribe("news", "weather")
        pubsub.psubscribe("n*")
        assert [next_message(pubsub)["type"] for _ in range(3)] == ["subscribe", "subscribe", "psubscribe"]
        assert client.publish("news", "hello") == 2
        heard = [next_message(pubsub) for _ in range(2)]
        assert {(m["type"], m["pattern"], m["channel"], m["data"]) for m in heard} == {
            ("message", None, b"news", b"hello"), ("pmessage", b"n*", b"news", b"hello")}
        assert sorted(client.pubsub_channels()) == [b"news", b"weather"]
        assert client.pubsub_numsub("news", "none") == [(b"news", 1), (b"none", 0)] and client.pubsub_numpat() == 1
        pubsub.unsubscribe()
        pubsub.punsubscribe()
        assert [next_message(pubsub)["data"] for _ in range(3)][-1] == 0
        assert client.publish("news", "bye") == 0


def test_handlers_in_a_thread(client):
    heard = []
    done = threading.Event()

    def handle(message):
        heard.append(message["data"])
        if len(heard) == 1000:
            done.set()
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(events=handle)
    thread = pubsub.run_in_thread(sleep_time=0.01)
    try:
        while client.pubsub_numsub("events")[0][1] == 0:
            pass
        with client.pipeline(transaction=False) as pipe:
            for i in range(1000):
                pipe.publish("events", i)
            assert pipe.execute() == [1] * 1000
        assert done.wait(20)
    finally:
        thread.stop()
        thread.join()
    assert heard == [b"%d" % i for i in range(1000)]


def test_asyncio(wstore_server: ServerProcess, protocol: int):
    async def listen(client, ready: asyncio.Event) -> list:
        heard = []
        async with client.pubsub() as pubsub:
            await pubsub.subscribe("room")
            await pubsub.psubscribe("ro?m")
            async for message in pubsub.listen():
                if message["type"] == "psubscribe":
                    ready.set()
                if message["type"] == "message":
                    heard.append(message["data"])
                    if message["data"] == b"end":
                        return heard
        return heard

    async def story():
        client = redis.asyncio.Redis(port=wstore_server.port, protocol=protocol)
        ready = [asyncio.Event() for _ in range(5)]
        tasks = [asyncio.create_task(listen(client, event)) for event in ready]
        await asyncio.gather(*(event.wait() for event in ready))
        for text in ("one", "two", "end"):
            assert await client.publish("room", text) == 10
        heard = await asyncio.gather(*tasks)
        await client.aclose()
        return heard
    assert asyncio.run(story()) == [[b"one", b"two", b"end"]] * 5


def test_keyspace_events(client):
    client.config_set("notify-keyspace-events", "KEA")
    try:
        with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.psubscribe("__keyspace@0__:user:*")
            pubsub.get_message(timeout=10)
            client.set("user:1", "x", ex=100)
            client.hset("user:2", "field", "value")
            client.delete("user:1")
            heard = [next_message(pubsub) for _ in range(4)]
        assert [(m["channel"].partition(b":")[2], m["data"]) for m in heard] == [
            (b"user:1", b"set"), (b"user:1", b"expire"), (b"user:2", b"hset"), (b"user:1", b"del")]
    finally:
        client.config_set("notify-keyspace-events", "")


def test_watch(client):
    client.set("balance", 10)
    with client.pipeline() as pipe:
        pipe.watch("balance")
        balance = int(pipe.get("balance"))
        client.set("balance", 99)
        pipe.multi()
        pipe.set("balance", balance + 1)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert client.get("balance") == b"99"

    def add_one(pipe):
        balance = int(pipe.get("balance"))
        pipe.multi()
        pipe.set("balance", balance + 1)
    threads = [threading.Thread(target=lambda: [client.transaction(add_one, "balance") for _ in range(25)])
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("balance") == b"199"
