"""Kinds of values that a directive can have: parsing, the text that CONFIG GET shows, the lines of a rewrite.

A kind has no state.  `parse(words, current)` takes the directive's words as `str` and the value in force and
returns the new value (hashable), or raises ValueError with the reason in Redis's words.  Directives whose kind
is not `multi` get exactly one word.
"""
from wstore.admin.config.units import I64_MAX, format_memory, parse_integer, parse_memory
from wstore.admin.config.words import quote


class Kind:
    """Base of all kinds, and the kind of plain text."""

    multi = False           # takes several words (CONFIG SET gives them as one, split at blanks)
    accumulates = False     # several lines of one file add up

    def parse(self, words, current):
        return words[0]

    def text(self, value):
        """The value as CONFIG GET shows it."""
        return value

    def lines(self, name, value):
        """The value as lines of a configuration file."""
        return [f"{name} {self.text(value)}"]


class Text(Kind):
    """Any text.  `check(text)` raises ValueError for what is not allowed."""

    def __init__(self, check=None):
        self.check = check

    def parse(self, words, current):
        if self.check is not None:
            self.check(words[0])
        return words[0]

    def lines(self, name, value):
        return [f"{name} {quote(value)}"] if value else []


class Bool(Kind):
    """yes or no.  `check(value)` raises ValueError for one that is not allowed."""

    def __init__(self, check=None):
        self.check = check

    def parse(self, words, current):
        try:
            value = {"yes": True, "no": False}[words[0].lower()]
        except KeyError:
            raise ValueError("argument must be 'yes' or 'no'") from None
        if self.check is not None:
            self.check(value)
        return value

    def text(self, value):
        return "yes" if value else "no"


def _check_range(number, low, high, form=str):
    if not low <= number <= high:
        raise ValueError(f"argument must be between {form(low)} and {form(high)} inclusive")
    return number


class Int(Kind):
    """A decimal integer from `low` to `high`; with `clamp` (low, high) values outside that are drawn in."""

    def __init__(self, low=0, high=2 ** 31 - 1, clamp=None, check=None):
        self.low = low
        self.high = high
        self.clamp = clamp
        self.check = check

    def parse(self, words, current):
        number = parse_integer(words[0])
        if number is None:
            raise ValueError("argument couldn't be parsed into an integer")
        _check_range(number, self.low, self.high)
        if self.check is not None:
            self.check(number)
        return self._clamped(number)

    def _clamped(self, number):
        return max(self.clamp[0], min(self.clamp[1], number)) if self.clamp else number

    def text(self, value):
        return str(value)


class Octal(Kind):
    """Permission bits, written in octal."""

    def parse(self, words, current):
        digits = words[0].removeprefix("-")
        if digits.strip("01234567"):
            raise ValueError("argument couldn't be parsed as an octal number")
        number = int(digits or "0", 8)
        return _check_range(-number if digits != words[0] else number, 0, 0o777, "{:o}".format)

    def text(self, value):
        return f"{value:o}"


class Memory(Int):
    """A size in bytes, with an optional unit."""

    def __init__(self, low=0, high=I64_MAX, clamp=None):
        super().__init__(low, high, clamp)

    def parse(self, words, current):
        size = parse_memory(words[0])
        if size is None:
            raise ValueError("argument must be a memory value")
        return self._clamped(_check_range(size, self.low, self.high))

    def lines(self, name, value):
        return [f"{name} {format_memory(value)}"]


class MemoryOrPercent(Kind):
    """A size in bytes, or a percentage: kept as a negative number."""

    def parse(self, words, current):
        digits = words[0].removesuffix("%")
        if digits != words[0] and digits.isascii() and digits.isdigit():
            if int(digits[:40]) > 100:
                raise ValueError("percentage argument must be less or equal to 100")
            return -int(digits)
        size = parse_memory(words[0])
        if size is None or size > I64_MAX:
            raise ValueError("argument must be a memory or percent value")
        return size

    def text(self, value):
        return f"{-value}%" if value < 0 else str(value)

    def lines(self, name, value):
        return [f"{name} {self.text(value) if value < 0 else format_memory(value)}"]


class Enum(Kind):
    """One of some names, in any case."""

    def __init__(self, *names):
        self.names = names

    def find(self, word):
        if word.lower() not in self.names:
            raise ValueError(f"argument(s) must be one of the following: {', '.join(self.names)}")
        return word.lower()

    def parse(self, words, current):
        return self.find(words[0])


class EnumSet(Enum):
    """Several of some names; the first one means none of the others.  Kept as a tuple in table order."""

    multi = True

    def __init__(self, *names, check=None):
        super().__init__(*names)
        self.check = check

    def parse(self, words, current):
        if not words:
            self.find("")
        chosen = {self.find(word) for word in words}
        value = tuple(name for name in self.names[1:] if name in chosen)
        if self.check is not None:
            self.check(value)
        return value

    def text(self, value):
        return " ".join(value) or self.names[0]
