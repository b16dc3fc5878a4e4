"""Records of an RDB file as text or bytes for other programs: `wstore rdb --format`.

jsonl     one JSON object a line. Where a string of the record is not UTF-8, the object has `"escaped": true`, and in
          all its strings `\\xHH` is a byte that is not part of UTF-8, and `\\\\` a backslash.
msgpack   one map a record, strings as bin.
resp      commands that build the keys in an empty server, as `redis-cli --pipe` takes them.
keys      one key a line, escaped: `\\\\`, and `\\xHH` for bytes that are not UTF-8 and for control characters.

    {"key": "user:1", "db": 0, "slot": 10778, "type": "hash", "expires_ms": null, "value": {"name": "Ann"}}

Values: string str, list and set array, hash object, sorted set array of [member, score] with the infinities as
"inf" and "-inf"; a value that cannot be read (stream, module) is null, with the reason in `error`.
"""
from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wstore.persistence.rdb import Record

BATCH = 64      # elements that one command of a RESP export adds
CONTROLS = re.compile("[\x00-\x1f\x7f]")


def value_and_error(record: Record) -> tuple[Any, str | None]:
    try:
        return record.value, None
    except ValueError as error:
        return None, str(error)


def facts(record: Record, value: Any, error: str | None) -> dict[str, Any]:
    out = {"key": record.key, "db": record.db, "slot": record.slot, "type": record.type,
           "expires_ms": record.expires_ms, "value": value}
    return out if error is None else {**out, "error": error}


# -- text --------------------------------------------------------------------------------------------------------

def escape(data: bytes) -> str:
    """Bytes as text that tells them all: `\\xHH` for those that are not UTF-8, two backslashes for one."""
    return data.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def plain(data: bytes) -> str:
    return data.decode("utf-8")


def texts(value: Any, text: Callable[[bytes], str]) -> Any:
    """A value with its bytes made text."""
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, dict):
        return {text(name): text(data) for name, data in value.items()}
    if isinstance(value, list | set):
        return [texts(item, text) for item in value]
    if isinstance(value, tuple):
        member, score = value
        return [text(member), score if math.isfinite(score) else str(score)]
    return value


def json_facts(record: Record) -> dict[str, Any]:
    """What a line of JSON says of a record."""
    value, error = value_and_error(record)
    try:
        out = facts(record, texts(value, plain), error)
        out["key"] = plain(record.key)
    except UnicodeDecodeError:
        out = {**facts(record, texts(value, escape), error), "key": escape(record.key), "escaped": True}
    return out


def json_line(out: dict[str, Any]) -> bytes:
    return json.dumps(out, ensure_ascii=False).encode() + b"\n"


def jsonl(record: Record) -> bytes:
    return json_line(json_facts(record))


def key_line(record: Record) -> bytes:
    return CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", escape(record.key)).encode() + b"\n"


# -- msgpack -----------------------------------------------------------------------------------------------------

def pack_size(size: int, small: tuple[int, int] | None, marks: bytes) -> bytes:
    """The head of something that long. small: mark and limit of the form of one byte; marks: those of 1 (or none), 2
    and 4 bytes."""
    if small is not None and size < small[1]:
        return bytes([small[0] | size])
    widths = (1, 2, 4)[-len(marks):]
    width, mark = next((width, mark) for width, mark in zip(widths, marks) if size < 1 << 8 * width)
    return bytes([mark]) + size.to_bytes(width, "big")


def pack(value: Any) -> Iterator[bytes]:
    """A value as MessagePack, in pieces."""
    if value is None:
        yield b"\xc0"
    elif isinstance(value, int):
        yield bytes([value]) if 0 <= value < 128 else b"\xd3" + struct.pack(">q", value)
    elif isinstance(value, float):
        yield b"\xcb" + struct.pack(">d", value)
    elif isinstance(value, bytes):
        yield pack_size(len(value), None, b"\xc4\xc5\xc6")
        yield value
    elif isinstance(value, str):
        yield pack_size(len(value.encode()), (0xA0, 32), b"\xd9\xda\xdb")
        yield value.encode()
    elif isinstance(value, dict):
        yield pack_size(len(value), (0x80, 16), b"\xde\xdf")
        for pair in value.items():
            yield from pack_all(pair)
    else:
        yield pack_size(len(value), (0x90, 16), b"\xdc\xdd")
        yield from pack_all(value)


def pack_all(values: Iterable[Any]) -> Iterator[bytes]:
    for value in values:
        yield from pack(value)


def msgpack(record: Record) -> bytes:
    return b"".join(pack(facts(record, *value_and_error(record))))


# -- commands ----------------------------------------------------------------------------------------------------

def command(*words: bytes) -> bytes:
    return b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)])


def in_batches(words: list[bytes], size: int) -> Iterator[list[bytes]]:
    return (words[i:i + size] for i in range(0, len(words), size))


def building(record: Record) -> Iterator[tuple[bytes, ...]]:
    """The commands that build a key. ValueError: its value cannot be read."""
    value = record.value
    if record.type == "string":
        yield b"SET", record.key, value
    elif record.type == "hash":
        pairs = [word for pair in value.items() for word in pair]
        yield from ((b"HSET", record.key, *words) for words in in_batches(pairs, 2 * BATCH))
    elif record.type == "zset":
        pairs = [word for member, score in value for word in (repr(score).encode(), member)]
        yield from ((b"ZADD", record.key, *words) for words in in_batches(pairs, 2 * BATCH))
    else:
        name = b"RPUSH" if record.type == "list" else b"SADD"
        yield from ((name, record.key, *words) for words in in_batches(list(value), BATCH))
    if record.expires_ms is not None:
        yield b"PEXPIREAT", record.key, b"%d" % record.expires_ms


class Commands:
    """Records as commands: a SELECT where the database changes."""

    def __init__(self) -> None:
        self.db = None

    def __call__(self, record: Record) -> bytes:
        return self.in_database(record.db, list(building(record)))

    def in_database(self, db: int, commands: Iterable[tuple[bytes, ...]]) -> bytes:
        """These commands, to be run in that database."""
        select = b"" if db == self.db else command(b"SELECT", b"%d" % db)
        self.db = db
        return select + b"".join([command(*words) for words in commands])


def exporter(name: str) -> Callable[[Record], bytes]:
    """The function from a record to the bytes of that format; it raises ValueError for what the format cannot tell."""
    return {"jsonl": jsonl, "msgpack": msgpack, "keys": key_line}.get(name) or Commands()
