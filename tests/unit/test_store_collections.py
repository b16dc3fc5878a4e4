"""The embedded store's methods for hashes, lists, sets and sorted sets: each once, with all its arguments."""
from __future__ import annotations

import inspect

import pytest
import redis

from wstore import ReplyError, Store
from wstore.store_collections import CollectionMethods

INF = float("inf")
METHODS = {name: function for name, function in vars(CollectionMethods).items()
           if inspect.isfunction(function) and not name.startswith("_")}


@pytest.fixture
def store():
    with Store() as store:
        yield store
        store.validate()


# -- hashes -------------------------------------------------------------------------------------------


def test_hash_fields(store):
    assert store.hset("h", "a", 1) == 1 and store.hset("h", "a", "ü") == 0
    assert store.hset("h", mapping={"b": 2, b"c": 1.5}) == 2
    assert store.hset("h", "d", b"\x00\xff", mapping={"a": "x", "e": ""}) == 2
    assert store.hget("h", "a") == b"x" and store.hget("h", b"c") == b"1.5" and store.hget("h", "none") is None
    assert store.hmget("h", ["a", "none", "b"]) == [b"x", None, b"2"]
    assert store.hmget("h", "a", "b") == [b"x", b"2"] == store.hmget("h", ["a"], "b")
    assert store.hgetall("h") == {b"a": b"x", b"b": b"2", b"c": b"1.5", b"d": b"\x00\xff", b"e": b""}
    assert sorted(store.hkeys("h")) == [b"a", b"b", b"c", b"d", b"e"]
    assert sorted(store.hvals("h")) == [b"", b"\x00\xff", b"1.5", b"2", b"x"]
    assert store.hlen("h") == 5 and store.hexists("h", "a") is True and store.hexists("h", "z") is False
    assert store.hsetnx("h", "a", "y") is False and store.hsetnx("h", "f", "y") is True
    assert store.hdel("h", "a", "b", "none") == 2 and store.hlen("h") == 4
    assert store.hdel("h", *store.hkeys("h")) == 4 and store.exists("h") == 0


def test_hash_counters(store):
    assert store.hincrby("h", "n") == 1 and store.hincrby("h", "n", 41) == 42 and store.hincrby("h", "n", -2) == 40
    assert store.hincrbyfloat("h", "x", 0.5) == 0.5 and store.hincrbyfloat("h", "x") == 1.5
    store.hset("h", "text", "x")
    with pytest.raises(ReplyError, match="^ERR hash value is not an integer$"):
        store.hincrby("h", "text")


def test_a_hash_without_fields_to_store(store):
    with pytest.raises(ReplyError, match="^ERR wrong number of arguments for 'hset' command$"):
        store.hset("h")


# -- lists --------------------------------------------------------------------------------------------


def test_lists(store):
    assert store.rpush("l", "b", 3, "ü") == 3 and store.lpush("l", "a", 1.5) == 5
    assert store.lrange("l", 0, -1) == [b"1.5", b"a", b"b", b"3", "ü".encode()] and store.lrange("l", 9, 12) == []
    assert store.llen("l") == 5 and store.lindex("l", -2) == b"3" and store.lindex("l", 5) is None
    assert store.lset("l", 0, "z") is True and store.lpop("l") == b"z" and store.rpop("l") == "ü".encode()
    assert store.lpop("l", 2) == [b"a", b"b"] and store.rpop("l", 5) == [b"3"]
    assert store.lpop("l") is None and store.rpop("l", 2) is None and store.llen("l") == 0
    with pytest.raises(ReplyError, match="^ERR no such key$"):
        store.lset("l", 0, "x")


def test_parts_of_lists(store):
    store.rpush("l", *"abcabcabc")
    assert store.lrem("l", 1, "a") == 1 and store.lrem("l", -1, "a") == 1 and store.lrem("l", 0, "b") == 3
    assert store.lrange("l", 0, -1) == [b"c", b"a", b"c", b"c"]
    assert store.ltrim("l", 1, 2) is True and store.lrange("l", 0, -1) == [b"a", b"c"]
    assert store.ltrim("l", 5, 6) is True and store.exists("l") == 0


# -- sets ---------------------------------------------------------------------------------------------


def test_sets(store):
    assert store.sadd("s", "a", 1, b"\xff") == 3 and store.sadd("s", "a", "b") == 1
    assert store.smembers("s") == {b"a", b"1", b"\xff", b"b"} and store.smembers("none") == set()
    assert store.scard("s") == 4 and store.sismember("s", 1) is True and store.sismember("s", 2) is False
    assert store.srem("s", "a", "none") == 1
    taken = store.spop("s")
    assert taken in {b"1", b"\xff", b"b"} and store.spop("s", 10) == {b"1", b"\xff", b"b"} - {taken}
    assert store.spop("s") is None and store.spop("s", 2) == set() and store.exists("s") == 0


def test_set_algebra(store):
    store.sadd("odd", 1, 3, 5, 7)
    store.sadd("prime", 2, 3, 5, 7)
    store.sadd("two", 2)
    assert store.sinter("odd", "prime") == {b"3", b"5", b"7"} == store.sinter(["odd", "prime"])
    assert store.sunion(["odd", "prime"]) == {b"1", b"2", b"3", b"5", b"7"}
    assert store.sdiff("prime", "odd", "none") == {b"2"} and store.sdiff(["prime"], "odd", "two") == set()


# -- sorted sets --------------------------------------------------------------------------------------


