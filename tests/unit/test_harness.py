"""The harness itself: exact reading of replies, comparers that find differences, the oracle equal to itself."""
from __future__ import annotations

import io
import signal

import pytest

from tests.comparers import COMPARERS, comparer_of, exactly, reply_of_value
from tests.harness import Differential, Sleep, keyspace_of, run_one_by_one, steps_of
from tests.processes import child
from tests.resp import (
    CLOSED,
    NULL,
    NULL_ARRAY,
    NULL_BULK,
    OK,
    Array,
    BigNumber,
    Boolean,
    Bulk,
    Double,
    Error,
    Int,
    Map,
    Push,
    Set,
    Simple,
    Verbatim,
    encode,
    read_reply,
)

REPLIES = [
    (b"+OK\r\n", OK),
    (b"-ERR no\r\n", Error(b"ERR no")),
    (b":-12\r\n", Int(-12)),
    (b"$-1\r\n", NULL_BULK),
    (b"*-1\r\n", NULL_ARRAY),
    (b"_\r\n", NULL),
    (b"$0\r\n\r\n", Bulk(b"")),
    (b"$4\r\na\r\nb\r\n", Bulk(b"a\r\nb")),
    (b"=7\r\ntxt:abc\r\n", Verbatim(b"txt", b"abc")),
    (b",1.50\r\n", Double(b"1.50")),
    (b"(123\r\n", BigNumber(b"123")),
    (b"#t\r\n", Boolean(True)),
    (b"*2\r\n:1\r\n*0\r\n", Array((Int(1), Array(())))),
    (b"~1\r\n+a\r\n", Set((Simple(b"a"),))),
    (b">1\r\n+a\r\n", Push((Simple(b"a"),))),
    (b"%1\r\n+a\r\n:1\r\n", Map(((Simple(b"a"), Int(1)),))),
    (b"", CLOSED),
]


@pytest.mark.parametrize("wire, reply", REPLIES)
def test_each_type_is_read_exactly(wire, reply):
    file = io.BytesIO(wire)
    assert read_reply(file) == reply
    assert file.read() == b""


def test_all_replies_differ_from_each_other():
    assert len({reply for _, reply in REPLIES}) == len(REPLIES)


@pytest.mark.parametrize("wire", [b"OK\r\n", b"+OK\n", b"$3\r\nab\r\n", b"$1\r\nabc\r\n", b"#x\r\n"])
def test_bad_wire_data_is_not_taken(wire):
    with pytest.raises((ValueError, KeyError)):
        read_reply(io.BytesIO(wire))


def test_commands_are_encoded_as_bulk_arrays():
    assert encode(("SET", b"\x00", 12, 1.5)) == b"*4\r\n$3\r\nSET\r\n$1\r\n\x00\r\n$2\r\n12\r\n$3\r\n1.5\r\n"


def test_comparers_find_differences():
    def same(command, a, b, tolerance_ms=3000):
        args = command.encode().split()
        return comparer_of(args)(args, a, b, tolerance_ms)
    assert same("KEYS *", Array((Bulk(b"a"), Bulk(b"b"))), Array((Bulk(b"b"), Bulk(b"a"))))
    assert not same("KEYS *", Array((Bulk(b"a"),)), Array((Bulk(b"b"),)))
    assert same("PTTL k", Int(1000), Int(990))
    assert not same("PTTL k", Int(1000), Int(990), tolerance_ms=0)
    assert not same("PTTL k", Int(-1), Int(0))
    assert not same("TTL k", Int(100), Int(90))
    assert not same("GET k", Bulk(b"1"), Int(1))
    assert not same("RANDOMKEY", NULL, Bulk(b"1"))
    assert not same("OBJECT IDLETIME k", Error(b"ERR a"), Error(b"ERR b"))
    assert same("SPOP s", Bulk(b"a"), Bulk(b"b")) and not same("SPOP s", Bulk(b"a"), NULL)
    assert same("SRANDMEMBER s 1", Array((Bulk(b"a"),)), Array((Bulk(b"b"),)))
    assert not same("SRANDMEMBER s 2", Array((Bulk(b"a"),)), Array((Bulk(b"b"),)))
    assert comparer_of((b"get",)) is exactly and comparer_of((b"keys",)) is COMPARERS["KEYS"]


def bulks(*texts: bytes) -> Array:
    return Array(tuple(map(Bulk, texts)))


