"""Words of a configuration line: splitting with Redis's quoting rules, and quoting for CONFIG REWRITE.

A line is bytes and so are its words: a quoted word may hold any byte (`"\\xff\\n"`).  Everywhere else in this
package text is `str` made by `to_text` (UTF-8, other bytes as surrogates), which loses nothing and is what
`os` expects of a path.
"""
UNBALANCED = "Unbalanced quotes in configuration line"
_SPACE = b" \t\n\v\f\r"
_WORD_END = b" \t\n\r\0"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = {ord("n"): 10, ord("r"): 13, ord("t"): 9, ord("b"): 8, ord("a"): 7}
_QUOTED = {10: "\\n", 13: "\\r", 9: "\\t", 7: "\\a", 8: "\\b", 34: '\\"', 92: "\\\\"}


def to_text(raw):
    """Any bytes as `str`, so that `to_bytes` gives the same bytes again."""
    return raw.decode("utf-8", "surrogateescape")


def to_bytes(text):
    """The bytes of a `str` made by `to_text` (or of any other)."""
    return text.encode("utf-8", "surrogateescape")


def _double_quoted(line, at, word):
    """Read up to the closing double quote; the place behind it, or -1 if there is none."""
    while at < len(line):
        byte = line[at]
        if byte == 34:
            return at + 1
        if byte == 92 and at + 3 < len(line) and line[at + 1] == 120 and all(b in _HEX for b in line[at + 2:at + 4]):
            word.append(int(line[at + 2:at + 4], 16))
            at += 4
        elif byte == 92 and at + 1 < len(line):
            word.append(_ESCAPES.get(line[at + 1], line[at + 1]))
            at += 2
        else:
            word.append(byte)
            at += 1
    return -1


def _single_quoted(line, at, word):
    """Read up to the closing single quote (`\\'` is the only escape); the place behind it, or -1."""
    while at < len(line):
        if line[at] == 39:
            return at + 1
        if line[at:at + 2] == b"\\'":
            at += 1
        word.append(line[at])
        at += 1
    return -1


def _read_word(line, at):
    """The word that begins at `at`: (bytes, place behind it), or (None, 0) if its quotes are wrong."""
    word = bytearray()
    while at < len(line) and line[at] not in _WORD_END:
        if line[at] not in b"\"'":
            word.append(line[at])
            at += 1
            continue
        at = (_double_quoted if line[at] == 34 else _single_quoted)(line, at + 1, word)
        if at < 0 or (at < len(line) and line[at] not in _SPACE):
            return None, 0
        break
    return bytes(word), at


def split_words(line):
    """The words of a line (bytes) as a list of bytes; None if quotes are unbalanced or glued to more text.

    Blanks separate words.  In double quotes `\\n \\r \\t \\b \\a \\xHH` are escapes and a backslash keeps any
    other character; in single quotes only `\\'` is one.  A NUL ends the line.
    """
    words = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACE:
            at += 1
        if at >= len(line) or line[at] == 0:
            return words
        word, at = _read_word(line, at)
        if word is None:
            return None
        words.append(word)


def quote(text):
    """`text` in double quotes, printable ASCII only, so that `split_words` reads it back."""
    parts = ['"']
    for byte in to_bytes(text):
        if byte in _QUOTED:
            parts.append(_QUOTED[byte])
        elif 32 <= byte < 127:
            parts.append(chr(byte))
        else:
            parts.append(f"\\x{byte:02x}")
    parts.append('"')
    return "".join(parts)


def quote_if_needed(text):
    """`text` as one word of a line: in quotes only if it would not be read back without."""
    raw = to_bytes(text)
    return text if text.isprintable() and split_words(raw) == [raw] and raw.isascii() else quote(text)
