"""Every benchmark at a tiny size: it runs, fills its tables, and the report is written. No figure is judged here."""
from __future__ import annotations

import pytest
from click.testing import CliRunner

from bench import collections, cpu, memory, pause, persistence, replication, report, slots
from bench.common import Table, cell, verdict
from bench.memory import Churn


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Without the pauses that make figures worth reading."""
    monkeypatch.setattr(memory, "SETTLE_S", 0.01)
    monkeypatch.setattr(pause, "PROBE_S", 0.05)
    monkeypatch.setattr(persistence, "SETTLE_S", 0.01)
    monkeypatch.setattr(persistence, "BEFORE_S", 0.6)
    monkeypatch.setattr(replication, "SETTLE_S", 0.01)


def assert_filled(tables: list[Table], rows: int) -> None:
    assert sum(len(table.rows) for table in tables) == rows
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title


def test_memory():
    tables = memory.measure(shapes=["str", "ttl"], sizes=[3000], churn_keys=1000)
    assert_filled(tables, 4)
    assert all(isinstance(value, float) for value in tables[0].rows[0][2:4])


def test_cpu():
    assert_filled(cpu.measure(commands=["GET", "SET"], depths=[1, 16], keys=1000, requests=8000, rounds=1), 8)


def test_pause():
    tables = pause.measure(rounds=1, keys=5000, fields=5000, reload_keys=1000, clients=20, reloads=2)
    assert_filled(tables, 15)
    assert "All 20 connections were kept" in tables[2].note


def test_collections():
    assert_filled(collections.measure(small_keys=500, elements=1000, times=2000, rounds=1), 21)


def test_slots():
    assert_filled(slots.measure(sizes=[1000, 3000], counts=[3, 50]), 4)


def test_persistence():
    [table] = persistence.measure(keys=2000, fields=2000, requests=4000, rounds=1)
    assert_filled([table], len(persistence.MEASURES))
    assert all(row[2] != "" for row in table.rows), table.rows


@pytest.mark.timeout(240)
def test_replication():
    """With redis-server and wstore; a replica that was away gets not one key again."""
    [table] = replication.measure(keys=2000, crowd_keys=2000, crowd=2, megabytes=3, requests=4000, rounds=1)
    assert_filled([table], len(replication.ROWS))
    found = {row[0]: row[2] for row in table.rows}
    assert all(value != "" for value in found.values()), found
    assert found["snapshots made for them"] == 1, found
    assert found["keys copied to it again"] == 0 and found["partial resyncs"] == 1, found


@pytest.mark.parametrize("part", ["slots", "embedded"])
def test_report(tmp_path, part):
    output = tmp_path / "results.md"
    done = CliRunner().invoke(report.main, ["--scale", "0.001", "--part", part, "--output", str(output)])
    assert done.exit_code == 0, done.output
    text = output.read_text()
    assert text.startswith("# Results") and f"`python -m bench.{part}" in text and "|---|---|" in text


def test_churn_keeps_the_number_of_keys():
    """Replaying the churn's commands on a dict leaves exactly the keys that it says are left."""
    churn = Churn(500)
    data: dict[str, str] = {}
    for command in [*churn.fill(), *churn.rounds()]:
        if command[0] == "SET":
            data[command[1]] = command[2]
        else:
            del data[command[1]]
    assert len(data) == 500 and data == {command[1]: command[2] for command in churn.fill()}
    assert {len(value) for value in data.values()} <= set(range(4, 41))


def test_cells_and_markdown():
    assert [cell(value) for value in (1.23456, 12.3456, 0.0, 7, "x")] == ["1.23", "12.3", "0", "7", "x"]
    assert verdict(1.0, 1.0) == "holds" and verdict(1.1, 1.0) == "MISSED"
    table = Table("Title", ["a", "b"], [(1, 2.5)], note="Note.", command="python -m x")
    assert table.markdown() == "## Title\n\n`python -m x`\n\nNote.\n\n| a | b |\n|---|---|\n| 1 | 2.5 |\n"
