"""Memory sizes ("64mb") and integers as Redis's configuration reads and writes them.

No regular expressions: the server reads its configuration at start-up, and `re` is slow to import.
"""
_UNITS = {
    "": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1000 ** 2, "mb": 1 << 20, "g": 1000 ** 3, "gb": 1 << 30,
}
U64_MAX = (1 << 64) - 1
I64_MIN, I64_MAX = -(1 << 63), (1 << 63) - 1


def _is_digits(text):
    return text.isascii() and text.isdigit()


def _number(digits):
    """The value of decimal digits, or something above 64 bits if there are too many of them."""
    return int(digits.lstrip("0")[:40] or "0")


def parse_memory(text):
    """Bytes of "100", "10k" (1000), "10kb" (1024), m, mb, g, gb in any case; None if it is no size.

    As in Redis no digits at all mean 0, digits beyond 64 bits mean the largest 64-bit number, and the product
    with the unit wraps around at 64 bits.
    """
    digits = text.rstrip("bkmgBKMG")
    unit = _UNITS.get(text[len(digits):].lower())
    if unit is None or (digits and not _is_digits(digits)):
        return None
    return min(_number(digits), U64_MAX) * unit & U64_MAX


def format_memory(size_bytes):
    """The shortest exact form for a configuration file: "1gb", "3mb", "2kb" or plain bytes."""
    for unit in ("gb", "mb", "kb"):
        if size_bytes and size_bytes % _UNITS[unit] == 0:
            return f"{size_bytes // _UNITS[unit]}{unit}"
    return str(size_bytes)


def parse_integer(text):
    """A 64-bit integer without sign +, leading zeros or blanks; None if it is none."""
    digits = text.removeprefix("-")
    if len(digits) > 19 or not _is_digits(digits) or (digits[0] == "0" and text != "0"):
        return None
    number = int(text)
    return number if I64_MIN <= number <= I64_MAX else None


def parse_leading_integer(text):
    """What C's strtoll makes of a whole word (blanks in front, a sign, leading zeros); None if more follows.

    An empty word is 0.
    """
    if not text:
        return 0
    text = text.lstrip(" \t\n\v\f\r")
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not _is_digits(digits):
        return None
    number = -_number(digits) if text[0] == "-" else _number(digits)
    return max(I64_MIN, min(I64_MAX, number))
