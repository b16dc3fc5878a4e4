"""Server CPU a request: user and system time of the server process, divided by the requests it served.

redis-benchmark on core 1 loads the server on core 0 with GET, SET and INCR over random keys that all exist. The
servers take turns within each round, so that a slow minute of the machine meets all of them; medians are shown.
"""
from __future__ import annotations

import csv
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Sequence

import click

from bench.common import (
    CLIENT_CORE,
    Table,
    client_core,
    cpu_seconds,
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

DEPTHS = (1, 16, 64)
CLIENTS = {1: 50, 16: 50, 64: 20}
LIMIT_RATIO = {1: 0.95, 16: 0.60, 64: 0.50}
COMMANDS = {
    "GET": ("GET", "key:__rand_int__"),
    "SET": ("SET", "key:__rand_int__", "xxxxxxxx"),
    "INCR": ("INCR", "cnt:__rand_int__"),
}
Sample = dict[str, float]


def fill(server: ServerProcess, keys: int) -> None:
    """Every key that redis-benchmark will ask for: `__rand_int__` becomes twelve digits."""
    load(server.port, (("SET", f"key:{i:012d}", f"v{i % 10_000_000:07d}") for i in range(keys)))
    load(server.port, (("SET", f"cnt:{i:012d}", i) for i in range(keys)))


def run_once(server: ServerProcess, request: Sequence[str], depth: int, clients: int, keys: int,
             requests: int) -> Sample:
    """One redis-benchmark run: server CPU in us a request, thousand requests/s, p50 and p99 in ms."""
    tool = shutil.which("redis-benchmark")
    if tool is None:
        raise click.ClickException("redis-benchmark is not installed (package redis-tools)")
    before = cpu_seconds(server.pid)
    done = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), tool, "-p", str(server.port), "--csv", "-n", str(requests), "-r", str(keys),
         "-P", str(depth), "-c", str(clients), *request],
        capture_output=True, text=True, check=True)
    used = cpu_seconds(server.pid) - before
    row = list(csv.reader(done.stdout.splitlines()))[-1]
    _, rps, _, _, p50, _, p99, _ = row
    return {"us": used / requests * 1e6, "krps": float(rps) / 1e3, "p50": float(p50), "p99": float(p99)}


def measure_servers(servers: Sequence[str], commands: Sequence[str], depths: Sequence[int], keys: int, requests: int,
                    rounds: int) -> dict[tuple[str, int, str], Sample]:
    """Medians by (command, depth, server)."""
    samples: dict[tuple[str, int, str], list[Sample]] = defaultdict(list)
    running = {}
    try:
        for name in servers:
            running[name] = open_server(name)
            with client_core():
                fill(running[name], keys)
        for number in range(rounds):
            for command in commands:
                for depth in depths:
                    asked = max(requests // 8, 1000) if depth == 1 else requests
                    for name, server in running.items():
                        samples[command, depth, name].append(
                            run_once(server, COMMANDS[command], depth, CLIENTS.get(depth, 50), keys, asked))
            say(f"cpu: round {number + 1} of {rounds}")
    finally:
        for server in running.values():
            server.stop()
    return {key: {what: median(sample[what] for sample in found) for what in found[0]}
            for key, found in samples.items()}


def measure(servers: Sequence[str] = ("redis", "wstore"), commands: Sequence[str] = tuple(COMMANDS),
            depths: Sequence[int] = DEPTHS, keys: int = 1_000_000, requests: int = 1_000_000,
            rounds: int = 5) -> list[Table]:
    """One table; ratios are to the first of `servers`."""
    found = measure_servers(servers, commands, depths, keys, requests, rounds)
    table = Table(f"Server CPU a request: {keys:,} keys, medians of {rounds} interleaved rounds",
                  ["command", "pipeline", "server", "us/request", "ratio", "limit", "", "k requests/s", "p50 ms",
                   "p99 ms"])
    for command in commands:
        for depth in depths:
            base = found[command, depth, servers[0]]["us"]
            for name in servers:
                sample = found[command, depth, name]
                ratio = sample["us"] / base if base else 0.0
                judged = name == "wstore" and servers[0] == "redis" and depth in LIMIT_RATIO and command != "INCR"
                limits = (LIMIT_RATIO[depth], verdict(ratio, LIMIT_RATIO[depth])) if judged else ("", "")
                table.rows.append((command, depth, label_of(name), sample["us"], ratio, *limits, sample["krps"],
                                   sample["p50"], sample["p99"]))
    return [table]


@click.command(help=__doc__)
@server_option
@click.option("--command", "commands", multiple=True, type=click.Choice(list(COMMANDS)), default=tuple(COMMANDS),
              show_default=True, help="Request; several.")
@click.option("--depth", "depths", multiple=True, type=int, default=DEPTHS, show_default=True,
              help="Pipeline depth; several.")
@click.option("--keys", type=int, default=1_000_000, show_default=True, help="Keys in each server.")
@click.option("--requests", type=int, default=1_000_000, show_default=True,
              help="Requests a run; an eighth of it without a pipeline.")
@click.option("--rounds", type=int, default=5, show_default=True)
def main(**options) -> None:
    show_all(measure(**options))


if __name__ == "__main__":
    main()
