"""ZPOPMIN, ZPOPMAX, ZMPOP and their blocking forms, ZRANDMEMBER, ZSCAN: options, errors, replies against redis-server;
chance and walks on their own."""
from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compat.test_events import lines_of, same
from tests.harness import NULL_ARRAY, Array, Bulk, Connection, Differential, Double, Int, ServerProcess, counted
from tests.processes import wait_for
from tests.strategies import maybe, words

FIXTURE = ["ZADD z 1 a 2 b 3 c 3 cc -1.5 minus 17 17", ("ZADD", "one", "inf", "m" * 70), "ZADD ttl 1 a 2 b",
           "EXPIRE ttl 5000", "SET text x"]
CASES = {
    "pop one": ["ZPOPMIN z", "ZPOPMAX z", "ZRANGE z 0 -1", "ZPOPMIN one", "EXISTS one", "ZPOPMAX none", "zpopmin ttl",
                "TTL ttl"],
    "pop several": ["ZPOPMIN z 2", "ZPOPMAX z 2", "ZPOPMAX one 1", "ZPOPMIN z 0", "ZPOPMIN z 100", "ZPOPMIN none 3",
                    "EXISTS z"],
    "pop errors": ["ZPOPMIN z -1", "ZPOPMAX z x", "ZPOPMIN z 1 2", "ZPOPMIN none -1", "ZPOPMIN text", "ZPOPMIN text 0",
                   "ZPOPMAX text x", "ZPOPMIN", "ZPOPMAX z 9223372036854775808", "ZPOPMIN none 0", "ZPOPMIN z 1.0"],
    "mpop": ["ZMPOP 2 none z MIN", "ZMPOP 1 z MAX COUNT 2", "ZMPOP 1 z min count 100", "ZMPOP 2 none z MIN",
             "ZMPOP 2 one ttl MAX COUNT 9", "ZMPOP 2 one ttl MAX COUNT 1"],
    "mpop errors": ["ZMPOP 0 z MIN", "ZMPOP -1 z MIN", "ZMPOP x z MIN", "ZMPOP 1 z", "ZMPOP 2 z MIN", "ZMPOP 1 z MID",
                    "ZMPOP 1 z MIN COUNT", "ZMPOP 1 z MIN COUNT 0", "ZMPOP 1 z MIN COUNT x", "ZMPOP 1 z MIN COUNT -1",
                    "ZMPOP 1 z MIN FOO 1", "ZMPOP 1 z MIN COUNT 1 COUNT 2", "ZMPOP 1 z MIN COUNT 1 x", "ZMPOP 1",
                    "ZMPOP 2 none text MIN", "ZMPOP 2 text z MIN COUNT x", "ZMPOP 99999999999 z MIN",
                    "ZMPOP 9223372036854775808 z MIN", "ZMPOP 3 z z MIN", "ZMPOP 1 MIN MIN MIN"],
    "blocking pop of what is there": ["BZPOPMIN z 0", "BZPOPMAX none z 0.01", "BZPOPMIN one z 0", "EXISTS one",
                                      "BZPOPMAX one ttl 1", "BZPOPMIN z z z 3"],
    "blocking pop errors": ["BZPOPMIN z -1", "BZPOPMAX z x", "BZPOPMIN text 0", "BZPOPMIN none text z 0", "BZPOPMIN z",
                            "BZPOPMIN text -1", "BZPOPMAX z inf", "BZPOPMIN z 1e30", "BZPOPMAX z nan",
                            "BZPOPMIN z 0x10", "BZPOPMIN z -0.0001", "BZPOPMIN z 1e-7", "BZPOPMAX z 9e15"],
    "blocking mpop of what is there": ["BZMPOP 0 2 none z MIN", "BZMPOP 0.5 1 z MAX COUNT 2", "BZMPOP 1 2 one z MIN",
                                       "BZMPOP 0 1 z MIN COUNT 99", "EXISTS z"],
    "blocking mpop errors": ["BZMPOP x 1 z MIN", "BZMPOP -1 1 z MIN", "BZMPOP 0 0 z MIN", "BZMPOP x 0 z MIN",
                             "BZMPOP x 1 z MID", "BZMPOP x 1 z MIN COUNT 0", "BZMPOP 0 1 text MIN", "BZMPOP 0 1 z",
                             "BZMPOP 0 2 none text MAX", "BZMPOP 0 1 z MIN COUNT", "BZMPOP inf 1 z MIN"],
    "randmember": ["ZRANDMEMBER z", "ZRANDMEMBER none", "ZRANDMEMBER one", "ZRANDMEMBER z 3", "ZRANDMEMBER z 6",
                   "ZRANDMEMBER z 100", "ZRANDMEMBER z -3", "ZRANDMEMBER one -20", "ZRANDMEMBER z 0", "ZRANDMEMBER z 1",
                   "ZRANDMEMBER none 3", "ZRANDMEMBER none -3", "ZRANDMEMBER one 1", "ZRANDMEMBER z -0"],
    "randmember with scores": [f"ZRANDMEMBER {rest} WITHSCORES" for rest in (
        "z 3", "z 6", "z 100", "one -20", "z 0", "z 1", "none 3", "one 1")],
    "randmember errors": ["ZRANDMEMBER z x", "ZRANDMEMBER z 1 FOO", "ZRANDMEMBER z 1 WITHSCORES x", "ZRANDMEMBER text",
                          "ZRANDMEMBER text 1", "ZRANDMEMBER text x", "ZRANDMEMBER", "ZRANDMEMBER z WITHSCORES",
                          "ZRANDMEMBER z -9223372036854775808", "ZRANDMEMBER z -9223372036854775808 WITHSCORES",
                          "ZRANDMEMBER z -9223372036854775807 WITHSCORES", "ZRANDMEMBER z 9223372036854775807",
                          "ZRANDMEMBER z 9223372036854775807 WITHSCORES", "ZRANDMEMBER text 1 FOO",
                          "ZRANDMEMBER z 4611686018427387903 WITHSCORES",
                          "ZRANDMEMBER z 4611686018427387904 WITHSCORES"],
    "scan": ["ZSCAN z 0", "ZSCAN z 0 COUNT 100", "ZSCAN z 0 MATCH c*", "ZSCAN z 0 MATCH 1? COUNT 3", "ZSCAN none 0",
             "ZSCAN one 0 match * count 9", "ZSCAN z 0 MATCH a MATCH b", "ZSCAN z 0 MATCH"],
    "scan errors": ["ZSCAN z x", "ZSCAN z 0 COUNT 0", "ZSCAN z 0 COUNT x", "ZSCAN z 0 FOO", "ZSCAN z 0 TYPE zset",
                    "ZSCAN text 0", "ZSCAN text x", "ZSCAN text 0 FOO", "ZSCAN none 0 FOO", "ZSCAN none x", "ZSCAN z",
                    "ZSCAN z 0 COUNT", "ZSCAN z 18446744073709551616"],
}


