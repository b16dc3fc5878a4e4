"""How replies of two servers are compared: exactly, unless the command's answer is unordered, timed or random.

A comparer is `fn(args, expected, actual, tolerance_ms) -> bool`; `args` is the command as bytes.  `COMPARERS` maps
a command's name, or "NAME SUBCOMMAND", to one.  What is not listed is compared exactly.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.resp import NULL, Array, Boolean, Bulk, Closed, Double, Error, Int, Map, Push, Reply, Set, Simple, Verbatim

Comparer = Callable[[Sequence[bytes], Reply, Reply, int], bool]


def exactly(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    return expected == actual


def unordered(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """Arrays with the same items in any order; anything else exactly."""
    if type(expected) is not type(actual) or not isinstance(expected, (Array, Set)):
        return expected == actual
    return sorted(map(repr, expected.items)) == sorted(map(repr, actual.items))


def unordered_map(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """Maps, also as RESP2 writes them (flat arrays), with the same pairs in any order."""
    def pairs(reply: Reply) -> list:
        if isinstance(reply, Map):
            return sorted(map(repr, reply.pairs))
        return sorted(map(repr, zip(reply.items[::2], reply.items[1::2], strict=False)))
    if type(expected) is not type(actual) or not isinstance(expected, (Array, Map)):
        return expected == actual
    return pairs(expected) == pairs(actual)


def scan_page(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """SCAN over everything in one call: keys in any order, the cursor 0. (Other cursors are a server's own.)"""
    if not (isinstance(expected, Array) and isinstance(actual, Array)):
        return expected == actual
    if len(actual.items) != 2 or expected.items[0] != actual.items[0]:
        return False
    return unordered(args, expected.items[1], actual.items[1], tolerance_ms)


def scan_pairs_page(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """HSCAN or ZSCAN over everything in one call: names with their values in any order."""
    if not (isinstance(expected, Array) and isinstance(actual, Array)):
        return expected == actual
    if len(actual.items) != 2 or expected.items[0] != actual.items[0]:
        return False
    return unordered_map(args, expected.items[1], actual.items[1], tolerance_ms)


def random_members(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """SRANDMEMBER, HRANDFIELD, ZRANDMEMBER, SPOP: so many, of the same form; all of them in any order if the count
    asks for more than there are."""
    if not same_shape(args, expected, actual):
        return False
    if len(args) < 3 or not isinstance(expected, (Array, Set)):
        return True
    names_step = 2 if len(args) > 3 and not any(isinstance(item, Array) for item in expected.items) else 1
    if int(args[2]) <= len(expected.items) // names_step:
        return True
    return (unordered if names_step == 1 else unordered_map)(args, expected, actual, tolerance_ms)


def near(unit_ms: int) -> Comparer:
    """Times in units of `unit_ms` that may differ by the tolerance; -1, -2 and non-integers exactly."""
    def compare(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
        if not (isinstance(expected, Int) and isinstance(actual, Int)) or expected.value < 0 or actual.value < 0:
            return expected == actual
        allowed = 0 if tolerance_ms == 0 else max(1, tolerance_ms // unit_ms)
        return abs(expected.value - actual.value) <= allowed
    return compare


def same_shape(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int = 0) -> bool:
    """The same types down to the leaves, whatever the values; errors exactly. For random and timed replies."""
    if isinstance(expected, Error) or isinstance(actual, Error) or type(expected) is not type(actual):
        return expected == actual
    if isinstance(expected, (Array, Set, Push)):
        pairs = zip(expected.items, actual.items, strict=False)
        return len(expected.items) == len(actual.items) and all(same_shape(args, a, b) for a, b in pairs)
    if isinstance(expected, Map):
        return [key for key, _ in expected.pairs] == [key for key, _ in actual.pairs]
    return True


def same_type(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """The same outermost type; errors exactly."""
    if isinstance(expected, Error) or isinstance(actual, Error):
        return expected == actual
    return type(expected) is type(actual)


def hello(args: Sequence[bytes], expected: Reply, actual: Reply, tolerance_ms: int) -> bool:
    """HELLO: the same fields in the same order; those that name no server, version or client have equal values."""
    def fields(reply: Reply) -> list | None:
        if isinstance(reply, Map):
            return list(reply.pairs)
        return list(zip(reply.items[::2], reply.items[1::2], strict=False)) if isinstance(reply, Array) else None
    ours, theirs = fields(actual), fields(expected)
    if theirs is None or ours is None or [key for key, _ in theirs] != [key for key, _ in ours]:
        return expected == actual
    free = (Bulk(b"server"), Bulk(b"version"), Bulk(b"id"))
    return all(a == b or (key in free and type(a) is type(b)) for (key, a), (_, b) in zip(theirs, ours, strict=False))


COMPARERS: dict[str, Comparer] = {
    "KEYS": unordered,
    "SCAN": scan_page,
    "HGETALL": unordered_map,
    "HKEYS": unordered,
    "HVALS": unordered,
    "HSCAN": scan_pairs_page,
    "HRANDFIELD": random_members,
    "SMEMBERS": unordered,
    "SINTER": unordered,
    "SUNION": unordered,
    "SDIFF": unordered,
    "SSCAN": scan_page,
    "SPOP": random_members,
    "SRANDMEMBER": random_members,
    "ZSCAN": scan_pairs_page,
    "ZRANDMEMBER": random_members,
    "TTL": near(1000),
    "PTTL": near(1),
    "EXPIRETIME": near(1000),
    "PEXPIRETIME": near(1),
    "RANDOMKEY": same_type,
    "TIME": same_shape,
    "LASTSAVE": same_shape,
    "INFO": same_type,
    "LOLWUT": same_type,
    "HELLO": hello,
    "CONFIG GET": unordered_map,
    "CLIENT ID": same_shape,
    "CLIENT INFO": same_type,
    "CLIENT LIST": same_type,
    "OBJECT IDLETIME": same_shape,
    "OBJECT FREQ": same_shape,
    "MEMORY USAGE": same_shape,
    "MEMORY STATS": same_type,
    "MEMORY DOCTOR": same_type,
    "DEBUG OBJECT": same_type,
    "SLOWLOG GET": same_type,
    "COMMAND COUNT": same_shape,
}


def comparer_of(args: Sequence[bytes], overrides: dict[str, Comparer] | None = None) -> Comparer:
    """The comparer of a command: the override if there is one, else the table's, else exact."""
    words = [word.decode("latin-1").upper() for word in args[:2]]
    for table in (overrides or {}, COMPARERS):
        for name in (" ".join(words), words[0] if words else ""):
            if name in table:
                return table[name]
    return exactly


def reply_of_value(value: object, like: Reply) -> Reply:
    """A Python value from Store.execute() as the RESP3 reply it stands for.

    Where one Python type serves several RESP types, `like` (the oracle's reply) decides: bytes may be a bulk or
    a verbatim string, a list may be an array or push, a float may be a double or its text.
    """
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Boolean(value)
    if isinstance(value, int):
        return Int(value)
    if isinstance(value, float):
        same = isinstance(like, Double) and float(like.text) == value != 0      # 0 and -0 are equal, and differ
        return like if same else Double(b"%.17g" % value)
    if isinstance(value, str):
        return Simple(value.encode())
    if isinstance(value, bytes):
        return Verbatim(like.kind, value) if isinstance(like, Verbatim) else Bulk(value)
    return _aggregate_of_value(value, like)


def _aggregate_of_value(value: object, like: Reply) -> Reply:
    likes = list(like.items) if isinstance(like, (Array, Set, Push)) else []
    pairs = list(like.pairs) if isinstance(like, Map) else []
    if isinstance(value, dict):
        pairs += [(Closed(), Closed())] * (len(value) - len(pairs))
        fields = zip(value.items(), pairs, strict=False)
        return Map(tuple((reply_of_value(k, a), reply_of_value(v, b)) for (k, v), (a, b) in fields))
    assert isinstance(value, (list, tuple, set, frozenset)), f"execute() answered {value!r}"
    likes += [Closed()] * (len(value) - len(likes))
    kind = Set if isinstance(value, (set, frozenset)) else Push if isinstance(like, Push) else Array
    return kind(tuple(reply_of_value(item, a) for item, a in zip(value, likes, strict=False)))
