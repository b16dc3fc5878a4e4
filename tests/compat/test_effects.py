"""What write commands leave in the log: the append only file of redis-server and the stream of wstore, side by side.

A case is a story of some connections, told to both on an empty keyspace. Lines: "COMMAND ARG ...", of connection a;
"b: COMMAND ARG ...", of another one, which may block; "sleep SECONDS". Arguments may be {time+N}, {time-N}: Unix time
in seconds so far from now, {ms+N}: in milliseconds, and {dump}: a payload of DUMP. Times in the logs may differ by a
few seconds, all else not, the order and MULTI included.
"""
from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

import wstore
from tests.harness import Connection, ServerProcess, start_oracle
from tests.processes import wait_for
from tests.resp import to_bytes
from tests.streams import Words, commands_in

TOLERANCE_MS = 5000
EPOCH_MS_DIGITS = 13
FLAG_WRITE = 1
DUMP_OF_V = b"\x00\x01v\n\x00\x91\x08\xce\xb2\x198\x8a\xce"

CASES = {
    # -- strings
    "set": ["SET k v", "SET k v", "set k w", "SET k v NX", "SET k v XX", "SET q v XX"],
    "set-ttl": ["SET k v EX 100", "SET k v PX 100000", "SET k v EXAT {time+100}", "SET k v PXAT {ms+100000}",
                "SET q v EX 100 NX", "SET q v PX 100000 XX", "set q v exat {time+100} xx", "SET q v PXAT {ms+9999} XX"],
    "set-past": ["SET k v", "SET k w EXAT 1", "GET k", "SET k w PXAT 1", "SET k w", "GET k"],
    "set-get": ["SET k v GET", "SET k w get", "SET k v GET EX 100", "SET k v EX 100 GET", "SET k v GET PXAT {ms+9999}",
                "SET k v XX GET", "SET k v GET NX", "SET q v NX GET", "SET k v KEEPTTL GET", "SET k v GET KEEPTTL XX"],
    "set-keepttl": ["SET k v EX 100", "SET k w KEEPTTL", "SET q w KEEPTTL XX"],
    "setnx": ["SETNX k v", "SETNX k w"],
    "setex": ["SETEX k 100 v", "setex k 0 v", "PSETEX k 100000 v", "SET k v"],
    "getset": ["GETSET k v", "GETSET k w", "LPUSH l a", "GETSET l x"],
    "getdel": ["GETDEL k", "SET k v", "GETDEL k", "LPUSH l a", "GETDEL l"],
    "getex": ["SET k v", "GETEX k", "GETEX k EX 100", "GETEX k PX 100000", "GETEX k EXAT {time+100}",
              "GETEX k PXAT {ms+99999}", "GETEX k PERSIST", "GETEX k PERSIST", "GETEX q EX 100", "GETEX k EXAT 1",
              "SET k v", "GETEX k PXAT 1", "GETEX k EX 10"],
    "mset": ["MSET a 1 b 2", "MSET a 1 a 2", "MSETNX a 1 c 2", "MSETNX c 1 d 2"],
    "append": ["APPEND k v", "APPEND k v", "APPEND k ''", "SETRANGE k 1 xyz", "SETRANGE k 9 ''", "SETRANGE q 5 x"],
    "incr": ["INCR n", "DECR n", "INCRBY n 5", "DECRBY n 3", "INCRBY n 0", "SET k v", "INCR k"],
    "incrbyfloat": ["INCRBYFLOAT n 1.5", "INCRBYFLOAT n 1e3", "SET m 10 EX 100", "incrbyfloat m 0.1",
                    "INCRBYFLOAT n 0", "INCRBYFLOAT n x"],
    "bits": ["SETBIT k 7 1", "SETBIT k 7 1", "BITOP NOT d k", "BITOP AND e none none2", "BITOP OR d none",
             "BITFIELD k SET u8 0 5 GET u8 0", "BITFIELD k GET u8 0", "BITFIELD k OVERFLOW FAIL INCRBY u2 0 9",
             "BITFIELD n INCRBY i5 100 1", "BITFIELD_RO k GET u8 0"],
    # -- keys
    "del": ["DEL k", "SET k v", "SET q v", "DEL k none q", "SET k v", "UNLINK none k", "UNLINK k"],
    "rename": ["SET k v", "RENAME k q", "RENAME q q", "SET k w", "RENAMENX k q", "RENAMENX q r", "RENAME none x"],
    "copy": ["SET k v EX 100", "COPY k q", "COPY k q", "COPY k q REPLACE", "COPY k k DB 1", "SELECT 1", "SET z z"],
    "move": ["SET k v EX 100", "MOVE k 1", "MOVE k 1", "SELECT 1", "MOVE k 0", "SET x x", "SELECT 0", "SET x x",
             "MOVE x 1"],
    "expire": ["EXPIRE k 100", "SET k v", "EXPIRE k 100", "EXPIRE k 100 NX", "EXPIRE k 200 XX", "EXPIRE k 300 GT",
               "PEXPIRE k 99999 lt", "expireat k {time+100}", "PEXPIREAT k {ms+99999}", "pexpireat k {ms+199999} GT",
               "PERSIST k", "PERSIST k"],
    "expire-past": ["SET k v", "EXPIRE k -1", "SET k v", "EXPIRE k 0", "SET k v", "PEXPIREAT k 1", "SET k v",
                    "EXPIREAT k {time-1}", "SET k v", "PEXPIRE k -5 NX"],
    "expired": ["SET k v PX 5", "SET q v PX 5", "SET r v PX 5", "LPUSH l a", "PEXPIRE l 5", "sleep 0.02", "GET k",
                "SET q w", "MGET r l", "SADD s a", "PEXPIRE s 5", "sleep 0.02", "SADD s b", "SET a 1 PX 5",
                "SET b 2 PX 5", "sleep 0.02", "DEL a b", "SET a 1 PX 5", "SET b 2 PX 5", "sleep 0.02", "RENAME a b",
                "SET a 1", "SET b 2 PX 5", "sleep 0.02", "RENAME a b"],
    "expired-kinds": ["SET k v PX 5", "sleep 0.02", "EXISTS k", "SET k v PX 5", "sleep 0.02", "TTL k", "SET k v PX 5",
                      "sleep 0.02", "TYPE k", "SET k v PX 5", "sleep 0.02", "INCR k", "SET k v PX 5", "sleep 0.02",
                      "EXPIRE k 100", "SET k v PX 5", "sleep 0.02", "KEYS *", "SET k v PX 5", "sleep 0.02", "SCAN 0",
                      "SET k v PX 5", "sleep 0.02", "RANDOMKEY", "SET k v PX 5", "sleep 0.02", "TOUCH k",
                      "SET k v PX 5", "sleep 0.02", "DUMP k", "SET k v PX 5", "sleep 0.02", "OBJECT ENCODING k",
                      "SET k v PX 5", "sleep 0.02", "GETEX k EX 5", "SET k v PX 5", "sleep 0.02", "COPY k q",
                      "SET k v PX 5", "sleep 0.02", "GETDEL k", "SET k v PX 5", "sleep 0.02", "RESTORE k 0 {dump}"],
    "expired-unlink": ["CONFIG SET lazyfree-lazy-expire yes", "SET k v PX 5", "sleep 0.02", "GET k", "SET k v",
                       "EXPIRE k -1", "SET k v", "GETEX k PXAT 1", "SET k v", "SET k v PXAT 1", "GET k",
                       "RESTORE k 1 {dump} ABSTTL", "SET k v", "RESTORE k 1 {dump} ABSTTL REPLACE",
                       "CONFIG SET lazyfree-lazy-expire no"],
    "expired-active": ["DEBUG SET-ACTIVE-EXPIRE 1", "SET k v PX 5", "sleep 0.4", "SET q v",
                       "DEBUG SET-ACTIVE-EXPIRE 0"],
    "restore": ["RESTORE k 0 {dump}", "RESTORE k 0 {dump}", "RESTORE k 100000 {dump} REPLACE",
                "RESTORE k {ms+100000} {dump} REPLACE ABSTTL", "RESTORE k 1 {dump} ABSTTL REPLACE",
                "RESTORE k 1 {dump} ABSTTL", "RESTORE k 100000 {dump} REPLACE IDLETIME 5", "RESTORE q 0 junk",
                "RESTORE-ASKING q 0 {dump}", "RESTORE-ASKING q 50000 {dump} REPLACE"],
    "restore-bad": ["SET k v", "RESTORE k 0 junk REPLACE", "RESTORE k -1 {dump} REPLACE"],
    "sort": ["RPUSH l 3 1 2", "SORT l STORE d", "SORT none STORE d", "SORT none STORE d", "SORT l", "SORT_RO l"],
    # -- databases
    "flush": ["FLUSHDB", "FLUSHALL", "SET k v", "FLUSHDB ASYNC", "flushall sync", "SELECT 2", "FLUSHDB", "SET k v",
              "FLUSHALL", "FLUSHDB SYNC", "FLUSHALL x"],
    "swapdb": ["SET k v", "SWAPDB 0 1", "SET k w", "SWAPDB 0 0", "SELECT 1", "GET k", "SET q 1", "SWAPDB 1 3",
               "SET z 1", "SWAPDB 0 99"],
    "select": ["SELECT 5", "SET k v", "GET k", "SELECT 4", "SELECT 5", "SET k v", "SELECT 0", "DEL none", "SET k v"],
    # -- hashes
    "hash": ["HSET h a 1", "HSET h a 1", "HSET h a 1 b 2", "HMSET h c 3", "HSETNX h a 1", "HSETNX h d 1",
             "HINCRBY h a 5", "HINCRBY h n 0", "HDEL h none", "HDEL h a none", "HDEL h b c d n", "HDEL h a"],
    "hincrbyfloat": ["HINCRBYFLOAT h f 1.5", "HINCRBYFLOAT h f 1e2", "HSET h t x", "HINCRBYFLOAT h t 1",
                     "hincrbyfloat h f 0"],
    # -- lists
    "push": ["LPUSH l a b c", "RPUSH l d", "LPUSHX l e", "RPUSHX none e", "LPUSHX none e", "RPUSHX l f", "SET k v",
             "LPUSH k a"],
    "pop": ["RPUSH l a b c d e f g", "LPOP l", "RPOP l", "LPOP l 2", "RPOP l 0", "LPOP l 99", "LPOP l", "LPOP l 0",
            "RPOP none 3"],
    "lmpop": ["RPUSH l a b c d", "LMPOP 2 none l LEFT", "LMPOP 1 l RIGHT COUNT 2", "lmpop 1 l left count 9",
              "LMPOP 1 l LEFT"],
    "lmove": ["RPUSH l a b c", "LMOVE l m LEFT RIGHT", "RPOPLPUSH l m", "LMOVE l l LEFT LEFT", "LMOVE none m LEFT LEFT",
              "RPOPLPUSH none m", "SET k v", "LMOVE l k LEFT LEFT", "RPOPLPUSH l m"],
    "list-inside": ["RPUSH l a b c b a", "LSET l 0 x", "LSET l 0 x", "LSET l 99 x", "LINSERT l BEFORE b y",
                    "LINSERT l AFTER none y", "LINSERT none AFTER a y", "LREM l 1 b", "LREM l 0 none", "LTRIM l 0 -1",
                    "LTRIM l 1 2", "LTRIM l 5 9"],
    "blocking-at-once": ["RPUSH l a b c d e f g h i j", "BLPOP none l 0", "BRPOP l 0", "BLMPOP 0 2 none l LEFT",
                         "BLMPOP 0 1 l RIGHT COUNT 2", "BLMOVE l m LEFT RIGHT 0", "BRPOPLPUSH l m 0", "blpop l 1",
                         "BLPOP none 0.01", "BLMPOP 0 1 l LEFT COUNT 99"],
    "blocking-served": ["b: BLPOP none l 0", "RPUSH l a b", "b: BRPOP l2 0", "RPUSH l2 x",
                        "b: BLMPOP 0 1 l3 RIGHT COUNT 5", "RPUSH l3 a b c", "b: BLMOVE l4 m LEFT RIGHT 0",
                        "RPUSH l4 a", "b: BRPOPLPUSH l5 m 0", "RPUSH l5 a", "b: BLMPOP 0 1 l6 LEFT", "LPUSH l6 a"],
    "blocking-several": ["b: BLPOP l 0", "c: BLPOP l 0", "d: BRPOP l 0", "RPUSH l a b c d"],
    "blocking-chain": ["b: BLMOVE l m LEFT RIGHT 0", "c: BLPOP m 0", "RPUSH l a"],
    "blocking-multi": ["b: BLPOP l 0", "c: BZPOPMIN z 0", "MULTI", "RPUSH l a b", "ZADD z 1 a 2 b", "SET k v", "EXEC"],
    "blocking-renamed": ["b: BLPOP l 0", "RPUSH x a", "RENAME x l"],
    "blocking-other-db": ["b: SELECT 3", "b: BLPOP l 0", "SELECT 1", "RPUSH l a", "SWAPDB 1 3", "SET k v"],
    "blocking-wrong": ["b: BLMOVE l m LEFT RIGHT 0", "SET m v", "RPUSH l a"],
    "blocking-in-multi": ["RPUSH l a b", "MULTI", "BLPOP l 0", "BLPOP none 0", "BLMOVE l m LEFT LEFT 0", "EXEC"],
    # -- sets
    "set-type": ["SADD s a b c", "SADD s a", "SADD s a d", "SREM s none", "SREM s a none", "SMOVE s t b",
                 "SMOVE s t none", "SMOVE s s c", "SREM s c d", "SMOVE none t a"],
    "set-store": ["SADD s a b", "SADD t b c", "SINTERSTORE d s t", "SUNIONSTORE d s t", "SDIFFSTORE d s t",
                  "SINTERSTORE d s none", "SINTERSTORE d s none", "SDIFFSTORE e none s"],
    "spop": ["SADD s a", "SPOP s", "SPOP s", "SADD s a b c", "SPOP s 3", "SADD s a b c", "SPOP s 9", "SPOP s 0",
             "SPOP s 2"],
    # -- sorted sets
    "zset": ["ZADD z 1 a 2 b", "ZADD z 1 a", "ZADD z CH 3 a", "ZADD z INCR 1 a", "ZADD z NX 9 a", "ZADD z GT 1 a",
             "ZADD z XX 1 none", "ZADD z NX INCR 1 a", "ZINCRBY z 2 a", "ZINCRBY z 0 a", "ZREM z none", "ZREM z a none",
             "ZREM z b"],
    "zpop": ["ZADD z 1 a 2 b 3 c 4 d 5 e", "ZPOPMIN z", "ZPOPMAX z", "ZPOPMIN z 2", "ZPOPMIN z 0", "ZPOPMAX none",
             "ZPOPMIN z 99"],
    "zmpop": ["ZADD z 1 a 2 b 3 c 4 d 5 e", "ZMPOP 2 none z MIN", "ZMPOP 1 z MAX COUNT 2", "zmpop 1 z min count 99",
              "ZMPOP 1 z MIN"],
    "zset-blocking-at-once": ["ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", "BZPOPMIN none z 0", "BZPOPMAX z 0",
                              "BZMPOP 0 1 z MIN COUNT 2", "BZMPOP 0 2 none z MAX", "BZPOPMIN none 0.01"],
    "zset-blocking-served": ["b: BZPOPMIN none z 0", "ZADD z 1 a 2 b", "b: BZPOPMAX y 0", "ZADD y 1 a",
                             "b: BZMPOP 0 1 x MIN COUNT 5", "ZADD x 1 a 2 b", "b: BZMPOP 0 1 w MAX", "ZADD w 1 a"],
    "zset-store": ["ZADD z 1 a 2 b", "ZADD y 3 b 4 c", "ZUNIONSTORE d 2 z y", "ZINTERSTORE d 2 z y WEIGHTS 2 3",
                   "ZDIFFSTORE d 2 z y", "ZINTERSTORE d 2 z none", "ZINTERSTORE d 2 z none", "ZRANGESTORE d z 0 0",
                   "ZRANGESTORE d z 9 9", "ZRANGESTORE d z 9 9", "ZUNIONSTORE d 1 none"],
    "zset-remove": ["ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", "ZREMRANGEBYRANK z 0 0", "ZREMRANGEBYSCORE z (2 3",
                    "ZREMRANGEBYRANK z 99 100", "ZREMRANGEBYSCORE z 50 60", "ZREMRANGEBYLEX z [d [d",
                    "ZREMRANGEBYRANK z 0 -1"],
    # -- transactions and the rest
    "multi": ["MULTI", "SET a 1", "EXEC", "MULTI", "SET a 1", "SET b 2", "EXEC", "MULTI", "GET a", "EXEC", "MULTI",
              "EXEC", "MULTI", "SET a 1", "LPUSH a x", "EXEC", "MULTI", "SET a 1", "DISCARD"],
    "multi-databases": ["MULTI", "SELECT 1", "SET a 1", "SELECT 2", "SET b 2", "EXEC", "SET c 3", "MULTI", "SELECT 3",
                        "SET a 1", "EXEC"],
    "multi-rewritten": ["MULTI", "SET a 1 EX 100", "INCRBYFLOAT n 1.5", "EXPIRE a 200", "GETDEL a", "FLUSHALL", "EXEC"],
    "multi-expired": ["SET a 1 PX 5", "sleep 0.02", "MULTI", "GET a", "EXEC", "SET a 1 PX 5", "sleep 0.02", "MULTI",
                      "GET a", "SET b 1", "EXEC"],
    "multi-spop": ["SADD s a", "MULTI", "SPOP s", "EXEC"],
    "watch": ["WATCH a", "SET a 1", "MULTI", "SET b 1", "EXEC"],
    "not-logged": ["PUBLISH c m", "SPUBLISH c m", "PING", "CONFIG SET maxclients 10000", "SELECT 0", "DEBUG OBJECT k",
                   "OBJECT HELP", "SET k v", "GET k", "TOUCH k", "SUBSTR k 0 0", "SCRIPT FLUSH"],
    "errors": ["SET k v", "LPUSH k a", "HSET k a b", "SADD k a", "ZADD k 1 a", "ZADD z 1 a x b", "LPOP k", "INCRBY k x",
               "RPUSH l a", "BLMOVE l k LEFT LEFT 0", "SMOVE k s a", "SET k v EX x", "EXPIRE k x", "SETRANGE l 0 x",
               "SINTERSTORE d k", "ZUNIONSTORE d 1 l", "SORT l STORE", "SORT k STORE d", "NOSUCH x", "SET k",
               "GETEX k EX 0", "HINCRBYFLOAT k f 1", "LSET none 0 x", "BITFIELD k SET u8 0 1 INCRBY u99 0 1"],
}
RANDOM_CASES = {
    "spop-one": ["SADD s a b c", "SPOP s"],
    "spop-some": ["SADD s 1 2 3 4 5 6 7 8 9", "SPOP s 2", "SADD s 1 2 3 4 5 6 7 8 9", "SPOP s 8"],
    "spop-in-multi": ["SADD s a b c d e", "MULTI", "SPOP s 2", "SPOP s", "EXEC"],
}


