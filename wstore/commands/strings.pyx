"""The string family without counters and LCS: SET and GET in all their forms, many keys at once, ranges.

Layout: options of SET and GETEX; reading; setting; many keys; ranges; the table.
"""
cdef enum StringOption:
    SO_NX = 1 << 0
    SO_XX = 1 << 1
    SO_GET = 1 << 2
    SO_KEEPTTL = 1 << 3
    SO_PERSIST = 1 << 4
    SO_EX = 1 << 5
    SO_PX = 1 << 6
    SO_EXAT = 1 << 7
    SO_PXAT = 1 << 8
    SO_EXPIRE = SO_EX | SO_PX | SO_EXAT | SO_PXAT
    SO_TTL = SO_EXPIRE | SO_KEEPTTL | SO_PERSIST
    SO_OF_SET = SO_NX | SO_XX | SO_GET | SO_KEEPTTL | SO_EXPIRE
    SO_OF_GETEX = SO_PERSIST | SO_EXPIRE

cdef struct OptionRule:
    const char* word
    int flag
    int excludes            # options that must not have come before; itself may, the last one counts

cdef struct StringOptions:
    int flags
    int expire_arg          # index of the time's argument, if flags has one of SO_EXPIRE

cdef OptionRule[9] STRING_OPTIONS = [
    [b"NX", SO_NX, SO_XX],
    [b"XX", SO_XX, SO_NX],
    [b"GET", SO_GET, 0],
    [b"KEEPTTL", SO_KEEPTTL, SO_TTL & ~SO_KEEPTTL],
    [b"PERSIST", SO_PERSIST, SO_TTL & ~SO_PERSIST],
    [b"EX", SO_EX, SO_TTL & ~SO_EX],
    [b"PX", SO_PX, SO_TTL & ~SO_PX],
    [b"EXAT", SO_EXAT, SO_TTL & ~SO_EXAT],
    [b"PXAT", SO_PXAT, SO_TTL & ~SO_PXAT],
]


# -- options -------------------------------------------------------------------------------------------
cdef const OptionRule* string_option(Str word) noexcept nogil:
    cdef int i
    for i in range(9):
        if str_is(word, STRING_OPTIONS[i].word):
            return &STRING_OPTIONS[i]
    return NULL


cdef bint string_options(Call* c, int first, int allowed, StringOptions* out) noexcept nogil:
    """Read argv[first:]; options outside `allowed` and combinations that exclude each other are syntax errors."""
    cdef int i = first
    cdef const OptionRule* rule
    out.flags = 0
    out.expire_arg = 0
    while i < c.argc:
        rule = string_option(c.argv[i])
        if rule is NULL or not rule.flag & allowed or rule.excludes & out.flags:
            reply_syntax_error(c)
            return False
        out.flags |= rule.flag
        if rule.flag & SO_EXPIRE:
            i += 1
            if i == c.argc:
                reply_syntax_error(c)
                return False
            out.expire_arg = i
        i += 1
    return True


cdef bint string_expire(Call* c, const StringOptions* options, int64_t* expire_ms) noexcept nogil:
    """The expiry that the options ask for, if they do."""
    if not options.flags & SO_EXPIRE:
        return True
    return arg_expire(
        c, options.expire_arg, options.flags & (SO_EX | SO_EXAT) != 0, options.flags & (SO_EX | SO_PX) != 0, expire_ms)


# -- reading -------------------------------------------------------------------------------------------
cdef inline void reply_string(Call* c, const Entry* e) noexcept nogil:
    cdef char scratch[24]
    if is_int(e):
        reply_bulk_int(c, load_int(e.value, e.enc))
    else:
        reply_bulk_str(c, view_string(e, scratch))


cdef bint reply_old_string(Call* c, const Entry* e) noexcept nogil:
    """Reply with what was there before a write, null if nothing was; counts as a read. 0: wrong type."""
    if e.rec is NULL:
        c.store.stats.keyspace_misses += 1
        note_event(c, c.db, &c.key, EVENT_KEY_MISS, b"keymiss")
        reply_null(c)
        return True
    c.store.stats.keyspace_hits += 1
    if not require_type(c, e, TYPE_STRING):
        return False
    reply_string(c, e)
    return True


