# Reading an append only file that lies in memory: one command after the other, as RESP arrays of bulk strings.
#
#     * argc CRLF, then for each argument: $ length CRLF bytes CRLF       lines that begin with # are annotations
#
# Unlike a client's input a file is what a server has written: everything must be exactly so. A file whose last command
# is cut short is torn, which a crash explains; so do zeros up to the end. Anything else is damage, and so is a command
# that only seems to be cut short because one of its lengths is wrong: then whole commands follow in what it claims.
#
# Invariants: start <= at <= end; nothing outside is looked at. `at` moves only behind a whole command.

cdef enum:
    AOF_DIGITS_MAX = 18
    AOF_ARG_SIZE_MIN = 6        # $0 CRLF CRLF
    AOF_TRIES = 4096            # places looked at for commands in a torn one

cdef enum AofKind:
    AOF_BAD = -1                # why, where
    AOF_COMMAND = 0
    AOF_END = 1
    AOF_TORN = 2                # the command at `at` is not all there
    AOF_LONG = 3                # it has more arguments than there is room for: argc

cdef struct AofRead:
    const char* start
    const char* at
    const char* end
    const char* why
    const char* where


cdef bint aof_all_zeros(const char* p, const char* end) noexcept nogil:
    while p < end:
        if p[0] != 0:
            return False
        p += 1
    return True


cdef int aof_fail(AofRead* r, const char* where, const char* why) noexcept nogil:
    if aof_all_zeros(where, r.end):
        return AOF_TORN
    r.why = why
    r.where = where
    return AOF_BAD


cdef inline int aof_number(AofRead* r, const char** at, char mark, uint64_t* n) noexcept nogil:
    """A line of a mark and a number at *at, which moves behind it: AOF_COMMAND, AOF_TORN or AOF_BAD."""
    cdef const char* p = at[0]
    cdef int digits = 0
    if p == r.end:
        return AOF_TORN
    if p[0] != mark:
        return aof_fail(r, p, b"a command does not begin with *" if mark == c"*" else
                        b"an argument does not begin with $")
    p += 1
    n[0] = 0
    while p < r.end and c"0" <= p[0] <= c"9" and digits <= AOF_DIGITS_MAX:
        n[0] = n[0] * 10 + <uint64_t>(p[0] - c"0")
        digits += 1
        p += 1
    if p == r.end:
        return AOF_TORN
    if digits == 0 or p[0] != c"\r":
        return aof_fail(r, p, b"a length is no number")
    if p + 1 == r.end:
        return AOF_TORN
    if p[1] != c"\n":
        return aof_fail(r, p + 1, b"a line does not end in CR LF")
    at[0] = p + 2
    return AOF_COMMAND


cdef inline int aof_argument(AofRead* r, const char** at, Str* out) noexcept nogil:
    cdef uint64_t n = 0
    cdef int said = aof_number(r, at, c"$", &n)
    cdef const char* p = at[0]
    if said != AOF_COMMAND:
        return said
    if <size_t>(r.end - p) < 2 or <size_t>(r.end - p) - 2 < n:
        return AOF_TORN
    if p[n] != c"\r" or p[n + 1] != c"\n":
        return aof_fail(r, p + n, b"an argument does not end in CR LF")
    out.ptr = p
    out.len = n
    at[0] = p + n + 2
    return AOF_COMMAND


cdef int aof_skip_notes(AofRead* r) noexcept nogil:
    """Lines in front of a command that are none: AOF_COMMAND, AOF_END or AOF_TORN."""
    cdef const char* line_end
    while r.at < r.end and r.at[0] == c"#":
        line_end = <const char*>memchr(r.at, c"\n", <size_t>(r.end - r.at))
        if line_end == NULL:
            return AOF_TORN
        r.at = line_end + 1
    return AOF_COMMAND if r.at < r.end else AOF_END


cdef inline int aof_next(AofRead* r, Str* argv, uint64_t room, uint64_t* argc) noexcept nogil:
    """The next command; one of AofKind."""
    cdef const char* p
    cdef uint64_t i
    cdef int said = aof_skip_notes(r)
    if said != AOF_COMMAND:
        return said
    p = r.at
    said = aof_number(r, &p, c"*", argc)
    if said != AOF_COMMAND:
        return said
    if argc[0] == 0:
        return aof_fail(r, r.at, b"a command has no words")
    if argc[0] > room:
        return AOF_LONG
    for i in range(argc[0]):
        said = aof_argument(r, &p, &argv[i])
        if said != AOF_COMMAND:
            return said
    r.at = p
    return AOF_COMMAND


cdef int aof_pass(AofRead* r, Str* name, uint64_t* argc) noexcept nogil:
    """As aof_next for a command of any length, of which only the name is kept."""
    cdef const char* p
    cdef Str arg
    cdef uint64_t i
    cdef int said = aof_skip_notes(r)
    if said != AOF_COMMAND:
        return said
    p = r.at
    said = aof_number(r, &p, c"*", argc)
    if said != AOF_COMMAND:
        return said
    if argc[0] == 0:
        return aof_fail(r, r.at, b"a command has no words")
    for i in range(argc[0]):
        said = aof_argument(r, &p, &arg)
        if said != AOF_COMMAND:
            return said
        if i == 0:
            name[0] = arg
    r.at = p
    return AOF_COMMAND


cdef bint aof_continues(AofRead* r, const char* at) noexcept nogil:
    """Whether there are whole commands from there on, up to the end or to one that is cut short."""
    cdef AofRead ahead = r[0]
    cdef Str name
    cdef uint64_t argc = 0
    cdef int said = AOF_COMMAND
    cdef int count = 0
    ahead.at = at
    while said == AOF_COMMAND:
        said = aof_pass(&ahead, &name, &argc)
        count += said == AOF_COMMAND
    return count > 0 and said != AOF_BAD


cdef bint aof_is_torn(AofRead* r) noexcept nogil:
    """Whether the command at `at`, which is not all there, is the last one; else why and where are set."""
    cdef const char* p = r.at + 1
    cdef int tries = 0
    while r.end - p > 4 and tries < AOF_TRIES:
        p = <const char*>memchr(p, c"\n", <size_t>(r.end - p))
        if p == NULL:
            return True
        p += 1
        if r.end - p > 1 and p[0] == c"*":
            tries += 1
            if aof_continues(r, p):
                r.why = b"a command is longer than the file, but others follow in it: a length is wrong"
                r.where = r.at
                return False
    return True


cdef inline bint aof_is(Str name, const char* word, size_t n) noexcept nogil:
    return name.len == n and strncasecmp(name.ptr, word, n) == 0


cdef int aof_unit(AofRead* r) noexcept nogil:
    """Behind a MULTI: whether its EXEC follows, AOF_COMMAND; else AOF_TORN or AOF_BAD. `at` stays."""
    cdef AofRead ahead = r[0]
    cdef Str name
    cdef uint64_t argc = 0
    cdef int said = AOF_COMMAND
    memset(&name, 0, sizeof(name))
    while said == AOF_COMMAND:
        r.where = ahead.at
        said = aof_pass(&ahead, &name, &argc)
        if said == AOF_COMMAND and aof_is(name, b"exec", 4):
            return AOF_COMMAND
        if said == AOF_COMMAND and aof_is(name, b"multi", 5):
            r.why = b"a MULTI follows another one without EXEC"
            return AOF_BAD
    if said == AOF_TORN and not aof_is_torn(&ahead):
        said = AOF_BAD
    r.why = ahead.why
    r.where = ahead.where
    return AOF_TORN if said == AOF_END else said
