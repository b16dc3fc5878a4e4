"""Every byte of a small RDB file and of a small log changed, and both cut at every length: no crash, no silent loss.

What loads must be what was there: all of it, or for a log whose tail is torn all whole commands before that, with the
torn tail in the report. Everything else must be an error that says something. The files are those of redis-server and
of wstore.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.loading import Outcome, damages
from tests.processes import ROOT, ServerProcess, start_oracle, start_wstore
from tests.resp import Error, encode
from wstore.admin.config import Config
from wstore.persistence import recovery

FEW_OF_EACH = [
    ("SET", "string", "some text"), ("SET", "integer", "-70000"), ("SET", "long", "compressible " * 5),
    ("SET", "timed", "x", "PXAT", "4102444800000"), ("RPUSH", "list", "a", "12", "b" * 20),
    ("SADD", "ints", "1", "2", "70000"),
    ("SADD", "set", "member", "other"), ("HSET", "hash", "field", "value", "n", "5"),
    ("ZADD", "zset", "1.5", "one", "-2", "two"), ("SELECT", "3"), ("SET", "elsewhere", "y")]
# Names that differ in more than one byte, each unit with its own: what is lost is missed.
UNITS = [[("SET", "alpha", "1")], [("RPUSH", "bravoo", "x", "y")],
         [("MULTI",), ("SET", "charlie", "2"), ("SADD", "deltadel", "m"), ("EXEC",)],
         [("HSET", "echoechoo", "f", "v")], [("ZADD", "foxtrot-10", "1", "m")]]
LOG = [[("SELECT", "0")], *UNITS]


def outcomes(kind: str, source: Path, folder: Path) -> dict[str, Outcome]:
    """What loading each damaged version came to, by the damage's name."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open(folder / "stderr", "wb+") as errors:
        done = subprocess.run([sys.executable, "-m", "tests.faults.loading", kind, str(source), str(folder)],
                              stdout=subprocess.PIPE, stderr=errors, env=environment, check=False)
        errors.seek(0)
        told = errors.read().decode(errors="replace")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (done.returncode, lines[-1:], told[-3000:])
    return {found["name"]: Outcome(**found) for found in lines[1::2]}


def saved(server: ServerProcess) -> Path:
    """The RDB file of a server with a few keys of each type."""
    with server.connect() as connection:
        replies = connection.pipeline([*FEW_OF_EACH, ("SAVE",)])
    assert not [reply for reply in replies if isinstance(reply, Error)], replies
    return server.folder / "dump.rdb"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("maker", [start_oracle, start_wstore])
@pytest.mark.parametrize("checksum", ["yes", "no"])
def test_rdb(tmp_path, maker, checksum):
    """With a checksum no change goes unnoticed; without, none does harm."""
    with maker("--rdbchecksum", checksum) as server:
        found = outcomes("rdb", saved(server), tmp_path)
    whole = found.pop("whole")
    assert whole.error is None and whole.keys == 10
    for name, outcome in found.items():
        assert outcome.valid is None, outcome
        assert outcome.error is None or len(outcome.error) > 10, outcome
        if outcome.error is None:
            assert not name.startswith("cut"), outcome
            assert checksum == "no" or (outcome.keys, outcome.digest) == (whole.keys, whole.digest), outcome
    assert len(found) > 1000


def whole_units(data: bytes) -> int:
    """Keys that the whole units at the beginning of a log make."""
    keys = at = 0
    for unit in LOG:
        size = sum(len(encode(command)) for command in unit)
        if not data.startswith(b"".join(map(encode, unit)), at):
            break
        at += size
        keys += 2 if len(unit) > 1 else unit[0][0] != "SELECT"
    return keys


@pytest.mark.timeout(600)
def test_log(tmp_path):
    source = tmp_path / "log"
    data = b"".join(encode(command) for unit in LOG for command in unit)
    source.write_bytes(data)
    ends = {sum(len(encode(command)) for unit in LOG[:i] for command in unit) for i in range(len(LOG) + 1)}
    found = outcomes("aof", source, tmp_path)
    assert found["whole"].error is None and found["whole"].keys == whole_units(data) == 6
    for name, outcome in found.items():
        what, *numbers = name.split()
        assert outcome.valid is None, outcome
        if what == "cut":
            size = int(numbers[0])
            assert outcome.error is None and outcome.keys == whole_units(data[:size]), outcome
            assert bool(outcome.torn) == (size not in ends), outcome
        elif what == "flip" and outcome.error is None and not outcome.torn and not outcome.refused:
            assert outcome.keys == found["whole"].keys, outcome
        elif outcome.error is not None:
            assert len(outcome.error) > 10, outcome
    assert sum(outcome.error is not None for outcome in found.values()) > 100


def test_manifest(tmp_path):
    """What still reads as a manifest names all files that hold something; else the start is refused."""
    with lives.start(tmp_path, *lives.LOG_OPTIONS, "--aof-segment-size", "1kb") as server:
        with server.connect() as connection:
            connection.pipeline([("SET", f"key:{i}", "x" * 100) for i in range(30)])
    path = tmp_path / "appendonlydir" / "appendonly.aof.manifest"
    data = path.read_bytes()
    config = Config()
    for name, value in (("dir", str(tmp_path)), ("appendonly", "yes")):
        config.load(name, [value])
    whole = recovery.find(config).files
    assert len(whole) >= 3
    refused = 0
    for name, damaged in damages(data):
        path.write_bytes(damaged)
        try:
            found = recovery.find(config).files
            assert not [file for file, _ in set(whole) - set(found) if Path(file).stat().st_size], name
        except recovery.RecoveryError as error:
            assert len(str(error)) > 10, name
            refused += 1
    assert refused > len(data)
