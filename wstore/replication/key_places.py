"""Where the keys are in the commands that stand in a stream of writes, and `KeyFilter`, which chooses among commands.

A place is (first, last, step) as COMMAND has them, last counted from the end if negative.
"""
from collections.abc import Iterable

from wstore.engine._engine import glob_match, key_slot
from wstore.persistence.rdb import glob_bytes, slot_mask

_PLACES = {
    (1, 1, 1): """append bitfield decr decrby expire expireat geoadd georadius georadiusbymember getdel getex getset
        hdel hincrby hincrbyfloat hmset hset hsetnx incr incrby incrbyfloat linsert lpop lpush lpushx lrem lset ltrim
        move persist pexpire pexpireat pfadd psetex restore restore-asking rpop rpush rpushx sadd set setbit setex
        setnx setrange sort spop spublish srem xack xadd xautoclaim xclaim xdel xsetid xtrim zadd zincrby zpopmax
        zpopmin zrem zremrangebylex zremrangebyrank zremrangebyscore""",
    (1, 2, 1): "copy geosearchstore lmove rename renamenx rpoplpush smove zrangestore",
    (1, -1, 1): "del pfmerge sdiffstore sinterstore sunionstore unlink",
    (1, -1, 2): "mset msetnx",
    (2, 2, 1): "pfdebug xgroup",
    (2, -1, 1): "bitop",
}
_PLACE_OF = {name.encode(): place for place, names in _PLACES.items() for name in names.split()}
_COUNTED = {                            # a destination in front or not; the number of the others stands at index 2
    **dict.fromkeys((b"zdiffstore", b"zinterstore", b"zunionstore"), True),
    **dict.fromkeys((b"eval", b"evalsha", b"fcall"), False),
}
_STORES = {b"sort": 2, b"georadius": 6, b"georadiusbymember": 5}       # from there on STORE may name a destination
_STORE_WORDS = (b"store", b"storedist")
_STEPS = {b"by": 2, b"get": 2, b"limit": 3, b"store": 2, b"storedist": 2}    # words of options that have some


def keys_of(words):
    """The keys of a command, a sequence of bytes; none if it has none or is not known."""
    name = words[0].lower()
    if name in _COUNTED:
        return _counted(words, _COUNTED[name])
    place = _PLACE_OF.get(name)
    if place is None:
        return ()
    first, last, step = place
    keys = words[first:(last if last > 0 else len(words) + last) + 1:step]
    if name in _STORES:
        return *keys, *_destinations(words, _STORES[name])
    return keys


def _counted(words, has_destination):
    count = int(words[2]) if len(words) > 2 and words[2].isdigit() else 0
    return words[1:2 if has_destination else 1] + words[3:3 + count]


def _destinations(words, start):
    """The last one counts."""
    found = ()
    while start < len(words) - 1:
        option = words[start].lower()
        if option in _STORE_WORDS:
            found = words[start + 1:start + 2]
        start += _STEPS.get(option, 1)
    return found


class KeyFilter:
    """slots: numbers or pairs (first, last); match: a glob, bytes or str. None: all."""

    def __init__(self, slots=None, match=None):
        self.slots = list(slots) if isinstance(slots, Iterable) else slots
        self.match = glob_bytes(match)
        self._mask = None if slots is None else slot_mask(self.slots)

    @property
    def chooses(self):
        """Whether there is anything that it does not let pass."""
        return self._mask is not None or self.match is not None

    def passes(self, words):
        """Whether a command has no keys, or one that is asked for."""
        keys = keys_of(words)
        return not keys or any(map(self._passes_key, keys))

    def _passes_key(self, key):
        return ((self._mask is None or self._mask[key_slot(key)])
                and (self.match is None or glob_match(self.match, key)))
