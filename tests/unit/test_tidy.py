"""This tree keeps the rules of tests/tidy.py; and each rule finds what breaks it in a made-up tree."""
from pathlib import Path

import pytest

from tests import tidy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tree() -> tidy.Tree:
    return tidy.Tree(ROOT)


@pytest.mark.parametrize("rule", [
    tidy.upward_imports, tidy.circles, tidy.foreign_includes, tidy.runtime_cimports, tidy.without_header,
    tidy.long_files, tidy.large_half, tidy.dead_files,
], ids=lambda rule: rule.__name__)
def test_rule(tree, rule):
    assert not (found := rule(tree)), "\n".join(found)


@pytest.mark.parametrize("roots", [("csrc/", "wstore/"), ("tests/", "bench/")], ids=["product", "tests"])
def test_nine_functions_in_ten_are_short(tree, roots):
    assert not (found := tidy.long_functions(tree, roots)), "\n".join(found)


# -- the rules themselves ----------------------------------------------------------------------------------

CLEAN = {
    "csrc/a.h": "/* a */\nint a(void);\n",
    "csrc/a.c": '/* a */\n#include "a.h"\n\nint a(void) {\n    return 1;\n}\n',
    "wstore/__init__.py": '"""Face."""\nfrom wstore.admin import info\n',
    "wstore/errors.py": '"""Errors."""\n',
    "wstore/engine/abi.pxd": '"""ABI."""\ncdef extern from "a.h":\n    int a()\n',
    "wstore/engine/_engine.pyx": '"""Root."""\nfrom wstore.engine.abi cimport a\nfrom wstore.errors import E\n',
    "wstore/commands/_commands.pyx": '"""Root."""\ninclude "../types/t.pyx"\n',
    "wstore/types/t.pyx": '"""T."""\nfrom wstore.engine.abi cimport a\n\ncdef int f(int x) noexcept:\n    return x\n',
    "wstore/admin/__init__.py": "",
    "wstore/admin/info.py": '"""Info."""\nfrom ..engine import _engine\n',
}


def made(tmp_path: Path, **changes: str) -> tidy.Tree:
    """A tree of CLEAN with files changed; in the names, '__' stands for '/' and the last '_' for '.'."""
    files = CLEAN | {".".join(name.replace("__", "/").rsplit("_", 1)): text for name, text in changes.items()}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tidy.Tree(tmp_path)


def offenders(tree: tidy.Tree) -> dict[str, list[str]]:
    rules = [tidy.upward_imports, tidy.circles, tidy.foreign_includes, tidy.runtime_cimports, tidy.without_header,
             tidy.long_files, tidy.large_half, tidy.dead_files]
    return {rule.__name__: found for rule in rules if (found := rule(tree))}


def test_a_clean_tree_is_clean(tmp_path):
    assert offenders(made(tmp_path)) == {}


@pytest.mark.parametrize(("changes", "rule"), [
    ({"wstore__engine___engine_pyx": '"""R."""\nfrom wstore.engine.abi cimport a\nimport wstore.admin.info\n'},
     "upward_imports"),
    ({"wstore__engine___engine_pyx": '"""R."""\nfrom wstore.engine.abi cimport a\ninclude "../types/t.pyx"\n'},
     "upward_imports"),
    ({"wstore__types__t_pyx": '"""T."""\nfrom wstore.commands import _commands\n'}, "upward_imports"),
    ({"wstore__errors_py": '"""E."""\ndef f():\n    from .engine import _engine\n'}, "upward_imports"),
    ({"wstore__admin__info_py": '"""I."""\nfrom wstore.slots import s\n',
      "wstore__slots__s_py": '"""S."""\nfrom wstore.admin import info\n'}, "circles"),
    ({"csrc__a_h": '/* a */\n#include "../wstore/engine/x.h"\n'}, "foreign_includes"),
    ({"csrc__a_h": '/* a */\n#include "gone.h"\n'}, "foreign_includes"),
    ({"wstore__types__t_pyx": '"""T."""\nfrom wstore.engine._engine cimport x\n'}, "runtime_cimports"),
    ({"csrc__a_h": "int a(void);\n"}, "without_header"),
    ({"wstore__errors_py": "class E(Exception): pass\n"}, "without_header"),
    ({"wstore__errors_py": '"""E."""\n' + "x = 1\n" * 1200}, "long_files"),
    ({f"tests__test_{i}_py": '"""E."""\n' + "x = 1\n" * 400 for i in range(len(CLEAN) + 1)}, "large_half"),
    ({"wstore__admin__old_py": '"""Unused."""\n'}, "dead_files"),
    ({"wstore__types__old_pyx": '"""Unused."""\n'}, "dead_files"),
    ({"wstore__engine__old_pxd": '"""Unused."""\n'}, "dead_files"),
    ({"csrc__old_h": "/* unused */\n"}, "dead_files"),
    ({"csrc__old_c": "/* unused */\n"}, "dead_files"),
])
def test_a_rule_finds_its_offender(tmp_path, changes, rule):
    assert rule in offenders(made(tmp_path, **changes))


@pytest.mark.parametrize(("name", "head", "line", "tail"), [
    ("csrc__a_c", "/* a */\nint f(int a,\n      int b) {\n", "    x();\n", "}\n"),
    ("wstore__types__t_pyx", '"""T."""\ncdef int f(int a,\n           int b) noexcept nogil:\n', "    x()\n", ""),
    ("wstore__errors_py", '"""E."""\ndef f(\n    a,\n):\n', "    x()\n", ""),
])
def test_long_functions_are_measured(tmp_path, name, head, line, tail):
    lines_of_head = head.count("\n") - 1
    room = tidy.FUNCTION_LINES - lines_of_head - tail.count("\n")
    roots = ("csrc/", "wstore/")
    assert tidy.long_functions(made(tmp_path / "fits", **{name: head + line * room + tail}), roots) == []
    [found] = tidy.long_functions(made(tmp_path / "long", **{name: head + line * (room + 1) + tail}), roots)
    assert f"f has {tidy.FUNCTION_LINES + 1} lines" in found
