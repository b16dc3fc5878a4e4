"""Directives with a syntax of their own: save points, buffer limits, addresses and the like; and text checks.

`*_check` functions are for `Text(check=...)` and others: they raise ValueError with the reason.
"""
import os

from wstore.admin.config.kinds import Kind
from wstore.admin.config.units import format_memory, parse_leading_integer, parse_memory
from wstore.admin.config.words import quote, quote_if_needed

CLIENT_CLASSES = ("normal", "slave", "pubsub")
BIND_MAX = 16
KEEP_PERIODS = ("hourly", "daily", "weekly", "monthly")
_EVENTS = "g$lshzxetd"      # the classes that the event flag A stands for
# Variables of a process title -> what they are at least
_TITLE_VARIABLES = {
    "title": "", "listen-addr": "*:0", "server-mode": "", "port": "0", "tls-port": "0", "unixsocket": "",
    "config-file": ""}
_BAD_TITLE = "template format is invalid or contains unknown variables"


def _c_int(number):
    """A 64-bit number cut to C's int, which is what Redis keeps of it."""
    return (number + 2 ** 31) % 2 ** 32 - 2 ** 31


class Save(Kind):
    """Save points, as a tuple of (seconds, changes)."""

    multi = True
    accumulates = True

    def parse(self, words, current):
        numbers = [parse_leading_integer(word) for word in words]
        if len(words) % 2 or None in numbers or any(s < 1 for s in numbers[::2]) or any(c < 0 for c in numbers[1::2]):
            raise ValueError("Invalid save parameters")
        return tuple((number, _c_int(changes)) for number, changes in zip(numbers[::2], numbers[1::2]))

    def text(self, value):
        return " ".join(f"{seconds} {changes}" for seconds, changes in value)

    def lines(self, name, value):
        return [f"{name} {seconds} {changes}" for seconds, changes in value] or [f'{name} ""']


class Keep(Kind):
    """How many backups to keep, one for each of so many periods: "hourly=48,daily=30" as ((period, count), ...).

    (): all of them.
    """

    def parse(self, words, current):
        kept = {}
        for part in filter(None, words[0].lower().split(",")):
            period, _, count = part.partition("=")
            if period not in KEEP_PERIODS or not count.isdecimal() or not count.isascii() or not int(count[:9]):
                raise ValueError(f"argument must be like hourly=48,daily=30; periods are: {', '.join(KEEP_PERIODS)}")
            kept[period] = int(count[:9])
        return tuple((period, kept[period]) for period in KEEP_PERIODS if period in kept)

    def text(self, value):
        return ",".join(f"{period}={count}" for period, count in value)

    def lines(self, name, value):
        return [f"{name} {quote(self.text(value))}"]


