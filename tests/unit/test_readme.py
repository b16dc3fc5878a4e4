"""README.md keeps its word: its Python runs, and the files, make targets and directives that it names are there."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()


def test_its_python_runs():
    [code] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert code.count("# b'Ada'") == 1
    names = {"seen": []}
    checked = re.sub(r"^( +)(.*?) +# (b'Ada'|1)$", r"\1seen.append((\2, \3))", code, flags=re.MULTILINE)
    exec(checked, names)
    assert names["seen"] == [(b"Ada", b"Ada"), (1, 1)]


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
