"""MULTI, EXEC and DISCARD: what is queued, what is refused, what aborts; with other clients in between."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import Differential
from tests.resp import Array, Bulk, Connection, Int, Simple

REFUSED = ["NOSUCH a", "GET", "SET k", "CLIENT NOSUCH", "EXPIRE k"]
FAILING = ["INCR text", "SETRANGE k -1 x", "EXPIRE k x", "SET k v EX 0"]
FINE = ["SET k 1", "INCR k", "GET k", "MGET k text", "SELECT 3", "SELECT 0", "DEL k text", "PING", "ECHO x",
        "APPEND text y"]


def both(diff: Differential, *commands) -> None:
    diff.compare(*commands, embedded=False)


def test_replies_come_at_exec(diff: Differential):
    both(diff, "MULTI", *FINE, "EXEC", "GET k", "MULTI", "EXEC", "MULTI", "DISCARD", "GET text")


def test_out_of_place(diff: Differential):
    both(diff, "EXEC", "DISCARD", "MULTI x", "EXEC x", "MULTI", "MULTI", "SET k v", "EXEC", "GET k")


@pytest.mark.parametrize("command", REFUSED)
def test_a_refused_command_aborts(diff: Differential, command: str):
    both(diff, "MULTI", "SET k v", command, "SET k w", "EXEC", "GET k", "MULTI", "SET k x", "EXEC", "GET k",
         "MULTI", command, "DISCARD", "MULTI", "GET k", "EXEC")


@pytest.mark.parametrize("command", FAILING)
def test_a_failing_command_does_not(diff: Differential, command: str):
    both(diff, "SET text abc", "MULTI", "SET k 1", command, "INCR k", "EXEC", "GET k", "TTL k")


def test_reset_ends_it(diff: Differential):
    both(diff, "MULTI", "SET k v", "RESET", "EXEC", "GET k")


@given(st.lists(st.sampled_from([*FINE, *FAILING, *REFUSED, "MULTI", "EXEC", "DISCARD"]), max_size=20))
def test_sequences(diff: Differential, commands):
    both(diff, "SET text abc", *commands, "DISCARD", "SELECT 0", "GET k", "GET text")


def test_arguments_outlive_the_request(wstore_server):
    """Queued from many reads, long and binary."""
    values = [bytes([i]) * (i * 997) for i in range(64)]
    with Connection(wstore_server.port) as client, Connection(wstore_server.port) as other:
        client.call("MULTI")
        for i, value in enumerate(values):
            assert client.call("SET", f"q{i}", value) == Simple(b"QUEUED")
            other.call("SET", f"q{i}", b"other" * 100)
        assert client.call("EXEC") == Array((Simple(b"OK"),) * len(values))
        for i, value in enumerate(values):
            assert other.call("GET", f"q{i}") == Bulk(value)


def client_fields(asker: Connection, number: Int) -> dict[str, str]:
    line = asker.call("CLIENT", "LIST", "ID", number.value).data.decode()
    return dict(field.split("=", 1) for field in line.split())


def multi_fields(asker: Connection, number: Int) -> list[str]:
    fields = client_fields(asker, number)
    return [fields[name] for name in ("multi", "multi-mem", "flags", "cmd")]


def test_client_list_counts_what_is_queued(wstore_server, oracle):
    seen = []
    for server in (wstore_server, oracle):
        with Connection(server.port) as client, Connection(server.port) as other:
            number = client.call("CLIENT", "ID")
            seen.append([])
            for words in (["MULTI"], ["SET", "k", "x" * 5000], ["GET", "k"], ["DISCARD"], ["PING"]):
                client.call(*words)
                seen[-1].append(multi_fields(other, number))
    assert seen[0] == seen[1] and seen[0][2][:3] == ["2", str(3 * 8 + 5004 + 2 * 8 + 4), "x"]


def test_client_list_within(wstore_server, oracle):
    for server in (wstore_server, oracle):
        with Connection(server.port) as client:
            number = client.call("CLIENT", "ID").value
            for words in ("MULTI", "SET k x", "CLIENT LIST"):
                client.call(*words.split())
            lines = client.call("EXEC").items[1].data.decode().splitlines()
            own = next(line.split() for line in lines if line.startswith(f"id={number} "))
            assert {"flags=x", "multi=2", f"multi-mem={5 + 3 * 8 + 10 + 2 * 8}", "cmd=exec"} <= set(own)


def test_what_may_not_run_within(diff: Differential):
    both(diff, "MULTI", "SET k 1", "SSUBSCRIBE c", "GET k", "EXEC", "MULTI", "MONITOR", "EXEC", "PING")
    both(diff, "MULTI", "SUNSUBSCRIBE c", "SUBSCRIBE c", "UNSUBSCRIBE c", "EXEC", "PING")


@pytest.mark.parametrize("how", ["ID {id} SKIPME no", "{address}"])
def test_nothing_is_replied_behind_its_own_end(wstore_server, oracle, how):
    """The commands behind CLIENT KILL run all the same."""
    seen = []
    for server in (wstore_server, oracle):
        with Connection(server.port) as client:
            number = client.call("CLIENT", "ID").value
            kill = how.format(id=number, address="{}:{}".format(*client.sock.getsockname()))
            for command in ("MULTI", "SET k 1", f"CLIENT KILL {kill}", "INCR k", "GET k"):
                client.call(*command.split())
            client.send("EXEC")
            received = b""
            while chunk := client.sock.recv(4096):
                received += chunk
        with Connection(server.port) as other:
            seen.append((received, other.call("GET", "k")))
    assert seen[0] == seen[1] and seen[0][1] == Bulk(b"2")
