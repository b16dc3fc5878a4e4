"""The hash family against redis-server 7.0: every option and error, names of encodings, big hashes, random fields."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.comparers import exactly
from tests.compat.test_events import lines_of, same
from tests.harness import OK, Array, Bulk, Connection, Differential, Int, ServerProcess, configured
from tests.strategies import INT_EDGES, ODD_NUMBERS, floats, maybe, noise, number, numbers, options, values, words

INT64_MAX = (1 << 63) - 1
SIZES = [0, 1, 63, 64, 65, 127, 128, 511, 512, 513, 1000, 1023, 1024, 1025, 20000]
THRESHOLDS = {"hash-max-listpack-entries": 4, "hash-max-listpack-value": 8}
IN_ORDER = {"HGETALL": exactly, "HKEYS": exactly, "HVALS": exactly, "HSCAN": exactly}

KEYS = [b"h", b"g", b"{tag}h"]
keys = st.sampled_from(KEYS)
sized = st.sampled_from(SIZES).flatmap(lambda n: st.sampled_from([b"x" * n, noise(n, n)]))
fields = st.one_of(st.sampled_from([b"a", b"b", b"c", b"f1", b"f2", b"", b"0", b"1", b"-1", b"01", b"\x00\xff\r\n"]),
                   st.integers(0, 40).map(number), st.sampled_from(INT_EDGES).map(number), sized)
field_lists = st.lists(fields, min_size=1, max_size=4).map(tuple)
pairs = st.lists(st.tuples(fields, st.one_of(values, sized)), min_size=1, max_size=5).map(lambda p: sum(p, ()))
few_pairs = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"1", b"22"]), numbers), min_size=1, max_size=3).map(
    lambda p: sum(p, ()))
counts = st.one_of(st.integers(-5, 12), st.sampled_from([b"x", b"", b"1.5", number(INT64_MAX), number(-INT64_MAX),
                                                        number(-INT64_MAX - 1), number(INT64_MAX + 1)]))

hash_commands = st.one_of(
    words(b"HSET", keys, pairs), words(b"HSET", keys, few_pairs), words(b"HMSET", keys, pairs),
    words(b"HSETNX", keys, fields, values), words(b"HGET", keys, fields), words(b"HMGET", keys, field_lists),
    words(b"HDEL", keys, field_lists), words(b"HGETALL", keys), words(b"HKEYS", keys), words(b"HVALS", keys),
    words(b"HLEN", keys), words(b"HSTRLEN", keys, fields), words(b"HEXISTS", keys, fields),
    words(b"HINCRBY", keys, fields, numbers), words(b"HINCRBYFLOAT", keys, fields, floats),
    words(b"HINCRBY", keys, st.sampled_from([b"a", b"b", b"1"]), st.integers(-300, 300)),
    words(b"HRANDFIELD", keys), words(b"HRANDFIELD", keys, st.integers(0, 12), options(b"WITHVALUES")),
    words(b"HRANDFIELD", keys, st.integers(-6, 0), maybe(words(b"withvalues"))),
    words(b"HSCAN", keys, b"0", b"COUNT", b"100000",
          maybe(words(b"MATCH", st.sampled_from([b"*", b"a*", b"?", b"[0-9]*", b"x*"])))))
other_commands = st.one_of(
    words(b"DEL", keys), words(b"COPY", keys, keys, options(b"REPLACE")), words(b"RENAME", keys, keys),
    words(b"OBJECT", b"ENCODING", keys), words(b"TYPE", keys), words(b"EXPIRE", keys, b"10000"),
    words(b"PERSIST", keys), words(b"TTL", keys), words(b"SET", keys, values), words(b"APPEND", keys, b"x"),
    words(b"DEBUG", b"DIGEST-VALUE", keys), words(b"UNLINK", keys))
sequences = st.lists(st.one_of(hash_commands, hash_commands, hash_commands, other_commands), min_size=1, max_size=30)
left_over = [(*question, key) for key in KEYS
             for question in ((b"HLEN",), (b"OBJECT", b"ENCODING"), (b"DEBUG", b"DIGEST-VALUE"))]


@pytest.fixture(params=["usual", "small"])
def thresholds(request: pytest.FixtureRequest, diff: Differential) -> Iterator[None]:
    with configured(diff, THRESHOLDS if request.param == "small" else {}):
        yield


@settings(max_examples=150)
@given(sequences)
def test_sequences(diff: Differential, thresholds: None, sequence):
    diff.compare(*sequence, *left_over)
    diff.validate()


@settings(max_examples=30)
@given(st.lists(hash_commands, min_size=60, max_size=120))
def test_long_sequences(diff: Differential, thresholds: None, sequence):
    diff.compare(*sequence, *left_over)
    diff.validate()


@settings(max_examples=50)
@given(sequences)
def test_what_is_left_travels(diff: Differential, sequence):
    """After a sequence, the dump of each hash loads on the other side and has the same digest there."""
    diff.compare(*sequence)
    if diff.server is None:
        return
    for source, target in ((diff.oracle, diff.server), (diff.server, diff.oracle)):
        with source.connect() as giving, target.connect() as taking:
            for key in KEYS:
                assert_travels(giving, taking, key)


def assert_travels(giving: Connection, taking: Connection, key: bytes) -> None:
    giving.call("PERSIST", key)
    payload = giving.call("DUMP", key)
    if isinstance(payload, Bulk):
        assert taking.call("RESTORE", "copy", 0, payload.data, "REPLACE") == OK
        assert taking.call("DEBUG", "DIGEST-VALUE", "copy") == giving.call("DEBUG", "DIGEST-VALUE", key)
        taking.call("DEL", "copy")


# -- order and names -----------------------------------------------------------------------------------

@settings(max_examples=80)
@given(st.lists(st.one_of(
    words(b"HSET", b"h", few_pairs), words(b"HDEL", b"h", st.sampled_from([b"a", b"b", b"f1"])),
    words(b"HSETNX", b"h", st.sampled_from([b"f1", b"f2", b"7"]), st.integers(-70000, 70000)),
    words(b"HINCRBY", b"h", st.sampled_from([b"a", b"n"]), st.integers(-300, 300))), min_size=1, max_size=20))
def test_small_hashes_keep_their_order(diff: Differential, sequence):
    for command in ("HGETALL h", "HKEYS h", "HVALS h", "HSCAN h 0", "HRANDFIELD h 100", "HRANDFIELD h 100 WITHVALUES"):
        diff.compare(*sequence, command, comparers={**IN_ORDER, "HRANDFIELD": exactly})
    diff.validate()


@pytest.mark.parametrize("size", SIZES)
def test_lengths_of_fields_and_values(diff: Differential, size: int):
    long = noise(size, size)
    diff.compare(("HSET", "h", "f", long), "OBJECT ENCODING h", "HGET h f", "HSTRLEN h f", ("HSET", "g", long, "v"),
                 "OBJECT ENCODING g", ("HGET", "g", long), ("HEXISTS", "g", long), "HSET h f short", "HGET h f",
                 "OBJECT ENCODING h", ("HSETNX", "i", long, long), "OBJECT ENCODING i", ("HINCRBY", "j", long, 1),
                 "OBJECT ENCODING j", ("HSETNX", "j", long, long), "OBJECT ENCODING j", ("HDEL", "g", long), "EXISTS g",
                 "DEBUG DIGEST")
    diff.validate()


@pytest.mark.parametrize("n", INT_EDGES)
def test_integers_at_every_width(diff: Differential, n: int):
    diff.compare(("HSET", "h", "f", n, n, n + 1), "HGETALL h", ("HGET", "h", n), "HSTRLEN h f", "HINCRBY h f 1",
                 "HINCRBY h f -1", ("HINCRBY", "h", n, -2), "DEBUG DIGEST-VALUE h", ("HDEL", "h", n), "HGETALL h",
                 ("HSET", "h", "f", n, f"0{n}", f" {n}", f"+{n}", f"{n}.0"), "HGETALL h", "COPY h g", "HGETALL g",
                 comparers=IN_ORDER)
    diff.validate()


def test_names_follow_the_thresholds(diff: Differential):
    """When a hash is called a hashtable: by count, by length, through each command; never a listpack again."""
    with configured(diff, THRESHOLDS):
        diff.compare("HSET h 1 1 2 2 3 3 4 4", "OBJECT ENCODING h", "HSET h 4 5", "OBJECT ENCODING h", "HSET h 5 5",
                     "OBJECT ENCODING h", "HDEL h 5 4 3", "OBJECT ENCODING h", "COPY h g", "OBJECT ENCODING g",
                     "HSET a f 123456789", "OBJECT ENCODING a", "HSET b 123456789 f", "OBJECT ENCODING b",
                     "HSETNX c f 123456789", "OBJECT ENCODING c", "HSET d f 12345678", "HSETNX d f 123456789",
                     "OBJECT ENCODING d", "HINCRBY d f 99999999", "OBJECT ENCODING d", "HINCRBYFLOAT e f 0.12345678",
                     "OBJECT ENCODING e", "HINCRBY f 123456789 1", "OBJECT ENCODING f",
                     "HMSET i a b 123456789 c", "OBJECT ENCODING i")
        diff.compare("CONFIG SET hash-max-listpack-entries 4", "HSET h 1 1 2 2 3 3 4 4",
                     "CONFIG SET hash-max-listpack-entries 3", "OBJECT ENCODING h",
                     "HGET h 1", "HDEL h none", "OBJECT ENCODING h", "HSET h 1 1", "OBJECT ENCODING h")
        diff.compare("CONFIG SET hash-max-listpack-value 9", "HSET h 1 123456789",
                     "CONFIG SET hash-max-listpack-value 4", "HSET h 1 12",
                     "OBJECT ENCODING h", "HSET g 1 12", "OBJECT ENCODING g", "HINCRBYFLOAT g 1 1000",
                     "OBJECT ENCODING g", "CONFIG SET hash-max-ziplist-value 100",
                     "HSET g2 123456789 123456789", "OBJECT ENCODING g2", "OBJECT ENCODING g")


def test_names_after_restore(diff: Differential):
    if diff.server is None:
        return
    commands = [("HSET", "h", *(word for i in range(n) for word in (f"f{i}", "v" * size)))
                for n in (1, 4, 5, 512, 513) for size in (1, 8, 9, 64, 65)]
    for command in commands:
        with diff.oracle.connect() as theirs, diff.server.connect() as ours:
            for connection in (theirs, ours):
                connection.call("FLUSHALL")
                connection.call(*command)
            payload = ours.call("DUMP", "h").data
            for directives in ({}, THRESHOLDS):
                with configured(diff, directives):
                    for connection in (theirs, ours):
                        assert connection.call("RESTORE", "h", 0, payload, "REPLACE") == OK
                    question = ("OBJECT", "ENCODING", "h")
                    assert ours.call(*question) == theirs.call(*question), (command[:3], directives)


# -- errors --------------------------------------------------------------------------------------------

ERRORS = [
    "HSET", "HSET h", "HSET h f", "HSET h f v f", "HMSET h f", "HMSET h f v f", "HMSET h", "HSETNX h f",
    "HSETNX h f v v", "HGET h", "HGET h f f", "HMGET h", "HDEL h", "HGETALL", "HGETALL h h", "HKEYS h h", "HVALS",
    "HLEN h f", "HSTRLEN h", "HEXISTS h", "HINCRBY h f", "HINCRBY h f 1 1", "HINCRBY h f x", "HINCRBY h f 1.5",
    "HINCRBY h f", "HINCRBY h text 1", "HINCRBY h text x", f"HINCRBY h n {INT64_MAX}", f"HINCRBY h n {INT64_MAX + 1}",
    f"HINCRBY h new {INT64_MAX}", f"HINCRBY h m -{INT64_MAX}", f"HINCRBY none f -{INT64_MAX + 1}",
    "HINCRBYFLOAT h f x", "HINCRBYFLOAT h text 1", "HINCRBYFLOAT h n inf", "HINCRBYFLOAT h n -inf",
    "HINCRBYFLOAT h n nan", "HINCRBYFLOAT none f inf", "HINCRBYFLOAT h n 1e400", "HINCRBYFLOAT h text inf",
    "HINCRBYFLOAT h inf 1", "HINCRBYFLOAT h huge 1.1e4932", "HRANDFIELD", "HRANDFIELD h x", "HRANDFIELD h 1 x",
    "HRANDFIELD h x x", "HRANDFIELD h 1 WITHVALUES x", f"HRANDFIELD h -{INT64_MAX + 1}",
    f"HRANDFIELD h {INT64_MAX + 1}", f"HRANDFIELD h {INT64_MAX} WITHVALUES", f"HRANDFIELD h -{INT64_MAX} WITHVALUES",
    f"HRANDFIELD none {INT64_MAX // 2 + 1} withvalues", f"HRANDFIELD none {INT64_MAX // 2} withvalues",
    "HRANDFIELD none", "HRANDFIELD none 3", "HRANDFIELD none -3", "HRANDFIELD h 0", "HRANDFIELD h 0 WITHVALUES",
    f"HRANDFIELD h {INT64_MAX}", "HSCAN", "HSCAN h", "HSCAN h x", "HSCAN none x", "HSCAN h 0 COUNT",
    "HSCAN h 0 COUNT 0", "HSCAN h 0 COUNT x", "HSCAN h 0 TYPE hash", "HSCAN h 0 MATCH", "HSCAN none 0 COUNT 0",
    "HSCAN h 0 MATCH n* COUNT 5", "HSCAN h 0 count 5 match [^n]*", "HSCAN h 0 FOO 1", "HSCAN h -1",
    "HSCAN h 18446744073709551616", "HSCAN h 77", "HSCAN none 0"]


@pytest.mark.parametrize("command", ERRORS)
@pytest.mark.parametrize("before", ["HSET h n 5 m -5 text abc inf 1e4932 huge 1e4932", "SET h string", "SET other x"])
def test_errors(diff: Differential, before: str, command: str):
    diff.compare(before, command, "EXISTS h none")
    diff.validate()


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(["HINCRBY", "HINCRBYFLOAT"]), st.sampled_from(["f", "0", "text"]),
                          st.one_of(numbers, floats, st.sampled_from(ODD_NUMBERS),
                                    st.decimals(-10**20, 10**20, places=10).map(lambda d: str(d).encode()))),
                min_size=1, max_size=8), st.one_of(numbers, floats, st.sampled_from(ODD_NUMBERS)))
@example([("HINCRBY", "f", number(INT64_MAX)), ("HINCRBY", "f", b"1")], b"0")
@example([("HINCRBYFLOAT", "f", b"0.1"), ("HINCRBYFLOAT", "f", b"-5"), ("HINCRBYFLOAT", "f", b"5.0e3")], b"10.50")
def test_increments(diff: Differential, steps, start):
    diff.compare(("HSET", "h", "f", start, "text", "abc"), *[(command, "h", field, by) for command, field, by in steps],
                 "HGETALL h", "OBJECT ENCODING h")
    diff.validate()


def changes(connection: Connection) -> int:
    """rdb_changes_since_last_save: the sum of what write commands count as changes."""
    told = connection.call("INFO", "persistence").data
    return int(told.split(b"rdb_changes_since_last_save:")[1].split()[0])


def test_changes_are_counted_as_redis_counts(diff: Differential):
    steps = ["HSET h a 1 b 2 a 3", "HSET h a 3", "HSETNX h a 1", "HSETNX h c 1", "HINCRBY h a 1", "HINCRBYFLOAT h a 1",
             "HMSET h x 1 y 2", "HDEL h none", "HDEL h a b none", "HDEL h x y c", "HDEL h x", "HINCRBY h a x"]
    counted = []
    for server in (diff.oracle, diff.server or diff.oracle):
        with server.connect() as connection:
            connection.call("FLUSHALL")
            totals = [changes(connection)]
            for step in steps:
                connection.call(*step.split())
                totals.append(changes(connection))
            counted.append([b - a for a, b in zip(totals, totals[1:], strict=False)])
    assert counted[0] == counted[1]


# -- big hashes ----------------------------------------------------------------------------------------

def fill(name: str, count: int, step: int = 100) -> list[tuple]:
    """HSET commands for fields field:000000 and on, with values of several kinds."""
    def pair(i: int) -> tuple[str, str]:
        return f"field:{i:06}", [f"v{i:07}", str(i * i), "", "x" * (i % 90)][i % 4]
    return [("HSET", name, *(word for i in range(at, min(at + step, count)) for word in pair(i)))
            for at in range(0, count, step)]


@pytest.mark.parametrize("count", [300, 511, 512, 513, 5000])
def test_big_hashes(diff: Differential, thresholds: None, count: int):
    every_third = [("HDEL", "h", *(f"field:{i:06}" for i in range(at, min(at + 300, count), 3)))
                   for at in range(0, count, 300)]
    diff.compare(*fill("h", count), "HLEN h", "OBJECT ENCODING h", "DEBUG DIGEST-VALUE h", "HGETALL h", "HKEYS h",
                 "HVALS h", "COPY h g", *every_third, "HLEN h", "HGETALL h", "DEBUG DIGEST-VALUE h",
                 "DEBUG DIGEST-VALUE g", *fill("h", count // 2), "HGETALL h", "HINCRBY h field:000001 5",
                 ("HSET", "h", "long", "z" * 30000, "z" * 600, "field"), "HGET h long", "HRANDFIELD h 10000 WITHVALUES",
                 "RENAME h i", "HLEN i", "HDEL i long", "HGETALL i", "EXPIRE i 10000", "HSET i f v", "TTL i", "DEL g",
                 "SET i over", "EXISTS g h i")
    diff.validate()


@pytest.mark.parametrize("count", [10, 500, 3000])
def test_big_hashes_travel(diff: Differential, count: int):
    if diff.server is None:
        return
    for source, target in ((diff.oracle, diff.server), (diff.server, diff.oracle)):
        with source.connect() as giving, target.connect() as taking:
            giving.call("FLUSHALL")
            giving.pipeline([tuple(map(str.encode, command)) for command in fill("h", count)])
            assert taking.call("RESTORE", "h", 0, giving.call("DUMP", "h").data, "REPLACE") == OK
            for question in (("DEBUG", "DIGEST-VALUE", "h"), ("OBJECT", "ENCODING", "h"), ("HLEN", "h")):
                assert taking.call(*question) == giving.call(*question)


def test_the_last_field_takes_the_key_along(diff: Differential):
    for count in (1, 3, 2000):
        names = [f"field:{i:06}" for i in range(count)]
        diff.compare(*fill("h", count), ("HDEL", "h", *names[1:], "none"), "EXISTS h", "HDEL h none",
                     "HDEL h field:000000", "EXISTS h", "DBSIZE", "HDEL h field:000000", ("HSET", "h", "a", "1"),
                     "OBJECT ENCODING h", ("HDEL", "h", "a", "a", "b"), "EXISTS h")
        diff.validate()


# -- events --------------------------------------------------------------------------------------------

EVENTS = """
HSET h a 1|HSET h a 1|HSET h a 2 b 3 c 4|HMSET h a 1 d 5|HSETNX h a 9|HSETNX h e 9|HINCRBY h a 5|HINCRBY h new 5
HINCRBY h e x|HINCRBYFLOAT h a 1.5|HINCRBYFLOAT h g 1.5|HDEL h none|HDEL h a none|HDEL h b c d e|HGET h a|HGETALL h
HGET none a|HMGET none a b|HGETALL none|HKEYS none|HVALS none|HLEN none|HSTRLEN none a|HEXISTS none a|HRANDFIELD none
HRANDFIELD none 3|HSCAN none 0|HDEL none a|HSET h|HSET h f|HDEL h new g|EXISTS h|HINCRBY n f 1|HDEL n f f f|HSETNX n f 1
COPY n m|RENAME n o|DEL o m|SET s v|HSET s f v|HDEL s f|HINCRBY s f 1|HINCRBYFLOAT s f 1|HSETNX s f v|HGET s f"""


def test_events(oracle: ServerProcess, wstore_server: ServerProcess):
    same(oracle, wstore_server, lines_of(EVENTS))


@settings(max_examples=25)
@given(st.lists(st.one_of(words(b"HSET", keys, few_pairs), words(b"HDEL", keys, st.sampled_from([b"a", b"b", b"1"])),
                          words(b"HDEL", keys, b"a", b"b", b"1", b"22"), words(b"HINCRBY", keys, b"a", b"1"),
                          words(b"HSETNX", keys, b"b", b"1")), max_size=20))
def test_stories_of_events(oracle: ServerProcess, wstore_server: ServerProcess, sequence):
    same(oracle, wstore_server, sequence)


# -- HSCAN and HRANDFIELD ------------------------------------------------------------------------------

def scan_all(connection: Connection, *rest: object) -> list[Bulk]:
    """All that HSCAN brings, from cursor 0 until it is 0 again."""
    cursor, found = b"0", []
    while True:
        page = connection.call("HSCAN", "h", cursor, *rest)
        cursor = page.items[0].data
        found += page.items[1].items
        if cursor == b"0":
            return found


@pytest.mark.parametrize("count", [3, 100, 512, 600, 4000])
def test_scans_bring_every_pair(wstore_server: ServerProcess, count: int):
    with wstore_server.connect() as connection:
        connection.call("DEL", "h")
        connection.pipeline([tuple(map(str.encode, command)) for command in fill("h", count)])
        told = connection.call("HGETALL", "h").items
        expected = dict(zip(told[::2], told[1::2], strict=True))
        for options_ in ((), ("COUNT", 1), ("COUNT", 1000), ("MATCH", "field:*7", "COUNT", 50)):
            found = scan_all(connection, *options_)
            pairs_found = dict(zip(found[::2], found[1::2], strict=True))
            wanted = {f: v for f, v in expected.items() if "MATCH" not in options_ or f.data.endswith(b"7")}
            assert pairs_found == wanted


def test_scans_miss_nothing_that_stays(wstore_server: ServerProcess):
    """Fields come and go by the thousand between two pages: those that were there all the time are all found."""
    with wstore_server.connect() as connection:
        connection.call("DEL", "h")
        connection.pipeline([tuple(map(str.encode, command)) for command in fill("h", 2000)])
        cursor, found, turn = b"0", set(), 0
        while True:
            page = connection.call("HSCAN", "h", cursor, "COUNT", 20)
            cursor = page.items[0].data
            found.update(item.data for item in page.items[1].items[::2])
            if cursor == b"0":
                break
            extra = [b"extra:%d" % (turn // 40 * 100 + i) for i in range(100)]
            if turn // 20 % 2 == 0:
                connection.call("HSET", "h", *(word for name in extra for word in (name, b"x" * 30)))
            else:
                connection.call("HDEL", "h", *extra)
            turn += 1
        assert found >= {b"field:%06d" % i for i in range(2000)}


def pairs_of(reply: Array, resp: int) -> list[tuple[bytes, bytes]]:
    """What HRANDFIELD WITHVALUES answers, flat in RESP2 and nested in RESP3."""
    if resp == 3:
        return [tuple(item.data for item in pair.items) for pair in reply.items]
    return [(a.data, b.data) for a, b in zip(reply.items[::2], reply.items[1::2], strict=True)]


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("count", [1, 10, 130, 1000])
def test_random_fields_are_fields_of_the_hash(wstore_server: ServerProcess, count: int, resp: int):
    with wstore_server.connect(resp=resp) as connection:
        connection.call("DEL", "h")
        connection.pipeline([(b"HSET", b"h", b"f%d" % i, b"v%d" % i) for i in range(count)])
        everything = {(b"f%d" % i, b"v%d" % i) for i in range(count)}
        for wanted in (1, 2, count // 5, count // 2, count - 1, count, count + 1):
            got = pairs_of(connection.call("HRANDFIELD", "h", wanted, "WITHVALUES"), resp)
            assert len(got) == min(wanted, count) == len(set(got))
            assert set(got) <= everything
            got = pairs_of(connection.call("HRANDFIELD", "h", -wanted, "WITHVALUES"), resp)
            assert len(got) == wanted and set(got) <= everything
            assert len(connection.call("HRANDFIELD", "h", wanted).items) == min(wanted, count)


@pytest.mark.parametrize(("count", "question"), [
    (8, ("HRANDFIELD", "h")), (8, ("HRANDFIELD", "h", "-40")), (8, ("HRANDFIELD", "h", "3")),
    (600, ("HRANDFIELD", "h")), (600, ("HRANDFIELD", "h", "-500")), (600, ("HRANDFIELD", "h", "20")),
    (600, ("HRANDFIELD", "h", "400"))])
def test_each_field_is_equally_likely(wstore_server: ServerProcess, count: int, question: tuple[str, ...]):
    """Chi squared over all fields: beyond eight standard deviations from its mean it is no chance."""
    seen = {b"f%d" % i: 0 for i in range(count)}
    with wstore_server.connect() as connection:
        connection.call("DEL", "h")
        connection.pipeline([(b"HSET", b"h", b"f%d" % i, b"v") for i in range(count)])
        draws = 0
        while draws < 60 * count:
            for reply in connection.pipeline([tuple(map(str.encode, question))] * 200):
                for item in reply.items if isinstance(reply, Array) else [reply]:
                    seen[item.data] += 1
                    draws += 1
    expected = draws / count
    chi_squared = sum((n - expected) ** 2 / expected for n in seen.values())
    assert chi_squared < count + 8 * (2 * count) ** 0.5


def test_hits_misses_and_access(diff: Differential):
    """Which commands count a hit or a miss, and that HINCRBY and its like count neither."""
    told = []
    for server in (diff.oracle, diff.server or diff.oracle):
        with server.connect() as connection:
            connection.call("FLUSHALL")
            connection.call("HSET", "h", "a", "1")
            rows = []
            for command in ("HGET h a", "HGET h none", "HGET none a", "HMGET h a", "HLEN h", "HLEN none", "HSCAN h 0",
                            "HSCAN none 0", "HRANDFIELD h", "HRANDFIELD none 5", "HINCRBY h a 1", "HSET h a 1",
                            "HSETNX h a 1", "HDEL none a", "HEXISTS none a", "HSTRLEN h a", "HGETALL none"):
                connection.call("CONFIG", "RESETSTAT")
                connection.call(*command.split())
                stats = connection.call("INFO", "stats").data
                rows.append([command] + [int(stats.split(name)[1].split()[0])
                                         for name in (b"keyspace_hits:", b"keyspace_misses:")])
            told.append(rows)
    assert told[0] == told[1]


def test_a_hash_that_expired_is_no_hash(diff: Differential):
    diff.compare("HSET h a 1", "PEXPIREAT h 1", "HGETALL h", "HSET h b 2", "HGETALL h", "TTL h", "HLEN h")
    assert diff.oracle.call("DBSIZE") == Int(1)
