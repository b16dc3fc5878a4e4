"""Three Sentinels watch a master with two replicas: when it dies or freezes a replica takes over, under load.

Nothing is lost that a client was promised by WAIT 1; the old master comes back as a replica of the new one. How long
there was no master is measured: from the fault to the first write that is confirmed again.
"""
from __future__ import annotations

import signal
import statistics
import time

import pytest

from tests import fleet
from tests.faults import lives
from tests.faults.sentinels import Client, Sentinels, load, watching
from tests.fleet import facts, replicate, wait_linked
from tests.processes import ServerProcess, wait_for

FAILOVERS = 20 if lives.ROUNDS else 2
WITHOUT_MASTER_S = 15.0     # more than that is a failure; most of it are Sentinel's own waits
OPTIONS = ("--repl-timeout", "5", "--repl-ping-replica-period", "1")


def first_confirmed(clients: list[Client], after: float) -> float | None:
    """When a write was confirmed for the first time after a moment."""
    return min((when for client in clients for when in client.when[::-1][:2000] if when > after), default=None)


def are_as_said(servers: list[ServerProcess], master_port: int) -> bool:
    """Whether one is the master that the Sentinels name, and the others, the old master too, are replicas of it."""
    master, replica = {"role": "master"}, {"role": "slave", "master_port": str(master_port)}
    return all((master if server.port == master_port else replica).items() <= facts(server).items()
               for server in servers)


def fail_over(servers: list[ServerProcess], sentinels: Sentinels, clients: list[Client], freeze: bool) -> float:
    """Kill or freeze the master, wait for the new one, bring the old one back as a replica.

    Seconds without a master."""
    old = next(server for server in servers if server.port == sentinels.master_port())
    time.sleep(0.5)
    if freeze:
        old.process.send_signal(signal.SIGSTOP)
    else:
        old.kill()
    failed = time.monotonic()
    sentinels.wait_failover(old.port)
    again = wait_for(lambda: first_confirmed(clients, failed + 0.2), 30)
    if freeze:
        old.process.send_signal(signal.SIGCONT)
    else:
        old.start()
    sentinels.wait(lambda: sentinels.is_settled(replicas=2) and are_as_said(servers, sentinels.master_port()), 60)
    return again - failed


@pytest.mark.timeout(3600)
def test_failovers():
    with fleet.fleet("wstore", "wstore", "wstore", options=OPTIONS) as servers:
        for replica in servers[1:]:
            replicate(replica, servers[0].port)
        wait_linked(*servers[1:])
        with watching(servers[0].port) as sentinels:
            sentinels.wait_settled(replicas=2)
            took = []
            with load(sentinels) as clients:
                for number in range(FAILOVERS):
                    took.append(fail_over(servers, sentinels, clients, freeze=number % 2 == 1))
            master = next(server for server in servers if server.port == sentinels.master_port())
            fleet.converge([master, *(server for server in servers if server is not master)])
            assert [client.lost(master) for client in clients] == [[]] * len(clients)
            assert min(len(client.promised) for client in clients) > 10 * FAILOVERS
            print(f"{len(took)} failovers, seconds without a master: median {statistics.median(took):.2f}, "
                  f"longest {max(took):.2f}")
            assert max(took) < WITHOUT_MASTER_S
