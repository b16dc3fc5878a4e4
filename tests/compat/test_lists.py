"""The list commands against redis-server: arguments, errors, ranges; stateful sequences over every form of a list.

Lists change their form with their size (in the record, then nodes), with list-max-listpack-size (also elements that
get a node of their own) and list-compress-depth, so sequences run under small ones of both, on both sides.
"""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compat.test_events import same as same_events
from tests.harness import OK, Bulk, Connection, Differential, Error, Int, ServerProcess
from tests.strategies import ints, maybe, noise, number, options, words

KEYS = [b"l1", b"l2", b"l3"]
WRONG = b"string"               # a key that holds no list
ABSENT = b"absent"
NODE_SIZES = [-2, -1, -5, 1, 2, 3, 16, 0]
DEPTHS = [0, 1, 2]
INDEXES = [*range(-12, 13), 40, -40, 130, -130, 1000, -1000]
SIZES = [1, 5, 63, 64, 120, 127, 128, 129, 254, 255, 256, 1000, 1022, 1023, 1024, 1025, 4090, 4096, 8180, 8186, 8192,
         8193, 16384, 65535, 65536, 70_000]
NUMBERS = [b"0", b"1", b"-1", b"63", b"64", b"127", b"128", b"-128", b"-129", b"32767", b"32768", b"-32769", b"8388607",
           b"8388608", b"-8388609", b"2147483647", b"2147483648", b"140737488355327", b"140737488355328",
           b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"01", b"+1", b"-0", b" 1", b"1.0"]


@pytest.fixture(autouse=True)
def usual_sizes(diff: Differential) -> Iterator[None]:
    yield
    steps = [("CONFIG", "SET", "list-max-listpack-size", "-2"), ("CONFIG", "SET", "list-compress-depth", "0")]
    for server in filter(None, (diff.oracle, diff.server)):
        for step in steps:
            assert server.call(*step) == OK
    if diff.store is not None:
        for step in steps:
            diff.store.execute(*step)


def shaped(size: int, depth: int) -> list[str]:
    return [f"CONFIG SET list-max-listpack-size {size}", f"CONFIG SET list-compress-depth {depth}"]


def compare(diff: Differential, *commands, **rest):
    """As diff.compare, and the store's own structures are sound."""
    replies = diff.compare(*commands, **rest)
    diff.validate()
    return replies


# -- sequences -----------------------------------------------------------------------------------------
key = st.sampled_from(KEYS)
any_key = st.sampled_from([*KEYS, *KEYS, *KEYS, WRONG, ABSENT])
few = st.sampled_from([b"a", b"b", b"c", b"1", b"2", b"-7", b"x" * 30])      # meet each other often
long_texts = st.tuples(st.sampled_from(SIZES), st.booleans()).map(
    lambda t: noise(t[0], t[0]) if t[1] else (b"abc" * t[0])[:t[0]])
element = st.one_of(few, few, few, st.sampled_from(NUMBERS), ints, st.binary(max_size=40), long_texts)
elements = st.lists(element, min_size=1, max_size=6).map(tuple)
runs = st.tuples(st.integers(0, 500), st.integers(20, 90)).map(
    lambda t: tuple(b"element-%08d" % n if n % 3 else number(n * n * n) for n in range(t[0], t[0] + t[1])))
index = st.sampled_from(INDEXES)
side = st.sampled_from([b"LEFT", b"RIGHT", b"left", b"right", b"left", b"RIGHT", b"UP"])
count = st.sampled_from([b"1", b"2", b"3", b"5", b"30", b"0", b"1000", b"-1", b"x"])
several = st.lists(any_key, min_size=1, max_size=3).map(lambda names: (number(len(names)), *names))
pos_options = st.lists(st.tuples(st.sampled_from([b"RANK", b"COUNT", b"MAXLEN", b"rank"]),
                                 st.sampled_from([b"0", b"1", b"2", b"-1", b"-2", b"10", b"200", b"x"])),
                       max_size=3).map(lambda pairs: sum(pairs, ()))

