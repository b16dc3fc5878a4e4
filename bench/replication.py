"""Replication, side by side with redis-server: full syncs, a replica that was away for long, the cost of a replica.

Masters run on core 0, their replicas on core 1 beside the client. A full sync is timed from REPLICAOF until the
replica's link is up; meanwhile a client sends PINGs to the master, one after another: its longest round trip beyond
the machine's noise is the pause, where the server keeps no account of its own turns. In rounds of their own the
memory of all the master's processes is watched (Pss), which would lengthen pauses. For the cost of a replica each
server has two masters, one of them with a replica, which is a redis-server for all; they take turns.
"""
from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import click

from bench.common import (
    CLIENT_CORE,
    SERVER_CORE,
    SETTLE_S,
    Table,
    client_core,
    info_field,
    label_of,
    load,
    median,
    open_server,
    say,
    server_option,
    show_all,
    verdict,
)
from bench.cpu import CLIENTS, COMMANDS, run_once
from bench.cpu import fill as fill_for_benchmark
from bench.pause import longest_turn_ms, machine_noise_ms, set_commands
from bench.persistence import family_pss
from tests.processes import ServerProcess
from tests.resp import Error

DEPTH = 16
BACKLOG = "1mb"
VALUE_BYTES = 1000          # of the writes that a replica misses
AWAY_KEYS = 100_000         # which they go to
POLL_S = 0.02
OPTIONS = ("--repl-diskless-sync-delay", "0", "--repl-timeout", "600")
LOG_OPTIONS = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0", "--appendfsync", "everysec")
Figures = dict[tuple[str, str], list[float]]    # samples by what and server

# title, limit, whether of the ratio to the first server
ROWS: dict[str, tuple[str, float | None, bool]] = {
    "seconds": ("full sync, s", 0.5, True),
    "growth": ("growth of the master's memory meanwhile, %", 3.0, False),
    "pause": ("longest PING beyond noise, ms", None, False),
    "turn": ("longest turn of the loop beyond noise, ms", 5.0, False),
    "noise": ("the machine's own noise, ms", None, False),
    "crowd seconds": ("full sync of {crowd} replicas at once, s", None, False),
    "crowd snapshots": ("snapshots made for them", 1.0, False),
    "crowd growth": ("growth of the master's memory meanwhile, %", 3.0, False),
    "missed": ("away for, MB", None, False),
    "away full": ("full syncs when it is back", 0.0, False),
    "away partial": ("partial resyncs", None, False),
    "away seconds": ("until it has caught up, s", None, False),
    "away copied": ("keys copied to it again", 0.0, False),
    "away growth": ("growth of the master's memory meanwhile, %", None, False),
    "cpu alone": ("CPU of SET at pipeline 16 without a replica, us", None, False),
    "cpu with": ("CPU of SET at pipeline 16 with a replica, us", None, False),
    "cpu added": ("CPU that the replica adds, us", 0.6, True),
}


class Gathered:
    """Samples by row and server."""

    def __init__(self) -> None:
        self.samples: Figures = defaultdict(list)

    def add(self, name: str, figures: dict[str, float]) -> None:
        for what, value in figures.items():
            self.samples[what, name].append(value)
        say(f"replication: {label_of(name)} " + ", ".join(f"{what} {value:.3g}" for what, value in figures.items()))

    def of(self, what: str, name: str) -> float | None:
        found = self.samples.get((what, name))
        return median(found) if found else None


# -- servers ------------------------------------------------------------------------------------------------


def opened(name: str, *options: str, core: int = SERVER_CORE) -> ServerProcess:
    return open_server(name, *OPTIONS, *options, core=core)


def field(server: ServerProcess, name: str, section: str = "replication") -> str:
    return info_field(server, section, name) or ""


def replicate(replica: ServerProcess, master: ServerProcess) -> None:
    if isinstance(reply := replica.call("REPLICAOF", "127.0.0.1", master.port), Error):
        raise RuntimeError(f"REPLICAOF: {reply.text.decode()}")


def wait_linked(*replicas: ServerProcess, watch: Callable[[], None] = lambda: None) -> None:
    for replica in replicas:
        while field(replica, "master_link_status") != "up":
            watch()
            time.sleep(POLL_S)


def wait_caught_up(replica: ServerProcess, master: ServerProcess, watch: Callable[[], None] = lambda: None) -> None:
    wait_linked(replica, watch=watch)
    while int(field(replica, "slave_repl_offset")) < int(field(master, "master_repl_offset")):
        watch()
        time.sleep(POLL_S)


class PeakOf:
    """The most memory that a server and its children had, as often as one looks; per cent over the beginning."""

    def __init__(self, server: ServerProcess):
        self.server = server
        self.before = self.peak = family_pss(server.pid)

    def look(self) -> None:
        self.peak = max(self.peak, family_pss(self.server.pid))

    def growth(self) -> float:
        return (self.peak - self.before) / self.before * 100


