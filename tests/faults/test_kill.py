"""kill -9 at a random moment under eight writers, in the middle of rewrites, saves and loading as well.

What was answered is there afterwards: all of it with `appendfsync always`, all but the last second with `everysec`;
and of a transaction everything or nothing.
"""
from __future__ import annotations

import random
import time

import pytest

from tests.faults import lives
from tests.faults.ledger import Crowd
from tests.processes import ServerProcess

LOSS_S = {"always": 0.0, "everysec": 1.0}
WRITING_S = {"always": (0.05, 0.5), "everysec": (0.3, 1.6)}
UPKEEP = [("BGREWRITEAOF",), ("BGSAVE",), ("PING",)]
SMALL_SEGMENTS = () if lives.is_redis() else ("--aof-segment-size", "64kb")


def disturb(server: ServerProcess, rng: random.Random) -> None:
    """Have a rewrite or a snapshot going when the end comes, or neither."""
    with server.connect() as connection:
        connection.call(*rng.choice(UPKEEP))


def killed_while_writing(server: ServerProcess, crowd: Crowd, seconds: float, rng: random.Random) -> float:
    """Have the crowd write and kill the server in the midst of it; when that was."""
    crowd.start(server.port)
    at = rng.uniform(0, seconds)
    time.sleep(at)
    disturb(server, rng)
    time.sleep(seconds - at)
    moment = time.monotonic()
    server.kill()
    crowd.stop()
    return moment


def killed_while_starting(folder, options: tuple[str, ...], rng: random.Random) -> None:
    """Start a server and kill it before it has begun to load, in the midst of it, or soon after."""
    process = lives.spawn(folder, *options)
    time.sleep(rng.uniform(0.0, 0.6))
    process.kill()
    process.wait()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_nothing_answered_is_lost(tmp_path, policy):
    rng = random.Random(f"kill {policy}")
    options = (*lives.LOG_OPTIONS, "--appendfsync", policy, *SMALL_SEGMENTS)
    crowd = Crowd(8)
    written, cut_at = 0, None
    for number in range(lives.rounds(4)):
        if number % 8 == 3:
            killed_while_starting(tmp_path, options, rng)
        with lives.start(tmp_path, *options) as server:
            with server.connect() as connection:
                crowd.settle(connection, cut_at, LOSS_S[policy])
            cut_at = killed_while_writing(server, crowd, rng.uniform(*WRITING_S[policy]), rng)
            assert not crowd.refusals(), server.log()
            written += crowd.answered()
    with lives.start(tmp_path, *options) as server, server.connect() as connection:
        crowd.settle(connection, cut_at, LOSS_S[policy])
    assert written > 1000
