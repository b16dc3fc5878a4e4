"""The differential runner: the same commands to redis-server 7.0 and to wstore, and every reply equal.

`Differential.compare()` empties both sides, sends the commands, compares each reply by its exact type and bytes
(see comparers.py for the few that are unordered, timed or random), then compares what is left in the keyspace.
wstore is asked in three ways: over RESP2 command by command, over RESP3 in pipelines, and as an embedded Store.
A command is a sequence of arguments or one string that is split at spaces; `Sleep(seconds)` waits between two.

The environment variable WSTORE_TARGETS (a comma list of oracle, resp2, resp3, embedded) narrows the targets;
"oracle" compares redis-server with itself, which tests a suite instead of wstore.
"""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.comparers import Comparer, comparer_of, reply_of_value
from tests.processes import ServerProcess, free_port, oracle_version, start_oracle, start_wstore
from tests.resp import (
    CLOSED,
    NULL,
    NULL_ARRAY,
    NULL_BULK,
    OK,
    Arg,
    Array,
    BigNumber,
    Boolean,
    Bulk,
    Connection,
    Double,
    Error,
    Int,
    Map,
    Null,
    Push,
    Reply,
    Set,
    Simple,
    Verbatim,
    encode,
    to_bytes,
)

__all__ = [
    "CLOSED", "NULL", "NULL_ARRAY", "NULL_BULK", "OK", "Arg", "Array", "BigNumber", "Boolean", "Bulk", "Comparer",
    "Connection", "Differential", "Double", "Error", "Int", "Map", "Null", "Push", "Reply", "ServerProcess", "Set",
    "Simple", "Sleep", "Verbatim", "configured", "counted", "encode", "free_port", "oracle_version",
    "start_oracle", "start_wstore", "to_bytes"]

ALL_TARGETS = ("resp2", "resp3", "embedded")
TOLERANCE_MS = 3000     # for times that are relative to "now", on top of how long ago the oracle's run began


@dataclass(frozen=True)
class Sleep:
    """A pause between two commands of a comparison."""
    seconds: float


Command = str | Sequence[Arg] | Sleep
Args = tuple[bytes, ...]
Step = Args | Sleep


def steps_of(commands: Iterable[Command]) -> list[Step]:
    """Commands in all their forms as tuples of bytes, sleeps as they are."""
    return [command if isinstance(command, Sleep)
            else tuple(map(to_bytes, command.split() if isinstance(command, str) else command))
            for command in commands]


def run_one_by_one(connection: Connection, steps: Sequence[Step]) -> list[Reply]:
    """The replies, one request on the wire at a time."""
    replies = []
    for step in steps:
        if isinstance(step, Sleep):
            time.sleep(step.seconds)
        else:
            replies.append(connection.call(*step))
    return replies


def run_pipelined(connection: Connection, steps: Sequence[Step]) -> list[Reply]:
    """The replies, everything between two sleeps in one pipeline."""
    replies: list[Reply] = []
    batch: list[Args] = []
    for step in steps:
        if isinstance(step, Sleep):
            replies += connection.pipeline(batch)
            batch = []
            time.sleep(step.seconds)
        else:
            batch.append(step)
    return replies + connection.pipeline(batch)


def run_embedded(store: Any, steps: Sequence[Step], like: Sequence[Reply]) -> list[Reply]:
    """The answers of Store.execute() as the RESP3 replies they stand for; `like`: the oracle's replies."""
    from wstore.errors import ReplyError
    replies: list[Reply] = []
    for step in steps:
        if isinstance(step, Sleep):
            time.sleep(step.seconds)
            continue
        try:
            replies.append(reply_of_value(store.execute(*step), like[len(replies)]))
        except ReplyError as error:
            replies.append(Error(str(error).encode("utf-8", "surrogateescape")))
    return replies


@dataclass(frozen=True)
class Left:
    """What is left of a key: its value free of order where the type has none, and of the form of its numbers."""
    kind: Reply
    value: object
    encoding: Reply
    expires: Reply


