"""LOLWUT: a small picture, another one at every call, and the version.

Each row of dots is made from the one above it by an elementary cellular automaton (S. Wolfram, "Statistical
mechanics of cellular automata", 1983); the rule and the first row are drawn by lot.  Two columns and four rows
of dots share one braille character (Unicode block U+2800).
"""
from wstore.admin.registry import command
from wstore.engine._engine import str_to_i64
from wstore.engine.replies import Verbatim
from wstore.errors import ReplyError
from wstore.versions import REDIS_VERSION, WSTORE_VERSION

RULES = (18, 30, 45, 54, 60, 73, 90, 105, 106, 110, 129, 150, 165, 169)     # those that weave patterns
COLUMNS, ROWS = 60, 12                  # in characters, unless the caller says otherwise
COLUMNS_MAX, ROWS_MAX = 200, 100
PARAMETERS = {5: 3, 6: 2}               # how many numbers these versions take in Redis
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))     # bit of each dot, [row][column]


def next_row(cells, rule):
    """The row of cells (0 or 1, joined at the ends) below `cells` under an elementary rule."""
    count = len(cells)
    return [rule >> (cells[i - 1] << 2 | cells[i] << 1 | cells[(i + 1) % count]) & 1 for i in range(count)]


def weave(columns, rows, rule, first):
    """`rows` lines of `columns` braille characters that grow out of the row of cells `first`."""
    lines = []
    cells = first
    for _ in range(rows):
        dots = [0x2800] * columns
        for bits in _BRAILLE:
            for x, cell in enumerate(cells):
                dots[x >> 1] |= bits[x & 1] * cell
            cells = next_row(cells, rule)
        lines.append("".join(map(chr, dots)))
    return lines


def picture(columns, rows):
    """A picture by lot: a random rule, and a first row of one dot or of noise."""
    import random  # late: it is slow to import
    width = 2 * columns
    first = [0] * width
    first[width // 2] = 1
    if random.random() < 0.5:
        first = [random.getrandbits(1) for _ in range(width)]
    return "\n".join(weave(columns, rows, random.choice(RULES), first))


def _check_numbers(words):
    """ReplyError if one of the words is no integer."""
    if None in map(str_to_i64, words):
        raise ReplyError("ERR value is not an integer or out of range")


def _size(words, version=None):
    """(columns, rows) that the arguments ask for, within bounds; the defaults where they are no numbers.

    Only the versions in PARAMETERS refuse such arguments: in Redis, the others take none.
    """
    _check_numbers(words[:PARAMETERS.get(version, 0)])
    asked = [str_to_i64(word) for word in words[:2]]
    if None in asked:
        asked = []
    columns, rows = asked + [COLUMNS, ROWS][len(asked):]
    return min(max(columns, 1), COLUMNS_MAX), min(max(rows, 1), ROWS_MAX)


@command("lolwut", arity=-1, flags="readonly fast")
def lolwut(session, args):
    """LOLWUT [VERSION version] [columns [rows]]"""
    words = args[1:]
    version = None
    if len(words) >= 2 and words[0].lower() == b"version":
        _check_numbers(words[1:2])
        version = str_to_i64(words[1])
        words = words[2:]
    art = picture(*_size(words, version))
    return Verbatim("txt", f"{art}\n\nRedis ver. {REDIS_VERSION} (wstore {WSTORE_VERSION})\n".encode())
