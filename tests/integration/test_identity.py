"""A server's stream over restarts: what it is called, where it goes on, and in which database; crashes in between."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import wstore
from tests.datasets import digest, fill
from tests.harness import OK, ServerProcess, start_oracle, start_wstore
from tests.processes import free_port, wait_for
from wstore.cli.tool import main
from wstore.engine._engine import Engine, place_stream, set_replica, stream_db, stream_offset
from wstore.errors import RecoveryError
from wstore.persistence import manifest
from wstore.persistence.rdb import open_rdb
from wstore.persistence.recovery import Recovery
from wstore.persistence.restore import restore

NAME = "appendonly.aof"
AOF = ("--appendonly", "yes", "--appendfsync", "always")
SELECT_5 = b"*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n"
SET_K = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"


def replication(server: ServerProcess) -> dict[str, str]:
    text = server.call("INFO", "replication").data.decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def stored(folder: Path) -> list[manifest.Listed]:
    return manifest.read(str(folder / "appendonlydir"), NAME).files


def stream_bytes(folder: Path) -> int:
    files = [file for file in stored(folder) if file.kind == "i"]
    return files[-1].start - files[-1].preamble + (folder / "appendonlydir" / files[-1].name).stat().st_size


def away_master() -> tuple[str, ...]:
    """Be a replica of one that nobody reaches."""
    return ("--replicaof", f"127.0.0.1 {free_port()}")


@pytest.fixture
def folder(tmp_path):
    """Of a server that was killed: a log, its last command in database 5."""
    server = start_wstore(*AOF, folder=str(tmp_path))
    with server.connect() as connection:
        fill(connection)
        connection.call("SELECT", "5")
        connection.call("SET", "last", "1")
    server.kill()
    return tmp_path


def test_each_start_as_a_master_takes_a_new_id(folder):
    seen = [stored(folder)[-1].label]
    for _ in range(3):
        end = stream_bytes(folder)
        server = start_wstore(*AOF, folder=str(folder))
        told = replication(server)
        assert told["master_replid"] not in seen
        assert stored(folder)[-1].label.split(",")[0] == told["master_replid"]
        assert (told["master_replid2"], int(told["second_repl_offset"])) == (seen[-1], end + 1)
        seen.append(told["master_replid"])
        assert server.call("SET", "more", "x") == OK
        server.kill()
    assert len([file for file in stored(folder) if file.kind == "i"]) == 4
    check_redis_takes(folder)


def test_restarts_without_a_write_take_no_files(folder):
    before = len(stored(folder))
    for _ in range(12):
        start_wstore(*AOF, folder=str(folder)).kill()
    assert len(stored(folder)) == before + 1
    assert len(stored(folder)[-1].label.split(",")) == 8


def test_a_start_as_a_replica_goes_on_under_the_same_id(folder):
    before, end = stored(folder), stream_bytes(folder)
    server = start_wstore(*AOF, *away_master(), folder=str(folder))
    told = replication(server)
    assert (told["role"], told["master_replid"]) == ("slave", before[-1].label)
    assert int(told["master_repl_offset"]) == end
    server.kill()
    assert stored(folder) == before


def test_a_replica_goes_on_in_the_database_in_which_the_log_ends(tmp_path):
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        store.execute("SET", "a", "1")
        execute_in(store, 5, "SET", "b", "2")
    for end, db in ((b"", 5), (b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n", 3)):
        last = tmp_path / "appendonlydir" / stored(tmp_path)[-1].name
        last.write_bytes(last.read_bytes() + end)
        with opened_as_replica(tmp_path) as store:
            assert stream_db(store) == db
            assert stream_offset(store) == stream_bytes(tmp_path)


def execute_in(store, db, *words):
    """A command of an embedded store in another database."""
    store.execute("SELECT", str(db))
    store.execute(*words)
    store.execute("SELECT", "0")


def opened_as_replica(folder: Path) -> wstore.Store:
    """A store with the log in a folder, which is a replica while it is loaded."""
    store = wstore.Store()
    store.config.load("save", [""])
    store.config.load("dir", [str(folder)])
    store.config.load("appendonly", ["yes"])
    store.replication.replica_side().begin("127.0.0.1", free_port())
    Recovery(store.persistence).run()
    return store


# -- without a log ---------------------------------------------------------------------------------------------------

def aux_of(path: Path) -> dict[bytes, bytes]:
    with open_rdb(path) as file:
        return dict(file.aux)


def test_a_file_tells_where_the_stream_stands_only_if_it_is_kept(tmp_path):
    with wstore.Store(dir=tmp_path) as store:
        store.set("a", 1)
        store.execute("SAVE")
    assert not any(name.startswith(b"repl-") for name in aux_of(tmp_path / "dump.rdb"))
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        store.set("a", 2)
        store.execute("SAVE")
        told = aux_of(tmp_path / "dump.rdb")
        assert told[b"repl-id"].decode() == store.replication.history.id
        assert int(told[b"repl-offset"]) == stream_offset(store)


def test_a_replica_goes_on_where_its_file_says(tmp_path):
    with wstore.Store() as store:
        store.config.load("dir", [str(tmp_path)])
        set_replica(store, True)
        store.replication.history.replace("d" * 40)
        place_stream(store, 12345, 7)
        store.execute("SAVE")
    assert aux_of(tmp_path / "dump.rdb")[b"repl-stream-db"] == b"7"
    server = start_wstore(*away_master(), folder=str(tmp_path))
    told = replication(server)
    assert (told["master_replid"], told["master_repl_offset"]) == ("d" * 40, "12345")
    server.kill()


# -- a log in another database ---------------------------------------------------------------------------------------

def replica_log(tmp_path: Path) -> None:
    """A log that begins, and rolls over, in database 5 of a stream: bytes of a replica."""
    with wstore.Store() as store:
        store.config.load("dir", [str(tmp_path)])
        store.config.load("save", [""])
        store.set("base", 1)
        set_replica(store, True)
        store.replication.history.replace("e" * 40)
        place_stream(store, 1000, 5)
        store.persistence.log.switch_on()
        store.persistence.log.begin_rewrite()
        wait_for(lambda: stored(tmp_path)[0].kind == "b" if (tmp_path / "appendonlydir" / f"{NAME}.manifest").exists()
                 else False)
        store.log_close()
        store.persistence.log.enabled = False
    last = tmp_path / "appendonlydir" / stored(tmp_path)[-1].name
    assert last.read_bytes() == SELECT_5
    last.write_bytes(SELECT_5 + SET_K)


def check_redis_takes(folder: Path, digest_wanted: bytes | None = None) -> None:
    """A real server and its checker have nothing against a log, and read the same data."""
    log = folder / "appendonlydir" / f"{NAME}.manifest"
    done = subprocess.run([shutil.which("redis-check-aof"), str(log)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    copy = folder.parent / f"{folder.name}-redis"
    shutil.copytree(folder, copy)
    redis = start_oracle("--appendonly", "yes", folder=str(copy))
    mine = start_wstore("--appendonly", "yes", folder=str(folder))
    with redis.connect() as one, mine.connect() as other:
        assert digest(one) == digest(other)
    redis.kill()
    mine.kill()


def test_redis_loads_a_log_that_begins_in_another_database(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    replica_log(folder)
    assert stored(folder)[-1][3:] == (1000, "e" * 40, len(SELECT_5))
    check_redis_takes(folder)
    with wstore.Store(dir=folder, appendonly=True) as store:
        store.execute("SELECT", "5")
        assert store.execute("GET", "k") == b"v"


def test_tools_leave_preambles_out_of_offsets(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    replica_log(folder)
    with wstore.Store(dir=folder, appendonly=True) as store:       # a new id: a file behind that one
        store.set("more", 1)
    assert [file.start for file in stored(folder)] == [1000, 1000, 1000 + len(SET_K)]
    check_is_content(folder)
    for offset, keys in ((1000, 1), (1000 + len(SET_K), 2), (None, 3)):
        restored = tmp_path / f"restored-{offset}"
        assert restore(str(folder), str(restored), offset).offset == (offset or stream_bytes(folder))
        text = (restored / "appendonlydir" / f"{NAME}.manifest").read_text()
        assert not any(word in text for word in ("startoffset", "replid", "preamble"))
        with wstore.Store(dir=restored, appendonly=True) as store:
            assert keys_of(store) == keys


def check_is_content(folder: Path) -> None:
    done = CliRunner().invoke(main, ["check", str(folder)])
    assert done.exit_code == 0, done.output


def keys_of(store: wstore.Store) -> int:
    total = 0
    for db in ("0", "5"):
        store.execute("SELECT", db)
        total += store.execute("DBSIZE")
    return total


# -- what crashes leave ----------------------------------------------------------------------------------------------

def crashed_while_switching_on(tmp_path: Path) -> None:
    """Have in the folder of the log what a server leaves that is killed when its log has no base yet."""
    folder = tmp_path / "appendonlydir"
    folder.mkdir(exist_ok=True)
    listed = manifest.read(str(folder), NAME)
    files = [] if listed is None else [(file.name, "h", file.number, file.start) for file in listed.files]
    engine = Engine()
    engine.log_open(str(folder), NAME, files, 0, True, "f" * 40)
    [(name, *_)] = engine.log_files()
    (folder / name).write_bytes(SET_K)
    shutil.copytree(folder, tmp_path / "kept")
    engine.log_close()
    shutil.rmtree(folder)
    shutil.move(tmp_path / "kept", folder)
    assert (folder / f"temp-{NAME}.hidden").exists()


def test_a_log_that_had_no_base_yet_is_no_obstacle(tmp_path):
    with wstore.Store(dir=tmp_path) as store:
        store.set("old", 1)
    crashed_while_switching_on(tmp_path)
    check_is_content(tmp_path)
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        assert (store.get("old"), store.get("k")) == (b"1", None)
    files = (path for path in (tmp_path / "appendonlydir").iterdir() if path.suffix not in (".times", ".sums"))
    assert sorted(path.name for path in files) == [
        f"{NAME}.1.base.rdb", f"{NAME}.1.incr.aof", f"{NAME}.manifest"]


def test_a_log_that_had_no_base_yet_beside_an_older_log(tmp_path):
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        store.set("old", 1)
    crashed_while_switching_on(tmp_path)
    mark = tmp_path / "appendonlydir" / f"temp-{NAME}.hidden"
    text = mark.read_bytes()
    mark.unlink()
    with pytest.raises(RecoveryError, match="does not name it"):
        wstore.Store(dir=tmp_path, appendonly=True)
    mark.write_bytes(text)
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        assert (store.get("old"), store.get("k")) == (b"1", None)
    assert not mark.exists()


def test_a_file_that_was_to_be_named_next_is_no_obstacle(tmp_path):
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        store.set("old", 1)
    (tmp_path / "appendonlydir" / f"{NAME}.2.incr.aof").write_bytes(SELECT_5)
    with wstore.Store(dir=tmp_path, appendonly=True) as store:
        assert store.get("old") == b"1"


def test_a_file_without_its_preamble_is_an_error(tmp_path):
    replica_log(tmp_path)
    (tmp_path / "appendonlydir" / stored(tmp_path)[-1].name).write_bytes(SELECT_5[:10])
    with pytest.raises(RecoveryError, match="shorter than its first 23 bytes"):
        wstore.Store(dir=tmp_path, appendonly=True)


# -- a new history ---------------------------------------------------------------------------------------------------

def test_a_backup_begins_a_history_of_its_own(tmp_path):
    server = start_wstore(*AOF, "--backup-dir", "backups", folder=str(tmp_path))
    server.call("SET", "a", "1")
    assert server.call("BACKUP", "one").data == b"one"
    before = replication(server)
    text = (tmp_path / "backups" / "one" / "appendonlydir" / f"{NAME}.manifest").read_text()
    server.kill()
    assert not any(word in text for word in ("startoffset", "replid", "preamble"))
    copy = start_wstore(*AOF, folder=str(tmp_path / "backups" / "one"))
    told = replication(copy)
    assert told["master_replid"] != before["master_replid"]
    assert told["master_replid2"] == "0" * 40
    assert copy.call("GET", "a").data == b"1"
    copy.kill()


def test_switching_the_log_off_and_on_begins_one(tmp_path):
    server = start_wstore(*AOF, folder=str(tmp_path))
    first = replication(server)["master_replid"]
    old = {path.name for path in (tmp_path / "appendonlydir").iterdir()}
    server.call("SET", "a", "1")
    assert server.call("CONFIG", "SET", "appendonly", "no") == OK
    server.call("SET", "a", "2")
    assert server.call("CONFIG", "SET", "appendonly", "yes") == OK
    wait_for(lambda: not old & {path.name for path in (tmp_path / "appendonlydir").iterdir()} - {f"{NAME}.manifest"})
    told = replication(server)
    assert (told["master_replid"] != first, told["master_replid2"]) == (True, "0" * 40)
    assert {file.label for file in stored(tmp_path)} == {told["master_replid"]}
    server.kill()
    check_redis_takes(tmp_path)
