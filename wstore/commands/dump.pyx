"""DUMP and RESTORE: one value as an RDB object with a footer.

    +------+--------+-------------+----------------+
    | type | object | RDB version | CRC64          |
    | 1 B  |        | 2 B, little | 8 B, little    |  the checksum is of all bytes before it
    +------+--------+-------------+----------------+

The object is as in an RDB file; each type writes and reads its own through TypeOps.
Source: "Redis RDB dump file format", https://rdb.fnordig.de/file_format.html
"""

cdef extern from "crc64.h" nogil:
    uint64_t ws_crc64(uint64_t crc, const void* data, size_t n)

cdef enum:
    DUMP_RDB_VERSION = 10
    DUMP_RDB_VERSION_MAX = 12   # RESTORE takes footers up to this one: objects did not change their form
    DUMP_FOOTER_SIZE = 10

cdef struct RestoreOptions:
    bint replace
    bint absolute_ttl
    bint has_idle
    bint has_freq


cdef void dump_value(Store* store, const Entry* e, Reply* out) noexcept nogil:
    """Append the value with its footer."""
    cdef size_t start = out.len
    cdef uint16_t version = DUMP_RDB_VERSION
    cdef uint64_t crc
    store.types[e.type].encode(store, e, out)
    rdb_put_bytes(store, out, &version, 2)
    crc = ws_crc64(0, out.data + start, out.len - start)
    rdb_put_bytes(store, out, &crc, 8)


cdef void cmd_dump(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef Entry e
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_null(c)
        return
    dump_value(c.store, &e, c.out)
    insert_header(c, start, b"$", <int64_t>(c.out.len - start))
    reply_raw(c, b"\r\n", 2)


# -- RESTORE -------------------------------------------------------------------------------------------

cdef bint restore_number(Call* c, int i, int64_t most, const char* error) noexcept nogil:
    """Whether argv[i] is an integer of 0 to most; replies with the error itself otherwise."""
    cdef int64_t n
    if not arg_i64(c, i, &n):
        return False
    if 0 <= n <= most:
        return True
    reply_error(c, error)
    return False


cdef bint restore_options(Call* c, RestoreOptions* out) noexcept nogil:
    """The options argv[4:]; replies with the error itself and returns 0. Idle times and frequencies are only
    checked: the engine keeps a coarser record of accesses."""
    cdef int i = 4
    memset(out, 0, sizeof(out[0]))
    while i < c.argc:
        if arg_is(c, i, b"replace"):
            out.replace = True
        elif arg_is(c, i, b"absttl"):
            out.absolute_ttl = True
        elif arg_is(c, i, b"idletime") and i + 1 < c.argc and not out.has_freq:
            i += 1
            out.has_idle = True
            if not restore_number(c, i, INT64_MAX, b"ERR Invalid IDLETIME value, must be >= 0"):
                return False
        elif arg_is(c, i, b"freq") and i + 1 < c.argc and not out.has_idle:
            i += 1
            out.has_freq = True
            if not restore_number(c, i, 255, b"ERR Invalid FREQ value, must be >= 0 and <= 255"):
                return False
        else:
            reply_syntax_error(c)
            return False
        i += 1
    return True


cdef bint dump_is_intact(Str payload) noexcept nogil:
    """Whether the footer is of a version we read and has the right checksum."""
    cdef uint16_t version
    cdef uint64_t crc
    if payload.len < DUMP_FOOTER_SIZE:
        return False
    memcpy(&version, payload.ptr + payload.len - DUMP_FOOTER_SIZE, 2)
    memcpy(&crc, payload.ptr + payload.len - 8, 8)
    return version <= DUMP_RDB_VERSION_MAX and crc == ws_crc64(0, payload.ptr, payload.len - 8)


cdef bint restore_value(Call* c, int64_t expire_ms) noexcept nogil:
    """Parse argv[3] and store its value under c.key, in place of what is there; 0: bad data, nothing changed."""
    cdef Str object = c.argv[3]
    cdef size_t pos = 1
    cdef int rdb_type = <uint8_t>object.ptr[0]
    cdef int type = rdb_value_type(rdb_type)
    object.len -= DUMP_FOOTER_SIZE
    if object.len == 0 or type == TYPE_LIMIT or c.store.types[type] is NULL:
        return False
    return c.store.types[type].decode(c.store, c.db, &c.key, rdb_type, object, &pos, expire_ms) == 0


cdef bint restore_checks(Call* c, RestoreOptions* options, int64_t* ttl_ms, bint* existed) noexcept nogil:
    """Everything up to the object itself; replies with the error itself and returns 0."""
    cdef Entry e
    if not restore_options(c, options):
        return False
    existed[0] = c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    if existed[0] and not options.replace:
        reply_error(c, b"BUSYKEY Target key name already exists.")
        return False
    if not arg_i64(c, 2, ttl_ms):
        return False
    if ttl_ms[0] < 0:
        reply_error(c, b"ERR Invalid TTL value, must be >= 0")
        return False
    if not dump_is_intact(c.argv[3]):
        reply_error(c, b"ERR DUMP payload version or checksum are wrong")
        return False
    return True


cdef void restore_events(Call* c, bint existed, bint past) noexcept nogil:
    """The key is new, in place of what was there; or it is gone, if it was there."""
    if past:
        if existed:
            note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")
        return
    note_event(c, c.db, &c.key, EVENT_NEW, b"new")
    note_change(c, c.db, &c.key, EVENT_GENERIC, b"restore")


cdef inline bint has_field_ttls(Str payload) noexcept nogil:
    return <uint8_t>payload.ptr[0] >= RDB_TYPE_HASH_TTLS_EARLY


cdef void effect_without_ttls(Call* c, int64_t expire_ms, bint existed) noexcept nogil:
    """A hash came with TTLs of its fields, which give another hash at another time: what it has become is logged."""
    cdef Reply payload
    cdef Str argv[6]
    cdef char digits[24]
    cdef Entry e
    if not is_logged(c):
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_NOTOUCH):
        if existed:
            effect_key(c, b"DEL", &c.key)
        else:
            effect(c, 0, NULL)
        return
    memset(&payload, 0, sizeof(payload))
    dump_value(c.store, &e, &payload)
    argv[0] = str_of_z(b"RESTORE")
    argv[1] = c.argv[1]
    argv[2] = str_of_number(max(expire_ms, <int64_t>0), digits)
    argv[3].ptr = payload.data
    argv[3].len = payload.len
    argv[4] = str_of_z(b"REPLACE")
    argv[5] = str_of_z(b"ABSTTL")
    effect(c, 6, argv)
    c.api.free(payload.data)