class OracleSide:
    """A redis-server with an append only file, and where we are in that."""

    def __init__(self, server: ServerProcess):
        self.server = server
        self.at = 0

    def connect(self) -> Connection:
        return self.server.connect()

    def logged(self) -> bytes:
        with open(self.server.folder / "appendonlydir" / "appendonly.aof.1.incr.aof", "rb") as file:
            file.seek(self.at)
            data = file.read()
        self.at += len(data)
        return data


class OwnSide:
    """A wstore server in this process."""

    def __init__(self, server: wstore.Server):
        self.server = server

    def connect(self) -> Connection:
        return Connection(self.server.port)

    def logged(self) -> bytes:
        return self.server.store.stream_take()


Side = OracleSide | OwnSide


@pytest.fixture(scope="module")
def oracle_side() -> Iterator[OracleSide]:
    with start_oracle("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no",
                      "--auto-aof-rewrite-percentage", "0") as server:
        server.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        yield OracleSide(server)


@pytest.fixture(scope="module")
def own_side() -> Iterator[OwnSide]:
    with wstore.Server(enable_debug_command="yes") as server:
        server.store.stream_start()
        server.store.execute("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        yield OwnSide(server)


def words_of(line: str) -> list[bytes]:
    """The arguments of a line."""
    now_ms = int(time.time() * 1000)

    def filled(match: re.Match) -> str:
        kind, amount = match.groups()
        return str(now_ms + int(amount) if kind == "ms" else now_ms // 1000 + int(amount))

    line = re.sub(r"\{(ms|time)([+-]\d+)\}", filled, line)
    return [DUMP_OF_V if word == "{dump}" else b"" if word == "''" else to_bytes(word) for word in line.split(" ")]


def play(side: Side, lines: list[str]) -> list[Words]:
    """Tell the story to one side; what it has logged."""
    cast: dict[str, Connection] = {}
    with side.connect() as control:
        control.call("FLUSHALL")
        side.logged()
        for line in lines:
            name, line = line.split(": ", 1) if ": " in line else ("a", line)
            if line.startswith("sleep"):
                time.sleep(float(line.split()[1]))
                continue
            if name not in cast:
                cast[name] = side.connect()
            if name == "a" or "SELECT" in line:
                cast[name].call(*words_of(line))
            else:
                blocked_client(control, cast[name], line)
            control.call("PING")
        logged = side.logged()
    for connection in cast.values():
        connection.close()
    return commands_in(logged)


def blocked_client(control: Connection, connection: Connection, line: str) -> None:
    """Send a command that waits, and wait until it does."""
    def blocked() -> int:
        info = control.call("INFO", "clients").data
        return int(re.search(rb"blocked_clients:(\d+)", info).group(1))
    before = blocked()
    connection.send(*words_of(line))
    wait_for(lambda: blocked() == before + 1)


def same_word(a: bytes, b: bytes) -> bool:
    """Whether two arguments are equal, or times that are nearly so."""
    if a == b or {a, b} in ({b"LEFT", b"left"}, {b"RIGHT", b"right"}):     # redis: BLMOVE, served later
        return True
    both_times = all(word.isdigit() and len(word) >= EPOCH_MS_DIGITS for word in (a, b))
    return both_times and abs(int(a) - int(b)) <= TOLERANCE_MS


def same_log(a: list[Words], b: list[Words]) -> bool:
    return len(a) == len(b) and all(
        len(one) == len(other) and all(map(same_word, one, other)) for one, other in zip(a, b, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_log_is_that_of_redis(oracle_side: OracleSide, own_side: OwnSide, name: str) -> None:
    expected = play(oracle_side, CASES[name])
    found = play(own_side, CASES[name])
    assert same_log(expected, found), f"redis: {expected}\nwstore: {found}"


@pytest.mark.parametrize("name", RANDOM_CASES)
def test_random_members_are_named_in_the_log(oracle_side: OracleSide, own_side: OwnSide, name: str) -> None:
    """Which members go differs; the form does not."""
    def form(log: list[Words]) -> list[Words]:
        return [words[:2] + (b"?",) * (len(words) - 2) if words[0] == b"SREM" else words for words in log]
    expected = form(play(oracle_side, RANDOM_CASES[name]))
    assert form(play(own_side, RANDOM_CASES[name])) == expected
    assert any(words[0] == b"SREM" for words in expected)


def test_every_write_command_has_a_case(own_side: OwnSide) -> None:
    told = {words_of(line.split(": ", 1)[-1])[0].decode().lower()
            for lines in (CASES | RANDOM_CASES).values() for line in lines}
    writing = {spec["name"] for spec in own_side.server.store.command_specs() if spec["flags"] & FLAG_WRITE}
    assert writing
    assert {name.decode() if isinstance(name, bytes) else name for name in writing} - told == set()