cdef void cmd_get(Call* c) noexcept nogil:
    cdef Entry e
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_null(c)
    elif require_type(c, &e, TYPE_STRING):
        reply_string(c, &e)


cdef void cmd_strlen(Call* c) noexcept nogil:
    cdef Entry e
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_int(c, 0)
    elif require_type(c, &e, TYPE_STRING):
        reply_int(c, <int64_t>string_len(&e))


cdef void cmd_getdel(Call* c) noexcept nogil:
    cdef Entry e
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    if reply_old_string(c, &e) and e.rec is not NULL:
        c.api.remove(c.store, c.db, &c.key, &e)
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")
        effect_key(c, b"DEL", &c.key)
        c.store.dirty += 1


cdef void string_getex(Call* c, Entry* e, int flags, int64_t expire_ms) noexcept nogil:
    """Reply with the value, then give it its new TTL; one that is over already deletes the key."""
    reply_string(c, e)
    if flags & (SO_EXAT | SO_PXAT) and expire_ms <= c.now_ms and not (c.store.loading or c.store.is_replica):
        c.api.remove(c.store, c.db, &c.key, e)
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"del")
        effect_gone(c, &c.key)
    elif flags & SO_EXPIRE:
        c.api.set_expire(c.store, c.db, &c.key, e, expire_ms)
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"expire")
        effect_key_number(c, b"PEXPIREAT", &c.key, expire_ms)
    elif flags & SO_PERSIST and e.expire_ms != NO_EXPIRE:
        c.api.set_expire(c.store, c.db, &c.key, e, NO_EXPIRE)
        note_change(c, c.db, &c.key, EVENT_GENERIC, b"persist")
        effect_key(c, b"PERSIST", &c.key)
    else:
        return
    c.store.dirty += 1


cdef void cmd_getex(Call* c) noexcept nogil:
    cdef Entry e
    cdef StringOptions options
    cdef int64_t expire_ms = NO_EXPIRE
    if not string_options(c, 2, SO_OF_GETEX, &options):
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        c.store.stats.keyspace_misses += 1
        note_event(c, c.db, &c.key, EVENT_KEY_MISS, b"keymiss")
        reply_null(c)
        return
    c.store.stats.keyspace_hits += 1
    if require_type(c, &e, TYPE_STRING) and string_expire(c, &options, &expire_ms):
        string_getex(c, &e, options.flags, expire_ms)


# -- setting -------------------------------------------------------------------------------------------
cdef inline void string_set(Call* c, Entry* e, Str value, int64_t expire_ms) noexcept nogil:
    """Set the first key, whose lookup gave e."""
    string_put(c, &c.key, e, value, expire_ms)
    note_change(c, c.db, &c.key, EVENT_STRING, b"set")
    c.store.dirty += 1


cdef void string_set_with(Call* c) noexcept nogil:
    """SET with options."""
    cdef Entry e
    cdef StringOptions options
    cdef int64_t expire_ms = NO_EXPIRE
    cdef bint found
    if not string_options(c, 3, SO_OF_SET, &options) or not string_expire(c, &options, &expire_ms):
        return
    found = c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    if options.flags & SO_GET and not reply_old_string(c, &e):
        return
    if options.flags & (SO_XX if not found else SO_NX):
        if not options.flags & SO_GET:
            reply_null(c)
        return
    if options.flags & SO_KEEPTTL and found:
        expire_ms = KEEP_TTL
    string_set(c, &e, c.argv[2], expire_ms)
    if options.flags & SO_EXPIRE:
        note_event(c, c.db, &c.key, EVENT_GENERIC, b"expire")
        effect_set(c, c.argv[2], expire_ms)
    elif options.flags & SO_GET:
        effect_without(c, 3, b"GET")
    if not options.flags & SO_GET:
        reply_ok(c)


cdef void cmd_set(Call* c) noexcept nogil:
    cdef Entry e
    if c.argc > 3:
        string_set_with(c)
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    string_set(c, &e, c.argv[2], NO_EXPIRE)
    reply_ok(c)


