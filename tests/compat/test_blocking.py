"""Blocking commands, with several connections: the same scenes on both servers, everything that anybody receives."""
from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import Connection, Differential
from tests.resp import NULL_ARRAY, Array, Bulk, Int
from tests.scenes import Scene, play

POPS = ["BLPOP k 0", "BRPOP k 0", "BLMOVE k dst LEFT RIGHT 0", "BRPOPLPUSH k dst 0", "BLMPOP 0 1 k LEFT COUNT 2"]

PUSHES = ["RPUSH k 1", "LPUSH k 1 2 3", "MULTI | RPUSH k 1 2 | EXEC", "RPUSH src 7 8 | RENAME src k",
          "RPUSH src 7 | COPY src k", "SELECT 1 | RPUSH k 5 6 | MOVE k 0 | SELECT 0",
          "RPUSH src 2 1 | SORT src STORE k", "LMOVE k k LEFT LEFT | RPUSH src x | LMOVE src k LEFT LEFT"]

SCORED_POPS = ["BZPOPMIN k 0", "BZPOPMAX j k 0", "BZMPOP 0 2 j k MIN COUNT 2"]
SCORED_PUSHES = ["ZADD k 1 a", "ZADD k 1 a 2 b 3 c", "ZINCRBY k 5 a", "ZADD src 1 a | RENAME src k",
                 "ZADD src 1 a 2 b | COPY src k", "ZADD src 1 a 2 b | ZUNIONSTORE k 1 src",
                 "ZADD src 1 a 2 b | ZRANGESTORE k src 0 -1",
                 "MULTI | ZADD k 1 a | ZADD j 2 b | EXEC"]


def compare(diff: Differential, *steps: str, resps=(2, 3)) -> None:
    for resp in resps:
        assert play(diff.server.port, steps, resp) == play(diff.oracle.port, steps, resp)


# -- being served --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pop", POPS)
@pytest.mark.parametrize("push", PUSHES)
def test_every_pop_is_served_by_every_push(diff, pop, push):
    compare(diff, f"a {pop}", f"b {push}", "b LRANGE k 0 -1", "b LRANGE dst 0 -1", "a PING")


@pytest.mark.parametrize("pop", SCORED_POPS)
@pytest.mark.parametrize("push", SCORED_PUSHES)
def test_pops_of_sorted_sets(diff, pop, push):
    compare(diff, f"a {pop}", f"b {pop}", f"z {push}", "z ZRANGE k 0 -1 WITHSCORES", "z ZRANGE j 0 -1", "a PING")
    compare(diff, f"a {pop}", "b BLPOP k 0", "z RPUSH k 1 2", "z DEL k", "b BLPOP k 0", f"z {push}", "z DEL k",
            "z RPUSH k 1")


def test_first_come_first_served(diff):
    compare(diff, *(f"{name} BLPOP k 0" for name in "abcde"), "z RPUSH k 1", "z RPUSH k 2 3", "b BLPOP k 0",
            "z RPUSH k 4 5 6 7", "z LRANGE k 0 -1")


def test_several_keys(diff):
    compare(diff, "a BLPOP x y z 0", "z RPUSH z 1", "a BLPOP x y z y x 0", "z MULTI | RPUSH z 1 | RPUSH y 1 | EXEC",
            "a BLPOP x y z 0", "z DEL x y z", "a BLPOP x y 0", "b BLPOP y x 0",
            "z MULTI | RPUSH y 1 | RPUSH x 2 | EXEC", "a PING", "b PING")


def test_keys_are_served_in_the_order_in_which_they_became_ready(diff):
    compare(diff, "a BLPOP x y 0", "b BLPOP y x 0", "c BLPOP x 0", "d BLPOP y 0",
            "z MULTI | RPUSH y 1 2 | SET x 1 | DEL x | RPUSH x 3 4 | EXEC", "z KEYS *")
    compare(diff, "a BLPOP x y 0", "z MULTI | SET x 1 | RPUSH y 1 | DEL x | RPUSH x 2 | EXEC", "z LRANGE x 0 -1")
    compare(diff, "a BLPOP x y 0", "z MULTI | RPUSH x 1 | RPUSH y 1 | DEL x | RPUSH x 2 | EXEC", "z LRANGE y 0 -1")


