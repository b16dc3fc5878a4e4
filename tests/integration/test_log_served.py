"""The log of a store that is served: what clients hear of a disk that fails, and what is left after kill -9."""
import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import redis

import wstore
from tests.processes import ROOT, wait_for
from wstore.engine._engine import FAULTS, arm_fault, fault_calls

NAME = "appendonly.aof"
EVERYSEC, ALWAYS = 1, 2


@pytest.fixture
def server(tmp_path):
    with wstore.Server() as made:
        made.store.set_option("appendfsync", ALWAYS)
        made.store.log_open(tmp_path, NAME)
        yield made
        for kind in FAULTS:
            arm_fault(kind, times=0)
        made.store.log_close()


def client_of(server, **options):
    return redis.Redis.from_url(server.url, **options)


def commands_in(path):
    """The commands in all of the log's files, which must be whole, but for the last file's end."""
    out = []
    for file in sorted(path.glob("*.incr.aof"), key=lambda found: int(found.name.split(".")[-3])):
        data = file.read_bytes()
        while data:
            words, data = one_command(data)
            if words is None:
                return out
            out.append(words)
    return out


def one_command(data):
    head, _, rest = data.partition(b"\r\n")
    words = []
    for _ in range(int(head[1:] or 0)):
        size, _, rest = rest.partition(b"\r\n")
        if len(rest) < int(size[1:] or 0) + 2:
            return None, b""
        words.append(rest[: int(size[1:])])
        rest = rest[int(size[1:]) + 2 :]
    return words, rest


def replayed(commands):
    with wstore.Store() as store:
        batch = []
        for words in commands:
            if words == [b"MULTI"]:
                batch = [words]
            elif batch and words != [b"EXEC"]:
                batch.append(words)
            elif words == [b"EXEC"]:
                for one in batch[1:]:
                    store.execute(*one)
                batch = []
            else:
                store.execute(*words)
        return {key: store.get(key) for key in store.execute("KEYS", "*")}


def ends_well(server):
    wait_for(lambda: not server.store.log_state()["write_error"] and not server.store.log_state()["sync_error"])


def test_bytes_are_synced_before_the_reply(server, tmp_path):
    with client_of(server) as client:
        for i in range(20):
            before = fault_calls("sync")
            client.set(f"k{i}", i)
            assert fault_calls("sync") > before
            assert commands_in(tmp_path)[-1] == [b"SET", b"k%d" % i, b"%d" % i]


def test_one_sync_for_the_writes_of_a_turn(server):
    before = fault_calls("sync")
    with client_of(server) as client, client.pipeline(transaction=False) as pipe:
        for i in range(200):
            pipe.set(f"k{i}", i)
        pipe.execute()
    assert fault_calls("sync") - before <= 20


