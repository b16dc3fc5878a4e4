"""Backups as folders: which stay, what their names may be, that files are linked and the summary comes last."""
import json
import os
import time

import pytest

from wstore.errors import ReplyError
from wstore.persistence import backup

HOUR_S = 3600
NOON_S = 1_800_014_400      # 2027-01-15 12:00:00 UTC


def hourly(count):
    """(name, time) of backups taken in each of the last `count` hours, half past."""
    return [(f"h{at}", NOON_S + 1800 - at * HOUR_S) for at in range(count)]


def test_names_that_clients_give():
    assert backup.check_name(b"before-upgrade_2.1") == "before-upgrade_2.1"
    for name in (b"", b".", b"..", b".x", b"a/b", b"a b", b"\xc3\xa9", b"x" * 129):
        with pytest.raises(ValueError):
            backup.check_name(name)


def test_all_stay_unless_told():
    assert backup.outdated(hourly(5), ()) == []


def test_the_newest_of_each_hour_stays():
    twice = hourly(3) + [("early", NOON_S + 60), ("earlier", NOON_S - HOUR_S + 60)]
    assert backup.outdated(twice, (("hourly", 3),)) == ["early", "earlier"]
    assert backup.outdated(twice, (("hourly", 2),)) == ["early", "earlier", "h2"]


def test_periods_without_a_backup_do_not_count():
    few = [("a", NOON_S), ("b", NOON_S - 100 * HOUR_S), ("c", NOON_S - 200 * HOUR_S)]
    assert backup.outdated(few, (("hourly", 2),)) == ["c"]


def test_days_and_hours_together():
    kept = [name for name, _ in hourly(60) if name not in backup.outdated(hourly(60), (("hourly", 4), ("daily", 3)))]
    assert kept == ["h0", "h1", "h2", "h3", "h13", "h37"]


def test_the_newest_stays_whatever_the_rule():
    assert backup.outdated([("only", NOON_S)], (("monthly", 1),)) == []


def test_a_backup_from_draft_to_rotation(tmp_path):
    source = tmp_path / "data.aof"
    source.write_bytes(b"log")
    folder = tmp_path / "backups"
    folder.mkdir()
    taken = backup.Backup(str(folder), "one")
    taken.link(str(source), "appendonlydir", "data.aof")
    taken.write(b"manifest", "appendonlydir", "data.manifest")
    assert backup.backups_in(folder) == []
    summary = taken.finish(offset=7)
    assert summary["files"] == {"appendonlydir/data.aof": 3, "appendonlydir/data.manifest": 8}
    assert json.loads((folder / "one" / "backup.json").read_text()) == summary
    assert os.path.samefile(source, folder / "one" / "appendonlydir" / "data.aof")
    assert [name for name, _ in backup.backups_in(folder)] == ["one"]
    with pytest.raises(ReplyError, match="a backup 'one' already"):
        backup.Backup(str(folder), "one")
    next_year = time.time() + 400 * 86400
    second = backup.Backup(str(folder), "two")
    second.time_s = next_year
    second.finish(offset=8)
    assert backup.rotate(folder, (("daily", 1),)) == ["one"]
    assert sorted(os.listdir(folder)) == ["two"]
    assert source.read_bytes() == b"log"


def test_a_backup_without_its_end_is_none(tmp_path):
    half = backup.Backup(str(tmp_path), "x")
    half.write(b"1", "left-over")
    again = backup.Backup(str(tmp_path), "x")
    again.finish(offset=0)
    assert os.listdir(tmp_path / "x") == ["backup.json"]
    (tmp_path / "x" / "backup.json").write_text("{")
    (tmp_path / "a-file").write_text("")
    assert backup.backups_in(tmp_path) == []
