"""A server that lives several times on the same files: started, killed, started again."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.harness import chosen_targets
from tests.processes import ROOT, ServerProcess, free_port, start_oracle, start_wstore
from tests.resp import CLOSED, OK, Bulk, Connection, Error, Simple

ROUNDS = int(os.environ.get("WSTORE_FAULT_ROUNDS", "0"))     # of the long form; 0: the short one
LOG_OPTIONS = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
LOADING_TIMEOUT_S = 30.0


def rounds(short: int) -> int:
    """How often a test repeats itself: `short` times unless the environment asks for more."""
    return max(short, ROUNDS)


def is_redis() -> bool:
    """Whether the tests are to prove themselves on redis-server."""
    return chosen_targets() == ("oracle",)


def start(folder: Path, *options: str) -> ServerProcess:
    """The server under test on the files in a folder, once it has loaded them."""
    server = (start_oracle if is_redis() else start_wstore)(*options, folder=str(folder))
    wait_loaded(server)
    return server


def spawn(folder: Path, *options: str) -> subprocess.Popen:
    """The same without waiting for anything: whoever asks for it kills it."""
    program = [shutil.which("redis-server")] if is_redis() else [sys.executable, "-m", "wstore.cli.server"]
    argv = [*program, "--port", str(free_port()), "--dir", str(folder), "--save", "", *options]
    with open(folder / "spawned.log", "wb") as log:
        return subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)})


def wait_loaded(server: ServerProcess) -> None:
    deadline = time.monotonic() + LOADING_TIMEOUT_S
    while (reply := server.call("PING")) != Simple(b"PONG"):
        assert isinstance(reply, Error) and time.monotonic() < deadline, (reply, server.log())
        time.sleep(0.01)


class Gone(Exception):
    """The server has closed the connection: it is no more."""


def info(connection: Connection, section: str = "persistence") -> dict[str, str]:
    reply = connection.call("INFO", section)
    if reply == CLOSED:
        raise Gone
    assert isinstance(reply, Bulk), reply
    return dict(line.split(":", 1) for line in reply.data.decode().splitlines() if ":" in line)


def wait_info(connection: Connection, timeout_s: float = 20.0, **wanted: str) -> dict[str, str]:
    """INFO persistence once these fields have these values."""
    deadline = time.monotonic() + timeout_s
    while any((told := info(connection)).get(name) != value for name, value in wanted.items()):
        assert time.monotonic() < deadline, (wanted, told)
        time.sleep(0.01)
    return told


def wait_quiet(connection: Connection) -> None:
    """Until neither rewrite nor snapshot is going on; Gone if the server ends."""
    quiet = {"aof_rewrite_in_progress": "0", "aof_rewrite_scheduled": "0", "rdb_bgsave_in_progress": "0"}
    deadline = time.monotonic() + 20
    while any(info(connection).get(name) != value for name, value in quiet.items()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_writable(connection: Connection, timeout_s: float = 20.0) -> None:
    """Until a write is carried out again."""
    deadline = time.monotonic() + timeout_s
    while (reply := connection.call("SET", "probe", "x")) != OK:
        assert isinstance(reply, Error) and time.monotonic() < deadline, reply
        time.sleep(0.02)
