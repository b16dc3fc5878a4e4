"""Runs every benchmark and writes RESULTS.md: the tables, and the commands that made them.

`--scale 0.01` runs everything at a hundredth of the size, which shows that it works but no figures worth keeping.
"""
from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from bench import collections, cpu, embedded, memory, pause, persistence, replication, slots
from bench.common import Table, say, show_all
from tests.processes import ROOT, oracle_version

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"


def scaled(value: int, scale: float, least: int = 1) -> int:
    return max(least, int(value * scale))


def machine() -> list[str]:
    """What the figures depend on, as lines of Markdown."""
    models = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True,
                            check=False).stdout.strip()
    return [f"- machine: {len(models)} x {models[0] if models else platform.machine()}, {platform.system()} "
            f"{platform.release()}",
            f"- wstore: {commit or 'unknown'}, Python {platform.python_version()}; redis-server {oracle_version()}"]


def part_memory(scale: float) -> tuple[str, list[Table]]:
    sizes = [scaled(1_000_000, scale, 2000), scaled(1_300_000, scale, 2600)]
    command = f"python -m bench.memory --keys {sizes[0]} --keys {sizes[1]} --churn-keys {sizes[0]}"
    return command, memory.measure(sizes=sizes, churn_keys=sizes[0])


def part_cpu(scale: float) -> tuple[str, list[Table]]:
    keys = requests = scaled(1_000_000, scale, 8000)
    rounds = 5 if scale >= 1 else 1
    command = f"python -m bench.cpu --keys {keys} --requests {requests} --rounds {rounds}"
    return command, cpu.measure(keys=keys, requests=requests, rounds=rounds)


def part_pause(scale: float) -> tuple[str, list[Table]]:
    keys = fields = scaled(5_000_000, scale, 1000)
    held = scaled(1_000_000, scale, 1000)
    clients, reloads = scaled(1000, scale, 10), scaled(20, scale, 2)
    command = (f"python -m bench.pause --keys {keys} --fields {fields} --reload-keys {held} --clients {clients} "
               f"--reloads {reloads}")
    return command, pause.measure(keys=keys, fields=fields, reload_keys=held, clients=clients, reloads=reloads)


def part_slots(scale: float) -> tuple[str, list[Table]]:
    sizes = [scaled(50_000, scale, 1000), scaled(5_000_000, scale, 10_000)]
    return f"python -m bench.slots --keys {sizes[0]} --keys {sizes[1]}", slots.measure(sizes=sizes)


def part_collections(scale: float) -> tuple[str, list[Table]]:
    small_keys, elements = scaled(500_000, scale, 1000), scaled(1_000_000, scale, 2000)
    rounds = 5 if scale >= 1 else 1
    command = (f"python -m bench.collections --small-keys {small_keys} --elements {elements} --times {elements} "
               f"--rounds {rounds}")
    return command, collections.measure(small_keys=small_keys, elements=elements, times=elements, rounds=rounds)


def part_persistence(scale: float) -> tuple[str, list[Table]]:
    keys, fields = scaled(4_000_000, scale, 1000), scaled(5_000_000, scale, 1000)
    requests = scaled(1_000_000, scale, 8000)
    rounds = 3 if scale >= 1 else 1
    command = f"python -m bench.persistence --keys {keys} --fields {fields} --requests {requests} --rounds {rounds}"
    return command, persistence.measure(keys=keys, fields=fields, requests=requests, rounds=rounds)


def part_replication(scale: float) -> tuple[str, list[Table]]:
    keys, crowd_keys = scaled(4_000_000, scale, 1000), scaled(1_000_000, scale, 1000)
    crowd, megabytes, requests = scaled(10, scale, 2), scaled(500, scale, 3), scaled(1_000_000, scale, 8000)
    rounds = 3 if scale >= 1 else 1
    command = (f"python -m bench.replication --keys {keys} --crowd {crowd} --crowd-keys {crowd_keys} "
               f"--megabytes {megabytes} --requests {requests} --rounds {rounds}")
    return command, replication.measure(keys=keys, crowd=crowd, crowd_keys=crowd_keys, megabytes=megabytes,
                                        requests=requests, rounds=rounds)


def part_embedded(scale: float) -> tuple[str, list[Table]]:
    seconds, rounds = max(0.05, min(1.0, scale)), 3 if scale >= 1 else 1
    return f"python -m bench.embedded --seconds {seconds} --rounds {rounds}", embedded.measure(seconds, rounds)


PARTS: dict[str, Callable[[float], tuple[str, list[Table]]]] = {
    "memory": part_memory, "cpu": part_cpu, "pause": part_pause, "slots": part_slots,
    "collections": part_collections, "persistence": part_persistence,
    "replication": part_replication, "embedded": part_embedded}


def markdown(tables: Sequence[Table], command: str) -> str:
    head = ["# Results", "", f"Made by `{command}`; each table names the command that makes it alone. The server is "
            "pinned to one core, its load to another.", "", *machine(), ""]
    return "\n".join(head) + "\n" + "\n".join(table.markdown() for table in tables)


@click.command(help=__doc__)
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), default=tuple(PARTS),
              show_default=True, help="Benchmark to run; several.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Size of the loads.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS,
              help="File to write.  [default: bench/RESULTS.md]")
def main(parts: Sequence[str], scale: float, output: Path) -> None:
    tables: list[Table] = []
    for part in parts:
        say(f"== {part}")
        command, found = PARTS[part](scale)
        for table in found:
            table.command = command
        tables += found
    chosen = "" if set(parts) == set(PARTS) else "".join(f" --part {part}" for part in parts)
    sized = "" if scale == 1 else f" --scale {scale:g}"
    output.write_text(markdown(tables, f"python -m bench.report{chosen}{sized}"))
    show_all(tables)


if __name__ == "__main__":
    main()
