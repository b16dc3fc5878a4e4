"""wstore and real redis-server replicate from each other under mixed random writes, and have the same data after.

Pairs and chains in mixed order; links that are cut; replicas promoted, with everybody else going on where they were.
Some seconds each; a minute in the long form.
"""
from __future__ import annotations

import time

import pytest

from tests import fleet
from tests.faults.lives import ROUNDS
from tests.faults.proxy import Proxy
from tests.fleet import converge, count, promote, replicate, wait_linked
from tests.mixed import Writers, write
from tests.processes import ServerProcess, wait_for
from tests.resp import OK

SECONDS = 60.0 if ROUNDS else 1.5
PAIRS = [("wstore", "redis"), ("redis", "wstore"), ("wstore", "wstore")]
CHAINS = [("redis", "wstore", "redis"), ("wstore", "redis", "wstore"), ("wstore", "wstore", "wstore"),
          ("redis", "wstore", "wstore"), ("wstore", "wstore", "redis")]
OLD = [("redis-6.2", "wstore")] if fleet.old_redis() else []
ROOMY = ("--repl-backlog-size", "64mb")     # whoever is away comes back in time
CALM = (*ROOMY, "--repl-ping-replica-period", "3600", "--repl-timeout", "3600")    # no byte but those of writes


def name(kinds: tuple[str, ...]) -> str:
    return "-".join(kinds)


def has_scripts(server: ServerProcess) -> bool:
    return server.name != "wstore"


def link(servers: list[ServerProcess]) -> None:
    """Each server replicates from the one before it, and has its data."""
    for master, replica in zip(servers, servers[1:]):
        replicate(replica, master.port)
        wait_linked(replica)


def write_to(server: ServerProcess, seconds: float, seed: object) -> None:
    write(server.port, seconds, seed, scripts=has_scripts(server))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kinds", [*PAIRS, *CHAINS, *OLD], ids=name)
def test_mixed_writes(kinds):
    """Attached to a master that has data and is written to, one behind the other."""
    with fleet.fleet(*kinds) as servers:
        write_to(servers[0], 0.3, "before")
        with Writers(servers[0].port, "during", scripts=has_scripts(servers[0])):
            time.sleep(SECONDS / 3)
            link(servers)
            time.sleep(SECONDS)
        assert converge(servers) != fleet.EMPTY
        assert count(servers[0], "sync_full") == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kinds", PAIRS, ids=name)
def test_partial_resync_after_a_cut(kinds):
    """What was written meanwhile comes afterwards, and nothing else."""
    with fleet.fleet(*kinds, options=ROOMY) as servers, Proxy(servers[0].port) as proxy:
        write_to(servers[0], 0.3, "before")
        replicate(servers[1], proxy.port)
        wait_linked(servers[1])
        with Writers(servers[0].port, "during", scripts=has_scripts(servers[0])):
            for number in range(3):
                time.sleep(SECONDS / 6)
                proxy.cut()
                wait_for(lambda: count(servers[0], "sync_partial_ok") > number)     # noqa: B023
        converge(servers)
        assert count(servers[0], "sync_full") == 1
        assert count(servers[0], "sync_partial_err") in (0, 1)      # of the first `PSYNC ? -1`, where that counts


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kinds", [("wstore", "redis", "wstore"), ("redis", "wstore", "redis"),
                                   ("wstore", "wstore", "redis"), ("wstore", "wstore", "wstore")], ids=name)
def test_promotion(kinds):
    """The replica becomes the master; the other replica and the old master go on behind it without a full sync."""
    with fleet.fleet(*kinds, options=CALM) as servers:
        old, new, other = servers
        replicate(new, old.port)
        replicate(other, old.port)
        wait_linked(new, other)
        write_to(old, SECONDS / 3, "before")
        fleet.sweep(old)
        assert old.call("CLIENT", "PAUSE", 60_000, "WRITE") == OK       # nothing expires any more, either
        converge(servers)
        promote(new)
        write_to(new, 0.1, "between")
        replicate(old, new.port)
        assert old.call("CLIENT", "UNPAUSE") == OK
        replicate(other, new.port)
        wait_linked(old, other)
        write_to(new, SECONDS / 3, "after")
        converge([new, old, other])
        assert (count(new, "sync_full"), count(new, "sync_partial_ok")) == (0, 2), new.log()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kinds", CHAINS[:3], ids=name)
def test_promotion_inside_of_a_chain(kinds):
    """The first server dies. The second is promoted while the third stays with it, and is not copied to again."""
    with fleet.fleet(*kinds, options=CALM) as servers:
        first, second, third = servers
        link(servers)
        write_to(first, SECONDS / 3, "before")
        converge(servers)
        first.kill()
        promote(second)
        write_to(second, SECONDS / 3, "after")
        converge([second, third])
        assert count(second, "sync_full") == 1
