"""COMMANDS RELOAD: a changed command module swapped in under load, and everything that must not be loaded.

The changed module is this tree's, compiled again with another version and a STRLEN that answers 1000 more.
The limit of builds in a process is tested in tests/unit/test_images.py.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import wstore
from tests.harness import OK, Bulk, Error, Int, Map, ServerProcess, start_wstore

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
BUILT = ROOT / "wstore" / "commands" / f"_commands{SUFFIX}"
SLOWER = 10 if os.environ.get("WSTORE_SANITIZE") else 1     # limits that hold for builds without sanitizers
CHANGES = {
    "wstore/commands/_commands.pyx": ("MODULE.version = WSTORE_VERSION", 'MODULE.version = b"changed build"'),
    "wstore/commands/strings.pyx": ("reply_int(c, <int64_t>string_len(&e))",
                                    "reply_int(c, 1000 + <int64_t>string_len(&e))"),
}
# Modules that must be refused: what the error has to say of them, and the body of their C source
WRONG_MODULES = {
    "no_init": ("PyInit__commands", "int other(void) { return 0; }"),
    "raises": ("RuntimeError: not today", """
        PyMODINIT_FUNC PyInit__commands(void) { PyErr_SetString(PyExc_RuntimeError, "not today"); return NULL; }"""),
    "no_module": ("module", """
        static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_commands", 0, 0, 0};
        PyMODINIT_FUNC PyInit__commands(void) { return PyModule_Create(&def); }"""),
    "no_capsule": ("not a command module", """
        static PyObject *module(PyObject *self, PyObject *no) { return PyLong_FromLong(1); }
        static PyMethodDef methods[] = {{"module", module, METH_NOARGS, 0}, {0}};
        static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_commands", 0, 0, methods};
        PyMODINIT_FUNC PyInit__commands(void) { return PyModule_Create(&def); }"""),
    "other_abi": ("ABI", """
        static uint32_t tables[64] = {9999};
        static PyObject *module(PyObject *self, PyObject *no) { return PyCapsule_New(tables, "wstore.module", 0); }
        static PyMethodDef methods[] = {{"module", module, METH_NOARGS, 0}, {0}};
        static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_commands", 0, 0, methods};
        PyMODINIT_FUNC PyInit__commands(void) { return PyModule_Create(&def); }"""),
    "missing_symbol": ("ws_nowhere", """
        void ws_nowhere(void);
        PyMODINIT_FUNC PyInit__commands(void) { ws_nowhere(); return NULL; }"""),
}


def build_changed(folder: Path) -> Path:
    """The changed module alone, built as the tree's own is."""
    for name in ("csrc", "wstore"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    for name, (old, new) in CHANGES.items():
        text = (folder / name).read_text()
        assert text.count(old) == 1
        (folder / name).write_text(text.replace(old, new))
    done = subprocess.run([sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"], cwd=folder,
                          env=os.environ | {"WSTORE_ONLY": "wstore.commands._commands"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return folder / "wstore" / "commands" / BUILT.name


def other_build(path: Path, number: int) -> bytes:
    """The module at `path` with other contents and the same code: bytes behind the end of what is mapped."""
    return path.read_bytes() + number.to_bytes(4, "big") + b"a build of its own"


def build_wrong(path: Path, body: str) -> None:
    source = path.with_suffix(".c")
    source.write_text(f"#include <Python.h>\n#include <stdint.h>\n{body}\n")
    include = sysconfig.get_path("include")
    subprocess.run(["gcc", "-shared", "-fPIC", f"-I{include}", str(source), "-o", str(path)], check=True)


@pytest.fixture(scope="module")
def modules(tmp_path_factory) -> Path:
    """A folder with old.so, changed.so, the wrong ones, and the old one under its own name."""
    folder = tmp_path_factory.mktemp("modules")
    shutil.copy(BUILT, folder / BUILT.name)
    shutil.copy(BUILT, folder / "old.so")
    shutil.copy(build_changed(tmp_path_factory.mktemp("tree")), folder / "changed.so")
    for name, (_, body) in WRONG_MODULES.items():
        build_wrong(folder / f"{name}.so", body)
    data = BUILT.read_bytes()
    for name, size in (("empty", 0), ("header", 64), ("half", len(data) // 2), ("short", len(data) - 1)):
        (folder / f"{name}.so").write_bytes(data[:size])
    (folder / "text.so").write_text("no machine code here\n" * 100)
    (folder / "folder.so").mkdir()
    os.mkfifo(folder / "fifo.so")
    return folder


@pytest.fixture(scope="module")
def server(modules: Path) -> Iterator[ServerProcess]:
    with start_wstore("--commands-path", str(modules)) as process:
        yield process


@pytest.fixture(autouse=True)
def old_code(server: ServerProcess) -> None:
    """Every test begins with the old module and one key."""
    assert not isinstance(server.call("COMMANDS", "RELOAD", "old.so"), Error)
    assert server.call("SET", "k", "five!") == OK
    assert server.call("STRLEN", "k") == Int(5)


def module_facts(server: ServerProcess) -> dict[str, str]:
    text = server.call("INFO", "commands_module").data.decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def reload(server: ServerProcess, *path: str) -> dict[bytes, object]:
    """A reload that has to work: its reply."""
    with server.connect(resp=3) as connection:
        reply = connection.call("COMMANDS", "RELOAD", *path)
    assert isinstance(reply, Map), reply
    return {key.data: value for key, value in reply.pairs}


def test_new_code_and_old_data(server):
    before = module_facts(server)
    reply = reload(server, "changed.so")
    after = module_facts(server)
    assert server.call("STRLEN", "k") == Int(1005)
    assert server.call("GET", "k") == Bulk(b"five!")
    assert reply[b"version"].data.startswith(b"changed ")
    assert after["version"] == reply[b"version"].data.decode()
    assert after["path"].endswith("/changed.so")
    assert int(after["reloads"]) == int(before["reloads"]) + 1
    assert Int(int(after["reload_last_us"])) == reply[b"usec"]
    assert int(after["reload_max_us"]) >= int(after["reload_last_us"]) > 0
    reload(server, "old.so")
    assert server.call("STRLEN", "k") == Int(5)
    assert not module_facts(server)["version"].startswith("changed ")


def test_without_a_path_the_installed_name_is_meant(server, modules):
    reload(server, "changed.so")
    reload(server)
    assert module_facts(server)["path"] == str(modules / BUILT.name)
    assert server.call("STRLEN", "k") == Int(5)


def test_the_image_is_a_private_copy(server, modules):
    shutil.copy(modules / "changed.so", modules / "passing.so")
    reload(server, "passing.so")
    (modules / "passing.so").write_bytes(b"")
    assert server.call("STRLEN", "k") == Int(1005)
    (modules / "passing.so").unlink()
    assert server.call("STRLEN", "k") == Int(1005)


def test_a_link_within_the_folder_is_followed(server, modules):
    link = modules / "link.so"
    link.symlink_to("changed.so")
    reload(server, "link.so")
    link.unlink()
    assert server.call("STRLEN", "k") == Int(1005)


def all_maps(server: ServerProcess) -> list[str]:
    return Path(f"/proc/{server.pid}/maps").read_text().splitlines()


def image_maps(server: ServerProcess) -> list[str]:
    """Those of images that were loaded by a reload."""
    return [line for line in all_maps(server) if "/wstore-commands-" in line]


def rss_bytes(server: ServerProcess) -> int:
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_build_is_mapped_once(server, modules):
    """Whatever its file is called, and whichever was in force in between."""
    shutil.copy(modules / "changed.so", modules / "again.so")
    reload(server, "changed.so")
    maps = image_maps(server)
    for name, length in (("old.so", 5), ("again.so", 1005), ("changed.so", 1005), (BUILT.name, 5)):
        reload(server, name)
        assert server.call("STRLEN", "k") == Int(length)
        assert server.call("GET", "k") == Bulk(b"five!")
    assert image_maps(server) == maps
    (modules / "again.so").write_bytes(other_build(modules / "changed.so", 0))
    reload(server, "again.so")
    assert len(image_maps(server)) > len(maps) > 0
    assert server.call("STRLEN", "k") == Int(1005)


def test_two_thousand_reloads_take_no_memory(server):
    reload(server, "changed.so")
    with server.connect() as connection:
        connection.pipeline([("COMMANDS", "RELOAD", "changed.so")] * 100)
        images, maps, rss = image_maps(server), all_maps(server), rss_bytes(server)
        for _ in range(20):
            replies = connection.pipeline([("COMMANDS", "RELOAD", "changed.so")] * 100)
            assert not any(isinstance(reply, Error) for reply in replies)
    assert image_maps(server) == images
    assert len(all_maps(server)) <= len(maps) + 5       # a heap may grow by a map
    assert rss_bytes(server) - rss < 5_000_000 * SLOWER     # a sanitizer keeps what was freed for a while
    assert server.call("STRLEN", "k") == Int(1005)


def test_the_log_tells_of_a_reload(server, modules):
    start = len(server.log())
    reply = reload(server, "changed.so")
    [line] = server.log()[start:].splitlines()
    assert " * COMMANDS RELOAD: " in line
    for fact in (reply[b"version"].data.decode(), str(modules / "changed.so"), f"{reply[b'usec'].value} microseconds"):
        assert fact in line


@pytest.mark.parametrize(("path", "reason"), [
    ("text.so", "not an ELF file"), ("raises.so", "RuntimeError: not today"), ("/etc/passwd", "outside"),
    ("new\nline", "No such file"), (b"nul\0", "outside"), ("long" * 1000, "OSError")])
def test_the_log_tells_of_a_failure(server, path, reason):
    start = len(server.log())
    assert isinstance(server.call("COMMANDS", "RELOAD", path), Error)
    [line] = server.log()[start:].splitlines()
    assert " # COMMANDS RELOAD of '" in line
    assert reason in line
    assert len(line) < 1000


def refuses(server: ServerProcess, path: str | bytes, reason: str) -> None:
    """The reload fails with this reason, and everything is as before."""
    before = module_facts(server)
    reply = server.call("COMMANDS", "RELOAD", path)
    assert isinstance(reply, Error), reply
    assert reason.lower() in reply.text.decode().lower()
    assert module_facts(server) == before
    assert server.call("STRLEN", "k") == Int(5)


@pytest.mark.parametrize("name", list(WRONG_MODULES))
def test_a_wrong_module_is_refused(server, name):
    refuses(server, f"{name}.so", WRONG_MODULES[name][0])
    maps = image_maps(server)
    for _ in range(3):
        refuses(server, f"{name}.so", WRONG_MODULES[name][0])
    assert image_maps(server) == maps


@pytest.mark.parametrize(("name", "reason"), [
    ("empty", "not an ELF file"), ("header", "cut short"), ("half", "cut short"), ("short", "cut short"),
    ("text", "not an ELF file"), ("folder", "not a regular file"), ("fifo", "not a regular file"),
    ("missing", "No such file")])
def test_a_broken_file_is_refused(server, name, reason):
    refuses(server, f"{name}.so", reason)


def test_paths_outside_of_the_folder_are_refused(server, modules, tmp_path):
    shutil.copy(modules / "changed.so", tmp_path / "outside.so")
    (modules / "out.so").symlink_to(tmp_path / "outside.so")
    (modules / "up").symlink_to(tmp_path)
    for path in (str(tmp_path / "outside.so"), os.path.relpath(tmp_path / "outside.so", modules), "out.so",
                 "up/outside.so", "folder.so/../../../etc/passwd", "/proc/self/exe", b"old.so\0", b"\xff/../../x"):
        refuses(server, path, "outside")


def test_arguments(server):
    for words in (["RELOAD", "a", "b"], ["RELOAD", "a", "b", "c"]):
        assert server.call("COMMANDS", *words) == Error(
            b"ERR wrong number of arguments for 'commands|reload' command")
    assert server.call("COMMANDS", "HELP").items
    refused = server.call("CONFIG", "SET", "commands-path", "/")
    assert isinstance(refused, Error)
    assert b"immutable" in refused.text


class Load(threading.Thread):
    """A client that checks every reply: STRLEN may be the old or the new one, all else has one answer."""

    def __init__(self, server: ServerProcess, number: int, stop: threading.Event):
        super().__init__()
        self.server = server
        self.key = f"load:{number}"
        self.stop = stop
        self.seen: set[int] = set()
        self.replies = 0
        self.wrong: object = None

    def run(self) -> None:
        try:
            with self.server.connect() as connection:
                turn = 0
                while not self.stop.is_set() and self.wrong is None:
                    self.check(connection, turn)
                    turn += 1
        except Exception as error:
            self.wrong = error

    def check(self, connection, turn: int) -> None:
        value = b"x" * (turn % 50 + 1)
        replies = connection.pipeline([
            ("SET", self.key, value), ("STRLEN", self.key), ("GET", self.key), ("INCR", "n" + self.key),
            ("CONFIG", "GET", "port"), ("STRLEN", "missing")])
        length = replies[1].value
        self.seen.add(length - len(value))
        self.replies += len(replies)
        if length - len(value) not in (0, 1000) or replies[2] != Bulk(value) or replies[3] != Int(turn + 1):
            self.wrong = replies


def test_reload_under_load_loses_nothing(server):
    stop = threading.Event()
    server.call("FLUSHALL")
    server.call("SET", "k", "five!")
    clients = [Load(server, number, stop) for number in range(4)]
    for client in clients:
        client.start()
    for turn in range(40):
        reload(server, "changed.so" if turn % 2 == 0 else "old.so")
        refused = server.call("COMMANDS", "RELOAD", "other_abi.so")
        assert isinstance(refused, Error)
    stop.set()
    for client in clients:
        client.join(60)
        assert not client.is_alive()
        assert client.wrong is None, client.wrong
        assert client.replies > 100
    assert set().union(*(client.seen for client in clients)) == {0, 1000}


def test_the_loop_stands_still_for_5_ms_at_most(server, modules):
    """With a million keys and a thousand connections; the best of five, as other processes may take the CPU."""
    for number in range(5):
        (modules / f"new{number}.so").write_bytes(other_build(modules / "changed.so", 100 + number))
    connections = [server.connect() for _ in range(1000)]
    for start in range(0, 1_000_000, 2000):
        words = [word for i in range(start, start + 2000) for word in (f"user:{i:09d}", f"v{i:07d}")]
        assert connections[start % 1000].call("MSET", *words) == OK
    new = [reload(server, f"new{number}.so")[b"usec"].value for number in range(5)]
    known = [reload(server, f"new{number}.so")[b"usec"].value for number in range(5)]
    assert min(new) <= 5000 * SLOWER, new
    assert min(known) <= 5000 * SLOWER, known
    for connection in connections:
        assert connection.call("STRLEN", "user:000000007") == Int(1008)
        connection.close()
    assert server.call("FLUSHALL") == OK


def test_an_embedded_store_reloads_the_installed_build():
    with wstore.Store() as store:
        store.set("k", "five!")
        reply = store.execute("COMMANDS", "RELOAD")
        assert reply[b"usec"] > 0
        assert store.execute("STRLEN", "k") == 5
        assert store.get("k") == b"five!"
        with pytest.raises(wstore.ReplyError, match="outside"):
            store.execute("COMMANDS", "RELOAD", "/etc/passwd")
