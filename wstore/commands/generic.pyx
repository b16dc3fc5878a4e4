"""Commands on whole keys of any type: DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME, RENAMENX, COPY, MOVE.

A value that changes its name or database is taken out as the bytes of its value area and put back: nothing is
decoded, and a value outside the record is handed over by its pointer.
"""

cdef enum KeyAction:
    KEY_DELETE
    KEY_EXISTS
    KEY_TOUCH

cdef struct Taken:          # a value on its way between two keys; its owner is whoever holds this
    Value value
    int64_t expire_ms
    void* heap              # room for the bytes if they are many, else NULL
    uint8_t room[EMBED_MAX]


# -- any number of keys --------------------------------------------------------------------------------

cdef inline int act_on_key(Call* c, const Key* key, KeyAction action) noexcept nogil:
    """1 if there is such a key."""
    cdef Entry e
    if action == KEY_EXISTS:
        return peek(c, key, &e)
    if action == KEY_TOUCH:
        return c.api.lookup(c.store, c.db, key, &e, LOOKUP_READ)
    if not c.api.lookup(c.store, c.db, key, &e, LOOKUP_DELETE):
        return 0
    c.api.remove(c.store, c.db, key, &e)
    note_change(c, c.db, key, EVENT_GENERIC, b"del")
    return 1


cdef inline int64_t act_on_batches(Call* c, KeyAction action) noexcept nogil:
    cdef Key keys[BATCH_KEYS]
    cdef int64_t found = 0
    cdef int at = 1
    cdef int n, i
    while at < c.argc:
        n = hash_keys(c, at, 1, keys)
        for i in range(n):
            found += act_on_key(c, &keys[i], action)
        at += n
    return found


cdef inline int64_t act_on_keys(Call* c, KeyAction action) noexcept nogil:
    """How many of the keys argv[1:] there are; a key named twice counts twice."""
    if c.argc == 2:
        return act_on_key(c, &c.key, action)
    return act_on_batches(c, action)


cdef void cmd_del(Call* c) noexcept nogil:
    cdef int64_t removed = act_on_keys(c, KEY_DELETE)
    c.store.dirty += removed
    reply_int(c, removed)


cdef void cmd_exists(Call* c) noexcept nogil:
    reply_int(c, act_on_keys(c, KEY_EXISTS))


cdef void cmd_touch(Call* c) noexcept nogil:
    reply_int(c, act_on_keys(c, KEY_TOUCH))


cdef void cmd_type(Call* c) noexcept nogil:
    cdef Entry e
    if peek(c, &c.key, &e):
        reply_simple(c, c.store.types[e.type].name)
    else:
        reply_simple(c, b"none")


# -- values that move ----------------------------------------------------------------------------------

cdef void take_value(Call* c, Db* db, const Key* key, Entry* e, Taken* out) noexcept nogil:
    """Take an entry, found by LOOKUP_WRITE just before, out of the keyspace with its value and TTL."""
    cdef void* bytes = out.room
    out.heap = NULL
    if e.len > sizeof(out.room):
        out.heap = c.api.alloc(e.len)
        bytes = out.heap
    memcpy(bytes, e.value, e.len)
    out.value.ptr = bytes
    out.value.len = e.len
    out.value.type = e.type
    out.value.enc = e.enc
    out.expire_ms = e.expire_ms
    c.api.detach(c.store, db, key, e)


cdef void place_value(Call* c, Db* db, const Key* key, Taken* taken) noexcept nogil:
    """Store a taken value under key, in place of what is there."""
    cdef Entry old
    if c.api.lookup(c.store, db, key, &old, LOOKUP_WRITE):
        c.api.remove(c.store, db, key, &old)
    c.api.put(c.store, db, key, &old, &taken.value, taken.expire_ms)
    if taken.heap is not NULL:
        c.api.free(taken.heap)


cdef inline void move_value(Call* c, Entry* e, Db* to_db, const Key* to) noexcept nogil:
    """Move the value of c.key, whose entry LOOKUP_WRITE gave just before."""
    cdef Taken taken
    cdef bint renames = to_db == c.db
    take_value(c, c.db, &c.key, e, &taken)
    place_value(c, to_db, to, &taken)
    note_change(c, c.db, &c.key, EVENT_GENERIC, b"rename_from" if renames else b"move_from")
    note_change(c, to_db, to, EVENT_GENERIC, b"rename_to" if renames else b"move_to")
    c.store.dirty += 1


