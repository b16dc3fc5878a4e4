# LogScan: walks the commands of an append-only file without running them, for tools that check and cut such files.
#
#     *3 CRLF $3 CRLF SET CRLF $1 CRLF k CRLF $1 CRLF v CRLF      a command: an array of bulk strings
#     #TS:1700000000 CRLF                                        an annotation, between commands
#
# A unit is what is applied whole or not at all: one command, or all from MULTI to EXEC.
#
# Invariants
# * `whole` is behind the last whole unit, and never behind `until`; it begins at the scan's start.
# * The file is read in pieces of SCAN_ROOM bytes, by position; arguments that do not fit are stepped over unread.
# * `size` is the file's length when the scan began: what is appended later does not count.
import os

from posix.fcntl cimport O_CLOEXEC, O_RDONLY
from posix.unistd cimport SEEK_END, lseek

cdef extern from "<unistd.h>" nogil:
    ssize_t scan_pread "pread"(int fd, void* data, size_t n, int64_t at)

cdef enum:
    SCAN_ROOM = 1 << 18
    SCAN_LINE_MAX = 24              # "*" or "$", digits, CRLF
    SCAN_DIGITS_MAX = 18
    SCAN_NOTE_MAX = 1024            # longest annotation
    SCAN_NAME_MAX = 8

cdef enum ScanResult:
    SCAN_GOING                      # nothing wrong so far
    SCAN_END                        # the file ended behind a whole unit
    SCAN_UNTIL                      # the next unit ends past the limit
    SCAN_TORN                       # the file ended within a unit
    SCAN_FAILED                     # reading failed, see errno
    SCAN_NO_COMMAND                 # from here on: bytes that no append-only file has
    SCAN_NO_ARGUMENT
    SCAN_NUMBER
    SCAN_NO_CRLF
    SCAN_NESTED_MULTI
    SCAN_STRAY_EXEC

cdef tuple SCAN_RESULTS = ("going", "end", "until", "torn", "failed", "no command", "no argument", "bad number",
                           "no line end", "MULTI in a transaction", "EXEC outside of a transaction")

cdef struct LogInput:
    int fd
    int error                       # errno of a failed read
    uint8_t* buf
    size_t have, pos                # bytes in buf; where the scan stands in it
    int64_t base                    # position of buf[0] in the file
    int64_t size


cdef inline int64_t scan_tell(LogInput* s) noexcept nogil:
    return s.base + <int64_t>s.pos


cdef void scan_seek(LogInput* s, int64_t to) noexcept nogil:
    """Go on at `to`, whether that is in the buffer or not."""
    if s.base <= to <= s.base + <int64_t>s.have:
        s.pos = <size_t>(to - s.base)
    else:
        s.base = to
        s.have = s.pos = 0


cdef size_t scan_ahead(LogInput* s, size_t n) noexcept nogil:
    """Bytes at hand from here on: n (at most SCAN_ROOM) or more, unless the file ends or fails before."""
    cdef ssize_t got
    cdef size_t want
    if s.have - s.pos >= n:
        return s.have - s.pos
    memmove(s.buf, s.buf + s.pos, s.have - s.pos)
    s.base += s.pos
    s.have -= s.pos
    s.pos = 0
    while s.have < n:
        want = <size_t>min(<int64_t>(SCAN_ROOM - s.have), s.size - s.base - <int64_t>s.have)
        got = scan_pread(s.fd, s.buf + s.have, want, s.base + <int64_t>s.have) if want else 0
        if got < 0:
            s.error = errno
        if got <= 0:
            break
        s.have += got
    return s.have


cdef int scan_number(LogInput* s, int mark, int64_t* n) noexcept nogil:
    """A line of `mark` and digits."""
    cdef size_t have = scan_ahead(s, SCAN_LINE_MAX)
    cdef const uint8_t* p = s.buf + s.pos
    cdef size_t i = 1
    if have == 0:
        return SCAN_TORN
    if p[0] != mark:
        return SCAN_NO_COMMAND if mark == c"*" else SCAN_NO_ARGUMENT
    n[0] = 0
    while i < have and c"0" <= p[i] <= c"9" and i <= SCAN_DIGITS_MAX:
        n[0] = n[0] * 10 + (p[i] - c"0")
        i += 1
    if i == have:
        return SCAN_TORN
    if i == 1 or i > SCAN_DIGITS_MAX:
        return SCAN_NUMBER
    s.pos += i
    return scan_crlf(s)


