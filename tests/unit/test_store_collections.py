"""The embedded store's methods for hashes, lists, sets and sorted sets: each once, with all its arguments."""
from __future__ import annotations

import inspect

import pytest
import redis

from wstore import ReplyError, Store
from wstore.store_collections import CollectionMethods

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


# -- all of them --------------------------------------------------------------------------------------


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
