"""Images of the command module in this process: one a build, and no more of them than the limit."""
import os
from pathlib import Path

import pytest

import wstore
from wstore.admin import reload
from wstore.admin.images import ImageError, Images
from wstore.commands import _commands


def builds(count: int) -> list[bytes]:
    """Builds with different contents and the same code, which bytes behind the end of what is mapped do not change."""
    build = Path(_commands.__file__).read_bytes()
    return [build + bytes([number]) * 8 for number in range(count)]


def image_maps() -> int:
    return Path("/proc/self/maps").read_text().count("/wstore-commands-")


def test_a_build_has_one_image():
    images = Images()
    first, second = builds(2)
    tables = images.tables(first)
    assert images.tables(second) is not tables
    maps = image_maps()
    assert images.tables(bytes(bytearray(first))) is tables
    assert image_maps() == maps
    assert len(images) == 2


def test_the_limit_leaves_known_builds():
    images = Images(limit=2)
    first, second, third = builds(3)
    tables = images.tables(first)
    images.tables(second)
    for _ in range(2):
        with pytest.raises(ImageError, match="limit of 2 different builds"):
            images.tables(third)
    assert images.tables(first) is tables
    assert len(images) == 2


def test_what_cannot_be_mapped_is_not_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    images = Images(limit=1)
    for _ in range(2):
        with pytest.raises(ImageError, match="ImportError"):
            images.tables(b"no machine code here")
    assert len(images) == 0
    images.tables(builds(1)[0])
    assert len(images) == 1
    assert os.listdir(tmp_path) == []


def test_an_engine_adopts_the_same_tables_again():
    """While they are in force, and after others were; in two engines at once."""
    images = Images()
    first, second = map(images.tables, builds(2))
    with wstore.Store() as store, wstore.Store() as other:
        store.set("k", "v")
        specs = store.command_specs()
        for tables in (first, first, second, first, first):
            store.adopt(tables)
            other.adopt(tables)
            assert store.get("k") == b"v"
            assert other.get("k") is None
        assert sorted(map(str, store.command_specs())) == sorted(map(str, specs))
        assert store.execute("STRLEN", "k") == 1


def test_reload_names_the_limit(tmp_path, monkeypatch):
    """The tables in force stay in force."""
    monkeypatch.setattr(reload, "IMAGES", Images(limit=1))
    for number, build in enumerate(builds(2)):
        (tmp_path / f"{number}.so").write_bytes(build)
    with wstore.Store() as store:
        store.config.load("commands-path", [str(tmp_path)])
        store.set("k", "v")
        assert store.execute("COMMANDS", "RELOAD", "0.so")
        before = store.execute("INFO", "commands_module")
        with pytest.raises(wstore.ReplyError, match="the old module stays: the limit of 1 different builds"):
            store.execute("COMMANDS", "RELOAD", "1.so")
        assert store.execute("INFO", "commands_module") == before
        assert store.execute("STRLEN", "k") == 1
        assert store.execute("COMMANDS", "RELOAD", "0.so")


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reload, "SIZE_LIMIT_BYTES", 1000)
    path = tmp_path / "large.so"
    path.write_bytes(builds(1)[0])
    with pytest.raises(ValueError, match="too large"):
        reload.read_module(str(path))
