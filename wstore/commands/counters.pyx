"""Counters: INCR and its kin on integers, INCRBYFLOAT."""
cdef extern from "numbers.h" nogil:
    size_t ws_long_double_to_str(char* out, long double n)      # out: LONG_DOUBLE_TEXT_MAX bytes

cdef extern from "<math.h>" nogil:
    bint isfinite(long double n)

cdef enum:
    LONG_DOUBLE_TEXT_MAX = 5200


cdef void counter_add(Call* c, int64_t by) noexcept nogil:
    """Add to the first key's integer and reply with the sum."""
    cdef Entry e
    cdef int64_t n = 0
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        if not require_type(c, &e, TYPE_STRING):
            return
        if not string_to_i64(&e, &n):
            reply_not_integer(c)
            return
    if (by < 0 and n < INT64_MIN_VALUE - by) or (by > 0 and n > INT64_MAX_VALUE - by):
        reply_error(c, b"ERR increment or decrement would overflow")
        return
    n += by
    string_put_int(c, &c.key, &e, n)
    note_change(c, c.db, &c.key, EVENT_STRING, b"incrby")
    c.store.dirty += 1
    reply_int(c, n)


cdef void cmd_incr(Call* c) noexcept nogil:
    counter_add(c, 1)


cdef void cmd_decr(Call* c) noexcept nogil:
    counter_add(c, -1)


cdef void cmd_incrby(Call* c) noexcept nogil:
    cdef int64_t by
    if arg_i64(c, 2, &by):
        counter_add(c, by)


cdef void cmd_decrby(Call* c) noexcept nogil:
    cdef int64_t by
    if not arg_i64(c, 2, &by):
        return
    if by == INT64_MIN_VALUE:
        reply_error(c, b"ERR decrement would overflow")
        return
    counter_add(c, -by)


cdef bint counter_load_float(Call* c, const Entry* e, long double* out) noexcept nogil:
    """The string of e as a float, 0 if there is none."""
    cdef Str s
    cdef char scratch[24]
    out[0] = 0
    if e.rec is NULL:
        return True
    if not require_type(c, e, TYPE_STRING):
        return False
    s = view_string(e, scratch)
    if ws_str_to_long_double(s.ptr, s.len, out):
        return True
    reply_error(c, b"ERR value is not a valid float")
    return False


cdef void cmd_incrbyfloat(Call* c) noexcept nogil:
    cdef Entry e
    cdef long double n, by
    cdef char digits[LONG_DOUBLE_TEXT_MAX]
    cdef Str text
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    if not counter_load_float(c, &e, &n) or not arg_long_double(c, 2, &by):
        return
    n += by
    if not isfinite(n):
        reply_error(c, b"ERR increment would produce NaN or Infinity")
        return
    text.ptr = digits
    text.len = ws_long_double_to_str(digits, n)
    string_put_bytes(c, &c.key, &e, text, ENC_BYTES)
    note_change(c, c.db, &c.key, EVENT_STRING, b"incrbyfloat")
    effect_set(c, text, KEEP_TTL)
    c.store.dirty += 1
    reply_bulk_str(c, text)


cdef CommandSpec[5] COUNTER_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"incr", 2, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_incr, NULL, NULL],
    [b"decr", 2, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_decr, NULL, NULL],
    [b"incrby", 3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_incrby, NULL, NULL],
    [b"decrby", 3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_decrby, NULL, NULL],
    [b"incrbyfloat", 3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_incrbyfloat, NULL, NULL],
]
