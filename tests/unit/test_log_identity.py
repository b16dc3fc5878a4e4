"""The log and the ids of its stream: labels, preambles, reset to other data, hidden logs, bases told again."""
import errno
import os
import time

import pytest

from wstore import Store
from wstore.engine._engine import FAULTS, arm_fault, fault_calls, place_stream, set_replica
from wstore.errors import ReplyError
from wstore.persistence import manifest
from wstore.persistence.manifest import Listed

NAME = "appendonly.aof"
A, B, C = "a" * 40, "b" * 40, "c" * 40
SELECT_5 = b"*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n"
ALWAYS = 2


@pytest.fixture(autouse=True)
def no_faults():
    yield
    for kind in FAULTS:
        arm_fault(kind, times=0)


@pytest.fixture
def store():
    with Store() as made:
        made.set_option("appendfsync", ALWAYS)
        yield made


def files_of(path):
    return manifest.read(path, NAME).files


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def names_in(path):
    return sorted(entry for entry in os.listdir(path) if not entry.endswith((".times", ".sums")))


def as_replica(store, db):
    """Be a replica whose stream stands in that database, with no log yet."""
    set_replica(store, True)
    place_stream(store, 1000, db)


def write_base(path, number, text=b"r" * 100):
    name = f"{NAME}.{number}.base.rdb"
    (path / name).write_bytes(text)
    return name


# -- labels ----------------------------------------------------------------------------------------------------------