cdef void cmd_setnx(Call* c) noexcept nogil:
    cdef Entry e
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        reply_int(c, 0)
        return
    string_set(c, &e, c.argv[2], NO_EXPIRE)
    reply_int(c, 1)


cdef void string_setex(Call* c, bint seconds) noexcept nogil:
    cdef Entry e
    cdef int64_t expire_ms
    if not arg_expire(c, 2, seconds, True, &expire_ms):
        return
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    string_set(c, &e, c.argv[3], expire_ms)
    note_event(c, c.db, &c.key, EVENT_GENERIC, b"expire")
    effect_set(c, c.argv[3], expire_ms)
    reply_ok(c)


cdef void cmd_setex(Call* c) noexcept nogil:
    string_setex(c, True)


cdef void cmd_psetex(Call* c) noexcept nogil:
    string_setex(c, False)


cdef void cmd_getset(Call* c) noexcept nogil:
    cdef Entry e
    c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE)
    if reply_old_string(c, &e):
        string_set(c, &e, c.argv[2], NO_EXPIRE)
        effect_set(c, c.argv[2], NO_EXPIRE)


# -- many keys at once ---------------------------------------------------------------------------------
cdef void cmd_mget(Call* c) noexcept nogil:
    cdef Key keys[BATCH_KEYS]
    cdef Entry e
    cdef int i, n
    cdef int next_arg = 1
    reply_array(c, c.argc - 1)
    while next_arg < c.argc:
        n = hash_keys(c, next_arg, 1, keys)
        for i in range(n):
            if c.api.lookup(c.store, c.db, &keys[i], &e, LOOKUP_READ) and e.type == TYPE_STRING:
                reply_string(c, &e)
            else:
                reply_null(c)
        next_arg += n


cdef void string_set_pairs(Call* c) noexcept nogil:
    """Set every pair of key and value from argv[1] on."""
    cdef Key keys[BATCH_KEYS]
    cdef Entry e
    cdef int i, n
    cdef int next_arg = 1
    while next_arg < c.argc:
        n = hash_keys(c, next_arg, 2, keys)
        for i in range(n):
            c.api.lookup(c.store, c.db, &keys[i], &e, LOOKUP_WRITE)
            string_put(c, &keys[i], &e, c.argv[next_arg + 2 * i + 1], NO_EXPIRE)
            note_change(c, c.db, &keys[i], EVENT_STRING, b"set")
        next_arg += 2 * n
    c.store.dirty += c.argc // 2


cdef bint string_any_exists(Call* c) noexcept nogil:
    """Whether any key of the pairs is there."""
    cdef Key key
    cdef Entry e
    cdef int i
    for i in range(1, c.argc, 2):
        c.api.key(c.store, c.argv[i], &key)
        if c.api.lookup(c.store, c.db, &key, &e, LOOKUP_NOTOUCH):
            return True
    return False


cdef bint require_pairs(Call* c) noexcept nogil:
    """Whether each key has its value; the arity error is replied otherwise."""
    if c.argc & 1:
        return True
    reply_wrong_arity(c)
    return False


cdef void cmd_mset(Call* c) noexcept nogil:
    if require_pairs(c):
        string_set_pairs(c)
        reply_ok(c)


cdef void cmd_msetnx(Call* c) noexcept nogil:
    if not require_pairs(c):
        return
    if string_any_exists(c):
        reply_int(c, 0)
        return
    string_set_pairs(c)
    reply_int(c, 1)


