"""Commands of a connection that need no more than its Call: PING, ECHO, SELECT, QUIT."""


cdef void cmd_ping(Call* c) noexcept nogil:
    if c.argc > 2:
        reply_error(c, b"ERR wrong number of arguments for 'ping' command")
    elif c.resp == 2 and c.api.subscribed(c):
        reply_array(c, 2)
        reply_bulk(c, b"pong", 4)
        reply_bulk(c, c.argv[c.argc - 1].ptr, c.argv[1].len if c.argc == 2 else 0)
    elif c.argc == 2:
        reply_bulk_str(c, c.argv[1])
    else:
        reply_raw(c, b"+PONG\r\n", 7)


cdef void cmd_echo(Call* c) noexcept nogil:
    reply_bulk_str(c, c.argv[1])


cdef void cmd_select(Call* c) noexcept nogil:
    cdef int64_t index
    if not arg_i64(c, 1, &index):
        return
    if not INT_MIN <= index <= INT_MAX:
        reply_error(c, b"ERR value is out of range, value must between -2147483648 and 2147483647")
    elif c.api.select_db(c, index) != 0:
        reply_error(c, b"ERR DB index is out of range")
    else:
        reply_ok(c)


cdef void cmd_quit(Call* c) noexcept nogil:
    reply_ok(c)
    c.api.close_after_reply(c)


cdef CommandSpec[4] CONNECTION_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"ping", -1, CMD_FAST, 0, 0, 0, cmd_ping, NULL, NULL],
    [b"echo", 2, CMD_LOADING | CMD_STALE | CMD_FAST, 0, 0, 0, cmd_echo, NULL, NULL],
    [b"select", 2, CMD_LOADING | CMD_STALE | CMD_FAST, 0, 0, 0, cmd_select, NULL, NULL],
    [b"quit", -1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY, 0, 0, 0,
     cmd_quit, NULL, NULL],
]
