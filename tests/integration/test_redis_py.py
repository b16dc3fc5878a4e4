"""The newest redis-py against wstore-server: what its users do every day, over RESP2 and RESP3."""
from __future__ import annotations

import asyncio
import threading
import time

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.harness import ServerProcess, start_wstore
from tests.processes import wait_for


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request) -> int:
    return request.param


@pytest.fixture
def client(wstore_server: ServerProcess, protocol: int):
    with redis.Redis(port=wstore_server.port, protocol=protocol) as client:
        client.flushall()
        yield client


def test_strings(client):
    assert client.set("a", "1", ex=100, nx=True) is True
    assert client.set("a", "2", nx=True) is None
    assert client.set("a", "2", get=True, keepttl=True) == b"1"
    assert client.get("a") == b"2" and client.get("none") is None
    assert client.incr("a", 5) == 7 and client.decr("a") == 6
    assert client.incrbyfloat("f", 0.5) == 0.5
    assert client.mset({"x": b"\x00", "y": "ü"}) is True
    assert client.mget("x", "y", "z") == [b"\x00", "ü".encode(), None]
    assert client.append("x", "yz") == 3 and client.strlen("x") == 3 and client.getrange("x", 1, 2) == b"yz"
    assert client.getdel("x") == b"\x00yz" and client.getex("y", persist=True) == "ü".encode()


def test_keys_and_expiry(client):
    client.mset({f"key:{i}": i for i in range(500)})
    assert client.expire("key:1", 100) and 98 <= client.ttl("key:1") <= 100
    assert client.pexpire("key:2", 1) and client.persist("key:1")
    time.sleep(0.02)
    assert client.exists("key:1", "key:2", "key:3") == 2
    assert sorted(client.scan_iter(match="key:4*", count=17)) == sorted(client.keys("key:4*"))
    assert len(set(client.scan_iter())) == client.dbsize() == 499
    assert client.rename("key:3", "new") is True and client.type("new") == b"string"
    assert client.copy("new", "newer") and client.delete("new", "newer") == 2 and client.unlink("key:4") == 1
    assert client.randomkey().startswith(b"key:")
    assert client.object("encoding", "key:5") == b"int"


def pairs(reply) -> list[tuple]:
    """Members with scores: tuples in RESP2, lists in RESP3."""
    return [tuple(pair) for pair in reply]


def test_collections(client):
    assert client.hset("h", mapping={"a": 1, "b": "x"}) == 2 and client.hgetall("h") == {b"a": b"1", b"b": b"x"}
    assert client.hincrbyfloat("h", "a", 0.5) == 1.5 and dict(client.hscan_iter("h")) == {b"a": b"1.5", b"b": b"x"}
    assert client.rpush("l", *range(1000)) == 1000 and client.lrange("l", 998, -1) == [b"998", b"999"]
    assert client.lpop("l", 2) == [b"0", b"1"] and client.lpos("l", 500) == 498
    assert client.lmpop(2, "none", "l", direction="RIGHT", count=2) == [b"l", [b"999", b"998"]]
    assert client.sadd("s", *range(1000)) == 1000 and set(client.sscan_iter("s")) == {b"%d" % i for i in range(1000)}
    assert client.sadd("t", 5, 5000) == 2 and set(client.sinter("s", "t")) == {b"5"}
    assert client.sintercard(2, ["s", "t"]) == 1


def test_sorted_sets(client):
    assert client.zadd("z", {f"m{i}": i / 2 for i in range(1000)}) == 1000
    assert client.zadd("z", {"m1": 700}, gt=True, ch=True) == 1 and client.zscore("z", "m1") == 700.0
    assert client.zrange("z", 0, 1) == [b"m0", b"m2"] and client.zrank("z", "m1") == 999
    assert pairs(client.zrange("z", "(499", "inf", byscore=True, withscores=True)) == [(b"m999", 499.5), (b"m1", 700.0)]
    assert dict(client.zscan_iter("z")) == {b"m%d" % i: 700.0 if i == 1 else i / 2 for i in range(1000)}
    assert client.zadd("y", {"m0": 5, "n": 6}) == 2
    assert pairs(client.zunion({"y": 2, "none": 1}, aggregate="MAX", withscores=True)) == [(b"m0", 10.0), (b"n", 12.0)]
    assert client.zinterstore("d", ["z", "y"]) == 1 and client.zintercard(2, ["z", "y"]) == 1
    assert client.zdiff(["y", "z"]) == [b"n"] and len(client.zrandmember("z", 10)) == 10
    assert len(client.zpopmin("z", 998)) == 998 and client.zcard("z") == 2