@pytest.mark.parametrize("name", CASES)
def test_case(diff: Differential, name: str):
    diff.compare(*FIXTURE, *CASES[name])


SCORES_TO_SCAN = ["0", "-0", "1e15", "1e17", "-1e17", "4611686018427387904", "4611686018427388928", "1e19",
                  "123456789012345678", "9007199254740993", "0.1", "-2.5", "inf", "-inf", "1e300", "1e-300", "3.0",
                  "4503599627370497.5"]


@pytest.mark.parametrize("entries", [0, 128])
def test_scores_in_a_scan(diff: Differential, entries: int):
    """They are told as Redis's encoding has them: listpacks hold integers of up to 2^62 in digits."""
    pairs = [word for i, score in enumerate(SCORES_TO_SCAN) for word in (score, f"m{i}")]
    diff.compare(f"CONFIG SET zset-max-listpack-entries {entries}", ("ZADD", "z", *pairs), "ZSCAN z 0 COUNT 1000",
                 "CONFIG SET zset-max-listpack-entries 128")


# -- any sequence of pops -----------------------------------------------------------------------------

MEMBERS = [b"a", b"b", b"c", b"1", b"2", b"-7", b"300", b"70000", b"01", b"", b"\x00\xff", b"m" * 65, b"n" * 400]
SCORES = [b"0", b"1", b"-1", b"2.5", b"3", b"1e17", b"-0", b"inf", b"-inf", b"0.1"]
keys = st.sampled_from([b"x", b"y", b"z", b"none"])
some_keys = st.lists(keys, min_size=1, max_size=3).map(lambda names: (b"%d" % len(names), *names))
counts = st.sampled_from([b"0", b"1", b"2", b"3", b"7", b"100"])
where = st.sampled_from([b"MIN", b"MAX"])
count_option = maybe(words(b"COUNT", counts))
scored = st.lists(st.tuples(st.sampled_from(SCORES), st.sampled_from(MEMBERS)), min_size=1, max_size=10).map(
    lambda pairs: sum(pairs, ()))