writes = st.one_of(
    words(st.sampled_from([b"LPUSH", b"RPUSH"]), key, st.one_of(elements, elements, runs)),
    words(st.sampled_from([b"LPUSHX", b"RPUSHX", b"LPUSH", b"RPUSH"]), any_key, elements),
    words(st.sampled_from([b"LPOP", b"RPOP"]), any_key, maybe(words(count))),
    words(b"LSET", any_key, index, element),
    words(b"LINSERT", any_key, st.sampled_from([b"BEFORE", b"AFTER", b"before", b"x"]), few, element),
    words(b"LINSERT", key, st.sampled_from([b"BEFORE", b"AFTER"]),
          st.integers(0, 500).map(lambda n: b"element-%08d" % n),
          elements.map(lambda items: items[:1])),
    words(b"LREM", any_key, st.sampled_from([0, 1, -1, 2, -2, 100, -100]), few),
    words(b"LTRIM", any_key, index, index),
    words(b"RPOPLPUSH", any_key, any_key), words(b"LMOVE", any_key, any_key, side, side),
    words(b"LMPOP", several, side, maybe(words(b"COUNT", count))))
moves = st.one_of(words(b"LMOVE", key, key, side, side), words(b"RPOPLPUSH", key, key),
                  words(b"BLMOVE", key, key, side, side, b"0.001"), words(b"BRPOPLPUSH", key, key, b"0.001"),
                  words(st.sampled_from([b"BLPOP", b"BRPOP"]), st.lists(any_key, min_size=1, max_size=3).map(tuple),
                        b"0.001"),
                  words(b"BLMPOP", b"0.001", several, side, maybe(words(b"COUNT", count))))
reads = st.one_of(
    words(b"LRANGE", any_key, index, index), words(b"LINDEX", any_key, index), words(b"LLEN", any_key),
    words(b"LPOS", any_key, few, pos_options), words(b"OBJECT", b"ENCODING", key), words(b"TYPE", key))
wholes = st.one_of(
    words(b"COPY", key, key, options(b"REPLACE")), words(b"RENAME", key, key), words(b"DEL", key),
    words(b"UNLINK", key),
    words(b"EXPIRE", key, 100_000), words(b"PERSIST", key), words(b"SET", key, b"v"), words(b"TTL", key))
sequences = st.lists(st.one_of(writes, writes, writes, moves, reads, wholes), min_size=1, max_size=40)


def left_over() -> list[tuple[bytes, ...]]:
    return [(*question, name) for name in KEYS
            for question in ((b"DEBUG", b"DIGEST-VALUE"), (b"LLEN",), (b"OBJECT", b"ENCODING"))]


@settings(max_examples=120)
@given(sequences, st.sampled_from(NODE_SIZES), st.sampled_from(DEPTHS), st.sampled_from(NODE_SIZES), st.data())
def test_sequences_of_commands(diff: Differential, sequence, size, depth, later_size, data):
    """The directives may also change on the way."""
    half = len(sequence) // 2
    compare(diff, *shaped(size, depth), ("SET", WRONG, "x"), *sequence[:half],
            *shaped(later_size, data.draw(st.sampled_from(DEPTHS))), *sequence[half:], *left_over())


@settings(max_examples=40)
@given(st.lists(element, min_size=1, max_size=60), st.sampled_from(NODE_SIZES), st.sampled_from(DEPTHS),
       st.lists(st.tuples(index, index), min_size=1, max_size=12))
