"""Commands on hashes: setting, getting, removing and counting fields.  Random fields and HSCAN: hashes_walk.pyx.

A command that writes loads the hash into a HashBuilder, changes it there, and stores it again; big hashes are
changed where they are.
"""

# -- looking up ----------------------------------------------------------------------------------------

cdef inline bint hash_for_read(Call* c, Entry* e) noexcept nogil:
    """Whether the first key may be read as a hash, e.rec NULL: it is missing. Else WRONGTYPE is replied."""
    return not c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_READ) or require_type(c, e, TYPE_HASH)


cdef inline bint hash_for_write(Call* c, Entry* e, HashBuilder* b) noexcept nogil:
    """As hash_for_read, for a change, which `b` is to make."""
    if c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_WRITE) and not require_type(c, e, TYPE_HASH):
        return False
    hash_edit_begin(c.store, b, e)
    return True


cdef inline bint hash_get_arg(Call* c, const Entry* e, int i, Element* value) noexcept nogil:
    """The value of field argv[i]; 0: there is no such hash or field."""
    cdef Element field
    if e.rec is NULL:
        return False
    element_of(c.argv[i], &field)
    return hash_get(e, &field, value)


# -- setting -------------------------------------------------------------------------------------------

cdef inline void hash_changed(Call* c, Entry* e, HashBuilder* b, const char* event, int64_t changes) noexcept nogil:
    """Store what `b` holds and tell of it."""
    hash_edit_finish(b, c.db, &c.key, e)
    note_change(c, c.db, &c.key, EVENT_HASH, event)
    c.store.dirty += changes


