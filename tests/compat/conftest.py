"""Fixtures of the differential suites: after each test the servers of the session still live."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import Differential


@pytest.fixture(autouse=True)
def servers_survive(diff: Differential) -> Iterator[None]:
    """Fails the test in which a server died, with the end of its log, and starts it again for the next one."""
    yield
    for server in (diff.oracle, diff.server):
        if server is not None and not server.alive():
            log, code = server.log()[-3000:], server.process.returncode
            server.start()
            pytest.fail(f"{server.name} ended with code {code}:\n{log}", pytrace=False)