def test_every_range_of_a_list(diff: Differential, items, size, depth, ranges):
    compare(diff, *shaped(size, depth), *[("RPUSH", "l", item) for item in items],
            *[("LRANGE", "l", start, end) for start, end in ranges],
            *[("LINDEX", "l", at) for at in range(-len(items) - 1, len(items) + 1)],
            *[("LPOS", "l", item, "COUNT", "0", "RANK", rank) for item in items[:5] for rank in (1, -1)])


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("size", NODE_SIZES)
def test_long_lists_edited_everywhere(diff: Differential, size: int, depth: int):
    """Several nodes: edits at each place split, join and drop nodes."""
    items = [f"element-{i:08d}" if i % 4 else str(i) for i in range(900)]
    edits = []
    for i in range(0, 900, 37):
        edits += [("LINSERT", "l", "BEFORE", items[i], f"new{i}" * (i % 5 + 1)), ("LSET", "l", i, "s" * (i // 3)),
                  ("LREM", "l", 1 - i % 3, items[(i * 7) % 900]), ("LINDEX", "l", i), ("LRANGE", "l", i, i + 3)]
    compare(diff, *shaped(size, depth), ("RPUSH", "l", *items[450:]), ("LPUSH", "l", *reversed(items[:450])), *edits,
            "DEBUG DIGEST-VALUE l", "LTRIM l 200 -200", "DEBUG DIGEST-VALUE l", "LPOP l 120", "RPOP l 120", "LLEN l",
            *["LMOVE l m LEFT RIGHT", "LMOVE l m RIGHT LEFT", "RPOPLPUSH l l"] * 40, "DEBUG DIGEST-VALUE l",
            "DEBUG DIGEST-VALUE m", "LTRIM l 5 7", "LRANGE l 0 -1", "LTRIM l 5 7", "EXISTS l")


@pytest.mark.parametrize("depth", DEPTHS)
def test_removal_of_most_elements(diff: Differential, depth: int):
    for wanted in (0, 400, -400, 3, -3):
        compare(diff, *shaped(-1, depth), ("RPUSH", "l", *(f"item-{i % 3}" * 4 for i in range(1500))),
                ("LREM", "l", wanted, "item-1" * 4), "DEBUG DIGEST-VALUE l", ("LREM", "l", 0, "item-0" * 4),
                ("LPOS", "l", "item-1" * 4, "COUNT", 10, "RANK", -5), "LRANGE l 0 20", ("LREM", "l", -wanted, "none"),
                ("LREM", "l", 0, "item-2" * 4), "LLEN l", ("LREM", "l", 0, "item-1" * 4), "EXISTS l")


@pytest.mark.parametrize("where", ["LEFT", "RIGHT"])
def test_a_queue_of_steady_length(diff: Differential, where: str):
    """What goes in at one end and out at the other passes through every node."""
    push, pop = ("LPUSH", "RPOP") if where == "LEFT" else ("RPUSH", "LPOP")
    for length in (3, 60, 500):
        steps = [(push, "q", f"job:{i}" * 2) for i in range(length)]
        for i in range(1200):
            steps += [(push, "q", f"job:{length + i}" * 2), (pop, "q")]
        compare(diff, *steps, "LLEN q", "DEBUG DIGEST-VALUE q")


@pytest.mark.parametrize("size", SIZES)
def test_long_elements(diff: Differential, size: int):
    """Whatever the size of an element, between others, replaced, moved, found and removed."""
    text = noise(size, 3)
    for node in (-2, -1, 2):
        compare(diff, *shaped(node, 1), "RPUSH l a b c d", ("LINSERT", "l", "AFTER", "b", text), ("LPOS", "l", text),
                ("LPUSH", "l", text), ("RPUSH", "l", text), "LRANGE l 0 -1", ("LSET", "l", 3, "short"),
                ("LSET", "l", 2, text), "LMOVE l m LEFT RIGHT", "LMOVE l m RIGHT LEFT", "LINDEX m -1",
                ("LREM", "l", 0, text), "LRANGE l 0 -1", ("LREM", "m", -1, text), "LRANGE m 0 -1",
                ("LINSERT", "m", "BEFORE", text, "x"), "RPOP m", "LRANGE m 0 -1")


# -- arguments and errors --------------------------------------------------------------------------------
LINES = [
    "LPUSH l", "LPUSHX l", "LPOP", "LPOP l 1 2", "RPOP l 1 2", "LPOP l 0", "RPOP l 0", "LPOP l -1", "LPOP l x",
    "LPOP l 9223372036854775807", "LPOP l 9223372036854775808", "LPOP absent", "LPOP absent 0", "LPOP absent 1",
    "LPOP string", "LPOP string 0", "LPOP string x", "LPOP l 2", "RPOP l 2", "RPOP l 100", "LLEN string", "LLEN absent",
    "LINDEX l x", "LINDEX l 99999999999999999999", "LINDEX string x", "LINDEX absent x", "LINDEX l 4", "LINDEX l -5",
    "LINDEX l -9223372036854775808", "LRANGE l x 1", "LRANGE l 0 y", "LRANGE string x 1", "LRANGE absent 0 1",
    "LRANGE string 0 1", "LRANGE l -9223372036854775808 9223372036854775807", "LRANGE l 2 1",
    "LRANGE l 9223372036854775807 -9223372036854775808", "LSET absent 0 x", "LSET string 0 x", "LSET l x x",
    "LSET l 4 x", "LSET l -5 x", "LSET l -4 x", "LSET absent x x", "LSET l 0", "LINSERT l NEAR a x",
    "LINSERT absent BEFORE a x", "LINSERT string AFTER a x", "LINSERT string NEAR a x", "LINSERT l BEFORE none x",
    "LREM l x a", "LREM string x a", "LREM string 0 a", "LREM absent 0 a", "LREM l -9223372036854775808 a",
    "LREM l -9223372036854775807 a", "LREM l 9223372036854775807 a", "LTRIM l x 1", "LTRIM l 0 y", "LTRIM string x 1",
    "LTRIM string 0 1", "LTRIM absent 0 1", "LTRIM l 0 -1", "LTRIM l 5 10", "LTRIM l -100 100", "LTRIM l 1 0",
    "LPOS l", "LPOS l a RANK", "LPOS l a RANK 0", "LPOS l a RANK x", "LPOS l a RANK -9223372036854775808",
    "LPOS l a RANK -9223372036854775807", "LPOS l a COUNT -1", "LPOS l a COUNT x", "LPOS l a MAXLEN -1",
    "LPOS l a MAXLEN x", "LPOS l a NONE 1", "LPOS l a COUNT", "LPOS absent a", "LPOS absent a COUNT 1",
    "LPOS string a", "LPOS string a COUNT x", "LPOS l a RANK 1 RANK 2 COUNT 0", "LPOS l none COUNT 2", "LPOS l none",
    "LPOS l a MAXLEN 1 RANK 2", "LPOS l a MAXLEN 4 RANK 2", "LPOS l a MAXLEN 3 RANK -1", "LPOS l b COUNT 0 MAXLEN 2",
    "RPOPLPUSH absent l", "RPOPLPUSH l string", "RPOPLPUSH string l", "RPOPLPUSH absent string", "RPOPLPUSH l",
    "LMOVE l m LEFT", "LMOVE l m UP LEFT", "LMOVE l m LEFT UP", "LMOVE absent string LEFT LEFT",
    "LMOVE string absent LEFT LEFT", "LMOVE l string LEFT LEFT", "LMOVE string absent UP LEFT", "LMOVE l l LEFT LEFT",
    "LMOVE l l RIGHT LEFT", "LMPOP 0 l LEFT", "LMPOP x l LEFT", "LMPOP -1 l LEFT", "LMPOP 1 l", "LMPOP 2 l LEFT",
    "LMPOP 1 l UP", "LMPOP 1 l LEFT COUNT", "LMPOP 1 l LEFT COUNT 0", "LMPOP 1 l LEFT COUNT x", "LMPOP 3 l m LEFT",
    "LMPOP 1 l LEFT COUNT 1 COUNT 2", "LMPOP 1 l LEFT LIMIT 1", "LMPOP 2 absent l RIGHT COUNT 3", "LMPOP 1 absent LEFT",
    "LMPOP 2 string l LEFT", "LMPOP 2 l string LEFT COUNT 100", "LMPOP 9223372036854775807 l LEFT",
    "LMPOP 9223372036854775808 l LEFT", "LMPOP 1 l LEFT COUNT 9223372036854775807",
]
BLOCKING_LINES = [
    "BLPOP l", "BLPOP l x", "BLPOP l -1", "BLPOP l nan", "BLPOP l inf", "BLPOP l 1e20", "BLPOP l 0x1",
    "BLPOP l -0.0001",
    "BLPOP absent l 1", "BRPOP absent l 1", "BLPOP absent string 1", "BLPOP l string 0", "BRPOP string l 0",
    "BLPOP absent 0.01", "BRPOP absent absent 0.01", "BLMOVE l m LEFT RIGHT x", "BLMOVE l m LEFT RIGHT -1",
    "BLMOVE l m UP RIGHT x", "BLMOVE l m LEFT UP x", "BLMOVE l m LEFT RIGHT 0", "BLMOVE absent m LEFT RIGHT 0.01",
    "BLMOVE string m LEFT RIGHT 0", "BLMOVE l string LEFT RIGHT 0", "BLMOVE absent string LEFT RIGHT 0.01",
    "BRPOPLPUSH l m 0", "BRPOPLPUSH l m x", "BRPOPLPUSH absent m 0.01", "BRPOPLPUSH string m 0",
    "BRPOPLPUSH l string 0",
    "BLMPOP 0 1 l LEFT", "BLMPOP x 1 l LEFT", "BLMPOP -1 1 l LEFT", "BLMPOP x 0 l LEFT", "BLMPOP 0 0 l LEFT",
    "BLMPOP x 1 l UP", "BLMPOP 0 1 l LEFT COUNT 2", "BLMPOP 0 1 l LEFT COUNT 0", "BLMPOP 0 2 absent l RIGHT COUNT 3",
    "BLMPOP 0.01 1 absent LEFT", "BLMPOP 0 2 string l LEFT", "BLMPOP 0 2 l m", "BLMPOP 1 1 l LEFT COUNT 1 COUNT 1",
]


@pytest.mark.parametrize("line", [*LINES, *BLOCKING_LINES])
def test_arguments_and_errors(diff: Differential, line: str):
    compare(diff, "SET string x", "RPUSH l a b a 7", line, "LRANGE l 0 -1")


@pytest.mark.parametrize("line", [line for line in BLOCKING_LINES if "0" in line])
def test_nothing_blocks_in_a_transaction(diff: Differential, line: str):
    compare(diff, "SET string x", "MULTI", line, "RPUSH absent e", line, "EXEC", embedded=False)


@pytest.mark.parametrize("word", ["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"])
def test_pushes(diff: Differential, word: str):
    compare(diff, f"{word} l a", f"{word} l b c d", "SET l x", f"{word} l a", "DEL l", "RPUSH l x", "EXPIRE l 100000",
            f"{word} l 1 2 3", "TTL l", "LRANGE l 0 -1", (word, "l", b"", b"\x00\xff\r\n", *NUMBERS), "LRANGE l 0 -1",
            "LPOP l 1000", "EXISTS l", f"{word} absent x", "EXISTS absent")


def test_an_element_reads_back_as_it_came(diff: Differential):
    compare(diff, ("RPUSH", "l", *NUMBERS, b"", *(number(10 ** n) for n in range(25))), "LRANGE l 0 -1",
            *[("LPOS", "l", item) for item in NUMBERS], *[("LREM", "l", "-1", item) for item in NUMBERS],
            "LRANGE l 0 -1")


CHANGES = ["LPUSH l a b c", "LPUSHX l a", "LPUSHX absent a", "RPOP l", "LPOP l 2", "LPOP absent", "LSET l 0 x",
           "LSET l 100 x", "LINSERT l BEFORE a y", "LINSERT l BEFORE none y", "LREM l 0 a", "LREM l 0 none",
           "LTRIM l 1 -2", "LTRIM l 0 -1", "LTRIM l 9 10", "LMOVE l l LEFT RIGHT", "LMOVE l m LEFT RIGHT",
           "RPOPLPUSH m l", "LMPOP 1 l LEFT COUNT 2", "BLPOP l 0", "BLMPOP 0 1 l LEFT COUNT 2",
           "BLMOVE l m LEFT LEFT 0"]


def dirty(connection: Connection) -> int:
    text = connection.call("INFO", "persistence").data.decode()
    return int(text.split("rdb_changes_since_last_save:")[1].split()[0])


@pytest.mark.parametrize("line", CHANGES)
def test_changes_are_counted_as_in_redis(oracle: ServerProcess, wstore_server: ServerProcess, line: str):
    counted = []
    for server in (oracle, wstore_server):
        with server.connect() as connection:
            connection.call("FLUSHALL")
            connection.call("RPUSH", "l", "a", "b", "a", "c", "7")
            connection.call("RPUSH", "m", "z")
            before = dirty(connection)
            connection.call(*line.split())
            counted.append(dirty(connection) - before)
    assert counted[0] == counted[1]


@pytest.mark.parametrize("last", ["LREM l 0 element", "LTRIM l 1 0", "LPOP l 5000", "RPOP l 2000",
                                  "LMPOP 1 l LEFT COUNT 2000", "RPOPLPUSH l m"])
@pytest.mark.parametrize("count", [1, 2000])
def test_events_of_a_list_that_goes(oracle: ServerProcess, wstore_server: ServerProcess, last: str, count: int):
    same_events(oracle, wstore_server, [("RPUSH", "l", *["element"] * count), last, "EXISTS l"])


# -- payloads ------------------------------------------------------------------------------------------
def digest_of(connection: Connection, name: str = "l"):
    return connection.call("DEBUG", "DIGEST-VALUE", name)


@given(st.lists(element, min_size=1, max_size=60), st.sampled_from([-2, -1, 2, 16]), st.sampled_from([0, 1]))
def test_dumps_travel(oracle: ServerProcess, wstore_server: ServerProcess, items, size, depth):
    """Every form of a list, both ways; and what arrives can be edited."""
    for source, target in ((oracle, wstore_server), (wstore_server, oracle)):
        with source.connect() as giving, target.connect() as taking:
            for connection in (giving, taking):
                connection.call("DEL", "l")
                for step in shaped(size, depth):
                    assert connection.call(*step.split()) == OK
            giving.pipeline([("RPUSH", "l", item) for item in items])
            payload = giving.call("DUMP", "l")
            assert isinstance(payload, Bulk)
            assert taking.call("RESTORE", "l", 0, payload.data, "REPLACE") == OK
            assert digest_of(taking) == digest_of(giving)
            for step in (("LPUSH", "l", "x"), ("RPOP", "l"), ("LLEN", "l")):
                assert taking.call(*step) == giving.call(*step)
            assert digest_of(taking) == digest_of(giving)


@pytest.mark.parametrize("count", [1, 10, 100, 3000])
def test_copies_are_independent(diff: Differential, count: int):
    items = [f"element-{i}" for i in range(count)]
    compare(diff, ("RPUSH", "l", *items), "EXPIRE l 100000", "COPY l m", "LPOP l", "RPUSH m x", "DEBUG DIGEST-VALUE l",
            "DEBUG DIGEST-VALUE m", "TTL m", "COPY m l", "COPY m l REPLACE", "LLEN l", "RENAME m n", "MOVE n 1",
            "SELECT 1", "DEBUG DIGEST-VALUE n")


def test_a_payload_without_elements_is_refused(diff: Differential):
    from tests.payloads import payload
    for body in (b"\x01\x00", b"\x01\x02\x01a", b"\x01", b"\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"):
        compare(diff, ("RESTORE", "l", "0", payload(body)), "EXISTS l")


def test_memory_is_counted_and_given_back(wstore_server: ServerProcess):
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        for i in range(200):
            connection.call("RPUSH", "l", *(f"element-{j:08d}" for j in range(100)))
            assert i or connection.call("MEMORY", "USAGE", "l").value < 2500
        used = connection.call("MEMORY", "USAGE", "l").value
        assert 18 * 20_000 < used < 18.6 * 20_000
        connection.call("LTRIM", "l", 0, 9)
        assert connection.call("MEMORY", "USAGE", "l").value < 1500
        assert connection.call("LSET", "l", 10, "x") == Error(b"ERR index out of range")
        assert connection.call("DEL", "l") == Int(1)
