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
