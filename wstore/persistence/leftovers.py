"""What a crash leaves in the folder of a log that is not part of it.

    temp-NAME.hidden        "N": files of the log from number N on, as far as the manifest does not name them, belong to
                            a log that was switched on and had no base yet: what was in force before still is
    NAME.N.incr.aof         of a replica: with only a SELECT in it, it was about to be named
"""
import os
import re

PREAMBLE = re.compile(rb"\*2\r\n\$6\r\nSELECT\r\n\$\d+\r\n\d+\r\n")
PREAMBLE_BYTES_MAX = 64


def hidden_path(folder, name):
    return os.path.join(folder, f"temp-{name}.hidden")


def hidden_from(folder, name):
    """The number from which on files that are not listed do not count, or None."""
    try:
        with open(hidden_path(folder, name), "rb") as file:
            text = file.read(32).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def is_preamble(path):
    """Whether a file has a SELECT and nothing else."""
    with open(path, "rb") as file:
        return PREAMBLE.fullmatch(file.read(PREAMBLE_BYTES_MAX)) is not None


def logs(folder, name, listed=()):
    """(file, number) of files of commands in a folder that count, whatever the manifest says; empty ones do not.

    listed: names of files that do in any case.
    """
    return [(file, number) for file, number in _logs(folder, name)
            if file in listed or not _is_leftover(folder, name, file, number)]


def hidden(folder, name, listed=()):
    """Names of the files of a log that never came to be in force."""
    first = hidden_from(folder, name)
    return [] if first is None else [
        file for file, number in _logs(folder, name, 0) if number >= first and file not in listed]


def _is_leftover(folder, name, file, number):
    first = hidden_from(folder, name)
    return first is not None and number >= first or is_preamble(os.path.join(folder, file))


def _logs(folder, name, size_min=1):
    pattern = re.compile(re.escape(name) + r"\.(\d+)\.incr\.aof")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = ((file, pattern.fullmatch(file)) for file in names)
    return [(file, int(match[1])) for file, match in found
            if match and os.path.getsize(os.path.join(folder, file)) >= size_min]