# -- ranges --------------------------------------------------------------------------------------------
cdef bint require_length(Call* c, uint64_t old_len, uint64_t more) noexcept nogil:
    """Whether a string may grow to old_len + more bytes; the error is replied otherwise."""
    cdef uint64_t limit = <uint64_t>string_limit(c)
    if old_len <= limit and more <= limit - old_len:
        return True
    reply_error(c, b"ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    return False


cdef void cmd_append(Call* c) noexcept nogil:
    cdef Entry e
    cdef size_t old_len
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        string_put(c, &c.key, &e, c.argv[2], NO_EXPIRE)
        note_change(c, c.db, &c.key, EVENT_STRING, b"append")
        c.store.dirty += 1
        reply_int(c, <int64_t>c.argv[2].len)
        return
    if not require_type(c, &e, TYPE_STRING):
        return
    old_len = string_len(&e)
    if require_length(c, old_len, c.argv[2].len):
        string_patch(c, &c.key, &e, old_len, c.argv[2])
        note_change(c, c.db, &c.key, EVENT_STRING, b"append")
        c.store.dirty += 1
        reply_int(c, <int64_t>(old_len + c.argv[2].len))


cdef void cmd_setrange(Call* c) noexcept nogil:
    cdef Entry e
    cdef int64_t offset
    cdef size_t old_len = 0
    if not arg_i64(c, 2, &offset):
        return
    if offset < 0:
        reply_error(c, b"ERR offset is out of range")
        return
    if c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_WRITE):
        if not require_type(c, &e, TYPE_STRING):
            return
        old_len = string_len(&e)
    if c.argv[3].len == 0:
        reply_int(c, <int64_t>old_len)
    elif require_length(c, <uint64_t>offset, c.argv[3].len):
        string_patch(c, &c.key, &e, <size_t>offset, c.argv[3])
        note_change(c, c.db, &c.key, EVENT_STRING, b"setrange")
        c.store.dirty += 1
        reply_int(c, max(<int64_t>old_len, offset + <int64_t>c.argv[3].len))


cdef Str string_slice(Str s, int64_t start, int64_t end) noexcept nogil:
    """s[start] to s[end] inclusive; negative positions count from the end."""
    cdef int64_t n = <int64_t>s.len
    if start < 0 and end < 0 and start > end:
        s.len = 0
        return s
    start = max(start + n, 0) if start < 0 else start
    end = max(end + n, 0) if end < 0 else end
    end = min(end, n - 1)
    if start > end:
        s.len = 0
        return s
    s.ptr += start
    s.len = <size_t>(end - start + 1)
    return s


cdef void cmd_getrange(Call* c) noexcept nogil:
    cdef Entry e
    cdef int64_t start, end
    cdef char scratch[24]
    if not arg_i64(c, 2, &start) or not arg_i64(c, 3, &end):
        return
    if not c.api.lookup(c.store, c.db, &c.key, &e, LOOKUP_READ):
        reply_bulk(c, b"", 0)
    elif require_type(c, &e, TYPE_STRING):
        reply_bulk_str(c, string_slice(view_string(&e, scratch), start, end))


cdef CommandSpec[16] STRING_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"get", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_get, NULL, NULL],
    [b"strlen", 2, CMD_READONLY | CMD_FAST, 1, 1, 1, cmd_strlen, NULL, NULL],
    [b"getdel", 2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_getdel, NULL, NULL],
    [b"getex", -2, CMD_WRITE | CMD_FAST, 1, 1, 1, cmd_getex, NULL, NULL],
    [b"set", -3, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_set, NULL, NULL],
    [b"setnx", 3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_setnx, NULL, NULL],
    [b"setex", 4, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_setex, NULL, NULL],
    [b"psetex", 4, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_psetex, NULL, NULL],
    [b"getset", 3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_getset, NULL, NULL],
    [b"mget", -2, CMD_READONLY | CMD_FAST, 1, -1, 1, cmd_mget, NULL, NULL],
    [b"mset", -3, CMD_WRITE | CMD_DENYOOM, 1, -1, 2, cmd_mset, NULL, NULL],
    [b"msetnx", -3, CMD_WRITE | CMD_DENYOOM, 1, -1, 2, cmd_msetnx, NULL, NULL],
    [b"append", 3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, 1, 1, 1, cmd_append, NULL, NULL],
    [b"setrange", 4, CMD_WRITE | CMD_DENYOOM, 1, 1, 1, cmd_setrange, NULL, NULL],
    [b"getrange", 4, CMD_READONLY, 1, 1, 1, cmd_getrange, NULL, NULL],
    [b"substr", 4, CMD_READONLY, 1, 1, 1, cmd_getrange, NULL, NULL],
]
