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


def test_client_list_counts_what_is_queued(wstore_server):
    with Connection(wstore_server.port) as client, Connection(wstore_server.port) as other:
        number = client.call("CLIENT", "ID")
        client.call("MULTI")
        client.call("SET", "k", "x" * 5000)
        fields = client_fields(other, number)
        assert fields["multi"] == "1" and int(fields["multi-mem"]) > 5000 and "x" in fields["flags"]
        client.call("DISCARD")
        fields = client_fields(other, number)
        assert fields["multi"] == "-1" and fields["multi-mem"] == "0" and fields["flags"] == "N"
