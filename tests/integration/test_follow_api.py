"""`wstore.replication.follow`: the data and the stream of servers, read as commands, recreate the data elsewhere."""
import gc
import itertools
import random
import threading
import time

import pytest

from tests.processes import free_port, start_oracle, start_wstore, wait_for
from tests.replicating import digest, facts, offset, start_old_redis, syncs
from tests.resp import OK, Bulk, Int
from wstore.engine._engine import key_slot
from wstore.replication import HandshakeError, Position, ResumeError, follow

SOON_S = 0.05
LIBRARY = "#!lua name=own\nredis.register_function('nothing', function() return 1 end)"


def start_redis(*options, **kwargs):
    """A real redis-server that begins full syncs at once."""
    return start_oracle("--repl-diskless-sync-delay", "0", *options, **kwargs)


@pytest.fixture(scope="module", params=[start_redis, start_old_redis, start_wstore], ids=["7.0", "6.2", "wstore"])
def one_server(request):
    """A server that has followers."""
    with request.param() as server:
        server.call("CONFIG", "SET", "repl-diskless-sync-delay", 0)
        yield server


@pytest.fixture(scope="module")
def copy():
    """Where changes are applied."""
    with start_oracle() as server:
        yield server


@pytest.fixture
def master(one_server):
    """The server, with no data and nobody following."""
    one_server.call("FLUSHALL")
    one_server.call("FUNCTION", "FLUSH")
    assert one_server.call("DEBUG", "CHANGE-REPL-ID") == OK     # no earlier snapshot is handed out again
    wait_for(lambda: facts(one_server)["connected_slaves"] == "0")
    return one_server


def url(server):
    return f"redis://127.0.0.1:{server.port}"


def collect(stream, server):
    """All changes up to where the server is now."""
    goal = offset(server)
    found = []
    while stream.offset is None or stream.offset < goal:
        if stream.wait(SOON_S):
            found.append(next(stream))
    return found


def run(server, changes):
    """Apply changes."""
    with server.connect() as connection:
        for database, group in itertools.groupby(changes, key=lambda change: change.database):
            replies = connection.pipeline([("SELECT", database), *(change.command for change in group)])
            assert not [reply for reply in replies if type(reply).__name__ == "Error"]


def assert_recreates(copy, changes, server):
    copy.call("FLUSHALL")
    run(copy, changes)
    assert digest(copy) == digest(server)


def fill(server):
    """All types, small and big, with TTLs, in two databases, a library of functions; expiry is off."""
    some = random.Random(1)
    with server.connect() as connection:
        for size in (3, 1000):
            names = [some.randbytes(4) for _ in range(size)]
            for command in [
                ("HSET", f"hash:{size}", *itertools.chain.from_iterable(zip(names, names))),
                ("RPUSH", f"list:{size}", *names), ("SADD", f"set:{size}", *names),
                ("SADD", f"ints:{size}", *range(size)),
                ("ZADD", f"zset:{size}", *itertools.chain.from_iterable(enumerate(names))),
                ("PEXPIRE", f"list:{size}", 10 ** 7), ("SET", f"int:{size}", size, "EX", 1000),
            ]:
                connection.call(*command)
        connection.pipeline([("SET", f"key:{i}", "é" * i) for i in range(100)])
        connection.pipeline([("SELECT", 3), ("SET", b"\xff\\\n", "x" * 5000), ("SET", "a", "b")])


def fill_more(server):
    """What Redis 7.0 has and wstore has not; whether it is that."""
    with server.connect() as connection:
        if connection.call("FUNCTION", "LOAD", "REPLACE", LIBRARY) != Bulk(b"own"):
            return False
        connection.call("XADD", "stream", "1-1", "field", "value")
        connection.call("XGROUP", "CREATE", "stream", "group", "0")
        connection.call("PFADD", "hll", *range(1000))
        connection.call("GEOADD", "geo", 13.4, 52.5, "Berlin", 2.35, 48.86, "Paris")
        return True


