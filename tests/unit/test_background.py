"""Freeing in the background: flushed databases, the counters of INFO, closing while something waits, forks."""
import gc
import os
import signal
import time

import pytest

from wstore import Store
from wstore.engine._engine import alloc_used_bytes

KEYS = 30_000       # more than a flush frees at once


def filled():
    store = Store()
    for i in range(KEYS):
        store.set(b"key:%d" % i, b"v" * 40)
    for i in range(100):
        store.set(b"long:%d" % i, b"x" * 5000)
    return store


def memory_field(store, name):
    """A number of INFO's section on memory."""
    text = store.execute("INFO", "memory")
    return int(text.split(name.encode() + b":")[1].split()[0])


def wait_until_freed(store):
    deadline = time.monotonic() + 20
    while memory_field(store, "lazyfree_pending_objects"):
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("mode", ["SYNC", "ASYNC"])
def test_a_flush_counts_its_keys_and_gives_their_memory_back(mode):
    before = alloc_used_bytes()
    with filled() as store:
        full = alloc_used_bytes()
        assert full - before > 100 * 5000
        assert store.execute("FLUSHALL", mode) == "OK" and store.execute("DBSIZE") == 0
        wait_until_freed(store)
        assert alloc_used_bytes() < full - 100 * 4000
        assert memory_field(store, "lazyfreed_objects") == KEYS + 100
        store.execute("CONFIG", "RESETSTAT")
        assert memory_field(store, "lazyfreed_objects") == 0
        store.set("key", 1)
        assert store.execute("FLUSHALL", "ASYNC") == "OK"
        wait_until_freed(store)
        assert memory_field(store, "lazyfreed_objects") == 1
        store.validate()


def test_a_small_database_is_freed_at_once_unless_asked_otherwise():
    with Store() as store:
        store.set("key", "x" * 2000)
        assert store.execute("FLUSHALL", "SYNC") == "OK"
        assert memory_field(store, "lazyfreed_objects") == memory_field(store, "lazyfree_pending_objects") == 0


def test_closing_waits_for_what_is_being_freed():
    before = alloc_used_bytes()
    for _ in range(3):
        store = filled()
        store.execute("FLUSHALL", "ASYNC")
        store.close()
    del store
    gc.collect()
    assert alloc_used_bytes() - before < 100_000


def test_a_store_may_go_while_its_databases_are_being_freed():
    for _ in range(20):
        store = Store()
        for i in range(3000):
            store.set(b"%d" % i, b"x" * 2000)
        store.execute("FLUSHALL", "ASYNC")
        del store


def test_a_child_of_a_fork_frees_in_the_background_too():
    with filled() as store:
        store.execute("FLUSHALL", "ASYNC")
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            store.set("key", 1)
            store.execute("FLUSHALL", "ASYNC")
            wait_until_freed(store)
            store.close()
            os._exit(17)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
        wait_until_freed(store)