cdef int scan_crlf(LogInput* s) noexcept nogil:
    cdef size_t have = scan_ahead(s, 2)
    cdef const uint8_t* p = s.buf + s.pos
    if have and p[0] != c"\r" or have > 1 and p[1] != c"\n":
        return SCAN_NO_CRLF
    if have < 2:
        return SCAN_TORN
    s.pos += 2
    return SCAN_GOING


cdef int scan_argument(LogInput* s, char* name) noexcept nogil:
    """One bulk string; up to SCAN_NAME_MAX bytes of it go to name, if that is given, in capitals and padded with 0."""
    cdef int64_t n
    cdef int i
    cdef int result = scan_number(s, c"$", &n)
    if result != SCAN_GOING:
        return result
    if n > s.size - scan_tell(s):
        return SCAN_TORN
    if name is not NULL:
        memset(name, 0, SCAN_NAME_MAX)
        scan_ahead(s, SCAN_NAME_MAX)
        for i in range(<int>min(n, <int64_t>min(SCAN_NAME_MAX, s.have - s.pos))):
            name[i] = <char>(s.buf[s.pos + i] & 0xDF)
    scan_seek(s, scan_tell(s) + n)
    return scan_crlf(s)


cdef int scan_command(LogInput* s, char* name) noexcept nogil:
    cdef int64_t argc, i
    cdef int64_t begins = scan_tell(s)
    cdef int result = scan_number(s, c"*", &argc)
    if result == SCAN_GOING and argc == 0:
        scan_seek(s, begins)
        return SCAN_NUMBER
    for i in range(argc):
        if result != SCAN_GOING:
            break
        result = scan_argument(s, name if i == 0 else NULL)
    return result


cdef int scan_note(LogInput* s, int64_t* stamp) noexcept nogil:
    """An annotation; if it tells a time (Unix seconds), that goes to *stamp."""
    cdef size_t have = scan_ahead(s, SCAN_NOTE_MAX)
    cdef const char* p = <const char*>s.buf + s.pos
    cdef const char* end = <const char*>memchr(p, c"\n", have)
    cdef int64_t n
    if end is NULL:
        return SCAN_TORN if have < SCAN_NOTE_MAX else SCAN_NO_CRLF
    if (end - 1)[0] != c"\r":
        return SCAN_NO_CRLF
    if end - p > 5 and memcmp(p, b"#TS:", 4) == 0 and ws_str_to_i64(p + 4, end - p - 5, &n):
        stamp[0] = n
    s.pos += end - p + 1
    return SCAN_GOING