cdef inline bint hash_set_pairs(Call* c, int64_t* added) noexcept nogil:
    """Set the pairs argv[2:]; replies with an error itself and returns 0."""
    cdef HashBuilder b
    cdef Element field, value
    cdef Entry e
    cdef int i
    if c.argc % 2 != 0:
        reply_wrong_arity(c)
        return False
    if not hash_for_write(c, &e, &b):
        return False
    for i in range(2, c.argc, 2):
        element_of(c.argv[i], &field)
        element_of(c.argv[i + 1], &value)
        added[0] += hash_build_add(&b, &field, &value)
    hash_changed(c, &e, &b, b"hset", (c.argc - 2) // 2)
    return True


cdef void cmd_hset(Call* c) noexcept nogil:
    cdef int64_t added = 0
    if hash_set_pairs(c, &added):
        reply_int(c, added)


cdef void cmd_hmset(Call* c) noexcept nogil:
    cdef int64_t added = 0
    if hash_set_pairs(c, &added):
        reply_ok(c)


cdef void cmd_hsetnx(Call* c) noexcept nogil:
    cdef HashBuilder b
    cdef Element field, value
    cdef Entry e
    if not hash_for_write(c, &e, &b):
        return
    if hash_get_arg(c, &e, 2, &value):
        reply_int(c, 0)
        return
    element_of(c.argv[2], &field)
    element_of(c.argv[3], &value)
    hash_build_add(&b, &field, &value)
    hash_changed(c, &e, &b, b"hset", 1)
    reply_int(c, 1)


# -- counting ------------------------------------------------------------------------------------------

cdef bint hash_field_i64(Call* c, const Entry* e, int64_t* out) noexcept nogil:
    """The value of field argv[2] as an integer, 0 if there is none."""
    cdef Element value
    out[0] = 0
    if not hash_get_arg(c, e, 2, &value):
        return True
    out[0] = value.n
    if not value.is_int:
        reply_error(c, b"ERR hash value is not an integer")
    return value.is_int


cdef void cmd_hincrby(Call* c) noexcept nogil:
    cdef HashBuilder b
    cdef Element field, value
    cdef Entry e
    cdef int64_t n, by
    if not arg_i64(c, 3, &by) or not hash_for_write(c, &e, &b) or not hash_field_i64(c, &e, &n):
        return
    if (by < 0 and n < INT64_MIN_VALUE - by) or (by > 0 and n > INT64_MAX_VALUE - by):
        reply_error(c, b"ERR increment or decrement would overflow")
        return
    element_of(c.argv[2], &field)
    element_of_int(n + by, &value)
    hash_build_add(&b, &field, &value)
    hash_changed(c, &e, &b, b"hincrby", 1)
    reply_int(c, n + by)


cdef bint hash_field_float(Call* c, const Entry* e, long double* out) noexcept nogil:
    """The value of field argv[2] as a float, 0 if there is none."""
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Element value
    cdef Str text
    out[0] = 0
    if not hash_get_arg(c, e, 2, &value):
        return True
    text = element_text(&value, scratch)
    if ws_str_to_long_double(text.ptr, text.len, out):
        return True
    reply_error(c, b"ERR hash value is not a float")
    return False


cdef bint hash_increment(Call* c, long double* out) noexcept nogil:
    """argv[3] as a finite float; replies with the error itself and returns 0."""
    if not arg_long_double(c, 3, out):
        return False
    if isfinite(out[0]):
        return True
    reply_error(c, b"ERR value is NaN or Infinity")
    return False


cdef void hash_effect_set(Call* c, Str value) noexcept nogil:
    """HSET key field value, in the log."""
    cdef Str argv[4]
    argv[0] = str_of_z(b"HSET")
    argv[1] = c.argv[1]
    argv[2] = c.argv[2]
    argv[3] = value
    effect(c, 4, argv)


cdef void cmd_hincrbyfloat(Call* c) noexcept nogil:
    cdef char digits[LONG_DOUBLE_TEXT_MAX]
    cdef HashBuilder b
    cdef Element field, value
    cdef Entry e
    cdef long double n, by
    cdef Str text
    if not hash_increment(c, &by) or not hash_for_write(c, &e, &b) or not hash_field_float(c, &e, &n):
        return
    n += by
    if not isfinite(n):
        reply_error(c, b"ERR increment would produce NaN or Infinity")
        return
    text.ptr = digits
    text.len = ws_long_double_to_str(digits, n)
    element_of(c.argv[2], &field)
    element_of(text, &value)
    hash_build_add(&b, &field, &value)
    hash_changed(c, &e, &b, b"hincrbyfloat", 1)
    hash_effect_set(c, text)
    reply_bulk_str(c, text)


# -- getting -------------------------------------------------------------------------------------------

cdef inline void hash_reply_field(Call* c, const Entry* e, int i) noexcept nogil:
    cdef Element value
    if hash_get_arg(c, e, i, &value):
        reply_element(c, &value)
    else:
        reply_null(c)


cdef void cmd_hget(Call* c) noexcept nogil:
    cdef Entry e
    if hash_for_read(c, &e):
        hash_reply_field(c, &e, 2)


cdef void cmd_hmget(Call* c) noexcept nogil:
    cdef Entry e
    cdef int i
    if not hash_for_read(c, &e):
        return
    reply_array(c, c.argc - 2)
    for i in range(2, c.argc):
        hash_reply_field(c, &e, i)


cdef void cmd_hexists(Call* c) noexcept nogil:
    cdef Element value
    cdef Entry e
    if hash_for_read(c, &e):
        reply_int(c, hash_get_arg(c, &e, 2, &value))


cdef void cmd_hstrlen(Call* c) noexcept nogil:
    cdef Element value
    cdef Entry e
    if hash_for_read(c, &e):
        reply_int(c, element_len(&value) if hash_get_arg(c, &e, 2, &value) else 0)


cdef void cmd_hlen(Call* c) noexcept nogil:
    cdef Entry e
    if hash_for_read(c, &e):
        reply_int(c, hash_count(&e) if e.rec is not NULL else 0)


cdef bint hash_reply_name(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    reply_element(<Call*>arg, field)
    return True


cdef bint hash_reply_value(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    reply_element(<Call*>arg, value)
    return True


cdef bint hash_reply_pair(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    reply_element(<Call*>arg, field)
    reply_element(<Call*>arg, value)
    return True


cdef inline void hash_reply_all(Call* c, EachFn fn, bint pairs) noexcept nogil:
    cdef Entry e
    cdef int64_t count = 0
    if not hash_for_read(c, &e):
        return
    if e.rec is not NULL:
        count = hash_count(&e)
    if pairs:
        reply_map(c, count)
    else:
        reply_array(c, count)
    if count > 0:
        hash_each(c.store, &e, fn, c)


cdef void cmd_hgetall(Call* c) noexcept nogil:
    hash_reply_all(c, hash_reply_pair, True)


cdef void cmd_hkeys(Call* c) noexcept nogil:
    hash_reply_all(c, hash_reply_name, False)


cdef void cmd_hvals(Call* c) noexcept nogil:
    hash_reply_all(c, hash_reply_value, False)


# -- removing ------------------------------------------------------------------------------------------

cdef void cmd_hdel(Call* c) noexcept nogil:
    cdef HashBuilder b
    cdef Element field
    cdef Entry e
    cdef int64_t removed = 0
    cdef int i
    cdef bint emptied
    if not hash_for_write(c, &e, &b):
        return
    for i in range(2, c.argc):
        if e.rec is not NULL and hash_build_count(&b) > 0:
            element_of(c.argv[i], &field)
            removed += hash_edit_remove(&b, &field)
    if removed > 0:
        emptied = hash_build_count(&b) == 0
        hash_changed(c, &e, &b, b"hdel", removed)
        if emptied:
            note_event(c, c.db, &c.key, EVENT_GENERIC, b"del")
    reply_int(c, removed)


cdef CommandSpec[14] HASH_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"hset", -4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_hset, NULL, NULL],
    [b"hmset", -4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_hmset, NULL, NULL],
    [b"hsetnx", 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_hsetnx, NULL, NULL],
    [b"hincrby", 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_hincrby, NULL, NULL],
    [b"hincrbyfloat", 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_hincrbyfloat, NULL, NULL],
    [b"hget", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_hget, NULL, NULL],
    [b"hmget", -3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_hmget, NULL, NULL],
    [b"hexists", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_hexists, NULL, NULL],
    [b"hstrlen", 3, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_hstrlen, NULL, NULL],
    [b"hlen", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_hlen, NULL, NULL],
    [b"hgetall", 2, CMD_READONLY, 1, 1, 1, cmd_hgetall, NULL, NULL],
    [b"hkeys", 2, CMD_READONLY, 1, 1, 1, cmd_hkeys, NULL, NULL],
    [b"hvals", 2, CMD_READONLY, 1, 1, 1, cmd_hvals, NULL, NULL],
    [b"hdel", -3, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_hdel, NULL, NULL],
]
