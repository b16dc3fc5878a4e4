"""Members taken from either end of a sorted set, also by clients that wait for one: ZPOPMIN, ZPOPMAX, ZMPOP,
BZPOPMIN, BZPOPMAX, BZMPOP.

A blocked command runs again when one of its keys has become ready, and then looks at that key only.
"""
cdef enum:
    ZPOP_ONE = -1           # no count was given: one member, in a flat reply

cdef struct ZPop:           # one command that pops
    int first               # index in argv of the first key
    int key_count
    bint highest            # from the end with the highest scores
    bint with_key           # the reply names the key
    bint nested             # the reply has an array for each member
    int64_t count           # members at most, or ZPOP_ONE


# -- popping -------------------------------------------------------------------------------------------
cdef void zpop_reply_head(Call* c, const ZPop* p, const Key* key, int64_t members) noexcept nogil:
    cdef int64_t items = members if p.nested else 2 * members
    if not p.with_key:
        reply_array(c, items)
        return
    reply_array(c, 2 if p.nested else 1 + items)
    reply_bulk(c, key.ptr, key.len)
    if p.nested:
        reply_array(c, items)


cdef void zpop_effect(Call* c, const ZPop* p, const Key* key, int64_t members) noexcept nogil:
    """In the log, the command of one key that does not wait; ZPOPMIN and ZPOPMAX themselves stay as they came."""
    cdef const char* name = b"ZPOPMAX" if p.highest else b"ZPOPMIN"
    if p.with_key and p.nested:
        effect_key_number(c, name, key, members)
    elif p.with_key:
        effect_key(c, name, key)


cdef void zpop_from(Call* c, const ZPop* p, const Key* key, Entry* e) noexcept nogil:
    """Pop from a key that LOOKUP_WRITE found just before, and reply."""
    cdef uint64_t size = zset_count(e)
    cdef uint64_t members = min(<uint64_t>(1 if p.count == ZPOP_ONE else p.count), size)
    cdef uint64_t first = size - members if p.highest else 0
    cdef ZCursor cursor
    cdef Element member
    cdef double score
    cdef uint64_t _
    zpop_effect(c, p, key, <int64_t>members)
    zpop_reply_head(c, p, key, <int64_t>members)
    zset_at_rank(c.store, e, 0, p.highest, &cursor)
    for _ in range(members):
        zset_next(&cursor, &member, &score)
        if p.nested:
            reply_array(c, 2)
        reply_element(c, &member)
        reply_double(c, score)
    zset_remove_rank_range(c, key, e, first, first + members - 1)
    c.store.dirty += <int64_t>members
    note_change(c, c.db, key, EVENT_ZSET, b"zpopmax" if p.highest else b"zpopmin")
    if members == size:
        note_event(c, c.db, key, EVENT_GENERIC, b"del")


cdef bint zpop_try(Call* c, const ZPop* p) noexcept nogil:
    """Pop from the first key that exists; 0: none does. Replies if it does, also with an error."""
    cdef Key key
    cdef Entry e
    cdef int i
    for i in range(p.first, p.first + p.key_count):
        c.api.key(c.store, c.argv[i], &key)
        if not c.api.lookup(c.store, c.db, &key, &e, LOOKUP_WRITE):
            continue
        if require_type(c, &e, TYPE_ZSET):
            if p.count == 0:
                reply_array(c, 0)
            else:
                zpop_from(c, p, &key, &e)
        return True
    return False


cdef bint zpop_try_ready(Call* c, const ZPop* p) noexcept nogil:
    """Pop from the key that has become ready; 0: it is no sorted set any more."""
    cdef Key key
    cdef Entry e
    c.api.key(c.store, c.argv[c.ready_arg], &key)
    if not c.api.lookup(c.store, c.db, &key, &e, LOOKUP_WRITE) or e.type != TYPE_ZSET:
        return False
    zpop_from(c, p, &key, &e)
    return True


cdef void zpop_or_wait(Call* c, const ZPop* p, int64_t deadline_ms) noexcept nogil:
    if zpop_try_ready(c, p) if c.ready_arg != 0 else zpop_try(c, p):
        return
    if not c.api.block(c, p.first, p.key_count, deadline_ms):
        reply_null_array(c)


