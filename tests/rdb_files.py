"""RDB files and append only files written byte by byte, independent of the code that reads them."""
from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.payloads import crc64, length, string


def record(key: bytes, rdb_type: int, body: bytes, expire_ms: int | None = None, expire_s: int | None = None) -> bytes:
    """A key with its object; the TTL as versions from 3 on have it, or as earlier ones do."""
    front = b"" if expire_ms is None else b"\xfc" + struct.pack("<Q", expire_ms)
    front += b"" if expire_s is None else b"\xfd" + struct.pack("<I", expire_s)
    return front + bytes([rdb_type]) + string(key) + body


def aux(name: bytes, value: bytes) -> bytes:
    return b"\xfa" + string(name) + string(value)


def select(index: int) -> bytes:
    return b"\xfe" + length(index)


def resize(keys: int, expires: int) -> bytes:
    return b"\xfb" + length(keys) + length(expires)


def rdb_file(*parts: bytes, version: int = 10, crc: int | None = None) -> bytes:
    """A whole file, with the checksum that its version has; `crc`: another one."""
    body = b"REDIS%04d" % version + b"".join(parts) + b"\xff"
    if version < 5:
        return body
    return body + struct.pack("<Q", crc64(body) if crc is None else crc)


def command(*words: bytes | str) -> bytes:
    """One command of an append only file."""
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def commands(lines: Iterable[str]) -> bytes:
    """Commands whose words have no blanks in them."""
    return b"".join(command(*line.split()) for line in lines)
