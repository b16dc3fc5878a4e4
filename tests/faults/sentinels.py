"""Three real redis-sentinel processes, and clients that find the master by them and count what was promised to them."""
from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.processes import ServerProcess, free_port, wait_for
from tests.resp import OK, Array, Connection, Int

NAME = "watched"
COUNT = 3
QUORUM = 2
DOWN_MS = 1000
CONFIG = """
sentinel monitor {name} 127.0.0.1 {port} {quorum}
sentinel down-after-milliseconds {name} {down}
sentinel failover-timeout {name} 6000
sentinel parallel-syncs {name} 2
"""


class Sentinels:
    """They watch the master on a port and its replicas."""

    def __init__(self, processes: list[ServerProcess]):
        self.processes = processes

    def ask(self, *args) -> object:
        """The answer of the first that answers."""
        for process in self.processes:
            with contextlib.suppress(OSError):
                return process.call("SENTINEL", *args, NAME)
        raise AssertionError("no Sentinel answers")

    def master_port(self) -> int:
        reply = self.ask("GET-MASTER-ADDR-BY-NAME")
        assert isinstance(reply, Array), reply
        return int(reply.items[1].data)

    def views(self, *args) -> list[dict[str, str]]:
        """What each Sentinel says of the master (MASTER), or all of them of its replicas (REPLICAS)."""
        found = []
        for process in self.processes:
            reply = process.call("SENTINEL", *args, NAME)
            assert isinstance(reply, Array), reply
            for each in [reply] if args == ("MASTER",) else reply.items:
                words = [item.data.decode() for item in each.items]
                found.append(dict(zip(words[::2], words[1::2])))
        return found

    def is_settled(self, replicas: int) -> bool:
        """All agree on the master, know each other and see so many replicas, each linked to it."""
        port = str(self.master_port())
        masters, others = self.views("MASTER"), self.views("REPLICAS")
        return (all(view["port"] == port and view["flags"] == "master" and view["num-other-sentinels"] == str(COUNT - 1)
                    for view in masters)
                and sum(view["flags"] == "slave" and view["master-port"] == port
                        and view["master-link-status"] == "ok" for view in others) == COUNT * replicas)

    def wait_settled(self, replicas: int, timeout_s: float = 60.0) -> None:
        self.wait(lambda: self.is_settled(replicas), timeout_s)

    def wait_failover(self, old_port: int, timeout_s: float = 30.0) -> int:
        """The port of the new master."""
        return self.wait(lambda: (port := self.master_port()) != old_port and port, timeout_s)

    def wait(self, condition: Callable[[], Any], timeout_s: float) -> Any:
        """wait_for, which tells what the Sentinels see when the time is up."""
        try:
            return wait_for(condition, timeout_s)
        except AssertionError as error:
            raise AssertionError((self.views("MASTER"), self.views("REPLICAS"), self.log())) from error

    def log(self) -> str:
        return "\n".join(process.log()[-2500:] for process in self.processes)


@contextlib.contextmanager
def watching(master_port: int) -> Iterator[Sentinels]:
    """Sentinels in folders of their own, where they keep their configuration files."""
    program = shutil.which("redis-server")
    assert program, "these tests need redis-server"
    with contextlib.ExitStack() as stack:
        processes = []
        for _ in range(COUNT):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ws-sentinel-")))
            path = folder / "sentinel.conf"
            path.write_text(CONFIG.format(name=NAME, port=master_port, quorum=QUORUM, down=DOWN_MS))
            command = [program, str(path), "--sentinel"]
            server = ServerProcess(command, port=free_port(), name="sentinel", folder=str(folder))
            processes.append(stack.enter_context(server))
        yield Sentinels(processes)


class Client(threading.Thread):
    """Writes numbered keys to whoever the Sentinels call master; `promised` are those that WAIT 1 has confirmed."""

    def __init__(self, sentinels: Sentinels, number: int):
        super().__init__()
        self.sentinels, self.number = sentinels, number
        self.stopping = threading.Event()
        self.count = 0
        self.promised: dict[str, str] = {}
        self.when: list[float] = []         # of each promise

    def run(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, ValueError):
                with Connection(self.sentinels.master_port(), timeout_s=1) as connection:
                    while self.write(connection) and not self.stopping.is_set():
                        pass
            time.sleep(0.05)

    def write(self, connection: Connection) -> bool:
        """One write and its WAIT; False: whoever is at the other end is no master to be used."""
        self.count += 1
        key, value = f"c{self.number}:{self.count % 5000}", str(self.count)
        if connection.call("SET", key, value) != OK:
            return False
        confirmed = connection.call("WAIT", 1, 500)
        if isinstance(confirmed, Int) and confirmed.value >= 1:
            self.promised[key] = value
            self.when.append(time.monotonic())
        return isinstance(confirmed, Int)

    def lost(self, server: ServerProcess) -> list[str]:
        """Promised writes that are neither there nor followed by a later one."""
        keys = list(self.promised)
        with server.connect() as connection:
            held = connection.pipeline([("GET", key) for key in keys])
        return [key for key, reply in zip(keys, held)
                if int(getattr(reply, "data", b"0")) < int(self.promised[key])]


@contextlib.contextmanager
def load(sentinels: Sentinels, clients: int = 4) -> Iterator[list[Client]]:
    """Clients that write while the block lasts."""
    crowd = [Client(sentinels, number) for number in range(clients)]
    for client in crowd:
        client.start()
    try:
        yield crowd
    finally:
        for client in crowd:
            client.stopping.set()
        for client in crowd:
            client.join()
