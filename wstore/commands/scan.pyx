"""Walking the keyspace: SCAN, KEYS, RANDOMKEY; what the scans of one value share with SCAN.

A cursor is the engine's: a place in its order of keys, so that a scan misses no key however the table changes.
"""

cdef extern from "glob.h" nogil:
    bint ws_glob_match(const char* pattern, size_t pattern_len, const char* s, size_t len, int nocase)

cdef enum:
    SCAN_DEFAULT_COUNT = 10
    KEYS_STEP = 1 << 20     # keys that KEYS visits in one call of the engine
    ANY_TYPE = -1

cdef struct Walk:           # one SCAN or KEYS
    Call* call
    Str pattern             # ptr NULL: all keys
    int type                # a ValueType, ANY_TYPE, or TYPE_LIMIT: none that exists
    int64_t found


cdef void walk_visit(void* arg, const Key* key, Entry* e) noexcept nogil:
    cdef Walk* walk = <Walk*>arg
    if walk.type != ANY_TYPE and walk.type != e.type:
        return
    if walk.pattern.ptr is not NULL \
            and not ws_glob_match(walk.pattern.ptr, walk.pattern.len, key.ptr, key.len, 0):
        return
    reply_bulk(walk.call, key.ptr, key.len)
    walk.found += 1


cdef void walk_start(Walk* walk, Call* c) noexcept nogil:
    walk.call = c
    walk.pattern.ptr = NULL
    walk.pattern.len = 0
    walk.type = ANY_TYPE
    walk.found = 0


cdef void walk_match(Walk* walk, Str pattern) noexcept nogil:
    if not same_bytes(pattern.ptr, pattern.len, b"*", 1):
        walk.pattern = pattern


# -- SCAN ----------------------------------------------------------------------------------------------

cdef bint scan_cursor(Str s, uint64_t* out) noexcept nogil:
    """A cursor as strtoul reads it: a sign may stand in front; empty is 0."""
    cdef size_t n = len_up_to_nul(s)
    cdef size_t i = 0
    cdef uint64_t cursor = 0
    cdef uint64_t digit
    if n > 1 and (s.ptr[0] == b"-" or s.ptr[0] == b"+"):
        i = 1
    while i < n:
        digit = <uint64_t><uint8_t>s.ptr[i] - c'0'
        if digit > 9 or cursor > (<uint64_t>-1 - digit) // 10:
            return False
        cursor = cursor * 10 + digit
        i += 1
    out[0] = -cursor if n > 0 and s.ptr[0] == b"-" else cursor
    return True


cdef int scan_type(Store* store, Str name) noexcept nogil:
    cdef int i
    for i in range(TYPE_LIMIT):
        if store.types[i] is not NULL and str_is(name, store.types[i].name):
            return i
    return TYPE_LIMIT


cdef bint scan_option(Call* c, int i, Walk* walk, int64_t* count) noexcept nogil:
    """The option argv[i] with its value; replies with the error itself and returns 0."""
    if i + 1 < c.argc:
        if arg_is(c, i, b"match"):
            walk_match(walk, c.argv[i + 1])
            return True
        if arg_is(c, i, b"type"):
            walk.type = scan_type(c.store, c.argv[i + 1])
            return True
        if arg_is(c, i, b"count"):
            if not arg_i64(c, i + 1, count):
                return False
            if count[0] >= 1:
                return True
    reply_syntax_error(c)
    return False


cdef void insert_cursor(Call* c, size_t start, uint64_t cursor, int64_t items) noexcept nogil:
    """Turn the `items` bulk strings from offset `start` on into SCAN's reply, from the back to the front."""
    cdef char digits[24]
    cdef size_t n = ws_u64_to_str(digits, cursor)
    digits[n] = b"\r"
    digits[n + 1] = b"\n"
    insert_header(c, start, b"*", items)
    insert_raw(c, start, digits, n + 2)
    insert_header(c, start, b"$", <int64_t>n)
    insert_raw(c, start, b"*2\r\n", 4)


cdef void cmd_scan(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef int64_t count = SCAN_DEFAULT_COUNT
    cdef uint64_t cursor, following
    cdef Walk walk
    cdef int i
    walk_start(&walk, c)
    if not scan_cursor(c.argv[1], &cursor):
        reply_error(c, b"ERR invalid cursor")
        return
    for i in range(2, c.argc, 2):
        if not scan_option(c, i, &walk, &count):
            return
    following = c.api.scan(c.store, c.db, cursor, <size_t>count, walk_visit, &walk)
    c.api.drop_scanned(c.store, c.db, cursor, following)
    insert_cursor(c, start, following, walk.found)


# -- HSCAN, SSCAN, ZSCAN: walks over the members of one value -------------------------------------------

cdef bint member_scan_option(Call* c, int i, Walk* walk, int64_t* count) noexcept nogil:
    """As scan_option, but for TYPE."""
    if arg_is(c, i, b"type"):
        reply_syntax_error(c)
        return False
    return scan_option(c, i, walk, count)


cdef bint member_scan_begin(Call* c, uint8_t type, Entry* e, Walk* walk, uint64_t* cursor,
                            int64_t* count) noexcept nogil:
    """Read the cursor argv[2] and the options behind it, find the value. 0: the reply is made already.

    The caller replies with bulk strings, which it counts in walk.found, of the members that walk_matches, and then
    calls insert_cursor.
    """
    cdef int i
    walk_start(walk, c)
    count[0] = SCAN_DEFAULT_COUNT
    if not scan_cursor(c.argv[2], cursor):
        reply_error(c, b"ERR invalid cursor")
        return False
    if not c.api.lookup(c.store, c.db, &c.key, e, LOOKUP_READ):
        reply_text(c, b"*2\r\n$1\r\n0\r\n*0\r\n")
        return False
    if not require_type(c, e, type):
        return False
    for i in range(3, c.argc, 2):
        if not member_scan_option(c, i, walk, count):
            return False
    return True


cdef inline bint walk_matches(const Walk* walk, const Element* name) noexcept nogil:
    """Whether the pattern, if there is one, matches."""
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str s
    if walk.pattern.ptr is NULL:
        return True
    s = element_text(name, scratch)
    return ws_glob_match(walk.pattern.ptr, walk.pattern.len, s.ptr, s.len, 0)


# -- KEYS and RANDOMKEY --------------------------------------------------------------------------------

cdef void cmd_keys(Call* c) noexcept nogil:
    cdef size_t start = c.out.len
    cdef uint64_t cursor
    cdef Walk walk
    walk_start(&walk, c)
    walk_match(&walk, c.argv[1])
    cursor = c.api.scan(c.store, c.db, 0, KEYS_STEP, walk_visit, &walk)
    while cursor != 0:
        cursor = c.api.scan(c.store, c.db, cursor, KEYS_STEP, walk_visit, &walk)
    insert_header(c, start, b"*", walk.found)


cdef void cmd_randomkey(Call* c) noexcept nogil:
    cdef Key key
    cdef Entry e
    if c.api.random_key(c.store, c.db, &key, &e):
        reply_bulk(c, key.ptr, key.len)
    else:
        reply_null(c)


cdef CommandSpec[3] SCAN_COMMANDS = [
    # name, arity, flags, first key, last key, step, handler
    [b"scan", -2, CMD_READONLY, 0, 0, 0, cmd_scan, NULL, NULL],
    [b"keys", 2, CMD_READONLY, 0, 0, 0, cmd_keys, NULL, NULL],
    [b"randomkey", 1, CMD_READONLY, 0, 0, 0, cmd_randomkey, NULL, NULL],
]
