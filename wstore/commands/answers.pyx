"""Replies whose size is known only at their end, errors that quote an argument, HELP texts.

A handler notes `start = c.out.len`, writes the items, then inserts the header in front of them.  The reply
buffer is one piece of memory, so that this costs one move of the items.
"""
from libc.limits cimport INT_MAX, INT_MIN

cdef enum:
    QUOTE_MAX = 128         # bytes of an unknown subcommand's name that an error repeats


cdef inline void insert_raw(Call* c, size_t start, const char* p, size_t n) noexcept nogil:
    """Put n bytes at offset `start` of the reply, in front of what is there already."""
    reply_room(c, n)
    memmove(c.out.data + start + n, c.out.data + start, c.out.len - start)
    memcpy(c.out.data + start, p, n)
    c.out.len += n


cdef void insert_header(Call* c, size_t start, char mark, int64_t n) noexcept nogil:
    """Put a header such as "*3" or "$17" at offset `start` of the reply."""
    cdef char line[32]
    cdef size_t used
    line[0] = mark
    used = 1 + ws_i64_to_str(line + 1, n)
    line[used] = b"\r"
    line[used + 1] = b"\n"
    insert_raw(c, start, line, used + 2)


cdef void reply_one_line(Call* c, const char* p, size_t n) noexcept nogil:
    """n bytes, less any line breaks, which would end the reply: blanks stand for them."""
    cdef char* out = reply_room(c, n)
    cdef size_t i
    for i in range(n):
        out[i] = b" " if p[i] == b"\r" or p[i] == b"\n" else p[i]
    c.out.len += n


cdef inline size_t len_up_to_nul(Str s) noexcept nogil:
    """Length of s as C sees it."""
    cdef size_t n = 0
    while n < s.len and s.ptr[n] != 0:
        n += 1
    return n


cdef inline void reply_text(Call* c, const char* z) noexcept nogil:
    reply_raw(c, z, strlen(z))


cdef void reply_error_quoting(Call* c, const char* before, Str quoted, size_t most, const char* after) noexcept nogil:
    """An error around at most `most` bytes of an argument, on one line."""
    cdef size_t n = min(len_up_to_nul(quoted), most)
    if after[0] == 0:
        while n > 0 and (quoted.ptr[n - 1] == b"\r" or quoted.ptr[n - 1] == b"\n"):
            n -= 1
    reply_raw(c, b"-", 1)
    reply_text(c, before)
    reply_one_line(c, quoted.ptr, n)
    reply_text(c, after)
    reply_raw(c, b"\r\n", 2)


cdef void reply_wrong_arity(Call* c) noexcept nogil:
    cdef char line[128]
    snprintf(line, sizeof(line), b"ERR wrong number of arguments for '%s' command", c.spec.name)
    reply_error(c, line)


cdef void reply_help(Call* c, const char* name, const char* text) noexcept nogil:
    """A HELP reply for command `name` (upper case): `text` is lines that each end in a line break."""
    cdef size_t start = c.out.len
    cdef int64_t lines = 3
    cdef size_t n
    reply_raw(c, b"+", 1)
    reply_text(c, name)
    reply_text(c, b" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n")
    while text[0] != 0:
        n = 0
        while text[n] != b"\n":
            n += 1
        reply_raw(c, b"+", 1)
        reply_raw(c, text, n)
        reply_raw(c, b"\r\n", 2)
        text += n + 1
        lines += 1
    reply_simple(c, b"HELP")
    reply_simple(c, b"    Print this text.")
    insert_header(c, start, b"*", lines)


cdef inline bint arg_i32(Call* c, int i, int* out) noexcept nogil:
    """argv[i] as an int; replies with the error itself and returns 0 if it is none."""
    cdef int64_t n
    if not arg_i64(c, i, &n):
        return False
    if n < INT_MIN or n > INT_MAX:
        reply_error(c, b"ERR value is out of range, value must between -2147483648 and 2147483647")
        return False
    out[0] = <int>n
    return True


cdef inline bint arg_db(Call* c, int i, int* out) noexcept nogil:
    """argv[i] as the index of a database; replies with the error itself and returns 0 if it is none."""
    if not arg_i32(c, i, out):
        return False
    if 0 <= out[0] < c.store.db_count:
        return True
    reply_error(c, b"ERR DB index is out of range")
    return False


cdef inline bint same_bytes(const char* a, size_t a_len, const char* b, size_t b_len) noexcept nogil:
    return a_len == b_len and memcmp(a, b, a_len) == 0


cdef inline bint peek_quietly(Call* c, const Key* key, Entry* e) noexcept nogil:
    """As peek, without an event."""
    if c.api.lookup(c.store, c.db, key, e, LOOKUP_NOTOUCH):
        c.store.stats.keyspace_hits += 1
        return True
    c.store.stats.keyspace_misses += 1
    return False


cdef inline bint peek(Call* c, const Key* key, Entry* e) noexcept nogil:
    """Look a key up to tell something about it: a hit or a miss, but no access to its value."""
    if peek_quietly(c, key, e):
        return True
    note_event(c, c.db, key, EVENT_KEY_MISS, b"keymiss")
    return False
