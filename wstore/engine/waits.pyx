# Commands that need replicas: WAIT, and writes with min-replicas-to-write.
#
# A client in WAIT is blocked as one that waits for a key is (blocking.pyx), with Blocked.replicas set in place of keys,
# and in Replication.waiters. Replicas are asked how far they are in the same turn.

cdef const char* NO_REPLICAS = b"NOREPLICAS Not enough good replicas to write."


cdef int64_t replicas_with(const Server* s, int64_t offset) noexcept nogil:
    """How many have applied the stream up to there, by their own word."""
    cdef int64_t count = 0
    cdef size_t i
    for i in range(s.repl.replica_count):
        if is_online(replica_of(s.repl.replicas[i])) and replica_of(s.repl.replicas[i]).acked >= offset:
            count += 1
    return count


cdef void api_wait_replicas(Call* call, int64_t wanted, int64_t deadline_ms) noexcept nogil:
    cdef Client* c = <Client*>call.client
    cdef Server* s = server_of(call.store)
    cdef Replication* repl = &s.repl
    cdef int64_t offset = min(c.written_end, s.stream.end)
    cdef int64_t count = replicas_with(s, offset)
    if count >= wanted or c.flags & (CLIENT_INTERNAL | CLIENT_EXECUTING):
        reply_int(call, count)
        return
    block_client(s, c, call, 0, 0, deadline_ms)
    c.blocked.replicas = wanted
    c.blocked.offset = offset
    if repl.waiter_count == repl.waiter_cap:
        repl.waiter_cap = repl.waiter_cap * 2 + 16
        repl.waiters = <Client**>ws_realloc(repl.waiters, repl.waiter_cap * sizeof(Client*))
    repl.waiters[repl.waiter_count] = c
    repl.waiter_count += 1
    repl.ask = 1


cdef void forget_waiter(Server* s, const Client* c) noexcept nogil:
    """It waits for replicas no more."""
    cdef Replication* repl = &s.repl
    cdef size_t i = 0
    while repl.waiters[i] != c:
        i += 1
    repl.waiter_count -= 1
    memmove(&repl.waiters[i], &repl.waiters[i + 1], (repl.waiter_count - i) * sizeof(Client*))


cdef void serve_waiters(Server* s) noexcept nogil:
    """Replicas have told how far they are: reply to those for whom that is enough."""
    cdef size_t i = 0
    cdef Client* c
    if not s.repl.acks_moved:
        return
    s.repl.acks_moved = 0
    while i < s.repl.waiter_count:
        c = s.repl.waiters[i]
        if replicas_with(s, c.blocked.offset) >= c.blocked.replicas:
            end_blocked(s, c, 0, NULL)
        else:
            i += 1


# -- min-replicas-to-write -----------------------------------------------------------------------------------------

cdef int64_t good_replicas(const Server* s) noexcept nogil:
    """Those in step that were heard of within min-replicas-max-lag."""
    cdef int64_t since_s = s.store.now_ms // 1000 - s.store.config.min_replicas_max_lag
    cdef int64_t count = 0
    cdef const Replica* r
    cdef size_t i
    for i in range(s.repl.replica_count):
        r = replica_of(s.repl.replicas[i])
        if is_online(r) and replica_heard_ms(r) // 1000 >= since_s:
            count += 1
    return count


cdef inline bint lacks_replicas(const Server* s) noexcept nogil:
    """Whether a master has too few replicas to take writes."""
    cdef const Config* config = &s.store.config
    return (config.min_replicas_to_write > 0 and config.min_replicas_max_lag > 0 and not s.store.is_replica
            and good_replicas(s) < config.min_replicas_to_write)


cdef bint refuses_without_replicas(Server* s, Client* c, Call* call) noexcept nogil:
    """Whether the command writes and there are too few replicas; then it has its reply."""
    if not lacks_replicas(s) or c.flags & CLIENT_EXECUTING or s.store.loading:
        return 0
    if not (call.spec.flags & CMD_WRITE or c.flags & CLIENT_MULTI_WRITES and is_exec(call.spec)):
        return 0
    refuse_by_role(s, c, call, NO_REPLICAS)
    return 1