def test_chains_of_moves(diff):
    compare(diff, "a BLMOVE one two LEFT RIGHT 0", "b BLMOVE two three LEFT RIGHT 0", "c BLMOVE three one RIGHT LEFT 0",
            "z RPUSH one x", "z KEYS *", "a BLMOVE one two LEFT RIGHT 0", "z LRANGE two 0 -1")
    compare(diff, "a BRPOPLPUSH one one 0", "b BLPOP one 0", "z RPUSH one x y", "z LRANGE one 0 -1")
    compare(diff, "a BLPOP two 0", "b BLMOVE one two LEFT RIGHT 0", "c BLPOP one two 0", "z RPUSH one x y z")


@pytest.mark.parametrize("between", ["DEL k", "LPOP k", "LTRIM k 1 0", "SET k x", "RENAME k other", "MOVE k 1",
                                     "EXPIRE k -1", "FLUSHALL", "FLUSHDB"])
def test_what_comes_and_goes_in_one_transaction_serves_nobody(diff, between):
    compare(diff, "a BLPOP k 0", "b BLMOVE k dst LEFT LEFT 0", f"z MULTI | RPUSH k 1 | {between} | EXEC", "z DEL k",
            "z RPUSH k 2", "z RPUSH k 3", "z LRANGE dst 0 -1")


def test_of_a_pipeline_each_command_serves(diff):
    compare(diff, "a BLPOP k 0", "z RPUSH k 1 | LPOP k | RPUSH k 2 | LLEN k", "a BLPOP k 0",
            "z RPUSH k 1 | DEL k | GET k")


@pytest.mark.parametrize("resp", [2, 3])
def test_swapped_databases(diff, resp):
    compare(diff, "a BLPOP k 0", "z SELECT 1 | RPUSH k 1 2 | SELECT 0", "z SWAPDB 0 1", "z LRANGE k 0 -1",
            "b SELECT 1 | BLPOP k 0", "z SWAPDB 1 0", resps=[resp])


def test_restored_keys(diff):
    for server in (diff.oracle, diff.server):
        with Scene(server.port) as scene:
            scene.do("a BLPOP k 0")
            scene.do("z RPUSH src one")
            scene.control.call("RESTORE", "k", 0, scene.control.call("DUMP", "src").data)
            assert scene.do("z EXISTS k") == {"a": b"*2\r\n$1\r\nk\r\n$3\r\none\r\n", "z": b":0\r\n"}


# -- not being served ----------------------------------------------------------------------------------------------

def test_keys_of_other_types(diff):
    compare(diff, "a BLPOP k 0", "z SET k x", "b BLPOP k 0", "z DEL k", "z HSET k f v", "z DEL k | RPUSH k 1")
    compare(diff, "z SET k x", "a BLPOP none k 0", "a BLPOP k none 0", "a BLMOVE k none LEFT LEFT 0",
            "a BLMOVE none k LEFT LEFT 0", "z RPUSH none 1 2", "z LRANGE none 0 -1", "a PING")


def test_a_destination_of_another_type(diff):
    compare(diff, "a BLMOVE k dst LEFT LEFT 0", "b BLPOP k 0", "z SET dst x", "z RPUSH k 1", "z LRANGE k 0 -1",
            "a PING")


@pytest.mark.parametrize("timeout", ["-1", "-0.1", "x", "", "nan", "1e30", "99999999999999999", "0x1", "+1", " 1", "1 ",
                                     "9223372036854775807"])
@pytest.mark.parametrize("command", ["BLPOP k {}", "BRPOP k {}", "BLMOVE k d LEFT LEFT {}", "BRPOPLPUSH k d {}",
                                     "BLMPOP {} 1 k LEFT", "BZPOPMIN k {}", "BZMPOP {} 1 k MIN"])
def test_timeouts_that_are_refused(diff, command, timeout):
    text = [part.format(timeout) for part in command.split(" ")]
    for server in (diff.oracle, diff.server):
        with Connection(server.port) as client:
            client.call("FLUSHALL")
            client.call("RPUSH", "k", 1, 2, 3)
            server.said = client.call(*text)
    assert diff.oracle.said == diff.server.said


@pytest.mark.parametrize("pop", POPS)
def test_inside_of_a_transaction_nothing_blocks(diff, pop):
    compare(diff, f"a MULTI | {pop} | RPUSH k 1 2 3 | {pop} | EXEC", "a LRANGE k 0 -1")


