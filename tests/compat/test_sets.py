"""The set group against redis-server: every option and error, sequences over few keys with small thresholds, big sets,
members of all kinds; what is random or in pieces (SPOP, SRANDMEMBER, SSCAN) by its own properties."""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.compat.test_events import lines_of, same
from tests.harness import NULL_BULK, OK, Array, Connection, Differential, Error, Int, ServerProcess, counted
from tests.payloads import payload
from tests.strategies import words

FIXTURE = ["SADD ints 1 2 3 4 -5 9223372036854775807 -9223372036854775808", "SADD texts a b c 1 2", "SADD one 1",
           "SET string x", ("SADD", "long", b"v" * 5000, "1"), ("SADD", "many", *range(600)),
           ("SADD", "words", *(f"word:{i}" for i in range(300)))]
CASES = {
    "sadd": ["SADD ints 5 5 6 1", "SADD texts d d a", "SADD new x", "SADD new2 1 x", "SADD string 1", "SADD ints",
             "SADD", ("SADD", "new", ""), "SADD ints x", "SADD ints x", ("SADD", "new", b"\x00\xff", b"\r\n")],
    "integers in other forms": ["SADD n 1 01 +1 -0 0 1.0 99999999999999999999 9223372036854775808",
                                ("SADD", "n", " 1", "1 ", "--1", "-")],
    "srem": ["SREM ints 1 1 7", "SREM texts a q b", "SREM one 1", "EXISTS one", "SREM q a", "SREM string x", "SREM q",
             "SREM ints x", "SREM many 5 x 700", ("SREM", "long", b"v" * 5000), "SREM long 1"],
    "sismember": ["SISMEMBER ints 1", "SISMEMBER ints 7", "SISMEMBER ints x", "SISMEMBER texts a", "SISMEMBER texts 1",
                  "SISMEMBER q 1", "SISMEMBER string 1", "SISMEMBER q", "SISMEMBER words word:7", "SISMEMBER words 7",
                  ("SISMEMBER", "long", b"v" * 5000), "SISMEMBER many 599", "SISMEMBER many 600"],
    "smismember": ["SMISMEMBER ints 1 7 x 1", "SMISMEMBER texts a 1 q", "SMISMEMBER q 1 2", "SMISMEMBER string 1",
                   "SMISMEMBER q", "SMISMEMBER words word:1 word:999"],
    "scard": ["SCARD ints", "SCARD words", "SCARD q", "SCARD string", "SCARD", "SCARD a b"],
    "smembers": ["SMEMBERS ints", "SMEMBERS texts", "SMEMBERS long", "SMEMBERS words", "SMEMBERS q", "SMEMBERS string",
                 "SMEMBERS", "SMEMBERS a b"],
    "smove": ["SMOVE ints texts 3", "SMOVE ints texts 3", "SMOVE texts ints a", "SMOVE one new 1", "EXISTS one",
              "SMOVE q ints 1", "SMOVE q string 1", "SMOVE string ints x", "SMOVE ints string 1", "SMOVE ints ints 1",
              "SMOVE ints ints q", "SMOVE string string x", "SMOVE ints string nothing", "SMOVE a b",
              "SMOVE words texts word:1", "SMOVE texts words b", "SMOVE texts many 1"],
    "spop": ["SPOP q", "SPOP string", "SPOP one", "EXISTS one", "SPOP q 1", "SPOP q 0", "SPOP q -1", "SPOP q x",
             "SPOP ints 0", "SPOP ints -1", "SPOP ints x", "SPOP ints 1 1", "SPOP string 1", "SPOP string 0",
             "SPOP string x", "SPOP texts 100", "EXISTS texts", "SPOP", "SPOP ints 9223372036854775807",
             "SPOP ints 9223372036854775808", ("SPOP", "words", "1.5")],
    "srandmember": ["SRANDMEMBER q", "SRANDMEMBER q 1", "SRANDMEMBER q x", "SRANDMEMBER string", "SRANDMEMBER one",
                    "SRANDMEMBER string 1", "SRANDMEMBER string x", "SRANDMEMBER one 3", "SRANDMEMBER one -3",
                    "SRANDMEMBER ints 0", "SRANDMEMBER ints 7", "SRANDMEMBER ints 70", "SRANDMEMBER words 300",
                    "SRANDMEMBER ints 1 1", "SRANDMEMBER", "SRANDMEMBER ints -9223372036854775808",
                    "SRANDMEMBER ints 9223372036854775807", "SRANDMEMBER ints 9223372036854775808"],
    "sinter": ["SINTER ints", "SINTER ints texts", "SINTER texts ints", "SINTER ints q", "SINTER q", "SINTER ints many",
               "SINTER q string", "SINTER string q", "SINTER ints string", "SINTER ints ints ints", "SINTER",
               "SINTER many words", "SINTER long ints many"],
    "sintercard": ["SINTERCARD 2 ints texts", "SINTERCARD 2 ints many LIMIT 2", "SINTERCARD 1 many LIMIT 0",
                   "SINTERCARD 1 many limit 5 limit 7", "SINTERCARD 0 ints", "SINTERCARD -1 ints", "SINTERCARD x ints",
                   "SINTERCARD 3 ints texts", "SINTERCARD 1 ints texts", "SINTERCARD 1 ints LIMIT",
                   "SINTERCARD 1 ints LIMIT -1", "SINTERCARD 1 ints LIMIT x", "SINTERCARD 2 ints string",
                   "SINTERCARD 2 q string", "SINTERCARD 2 ints q", "SINTERCARD 1", "SINTERCARD 99999999999999999999 a",
                   "SINTERCARD 1 string LIMIT x", "SINTERCARD 2 LIMIT 1", "SINTERCARD 1.0 ints"],
    "sunion": ["SUNION ints texts", "SUNION ints q many", "SUNION q", "SUNION q r", "SUNION string", "SUNION q string",
               "SUNION ints string", "SUNION words many long", "SUNION ints ints", "SUNION"],
    "sdiff": ["SDIFF ints texts", "SDIFF texts ints", "SDIFF ints", "SDIFF ints ints", "SDIFF q ints", "SDIFF ints q",
              "SDIFF many ints texts one", "SDIFF one many words", "SDIFF q string", "SDIFF string q",
              "SDIFF ints string", "SDIFF", "SDIFF words many many many many long"],
    "sinterstore": ["SINTERSTORE d ints texts", "SINTERSTORE ints ints texts", "SINTERSTORE d ints q", "EXISTS d",
                    "SINTERSTORE d ints string", "SINTERSTORE string ints", "TYPE string", "SINTERSTORE d", "EXISTS d",
                    "SINTERSTORE d many many", "EXPIRE d 1000", "SINTERSTORE d ints ints", "TTL d",
                    "SINTERSTORE many words texts", "SINTERSTORE d string", "SINTERSTORE q r"],
    "sunionstore": ["SUNIONSTORE d ints texts", "SUNIONSTORE ints ints q", "SUNIONSTORE d q r", "EXISTS d",
                    "SUNIONSTORE d ints string", "SUNIONSTORE string ints", "SUNIONSTORE d words many long",
                    "OBJECT ENCODING d", "SUNIONSTORE d one", "OBJECT ENCODING d", "SUNIONSTORE d"],
    "sdiffstore": ["SDIFFSTORE d ints texts", "SDIFFSTORE ints ints ints", "EXISTS ints", "SDIFFSTORE d q texts",
                   "SDIFFSTORE texts texts one", "SDIFFSTORE d texts string", "SDIFFSTORE string words many",
                   "TYPE string", "SDIFFSTORE d texts one q long many words many", "SDIFFSTORE d"],
    "sscan": ["SSCAN ints 0", "SSCAN texts 0", "SSCAN words 0 COUNT 1000", "SSCAN words 0 COUNT 1000 MATCH word:1*",
              "SSCAN ints 0 MATCH *5 COUNT 1", "SSCAN q 0", "SSCAN q 7 FOO", "SSCAN q x", "SSCAN string 0",
              "SSCAN string x", "SSCAN ints x", "SSCAN ints 0 FOO", "SSCAN ints 0 COUNT 0", "SSCAN ints 0 COUNT x",
              "SSCAN ints 0 COUNT", "SSCAN ints 0 TYPE set", "SSCAN ints 0 MATCH", "SSCAN", "SSCAN ints",
              "SSCAN many 0 COUNT 9223372036854775807", "SSCAN ints 5", "SSCAN ints -1"],
    "other commands on sets": ["GET ints", "STRLEN words", "TYPE texts", "RENAME words w", "SCARD w", "DEL w many",
                               "OBJECT ENCODING ints", "OBJECT REFCOUNT ints", "EXPIRE ints 100", "SADD ints 77",
                               "TTL ints", "SREM ints 77", "TTL ints", "SET texts 1", "GET texts", "APPEND ints x"],
}


