"""Sets: SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SSCAN. Algebra and random members have own files."""


cdef inline bint find_set(Call* c, Entry* e) noexcept nogil:
    """Look c.key up to read; e.rec NULL: no such key. 0: another type, and the error is replied."""
    if not c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_READ):
        e.rec = NULL
        return True
    return require_type(c, e, TYPE_SET)


cdef inline bint find_set_to_change(Call* c, const Key* key, Entry* e) noexcept nogil:
    """The same for a key that may be changed."""
    if not c.api.lookup(c.store, c.db, key, e, LOOKUP_WRITE):
        e.rec = NULL
        return True
    return require_type(c, e, TYPE_SET)


cdef inline void note_set_change(Call* c, const Key* key, const char* event, bint emptied) noexcept nogil:
    note_change(c, c.db, key, EVENT_SET, event)
    if emptied:
        note_event(c, c.db, key, EVENT_GENERIC, b"del")


# -- adding and removing -----------------------------------------------------------------------------------
cdef void cmd_sadd(Call* c) noexcept nogil:
    cdef SetBuilder b
    cdef Entry e
    cdef Element member
    cdef int64_t added = 0
    cdef int i
    if not find_set_to_change(c, &c.key, &e):
        return
    set_edit(c.store, &b, &e)
    for i in range(2, c.argc):
        element_of(c.argv[i], &member)
        added += set_build_add(&b, &member)
    if added > 0:
        set_store(&b, c.db, &c.key, &e, KEEP_TTL)
        note_set_change(c, &c.key, b"sadd", False)
    c.store.dirty += added
    reply_int(c, added)


cdef void cmd_srem(Call* c) noexcept nogil:
    cdef SetBuilder b
    cdef Entry e
    cdef Element member
    cdef int64_t removed = 0
    cdef int i
    if not find_set_to_change(c, &c.key, &e):
        return
    if e.rec is NULL:
        reply_int(c, 0)
        return
    set_edit(c.store, &b, &e)
    for i in range(2, c.argc):
        element_of(c.argv[i], &member)
        removed += set_build_remove(&b, &member)
    if removed > 0:
        note_set_change(c, &c.key, b"srem", not set_store(&b, c.db, &c.key, &e, KEEP_TTL))
    c.store.dirty += removed
    reply_int(c, removed)


cdef bint move_out(Call* c, Entry* e, const Element* member) noexcept nogil:
    """Take a member out of the set at c.key; 0: it is not there."""
    cdef SetBuilder b
    set_edit(c.store, &b, e)
    if not set_build_remove(&b, member):
        return False
    note_set_change(c, &c.key, b"srem", not set_store(&b, c.db, &c.key, e, KEEP_TTL))
    c.store.dirty += 1
    return True


cdef void move_in(Call* c, const Key* to, const Element* member) noexcept nogil:
    cdef SetBuilder b
    cdef Entry e
    if not c.api.lookup(c.store, c.db, to, &e, LOOKUP_WRITE):
        e.rec = NULL
    set_edit(c.store, &b, &e)
    if set_build_add(&b, member):
        set_store(&b, c.db, to, &e, KEEP_TTL)
        note_set_change(c, to, b"sadd", False)
        c.store.dirty += 1


cdef void cmd_smove(Call* c) noexcept nogil:
    cdef Key to
    cdef Entry e
    cdef Element member
    c.api.key(c.store, c.argv[2], &to)
    c.api.lookup(c.store, c.db, &to, &e, LOOKUP_WRITE)
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        reply_int(c, 0)
        return
    if not require_type(c, &e, TYPE_SET) or not find_set_to_change(c, &to, &e):
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    element_of(c.argv[3], &member)
    if same_name(&c.key, &to):
        reply_int(c, set_has(&e, &member))
    elif move_out(c, &e, &member):
        move_in(c, &to, &member)
        reply_int(c, 1)
    else:
        reply_int(c, 0)


# -- asking ------------------------------------------------------------------------------------------------
cdef void cmd_sismember(Call* c) noexcept nogil:
    cdef Entry e
    cdef Element member
    if not find_set(c, &e):
        return
    element_of(c.argv[2], &member)
    reply_int(c, e.rec is not NULL and set_has(&e, &member))


cdef void cmd_smismember(Call* c) noexcept nogil:
    cdef Entry e
    cdef Element member
    cdef int i
    if not find_set(c, &e):
        return
    reply_array(c, c.argc - 2)
    for i in range(2, c.argc):
        element_of(c.argv[i], &member)
        reply_int(c, e.rec is not NULL and set_has(&e, &member))


cdef void cmd_scard(Call* c) noexcept nogil:
    cdef Entry e
    if find_set(c, &e):
        reply_int(c, 0 if e.rec is NULL else <int64_t>set_count(&e))


# -- walking -----------------------------------------------------------------------------------------------
cdef bint reply_member(void* call, const Element* member, const Element* value, double score) noexcept nogil:
    reply_element(<Call*>call, member)
    return True


cdef void cmd_smembers(Call* c) noexcept nogil:
    cdef Entry e
    if not find_set(c, &e):
        return
    if e.rec is NULL:
        reply_set(c, 0)
        return
    reply_set(c, <int64_t>set_count(&e))
    set_each(c.store, &e, reply_member, c)


cdef bint visit_member(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef Walk* walk = <Walk*>arg
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str text = element_text(member, scratch)
    if walk.pattern.ptr is NULL or ws_glob_match(walk.pattern.ptr, walk.pattern.len, text.ptr, text.len, 0):
        reply_bulk_str(walk.call, text)
        walk.found += 1
    return True


cdef bint sscan_options(Call* c, Walk* walk, int64_t* count) noexcept nogil:
    """argv[3:]; replies with the error itself and returns 0."""
    cdef int i
    for i in range(3, c.argc, 2):
        if arg_is(c, i, b"type"):
            reply_syntax_error(c)
            return False
        if not scan_option(c, i, walk, count):
            return False
    return True


cdef void cmd_sscan(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef int64_t count = SCAN_DEFAULT_COUNT
    cdef uint64_t cursor
    cdef Entry e
    cdef Walk walk
    if not scan_cursor(c.argv[2], &cursor):
        reply_error(c, b"ERR invalid cursor")
        return
    if not find_set(c, &e):
        return
    walk_start(&walk, c)
    if e.rec is NULL:
        insert_cursor(c, start, 0, 0)
    elif sscan_options(c, &walk, &count):
        cursor = set_scan(c.store, &e, cursor, <size_t>count, visit_member, &walk)
        insert_cursor(c, start, cursor, walk.found)


cdef CommandSpec[8] SET_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"sadd", -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_sadd, NULL, NULL],
    [b"srem", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_srem, NULL, NULL],
    [b"smove", 4, CMD_WRITE | CMD_FAST, 1, 2, 1, cmd_smove, NULL, NULL],
    [b"sismember", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_sismember, NULL, NULL],
    [b"smismember", -3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_smismember, NULL, NULL],
    [b"scard", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_scard, NULL, NULL],
    [b"smembers", 2, CMD_READONLY, 1, 1, 1, cmd_smembers, NULL, NULL],
    [b"sscan", -3, CMD_READONLY, 1, 1, 1, cmd_sscan, NULL, NULL],
]
