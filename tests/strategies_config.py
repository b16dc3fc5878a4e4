"""Hypothesis strategies for configuration: values a directive accepts, as the words of its line."""
from hypothesis import strategies as st

from wstore.admin.config import kinds, specials
from wstore.admin.config.table import HIDDEN, TABLE

# Folders that must exist, and what asks for TLS
UNTRIED = {"dir", "tls-port", "tls-cluster", "tls-replication"}
NAMES = sorted(name for name, directive in TABLE.items() if not directive.flags & HIDDEN and name not in UNTRIED)

_plain_text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=12)
_size = st.integers(0, 2 ** 40).map(str) | st.sampled_from(["1k", "3KB", "64mb", "2g", "1GB"])
_limit = st.tuples(st.sampled_from(["normal", "replica", "pubsub"]), _size, _size, st.integers(0, 99).map(str))


def _numbers(kind):
    return st.integers(kind.low, kind.high).map(str)


def _words(kind):
    """A list of words for a directive of this kind, all accepted."""
    one = {
        kinds.Bool: st.sampled_from(["yes", "no", "YES"]),
        kinds.Octal: st.integers(0, 0o777).map("{:o}".format),
        kinds.MemoryOrPercent: _size | st.integers(0, 100).map("{}%".format),
        kinds.Text: _plain_text,
        specials.Keep: st.sampled_from(["", "hourly=48,daily=30", "Weekly=1"]),
        specials.Events: st.text("g$lshzxetdmnAKE"),
    }
    several = {
        specials.Save: st.lists(st.tuples(st.integers(1, 9999), st.integers(0, 9999))).map(
            lambda points: [str(n) for point in points for n in point]),
        specials.BufferLimits: st.lists(_limit).map(lambda limits: [word for limit in limits for word in limit]),
        specials.OomScores: st.lists(st.integers(-2000, 2000).map(str), min_size=3, max_size=3),
        specials.Percentiles: st.lists(st.floats(0, 100).map("{:.6f}".format)),
        specials.Addresses: st.lists(st.sampled_from(["127.0.0.1", "::1", "-::*", "*", "localhost"]), max_size=5),
        specials.Primary: st.tuples(st.just("host"), st.integers(0, 65535).map(str)).map(list),
    }
    if type(kind) in several:
        return several[type(kind)]
    if isinstance(kind, kinds.EnumSet):
        return st.lists(st.sampled_from([n for n in kind.names if n != "nosave"]), min_size=1)
    if isinstance(kind, kinds.Enum):
        return st.sampled_from(kind.names).map(lambda word: [word])
    if isinstance(kind, kinds.Int):
        return _numbers(kind).map(lambda word: [word])
    return one[type(kind)].map(lambda word: [word])


def _text_is_allowed(name, words):
    check = getattr(TABLE[name].kind, "check", None)
    if type(TABLE[name].kind) is not kinds.Text or check is None:
        return True
    try:
        check(words[0])
    except ValueError:
        return False
    return True


@st.composite
def settings(draw, names=NAMES):
    """One setting: (name, words), accepted at start-up."""
    name = draw(st.sampled_from(names))
    if name == "proc-title-template":
        return name, [draw(st.sampled_from(["{title} x", "{port} {unixsocket}", "x"]))]
    if name == "cluster-announce-hostname":
        return name, [draw(st.sampled_from(["", "a.b-c", "host"]))]
    return name, draw(_words(TABLE[name].kind).filter(lambda words: _text_is_allowed(name, words)))