# -- the commands that pop -----------------------------------------------------------------------------
cdef void zpop_one_key(Call* c, bint highest) noexcept nogil:
    cdef ZPop p = [1, 1, highest, False, c.resp == 3 and c.argc > 2, ZPOP_ONE]
    if c.argc > 3:
        reply_syntax_error(c)
        return
    if c.argc == 3 and (not ws_str_to_i64(c.argv[2].ptr, c.argv[2].len, &p.count) or p.count < 0):
        reply_error(c, b"ERR value is out of range, must be positive")
        return
    if not zpop_try(c, &p):
        reply_array(c, 0)


cdef void cmd_zpopmin(Call* c) noexcept nogil:
    zpop_one_key(c, False)


cdef void cmd_zpopmax(Call* c) noexcept nogil:
    zpop_one_key(c, True)


cdef void zpop_blocking(Call* c, bint highest) noexcept nogil:
    cdef ZPop p = [1, c.argc - 2, highest, True, False, ZPOP_ONE]
    cdef int64_t deadline_ms
    if arg_timeout(c, c.argc - 1, &deadline_ms):
        zpop_or_wait(c, &p, deadline_ms)


cdef void cmd_bzpopmin(Call* c) noexcept nogil:
    zpop_blocking(c, False)


cdef void cmd_bzpopmax(Call* c) noexcept nogil:
    zpop_blocking(c, True)


cdef bint zpop_positive(Call* c, int i, const char* error, int64_t* out) noexcept nogil:
    if ws_str_to_i64(c.argv[i].ptr, c.argv[i].len, out) and out[0] >= 1:
        return True
    reply_error(c, error)
    return False


cdef bint zpop_options(Call* c, int at, ZPop* p) noexcept nogil:
    """MIN or MAX at argv[at], then COUNT or nothing."""
    p.highest = arg_is(c, at, b"max")
    if not p.highest and not arg_is(c, at, b"min"):
        reply_syntax_error(c)
        return False
    p.count = 1
    if c.argc == at + 1:
        return True
    if c.argc > at + 2 and arg_is(c, at + 1, b"count"):
        if not zpop_positive(c, at + 2, b"ERR count should be greater than 0", &p.count):
            return False
        if c.argc == at + 3:
            return True
    reply_syntax_error(c)
    return False


cdef bint zpop_several(Call* c, int at, ZPop* p) noexcept nogil:
    """The arguments of ZMPOP and BZMPOP from the number of keys, argv[at], on."""
    cdef int64_t keys
    if not zpop_positive(c, at, b"ERR numkeys should be greater than 0", &keys):
        return False
    if keys >= c.argc - at - 1:
        reply_syntax_error(c)
        return False
    p.first = at + 1
    p.key_count = <int>keys
    p.with_key = True
    p.nested = True
    return zpop_options(c, p.first + p.key_count, p)


cdef void cmd_zmpop(Call* c) noexcept nogil:
    cdef ZPop p
    if zpop_several(c, 1, &p) and not zpop_try(c, &p):
        reply_null_array(c)


cdef void cmd_bzmpop(Call* c) noexcept nogil:
    cdef ZPop p
    cdef int64_t deadline_ms
    if zpop_several(c, 2, &p) and arg_timeout(c, 1, &deadline_ms):
        zpop_or_wait(c, &p, deadline_ms)


cdef CommandSpec[6] ZSET_POP_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"zpopmin", -2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_zpopmin, NULL, NULL],
    [b"zpopmax", -2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_zpopmax, NULL, NULL],
    [b"zmpop", -4, CMD_WRITE | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_zmpop, NULL, NULL],
    [b"bzpopmin", -3, CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING | CMD_FAST, 1, -2, 1, cmd_bzpopmin, NULL, NULL],
    [b"bzpopmax", -3, CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING | CMD_FAST, 1, -2, 1, cmd_bzpopmax, NULL, NULL],
    [b"bzmpop", -5, CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS, 0, 0, 0, cmd_bzmpop, NULL, NULL],
]