def test_files_begin_under_the_id_at_hand(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    middle = store.log_roll()
    store.set("a", 2)
    changed = store.log_roll(f"{B},{A}")
    store.set("a", 3)
    last = store.log_roll()
    store.set("a", 4)
    store.log_sync()
    assert [(file.label, file.start) for file in files_of(tmp_path)] == [
        (A, 0), (A, middle), (f"{B},{A}", changed), (B, last)]


def test_an_id_that_changes_at_once_again_takes_no_file(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    store.log_roll(f"{B},{A}")
    end = store.log_roll(f"{C},{B},{A}")
    store.log_sync()
    assert [(file.label, file.start) for file in files_of(tmp_path)] == [(A, 0), (f"{C},{B},{A}", end)]
    store.set("a", 2)
    store.log_roll()
    store.log_sync()
    assert files_of(tmp_path)[-1].label == C


@pytest.mark.parametrize(("label", "labels"), [
    (A, [A]), ("", [A]), (f"{B},{A}", [A, f"{B},{A}"])])
def test_another_id_begins_a_file_at_the_start(store, tmp_path, label, labels):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    store.log_close()
    end = store.log_open(tmp_path, NAME, files_of(tmp_path), label=label)
    assert [file.label for file in files_of(tmp_path)] == labels
    store.set("a", 2)
    assert store.log_state()["end"] > end
    store.log_close()
    assert sum(os.path.getsize(tmp_path / file.name) for file in files_of(tmp_path)) == store.log_open(
        tmp_path, NAME, files_of(tmp_path))


def test_a_base_is_of_the_id_of_what_follows_it(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    offset = store.log_roll(f"{B},{A}")
    store.log_set_base(write_base(tmp_path, 1), 1, offset)
    wait_until(lambda: files_of(tmp_path)[0].kind == "b")
    assert files_of(tmp_path)[0].label == B


@pytest.mark.parametrize("label", ["a b", "x" * 400])
def test_what_is_no_label(store, tmp_path, label):
    with pytest.raises(ValueError, match="label"):
        store.log_open(tmp_path, NAME, label=label)
    assert names_in(tmp_path) == []


# -- preambles -------------------------------------------------------------------------------------------------------


def test_a_replica_may_begin_files_in_any_database(store, tmp_path):
    as_replica(store, 5)
    store.log_open(tmp_path, NAME, start=1000, label=A, hidden=True)
    store.log_set_base(write_base(tmp_path, 1), 1, 1000)
    wait_until(lambda: (tmp_path / f"{NAME}.manifest").exists())
    last = files_of(tmp_path)[-1]
    assert (last.start, last.preamble) == (1000, len(SELECT_5))
    assert (tmp_path / last.name).read_bytes() == SELECT_5
    assert store.log_state()["end"] == store.log_state()["written"] == 1000
    store.log_close()
    assert store.log_open(tmp_path, NAME, files_of(tmp_path), label=A) == 1000
    store.log_close()
    set_replica(store, False)
    assert store.log_open(tmp_path, NAME, files_of(tmp_path), label=A) == 1000
    store.set("a", 1)
    data = (tmp_path / last.name).read_bytes()
    assert data.startswith(SELECT_5) and store.log_state()["end"] == 1000 + len(data) - len(SELECT_5)
    start = store.log_roll()
    store.set("a", 2)
    assert files_of(tmp_path)[-1] == Listed(f"{NAME}.2.incr.aof", "i", 2, start, A)
    assert start == 1000 + len(data) - len(SELECT_5)


def test_a_master_needs_none(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.execute("SELECT", "5")
    store.execute("SET", "a", "1")
    store.log_roll()
    store.log_sync()
    assert [file.preamble for file in files_of(tmp_path)] == [0, 0]


def test_a_file_shorter_than_its_preamble(store, tmp_path):
    (tmp_path / "x").write_bytes(SELECT_5[:-1])
    with pytest.raises(OSError, match="Invalid"):
        store.log_open(tmp_path, NAME, [("x", "i", 1, 0, A, len(SELECT_5))])


# -- other data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("policy", [1, ALWAYS])
def test_a_reset_leaves_nothing_of_before(store, tmp_path, policy, hidden):
    store.set_option("appendfsync", policy)
    store.log_open(tmp_path, NAME, label=A, hidden=hidden)
    for n in range(100):
        store.set("a", n)
        if n % 30 == 0:
            store.log_roll()
    name = write_base(tmp_path, 7)
    store.log_reset(name, 7, 5_000_000, 5, B)
    store.log_sync()
    first, second = files_of(tmp_path)
    assert first == Listed(name, "b", 7, 5_000_000, B)
    assert (second.start, second.label, second.preamble) == (5_000_000, B, len(SELECT_5))
    wait_until(lambda: names_in(tmp_path) == sorted([name, second.name, f"{NAME}.manifest"]))
    state = store.log_state()
    assert state["end"] == state["synced"] == 5_000_000
    assert state["base_bytes"] == state["current_bytes"] == 100
    store.set("b", 1)
    store.log_sync()
    assert (tmp_path / second.name).read_bytes().startswith(SELECT_5 + b"*2\r\n$6\r\nSELECT\r\n$1\r\n0")


@pytest.mark.parametrize("kind", FAULTS)
def test_each_step_of_a_reset_may_fail_for_a_while(tmp_path, kind):
    """Whichever call fails, the manifest on disk is of the one log or the other, and in the end of the new one."""
    for n in range(30):
        path = tmp_path / str(n)
        path.mkdir()
        with Store() as store:
            store.set_option("appendfsync", 1)
            store.log_open(path, NAME, label=A)
            store.set("a", 1)
            store.log_sync()
            name = write_base(path, 2)
            before = fault_calls(kind)
            arm_fault(kind, after=n, times=2)
            store.log_reset(name, 2, 700, -1, B)
            wait_until(lambda path=path, name=name: is_reset(files_of(path), name))
            wait_until(lambda store=store: is_accepted(store))
            wait_until(lambda store=store: store.log_state()["synced"] == store.log_state()["end"] > 700)
            reached = fault_calls(kind) - before > n
            arm_fault(kind, times=0)
            store.log_close()
            assert (path / files_of(path)[1].name).read_bytes().startswith(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n")
        if not reached:
            return
    raise AssertionError("it never came to the end")


def is_accepted(store):
    try:
        return store.set("c", b"v" * 50)
    except ReplyError:
        return False


def is_reset(files, name):
    """Whether a manifest is the new one; if it is not, it is the old one."""
    if files[0].name == name:
        return [(file.start, file.label) for file in files] == [(700, B), (700, B)]
    assert [file.label for file in files] == [A]
    return False


def test_the_last_of_several_resets_counts(store, tmp_path):
    store.set_option("appendfsync", 1)
    store.log_open(tmp_path, NAME, label=A)
    arm_fault("open", times=3)
    for n in range(2, 20):
        store.log_reset(write_base(tmp_path, n), n, n * 1000, -1, B)
        store.execute("PING")
    wait_until(lambda: files_of(tmp_path)[0].start == 19_000)
    assert store.log_state()["end"] == 19_000
    assert [file.start for file in files_of(tmp_path)] == [19_000, 19_000]


def test_a_log_that_fails_while_it_is_reset_says_so(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    store.log_reset(f"{NAME}.9.base.rdb", 9, 700, -1, B)        # there is no such file
    with pytest.raises(ReplyError, match="MISCONF"):
        store.set("a", 2)
    assert [file.label for file in files_of(tmp_path)] == [A]
    with pytest.raises(OSError, match="No such file"):
        store.log_close()


# -- hidden ----------------------------------------------------------------------------------------------------------


def test_a_hidden_log_takes_the_place_of_the_old_one(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    store.log_close()
    old = files_of(tmp_path)
    store.log_open(tmp_path, NAME, old, start=90, hidden=True, label=B)
    assert f"temp-{NAME}.hidden" in names_in(tmp_path)
    store.set("a", 2)
    offset = store.log_roll()
    store.log_set_base(write_base(tmp_path, 2), 2, offset)
    wait_until(lambda: files_of(tmp_path)[0].kind == "b")
    wait_until(lambda: names_in(tmp_path) == [
        f"{NAME}.2.base.rdb", f"{NAME}.3.incr.aof", f"{NAME}.manifest"])
    assert {file.label for file in files_of(tmp_path)} == {B}


def test_a_hidden_log_that_ends_leaves_nothing(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    store.log_close()
    before = names_in(tmp_path)
    store.log_open(tmp_path, NAME, files_of(tmp_path), start=90, hidden=True, label=B)
    store.set("a", 2)
    store.log_close()
    assert names_in(tmp_path) == before
    assert [file.label for file in files_of(tmp_path)] == [A]


# -- bases -----------------------------------------------------------------------------------------------------------


def test_the_manifest_is_told_of_a_base_again_until_it_can_be_written(store, tmp_path):
    store.log_open(tmp_path, NAME, label=A)
    store.set("a", 1)
    offset = store.log_roll()
    store.log_sync()
    arm_fault("rename", times=4)
    store.log_set_base(write_base(tmp_path, 1), 1, offset)
    store.set("a", 2)       # nothing is lost by it: writes go on
    wait_until(lambda: files_of(tmp_path)[0].kind == "b")


def test_a_base_that_cannot_be_told_at_the_end_is_an_error(store, tmp_path):
    store.log_open(tmp_path, NAME, hidden=True, label=A)
    store.set("a", 1)
    arm_fault("rename", times=1000, error=errno.ENOSPC)
    store.log_set_base(write_base(tmp_path, 1), 1, store.log_roll())
    with pytest.raises(OSError, match="space"):
        store.log_close()
