"""The ledger notices what it is there for: a lost operation, half a transaction, a value that nobody wrote."""
from __future__ import annotations

import time

import pytest

from tests.faults import lives
from tests.faults.ledger import Crowd


@pytest.fixture
def written(tmp_path):
    """A server, a connection to it and writers that have written to it."""
    crowd = Crowd(2)
    with lives.start(tmp_path) as server, server.connect() as connection:
        crowd.write(server.port, 0.2)
        yield connection, crowd


def test_what_is_there_is_accepted(written):
    connection, crowd = written
    assert crowd.answered() > 100
    assert crowd.settle(connection) == 0
    assert crowd.answered() == 0


@pytest.mark.parametrize("damage", [
    ("DEL", "w1:left"), ("SET", "w1:left", "0"), ("RPUSH", "w0:l1", "x"), ("SET", "w0:s1", "x"), ("FLUSHALL",)])
def test_damage_is_noticed(written, damage):
    connection, crowd = written
    connection.call(*damage)
    with pytest.raises(AssertionError):
        crowd.settle(connection)


def test_losses_are_told_from_those_allowed(written, tmp_path):
    """An older state of the same writers is wrong now, and right for who may lose that much."""
    connection, crowd = written
    then = [(writer.acked, writer.model) for writer in crowd.writers]
    crowd.settle(connection)
    (tmp_path / "old").mkdir()
    with lives.start(tmp_path / "old") as older, older.connect() as old:
        for writer, (acked, model) in zip(crowd.writers, then):
            assert writer.base == acked and model == {}
        with pytest.raises(AssertionError):
            crowd.settle(old)
        for writer, (acked, _) in zip(crowd.writers, then):
            writer.base, writer.model = 0, {}
            writer.times = {n: time.monotonic() for n in range(1, acked + 1)}
        with pytest.raises(AssertionError):
            crowd.settle(old, time.monotonic() + 2, 1.0)
        assert crowd.settle(old, time.monotonic(), 1.0) == sum(acked for acked, _ in then)
