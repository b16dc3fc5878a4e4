"""Data directories: what wstore writes starts a redis-server 7.0 with the same data, and the other way round."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import wstore
from tests.datasets import change, digest, fill
from tests.harness import CLOSED, OK, Connection, Error, ServerProcess, start_oracle, start_wstore
from tests.processes import wait_for

STARTERS = {"redis": start_oracle, "wstore": start_wstore}
AOF = ("--appendonly", "yes")


@contextmanager
def started(kind: str, folder: Path, *options: str) -> Iterator[ServerProcess]:
    folder.mkdir(exist_ok=True)
    server = STARTERS[kind](*options, folder=str(folder))
    try:
        yield server
    finally:
        server.kill()


def filled(kind: str, folder: Path, *options: str, then: Callable[[ServerProcess], object]) -> bytes:
    """Have a server fill its directory and end by `then`; the digest of its data."""
    with started(kind, folder, *options) as server, server.connect() as connection:
        fill(connection)
        then(server)
        return digest(connection)


def digest_of(kind: str, folder: Path, *options: str) -> bytes:
    """The digest of the data that a server starts with."""
    with started(kind, folder, *options) as server, server.connect() as connection:
        wait_for(lambda: connection.call("PING").text == b"PONG")
        return digest(connection)


def persistence(server: ServerProcess) -> dict[str, str]:
    """INFO persistence as a dict."""
    text = server.call("INFO", "persistence").data.decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def accepted(program: str, path: Path) -> None:
    """The checker of Redis has nothing to say against a file."""
    ended = subprocess.run([shutil.which(program), str(path)], capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


BOTH_WAYS = [("wstore", "redis"), ("redis", "wstore"), ("wstore", "wstore")]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_rdb_files(tmp_path, writer, reader):
    before = filled(writer, tmp_path, then=lambda server: server.call("SAVE") == OK or pytest.fail("SAVE"))
    accepted("redis-check-rdb", tmp_path / "dump.rdb")
    assert digest_of(reader, tmp_path) == before


@pytest.mark.parametrize("compression", ["yes", "no"])
def test_rdb_files_from_the_background(tmp_path, compression):
    def save(server):
        assert server.call("BGSAVE").text == b"Background saving started"
        wait_for(lambda: persistence(server)["rdb_bgsave_in_progress"] == "0")
        assert persistence(server)["rdb_last_bgsave_status"] == "ok"

    before = filled("wstore", tmp_path, "--rdbcompression", compression, then=save)
    accepted("redis-check-rdb", tmp_path / "dump.rdb")
    assert digest_of("redis", tmp_path) == before


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_logs(tmp_path, writer, reader):
    """A base of nothing, and everything in the log."""
    def more(server):
        with server.connect() as connection:
            change(connection)
            connection.call("SHUTDOWN")
        server.process.wait(20)

    with started(writer, tmp_path, *AOF) as server, server.connect() as connection:
        fill(connection)
        change(connection)
        before = digest(connection)
        connection.call("SHUTDOWN")
        server.process.wait(20)
    accepted("redis-check-aof", tmp_path / "appendonlydir" / "appendonly.aof.manifest")
    assert digest_of(reader, tmp_path, *AOF) == before


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS)
def test_logs_that_were_rewritten(tmp_path, writer, reader):
    """A base with all keys, the log behind it, and the process killed."""
    with started(writer, tmp_path, *AOF, "--appendfsync", "always") as server, server.connect() as connection:
        fill(connection)
        assert b"Background append only file rewriting" in connection.call("BGREWRITEAOF").text
        wait_for(lambda: persistence(server)["aof_rewrite_in_progress"] == "0")
        assert persistence(server)["aof_last_bgrewrite_status"] == "ok"
        change(connection)
        before = digest(connection)
    folder = tmp_path / "appendonlydir"
    accepted("redis-check-aof", folder / "appendonly.aof.manifest")
    wait_for(lambda: not list(folder.glob("*.1.*")))
    assert digest_of(reader, tmp_path, *AOF) == before


def test_a_server_starts_with_what_it_ended_with(tmp_path):
    """Save points ask for a save at the end, by SHUTDOWN and by SIGTERM."""
    with started("wstore", tmp_path, "--save", "3600 1000000") as server, server.connect() as connection:
        fill(connection)
        before = digest(connection)
        connection.call("SHUTDOWN")
        assert server.process.wait(20) == 0
        assert "Saving the final RDB snapshot before exiting." in server.log()
    with started("wstore", tmp_path, "--save", "3600 1000000") as server, server.connect() as connection:
        assert digest(connection) == before
        connection.call("SET", "more", "x")
        before = digest(connection)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert digest_of("redis", tmp_path) == before


def test_the_log_is_switched_on_and_off_while_serving(tmp_path):
    with started("wstore", tmp_path) as server, server.connect() as connection:
        fill(connection)
        assert connection.call("CONFIG", "SET", "appendonly", "yes") == OK
        assert persistence(server)["aof_enabled"] == "1"
        change(connection)
        wait_for(lambda: persistence(server)["aof_rewrite_in_progress"] == "0"
                 and persistence(server)["aof_rewrite_scheduled"] == "0")
        connection.call("SET", "late", "x")
        before = digest(connection)
        assert connection.call("CONFIG", "SET", "appendonly", "no") == OK
        assert persistence(server)["aof_enabled"] == "0"
        connection.call("SET", "not-logged", "x")
    assert digest_of("redis", tmp_path, *AOF) == before
    assert digest_of("wstore", tmp_path, *AOF) == before


def test_the_log_is_switched_on_beside_an_rdb_file(tmp_path):
    """Redis 7.0 itself would start empty."""
    before = filled("redis", tmp_path, then=lambda server: server.call("SAVE"))
    assert digest_of("wstore", tmp_path, *AOF) == before
    (tmp_path / "dump.rdb").unlink()
    assert digest_of("redis", tmp_path, *AOF) == before


def test_a_single_file_log_moves_into_the_folder(tmp_path):
    old = tmp_path / "appendonly.aof"
    with started("redis", tmp_path, *AOF) as server, server.connect() as connection:
        fill(connection)
        before = digest(connection)
        connection.call("SHUTDOWN")
        server.process.wait(20)
    shutil.move(tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof", old)
    shutil.rmtree(tmp_path / "appendonlydir")
    assert digest_of("wstore", tmp_path, *AOF) == before
    assert not old.exists()
    assert digest_of("wstore", tmp_path, *AOF) == before
    assert digest_of("redis", tmp_path, *AOF) == before


# -- damage ----------------------------------------------------------------------------------------------------------

def last_file(folder: Path) -> Path:
    return max((folder / "appendonlydir").glob("*.incr.aof"))


@pytest.fixture
def logged(tmp_path):
    """A directory with a log of some commands, which a crash has ended; the digest of its data."""
    with started("wstore", tmp_path, *AOF, "--appendfsync", "always") as server, server.connect() as connection:
        connection.pipeline([("SET", f"k{n}", n) for n in range(100)])
        return digest(connection)


def test_a_torn_tail_is_cut_with_a_warning(tmp_path, logged):
    path = last_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b"*3\r\n$3\r\nSET\r\n$1\r\nx")
    with started("wstore", tmp_path, *AOF) as server, server.connect() as connection:
        assert digest(connection) == logged
        assert f"!!! Truncating the AOF {path} at offset {len(whole)} !!!" in server.log()
        connection.call("SET", "after", "1")
    assert path.read_bytes().startswith(whole)
    accepted("redis-check-aof", tmp_path / "appendonlydir" / "appendonly.aof.manifest")


def refuses(folder: Path, *options: str) -> str:
    """The log of a server that does not start."""
    with pytest.raises(RuntimeError) as refused, started("wstore", folder, *options):
        pass
    return str(refused.value)


def test_a_torn_tail_is_refused_if_that_is_asked_for(tmp_path, logged):
    path = last_file(tmp_path)
    torn = path.read_bytes()[:-3]
    path.write_bytes(torn)
    said = refuses(tmp_path, *AOF, "--aof-load-truncated", "no")
    assert f"wstore check --fix {path}" in said and "Unexpected end of file" in said
    assert path.read_bytes() == torn


def test_damage_in_the_middle_is_refused(tmp_path, logged):
    path = last_file(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.index(b"*3", 1000)
    data[at] = ord("!")
    path.write_bytes(data)
    said = refuses(tmp_path, *AOF)
    assert str(path) in said and f"at offset {at}" in said and f"wstore check --fix {path}" in said
    assert path.read_bytes() == data


def test_a_damaged_rdb_file_is_refused(tmp_path):
    filled("redis", tmp_path, then=lambda server: server.call("SAVE"))
    path = tmp_path / "dump.rdb"
    path.write_bytes(path.read_bytes()[:-2000])
    said = refuses(tmp_path)
    assert str(path) in said and "at offset" in said
    assert "bye bye" not in said


def test_a_log_without_its_manifest_is_refused(tmp_path, logged):
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").unlink()
    assert "no manifest" in refuses(tmp_path, *AOF)


# -- while it loads, while it cannot save ----------------------------------------------------------------------------

def test_clients_are_told_while_it_loads(tmp_path):
    with started("wstore", tmp_path) as server, server.connect() as connection:
        for start in range(0, 1_000_000, 10_000):
            connection.pipeline([("MSET", *(w for n in range(start, start + 10_000) for w in (f"key:{n}", n)))])
        assert connection.call("SAVE") == OK
    with started("wstore", tmp_path) as server:
        with server.connect() as connection:
            said = connection.call("GET", "key:1")
            info = persistence(server)
            if info["loading"] == "1":
                assert int(info["loading_total_bytes"]) > int(info["loading_loaded_bytes"]) >= 0
                assert said == Error(b"LOADING Redis is loading the dataset in memory")
        wait_for(lambda: persistence(server)["loading"] == "0")
        assert server.call("DBSIZE").value == 1_000_000
        assert persistence(server)["rdb_last_load_keys_loaded"] == "1000000"
        assert "DB loaded from disk:" in server.log()


def test_flushall_empties_the_file_if_there_are_save_points(tmp_path):
    with started("wstore", tmp_path, "--save", "3600 1000000") as server, server.connect() as connection:
        connection.call("SET", "a", "1")
        assert connection.call("SAVE") == OK
        size = os.path.getsize(tmp_path / "dump.rdb")
        assert connection.call("FLUSHALL") == OK
        wait_for(lambda: os.path.getsize(tmp_path / "dump.rdb") < size)


def test_a_save_point(tmp_path):
    with started("wstore", tmp_path, "--save", "1 1") as server, server.connect() as connection:
        connection.call("SET", "a", "1")
        wait_for((tmp_path / "dump.rdb").exists)
        wait_for(lambda: persistence(server)["rdb_changes_since_last_save"] == "0")
        assert "1 changes in 1 seconds. Saving..." in server.log()


def test_no_room_for_the_file(tmp_path):
    with started("wstore", tmp_path, "--save", "3600 1") as server, server.connect() as connection:
        connection.call("SET", "a", "1")
        (tmp_path / "dump.rdb").mkdir()
        (tmp_path / "dump.rdb" / "x").touch()
        assert connection.call("SAVE") == Error(b"ERR")
        connection.call("BGSAVE")
        wait_for(lambda: persistence(server)["rdb_last_bgsave_status"] == "err")
        assert connection.call("SET", "a", "2").code == b"MISCONF"
        connection.pipeline([("MULTI",)])
        assert connection.call("GET", "a").text == b"QUEUED"
        assert connection.call("SET", "a", "3").code == b"MISCONF"
        assert connection.call("EXEC").code == b"EXECABORT"
        assert connection.call("SHUTDOWN") == Error(b"ERR Errors trying to SHUTDOWN. Check logs.")
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "SIGTERM received but errors trying to shut down the server" in server.log())
        assert connection.call("GET", "a").data == b"1"
        shutil.rmtree(tmp_path / "dump.rdb")
        connection.call("BGSAVE")
        wait_for(lambda: persistence(server)["rdb_last_bgsave_status"] == "ok")
        assert connection.call("SET", "a", "2") == OK


# -- backups ---------------------------------------------------------------------------------------------------------

def test_a_backup_of_the_log_is_what_was_there(tmp_path):
    data, backups = tmp_path / "data", tmp_path / "backups"
    backups.mkdir()
    with started("wstore", data, *AOF, "--backup-dir", str(backups)) as server, server.connect() as connection:
        fill(connection)
        before = digest(connection)
        assert connection.call("BACKUP", "first").data == b"first"
        change(connection)
        after = digest(connection)
        assert connection.call("BACKUP", "first").text == b"ERR There is a backup 'first' already"
        name = connection.call("BACKUP").data.decode()
        connection.call("SET", "later", "x")
    assert before != after
    assert (backups / name / "appendonlydir" / "appendonly.aof.1.base.rdb").stat().st_nlink == 3
    accepted("redis-check-aof", backups / name / "appendonlydir" / "appendonly.aof.manifest")
    assert digest_of("wstore", backups / "first", *AOF) == before
    assert digest_of("redis", backups / name, *AOF) == after


def test_a_backup_without_a_log(tmp_path):
    data, backups = tmp_path / "data", tmp_path / "backups"
    backups.mkdir()
    with started("wstore", data, "--backup-dir", str(backups)) as server, server.connect() as connection:
        fill(connection)
        before = digest(connection)
        assert connection.call("BACKUP", "x").data == b"x"
        wait_for((backups / "x" / "backup.json").exists)
    assert digest_of("redis", backups / "x") == before


def test_backups_that_cannot_be(wstore_server):
    assert wstore_server.call("BACKUP").text == b"ERR There is no place for backups: directive backup-dir is not set"
    assert wstore_server.call("BACKUP", "../x").text.startswith(b"ERR a backup's name")
    assert wstore_server.call("BACKUP", "x", "y").text == b"ERR syntax error"
    with wstore_server.connect() as connection:
        connection.call("MULTI")
        assert connection.call("BACKUP").text == b"ERR Command not allowed inside a transaction"


# -- in this process -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("appendonly", [False, True])
def test_a_store_with_a_folder(tmp_path, appendonly):
    with wstore.Store(dir=tmp_path, appendonly=appendonly) as store:
        store.set("a", "1")
        store.rpush("l", *range(1000))
    assert (tmp_path / "dump.rdb").exists() != appendonly
    with wstore.Store(dir=tmp_path, appendonly=appendonly) as store:
        assert (store.get("a"), store.llen("l")) == (b"1", 1000)
        if appendonly:
            assert store.execute("BGREWRITEAOF") == "Background append only file rewriting started"
        store.set("a", "2")
        before = store.execute("DEBUG", "DIGEST").encode()
    assert digest_of("redis", tmp_path, *(AOF if appendonly else ())) == before


def test_a_store_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with wstore.Store() as store, wstore.Server(store):
        store.set("a", "1")
        store.execute("FLUSHALL")
    with wstore.Server() as server:
        server.store.set("a", "1")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_loaded(tmp_path):
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0010 and no more")
    for start in (lambda: wstore.Store(dir=tmp_path), lambda: wstore.Server(dir=tmp_path).start()):
        with pytest.raises(wstore.RecoveryError, match=r"dump\.rdb at offset"):
            start()
    assert (tmp_path / "dump.rdb").read_bytes() == b"REDIS0010 and no more"


@pytest.mark.parametrize("settings", [{}, {"appendonly": True}])
def test_a_server_of_this_process_with_a_folder(tmp_path, settings):
    for count in (1, 2):
        with wstore.Server(dir=tmp_path, **settings) as server, Connection(server.port) as connection:
            assert connection.call("INCR", "starts").value == count
    with wstore.Server(dir=tmp_path, **settings) as server, Connection(server.port) as connection:
        assert connection.call("SHUTDOWN") == CLOSED
        server.stop()
        server.start()
        with Connection(server.port) as again:
            assert again.call("INCR", "starts").value == 3
    with wstore.Server(dir=tmp_path, **settings) as server, Connection(server.port) as connection:
        assert connection.call("INCR", "starts").value == 4


# -- DEBUG -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", STARTERS)
def test_data_are_loaded_anew(tmp_path, kind):
    with started(kind, tmp_path, *AOF) as server, server.connect() as connection:
        fill(connection)
        before = digest(connection)
        for how in (("RELOAD",), ("LOADAOF",), ("RELOAD", "NOSAVE", "NOFLUSH", "MERGE"), ("CHANGE-REPL-ID",)):
            assert connection.call("DEBUG", *how) == OK
            assert digest(connection) == before
        connection.call("SET", "more", "x")
        assert connection.call("DEBUG", "RELOAD", "NOSAVE") == OK
        assert digest(connection) == before
        assert connection.call("DEBUG", "RELOAD", "x").text == (
            b"ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
        assert connection.call("DEBUG", "LOADAOF") == OK
        assert connection.call("EXISTS", "more").value == 1
        assert persistence(server)["rdb_changes_since_last_save"] == "0"


def test_a_file_that_is_not_there_is_not_loaded(tmp_path):
    with started("wstore", tmp_path) as server, server.connect() as connection:
        assert connection.call("DEBUG", "LOADAOF") == Error(b"ERR Error trying to load the AOF files")
        assert connection.call("DEBUG", "RELOAD", "NOSAVE") == Error(b"ERR Error trying to load the RDB dump")


# -- as Redis replies ------------------------------------------------------------------------------------------------

CONVERSATION = [
    "SAVE x", "BGSAVE x", "BGSAVE SCHEDULE x", "LASTSAVE x", "BGREWRITEAOF x", "SAVE", "MULTI", "SAVE", "DISCARD",
    "MULTI", "BGSAVE", "BGREWRITEAOF", "EXEC", "CONFIG SET appenddirname x", "CONFIG SET dbfilename x",
    "CONFIG SET appendonly x", "CONFIG SET appendfsync x", "CONFIG SET save x", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN x"]


def test_replies_are_those_of_redis(tmp_path):
    replies = []
    for kind in STARTERS:
        with started(kind, tmp_path / kind) as server, server.connect() as connection:
            replies.append([connection.call(*line.split()) for line in CONVERSATION])
    assert replies[0] == replies[1]


def test_what_counts_as_a_change(tmp_path):
    counts = []
    for kind in STARTERS:
        with started(kind, tmp_path / kind) as server, server.connect() as connection:
            fill(connection)
            counts.append([persistence(server)["rdb_changes_since_last_save"]])
            for command in ("SET a 1", "DEL a b", "FLUSHDB", "FLUSHALL", "FLUSHALL", "SAVE", "GET a", "SETNX a 1",
                            "EXPIRE a 100", "PERSIST a", "RENAME a b", "SWAPDB 0 1"):
                connection.call(*command.split())
                counts[-1].append(persistence(server)["rdb_changes_since_last_save"])
    assert counts[0] == counts[1]


# -- rewriting -------------------------------------------------------------------------------------------------------

def test_a_log_that_has_grown_is_rewritten(tmp_path):
    options = ("--auto-aof-rewrite-min-size", "64kb", "--aof-segment-size", "100kb", "--aof-retention-bytes", "1gb")
    manifest = tmp_path / "appendonlydir" / "appendonly.aof.manifest"
    with started("wstore", tmp_path, *AOF, *options) as server, server.connect() as connection:
        fill(connection)
        change(connection)
        wait_for(lambda: int(persistence(server)["aof_rewrites"]) >= 1)
        wait_for(lambda: persistence(server)["aof_rewrite_in_progress"] == "0")
        assert "Starting automatic rewriting of AOF on" in server.log()
        wait_for(lambda: "type h" in manifest.read_text())
        change(connection, seed=3)
        before = digest(connection)
        connection.call("SHUTDOWN")
        server.process.wait(20)
    accepted("redis-check-aof", manifest)
    assert digest_of("wstore", tmp_path, *AOF, *options) == before
    assert "type h" in manifest.read_text()
    assert digest_of("redis", tmp_path, *AOF) == before


def test_a_rewrite_that_fails_leaves_the_log_as_it_was(tmp_path):
    with started("wstore", tmp_path, *AOF) as server, server.connect() as connection:
        fill(connection)
        (tmp_path / "appendonlydir" / "appendonly.aof.2.base.rdb" / "x").mkdir(parents=True)
        connection.call("BGREWRITEAOF")
        wait_for(lambda: persistence(server)["aof_last_bgrewrite_status"] == "err")
        assert persistence(server)["aof_rewrites_consecutive_failures"] == "1"
        change(connection)
        before = digest(connection)
        connection.call("SHUTDOWN")
        server.process.wait(20)
    assert digest_of("wstore", tmp_path, *AOF) == before
    assert digest_of("redis", tmp_path, *AOF) == before


def test_shutdown_waits_for_the_first_base(tmp_path):
    """Switched on while serving, the log counts from its base on: until that is there the old data must not be lost."""
    with started("wstore", tmp_path) as server, server.connect() as connection:
        fill(connection)
        connection.call("CONFIG", "SET", "appendonly", "yes")
        before = digest(connection)
        while server.alive() and connection.call("SHUTDOWN") != CLOSED:
            pass
        assert server.process.wait(20) == 0
    assert digest_of("wstore", tmp_path, *AOF) == before