# -- timeouts ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pop", ["BLPOP k {}", "BRPOP k j {}", "BLMOVE k d LEFT LEFT {}", "BRPOPLPUSH k d {}",
                                 "BLMPOP {} 1 k LEFT", "BZPOPMAX k {}", "BZMPOP {} 1 k MIN"])
def test_a_timeout(diff, pop):
    compare(diff, "a " + pop.format("0.05"), "sleep 0.3", "a PING", "z RPUSH k 1", "z LRANGE k 0 -1")


def test_timeouts_in_order(diff):
    compare(diff, "a BLPOP k 1", "b BLPOP k 0.05", "c BLPOP k 0", "d BLPOP k 0.06 | PING | BLPOP j 0.05", "sleep 0.5",
            "z RPUSH k 1", "sleep 0.8", "z RPUSH k 2")


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.1, 0.35])
def test_timeouts_are_exact(wstore_server, seconds):
    with Connection(wstore_server.port) as client:
        client.call("FLUSHALL")
        took = []
        for _ in range(10):
            began = time.monotonic()
            assert client.call("BLPOP", "k", seconds) == NULL_ARRAY
            took.append(time.monotonic() - began)
        assert min(took) >= seconds - 0.002
        assert sorted(took)[4] < seconds + 0.02


# -- clients that wait ---------------------------------------------------------------------------------------------

def test_what_is_sent_behind_waits(diff):
    compare(diff, "a PING | BLPOP k 0 | SET x 1 | GET x", "a GET x | INCR x", "z GET x", "z RPUSH k 1", "z GET x")
    compare(diff, "a BLPOP k 0 | BLPOP k 0 | RPUSH k 9 | BLPOP k 0 | PING", "z RPUSH k 1", "z RPUSH k 2", "z RPUSH k 3")
    compare(diff, "a BLPOP k 0 | RPUSH j 1", "b BLPOP j 0 | RPUSH k 1", "c BLPOP k 0 | PING", "z RPUSH k 1")
    compare(diff, "a BLPOP k 0 | MULTI | SET y 1 | GET y | EXEC", "a PING", "z RPUSH k 1")


def test_much_is_sent_behind(diff):
    """More requests than a batch holds, and more bytes than an input buffer."""
    values = [bytes([65 + i % 26]) * 5000 for i in range(300)]
    for server in (diff.oracle, diff.server):
        with Connection(server.port) as client, Connection(server.port) as other:
            client.call("FLUSHALL")
            client.send("BLPOP", "k", 0)
            for value in values:
                client.send("APPEND", "text", value)
            assert other.call("RPUSH", "k", 1) == Int(1)
            assert client.read() == Array((Bulk(b"k"), Bulk(b"1")))
            assert [client.read() for _ in values] == [Int(5000 * (i + 1)) for i in range(len(values))]
            assert other.call("GET", "text") == Bulk(b"".join(values))


