"""The embedded API: typed methods, execute(), errors as exceptions, lifetime, and a store that is served as well."""
from __future__ import annotations

import gc
import inspect
import os
import signal
import sys
import threading
import time

import numpy
import pytest
import redis

import wstore
from tests.harness import Connection, Int
from wstore import ReplyError, Server, Store
from wstore.engine._engine import alloc_used_bytes


@pytest.fixture
def store():
    with Store() as store:
        yield store


# -- typed methods ------------------------------------------------------------------------------------


def test_get_and_set(store):
    assert store.get("key") is None and store.get(b"key") is None
    assert store.set("key", "ü") is True
    assert store.get(b"key") == "ü".encode() and store.get("key") == "ü".encode()
    assert store.set(b"\x00\xff", b"\xff\x00") is True and store.get(b"\x00\xff") == b"\xff\x00"
    assert store.set("", "") is True and store.get("") == b""
    assert store.set("ü", 12) is True and store.get("ü".encode()) == b"12"
    assert store.set("float", 1.5) is True and store.get("float") == b"1.5"


@pytest.mark.parametrize("value", [0, -1, 127, 128, -129, 32768, 2**31, -2**31 - 1, 2**63 - 1, -2**63, 2**63, 10**30])
def test_integers_come_back_as_their_digits(store, value):
    store.set("n", value)
    assert store.get("n") == str(value).encode()


@pytest.mark.parametrize("size", [0, 1, 44, 45, 253, 254, 255, 256, 1023, 1024, 1025, 65_535, 65_536, 3_000_000])
def test_values_and_keys_of_many_sizes(store, size):
    data = os.urandom(size)
    store.set(data, data)
    assert store.get(data) == data and data in store and store.delete(data) == 1 and store.get(data) is None


def test_set_options(store):
    assert store.set("a", 1, xx=True) is None
    assert store.set("a", 1, nx=True) is True and store.set("a", 2, nx=True) is None
    assert store.set("a", 3, get=True) == b"1" and store.set("b", 3, get=True) is None
    assert store.set("a", 4, ex=100) is True and 99 <= store.ttl("a") <= 100
    assert store.set("a", 5, keepttl=True) is True and 99 <= store.ttl("a") <= 100
    assert store.set("a", 6) is True and store.ttl("a") == -1
    assert store.set("a", 7, px=100_000) is True and 99_000 <= store.pttl("a") <= 100_000
    assert store.set("a", 8, exat=int(time.time()) + 50) is True and 48 <= store.ttl("a") <= 50
    assert store.set("a", 8, pxat=1) is True and store.get("a") is None
    with pytest.raises(ReplyError, match="ERR syntax error"):
        store.set("a", 1, nx=True, xx=True)
    with pytest.raises(ReplyError, match="ERR invalid expire time in 'set' command"):
        store.set("a", 1, ex=0)


def test_counters_and_strings(store):
    assert store.incr("n") == 1 and store.incr("n", 41) == 42 and store.decr("n", 2) == 40
    assert store.append("text", "ab") == 2 and store.append("text", b"c") == 3 and store.strlen("text") == 3
    assert store.getdel("text") == b"abc" and store.getdel("text") is None
    store.set("text", "x")
    with pytest.raises(ReplyError, match="^ERR value is not an integer or out of range$"):
        store.incr("text")


def test_many_at_once(store):
    assert store.mset({"a": 1, b"b": "two"}) is True
    assert store.mget(["a", "b", "c"]) == [b"1", b"two", None] and store.mget("a", "b") == [b"1", b"two"]
    assert store.exists("a", "b", "c", "a") == 3
    assert store.delete("a", "b", "c") == 2 and len(store) == 0
    with pytest.raises(ReplyError):
        store.mset({})


