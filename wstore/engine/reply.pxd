"""Writing RESP2 and RESP3 replies: inline, nogil, into `Call.out`.

Every handler replies exactly once (an aggregate counts as one).  Formats: the RESP specification
(RESP2, and RESP3 where `Call.resp` is 3).
"""
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, strlen
from wstore.engine.abi cimport Call, Reply, Str

cdef extern from "numbers.h" nogil:
    size_t ws_u64_to_str(char* out, uint64_t n)      # out: 20 bytes; returns the length
    size_t ws_i64_to_str(char* out, int64_t n)       # out: 21 bytes
    size_t ws_double_to_str(char* out, double d)     # out: 40 bytes; %.17g, inf, -inf, nan


cdef inline char* reply_room(Call* c, size_t n) noexcept nogil:
    """Room for n more bytes at the end of the reply; the caller adds what it used to out.len."""
    if c.out.len + n > c.out.cap:
        c.api.reply_grow(c.out, n)
    return c.out.data + c.out.len


cdef inline void reply_raw(Call* c, const char* p, size_t n) noexcept nogil:
    memcpy(reply_room(c, n), p, n)
    c.out.len += n


cdef inline void reply_header(Call* c, char mark, int64_t n) noexcept nogil:
    cdef char* p = reply_room(c, 32)
    cdef size_t used
    p[0] = mark
    used = 1 + ws_i64_to_str(p + 1, n)
    p[used] = b"\r"
    p[used + 1] = b"\n"
    c.out.len += used + 2


cdef inline void reply_int(Call* c, int64_t n) noexcept nogil:
    reply_header(c, b":", n)


cdef inline void reply_array(Call* c, int64_t n) noexcept nogil:
    reply_header(c, b"*", n)


cdef inline void reply_map(Call* c, int64_t pairs) noexcept nogil:
    if c.resp == 3:
        reply_header(c, b"%", pairs)
    else:
        reply_header(c, b"*", pairs * 2)


cdef inline void reply_set(Call* c, int64_t n) noexcept nogil:
    reply_header(c, b"~" if c.resp == 3 else b"*", n)


cdef inline void reply_bulk(Call* c, const char* p, size_t n) noexcept nogil:
    cdef char* q = reply_room(c, n + 32)
    cdef size_t used = 1 + ws_u64_to_str(q + 1, n)
    q[0] = b"$"
    q[used] = b"\r"
    q[used + 1] = b"\n"
    q += used + 2
    memcpy(q, p, n)
    q[n] = b"\r"
    q[n + 1] = b"\n"
    c.out.len += used + n + 4


cdef inline void reply_bulk_str(Call* c, Str s) noexcept nogil:
    reply_bulk(c, s.ptr, s.len)


cdef inline void reply_bulk_z(Call* c, const char* z) noexcept nogil:
    reply_bulk(c, z, strlen(z))


cdef inline void reply_bulk_int(Call* c, int64_t n) noexcept nogil:
    cdef char digits[24]
    reply_bulk(c, digits, ws_i64_to_str(digits, n))


cdef inline void reply_simple(Call* c, const char* z) noexcept nogil:
    reply_raw(c, b"+", 1)
    reply_raw(c, z, strlen(z))
    reply_raw(c, b"\r\n", 2)


cdef inline void reply_ok(Call* c) noexcept nogil:
    memcpy(reply_room(c, 5), b"+OK\r\n", 5)
    c.out.len += 5


cdef inline void reply_null(Call* c) noexcept nogil:
    if c.resp == 3:
        reply_raw(c, b"_\r\n", 3)
    else:
        reply_raw(c, b"$-1\r\n", 5)


cdef inline void reply_null_array(Call* c) noexcept nogil:
    if c.resp == 3:
        reply_raw(c, b"_\r\n", 3)
    else:
        reply_raw(c, b"*-1\r\n", 5)


cdef inline void reply_bool(Call* c, bint yes) noexcept nogil:
    if c.resp == 3:
        reply_raw(c, b"#t\r\n" if yes else b"#f\r\n", 4)
    else:
        reply_int(c, 1 if yes else 0)


cdef inline void reply_double(Call* c, double d) noexcept nogil:
    cdef char digits[48]
    cdef size_t n = ws_double_to_str(digits, d)
    if c.resp == 3:
        reply_raw(c, b",", 1)
        reply_raw(c, digits, n)
        reply_raw(c, b"\r\n", 2)
    else:
        reply_bulk(c, digits, n)


cdef inline void reply_verbatim(Call* c, const char* kind3, const char* p, size_t n) noexcept nogil:
    """RESP3 verbatim string of a three-letter kind; a bulk string in RESP2."""
    if c.resp == 3:
        reply_header(c, b"=", <int64_t>n + 4)
        reply_raw(c, kind3, 3)
        reply_raw(c, b":", 1)
        reply_raw(c, p, n)
        reply_raw(c, b"\r\n", 2)
    else:
        reply_bulk(c, p, n)


cdef inline void reply_error(Call* c, const char* text) noexcept nogil:
    """`text` with its code in front, as "ERR syntax error"; no line breaks in it."""
    reply_raw(c, b"-", 1)
    reply_raw(c, text, strlen(text))
    reply_raw(c, b"\r\n", 2)


cdef inline void reply_syntax_error(Call* c) noexcept nogil:
    reply_error(c, b"ERR syntax error")


cdef inline void reply_not_integer(Call* c) noexcept nogil:
    reply_error(c, b"ERR value is not an integer or out of range")


cdef inline void reply_wrong_type(Call* c) noexcept nogil:
    reply_error(c, b"WRONGTYPE Operation against a key holding the wrong kind of value")