@pytest.mark.parametrize("kind", ["write", "sync"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_replies_wait_for_the_disk_and_reads_go_on(server, tmp_path, kind, error):
    with client_of(server) as writer, client_of(server) as reader, client_of(server) as other:
        writer.set("before", "1")
        arm_fault(kind, times=1_000_000, error=error)
        said = []
        thread = threading.Thread(target=lambda: said.append(writer.set("during", "x" * 5000)))
        thread.start()
        wait_for(lambda: server.store.log_state()["write_error"] or server.store.log_state()["sync_error"])
        text = f"MISCONF Errors writing to the AOF file: {os.strerror(error)}"
        for _ in range(20):
            assert reader.get("before") == b"1"
            with pytest.raises(redis.ResponseError) as refused:
                other.set("other", "2")
            assert str(refused.value) == text
            time.sleep(0.01)
        with pytest.raises(redis.ResponseError, match="MISCONF"):
            reader.ping()
        assert said == []
        arm_fault(kind, times=0)
        thread.join(10)
        assert said == [True]
        assert other.set("other", "3")
    assert replayed(commands_in(tmp_path))[b"during"] == b"x" * 5000
    assert replayed(commands_in(tmp_path))[b"other"] == b"3"


def test_a_transaction_is_refused_as_in_redis(server):
    with client_of(server) as client:
        arm_fault("write", times=1_000_000)
        with pytest.raises(wstore.ReplyError, match="MISCONF"):
            server.store.set("a", "1")
        raw = client.connection_pool.get_connection()
        raw.send_command("MULTI")
        assert raw.read_response() == b"OK"
        raw.send_command("SET", "a", 2)
        with pytest.raises(redis.ResponseError, match="MISCONF Errors writing to the AOF file: No space left"):
            raw.read_response()
        raw.send_command("EXEC")
        with pytest.raises(redis.ResponseError, match="Transaction discarded because of"):
            raw.read_response()
        raw.send_command("MULTI")
        assert raw.read_response() == b"OK"
        arm_fault("write", times=0)
        ends_well(server)
        raw.send_command("SET", "a", 3)
        assert raw.read_response() == b"QUEUED"
        arm_fault("write", times=1_000_000)
        with pytest.raises(wstore.ReplyError, match="MISCONF"):
            server.store.set("a", "1")
        raw.send_command("EXEC")
        with pytest.raises(redis.ResponseError) as refused:
            raw.read_response()
        assert "Transaction discarded because of: MISCONF Errors writing to the AOF file" in str(refused.value)


def test_large_replies_are_not_sent_ahead(server):
    with client_of(server) as client, client_of(server) as reader:
        client.set("big", "x" * 3_000_000)
        arm_fault("sync", times=1_000_000)
        raw = client.connection_pool.get_connection()
        raw.send_packed_command(raw.pack_commands([("SET", "a", "1"), ("GET", "big"), ("GET", "big")]))
        wait_for(lambda: server.store.log_state()["sync_error"])
        assert reader.get("a") == b"1"
        assert not raw.can_read(timeout=0.3)
        arm_fault("sync", times=0)
        assert raw.read_response() == b"OK"
        assert len(raw.read_response()) == len(raw.read_response()) == 3_000_000


def test_a_client_that_was_blocked_waits_as_well(server):
    with client_of(server) as popper, client_of(server) as pusher, client_of(server) as reader:
        got = []
        threads = [threading.Thread(target=lambda: got.append(popper.blpop("list")))]
        threads[0].start()
        wait_for(lambda: any(c["flags"] == "b" for c in reader.client_list()))
        arm_fault("sync", times=1_000_000)
        threads.append(threading.Thread(target=lambda: got.append(pusher.rpush("list", "1"))))
        threads[1].start()
        wait_for(lambda: server.store.log_state()["sync_error"])
        time.sleep(0.2)
        assert got == []
        assert reader.exists("list") == 0
        arm_fault("sync", times=0)
        for thread in threads:
            thread.join(10)
        assert sorted(got, key=str) == [(b"list", b"1"), 1]


def test_everysec_refuses_writers_too_and_keeps_what_it_took(server, tmp_path):
    server.store.set_option("appendfsync", EVERYSEC)
    with client_of(server) as client:
        assert client.ping()
        arm_fault("write", times=1_000_000)
        assert client.set("taken", "1")
        with pytest.raises(redis.ResponseError, match="MISCONF"):
            for _ in range(500):
                client.set("more", "2")
                time.sleep(0.005)
        arm_fault("write", times=0)
        ends_well(server)
        assert client.set("after", "3")
    server.store.log_sync()
    assert replayed(commands_in(tmp_path)).items() >= {b"taken": b"1", b"after": b"3"}.items()


def test_the_policy_may_change_while_replies_wait(server):
    with client_of(server) as client:
        arm_fault("sync", times=1_000_000)
        said = []
        thread = threading.Thread(target=lambda: said.append(client.set("a", "1")))
        thread.start()
        wait_for(lambda: server.store.log_state()["sync_error"])
        server.store.set_option("appendfsync", EVERYSEC)
        arm_fault("sync", times=0)
        thread.join(10)
        assert said == [True]


SERVE = """
import sys, time, wstore
with wstore.Server() as server:
    server.store.set_option("appendfsync", int(sys.argv[2]))
    server.store.set_option("aof_segment_size", 20000)
    server.store.log_open(sys.argv[1], "appendonly.aof")
    print(server.port, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("policy", [EVERYSEC, ALWAYS])
def test_kill_leaves_what_was_acknowledged(tmp_path, policy):
    process = subprocess.Popen([sys.executable, "-c", SERVE, tmp_path, str(policy)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        port = int(process.stdout.readline())
        acknowledged = [{} for _ in range(4)]

        def write(mine, number):
            client = redis.Redis(port=port)
            try:
                for i in range(1_000_000):
                    with client.pipeline(transaction=i % 3 == 0) as pipe:
                        pipe.set(f"{number}:a", i).set(f"{number}:b", i).execute()
                    mine[b"%d:a" % number] = mine[b"%d:b" % number] = (i, time.monotonic())
            except redis.ConnectionError:
                pass

        threads = [threading.Thread(target=write, args=(mine, i)) for i, mine in enumerate(acknowledged)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        killed = time.monotonic()
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    left = replayed(commands_in(tmp_path))
    for mine in acknowledged:
        for key, (value, when) in mine.items():
            if policy == ALWAYS or when < killed - 1:
                assert int(left[key]) >= value, key
