"""The request parser against the real one: what is malformed, cut off, split, oversized; and what it must not cost.

`answer` sends bytes, ends its side of the connection and returns all that the server says before it closes.
"""
import resource
import socket
import time
from contextlib import ExitStack, closing

import pytest

from tests.harness import CLOSED, Array, Bulk, Connection, Error, Int, Simple, start_oracle, start_wstore

PING = b"*1\r\n$4\r\nPING\r\n"
LONG = 70_000           # more than any header or inline request may have

MALFORMED = [
    b"*1\r\n$\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$4x\r\nPING\r\n", b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\r\n$99999999999999999999\r\n", b"*1\r\n$536870913\r\n", b"*1\r\nPING\r\n", b"*1\r\n\n\r\n",
    b"*1\r\n\r\n", b"*1\r\n\r", b"*1\r\n\rx", b"*1\r\n\r\r", b"*1\r\n\r5\r\n", b"*2\r\n$3\r\nGET\r\n\r\n",
    b"*2\r\n$3\r\nGET\r\n\r\n$1\r\na\r\n", b"*2000\r\n$4\r\nPING\r\n\r\n",
    b"*1\r\n*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n:1\r\n", b"*\r\n", b"*x\r\n", b"*03\r\n", b"* 1\r\n",
    b"*+1\r\n", b"*1.0\r\n", b"*2147483648\r\n", b"*9223372036854775807\r\n", b"*99999999999999999999\r\n",
    b"*-1\r\n", b"*0\r\n", b"*-0\r\n", b"*-99999999999999999999\r\n", b"*2147483647\r\n", b"*1048577\r\n",
    b"*1\r\n$4\r\nPINGxy", b"*1\r\n$4\r\nPING\n\n", b"*1\n\n$4\r\nPING\r\n", b"*1\rx$4\rxPING\r\n", b"*1\n$4\nPING\n",
    b"*1\r\n$0\r\n\r\n", b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n", b"$4\r\nPING\r\n", b":1\r\n", b"+OK\r\n", b"-ERR\r\n",
    b"\r\n", b"\n", b"   \r\n", b"\t\v\f \r\n", b"PING\n", b"PING\r", b"PING\r\r\n", b" PING \r\n", b"PING x y z\r\n",
    b'ECHO "a b"\r\n', b"ECHO 'a b'\r\n", b'ECHO "\\x41\\n\\r\\t\\b\\a\\\\\\q\\""\r\n', b"ECHO 'it\\'s \\n'\r\n",
    b'ECHO a"b c"\r\n', b'ECHO "a"b\r\n', b"ECHO 'a'b\r\n", b'ECHO "a\r\n', b"ECHO 'a\r\n", b'ECHO "\\x4"\r\n',
    b'ECHO "\\xZZ"\r\n', b'ECHO "a\\"\r\n', b'ECHO ""\r\n', b'"" x\r\n', b'ECHO "\\x00"\r\n', b"ECHO a'b'\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"host: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"posts\r\n",
    b"*1\r\n$4\r\npost\r\n", b"QUIT\r\n", b"quit now\r\n", b"\xff\xfe\r\n", b"*1\r\n$2\r\n\xff\xfe\r\n",
    b"*3\r\n$3\r\nfoo\r\n$3\r\na\rb\r\n$2\r\n\r\n\r\n", b"*2\r\n$3\r\nfoo\r\n$150\r\n" + b"x" * 150 + b"\r\n",
    b"*2\r\n$150\r\n" + b"y" * 150 + b"\r\n$1\r\na\r\n", b"foo " + b"a " * 100 + b"\r\n",
    b"client\r\n", b"client nope\r\n", b"client kill\r\n", b"object\r\n", b"get\r\n", b"get a b\r\n", b"config get\r\n",
    b"select\r\n", b"select 99\r\n", b"select x\r\n", b"select 99999999999\r\n", b"echo\r\n", b"reset now\r\n",
    b"client " + b"x" * 200 + b"\r\n",
    b"*1\r\n$" + b"1" * LONG, b"*" + b"1" * LONG, b"a" * LONG, b"*1\r\n" + b"a" * LONG, b"*1\r\n\r" + b"a" * LONG,
    b"'" + b"a" * LONG,
]


