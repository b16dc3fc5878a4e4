"""The log on disk: its bytes are those of the stream, at their offsets, whatever fails on the way."""
import errno
import time
from pathlib import Path

import pytest

from wstore import Store
from wstore.engine._engine import FAULTS, Engine, arm_fault, fault_calls, manifest_text
from wstore.errors import ReplyError

NAME = "appendonly.aof"
NO, EVERYSEC, ALWAYS = range(3)


@pytest.fixture(autouse=True)
def no_faults():
    yield
    for kind in FAULTS:
        arm_fault(kind, times=0)


@pytest.fixture
def store():
    with Store() as made:
        yield made


def opened(store, path, policy=ALWAYS, **options):
    store.set_option("appendfsync", policy)
    store.log_open(path, NAME, **options)
    return store


def files_of(path):
    """(name, type, number, start) of each file in the manifest."""
    lines = (path / f"{NAME}.manifest").read_text().splitlines()
    return [(f[1], f[5], int(f[3]), int(f[7])) for f in map(str.split, lines)]


def log_bytes(path):
    """All of the log, checked to be without gaps."""
    out = b""
    incrs = [f for f in files_of(path) if f[1] == "i"]
    begin = incrs[0][3]
    for name, _, _, start in incrs:
        assert start == begin + len(out)
        out += (path / name).read_bytes()
    return out


def commands_of(data):
    out = []
    while data:
        head, _, data = data.partition(b"\r\n")
        words = []
        for _ in range(int(head[1:])):
            size, _, data = data.partition(b"\r\n")
            words.append(data[: int(size[1:])])
            data = data[int(size[1:]) + 2 :]
        out.append(words)
    return out


def replay(data):
    """The strings that the commands of a log leave."""
    with Store() as other:
        for words in commands_of(data):
            other.execute(*words)
        return {key: other.get(key) for key in other.execute("KEYS", "*")}


def strings_of(store):
    return {key: store.get(key) for key in store.execute("KEYS", "*")}


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("policy", [NO, EVERYSEC, ALWAYS])
def test_bytes_on_disk_are_the_stream(store, tmp_path, policy):
    opened(store, tmp_path, policy)
    with Store() as twin:
        twin.stream_start()
        for i in range(500):
            for one in (store, twin):
                one.set(f"key:{i}", b"v" * i)
                one.execute("RPUSH", "list", i)
        store.delete("key:7")
        twin.delete("key:7")
        expected = twin.stream_take()
    assert store.log_sync() == len(expected)
    assert log_bytes(tmp_path) == expected
    store.log_close()
    assert log_bytes(tmp_path) == expected
    assert files_of(tmp_path) == [(f"{NAME}.1.incr.aof", "i", 1, 0)]


@pytest.mark.parametrize("policy", [EVERYSEC, ALWAYS])
def test_offsets_hold_over_rolls(store, tmp_path, policy):
    store.set_option("aof_segment_size", 1000)
    opened(store, tmp_path, policy, start=777)
    starts = []
    for i in range(400):
        store.set(f"k{i}", i)
        if i % 97 == 0:
            starts.append(store.log_roll())
    store.log_sync()
    data = log_bytes(tmp_path)
    files = files_of(tmp_path)
    assert files[0][3] == 777
    assert 777 + len(data) == store.log_state()["end"]
    assert len(files) > 10
    assert [f[2] for f in files] == list(range(1, len(files) + 1))
    assert set(starts) <= {f[3] for f in files}
    for name, *_ in files[:-1]:
        assert commands_of((tmp_path / name).read_bytes())[0] == [b"SELECT", b"0"]
    assert replay(data) == strings_of(store)
    assert sum(f[4] for f in store.log_files()[:-1]) + store.log_state()["end"] - files[-1][3] == len(data)


def test_goes_on_behind_the_last_file(store, tmp_path):
    opened(store, tmp_path, start=50)
    store.set("a", 1)
    store.log_roll()
    store.set("b", 2)
    end = store.log_state()["end"]
    store.log_close()
    assert store.log_open(tmp_path, NAME, files_of(tmp_path), start=9) == end
    store.set("c", 3)
    store.log_close()
    assert len(files_of(tmp_path)) == 2
    assert replay(log_bytes(tmp_path)) == {b"a": b"1", b"b": b"2", b"c": b"3"}


def test_rolling_twice_at_one_offset_makes_one_file(store, tmp_path):
    opened(store, tmp_path)
    store.set("a", 1)
    assert store.log_roll() == store.log_roll()
    store.set("a", 1)
    assert len(files_of(tmp_path)) == 2


def test_nothing_is_written_once_it_is_closed(store, tmp_path):
    opened(store, tmp_path)
    store.set("a", 1)
    store.log_close()
    size = len(log_bytes(tmp_path))
    store.set("b", 1)
    store.log_close()
    assert len(log_bytes(tmp_path)) == size
    assert store.log_state() is None
    with pytest.raises(RuntimeError, match="no log"):
        store.log_roll()