def write(server, count, seed):
    """Writes of many kinds, in several databases, some in transactions; no replies are looked at."""
    some = random.Random(seed)

    def command():
        a, b, n = (f"{some.choice('ab')}{some.randrange(20)}" for _ in range(3))
        return some.choice([
            ("SET", f"s{a}", b), ("set", f"s{a}", b, "PX", 100_000), ("INCR", f"i{a}"), ("APPEND", f"s{a}", n),
            ("HSET", f"h{a}", n, b), ("HDEL", f"h{a}", n), ("RPUSH", f"l{a}", n),
            ("LMOVE", f"l{a}", f"l{b}", "LEFT", "RIGHT"),
            ("SADD", f"m{a}", n, b), ("SPOP", f"m{a}"), ("SUNIONSTORE", f"m{a}", f"m{b}", f"m{n}"),
            ("ZADD", f"z{a}", len(n), n), ("ZUNIONSTORE", f"z{a}", 2, f"z{b}", f"z{n}"), ("ZPOPMIN", f"z{a}"),
            ("SORT", f"l{a}", "ALPHA", "STORE", f"l{b}"), ("BITOP", "OR", f"s{a}", f"s{b}", f"s{n}"),
            ("MSET", f"s{a}", 1, f"s{b}", 2), ("DEL", f"s{a}", f"h{b}"), ("EXPIRE", f"h{a}", 1000),
            ("PERSIST", f"h{a}"),
            ("RENAME", f"s{a}", f"s{b}"), ("COPY", f"h{a}", f"h{b}", "DB", some.randrange(3), "REPLACE"),
            ("MOVE", f"z{a}", some.randrange(3)), ("SELECT", some.randrange(3)), ("PUBLISH", a, b),
            ("SETRANGE", f"s{a}", 3, n), ("GETDEL", f"s{a}"), ("PEXPIRE", f"l{a}", 1_000_000),
        ])

    with server.connect() as connection:
        for _ in range(count // 10):
            few = [command() for _ in range(some.randrange(1, 10))]
            connection.pipeline([("MULTI",), *few, ("EXEC",)] if some.random() < 0.3 else few)
            if some.random() < 0.02:
                connection.call("SWAPDB", 0, 1)
            if some.random() < 0.005:
                connection.call("FLUSHDB")


# -- data and stream ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_data_and_changes_recreate_the_database(master, copy, diskless):
    master.call("CONFIG", "SET", "repl-diskless-sync", diskless)
    fill(master)
    is_redis = fill_more(master)
    with follow(url(master)) as stream:
        changes = collect(stream, master)
        assert {change.offset for change in changes} == {stream.offset}
        write(master, 3000, seed=2)
        changes += collect(stream, master)
    assert_recreates(copy, changes, master)
    if is_redis:
        assert "nothing" in repr(copy.call("FUNCTION", "LIST"))
        assert copy.call("XINFO", "GROUPS", "stream") == master.call("XINFO", "GROUPS", "stream")


def test_times_to_live(master, copy):
    master.call("SET", "a", "b", "PXAT", 10 ** 14)
    master.call("RPUSH", "c", "d")
    master.call("PEXPIREAT", "c", 10 ** 14 + 1)
    with follow(url(master)) as stream:
        changes = collect(stream, master)
        master.call("PEXPIREAT", "a", 10 ** 14 + 2)
        changes += collect(stream, master)
    assert_recreates(copy, changes, master)
    assert [copy.call("PEXPIRETIME", key).value - 10 ** 14 for key in "ac"] == [2, 1]


def test_data_take_the_place_of_others(master, copy):
    fill(master)
    with follow(url(master)) as stream:
        changes = collect(stream, master)
    copy.call("FLUSHALL")
    copy.call("SET", "hash:3", "x")
    copy.call("HSET", "key:1", "x", "y")
    run(copy, changes)
    assert digest(copy) == digest(master)


def test_records_of_data(master):
    master.call("HSET", "hash", "field", "value")
    master.call("SET", "text", "123", "PX", 10 ** 6)
    with follow(url(master)) as stream:
        assert stream.position is None
        found = {}
        for _ in range(2):
            change = next(stream)
            found[stream.record.key] = stream.record.type, stream.record.value, change.command[0]
        assert found == {b"hash": ("hash", {b"field": b"value"}, b"RESTORE"), b"text": ("string", b"123", b"SET")}
        assert stream.position == (facts(master)["master_replid"], offset(master), 0)
        master.call("INCR", "i")
        assert next(stream).command == (b"INCR", b"i")
        assert stream.record is None


def test_units_have_one_offset_and_positions_lie_between_them(master):
    with follow(url(master), snapshot=False) as stream, master.connect() as connection:
        connection.pipeline([("SET", "a", 1), ("MULTI",), ("INCR", "a"), ("SELECT", 2), ("INCR", "b"), ("EXEC",)])
        before, multi, first, second, execute = (next(stream) for _ in range(5))
        unit = multi, first, second, execute
        assert [change.command[0] for change in unit] == [b"MULTI", b"INCR", b"INCR", b"EXEC"]
        assert (first.database, second.database) == (0, 2)
        assert {change.offset for change in unit} == {offset(master)}
        assert before.offset < multi.offset
        assert stream.position == (stream.replication_id, execute.offset, 2)
    with follow(url(master), Position(stream.replication_id, before.offset)) as stream:
        for expected in (multi, first, second):
            assert next(stream) == expected
            assert stream.position.offset == before.offset
        assert next(stream) == execute
        assert stream.position == (stream.replication_id, execute.offset, 2)


def test_no_snapshot(master):
    """Where there are several databases the server begins anew, but from Redis 7 on without its data."""
    fill(master)
    sent = "total_net_repl_output_bytes"
    before = int(facts(master, "stats").get(sent, 0))
    with follow(url(master), snapshot=False) as stream:
        assert not stream.wait(0.5)
        master.call("SET", "a", "new")
        assert next(stream)[1:] == (0, (b"SET", b"a", b"new"))
        assert int(facts(master, "stats").get(sent, 0)) - before < 1000


def test_no_snapshot_of_one_database(master):
    """Nothing is sent but what is new: the place is known without data."""
    with master.connect() as connection, follow(url(master)):
        connection.pipeline([("SELECT", 5), ("SET", "a", "b")])
    before = syncs(master)
    with follow(url(master), snapshot=False) as stream, master.connect() as connection:
        connection.pipeline([("SELECT", 5), ("SET", "a", "c")])
        assert next(stream)[1:] == (5, (b"SET", b"a", b"c"))
        assert syncs(master) == (before[0], before[1] + 1)


def test_commands_without_keys(master):
    with follow(url(master), slots=[0]) as stream:
        collect(stream, master)
        commands = [("PUBLISH", "channel", "text"), ("SWAPDB", "0", "1"), ("FLUSHDB",), ("FLUSHALL",)]
        for command in commands:
            master.call("SET", "a", "not in slot 0")
            master.call(*command)
        found = collect(stream, master)
        assert [change.command for change in found] == [tuple(map(str.encode, command)) for command in commands]


# -- going on -------------------------------------------------------------------------------------------------------

def test_resume_at_every_position(master, copy):
    fill(master)
    with follow(url(master)) as stream:
        changes = collect(stream, master)
    position = stream.position
    write(master, 300, seed=3)
    goal = offset(master)
    full = syncs(master)[0]
    while position.offset < goal:
        with follow(url(master), str(position)) as stream:
            assert stream.position == position
            while position == stream.position:
                changes.append(next(stream))
            position = stream.position
    assert_recreates(copy, changes, master)
    assert syncs(master)[0] == full


def test_resume_from_an_int(master):
    with follow(url(master)) as stream, master.connect() as connection:
        collect(stream, master)
        start = stream.offset
        connection.pipeline([("SELECT", 7), ("SET", "a", 1), ("SET", "a", 2)])
        first, second = next(stream), next(stream)
    with follow(url(master), first.offset) as stream:
        assert next(stream) == second
    with follow(url(master), start) as stream:
        assert [next(stream), next(stream)] == [first, second]
    master.call("SET", "b", 1)
    with pytest.raises(ResumeError, match="several databases"):
        follow(url(master), first.offset)


@pytest.mark.parametrize(("change", "reason"), [
    (lambda at: at._replace(replication_id="0" * 40), "it has stream"),
    (lambda at: at._replace(offset=at.offset + 10 ** 6), "does not keep all that came since"),
])
def test_no_way_to_go_on(master, change, reason):
    with follow(url(master)) as stream:
        collect(stream, master)
    with pytest.raises(ResumeError, match=reason):
        follow(url(master), change(stream.position))
    wait_for(lambda: facts(master)["connected_slaves"] == "0")


@pytest.mark.parametrize("offset", [-1, Position("0" * 40, -1)])
def test_what_is_no_offset(offset):
    with pytest.raises(ValueError, match="is no offset to go on from: it is below 0"):
        follow(f"127.0.0.1:{free_port()}", offset)


def test_what_the_backlog_lost():
    with start_redis("--repl-backlog-size", "16kb") as server:
        with follow(url(server)) as stream:
            collect(stream, server)
        server.call("SET", "a", "x" * 100_000)
        with pytest.raises(ResumeError, match="does not keep all that came since"):
            follow(url(server), stream.position)


def test_a_broken_link_is_made_again(master):
    with follow(url(master)) as stream:
        collect(stream, master)
        full, partial = syncs(master)
        for n in range(3):
            assert master.call("CLIENT", "KILL", "TYPE", "replica") == Int(1)
            master.call("SET", "a", n)
            assert next(stream).command == (b"SET", b"a", b"%d" % n)
        assert syncs(master) == (full, partial + 3)


def test_a_link_that_breaks_again_and_again(master, copy):
    fill(master)
    over = threading.Event()

    def cut():
        while not over.wait(0.2):
            master.call("CLIENT", "KILL", "TYPE", "replica")

    with follow(url(master)) as stream:
        changes = collect(stream, master)
        cutting = threading.Thread(target=cut)
        cutting.start()
        for seed in range(5):
            write(master, 1000, seed)
            changes += collect(stream, master)
        over.set()
        cutting.join()
    assert_recreates(copy, changes, master)


def test_absent_for_longer_than_memory_reaches(copy):
    """A log on disk serves any position, across starts of the server, too."""
    with start_wstore("--appendonly", "yes", "--repl-backlog-size", "16kb", "--aof-segment-size", "256kb",
                      "--aof-retention-bytes", "1gb") as server:
        fill(server)
        with follow(url(server)) as stream:
            changes = collect(stream, server)
        write(server, 500, seed=6)
        server.call("SET", "big", "x" * 1_000_000)
        write(server, 500, seed=7)
        server.process.terminate()
        server.process.wait(20)
        server.start()
        write(server, 500, seed=8)
        with follow(url(server), stream.position) as stream:
            changes += collect(stream, server)
            assert stream.replication_id == facts(server)["master_replid"]
        assert syncs(server) == (0, 1)
        assert_recreates(copy, changes, server)


def test_a_server_that_is_gone():
    with start_redis() as server:
        stream = follow(url(server), retry_s=1.0)
        collect(stream, server)
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        next(stream)
    assert 0.5 < time.monotonic() - began < 10
    with pytest.raises(StopIteration):
        next(stream)


def test_a_server_that_has_another_stream_now():
    with start_redis() as server:
        with follow(url(server)) as stream:
            collect(stream, server)
            server.kill()
            server.port, port = server.port, server.port
            server.start()
            assert server.port == port
            with pytest.raises(ResumeError, match="it has stream"):
                next(stream)


@pytest.mark.parametrize("start", [start_redis, start_wstore])
def test_a_replica_that_becomes_the_master(master, copy, start):
    """It has the same stream, and then goes on with it under another id: its followers do, too."""
    with start("--replicaof", "127.0.0.1", str(master.port)) as replica:
        wait_for(lambda: facts(replica).get("master_link_status") == "up")
        fill(master)
        with follow(url(replica)) as stream:
            changes = collect(stream, master)
            write(master, 500, seed=9)
            changes += collect(stream, master)
            assert stream.replication_id == facts(master)["master_replid"]
            before = stream.position
            assert replica.call("REPLICAOF", "NO", "ONE") == OK
            write(replica, 500, seed=10)
            changes += collect(stream, replica)
            assert stream.replication_id == facts(replica)["master_replid"] != facts(master)["master_replid"]
        assert_recreates(copy, changes, replica)
        with follow(url(replica), before) as stream:
            again = collect(stream, replica)
            assert changes[-len(again):] == again


# -- filters --------------------------------------------------------------------------------------------------------

def test_slots(master):
    slots = [(0, 4000), 16383]

    def wanted(key):
        return key_slot(key) <= 4000 or key_slot(key) == 16383

    fill(master)
    with follow(url(master)) as everything, follow(url(master), slots=slots) as some:
        data = collect(everything, master), collect(some, master)
        write(master, 1000, seed=4)
        stream = collect(everything, master), collect(some, master)
    assert data[1] == [change for change in data[0] if wanted(change.command[1])]
    assert 0 < len(data[1]) < len(data[0])
    singles = {b"SET", b"INCR", b"APPEND", b"HSET", b"RPUSH", b"ZADD", b"SETRANGE"}
    expected = [change for change in stream[0] if change.command[0] in singles and wanted(change.command[1])]
    assert [change for change in stream[1] if change.command[0] in singles] == expected
    assert 0 < len(stream[1]) < len(stream[0])


def test_units_of_which_nothing_is_wanted(master):
    master.call("SET", "user:1", "x")
    with follow(url(master), match="user:*") as stream, master.connect() as connection:
        assert next(stream).command[1] == b"user:1"
        connection.pipeline([("MULTI",), ("INCR", "a"), ("INCR", "b"), ("EXEC",), ("MULTI",), ("INCR", "a"),
                             ("INCR", "user:2"), ("EXEC",), ("DEL", "a"), ("DEL", "b", "user:2")])
        found = [change.command for change in collect(stream, master)]
        assert found == [(b"MULTI",), (b"INCR", b"user:2"), (b"EXEC",), (b"DEL", b"b", b"user:2")]


# -- the link -------------------------------------------------------------------------------------------------------

def test_the_server_hears_what_has_been_dealt_with(master):
    with follow(url(master)) as stream:
        collect(stream, master)
        with master.connect() as connection:
            connection.call("SET", "a", 1)
            connection.send("WAIT", 1, 1500)
            next(stream)
            assert connection.read() == Int(0)          # it has been handed out, no more
            connection.send("WAIT", 1, 20_000)
            wait_for(lambda: not stream.wait(0.2))
            assert connection.read() == Int(1)
        assert ",state=online," in facts(master)["slave0"]


def test_a_user_who_is_slow():
    """What he has not come to yet is kept on his side: the server's buffer stays small."""
    with start_redis("--client-output-buffer-limit", "replica 4mb 1mb 1") as server:
        with follow(url(server)) as stream:
            stream.wait(1.0)
            with server.connect() as connection:
                for n in range(400):
                    connection.call("SET", f"key:{n}", str(n % 10) * 100_000)
                    time.sleep(0.002)
            time.sleep(3)
            changes = collect(stream, server)
            assert [change.command for change in changes] == [
                (b"SET", b"key:%d" % n, b"%d" % (n % 10) * 100_000) for n in range(400)]
        assert syncs(server) == (1, 0)


def test_big_commands(master, copy):
    with follow(url(master)) as stream:
        stream.wait(SOON_S)
        master.call("SET", "big", "x" * 30_000_000)
        master.call("RPUSH", "many", *range(300_000))
        assert_recreates(copy, collect(stream, master), master)


def test_close_by_another_thread(master):
    stream = follow(url(master))
    collect(stream, master)
    threading.Timer(0.2, stream.close).start()
    assert list(stream) == []
    assert stream.wait(0)
    wait_for(lambda: facts(master)["connected_slaves"] == "0")
    wait_for(lambda: "wstore-follow" not in {thread.name for thread in threading.enumerate()})


def test_close_within_the_data(master):
    fill(master)
    with follow(url(master)) as stream:
        next(stream)
    assert list(stream) == []
    assert stream.position is None


def test_a_stream_that_is_forgotten(master):
    follow(url(master))
    gc.collect()
    wait_for(lambda: facts(master)["connected_slaves"] == "0")


def test_password_and_unix_socket(tmp_path):
    path = tmp_path / "redis.sock"
    user = "reader on >se@cret +psync +replconf +ping"
    with (start_redis("--unixsocket", str(path), "--requirepass", "p w/d", "--user", *user.split()) as server,
          server.connect() as connection):
        connection.call("AUTH", "p w/d")
        connection.call("SET", "a", "b")
        for address in (f"redis://:p%20w%2Fd@127.0.0.1:{server.port}",
                        f"redis://reader:se%40cret@127.0.0.1:{server.port}", f"unix://reader:se%40cret@{path}"):
            with follow(address) as stream:
                assert next(stream).command == (b"SET", b"a", b"b")
        with pytest.raises(HandshakeError, match="Unable to AUTH"):
            follow(f"redis://:wrong@127.0.0.1:{server.port}")
        with pytest.raises(HandshakeError, match="INFO"):
            follow(f"redis://reader:se%40cret@127.0.0.1:{server.port}", snapshot=False)
        with pytest.raises(HandshakeError, match="NOAUTH"):
            follow(url(server))


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1/0", "http://127.0.0.1", "redis://127.0.0.1:x"])
def test_addresses_that_are_none(address):
    with pytest.raises(ValueError):
        follow(address)


def test_nobody_there():
    with pytest.raises(ConnectionRefusedError):
        follow(f"127.0.0.1:{free_port()}")
