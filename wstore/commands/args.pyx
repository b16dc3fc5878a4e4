"""Reading arguments: option words, integers and floats, with Redis's words when they do not parse.

The `arg_*` functions that take a Call reply with the error themselves and return 0; the handler then returns.
"""
cdef extern from "numbers.h" nogil:
    bint ws_str_to_double(const char* p, size_t n, double* out)
    bint ws_str_to_long_double(const char* p, size_t n, long double* out)

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char* a, const char* b, size_t n)


cdef inline bint str_is(Str s, const char* word) noexcept nogil:
    """Whether s is `word`, letter case aside."""
    return s.len == strlen(word) and strncasecmp(s.ptr, word, s.len) == 0


cdef inline bint arg_is(Call* c, int i, const char* word) noexcept nogil:
    return str_is(c.argv[i], word)


cdef inline bint arg_i64(Call* c, int i, int64_t* out) noexcept nogil:
    """argv[i] as a signed 64-bit integer."""
    if ws_str_to_i64(c.argv[i].ptr, c.argv[i].len, out):
        return True
    reply_not_integer(c)
    return False


cdef inline bint arg_long_double(Call* c, int i, long double* out) noexcept nogil:
    """argv[i] as a float of any size; infinities pass, NaN does not."""
    if ws_str_to_long_double(c.argv[i].ptr, c.argv[i].len, out):
        return True
    reply_error(c, b"ERR value is not a valid float")
    return False


cdef inline bint require_type(Call* c, const Entry* e, int type) noexcept nogil:
    """Whether a found entry has this type; WRONGTYPE is replied otherwise."""
    if e.type == type:
        return True
    reply_wrong_type(c)
    return False