def settled(kind: bytes, value: Reply) -> object:
    """The reply to a question of VALUE_QUESTIONS as what it says, in either protocol."""
    if kind == b"hash":
        pairs = value.pairs if isinstance(value, Map) else zip(value.items[::2], value.items[1::2], strict=True)
        return sorted((field.data, told.data) for field, told in pairs)
    if kind == b"set":
        return sorted(item.data for item in value.items)
    if kind == b"zset":
        flat = [part for item in value.items for part in (item.items if isinstance(item, Array) else [item])]
        texts = [part.text if isinstance(part, Double) else part.data for part in flat]
        return list(zip(texts[::2], map(float, texts[1::2]), strict=True))
    return value


VALUE_QUESTIONS = {b"string": (b"GET",), b"hash": (b"HGETALL",), b"list": (b"LRANGE", b"0", b"-1"),
                   b"set": (b"SMEMBERS",), b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES")}


def keyspace_of(run: Callable[[list[Step]], list[Reply]]) -> dict[bytes, Left]:
    """Every key of the selected database with its TYPE, value, OBJECT ENCODING and EXPIRETIME."""
    listed = run([(b"KEYS", b"*")])[0]
    names = sorted(item.data for item in listed.items) if isinstance(listed, Array) else []
    kinds = run([(b"TYPE", name) for name in names]) if names else []
    steps: list[Step] = []
    for name, kind in zip(names, kinds, strict=True):
        word, *rest = VALUE_QUESTIONS.get(kind.text, (b"GET",))
        steps += [(word, name, *rest), (b"OBJECT", b"ENCODING", name), (b"EXPIRETIME", name)]
    replies = run(steps) if steps else []
    return {name: Left(kind, settled(kind.text, replies[3 * i]), *replies[3 * i + 1:3 * i + 3])
            for i, (name, kind) in enumerate(zip(names, kinds, strict=True))}


@dataclass
class Differential:
    """Two servers and a Store to compare; `store` and `server` may be None when no target needs them."""
    oracle: ServerProcess
    server: ServerProcess | None = None
    store: Any = None
    targets: Sequence[str] = ALL_TARGETS
    overrides: dict[str, Comparer] = field(default_factory=dict)

    def compare(self, *commands: Command, comparers: dict[str, Comparer] | None = None, embedded: bool = True,
                check_state: bool = True, tolerance_ms: int = TOLERANCE_MS) -> list[Reply]:
        """Run the commands everywhere and assert equal replies; the oracle's RESP2 replies are returned.

        comparers: name of a command (or "NAME SUB") -> comparer, before the standard table.
        embedded: False for commands that make no sense without a connection (HELLO, CLIENT, QUIT ...).
        check_state: also compare what KEYS, TYPE, OBJECT ENCODING and EXPIRETIME answer afterwards, and each key's
        whole value, in the database that is then selected. tolerance_ms: 0 makes absolute expiry times exact.
        """
        steps = steps_of(commands)
        table = {**self.overrides, **(comparers or {})}
        began = time.monotonic()
        replies2, state2 = self._over_wire(self.oracle, 2, run_one_by_one, steps, check_state)
        replies3, state3 = self._over_wire(self.oracle, 3, run_one_by_one, steps, check_state)
        for target in self.targets:
            if target == "embedded":
                if not embedded:
                    continue
                actual, state = self._embedded(steps, replies3, check_state)
            else:
                server = self.oracle if target == "oracle" else self.server
                resp = 3 if target == "resp3" else 2
                runner = run_pipelined if target == "resp3" else run_one_by_one
                actual, state = self._over_wire(server, resp, runner, steps, check_state)
            expected, expected_state = (replies2, state2) if target in ("oracle", "resp2") else (replies3, state3)
            allowed_ms = tolerance_ms and tolerance_ms + int((time.monotonic() - began) * 1000)
            self._assert_replies(target, steps, expected, actual, table, allowed_ms)
            self._assert_state(target, steps, expected_state, state, allowed_ms)
        return replies2

    def validate(self) -> None:
        """Walk all structures of the embedded store, where it is a target, with what the last comparison left."""
        if self.store is not None:
            assert self.store.validate() is None

    def _over_wire(self, server: ServerProcess, resp: int, runner: Callable, steps: Sequence[Step],
                   check_state: bool) -> tuple[list[Reply], dict]:
        with server.connect(resp=resp) as connection:
            assert connection.call("FLUSHALL") == OK
            replies = runner(connection, steps)
            closed = CLOSED in replies
            state = keyspace_of(connection.pipeline) if check_state and not closed else {}
        return replies, state

    def _embedded(self, steps: Sequence[Step], like: Sequence[Reply], check_state: bool) -> tuple[list[Reply], dict]:
        self.store.execute("SELECT", "0")
        self.store.execute("FLUSHALL")
        replies = run_embedded(self.store, steps, like)

        def ask(questions: list[Step]) -> list[Reply]:
            return run_embedded(self.store, questions, [NULL] * len(questions))
        return replies, keyspace_of(ask) if check_state else {}

    def _assert_replies(self, target: str, steps: Sequence[Step], expected: Sequence[Reply], actual: Sequence[Reply],
                        table: dict[str, Comparer], tolerance_ms: int) -> None:
        commands = [step for step in steps if not isinstance(step, Sleep)]
        assert len(actual) == len(expected) == len(commands)
        for i, args in enumerate(commands):
            if not comparer_of(args, table)(args, expected[i], actual[i], tolerance_ms):
                last = steps.index(args) if steps.count(args) == 1 else len(steps) - 1
                story = "\n".join(f"    {shown(step, 200)}" for step in steps[:last + 1])
                raise AssertionError(f"{target}: reply {i} of {shown(args)} differs\n  redis:  {shown(expected[i])}\n"
                                     f"  wstore: {shown(actual[i])}\n  commands:\n{story}")

    def _assert_state(self, target: str, steps: Sequence[Step], expected: dict, actual: dict,
                      tolerance_ms: int) -> None:
        story = "\n".join(f"    {shown(step)}" for step in steps)
        assert sorted(expected) == sorted(actual), f"{target}: other keys are left after\n{story}"
        near = comparer_of((b"EXPIRETIME",))
        for name, left in expected.items():
            ours = actual[name]
            told = f"{target}: {name!r} differs after\n{story}\n  redis:  {shown(left)}\n  wstore: {shown(ours)}"
            assert (left.kind, left.value, left.encoding) == (ours.kind, ours.value, ours.encoding), told
            assert near((), left.expires, ours.expires, tolerance_ms), told


@contextmanager
def configured(diff: Differential, directives: dict[str, int]) -> Iterator[None]:
    """All targets run with these directives, and then again with those that they had."""
    def apply(name: str, value: object) -> None:
        for server in {id(s): s for s in (diff.oracle, diff.server) if s is not None}.values():
            assert server.call("CONFIG", "SET", name, value) == OK
        if diff.store is not None:
            diff.store.execute("CONFIG", "SET", name, str(value))
    before = {name: diff.oracle.call("CONFIG", "GET", name).items[1].data.decode() for name in directives}
    try:
        for name, value in directives.items():
            apply(name, value)
        yield
    finally:
        for name, value in before.items():
            apply(name, value)


def shown(value: object, limit: int = 600) -> str:
    """A command or reply for a failure message, cut when long."""
    text = " ".join(map(repr, value)) if isinstance(value, tuple) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def chosen_targets() -> tuple[str, ...]:
    """The targets that WSTORE_TARGETS names, else all."""
    return tuple(os.environ.get("WSTORE_TARGETS", ",".join(ALL_TARGETS)).split(","))


def counters(server: ServerProcess) -> tuple[int, ...]:
    """keyspace_hits, keyspace_misses and rdb_changes_since_last_save, by INFO."""
    text = server.call("INFO", "everything").data.decode()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return tuple(int(fields[name]) for name in ("keyspace_hits", "keyspace_misses", "rdb_changes_since_last_save"))


def counted(server: ServerProcess, fixture: Sequence[str | Sequence[Arg]],
            commands: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Each command, after the fixture in an empty keyspace, with what it adds to the counters."""
    told = []
    with server.connect() as connection:
        connection.call("FLUSHALL")
        connection.pipeline([step.split() if isinstance(step, str) else step for step in fixture])
        for command in commands:
            before = counters(server)
            connection.call(*command.split())
            told.append((command, [b - a for a, b in zip(before, counters(server), strict=True)]))
    return told
