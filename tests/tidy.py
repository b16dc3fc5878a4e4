"""The rules of the house that no linter knows, as functions from a source tree to a list of offenders.

* Imports run one way (LAYERS); csrc/ knows nothing of wstore/; an extension cimports only declarations, never
  another extension.
* Each source file says at its top what it holds; none is longer than FILE_LINES_MAX lines and half are under
  FILE_LINES_HALF; nine functions in ten have at most FUNCTION_LINES lines.
* No file lies about unused.

Languages are read as far as this needs: Python by its own parser, Cython and C by the shape of their lines.
"""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FILE_LINES_MAX = 1200
FILE_LINES_HALF = 400
FUNCTION_LINES = 45

# A part imports only from parts further down; parts of one line not from each other in a circle.
LAYERS = [
    {"__main__", "cli", "testing"},
    {"face"},                                           # the public API: wstore/*.py but those of the last line
    {"slots", "replication", "persistence", "admin"},
    {"commands"},
    {"types"},
    {"engine"},
    {"errors", "versions"},
]
RANK = {part: len(LAYERS) - i for i, layer in enumerate(LAYERS) for part in layer}

SOURCE_SUFFIXES = {".py", ".pyx", ".pxd", ".c", ".h"}
SKIPPED = {"build", "dist", "__pycache__"}

CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+(\.*[\w.]*)\s+(c?import)\s+(.*)|(c?import)\s+([\w.]+))", re.M)
CYTHON_INCLUDE = re.compile(r"^\s*include\s+[\"']([^\"']+)[\"']", re.M)
CYTHON_EXTERN = re.compile(r"cdef extern from\s+[\"']([^\"'<>]+)[\"']")
CYTHON_NO_FUNCTION = r"(?!extern|class|enum|struct|union|packed)"
CYTHON_FUNCTION = re.compile(r"^(\s*)(?:async\s+)?(?:def|cdef|cpdef)\s+" + CYTHON_NO_FUNCTION + r"[^=]*?(\w+)\(")
C_INCLUDE = re.compile(r"^\s*#\s*include\s+\"([^\"]+)\"", re.M)
C_FUNCTION = re.compile(r"^\w[^;={}]*?(\w+)\([^;{}]*\)[^;{}]*\{[^}]*$")


@dataclass
class Source:
    """One file: its path from the root of the tree with '/', and its text."""

    path: str
    text: str
    imports: set[str] = field(default_factory=set)      # modules, dotted
    cimports: set[str] = field(default_factory=set)
    includes: set[str] = field(default_factory=set)     # paths

    @property
    def suffix(self) -> str:
        return Path(self.path).suffix

    @property
    def module(self) -> str:
        name = self.path.removesuffix(self.suffix).replace("/", ".")
        return name.removesuffix(".__init__")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def part(self) -> str | None:
        """Its layer's part, or None for what lies outside wstore/."""
        return part_of_module(self.path.removesuffix(self.suffix).replace("/", "."))


def part_of_module(module: str) -> str | None:
    names = module.split(".")
    if names[0] != "wstore":
        return None
    part = names[1] if len(names) > 1 else "face"
    return part if part in RANK else "face"


