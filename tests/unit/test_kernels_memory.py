"""The C kernels stay within their buffers, compile without a warning, and do the same without SSE2.

kernels_check.c is built with the sanitizers, as it is and with WSTORE_PORTABLE, and run.
"""
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
FLAGS = ["-std=gnu11", "-O1", "-g", "-DWSTORE_DEBUG", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
KERNELS = ["alloc", "arena", "blocks", "crc16", "crc64", "faults", "glob", "lzf", "numbers", "region", "sha1"]


def output_of_run(directory: Path, *flags: str) -> str:
    program = directory / "kernels_check"
    sources = [HERE / "kernels_check.c", *(CSRC / f"{name}.c" for name in KERNELS)]
    subprocess.run(["gcc", *FLAGS, *flags, f"-I{CSRC}", *sources, "-lm", "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, env={})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_kernels_are_sound_and_portable(tmp_path):
    (tmp_path / "portable").mkdir()
    printed = output_of_run(tmp_path)
    moved = re.fullmatch(r"moved (\d+)\n[0-9a-f]{16}\n", printed)[1]
    assert int(moved) > 100
    assert output_of_run(tmp_path / "portable", "-DWSTORE_PORTABLE") == printed


def test_headers_stand_alone():
    for header in sorted(CSRC.glob("*.h")):
        for flags in (["-DWSTORE_DEBUG"], ["-DWSTORE_PORTABLE"]):
            subprocess.run(["gcc", "-x", "c", "-std=gnu11", "-Wall", "-Wextra", "-Werror", *flags, f"-I{CSRC}",
                            "-fsyntax-only", "-include", header, "/dev/null"], check=True)
