"""What a server says about its commands, without prose: the facts that wstore/admin/_command_data.py holds.

`facts_of(send)` asks any server that speaks RESP3, through a function `send(*words)` that returns plain Python
values (sets as lists, strings as bytes or str).  test_command.py compares a real redis-server with the table.
As a program it prints those of the named commands, for whoever adds a row:

    python tests/compat/command_facts.py PORT NAME...
"""
import json
import socket
import sys

PROSE = ("summary", "complexity", "notes", "replaced_by")


def plain(value):
    """The reply with bytes decoded, as JSON would have it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def without_prose(value):
    """The same without summaries and notes; of a history only the versions stay."""
    if isinstance(value, dict):
        kept = {key: without_prose(item) for key, item in value.items() if key not in PROSE}
        if "history" in kept:
            kept["history"] = [version for version, *_ in kept["history"]]
        return kept
    if isinstance(value, list):
        return [without_prose(item) for item in value]
    return value


def _flatten(infos, docs):
    """(name, COMMAND INFO entry, COMMAND DOCS entry) of each command and subcommand."""
    for info in infos:
        name = info[0]
        doc = dict(docs[name])
        below = doc.pop("subcommands", {})
        yield name, info, doc
        yield from _flatten(info[9], below)


def facts_of(send):
    """name -> facts, for each command and subcommand of the server behind `send`."""
    infos = plain(send("COMMAND"))
    docs = plain(send("COMMAND", "DOCS"))
    return {
        name: without_prose({**doc, "acl": info[6], "tips": info[7], "key_specs": info[8]})
        for name, info, doc in _flatten(infos, docs)
    }


class Resp3:
    """A RESP3 connection, just enough for the questions above."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.send("HELLO", "3")

    def send(self, *words):
        parts = [f"*{len(words)}\r\n"] + [f"${len(word)}\r\n{word}\r\n" for word in words]
        self.socket.sendall("".join(parts).encode())
        return self._read()

    def _read(self):
        line = self.file.readline()
        mark, rest = line[:1], line[1:-2]
        if mark == b"$":
            return self.file.read(int(rest) + 2)[:-2]
        if mark in b"*~":
            return [self._read() for _ in range(int(rest))]
        if mark == b"%":
            return {self._read(): self._read() for _ in range(int(rest))}
        return int(rest) if mark == b":" else rest


def main():
    facts = facts_of(Resp3(int(sys.argv[1])).send)
    json.dump({name: facts[name] for name in sys.argv[2:]}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
