"""Server processes for tests: the real redis-server that is the oracle, and wstore-server from this tree.

Each listens on a free loopback port, works in its own empty folder, and is ended by its process id.
"""
from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tests.resp import Connection, Error, Simple

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


def free_port() -> int:
    """A TCP port of loopback that nobody listens on right now; so low that a cluster bus (10000 up) fits above it."""
    while True:
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", random.randrange(10_000, 55_000)))
            except OSError:
                continue
            return sock.getsockname()[1]


def wait_for(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """Wait until `condition()` is true; its value. AssertionError when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def as_from_a_terminal() -> None:
    """What a test's child does first (`preexec_fn`): signals act by default.

    A shell without job control has its background jobs ignore SIGINT and SIGQUIT, nohup has them ignore SIGHUP, and
    their children inherit that.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@contextlib.contextmanager
def child(argv: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process that the block talks to and ends; what is left of it afterwards is killed. Options: those of Popen."""
    with subprocess.Popen(argv, preexec_fn=as_from_a_terminal, **options) as process:
        try:
            yield process
        finally:
            process.kill()


class ServerProcess:
    """A running server: `port`, `pid`, `folder`, `log()`; `connect()` opens a raw client."""

    def __init__(self, command: Sequence[str], options: Sequence[str] = (), port: int = 0, name: str = "server",
                 folder: str | None = None, cpu: int | None = None):
        self.name = name
        self.command = list(command)
        self.options = list(options)
        self.own_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix=f"ws-test-{name}-"))
        self.port = port
        self.cpu = cpu
        self.process: subprocess.Popen | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start the process and wait until it answers PING."""
        for _attempt in range(5):
            port = self.port or free_port()
            self._spawn(port)
            if self._wait_ready(port):
                self.port = port
                return
            if "ddress already in use" not in self.log() or self.port:
                break
        raise RuntimeError(f"{self.name} did not start: {' '.join(self.command + self.options)}\n{self.log()}")

    def _spawn(self, port: int) -> None:
        argv = self.command + ["--port", str(port), "--dir", str(self.folder)] + self.options
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        if self.cpu is not None:
            argv = ["taskset", "-c", str(self.cpu), *argv]
        with open(self.folder / "server.log", "wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=self.folder, env=environment, preexec_fn=as_from_a_terminal)

    def _wait_ready(self, port: int) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            try:
                with Connection(port, timeout_s=2) as connection:
                    reply = connection.call("PING")
                    if reply == Simple(b"PONG") or (isinstance(reply, Error) and reply.code == b"NOAUTH"):
                        return True
            except OSError:
                pass
            time.sleep(0.02)
        self.kill()
        return False

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        """What the server wrote to stdout and stderr so far."""
        return (self.folder / "server.log").read_text(errors="replace")

    def connect(self, resp: int = 2, timeout_s: float = 30.0) -> Connection:
        return Connection(self.port, resp=resp, timeout_s=timeout_s)

    def call(self, *args):
        """One command over a connection of its own."""
        with self.connect() as connection:
            return connection.call(*args)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self.alive():
            self.process.kill()
        self.process.wait()

    def stop_process(self) -> int:
        """End the process by SIGTERM (SIGKILL if that does not help); its exit code."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def stop(self) -> int:
        """`stop_process`, and remove its folder."""
        code = self.stop_process()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        return code


def oracle_version() -> str | None:
    """The version of the redis-server on this machine, or None if there is none."""
    path = shutil.which("redis-server")
    if path is None:
        return None
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return next((word[2:] for word in text.split() if word.startswith("v=")), "")


def start_oracle(*options: str, **kwargs) -> ServerProcess:
    """A redis-server without persistence, DEBUG allowed; RuntimeError unless version 7.0 is installed."""
    version = oracle_version()
    if version is None or not version.startswith("7.0."):
        raise RuntimeError(f"these tests compare with redis-server 7.0; found: {version or 'none'}")
    fixed = ["--save", "", "--enable-debug-command", "yes", "--bind", "127.0.0.1"]
    return ServerProcess([shutil.which("redis-server")], fixed + list(options), name="redis", **kwargs)


def start_wstore(*options: str, **kwargs) -> ServerProcess:
    """A wstore-server from this tree, DEBUG allowed."""
    fixed = ["--save", "", "--enable-debug-command", "yes", "--bind", "127.0.0.1"]
    return ServerProcess([sys.executable, "-m", "wstore.cli.server"], fixed + list(options), name="wstore", **kwargs)