cdef bint find_source(Call* c, Entry* e, Key* to) noexcept nogil:
    """Look c.key up for a change and hash the new name; replies with an error and returns 0 without the key."""
    if not c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_WRITE):
        reply_error(c, b"ERR no such key")
        return False
    c.api.key(c.store, c.argv[2], to)
    return True


cdef inline bint same_name(const Key* a, const Key* b) noexcept nogil:
    return same_bytes(a.ptr, a.len, b.ptr, b.len)


cdef void cmd_rename(Call* c) noexcept nogil:
    cdef Entry e
    cdef Key to
    if not find_source(c, &e, &to):
        return
    if not same_name(&c.key, &to):
        move_value(c, &e, c.db, &to)
    reply_ok(c)


cdef void cmd_renamenx(Call* c) noexcept nogil:
    cdef Entry e
    cdef Key to
    if not find_source(c, &e, &to):
        return
    if c.api.lookup(c.store, c.db, &to, &e, LOOKUP_WRITE):
        reply_int(c, 0)
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    move_value(c, &e, c.db, &to)
    reply_int(c, 1)


cdef void cmd_move(Call* c) noexcept nogil:
    cdef int index
    cdef Db* to_db
    cdef Entry e
    if not arg_db(c, 2, &index):
        return
    if index == c.db.index:
        reply_error(c, b"ERR source and destination objects are the same")
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        reply_int(c, 0)
        return
    to_db = c.api.db(c.store, index)
    if c.api.lookup(c.store, to_db, &c.key, &e, LOOKUP_WRITE):
        reply_int(c, 0)
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    move_value(c, &e, to_db, &c.key)
    reply_int(c, 1)


# -- COPY ----------------------------------------------------------------------------------------------

cdef bint copy_options(Call* c, int* index, bint* replace) noexcept nogil:
    cdef int i = 3
    while i < c.argc:
        if arg_is(c, i, b"replace"):
            replace[0] = True
        elif arg_is(c, i, b"db") and i + 1 < c.argc:
            i += 1
            if not arg_db(c, i, index):
                return False
        else:
            reply_syntax_error(c)
            return False
        i += 1
    return True


cdef bint clear_target(Call* c, Db* to_db, const Key* to, bint replace) noexcept nogil:
    """Whether `to` is free now."""
    cdef Entry e
    if not c.api.lookup(c.store, to_db, to, &e, LOOKUP_WRITE):
        return True
    if replace:
        c.api.remove(c.store, to_db, to, &e)
    return replace


cdef void cmd_copy(Call* c) noexcept nogil:
    cdef int index = c.db.index
    cdef bint replace = False
    cdef Db* to_db
    cdef Entry e
    cdef Key to
    if not copy_options(c, &index, &replace):
        return
    c.api.key(c.store, c.argv[2], &to)
    if index == c.db.index and same_name(&c.key, &to):
        reply_error(c, b"ERR source and destination objects are the same")
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_int(c, 0)
        return
    to_db = c.api.db(c.store, index)
    if not clear_target(c, to_db, &to, replace):
        reply_int(c, 0)
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_NOTOUCH)
    c.store.types[e.type].copy(c.store, to_db, &to, &e, e.expire_ms)
    note_change(c, to_db, &to, EVENT_GENERIC, b"copy_to")
    c.store.dirty += 1
    reply_int(c, 1)


cdef CommandSpec[9] GENERIC_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"del", -2, CMD_WRITE, 1, -1, 1, cmd_del, NULL, NULL],
    [b"unlink", -2, CMD_WRITE | CMD_FAST, 1, -1, 1, cmd_del, NULL, NULL],
    [b"exists", -2, CMD_READONLY | CMD_FAST, 1, -1, 1, cmd_exists, NULL, NULL],
    [b"touch", -2, CMD_READONLY | CMD_FAST, 1, -1, 1, cmd_touch, NULL, NULL],
    [b"type", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_type, NULL, NULL],
    [b"rename", 3, CMD_WRITE, 1, 2, 1, cmd_rename, NULL, NULL],
    [b"renamenx", 3, CMD_WRITE | CMD_FAST, 1, 2, 1, cmd_renamenx, NULL, NULL],
    [b"copy", -3, CMD_WRITE | CMD_DENYOOM, 1, 2, 1, cmd_copy, NULL, NULL],
    [b"move", 3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_move, NULL, NULL],
]
