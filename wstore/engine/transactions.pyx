# MULTI: commands that a client has queued, and running them as one.
#
# A queued command is one piece of memory: its QueuedCall, the slices of its arguments, then their bytes. It keeps no
# spec: EXEC looks the command up again, so that a reload in between does no harm.
#
# Invariant: a client has queued commands only while CLIENT_MULTI is set.


cdef QueuedCall* queued_copy(const Call* call) noexcept nogil:
    cdef size_t size = sizeof(QueuedCall) + call.argc * sizeof(Str)
    cdef QueuedCall* q
    cdef char* to
    cdef int i
    for i in range(call.argc):
        size += call.argv[i].len
    q = <QueuedCall*>ws_alloc(size)
    q.size_bytes = size
    q.argc = call.argc
    to = <char*>(q.argv + call.argc)
    for i in range(call.argc):
        memcpy(to, call.argv[i].ptr, call.argv[i].len)
        q.argv[i].ptr = to
        q.argv[i].len = call.argv[i].len
        to += call.argv[i].len
    return q


cdef size_t queued_text_bytes(const Client* c) noexcept nogil:
    """What CLIENT LIST shows as multi-mem, as Redis counts it: the arguments' bytes, and 8 for each of them."""
    cdef const QueuedCall* q
    cdef size_t total = 0
    cdef int i
    for i in range(c.queued_count):
        q = c.queued[i]
        total += q.size_bytes - sizeof(QueuedCall) - q.argc * (sizeof(Str) - 8)
    return total


cdef bint runs_in_multi(const CommandSpec* spec) noexcept nogil:
    """Commands that a transaction does not queue."""
    return (strcmp(spec.name, b"exec") == 0 or strcmp(spec.name, b"discard") == 0 or strcmp(spec.name, b"multi") == 0
            or strcmp(spec.name, b"watch") == 0 or strcmp(spec.name, b"quit") == 0 or strcmp(spec.name, b"reset") == 0)


cdef void queue_call(Client* c, Call* call) noexcept nogil:
    if c.queued_count == c.queued_cap:
        c.queued_cap = max(8, c.queued_cap * 2)
        c.queued = <QueuedCall**>ws_realloc(c.queued, c.queued_cap * sizeof(QueuedCall*))
    c.queued[c.queued_count] = queued_copy(call)
    c.queued_bytes += c.queued[c.queued_count].size_bytes
    c.queued_count += 1
    if call.spec.flags & (CMD_WRITE | CMD_MAY_REPLICATE):
        c.flags |= CLIENT_MULTI_WRITES
    reply_simple(call, b"QUEUED")


cdef void multi_end(Client* c) noexcept nogil:
    """Forget the transaction."""
    cdef int i
    for i in range(c.queued_count):
        ws_free(c.queued[i])
    ws_free(c.queued)
    c.queued = NULL
    c.queued_count = 0
    c.queued_cap = 0
    c.queued_bytes = 0
    c.flags &= ~<uint32_t>(CLIENT_MULTI | CLIENT_MULTI_FAILED | CLIENT_MULTI_WRITES | CLIENT_EXECUTING)


cdef void prepare_queued(Server* s, Client* c, QueuedCall* q, Call* call) noexcept nogil:
    """The call that was kept, ready for run_call."""
    memset(call, 0, sizeof(Call))
    call.api = s.store.api
    call.store = s.store
    call.client = c
    call.argv = q.argv
    call.argc = q.argc
    call.spec = find_spec(table_of(s.store), q.argv, q.argc)
    if call.spec != NULL and 0 < call.spec.first_key < q.argc:
        ks_key(s.store, q.argv[call.spec.first_key], &call.key)


cdef void run_queued(Server* s, Client* c, QueuedCall* q) noexcept nogil:
    """A client that one of the commands has closed gets no replies of those behind it."""
    cdef Call call
    cdef bint ended = (c.flags & CLIENT_CLOSE_AFTER_REPLY) != 0
    cdef size_t start = c.out.len
    prepare_queued(s, c, q, &call)
    run_call(s, c, &call)
    if ended:
        c.out.len = start


cdef void api_multi(Call* call) noexcept nogil:
    cdef Client* c = <Client*>call.client
    if c.flags & CLIENT_MULTI:
        reply_error(call, b"ERR MULTI calls can not be nested")
    elif c.flags & CLIENT_INTERNAL:
        reply_error(call, b"ERR MULTI needs a connection")
    else:
        c.flags |= CLIENT_MULTI
        reply_ok(call)


cdef void api_discard(Call* call) noexcept nogil:
    if not (<Client*>call.client).flags & CLIENT_MULTI:
        reply_error(call, b"ERR DISCARD without MULTI")
        return
    multi_end(<Client*>call.client)
    watch_end(server_of(call.store), <Client*>call.client)
    reply_ok(call)


cdef void api_exec(Call* call) noexcept nogil:
    """Run what is queued, nothing of other clients in between, one reply for all; null if a watched key changed."""
    cdef Client* c = <Client*>call.client
    cdef Server* s = server_of(call.store)
    cdef bint broken
    cdef CommandStats* stats = c.last_stats
    cdef int i
    if not c.flags & CLIENT_MULTI:
        reply_error(call, b"ERR EXEC without MULTI")
        return
    broken = watch_broken(s, c)
    watch_end(s, c)
    if c.flags & CLIENT_MULTI_FAILED:
        multi_end(c)
        reply_error(call, b"EXECABORT Transaction discarded because of previous errors.")
    elif broken:
        multi_end(c)
        reply_null_array(call)
    else:
        c.flags = c.flags & ~<uint32_t>CLIENT_MULTI | CLIENT_EXECUTING
        reply_array(call, c.queued_count)
        for i in range(c.queued_count):
            run_queued(s, c, c.queued[i])
        c.last_stats = stats
        s.stream.said = 1           # by the commands that it ran
        multi_end(c)
