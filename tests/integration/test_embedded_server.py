"""wstore.Server: a store served by a thread of this process; the pytest plugin's fixtures."""
import logging
import threading

import pytest
import redis

import wstore
from tests.processes import free_port
from wstore.testing import plugin


def client_of(server, **options):
    return redis.Redis.from_url(server.url, **options)


def test_serves_and_stops():
    threads = set(threading.enumerate())
    with wstore.Server() as server:
        assert server.url == f"redis://127.0.0.1:{server.port}"
        with client_of(server) as client:
            assert client.set("a", "1")
            assert server.store.get("a") == b"1"
            server.store.set("b", "2")
            assert client.get("b") == b"2"
        port = server.port
    assert server.port == 0
    with pytest.raises(redis.ConnectionError):
        redis.Redis(port=port).ping()
    assert set(threading.enumerate()) <= threads


def test_a_store_outlives_its_server_and_can_be_served_again():
    with wstore.Store() as store:
        store.set("a", "1")
        server = wstore.Server(store)
        for _ in range(2):
            with server, client_of(server) as client:
                assert client.incr("a")
        assert store.get("a") == b"3"


def test_one_server_to_a_store():
    with wstore.Store() as store, wstore.Server(store) as server:
        with pytest.raises(RuntimeError):
            wstore.Server(store).start()
        assert client_of(server).ping()


def test_settings(tmp_path):
    settings = {"requirepass": "secret", "maxclients": 7, "save": ["60", "1"], "dir": tmp_path, "protected_mode": False}
    with wstore.Server(**settings) as server:
        with client_of(server, password="secret") as client:
            assert client.config_get("maxclients", "save", "protected-mode") == {
                "maxclients": "7", "save": "60 1", "protected-mode": "no"}
        with client_of(server) as client, pytest.raises(redis.AuthenticationError):
            client.get("a")


@pytest.mark.parametrize("settings, reason", [
    ({"nope": 1}, "there is no directive 'nope'"),
    ({"hz": "x"}, "hz: argument couldn't be parsed into an integer"),
    ({"save": [1]}, "save: Invalid save parameters"),
    ({"dir": "/nonexistent"}, "dir '/nonexistent': No such file or directory"),
])
def test_wrong_settings(settings, reason):
    with pytest.raises(ValueError, match=reason):
        wstore.Server(**settings)


def test_fixed_port_and_unix_socket(tmp_path):
    port, path = free_port(), str(tmp_path / "sock")
    with wstore.Server(port=port, unixsocket=path) as server:
        assert server.port == port
        assert redis.Redis(unix_socket_path=path).ping()
    with wstore.Server(port=None, unixsocket=path) as server:
        assert server.url == f"unix://{path}"
        assert client_of(server).ping()


def test_a_port_that_is_taken():
    with wstore.Server() as server, pytest.raises(OSError, match="Address already in use"):
        wstore.Server(port=server.port).start()


def test_shutdown_by_a_client(caplog):
    caplog.set_level(logging.INFO, "wstore")
    with wstore.Server() as server, client_of(server) as client:
        client.set("a", "1")
        client.shutdown(nosave=True)
        assert server.store.get("a") == b"1"
    assert "User requested shutdown..." in caplog.messages


def test_shutdown_of_a_store_without_a_server():
    with wstore.Store() as store, pytest.raises(wstore.ReplyError, match="Errors trying to SHUTDOWN"):
        store.execute("SHUTDOWN")


def test_several_servers_are_apart():
    with wstore.Server() as first, wstore.Server() as second:
        client_of(first).set("a", "1")
        client_of(first).config_set("hz", 77)
        assert client_of(second).get("a") is None
        assert client_of(second).config_get("hz") == {"hz": "10"}


def test_the_plugins_fixtures(pytestconfig):
    """Run as pytest does: the store is empty and the server answers, then both are closed."""
    stores = plugin.wstore_store.__wrapped__()
    store = next(stores)
    servers = plugin.wstore_server.__wrapped__(store)
    server = next(servers)
    assert client_of(server).dbsize() == 0
    for fixture in (servers, stores):
        with pytest.raises(StopIteration):
            next(fixture)
    assert server.port == 0
