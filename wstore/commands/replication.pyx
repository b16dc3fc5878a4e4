"""WAIT: the client's writes are known to replicas."""

cdef const char* WAIT_ON_REPLICA = (
    b"ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured "
    b"to be writable (which is not the default) writes to replicas are just local and are not propagated.")


cdef void cmd_wait(Call* c) noexcept nogil:
    cdef int64_t wanted, timeout_ms
    if c.store.is_replica:
        reply_error(c, WAIT_ON_REPLICA)
        return
    if not arg_i64(c, 1, &wanted):
        return
    if not ws_str_to_i64(c.argv[2].ptr, c.argv[2].len, &timeout_ms):
        reply_error(c, b"ERR timeout is not an integer or out of range")
    elif timeout_ms < 0:
        reply_error(c, b"ERR timeout is negative")
    else:
        c.api.wait_replicas(c, wanted, min(timeout_ms, INT64_MAX_VALUE - c.now_ms) + c.now_ms if timeout_ms else 0)


cdef CommandSpec[1] REPLICATION_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"wait", 3, CMD_NOSCRIPT, 0, 0, 0, cmd_wait, NULL, NULL],
]