def test_requests_in_pieces_behind(diff):
    for server in (diff.oracle, diff.server):
        with Connection(server.port) as client, Connection(server.port) as other:
            client.call("FLUSHALL")
            client.send_raw(b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n*2\r\n$4\r\nEC")
            for piece in (b"HO\r\n$5", b"\r\nhel", b"lo\r\n*1\r\n$4", b"\r\nPING\r\nPING\r\n"):
                client.send_raw(piece)
                other.call("PING")
            other.call("RPUSH", "k", 1)
            assert [client.read() for _ in range(4)] == [
                Array((Bulk(b"k"), Bulk(b"1"))), Bulk(b"hello"), *(other.call("PING"),) * 2]


def test_protocol_errors_behind(diff):
    for server in (diff.oracle, diff.server):
        with Connection(server.port) as client, Connection(server.port) as other:
            client.call("FLUSHALL")
            client.send_raw(b"*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n*1\r\n+4\r\nPING\r\n")
            other.call("PING")
            other.call("RPUSH", "k", 1)
            server.said = [client.read() for _ in range(3)]
    assert diff.server.said == diff.oracle.said


def test_unblock(diff):
    compare(diff, "a BLPOP k 0 | PING", "z CLIENT UNBLOCK {a}", "z CLIENT UNBLOCK {a}",
            "b BLMOVE k d LEFT LEFT 0 | PING", "z CLIENT UNBLOCK {b} TIMEOUT", "b BRPOP k j 0 | PING",
            "z CLIENT UNBLOCK {b} ERROR", "a BLPOP k 0",
            "z CLIENT UNBLOCK {a} error", "z RPUSH k 1", "z LLEN k", "z CLIENT UNBLOCK {z}", "z CLIENT UNBLOCK 0",
            "z CLIENT UNBLOCK -5", "z CLIENT UNBLOCK x", "z CLIENT UNBLOCK {a} NOW", "z CLIENT UNBLOCK",
            "z CLIENT UNBLOCK {a} TIMEOUT x", "z CLIENT UNBLOCK x NOW")


def test_unblock_in_a_transaction_and_a_pipeline(diff):
    compare(diff, "a BLPOP k 0", "z MULTI | CLIENT UNBLOCK {a} | RPUSH k 1 | EXEC", "z LRANGE k 0 -1", "z DEL k",
            "a BLPOP k 0 | BLPOP k 0", "z CLIENT UNBLOCK {a} | RPUSH k 1", "z LRANGE k 0 -1")


def test_killed_and_gone(diff):
    compare(diff, "a BLPOP k 0", "b BLPOP k 0", "c BLPOP k 0", "z CLIENT KILL ID {a}", "close b", "z RPUSH k 1")
    compare(diff, "a BLPOP k 0 | PING", "b BLPOP k 0", "z MULTI | CLIENT KILL ID {a} | RPUSH k 1 | EXEC")
    compare(diff, "a BLPOP k 0", "z RPUSH k 1 | CLIENT KILL ID {a}", "z LLEN k")


def test_replies_that_are_off(diff):
    compare(diff, "a CLIENT REPLY OFF | BLPOP k 0 | CLIENT REPLY ON", "z RPUSH k 1", "a CLIENT REPLY SKIP | BLPOP k 0",
            "z RPUSH k 2", "a PING", "a CLIENT REPLY SKIP | BLPOP k 0 | PING", "z CLIENT UNBLOCK {a} ERROR",
            "a BLPOP k 0 | CLIENT REPLY OFF | PING", "z RPUSH k 3", "a CLIENT REPLY ON")


def test_waiting_is_told(diff):
    """INFO, CLIENT LIST, counters of commands and errors."""
    said = {}
    for server in (diff.oracle, diff.server):
        with Scene(server.port) as scene:
            def fields(section, *names, scene=scene):
                text = scene.control.call("INFO", section).data.decode()
                found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
                return [found.get(name, "").split("usec=")[0] + found.get(name, "").partition("rejected")[2]
                        if name.startswith("cmdstat") else found.get(name) for name in names]

            def told(scene=scene, fields=fields):
                lines = scene.control.call("CLIENT", "LIST").data.decode().splitlines()
                clients = [dict(word.split("=", 1) for word in line.split()) for line in lines]
                of_scene = {ids: name for name, ids in scene.ids.items()}
                return (fields("clients", "blocked_clients", "clients_in_timeout_table"),
                        fields("commandstats", "cmdstat_blpop", "cmdstat_blmove"),
                        fields("errorstats", "errorstat_UNBLOCKED", "errorstat_WRONGTYPE"),
                        sorted((of_scene[c["id"]], c["flags"], c["cmd"]) for c in clients if c["id"] in of_scene))
            scene.control.call("CONFIG", "RESETSTAT")
            said[server] = []
            for step in ("a BLPOP k 0", "b BLPOP k 10 | PING", "c BLMOVE k s LEFT LEFT 0.05", "sleep 0.3",
                         "z CLIENT UNBLOCK {a}", "a BLPOP k 0", "z CLIENT UNBLOCK {a} ERROR", "z SET s x",
                         "c BLMOVE k s LEFT LEFT 0", "z RPUSH k 1", "z RPUSH k 2", "d NOSUCH x", "d MULTI | GET x",
                         "d EXEC", "e SET x", "z CLIENT PAUSE 10000 WRITE", "a SET x 1", "z CLIENT UNPAUSE"):
                scene.do(step)
                said[server].append((step, told()))
    assert said[diff.server] == said[diff.oracle]


def test_a_client_that_a_pause_holds_back_is_not_unblocked(wstore_server):
    """Redis 7.0 ends here."""
    with Scene(wstore_server.port) as scene:
        scene.do("z CLIENT PAUSE 10000 WRITE")
        scene.do("a BLPOP k 0")
        assert scene.do("z CLIENT UNBLOCK {a}") == {"z": b":0\r\n"}
        assert scene.do("z CLIENT UNPAUSE") == {"z": b"+OK\r\n"}
        assert scene.do("z CLIENT UNBLOCK {a}") == {"a": b"*-1\r\n", "z": b":1\r\n"}


def test_monitors_see_a_command_when_it_blocks(diff):
    said = {}
    for server in (diff.oracle, diff.server):
        with Scene(server.port) as scene:
            scene.do("a PING")
            scene.do("m MONITOR")
            said[server] = []
            for step in ("a BLPOP k 0", "b BLMOVE x k LEFT LEFT 0", "z RPUSH x 1"):
                lines = scene.do(step).get("m", b"").splitlines()
                said[server].append([line.partition(b"] ")[2] for line in lines if b'"PING"' not in line
                                     and b'"ID"' not in line])
    assert said[diff.server] == said[diff.oracle]


def test_the_slow_log_has_a_command_when_it_ends(diff):
    said = {}
    for server in (diff.oracle, diff.server):
        with Scene(server.port) as scene:
            scene.control.call("CONFIG", "SET", "slowlog-log-slower-than", "0")
            scene.control.call("SLOWLOG", "RESET")
            said[server] = []
            for step in ("a BLPOP k 0", "z RPUSH k 1", "a BLPOP k 0.02", "sleep 0.3"):
                scene.do(step)
                entries = scene.control.call("SLOWLOG", "GET", "-1").items
                said[server].append([entry.items[3] for entry in entries if entry.items[3].items[0].data in (
                    b"BLPOP", b"RPUSH")])
            scene.control.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    assert said[diff.server] == said[diff.oracle]


def test_idle_clients_that_wait_are_kept(diff):
    for server in (diff.oracle, diff.server):
        with Scene(server.port) as scene:
            scene.control.call("CONFIG", "SET", "timeout", "1")
            try:
                scene.do("a BLPOP k 0")
                for _ in range(25):
                    time.sleep(0.1)
                    scene.control.call("PING")
                assert scene.do("z RPUSH k 1")["a"] == b"*2\r\n$1\r\nk\r\n$1\r\n1\r\n"
            finally:
                scene.control.call("CONFIG", "SET", "timeout", "0")


# -- any scene -----------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["x", "y", "k"])
SIDES = st.sampled_from(["LEFT", "RIGHT"])


def lines(text: str, *parts) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda words: text.format(*words))


