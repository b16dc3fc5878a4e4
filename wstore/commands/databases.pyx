"""Commands on whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB; and TIME."""
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec


cdef void cmd_dbsize(Call* c) noexcept nogil:
    reply_int(c, <int64_t>c.db.keys)


cdef bint flush_mode(Call* c, bint* background) noexcept nogil:
    """Whether to give memory back in the background; replies with the error itself and returns 0."""
    background[0] = c.store.config.lazyfree_lazy_user_flush != 0
    if c.argc == 1:
        return True
    if c.argc == 2 and (arg_is(c, 1, b"sync") or arg_is(c, 1, b"async")):
        background[0] = arg_is(c, 1, b"async")
        return True
    reply_syntax_error(c)
    return False


cdef void cmd_flushdb(Call* c) noexcept nogil:
    cdef bint background
    if flush_mode(c, &background):
        c.api.flush(c.store, c.db.index, background)
        effect(c, c.argc, c.argv)       # also if there was nothing
        reply_ok(c)


cdef void cmd_flushall(Call* c) noexcept nogil:
    cdef bint background
    if flush_mode(c, &background):
        c.api.flush(c.store, -1, background)
        effect(c, c.argc, c.argv)
        reply_ok(c)


cdef bint swap_index(Call* c, int i, int* out, const char* error) noexcept nogil:
    cdef int64_t n
    if not ws_str_to_i64(c.argv[i].ptr, c.argv[i].len, &n) or n < INT_MIN or n > INT_MAX:
        reply_error(c, error)
        return False
    out[0] = <int>n
    return True


cdef void cmd_swapdb(Call* c) noexcept nogil:
    cdef int a, b
    if not swap_index(c, 1, &a, b"ERR invalid first DB index") \
            or not swap_index(c, 2, &b, b"ERR invalid second DB index"):
        return
    if not 0 <= a < c.store.db_count or not 0 <= b < c.store.db_count:
        reply_error(c, b"ERR DB index is out of range")
        return
    if a != b:
        c.api.swap(c.store, a, b)
    c.store.dirty += 1
    reply_ok(c)


cdef void cmd_time(Call* c) noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    reply_array(c, 2)
    reply_bulk_int(c, now.tv_sec)
    reply_bulk_int(c, now.tv_nsec // 1000)


cdef CommandSpec[5] DATABASE_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"dbsize", 1, CMD_READONLY | CMD_FAST, 0, 0, 0, cmd_dbsize, NULL, NULL],
    [b"flushdb", -1, CMD_WRITE, 0, 0, 0, cmd_flushdb, NULL, NULL],
    [b"flushall", -1, CMD_WRITE, 0, 0, 0, cmd_flushall, NULL, NULL],
    [b"swapdb", 3, CMD_WRITE | CMD_FAST, 0, 0, 0, cmd_swapdb, NULL, NULL],
    [b"time", 1, CMD_LOADING | CMD_STALE | CMD_FAST, 0, 0, 0, cmd_time, NULL, NULL],
]
