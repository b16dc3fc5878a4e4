"""Replies of Python handlers that no plain Python type stands for.

A handler returns str (simple string), bytes (bulk), int, float, bool, None, list or tuple, dict, set, or one of
these.  They are values: never changed once made.
"""


class Verbatim:
    """Text with a three-letter kind ("txt", "mkd"): a verbatim string in RESP3, a bulk string in RESP2."""

    __slots__ = ("kind", "data")

    def __init__(self, kind, data):
        self.kind = kind
        self.data = data

    def __repr__(self):
        return f"Verbatim({self.kind!r}, {self.data!r})"


class OrderedSet(tuple):
    """A set whose members go out in this order: a set in RESP3, an array in RESP2."""

    __slots__ = ()


class Encoded:
    """One reply, or an element of one, as RESP bytes (`encode_reply`), sent as they are."""

    __slots__ = ("data",)

    def __init__(self, data):
        self.data = data

    def __repr__(self):
        return f"Encoded({self.data!r})"


class _Mark:
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


NullArray = _Mark("NullArray")      # *-1 in RESP2, null in RESP3
NoReply = _Mark("NoReply")          # nothing goes out: the handler replied by itself, or owes none