class Pinger(threading.Thread):
    """Sends PINGs while the block lasts; `took`: their round trips in ms."""

    def __init__(self, server: ServerProcess):
        super().__init__()
        self.server, self.took = server, [0.0]
        self.stopping = threading.Event()

    def run(self) -> None:
        with client_core(), self.server.connect(timeout_s=120) as connection:
            while not self.stopping.is_set():
                start = time.perf_counter_ns()
                connection.call("PING")
                self.took.append((time.perf_counter_ns() - start) / 1e6)
                time.sleep(0.0002)

    def __enter__(self) -> Pinger:
        self.start()
        return self

    def __exit__(self, *exc) -> None:
        self.stopping.set()
        self.join()


# -- full syncs ---------------------------------------------------------------------------------------------


def check_copy(replica: ServerProcess, keys: int) -> None:
    found = replica.call("DBSIZE").value
    if found != keys:
        raise RuntimeError(f"{found} keys after a full sync, not {keys}")


def timed_sync(name: str, master: ServerProcess, keys: int) -> dict[str, float]:
    """One replica, empty before; how long it took and how the master fared."""
    with opened(name, core=CLIENT_CORE) as replica:
        master.call("CONFIG", "RESETSTAT")
        with Pinger(master) as pinger:
            start = time.perf_counter()
            replicate(replica, master)
            wait_linked(replica)
            seconds = time.perf_counter() - start
        turn = longest_turn_ms(master)
        check_copy(replica, keys)
    noise = machine_noise_ms(max(0.05, min(20.0, seconds)))
    found = {"seconds": seconds, "pause": max(0.0, max(pinger.took) - noise), "noise": noise}
    return found if turn is None else {**found, "turn": max(0.0, turn - noise)}


def watched_sync(name: str, master: ServerProcess, keys: int) -> dict[str, float]:
    with opened(name, core=CLIENT_CORE) as replica:
        peak = PeakOf(master)
        replicate(replica, master)
        wait_linked(replica, watch=peak.look)
        check_copy(replica, keys)
    return {"growth": peak.growth()}


def snapshots(master: ServerProcess) -> int:
    """How often it has made one: redis-server forks for each, wstore says in its log when it begins one."""
    return int(field(master, "total_forks", "stats")) + master.log().count("Background saving for replicas started")


def crowd_sync(name: str, master: ServerProcess, count: int) -> dict[str, float]:
    """So many replicas, empty before, at once."""
    replicas: list[ServerProcess] = []
    try:
        for _ in range(count):
            replicas.append(opened(name, core=CLIENT_CORE))
        before, peak, start = snapshots(master), PeakOf(master), time.perf_counter()
        for replica in replicas:
            replicate(replica, master)
        wait_linked(*replicas, watch=peak.look)
        return {"crowd seconds": time.perf_counter() - start, "crowd snapshots": snapshots(master) - before,
                "crowd growth": peak.growth()}
    finally:
        for replica in replicas:
            replica.stop()


def measure_full_syncs(gathered: Gathered, servers: Sequence[str], keys: int, rounds: int) -> None:
    """One master at a time, so that two of them and their replicas need not fit into memory."""
    for name in servers:
        with opened(name) as master:
            with client_core():
                load(master.port, set_commands(keys))
            time.sleep(SETTLE_S)
            for _ in range(rounds):
                gathered.add(name, {**timed_sync(name, master, keys), **watched_sync(name, master, keys)})


def measure_crowd(gathered: Gathered, servers: Sequence[str], keys: int, crowd: int) -> None:
    for name in servers:
        with opened(name) as master:
            with client_core():
                load(master.port, set_commands(keys))
            time.sleep(SETTLE_S)
            gathered.add(name, crowd_sync(name, master, crowd))


# -- a replica that was away --------------------------------------------------------------------------------


