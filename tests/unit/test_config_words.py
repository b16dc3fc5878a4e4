"""Splitting and quoting of configuration lines."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wstore.admin.config.words import quote, split_words, to_bytes, to_text


@pytest.mark.parametrize("line, words", [
    (b"", []),
    (b"  \t\r\n", []),
    (b"port 6379", [b"port", b"6379"]),
    (b"\t port \v\f 6379\r", [b"port", b"6379"]),
    (b'save ""', [b"save", b""]),
    (b"save ''", [b"save", b""]),
    (b'a"b c"', [b"ab c"]),
    (b'"\\x41\\x7a\\xg1"', [b"Azxg1"]),
    (b'"\\n\\r\\t\\b\\a\\q\\\\\\""', [b"\n\r\t\b\aq\\\""]),
    (b"'a\\'b\\n'", [b"a'b\\n"]),
    (b'"a"\t"b"', [b"a", b"b"]),
    (b'"\xff\x00"', [b"\xff\x00"]),
    (b"a\0b", [b"a"]),
    (b"a\vb", [b"a\vb"]),
    (b'a "b', None),
    (b"a 'b", None),
    (b'"a"b', None),
    (b"'a'b", None),
    (b'"a\\', None),
    (b'"a\\"', None),
])
def test_split(line, words):
    assert split_words(line) == words


@given(st.lists(st.binary(), min_size=1))
def test_quoted_words_read_back(words):
    line = " ".join(quote(to_text(word)) for word in words)
    assert line.isascii() and line.isprintable()
    assert split_words(line.encode()) == words


@given(st.binary())
def test_text_keeps_all_bytes(raw):
    assert to_bytes(to_text(raw)) == raw


@given(st.text(st.sampled_from("ab \t\n\"'\\x41\0\v")))
def test_any_line_is_split_or_refused(line):
    words = split_words(line.encode())
    assert words is None or all(isinstance(word, bytes) for word in words)
