"""Units and kinds of values: what is accepted, what is shown, and that both are inverse to each other."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wstore.admin.config.kinds import Bool, Enum, EnumSet, Int, Memory, MemoryOrPercent, Octal, Text
from wstore.admin.config.specials import BufferLimits, Directory, Events, Percentiles, Primary, Save
from wstore.admin.config.table import TABLE
from wstore.admin.config.units import format_memory, parse_integer, parse_leading_integer, parse_memory
from wstore.admin.config.words import split_words, to_text


@pytest.mark.parametrize("text, size", [
    ("0", 0), ("1", 1), ("12b", 12), ("1k", 1000), ("1kb", 1024), ("1Kb", 1024), ("2m", 2000000), ("2MB", 2 << 20),
    ("1g", 10 ** 9), ("1GB", 1 << 30), ("", 0), ("k", 0), ("007", 7),
    ("18446744073709551615", 2 ** 64 - 1), ("18446744073709551616", 2 ** 64 - 1), ("9" * 60, 2 ** 64 - 1),
    ("0" * 60 + "5", 5),
    ("1t", None), ("1kk", None), ("-1", None), ("+1", None), (" 1", None), ("1 ", None), ("1.5k", None), ("0x1", None),
    ("1e3", None), ("\u0661", None),
])
def test_parse_memory(text, size):
    assert parse_memory(text) == size


@given(st.integers(0, 2 ** 64 - 1) | st.integers(0, 2 ** 30).map(lambda n: n << 20))
def test_memory_reads_back(size):
    assert parse_memory(format_memory(size)) == size


@pytest.mark.parametrize("text, strict, loose", [
    ("0", 0, 0), ("-5", -5, -5), ("9223372036854775807", 2 ** 63 - 1, 2 ** 63 - 1),
    ("9223372036854775808", None, 2 ** 63 - 1), ("-9223372036854775808", -2 ** 63, -2 ** 63),
    ("+1", None, 1), ("01", None, 1), ("-0", None, 0), (" 1", None, 1), ("1 ", None, None), ("", None, 0),
    ("-", None, None), ("1_0", None, None), ("\u0661", None, None),
])
def test_parse_integers(text, strict, loose):
    assert parse_integer(text) == strict
    assert parse_leading_integer(text) == loose


@pytest.mark.parametrize("kind, words, shown", [
    (Bool(), ["YES"], "yes"),
    (Int(0, 10), ["10"], "10"),
    (Int(0, 1000, clamp=(1, 500)), ["501"], "500"),
    (Octal(), ["770"], "770"),
    (Octal(), [""], "0"),
    (Memory(), ["1kb"], "1024"),
    (MemoryOrPercent(), ["5%"], "5%"),
    (MemoryOrPercent(), ["5k"], "5000"),
    (Enum("a", "b"), ["B"], "b"),
    (EnumSet("none", "a", "b"), ["b", "none", "A"], "a b"),
    (EnumSet("none", "a", "b"), ["none"], "none"),
    (Save(), [], ""),
    (Save(), ["60", "1", "5", "0"], "60 1 5 0"),
    (Events(), ["KEA"], "AKE"),
    (Events(), ["n$g"], "g$n"),
    (Percentiles(), ["50", "1e1", "99.99", "33.333333333"], "50 10 99.99 33.333333"),
    (Primary(), ["host", "6379"], "host 6379"),
    (Primary(), ["no", "ONE"], ""),
])
def test_parse_and_show(kind, words, shown):
    assert kind.text(kind.parse(words, None)) == shown


@pytest.mark.parametrize("kind, words, reason", [
    (Bool(), ["on"], "argument must be 'yes' or 'no'"),
    (Int(0, 10), ["11"], "argument must be between 0 and 10 inclusive"),
    (Int(0, 10), ["x"], "argument couldn't be parsed into an integer"),
    (Octal(), ["8"], "argument couldn't be parsed as an octal number"),
    (Octal(), ["-1"], "argument must be between 0 and 777 inclusive"),
    (Memory(1), ["0"], "argument must be between 1 and 9223372036854775807 inclusive"),
    (Memory(), ["1%"], "argument must be a memory value"),
    (MemoryOrPercent(), ["101%"], "percentage argument must be less or equal to 100"),
    (MemoryOrPercent(), ["x"], "argument must be a memory or percent value"),
    (Enum("a", "b"), ["c"], "argument(s) must be one of the following: a, b"),
    (EnumSet("none", "a"), [], "argument(s) must be one of the following: none, a"),
    (Save(), ["1"], "Invalid save parameters"),
    (Save(), ["0", "1"], "Invalid save parameters"),
    (BufferLimits(), ["normal", "1"], "Wrong number of arguments in buffer limit configuration."),
    (BufferLimits(), ["x", "1", "1", "1"], "Invalid client class specified in buffer limit configuration."),
    (Events(), ["q"], "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
    (Percentiles(), ["nan"], "Invalid latency-tracking-info-percentiles parameters"),
    (Percentiles(), ["101"], "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
    (Primary(), ["a", "b"], "Invalid master port"),
])
def test_refused(kind, words, reason):
    with pytest.raises(ValueError) as caught:
        kind.parse(words, ((0, 0, 0),) * 3)
    assert str(caught.value) == reason


def test_buffer_limits_change_only_the_named_classes():
    kind = BufferLimits()
    before = ((1, 1, 1), (2, 2, 2), (3, 3, 3))
    after = kind.parse(["replica", "1k", "2kb", "3"], before)
    assert after == ((1, 1, 1), (1000, 2048, 3), (3, 3, 3))
    assert kind.text(after) == "normal 1 1 1 slave 1000 2048 3 pubsub 3 3 3"


def test_directory_must_exist(tmp_path):
    kind = Directory()
    (tmp_path / "file").touch()
    assert kind.parse(["."], str(tmp_path)) == str(tmp_path)
    with pytest.raises(ValueError, match="No such file or directory"):
        kind.parse(["missing"], str(tmp_path))
    with pytest.raises(ValueError, match="Not a directory"):
        kind.parse(["file"], str(tmp_path))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_rewritten_default_reads_back(name):
    """What a rewrite writes for a default is read as that default, whatever the kind."""
    directive = TABLE[name]
    value = directive.default or (() if directive.kind.multi else directive.default)
    for line in directive.kind.lines(name, value):
        words = [to_text(word) for word in split_words(line.encode())][1:]
        if directive.kind.accumulates:
            assert directive.kind.parse(words, value)[0] in value
        elif name != "dir":
            words = [] if words == [""] and directive.kind.multi else words
            assert directive.kind.parse(words, value) == value


@given(st.text())
def test_any_text_reads_back(text):
    for line in Text().lines("x", text):
        assert [to_text(word) for word in split_words(line.encode())] == ["x", text]
