"""Writers that know what they were promised: the state of each one's keys after any number of its operations.

A writer's operation number n is a function of the writer and n alone, and touches that writer's keys only. So whatever
a server holds after a crash must be, for each writer, the state after its first p operations, for one p; and p is at
least the number of operations that had to be kept. Each third operation is a transaction over two keys, which makes
no state where one of them is missing.

Invariants
* `acked` operations have been answered; `sent` ones may have been carried out; acked <= sent.
* `model` is the state after `base` operations, which everybody agrees on; base <= acked.
"""
from __future__ import annotations

import copy
import random
import threading
import time
from dataclasses import dataclass, field

from tests.resp import Array, Bulk, Connection, Error, Int, encode

KEYS = 6                    # of each kind
DEPTH = 4                   # operations on their way at a time
Command = tuple[str, ...]
State = dict[str, object]


def operation(writer: int, n: int) -> list[Command]:
    """The commands of operation n; more than one are a transaction."""
    rng = random.Random(writer * 1_000_003 + n)
    tag, i = f"w{writer}", rng.randrange(KEYS)
    if n % 3 == 0:
        return [("SET", f"{tag}:left", str(n)), ("SET", f"{tag}:right", str(n))]
    return [rng.choice([
        ("SET", f"{tag}:s{i}", f"value-{n}"),
        ("SET", f"{tag}:t{i}", f"timed-{n}", "EX", "100000"),
        ("APPEND", f"{tag}:a{n % 40}", f"{n},"),
        ("DEL", f"{tag}:a{(n + 20) % 40}"),
        ("INCR", f"{tag}:n{i}"),
        ("RPUSH", f"{tag}:l{i}", str(n)),
        ("LPOP", f"{tag}:l{i}"),
        ("HSET", f"{tag}:h{i}", f"f{n % 50}", str(n)),
        ("ZADD", f"{tag}:z{i}", str(n), f"m{n % 50}"),
        ("SADD", f"{tag}:u{i}", str(n % 300)),
    ])]


def apply(state: State, command: Command) -> None:
    """What a command does to a state: values as plain Python ones; an empty collection is no key."""
    name, key, *args = command
    if name == "SET":
        state[key] = args[0]
    elif name == "APPEND":
        state[key] = state.get(key, "") + args[0]
    elif name == "DEL":
        state.pop(key, None)
    elif name == "INCR":
        state[key] = str(int(state.get(key, "0")) + 1)
    elif name == "RPUSH":
        state.setdefault(key, []).append(args[0])
    elif name == "LPOP":
        if state.get(key) and not (state[key].pop(0) and state[key]):
            del state[key]
    elif name == "SADD":
        state.setdefault(key, set()).add(args[0])
    else:
        state.setdefault(key, {})[args[-1] if name == "ZADD" else args[0]] = args[0] if name == "ZADD" else args[1]


QUESTIONS = {"l": ("LRANGE", "0", "-1"), "h": ("HGETALL",), "z": ("ZRANGE", "0", "-1", "WITHSCORES"),
             "u": ("SMEMBERS",)}


def names_of(writer: int) -> list[str]:
    kinds = [f"{kind}{i}" for kind in "stnlhzu" for i in range(KEYS)]
    return [f"w{writer}:{name}" for name in [*kinds, *(f"a{i}" for i in range(40)), "left", "right"]]


def value_of(kind: str, reply: object) -> object:
    """A reply to the question for a kind of key as a value of a State; None: no such key."""
    if isinstance(reply, Bulk):
        return reply.data.decode()
    if not isinstance(reply, Array) or not reply.items:
        assert not isinstance(reply, Error), reply
        return None
    words = [item.data.decode() for item in reply.items]
    if kind in "hz":
        return dict(zip(words[::2], words[1::2]))
    return set(words) if kind == "u" else words


def held(connection: Connection, writer: int) -> State:
    """What a server has of a writer's keys."""
    names = names_of(writer)
    kinds = [name.partition(":")[2][0] if ":left" not in name and ":right" not in name else "s" for name in names]
    replies = connection.pipeline([
        (QUESTIONS[kind][0], name, *QUESTIONS[kind][1:]) if kind in QUESTIONS else ("GET", name)
        for kind, name in zip(kinds, names)])
    found = {name: value_of(kind, reply) for kind, name, reply in zip(kinds, names, replies)}
    return {name: value for name, value in found.items() if value is not None}


