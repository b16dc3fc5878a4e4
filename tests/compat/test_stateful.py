"""Random sequences over all commands of strings, bitmaps and keys: every reply, then everything that is left.

After each sequence the databases 0 to 2 must agree in each key's type, encoding, value, expiry and digest, dumped
values must load on the other side, and wstore's slot counts must equal a full recount.
"""
from __future__ import annotations

from binascii import crc_hqx

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.harness import OK, Array, Bulk, Connection, Differential, Int, start_oracle

SLOTS = 16384
DATABASES = 3


def slot_of(key: bytes) -> int:
    """The key's slot by the rule of Redis Cluster: CRC16 (XMODEM) of the key or of its first {tag}."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1) if start >= 0 else -1
    hashed = key[start + 1:end] if end > start + 1 else key
    return crc_hqx(hashed, 0) % SLOTS


def recount(keys: list[bytes]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for key in keys:
        counts[slot_of(key)] = counts.get(slot_of(key), 0) + 1
    return counts


def left_over() -> list[tuple[bytes, ...]]:
    """Questions about every key that a sequence may have left, in every database; ends in database 0."""
    asked: list[tuple[bytes, ...]] = []
    for db in reversed(range(DATABASES)):
        asked += [(b"SELECT", b"%d" % db), (b"KEYS", b"*")]
        for key in strategies.KEYS:
            asked += [(b"TYPE", key), (b"GET", key), (b"EXPIRETIME", key), (b"OBJECT", b"ENCODING", key),
                      (b"DEBUG", b"DIGEST-VALUE", key)]
        asked.append((b"DBSIZE",))      # after the look-ups, which drop what has expired
    return [*asked, (b"DEBUG", b"DIGEST")]


def assert_server_slots(connection: Connection) -> None:
    """COUNTKEYSINSLOT, GETKEYSINSLOT and SLOTSINFO against a recount of KEYS *."""
    keys = [item.data for item in connection.call("KEYS", "*").items]
    counts = recount(keys)
    by_slot = {slot: {Bulk(key) for key in keys if slot_of(key) == slot} for slot in counts}
    for slot, count in counts.items():
        assert connection.call("CLUSTER", "COUNTKEYSINSLOT", slot) == Int(count)
        assert set(connection.call("CLUSTER", "GETKEYSINSLOT", slot, count + 1).items) == by_slot[slot]
    told = Array(tuple(Array((Int(slot), Int(counts[slot]))) for slot in sorted(counts)))
    assert connection.call("SLOTSINFO") == told


def assert_dumps_travel(source: Connection, target: Connection) -> None:
    """What one side dumps, the other restores to the same digest. TTLs, which a dump does not hold, go first."""
    for item in source.call("KEYS", "*").items:
        source.call("PERSIST", item.data)
        payload = source.call("DUMP", item.data)
        ttl_ms = max(0, source.call("PTTL", item.data).value)
        assert target.call("RESTORE", item.data, ttl_ms, payload.data, "REPLACE") == OK
        question = ("DEBUG", "DIGEST-VALUE", item.data)
        assert target.call(*question) == source.call(*question)


@settings(max_examples=60)
@given(st.lists(strategies.commands, min_size=1, max_size=40))
def test_sequences_of_commands(diff: Differential, sequence):
    diff.compare(*sequence, *left_over())
    if diff.server is not None:
        with diff.server.connect() as ours, diff.oracle.connect() as theirs:
            assert_server_slots(ours)
            assert_dumps_travel(theirs, ours)
            assert_dumps_travel(ours, theirs)
    if diff.store is not None:
        counts = recount(diff.store.execute("KEYS", "*"))
        told = diff.store.slot_counts()
        assert {int(slot): int(told[slot]) for slot in told.nonzero()[0]} == counts


@settings(max_examples=20)
@given(st.lists(strategies.any_key, unique=True, min_size=1, max_size=60), st.data())
def test_many_keys_and_slots(diff: Differential, keys, data):
    """Keys of any bytes, written and partly deleted: the same set is left, and the slots count it."""
    gone = data.draw(st.lists(st.sampled_from(keys), max_size=30))
    diff.compare(*[("SET", key, key[:7]) for key in keys], *[("DEL", key) for key in gone], "DBSIZE", "KEYS *",
                 ("SCAN", "0", "COUNT", "1000"), "DEBUG DIGEST")
    if diff.server is not None:
        with diff.server.connect() as connection:
            assert_server_slots(connection)


def test_slot_of_agrees_with_redis():
    """The recount's own rule, against CLUSTER KEYSLOT of a redis-server in cluster mode."""
    with start_oracle("--cluster-enabled", "yes") as cluster, cluster.connect() as connection:
        for key in [*strategies.KEYS, b"{a}{b}", b"{{a}", b"a}b{c}", b"{a", b"a}"]:
            assert connection.call("CLUSTER", "KEYSLOT", key) == Int(slot_of(key))
