"""The checksums beside the files of a log: those of its blocks, of nothing that may still go, whatever fails."""
import random
import struct
import time

import pytest

import wstore
from wstore import Store
from wstore.engine._engine import FAULTS, arm_fault, crc64, log_damage
from wstore.errors import RecoveryError, ReplyError
from wstore.persistence import sums
from wstore.persistence.check import check_file, cut

NAME = "appendonly.aof"
BLOCK = 65536
NO, EVERYSEC, ALWAYS = range(3)
ALL_BITS = 2**64 - 1


@pytest.fixture(autouse=True)
def no_faults():
    yield
    for kind in FAULTS:
        arm_fault(kind, times=0)


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opened(path, policy=ALWAYS, files=(), **options):
    store = Store()
    store.set_option("appendfsync", policy)
    for name, value in options.items():
        store.set_option(name, value)
    store.log_open(path, NAME, files)
    return store


def close(store):
    store.log_close()
    store.close()


def log_file(path, number=1):
    return path / f"{NAME}.{number}.incr.aof"


def noted(file):
    """(closed, sums) of a file of the log."""
    data = file.with_name(f"{file.name}.sums").read_bytes()
    words = struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8])
    return (words[0], list(words[1:])) if words else (0, [])


def expected(file, closed):
    """What should be noted of the bytes of a file: of the last block only once it is closed."""
    data = file.read_bytes()
    blocks = [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)]
    return (len(data) if closed else 0,
            [crc64(block, ALL_BITS) for block in blocks if closed or len(block) == BLOCK])


