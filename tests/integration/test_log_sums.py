"""A bit that flips in a value on disk: no server starts with it or hands it on, tools find it, Redis does not mind."""
from __future__ import annotations

import os
import random
import re
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import fleet
from tests.fleet import converge, count, replicate
from tests.processes import ServerProcess, start_oracle, start_wstore, wait_for
from tests.resp import OK, Int
from wstore.cli.tool import main

AOF = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
BLOCK = 65536
SEGMENT = 1_000_000


def tool(*arguments: object, code: int = 0) -> str:
    """What `wstore` prints, on one line a line."""
    result = CliRunner().invoke(main, list(map(str, arguments)), env={"COLUMNS": "300", "NO_COLOR": "1"})
    assert result.exit_code == code, result.output
    return result.output


def fill(server: ServerProcess, total_bytes: int, seed: int = 1) -> None:
    some = random.Random(seed)
    with server.connect() as connection:
        connection.pipeline([("SET", f"key:{some.randrange(10_000)}", some.randbytes(500).hex())
                             for _ in range(total_bytes // 1000)])


def logs(folder: Path) -> list[Path]:
    return sorted((folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))


def sums(path: Path) -> Path:
    return path.with_name(f"{path.name}.sums")


def wait_summed(server: ServerProcess) -> Path:
    """Until all is written and all whole blocks of the last file have sums; that file."""
    wait_for(lambda: fleet.facts(server, "persistence")["aof_buffer_length"] == "0")
    last = logs(server.folder)[-1]
    wait_for(lambda: sums(last).stat().st_size // 8 - 1 >= last.stat().st_size // BLOCK)
    return last


def flip(path: Path, near: int) -> int:
    """Change one bit in a value; where its block begins."""
    with open(path, "rb+") as file:
        file.seek(near)
        at = near + re.search(rb"[0-9a-f]{200}", file.read(5000)).start() + 100
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    return at - at % BLOCK


# -- a server --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("where", ["closed", "last"])
def test_a_replica_that_is_fed_falls_back_to_a_full_sync(where):
    with (fleet.start("wstore", *AOF, "--repl-backlog-size", "16kb", "--aof-segment-size", str(SEGMENT)) as master,
          fleet.start("wstore") as replica):
        fill(master, 100_000)
        replicate(replica, master.port)
        converge([master, replica])
        assert count(master, "sync_full") == 1
        os.kill(replica.pid, signal.SIGSTOP)        # its link breaks, and it is far behind when it finds out
        assert master.call("CLIENT", "KILL", "TYPE", "replica") == Int(1)
        fill(master, 2_700_000, seed=2)
        last = wait_summed(master)
        damaged = logs(master.folder)[1] if where == "closed" else last
        begins = flip(damaged, 200_000)
        os.kill(replica.pid, signal.SIGCONT)
        wait_for(lambda: f"Damage in the append only file {damaged} at offset {begins}: " in master.log())
        fill(master, 100_000, seed=3)
        converge([master, replica])
        assert count(master, "sync_full") == 2


def crashed(folder: Path) -> list[Path]:
    """The files of the log of a server that was killed, all whole blocks with sums."""
    with start_wstore(*AOF, "--aof-segment-size", str(SEGMENT), folder=str(folder)) as server:
        fill(server, 2_700_000)
        wait_summed(server)
        server.kill()
    assert len(logs(folder)) == 3
    return logs(folder)


@pytest.mark.parametrize("number", [0, -1])
def test_a_start_refuses_and_tools_tell(tmp_path, number):
    data = tmp_path / "data"
    data.mkdir()
    file = crashed(data)[number]
    begins = flip(file, 200_000)
    with pytest.raises(RuntimeError) as refused:
        start_wstore(*AOF, folder=str(data))
    for word in (f"{file} at offset {begins}: ", "checksum does not match", f"wstore check --fix {file}"):
        assert word in str(refused.value)
    text = tool("check", data, code=1)
    assert f"{file}: at byte {begins:,}: " in text and "checksum does not match" in text and f"{file}.sums" in text
    text = tool("restore", "--dir", data, "--output", tmp_path / "restored", code=1)
    assert f"{file} is damaged at byte {begins:,}" in text
    offset = int(re.search(r"offset ([0-9,]+) can be restored", text)[1].replace(",", ""))
    shutil.rmtree(tmp_path / "restored")
    text = tool("restore", "--dir", data, "--output", tmp_path / "restored", "--until-offset", offset)
    assert f"Restored to offset {offset:,}" in text
    tool("check", tmp_path / "restored")
    sums(file).unlink()
    tool("check", data)
    with start_wstore(*AOF, folder=str(data)) as server:
        assert server.call("PING").text == b"PONG"


def test_cut_damage_keeps_what_is_in_front_of_it(tmp_path):
    file = crashed(tmp_path)[-1]
    begins = flip(file, 200_000)
    tool("check", "--fix", file, code=1)
    tool("check", "--fix", "--cut-damage", file)
    assert begins - 2000 < file.stat().st_size <= begins
    tool("check", tmp_path)
    with start_wstore(*AOF, folder=str(tmp_path)) as server:
        fill(server, 500_000, seed=2)
    tool("check", tmp_path)


def test_a_backup_has_the_sums(tmp_path):
    with start_wstore(*AOF, "--aof-segment-size", str(SEGMENT), "--backup-dir", "backups",
                      folder=str(tmp_path)) as server:
        fill(server, 1_500_000)
        assert server.call("BACKUP", "one").data == b"one"
        digest = fleet.digest(server)
    copy = shutil.copytree(tmp_path / "backups" / "one", tmp_path / "copy")
    files = logs(copy)
    assert len(files) == 2 and all(sums(file).stat().st_size > 8 * 8 for file in files)
    for starts in (start_oracle, start_wstore):         # both go on with the last of its files
        with starts(*AOF, folder=str(copy)) as server:
            assert fleet.digest(server) == digest
            fill(server, 200_000, seed=3)
            digest = fleet.digest(server)
    begins = flip(files[-1], 100_000)
    assert f"at byte {begins:,}: " in tool("check", copy, code=1)


# -- Redis -----------------------------------------------------------------------------------------------------------

def test_redis_in_between(tmp_path):
    """It appends to the last file, behind a torn end that it cuts off; the files of sums mean nothing to it."""
    crashed(tmp_path)
    for turn in range(2):
        last = logs(tmp_path)[-1]
        with open(last, "ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$500000\r\n" + b"x" * 100_000)
        with start_oracle(*AOF, folder=str(tmp_path)) as redis:
            wait_for(lambda: redis.call("PING").text == b"PONG")
            fill(redis, 300_000, seed=10 + turn)
            expected = fleet.digest(redis)
        tool("check", tmp_path)
        with start_wstore(*AOF, folder=str(tmp_path)) as server:
            assert fleet.digest(server) == expected
            fill(server, 300_000, seed=20 + turn)
            wait_summed(server)
            server.kill()
        tool("check", tmp_path)
    begins = flip(last, 3 * BLOCK)
    assert f"at byte {begins:,}: " in tool("check", tmp_path, code=1)


def test_files_and_their_sums_go_together(tmp_path):
    with start_wstore(*AOF, "--aof-segment-size", str(SEGMENT), folder=str(tmp_path)) as server:
        fill(server, 2_500_000)
        wait_summed(server)
        before = {path.name for path in (tmp_path / "appendonlydir").iterdir()}
        assert sum(name.endswith(".sums") for name in before) == 3
        assert server.call("CONFIG", "SET", "aof-retention-bytes", "0") == OK
        server.call("BGREWRITEAOF")
        wait_for(lambda: len(list((tmp_path / "appendonlydir").glob("*.sums"))) == 1)
        wait_for(lambda: len(list((tmp_path / "appendonlydir").iterdir())) == 5)
