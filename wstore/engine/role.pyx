# The server's role: a master, or a replica, which serves the data of its master; what a replica refuses.
#
# A replica writes nothing of its own to the stream: keys that have expired are hidden and wait for the master's word,
# writes are refused (replica-read-only), or change the keys without a trace in the stream.

cdef const char* ROLE_CHANGED = (
    b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")
cdef const char* READ_ONLY = b"READONLY You can't write against a read only replica."


cdef void role_end_blocked(Server* s) noexcept nogil:
    """Clients that wait for a key would wait for a write that they may not make: they are closed."""
    cdef Client* c = s.first
    while c != NULL:
        if c.blocked != NULL:
            end_blocked(s, c, 0, ROLE_CHANGED)
            c.flags |= CLIENT_CLOSE_AFTER_REPLY
        c = c.next


def set_replica(Engine engine not None, bint on):
    """Have the server be a replica from here on, or a master. On the loop's thread, between two commands.

    As a master it says its database in the stream before its first write.
    """
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    if on and not s.store.is_replica:
        role_end_blocked(s)
    elif not on:
        s.stream.db = -1
    s.store.is_replica = on
    stream_observe(s)
    server_configure(s)
    server_unlock(s)


def set_link(Engine engine not None, bint down):
    """Tell whether the replica has no link to its master, or has not caught up: it then refuses what would tell of old
    data (replica-serve-stale-data)."""
    cdef Server* s = server_of(engine.store)
    server_enter(s)
    s.repl.link_down = down
    server_configure(s)
    server_unlock(s)


# -- refusing ------------------------------------------------------------------------------------------------------

cdef inline bint refuses_writes(const Server* s) noexcept nogil:
    return s.store.is_replica and s.store.config.replica_read_only != 0


cdef inline bint refuses_stale(const Server* s) noexcept nogil:
    return s.store.is_replica and s.repl.link_down and not s.store.config.replica_serve_stale_data


cdef inline bint relives_past(const Server* s) noexcept nogil:
    """Whether the command at hand was over when this replica asked for all data: listeners are not told of it."""
    return s.repl.link_down and s.store.obeying


cdef inline bint role_guards(const Server* s) noexcept nogil:
    return refuses_writes(s) or refuses_stale(s)


cdef inline bint is_exec(const CommandSpec* spec) noexcept nogil:
    return strcmp(spec.name, b"exec") == 0


cdef void refuse_by_role(Server* s, Client* c, Call* call, const char* text) noexcept nogil:
    """Say no; a transaction ends with it."""
    if is_exec(call.spec):
        multi_end(c)
        watch_end(s, c)
        reply_z(call, b"-EXECABORT Transaction discarded because of: ")
    else:
        reply_z(call, b"-")
    reply_z(call, text)
    reply_z(call, b"\r\n")


cdef bint role_refuses_write(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether the command writes and this is a replica that only reads; then it has its reply."""
    if not refuses_writes(s) or c.flags & CLIENT_EXECUTING:
        return 0
    if not (call.spec.flags & CMD_WRITE or c.flags & CLIENT_MULTI_WRITES and is_exec(call.spec)):
        return 0
    refuse_by_role(s, c, call, READ_ONLY)
    return 1


cdef object write_refusal(Server* s):
    """Why an embedded call may not write."""
    if log_error(s):
        return log_not_safe(s)
    return ReplyError(READ_ONLY.decode() if refuses_writes(s) else NO_REPLICAS.decode())


cdef bint queued_need_data(Server* s, const Client* c) noexcept nogil:
    """Whether one of the queued commands may not run on old data."""
    cdef const CommandSpec* spec
    cdef int i
    for i in range(c.queued_count):
        spec = find_spec(table_of(s.store), c.queued[i].argv, c.queued[i].argc)
        if spec != NULL and not spec.flags & CMD_STALE:
            return 1
    return 0


cdef bint role_refuses_stale(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether the command needs data and they are old; then it has its reply."""
    if not refuses_stale(s) or c.flags & CLIENT_EXECUTING:
        return 0
    if call.spec.flags & CMD_STALE and not (is_exec(call.spec) and queued_need_data(s, c)):
        return 0
    refuse_by_role(s, c, call, b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
    return 1
