"""Reading arguments: option words, integers, floats and keys, with Redis's words when they do not parse.

The `arg_*` functions that take a Call reply with the error themselves and return 0; the handler then returns.
"""
cdef extern from "numbers.h" nogil:
    bint ws_str_to_double(const char* p, size_t n, double* out)
    bint ws_str_to_long_double(const char* p, size_t n, long double* out)
    bint ws_str_to_bound(const char* p, size_t n, double* out)

cdef extern from "<math.h>" nogil:
    long double ceill(long double x)

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char* a, const char* b, size_t n)

cdef extern from "<stdio.h>" nogil:
    int snprintf(char* out, size_t cap, const char* format, ...)

cdef extern from "<stdint.h>" nogil:
    const int64_t INT64_MIN_VALUE "INT64_MIN"
    const int64_t INT64_MAX_VALUE "INT64_MAX"


cdef inline bint str_is(Str s, const char* word) noexcept nogil:
    """Whether s is `word`, letter case aside."""
    return s.len == strlen(word) and strncasecmp(s.ptr, word, s.len) == 0


cdef inline bint arg_is(Call* c, int i, const char* word) noexcept nogil:
    return str_is(c.argv[i], word)


cdef inline int64_t string_limit(const Call* c) noexcept nogil:
    """Bytes that a string may have; what a log or a master's stream says was within the limit there."""
    return <int64_t>1 << 32 if c.store.obeying or c.store.loading else c.store.config.proto_max_bulk_len


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


cdef inline bint require_type(Call* c, const Entry* e, uint8_t type) noexcept nogil:
    """Whether a found entry has this type; WRONGTYPE is replied otherwise."""
    if e.type == type:
        return True
    reply_wrong_type(c)
    return False


# -- expiry --------------------------------------------------------------------------------------------
cdef void reply_invalid_expire(Call* c) noexcept nogil:
    cdef char line[128]
    snprintf(line, sizeof(line), b"ERR invalid expire time in '%s' command", c.spec.name)
    reply_error(c, line)


cdef bint arg_expire(Call* c, int i, bint seconds, bint relative, int64_t* out) noexcept nogil:
    """argv[i], a positive time, as Unix ms: given in seconds or ms, from now or from 1970."""
    cdef int64_t n
    if not arg_i64(c, i, &n):
        return False
    if n <= 0 or (seconds and n > INT64_MAX_VALUE // 1000):
        reply_invalid_expire(c)
        return False
    if seconds:
        n *= 1000
    if relative:
        if n > INT64_MAX_VALUE - c.now_ms:
            reply_invalid_expire(c)
            return False
        n += c.now_ms
    out[0] = n
    return True


cdef inline int hash_keys(Call* c, int first, int step, Key* keys) noexcept nogil:
    """Hash and prefetch up to BATCH_KEYS keys, every step-th argument from argv[first]; returns their number."""
    cdef int n = min(<int>BATCH_KEYS, (c.argc - first + step - 1) // step)
    c.api.keys(c.store, c.db, c.argv + first, step, n, keys)
    return n


# -- blocking ------------------------------------------------------------------------------------------
cdef bint arg_timeout(Call* c, int i, int64_t* deadline_ms) noexcept nogil:
    """argv[i], seconds that may have a fraction, as the Unix time in ms at which they are over; 0 stays 0: never."""
    cdef long double ms
    if not ws_str_to_long_double(c.argv[i].ptr, c.argv[i].len, &ms):
        reply_error(c, b"ERR timeout is not a float or out of range")
        return False
    ms = ceill(ms * 1000)
    if ms < 0 or ms > INT64_MAX_VALUE:      # what does not fit into 64 bits wraps around in Redis
        reply_error(c, b"ERR timeout is negative")
        return False
    deadline_ms[0] = 0
    if ms > 0:
        deadline_ms[0] = min(<int64_t>ms, INT64_MAX_VALUE - c.now_ms) + c.now_ms
    return True
