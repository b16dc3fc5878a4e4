"""RDB files as Python sees them: `open_rdb(path)` iterates typed records; a value is read when it is asked for.

A file that wstore wrote ends with a slot index: with it, only the parts that hold the slots asked for are read.

    FA "wstore-slots" | "WSLOTS01" | entries of 32 bytes (SLOT_ENTRY)    an aux field, which others ignore
    FA "wstore-slots-at" | 20 digits: where the first FA stands          another one, of fixed size, so that it is found
    FF | CRC64                                                           from the end of the file
"""
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from operator import index as whole_number
from typing import Any

import numpy

from wstore.engine._engine import RdbReader, glob_match, key_slot
from wstore.errors import RdbError
from wstore.persistence.values import Scratch

SLOTS = 16384
SLOT_MAGIC = b"WSLOTS01"
SLOT_ENTRY = numpy.dtype([("offset", "<u8"), ("length", "<u8"), ("keys", "<u4"), ("db", "<u2"),
                          ("first_slot", "<u2"), ("last_slot", "<u2"), ("zero", "<u2", 3)])
INDEX_POINTER = b"\xfa\x0fwstore-slots-at\x14"      # 20 digits follow, then FF and eight bytes of checksum
INDEX_POINTER_FROM_END = len(INDEX_POINTER) + 20 + 1 + 8
NO_EXPIRY = -1
OP_AUX = 0xFA

# RDB type of an object -> type and encoding
KINDS = {
    0: ("string", "raw"),
    1: ("list", "plain"), 10: ("list", "ziplist"), 14: ("list", "quicklist"), 18: ("list", "quicklist2"),
    2: ("set", "plain"), 11: ("set", "intset"), 20: ("set", "listpack"),
    3: ("zset", "text scores"), 5: ("zset", "plain"), 12: ("zset", "ziplist"), 17: ("zset", "listpack"),
    4: ("hash", "plain"), 9: ("hash", "zipmap"), 13: ("hash", "ziplist"), 16: ("hash", "listpack"),
    22: ("hash", "field TTLs"), 23: ("hash", "listpack, TTLs"), 24: ("hash", "field TTLs"),
    25: ("hash", "listpack, TTLs"),
    6: ("module", "opaque"), 7: ("module", "plain"),
    15: ("stream", "listpacks"), 19: ("stream", "listpacks2"), 21: ("stream", "listpacks3"),
}


class Record:
    """A key of an RDB file.

    key (bytes), db (int), expires_ms (Unix time in ms, None: no TTL), offset and size (bytes of the whole record in
    the file), rdb_type (the format's number).
    """

    __slots__ = ("_file", "_object_at", "_object_size", "db", "expires_ms", "key", "offset", "rdb_type")

    def __init__(self, file: RdbFile, item: tuple) -> None:
        _, self.key, self.rdb_type, expire_ms, self.db, self.offset, self._object_at, self._object_size = item
        self.expires_ms = None if expire_ms == NO_EXPIRY else expire_ms
        self._file = file

    def __repr__(self) -> str:
        return f"<Record {self.type} {self.key!r} of database {self.db}, {self.size} bytes at {self.offset}>"

    @property
    def type(self) -> str:
        """"string", "list", "set", "zset", "hash", "stream" or "module"."""
        return KINDS[self.rdb_type][0]

    @property
    def encoding(self) -> str:
        """How the value lies in the file, as "listpack"."""
        return KINDS[self.rdb_type][1]

    @property
    def size(self) -> int:
        """Bytes in the file: TTL, key and value."""
        return self._object_at + self._object_size - self.offset

    @property
    def slot(self) -> int:
        """The key's hash slot."""
        return key_slot(self.key)

    @property
    def payload(self) -> bytes:
        """The value as `RESTORE` takes it."""
        return self._file.reader.payload(self.rdb_type, self._object_at, self._object_size)

    @property
    def value(self) -> Any:
        """bytes, list of bytes, set of bytes, dict of bytes, or for a sorted set a list of (member, score) by rank.

        Read anew each time. ValueError: a stream, a module's value, or damaged.
        """
        return self._file.scratch.value(self.type, self.payload)


