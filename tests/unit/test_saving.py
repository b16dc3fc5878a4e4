"""When the RDB file is saved: save points, retries, what counts as changed; with snapshots that end when told."""
import time

import pytest

import wstore
from wstore.persistence import saving
from wstore.persistence.saving import Busy, Saving

_real_time = time.time


class Snapshots(wstore.Store):
    """A store whose background snapshots end by `end(error)`."""

    def begin(self, path, aux=(), slots=None, then=None):
        self.path = path
        self.then = then
        return 0

    def snapshot_begin(self, path, aux=(), slots=None, then=None):
        return self.begin(path, aux, slots, then)

    def snapshot_progress(self):
        return {"running": getattr(self, "then", None) is not None, "keys_done": 0, "keys_total": 0}

    def end(self, error=None):
        then, self.then = self.then, None
        then(error)


@pytest.fixture
def store(tmp_path):
    with Snapshots() as store:
        store.execute("CONFIG", "SET", "save", "10 2 60 1")
        store.config.load("dir", [str(tmp_path)])
        yield store


def part(store) -> Saving:
    return store.persistence.saving


def later(monkeypatch, seconds):
    now = _real_time()
    monkeypatch.setattr(saving.time, "time", lambda: now + seconds)


def test_a_save_point_needs_time_and_changes(store, monkeypatch):
    store.set("a", 1)
    later(monkeypatch, 59)
    assert part(store).due_point() is None
    store.set("b", 1)
    assert part(store).due_point() == (10, 2)
    later(monkeypatch, 9)
    assert part(store).due_point() is None


def test_cron_begins_what_is_due(store, monkeypatch):
    store.set("a", 1)
    later(monkeypatch, 62)
    assert store.persistence.cron(False) > 0
    assert store.path.endswith("/dump.rdb")
    assert part(store).started_s is not None
    with pytest.raises(Busy):
        part(store).begin()
    store.set("b", 1)
    store.end()
    assert part(store).dirty == 1
    assert part(store).due_point() is None


def test_a_failed_save_refuses_writes_and_is_tried_again(store, monkeypatch):
    store.set("a", 1)
    later(monkeypatch, 62)
    store.persistence.cron(False)
    store.end("No space left on device")
    assert not part(store).last_ok
    with pytest.raises(wstore.ReplyError, match="^MISCONF Redis is configured to save RDB snapshots"):
        store.execute("SET", "b", 1)
    with pytest.raises(wstore.ReplyError, match="^MISCONF"):
        store.execute("PING")
    assert store.get("a") == b"1"
    assert part(store).due_point() is None
    later(monkeypatch, 69)
    assert part(store).due_point() == (60, 1)
    store.persistence.cron(False)
    store.end()
    assert store.execute("SET", "b", 1) == "OK"


@pytest.mark.parametrize("setting", [("stop-writes-on-bgsave-error", "no"), ("save", "")])
def test_writes_go_on_if_directives_say_so(store, setting):
    part(store).begin()
    store.end("Input/output error")
    with pytest.raises(wstore.ReplyError, match="^MISCONF"):
        store.execute("SET", "b", 1)
    store.execute("CONFIG", "SET", *setting)
    assert store.execute("SET", "b", 1) == "OK"


def test_a_scheduled_save_waits_for_the_snapshot_that_runs(store):
    store.begin("elsewhere", then=lambda error: None)
    assert store.execute("BGSAVE", "SCHEDULE") == "Background saving scheduled"
    with pytest.raises(wstore.ReplyError, match="^ERR Another child process is active"):
        store.execute("BGSAVE")
    store.persistence.cron(False)
    assert store.path == "elsewhere"
    store.end()
    store.persistence.cron(False)
    assert store.path.endswith("/dump.rdb")
    store.end()