def long_writes(megabytes: int) -> Iterator[tuple]:
    for i in range(megabytes * 1_000_000 // VALUE_BYTES):
        yield "SET", f"away:{i * 7919 % AWAY_KEYS:06d}", f"{i:010d}" * (VALUE_BYTES // 10)


def away(name: str, megabytes: int, keys: int) -> dict[str, float]:
    """A replica ends in order, misses writes of so many MB, and starts again."""
    with (opened(name, *LOG_OPTIONS, "--repl-backlog-size", BACKLOG) as master,
          opened(name, *(("--save", "3600 1") if name == "redis" else LOG_OPTIONS), core=CLIENT_CORE) as replica):
        with client_core():
            load(master.port, set_commands(keys))
        replicate(replica, master)
        wait_caught_up(replica, master)
        replica.process.terminate()
        replica.process.wait()
        before = int(field(master, "master_repl_offset"))
        with client_core():
            load(master.port, long_writes(megabytes))
        missed = int(field(master, "master_repl_offset")) - before
        counted = [int(field(master, what, "stats")) for what in ("sync_full", "sync_partial_ok")]
        replica.options += ["--replicaof", f"127.0.0.1 {master.port}"]
        peak = PeakOf(master)
        start = time.perf_counter()
        replica.start()
        wait_caught_up(replica, master, peak.look)
        seconds = time.perf_counter() - start
        full, partial = (int(field(master, what, "stats")) - was
                         for what, was in zip(("sync_full", "sync_partial_ok"), counted))
        if replica.call("DBSIZE") != master.call("DBSIZE"):
            raise RuntimeError("the replica has other keys")
        return {"missed": missed / 1e6, "away full": full, "away partial": partial, "away seconds": seconds,
                "away copied": full * replica.call("DBSIZE").value, "away growth": peak.growth()}


# -- what one replica costs ----------------------------------------------------------------------------------


def measure_cost(gathered: Gathered, servers: Sequence[str], keys: int, requests: int, rounds: int) -> None:
    running: list[ServerProcess] = []
    masters: dict[tuple[str, str], ServerProcess] = {}
    try:
        for name in servers:
            for what in ("alone", "with"):
                running.append(opened(name))
                masters[name, what] = running[-1]
                with client_core():
                    fill_for_benchmark(running[-1], keys)
            running.append(opened("redis", core=CLIENT_CORE))
            replicate(running[-1], masters[name, "with"])
            wait_linked(running[-1])
        for _ in range(rounds):
            for name in servers:
                us = {what: run_once(masters[name, what], COMMANDS["SET"], DEPTH, CLIENTS[DEPTH], keys, requests)["us"]
                      for what in ("alone", "with")}
                gathered.add(name, {"cpu alone": us["alone"], "cpu with": us["with"],
                                    "cpu added": us["with"] - us["alone"]})
    finally:
        for server in running:
            server.stop()


# -- the table ----------------------------------------------------------------------------------------------


def judged(what: str, gathered: Gathered, servers: Sequence[str]) -> tuple[object, str]:
    """The limit and whether it holds for wstore."""
    _, limit, is_ratio = ROWS[what]
    value = gathered.of(what, "wstore")
    if limit is None or value is None:
        return "", ""
    if not is_ratio:
        return f"<= {limit:g}", verdict(value, limit)
    base = gathered.of(what, servers[0])
    if servers[0] != "redis" or not base:
        return "", ""
    return f"{value / base:.2f} <= {limit:g}", verdict(value / base, limit)


def table_of(gathered: Gathered, servers: Sequence[str], title: str, crowd: int) -> Table:
    table = Table(title, ["", *map(label_of, servers), "limit", ""],
                  note="A limit with a ratio in front of it is one on wstore / redis.")
    for what, (row, _, _) in ROWS.items():
        found = [gathered.of(what, name) for name in servers]
        if found != [None] * len(found):
            table.rows.append((row.format(crowd=crowd), *("" if value is None else value for value in found),
                               *judged(what, gathered, servers)))
    return table


def measure(servers: Sequence[str] = ("redis", "wstore"), keys: int = 4_000_000, crowd_keys: int = 1_000_000,
            crowd: int = 10, megabytes: int = 500, requests: int = 1_000_000, rounds: int = 3) -> list[Table]:
    """One table; keys, crowd, megabytes or requests 0 leave their rows out."""
    gathered = Gathered()
    if keys:
        measure_full_syncs(gathered, servers, keys, rounds)
    if crowd:
        measure_crowd(gathered, servers, crowd_keys, crowd)
    if megabytes:
        for name in servers:
            gathered.add(name, away(name, megabytes, crowd_keys))
    if requests:
        measure_cost(gathered, servers, min(crowd_keys, requests), requests, rounds)
    title = (f"Replication: {keys:,} keys, {crowd_keys:,} for many replicas and for one that is away, medians of "
             f"{rounds} rounds")
    return [table_of(gathered, servers, title, crowd)]


@click.command(help=__doc__)
@server_option
@click.option("--keys", type=int, default=4_000_000, show_default=True, help="Keys of a full sync; 0: none.")
@click.option("--crowd", type=int, default=10, show_default=True, help="Replicas at once; 0: none.")
@click.option("--crowd-keys", type=int, default=1_000_000, show_default=True, help="Keys in the other measurements.")
@click.option("--megabytes", type=int, default=500, show_default=True, help="Writes that a replica misses; 0: none.")
@click.option("--requests", type=int, default=1_000_000, show_default=True, help="Requests a run; 0: no such runs.")
@click.option("--rounds", type=int, default=3, show_default=True)
def main(**options) -> None:
    show_all(measure(**options))


if __name__ == "__main__":
    main()
