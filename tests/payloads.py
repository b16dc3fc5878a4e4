"""DUMP payloads made by hand: an RDB object with the footer of version and CRC64 that RESTORE checks.

Also the encodings of small collections that stand in RDB objects as one string: listpack, ziplist, zipmap, intset.
Each element takes its shortest form, as Redis writes it.

Source: the RDB file format; CRC64 of David Jones, reflected, as csrc/crc64.h describes it; the encodings as
wstore/types/legacy.pyx describes them.
"""
from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

POLYNOMIAL = 0x95AC9329AC4BC9B5     # 0xad93d23594c935a9 with its bits reversed


def _table() -> list[int]:
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ POLYNOMIAL if n & 1 else n >> 1
        table.append(n)
    return table


_TABLE = _table()


def crc64(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def payload(body: bytes, version: int = 10) -> bytes:
    """`body` (type byte and object) with a valid footer."""
    data = body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def length(n: int) -> bytes:
    """An RDB length in its shortest form."""
    if n < 1 << 6:
        return bytes([n])
    if n < 1 << 14:
        return struct.pack(">H", n | 0x4000)
    return b"\x80" + struct.pack(">I", n) if n < 1 << 32 else b"\x81" + struct.pack(">Q", n)


def text(data: bytes) -> bytes:
    """A string object that is neither compressed nor an integer."""
    return b"\x00" + length(len(data)) + data


# -- encodings of small collections --------------------------------------------------------------------
def as_int(data: bytes) -> int | None:
    """The 64-bit integer that reads back as `data`, or None."""
    try:
        n = int(data)
    except ValueError:
        return None
    return n if b"%d" % n == data and -1 << 63 <= n < 1 << 63 else None


def signed(n: int, sizes: tuple[int, ...]) -> bytes:
    """n little-endian in the first of these sizes in which it fits."""
    size = next(size for size in sizes if -1 << 8 * size - 1 <= n < 1 << 8 * size - 1)
    return n.to_bytes(size, "little", signed=True)


def _listpack_head_and_data(data: bytes) -> bytes:
    n = as_int(data)
    if n is None:
        if len(data) < 64:
            return bytes([0x80 | len(data)]) + data
        head = struct.pack(">H", 0xE000 | len(data)) if len(data) < 4096 else b"\xf0" + struct.pack("<I", len(data))
        return head + data
    if 0 <= n < 128:
        return bytes([n])
    if -4096 <= n < 4096:
        return struct.pack(">H", 0xC000 | n & 0x1FFF)
    number = signed(n, (2, 3, 4, 8))
    return {2: b"\xf1", 3: b"\xf2", 4: b"\xf3", 8: b"\xf4"}[len(number)] + number


def listpack_entry(data: bytes) -> bytes:
    body = _listpack_head_and_data(data)
    size = len(body)
    count = next(i for i, limit in enumerate((128, 16383, 2097151, 268435455, 1 << 35), 1) if size < limit)
    back = [size >> 7 * i & 127 | (128 if i < count - 1 else 0) for i in range(count)]
    return body + bytes(reversed(back))


def listpack(items: Sequence[bytes]) -> bytes:
    body = b"".join(map(listpack_entry, items)) + b"\xff"
    return struct.pack("<IH", 6 + len(body), min(len(items), 0xFFFF)) + body


def _ziplist_head_and_data(data: bytes) -> bytes:
    n = as_int(data) if len(data) < 32 else None
    if n is None:
        if len(data) < 64:
            return bytes([len(data)]) + data
        head = struct.pack(">H", 0x4000 | len(data)) if len(data) < 16384 else b"\x80" + struct.pack(">I", len(data))
        return head + data
    if 0 <= n <= 12:
        return bytes([0xF1 + n])
    number = signed(n, (1, 2, 3, 4, 8))
    return {1: b"\xfe", 2: b"\xc0", 3: b"\xf0", 4: b"\xd0", 8: b"\xe0"}[len(number)] + number


def ziplist(items: Sequence[bytes]) -> bytes:
    body, before, last = b"", 0, 10
    for item in items:
        last = 10 + len(body)
        entry = (bytes([before]) if before < 254 else b"\xfe" + struct.pack("<I", before))
        entry += _ziplist_head_and_data(item)
        body, before = body + entry, len(entry)
    return struct.pack("<IIH", 11 + len(body), last, min(len(items), 0xFFFF)) + body + b"\xff"


def _zipmap_length(n: int) -> bytes:
    return bytes([n]) if n < 254 else b"\xfe" + struct.pack("<I", n)


def zipmap(pairs: Sequence[tuple[bytes, bytes]], free: int = 0) -> bytes:
    """`free`: bytes left unused behind each value, as edits leave them."""
    fields = [_zipmap_length(len(name)) + name + _zipmap_length(len(value)) + bytes([free]) + value + b"?" * free
              for name, value in pairs]
    return bytes([min(len(pairs), 254)]) + b"".join(fields) + b"\xff"


def intset(numbers: Iterable[int]) -> bytes:
    ordered = sorted(numbers)
    width = max((len(signed(n, (2, 4, 8))) for n in ordered), default=2)
    return struct.pack("<II", width, len(ordered)) + b"".join(n.to_bytes(width, "little", signed=True) for n in ordered)


def string(data: bytes) -> bytes:
    """A string inside an object: not compressed, not an integer."""
    return length(len(data)) + data


def quicklist(nodes: Sequence[Sequence[bytes]]) -> bytes:
    """The object of type 14: ziplists."""
    return length(len(nodes)) + b"".join(string(ziplist(node)) for node in nodes)


def quicklist_2(nodes: Sequence[Sequence[bytes] | bytes]) -> bytes:
    """The object of type 18: listpacks, and bytes as nodes of one plain element."""
    return length(len(nodes)) + b"".join(
        b"\x01" + string(node) if isinstance(node, bytes) else b"\x02" + string(listpack(node)) for node in nodes)