stepping = st.one_of(
    words(b"ZADD", st.sampled_from([b"x", b"y", b"z"]), scored),
    words(b"ZADD", st.sampled_from([b"x", b"y", b"z"]), scored),
    words(st.sampled_from([b"ZPOPMIN", b"ZPOPMAX"]), keys, maybe(words(counts))),
    words(b"ZMPOP", some_keys, where, count_option),
    words(st.sampled_from([b"BZPOPMIN", b"BZPOPMAX"]), keys, b"z", b"0.001"),
    words(b"BZMPOP", b"0.001", some_keys, where, count_option),
    words(b"ZSCAN", keys, b"0", b"COUNT", b"1000"),
    words(b"ZRANDMEMBER", keys, st.sampled_from([b"100", b"13", b"0"]), maybe(st.just((b"WITHSCORES",)))))


@settings(max_examples=100)
@given(st.lists(stepping, max_size=40), st.integers(0, 6))
def test_sequences(diff: Differential, sequence, entries):
    diff.compare(f"CONFIG SET zset-max-listpack-entries {entries}", *sequence,
                 "CONFIG SET zset-max-listpack-entries 128")
    diff.validate()


@pytest.mark.parametrize("size", [200, 5000])
def test_popping_a_big_one_empty(diff: Differential, size: int):
    rng = random.Random(size)
    fill = [("ZADD", "z", *(word for _ in range(100) for word in (rng.choice((rng.random(), rng.randrange(50))),
                                                                  f"member:{rng.randrange(10 * size)}")))
            for _ in range(size // 100)]
    pops = [rng.choice((f"ZPOPMIN z {rng.randrange(size // 10)}", f"ZMPOP 1 z MAX COUNT {rng.randrange(1, size // 5)}",
                        "ZPOPMAX z", "BZPOPMIN z 0.001", "ZCARD z")) for _ in range(60)]
    replies = diff.compare(*fill, *pops)
    assert replies[-1] in (Int(0), NULL_ARRAY, Array(())) or len(replies) == len(fill) + 60
    diff.validate()


COUNTED = ["ZPOPMIN z 2", "ZPOPMAX z", "ZPOPMIN none", "ZPOPMIN z 0", "ZMPOP 2 none z MIN COUNT 2", "BZPOPMAX z 0",
           "ZMPOP 1 one MAX", "BZMPOP 0 1 ttl MIN COUNT 5", "ZRANDMEMBER none", "ZRANDMEMBER z 3", "ZSCAN none 0"]


def test_hits_misses_and_changes_are_counted_as_in_redis(oracle: ServerProcess, wstore_server: ServerProcess):
    assert counted(wstore_server, FIXTURE, COUNTED) == counted(oracle, FIXTURE, COUNTED)


EVENTS = """
ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h|ZPOPMIN z|ZPOPMAX z 2|ZPOPMIN z 0|ZPOPMIN nosuch|ZPOPMAX nosuch 3
ZMPOP 1 nosuch MIN
ZMPOP 2 nosuch z MAX COUNT 2|BZPOPMIN nosuch z 1|BZMPOP 1 2 z nosuch MIN|BZPOPMAX z 1|ZADD z 1 a|ZPOPMIN z 5|ZADD z 1 a
ZMPOP 1 z MIN|ZADD z 1 a|BZPOPMAX z 1|ZADD z 1 a 2 b|BZMPOP 1 1 z MAX COUNT 9|ZRANDMEMBER nosuch|ZRANDMEMBER nosuch 2
ZSCAN nosuch 0|SET text x|ZPOPMIN text|ZADD z 1 a|MULTI|BZPOPMIN z 0|BZPOPMIN z 0|ZADD z 1 b|ZPOPMAX z|EXEC"""


def test_events(oracle: ServerProcess, wstore_server: ServerProcess):
    told = same(oracle, wstore_server, lines_of(EVENTS))
    assert sum(len(events) for _, _, events in told) > 50


# -- picked at random ---------------------------------------------------------------------------------


def filled(connection: Connection, size: int) -> dict[bytes, float]:
    scores = {b"member:%d" % i: i / 2 for i in range(size)}
    connection.call("DEL", "z")
    pairs = list(scores.items())
    connection.pipeline([("ZADD", "z", *(word for member, score in pairs[i:i + 500] for word in (score, member)))
                         for i in range(0, size, 500)])
    return scores


@pytest.mark.parametrize("size", [1, 10, 3000])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_different_members_are_picked(wstore_server: ServerProcess, size: int, share: float):
    with wstore_server.connect(resp=3) as connection:
        scores = filled(connection, size)
        count = max(1, int(size * share))
        picked = [item.items for item in connection.call("ZRANDMEMBER", "z", count, "WITHSCORES").items]
        assert len(picked) == count == len({member.data for member, _ in picked})
        assert all(scores[member.data] == float(score.text) for member, score in picked)
        again = [item.items for item in connection.call("ZRANDMEMBER", "z", -2 * count, "WITHSCORES").items]
        assert len(again) == 2 * count
        assert all(scores[member.data] == float(score.text) for member, score in again)


@pytest.mark.parametrize("size", [10, 400])
@pytest.mark.parametrize("count", [None, 1, 3, 8, -5])
def test_each_member_is_as_likely(wstore_server: ServerProcess, size: int, count: int | None):
    """No member comes much more or less often than the average of about 400 times."""
    with wstore_server.connect() as connection:
        filled(connection, size)
        each = abs(count or 1)
        command = ("ZRANDMEMBER", "z") if count is None else ("ZRANDMEMBER", "z", count)
        replies = connection.pipeline([command] * (400 * size // each))
    met = Counter(item.data for reply in replies for item in (reply.items if isinstance(reply, Array) else [reply]))
    assert len(met) == size and 280 < min(met.values()) and max(met.values()) < 520


# -- walks --------------------------------------------------------------------------------------------


def scan_all(connection: Connection, *options: object) -> list[tuple[bytes, float]]:
    found, cursor = [], b"0"
    while True:
        page = connection.call("ZSCAN", "z", cursor, *options)
        cursor = page.items[0].data
        items = [item.data for item in page.items[1].items]
        found += zip(items[::2], map(float, items[1::2]), strict=True)
        if cursor == b"0":
            return found


@pytest.mark.parametrize("count", [1, 10, 1000])
@pytest.mark.parametrize("size", [5, 5000])
def test_a_quiet_scan_returns_each_member_once(wstore_server: ServerProcess, size: int, count: int):
    with wstore_server.connect() as connection:
        scores = filled(connection, size)
        found = scan_all(connection, "COUNT", count)
        assert len(found) == size and dict(found) == scores
        assert {member for member, _ in scan_all(connection, "MATCH", "member:1*")} == {
            member for member in scores if member.startswith(b"member:1")}


@pytest.mark.parametrize("seed", range(4))
def test_a_scan_returns_what_stays_while_members_come_and_go(wstore_server: ServerProcess, seed: int):
    """Members that are there all the time are returned, though others come, go, and change their scores."""
    rng = random.Random(seed)
    with wstore_server.connect() as connection:
        stays = set(filled(connection, 2000))
        found, cursor, step = set(), b"0", 0
        while True:
            page = connection.call("ZSCAN", "z", cursor, "COUNT", rng.choice((1, 10, 100)))
            cursor = page.items[0].data
            found.update(item.data for item in page.items[1].items[::2])
            if cursor == b"0":
                break
            step += 1
            names = [f"new:{rng.randrange(3000)}" for _ in range(rng.choice((1, 200)))]
            if step % 20 < 10:
                connection.call("ZADD", "z", *(word for name in names for word in (rng.random() * 1000, name)))
                connection.call("ZADD", "z", rng.random() * 1000, rng.choice(sorted(stays)))
            else:
                connection.call("ZREM", "z", *names)
    assert stays - found == set()


# -- clients that wait --------------------------------------------------------------------------------


@pytest.fixture(params=["redis", "wstore"])
def server(request: pytest.FixtureRequest) -> ServerProcess:
    """Both servers in turn, emptied."""
    server = request.getfixturevalue("oracle" if request.param == "redis" else "wstore_server")
    assert server.call("FLUSHALL")
    return server


def blocked(server: ServerProcess) -> int:
    text = server.call("INFO", "clients").data.decode()
    return int(text.split("blocked_clients:")[1].split()[0])


def wait_until_blocked(server: ServerProcess, count: int) -> None:
    wait_for(lambda: blocked(server) == count)


def bulks(*texts: str) -> Array:
    return Array(tuple(Bulk(text.encode()) for text in texts))


@pytest.mark.parametrize("command", ["BZPOPMIN none z 0", "BZPOPMAX z none 30", "BZPOPMIN a b c z 0.0"])
def test_a_waiting_client_gets_the_member(server: ServerProcess, command: str):
    with server.connect() as client, server.connect() as other:
        client.send(*command.split())
        wait_until_blocked(server, 1)
        assert other.call("ZADD", "z", "1.5", "m") == Int(1)
        assert client.read() == bulks("z", "m", "1.5")
        assert other.call("EXISTS", "z") == Int(0) and blocked(server) == 0
        assert client.call("PING", "x") == Bulk(b"x")


def test_forms_of_the_replies(server: ServerProcess):
    with server.connect(resp=3) as client, server.connect() as other:
        client.send("BZPOPMAX", "z", "0")
        wait_until_blocked(server, 1)
        other.call("ZADD", "z", 1, "a", 2, "b")
        assert client.read() == Array((Bulk(b"z"), Bulk(b"b"), Double(b"2")))
        client.send("BZMPOP", "0", "2", "y", "x", "MAX", "COUNT", "2")
        wait_until_blocked(server, 1)
        other.call("ZADD", "x", 1, "a", 2, "b", 3, "c")
        assert client.read() == Array((Bulk(b"x"), Array((Array((Bulk(b"c"), Double(b"3"))),
                                                          Array((Bulk(b"b"), Double(b"2")))))))
        assert other.call("ZRANGE", "x", 0, -1) == bulks("a")


def test_waiting_has_an_end(server: ServerProcess):
    with server.connect() as client:
        for command in (("BZPOPMIN", "z", "0.2"), ("BZMPOP", "0.2", "1", "z", "MIN")):
            began = time.monotonic()
            assert client.call(*command) == NULL_ARRAY
            assert 0.15 < time.monotonic() - began < 5
    assert blocked(server) == 0


def test_who_came_first_is_served_first(server: ServerProcess):
    with server.connect() as one, server.connect() as two, server.connect() as three, server.connect() as other:
        for i, client in enumerate((one, two, three)):
            client.send("BZPOPMIN", "z", "0")
            wait_until_blocked(server, i + 1)
        assert other.call("ZADD", "z", 1, "a", 2, "b") == Int(2)
        assert one.read() == bulks("z", "a", "1") and two.read() == bulks("z", "b", "2")
        assert blocked(server) == 1
        other.call("ZADD", "z", 3, "c")
        assert three.read() == bulks("z", "c", "3")


def test_other_types_do_not_wake(server: ServerProcess):
    """A client goes on waiting, no longer than it said at first, when its key is taken by another type."""
    with server.connect() as client, server.connect() as brief, server.connect() as other:
        client.send("BZMPOP", "0", "1", "z", "MIN")
        brief.send("BZPOPMIN", "z", "0.6")
        began = time.monotonic()
        wait_until_blocked(server, 2)
        for command in ("SET z x", "DEL z", "RPUSH z a", "DEL z", "SADD z a"):
            other.call(*command.split())
            time.sleep(0.1)
        assert blocked(server) == 2
        assert brief.read() == NULL_ARRAY and 0.5 < time.monotonic() - began < 0.95
        other.pipeline([("DEL", "z"), ("ZADD", "z", 1, "a")])
        assert client.read() == Array((Bulk(b"z"), Array((bulks("a", "1"),))))


def test_what_is_gone_at_exec_wakes_nobody(server: ServerProcess):
    with server.connect() as client, server.connect() as other:
        client.send("BZPOPMIN", "z", "0")
        wait_until_blocked(server, 1)
        other.pipeline([("MULTI",), ("ZADD", "z", 1, "a"), ("DEL", "z"), ("EXEC",)])
        assert blocked(server) == 1
        other.pipeline([("MULTI",), ("ZADD", "z", 1, "a"), ("ZADD", "z", 0, "b"), ("ZREM", "z", "a"), ("EXEC",)])
        assert client.read() == bulks("z", "b", "0")


@pytest.mark.parametrize("command", ["ZUNIONSTORE z 1 other", "RENAME other z", "COPY other z", "ZINCRBY z 1 a",
                                     "ZRANGESTORE z other 0 -1", "ZDIFFSTORE z 2 other none"])
def test_every_way_to_make_a_sorted_set_wakes(server: ServerProcess, command: str):
    with server.connect() as client, server.connect() as other:
        client.send("BZPOPMIN", "z", "0")
        wait_until_blocked(server, 1)
        other.call("ZADD", "other", 1, "a")
        other.call(*command.split())
        assert client.read() == bulks("z", "a", "1")


def test_a_transaction_does_not_wait(server: ServerProcess):
    with server.connect() as client:
        client.pipeline([("MULTI",), ("BZPOPMIN", "z", "0"), ("BZMPOP", "0", "1", "z", "MAX"), ("ZADD", "z", "1", "a"),
                         ("BZPOPMAX", "z", "0")])
        assert client.call("EXEC") == Array((NULL_ARRAY, NULL_ARRAY, Int(1), bulks("z", "a", "1")))