def encodings(*names: str) -> list[tuple[str, str, str]]:
    return [("OBJECT", "ENCODING", name) for name in names]


@pytest.fixture(autouse=True)
def valid(diff: Differential) -> Iterator[None]:
    """What each test leaves in the embedded store is sound."""
    yield
    diff.validate()


@pytest.mark.parametrize("name", CASES)
def test_case(diff: Differential, name: str):
    diff.compare(*FIXTURE, *CASES[name], *encodings("ints", "texts", "d", "new", "n", "many"), "DEBUG DIGEST")


# -- members of all kinds --------------------------------------------------------------------------------------------

edge_ints = st.sampled_from(strategies.INT_EDGES).map(strategies.number)
wide_ints = st.integers(-2**63, 2**63 - 1).map(strategies.number)
members = st.one_of(strategies.ints, edge_ints, strategies.numbers, wide_ints, st.binary(max_size=12),
                    strategies.values)


@given(st.lists(members, min_size=1, max_size=60), st.lists(members, max_size=20), st.data())
def test_any_members(diff: Differential, added, others, data):
    removed = data.draw(st.lists(st.sampled_from(added), max_size=40)) + others
    data.draw(st.randoms()).shuffle(removed)
    diff.compare(*[("SADD", "s", member) for member in added], ("SMISMEMBER", "s", *added), "SMEMBERS s",
                 "DEBUG DIGEST-VALUE s", *encodings("s"), *[("SREM", "s", member) for member in removed], "SCARD s",
                 ("SMISMEMBER", "s", *added), "DEBUG DIGEST-VALUE s", *encodings("s"))
    diff.validate()


