"""What a replica says to its master until data flow, and what the answer means.

    replica                                     master
    PING                                    ->
                                            <-  +PONG, or -NOAUTH
    AUTH [user] password, REPLCONF ...      ->      only what is configured; all at once
                                            <-  a line each
    PSYNC id offset                         ->      SYNC, where PSYNC is unknown
                                            <-  +CONTINUE [id]          the stream follows
                                            <-  +FULLRESYNC id offset [present]     a file and then the stream follow

`present` is where the stream of a wstore is: the file may be of long before.
"""
from collections import namedtuple

from wstore.replication.peer import CATCHES_UP

ID_DIGITS = 40

# What is announced; capa: the forms of a file ($EOF:) and of an answer (+CONTINUE id) that are understood
Greeting = namedtuple("Greeting", "user password port address")
# kind: "continue" (id: the master's, or None: as asked for), "full" (id and offset of the data), "old" (SYNC: neither);
# present: the offset that the master's stream had, if it told
Answer = namedtuple("Answer", "kind id offset present", defaults=(None,))

_ASKS_PASSWORD = ("-NOAUTH", "-NOPERM", "-ERR operation not permitted")     # PING before AUTH
_NOT_NOW = ("-LOADING", "-NOMASTERLINK")


class HandshakeError(Exception):
    """The master does not take this server as a replica, or not now."""


class FailoverRefused(HandshakeError):
    """The replica that is to become the master will not."""


def greet(wire, greeting):
    """Up to where a sync can be asked for; HandshakeError, OSError."""
    wire.send(["PING"])
    reply = wire.read_answer()
    if not reply.startswith("+") and not reply.startswith(_ASKS_PASSWORD):
        raise HandshakeError(f"Error reply to PING from master: '{reply}'")
    commands = list(_introduction(greeting))
    wire.send(*commands)
    for words, reply in [(words, wire.read_answer()) for words in commands]:
        if words[0] == "AUTH" and reply.startswith("-"):
            raise HandshakeError(f"Unable to AUTH to MASTER: {reply}")


def _introduction(greeting):
    """The commands after PING; masters that do not know one of REPLCONF's do without."""
    if greeting.password:
        yield ["AUTH", *filter(None, [greeting.user]), greeting.password]
    yield ["REPLCONF", "listening-port", greeting.port]
    if greeting.address:
        yield ["REPLCONF", "ip-address", greeting.address]
    yield ["REPLCONF", "capa", "eof", "capa", "psync2", "capa", CATCHES_UP.decode()]


def ask(wire, position, failover=False):
    """Ask for what is missing behind `position`, an (id, offset), or None: for everything; the Answer.

    failover: the master is to hand its role over.  HandshakeError, OSError.
    """
    name, first = ("?", -1) if position is None else (position[0], position[1] + 1)
    wire.send(["PSYNC", name, first, *(["FAILOVER"] if failover else [])])
    reply = wire.read_answer()
    if reply.startswith("+CONTINUE"):
        return _continued(reply)
    if reply.startswith("+FULLRESYNC"):
        return _begins_anew(reply)
    if failover:
        raise FailoverRefused(f"Failover target rejected psync request: {reply}")
    if reply.startswith(_NOT_NOW):
        raise HandshakeError(f"Master is currently unable to PSYNC but should be in the future: {reply}")
    if not reply.startswith("-ERR"):
        raise HandshakeError(f"Unexpected reply to PSYNC from master: {reply}")
    wire.send(["SYNC"])
    return Answer("old", None, None)


def _continued(reply):
    words = reply.split()
    if len(words) == 1:
        return Answer("continue", None, None)
    if not is_id(words[1]):
        raise HandshakeError(f"The master continues under a name that is none: {reply}")
    return Answer("continue", words[1], None)


def _begins_anew(reply):
    words = reply.split()
    if len(words) not in (3, 4) or not is_id(words[1]) or not all(map(str.isdecimal, words[2:])):
        raise HandshakeError(f"Master replied with wrong +FULLRESYNC syntax: {reply}")
    return Answer("full", words[1], *map(int, words[2:]))


def is_id(text):
    """Whether that can be a replication id."""
    return len(text) == ID_DIGITS and text.isascii() and text.isprintable() and " " not in text
