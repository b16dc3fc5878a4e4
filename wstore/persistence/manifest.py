"""Reading the manifest of a log: the list of its files, in the format of Redis 7.

    file appendonly.aof.2.base.rdb seq 2 type b startoffset 4711 replid b5f0...
    file appendonly.aof.1.incr.aof seq 1 type h startoffset 0 replid 7c31...
    file appendonly.aof.2.incr.aof seq 2 type i startoffset 4711 replid b5f0...,7c31...
    file appendonly.aof.3.incr.aof seq 3 type i startoffset 5800 replid b5f0... preamble 23

A line is pairs of a key and a value, words as in a configuration file, in any order; keys that are unknown are passed
over.  Types: b the base, i the log behind it, in order, h history, which the data do not need.  Lines that begin with #
say nothing.  Only wstore writes `startoffset`, the place in the stream of writes; `replid`, a label: what the stream is
called from there on, and which ids ended there (replication/history.py); and `preamble`: so many of the first bytes are
a SELECT for whoever loads the file, and not of the stream.
"""
import os
from typing import NamedTuple

TYPES = "bhi"
ID_CHARS = 40
LINE_BYTES_MAX = 1022       # what Redis reads of a line


class ManifestError(Exception):
    """A manifest that is not one: the text says in which file, in which line, and what is wrong."""


class Listed(NamedTuple):
    """start: the offset in the stream of writes at which a file begins, of a base the one that it was taken at."""
    name: str
    kind: str
    number: int
    start: int
    label: str = ""
    preamble: int = 0


class Manifest:
    """files: Listed, in the order of the lines; has_offsets: whether the manifest tells where they start."""

    __slots__ = ("files", "has_offsets")

    def __init__(self, files, has_offsets):
        self.files = files
        self.has_offsets = has_offsets

    @property
    def current(self):
        """The files that make up the data, in the order to load them."""
        return [file for kind in "bi" for file in self.files if file.kind == kind]

    @property
    def labels(self):
        """(label, start) of the files of commands, oldest first."""
        logs = [file for file in self.files if file.kind != "b" and file.name.endswith(".incr.aof")]
        return [(file.label, file.start) for file in sorted(logs, key=lambda file: (file.start, file.number))]


def path_of(folder, name):
    return os.path.join(folder, f"{name}.manifest")


def read(folder, name):
    """The Manifest of log `name` in a folder, or None if there is none; ManifestError, OSError."""
    path = path_of(folder, name)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    files = _files_of(data, path)
    if not files:
        raise ManifestError(f"{path}: the AOF manifest is empty")
    if all(file.start is not None for file in files):
        _check_history(files, path)
        return Manifest(files, True)
    return Manifest(_placed(folder, files), False)


def _check_history(files, path):
    """ManifestError if a file of commands that the data need is called history."""
    taken = min((file.start for file in files if file.kind == "b"), default=None)
    for name, kind, _, start, *_ in files:
        if kind == "h" and name.endswith(".incr.aof") and taken is not None and start >= taken:
            raise ManifestError(f"{path}: {name} lies behind the base, but the AOF manifest calls it history")


def _files_of(data, path):
    files = []
    highest = {"b": 0, "i": 0}
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        if line.startswith(b"#"):
            continue
        try:
            file = _file_of(line)
            if file.kind == "b" and highest["b"]:
                raise ValueError("there is more than one base")
            if file.kind != "h":
                if file.number <= highest[file.kind]:
                    raise ValueError("the sequence numbers do not rise")
                highest[file.kind] = file.number
        except ValueError as error:
            shown = line.decode("utf-8", "backslashreplace").rstrip("\n")
            raise ManifestError(f"{path}: line {number} of the AOF manifest is wrong: {error}\n>>> '{shown}'") from None
        files.append(file)
    return files


def _file_of(line):
    """Listed, with start None if it is not there; ValueError."""
    if not line.endswith(b"\n"):
        raise ValueError("its end is missing")
    if len(line) > LINE_BYTES_MAX:
        raise ValueError("it is too long")
    words = split_words(line)
    if not words or len(words) % 2:
        raise ValueError("it is not made of keys and values")
    fields = dict(zip(words[::2], words[1::2]))
    if 2 * len(fields) != len(words):
        raise ValueError("a key is there twice")
    try:
        name, kind, number = fields[b"file"], fields[b"type"].decode(), int(fields[b"seq"])
        start = int(fields[b"startoffset"]) if b"startoffset" in fields else None
        preamble = int(fields.get(b"preamble", 0))
    except KeyError as missing:
        raise ValueError(f"it has no {missing.args[0].decode()}") from None
    if not name or b"/" in name:
        raise ValueError("the file must be a name, not a path")
    if kind not in TYPES or len(kind) != 1:
        raise ValueError(f"type {kind} is unknown")
    if number < 1 or (start is not None and start < 0) or preamble < 0:
        raise ValueError("a number is out of range")
    return Listed(os.fsdecode(name), kind, number, start, _label_of(fields), preamble)


def _label_of(fields):
    label = fields.get(b"replid", b"")
    if label and any(len(word) != ID_CHARS or not word.isalnum() for word in label.split(b",")):
        raise ValueError("an id of the stream does not have 40 letters and digits")
    return label.decode("ascii", "replace")


def split_words(line):
    """The words of a line, those in double quotes unquoted; None if a quote has no end."""
    if b'"' not in line:
        return line.split()
    words, rest = [], line.strip()
    while rest:
        if rest[:1] == b'"':
            end = _end_of_quote(rest)
            if end < 0:
                return None
            words.append(rest[1:end].decode("unicode_escape").encode("latin-1"))
            rest = rest[end + 1:].lstrip()
        else:
            word, _, rest = rest.partition(b" ")
            words.append(word)
            rest = rest.lstrip()
    return words


def _end_of_quote(text):
    at = 1
    while at < len(text) and text[at] != 34:
        at += 2 if text[at] == 92 else 1
    return at if at < len(text) else -1


def _placed(folder, files):
    """Files of a manifest without offsets, at those that their sizes give; history, which Redis would remove, is not
    among them."""
    placed, start = [], 0
    for name, kind, number, *_ in files:
        if kind == "b":
            placed.insert(0, Listed(name, kind, number, 0))
        elif kind == "i":
            placed.append(Listed(name, kind, number, start))
            path = os.path.join(folder, name)
            start += os.path.getsize(path) if os.path.exists(path) else 0
    return placed