def test_a_second_log_is_refused(store, tmp_path):
    opened(store, tmp_path)
    with pytest.raises(RuntimeError):
        store.log_open(tmp_path, NAME)


def test_a_missing_file_is_told_by_name(store, tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"):
        store.log_open(tmp_path, NAME, [("gone.incr.aof", "i", 1, 0)])
    assert store.log_state() is None


def test_the_end_of_the_engine_writes_all(tmp_path):
    engine = Engine()
    engine.log_open(tmp_path, NAME)
    engine.stream_take()
    engine.close()
    assert log_bytes(tmp_path) == b""


# -- syncing ---------------------------------------------------------------------------------------------------------


def test_always_syncs_each_call(store, tmp_path):
    opened(store, tmp_path)
    before = fault_calls("sync")
    for i in range(5):
        store.set("a", i)
        state = store.log_state()
        assert state["synced"] == state["end"]
    assert fault_calls("sync") == before + 5


def test_everysec_syncs_once_a_second_by_itself(store, tmp_path):
    opened(store, tmp_path, EVERYSEC)
    before = fault_calls("sync")
    begin = time.monotonic()
    while time.monotonic() < begin + 2.2:
        store.set("a", 1)
        time.sleep(0.005)
    wait_until(lambda: store.log_state()["synced"] == store.log_state()["end"])
    assert 2 <= fault_calls("sync") - before <= 4


def test_no_only_writes(store, tmp_path):
    opened(store, tmp_path, NO)
    before = fault_calls("sync")
    store.set("a", 1)
    wait_until(lambda: store.log_state()["written"] == store.log_state()["end"])
    time.sleep(1.2)
    assert fault_calls("sync") == before
    store.log_close()
    assert fault_calls("sync") == before + 1


def test_a_file_is_synced_before_the_next_begins(store, tmp_path):
    opened(store, tmp_path, NO)
    before = fault_calls("sync")
    store.set("a", 1)
    start = store.log_roll()
    wait_until(lambda: len(files_of(tmp_path)) == 2)
    assert fault_calls("sync") == before + 2        # and the manifest
    assert store.log_state()["synced"] == start


# -- bases and history -----------------------------------------------------------------------------------------------


def new_base(store, path):
    """What a rewrite does: a snapshot's file for where the log rolls."""
    number = store.log_next_seq("b")
    offset = store.log_roll()
    name = f"{NAME}.{number}.base.rdb"
    (path / name).write_bytes(b"r" * 100)
    store.log_set_base(name, number, offset)
    wait_until(lambda: (name, "b", number, offset) in files_of(path))
    return offset


def test_a_base_makes_history_which_goes(store, tmp_path):
    opened(store, tmp_path)
    store.set("a", 1)
    first = new_base(store, tmp_path)
    store.set("b", 1)
    second = new_base(store, tmp_path)
    wait_until(lambda: len(files_of(tmp_path)) == 2)
    assert files_of(tmp_path) == [(f"{NAME}.2.base.rdb", "b", 2, second), (f"{NAME}.3.incr.aof", "i", 3, second)]
    assert first < second
    wait_until(lambda: len(list(tmp_path.iterdir())) == 5)
    assert store.log_state()["base_bytes"] == store.log_state()["current_bytes"] == 100


def test_sizes_after_a_start(store, tmp_path):
    opened(store, tmp_path)
    new_base(store, tmp_path)
    store.set("a", 1)
    store.log_close()
    store.log_open(tmp_path, NAME, files_of(tmp_path))
    state = store.log_state()
    assert state["base_bytes"] == 100
    assert state["current_bytes"] == 100 + len(log_bytes(tmp_path))


def test_history_is_kept_by_bytes(store, tmp_path):
    store.set_option("aof_retention_bytes", 1500)
    opened(store, tmp_path)
    for _ in range(6):
        store.set("a", b"x" * 400)
        new_base(store, tmp_path)
    wait_until(lambda: sum((tmp_path / f[0]).stat().st_size for f in files_of(tmp_path) if f[1] == "h") <= 1500)
    kept = [f for f in files_of(tmp_path) if f[1] == "h"]
    assert len(kept) >= 3
    assert [f[3] for f in kept] == sorted(f[3] for f in kept)
    assert kept[-1][2] >= 5


def test_history_is_kept_by_age(store, tmp_path):
    store.set_option("aof_retention_time", 2)
    opened(store, tmp_path)
    store.set("a", 1)
    new_base(store, tmp_path)
    assert [f[1] for f in files_of(tmp_path)] == ["b", "h", "i"]
    wait_until(lambda: len(files_of(tmp_path)) == 2)


def test_hidden_until_its_first_base(store, tmp_path):
    opened(store, tmp_path)
    store.set("a", 1)
    store.log_close()
    before = files_of(tmp_path)
    end = store.log_open(tmp_path, NAME, before, start=500, hidden=True)
    assert end == 500
    store.set("b", 1)
    assert files_of(tmp_path) == before
    offset = new_base(store, tmp_path)
    wait_until(lambda: len(files_of(tmp_path)) == 2)
    assert [f[3] for f in files_of(tmp_path)] == [offset, offset]


def test_a_base_where_no_file_begins_is_refused(store, tmp_path):
    opened(store, tmp_path)
    store.set("a", 1)
    (tmp_path / "base").write_bytes(b"")
    store.log_set_base("base", 1, 3)
    store.log_set_base("gone", 1, 0)
    time.sleep(0.2)
    assert [f[1] for f in files_of(tmp_path)] == ["i"]


# -- times -----------------------------------------------------------------------------------------------------------


def test_times_tell_where_the_stream_stood(store, tmp_path):
    opened(store, tmp_path, EVERYSEC)
    begin_ms = time.time() * 1000
    for _ in range(24):
        store.set("a", 1)
        time.sleep(0.1)
    store.log_close()
    lines = (tmp_path / f"{NAME}.1.incr.aof.times").read_bytes().splitlines(keepends=True)
    assert {len(line) for line in lines} == {35}
    stamps = [tuple(map(int, line.split())) for line in lines]
    assert stamps == sorted(stamps)
    assert 3 <= len(stamps) <= 5
    assert stamps[0][1] == 0
    for ms, offset in stamps[1:]:
        assert offset == pytest.approx((ms - begin_ms) / 100 * 27, abs=100)


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("kind", ["write", "sync"])
def test_what_failed_is_written_on(store, tmp_path, kind, error):
    opened(store, tmp_path)
    store.set("a", b"1" * 1000)
    arm_fault(kind, times=2, error=error)
    with pytest.raises(ReplyError, match="MISCONF Errors writing to the AOF file: "):
        store.set("b", b"2" * 1000)
    with pytest.raises(ReplyError, match="MISCONF"):
        store.execute("SET", "c", b"3")
    with pytest.raises(ReplyError, match="MISCONF"):
        store.delete("a")
    assert store.get("a") == b"1" * 1000
    wait_until(lambda: not store.log_state()["write_error"] and not store.log_state()["sync_error"])
    store.set("d", 4)
    state = store.log_state()
    assert state["synced"] == state["end"]
    assert replay(log_bytes(tmp_path)) == strings_of(store)


@pytest.mark.parametrize("policy", [EVERYSEC, ALWAYS])
@pytest.mark.parametrize("kind", FAULTS)
def test_every_numbered_fault_in_turn(tmp_path, policy, kind):
    """A run with rolls and bases, in which the calls number n and n + 1 fail, for each n: the log is whole after it."""
    for n in range(200):
        path = tmp_path / str(n)
        path.mkdir()
        with Store() as store:
            store.set_option("aof_segment_size", 150)
            store.set_option("appendfsync", policy)
            arm_fault(kind, after=n, times=2)
            before = fault_calls(kind)
            if not run_with_faults(store, path):
                continue
            reached = fault_calls(kind) - before > n
            arm_fault(kind, times=0)
            store.log_close()
            assert replay(log_bytes(path)) == strings_of(store)
            if not reached:
                return
    raise AssertionError("it never came to the end")


def run_with_faults(store, path):
    try:
        store.log_open(path, NAME)
    except OSError:
        return False
    for i in range(6):
        try:
            store.set(f"k{i}", b"v" * 40)
        except ReplyError:
            wait_until(lambda: not store.log_state()["write_error"] and not store.log_state()["sync_error"])
        if i == 3:
            store.log_roll()
    wait_until(lambda: store.log_state()["written"] == store.log_state()["end"])
    return True


def test_closing_tells_what_is_lost(store, tmp_path):
    opened(store, tmp_path, EVERYSEC)
    arm_fault("write", times=1000)
    store.set("a", 1)
    wait_until(lambda: store.log_state()["write_error"] == errno.ENOSPC)
    with pytest.raises(OSError, match="space"):
        store.log_close()
    assert store.log_state() is None


def test_names_are_quoted_in_the_manifest():
    assert manifest_text([]) == b""
    assert manifest_text([("a b\n", "i", 1, 5)]) == b'file "a b\\n" seq 1 type i startoffset 5\n'


def test_order_in_the_manifest():
    text = manifest_text([("c", "i", 2, 7), ("b", "h", 1, 0), ("a", "b", 1, 7)])
    assert [line.split()[1] for line in text.splitlines()] == [b"a", b"b", b"c"]


def test_paths_may_be_text(store, tmp_path):
    opened(store, str(tmp_path))
    assert Path(tmp_path / f"{NAME}.manifest").exists()
