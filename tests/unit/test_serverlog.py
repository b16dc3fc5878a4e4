"""The server's log: form of a line, levels, rotation by renaming, syslog; the notes about directives."""
import re
import sys
import types

import pytest

from wstore.admin.config import Config
from wstore.admin.config.notes import notes
from wstore.admin.serverlog import LEVELS, ServerLog


def test_form_of_a_line(tmp_path):
    log = ServerLog(str(tmp_path / "log"))
    log.notice("hello\udcff")
    log.role = "M"
    log.warning("there")
    first, second = (tmp_path / "log").read_bytes().split(b"\n")[:2]
    assert re.fullmatch(rb"\d+:C \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} \* hello\xff", first)
    assert second.endswith(b" # there")
    assert b":M " in second


@pytest.mark.parametrize("level", LEVELS)
def test_levels(tmp_path, level):
    log = ServerLog(str(tmp_path / "log"), level)
    for at in range(4):
        log.write(at, f"line {at}")
    marks = [line.split()[5] for line in (tmp_path / "log").read_text().splitlines()]
    assert marks == list(".-*#")[LEVELS.index(level):]


def test_renamed_and_unwritable_files(tmp_path):
    log = ServerLog(str(tmp_path / "log"))
    log.notice("one")
    (tmp_path / "log").rename(tmp_path / "old")
    log.notice("two")
    assert "one" in (tmp_path / "old").read_text()
    assert "two" in (tmp_path / "log").read_text()
    log.path = str(tmp_path / "none" / "log")
    log.notice("lost")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "old"]


def test_syslog(tmp_path, monkeypatch):
    calls = []
    fake = types.SimpleNamespace(
        LOG_PID=1, LOG_LOCAL3=3, LOG_DEBUG=7, LOG_INFO=6, LOG_NOTICE=5, LOG_WARNING=4,
        openlog=lambda *args: calls.append(args), syslog=lambda *args: calls.append(args))
    monkeypatch.setitem(sys.modules, "syslog", fake)
    log = ServerLog(str(tmp_path / "log"), "verbose")
    log.open_syslog("me", "local3")
    log.debug("no")
    log.verbose("a")
    log.warning("b")
    assert calls == [("me", 1, 3), (6, "a"), (4, "b")]


def noted(**settings):
    config = Config()
    for name, words in settings.items():
        config.load(name.replace("_", "-"), words)
    return notes(config, config.given)


def test_notes():
    assert noted(port=["7"], hz=["20"], save=[""], aclfile=[""]) == []
    assert noted(appendonly=["no"], maxmemory=["0"]) == []
    assert noted(maxmemory=["1"], jemalloc_bg_thread=["no"], activedefrag=["yes"]) == [
        (3, "Directive 'maxmemory' has no effect: memory is not limited"),
        (2, "Accepted without effect: activedefrag, jemalloc-bg-thread"),
    ]


def test_notes_are_made_once():
    config = Config()
    assert notes(config, ["MAXMEMORY", "hz"]) == []
    for name in ("maxmemory", "cluster-slave-validity-factor"):
        config.load(name, ["7"])
    both = notes(config, ["maxmemory", "cluster-slave-validity-factor"])
    assert both == [(3, "Directive 'maxmemory' has no effect: memory is not limited"),
                    (2, "Accepted without effect: cluster-replica-validity-factor")]
    assert notes(config, ["maxmemory", "cluster-replica-validity-factor"]) == []