@dataclass
class Writer:
    """One client's operations, before and after crashes."""

    number: int
    depth: int = DEPTH
    model: State = field(default_factory=dict)
    base: int = 0
    acked: int = 0
    sent: int = 0
    times: dict[int, float] = field(default_factory=dict)       # when an operation was answered
    refused: list[bytes] = field(default_factory=list)          # errors, which end a run

    def run(self, port: int, stopping: threading.Event) -> None:
        """Write until told to stop, refused, or cut off."""
        try:
            with Connection(port, timeout_s=20) as connection:
                while not stopping.is_set() and not self.refused:
                    self.exchange(connection)
        except OSError:
            pass

    def exchange(self, connection: Connection) -> None:
        """Send `depth` operations and take their answers."""
        batch = [operation(self.number, self.acked + 1 + i) for i in range(self.depth)]
        self.sent = self.acked + len(batch)
        connection.send_raw(b"".join(map(encoded, batch)))
        for commands in batch:
            reply = connection.read()
            if len(commands) > 1:
                queued = [reply, *(connection.read() for _ in commands)]
                reply = connection.read()
                reply = next((said for said in queued if isinstance(said, Error)), reply)
            if isinstance(reply, Error):
                self.refused.append(reply.text)
            elif not isinstance(reply, (Array, Bulk, Int)) and reply.__class__.__name__ not in ("Simple", "Null"):
                raise ConnectionResetError
            elif not self.refused:
                self.acked += 1
                self.times[self.acked] = time.monotonic()

    def kept_at_least(self, cut_at: float | None, loss_s: float) -> int:
        """How many operations must have survived a cut at that time, if the last `loss_s` may be lost."""
        if cut_at is None or loss_s == 0:
            return self.acked
        return max((n for n, when in self.times.items() if when < cut_at - loss_s), default=self.base)

    def settle(self, connection: Connection, cut_at: float | None = None, loss_s: float = 0.0) -> int:
        """Find what the server has, raise AssertionError unless it is a state allowed, and go on from there.

        The number of answered operations that are lost."""
        found, mark = held(connection, self.number), f"w{self.number}:left"
        least, state = self.kept_at_least(cut_at, loss_s), copy.deepcopy(self.model)
        for n in range(self.base, self.sent + 1):
            if n > self.base:
                for command in operation(self.number, n):
                    apply(state, command)
            if n >= least and state.get(mark) == found.get(mark) and state == found:
                return self.go_on_from(n, state)
        raise AssertionError(self.explain(found, least))

    def go_on_from(self, n: int, state: State) -> int:
        lost = max(0, self.acked - n)
        self.model, self.base, self.acked, self.sent = state, n, n, n
        self.times.clear()
        self.refused.clear()
        return lost

    def explain(self, found: State, least: int) -> str:
        """Which earlier state the server has, if any, and else how it differs from the one that it must have."""
        state = copy.deepcopy(self.model)
        wanted: State = {}
        for n in range(self.base, self.sent + 1):
            if n > self.base:
                for command in operation(self.number, n):
                    apply(state, command)
            if state == found:
                return f"writer {self.number}: operations {n + 1} to {least} are lost (answered {self.acked})"
            if n == least:
                wanted = copy.deepcopy(state)
        differing = {name: (wanted.get(name), found.get(name)) for name in {*wanted, *found}
                     if wanted.get(name) != found.get(name)}
        return (f"writer {self.number}: no prefix of operations makes what is there; base {self.base}, must "
                f"{least}, answered {self.acked}, sent {self.sent}; (wanted, found): {differing}")


def encoded(commands: list[Command]) -> bytes:
    """An operation as it goes over the wire."""
    if len(commands) == 1:
        return encode(commands[0])
    return b"".join(map(encode, [("MULTI",), *commands, ("EXEC",)]))


class Crowd:
    """Several writers at once."""

    def __init__(self, count: int = 8, depth: int = DEPTH):
        self.writers = [Writer(i, depth) for i in range(count)]
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, port: int) -> None:
        self.stopping.clear()
        self.threads = [threading.Thread(target=writer.run, args=(port, self.stopping)) for writer in self.writers]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Have all writers end, once what they have sent is answered."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def write(self, port: int, seconds: float) -> None:
        self.start(port)
        time.sleep(seconds)
        self.stop()

    def refusals(self) -> set[bytes]:
        """The errors that writers were given since they last settled."""
        return {text for writer in self.writers for text in writer.refused}

    def answered(self) -> int:
        return sum(writer.acked - writer.base for writer in self.writers)

    def settle(self, connection: Connection, cut_at: float | None = None, loss_s: float = 0.0) -> int:
        """Compare with what a server has; how many answered operations are lost. See Writer.settle."""
        return sum(writer.settle(connection, cut_at, loss_s) for writer in self.writers)
