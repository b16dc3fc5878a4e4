"""What the benchmarks share: servers under test, their memory and CPU from /proc, a pipelined loader, tables.

The server is pinned to core 0 and whoever loads it to core 1, so that the two never share a core.
"""
from __future__ import annotations

import contextlib
import os
import shlex
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table as RichTable

from tests.processes import ServerProcess, start_oracle, start_wstore
from tests.resp import Bulk, encode

SERVER_CORE = 0
CLIENT_CORE = 1 if (os.cpu_count() or 1) > 1 else 0
SETTLE_S = 1.5              # after a load, before memory is read
BATCH = 500                 # commands in one write of the loader
console = Console(stderr=True)


@dataclass
class Table:
    """One table of results; `limit` texts and verdicts are plain cells. Rendered to the terminal and to Markdown."""
    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    note: str = ""
    command: str = ""

    def show(self) -> None:
        table = RichTable(title=self.title, caption=self.note or None)
        for i, column in enumerate(self.columns):
            table.add_column(column, justify="left" if i == 0 else "right")
        for row in self.rows:
            table.add_row(*map(cell, row))
        Console().print(table)

    def markdown(self) -> str:
        lines = [f"## {self.title}", ""]
        lines += [f"`{self.command}`", ""] if self.command else []
        lines += [self.note, ""] if self.note else []
        lines += ["| " + " | ".join(self.columns) + " |", "|---" * len(self.columns) + "|"]
        lines += ["| " + " | ".join(map(cell, row)) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """A table cell: floats with three digits that matter, the rest as it is."""
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return str(value)


def verdict(value: float, limit: float) -> str:
    return "holds" if value <= limit else "MISSED"


# -- servers ------------------------------------------------------------------------------------------


def open_server(name: str, *options: str, core: int = SERVER_CORE) -> ServerProcess:
    """Start a server under test: "wstore", "redis", or NAME=COMMAND (--port and --dir are added to it)."""
    if name == "wstore":
        return start_wstore(*options, cpu=core)
    if name == "redis":
        return start_oracle(*options, cpu=core)
    label, _, command = name.partition("=")
    if not command:
        raise click.BadParameter(f"{name!r} is neither wstore, redis nor NAME=COMMAND")
    return ServerProcess(shlex.split(command), options, name=label, cpu=core)


def label_of(name: str) -> str:
    return name.partition("=")[0]


@contextlib.contextmanager
def client_core() -> Iterator[None]:
    """Pin this thread, and what it starts, to the client's core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process: its own pages and its share of shared ones."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss for process {pid}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def info_field(server: ServerProcess, section: str, name: str) -> str | None:
    """One field of INFO, or None."""
    reply = server.call("INFO", section)
    text = reply.data.decode() if isinstance(reply, Bulk) else ""
    return next((line.partition(":")[2] for line in text.splitlines() if line.startswith(name + ":")), None)


# -- loading ------------------------------------------------------------------------------------------


def batches(commands: Iterable[Sequence], size: int = BATCH) -> Iterator[tuple[bytes, int]]:
    """Commands as writes of `size` commands each: (bytes, number of commands)."""
    parts: list[bytes] = []
    for command in commands:
        parts.append(encode(command))
        if len(parts) == size:
            yield b"".join(parts), size
            parts = []
    if parts:
        yield b"".join(parts), len(parts)


def load(port: int, commands: Iterable[Sequence]) -> int:
    """Send commands down one connection, as fast as it takes them; their number. Replies must be one line each."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        reader = _Drain(sock)
        sent = 0
        for data, count in batches(commands):
            sock.sendall(data)
            sent += count
        reader.wait_for(sent)
    return sent


class _Drain(threading.Thread):
    """Counts one-line replies of a connection in the background and keeps the first error."""

    def __init__(self, sock: socket.socket):
        super().__init__(daemon=True)
        self.sock = sock
        self.lines = 0
        self.error: bytes | None = None
        self.start()

    def run(self) -> None:
        while data := self.sock.recv(1 << 18):
            self.lines += data.count(b"\n")
            if self.error is None and (data[:1] == b"-" or b"\n-" in data):
                self.error = data[data.find(b"-"):][:200]

    def wait_for(self, count: int) -> None:
        while self.lines < count and self.is_alive() and self.error is None:
            time.sleep(0.001)
        if self.error or self.lines < count:
            raise RuntimeError(f"load failed after {self.lines} of {count} replies: {self.error!r}")
        self.sock.shutdown(socket.SHUT_RDWR)
        self.join()


# -- the command line ---------------------------------------------------------------------------------


server_option = click.option(
    "--server", "servers", multiple=True, default=("redis", "wstore"), show_default=True, metavar="NAME",
    help="wstore, redis, or NAME=COMMAND of any other server; several.")


def command_line(module: str) -> str:
    """The command that produced this run, for the report."""
    return " ".join(["python", "-m", f"bench.{module}", *map(shlex.quote, sys.argv[1:])])


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def say(text: str) -> None:
    """Progress, on stderr."""
    console.print(text, style="dim", highlight=False)


def show_all(tables: Sequence[Table]) -> None:
    for table in tables:
        table.show()


Measure = Callable[..., list[Table]]