@given(st.lists(st.one_of(edge_ints, wide_ints), min_size=1, max_size=250))
def test_integers_of_all_widths(diff: Differential, numbers):
    """In the order in which they come and, one by one, gone again: through the sorted form and out of it."""
    diff.compare(("SADD", "s", *numbers), "SMEMBERS s", ("SMISMEMBER", "s", *numbers),
                 *[step for number in numbers for step in (("SREM", "s", number), "SCARD s")])


# -- sequences -----------------------------------------------------------------------------------------------------

KEYS = [b"a", b"b", b"c", b"d"]
few_keys = st.sampled_from(KEYS)
key_lists = st.lists(few_keys, min_size=1, max_size=4).map(tuple)
small_members = st.one_of(st.integers(0, 12).map(strategies.number), st.sampled_from([b"x", b"y", b"", b"-1", b"007"]),
                          edge_ints, st.integers(0, 60).map(lambda n: b"member:%d" % n + b"m" * n))
some_members = st.lists(small_members, min_size=1, max_size=8).map(tuple)
runs_of_members = st.tuples(st.integers(0, 500), st.integers(1, 120)).map(
    lambda t: tuple(strategies.number(n) for n in range(t[0], t[0] + t[1])))
runs_of_texts = st.tuples(st.integers(0, 40), st.integers(1, 60)).map(
    lambda t: tuple(b"t%d" % n * 3 for n in range(t[0], t[0] + t[1])))
