"""DUMP payloads made by hand: an RDB object with the footer of version and CRC64 that RESTORE checks.

Source: the RDB file format; CRC64 of David Jones, reflected, as csrc/crc64.h describes it.
"""
from __future__ import annotations

import struct

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