cdef void cmd_restore(Call* c) noexcept nogil:
    cdef RestoreOptions options
    cdef int64_t ttl_ms, expire_ms
    cdef bint existed, past
    cdef uint32_t observers
    cdef Entry e
    if not restore_checks(c, &options, &ttl_ms, &existed):
        return
    expire_ms = NO_EXPIRE
    if ttl_ms > 0:
        expire_ms = ttl_ms if options.absolute_ttl else ttl_ms + c.now_ms
    past = ttl_ms > 0 and is_past(c, expire_ms)
    observers = c.store.observers
    c.store.observers &= OBSERVE_LOG | OBSERVE_SNAPSHOT     # what becomes of the key is told at the end
    if not restore_value(c, NO_EXPIRE if past else expire_ms):
        c.store.observers = observers
        reply_error(c, b"ERR Bad data format")
        return
    if past:
        c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
        c.api.remove(c.store, c.db, &c.key, &e)
    c.store.observers = observers
    restore_events(c, existed, past)
    if past and existed:
        effect_key(c, b"DEL", &c.key)
    elif has_field_ttls(c.argv[3]):
        effect_without_ttls(c, expire_ms, existed)
    elif ttl_ms > 0 and not past and not options.absolute_ttl:
        effect_timed(c, NULL, expire_ms, b"ABSTTL")
    c.store.dirty += existed or not past
    reply_ok(c)


cdef CommandSpec[3] DUMP_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"dump", 2, CMD_READONLY, 1, 1, 1, cmd_dump, NULL, NULL],
    [b"restore", -4, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_restore, NULL, NULL],
    [b"restore-asking", -4, CMD_WRITE | CMD_DENYOOM | CMD_ASKING, 1, 1, 1, cmd_restore, NULL, NULL],
]