class BufferLimits(Kind):
    """Output buffer limits: for each client class (hard bytes, soft bytes, soft seconds)."""

    multi = True

    def parse(self, words, current):
        if len(words) % 4:
            raise ValueError("Wrong number of arguments in buffer limit configuration.")
        limits = list(current)
        for at in range(0, len(words), 4):
            name = words[at].lower().replace("replica", "slave")
            if name not in CLIENT_CLASSES:
                raise ValueError("Invalid client class specified in buffer limit configuration.")
            hard, soft = parse_memory(words[at + 1]), parse_memory(words[at + 2])
            seconds = parse_leading_integer(words[at + 3])
            if hard is None or soft is None or seconds is None or seconds < 0:
                raise ValueError("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            limits[CLIENT_CLASSES.index(name)] = (hard, soft, seconds)
        return tuple(limits)

    def text(self, value):
        return " ".join(f"{name} {' '.join(map(str, limit))}" for name, limit in zip(CLIENT_CLASSES, value))

    def lines(self, name, value):
        return [
            f"{name} {'replica' if kind == 'slave' else kind} {format_memory(hard)} {format_memory(soft)} {seconds}"
            for kind, (hard, soft, seconds) in zip(CLIENT_CLASSES, value)]


class OomScores(Kind):
    """The three values of oom-score-adj-values."""

    multi = True

    def parse(self, words, current):
        if len(words) != 3:
            raise ValueError("wrong number of arguments")
        numbers = tuple(parse_leading_integer(word) for word in words)
        if any(number is None or not -2000 <= number <= 2000 for number in numbers):
            raise ValueError("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        return numbers

    def text(self, value):
        return " ".join(map(str, value))


class Percentiles(Kind):
    """Latency percentiles, each from 0 to 100."""

    multi = True

    def parse(self, words, current):
        return tuple(self._number(word) for word in words)

    @staticmethod
    def _number(word):
        try:
            number = float.fromhex(word) if word[:2].lower() == "0x" else float(word)
        except ValueError:
            number = float("nan")
        if number != number or "_" in word:
            raise ValueError("Invalid latency-tracking-info-percentiles parameters")
        if not 0 <= number <= 100:
            raise ValueError("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
        return number

    def text(self, value):
        return " ".join(f"{number:.6f}".rstrip("0").rstrip(".") for number in value)

    def lines(self, name, value):
        return [f"{name} {self.text(value) or quote('')}"]


class Events(Kind):
    """Classes of keyspace events, as a frozenset of letters (A stands for most of them)."""

    def parse(self, words, current):
        letters = set(words[0])
        if letters - set(_EVENTS + "AKEmn"):
            raise ValueError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
        return frozenset(letters - {"A"} | (set(_EVENTS) if "A" in letters else set()))

    def text(self, value):
        everything = value.issuperset(_EVENTS)
        classes = "A" if everything else "".join(c for c in _EVENTS + "n" if c in value)
        return classes + "".join(c for c in "KEm" if c in value)

    def lines(self, name, value):
        text = self.text(value)     # which shows no n beside A
        return [f"{name} {quote(text + 'n' if 'n' in value and 'n' not in text else text)}"]


class Addresses(Kind):
    """Addresses to listen on, as a tuple; "-" in front: may be missing on this machine."""

    multi = True

    def parse(self, words, current):
        if len(words) > BIND_MAX:
            raise ValueError("Too many bind addresses specified.")
        return tuple(words)

    def text(self, value):
        return " ".join(value)

    def lines(self, name, value):
        words = [quote_if_needed(word) for word in value]
        if len(value) == 1 and words != list(value):
            words = [quote(words[0])]       # a lone word is split again when it is read
        return [" ".join([name, *(words or ['""'])])]


class Directory(Kind):
    """A directory that exists, as an absolute path."""

    def parse(self, words, current):
        path = os.path.join(current, words[0]) if words[0] else ""
        try:
            os.stat(os.path.join(path, ".") if path else "")
        except OSError as error:
            raise ValueError(os.strerror(error.errno)) from None
        return os.path.normpath(path)

    def lines(self, name, value):
        return [f"{name} {quote(value)}"]


class Primary(Kind):
    """Host and port to replicate from, as a tuple; () for none."""

    multi = True

    def parse(self, words, current):
        if len(words) != 2:
            raise ValueError("wrong number of arguments")
        if words[0].lower() == "no" and words[1].lower() == "one":
            return ()
        port = parse_leading_integer(words[1])
        if port is None or not 0 <= port <= 65535:
            raise ValueError("Invalid master port")
        return (words[0], port)

    def text(self, value):
        return " ".join(map(str, value))

    def lines(self, name, value):
        return [f"{name} {quote_if_needed(value[0])} {value[1]}"] if value else []


def file_name_check(name):
    """A checker for directives that hold the name of a file in `dir`."""
    def check(text):
        if not text and name != "dbfilename":
            raise ValueError(f"{name} can't be empty")
        if "/" in text:
            raise ValueError(f"{name} can't be a path, just a {'dirname' if name == 'appenddirname' else 'filename'}")
    return check


def title_check(text):
    """Only known {variables}, and something left where those that may be empty are."""
    shown, rest = "", text
    while "{" in rest:
        before, _, rest = rest.partition("{")
        name, closed, rest = rest.partition("}")
        if not closed or name not in _TITLE_VARIABLES:
            raise ValueError(_BAD_TITLE)
        shown += before + _TITLE_VARIABLES[name]
    if not (shown + rest).strip(" "):
        raise ValueError(_BAD_TITLE)


def host_name_check(text):
    if len(text) >= 256:
        raise ValueError("Hostnames must be less than 256 characters")
    if not all(c.isascii() and (c.isalnum() or c in "-.") for c in text):
        raise ValueError("Hostnames may only contain alphanumeric characters, hyphens or dots")


def shutdown_check(options):
    if "save" in options and "nosave" in options:
        raise ValueError("shutdown options SAVE and NOSAVE can't be used simultaneously")


def no_tls_check(asked):
    """A checker for ports and switches that ask for TLS when they are not 0 or no."""
    if asked:
        raise ValueError("wstore has no TLS; put a TLS proxy in front of it")