def test_waiting_for_collections(wstore_server, protocol, client):
    """One client waits in a thread for each kind of reply, the other one serves it."""
    with redis.Redis(port=wstore_server.port, protocol=protocol) as waiting:
        calls = [(lambda: waiting.blpop(["none", "l"], timeout=30), lambda: client.rpush("l", "x"), [b"l", b"x"]),
                 (lambda: waiting.bzpopmin(["none", "z"], timeout=30), lambda: client.zadd("z", {"a": 1.5}),
                  [b"z", b"a", 1.5]),
                 (lambda: waiting.bzmpop(30, 1, ["z"], max=True), lambda: client.zadd("z", {"a": 1}), None),
                 (lambda: waiting.blmove("l", "k", 30, "LEFT", "RIGHT"), lambda: client.rpush("l", "y"), None)]
        for wait, serve, expected in calls:
            told: list = []
            thread = threading.Thread(target=lambda wait=wait, told=told: told.append(wait()))
            thread.start()
            wait_for(lambda: client.info("clients")["blocked_clients"] == 1)
            serve()
            thread.join(30)
            assert len(told) == 1 and told[0] and (expected is None or list(told[0]) == expected)
    assert client.lrange("k", 0, -1) == [b"y"]


def test_dump_and_restore(client):
    client.set("a", "value" * 100)
    payload = client.dump("a")
    assert client.restore("b", 0, payload) and client.get("b") == b"value" * 100
    with pytest.raises(redis.ResponseError, match="BUSYKEY"):
        client.restore("b", 0, payload)


def test_bitmaps(client):
    assert client.setbit("bits", 7, 1) == 0 and client.getbit("bits", 7) == 1 and client.bitcount("bits") == 1
    assert client.bitpos("bits", 1) == 7
    assert client.bitop("NOT", "flipped", "bits") == 1 and client.get("flipped") == b"\xfe"
    assert client.bitfield("field").set("u8", 0, 255).incrby("u8", 0, 10).execute() == [0, 9]


def test_errors_are_typed(client):
    client.set("text", "x")
    with pytest.raises(redis.ResponseError, match="not an integer"):
        client.incr("text")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client.execute_command("NOSUCH", "a")
    assert client.get("text") == b"x"


def test_pipeline(client):
    with client.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.set(f"p{i}", i).incr(f"p{i}")
        replies = pipe.execute()
    assert replies == [reply for i in range(1000) for reply in (True, i + 1)]
    with client.pipeline(transaction=False) as pipe:
        pipe.set("text", "x").incr("text").get("text")
        replies = pipe.execute(raise_on_error=False)
    assert replies[0] is True and isinstance(replies[1], redis.ResponseError) and replies[2] == b"x"


def test_transaction(client):
    with client.pipeline() as pipe:
        replies = pipe.set("a", 1).incr("a").get("a").set("text", "x").execute()
        assert replies == [True, 2, b"2", True]
        pipe.set("a", 5).incr("text").incr("a")
        with pytest.raises(redis.ResponseError, match="not an integer"):
            pipe.execute()
    assert client.get("a") == b"6"
    with client.pipeline() as pipe:
        pipe.set("a", 7).execute_command("NOSUCH")
        with pytest.raises(redis.ResponseError, match="unknown command"):
            pipe.execute()
    assert client.get("a") == b"6"


def test_large_values(client):
    value = bytes(range(256)) * 40_000
    client.set("large", value)
    assert client.get("large") == value and client.strlen("large") == len(value)


def test_databases(wstore_server, protocol, client):
    with redis.Redis(port=wstore_server.port, db=3, protocol=protocol) as other:
        other.set("only here", 1)
        assert client.get("only here") is None and other.dbsize() == 1
        other.flushdb()
        assert other.dbsize() == 0


