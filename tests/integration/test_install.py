"""What `pip install .` installs works by itself, away from this tree."""
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wstore.versions import WSTORE_VERSION

ROOT = Path(__file__).resolve().parents[2]
USE_IT = """
import pathlib, sys, wstore
assert pathlib.Path(wstore.__file__).is_relative_to(sys.argv[1]), wstore.__file__
with wstore.Store() as store:
    store.execute("SET", "k", "v")
    assert store.execute("COMMANDS", "RELOAD")
    assert store.get("k") == b"v"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the contents of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", folder], cwd=ROOT, check=True)
    [wheel] = folder.glob("wstore-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *arguments], cwd=site, env=environment, capture_output=True, text=True)


def test_the_library_works(site):
    done = run(site, "-c", USE_IT, str(site))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("command", "option", "expected"), [
    ("wstore-server", "--version", f"v={WSTORE_VERSION} "), ("wstore", "--help", "Usage: wstore"),
])
def test_the_commands_are_there(site, command, option, expected):
    start = "import sys, importlib.metadata as m; sys.argv = sys.argv[1:]; " \
            "[entry] = m.entry_points(group='console_scripts', name=sys.argv[0]); sys.exit(entry.load()())"
    done = run(site, "-c", start, command, option)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


def test_there_is_one_version(site):
    [metadata] = site.glob("wstore-*.dist-info/METADATA")
    assert f"\nVersion: {WSTORE_VERSION}\n" in metadata.read_text()
    done = run(site, "-c", "import wstore; print(wstore.Store().execute('INFO', 'commands_module').decode())")
    assert re.findall(r"^version:(.*)$", done.stdout, re.MULTILINE) == [WSTORE_VERSION], done.stderr
    headings = re.findall(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == WSTORE_VERSION


def test_no_test_code_is_installed(site):
    assert {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")} == {"wstore"}
