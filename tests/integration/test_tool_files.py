"""`wstore check`, `wstore rdb` and `wstore restore` on files of a real redis-server, and of wstore's snapshots."""
import datetime
import json
import os
import pty
import random
import re
import shutil
import struct
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

import wstore
from tests.processes import ROOT, ServerProcess, start_oracle, start_wstore, wait_for
from tests.resp import Int, encode
from wstore.cli.tool import main
from wstore.engine._engine import key_slot
from wstore.persistence.rdb import open_rdb

LOG = "appendonlydir/appendonly.aof.1.incr.aof"
SET = encode(("SET", "key", "value"))


def tool(*arguments, code=0):
    """What `wstore` prints, both streams together."""
    result = CliRunner().invoke(main, list(map(str, arguments)), env={"COLUMNS": "100", "NO_COLOR": "1"})
    assert result.exit_code == code, result.output
    return result.output


def exported(*arguments):
    result = CliRunner().invoke(main, ["rdb", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


def fill(connection):
    """All types, small and big, with TTLs, in two databases; names and values that are not UTF-8."""
    some = random.Random(1)
    connection.pipeline([("SET", f"key:{i}", "é" * i) for i in range(100)])
    connection.pipeline([("SET", f"ttl:{i}", i, "PX", 10 ** (4 + i % 8)) for i in range(40)])
    for size in (3, 1000):
        names = [some.randbytes(4) for _ in range(size)]
        connection.call("HSET", f"hash:{size}", *[word for i, name in enumerate(names) for word in (name, i)])
        connection.call("RPUSH", f"list:{size}", *names)
        connection.call("SADD", f"set:{size}", *names)
        connection.call("SADD", f"ints:{size}", *range(size))
        connection.call("ZADD", f"zset:{size}", "inf", "last", "-inf", "first",
                        *[word for i, name in enumerate(names) for word in (i / 3, name)])
    connection.pipeline([("SELECT", 3), ("SET", b"\xff\\\n", "x" * 5000), ("SET", "\\", "\\"), ("SELECT", 0)])


@pytest.fixture(scope="module")
def redis_folder(tmp_path_factory):
    """A data directory of a real redis-server with all of `fill`, as (folder, digest)."""
    folder = tmp_path_factory.mktemp("redis")
    with start_oracle("--appendonly", "yes", "--aof-use-rdb-preamble", "no") as server, server.connect() as connection:
        fill(connection)
        connection.call("SAVE")
        digest = connection.call("DEBUG", "DIGEST")
        shutil.copytree(server.folder, folder, dirs_exist_ok=True)
    return folder, digest


@pytest.fixture
def copied(redis_folder, tmp_path):
    """A copy of it, to be damaged."""
    return shutil.copytree(redis_folder[0], tmp_path / "data")


def oracle_on(folder, *options):
    """A real redis-server that starts from a folder."""
    command = [shutil.which("redis-server"), "--save", "", "--bind", "127.0.0.1", "--enable-debug-command", "yes"]
    return ServerProcess(command, options, folder=str(folder))


def bend(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


# -- rdb -----------------------------------------------------------------------------------------------------------

def test_summary(redis_folder):
    text = tool("rdb", redis_folder[0] / "dump.rdb", "--top", "2")
    assert "RDB version 10, " in text
    assert "written by Redis 7.0.15" in text
    assert "152 keys, 40 with a TTL" in text
    assert re.search(r"string +raw +142 +40 +[\d,]+ +[\d.]+%", text)
    assert re.search(r"set +intset +1 +0 +", text)
    assert re.search(r"\n3 +2 +0 +[\d,]+", text)
    assert re.search(r"up to an hour +10 +█+", text)
    assert re.search(r"zset +0 +zset:1000 *\n.*hash +0 +hash:1000", text)
    assert "list:1000" not in text
    assert re.search(r"Keys in 152 slots, 1.0 each; most in slot \d+: 1", text)


def test_summary_of_an_empty_file(oracle, tmp_path):
    with start_oracle() as server:
        server.call("SAVE")
        assert "0 keys, 0 with a TTL" in tool("rdb", server.folder / "dump.rdb")


def unescaped(text):
    return re.sub(rb"\\(\\|x..)", lambda found: bytes([int(found[1][1:], 16)]) if len(found[1]) > 1 else b"\\",
                  text.encode())


def as_bytes(told, value):
    """A value of a JSON line with the bytes that its strings stand for."""
    if isinstance(value, str):
        return unescaped(value) if told.get("escaped") else value.encode()
    if isinstance(value, dict):
        return {as_bytes(told, name): as_bytes(told, data) for name, data in value.items()}
    if told["type"] == "zset":
        return [(as_bytes(told, member), float(score)) for member, score in value]
    items = [as_bytes(told, item) for item in value]
    return set(items) if told["type"] == "set" else items


def test_jsonl_tells_everything(redis_folder):
    path = redis_folder[0] / "dump.rdb"
    lines = [json.loads(line) for line in exported(path, "--format", "jsonl").splitlines()]
    records = list(open_rdb(path))
    assert len(lines) == len(records) == 152
    for told, record in zip(lines, records):
        assert as_bytes(told, told["key"]) == record.key
        assert as_bytes(told, told["value"]) == record.value
        assert [told[name] for name in ("db", "slot", "type", "expires_ms")] == [
            record.db, record.slot, record.type, record.expires_ms]
    assert 7 < sum("escaped" in told for told in lines) < 12
    assert next(told for told in lines if told["key"] == "\\")["value"] == "\\"


def unpack(data, at=0):
    """(value, position behind it): enough of MessagePack, by its specification."""
    head = data[at]
    sizes = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
    if head < 0x80 or head == 0xC0:
        return (head if head < 0x80 else None), at + 1
    if head in (0xCB, 0xD3):
        return struct.unpack_from(">d" if head == 0xCB else ">q", data, at + 1)[0], at + 9
    if head in sizes:
        n, at = int.from_bytes(data[at + 1:at + 1 + sizes[head]], "big"), at + 1 + sizes[head]
    else:
        n, at = head & (0x1F if head >= 0xA0 else 0x0F), at + 1
    if 0xC4 <= head <= 0xC6:
        return data[at:at + n], at + n
    if 0xA0 <= head < 0xC0 or 0xD9 <= head <= 0xDB:
        return data[at:at + n].decode(), at + n
    is_map = 0x80 <= head < 0x90 or head in (0xDE, 0xDF)
    items = []
    for _ in range(n * (2 if is_map else 1)):
        item, at = unpack(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if is_map else items), at


def test_msgpack_tells_everything(redis_folder):
    path = redis_folder[0] / "dump.rdb"
    data, at = exported(path, "--format", "msgpack"), 0
    for record in open_rdb(path):
        told, at = unpack(data, at)
        value = told["value"]
        if record.type == "set":
            value = set(value)
        if record.type == "zset":
            value = [tuple(pair) for pair in value]
        assert (told["key"], told["db"], told["slot"], told["type"], told["expires_ms"], value) == (
            record.key, record.db, record.slot, record.type, record.expires_ms, record.value)
    assert at == len(data)


def test_resp_builds_the_same_data(redis_folder):
    with start_oracle() as server:
        commands = exported(redis_folder[0] / "dump.rdb", "--format", "resp")
        piped = subprocess.run(["redis-cli", "-p", str(server.port), "--pipe"], input=commands, capture_output=True,
                               timeout=60)
        assert b"errors: 0" in piped.stdout
        assert server.call("DEBUG", "DIGEST") == redis_folder[1]


def test_keys_and_filters(redis_folder):
    path = redis_folder[0] / "dump.rdb"
    assert exported(path, "--format", "keys", "--match", "[\\\\\xff]*") == b"\\\\\n"
    assert b"\\xff\\\\\\x0a\n" in exported(path, "--format", "keys")
    slot = key_slot(b"hash:3")
    assert exported(path, "--format", "keys", "--slots", f"{slot},16000-16001", "--match", "h*") == b"hash:3\n"
    for wrong in ("x", "1-", "5-4", "16384", "-1"):
        tool("rdb", path, "--slots", wrong, code=2)


def test_values_that_cannot_be_read(tmp_path):
    with start_oracle() as server:
        server.call("XADD", "stream", "*", "a", "b")
        server.call("SET", "a", "b")
        server.call("SAVE")
        path = shutil.copy(server.folder / "dump.rdb", tmp_path)
    assert re.search(r"stream +listpacks2 +1", tool("rdb", path))
    assert '"value": null, "error": "a stream cannot be read"' in tool("rdb", path, "--format", "jsonl")
    assert "stream (database 0, at byte" in tool("rdb", path, "--format", "resp", code=1)
    assert exported(path, "--format", "keys").splitlines().count(b"stream") == 1


def test_a_damaged_file_is_exported_up_to_the_damage(copied):
    path = copied / "dump.rdb"
    os.truncate(path, path.stat().st_size - 20)
    text = tool("rdb", path, "--format", "keys", code=1)
    assert text.count("\n") > 100
    assert "the file ends too early" in text
    assert "wstore check" in text


def test_a_snapshot_by_its_slot_index(tmp_path):
    path = tmp_path / "snapshot.rdb"
    some = random.Random(1)
    with wstore.Store() as store:
        for db in (0, 2):
            store.execute("SELECT", db)
            store.mset({f"key:{i}": some.randbytes(i) for i in range(3000)})
            store.execute("HSET", "hash", *range(20_000))
        store.snapshot_save(str(path), [(b"redis-ver", b"7.0.15")])
    assert "written by wstore" in tool("rdb", path)
    assert "6,002 keys, 0 with a TTL, slot index" in tool("rdb", path)
    file = open_rdb(path)
    assert file.slot_index["keys"].sum() == 6002
    assert len(file.slot_index) > 3
    every = sorted((record.db, record.key, record.slot) for record in file)
    for first, last in ((0, 0), (100, 2000), (key_slot(b"hash"),) * 2, (16383, 16383), (0, 16383)):
        part = open_rdb(path, slots=[(first, last)])
        assert sorted((record.db, record.key, record.slot) for record in part) == [
            known for known in every if first <= known[2] <= last]
    assert {record.db: len(record.value) for record in file if record.key == b"hash"} == {0: 10_000, 2: 10_000}


def test_the_progress_bar_needs_a_terminal(redis_folder):
    argv = [sys.executable, "-m", "wstore.cli.tool", "rdb", str(redis_folder[0] / "dump.rdb")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    master, terminal = pty.openpty()
    with_terminal = subprocess.run(argv, stdout=subprocess.PIPE, stderr=terminal, env=environment, timeout=60)
    os.close(terminal)
    shown = os.read(master, 100_000)
    os.close(master)
    without = subprocess.run(argv, capture_output=True, env=environment, timeout=60)
    assert b"dump.rdb" in shown
    assert b"%" in shown
    assert without.stderr == b""
    assert with_terminal.stdout == without.stdout


# -- check -----------------------------------------------------------------------------------------------------------

def test_a_whole_directory(redis_folder):
    text = tool("check", redis_folder[0])
    assert re.search(r"dump.rdb +[\d.]+ KB +152 keys +whole", text)
    assert re.search(r"appendonly.aof.1.incr.aof +[\d.]+ KB +154 commands +whole", text)
    assert "torn" not in text and "damaged" not in text


def test_a_torn_log_is_cut(copied):
    path = copied / LOG
    size = path.stat().st_size
    whole_size = size - len(encode(("SET", "\\", "\\")))
    os.truncate(path, size - 3)
    before = path.read_bytes()
    text = tool("check", copied, code=3)
    assert re.search(r"incr.aof +[\d.]+ KB +153 commands +torn", text)
    assert f"at byte {size - 3:,}: the file ends within a command" in text
    assert f"All is whole up to byte {whole_size:,}" in text
    assert "the original" in tool("check", "--fix", copied)
    assert path.stat().st_size == whole_size
    assert (path.parent / f"{path.name}.original").read_bytes() == before
    assert "torn" not in tool("check", path)
    checked = subprocess.run(["redis-check-aof", str(path.parent / "appendonly.aof.manifest")], capture_output=True,
                             text=True, timeout=60)
    assert "All AOF files and manifest are valid" in checked.stdout


def test_a_transaction_is_cut_whole(tmp_path):
    path = tmp_path / "log.aof"
    path.write_bytes(SET + encode(("MULTI",)) + SET * 2)
    text = tool("check", path, code=3)
    assert "within a transaction, after 3 of its commands" in text
    tool("check", path, "--fix")
    assert path.read_bytes() == SET
    path.write_bytes(SET + SET[:10] + b"\0" * 5000)
    assert "only zeros follow" in tool("check", path, code=3)
    tool("check", path, "--fix")
    assert path.read_bytes() == SET
    assert sorted(os.listdir(tmp_path)) == ["log.aof", "log.aof.original", "log.aof.original.2"]


@pytest.mark.parametrize("bent, reason", [
    (b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$500\r\nvalue\r\n", "the length of an argument points past the end"),
    (b"*x\r\n", "this count or length is none"),
    (b"rubbish\r\n", "a command, which begins with '*', should be here"),
])
def test_damage_in_the_middle_is_not_cut_unasked(tmp_path, bent, reason):
    path = tmp_path / "log.aof"
    data = SET + bent + SET * 4
    path.write_bytes(data)
    text = tool("check", "--fix", path, code=1)
    assert "at byte " in text
    assert reason in text
    assert f"From byte {len(SET + bent)} on, 4 commands can be read again" in text
    assert path.read_bytes() == data
    tool("check", "--fix", "--cut-damage", path)
    assert path.read_bytes() == SET
    tool("check", "--cut-damage", path, code=2)


def test_a_file_that_a_server_writes_to_is_left_alone(tmp_path):
    path = tmp_path / "log.aof"
    path.write_bytes(SET[:-1])
    with open(path, "ab"):
        assert f"open for writing in process {os.getpid()}" in tool("check", "--fix", path, code=1)
    tool("check", "--fix", path)


def test_an_old_log_with_an_rdb_file_in_front(copied):
    rdb = (copied / "dump.rdb").read_bytes()
    path = copied / "old.aof"
    path.write_bytes(rdb + SET * 3)
    assert re.search(r"152 keys, 3 commands +whole", tool("check", path))
    path.write_bytes(rdb + SET * 3 + SET[:-1])
    tool("check", "--fix", path)
    assert path.read_bytes() == rdb + SET * 3
    path.write_bytes(rdb[:-30] + SET * 3)
    tool("check", path, code=1)
    bad = shutil.copy(path, copied / "long.rdb")
    bend(bad, 0, rdb + b"x")
    assert "bytes behind the end" in tool("check", bad, code=1)


def test_damaged_rdb_files(copied):
    path = copied / "dump.rdb"
    data = path.read_bytes()
    middle = len(data) // 2
    bend(path, middle, bytes(byte ^ 0xff for byte in data[middle:middle + 3]))
    text = tool("check", path, code=1)
    assert re.search(r"damaged +\n\n.*at byte [\d,]+: ", text)
    assert "wstore rdb --format resp" in text
    path.write_bytes(b"")
    assert "too short" in tool("check", path, code=1)


def test_values_are_built_if_asked_for(copied):
    """Without a checksum, damage inside of a value shows only there."""
    path = copied / "dump.rdb"
    assert "152 keys" in tool("check", "--values", path)
    data = path.read_bytes()
    at = data.index(b"\x06hash:3") + 8
    path.write_bytes(data[:at] + b"\xff" + data[at + 1:-8] + b"\0" * 8)
    tool("check", path)
    assert "the value is damaged" in tool("check", "--values", path, code=1)


def test_the_slot_index_is_checked(tmp_path):
    path = tmp_path / "snapshot.rdb"
    with wstore.Store() as store:
        store.mset({f"key:{i}": i for i in range(100)})
        store.snapshot_save(str(path), [])
    assert "100 keys" in tool("check", path)
    data = path.read_bytes()[:-8] + b"\0" * 8
    at = data.index(b"WSLOTS01") + 8
    bent = data[:at + 16] + b"\1" + data[at + 17:]
    path.write_bytes(bent)
    assert "the slot index has 1 keys, but the file has 100" in tool("check", path, code=1)
    path.write_bytes(data[:at] + b"\xff" * 8 + data[at + 8:])
    assert "the slot index is damaged" in tool("check", path, code=1)


def test_manifests_are_checked(copied):
    manifest = copied / "appendonlydir" / "appendonly.aof.manifest"
    text = manifest.read_text()
    (copied / LOG).rename(copied / "away")
    assert "the manifest names it, but it is not there" in tool("check", copied, code=1)
    (copied / "away").rename(copied / LOG)
    manifest.write_text(text.replace("type i", "type x"))
    assert "type x is unknown" in tool("check", copied, code=1)
    manifest.write_text("file appendonly.aof.1.base.aof seq 1 type b startoffset 0\n"
                        "file appendonly.aof.1.incr.aof seq 1 type i startoffset 0\n"
                        "file appendonly.aof.2.incr.aof seq 2 type i startoffset 999999\n")
    (copied / "appendonlydir/appendonly.aof.2.incr.aof").write_bytes(SET)
    assert "begins at offset 999,999, but this one ends at" in tool("check", copied, code=1)
    os.truncate(copied / LOG, 100)
    assert "though it is not the last one of the log" in tool("check", copied, code=1)


def test_a_log_without_a_manifest(copied):
    (copied / "appendonlydir" / "appendonly.aof.manifest").unlink()
    for path in (copied, copied / "appendonlydir"):
        text = tool("check", path, code=1)
        assert "appendonly.aof.manifest: there is none, though there are files of this log" in text
        assert re.search(r"incr.aof +[\d.]+ KB +154 commands +whole", text)
    assert "has no log" in tool("restore", "--dir", copied, "--output", copied / "new", code=1)


def test_a_folder_with_nothing_in_it(tmp_path):
    assert "neither RDB files nor a log" in tool("check", tmp_path, code=1)
    tool("check", tmp_path / "none", code=2)


# -- restore -----------------------------------------------------------------------------------------------------------

def counted_log(folder, parts):
    """A log as wstore keeps it, of parts (type, number of INCRs), with times; the offset behind each INCR."""
    where = folder / "appendonlydir"
    where.mkdir(parents=True)
    lines, ends, start, stamp = [], [0], 0, 1_000_000_000_000
    for number, (kind, incrs) in enumerate(parts, 1):
        data = encode(("SELECT", 0)) + encode(("INCR", "n")) * incrs
        name = f"my log.{number}.incr.aof"
        (where / name).write_bytes(data)
        times = ""
        for i in range(incrs):
            ends.append(start + len(encode(("SELECT", 0))) + len(encode(("INCR", "n"))) * (i + 1))
            times += f"{stamp + 1000 * len(ends):013d} {ends[-1]:020d}\n"
        (where / f"{name}.times").write_text(times + "10000")
        lines.append(f'file "{name}" seq {number} type {kind} startoffset {start}\n')
        start += len(data)
    (where / "my log.manifest").write_text("".join(lines))
    return ends


def rdb_with(folder, n):
    """An RDB file with the number n in the key n."""
    with wstore.Store() as store:
        store.set("n", n)
        store.snapshot_save(str(folder), [])


def counter_of(folder):
    with oracle_on(folder, "--appendonly", "yes", "--appendfilename", "my log") as server:
        return int(server.call("GET", "n").data)


def test_restore_to_any_offset(tmp_path):
    """History counts: an old base, a newer one, and logs between and behind them."""
    data = tmp_path / "data"
    ends = counted_log(data, [("h", 5), ("h", 5), ("i", 5)])
    manifest = data / "appendonlydir" / "my log.manifest"
    starts = [int(line.split()[-1]) for line in manifest.read_text().splitlines()]
    rdb_with(data / "appendonlydir" / "my log.1.base.rdb", 0)
    rdb_with(data / "appendonlydir" / "my log.2.base.rdb", 10)
    manifest.write_text(f'file "my log.2.base.rdb" seq 2 type b startoffset {starts[2]}\n'
                        f'file "my log.1.base.rdb" seq 1 type h startoffset 0\n{manifest.read_text()}')
    tool("check", data)
    for number, n in enumerate((0, 3, 5, 7, 10, 12, 15)):
        output = tmp_path / f"restored{number}"
        inside = 5 if n not in (0, 5, 10, 15) else 0        # within the next command
        text = tool("restore", "--dir", data, "--output", output, "--until-offset", ends[n] + inside)
        assert f"Restored to offset {ends[n]:,}" in text or n == 0
        assert ("my log.2.base.rdb" in text) == (ends[n] + inside >= starts[2])
        tool("check", output)
    assert [counter_of(tmp_path / f"restored{number}") for number in (1, 4)] == [3, 10]
    stamp = datetime.datetime.fromtimestamp(1_000_000_000 + 8)          # of the seventh
    text = tool("restore", "--dir", data / "appendonlydir", "--output", tmp_path / "time", "--until-time",
                stamp.isoformat())
    assert counter_of(tmp_path / "time") == 7
    assert "--appendfilename" in text
    tool("restore", "--dir", data, "--output", tmp_path / "now", "--until-time", str(time.time() + 10))
    assert counter_of(tmp_path / "now") == 15


def test_what_cannot_be_restored(tmp_path):
    data, output = tmp_path / "data", tmp_path / "restored"
    ends = counted_log(data, [("h", 5), ("i", 5)])

    def refused(*arguments):
        text = tool("restore", "--dir", data, "--output", output, *arguments, code=1)
        assert not output.exists() or not list(output.rglob("*.manifest"))
        return text

    assert "the log ends at offset" in refused("--until-offset", ends[-1] + 1)
    assert "before the first one" in refused("--until-time", "1000")
    log = data / "appendonlydir" / "my log.1.incr.aof"
    bend(log, ends[2] + 1, b"x")
    assert f"Before that, offset {ends[2]:,} can be restored" in refused("--until-offset", ends[4])
    shutil.rmtree(output)
    tool("restore", "--dir", data, "--output", output, "--until-offset", ends[2])
    assert "is there and is no empty folder" in tool("restore", "--dir", data, "--output", output, code=1)
    shutil.rmtree(output)
    manifest = data / "appendonlydir" / "my log.manifest"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text(lines[1])
    assert "the log has no base" in refused()
    rdb_with(data / "appendonlydir" / "my log.1.base.rdb", 10)
    manifest.write_text(f'file "my log.1.base.rdb" seq 1 type b startoffset {ends[5]}\n{lines[1]}')
    assert f"the earliest base that was kept is at offset {ends[5]:,}" in refused("--until-offset", ends[3])
    bend(data / "appendonlydir" / "my log.1.base.rdb", 20, b"\xff\xff")
    assert "my log.1.base.rdb is damaged" in refused()
    shutil.rmtree(data / "appendonlydir")
    assert "has no log" in refused()
    tool("restore", "--dir", data, "--output", output, "--until-time", "1", "--until-offset", "1", code=2)
    tool("restore", "--dir", data, "--output", output, "--until-time", "x", code=2)


def test_restore_where_files_are_missing(tmp_path):
    """What lies before and behind the gap can be had; what lies in it, or needs it, cannot."""
    data = tmp_path / "data"
    where = data / "appendonlydir"
    ends = counted_log(data, [("h", 5), ("h", 5), ("h", 5), ("h", 5), ("i", 5)])
    manifest = where / "my log.manifest"
    starts = [int(line.split()[-1]) for line in manifest.read_text().splitlines()]
    rdb_with(where / "my log.1.base.rdb", 0)
    rdb_with(where / "my log.2.base.rdb", 15)
    rdb_with(where / "my log.3.base.rdb", 20)
    manifest.write_text(f'file "my log.3.base.rdb" seq 3 type b startoffset {starts[4]}\n'
                        f'file "my log.1.base.rdb" seq 1 type h startoffset 0\n'
                        f'file "my log.2.base.rdb" seq 2 type h startoffset {starts[3]}\n{manifest.read_text()}')
    stamps = [re.findall(r"(\d{13}) ", (where / f"my log.{n}.incr.aof.times").read_text()) for n in range(1, 6)]

    def restored(*arguments):
        output = tmp_path / f"restored{len(list(tmp_path.iterdir()))}"
        text = tool("restore", "--dir", data, "--output", output, *arguments)
        tool("check", output)
        return text.split(":")[0], counter_of(output)

    def refused(*arguments):
        return tool("restore", "--dir", data, "--output", tmp_path / "none", *arguments, code=1)

    def moment(file, n):
        return ("--until-time", datetime.datetime.fromtimestamp(int(stamps[file][n]) / 1000).isoformat())

    gone = f"{where}/my log.2.incr.aof is not there"
    (where / "my log.2.incr.aof").unlink()
    spans = f"Offsets that can be restored: 0 to {starts[1]:,} and {starts[3]:,} to {ends[-1]:,}"
    for n in (3, 5, 17, 20, 24):
        assert restored("--until-offset", ends[n]) == (f"Restored to offset {ends[n]:,}", n)
    assert restored() == (f"Restored to offset {ends[-1]:,}", 25)
    for n in (6, 10, 12):
        text = refused("--until-offset", ends[n])
        assert f"{gone}, though the manifest names it. {spans}" in text
    assert restored(*moment(0, 2))[1] == 3
    assert gone in refused(*moment(1, 2))
    (where / "my log.2.incr.aof.times").unlink()
    assert restored(*moment(0, 2))[1] == 3
    assert f"{gone}, which may have been written by then. {spans}" in refused(*moment(1, 2))
    assert restored(*moment(3, 2))[1] == 18
    (where / "my log.3.base.rdb").unlink()
    assert restored("--until-offset", ends[24])[1] == 24
    (where / "my log.5.incr.aof").unlink()
    assert "my log.5.incr.aof is not there" in refused() and "my log.5.incr.aof" in refused("--until-offset", ends[24])
    assert restored("--until-offset", ends[20])[1] == 20
    (where / "my log.1.base.rdb").unlink()
    text = refused("--until-offset", ends[3])
    assert f"{where}/my log.1.base.rdb is not there, though the manifest names it. " in text
    assert f"Offsets that can be restored: {starts[3]:,} to {starts[4]:,}\n" in text
    (where / "my log.2.base.rdb").unlink()
    assert "Offsets that can be restored: none\n" in refused()


def test_a_server_starts_where_history_is_missing(tmp_path):
    """One line of its log says so; restoring from before and behind the gap works."""
    log = ("--appendonly", "yes", "--aof-segment-size", "16kb", "--aof-retention-bytes", "10mb")
    data = tmp_path / "data"
    with start_wstore(*log) as server, server.connect() as connection:
        where = server.folder / "appendonlydir"
        manifest = where / "appendonly.aof.manifest"
        for number in (2, 3, 4):
            connection.pipeline([("APPEND", "s", f"{n:0100d}") for n in range(500)])
            assert server.call("BGREWRITEAOF")
            wait_for(lambda base=f".{number}.base.rdb": base in manifest.read_text())
        shutil.copytree(server.folder, data)
    where = data / "appendonlydir"
    assert len([line for line in manifest_lines(where) if " type h" in line]) > 8
    (where / "appendonly.aof.2.incr.aof").unlink()
    (where / "appendonly.aof.3.incr.aof").unlink()
    tool("restore", "--dir", data, "--output", tmp_path / "then", "--until-offset", 10_000)
    text = tool("restore", "--dir", data, "--output", tmp_path / "none", "--until-offset", 40_000, code=1)
    assert "appendonly.aof.2.incr.aof is not there" in text
    with start_wstore(*log, folder=str(data)) as server:
        assert server.call("STRLEN", "s") == Int(1500 * 100)
        [line] = [line for line in server.log().splitlines() if "history" in line]
        assert line.endswith(f"Files of the log's history are not in {where}, though the manifest names them: "
                             "appendonly.aof.2.incr.aof, appendonly.aof.3.incr.aof. What they held cannot be read back")


def manifest_lines(where):
    return (where / "appendonly.aof.manifest").read_text().splitlines()


def test_restore_of_a_log_of_redis_by_its_annotations(tmp_path):
    with start_oracle("--appendonly", "yes", "--aof-timestamp-enabled", "yes", "--appendfilename", "my log") as server:
        server.call("INCR", "n")
        middle = int(time.time())
        wait_for(lambda: time.time() >= middle + 1.5)
        assert server.call("INCR", "n") == Int(2)
        data = shutil.copytree(server.folder, tmp_path / "data")
    tool("check", data)
    tool("restore", "--dir", data, "--output", tmp_path / "then", "--until-time", middle)
    tool("restore", "--dir", data, "--output", tmp_path / "now")
    assert [counter_of(tmp_path / name) for name in ("then", "now")] == [1, 2]
    output = tmp_path / "before"
    assert "before the first one" in tool("restore", "--dir", data, "--output", output, "--until-time", "1000", code=1)
    assert not output.exists()


def rebase_log(store, folder):
    """What BGREWRITEAOF does: a snapshot where the log begins a new file; the old files become history."""
    number, offset = store.log_next_seq("b"), store.log_roll()
    name = f"my log.{number}.base.rdb"
    store.snapshot_save(str(folder / name), [])
    store.log_set_base(name, number, offset)
    wait_for(lambda: f'"{name}"' in (folder / "my log.manifest").read_text())


def test_every_moment_of_a_log_of_wstore(tmp_path):
    """Random writes, files that roll, bases on the way; each moment starts a real server with the data of then."""
    folder, some, moments = tmp_path / "data" / "appendonlydir", random.Random(2), []
    folder.mkdir(parents=True)
    with wstore.Store() as store:
        store.set_option("appendfsync", 2)
        store.set_option("aof_retention_bytes", 1 << 30)
        store.log_open(str(folder), "my log")
        rebase_log(store, folder)
        for step in range(12):
            for _ in range(100):
                store.execute("SELECT", some.randrange(3))
                store.set(f"key:{some.randrange(50)}", some.randbytes(10))
                store.hset(f"hash:{some.randrange(5)}", some.randbytes(1), step)
                store.zadd("zset", {some.randbytes(1): some.random()})
                store.execute("SPOP", "set") if some.random() < 0.5 else store.sadd("set", some.randrange(100))
            moments.append((store.log_sync(), store.execute("DEBUG", "DIGEST")))
            if step % 4 == 1:
                store.log_roll()
            if step % 4 == 3:
                rebase_log(store, folder)
        store.log_close()
    text = tool("check", tmp_path / "data")
    assert text.count(".base.rdb") == 4
    assert "torn" not in text and "damaged" not in text
    for number, (offset, digest) in enumerate(moments):
        output, inside = tmp_path / f"moment{number}", min(offset + some.randrange(5), moments[-1][0])
        assert f"Restored to offset {offset:,}" in tool(
            "restore", "--dir", tmp_path / "data", "--output", output, "--until-offset", inside)
        if number % 3 == 0:
            with oracle_on(output, "--appendonly", "yes", "--appendfilename", "my log") as server:
                assert server.call("DEBUG", "DIGEST").text.decode() == digest


def test_a_server_and_what_it_was_before(tmp_path):
    """wstore-server's directory is whole while it runs, and a moment before its last rewrite starts both servers."""
    log = ("--appendonly", "yes")
    with start_wstore(*log, "--aof-retention-bytes", "1gb") as server, server.connect() as connection:
        connection.pipeline([("INCR", "n")] * 50)
        connection.call("BGREWRITEAOF")
        folder = server.folder / "appendonlydir"
        wait_for(lambda: "2.base.rdb" in (folder / "appendonly.aof.manifest").read_text())
        connection.pipeline([("INCR", "n")] * 50)
        wait_for(lambda: (folder / "appendonly.aof.2.incr.aof").stat().st_size > 50 * len(encode(("INCR", "n"))))
        assert "written by wstore" in tool("rdb", folder / "appendonly.aof.2.base.rdb")
        text = tool("check", server.folder)
        assert "damaged" not in text and "torn" not in text
        behind = len(encode(("SELECT", 0))) + 30 * len(encode(("INCR", "n")))
        for name in ("wstore", "redis"):
            tool("restore", "--dir", server.folder, "--output", tmp_path / name, "--until-offset", behind)
    with start_wstore(*log, folder=str(tmp_path / "wstore")) as server:
        assert server.call("INCR", "n") == Int(31)
    with oracle_on(tmp_path / "redis", *log) as server:
        assert server.call("INCR", "n") == Int(31)