cdef class LogScan:
    """A walk through the commands of an append-only file.

    path: the file. start: where its commands begin, behind an RDB preamble. until, until_s: units that end past this
    offset, or stand behind an annotation with a later Unix time, do not count. Raises OSError.
    """
    cdef LogInput input
    cdef int result
    cdef bint inside                        # of a transaction
    cdef readonly int64_t start, whole      # where the scan began; behind the last whole unit
    cdef readonly int64_t commands, transactions        # in whole units
    cdef readonly int64_t open_commands     # of the unit at hand
    cdef readonly int64_t stamp_s           # time of the last annotation, -1: none
    cdef int64_t until, until_s
    cdef int64_t begins                     # where the command at hand does

    def __cinit__(self, path, int64_t start=0, until=None, until_s=None):
        self.input.fd = -1
        name = os.fsencode(path)
        self.input.fd = os.open(name, O_RDONLY | O_CLOEXEC)
        self.input.size = lseek(self.input.fd, 0, SEEK_END)
        self.input.buf = <uint8_t*>ws_alloc(SCAN_ROOM)
        self.input.base = self.start = self.whole = start
        self.until = INT64_MAX if until is None else until
        self.until_s = INT64_MAX if until_s is None else until_s
        self.stamp_s = -1

    def __dealloc__(self):
        if self.input.fd >= 0:
            close(self.input.fd)
        ws_free(self.input.buf)

    @property
    def size(self):
        """Bytes of the file (int)."""
        return self.input.size

    @property
    def at(self):
        """Where the scan stands: if something is wrong, there (int)."""
        return scan_tell(&self.input)

    @property
    def state(self):
        """"going", "end", "until", "torn", or what is wrong with the bytes at `at`."""
        return SCAN_RESULTS[self.result]

    @property
    def damaged(self):
        """Whether the bytes at `at` cannot belong there (bool)."""
        return self.result >= SCAN_NO_COMMAND

    def advance(self, int64_t size_bytes=1 << 26):
        """Walk on over about so many bytes; False: it is done. Raises OSError."""
        cdef int64_t stop = scan_tell(&self.input) + size_bytes
        with nogil:
            while self.result == SCAN_GOING and scan_tell(&self.input) < stop:
                self.result = self.step()
                if self.input.error:
                    self.result = SCAN_FAILED
        if self.result == SCAN_FAILED:
            raise OSError(self.input.error, os.strerror(self.input.error))
        return self.result == SCAN_GOING

    cdef int step(self) noexcept nogil:
        """One command or annotation."""
        cdef char[SCAN_NAME_MAX] name
        cdef int64_t stamp = self.stamp_s
        cdef int result
        self.begins = scan_tell(&self.input)
        if scan_ahead(&self.input, 1) == 0:
            return SCAN_TORN if self.inside else SCAN_END
        if not self.inside and self.begins >= self.until:
            return SCAN_UNTIL
        if self.input.buf[self.input.pos] == c"#":
            result = scan_note(&self.input, &stamp)
        else:
            result = scan_command(&self.input, name)
            if result == SCAN_GOING:
                result = self.count(name)
        if result == SCAN_GOING and (stamp > self.until_s or not self.inside and self.input_past()):
            result = SCAN_UNTIL
        if result == SCAN_NESTED_MULTI or result == SCAN_STRAY_EXEC or result == SCAN_UNTIL:
            scan_seek(&self.input, self.begins)
        self.stamp_s = stamp
        if result == SCAN_GOING and not self.inside:
            self.take_unit()
        return result

    cdef inline bint input_past(self) noexcept nogil:
        return scan_tell(&self.input) > self.until

    cdef int count(self, const char* name) noexcept nogil:
        """Count a command that was read; enter or leave a transaction by its name."""
        if memcmp(name, b"MULTI\0\0\0", SCAN_NAME_MAX) == 0:
            if self.inside:
                return SCAN_NESTED_MULTI
            self.inside = True
        elif memcmp(name, b"EXEC\0\0\0\0", SCAN_NAME_MAX) == 0:
            if not self.inside:
                return SCAN_STRAY_EXEC
            self.inside = False
        self.open_commands = self.open_commands + 1
        return SCAN_GOING

    cdef void take_unit(self) noexcept nogil:
        self.whole = scan_tell(&self.input)
        self.commands = self.commands + self.open_commands
        self.transactions = self.transactions + (self.open_commands > 1)
        self.open_commands = 0

    def commands_behind(self):
        """(offset, commands): where, behind the command at which the scan ended, there is one again that can be read,
        and how many there are at a stretch; None: nowhere. Tells a torn end from damage after which the file goes on.
        Afterwards `at` has no meaning."""
        cdef int64_t found = 0
        cdef int64_t count = 0
        with nogil:
            scan_seek(&self.input, self.begins + 1)
            while count == 0 and not self.input.error:
                found = scan_find_command(&self.input)
                count = scan_count(&self.input) if found >= 0 else -1
                if count == 0:
                    scan_seek(&self.input, found + 1)
        return (found, count) if count > 0 else None


cdef int64_t scan_find_command(LogInput* s) noexcept nogil:
    """The offset of the next "*" behind a line's end, where the scan then stands; -1: none."""
    cdef const uint8_t* found
    cdef size_t have
    while True:
        have = scan_ahead(s, 3)
        if have < 3:
            return -1
        found = <const uint8_t*>memchr(s.buf + s.pos, c"\n", have - 1)
        if found is NULL:
            s.pos += have - 1
            continue
        s.pos = found + 1 - s.buf
        if found[1] == c"*":
            return scan_tell(s)


cdef int64_t scan_count(LogInput* s) noexcept nogil:
    """Whole commands from here on."""
    cdef char[SCAN_NAME_MAX] name
    cdef int64_t count = 0
    while scan_command(s, name) == SCAN_GOING:
        count += 1
    return count
