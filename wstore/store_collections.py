"""The methods of `wstore.Store` for hashes, lists, sets and sorted sets: redis-py's names and arguments over execute().

Names, fields, members and elements go in as bytes, or str as UTF-8, and come out as bytes; scores are floats.  A key
that is missing counts as an empty collection.  All methods raise ReplyError if the key holds another type.
"""
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Value = bytes | str | int | float
Key = bytes | str
Bound = Key | int | float       # of a range: a rank, a score, or a text such as "(1.5", "[a", "-"


def several(keys: Key | Iterable[Key], more: tuple[Key, ...]) -> tuple[Key, ...]:
    """One key or several, and more of them, as redis-py takes them, in a row."""
    return ((keys,) if isinstance(keys, bytes | str) else tuple(keys)) + more


def words(**options: object) -> list[str]:
    """The option words of those that are wanted, in capitals."""
    return [word.upper() for word, wanted in options.items() if wanted]


class CollectionMethods:
    """Methods by type; whoever inherits them supplies `execute`."""

    execute: Callable[..., Any]

    # -- hashes ----------------------------------------------------------------------------------------------------

    def hset(self, name: Key, key: Key | None = None, value: Value | None = None,
             mapping: Mapping[Key, Value] | None = None) -> int:
        """Store one field, a mapping of them, or both; how many of them are new."""
        pairs = [] if key is None else [key, value]
        pairs += [x for pair in (mapping or {}).items() for x in pair]
        return self.execute("HSET", name, *pairs)

    def hsetnx(self, name: Key, key: Key, value: Value) -> bool:
        """Store a field that does not exist yet; False: it does."""
        return bool(self.execute("HSETNX", name, key, value))

    def hget(self, name: Key, key: Key) -> bytes | None:
        """A field's value."""
        return self.execute("HGET", name, key)

    def hmget(self, name: Key, keys: Key | Iterable[Key], *more: Key) -> list[bytes | None]:
        """The values of several fields, in their order."""
        return self.execute("HMGET", name, *several(keys, more))

    def hgetall(self, name: Key) -> dict[bytes, bytes]:
        """All fields with their values."""
        return self.execute("HGETALL", name)

    def hdel(self, name: Key, *keys: Key) -> int:
        """Remove fields; how many there were."""
        return self.execute("HDEL", name, *keys)

    def hexists(self, name: Key, key: Key) -> bool:
        """Whether there is such a field."""
        return bool(self.execute("HEXISTS", name, key))

    def hlen(self, name: Key) -> int:
        """Number of fields."""
        return self.execute("HLEN", name)

    def hincrby(self, name: Key, key: Key, amount: int = 1) -> int:
        """Add to the integer in a field (0 if missing); the sum."""
        return self.execute("HINCRBY", name, key, amount)

    def hincrbyfloat(self, name: Key, key: Key, amount: float = 1.0) -> float:
        """Add to the number in a field (0 if missing); the sum."""
        return float(self.execute("HINCRBYFLOAT", name, key, amount))

    def hkeys(self, name: Key) -> list[bytes]:
        """All fields."""
        return self.execute("HKEYS", name)

    def hvals(self, name: Key) -> list[bytes]:
        """The values of all fields."""
        return self.execute("HVALS", name)

    def hscan_iter(self, name: Key, match: Key | None = None,
                   count: int | None = None) -> Iterator[tuple[bytes, bytes]]:
        """All fields with their values, one after another; those there the whole time come at least once."""
        return self._pairs("HSCAN", name, match, count)

    # -- lists -----------------------------------------------------------------------------------------------------

    def lpush(self, name: Key, *values: Value) -> int:
        """Put elements in front, one after another; the new length."""
        return self.execute("LPUSH", name, *values)

    def rpush(self, name: Key, *values: Value) -> int:
        """Append elements; the new length."""
        return self.execute("RPUSH", name, *values)

    def lpop(self, name: Key, count: int | None = None) -> bytes | list[bytes] | None:
        """Remove the first element, or a list of up to `count` first ones; None: no such list."""
        return self.execute("LPOP", name, *([] if count is None else [count]))

    def rpop(self, name: Key, count: int | None = None) -> bytes | list[bytes] | None:
        """Remove the last element, or a list of up to `count` last ones, the very last first; None: no such list."""
        return self.execute("RPOP", name, *([] if count is None else [count]))

    def lrange(self, name: Key, start: int, end: int) -> list[bytes]:
        """The elements from index `start` to `end`, both included; negative: from the end."""
        return self.execute("LRANGE", name, start, end)

    def llen(self, name: Key) -> int:
        """Number of elements."""
        return self.execute("LLEN", name)

    def lindex(self, name: Key, index: int) -> bytes | None:
        """The element at an index; negative: from the end."""
        return self.execute("LINDEX", name, index)

    def lset(self, name: Key, index: int, value: Value) -> bool:
        """Replace the element at an index. Raises ReplyError if there is none."""
        self.execute("LSET", name, index, value)
        return True

    def lrem(self, name: Key, count: int, value: Value) -> int:
        """Remove the first `count` elements that equal value (negative: the last; 0: all); how many were removed."""
        return self.execute("LREM", name, count, value)

    def ltrim(self, name: Key, start: int, end: int) -> bool:
        """Keep the elements from index `start` to `end` only."""
        self.execute("LTRIM", name, start, end)
        return True

    # -- sets ------------------------------------------------------------------------------------------------------

    def sadd(self, name: Key, *values: Value) -> int:
        """Add members; how many are new."""
        return self.execute("SADD", name, *values)

    def srem(self, name: Key, *values: Value) -> int:
        """Remove members; how many there were."""
        return self.execute("SREM", name, *values)

    def smembers(self, name: Key) -> set[bytes]:
        """All members."""
        return self.execute("SMEMBERS", name)

    def sismember(self, name: Key, value: Value) -> bool:
        """Whether there is such a member."""
        return bool(self.execute("SISMEMBER", name, value))

    def scard(self, name: Key) -> int:
        """Number of members."""
        return self.execute("SCARD", name)

    def spop(self, name: Key, count: int | None = None) -> bytes | set[bytes] | None:
        """Remove a member at random, or a set of up to `count` of them."""
        return self.execute("SPOP", name, *([] if count is None else [count]))

    def sinter(self, keys: Key | Iterable[Key], *more: Key) -> set[bytes]:
        """The members that all these sets have."""
        return self.execute("SINTER", *several(keys, more))

    def sunion(self, keys: Key | Iterable[Key], *more: Key) -> set[bytes]:
        """The members that any of these sets has."""
        return self.execute("SUNION", *several(keys, more))

    def sdiff(self, keys: Key | Iterable[Key], *more: Key) -> set[bytes]:
        """The members of the first set that no other one has."""
        return self.execute("SDIFF", *several(keys, more))

    def sscan_iter(self, name: Key, match: Key | None = None, count: int | None = None) -> Iterator[bytes]:
        """All members, one after another; those there the whole time come at least once."""
        for page in self._pages("SSCAN", name, match, count):
            yield from page

    # -- sorted sets -----------------------------------------------------------------------------------------------

    def zadd(self, name: Key, mapping: Mapping[Key, float], nx: bool = False, xx: bool = False, ch: bool = False,
             incr: bool = False, gt: bool = False, lt: bool = False) -> int | float | None:
        """Store members with their scores; how many are new, with ch how many are new or changed.

        nx: only new members; xx: only those there; gt, lt: change scores only upwards, downwards.  incr: add to the
        score of the one member; its new score, None if an option kept it from being changed.
        """
        options = words(nx=nx, xx=xx, gt=gt, lt=lt, ch=ch, incr=incr)
        return self.execute("ZADD", name, *options, *(x for member, score in mapping.items() for x in (score, member)))

    def zrem(self, name: Key, *values: Value) -> int:
        """Remove members; how many there were."""
        return self.execute("ZREM", name, *values)

    def zscore(self, name: Key, value: Value) -> float | None:
        """A member's score."""
        return self.execute("ZSCORE", name, value)

    def zincrby(self, name: Key, amount: float, value: Value) -> float:
        """Add to a member's score (0 if missing); the sum."""
        return self.execute("ZINCRBY", name, amount, value)

    def zcard(self, name: Key) -> int:
        """Number of members."""
        return self.execute("ZCARD", name)

    def zrank(self, name: Key, value: Value) -> int | None:
        """A member's place in the order of scores, from 0."""
        return self.execute("ZRANK", name, value)

    def zrange(self, name: Key, start: Bound, end: Bound, desc: bool = False, withscores: bool = False,
               byscore: bool = False, bylex: bool = False, offset: int | None = None,
               num: int | None = None) -> list[bytes] | list[tuple[bytes, float]]:
        """Members in the order of scores, withscores: pairs of member and score.

        start and end are ranks, both included; byscore: scores ("(1" excludes, "-inf"); bylex: members ("[a", "(a",
        "-", "+").  desc: from the end, where start is the higher bound.  offset, num: of those, `num` from the
        offset-th on.
        """
        options: list[object] = list(words(byscore=byscore, bylex=bylex, rev=desc))
        if offset is not None or num is not None:
            options += ["LIMIT", 0 if offset is None else offset, -1 if num is None else num]
        options += words(withscores=withscores)
        items = self.execute("ZRANGE", name, start, end, *options)
        return [(member, score) for member, score in items] if withscores else items

    def zcount(self, name: Key, min: Bound, max: Bound) -> int:
        """How many members have a score between these bounds, both included unless written as "(1.5"."""
        return self.execute("ZCOUNT", name, min, max)

    def zscan_iter(self, name: Key, match: Key | None = None,
                   count: int | None = None) -> Iterator[tuple[bytes, float]]:
        """All members with their scores, one after another; those there the whole time come at least once."""
        for member, score in self._pairs("ZSCAN", name, match, count):
            yield member, float(score)

    # -- scanning --------------------------------------------------------------------------------------------------

    def _pages(self, command: str, name: Key, match: Key | None, count: int | None) -> Iterator[list[bytes]]:
        options = [x for word, value in (("MATCH", match), ("COUNT", count)) if value is not None
                   for x in (word, value)]
        cursor = b"0"
        while True:
            cursor, page = self.execute(command, name, cursor, *options)
            yield page
            if cursor == b"0":
                return

    def _pairs(self, command: str, name: Key, match: Key | None, count: int | None) -> Iterator[tuple[bytes, bytes]]:
        for page in self._pages(command, name, match, count):
            yield from zip(page[::2], page[1::2], strict=True)