class RdbFile:
    """An open RDB file; iterating gives its records from front to back, as often as wanted.

    path, version (of the format), aux (the fields in front of the keys, bytes: bytes), size (bytes).
    RdbError, while it is opened or read: what is wrong, and where. A whole pass compares the checksum.
    """

    def __init__(self, path: str | os.PathLike, slots: Iterable | None = None,
                 match: bytes | str | None = None) -> None:
        self.path = os.fspath(path)
        self.mask = None if slots is None else slot_mask(slots)
        self.match = glob_bytes(match)
        self.reader = RdbReader(path, check_sum=False)      # for what is read out of order
        self.version = self.reader.version
        self.size = self.reader.size
        self.aux = self._leading_aux()
        self.position = 0       # how far the iteration has come, in bytes read
        self.warnings: list[str] = []       # what was passed over, filled by a pass

    def __enter__(self) -> RdbFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; its records lose their values."""
        self.reader = None
        self.__dict__.pop("scratch", None)

    @cached_property
    def scratch(self) -> Scratch:
        return Scratch()

    def _leading_aux(self) -> dict[bytes, bytes]:
        fields = {}
        while self._byte(self.reader.offset) == OP_AUX:
            _, name, value = next(self.reader)
            fields[name] = value
        return fields

    def _byte(self, offset: int) -> int | None:
        """The byte there; None: the file is shorter."""
        return self._bytes(offset, 1)[0] if offset < self.size else None

    def _bytes(self, offset: int, size: int) -> bytes:
        """Bytes of the file, from the payload that they would be."""
        return self.reader.payload(0, offset, size)[1:1 + size]

    @cached_property
    def slot_index(self) -> numpy.ndarray | None:
        """Where the keys of which slots are: an array of SLOT_ENTRY, in the file's order; None: the file has none.

        `slot_index["offset"]`, `["length"]`, `["keys"]`, `["db"]`, `["first_slot"]` and `["last_slot"]` are arrays.
        """
        at = self.size - INDEX_POINTER_FROM_END
        if at < 0 or self._bytes(at, len(INDEX_POINTER)) != INDEX_POINTER:
            return None
        digits = self._bytes(at + len(INDEX_POINTER), 20)
        if not digits.isdigit() or not 9 <= int(digits) < at:
            raise RdbError(self.path, at, "the slot index points outside of the file")
        reader = RdbReader(self.path, check_sum=False)
        reader.seek(int(digits))
        kind, *fields = next(reader)
        if kind != "aux" or fields[0] != b"wstore-slots" or fields[1][:8] != SLOT_MAGIC or (len(fields[1]) - 8) % 32:
            raise RdbError(self.path, int(digits), "there is no slot index where one should be")
        return self._checked(numpy.frombuffer(fields[1], dtype=SLOT_ENTRY, offset=8), int(digits))

    def _checked(self, index: numpy.ndarray, at: int) -> numpy.ndarray:
        """The index, whose entries lie in the file, one behind another."""
        ends = index["offset"] + index["length"]
        starts = numpy.append(index["offset"], numpy.uint64(at))
        if (ends > starts[1:]).any() or (ends < index["offset"]).any() or (index["last_slot"] >= SLOTS).any():
            raise RdbError(self.path, at, "the slot index is damaged")
        return index

    def __iter__(self) -> Iterator[Record]:
        for item in self.items():
            if item[0] == "record":
                yield Record(self, item)

    def items(self) -> Iterator[tuple]:
        """The items of RdbReader, without the records that are not asked for; by the slot index, if there is one."""
        self.warnings.clear()
        index = None if self.mask is None else self.slot_index
        return self._filtered(self._all_items() if index is None else self._indexed_items(index))

    def _all_items(self) -> Iterator[tuple]:
        reader = RdbReader(self.path)
        for item in reader:
            self.position = reader.offset
            yield item

    def _indexed_items(self, index: numpy.ndarray) -> Iterator[tuple]:
        wanted = numpy.cumsum(numpy.frombuffer(self.mask, dtype=numpy.uint8))       # slots asked for, up to each
        before = numpy.where(index["first_slot"] > 0, wanted[index["first_slot"].astype(int) - 1], 0)
        reader = RdbReader(self.path, check_sum=False)
        for entry in index[wanted[index["last_slot"]] > before]:
            reader.seek(int(entry["offset"]), int(entry["db"]))
            end = int(entry["offset"] + entry["length"])
            while reader.offset < end:
                yield next(reader)
                self.position = reader.offset
        self.position = self.size

    def _filtered(self, items: Iterator[tuple]) -> Iterator[tuple]:
        mask, match = self.mask, self.match
        for item in items:
            if item[0] == "record":
                if mask is not None and not mask[key_slot(item[1])]:
                    continue
                if match is not None and not glob_match(match, item[1]):
                    continue
            elif item[0] == "function":
                self.warnings.append("a library of functions was passed over")
            elif item[0] == "module_aux":
                self.warnings.append(f"data of the module {item[1]} was passed over")
            yield item


def slot_mask(slots: Iterable) -> bytes:
    """One byte a slot, 1 for those named: numbers, or pairs (first, last). ValueError: there is no such slot;
    TypeError: that is none."""
    mask = bytearray(SLOTS)
    for first, last in slot_ranges(slots):
        if not 0 <= first <= last < SLOTS:
            raise ValueError(f"{first}-{last} is no range of slots" if first != last else f"{first} is no slot")
        mask[first:last + 1] = b"\1" * (last + 1 - first)
    return bytes(mask)


def slot_ranges(slots: Iterable) -> list[tuple[int, int]]:
    try:
        ends = [slot if isinstance(slot, tuple | list) else (slot, slot) for slot in slots]
        return [(whole_number(first), whole_number(last)) for first, last in ends]
    except (TypeError, ValueError):
        raise TypeError(f"slots are numbers or pairs (first, last), not {slots!r}") from None


def glob_bytes(match: bytes | str | None) -> bytes | None:
    if not isinstance(match, bytes | str | None):
        raise TypeError(f"match is a glob, bytes or str, not {match!r}")
    return match.encode() if isinstance(match, str) else match


def open_rdb(path: str | os.PathLike, slots: Iterable | None = None, match: bytes | str | None = None) -> RdbFile:
    """Open an RDB file of Redis 2.4 to 7.4 or of wstore, for reading its records one by one.

    slots: only keys of these slots, numbers or pairs (first, last). match: only keys that this glob matches.
    Raises OSError; RdbError if it is no such file; ValueError or TypeError for wrong slots or globs.
    """
    return RdbFile(path, slots, match)
