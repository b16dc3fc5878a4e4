"""Where the keys of commands of a stream are, as a real redis-server sees it."""
import pytest

from tests.resp import Array, Error
from wstore.replication.key_places import KeyFilter, keys_of

# They run as something else in a stream: blocking ones as what they have done, MIGRATE as DEL, XREADGROUP as XCLAIM.
NEVER_IN_A_STREAM = set("blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin lmpop migrate xreadgroup zmpop"
                        .split())

LINES = """append k v|bitfield k SET u8 0 1|bitop AND d a b|copy a b|decr k|decrby k 1|del a b c|expire k 1|expireat k 1
geoadd k 1 1 m|georadius k 1 1 1 m STORE d|georadius k 1 1 1 m COUNT 1 STOREDIST e|georadius k 1 1 1 m
georadiusbymember k m 1 m STORE d|geosearchstore d k FROMMEMBER m BYRADIUS 1 m|getdel k|getex k PERSIST|getset k v
hdel k f|hincrby k f 1|hincrbyfloat k f 1|hmset k f v|hset k f v|hsetnx k f v|incr k|incrby k 1|incrbyfloat k 1
linsert k BEFORE a b|lmove a b LEFT LEFT|lpop k|lpush k v w|lpushx k v|lrem k 0 v|lset k 0 v|ltrim k 0 1|move k 1
mset a 1 b 2|msetnx a 1 b 2|persist k|pexpire k 1|pexpireat k 1|pfadd k a b|pfdebug GETREG k|pfmerge d a b|psetex k 1 v
rename a b|renamenx a b|restore k 0 x REPLACE|restore-asking k 0 x|rpop k|rpoplpush a b|rpush k v|rpushx k v|sadd k a b
sdiffstore d a b|set k v PXAT 1|setbit k 0 1|setex k 1 v|setnx k v|setrange k 0 v|sinterstore d a b|smove a b m
sort k ALPHA STORE d|sort k|sort k BY store GET store STORE d|sort k STORE d GET store LIMIT 0 1
spop k|srem k m|sunionstore d a b|unlink a b
xack k g 1-1|xadd k * f v|xautoclaim k g c 0 0-0|xclaim k g c 0 1-1|xdel k 1-1|xgroup CREATE k g 0|xgroup DESTROY k g
xgroup CREATECONSUMER k g c|xgroup DELCONSUMER k g c|xgroup SETID k g 0|xsetid k 1-1|xtrim k MAXLEN 0|zadd k 1 m
zdiffstore d 2 a b|zincrby k 1 m|zinterstore d 2 a b WEIGHTS 1 2|zpopmax k|zpopmin k|zrangestore d a 0 1|zrem k m
zremrangebylex k - +|zremrangebyrank k 0 1|zremrangebyscore k 0 1|zunionstore d 1 a|eval text 2 a b c|eval text 0
evalsha hash 1 a b|fcall name 1 a b|flushall|flushdb ASYNC|publish channel text|swapdb 0 1|function FLUSH""".replace(
    "\n", "|").split("|")


@pytest.mark.parametrize("line", LINES)
def test_keys(oracle, line):
    words = line.encode().split()
    told = oracle.call("COMMAND", "GETKEYS", *words)
    expected = [] if isinstance(told, Error) else [key.data for key in told.items]
    assert sorted(keys_of(tuple(words))) == sorted(expected)


def test_no_command_that_writes_is_forgotten(oracle):
    def names(infos):
        for info in infos:
            flags = {flag.text for flag in info.items[2].items}
            if b"write" in flags and info.items[3].value + (b"movablekeys" in flags):
                yield info.items[0].data.decode().split("|")[0]
            yield from names(info.items[9].items)

    told = oracle.call("COMMAND")
    assert isinstance(told, Array)
    assert set(names(told.items)) - NEVER_IN_A_STREAM <= {line.split()[0] for line in LINES}


def test_a_shard_channel_counts_as_a_key():
    assert keys_of((b"SPUBLISH", b"channel", b"text")) == (b"channel",)


def test_filters():
    either = KeyFilter(slots=[(0, 16383)], match="user:*")
    assert either.passes((b"DEL", b"a", b"user:1")) and not either.passes((b"DEL", b"a", b"b"))
    assert either.passes((b"FLUSHALL",)) and either.passes((b"NOBODY", b"a"))
    assert not KeyFilter().chooses and KeyFilter(match=b"x").chooses
    assert not KeyFilter(slots=[]).passes((b"SET", b"a", b"b"))
