"""COMMAND: the same structure as Redis's for every command that wstore has; the prose is our own."""
from __future__ import annotations

import functools
import random
import re
import subprocess
from pathlib import Path

import pytest

from tests.compat.command_facts import facts_of, without_prose
from tests.harness import Array, Bulk, Differential, Int, Map, Reply, ServerProcess, Set, Simple
from wstore.persistence.foreign import FOREIGN_WRITES

# Commands that Redis 7.0 does not have
OWN = {
    "slotsinfo", "commands", "commands|help", "commands|reload", "backup", "client|setinfo", "client|no-touch"}
PROSE = (Bulk(b"summary"), Bulk(b"complexity"), Bulk(b"replaced_by"), Bulk(b"notes"))
WORDS = [b"get", b"set", b"incrby", b"overflow", b"wrap", b"u8", b"0", b"1", b"-1", b"2", b"ex", b"nx", b"k", b"and"]


def names_of(reply: Reply) -> list[str]:
    return [item.data.decode() for item in reply.items]


@pytest.fixture(scope="module")
def names(wstore_server: ServerProcess) -> list[str]:
    """All commands and subcommands of wstore."""
    return names_of(wstore_server.call("COMMAND", "LIST"))


@pytest.fixture(scope="module")
def oracle_names(oracle: ServerProcess) -> set[str]:
    return set(names_of(oracle.call("COMMAND", "LIST")))


