"""csrc/log.c by itself, its threads under a sanitizer."""
import os
import subprocess

import pytest

from tests.processes import ROOT

FLAGS = ("-std=gnu11", "-O1", "-g", "-DWSTORE_DEBUG", "-Wall", "-Wextra", "-Wno-format-truncation", "-Werror",
         "-fno-sanitize-recover=all")
KERNELS = ("alloc", "background", "crc64", "faults", "files", "log", "log_disk", "log_files", "log_history", "log_read",
           "log_sums", "ticks")


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_threads_share_the_log_well(tmp_path, sanitizer):
    program = tmp_path / "log_check"
    sources = [ROOT / "tests/unit/log_check.c", *(ROOT / f"csrc/{name}.c" for name in KERNELS)]
    subprocess.run(
        ["gcc", *FLAGS, f"-fsanitize={sanitizer}", f"-I{ROOT / 'csrc'}", "-pthread", *sources, "-o", program],
        check=True, timeout=120)
    (tmp_path / "log").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}   # of another sanitizer
    done = subprocess.run([program, tmp_path / "log"], capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr[-4000:]