WAITING = st.one_of(
    lines("BLPOP {} 0", KEYS), lines("BRPOP {} {} 0", KEYS, KEYS), lines("BLPOP {} {} {} 0", KEYS, KEYS, KEYS),
    lines("BLMOVE {} {} {} {} 0", KEYS, KEYS, SIDES, SIDES), lines("BRPOPLPUSH {} {} 0", KEYS, KEYS),
    lines("BLMPOP 0 2 {} {} {} COUNT {}", KEYS, KEYS, SIDES, st.integers(1, 3)),
    lines("BZPOPMIN {} {} 0", KEYS, KEYS), lines("BZMPOP 0 2 {} {} MAX COUNT {}", KEYS, KEYS, st.integers(1, 3)))
ACTING = st.one_of(
    lines("RPUSH {} 1", KEYS), lines("RPUSH {} 1 2 3", KEYS), lines("LPUSH {} 4 5", KEYS), lines("DEL {}", KEYS),
    lines("SET {} v", KEYS), lines("ZADD {} 1 a 2 b", KEYS), lines("ZINCRBY {} 1 a", KEYS),
    lines("RENAME {} {}", KEYS, KEYS), lines("LPOP {} 2", KEYS), lines("SET w 1"),
    lines("LMOVE {} {} {} {}", KEYS, KEYS, SIDES, SIDES), lines("COPY {} {} REPLACE", KEYS, KEYS), st.just("PING"))
COMMANDS = st.one_of(ACTING, WAITING)
REQUESTS = st.one_of(
    COMMANDS, COMMANDS, st.lists(COMMANDS, min_size=2, max_size=6).map(" | ".join),
    st.lists(COMMANDS, min_size=1, max_size=5).map(lambda some: " | ".join(["MULTI", *some, "EXEC"])))
