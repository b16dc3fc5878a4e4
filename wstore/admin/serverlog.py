"""The server's log: one line an event, with process, role, time and level, as tools that read Redis's log expect.

    4711:M 21 Nov 2026 22:37:22.690 * Ready to accept connections

The level is one of `.` debug, `-` verbose, `*` notice, `#` warning.  The file is opened for each line, so that
it can be rotated by renaming it; what cannot be written is dropped, never raised.
"""
import contextlib
import os
import time

LEVELS = ("debug", "verbose", "notice", "warning")
_MARKS = ".-*#"


class Log:
    """A method a level over `write(level, text)`, which whoever inherits brings."""

    def debug(self, text):
        self.write(0, text)

    def verbose(self, text):
        self.write(1, text)

    def notice(self, text):
        self.write(2, text)

    def warning(self, text):
        self.write(3, text)


class ServerLog(Log):
    """Writes lines of at least `level` to the file `path` (empty: standard output), and to syslog if asked.

    role: the letter behind the process id; M primary, S replica, C a child or a process that is starting.
    """

    def __init__(self, path="", level="notice"):
        self.path = path
        self.role = "C"
        self._syslog = None
        self.set_level(level)

    def set_level(self, level):
        """Drop lines below `level`, one of LEVELS."""
        self._level = LEVELS.index(level)

    def open_syslog(self, ident, facility):
        """Send all lines to syslog as well."""
        import syslog
        syslog.openlog(ident, syslog.LOG_PID, getattr(syslog, f"LOG_{facility.upper()}"))
        ranks = (syslog.LOG_DEBUG, syslog.LOG_INFO, syslog.LOG_NOTICE, syslog.LOG_WARNING)
        self._syslog = lambda level, text: syslog.syslog(ranks[level], text)

    def write(self, level, text):
        """Log `text` (str) at `level`, a number: 0 debug, 1 verbose, 2 notice, 3 warning."""
        if level < self._level:
            return
        now = time.time()
        date = time.strftime("%d %b %Y %H:%M:%S", time.localtime(now))
        line = f"{os.getpid()}:{self.role} {date}.{int(now * 1000) % 1000:03d} {_MARKS[level]} {text}\n"
        with contextlib.suppress(OSError):
            self._append(line.encode("utf-8", "surrogateescape"))
        if self._syslog is not None:
            self._syslog(level, text)

    def _append(self, line):
        if not self.path:
            os.write(1, line)
            return
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