def test_comparers_of_unordered_collections():
    def same(command, a, b):
        args = command.encode().split()
        return comparer_of(args)(args, a, b, 0)
    assert same("HGETALL h", bulks(b"a", b"1", b"b", b"2"), bulks(b"b", b"2", b"a", b"1"))
    assert not same("HGETALL h", bulks(b"a", b"1", b"b", b"2"), bulks(b"b", b"1", b"a", b"2"))
    assert not same("SMEMBERS s", bulks(b"a", b"b"), Set((Bulk(b"a"), Bulk(b"b"))))
    page = Array((Bulk(b"0"), bulks(b"a", b"1", b"b", b"2")))
    assert same("HSCAN h 0", page, Array((Bulk(b"0"), bulks(b"b", b"2", b"a", b"1"))))
    assert not same("HSCAN h 0", page, Array((Bulk(b"0"), bulks(b"b", b"1", b"a", b"2"))))
    assert not same("HSCAN h 0", page, Array((Bulk(b"7"), bulks(b"a", b"1", b"b", b"2"))))
    assert not same("HRANDFIELD h 9 WITHVALUES", bulks(b"a", b"1", b"b", b"2"), bulks(b"a", b"2", b"b", b"1"))


def test_values_of_execute_become_replies():
    like = Map(((Bulk(b"a"), Double(b"1.50")),))
    assert reply_of_value({b"a": 1.5}, like) == like
    assert reply_of_value({b"a": 2.5}, like) != like
    assert reply_of_value([b"x", None, True, 3, "OK"], NULL) == Array(
        (Bulk(b"x"), NULL, Boolean(True), Int(3), OK))


STATE_COMMANDS = ["SET s 1", "RPUSH l a b", "HSET h f v g w", "SADD u b a 1x", "ZADD z 1 a 2.5 b", "EXPIRE h 1000"]
OTHER_STATES = ["INCR s", "RPUSH l a", "HSET h f w", "SADD u c", "SREM u a", "ZADD z 2 a", "PERSIST h", "DEL h"]


@pytest.mark.parametrize("other", OTHER_STATES)
def test_what_is_left_is_compared_by_type(oracle, itself, other):
    """Both protocols tell the same state; a value of any type that differs is seen."""
    itself.compare(*STATE_COMMANDS)
    states = []
    for resp, commands in ((2, STATE_COMMANDS), (3, STATE_COMMANDS), (3, [*STATE_COMMANDS, other])):
        with oracle.connect(resp=resp) as connection:
            connection.call("FLUSHALL")
            run_one_by_one(connection, steps_of(commands))
            states.append(keyspace_of(connection.pipeline))
    itself._assert_state("oracle", [], states[0], states[1], 3000)
    with pytest.raises(AssertionError, match="differs after|other keys are left"):
        itself._assert_state("oracle", [], states[0], states[2], 3000)


@pytest.fixture(scope="module")
def itself(oracle) -> Differential:
    return Differential(oracle, targets=["oracle"])


def test_the_oracle_equals_itself(itself):
    replies = itself.compare(
        "SET a 1", ("SET", b"\x00\xff", "x y"), "GET a", "INCR a", "GETX", "SET b 1 EX 100", "TTL b", "KEYS *",
        "SCAN 0 COUNT 100", "SET c 1 PX 20", Sleep(0.05), "GET c", "OBJECT IDLETIME a", "RANDOMKEY", "HELLO 3")
    assert replies[0] == OK and replies[3] == Int(2) and replies[10] == NULL_BULK


def test_a_closed_connection_is_a_reply(itself):
    assert itself.compare("QUIT", "PING") == [OK, CLOSED]


def test_a_difference_is_reported(itself):
    with pytest.raises(AssertionError, match="reply 1 of b'INCR' b'a' differs"):
        itself.compare("SET a 1", "INCR a", comparers={"INCR": lambda *told: False})


def test_long_pipelines_do_not_block(oracle):
    with oracle.connect() as connection:
        value = b"x" * 50_000
        replies = connection.pipeline([("ECHO", value)] * 200)
        assert replies == [Bulk(value)] * 200


def test_a_child_can_be_interrupted_though_this_process_cannot():
    """As when a shell runs the suite in the background; and a child that is not is killed behind the block."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with child(["sleep", "1000"]) as process:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == -signal.SIGINT
        with child(["sleep", "1000"]) as process:
            pass
        assert process.returncode == -signal.SIGKILL
    finally:
        signal.signal(signal.SIGINT, before)
