# Blocking commands: clients that wait for a key, serving them when it is ready, and their deadlines.
#
# `api_block` parks a client with a copy of its command. The client is linked to each of its keys (links.pxd; the
# link's mark is the number of the argument). A change to such a key that leaves a value to wait for puts its name into
# Server.ready_names (the name's mark is its place there, counted from 1). When the command that made the change is
# over, be it EXEC, the names are gone through in that order, each one's clients in the order in which they came: the
# parked command runs again with ready_arg set. It replies, or blocks again and keeps its place. What it changes may
# make further names ready, which follow.
#
# A client in WAIT is blocked without a key: waits.pyx.
#
# A client that has got its reply is in Server.unblocked, its requests behind the parked one wait for the loop to go on
# with them; until then CLIENT_RESUMING stops it, so that a batch that parsed some of them skips them.
#
# Invariants
# * CLIENT_BLOCKED is set if and only if Client.blocked is not NULL; Server.blocked_count counts those clients.
# * Server.deadlines is a heap of the blocked clients that have one, the earliest first; Blocked.place: where.
# * ready_names is empty between two commands; a name in it has links, or its place is NULL.
# * A batch serves names between two of its commands only; serving neither parses nor moves input.


# -- deadlines -----------------------------------------------------------------------------------------------------

cdef inline void deadline_set(Server* s, size_t place, Client* c) noexcept nogil:
    s.deadlines[place] = c
    c.blocked.place = place


cdef void deadline_rise(Server* s, size_t i, Client* c) noexcept nogil:
    """Put c at place i, which is free, or above it."""
    cdef size_t parent
    while i > 0:
        parent = (i - 1) // 2
        if s.deadlines[parent].blocked.deadline_ms <= c.blocked.deadline_ms:
            break
        deadline_set(s, i, s.deadlines[parent])
        i = parent
    deadline_set(s, i, c)


cdef void deadline_sink(Server* s, size_t i, Client* c) noexcept nogil:
    """Put c at place i, which is free, or below it."""
    cdef size_t child = 2 * i + 1
    while child < s.deadline_count:
        if child + 1 < s.deadline_count and (
                s.deadlines[child + 1].blocked.deadline_ms < s.deadlines[child].blocked.deadline_ms):
            child += 1
        if c.blocked.deadline_ms <= s.deadlines[child].blocked.deadline_ms:
            break
        deadline_set(s, i, s.deadlines[child])
        i = child
        child = 2 * i + 1
    deadline_set(s, i, c)


cdef void deadline_add(Server* s, Client* c) noexcept nogil:
    if s.deadline_count == s.deadline_cap:
        s.deadline_cap = s.deadline_cap * 2 + 16
        s.deadlines = <Client**>ws_realloc(s.deadlines, s.deadline_cap * sizeof(Client*))
    s.deadline_count += 1
    deadline_rise(s, s.deadline_count - 1, c)


cdef void deadline_remove(Server* s, Client* c) noexcept nogil:
    cdef size_t place = c.blocked.place
    cdef Client* last
    s.deadline_count -= 1
    last = s.deadlines[s.deadline_count]
    if last != c:
        deadline_sink(s, place, last)
        deadline_rise(s, last.blocked.place, last)


# -- parking -------------------------------------------------------------------------------------------------------

cdef bint api_block(Call* call, int first, int count, int64_t deadline_ms) noexcept nogil:
    cdef Client* c = <Client*>call.client
    if c.flags & CLIENT_BLOCKED:            # it was woken in vain
        c.blocked.again = 1
        return 1
    if c.flags & (CLIENT_INTERNAL | CLIENT_EXECUTING):
        return 0
    block_client(server_of(call.store), c, call, first, count, deadline_ms)
    return 1


cdef void block_client(Server* s, Client* c, const Call* call, int first, int count,
                       int64_t deadline_ms) noexcept nogil:
    cdef Blocked* b = <Blocked*>ws_alloc(sizeof(Blocked))
    cdef Link* link
    cdef Key key
    cdef int i
    memset(b, 0, sizeof(Blocked))
    b.call = queued_copy(call)
    b.deadline_ms = deadline_ms
    c.blocked = b
    c.flags |= CLIENT_BLOCKED
    s.blocked_count += 1
    for i in range(first, first + count):
        ks_key(s.store, b.call.argv[i], &key)
        link = links_add(s, LINK_BLOCKED, c.db, &key, c)
        if link != NULL:                    # else the key was named before
            link.mark = <uint64_t>i
    if deadline_ms > 0:
        deadline_add(s, c)


cdef void count_parked(Server* s, Client* c, CommandStats* stats) noexcept nogil:
    """A command has run up to where it blocked: it counts as called, the slow log and latencies wait for its end."""
    cdef uint64_t now = ws_ticks()
    c.blocked.ticks = now - s.tick
    s.tick = now
    stats.calls += 1
    stats.ticks += c.blocked.ticks
    s.store.stats.commands_processed += 1


