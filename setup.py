"""Builds the two extensions, `wstore.engine._engine` and `wstore.commands._commands`.

Each is one root .pyx that includes its small .pyx files, and links the C kernels of csrc/ that it needs with
hidden visibility, so that two images of a command module live side by side in one process.

Environment
* WSTORE_DEBUG=1            bounds checks, C asserts (csrc/check.h), -O1 -g
* WSTORE_SANITIZE=LIST      as of gcc's -fsanitize, e.g. address,undefined
* WSTORE_PORTABLE=1         leave the SSE2 paths out
* WSTORE_ONLY=NAME          build that extension alone, e.g. wstore.commands._commands for a reload

All Cython directives are here and none in the files. A Cython performance hint fails the build: it marks nogil
code that would take the GIL.
"""
import contextlib
import io
import os
import runpy
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
DEBUG = os.environ.get("WSTORE_DEBUG", "0") not in ("", "0")
PORTABLE = os.environ.get("WSTORE_PORTABLE", "0") not in ("", "0")
SANITIZE = os.environ.get("WSTORE_SANITIZE", "")
ONLY = os.environ.get("WSTORE_ONLY", "")
VERSION = runpy.run_path(str(ROOT / "wstore/versions.py"))["WSTORE_VERSION"]

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "overflowcheck": False,
    "profile": False,
    "linetrace": False,
    "auto_pickle": False,
    "binding": False,              # methods that the interpreter calls straight, as it does those of dict
    "embedsignature": True,
    "embedsignature.format": "clinic",
    "show_performance_hints": True,
}

# Kernels without state of their own, which both extensions carry. The others (allocator, arena, poll) belong to
# the engine alone: a command module reaches them through EngineApi.
LEAF_KERNELS = ("crc16", "crc64", "glob", "lzf", "numbers", "sha1", "ticks")


def compiler_flags() -> list[str]:
    flags = ["-std=gnu11", "-fvisibility=hidden", "-fno-strict-aliasing", "-fwrapv"]
    flags += ["-Wno-unused-function", "-Wno-sign-compare"]      # Cython's own code has such
    flags += [f"-Werror={what}" for what in ("discarded-qualifiers", "incompatible-pointer-types", "int-conversion")]
    if DEBUG:
        flags += ["-UNDEBUG", "-O1", "-g", "-DWSTORE_DEBUG"]
    else:
        flags += ["-O3", "-g1"]
    if PORTABLE:
        flags.append("-DWSTORE_PORTABLE")
    return flags + sanitizer_flags()


def sanitizer_flags() -> list[str]:
    if not SANITIZE:
        return []
    return [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]


def paths(*patterns: str) -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern))


def extension(name: str, kernels: list[str], depends: list[str], **macros: str) -> Extension:
    root = name.replace(".", "/") + ".pyx"
    return Extension(
        name,
        sources=[root, *kernels],
        # Cython follows neither C includes nor, reliably, included .pyx files.
        depends=sorted({*depends, *paths("csrc/*.h", "wstore/engine/*.pxd"), "setup.py"} - {root}),
        include_dirs=["csrc"],
        define_macros=list(macros.items()),
        extra_compile_args=compiler_flags(),
        extra_link_args=sanitizer_flags(),
    )


EXTENSIONS = [
    extension("wstore.engine._engine", paths("csrc/*.c"), paths("wstore/engine/*.pyx")),
    extension(
        "wstore.commands._commands",
        [f"csrc/{name}.c" for name in LEAF_KERNELS],
        paths("wstore/commands/*.p[yx][xd]", "wstore/types/*.p[yx][xd]", "wstore/versions.py"),
        WSTORE_VERSION=f'"{VERSION}"',
    ),
]


def modified(path: str) -> float:
    return os.path.getmtime(path) if os.path.exists(path) else 0.0


def translate(ext: Extension, build_dir: Path, force: bool) -> Extension:
    """The extension with its root .pyx translated to C under build_dir; hints are errors."""
    from Cython.Build import cythonize

    c_file = (build_dir / ext.sources[0]).with_suffix(".c")
    newest = max(map(modified, [ext.sources[0], *ext.depends]))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            [done] = cythonize(
                [ext],
                build_dir=str(build_dir),
                compiler_directives=DIRECTIVES,
                include_path=["."],
                force=force or newest >= modified(str(c_file)),
            )
    finally:
        sys.stderr.write(said.getvalue())
    if "performance hint:" in said.getvalue():
        c_file.unlink()
        raise SystemExit(f"{ext.name}: Cython performance hints (above) are errors here")
    return done


class BuildExt(build_ext):
    """Translates and compiles, again in full whenever the flags of the last build were other ones."""

    def build_extensions(self) -> None:
        variant = " ".join([*compiler_flags(), repr(sorted(DIRECTIVES.items()))])
        stamp = Path(self.build_temp) / "variant"
        self.force = self.force or not stamp.exists() or stamp.read_text() != variant
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        for ext in self.extensions:
            ext.sources = translate(ext, stamp.parent / "cython", self.force).sources
        self.parallel = self.parallel or os.cpu_count()
        super().build_extensions()
        stamp.write_text(variant)


setup(
    ext_modules=[ext for ext in EXTENSIONS if ONLY in ("", ext.name)],
    cmdclass={"build_ext": BuildExt},
)
