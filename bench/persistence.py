"""Snapshots, restarts and the log, side by side with redis-server.

A writer sets random keys that are there, one request at a time and as fast as it can, from a process of its own on core
1; on core 0 the server has to get both its requests and its snapshot done. Latency, and writes a second, are compared
with those of the seconds before. In other rounds the memory of all the server's processes is watched (Pss), which
would lengthen pauses. A pause counts beyond the machine's noise, as in bench/pause.py. The servers take turns within
each round, medians are shown.
"""
from __future__ import annotations

import multiprocessing
import random
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bench.common import (
    SETTLE_S,
    Table,
    client_core,
    info_field,
    label_of,
    load,
    median,
    open_server,
    pss_bytes,
    say,
    server_option,
    show_all,
    verdict,
)
from bench.cpu import CLIENTS, COMMANDS, run_once
from bench.cpu import fill as fill_for_benchmark
from bench.pause import hash_commands, longest_turn_ms, machine_noise_ms, set_commands
from tests.processes import ServerProcess
from tests.resp import Error, encode

BEFORE_S = 2.0              # of writing before a snapshot
LOOK_S = 0.05               # between two looks whether it is done
SNAPSHOT_TIMEOUT_S = 300
DEPTH = 16
POLICIES = ("everysec", "always")
LOG_OPTIONS = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
Figures = dict[str, dict[str, float]]       # by measure, by server


@dataclass(frozen=True)
class Measure:
    """A row of the table. A limit holds for the figure itself, or for its ratio to that of the first server."""
    name: str
    title: str
    limit: float | None = None
    is_ratio: bool = False
    at_least: bool = False


MEASURES = (
    Measure("growth", "growth of memory during a snapshot, %", 3.0),
    Measure("latency before", "p99.9 of a writer before, ms"),
    Measure("latency during", "p99.9 of a writer during, ms"),
    Measure("latency", "p99.9 during / before", 1.5),
    Measure("pause", "longest pause of the writer, beyond noise, ms", 5.0),
    Measure("turn", "longest turn of the loop, ms"),
    Measure("writes", "writes a second during / before", 0.8, at_least=True),
    Measure("seconds", "snapshot, s", 0.6, is_ratio=True),
    Measure("idle seconds", "snapshot without a writer, s"),
    Measure("rdb", "restart from RDB, s", 0.4, is_ratio=True),
    Measure("aof", "restart from AOF, s", 0.4, is_ratio=True),
    Measure("cpu everysec", f"CPU of SET at pipeline {DEPTH}, everysec, us", 0.7, is_ratio=True),
    Measure("cpu always", f"CPU of SET at pipeline {DEPTH}, always, us", 0.7, is_ratio=True),
    Measure("hash pause", "longest pause of a writer to a big hash, beyond noise, ms", 5.0),
    Measure("hash turn", "longest turn of the loop meanwhile, ms"),
    Measure("hash seconds", "snapshot of the big hash, s"),
    Measure("noise", "the machine's own noise, ms"),
)


# -- the writer ---------------------------------------------------------------------------------------


def string_command(i: int) -> bytes:
    return encode(("SET", f"user:{i:09d}", f"w{i * 7 % 10_000_000:07d}"))


def field_command(i: int) -> bytes:
    return encode(("HSET", "big", f"field:{i:07d}", f"w{i * 7 % 10_000_000:07d}"))


def write_until_told(port: int, command_of: Callable[[int], bytes], count: int, began, stop, told) -> None:
    """Change random ones of `count`; tells when each request began and how long it took, in ns."""
    rng, clock = random.Random(port), time.monotonic_ns
    took: list[tuple[int, int]] = []
    with client_core(), socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not stop.is_set():
            for _ in range(50):
                data = command_of(rng.randrange(count))
                start = clock()
                sock.sendall(data)
                if sock.recv(1 << 16)[:1] not in b"+:":
                    raise RuntimeError("a write failed")
                took.append((start, clock() - start))
            began.set()
    told.send(took)


class Writer:
    """A process that writes from the beginning of the block to its end; then `took` has its requests."""

    def __init__(self, port: int, command_of: Callable[[int], bytes], count: int):
        context = multiprocessing.get_context("spawn")
        self.began, self.stop = context.Event(), context.Event()
        self.told, told = context.Pipe(duplex=False)
        self.process = context.Process(target=write_until_told,
                                       args=(port, command_of, count, self.began, self.stop, told))
        self.took: list[tuple[int, int]] = []

    def __enter__(self) -> Writer:
        self.process.start()
        if not self.began.wait(60):
            raise RuntimeError("the writer does not write")
        return self

    def __exit__(self, *exc) -> None:
        self.stop.set()
        self.took = self.told.recv()
        self.process.join()

    def between(self, start_ns: int, end_ns: int) -> list[float]:
        """The requests that began then, in ms, shortest first."""
        return sorted(took / 1e6 for start, took in self.took if start_ns <= start < end_ns)