def test_keys_and_types(store):
    store.mset({f"key:{i}": i for i in range(1000)})
    assert len(store) == 1000 and "key:5" in store and b"key:1000" not in store
    assert sorted(store.keys("key:99?")) == [b"key:%d" % i for i in range(990, 1000)]
    assert set(store.scan_iter()) == {b"key:%d" % i for i in range(1000)}
    assert sorted(store.scan_iter(match="key:5?", count=7)) == [b"key:%d" % i for i in range(50, 60)]
    assert list(store.scan_iter(type="hash")) == [] and len(set(store.scan_iter(type="string"))) == 1000
    assert store.type("key:1") == "string" and store.type("none") == "none"
    assert store.rename("key:1", "new") is True and store.get("new") == b"1"
    with pytest.raises(ReplyError, match="ERR no such key"):
        store.rename("none", "x")


def test_expiry(store):
    store.set("a", 1)
    assert store.expire("a", 100) is True and store.expire("none", 1) is False and store.persist("a") is True
    assert store.ttl("a") == -1 and store.ttl("none") == -2 and store.persist("a") is False
    assert store.pexpire("a", 100_000) is True and "a" in store and store.pexpire("a", 20) is True
    time.sleep(0.04)
    assert "a" not in store and store.get("a") is None and store.exists("a") == 0 and list(store.scan_iter()) == []
    store.set("b", 1, px=20)
    time.sleep(0.04)
    assert store.delete("b") == 0 and store.set("b", 2, xx=True) is None and len(store) == 0


def test_writing_to_a_key_that_has_expired(store):
    """The old value and its TTL are gone for a plain set as well."""
    store.set("a", 1, px=10)
    time.sleep(0.03)
    assert store.set("a", 2) is True and store.ttl("a") == -1 and store.get("a") == b"2"
    store.validate()


def test_databases(store):
    store.set("a", 0)
    store.select(3)
    assert store.get("a") is None and len(store) == 0
    store.set("a", 3)
    assert store.execute("GET", "a") == b"3"
    store.select(0)
    assert store.get("a") == b"0" and store.execute("MOVE", "a", 3) == 0
    store.flushdb()
    assert len(store) == 0
    store.select(3)
    assert store.get("a") == b"3"
    store.flushall()
    assert len(store) == 0
    with pytest.raises(ReplyError, match="ERR DB index is out of range"):
        store.select(16)


def test_number_of_databases():
    with Store(databases=1) as store, pytest.raises(ReplyError):
        store.select(1)
    with pytest.raises(ValueError):
        Store(databases=0)


def test_slots(store):
    store.mset({f"{{tag}}{i}": i for i in range(500)})
    store.set("other", 1)
    slot = store.execute("CLUSTER", "KEYSLOT", "{tag}")
    counts = store.slot_counts()
    assert counts.dtype == numpy.uint32 and counts.shape == (16384,)
    assert counts[slot] == 500 and counts.sum() == 501 == len(store)
    assert sorted(store.keys_in_slot(slot)) == sorted(b"{tag}%d" % i for i in range(500))
    assert len(store.keys_in_slot(slot, 7)) == 7
    assert store.execute("CLUSTER", "COUNTKEYSINSLOT", slot) == 500
    for wrong in (-1, 16384):
        with pytest.raises(ValueError):
            store.keys_in_slot(wrong)


@pytest.mark.parametrize("call", [
    lambda store: store.get(5), lambda store: store.get(None), lambda store: store.set(5, "x"),
    lambda store: store.set("a", None), lambda store: store.set("a", True), lambda store: store.set("a", [1]),
    lambda store: store.delete(5), lambda store: 5 in store, lambda store: store.mget([5]),
    lambda store: store.execute("SET", "a", object())])
def test_wrong_python_types(store, call):
    with pytest.raises(TypeError):
        call(store)
    assert len(store) == 0


# -- execute ------------------------------------------------------------------------------------------


def test_execute_gives_python_values(store):
    assert store.execute("SET", "a", 1) == "OK"
    assert store.execute("get", b"a") == b"1"
    assert store.execute("INCR", "a") == 2
    assert store.execute("GET", "none") is None
    assert store.execute("MGET", "a", "none") == [b"2", None]
    assert store.execute("KEYS", "*") == [b"a"]
    assert store.execute("PING") == "PONG" and store.execute("PING", "x") == b"x" == store.execute("ECHO", "x")
    assert store.execute("COMMAND", "COUNT") > 70
    config = store.execute("CONFIG", "GET", "maxmemory")
    assert config == {b"maxmemory": b"0"}


