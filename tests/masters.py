"""A master made of a socket: it hands a stream to a served store, piece by piece, and reads what comes back.

    with Link(server, offset=100) as link:
        link.send(encode(["SET", "k", "v"]))
        link.wait_for(offset)
"""
from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Self

import wstore
from tests.resp import Arg, encode, read_reply
from wstore.engine._engine import call_soon, follow_begin, follow_end, follow_facts, set_replica

WAIT_S = 10.0


def in_loop(store: wstore.Store, fn: Callable[[], object]) -> None:
    """Run fn() on the loop's thread and wait for it; raises what it raises."""
    raised: list[Exception] = []
    done = threading.Event()

    def work() -> None:
        try:
            fn()
        except Exception as error:
            raised.append(error)
        done.set()

    call_soon(store, work)
    assert done.wait(WAIT_S)
    if raised:
        raise raised[0]


def eventually(true: Callable[[], object]) -> None:
    """Wait until it is."""
    end_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.002)


def unit(*commands: tuple[Arg, ...]) -> bytes:
    """Commands between MULTI and EXEC."""
    return b"".join(map(encode, [("MULTI",), *commands, ("EXEC",)]))


class Link:
    """The master's end of a link, of which the store's server has the other."""

    def __init__(self, server: wstore.Server, offset: int = 0, db: int = 0):
        self.store = server.store
        self.sock, own = socket.socketpair()
        own.setblocking(False)
        self.sock.settimeout(WAIT_S)
        self.file = self.sock.makefile("rb")
        self.offset = offset
        self.reasons: list[str] = []
        self._ended = threading.Event()
        try:
            in_loop(self.store, lambda: (set_replica(self.store, True),
                                         follow_begin(self.store, own.detach(), offset, db, self._tell)))
        except BaseException:
            self.close()
            raise

    def _tell(self, reason: str) -> None:
        self.reasons.append(reason)
        self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        if not self._ended.is_set():
            in_loop(self.store, lambda: follow_end(self.store))

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    @property
    def facts(self) -> dict[str, int]:
        return follow_facts(self.store)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.offset += len(data)

    def commands(self, *commands: tuple[Arg, ...]) -> None:
        self.send(b"".join(map(encode, commands)))

    def wait_for(self, offset: int | None = None) -> None:
        """Until the store has applied the stream up to there; None: all that was sent."""
        wanted = self.offset if offset is None else offset
        end_s = time.monotonic() + WAIT_S
        while self.facts["offset"] < wanted:
            assert time.monotonic() < end_s, f"{self.facts} {self.reasons} waits for {wanted}"
            time.sleep(0.0005)
        assert self.facts["offset"] == wanted

    def run(self, *commands: tuple[Arg, ...]) -> None:
        self.commands(*commands)
        self.wait_for()

    def hang_up(self) -> str:
        """Close the connection; the reason that the store has told."""
        self.sock.shutdown(socket.SHUT_RDWR)
        return self.ended()

    def ended(self) -> str:
        """Wait for the end of the link: the reason."""
        assert self._ended.wait(WAIT_S)
        [reason] = self.reasons
        return reason

    def read_ack(self) -> int:
        """The offset of the next REPLCONF ACK."""
        words = [bulk.data for bulk in read_reply(self.file).items]
        assert words[:2] == [b"REPLCONF", b"ACK"]
        return int(words[2])