class Tree:
    """The source files under a root, parsed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = [read_source(root, path) for path in sorted(find_sources(root))]

    @cached_property
    def by_path(self) -> dict[str, Source]:
        return {source.path: source for source in self.sources}

    @cached_property
    def by_module(self) -> dict[str, list[Source]]:
        modules: dict[str, list[Source]] = {}
        for source in self.sources:
            if source.suffix in {".py", ".pyx", ".pxd"}:
                modules.setdefault(source.module, []).append(source)
        return modules


def find_sources(root: Path) -> Iterator[Path]:
    for path in root.iterdir():
        if path.name.startswith(".") or path.name in SKIPPED:
            continue
        if path.is_dir():
            yield from find_sources(path)
        elif path.suffix in SOURCE_SUFFIXES:
            yield path


def read_source(root: Path, path: Path) -> Source:
    source = Source(path.relative_to(root).as_posix(), path.read_text())
    if source.suffix == ".py":
        read_python_imports(source)
    elif source.suffix in {".pyx", ".pxd"}:
        read_cython_imports(source)
    else:
        source.includes = {resolve(source.path, name) for name in C_INCLUDE.findall(source.text)}
    return source


def resolve(path: str, name: str) -> str:
    """The path of what file `path` includes as `name`."""
    parts: list[str] = []
    for part in [*path.split("/")[:-1], *name.split("/")]:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def absolute(source: Source, dotted: str) -> str:
    """A module name as written in an import, without its leading dots."""
    level = len(dotted) - len(dotted.lstrip("."))
    if not level:
        return dotted
    package = source.path.split("/")[:-1]
    return ".".join([*package[:len(package) - level + 1], *filter(None, [dotted.lstrip(".")])])


def read_python_imports(source: Source) -> None:
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            source.imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(source, "." * node.level + (node.module or ""))
            source.imports.add(base)
            source.imports.update(f"{base}.{alias.name}" for alias in node.names)


def read_cython_imports(source: Source) -> None:
    for base, kind, names, plain_kind, plain in CYTHON_IMPORT.findall(source.text):
        found = source.cimports if "cimport" in (kind, plain_kind) else source.imports
        base = absolute(source, base or plain)
        found.add(base)
        found.update(f"{base}.{name}" for name in re.findall(r"\w+", names))
    source.includes = {resolve(source.path, name) for name in CYTHON_INCLUDE.findall(source.text)}
    source.includes |= {f"csrc/{name}" for name in CYTHON_EXTERN.findall(source.text) if "/" not in name}


# -- imports -----------------------------------------------------------------------------------------------

def parts_used(tree: Tree, source: Source) -> set[str]:
    """The parts of wstore that a file imports from, includes or cimports."""
    modules = {name for name in source.imports | source.cimports if tree.by_module.get(name) or "." in name}
    parts = {part_of_module(name) for name in modules if known(tree, name)}
    parts |= {tree.by_path[path].part for path in source.includes if path in tree.by_path}
    return {part for part in parts if part is not None}


def known(tree: Tree, module: str) -> bool:
    """A module of the tree, or the extension whose root has its name."""
    return module in tree.by_module


def upward_imports(tree: Tree) -> list[str]:
    """Imports against the direction of LAYERS."""
    found = []
    for source in tree.sources:
        for part in parts_used(tree, source) if source.part else ():
            if RANK[part] > RANK[source.part] and not (part == "face" and is_package_only(source)):
                found.append(f"{source.path} ({source.part}) uses {part}")
    return sorted(found)


def is_package_only(source: Source) -> bool:
    """`import wstore.x` names the package wstore too, which is no import from the public API."""
    names = {name for name in source.imports | source.cimports if part_of_module(name) == "face"}
    return names <= {"wstore"}


def circles(tree: Tree) -> list[str]:
    """Pairs of parts of one layer that import from each other."""
    uses: dict[str, set[str]] = {}
    for source in tree.sources:
        if source.part:
            uses.setdefault(source.part, set()).update(parts_used(tree, source))
    return sorted(
        f"{a} and {b} import from each other"
        for layer in LAYERS for a in layer for b in layer
        if a < b and b in uses.get(a, ()) and a in uses.get(b, ())
    )


def foreign_includes(tree: Tree) -> list[str]:
    """What csrc/ includes from elsewhere, and includes of files that are not there."""
    found = []
    for source in tree.sources:
        for path in sorted(source.includes):
            if source.path.startswith("csrc/") and not path.startswith("csrc/"):
                found.append(f"{source.path} includes {path}")
            if source.path.startswith("csrc/") and path not in tree.by_path:
                found.append(f"{source.path} includes {path}, which is not there")
    return found


def runtime_cimports(tree: Tree) -> list[str]:
    """cimports of a module that has code of its own: they would tie two extensions together."""
    return [
        f"{source.path} cimports {name}"
        for source in tree.sources
        for name in sorted(source.cimports)
        if any(other.suffix == ".pyx" and is_foreign(source, other) for other in tree.by_module.get(name, ()))
    ]


def is_foreign(source: Source, other: Source) -> bool:
    """Not merely the declarations of a part that the same extension includes."""
    return Path(source.path).parent != Path(other.path).parent


# -- headers and lengths -----------------------------------------------------------------------------------

def without_header(tree: Tree) -> list[str]:
    """Files that do not begin with a docstring or comment; empty ones need none."""
    def has_header(source: Source) -> bool:
        text = re.sub(r"\A(#!.*\n)?", "", source.text).lstrip()
        if source.suffix in {".c", ".h"}:
            return text.startswith("/*")
        return text.startswith(('"""', 'r"""', "# "))

    return [source.path for source in tree.sources if source.text.strip() and not has_header(source)]


def long_files(tree: Tree) -> list[str]:
    return [f"{s.path}: {len(s.lines)} lines" for s in tree.sources if len(s.lines) > FILE_LINES_MAX]


def large_half(tree: Tree) -> list[str]:
    """The files that are not under FILE_LINES_HALF lines, if they are more than half of all."""
    large = [f"{s.path}: {len(s.lines)} lines" for s in tree.sources if len(s.lines) >= FILE_LINES_HALF]
    return large if 2 * len(large) > len(tree.sources) else []


@dataclass(frozen=True)
class Function:
    path: str
    name: str
    lines: int


def functions(source: Source) -> list[Function]:
    if source.suffix == ".py":
        spans = python_functions(source)
    elif source.suffix in {".pyx", ".pxd"}:
        spans = cython_functions(source.lines)
    else:
        spans = c_functions(source.lines)
    return [Function(source.path, name, lines) for name, lines in spans]


def python_functions(source: Source) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def cython_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """A function ends before the next line that is indented no deeper than its head and closes no bracket."""
    for start, line in enumerate(lines):
        head = CYTHON_FUNCTION.match(line)
        if head is None or not opens_block(lines, start):
            continue
        last = start
        for number in range(start + 1, len(lines)):
            text = lines[number]
            if text.strip() and indent(text) <= len(head[1]) and not text.lstrip().startswith(")"):
                break
            if text.strip():
                last = number
        yield head[2], last - start + 1


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def opens_block(lines: list[str], start: int) -> bool:
    """Whether the statement at `start` ends with a colon: a definition, not a declaration."""
    depth = 0
    for line in lines[start:start + 20]:
        code = line.split("#")[0].rstrip()
        depth += code.count("(") - code.count(")")
        if depth <= 0:
            return ":" in code[code.rfind(")") + 1:]
    return False


def c_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """A function's head begins in the first column, behind a line that ends something; its last line is '}' there."""
    start = 0
    for number, line in enumerate(lines):
        before = lines[number - 1].rstrip() if number else ""
        if (line[:1].isalpha() or line[:2] == "__") and (before[-1:] in {"", "}", ";", "/"} or before[:1] == "#"):
            start = number
        elif line.startswith("}"):
            head = C_FUNCTION.match(" ".join(lines[start:number]).split("{")[0] + "{")
            if head is not None:
                yield head[1], number - start + 1


