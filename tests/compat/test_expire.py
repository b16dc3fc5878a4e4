"""The EXPIRE and TTL families: every command with every condition on every state of a key, and the edges of time."""
from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import strategies
from tests.harness import Differential, Int, Sleep

CONDITIONS = ["", "NX", "XX", "GT", "LT", "XX GT", "XX LT", "gt xx", "NX NX", "lt LT"]
BAD_OPTIONS = ["NX XX", "NX GT", "NX LT", "GT LT", "XX GT LT", "FOO", "NX FOO", "NX XX FOO", "10"]
STATES = {"absent": [], "endless": ["SET k v"], "with a TTL": ["SET k v EX 100000"],
          "with a long value": [("SET", "k", b"x" * 3000, "EX", "100000")]}
IN_SECONDS = {"EXPIRE": 1, "PEXPIRE": 1000}
AT_SECONDS = {"EXPIREAT": 1, "PEXPIREAT": 1000}
ASK = ["TTL k", "PTTL k", "EXPIRETIME k", "PEXPIRETIME k", "EXISTS k"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("word", [*IN_SECONDS, *AT_SECONDS])
def test_conditions(diff: Differential, word: str, state: str):
    """Earlier, later and past times under each condition; the times are far apart, so that runs agree."""
    unit = {**IN_SECONDS, **AT_SECONDS}[word]
    times = (50_000, 200_000, 0, -1, -100_000) if word in IN_SECONDS else (2_000_000_000, 4_000_000_000, 1, 0, -1)
    for condition, when in itertools.product(CONDITIONS, times):
        diff.compare(*STATES[state], f"{word} k {when * unit} {condition}", *ASK)


@pytest.mark.parametrize("word", [*IN_SECONDS, *AT_SECONDS])
def test_bad_options(diff: Differential, word: str):
    for options in BAD_OPTIONS:
        diff.compare("SET k v", f"{word} k 100 {options}", f"{word} q 100 {options}", f"{word} k x {options}",
                     f"{word} k 99999999999999999999 {options}", "TTL k")
    diff.compare((word, "k", "10", b"foo\r\nbar\r\n"), (word, "k", "10", b"x" * 300), (word, "k", "10", b"fo\0o"),
                 (word, "k"), (word,), (word, "k", ""))


EDGES = sorted({sign * n + step for n in (2**63 - 1, 2**63, (2**63 - 1) // 1000, 2**48, 2**47, 2**31)
                for sign in (1, -1) for step in (-1, 0, 1)} | {0, -1})


@pytest.mark.parametrize("word", [*IN_SECONDS, *AT_SECONDS])
def test_edges_of_time(diff: Differential, word: str):
    for when in EDGES:
        diff.compare("SET k v", f"{word} k {when}", *ASK[3:], f"{word} q {when}")


def test_edges_of_time_near_the_overflow(diff: Differential):
    """Relative times that pass the end of time only with the clock added."""
    for back in (0, 10**11, 10**12, 2 * 10**12, 5 * 10**12):
        diff.compare("SET k v", f"PEXPIRE k {2**63 - 1 - back}", "EXISTS k",
                     f"EXPIRE k {(2**63 - 1) // 1000 - back // 1000}", "EXISTS k")


SOON = {b"%d" % when for when in range(1, 10_000)}


@given(strategies.numbers, st.sampled_from([*IN_SECONDS, *AT_SECONDS]))
def test_numbers(diff: Differential, when: bytes, word: str):
    assume(word not in IN_SECONDS or when not in SOON)      # else the two clocks decide what is still there
    diff.compare("SET k v", (word, "k", when), "EXISTS k", "PTTL k")


@given(st.lists(st.tuples(st.sampled_from([*AT_SECONDS]), st.integers(1, 5), st.sampled_from(CONDITIONS)), max_size=12))
def test_sequences_of_conditions(diff: Differential, steps):
    """Exact, because the times are absolute."""
    commands = [f"{word} k {(2_000_000_000 + when) * AT_SECONDS[word]} {condition}" for word, when, condition in steps]
    diff.compare("SET k v", *commands, "PEXPIRETIME k", "EXPIRETIME k", tolerance_ms=0)


def test_rounding(diff: Differential):
    for ms in (0, 1, 499, 500, 501, 999):
        diff.compare("SET k v", f"PEXPIREAT k {2_000_000_000_000 + ms}", "EXPIRETIME k", "PEXPIRETIME k",
                     tolerance_ms=0)


def test_persist(diff: Differential):
    diff.compare("PERSIST q", "SET k v", "PERSIST k", "EXPIRE k 1000", "PERSIST k", "PERSIST k", "TTL k", "PERSIST",
                 "PERSIST k x", ("SET", "long", b"y" * 2000, "EX", "100"), "PERSIST long", "TTL long", "GET long")


def test_ttl_of_missing_keys_and_wrong_numbers_of_arguments(diff: Differential):
    for word in ("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"):
        diff.compare(f"{word} q", "SET k v", f"{word} k", word, f"{word} k x")


def test_keys_vanish_when_their_time_comes(diff: Differential):
    """Every command sees an expired key as absent, whether it was removed already or not."""
    diff.compare("SET a 1 PX 20", "SET b 2 PX 20", "SET c 3 PX 20", "SET d 4", "PEXPIRE d 20", "SET e 5 EX 1000",
                 "SET f 6 PX 20", "SET g 7 PX 20", Sleep(0.05), "EXISTS a", "GET a", "TYPE b", "TTL b", "RENAME c x",
                 "RENAMENX e c", "COPY f y", "MOVE f 1", "DEL g", "EXPIRE d 100", "PERSIST d", "KEYS *", "SCAN 0",
                 "RANDOMKEY", "DUMP a", "OBJECT ENCODING a", "TOUCH a", "DEBUG DIGEST-VALUE c")


def test_active_expiry_removes_keys_that_nobody_asks_for(diff: Differential):
    replies = diff.compare(*[("SET", f"gone:{i}", i, "PX", 30) for i in range(500)], "SET stays 1", Sleep(1.5),
                           "DBSIZE", embedded=False)
    assert replies[-1] == Int(1)


def test_a_ttl_keeps_the_value_and_its_encoding(diff: Differential):
    for value in (b"1", b"300", b"-70000", b"9007199254740993", b"text", *(b"x" * n for n in (44, 45, 1024, 5000))):
        diff.compare(("SET", "k", value), "EXPIRE k 1000", "GET k", "OBJECT ENCODING k", "PERSIST k", "GET k",
                     "OBJECT ENCODING k", ("APPEND", "k", b"!"), "EXPIRE k 1000", "GET k", "OBJECT ENCODING k")