any_members = st.one_of(some_members, some_members, runs_of_members, runs_of_texts)
set_commands = st.one_of(
    words(b"SADD", few_keys, any_members), words(b"SADD", few_keys, any_members), words(b"SREM", few_keys, any_members),
    words(b"SMOVE", few_keys, few_keys, small_members), words(b"SISMEMBER", few_keys, small_members),
    words(b"SMISMEMBER", few_keys, any_members), words(b"SCARD", few_keys), words(b"SMEMBERS", few_keys),
    words(b"SINTER", key_lists), words(b"SUNION", key_lists), words(b"SDIFF", key_lists),
    words(b"SINTERSTORE", few_keys, key_lists), words(b"SUNIONSTORE", few_keys, key_lists),
    words(b"SDIFFSTORE", few_keys, key_lists), words(b"SSCAN", few_keys, b"0", b"COUNT", b"10000"),
    words(b"SINTERCARD", b"2", few_keys, few_keys, strategies.maybe(words(b"LIMIT", st.integers(0, 5)))),
    words(b"SPOP", few_keys, b"1000"), words(b"COPY", few_keys, few_keys, strategies.options(b"REPLACE")),
    words(b"RENAME", few_keys, few_keys), words(b"DEL", few_keys), words(b"SET", few_keys, small_members),
    words(b"EXPIRE", few_keys, b"1000"), words(b"OBJECT", b"ENCODING", few_keys),
    words(b"DEBUG", b"DIGEST-VALUE", few_keys), words(b"SRANDMEMBER", few_keys, b"1000"))


def set_threshold(diff: Differential, entries: int) -> None:
    for side in (diff.oracle, diff.server, diff.store):
        if side is not None:
            call = side.execute if side is diff.store else side.call
            call("CONFIG", "SET", "set-max-intset-entries", str(entries))


def all_questions() -> list[tuple[bytes, ...]]:
    return [question for key in KEYS for question in (
        (b"OBJECT", b"ENCODING", key), (b"DEBUG", b"DIGEST-VALUE", key), (b"TTL", key))] + [(b"DEBUG", b"DIGEST")]


def assert_dumps_travel(source: Connection, target: Connection) -> None:
    """What one side dumps, the other restores to the same digest and encoding."""
    target.call("FLUSHALL")
    for key in KEYS:
        dumped = source.call("DUMP", key)
        if dumped != NULL_BULK:
            assert target.call("RESTORE", key, 0, dumped.data) == OK
            question = ("DEBUG", "DIGEST-VALUE", key)
            source.call("PERSIST", key)
            assert target.call(*question) == source.call(*question)


@pytest.mark.parametrize("entries", [0, 4, 512])
def test_sequences_of_commands(diff: Differential, entries: int):
    set_threshold(diff, entries)

    @settings(max_examples=60)
    @given(st.lists(set_commands, min_size=5, max_size=40))
    def run(sequence):
        diff.compare(*sequence, *all_questions())
        diff.validate()
        if diff.server is not None:
            with diff.server.connect() as ours, diff.oracle.connect() as theirs:
                assert_dumps_travel(ours, theirs)
                assert_dumps_travel(theirs, ours)
    try:
        run()
    finally:
        set_threshold(diff, 512)