def test_execute_raises_error_replies(store):
    with pytest.raises(ReplyError, match="^ERR unknown command 'NOSUCH', with args beginning with: 'a' $"):
        store.execute("NOSUCH", "a")
    with pytest.raises(ReplyError, match="^ERR wrong number of arguments for 'get' command$"):
        store.execute("GET")
    assert issubclass(ReplyError, Exception) and wstore.ReplyError is ReplyError


def test_execute_without_a_command(store):
    with pytest.raises((TypeError, ValueError, ReplyError)):
        store.execute()


# -- lifetime -----------------------------------------------------------------------------------------


def test_stores_are_independent():
    with Store() as one, Store() as two:
        one.set("a", 1)
        assert two.get("a") is None
        two.set("a", 2)
        assert one.get("a") == b"1"


def test_close_is_final():
    store = Store()
    store.set("a", 1)
    kept = store.get, store.set, store.execute
    store.close()
    store.close()
    for call in (lambda: kept[0]("a"), lambda: kept[1]("a", 1), lambda: kept[2]("PING"),
                 lambda: store.get("a"), lambda: store.set("a", 1), lambda: store.execute("PING"), lambda: len(store),
                 lambda: "a" in store, lambda: store.delete("a"), store.slot_counts, lambda: store.keys_in_slot(0)):
        with pytest.raises((ValueError, RuntimeError)):
            call()


def test_a_served_store_is_not_closed(store):
    with Server(store) as server, Connection(server.port) as connection:
        with pytest.raises(RuntimeError):
            store.close()
        assert connection.call("INCR", "a") == Int(1)


def test_memory_is_given_back():
    """Opening, filling and closing many stores keeps neither what malloc gave nor the addresses they reserved."""
    def reserved_bytes() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def once():
        with Store() as store:
            for i in range(2000):
                store.set(b"key:%d" % i, b"v" * 2000)
        del store
        gc.collect()
    once()
    before = alloc_used_bytes(), reserved_bytes()
    for _ in range(20):
        once()
    after = alloc_used_bytes(), reserved_bytes()
    assert after[0] - before[0] < 100_000 and after[1] - before[1] < 1e9


def test_memory_is_given_back_without_close():
    """A store that nobody refers to any more goes like any other object."""
    gc.collect()
    before = alloc_used_bytes()
    for _ in range(5):
        store = Store()
        store.execute("SET", "a", "v" * 100_000)
        store.execute("CONFIG", "GET", "*")
        store = None
        gc.collect()
    assert alloc_used_bytes() - before < 100_000 and store is None


def test_threads_on_one_store(store):
    """Without a server the GIL guards the store: counters from many threads add up."""
    def work(number):
        for i in range(2000):
            store.incr("count")
            store.set(f"{number}:{i}", i)
    run_threads([lambda n=n: work(n) for n in range(4)])
    assert store.get("count") == b"8000" and len(store) == 8001
    store.validate()


def run_threads(works) -> None:
    failures: list[BaseException] = []

    def guarded(work):
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and not any(thread.is_alive() for thread in threads), failures


# -- served ---------------------------------------------------------------------------------------------


def test_server_of_its_own():
    with Server() as server:
        assert server.port > 0 and server.url.startswith("redis://")
        with redis.Redis.from_url(server.url) as client:
            assert client.set("a", 1) is True and client.get("a") == b"1"
        port = server.port
    with pytest.raises(OSError):
        Connection(port, timeout_s=1)


def test_two_servers_at_once():
    with Server() as one, Server() as two:
        assert one.port != two.port
        with Connection(one.port) as first, Connection(two.port) as second:
            first.call("SET", "a", 1)
            assert second.call("EXISTS", "a") == Int(0)


def test_a_server_starts_again(store):
    """The store outlives its servers, and keeps what clients wrote."""
    for i in range(3):
        with Server(store) as server, Connection(server.port) as connection:
            assert connection.call("INCR", "starts") == Int(i + 1)
    assert store.get("starts") == b"3"


