"""MULTI, EXEC, DISCARD, WATCH, UNWATCH: the engine keeps what a client has queued and watches."""


cdef void cmd_multi(Call* c) noexcept nogil:
    c.api.multi(c)


cdef void cmd_exec(Call* c) noexcept nogil:
    c.api.execute_queued(c)


cdef void cmd_discard(Call* c) noexcept nogil:
    c.api.discard(c)


cdef void cmd_watch(Call* c) noexcept nogil:
    c.api.watch(c)


cdef void cmd_unwatch(Call* c) noexcept nogil:
    c.api.unwatch(c)


cdef CommandSpec[5] TRANSACTION_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"multi", 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY, 0, 0, 0, cmd_multi, NULL, NULL],
    [b"exec", 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_SLOWLOG, 0, 0, 0, cmd_exec, NULL, NULL],
    [b"discard", 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY, 0, 0, 0, cmd_discard,
     NULL, NULL],
    [b"watch", -2, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY, 1, -1, 1, cmd_watch, NULL, NULL],
    [b"unwatch", 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY, 0, 0, 0, cmd_unwatch,
     NULL, NULL],
]