STEPS = st.one_of(
    lines("{} {}", st.sampled_from("abcd"), REQUESTS), lines("z {}", st.one_of(
        ACTING, st.lists(ACTING, min_size=1, max_size=5).map(lambda some: " | ".join(["MULTI", *some, "EXEC"])))))


@given(st.lists(STEPS, min_size=1, max_size=25))
@settings(deadline=None)
def test_scenes(diff, steps):
    end = [f"z TYPE {key} | LRANGE {key} 0 -1 | ZRANGE {key} 0 -1" for key in ("x", "y", "k")]
    compare(diff, *steps, *end, resps=[2])


# -- many ----------------------------------------------------------------------------------------------------------

def test_hundreds_of_clients(diff):
    count = 300
    for server in (diff.oracle, diff.server):
        with Connection(server.port) as control:
            control.call("FLUSHALL")
            waiting = [Connection(server.port) for _ in range(count)]
            for client in waiting:
                client.send("BLPOP", "k", "other", 0)
                control.call("PING")
            for i in range(0, count, 3):
                assert control.call("RPUSH", "k" if i % 2 else "other", i, i + 1, i + 2) == Int(3)
            for i, client in enumerate(waiting):
                assert client.read().items[1] == Bulk(str(i).encode())
                client.close()
            assert control.call("DBSIZE") == Int(0)


def test_a_key_of_another_type_wakes_nobody_for_long(wstore_server):
    """A type that nobody here waits for costs nothing worth mentioning, however many wait."""
    with Scene(wstore_server.port) as scene:
        waiting = [Connection(wstore_server.port) for _ in range(200)]
        for client in waiting:
            client.send("BLPOP", "k", 0)
        began = time.monotonic()
        for _ in range(300):
            scene.control.call("SET", "k", "x")
        assert time.monotonic() - began < 2
        scene.control.call("DEL", "k")
        for client in waiting:
            client.close()


@pytest.mark.parametrize("pop", ["BLPOP", "BLMOVE"])
def test_nothing_is_lost_or_doubled(wstore_server, pop):
    """Threads that push, threads that wait with short timeouts, and one that kills and unblocks."""
    pushers, takers, each = 3, 12, 400
    taken: list[bytes] = []
    lock = threading.Lock()
    done = threading.Event()

    def push(number: int) -> None:
        with Connection(wstore_server.port) as client:
            for i in range(each):
                if i % 3:
                    client.call("RPUSH", f"q{i % 2}", f"{number}:{i}")
                else:
                    client.pipeline([("MULTI",), ("RPUSH", f"q{i % 2}", f"{number}:{i}"), ("EXEC",)])

    def take(number: int) -> None:
        with Connection(wstore_server.port) as client:
            while not done.is_set():
                if pop == "BLPOP":
                    reply = client.call("BLPOP", "q0", "q1", 0.01 * (number % 3 + 1))
                    got = reply.items[1].data if reply != NULL_ARRAY else None
                else:
                    reply = client.call("BLMOVE", f"q{number % 2}", "end", "LEFT", "RIGHT", 0.02)
                    got = reply.data if isinstance(reply, Bulk) else None
                if got is not None:
                    with lock:
                        taken.append(got)

    def disturb() -> None:
        with Connection(wstore_server.port) as client:
            while not done.is_set():
                for line in client.call("CLIENT", "LIST").data.decode().splitlines():
                    if "flags=b" in line:
                        client.call("CLIENT", "UNBLOCK", line.split("id=")[1].split()[0])
                time.sleep(0.002)

    with Connection(wstore_server.port) as control:
        control.call("FLUSHALL")
        threads = [threading.Thread(target=push, args=(i,)) for i in range(pushers)]
        others = [threading.Thread(target=take, args=(i,)) for i in range(takers)]
        others.append(threading.Thread(target=disturb))
        for thread in threads + others:
            thread.start()
        for thread in threads:
            thread.join()
        deadline = time.monotonic() + 30
        while len(taken) < pushers * each and time.monotonic() < deadline:
            time.sleep(0.01)
        done.set()
        for thread in others:
            thread.join()
        wanted = sorted(f"{number}:{i}".encode() for number in range(pushers) for i in range(each))
        assert sorted(taken) == wanted
        if pop == "BLMOVE":
            assert sorted(item.data for item in control.call("LRANGE", "end", 0, -1).items) == wanted
        assert control.call("EXISTS", "q0", "q1") == Int(0)
