"""Config: reading, atomic setting with hooks, finding by globs; the order of CONFIG SET's complaints."""
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies_config import settings
from wstore.admin.config import Config, ConfigError
from wstore.admin.config.table import STARTUP, TABLE


def test_reads_like_a_dict():
    config = Config()
    assert config["maxclients"] == 10000
    assert config["PORT"] == 6379
    assert config["slave-priority"] == config["replica-priority"] == 100
    assert "nope" not in config
    assert config["dir"] == os.getcwd()
    with pytest.raises(KeyError):
        config["nope"]


def test_find():
    config = Config()
    assert config.find(["MaxMemory", "maxmemory", "max*y"]) == {"MaxMemory": "0", "maxmemory-policy": "noeviction",
                                                               "maxmemory-eviction-tenacity": "10"}
    assert config.find(["nope", "nope*"]) == {}
    assert config.find(["watchdog*"]) == {}
    assert config.find(["watchdog-period"]) == {"watchdog-period": "0"}


@pytest.mark.parametrize("pairs, error", [
    ([("nope", "1")], "Unknown option or number of arguments for CONFIG SET - 'nope'"),
    ([("Port", "1"), ("Daemonize", "no")], "CONFIG SET failed (possibly related to argument 'Daemonize')"
                                           " - can't set immutable config"),
    ([("dir", "/")], "CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"),
    ([("HZ", "1"), ("hz", "2")], "CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter"),
    ([("port", "1"), ("HZ", "x")], "CONFIG SET failed (possibly related to argument 'hz')"
                                   " - argument couldn't be parsed into an integer"),
])
def test_set_refused(pairs, error):
    config = Config()
    before = dict(config)
    with pytest.raises(ConfigError) as caught:
        config.set_pairs(pairs)
    assert str(caught.value) == error
    assert dict(config) == before


def test_protected_can_be_allowed(tmp_path):
    config = Config()
    config.set_pairs([("dir", str(tmp_path))], allow_protected=True)
    assert config["dir"] == str(tmp_path)
    assert os.getcwd() != str(tmp_path)


def test_dir_changes_the_working_directory_of_an_own_process(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    config = Config(owns_process=True)
    with pytest.raises(ConfigError, match="argument 'hz'"):
        config.set_pairs([("dir", str(tmp_path)), ("hz", "x")], allow_protected=True)
    assert os.getcwd() == "/"
    config.load("dir", [str(tmp_path)])
    assert os.getcwd() == str(tmp_path)


def test_hooks_run_once_and_only_for_changes():
    config = Config()
    calls = []
    config.on_change(["port", "bind"], lambda: calls.append((config["port"], config["bind"])))
    config.set_pairs([("port", "1"), ("bind", "::1")])
    config.set_pairs([("port", "1"), ("hz", "2")])
    assert calls == [(1, ("::1",))]


def test_a_failing_hook_undoes_everything():
    config = Config()
    seen = []

    def refuse():
        if config["port"] == 1:
            raise ConfigError("Unable to listen on this port. Check server logs.")

    config.on_change(["hz"], lambda: seen.append(config["hz"]))
    config.on_change(["port"], refuse)
    with pytest.raises(ConfigError) as caught:
        config.set_pairs([("hz", "77"), ("port", "1")])
    assert str(caught.value) == ("CONFIG SET failed (possibly related to argument 'port')"
                                 " - Unable to listen on this port. Check server logs.")
    assert seen == [77, 10]
    assert (config["hz"], config["port"]) == (10, 6379)


@given(st.lists(settings(), max_size=8))
def test_set_takes_what_loading_takes(chosen):
    loaded, changed = Config(), Config()
    for name, words in chosen:
        if TABLE[name].flags & STARTUP or any(" " in word for word in words) and TABLE[name].kind.multi:
            continue
        value_words = words if words or TABLE[name].kind.multi else [""]
        changed.set_pairs([(name, " ".join(value_words))], allow_protected=True)
        loaded._given.clear()
        loaded.load(name, value_words)
    assert dict(loaded) == dict(changed)