def fill(store, total_bytes, value_bytes=10_000, seed=1):
    some = random.Random(seed)
    for number in range(total_bytes // value_bytes + 1):
        store.set(f"key:{number}", some.randbytes(value_bytes))


def flip(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 4
    file.write_bytes(data)


def load(*files):
    """The error of a load of these files, or None."""
    told = []
    with Store() as store:
        store.load_begin([(str(file), "aof") for file in files], lambda error, report: told.append(report["error"]))
    return told[0]


# -- what is written ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("policy", [NO, EVERYSEC, ALWAYS])
@pytest.mark.parametrize("value_bytes", [100, 10_000, 300_000])
def test_sums_are_those_of_the_blocks(tmp_path, policy, value_bytes):
    store = opened(tmp_path, policy)
    fill(store, 700_000, value_bytes)
    store.log_roll()
    fill(store, 200_000, value_bytes)
    close(store)
    assert noted(log_file(tmp_path)) == expected(log_file(tmp_path), closed=True)
    assert noted(log_file(tmp_path, 2)) == expected(log_file(tmp_path, 2), closed=False)
    assert len(noted(log_file(tmp_path))[1]) > 10


def test_sums_appear_while_the_log_is_written(tmp_path):
    store = opened(tmp_path, EVERYSEC)
    fill(store, 200_000)
    wait_until(lambda: len(noted(log_file(tmp_path))[1]) == 3)
    close(store)


def test_a_file_that_ends_with_a_block(tmp_path):
    store = opened(tmp_path)
    store.set("first", "x")
    room = 2 * BLOCK - log_file(tmp_path).stat().st_size - len(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n\r\n")
    store.set("a", "x" * room)
    assert log_file(tmp_path).stat().st_size == 2 * BLOCK
    store.log_roll()
    close(store)
    assert noted(log_file(tmp_path)) == expected(log_file(tmp_path), closed=True)
    assert len(noted(log_file(tmp_path))[1]) == 2


def test_goes_on_behind_a_start(tmp_path):
    for turn in range(3):
        store = opened(tmp_path, files=[(f"{NAME}.1.incr.aof", "i", 1, 0)] if turn else ())
        fill(store, 100_000, seed=turn)
        close(store)
        assert noted(log_file(tmp_path)) == expected(log_file(tmp_path), closed=False)


def reopen(path):
    """Go on with a log of one file; what is noted of it then."""
    store = opened(path, files=[(f"{NAME}.1.incr.aof", "i", 1, 0)])
    store.log_roll()
    close(store)
    return noted(log_file(path))


@pytest.fixture
def one_file(tmp_path):
    store = opened(tmp_path)
    fill(store, 300_000)
    close(store)
    return tmp_path


def test_sums_that_are_not_there_stay_unknown(one_file):
    beside = log_file(one_file).with_name(f"{NAME}.1.incr.aof.sums")
    beside.write_bytes(beside.read_bytes()[:8 * 2 + 3])         # torn within the second
    closed, found = reopen(one_file)
    assert (closed, found) == (expected(log_file(one_file), True)[0],
                               [known if number in (0, 4) else 0
                                for number, known in enumerate(expected(log_file(one_file), True)[1])])


def test_a_file_that_was_cut(one_file):
    file = log_file(one_file)
    with open(file, "rb+") as cut_short:
        cut_short.truncate(150_000)
    assert log_damage(file) is None
    assert reopen(one_file) == expected(file, closed=True)


@pytest.mark.parametrize("by_tool", [False, True])
def test_cut_sums_know_nothing_of_what_comes_then(one_file, by_tool):
    file = log_file(one_file)
    if by_tool:
        cut(str(file), 150_000)
    else:
        sums.cut(str(file), 150_000)
        with open(file, "rb+") as cut_short:
            cut_short.truncate(150_000)
    with open(file, "ab") as grown:
        grown.write(random.Random(5).randbytes(200_000))
    assert len(noted(file)[1]) == 2 and log_damage(file) is None


def test_another_program_appends_to_a_closed_file(tmp_path):
    """As to that of a backup, of which it is the last one."""
    store = opened(tmp_path)
    fill(store, 300_000)
    store.log_roll()
    close(store)
    file = log_file(tmp_path)
    with open(file, "ab") as grown:
        grown.write(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$200000\r\n" + b"x" * 200_000 + b"\r\n")
    assert log_damage(file) is None and load(file) is None
    closed, found = reopen(tmp_path)
    assert (closed, found[:4]) == (file.stat().st_size, expected(file, True)[1][:4])
    assert found[4:] == [0] * (len(found) - 5) + expected(file, True)[1][-1:]


def test_a_preamble_counts(tmp_path):
    ids = "a" * 40
    store = opened(tmp_path)
    store.set("a", 1)
    store.log_close()
    store.log_open(tmp_path, NAME, [(f"{NAME}.1.incr.aof", "i", 1, 0, ids, 0)])
    store.log_roll()
    fill(store, 100_000)
    close(store)
    assert noted(log_file(tmp_path, 2)) == expected(log_file(tmp_path, 2), closed=False)


# -- faults ------------------------------------------------------------------------------------------------------------

def test_no_sum_of_a_unit_that_is_not_whole(tmp_path):
    """Half of a long command is written and synced: who takes it for a torn end and writes there makes no sum wrong."""
    store = opened(tmp_path, EVERYSEC)
    store.set("a", 1)
    store.log_sync()
    arm_fault("write", times=1_000_000)
    store.set("b", "x" * 1_000_000)
    wait_until(lambda: store.log_state()["synced"] > 500_000)
    time.sleep(0.3)
    assert noted(log_file(tmp_path)) == (0, [])
    arm_fault("write", times=0)
    wait_until(lambda: len(noted(log_file(tmp_path))[1]) == 15)
    close(store)
    assert noted(log_file(tmp_path)) == expected(log_file(tmp_path), closed=False)


@pytest.mark.parametrize("policy", [EVERYSEC, ALWAYS])
@pytest.mark.parametrize("kind", ["open", "write", "sync", "truncate", "unlink"])
def test_faults_make_no_sum_wrong(tmp_path, policy, kind):
    for n in range(12):
        path = tmp_path / str(n)
        path.mkdir()
        run_with_faults(opened(path, policy), kind, n)
        files = sorted(path.glob("*.incr.aof"))
        assert [log_damage(file) for file in files] == [None] * len(files)
        assert load(*files) is None


def run_with_faults(store, kind, after):
    arm_fault(kind, after=after, times=3)
    for number in range(6):
        try:
            store.set(f"k{number}", random.Random(after).randbytes(50_000))
        except ReplyError:
            wait_until(lambda: not store.log_state()["write_error"] and not store.log_state()["sync_error"])
        if number in (2, 4):
            store.log_roll()
    wait_until(lambda: store.log_state()["written"] == store.log_state()["end"])
    arm_fault(kind, times=0)
    close(store)


# -- what is found -----------------------------------------------------------------------------------------------------

def test_a_flipped_bit_is_found_where_it_is(tmp_path):
    store = opened(tmp_path)
    fill(store, 300_000)
    store.log_roll()
    fill(store, 300_000)
    close(store)
    some = random.Random(3)
    for number, end in ((1, log_file(tmp_path).stat().st_size), (2, 4 * BLOCK)):
        file = log_file(tmp_path, number)
        for at in [0, BLOCK - 1, BLOCK, end - 1, *(some.randrange(end) for _ in range(20))]:
            flip(file, at)
            begins = at - at % BLOCK
            assert log_damage(file) == begins
            assert log_damage(file, begins) is None
            assert load(*(log_file(tmp_path, each) for each in (1, 2)))["path"] == str(file)
            flip(file, at)
        assert log_damage(file) is None and load(file) is None
    flip(log_file(tmp_path, 2), 4 * BLOCK + 100)        # its last block is not full: nothing is known of it
    assert log_damage(log_file(tmp_path, 2)) is None


def test_a_load_refuses_a_value_that_is_not_what_was_written(one_file):
    file = log_file(one_file)
    at = file.read_bytes().index(b"key:12") + 100
    flip(file, at)
    error = load(file)
    assert (error["path"], error["offset"]) == (str(file), at - at % BLOCK)
    assert "checksum does not match" in error["reason"]
    file.with_name(f"{file.name}.sums").unlink()
    assert load(file) is None


def test_damage_is_no_torn_end(tmp_path):
    """The length of the last value points past the end of the file: without sums that is what a crash leaves."""
    store = opened(tmp_path)
    store.set("a", "x" * 200_000)
    close(store)
    file = log_file(tmp_path)
    flip(file, file.read_bytes().index(b"$200000") + 1)
    assert "checksum" in load(file)["reason"]
    found = check_file(file)
    assert (found.state, found.offset, found.whole) == ("damaged", 0, 0)
    file.with_name(f"{file.name}.sums").unlink()
    assert load(file) is None and check_file(file).state == "torn"


def test_a_check_tells_what_can_be_read(one_file):
    file = log_file(one_file)
    at = file.read_bytes().index(b"key:20") + 100
    flip(file, at)
    found = check_file(file)
    assert (found.state, found.offset, found.bad_block) == ("damaged", at - at % BLOCK, True)
    assert at - at % BLOCK - 11_000 < found.whole <= at - at % BLOCK
    assert found.follows is not None
    cut(str(file), found.whole)
    assert check_file(file).state == "whole"
    assert load(file) is None


def test_a_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        log_damage(tmp_path / "none")


def test_a_start_refuses_and_says_where(tmp_path):
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        fill(store, 300_000)
    [file] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    flip(file, 100_000)
    with pytest.raises(RecoveryError, match=rf"{file} at offset {BLOCK}: .*checksum .*wstore check --fix"):
        wstore.Store(dir=tmp_path, appendonly=True)
