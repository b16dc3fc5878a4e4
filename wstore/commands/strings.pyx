"""The string family: SET and GET in all their forms, ranges, counters, LCS."""


cdef void cmd_get(Call* c) noexcept nogil:
    cdef Entry e
    cdef char scratch[24]
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_null(c)
    elif require_type(c, &e, TYPE_STRING):
        reply_bulk_str(c, view_string(&e, scratch))


cdef CommandSpec[1] STRING_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"get", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_get, NULL, NULL],
]
