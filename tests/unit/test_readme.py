"""README.md keeps its word: its Python runs, and the files, make targets and directives that it names are there."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import redis

import wstore
from wstore.replication import Position

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()
WAIT_S = 20


def example(word):
    """The piece of Python with that word."""
    [code] = [code for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if word in code]
    return code


def run_alone(code):
    """In a process that has imported nothing else; what it prints."""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT_S,
                           env={**os.environ, "PYTHONPATH": str(ROOT)})
    return ended.stdout + ended.stderr


def test_its_python_runs():
    code = example("wstore.Store()")
    assert code.count("# b'Ada'") == 1
    names = {"seen": []}
    checked = re.sub(r"^( +)(.*?) +# (b'Ada'|1)$", r"\1seen.append((\2, \3))", code, flags=re.MULTILINE)
    exec(checked, names)
    assert names["seen"] == [(b"Ada", b"Ada"), (1, 1)]


def test_the_folder_that_it_names_must_be_there(tmp_path, monkeypatch):
    assert 'A folder, which must be there, makes it last: `wstore.Store(dir="data")`' in TEXT
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"dir '{tmp_path}/data': No such file or directory"):
        wstore.Store(dir="data")
    (tmp_path / "data").mkdir()
    for _ in range(2):
        with wstore.Store(dir="data") as store:
            n = store.incr("n")
    assert n == 2


def test_its_python_reads_a_file(tmp_path, monkeypatch):
    with wstore.Store(dir=str(tmp_path)) as store:
        store.set("user:1", "Ada")
    monkeypatch.chdir(tmp_path)
    assert "b'user:1' string" in run_alone(example("open_rdb").replace("slots=range(100), ", ""))


def test_its_python_follows_a_server():
    with wstore.Server() as server:
        redis.Redis(port=server.port).set("user:1", "Ann")
        url = f"redis://127.0.0.1:{server.port}"
        code = example("follow").replace("redis://:password@127.0.0.1:6379", url).replace("slots=[(0, 99)]", "")
        helpers = "apply = lambda database, command: print(database, command)\nkeep = exit\n"
        said = run_alone(helpers + code)
    lines = said.splitlines()
    assert lines[0] == "0 (b'SET', b'user:1', b'Ann')"
    assert Position.parse(lines[1]).database == 0


def test_files_that_it_names_exist():
    named = re.findall(r"`((?:wstore|csrc|tests|bench)/[\w/.]*)`|\]\(([\w/.]+)\)", TEXT)
    paths = [ROOT / (a or b) for a, b in named]
    assert len(paths) > 10
    assert [str(path) for path in paths if not path.exists()] == []


def test_make_targets_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake (\w+)", TEXT))
    assert targets >= {"serve", "test"}
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
