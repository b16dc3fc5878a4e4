"""CLIENT PAUSE, REPLY and NO-EVICT, with several connections: the same scenes on both servers."""
from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import Connection
from tests.resp import NULL_BULK, OK, Bulk, Int
from tests.scenes import Scene, play

WRITES = ["SET k 1", "DEL k", "PUBLISH c x", "LPUSH l 1", "EXPIRE k 10", "FLUSHALL", "GETDEL k", "SPUBLISH c x"]
READS = ["GET k", "EXISTS k", "PING", "TTL k", "DBSIZE", "SUBSCRIBE c", "LLEN l", "OBJECT ENCODING l"]


def compare(diff, *steps, resps=(2, 3)) -> None:
    for resp in resps:
        assert play(diff.server.port, steps, resp) == play(diff.oracle.port, steps, resp)


def test_writes_wait(diff):
    for command in WRITES:
        compare(diff, "z SET k v | CLIENT PAUSE 100000 WRITE", f"a PING | {command} | PING", "z GET k",
                "z CLIENT UNPAUSE", "z EXISTS k l", resps=[2])


def test_reads_go_on(diff):
    for command in READS:
        compare(diff, "z SET k v | CLIENT PAUSE 100000 WRITE", f"a {command}", "z CLIENT UNPAUSE", resps=[2])


def test_transactions(diff):
    compare(diff, "a MULTI | SET k 1", "b MULTI | GET k", "c MULTI", "z CLIENT PAUSE 100000 WRITE", "a EXEC", "b EXEC",
            "c SET k 2 | GET k | EXEC | PING", "z GET k", "z CLIENT UNPAUSE", "z GET k")
    compare(diff, "z MULTI | CLIENT PAUSE 100000 WRITE | SET k 1 | EXEC", "z SET k 2", "a GET k", "a CLIENT UNPAUSE")


def test_pauses_add_up(diff):
    compare(diff, "z CLIENT PAUSE 100000 WRITE | CLIENT PAUSE 1 WRITE", "sleep 0.05", "a SET k 1", "z CLIENT UNPAUSE",
            "z CLIENT PAUSE 60 WRITE", "a SET k 2 | GET k", "sleep 0.2", "a PING")


def test_clients_that_wait_for_keys(diff):
    compare(diff, "a BLPOP k 0 | PING", "b BLPOP k 0.05 | PING", "z CLIENT PAUSE 100000 WRITE", "c RPUSH k 1 2",
            "sleep 0.4", "d BLPOP k 0", "z CLIENT UNPAUSE", "z CLIENT UNBLOCK {d}")
    compare(diff, "z CLIENT PAUSE 60 WRITE", "a BLPOP k 0", "b RPUSH k 1", "sleep 0.4", "z LLEN k", resps=[2])


def test_expired_keys_stay_hidden(diff):
    compare(diff, "z SET k v PX 30 | SET j v PX 30 | SET live v", "z CLIENT PAUSE 100000 WRITE", "sleep 0.1", "z GET k",
            "z DBSIZE", "z RANDOMKEY", "z EXISTS j", "z DBSIZE", "z CLIENT UNPAUSE", "z GET k", "z GET j", "z DBSIZE")
    compare(diff, "z SET k v PX 30", "z CLIENT PAUSE 100000 WRITE", "sleep 0.1", "z GET k", "a SET k w | GET k",
            "z CLIENT UNPAUSE", "z DBSIZE")


def test_a_write_inside_of_a_pause_takes_the_place_of_an_expired_key(wstore_server):
    with Connection(wstore_server.port) as client:
        client.call("FLUSHALL")
        client.pipeline([("DEBUG", "SET-ACTIVE-EXPIRE", 0), ("SET", "k", "old", "PX", 1)])
        time.sleep(0.02)
        replies = client.pipeline([("MULTI",), ("CLIENT", "PAUSE", 100000), ("GET", "k"), ("DBSIZE",),
                                   ("SET", "k", "new"), ("DBSIZE",), ("CLIENT", "UNPAUSE"), ("EXEC",),
                                   ("DEBUG", "SET-ACTIVE-EXPIRE", 1)])
        assert replies[-2].items[1:5] == (NULL_BULK, Int(1), OK, Int(1))
        assert client.call("GET", "k") == Bulk(b"new")


MODES = st.sampled_from([
    "CLIENT REPLY ON", "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "CLIENT REPLY x", "PING", "MULTI x", "ECHO 1", "NOSUCH",
    "GET", "ECHO 2", "RESET", "CLIENT ID x"])


@given(st.lists(MODES, max_size=20))
@settings(deadline=None)
def test_reply_modes(diff, commands):
    compare(diff, "a " + " | ".join([*commands, "CLIENT REPLY ON"]), resps=[2])


def test_no_evict_is_shown(diff):
    said = {}
    for server in (diff.oracle, diff.server):
        with Scene(server.port) as scene:
            said[server] = []
            for step in ("a CLIENT NO-EVICT ON", "a MULTI", "a CLIENT NO-EVICT OFF", "a EXEC", "a CLIENT NO-EVICT on",
                         "a RESET", "a CLIENT NO-EVICT yes", "a CLIENT NO-EVICT"):
                scene.do(step)
                line = scene.control.call("CLIENT", "LIST", "ID", scene.ids["a"]).data.decode()
                said[server].append((step, line.split("flags=")[1].split()[0], line.split("cmd=")[1].split()[0]))
    assert said[diff.server] == said[diff.oracle]
