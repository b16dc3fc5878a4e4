"""Pauses of the loop: while millions of keys are inserted, a big value changed, and the command module swapped.

Growth: one client sends batches and waits for each one's replies, so that the longest round trip less the median
one is a pause of server, client or machine. Where INFO tells `eventloop_longest_us`, that is the server's own account.
The machine's noise is the longest gap in a busy loop that does nothing but read the clock, on the server's and on
the client's core, before and after the load, for as long as the load takes. A pause counts beyond that noise; of
several rounds the median counts.
Reload: `COMMANDS RELOAD` again and again, with idle clients connected, one pipelining writes, one pinging.
"""
from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from bench.common import (
    CLIENT_CORE,
    SERVER_CORE,
    Table,
    batches,
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
from tests.processes import ServerProcess
from tests.resp import OK, Connection, Error, encode

GROWTH_LIMIT_MS = 2.0
RELOAD_LIMIT_MS = 5.0
BIG_VALUE_LIMIT_MS = 5.0
DEPTH = 64
PROBE_S = 2.0               # of the machine's noise, where no load says how long


def longest_gap_ms(core: int, seconds: float) -> float:
    """The longest time between two readings of the clock in a busy loop pinned to a core."""
    os.sched_setaffinity(0, {core})
    clock = time.perf_counter_ns
    worst, last = 0, clock()
    end = last + int(seconds * 1e9)
    while last < end:
        now = clock()
        if now - last > worst:
            worst = now - last
        last = now
    return worst / 1e6


def machine_noise_ms(seconds: float) -> float:
    """The longest gap on the two cores, probed in a process each at the same time."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return max(pool.starmap(longest_gap_ms, [(SERVER_CORE, seconds), (CLIENT_CORE, seconds)]))


def set_commands(keys: int) -> Iterator[tuple]:
    for i in range(keys):
        yield "SET", f"user:{i:09d}", f"v{i % 10_000_000:07d}"


def round_trips_ms(server: ServerProcess, commands: Iterable[tuple]) -> list[float]:
    """Send commands in batches of DEPTH; the round trip of each batch."""
    took = []
    clock = time.perf_counter_ns
    with client_core(), socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for data, count in batches(commands, DEPTH):
            start = clock()
            sock.sendall(data)
            missing = count
            while missing:
                missing -= sock.recv(1 << 16).count(b"\n")
            took.append((clock() - start) / 1e6)
    return took


def longest_turn_ms(server: ServerProcess) -> float | None:
    told = info_field(server, "stats", "eventloop_longest_us")
    return None if told is None else int(told) / 1e3


@dataclass(frozen=True)
class Growth:
    """What one round of inserting showed, in ms."""
    beyond: float               # longest round trip, less `typical` and `noise`
    longest: float
    typical: float
    noise: float
    turn: float | None


def measure_round(name: str, keys: int) -> Growth:
    with open_server(name) as server:
        noise = machine_noise_ms(PROBE_S)
        server.call("CONFIG", "RESETSTAT")
        started = time.monotonic()
        took = round_trips_ms(server, set_commands(keys))
        turn = longest_turn_ms(server)
        noise = max(noise, machine_noise_ms(min(60.0, time.monotonic() - started)))
    typical = median(took)
    return Growth(max(0.0, max(took) - typical - noise), max(took), typical, noise, turn)


def measure_growth(servers: Sequence[str], keys: int, rounds: int) -> Table:
    table = Table(f"Longest pause while {keys:,} keys are inserted, pipeline {DEPTH}",
                  ["server", "longest round trip ms", "median ms", "noise ms", "beyond noise ms", "longest turn ms",
                   "limit", ""],
                  note="Beyond noise: the longest round trip, less the median one, less the machine's own noise. Every "
                       "round is shown, the verdict is on the median of the rounds.")
    found: dict[str, list[Growth]] = {name: [] for name in servers}
    for i in range(rounds):
        for name in servers:
            found[name].append(measure_round(name, keys))
            say(f"pause, round {i + 1}: {label_of(name)} {found[name][-1].beyond:.2f} ms beyond noise")
    for name, growths in found.items():
        beyond = median(growth.beyond for growth in growths)
        for i, g in enumerate(growths):
            last = name == "wstore" and i == rounds - 1
            limits = (GROWTH_LIMIT_MS, verdict(beyond, GROWTH_LIMIT_MS)) if last else ("", "")
            table.rows.append((label_of(name), g.longest, g.typical, g.noise, g.beyond,
                               "" if g.turn is None else g.turn, *limits))
    return table


class Traffic(threading.Thread):
    """Writes down one connection, in batches, until stopped; counts replies and errors."""

    def __init__(self, port: int, keys: int):
        super().__init__(daemon=True)
        self.port = port
        self.data = b"".join(encode(("SET", f"user:{i:09d}", "x")) for i in range(min(keys, DEPTH)))
        self.count = min(keys, DEPTH)
        self.replies = 0
        self.errors = 0
        self.stopping = False

    def run(self) -> None:
        with Connection(self.port) as connection:
            while not self.stopping:
                connection.send_raw(self.data)
                for _ in range(self.count):
                    self.errors += connection.read() != OK
                self.replies += self.count


def idle_connections(port: int, count: int) -> Iterator[Connection]:
    for _ in range(count):
        yield Connection(port)


def measure_reload(keys: int, clients: int, reloads: int) -> Table:
    """COMMANDS RELOAD of the module as it is installed."""
    table = Table(f"Reload of the command module: {keys:,} keys, {clients:,} connections, {reloads} reloads",
                  ["", "ms", "limit", ""])
    with open_server("wstore") as server, client_core():
        load(server.port, (("SET", f"user:{i:09d}", "v") for i in range(keys)))
        idle = list(idle_connections(server.port, clients))
        traffic = Traffic(server.port, keys)
        traffic.start()
        pings = []
        with server.connect() as admin, server.connect() as pinger:
            for _ in range(reloads):
                admin.send("COMMANDS", "RELOAD")
                start = time.perf_counter()
                pinger.call("PING")
                pings.append((time.perf_counter() - start) * 1e3)
                answer = admin.read()
                if isinstance(answer, Error):
                    raise RuntimeError(f"COMMANDS RELOAD: {answer}")
        traffic.stopping = True
        traffic.join()
        longest = int(info_field(server, "commands_module", "reload_max_us")) / 1e3
        alive = sum(connection.call("PING").text == b"PONG" for connection in idle)
        for connection in idle:
            connection.close()
    if traffic.errors or alive != clients:
        raise RuntimeError(f"reload lost something: {traffic.errors} errors, {clients - alive} connections")
    table.rows.append(("longest pause of the loop (reload_max_us)", longest, RELOAD_LIMIT_MS,
                       verdict(longest, RELOAD_LIMIT_MS)))
    table.rows.append(("longest PING sent along with a reload, under load", max(pings), "", ""))
    table.rows.append(("the machine's own noise", machine_noise_ms(PROBE_S), "", ""))
    table.note = f"All {clients:,} connections were kept; {traffic.replies:,} writes meanwhile, none failed."
    return table


# -- one big value ------------------------------------------------------------------------------------


def hash_commands(fields: int, value: str) -> Iterator[tuple]:
    for i in range(fields):
        yield "HSET", "big", f"field:{i:07d}", value


def pings_ms(server: ServerProcess, seconds: float) -> list[float]:
    """Round trips of PINGs, one after another, for so long."""
    took = []
    end = time.monotonic() + seconds
    with client_core(), server.connect() as connection:
        while time.monotonic() < end:
            start = time.perf_counter_ns()
            connection.call("PING")
            took.append((time.perf_counter_ns() - start) / 1e6)
    return took


def big_value_phases(server: ServerProcess, fields: int) -> Iterator[tuple[str, list[float]]]:
    """What is done to a hash, with the round trips in ms while it is."""
    yield "grown", round_trips_ms(server, hash_commands(fields, "v0000000"))
    yield "its fields overwritten", round_trips_ms(server, hash_commands(fields, "another-value"))
    with server.connect() as connection:
        connection.send("DEL", "big")
        yield "deleted", pings_ms(server, PROBE_S)
        connection.read()
    yield "grown again", round_trips_ms(server, hash_commands(fields, "v0000000"))
    with server.connect() as connection:
        connection.send("SET", "big", "small")
        yield "overwritten by a string", pings_ms(server, PROBE_S)
        connection.read()


@dataclass(frozen=True)
class Phase:
    """What one round of a phase showed, in ms."""
    longest: float              # round trip
    noise: float
    turn: float | None

    @property
    def beyond(self) -> float:
        return max(0.0, (self.turn or 0.0) - self.noise)


def measure_phases(name: str, fields: int) -> Iterator[tuple[str, Phase]]:
    """One round; the noise is looked at before each phase, and behind it for as long as it took."""
    with open_server(name) as server:
        phases = big_value_phases(server, fields)
        while True:
            noise = machine_noise_ms(PROBE_S)
            server.call("CONFIG", "RESETSTAT")
            started = time.monotonic()
            phase = next(phases, None)
            if phase is None:
                return
            turn = longest_turn_ms(server)
            noise = max(noise, machine_noise_ms(min(60.0, time.monotonic() - started)))
            yield phase[0], Phase(max(phase[1]), noise, turn)


def measure_big_value(servers: Sequence[str], fields: int, rounds: int) -> Table:
    table = Table(f"Longest pause while a hash of {fields:,} fields is changed, medians of {rounds} rounds",
                  ["server", "the hash is", "longest round trip ms", "noise ms", "longest turn ms", "beyond noise ms",
                   "limit", ""],
                  note="Longest turn: the loop's own account, preemption by other processes included. Judged: it, less "
                       "the machine's own noise in the same round.")
    found: dict[tuple[str, str], list[Phase]] = {}
    for i in range(rounds):
        for name in servers:
            for what, phase in measure_phases(name, fields):
                found.setdefault((name, what), []).append(phase)
                say(f"pause, hash {what}, round {i + 1}: {label_of(name)} {phase.beyond:.2f} ms beyond noise")
    for (name, what), seen in sorted(found.items(), key=lambda item: servers.index(item[0][0])):
        turns = [phase.turn for phase in seen if phase.turn is not None]
        judged = (median(turns), beyond := median(phase.beyond for phase in seen), BIG_VALUE_LIMIT_MS,
                  verdict(beyond, BIG_VALUE_LIMIT_MS)) if turns else ("", "", "", "")
        table.rows.append((label_of(name), what, median(phase.longest for phase in seen),
                           median(phase.noise for phase in seen), *judged))
    return table


def measure(servers: Sequence[str] = ("redis", "wstore"), keys: int = 5_000_000, reload_keys: int = 1_000_000,
            clients: int = 1000, reloads: int = 20, rounds: int = 3, fields: int = 5_000_000) -> list[Table]:
    """All tables; keys, fields or reloads 0 leave one out."""
    tables = [measure_growth(servers, keys, rounds)] if keys else []
    tables += [measure_big_value(servers, fields, rounds)] if fields else []
    return [*tables, measure_reload(reload_keys, clients, reloads)] if reloads else tables


@click.command(help=__doc__)
@server_option
@click.option("--keys", type=int, default=5_000_000, show_default=True, help="Keys to insert; 0: no growth load.")
@click.option("--rounds", type=int, default=3, show_default=True, help="How often all of it is done.")
@click.option("--fields", type=int, default=5_000_000, show_default=True, help="Fields of the big hash; 0: none.")
@click.option("--reload-keys", type=int, default=1_000_000, show_default=True, help="Keys present at the reload.")
@click.option("--clients", type=int, default=1000, show_default=True, help="Connections at the reload.")
@click.option("--reloads", type=int, default=20, show_default=True, help="Number of reloads; 0: none.")
def main(**options) -> None:
    show_all(measure(**options))


if __name__ == "__main__":
    main()
