"""Redis reads the log's folder, and the log goes on in a folder of Redis."""
import subprocess

import pytest

from tests.processes import start_oracle, wait_for
from tests.resp import Bulk, Simple
from wstore import Store
from wstore.persistence import manifest

NAME = "appendonly.aof"
ALWAYS = 2


def fill(store, first, last):
    for i in range(first, last):
        store.set(f"key:{i}", "x" * i)
        store.execute("RPUSH", "list", i)
        store.execute("ZADD", "zset", i / 3, f"m{i}")


def rewrite(store, folder):
    name = f"{NAME}.{store.log_next_seq('b')}.base.rdb"
    number = store.log_next_seq("b")
    offset = store.snapshot_begin(str(folder / name), roll_log=True)
    store.log_set_base(name, number, offset)
    wait_for(lambda: manifest.Listed(name, "b", number, offset) in manifest.read(folder, NAME).files)


@pytest.fixture
def folder(tmp_path):
    """A log with history, a base and two files behind it; its store, closed, as Redis would have the data."""
    path = tmp_path / "appendonlydir"
    path.mkdir()
    with Store() as store:
        store.set_option("appendfsync", ALWAYS)
        store.set_option("aof_retention_bytes", 1 << 20)
        store.log_open(path, NAME)
        fill(store, 0, 50)
        store.log_roll()
        fill(store, 50, 100)
        rewrite(store, path)
        fill(store, 100, 150)
        store.log_roll()
        fill(store, 150, 200)
        store.log_close()
    assert [file[1] for file in manifest.read(path, NAME).files] == ["b", "h", "h", "i", "i"]
    return path


def test_check_aof_finds_nothing_wrong(folder):
    done = subprocess.run(["redis-check-aof", folder / f"{NAME}.manifest"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "All AOF files and manifest are valid" in done.stdout


def test_redis_starts_from_it(folder):
    with Store() as same, start_oracle("--appendonly", "yes", folder=str(folder.parent)) as redis:
        fill(same, 0, 200)
        assert redis.call("DEBUG", "DIGEST") == Simple(same.execute("DEBUG", "DIGEST").encode())


def test_goes_on_in_a_folder_of_redis(tmp_path):
    with start_oracle("--appendonly", "yes", "--appendfsync", "always", folder=str(tmp_path)) as redis:
        redis.call("SET", "from", "redis")
    path = tmp_path / "appendonlydir"
    found = manifest.read(path, NAME)
    assert not found.has_offsets
    with Store() as store:
        start = store.log_open(path, NAME, found.files)
        assert start == (path / f"{NAME}.1.incr.aof").stat().st_size
        store.set("to", "wstore")
        store.log_close()
    assert manifest.read(path, NAME).has_offsets
    with start_oracle("--appendonly", "yes", folder=str(tmp_path)) as redis:
        assert redis.call("GET", "from") == Bulk(b"redis")
        assert redis.call("GET", "to") == Bulk(b"wstore")
