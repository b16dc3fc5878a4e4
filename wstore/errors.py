"""Exceptions that cross the border between the engine and Python."""


class ReplyError(Exception):
    """An error reply: its text as sent to a client, code in front ("ERR syntax error"), without "-" and CRLF.

    Raised by `Store.execute` for a command that answers with an error, and by a Python handler to give that
    answer.
    """

    @property
    def code(self) -> str:
        """The first word: ERR, WRONGTYPE, NOAUTH ..."""
        return str(self).split(" ", 1)[0]


class RdbError(ValueError):
    """An RDB file that cannot be read further: `path`, `offset` in bytes, and the `reason`."""

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}: at byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class RecoveryError(Exception):
    """A data directory that cannot be started from; the text says what is wrong, where, and what to do."""
