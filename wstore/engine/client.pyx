# Clients: making, closing, freeing them; limits on their output; reading what they send.

cdef enum:
    LOG_DEBUG = 0
    LOG_VERBOSE = 1
    LOG_NOTICE = 2
    LOG_WARNING = 3
    UNAUTHENTICATED_INPUT_MAX = 1 << 20


cdef class Session


cdef Client* client_new(Server* s, int fd, int resp) noexcept nogil:
    """A client at the end of the list; authenticated if no password is asked for."""
    cdef Client* c = <Client*>ws_alloc(sizeof(Client))
    memset(c, 0, sizeof(Client))
    s.last_client_id += 1
    c.id = s.last_client_id
    c.fd = fd
    c.resp = resp
    c.bulk_len = NO_BULK
    c.created_ms = ws_unix_ms()
    c.active_ms = c.created_ms
    if not s.store.config.requires_auth:
        c.flags = CLIENT_AUTHENTICATED
    c.prev = s.last
    if s.last == NULL:
        s.first = c
    else:
        s.last.next = c
    s.last = c
    s.client_count += 1
    return c


cdef void client_unlink(Server* s, Client* c) noexcept nogil:
    if c.prev == NULL:
        s.first = c.next
    else:
        c.prev.next = c.next
    if c.next == NULL:
        s.last = c.prev
    else:
        c.next.prev = c.prev
    if s.sweep == c:
        s.sweep = c.next
    s.client_count -= 1


cdef void client_close(Server* s, Client* c) noexcept nogil:
    """Close at once; the struct stays until bury_clients, since lists of this turn may name it."""
    if c.flags & CLIENT_CLOSED:
        return
    if c.flags & CLIENT_MONITOR:
        s.monitor_count -= 1
    forget_blocked(s, c)
    links_drop_all(s, c)
    if c.replica != NULL:
        replica_forget(s, c)
    c.flags |= CLIENT_CLOSED
    if c.fd >= 0:
        close(c.fd)
    c.fd = -1
    client_unlink(s, c)
    c.next_closed = s.graveyard
    s.graveyard = c


cdef void client_close_asap(Server* s, Client* c) noexcept nogil:
    """Close it at the end of this turn, whatever it still has to be sent."""
    if c.flags & (CLIENT_CLOSED | CLIENT_CLOSE_ASAP) == 0:
        c.flags |= CLIENT_CLOSE_ASAP
        s.closing_count += 1


cdef void drop_session(Client* c) noexcept with gil:
    cdef Session session = <Session>c.session
    session.client = NULL
    Py_DECREF(session)


cdef void client_free(Client* c) noexcept nogil:
    if c.session != NULL:
        drop_session(c)
    if c.in_cap > 0:
        ws_free(c.in_buf)
    output_release(c)
    multi_end(c)
    ws_free(c.args)
    ws_free(c.name)
    ws_free(c.lib_name)
    ws_free(c.lib_ver)
    ws_free(c)


cdef void bury_clients(Server* s) noexcept nogil:
    """Free closed clients; only while `ready`, `writers` and the batch are empty."""
    cdef Client* c
    s.out_client = NULL
    while s.graveyard != NULL:
        c = s.graveyard
        s.graveyard = c.next_closed
        client_free(c)


cdef void close_marked(Server* s) noexcept nogil:
    cdef Client* c = s.first
    cdef Client* next_client
    while c != NULL and s.closing_count > 0:
        next_client = c.next
        if c.flags & CLIENT_CLOSE_ASAP:
            s.closing_count -= 1
            client_close(s, c)
        c = next_client
    s.closing_count = 0


cdef void set_text(char** field, const char* p, size_t n) noexcept nogil:
    """Replace an owned NUL-terminated string; nothing for n = 0."""
    ws_free(field[0])
    field[0] = NULL
    if n > 0:
        field[0] = <char*>ws_alloc(n + 1)
        memcpy(field[0], p, n)
        field[0][n] = 0


# -- limits ------------------------------------------------------------------------------------------------

cdef void check_output_limit(Server* s, Client* c) noexcept nogil:
    """client-output-buffer-limit: close a client that has too much, or somewhat less for too long."""
    cdef int64_t used = <int64_t>(c.out.len - c.sent)
    cdef int kind = 2 if c.flags & CLIENT_PUBSUB else 0
    cdef int64_t hard = s.store.config.obuf_hard[kind]
    cdef int64_t soft = s.store.config.obuf_soft[kind]
    cdef int64_t now_s = s.store.now_ms // 1000
    if soft == 0 or used < soft:
        c.soft_limit_since_s = 0
    elif c.soft_limit_since_s == 0:
        c.soft_limit_since_s = now_s
    if (hard > 0 and used >= hard) or (
            c.soft_limit_since_s > 0 and now_s - c.soft_limit_since_s > s.store.config.obuf_soft_seconds[kind]):
        s.store.stats.output_buffer_limit_disconnections += 1
        s.store.api.log(s.store, LOG_WARNING, b"A client is closed: it passed client-output-buffer-limit")
        client_close_asap(s, c)


cdef bint input_over_limit(Server* s, Client* c) noexcept nogil:
    cdef int64_t used = <int64_t>(c.in_len - c.cmd_start)
    if used > s.store.config.client_query_buffer_limit:
        return 1
    return used > UNAUTHENTICATED_INPUT_MAX and must_authenticate(s, c)


cdef inline bint must_authenticate(Server* s, Client* c) noexcept nogil:
    return s.store.config.requires_auth and not c.flags & CLIENT_AUTHENTICATED


# -- reading -----------------------------------------------------------------------------------------------

cdef void client_read(Server* s, Client* c) noexcept nogil:
    """Receive once from a readable client; it is then in `ready`, or closed."""
    cdef ssize_t n = input_receive(s, c)
    if n == -1:
        input_settle(c)
        return
    if n <= 0:
        client_close(s, c)
        return
    c.active_ms = s.store.now_ms
    if c.flags & CLIENT_CLOSE_AFTER_REPLY:
        c.in_len = c.in_pos = c.cmd_start = 0
    elif input_over_limit(s, c):
        s.store.stats.query_buffer_limit_disconnections += 1
        s.store.api.log(s.store, LOG_WARNING, b"A client is closed: it passed client-query-buffer-limit")
        client_close(s, c)
        return
    add_ready(s, c)


cdef void add_ready(Server* s, Client* c) noexcept nogil:
    if s.ready_count == s.ready_cap:
        s.ready_cap = s.ready_cap * 2 + 64
        s.ready = <Client**>ws_realloc(s.ready, s.ready_cap * sizeof(Client*))
    s.ready[s.ready_count] = c
    s.ready_count += 1
