"""The checksums beside a file of the log, NAME.N.incr.aof.sums, where files are cut or copied.

csrc/log_sums.h has what they are; the engine writes and compares them.
"""
import os

from wstore.engine._engine import log_sums_size, truncate_file

SUFFIX = ".sums"


def there(path):
    """The path of the sums beside a file, or None: there are none."""
    return path + SUFFIX if os.path.exists(path + SUFFIX) else None


def cut(path, size):
    """Have the sums beside a file be those of a file of that size, before it is cut to it.  OSError."""
    sums = there(path)
    if sums is not None and os.path.getsize(sums) > log_sums_size(size):
        truncate_file(sums, log_sums_size(size))