def test_names_change_as_in_redis(diff: Differential):
    """At the threshold, with the first text, and never back, whatever is removed; but in what is stored anew."""
    numbers = [str(n * n) for n in range(513)]
    diff.compare(("SADD", "s", *numbers[:512]), *encodings("s"), ("SADD", "s", numbers[512]), *encodings("s"),
                 ("SREM", "s", *numbers[2:]), *encodings("s"), "SADD t 1 2", *encodings("t"), "SADD t x", "SREM t x",
                 *encodings("t"), "COPY s u", "COPY t v", *encodings("u", "v"), "SUNIONSTORE s s", *encodings("s"),
                 "SINTERSTORE t t t", *encodings("t"), "SDIFFSTORE u u q", *encodings("u"), "RENAME v w",
                 *encodings("w"))


@pytest.mark.parametrize("left", [1, 10, 100, 160, 170, 300])
def test_names_after_spop(diff: Differential, left: int):
    """Redis makes a new set of the rest if that is a small part: it may be an intset again."""
    diff.compare(("SADD", "s", *range(1000)), *encodings("s"), ("SPOP", "s", 1000 - left), "SCARD s", *encodings("s"),
                 comparers={"SPOP": lambda args, a, b, ms: len(a.items) == len(b.items)}, check_state=False)


# -- big sets ------------------------------------------------------------------------------------------------------