def test_sorted_sets(store):
    assert store.zadd("z", {"a": 1, "b": 2.5, b"c": -INF}) == 3 and store.zadd("z", {"a": 2, "d": INF}) == 1
    assert store.zscore("z", "a") == 2.0 and store.zscore("z", "c") == -INF and store.zscore("z", "none") is None
    assert store.zincrby("z", 1.5, "a") == 3.5 and store.zincrby("z", -1, "new") == -1.0
    assert store.zcard("z") == 5 and store.zrank("z", "c") == 0 and store.zrank("z", "none") is None
    assert store.zcount("z", "-inf", "+inf") == 5 and store.zcount("z", 2.5, 3.5) == 2
    assert store.zcount("z", "(2.5", 3.5) == 1
    assert store.zrem("z", "new", "none") == 1 and store.zrange("z", 0, -1) == [b"c", b"b", b"a", b"d"]
    assert store.zrem("z", *"abcd") == 4 and store.exists("z") == 0


def test_options_of_zadd(store):
    assert store.zadd("z", {"a": 1}, xx=True) == 0 and store.zadd("z", {"a": 1}, nx=True) == 1
    assert store.zadd("z", {"a": 5, "b": 5}, nx=True, ch=True) == 1 and store.zscore("z", "a") == 1.0
    assert store.zadd("z", {"a": 3, "b": 6}, gt=True, ch=True) == 2
    assert store.zadd("z", {"a": 4, "b": 4}, lt=True, ch=True) == 1 and store.zscore("z", "b") == 4.0
    assert store.zadd("z", {"a": 2}, incr=True) == 5.0
    assert store.zadd("z", {"a": 2}, incr=True, nx=True) is None
    with pytest.raises(ReplyError, match="^ERR GT, LT, and/or NX options at the same time are not compatible$"):
        store.zadd("z", {"a": 1}, gt=True, lt=True)


def test_ranges_of_sorted_sets(store):
    store.zadd("z", {name: i for i, name in enumerate("abcdef")})
    assert store.zrange("z", 1, 2) == [b"b", b"c"] and store.zrange("z", 0, 1, desc=True) == [b"f", b"e"]
    assert store.zrange("z", 1, 2, withscores=True) == [(b"b", 1.0), (b"c", 2.0)]
    assert store.zrange("z", "(1", 4, byscore=True) == [b"c", b"d", b"e"]
    assert store.zrange("z", 4, 2.5, byscore=True, desc=True, withscores=True) == [(b"e", 4.0), (b"d", 3.0)]
    assert store.zrange("z", "-inf", "+inf", byscore=True, offset=1, num=2) == [b"b", b"c"]
    assert store.zrange("z", "-inf", "+inf", byscore=True, offset=4) == [b"e", b"f"]
    assert store.zrange("z", "-inf", "+inf", byscore=True, num=1) == [b"a"]
    store.zadd("lex", dict.fromkeys("abcd", 0))
    assert store.zrange("lex", "[b", "(d", bylex=True) == [b"b", b"c"]
    assert store.zrange("lex", "+", "-", bylex=True, desc=True, offset=1, num=2) == [b"c", b"b"]
    with pytest.raises(ReplyError, match="^ERR syntax error, LIMIT is only supported in combination with "):
        store.zrange("z", 0, 1, offset=0, num=1)


# -- all of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 3000])
def test_scanning(store, size):
    names = [b"name:%d" % i for i in range(size)]
    if size:
        store.hset("h", mapping={name: i for i, name in enumerate(names)})
        store.sadd("s", *names)
        store.zadd("z", {name: i / 2 for i, name in enumerate(names)})
    assert dict(store.hscan_iter("h")) == {name: b"%d" % i for i, name in enumerate(names)}
    assert set(store.sscan_iter("s", count=7)) == set(names)
    assert dict(store.zscan_iter("z", count=1000)) == {name: i / 2 for i, name in enumerate(names)}
    assert {name for name, _ in store.hscan_iter("h", match="name:1*", count=10)} == {
        name for name in names if name.startswith(b"name:1")}
    assert set(store.sscan_iter("s", match=b"none*")) == set()


def test_another_type(store):
    store.set("text", "x")
    for call in (lambda: store.hget("text", "a"), lambda: store.rpush("text", "a"), lambda: store.smembers("text"),
                 lambda: store.zadd("text", {"a": 1}), lambda: next(store.hscan_iter("text"))):
        with pytest.raises(ReplyError, match="^WRONGTYPE "):
            call()


def test_expiry_of_collections(store):
    store.hset("h", "a", 1)
    assert store.expire("h", 100) is True and store.hset("h", "b", 1) == 1 and 99 <= store.ttl("h") <= 100
    assert store.type("h") == "hash" and list(store.scan_iter(type="hash")) == [b"h"]


@pytest.mark.parametrize("name", METHODS)
def test_arguments_are_those_of_redis_py(name):
    """What is called with our arguments, by position or by name, can be called so with redis-py as well."""
    theirs = inspect.signature(getattr(redis.Redis, name)).parameters
    kinds = {parameter.kind for parameter in theirs.values()}
    for i, (argument, parameter) in enumerate(inspect.signature(METHODS[name]).parameters.items()):
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            assert inspect.Parameter.VAR_POSITIONAL in kinds
        else:
            assert argument in theirs
            assert i > 4 or list(theirs)[i] == argument


def test_all_are_documented_and_typed():
    assert len(METHODS) > 40
    for name, function in METHODS.items():
        signature = inspect.signature(function)
        assert function.__doc__, name
        assert signature.return_annotation is not inspect.Signature.empty, name
        assert all(parameter.annotation is not inspect.Parameter.empty
                   for parameter in list(signature.parameters.values())[1:]), name
