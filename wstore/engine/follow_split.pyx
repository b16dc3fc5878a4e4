# Finding whole units in what a master has sent so far: commands by themselves, and those from a MULTI to its EXEC.
#
#     input:   applied | whole units, to be applied | a unit that is not all there yet
#                     done                         whole          at
#
# Each byte is looked at once, whatever the pieces are that it comes in, but for the header and the text of the argument
# at hand. Unlike a client a master sends exactly what is meant: an array of bulk strings, no inline commands, no empty
# ones. Anything else is damage. So is a SELECT of a database that there is not: what follows would go into another one.

cdef int64_t SPLIT_BULK_MAX = <int64_t>1 << 32      # bytes of an argument, whatever its master's proto-max-bulk-len


cdef int split_fail(Split* x, const char* why) noexcept nogil:
    x.why = why
    return -1


cdef inline int split_number(Split* x, char mark, const char* p, const char* end, int64_t* n,
                             const char** behind) noexcept nogil:
    """A line of a mark and a number at p: 1, 0: not all there, or -1: damaged."""
    cdef int line
    if p == end:
        return 0
    if p[0] != mark:
        return split_fail(x, b"a command does not begin with *" if mark == c"*" else
                          b"an argument does not begin with $")
    line = number_line(p + 1, end, n, behind)
    if line == LINE_PART:
        return 0
    if line != LINE_OK or n[0] < (mark == c"*") or n[0] > (<int64_t>ARGS_MAX if mark == c"*" else SPLIT_BULK_MAX):
        return split_fail(x, b"a length is no number, or none that can be")
    return 1


cdef inline int split_command(Split* x, Str last) noexcept nogil:
    """A command has come to its end; `last` is its last word. 0, or -1: damaged."""
    cdef int64_t db
    if x.argc == 1 and aof_is(last, b"multi", 5):
        if x.in_unit:
            return split_fail(x, b"a MULTI follows another one without EXEC")
        x.in_unit = True
    elif x.argc == 1 and aof_is(last, b"exec", 4):
        if not x.in_unit:
            return split_fail(x, b"an EXEC stands without MULTI")
        x.in_unit = False
    elif x.is_select and (not resp_str_to_i64(last.ptr, last.len, &db) or not 0 <= db < x.databases):
        return split_fail(x, b"the master selects a database that is not here: see the directive databases")
    if not x.in_unit:
        x.whole = x.at
    return 0


cdef int split_argument(Split* x, const char* data, const char* end) noexcept nogil:
    """Pass over the next argument: 1, 0: not all there, or -1: damaged."""
    cdef Str arg
    cdef int64_t n = 0
    cdef int said = split_number(x, c"$", data + x.at, end, &n, &arg.ptr)
    if said != 1:
        return said
    if end - arg.ptr < n + 2:
        return 0
    if arg.ptr[n] != c"\r" or arg.ptr[n + 1] != c"\n":
        return split_fail(x, b"an argument does not end in CR LF")
    arg.len = <size_t>n
    x.at = <size_t>(arg.ptr - data) + arg.len + 2
    x.is_select = x.argc == 2 and (x.is_select if x.left == 1 else aof_is(arg, b"select", 6))
    x.left -= 1
    return 1 if x.left > 0 or split_command(x, arg) == 0 else -1


cdef int split_more(Split* x, const char* data, size_t len) noexcept nogil:
    """Look at what has come. 0, or -1: it is damaged (why)."""
    cdef const char* end = data + len
    cdef const char* behind = NULL
    cdef int said = 1
    while said == 1:
        if x.left == 0:
            said = split_number(x, c"*", data + x.at, end, &x.argc, &behind)
            if said == 1:
                x.left = x.argc
                x.at = <size_t>(behind - data)
        else:
            said = split_argument(x, data, end)
    return said


cdef inline void split_drop(Split* x, size_t n) noexcept nogil:
    """The first n bytes of the input are gone."""
    x.at -= n
    x.whole -= n
