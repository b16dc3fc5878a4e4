# A stream of writes as Python reads it: the whole commands at the front of what has been received (aof_read.pyx).


cdef uint64_t words_needed(AofRead* r, const char* p) noexcept nogil:
    """Bytes from r.start on without which the argument at p, which is not all there, cannot be read."""
    cdef uint64_t n = 0
    if aof_number(r, &p, c"$", &n) == AOF_COMMAND:
        return <uint64_t>(p - r.start) + n + 2
    return <uint64_t>(r.end - r.start) + 1


cdef int words_next(AofRead* r, list words, uint64_t* needed):
    """The next command, into `words`: AOF_COMMAND, AOF_TORN (needed: the bytes from r.start on it takes) or AOF_BAD."""
    cdef const char* p = r.at
    cdef const char* begins
    cdef uint64_t argc = 0
    cdef uint64_t _i
    cdef Str arg
    cdef int said = aof_number(r, &p, c"*", &argc)
    needed[0] = <uint64_t>(r.end - r.start) + 1
    memset(&arg, 0, sizeof(arg))
    if said == AOF_COMMAND and argc == 0:
        return aof_fail(r, r.at, b"a command has no words")
    for _i in range(argc):
        if said != AOF_COMMAND:
            return said
        begins = p
        said = aof_argument(r, &p, &arg)
        if said == AOF_COMMAND:
            words.append(arg.ptr[:arg.len])
        elif said == AOF_TORN:
            needed[0] = words_needed(r, begins)
    if said == AOF_COMMAND:
        r.at = p
    return said


def read_commands(const uint8_t[::1] data not None):
    """The whole commands that `data` begins with, as (commands, needed).

    commands: a list of (end, words), `end` where the command ends in data, words a tuple of bytes. needed: how many
    bytes data must have, what was not taken included, before there can be one more. ValueError: something else stands
    where a command should begin, `data` having no whole one before it; its arguments are the reason and the place.
    """
    cdef AofRead r
    cdef list commands = []
    cdef list words
    cdef uint64_t needed = 1
    cdef int said = AOF_COMMAND
    if data.shape[0] == 0:
        return commands, needed
    r.start = r.at = <const char*>&data[0]
    r.end = r.start + data.shape[0]
    r.why = r.where = NULL
    while r.at < r.end:
        words = []
        said = words_next(&r, words, &needed)
        if said != AOF_COMMAND:
            break
        commands.append((r.at - r.start, tuple(words)))
    if said == AOF_BAD and not commands:
        raise ValueError(r.why.decode(), r.where - r.start)
    return commands, needed
