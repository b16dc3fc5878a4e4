"""Times to live: the EXPIRE family with its conditions, the TTL family, PERSIST.

A TTL is kept as absolute Unix time in milliseconds.
"""
from libc.stdint cimport INT64_MAX

cdef enum ExpireIf:         # conditions of EXPIRE: bits
    EXPIRE_NX = 1           # the key has no TTL
    EXPIRE_XX = 2           # it has one
    EXPIRE_GT = 4           # the new TTL is later; none counts as endless
    EXPIRE_LT = 8           # it is earlier


# -- setting -------------------------------------------------------------------------------------------

cdef int expire_condition(Call* c, int i) noexcept nogil:
    """The bit of option argv[i], or 0."""
    if arg_is(c, i, b"nx"):
        return EXPIRE_NX
    if arg_is(c, i, b"xx"):
        return EXPIRE_XX
    if arg_is(c, i, b"gt"):
        return EXPIRE_GT
    if arg_is(c, i, b"lt"):
        return EXPIRE_LT
    return 0


cdef bint expire_conditions(Call* c, int* out) noexcept nogil:
    """The options argv[3:]; replies with the error itself and returns 0."""
    cdef int i, bit
    out[0] = 0
    for i in range(3, c.argc):
        bit = expire_condition(c, i)
        if bit == 0:
            reply_error_quoting(c, b"ERR Unsupported option ", c.argv[i], <size_t>INT64_MAX, b"")
            return False
        out[0] |= bit
    if out[0] & EXPIRE_NX and out[0] != EXPIRE_NX:
        reply_error(c, b"ERR NX and XX, GT or LT options at the same time are not compatible")
        return False
    if out[0] & EXPIRE_GT and out[0] & EXPIRE_LT:
        reply_error(c, b"ERR GT and LT options at the same time are not compatible")
        return False
    return True


cdef bint expire_time(Call* c, int64_t base_ms, int64_t unit_ms, int64_t* out) noexcept nogil:
    """argv[2], in units since base_ms, as absolute milliseconds; replies with the error itself and returns 0."""
    cdef int64_t n
    cdef Str name
    if not arg_i64(c, 2, &n):
        return False
    if n > INT64_MAX // unit_ms or n < -(INT64_MAX // unit_ms) - (unit_ms == 1) \
            or n * unit_ms > INT64_MAX - base_ms:
        name.ptr = c.spec.name
        name.len = strlen(c.spec.name)
        reply_error_quoting(c, b"ERR invalid expire time in '", name, name.len, b"' command")
        return False
    out[0] = n * unit_ms + base_ms
    return True


cdef inline bint may_expire(const Entry* e, int64_t when_ms, int conditions) noexcept nogil:
    cdef bint has_ttl = e.expire_ms != NO_EXPIRE
    if conditions & EXPIRE_NX and has_ttl:
        return False
    if conditions & (EXPIRE_XX | EXPIRE_GT) and not has_ttl:
        return False
    if conditions & EXPIRE_GT and when_ms <= e.expire_ms:
        return False
    return not (conditions & EXPIRE_LT and has_ttl and when_ms >= e.expire_ms)


cdef inline bint is_past(Call* c, int64_t when_ms) noexcept nogil:
    """Whether a key that gets this TTL is deleted at once. A replica leaves that to its master."""
    return when_ms <= c.now_ms and not c.store.is_replica and not c.store.loading


cdef inline void expire_key(Call* c, int64_t base_ms, int64_t unit_ms) noexcept nogil:
    cdef int64_t when_ms
    cdef int conditions = 0
    cdef Entry e
    if c.argc > 3 and not expire_conditions(c, &conditions):
        return
    if not expire_time(c, base_ms, unit_ms, &when_ms):
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE) \
            or (conditions and not may_expire(&e, when_ms, conditions)):
        reply_int(c, 0)
        return
    if is_past(c, when_ms):
        c.api.remove(c.store, c.db, &c.key, &e)
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")
        effect_gone(c, &c.key)
    else:
        c.api.set_expire(c.store, c.db, &c.key, &e, max(<int64_t>0, when_ms))
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"expire")
        if base_ms != 0 or unit_ms != 1:
            effect_timed(c, b"PEXPIREAT", when_ms, NULL)
    c.store.dirty += 1
    reply_int(c, 1)


cdef void cmd_expire(Call* c) noexcept nogil:
    expire_key(c, c.now_ms, 1000)


cdef void cmd_pexpire(Call* c) noexcept nogil:
    expire_key(c, c.now_ms, 1)


cdef void cmd_expireat(Call* c) noexcept nogil:
    expire_key(c, 0, 1000)


cdef void cmd_pexpireat(Call* c) noexcept nogil:
    expire_key(c, 0, 1)


cdef void cmd_persist(Call* c) noexcept nogil:
    cdef Entry e
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE) or e.expire_ms == NO_EXPIRE:
        reply_int(c, 0)
        return
    c.api.set_expire(c.store, c.db, &c.key, &e, NO_EXPIRE)
    note_change(c, c.db, &c.key, EVENT_GENERIC, b"persist")
    c.store.dirty += 1
    reply_int(c, 1)


# -- asking --------------------------------------------------------------------------------------------

cdef inline void reply_ttl(Call* c, int64_t base_ms, bint seconds) noexcept nogil:
    """Milliseconds from base_ms to the key's expiry, or seconds, rounded; -1: it has none, -2: no key."""
    cdef Entry e
    cdef int64_t ttl_ms
    if not peek(c, &c.key, &e):
        reply_int(c, -2)
        return
    if e.expire_ms == NO_EXPIRE:
        reply_int(c, -1)
        return
    ttl_ms = max(<int64_t>0, e.expire_ms - base_ms)
    reply_int(c, <int64_t>((<uint64_t>ttl_ms + 500) // 1000) if seconds else ttl_ms)


cdef void cmd_ttl(Call* c) noexcept nogil:
    reply_ttl(c, c.now_ms, True)


cdef void cmd_pttl(Call* c) noexcept nogil:
    reply_ttl(c, c.now_ms, False)


cdef void cmd_expiretime(Call* c) noexcept nogil:
    reply_ttl(c, 0, True)


cdef void cmd_pexpiretime(Call* c) noexcept nogil:
    reply_ttl(c, 0, False)


cdef CommandSpec[9] EXPIRE_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"expire", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_expire, NULL, NULL],
    [b"pexpire", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_pexpire, NULL, NULL],
    [b"expireat", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_expireat, NULL, NULL],
    [b"pexpireat", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_pexpireat, NULL, NULL],
    [b"persist", 2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_persist, NULL, NULL],
    [b"ttl", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_ttl, NULL, NULL],
    [b"pttl", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_pttl, NULL, NULL],
    [b"expiretime", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_expiretime, NULL, NULL],
    [b"pexpiretime", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_pexpiretime, NULL, NULL],
]