def long_functions(tree: Tree, roots: tuple[str, ...]) -> list[str]:
    """The functions over FUNCTION_LINES, longest first, if they are more than one in ten of those under `roots`."""
    every = [f for source in tree.sources if source.path.startswith(roots) for f in functions(source)]
    over = sorted((f for f in every if f.lines > FUNCTION_LINES), key=lambda f: -f.lines)
    if len(over) * 10 <= len(every):
        return []
    return [f"{f.path}: {f.name} has {f.lines} lines" for f in over]


# -- dead files --------------------------------------------------------------------------------------------

def entry_points(tree: Tree) -> set[str]:
    """Modules that something other than an import starts."""
    started = {"setup", "bench.__main__"}
    project = tree.root / "pyproject.toml"
    if project.exists():
        started |= set(re.findall(r"= \"([\w.]+):\w+\"", project.read_text()))
        started |= set(re.findall(r"^\w+ = \"(wstore[\w.]*)\"$", project.read_text(), re.M))
    return started


def dead_files(tree: Tree) -> list[str]:
    """Files that nothing imports, includes or starts."""
    used_modules = entry_points(tree)
    used_paths: set[str] = set()
    for source in tree.sources:
        used_modules |= (source.imports | source.cimports) - {source.module}
        used_paths |= source.includes - {source.path}
        used_modules |= siblings_loaded(tree, source)
    return [source.path for source in tree.sources if not is_used(source, used_modules, used_paths)]


def siblings_loaded(tree: Tree, source: Source) -> set[str]:
    """A package that imports its own modules by their names in the folder uses them all."""
    if not source.path.endswith("__init__.py") or not {"importlib", "pkgutil"} & source.imports:
        return set()
    return {name for name in tree.by_module if name.startswith(source.module + ".")}


def is_used(source: Source, modules: set[str], paths: set[str]) -> bool:
    name = Path(source.path).name
    if name in {"__init__.py", "__main__.py", "conftest.py"} or name.startswith(("test_", "fuzz_")):
        return True
    if source.suffix == ".pyx":     # root of an extension, or included
        return name.startswith("_") or source.path in paths
    if source.suffix == ".c":       # linked if it has a header that is used, or built by a test
        return source.path.removesuffix("c") + "h" in paths or source.path.startswith("tests/")
    return source.module in modules or source.path in paths