cdef void forget_blocked(Server* s, Client* c) noexcept nogil:
    """The client waits no more, if it did; it gets no reply."""
    cdef Link* link
    if c.blocked == NULL:
        return
    while c.links[LINK_BLOCKED].first != NULL:
        link = c.links[LINK_BLOCKED].first
        if link.name.mark > 0 and link.name.count == 1:
            s.ready_names[link.name.mark - 1] = NULL
        links_remove(s, link)
    if c.blocked.deadline_ms > 0:
        deadline_remove(s, c)
    if c.blocked.replicas > 0:
        forget_waiter(s, c)
    ws_free(c.blocked.call)
    ws_free(c.blocked)
    c.blocked = NULL
    c.flags &= ~<uint32_t>CLIENT_BLOCKED
    s.blocked_count -= 1


cdef void release_blocked(Server* s, Client* c) noexcept nogil:
    """The client has its reply: the loop will send it and go on with what it has sent meanwhile."""
    forget_blocked(s, c)
    add_writer(s, c)
    c.active_ms = s.store.now_ms
    c.flags |= CLIENT_RESUMING
    if s.unblocked_count == s.unblocked_cap:
        s.unblocked_cap = s.unblocked_cap * 2 + 16
        s.unblocked = <Client**>ws_realloc(s.unblocked, s.unblocked_cap * sizeof(Client*))
    s.unblocked[s.unblocked_count] = c
    s.unblocked_count += 1


cdef void resume_unblocked(Server* s) noexcept nogil:
    """The loop, between batches: run what unblocked clients have sent."""
    cdef Client* c
    cdef size_t i
    while s.unblocked_count > 0:
        for i in range(s.unblocked_count):
            c = s.unblocked[i]
            c.flags &= ~<uint32_t>CLIENT_RESUMING
            if not c.flags & CLIENT_CLOSED and c.in_len > c.cmd_start:
                add_ready(s, c)
        s.unblocked_count = 0
        serve_ready(s)


# -- ready keys ----------------------------------------------------------------------------------------------------

cdef bint has_awaited(Server* s, LinkName* n) noexcept nogil:
    """Whether the key holds a value of a type that commands wait for."""
    cdef Entry e
    cdef Key key
    links_key(n, &key)
    if not ks_find(st_db(s.store, n.db), &key, &e) or is_expired(s.store, &e):
        return 0
    return e.type == TYPE_LIST or e.type == TYPE_ZSET


cdef void note_ready(Server* s, LinkName* n) noexcept nogil:
    if n.mark > 0 or not has_awaited(s, n):
        return
    if s.ready_name_count == s.ready_name_cap:
        s.ready_name_cap = s.ready_name_cap * 2 + 16
        s.ready_names = <LinkName**>ws_realloc(s.ready_names, s.ready_name_cap * sizeof(LinkName*))
    s.ready_names[s.ready_name_count] = n
    s.ready_name_count += 1
    n.mark = s.ready_name_count
    if s.batch.running >= 0:
        (<Client*>s.batch.calls[s.batch.running].client).flags |= CLIENT_MADE_READY


cdef void blocked_changed(Server* s, Db* db, const Key* key) noexcept nogil:
    """A key has changed: is anybody waiting for it?"""
    cdef LinkName* n = links_find(s, LINK_BLOCKED, db.index, key)
    if n != NULL:
        note_ready(s, n)


cdef void blocked_db_changed(Server* s, int db) noexcept nogil:
    """A database has got other contents."""
    cdef LinkName* n = s.links[LINK_BLOCKED].first
    while n != NULL:
        if n.db == db:
            note_ready(s, n)
        n = n.next


cdef void serve_ready_names(Server* s) noexcept nogil:
    """Serve the clients that wait for keys that have become ready, and for those that this makes ready."""
    cdef bint outer_no_touch = s.store.no_touch
    cdef LinkName* n
    cdef size_t i = 0
    while i < s.ready_name_count:
        n = s.ready_names[i]
        i += 1
        if n != NULL:
            n.mark = 0
            serve_name(s, n)
    s.ready_name_count = 0
    s.store.no_touch = outer_no_touch
    s.tick = ws_ticks()


cdef void serve_name(Server* s, LinkName* n) noexcept nogil:
    """The clients that wait for a key, first come first served, as long as there is something in it."""
    cdef Link* link = n.first
    cdef Link* after
    while link != NULL and has_awaited(s, n):
        after = link.next                   # the name outlives this client if there is one
        if not (<Client*>link.client).flags & CLIENT_ENDING:
            serve_blocked(s, <Client*>link.client, <int>link.mark)
        link = after