def test_decoded_responses(wstore_server, protocol):
    with redis.Redis.from_url(f"redis://127.0.0.1:{wstore_server.port}/0", decode_responses=True,
                              protocol=protocol) as client:
        client.flushdb()
        client.set("ü", "ö")
        assert client.get("ü") == "ö" and client.mget(["ü"]) == ["ö"] and client.keys("*") == ["ü"]


def test_introspection(client):
    info = client.info()
    assert {"redis_version", "used_memory", "connected_clients", "db0"} <= set(info) | {"db0"}
    assert client.info("server")["tcp_port"] == client.connection_pool.connection_kwargs["port"]
    assert client.config_get("maxmemory*")
    assert client.ping() is True and client.echo("x") == b"x"
    assert len(client.time()) == 2
    assert client.command_count() > 70
    assert "get" in client.command()
    assert client.slowlog_len() >= 0 and isinstance(client.slowlog_get(5), list)
    assert client.memory_usage("none") is None


def test_client_commands(wstore_server, protocol):
    with redis.Redis(port=wstore_server.port, protocol=protocol, client_name="tester") as client:
        own = client.client_info()
        assert own["name"] == "tester" and own["lib-name"] == "redis-py" and own["lib-ver"]
        assert own["resp"] in (protocol, str(protocol))
        assert client.client_getname() in ("tester", b"tester")
        assert str(client.client_id()) in {str(row["id"]) for row in client.client_list()}
        assert client.client_no_evict("ON") in (True, "OK", b"OK")


def test_killed_connections_come_back(wstore_server, protocol):
    """A client whose connection was killed reconnects by its retry policy."""
    with redis.Redis(port=wstore_server.port, protocol=protocol, retry=Retry(NoBackoff(), 3),
                     single_connection_client=True) as client:
        client.set("a", 1)
        with redis.Redis(port=wstore_server.port) as killer:
            assert killer.client_kill_filter(_id=client.client_id()) == 1
        assert client.get("a") == b"1"


def test_pool_of_threads(wstore_server, protocol):
    pool = redis.BlockingConnectionPool(port=wstore_server.port, protocol=protocol, max_connections=4, timeout=20)
    with redis.Redis(connection_pool=pool) as client:
        client.delete("count")

        def work():
            for _ in range(200):
                client.incr("count")
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.get("count") == b"1600"
    pool.disconnect()


def test_asyncio(wstore_server, protocol):
    async def work() -> list:
        pool = redis.asyncio.BlockingConnectionPool(port=wstore_server.port, protocol=protocol, max_connections=20)
        async with redis.asyncio.Redis.from_pool(pool) as client:
            await client.flushall()
            await asyncio.gather(*(client.set(f"k{i}", i) for i in range(200)))
            got = await asyncio.gather(*(client.get(f"k{i}") for i in range(200)))
            async with client.pipeline(transaction=False) as pipe:
                counted = await pipe.incr("k0").incr("k1").execute()
            keys = [key async for key in client.scan_iter(count=10)]
            return [got, counted, len(set(keys))]
    got, counted, keys = asyncio.run(work())
    assert got == [b"%d" % i for i in range(200)] and counted == [1, 2] and keys == 200


def test_unix_socket(tmp_path, protocol):
    path = str(tmp_path / "s")
    with start_wstore("--unixsocket", path), redis.Redis(unix_socket_path=path, protocol=protocol) as client:
        assert client.set("a", 1) and client.get("a") == b"1"


def test_password(protocol):
    with start_wstore() as server:
        with redis.Redis(port=server.port) as admin:
            admin.config_set("requirepass", "secret")
        with redis.Redis(port=server.port, protocol=protocol, password="secret") as client:
            assert client.ping() is True
        once = Retry(NoBackoff(), 0)
        wrong = redis.Redis(port=server.port, protocol=protocol, password="wrong", retry=once)
        with wrong as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        with (redis.Redis(port=server.port, protocol=2, retry=once) as client,
              pytest.raises(redis.AuthenticationError, match="Authentication required")):
            client.ping()
