"""Links that are cut, slow or dead, servers killed in the midst of a synchronization, a log damaged under its reader.

Whatever befalls them, master and replica have the same data soon after it is over. Which byte, which moment: random,
from a seed that a failure names (the round's number is in it).
"""
from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import fleet
from tests.datasets import fill
from tests.faults import lives
from tests.faults.proxy import Plan, Proxy
from tests.fleet import converge, facts, replicate
from tests.mixed import Writers, write
from tests.processes import ServerProcess, wait_for
from tests.resp import OK

PAIRS = [("wstore", "wstore"), ("wstore", "redis"), ("redis", "wstore")]
LOG = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
PATIENCE = ("--repl-timeout", "2", "--repl-ping-replica-period", "1")
FILLER = [("SET", f"filler:{i}", f"{i}:" + "x" * 200) for i in range(20_000)]       # some 4 MB to copy


def name(kinds: tuple[str, ...]) -> str:
    return "-".join(kinds)


def rounds_of(test: str, short: int) -> Iterator[random.Random]:
    """A generator of random numbers for each round."""
    for number in range(lives.rounds(short)):
        yield random.Random(f"{test} {number}")


def fill_up(server: ServerProcess, seed: int = 1, filler: bool = True) -> None:
    """Data of all types, and some megabytes more."""
    with server.connect() as connection:
        fill(connection, seed)
        connection.pipeline(FILLER if filler else [])


def small_segments(kind: str) -> tuple[str, ...]:
    return ("--aof-segment-size", "256kb") if kind == "wstore" and not lives.is_redis() else ()


def unlink(replica: ServerProcess, port: int) -> None:
    """Have the replica forget its master, so that it asks for everything anew."""
    assert replica.call("REPLICAOF", "NO", "ONE") == OK
    assert replica.call("SET", "of its own", "x") == OK
    replicate(replica, port)


# -- the link ---------------------------------------------------------------------------------------------


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kinds", PAIRS, ids=name)
def test_cut_at_random_bytes(kinds):
    """In the handshake, the file, the stream; by the end of the connection or by its loss; while all is written to."""
    with fleet.fleet(*kinds, options=PATIENCE) as (master, replica), Proxy(master.port) as proxy:
        fill_up(master)
        size = 6_000_000
        for rng in rounds_of(f"cut {name(kinds)}", 6):
            limit = int(2 ** rng.uniform(0, size.bit_length()))
            which = {"up_bytes": min(limit, 400)} if rng.random() < 0.2 else {"down_bytes": limit}
            proxy.plan = Plan(**which, reset=rng.random() < 0.5)
            if rng.random() < 0.5:
                unlink(replica, proxy.port)
            else:
                replicate(replica, proxy.port)
                proxy.cut()
            write(master.port, rng.uniform(0.1, 0.6), rng.random(), clients=1)
            if rng.random() < 0.3:
                proxy.heal()
                converge([master, replica])
        proxy.heal()
        converge([master, replica])


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kinds", PAIRS, ids=name)
def test_slow_and_silent_links(kinds):
    """A replica that takes little, in small pieces, or nothing more without a word; the master serves as ever."""
    with fleet.fleet(*kinds, options=PATIENCE) as (master, replica), Proxy(master.port) as proxy:
        fill_up(master, filler=False)
        for rng in rounds_of(f"slow {name(kinds)}", 2):
            proxy.plan = rng.choice([Plan(down_rate=2_000_000, delay_s=0.001), Plan(hold_at=rng.randrange(500_000)),
                                     Plan(delay_s=0.02)])
            unlink(replica, proxy.port)
            with Writers(master.port, rng.random(), clients=1):
                time.sleep(rng.uniform(0.2, 1.0))
                proxy.hold()
                began = time.monotonic()
                assert master.call("SET", "during", "x") == OK
                assert time.monotonic() - began < 2
                time.sleep(rng.choice((0.1, 3.5)))       # within and beyond the replica's and the master's patience
                proxy.go_on()
            proxy.heal()
            converge([master, replica])


