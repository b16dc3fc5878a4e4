"""The pytest plugin, found by its entry point wherever wstore is installed.

    def test_cache(wstore_server):
        client = redis.Redis.from_url(wstore_server.url)
"""
import pytest

import wstore


@pytest.fixture
def wstore_store():
    """An empty wstore.Store."""
    with wstore.Store() as store:
        yield store


@pytest.fixture
def wstore_server(wstore_store):
    """A running wstore.Server on a free port of 127.0.0.1; `.url`, `.port`, `.store`."""
    with wstore.Server(wstore_store) as server:
        yield server
