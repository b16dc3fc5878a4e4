"""Fuzzing of the request parser: streams of requests, damaged, cut into pieces at random.

* `resp`: the same bytes get the same answer however they are cut, and the server lives on, its keyspace sound.
* `resp_like_redis`: they get the answer that a redis-server gives.

What a stream asks for is deterministic: pieces that change nothing but a few keys of their own.
"""
import atexit
import functools
import random
import socket
from contextlib import closing

import wstore
from tests.fuzz.registry import fuzzer
from tests.processes import ServerProcess, start_oracle
from tests.resp import encode

COMMANDS = ("PING", "ECHO", "SET", "GET", "MGET", "SELECT", "INCR", "EXISTS", "nope", "client", "object", "QUIT", "get",
            "strlen", "SETRANGE", "APPEND", "type", "HELLO")
WORDS = (b"", b"a", b"b", b"k1", b"k2", b"-1", b"0", b"3", b"99", b"2147483648", b"x" * 40, b"y" * 3000, b"\r\n",
         b"$1\r\na\r\n", b'"', b"'", b"*1\r\n$4\r\nPING\r\n")
NUMBERS = (b"0", b"-1", b"1", b"3", b"16385", b"1048577", b"2147483647", b"2147483648", b"536870913", b"007", b"",
           b"9223372036854775808", b"+1", b"1.5", b" 1")
DAMAGE = (b"\r", b"\n", b"\r\n", b"*", b"$", b":", b"+", b"'", b'"', b" ", b"\\", b"\xff", b"0", b"-")


def multibulk(rng: random.Random) -> bytes:
    return encode([rng.choice(COMMANDS), *(rng.choice(WORDS) for _ in range(rng.randrange(5)))])


def inline(rng: random.Random) -> bytes:
    words = [rng.choice(WORDS).replace(b"\r\n", b" ") for _ in range(rng.randrange(4))]
    return b" ".join([rng.choice(COMMANDS).encode(), *words]) + rng.choice((b"\r\n", b"\n"))


def wrong_lengths(rng: random.Random) -> bytes:
    return b"*%b\r\n$%b\r\nPING\r\n" % (rng.choice(NUMBERS), rng.choice(NUMBERS))


def empty_line(rng: random.Random) -> bytes:
    """A request with an empty line where an argument's header should be."""
    count = rng.randrange(1, 4)
    return b"*%d\r\n" % count + b"$4\r\nPING\r\n" * rng.randrange(count) + rng.choice((b"\r\n", b"\r", b"\n"))


def damaged(rng: random.Random) -> bytes:
    data = bytearray(multibulk(rng))
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(data))
        data[place:place + rng.randrange(3)] = rng.choice(DAMAGE)
    return bytes(data)


def some_stream(rng: random.Random) -> bytes:
    """Requests, mostly right, so that what follows a wrong one is reached as well."""
    kinds = (multibulk, multibulk, multibulk, inline, inline, damaged, wrong_lengths, empty_line)
    return b"".join(rng.choice(kinds)(rng) for _ in range(rng.randrange(1, 12)))


def pieces(rng: random.Random, data: bytes) -> list[bytes]:
    if rng.random() < 0.1:
        return [data[at:at + 1] for at in range(len(data))][:2000] + [data[2000:]]
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(6)))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)])]


def answer(port: int, parts: list[bytes]) -> bytes:
    """All that the server says to these parts, sent one by one, until it closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = []
        try:
            for part in parts:
                sock.sendall(part)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass                    # an error came first, and the end with it
        try:
            while data := sock.recv(1 << 16):
                received.append(data)
        except ConnectionResetError:
            pass
    return b"".join(received)


def settled(answered: bytes) -> bytes:
    """Without what differs from one connection to the next: the id in HELLO's reply."""
    head, found, rest = answered.partition(b"$2\r\nid\r\n:")
    return head + found + settled(rest.partition(b"\r\n")[2]) if found else head


@functools.cache
def served() -> wstore.Server:
    server = wstore.Server(port=0)
    server.start()
    atexit.register(server.close)
    return server


@functools.cache
def redis() -> ServerProcess:
    server = start_oracle()
    atexit.register(server.stop)
    return server


def clean(port: int) -> None:
    assert answer(port, [b"FLUSHALL\r\n"]) == b"+OK\r\n"


@fuzzer("resp")
def fuzz_resp(rng: random.Random, iterations: int) -> None:
    """The answer does not depend on where the bytes are cut."""
    server = served()
    for _ in range(iterations):
        data = some_stream(rng)
        answers = []
        for parts in ([data], pieces(rng, data), pieces(rng, data)):
            clean(server.port)
            answers.append(settled(answer(server.port, parts)))
        assert answers[0] == answers[1] == answers[2], data
    server.store.validate()


@fuzzer("resp_like_redis")
def fuzz_resp_like_redis(rng: random.Random, iterations: int) -> None:
    """The answer is that of a redis-server."""
    ours, theirs = served().port, redis().port
    for _ in range(iterations):
        data = some_stream(rng)
        clean(ours)
        clean(theirs)
        parts = pieces(rng, data)
        assert settled(answer(ours, parts)) == settled(answer(theirs, [data])), data