def p999(values: Sequence[float]) -> float:
    return values[int(len(values) * 0.999)] if values else 0.0


# -- snapshots ----------------------------------------------------------------------------------------


def file_mark(path: Path) -> tuple[int, int] | None:
    """Which file has this name, and since when (wall clock, ns)."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_ctime_ns


def wait_for_file(server: ServerProcess, old: tuple[int, int] | None, watch: Callable[[], None], every_s: float) -> int:
    """Until dump.rdb is another file than `old`: when it became that, in ns."""
    until = time.monotonic() + SNAPSHOT_TIMEOUT_S
    while True:
        mark = file_mark(server.folder / "dump.rdb")
        if mark is not None and mark != old:
            return time.monotonic_ns() - (time.time_ns() - mark[1])
        if time.monotonic() > until:
            raise RuntimeError(f"BGSAVE gives no file:\n{server.log()}")
        watch()
        time.sleep(every_s)


def snapshot(server: ServerProcess, watch: Callable[[], None] = lambda: None,
             every_s: float = LOOK_S) -> tuple[int, int]:
    """BGSAVE until its file has its name: when it began and ended, in ns. `watch` is called again and again meanwhile.

    Nobody asks the server how far it is: connecting and INFO take longer than the requests that are measured.
    """
    with server.connect() as connection:
        old, start = file_mark(server.folder / "dump.rdb"), time.monotonic_ns()
        if isinstance(reply := connection.call("BGSAVE"), Error):
            raise RuntimeError(f"BGSAVE: {reply.text.decode()}")
        end = wait_for_file(server, old, watch, every_s)
    while info_field(server, "persistence", "rdb_bgsave_in_progress") != "0":
        time.sleep(0.01)
    if info_field(server, "persistence", "rdb_last_bgsave_status") != "ok":
        raise RuntimeError(f"BGSAVE failed:\n{server.log()}")
    return start, end


def family_pss(pid: int) -> int:
    """Pss of a process and its children, in bytes."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    total = 0
    for each in (pid, *map(int, children)):
        try:
            total += pss_bytes(each)
        except (OSError, ValueError):       # it has just ended
            continue
    return total


def growth(server: ServerProcess, keys: int) -> float:
    """Per cent by which all the memory of the server grows while it saves under a writer."""
    before, peak = family_pss(server.pid), 0

    def watch() -> None:
        nonlocal peak
        peak = max(peak, family_pss(server.pid))
    with Writer(server.port, string_command, keys):
        time.sleep(BEFORE_S / 2)
        snapshot(server, watch, every_s=0.01)
    return max(0.0, (peak - before) / before * 100)


def under_a_writer(server: ServerProcess, command_of: Callable[[int], bytes], count: int) -> dict[str, float]:
    """Latency of a writer and its rate before and during a snapshot."""
    with Writer(server.port, command_of, count) as writer:
        time.sleep(BEFORE_S)
        server.call("CONFIG", "RESETSTAT")
        start, end = snapshot(server)
        turn = longest_turn_ms(server)
    first = min(started for started, _ in writer.took)
    before, during = writer.between(first, start), writer.between(start, end)
    noise = machine_noise_ms(max(0.1, min(20.0, (end - start) / 1e9)))
    rate_before, rate_during = len(before) / (start - first), len(during) / (end - start)
    found = {"latency before": p999(before), "latency during": p999(during), "latency": p999(during) / p999(before),
             "pause": max(0.0, max(during, default=0.0) - noise), "writes": rate_during / rate_before,
             "seconds": (end - start) / 1e9, "noise": noise}
    return found if turn is None else {**found, "turn": turn}


def restart_seconds(server: ServerProcess, keys: int) -> float:
    """Until it answers with all its keys again."""
    server.process.terminate()
    server.process.wait()
    start = time.perf_counter()
    server.start()
    took = time.perf_counter() - start
    found = server.call("DBSIZE").value
    if found != keys:
        raise RuntimeError(f"{found} keys after a restart, not {keys}")
    return took


class Gathered:
    """Samples by measure and server; medians in the end."""

    def __init__(self) -> None:
        self.samples: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, name: str, figures: dict[str, float]) -> None:
        for what, value in figures.items():
            self.samples[what, name].append(value)
        say(f"persistence: {label_of(name)} " + ", ".join(f"{what} {value:.3g}" for what, value in figures.items()))

    def figures(self) -> Figures:
        found: Figures = defaultdict(dict)
        for (what, name), values in self.samples.items():
            found[what][name] = median(values)
        return found


def open_all(servers: Iterable[str], *options: str) -> dict[str, ServerProcess]:
    return {name: open_server(name, *options) for name in servers}


def stop_all(running: dict[str, ServerProcess]) -> None:
    for server in running.values():
        server.stop()