cdef void serve_blocked(Server* s, Client* c, int ready_arg) noexcept nogil:
    """Run the parked command of a client for one of its keys."""
    cdef Call call
    cdef size_t start = c.out.len
    cdef uint64_t began = ws_ticks()
    prepare_queued(s, c, c.blocked.call, &call)
    call.out = &c.out
    call.resp = c.resp
    call.now_ms = s.store.now_ms
    call.db = st_db(s.store, c.db)
    call.ready_arg = ready_arg
    s.store.no_touch = c.flags & CLIENT_NO_TOUCH != 0
    c.blocked.again = 0
    s.served = c
    if call.spec == NULL or call.spec.fn == NULL:       # it went with a reload
        refuse_command(&call)
    elif s.store.observers & OBSERVE_LOG:
        run_logged(s, c, &call)
    else:
        call.spec.fn(&call)
    s.served = NULL
    if not c.blocked.again:
        count_served(s, c, &call, ws_ticks() - began)
        after_reply(s, c, &call, start, c.last_stats, 0)
        release_blocked(s, c)
    if c.flags & CLIENT_PUSHED:
        push_kept(s, c, start)


cdef void count_served(Server* s, Client* c, Call* call, uint64_t ticks) noexcept nogil:
    """A parked command has ended: its latency, and the slow log."""
    cdef CommandStats* stats = c.last_stats
    stats.ticks += ticks
    ticks += c.blocked.ticks
    if s.store.config.latency_tracking:
        count_latency(stats, ticks)
    if ticks >= s.slow_ticks and call.spec != NULL and not call.spec.flags & CMD_SKIP_SLOWLOG:
        slow_log_add(s, c, call, ticks)


# -- the end without data ------------------------------------------------------------------------------------------

cdef void end_blocked(Server* s, Client* c, bint asked, const char* error) noexcept nogil:
    """Reply to a client that nothing came for: a null array, to WAIT how many replicas are so far, or an error.
    `asked`: by CLIENT UNBLOCK, which counts as a failure."""
    cdef Call call
    cdef size_t start = c.out.len
    prepare_queued(s, c, c.blocked.call, &call)
    call.out = &c.out
    call.resp = c.resp
    if error != NULL:
        reply_error(&call, error)
    elif c.blocked.replicas > 0:
        reply_int(&call, replicas_with(s, c.blocked.offset))
    else:
        reply_null_array(&call)
    if asked:
        count_served(s, c, &call, 0)
        c.last_stats.failed += 1
    after_reply(s, c, &call, start, NULL, 0)
    release_blocked(s, c)


cdef void end_overdue(Server* s) noexcept nogil:
    """Those whose deadline has passed."""
    cdef int64_t now_ms
    if s.deadline_count == 0:
        return
    now_ms = ws_unix_ms()
    while s.deadline_count > 0 and s.deadlines[0].blocked.deadline_ms <= now_ms:
        end_blocked(s, s.deadlines[0], 0, NULL)


cdef int64_t deadline_wait_ms(Server* s, int64_t most_ms) noexcept nogil:
    """How long until the next deadline, `most_ms` at the most."""
    if s.deadline_count == 0:
        return most_ms
    return max(min(most_ms, s.deadlines[0].blocked.deadline_ms - ws_unix_ms()), <int64_t>0)


cdef bint unblock_client(Server* s, uint64_t client_id, bint with_error) noexcept nogil:
    """CLIENT UNBLOCK; 0: no client of that id waits for a key."""
    cdef Client* c = client_of_id(s, client_id)
    cdef const char* error = b"UNBLOCKED client unblocked via CLIENT UNBLOCK"
    if c == NULL or c.blocked == NULL:
        return 0
    end_blocked(s, c, 1, error if with_error else <const char*>NULL)
    return 1


# -- validation ----------------------------------------------------------------------------------------------------

cdef const char* blocked_validate(Server* s) noexcept nogil:
    """Walk the blocked clients: NULL, or what is wrong."""
    cdef Client* c = s.first
    cdef size_t blocked = 0
    cdef size_t with_deadline = 0
    cdef size_t i
    while c != NULL:
        if (c.flags & CLIENT_BLOCKED != 0) != (c.blocked != NULL):
            return b"a client is marked as blocked, or not, against the facts"
        if (c.blocked == NULL or c.blocked.replicas > 0) != (c.links[LINK_BLOCKED].count == 0):
            return b"a blocked client waits for nothing, or another one waits"
        if c.blocked != NULL:
            blocked += 1
            if c.blocked.deadline_ms > 0:
                with_deadline += 1
                if c.blocked.place >= s.deadline_count or s.deadlines[c.blocked.place] != c:
                    return b"a deadline is not where it should be"
        c = c.next
    if not (blocked == s.blocked_count and with_deadline == s.deadline_count):
        return b"blocked clients are not all counted"
    for i in range(1, s.deadline_count):
        if s.deadlines[(i - 1) // 2].blocked.deadline_ms > s.deadlines[i].blocked.deadline_ms:
            return b"deadlines are out of order"
    return NULL
