"""Scenes: several connections to one server, step by step, and all that each of them receives in each step.

A step is a line: the name of a connection (one word), then commands, split at blanks, with " | " between those that
are sent at once. `{a}` stands for the id of connection a. Other steps: "sleep SECONDS", "close NAME". What a step
makes the server send, to whomever, has been received when the next one begins, so that two servers can be compared
by what `play` returns.
"""
from __future__ import annotations

import time
from collections.abc import Sequence

from tests.resp import Connection, encode

Transcript = list[tuple[str, dict[str, bytes]]]


class Scene:
    """The connections of a scene; made when they first speak."""

    def __init__(self, port: int, resp: int = 2):
        self.port = port
        self.resp = resp
        self.control = Connection(port)
        self.control.pipeline([("CLIENT", "UNPAUSE"), ("FLUSHALL",)])
        self.cast: dict[str, Connection] = {}
        self.ids: dict[str, str] = {}

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *exc) -> None:
        for connection in (self.control, *self.cast.values()):
            connection.close()

    def enter(self, name: str) -> Connection:
        if name not in self.cast:
            self.cast[name] = Connection(self.port, resp=self.resp)
            self.ids[name] = str(self.cast[name].call("CLIENT", "ID").value)
        return self.cast[name]

    def do(self, step: str) -> dict[str, bytes]:
        """Play one step: connection name -> bytes that it received."""
        name, _, rest = step.partition(" ")
        if name == "sleep":
            time.sleep(float(rest))
        elif name == "close":
            self.cast.pop(rest).close()
        else:
            connection = self.enter(name)
            commands = rest.format(**self.ids).split(" | ")
            connection.send_raw(b"".join(encode(command.split(" ")) for command in commands))
        self.settle()
        return {name: data for name in sorted(self.cast) if (data := self.received(name))}

    def settle(self) -> None:
        """The server has read what was sent before, run it and sent the replies."""
        for _ in range(3):
            self.control.call("PING")

    def received(self, name: str) -> bytes:
        sock = self.cast[name].sock
        timeout = sock.gettimeout()
        sock.setblocking(False)
        data = b""
        try:
            while part := sock.recv(1 << 16):
                data += part
            data += b"<closed>"
        except BlockingIOError:
            pass
        except ConnectionResetError:
            data += b"<closed>"
        sock.settimeout(timeout)
        return data


def play(port: int, steps: Sequence[str], resp: int = 2) -> Transcript:
    """Play a scene on an emptied server: each step with what the connections received."""
    with Scene(port, resp) as scene:
        return [(step, scene.do(step)) for step in steps]