def measure_snapshots(gathered: Gathered, servers: Sequence[str], keys: int, rounds: int) -> None:
    running = open_all(servers)
    try:
        for server in running.values():
            with client_core():
                load(server.port, set_commands(keys))
        time.sleep(SETTLE_S)
        for _ in range(rounds):
            for name, server in running.items():
                gathered.add(name, {"growth": growth(server, keys)})
            for name, server in running.items():
                gathered.add(name, under_a_writer(server, string_command, keys))
            for name, server in running.items():
                start, end = snapshot(server)
                gathered.add(name, {"idle seconds": (end - start) / 1e9})
        for _ in range(rounds):
            for name, server in running.items():
                gathered.add(name, {"rdb": restart_seconds(server, keys)})
    finally:
        stop_all(running)


def measure_restarts_from_log(gathered: Gathered, servers: Sequence[str], keys: int, rounds: int) -> None:
    running = open_all(servers, *LOG_OPTIONS, "--appendfsync", "no")
    try:
        for server in running.values():
            with client_core():
                load(server.port, set_commands(keys))
        for _ in range(rounds):
            for name, server in running.items():
                gathered.add(name, {"aof": restart_seconds(server, keys)})
    finally:
        stop_all(running)


def measure_cpu(gathered: Gathered, servers: Sequence[str], keys: int, requests: int, rounds: int) -> None:
    for policy in POLICIES:
        running = open_all(servers, *LOG_OPTIONS, "--appendfsync", policy)
        try:
            for server in running.values():
                with client_core():
                    fill_for_benchmark(server, keys)
            for _ in range(rounds):
                for name, server in running.items():
                    sample = run_once(server, COMMANDS["SET"], DEPTH, CLIENTS[DEPTH], keys, requests)
                    gathered.add(name, {f"cpu {policy}": sample["us"]})
        finally:
            stop_all(running)


def measure_hash(gathered: Gathered, servers: Sequence[str], fields: int, rounds: int) -> None:
    running = open_all(servers)
    try:
        for server in running.values():
            with client_core():
                load(server.port, hash_commands(fields, "v0000000"))
        for _ in range(rounds):
            for name, server in running.items():
                found = under_a_writer(server, field_command, fields)
                gathered.add(name, {f"hash {what}": found[what] for what in ("pause", "turn", "seconds")
                                    if what in found})
    finally:
        stop_all(running)


# -- the table ----------------------------------------------------------------------------------------


def judged(measure: Measure, found: dict[str, float], servers: Sequence[str]) -> tuple[object, str]:
    """The limit and whether it holds for wstore."""
    if measure.limit is None or "wstore" not in found or servers[0] != "redis":
        return "", ""
    if not measure.is_ratio:
        value = found["wstore"]
        held = value >= measure.limit if measure.at_least else value <= measure.limit
        return f"{'>=' if measure.at_least else '<='} {measure.limit:g}", "holds" if held else "MISSED"
    ratio = found["wstore"] / found["redis"] if found.get("redis") else 0.0
    return f"{ratio:.2f} <= {measure.limit:g}", verdict(ratio, measure.limit)


def table_of(figures: Figures, servers: Sequence[str], keys: int, fields: int, rounds: int) -> Table:
    table = Table(f"Persistence: {keys:,} keys, a hash of {fields:,} fields, medians of {rounds} rounds",
                  ["", *map(label_of, servers), "limit", ""],
                  note="A limit with a ratio in front of it is one on wstore / redis.")
    for measure in MEASURES:
        found = figures.get(measure.name)
        if found:
            table.rows.append((measure.title, *(found.get(name, "") for name in servers),
                               *judged(measure, found, servers)))
    return table


def measure(servers: Sequence[str] = ("redis", "wstore"), keys: int = 4_000_000, fields: int = 5_000_000,
            requests: int = 1_000_000, rounds: int = 3) -> list[Table]:
    """One table; keys, fields or requests 0 leave their rows out."""
    gathered = Gathered()
    if keys:
        measure_snapshots(gathered, servers, keys, rounds)
        measure_restarts_from_log(gathered, servers, keys, rounds)
    if requests:
        measure_cpu(gathered, servers, min(keys or requests, 1_000_000), requests, rounds)
    if fields:
        measure_hash(gathered, servers, fields, rounds)
    return [table_of(gathered.figures(), servers, keys, fields, rounds)]


@click.command(help=__doc__)
@server_option
@click.option("--keys", type=int, default=4_000_000, show_default=True, help="Keys in each server; 0: none.")
@click.option("--fields", type=int, default=5_000_000, show_default=True, help="Fields of the big hash; 0: none.")
@click.option("--requests", type=int, default=1_000_000, show_default=True, help="Requests a run; 0: no such runs.")
@click.option("--rounds", type=int, default=3, show_default=True)
def main(**options) -> None:
    show_all(measure(**options))


if __name__ == "__main__":
    main()
