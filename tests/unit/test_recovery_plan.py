"""What a server starts from, by what its directory has."""
import pytest

from wstore.admin.config import Config
from wstore.errors import RecoveryError
from wstore.persistence.recovery import find

NAME = "appendonly.aof"
BASE = f"{NAME}.1.base.rdb"
INCR = f"{NAME}.1.incr.aof"


def plan(tmp_path, files=(), lines=(), appendonly=True):
    """The plan for a directory with these files, `x` in each, and a manifest of these lines."""
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    if lines:
        (tmp_path / "appendonlydir" / f"{NAME}.manifest").write_text("".join(f"{line}\n" for line in lines))
    config = Config()
    config.load("dir", [str(tmp_path)])
    config.load("appendonly", ["yes" if appendonly else "no"])
    found = find(config)
    return found.source, [(path.removeprefix(f"{tmp_path}/"), kind) for path, kind in found.files]


LINES = (f"file {BASE} seq 1 type b", f"file {INCR} seq 1 type i")
LOG = (f"appendonlydir/{BASE}", f"appendonlydir/{INCR}")


@pytest.mark.parametrize("appendonly", [False, True])
def test_an_empty_directory(tmp_path, appendonly):
    assert plan(tmp_path, appendonly=appendonly) == ("nothing", [])


@pytest.mark.parametrize("appendonly", [False, True])
def test_an_rdb_file_alone_is_loaded_with_the_log_on_or_off(tmp_path, appendonly):
    assert plan(tmp_path, ["dump.rdb"], appendonly=appendonly) == ("rdb", [("dump.rdb", "rdb")])


def test_the_log_wins_if_it_is_on(tmp_path):
    files = ["dump.rdb", *LOG]
    assert plan(tmp_path, files, LINES) == ("log", [(LOG[0], "rdb"), (LOG[1], "aof")])
    assert plan(tmp_path, files, LINES, appendonly=False) == ("rdb", [("dump.rdb", "rdb")])


def test_a_single_file_of_an_older_redis(tmp_path):
    assert plan(tmp_path, ["dump.rdb", NAME]) == ("old log", [(NAME, "aof")])
    assert plan(tmp_path, ["dump.rdb", NAME, *LOG], LINES)[0] == "log"


def test_a_base_of_commands(tmp_path):
    lines = [f"file {NAME}.1.base.aof seq 1 type b"]
    assert plan(tmp_path, [f"appendonlydir/{NAME}.1.base.aof"], lines) == (
        "log", [(f"appendonlydir/{NAME}.1.base.aof", "aof")])


def test_files_of_a_log_without_a_manifest_are_not_passed_over(tmp_path):
    with pytest.raises(RecoveryError, match=r"no manifest.*wstore check .*/appendonlydir says"):
        plan(tmp_path, ["dump.rdb", *LOG])


def test_a_file_that_the_manifest_names_must_be_there(tmp_path):
    with pytest.raises(RecoveryError, match=INCR) as told:
        plan(tmp_path, LOG[:1], [f"{line} startoffset 4711" for line in LINES])
    assert f"put it back, or make a new directory of what came before it, as far as it was kept, by: wstore restore " \
           f"--dir {tmp_path}/appendonlydir --until-offset 4711 --output NEW_DIRECTORY" in str(told.value)


def test_a_bad_manifest(tmp_path):
    with pytest.raises(RecoveryError, match="line 1 of the AOF manifest"):
        plan(tmp_path, LOG, ["nonsense"])
