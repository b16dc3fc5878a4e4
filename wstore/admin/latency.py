"""LATENCY: how long commands take (HISTOGRAM). Events are not sampled, so that the others have none to show."""
from wstore.admin.registry import command, container
from wstore.engine import _engine
from wstore.engine.replies import Verbatim
from wstore.errors import ReplyError

HELP = """\
LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
DOCTOR
    Return advice on latency.
GRAPH <event>
    Return a picture of the samples of an event.
HISTORY <event>
    Return the samples of an event.
LATEST
    Return the newest sample of each event.
RESET [<event> ...]
    Forget the samples of the named events, or of all.
HISTOGRAM [COMMAND ...]
    Return how many calls of each command took how long, added up from the
    fastest on. Default: of all commands that were called.
HELP
    Print this help.""".splitlines()

_FLAGS = "admin noscript loading stale"
_BOUND_BITS = range(10, 40)         # bounds from 1 us to 10 minutes

container("latency")


def bound_ns(bit):
    """The inclusive bound of histogram bucket `bit`, as Redis's: a power of two, and its 1/128 less one."""
    return (1 << bit) + (1 << (bit - 7)) - 1


def cumulative(histogram):
    """{microseconds: calls that took no longer}, one entry for each bound at which there are more.

    histogram: (upper bound in microseconds, calls) pairs, ascending.
    """
    rows = {}
    for bit in _BOUND_BITS:
        calls = sum(count for upper_us, count in histogram if upper_us * 1000 <= bound_ns(bit))
        if calls > next(reversed(rows.values()), 0):
            rows[bound_ns(bit) // 1000] = calls
    return rows


def _wanted(latencies, names):
    """Names of called commands; a container stands for all its subcommands."""
    if not names:
        return list(latencies)
    return [known for name in names for known in latencies if known == name or known.startswith(name + "|")]


@command("latency|histogram", arity=-2, flags=_FLAGS)
def latency_histogram(session, args):
    """LATENCY HISTOGRAM [command ...]"""
    latencies = _engine.latencies(session.engine)
    names = [name.decode("utf-8", "replace").lower() for name in args[2:]]
    return {
        name.encode(): {
            b"calls": sum(count for _, count in latencies[name]),
            b"histogram_usec": cumulative(latencies[name])}
        for name in _wanted(latencies, names)}


@command("latency|latest", arity=2, flags=_FLAGS)
def latency_latest(session, args):
    """LATENCY LATEST"""
    return []


@command("latency|history", arity=3, flags=_FLAGS)
def latency_history(session, args):
    """LATENCY HISTORY event"""
    return []


@command("latency|graph", arity=3, flags=_FLAGS)
def latency_graph(session, args):
    """LATENCY GRAPH event"""
    raise ReplyError(f"ERR No samples available for event '{args[2].decode('utf-8', 'replace')}'")


@command("latency|reset", arity=-2, flags=_FLAGS)
def latency_reset(session, args):
    """LATENCY RESET [event ...]: how many were reset"""
    return 0


@command("latency|doctor", arity=2, flags=_FLAGS)
def latency_doctor(session, args):
    """LATENCY DOCTOR"""
    return Verbatim("txt", (
        b"Latency events are not sampled here. LATENCY HISTOGRAM shows how long commands take, SLOWLOG GET the slow\n"
        b"ones, and INFO stats the longest turn of the loop (eventloop_longest_us).\n"))


@command("latency|help", arity=2, flags="loading stale")
def latency_help(session, args):
    """LATENCY HELP"""
    return HELP