def test_commands_that_are_missing_are_listed(names, oracle_names):
    """docs/differences.md names, under "Not there yet", what Redis has and wstore lacks, and nothing else."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "differences.md").read_text()
    table = re.search(r"## Not there yet\n.*?\n((?:\|[^\n]*\n)+)", text, re.DOTALL)[1]
    rows = [line.split(" | ")[1] for line in table.splitlines()[2:]]
    listed = [name.lower().replace(" ", "|") for row in rows for name in re.findall(r"`([^`]+)`", row)]
    missing = oracle_names - set(names)
    assert sorted(listed) == sorted(name for name in missing if name.split("|")[0] not in missing - {name})


def test_commands_that_may_stand_in_the_stream_of_a_redis_server(names, oracle):
    """All that write and that are not there yet, and nothing that is there."""
    writes = names_of(oracle.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "write"))
    foreign = {name.decode() for name in FOREIGN_WRITES}
    assert {name.split("|")[0] for name in writes} - set(names) <= foreign
    assert not foreign & set(names)


def python_of(reply: Reply) -> object:
    """A RESP3 reply as plain Python values, sets as lists."""
    if isinstance(reply, Map):
        return {python_of(key): python_of(value) for key, value in reply.pairs}
    if isinstance(reply, (Array, Set)):
        return [python_of(item) for item in reply.items]
    if isinstance(reply, Simple):
        return reply.text
    return reply.value if isinstance(reply, Int) else reply.data


@functools.cache
def facts(server: ServerProcess) -> dict:
    with server.connect(resp=3) as connection:
        return facts_of(lambda *words: python_of(connection.call(*words)))


def shape(reply: Reply, keep: frozenset = frozenset()) -> object:
    """The reply with its prose blanked, and sets and lists of subcommands sorted; subcommands only if in `keep`."""
    if isinstance(reply, Map):
        return "map", sorted((shape(key), blank(key, value, keep)) for key, value in reply.pairs if wanted(key, keep))
    if isinstance(reply, Set):
        return "set", sorted(repr(shape(item, keep)) for item in reply.items)
    if isinstance(reply, Array):
        items = [shape(item, keep) for item in reply.items if not is_info(item) or wanted(item.items[0], keep)]
        return "array", sorted(items) if all(map(is_info, reply.items)) else items
    return repr(reply)


def is_info(reply: Reply) -> bool:
    """Is this an entry of COMMAND INFO?"""
    return isinstance(reply, Array) and len(reply.items) == 10 and isinstance(reply.items[0], Bulk)


def wanted(name: Reply, keep: frozenset) -> bool:
    """Is the named thing no subcommand, or one that both servers have?"""
    text = name.data.decode() if isinstance(name, Bulk) else ""
    return "|" not in text or text in keep


def blank(key: Reply, value: Reply, keep: frozenset) -> object:
    if key in PROSE:
        return "prose", type(value).__name__
    if key == Bulk(b"history"):
        return "history", type(value).__name__, [(type(entry).__name__, entry.items[0], type(entry.items[1]).__name__)
                                                 for entry in value.items]
    return shape(value, keep)


def ask(server: ServerProcess, *words: str, resp: int = 3) -> Reply:
    with server.connect(resp=resp) as connection:
        return connection.call(*words)


def test_every_command_is_redis_s_or_listed(names, oracle_names):
    assert set(names) - oracle_names == OWN


def test_every_row_has_its_command_and_every_command_its_row(names):
    from wstore.admin._command_data import COMMANDS
    assert sorted(COMMANDS) == sorted(names)


def test_rows_hold_the_facts_of_redis(oracle, names):
    from wstore.admin._command_data import COMMANDS
    theirs = facts(oracle)
    for name in set(names) - OWN:
        row = without_prose({**COMMANDS[name], "history": COMMANDS[name].get("history", [])})
        expected = {"history": [], **theirs[name]}
        assert {**row, "acl": sorted(row["acl"])} == {**expected, "acl": sorted(expected["acl"])}, name


def test_our_own_rows_follow_from_the_flags(wstore_server):
    for name in OWN:
        [info] = ask(wstore_server, "COMMAND", "INFO", name).items
        flags = {item.text.decode() for item in info.items[2].items}
        acl = {item.text.decode() for item in info.items[6].items}
        implied = {"@write", "@admin", "@pubsub", "@fast", "@blocking"} & {"@" + flag for flag in flags}
        implied |= {"@read"} if "readonly" in flags else set()
        implied |= {"@dangerous"} if "admin" in flags else set()
        implied |= set() if "fast" in flags else {"@slow"}
        assert implied <= acl <= implied | {"@connection", "@keyspace"}, name


def test_prose_is_our_own(oracle, wstore_server, names):
    for name in names:
        summary = ask(wstore_server, "COMMAND", "DOCS", name).get(name.encode()).get(b"summary")
        assert 5 < len(summary.data) <= 100
        if name not in OWN:
            assert summary != ask(oracle, "COMMAND", "DOCS", name).get(name.encode()).get(b"summary"), name


@pytest.mark.parametrize("subcommand", ["INFO", "DOCS"])
def test_info_and_docs_have_redis_s_structure(oracle, wstore_server, names, oracle_names, subcommand):
    both = frozenset(names) & oracle_names
    for name in sorted(both):
        theirs = ask(oracle, "COMMAND", subcommand, name)
        assert shape(ask(wstore_server, "COMMAND", subcommand, name), both) == shape(theirs, both), name


def test_resp2_is_the_same_flattened(wstore_server):
    """In RESP2 sets and maps are arrays: the same leaves in the same order."""
    def leaves(reply: Reply) -> list:
        if isinstance(reply, Map):
            return [leaf for pair in reply.pairs for item in pair for leaf in leaves(item)]
        if isinstance(reply, (Array, Set)):
            return [leaf for item in reply.items for leaf in leaves(item)]
        return [reply]

    def arrays_only(reply: Reply) -> bool:
        return not isinstance(reply, (Map, Set)) and all(map(arrays_only, getattr(reply, "items", ())))

    for words in (["COMMAND"], ["COMMAND", "DOCS"], ["COMMAND", "GETKEYSANDFLAGS", "mset", "a", "b", "c", "d"]):
        flat = ask(wstore_server, *words, resp=2)
        assert arrays_only(flat)
        assert leaves(flat) == leaves(ask(wstore_server, *words))


def test_without_names_all_are_described(wstore_server, names):
    parents = [name for name in names if "|" not in name]
    everything = ask(wstore_server, "COMMAND")
    assert [entry.items[0].data.decode() for entry in everything.items] == parents
    assert ask(wstore_server, "COMMAND", "INFO") == everything
    assert ask(wstore_server, "COMMAND", "INFO", *parents) == everything
    assert ask(wstore_server, "COMMAND", "COUNT") == Int(len(parents))
    assert [key.data.decode() for key, _ in ask(wstore_server, "COMMAND", "DOCS").pairs] == parents


@pytest.mark.parametrize("words", [
    ["MODULE", "x"], ["ACLCAT", "read"], ["ACLCAT", "WRITE"], ["ACLCAT", "slow"], ["ACLCAT", "@read"],
    ["ACLCAT", "nosuch"], ["ACLCAT", "dangerous"], ["ACLCAT", "keyspace"], ["PATTERN", "*"], ["PATTERN", "GET*"],
    ["PATTERN", "config|*"], ["PATTERN", "?et"], ["PATTERN", "[a"], ["PATTERN", ""]], ids=" ".join)
def test_list_filters(oracle, wstore_server, names, oracle_names, words):
    ours = set(names_of(wstore_server.call("COMMAND", "LIST", "FILTERBY", *words))) - OWN
    theirs = set(names_of(oracle.call("COMMAND", "LIST", "FILTERBY", *words)))
    assert ours == theirs & set(names)


def test_errors_and_unknown_names(diff: Differential):
    diff.compare(
        "COMMAND INFO nosuch", "COMMAND INFO config|nosuch", "COMMAND DOCS nosuch", "COMMAND LIST x",
        "COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY PATTERN", "COMMAND LIST FILTERBY x y",
        "COMMAND LIST FILTERBY PATTERN a b", "COMMAND COUNT x", "COMMAND nosuch", "COMMAND HELP x",
        "COMMAND GETKEYS", "COMMAND GETKEYS get", "COMMAND GETKEYS nosuch a", "COMMAND GETKEYS ping a",
        "COMMAND GETKEYS config a", "COMMAND GETKEYS config get a", "COMMAND GETKEYS object help",
        "COMMAND GETKEYS object encoding", "COMMAND GETKEYS memory usage", "COMMAND GETKEYS bitop and a")


def test_getkeys(diff: Differential, names, oracle_names):
    """Random command lines of every command; BITFIELD and SET choose their flags by the arguments."""
    dice = random.Random(7)
    lines = []
    for name in sorted(set(names) & oracle_names):
        for _ in range(25 if name in ("set", "bitfield") else 4):
            line = [*name.encode().split(b"|"), *dice.choices(WORDS, k=dice.randrange(1, 9))]
            lines.append([b"COMMAND", dice.choice([b"GETKEYS", b"GETKEYSANDFLAGS"]), *line])
    diff.compare(*lines, comparers={"COMMAND GETKEYSANDFLAGS": lambda args, a, b, tolerance_ms: shape(a) == shape(b)})


def test_redis_cli_shows_our_help(wstore_server):
    """redis-cli takes its help and hints from COMMAND DOCS."""
    from wstore.admin._command_data import COMMANDS
    command = ["redis-cli", "-p", str(wstore_server.port), "help", "getex"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30,
                            stdin=subprocess.DEVNULL).stdout
    shown = re.sub(r"\x1b\[\d*m", "", output)
    assert COMMANDS["getex"]["summary"] in shown
    assert "GETEX key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]" in shown