def test_the_store_and_its_server_see_the_same(store):
    with Server(store) as server, Connection(server.port) as connection:
        store.set("from python", 1)
        assert connection.call("INCR", "from python") == Int(2)
        assert store.get("from python") == b"2" and store.execute("DBSIZE") == 1 and len(store) == 1
        connection.call("SELECT", 1)
        connection.call("SET", "elsewhere", 1)
        assert "elsewhere" not in store


def test_served_and_used_directly_at_once(store):
    """Clients and threads of this process change the same counters and keys at the same time; nothing is lost."""
    rounds, clients, threads = 1500, 3, 3

    def over_the_wire(number):
        with Connection(server.port) as connection:
            for i in range(rounds):
                connection.call("INCR", "count")
                connection.pipeline([("SET", f"wire:{number}:{i}", i), ("EXPIRE", f"wire:{number}:{i}", 1000)])

    def directly(number):
        for i in range(rounds):
            store.incr("count")
            store.set(f"direct:{number}:{i}", i)
            assert store.get(f"direct:{number}:{i}") == str(i).encode()
            if i % 100 == 0:
                assert len(set(store.scan_iter(match=f"direct:{number}:*"))) == i + 1
                assert store.slot_counts().sum() > 0

    with Server(store) as server:
        run_threads([lambda n=n: over_the_wire(n) for n in range(clients)]
                    + [lambda n=n: directly(n) for n in range(threads)])
        assert store.get("count") == str(rounds * (clients + threads)).encode()
        assert len(store) == rounds * (clients + threads) + 1
    store.validate()


def test_python_runs_while_the_server_works(store):
    """The loop does not need the GIL for commands in C: Python goes on at its pace under load."""
    with Server(store) as server:
        stopping = threading.Event()

        def load():
            with Connection(server.port) as connection:
                while not stopping.is_set():
                    connection.pipeline([("SET", "a", 1)] * 100)
        thread = threading.Thread(target=load)
        thread.start()
        count = 0
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            count += 1
        stopping.set()
        thread.join(10)
    assert count > 10_000


def test_interrupting_python_does_not_stop_the_server(store):
    """A signal handler of the embedding process runs in its main thread as ever."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *told: seen.append(told[0]))
    try:
        with Server(store) as server, Connection(server.port) as connection:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.01)
            assert seen == [signal.SIGUSR1] and connection.call("INCR", "a") == Int(1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_set_takes_its_arguments_in_every_form():
    with Store() as store:
        assert store.set("a", 1) is True and store.get("a") == b"1"
        assert store.set(key="a", value="2") is True and store.get("a") == b"2"
        assert store.set("a", value=b"3") is True and store.get("a") == b"3"
        assert Store.set(store, "a", 4.5) is True and store.get("a") == b"4.5"
        options = {}
        assert store.set("a", "5", **options) is True and store.get("a") == b"5"
        assert store.set("a", "6", nx=True) is None and store.set("a", "6", get=True) == b"5"
        for wrong in ((), ("a",), ("a", "b", "c")):
            with pytest.raises(TypeError, match="exactly 2 positional arguments"):
                store.set(*wrong)
        with pytest.raises(TypeError, match="unexpected keyword"):
            store.set("a", "b", other=1)
        with pytest.raises(TypeError, match="bytes or str"):
            store.set(1.5, "b")
        with pytest.raises(TypeError):
            Store.set({}, "a", "b")


def test_set_says_what_it_takes():
    assert list(inspect.signature(Store.set).parameters) == [
        "self", "key", "value", "ex", "px", "exat", "pxat", "nx", "xx", "keepttl", "get"]
    assert Store.set.__doc__.startswith("SET: True")


def test_set_keeps_no_references():
    with Store() as store:
        key, value = b"a key of some length", b"a value of some length"
        before = sys.getrefcount(key), sys.getrefcount(value), sys.getrefcount(store)
        for _ in range(1000):
            store.set(key, value)
            store.set(key, value, xx=True)
            with pytest.raises(TypeError):
                store.set(key, value, key)
        assert (sys.getrefcount(key), sys.getrefcount(value), sys.getrefcount(store)) == before