def answer(server, *parts, gap=None):
    """All that the server replies to the parts; `gap` is called after each."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                sock.sendall(part)
                if gap:
                    gap()
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass                # closed by the server already
        return read_all(sock)


def read_all(sock):
    received = []
    try:
        while data := sock.recv(1 << 16):
            received.append(data)
    except ConnectionResetError:
        pass
    return b"".join(received)


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=lambda data: repr(data[:24]))
def test_same_answer_as_redis(oracle, wstore_server, request_bytes):
    for data in (request_bytes, PING + request_bytes + PING, b"ECHO x\r\n" + request_bytes + b"ECHO y\r\n"):
        assert answer(wstore_server, data) == answer(oracle, data)


STREAM = (b"*3\r\n$3\r\nSET\r\n$5\r\nsplit\r\n$4\r\n\r\n\r\n\r\n" + b"\r\n*0\r\n" + b'ECHO "a b"\r\n'
          b"*2\r\n$3\r\nGET\r\n$5\r\nsplit\r\n" + b"nope 'x'\r\n" + b"*-1\r\n" + PING + b"*1\r\n:x\r\n")


@pytest.fixture
def seen(wstore_server):
    """A function that returns once the server has read all that was sent before."""
    with wstore_server.connect() as other:
        yield lambda: other.call("PING")


# the same head several times, then one that differs in its number of arguments, its name, its line end
REPEATS = (b"".join(b"*3\r\n$3\r\nSET\r\n$6\r\nrepeat\r\n$%d\r\n%b\r\n" % (n, b"x" * n) for n in (0, 1, 9, 10, 99, 100))
           + PING + PING + b"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n" + b"*1\r\n$4\r\nping\r\n" + b"*1\r\n$4\r\nPINGxy" + PING
           + b"*2\r\n$6\r\nSTRLEN\r\n$6\r\nrepeat\r\n" + b"*2\r\n$6\r\nGETDEL\r\n$6\r\nrepeat\r\n" + PING)


def test_repeats_split_at_every_byte(oracle, wstore_server, seen):
    expected = answer(oracle, REPEATS)
    assert answer(wstore_server, REPEATS) == expected
    for at in range(1, len(REPEATS)):
        assert answer(wstore_server, REPEATS[:at], REPEATS[at:], gap=seen) == expected, REPEATS[:at]


@pytest.mark.parametrize("size", range(1, 20))
def test_neighbours_that_differ_in_one_byte(wstore_server, size):
    """Each request in a pipeline is compared with the one before it."""
    keys = ["k" * i + "d" + "k" * (size - 1 - i) for i in range(size)] + ["k" * size]
    with wstore_server.connect() as connection:
        connection.send_raw(b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%d\r\n" % (
            size, key.encode(), len(str(i)), i) for i, key in enumerate(keys)))
        assert [connection.read() for _ in keys] == [Simple(b"OK")] * len(keys)
        assert connection.call("MGET", *keys) == Array(tuple(Bulk(b"%d" % i) for i in range(len(keys))))
        assert connection.call("DEL", *keys) == Int(len(keys))


def test_split_at_every_byte(oracle, wstore_server, seen):
    expected = answer(oracle, STREAM)
    assert expected.endswith(b"expected '$', got ':'\r\n")
    for at in range(1, len(STREAM)):
        assert answer(wstore_server, STREAM[:at], STREAM[at:], gap=seen) == expected, STREAM[:at]


def test_an_empty_line_is_no_argument(wstore_server):
    """It is refused at once, though the client may send more; in one piece or several."""
    for parts in ([b"*1\r\n\r\n"], [b"*1\r\n", b"\r", b"\n"], [b"*2\r\n$3\r\nGET\r\n\r\n"],
                  [b"*2\r\n$3\r\nGET\r", b"\n\r", b"\n"]):
        with wstore_server.connect() as connection:
            for part in parts:
                connection.send_raw(part)
            assert connection.read() == Error(b"ERR Protocol error: expected '$', got ' '")
            assert connection.read() is CLOSED


def test_byte_by_byte(oracle, wstore_server, seen):
    assert answer(wstore_server, *(bytes([byte]) for byte in STREAM), gap=seen) == answer(oracle, STREAM)


@pytest.mark.parametrize("size", [16 << 10, (16 << 10) + 1, 33_000, 64 << 10, 1 << 20, 20 << 20])
def test_large_argument_in_pieces(wstore_server, size):
    value = bytes(range(256)) * (size // 256 + 1)
    value = value[:size]
    with wstore_server.connect() as connection:
        request = b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%b\r\n" % (size, value)
        for at in range(0, len(request), 12_345):
            connection.send_raw(request[at:at + 12_345])
        assert connection.read() == Simple(b"OK")
        assert connection.call("GET", "big") == Bulk(value)
        assert connection.call("DEL", "big") == Int(1)


def test_many_arguments_in_pieces(wstore_server):
    count = 200_000
    with wstore_server.connect() as connection:
        request = b"*%d\r\n$3\r\nDEL\r\n" % (count + 1) + b"$1\r\nx\r\n" * count
        began = time.perf_counter()
        for at in range(0, len(request), 5_000):
            connection.send_raw(request[at:at + 5_000])
        assert connection.read() == Int(0)
        assert time.perf_counter() - began < 5, "parsing is not linear"
        assert connection.call("PING") == Simple(b"PONG")


def test_pipeline_of_everything(oracle, wstore_server):
    data = b"".join(b"*3\r\n$3\r\nSET\r\n$4\r\nk%03d\r\n$2\r\n%02d\r\nGET k%03d\r\nECHO '%d'\r\n" % (i, i % 100, i, i)
                    for i in range(900))
    assert answer(wstore_server, data) == answer(oracle, data)


def test_replies_in_order_around_errors(oracle, wstore_server):
    data = (b"SELECT 1\r\nSET a 1\r\nNOPE\r\nGET a b\r\nINCR a\r\nSELECT 0\r\nGET a\r\nSELECT 1\r\nDEL a\r\n"
            b"QUIT\r\nGET a\r\n")
    assert answer(wstore_server, data) == answer(oracle, data)


# -- limits --------------------------------------------------------------------------------------------------------

LIMITED = ["--proto-max-bulk-len", "1048576", "--client-query-buffer-limit", "1048576", "--maxclients", "40",
           "--client-output-buffer-limit", "normal 2mb 0 0", "--timeout", "0"]


@pytest.fixture(scope="module")
def limited():
    with start_wstore(*LIMITED) as server:
        yield server


def test_bulk_limit(limited):
    with start_oracle(*LIMITED) as redis:
        for size in (b"1048577", b"1048576"):
            data = b"*2\r\n$4\r\nECHO\r\n$" + size + b"\r\n"
            assert answer(limited, data) == answer(redis, data)


def test_query_buffer_limit(limited):
    def disconnections():
        return int(dict(line.split(":", 1) for line in limited.call("INFO", "stats").data.decode().split("\r\n")
                        if ":" in line)["client_query_buffer_limit_disconnections"])
    before = disconnections()
    with limited.connect() as connection:
        connection.send_raw(b"*50\r\n")
        with pytest.raises(OSError):
            for _ in range(50):
                connection.send_raw(b"$100000\r\n" + b"x" * 100_000 + b"\r\n")
                time.sleep(0.01)
    assert disconnections() == before + 1


def test_maxclients(limited):
    with ExitStack() as stack:
        clients = [stack.enter_context(limited.connect()) for _ in range(45)]
        replies = [client.read() if i >= 40 else client.call("PING") for i, client in enumerate(clients)]
        assert replies[:40] == [Simple(b"PONG")] * 40
        assert replies[40:] == [Error(b"ERR max number of clients reached")] * 5
        assert clients[40].read() is CLOSED
    assert limited.call("PING") == Simple(b"PONG")


def test_client_that_never_reads(limited):
    with limited.connect() as idle, limited.connect() as other:
        assert other.call("SET", "large", b"x" * 500_000) == Simple(b"OK")
        with pytest.raises(OSError):
            for _ in range(2000):
                idle.send_raw(b"GET large\r\n" * 10)
                assert other.call("PING") == Simple(b"PONG")
        assert other.call("DEL", "large") == Int(1)
    assert rss_bytes(limited) < 200 << 20


def test_pipeline_of_large_replies_is_sent_whole(wstore_server):
    value = b"v" * 1_000_000
    with wstore_server.connect() as connection:
        assert connection.call("SET", "large", value) == Simple(b"OK")
        replies = connection.pipeline([("GET", "large")] * 100)
        assert replies == [Bulk(value)] * 100
        assert connection.call("DEL", "large") == Int(1)


def rss_bytes(server):
    with open(f"/proc/{server.pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_half_open_connections_cost_little(wstore_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4000)), hard))
    before = rss_bytes(wstore_server)
    with ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(wstore_server.connect()).send_raw(b"*3\r\n$3\r\nSET\r\n$100\r\nhalf a key")
        with wstore_server.connect() as connection:
            assert connection.call("PING") == Simple(b"PONG")
        assert rss_bytes(wstore_server) - before < 2000 * 4096
    with wstore_server.connect() as connection:
        assert connection.call("PING") == Simple(b"PONG")


def test_idle_connections_are_closed():
    with start_wstore("--timeout", "1") as server, server.connect() as idle:
        began = time.monotonic()
        assert idle.call("PING") == Simple(b"PONG")
        assert idle.read() is CLOSED
        assert 0.9 < time.monotonic() - began < 20


# -- before AUTH ---------------------------------------------------------------------------------------------------

BEFORE_AUTH = [
    b"GET a\r\n", b"NOPE\r\n", b"GET\r\n", b"PING\r\n", b"QUIT\r\n", b"HELLO\r\n", b"HELLO 3\r\n", b"HELLO 9\r\n",
    b"HELLO 2 SETNAME x\r\n", b"HELLO 3 AUTH default nope\r\n", b"AUTH nope\r\n", b"AUTH default nope\r\n",
    b"AUTH who secret\r\n", b"AUTH a b c\r\n", b"AUTH secret\r\nPING\r\n", b"AUTH default secret\r\nGET a\r\n",
    b"*11\r\n", b"*10\r\n", b"*1\r\n$16385\r\n", b"*1\r\n$16384\r\n", b"*1\r\n$-5\r\n", b"RESET\r\n",
    b"CLIENT LIST\r\n", b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n",
    b"AUTH secret\r\n*11\r\n$4\r\nPING\r\n" + b"$1\r\na\r\n" * 10,
    b"AUTH secret\r\nRESET\r\nPING\r\n", b"AUTH secret\r\nAUTH nope\r\nPING\r\n", b"COMMAND COUNT\r\n",
]


def test_before_auth():
    with start_wstore("--requirepass", "secret") as server, start_oracle("--requirepass", "secret") as redis:
        for data in BEFORE_AUTH:
            assert answer(server, data) == answer(redis, data), data
        with server.connect() as connection:
            hello = connection.call("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me")
            assert dict(hello.pairs)[Bulk(b"proto")] == Int(3)
            assert connection.call("CLIENT", "GETNAME") == Bulk(b"me")


def test_unauthenticated_input_is_bounded():
    with start_wstore("--requirepass", "secret") as server, server.connect() as connection:
        with pytest.raises(OSError):
            for _ in range(200):
                connection.send_raw(b"*10\r\n" + b"$16384\r\n" + b"x" * 16_384)
                time.sleep(0.002)


def test_password_change_keeps_connections(wstore_server):
    with wstore_server.connect() as old:
        assert old.call("CONFIG", "SET", "requirepass", "later") == Simple(b"OK")
        try:
            assert old.call("PING") == Simple(b"PONG")
            with wstore_server.connect() as new:
                assert new.call("PING") == Error(b"NOAUTH Authentication required.")
        finally:
            assert old.call("CONFIG", "SET", "requirepass", "") == Simple(b"OK")


def test_unix_socket(tmp_path):
    path = str(tmp_path / "s")
    with start_wstore("--unixsocket", path), Connection(unix_path=path) as connection:
        assert connection.pipeline([("SET", "a", "1"), ("GET", "a")]) == [Simple(b"OK"), Bulk(b"1")]
        listed = connection.call("CLIENT", "LIST").data
        assert f"addr={path}:0 laddr={path}:0".encode() in listed and b"flags=U" in listed


def test_nested_arrays_are_no_requests(wstore_server):
    with wstore_server.connect() as connection:
        assert connection.call("ECHO", b"*1\r\n$4\r\nPING\r\n") == Bulk(b"*1\r\n$4\r\nPING\r\n")
        assert isinstance(connection.call("COMMAND", "INFO", "get"), Array)


def own_address():
    """The address of this machine that others see, or loopback's if it has none (no packet is sent)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.255", 9))
        except OSError:
            return "127.0.0.1"
        return sock.getsockname()[0]


def test_protected_mode():
    address = own_address()
    everywhere = ["--bind", "0.0.0.0"]
    with start_wstore(*everywhere) as server, start_oracle(*everywhere) as redis:
        for setting in ("yes", "no"):
            greetings = []
            for one in (server, redis):
                assert one.call("CONFIG", "SET", "protected-mode", setting) == Simple(b"OK")
                with closing(socket.create_connection((address, one.port), timeout=20)) as sock:
                    sock.sendall(PING)
                    sock.shutdown(socket.SHUT_WR)
                    greetings.append(read_all(sock))
            assert greetings[0] == greetings[1]
        assert greetings[0] == b"+PONG\r\n"