def many_members(count: int, rng: random.Random) -> list[bytes]:
    """Texts of all lengths, also those that lie outside of a node, and integers of all widths."""
    def member(i: int) -> bytes:
        kind = rng.randrange(20)
        if kind == 0:
            sizes = (100, 127, 128, 500, 511, 512, 513, 600, 70000 if i % 50 == 0 else 900)
            return b"%d:" % i + b"L" * rng.choice(sizes)
        if kind < 7:
            return b"%d" % rng.randrange(-1 << rng.randrange(1, 63), 1 << rng.randrange(1, 63))
        return b"member:%06d" % i
    return [member(i) for i in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_big_sets(diff: Differential, seed: int):
    rng = random.Random(seed)
    all_members = many_members(6000, rng)
    a, b = rng.sample(all_members, 4000), rng.sample(all_members, 2500)
    removed = rng.sample(a, 3900)
    diff.compare(
        *[("SADD", "a", *a[i:i + 100]) for i in range(0, 4000, 100)], ("SADD", "b", *b), "SCARD a", "SCARD b",
        "DEBUG DIGEST-VALUE a", ("SMISMEMBER", "a", *all_members), "SINTER a b", "SUNIONSTORE u a b",
        "SDIFFSTORE d a b", "SINTERSTORE i a b", "SDIFFSTORE e b a i a d u", "SCARD d", "SCARD i", "SCARD u",
        "SINTERCARD 2 a b LIMIT 1500", "COPY a copy", "DEBUG DIGEST-VALUE copy", "SSCAN b 0 COUNT 100000",
        *[("SREM", "a", member) for member in removed],
        "SMEMBERS a", "DEBUG DIGEST-VALUE a", "DEBUG DIGEST-VALUE copy", "SPOP copy 100000", "EXISTS copy",
        ("SREM", "b", *b[:-1]), "SMEMBERS b", ("SADD", "b", *a), "DEBUG DIGEST", check_state=False)


def test_dumps_of_big_sets(oracle: ServerProcess, wstore_server: ServerProcess):
    rng = random.Random(7)
    with oracle.connect() as theirs, wstore_server.connect() as ours:
        for source, target in ((ours, theirs), (theirs, ours)):
            for side in (source, target):
                side.call("FLUSHALL")
            source.call("SADD", "s", *many_members(5000, rng))
            assert target.call("RESTORE", "s", 0, source.call("DUMP", "s").data) == OK
            assert target.call("DEBUG", "DIGEST-VALUE", "s") == source.call("DEBUG", "DIGEST-VALUE", "s")


def test_a_table_against_a_model():
    """Twenty thousand changes of one big set, and all of it taken apart again, in every state sound."""
    import wstore
    rng = random.Random(3)
    model: set[bytes] = set()
    with wstore.Store() as store:
        pool = many_members(5000, rng)
        for step in range(20000):
            member = rng.choice(pool)
            if rng.random() < (0.8 if step // 4000 % 2 == 0 else 0.2):
                assert store.execute("SADD", "s", member) == (member not in model)
                model.add(member)
            else:
                assert store.execute("SREM", "s", member) == (member in model)
                model.discard(member)
            if step % 500 == 0:
                store.validate()
                assert set(store.execute("SMEMBERS", "s")) == model
        while model:
            member = store.execute("SPOP", "s")
            model.remove(member)
            if len(model) % 300 == 0:
                store.validate()
        assert store.execute("EXISTS", "s") == 0


def test_memory_is_given_back(wstore_server: ServerProcess):
    """A table that has lost most of its members has lost most of its memory."""
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        names = [b"member:%06d" % i for i in range(20000)]
        connection.call("SADD", "s", *names)
        full = connection.call("MEMORY", "USAGE", "s").value
        connection.call("SREM", "s", *names[1000:])
        assert connection.call("MEMORY", "USAGE", "s").value < full / 10


# -- random members ------------------------------------------------------------------------------------------------

RANDOM_SETS = {
    "integers": list(range(-40, 40)),
    "elements": [f"e{i}" for i in range(80)],
    "a table": [f"element:{i:05}" for i in range(1500)],
    "a table of long elements": [f"{i}" * 90 for i in range(100, 300)],
}


@pytest.mark.parametrize("kind", RANDOM_SETS)
@pytest.mark.parametrize("count", [1, 5, 60, 79])
def test_srandmember_gives_different_members(wstore_server: ServerProcess, kind: str, count: int):
    all_members = {str(member).encode() for member in RANDOM_SETS[kind]}
    with wstore_server.connect() as connection:
        connection.call("DEL", "s")
        connection.call("SADD", "s", *all_members)
        for n in (count, len(all_members) // 2, len(all_members) - count):
            drawn = [item.data for item in connection.call("SRANDMEMBER", "s", n).items]
            assert len(drawn) == len(set(drawn)) == n and set(drawn) <= all_members
            drawn = [item.data for item in connection.call("SRANDMEMBER", "s", -n).items]
            assert len(drawn) == n and set(drawn) <= all_members


def assert_even(counts: Counter, choices: int) -> None:
    """The counts are no more uneven than draws of equal chance: chi squared within six standard deviations. (Draws of
    several different members at once are more even.)"""
    expected = counts.total() / choices
    chi = sum((counts[name] - expected) ** 2 / expected for name in counts) + expected * (choices - len(counts))
    assert chi - choices < 6 * (2 * choices) ** 0.5


@pytest.mark.parametrize("kind", RANDOM_SETS)
def test_random_members_are_evenly_spread(wstore_server: ServerProcess, kind: str):
    """Also after the set has shrunk: what is left of a table is in nodes of unequal fill."""
    all_members = [str(member).encode() for member in RANDOM_SETS[kind]]
    with wstore_server.connect() as connection:
        connection.call("DEL", "s")
        connection.call("SADD", "s", *all_members)
        for kept in (all_members, all_members[:len(all_members) // 4]):
            connection.call("SREM", "s", *all_members[len(kept):] or ["none"])
            draws = connection.pipeline([("SRANDMEMBER", "s", -1000)] * 40)
            assert_even(Counter(item.data for reply in draws for item in reply.items), len(kept))
            some = max(1, len(kept) // 5)
            draws = connection.pipeline([("SRANDMEMBER", "s", some)] * (40000 // some))
            assert_even(Counter(item.data for reply in draws for item in reply.items), len(kept))


@pytest.mark.parametrize("kind", RANDOM_SETS)
@pytest.mark.parametrize("count", [1, 3, 50, 75])
def test_spop_takes_out_what_it_answers(wstore_server: ServerProcess, kind: str, count: int):
    left = {str(member).encode() for member in RANDOM_SETS[kind]}
    with wstore_server.connect() as connection:
        connection.call("DEL", "s")
        connection.call("SADD", "s", *left)
        while left:
            popped = {item.data for item in connection.call("SPOP", "s", count).items}
            assert len(popped) == min(count, len(left)) and popped <= left
            left -= popped
            assert {item.data for item in connection.call("SMEMBERS", "s").items} == left
            if left:
                one = connection.call("SPOP", "s").data
                left.remove(one)
        assert connection.call("EXISTS", "s") == Int(0)


# -- scanning ------------------------------------------------------------------------------------------------------

def scan_all(connection: Connection, *options: object) -> list[bytes]:
    found, cursor = [], b"0"
    while True:
        page = connection.call("SSCAN", "s", cursor, *options)
        cursor = page.items[0].data
        found += [item.data for item in page.items[1].items]
        if cursor == b"0":
            return found


@pytest.mark.parametrize("count", [1, 10, 777])
def test_a_quiet_scan_returns_each_member_once(wstore_server: ServerProcess, count: int):
    with wstore_server.connect() as connection:
        connection.call("DEL", "s")
        names = many_members(5000, random.Random(count))
        connection.call("SADD", "s", *names)
        found = scan_all(connection, "COUNT", count)
        assert sorted(found) == sorted(set(names))
        assert set(scan_all(connection, "COUNT", count, "MATCH", "member:*1")) == \
            {name for name in names if name.startswith(b"member:") and name.endswith(b"1")}


@pytest.mark.parametrize("seed", range(4))
def test_a_scan_returns_what_stays_while_the_set_changes(wstore_server: ServerProcess, seed: int):
    """Members present all the time are returned, with growth, splits and joins between the calls."""
    rng = random.Random(seed)
    stays = {b"stays:%d" % i for i in range(300)}
    with wstore_server.connect() as connection:
        connection.call("DEL", "s")
        connection.call("SADD", "s", *stays)
        gone: set[bytes] = set()
        found: set[bytes] = set()
        cursor, step = b"0", 0
        while True:
            page = connection.call("SSCAN", "s", cursor, "COUNT", rng.choice((1, 5, 20)))
            cursor = page.items[0].data
            found.update(item.data for item in page.items[1].items)
            if cursor == b"0":
                break
            if step % 60 < 30:
                fresh = [b"new:%d:%d" % (step, i) for i in range(rng.choice((1, 50, 800)))]
                connection.call("SADD", "s", *fresh)
                gone.update(fresh)
            elif gone:
                doomed = rng.sample(sorted(gone), min(len(gone), 1500))
                connection.call("SREM", "s", *doomed)
                gone.difference_update(doomed)
            step += 1
            assert step < 20000
    assert step > 50 and stays - found == set()


# -- what is bad, and what is counted ------------------------------------------------------------------------------

@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 255))
def test_damaged_payloads(wstore_server: ServerProcess, tail, at, byte):
    """With the right checksum, any damage is an error or a sound set."""
    with wstore_server.connect() as connection:
        connection.call("DEL", "s", "t")
        connection.call("SADD", "t", "1", "two", "3000", "4" * 30)
        body = bytearray(connection.call("DUMP", "t").data[:-10])
        body[at % len(body)] = byte
        reply = connection.call("RESTORE", "s", 0, payload(bytes(body) + tail))
        assert reply == OK or isinstance(reply, Error)


COUNTED = ["SADD ints 1 9 10", "SADD ints 1", "SREM ints 9 10 11", "SREM ints 11", "SREM q 1", "SISMEMBER ints 1",
           "SISMEMBER q 1", "SMISMEMBER ints 1 2", "SCARD ints", "SMEMBERS texts", "SMEMBERS q", "SMOVE ints texts 3",
           "SMOVE ints texts 1", "SMOVE ints ints 1", "SMOVE ints texts 77", "SMOVE q texts 1", "SPOP words",
           "SPOP words 10", "SPOP words 280", "SPOP q", "SRANDMEMBER words", "SRANDMEMBER q 3", "SINTER ints texts",
           "SINTER ints q texts", "SINTERCARD 2 ints q", "SUNION ints q", "SDIFF ints texts q", "SINTERSTORE d ints q",
           "SINTERSTORE d ints texts", "SINTERSTORE d ints q", "SUNIONSTORE d ints texts q", "SDIFFSTORE d ints ints",
           "SSCAN ints 0", "SSCAN q 0", "SPOP one", "SADD string 1", "SINTER string ints", "SINTER q string"]


def test_hits_misses_and_changes_are_counted_as_in_redis(oracle: ServerProcess, wstore_server: ServerProcess):
    assert counted(wstore_server, FIXTURE, COUNTED) == counted(oracle, FIXTURE, COUNTED)


EVENTS = """
SADD s 1 2 3|SADD s 1|SADD s x 4|SREM s 1 9|SREM s 9|SREM nosuch 1|SMOVE s d x|SMOVE s d nosuch|SMOVE s s 2|SADD one 1
SMOVE one d 1|SADD one 1|SMOVE d one 1|SMOVE nosuch d 1|SISMEMBER nosuch 1|SMISMEMBER nosuch 1 2|SCARD nosuch
SMEMBERS nosuch|SSCAN nosuch 0|SRANDMEMBER nosuch|SRANDMEMBER nosuch 2|SINTER nosuch s|SUNION s nosuch|SDIFF nosuch s
SINTERCARD 2 s nosuch|SPOP nosuch|SPOP nosuch 2|SADD p 1 2 3 4 5 6|SPOP p|SPOP p 0|SPOP p 2|SPOP p 100|SADD p 1|SPOP p
SADD p 1 2|SPOP p 2|SREM one 1|SINTERSTORE t s s|SINTERSTORE t s nosuch|SINTERSTORE t s nosuch|SUNIONSTORE t s d nosuch
SUNIONSTORE t nosuch|SUNIONSTORE t nosuch|SDIFFSTORE t s d|SDIFFSTORE t s s|SDIFFSTORE t s s|SET str 1|SADD str 1
SUNIONSTORE str s|SADD s 5|SINTERSTORE s s|DEL s|SADD s a EX|RENAME s z|COPY z y|EXPIRE z 100|SADD z b|SPOP y 1"""


def test_events(oracle: ServerProcess, wstore_server: ServerProcess):
    told = same(oracle, wstore_server, lines_of(EVENTS))
    assert sum(len(events) for _, _, events in told) > 100


@settings(max_examples=20)
@given(st.lists(set_commands, max_size=30))
def test_events_of_sequences(oracle: ServerProcess, wstore_server: ServerProcess, sequence):
    same(oracle, wstore_server, sequence)


def test_small_sets_are_small(wstore_server: ServerProcess):
    rng = random.Random(1)
    with wstore_server.connect() as connection:
        connection.call("FLUSHALL")
        for i in range(100):
            connection.call("SADD", f"key:{i:010}", *(rng.randrange(1 << 40) for _ in range(8)))
        sizes = [connection.call("MEMORY", "USAGE", f"key:{i:010}").value for i in range(100)]
        assert sum(sizes) / 100 < 90


def test_replies_are_sets_in_resp3(wstore_server: ServerProcess):
    with wstore_server.connect(resp=3) as connection:
        connection.call("FLUSHALL")
        connection.call("SADD", "s", "1")
        assert isinstance(connection.call("SRANDMEMBER", "s", 1), Array)
        assert [type(connection.call(*command.split())).__name__ for command in (
            "SMEMBERS s", "SINTER s s", "SUNION s q", "SDIFF s q", "SMEMBERS q", "SPOP q 3", "SPOP s 1")] == ["Set"] * 7
