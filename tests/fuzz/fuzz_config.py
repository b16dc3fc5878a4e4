"""Fuzzing of the configuration: files of nearly right lines, CONFIG SET of nearly right pairs, rewrites.

Whatever comes in is refused with a reason or taken; after a refusal nothing has changed, and what was taken is
shown, rewritten and read back as the same.
"""
import random

from tests.fuzz.registry import fuzzer
from wstore.admin.config import Config, ConfigError, FileError, Loader, options_text
from wstore.admin.config.rewrite import rewritten
from wstore.admin.config.table import TABLE
from wstore.admin.config.words import to_bytes

NAMES = sorted(set(TABLE) - {"dir"})
WORDS = [
    "yes", "no", "0", "1", "-1", "10", "6379", "65536", "1k", "2GB", "5%", "101%", "", " ", "normal", "replica",
    "pubsub", "normal 1 2 3", "3600 1", "save", "now", "KEA", "AKEmn", "99.9", "local", "127.0.0.1", "-::*", "*",
    "no one", "{title}", "{", "999999999999999999999", "'", '"', "a\tb", "\u20ac", "\udcff", "x" * 300, "#", "0x10",
]


def some_words(rng):
    """Words for a directive: mostly ones that some directive takes, sometimes garbage."""
    count = rng.choice([0, 1, 1, 1, 1, 2, 3, 4])
    return [rng.choice(WORDS) if rng.random() < 0.9 else rng.randbytes(4).decode("utf-8", "surrogateescape")
            for _ in range(count)]


def some_line(rng):
    """A line of a file: a directive, a comment, or any bytes."""
    chance = rng.random()
    if chance < 0.1:
        return b"# " + rng.randbytes(5).hex().encode()
    if chance < 0.2:
        return rng.randbytes(rng.randrange(20)).replace(b"\n", b"").replace(b"include", b"")
    words = some_words(rng)
    if chance < 0.5:
        return to_bytes(" ".join([rng.choice(NAMES), *words])).replace(b"\n", b"")
    return to_bytes(options_text(["--" + rng.choice(NAMES), *words]))


def refused(function, *args):
    """Whether `function` refuses its arguments, which it must do with a reason."""
    try:
        function(*args)
    except (ConfigError, FileError) as error:
        assert str(error)
        return True
    return False


def read_back(text):
    config = Config()
    Loader(config).load_text(text)
    return config


@fuzzer("config")
def fuzz_config(rng: random.Random, iterations: int) -> None:
    config, file = Config(), b""
    for _ in range(iterations):
        if rng.random() < 0.5:
            line = some_line(rng)
            if not refused(read_back, line):
                Loader(config).load_text(line)
                file += line + b"\n"
        else:
            before = dict(config)
            pairs = [(rng.choice(NAMES), " ".join(some_words(rng))) for _ in range(rng.randrange(1, 4))]
            if refused(config.set_pairs, pairs):
                assert dict(config) == before, f"a refused CONFIG SET changed something: {pairs}"
        if rng.random() < 0.05:
            file = rewritten(file, config)
            assert dict(read_back(file)) == dict(config), "a rewritten file reads back as something else"
    assert all(isinstance(text, str) for text in config.find(["*"]).values())
