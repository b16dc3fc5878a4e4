"""What a replica says to its master, and the file that it receives, with a master that follows a script."""
from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from wstore.replication.handshake import Answer, FailoverRefused, Greeting, HandshakeError, ask, greet
from wstore.replication.receive import Transfer
from wstore.replication.wire import Wire, encoded

ID = "0123456789abcdef0123456789abcdef01234567"
MARK = b"f3c1" + bytes(range(65, 101))
PLAIN = Greeting("", "", 6380, "")

# What the master receives (None: nothing is waited for), and the pieces in which it answers
Script = Sequence[tuple[bytes | None, Sequence[bytes]]]


class Scripted:
    """A master that waits for exact bytes and answers with others, in pieces."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.thread: threading.Thread | None = None

    def play(self, script: Script) -> Wire:
        """A connection to a master that does so."""
        self.thread = threading.Thread(target=self._serve, args=[script])
        self.thread.start()
        wire = Wire(5)
        wire.connect("127.0.0.1", self.port)
        return wire

    def _serve(self, script: Script) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for expected, answer in script:
                heard = b""
                while expected is not None and len(heard) < len(expected):
                    if not (more := connection.recv(len(expected) - len(heard))):
                        return
                    heard += more
                self.heard.append(heard)
                for piece in answer:
                    connection.sendall(piece)
                    threading.Event().wait(0.002)

    def close(self) -> None:
        if self.thread is not None:
            self.thread.join()
        self.listener.close()


@pytest.fixture
def play() -> Iterator[Callable[[Script], Wire]]:
    master = Scripted()
    wires: list[Wire] = []

    def begin(script: Script) -> Wire:
        wires.append(master.play(script))
        return wires[-1]

    yield begin
    for wire in wires:
        wire.__exit__()
    master.close()


def words(*commands: Sequence[object]) -> bytes:
    return b"".join(map(encoded, commands))


CAPABILITIES = ["REPLCONF", "capa", "eof", "capa", "psync2"]


def test_lines_are_read_to_the_byte(play):
    wire = play([(None, [b"\n\n+one\r\n+tw", b"o\r\nrest"])])
    assert wire.read_answer() == "+one"
    assert wire.read_answer() == "+two"
    buffer = bytearray(10)
    assert wire.read_into(buffer) == 4
    assert buffer[:4] == b"rest"
    with pytest.raises(ConnectionError):
        wire.read_line()


def test_a_line_without_end_is_an_error(play):
    wire = play([(None, [b"x" * 10000])])
    with pytest.raises(ConnectionError):
        wire.read_line()


def test_introduction(play):
    said = words(["REPLCONF", "listening-port", 6380], CAPABILITIES)
    wire = play([(words(["PING"]), [b"+PONG\r\n"]), (said, [b"+OK\r\n-ERR what\r\n"])])
    greet(wire, PLAIN)


def test_introduction_with_password_and_address(play):
    said = words(["AUTH", "joe", "secret"], ["REPLCONF", "listening-port", 7], ["REPLCONF", "ip-address", "1.2.3.4"],
                 CAPABILITIES)
    wire = play([(words(["PING"]), [b"-NOAUTH Authentication required.\r\n"]), (said, [b"+OK\r\n" * 4])])
    greet(wire, Greeting("joe", "secret", 7, "1.2.3.4"))


def test_wrong_password(play):
    wire = play([(words(["PING"]), [b"-NOAUTH\r\n"]), (words(["AUTH", "bad"]), [b"-WRONGPASS no\r\n+OK\r\n+OK\r\n"])])
    with pytest.raises(HandshakeError, match="WRONGPASS"):
        greet(wire, Greeting("", "bad", 6380, ""))


def test_a_master_that_does_not_serve(play):
    with pytest.raises(HandshakeError, match="-DENIED"):
        greet(play([(words(["PING"]), [b"-DENIED go away\r\n"])]), PLAIN)


@pytest.mark.parametrize(("reply", "answer"), [
    ("+CONTINUE", Answer("continue", None, None)),
    (f"+CONTINUE {ID}", Answer("continue", ID, None)),
    (f"+FULLRESYNC {ID} 4711", Answer("full", ID, 4711)),
])
def test_answers_to_psync(play, reply, answer):
    wire = play([(words(["PSYNC", ID, 101]), [b"\n", b"\n" + reply.encode() + b"\r\n"])])
    assert ask(wire, (ID, 100)) == answer


@pytest.mark.parametrize("reply", [
    "-LOADING wait", "-NOMASTERLINK wait", "+CONTINUE short", f"+FULLRESYNC {ID}", f"+FULLRESYNC {ID} x",
    "+FULLRESYNC short 1", "-WHAT is this", "+OK"])
def test_no_answer_to_psync(play, reply):
    wire = play([(words(["PSYNC", "?", -1]), [reply.encode() + b"\r\n"])])
    with pytest.raises(HandshakeError):
        ask(wire, None)


def test_a_master_of_before_psync(play):
    wire = play([(words(["PSYNC", "?", -1]), [b"-ERR unknown command\r\n"]), (words(["SYNC"]), [])])
    assert ask(wire, None) == Answer("old", None, None)


def test_failover_is_asked_for_and_may_be_refused(play):
    wire = play([(words(["PSYNC", ID, 8, "FAILOVER"]), [b"-ERR no\r\n"])])
    with pytest.raises(FailoverRefused):
        ask(wire, (ID, 7), failover=True)


# -- the file ----------------------------------------------------------------------------------------------------------

DATA = bytes(range(256)) * 5000


@pytest.mark.parametrize("pieces", [
    [b"\n\n$1280000\r\n", DATA + b"*1\r\n"],
    [b"$128", b"0000\r", b"\n" + DATA[:1], DATA[1:1000], DATA[1000:] + b"*1\r\n"]])
def test_file_of_known_length(play, tmp_path, pieces):
    wire = play([(None, pieces)])
    transfer = Transfer(str(tmp_path / "file"))
    transfer.receive(wire)
    transfer.sync()
    assert (tmp_path / "file").read_bytes() == DATA
    assert (transfer.total_bytes, transfer.read_bytes, transfer.has_mark) == (len(DATA), len(DATA), False)
    buffer = bytearray(100)
    assert wire.read_into(buffer) == 4      # the stream: not a byte of it was taken


@pytest.mark.parametrize("data", [DATA, b"", b"x", MARK[:39], MARK[:39] + b"x" + MARK[:20] + b"x"])
@pytest.mark.parametrize("at", [0, 1, 39, 40])
def test_file_with_a_mark(play, tmp_path, data, at):
    whole = data + MARK
    wire = play([(None, [b"$EOF:" + MARK + b"\r\n", whole[:-at or None], whole[len(whole) - at:]])])
    transfer = Transfer(str(tmp_path / "file"))
    transfer.receive(wire)
    assert (tmp_path / "file").read_bytes() == data
    assert transfer.has_mark


@pytest.mark.parametrize("line", [b"-ERR no memory", b"$", b"$x", b"$EOF:short", b"+OK"])
def test_no_file(play, tmp_path, line):
    with pytest.raises(HandshakeError):
        Transfer(str(tmp_path / "file")).receive(play([(None, [line + b"\r\n"])]))
    assert not (tmp_path / "file").exists()


def test_a_connection_cut_in_the_middle(play, tmp_path):
    with pytest.raises(OSError):
        Transfer(str(tmp_path / "file")).receive(play([(None, [b"$100\r\n", b"x" * 99])]))


def test_cut_wakes_a_reader(play):
    wire = play([(None, [])] + [(b"never", [])])
    threading.Timer(0.1, wire.cut).start()
    with pytest.raises(OSError):
        wire.read_line()
