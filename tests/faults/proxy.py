"""A TCP proxy that makes trouble: it cuts links at a byte, slows them down, holds them up, or lets nobody through.

    who connects  <- down -  proxy  <- down -  the server behind it
                  -  up  ->         -  up  ->

A plan says what befalls the connections that are made from now on; `cut`, `hold` and `go_on` act on those there are.
Both sides get small buffers, so that a link that is slow here is soon felt by the sender.
"""
from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Self

PIECE = 16 * 1024
BUFFER = 32 * 1024          # of sockets, where the plan is to be felt
ABORTED = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Plan:
    """What befalls a connection. Without anything said, nothing."""
    down_bytes: int | None = None       # so many go down, then both ends are closed
    up_bytes: int | None = None
    hold_at: int | None = None          # so many go down, then nothing more, and nobody is told
    down_rate: float | None = None      # bytes a second
    delay_s: float = 0.0                # of each piece, in both directions
    reset: bool = False                 # a cut loses what is on its way, as a host that vanishes does


class Link:
    """One connection through the proxy: two sockets and a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket, plan: Plan):
        self.proxy, self.plan = proxy, plan
        self.client, self.server = client, server
        self.passed = {"down": 0, "up": 0}
        self.held = threading.Event()       # at Plan.hold_at, until the link is cut
        self.threads = [threading.Thread(target=self.pump, args=(way,)) for way in self.passed]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def pump(self, way: str) -> None:
        source, sink = (self.server, self.client) if way == "down" else (self.client, self.server)
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE):
                if not self.pass_on(way, sink, data):
                    break
        self.cut()

    def pass_on(self, way: str, sink: socket.socket, data: bytes) -> bool:
        """Send a piece as the plan allows; False: the link is to end."""
        plan, before = self.plan, self.passed[way]
        limit = plan.down_bytes if way == "down" else plan.up_bytes
        self.proxy.going.wait()
        if plan.delay_s:
            time.sleep(plan.delay_s)
        if way == "down" and plan.down_rate:
            time.sleep(len(data) / plan.down_rate)
        if way == "down" and plan.hold_at is not None and before + len(data) > plan.hold_at:
            sink.sendall(data[:plan.hold_at - before])
            self.held.wait()
            return False
        ends = limit is not None and before + len(data) >= limit
        sink.sendall(data[:limit - before] if ends else data)
        self.passed[way] += len(data)
        self.proxy.passed[way] += len(data)
        return not ends

    def cut(self) -> None:
        for sock in (self.client, self.server):
            with contextlib.suppress(OSError):
                if self.plan.reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTED)
                sock.shutdown(socket.SHUT_RDWR)
        self.held.set()

    def join(self) -> None:
        """Wait until nothing is under way any more, and close both ends."""
        for thread in self.threads:
            thread.join()
        self.client.close()
        self.server.close()


class Proxy:
    """Listens on `port` and passes connections on to another port of loopback."""

    def __init__(self, target_port: int, plan: Plan | None = None):
        self.target_port = target_port
        self.plan = plan or Plan()
        self.open = True                # False: whoever connects is cut off at once
        self.accepted = 0
        self.passed = {"down": 0, "up": 0}
        self.links: list[Link] = []         # all that there were
        self.going = threading.Event()
        self.going.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        self.go_on()
        self.cut()
        for link in self.links:
            link.join()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            if not self.open or not self.connect(client):
                client.close()

    def connect(self, client: socket.socket) -> bool:
        server = socket.socket()
        for sock in (client, server):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            server.connect(("127.0.0.1", self.target_port))
        except OSError:
            server.close()
            return False
        self.links.append(Link(self, client, server, self.plan))
        self.links[-1].start()
        return True

    def cut(self) -> None:
        """End all connections there are."""
        for link in list(self.links):
            link.cut()

    def hold(self) -> None:
        """Nothing goes through any more, and nobody is told."""
        self.going.clear()

    def go_on(self) -> None:
        self.going.set()

    def close(self) -> None:
        """Cut what there is and let nobody through."""
        self.open = False
        self.cut()

    def heal(self) -> None:
        """From now on nothing befalls anybody; what is under way under another plan is cut."""
        self.open, self.plan = True, Plan()
        self.go_on()
        self.cut()