@pytest.mark.parametrize("kinds", PAIRS, ids=name)
def test_failover_that_is_forced(kinds):
    """The target has not got the last write when the time is up: it is the master all the same, with what it has."""
    with fleet.fleet(*kinds, options=PATIENCE) as (master, replica), Proxy(master.port) as proxy:
        fill_up(master, filler=False)
        replicate(replica, proxy.port)
        converge([master, replica])
        proxy.hold()
        assert master.call("SET", "late", "x") == OK
        assert master.call("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 200, "FORCE") == OK
        wait_for(lambda: facts(replica)["role"] == "master" and fleet.is_linked(master))
        assert master.call("EXISTS", "late").value == 0
        assert facts(master)["master_failover_state"] == "no-failover"
        assert replica.call("SET", "new", "x") == OK
        proxy.go_on()
        converge([replica, master])


# -- servers ----------------------------------------------------------------------------------------------


def reach(replica: ServerProcess, rng: random.Random, moment: str) -> None:
    """Wait for a moment of the replica's synchronization, or a random one that is near."""
    if moment == "receiving":
        limit = time.monotonic() + 2
        while facts(replica).get("master_sync_in_progress") == "0" and time.monotonic() < limit:
            pass
    elif moment == "swapping":
        limit = time.monotonic() + 5
        while not fleet.is_linked(replica) and time.monotonic() < limit:
            pass
        return
    time.sleep(rng.uniform(0, 0.25))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("victim", ["master", "replica"])
@pytest.mark.parametrize("kinds", PAIRS, ids=name)
@pytest.mark.parametrize("log", [True, False], ids=["log", "memory"])
def test_killed_during_a_full_sync(kinds, victim, log):
    """kill -9 while the file is made, sent, received, loaded, or the old data are swapped for the new."""
    options = PATIENCE + (LOG if log else ())
    with fleet.fleet(*kinds, options=options) as servers:
        master, replica = servers
        dying = servers[victim == "replica"]
        fill_up(master)
        fill_up(replica, seed=5)
        replicate(replica, master.port)
        for rng in rounds_of(f"full {name(kinds)} {victim} {log}", 2):
            with Writers(master.port, rng.random(), clients=1, pause_s=0.005):
                reach(replica, rng, rng.choice(("any", "receiving", "swapping")))
                dying.kill()
            dying.start()
            if victim == "replica":
                unlink(replica, master.port)
            elif not log:
                fill_up(master)
            if rng.random() < 0.5:
                converge(servers)
                unlink(replica, master.port)
        converge(servers)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("victim", ["master", "replica"])
@pytest.mark.parametrize("kinds", PAIRS, ids=name)
def test_killed_during_a_partial_sync(kinds, victim):
    """kill -9 just when a replica that was away for some megabytes catches up. Both have a log."""
    with fleet.fleet(*kinds, options=(*PATIENCE, *LOG)) as servers, Proxy(servers[0].port) as proxy:
        master, replica = servers
        dying = servers[victim == "replica"]
        replicate(replica, proxy.port)
        converge(servers)
        for rng in rounds_of(f"partial {name(kinds)} {victim}", 2):
            proxy.close()
            write(master.port, rng.uniform(0.3, 0.8), rng.random())
            proxy.heal()
            wait_for(lambda: proxy.links)
            time.sleep(rng.uniform(0, 0.3))
            dying.kill()
            dying.start()
            replicate(replica, proxy.port)
            if rng.random() < 0.5:
                write(master.port, 0.2, rng.random())
            converge(servers)


@pytest.mark.timeout(3600)
def test_a_swap_is_whole_or_not_at_all(tmp_path):
    """A replica killed around the swap starts, by itself, with all of the old data or all of the new."""
    (tmp_path / "replica").mkdir()
    with fleet.start("wstore", *PATIENCE) as master:
        fill_up(master, seed=9)
        new = fleet.digest(master)
        seen = set()
        for rng in rounds_of("swap", 4):
            replica = fleet.start("wstore", *LOG, *PATIENCE, folder=str(tmp_path / "replica"))
            replica.call("FLUSHALL")
            fill_up(replica, seed=8, filler=False)
            old = fleet.digest(replica)
            with replica.connect() as connection:
                lives.wait_quiet(connection)
                connection.call("BGREWRITEAOF")
                lives.wait_quiet(connection)
            replicate(replica, master.port)
            reach(replica, rng, rng.choice(("receiving", "swapping")))
            replica.kill()
            replica.start()
            found = fleet.digest(replica)
            assert found in (old, new), rng
            seen.add(found)
            replica.stop()
        assert seen


# -- the log ----------------------------------------------------------------------------------------------


def remove(path: Path, rng: random.Random) -> None:
    path.unlink()


def cut_short(path: Path, rng: random.Random) -> None:
    with open(path, "rb+") as file:
        file.truncate(rng.randrange(path.stat().st_size))


def spoil(path: Path, rng: random.Random) -> None:
    """Other bytes where commands began."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data) // 2)
    data[at:at + 5000] = rng.choice((bytes(5000), rng.randbytes(5000)))
    path.write_bytes(data)


def flip(path: Path, rng: random.Random) -> None:
    """One bit within a value: the commands can all be read."""
    data = bytearray(path.read_bytes())
    values = list(re.finditer(rb"\r\n([a-zA-Z0-9:]{20,})\r\n", data))
    at = rng.randrange(*rng.choice(values).span(1))
    data[at] ^= 2
    path.write_bytes(data)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("damage", [remove, cut_short, spoil, flip])
def test_log_damaged_under_its_reader(damage: Callable[[Path, random.Random], None]):
    """A replica that is fed from the disk meets a file that is gone or wrong: it does not apply that."""
    options = ("--repl-backlog-size", "64kb", *PATIENCE)
    with (fleet.start("wstore", *options, *LOG, *small_segments("wstore")) as master,
          fleet.start("wstore", *options) as replica, Proxy(master.port) as proxy):
        replicate(replica, proxy.port)
        for rng in rounds_of(f"damage {damage.__name__}", 1):
            converge([master, replica])
            proxy.close()
            goal = int(facts(master)["master_repl_offset"]) + rng.randint(4_000_000, 8_000_000)
            while int(facts(master)["master_repl_offset"]) < goal:
                write(master.port, 0.2, rng.random())
            proxy.open, proxy.plan = True, Plan(down_rate=400_000)
            before = proxy.passed["down"]
            wait_for(lambda: proxy.passed["down"] > before + 20_000)        # noqa: B023
            files = sorted((master.folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
            damage(files[len(files) // 2], rng)
            time.sleep(rng.uniform(0, 1))
            proxy.heal()
            converge([master, replica])
            with master.connect() as connection:        # the next round has a log that is whole
                lives.wait_quiet(connection)
                connection.call("BGREWRITEAOF")
                lives.wait_quiet(connection)
