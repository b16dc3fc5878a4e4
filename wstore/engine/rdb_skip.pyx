# Walking over an RDB object without building it: where it ends, and that its structure fits into the file. The bytes
# inside of compact encodings (ziplist, listpack, intset, zipmap) are not looked at.
#
#     string            1 string                     list, set         count, strings
#     hash              count, pairs of strings      zset, zset 2      count, (string, score as text or double)
#     one encoding      1 string                     quicklist, 2      count, (string) or (length, string)
#     hash with TTLs    [first TTL 8 B], count, (TTL as a length, name, value); as a listpack: [first TTL 8 B], 1 string
#     module            its number, then values that each say what they are, up to an end mark
#     stream            count, (id, listpack); counters; groups, each with pending entries and consumers

cdef enum:
    RDB_STREAM_ID_SIZE = 16
    RDB_STREAM_TIME_SIZE = 8
    RDB_SCORE_NAN = 253         # lengths of a score as text that stand for a value: NaN, and both infinities


cdef inline int rdb_skip_bytes(RdbRead* r, size_t n) noexcept nogil:
    if rdb_need(r, n):
        return -1
    r.at += n
    return 0


cdef inline int rdb_skip_string(RdbRead* r) noexcept nogil:
    cdef const uint8_t* from_here = r.at
    cdef uint64_t n, length
    cdef bint special = False
    if rdb_length(r, &n, &special):
        return -1
    if special:
        if n == RDB_STRING_LZF:
            if rdb_lzf_lengths(r, &n, &length):
                return -1
        elif n <= RDB_STRING_INT32:
            n = <uint64_t>1 << n
        else:
            return rdb_fail(r, from_here, b"there is no such form of a string")
    return rdb_skip_bytes(r, n)


cdef int rdb_skip_strings(RdbRead* r, uint64_t n) noexcept nogil:
    while n > 0:
        if rdb_skip_string(r):
            return -1
        n -= 1
    return 0


cdef int rdb_skip_counts(RdbRead* r, int n) noexcept nogil:
    cdef uint64_t count
    while n > 0:
        if rdb_count(r, &count):
            return -1
        n -= 1
    return 0


cdef int rdb_skip_score(RdbRead* r, int rdb_type) noexcept nogil:
    if rdb_type == RDB_TYPE_ZSET_2:
        return rdb_skip_bytes(r, 8)
    if rdb_need(r, 1):
        return -1
    return rdb_skip_bytes(r, 1 if r.at[0] >= RDB_SCORE_NAN else 1 + <size_t>r.at[0])


cdef int rdb_skip_element(RdbRead* r, int rdb_type) noexcept nogil:
    """One element of a value that begins with their count."""
    if rdb_type == RDB_TYPE_LIST_QUICKLIST_2 and rdb_skip_counts(r, 1):
        return -1
    if (rdb_type == RDB_TYPE_HASH_TTLS or rdb_type == RDB_TYPE_HASH_TTLS_EARLY) and rdb_skip_counts(r, 1):
        return -1
    if rdb_skip_string(r):
        return -1
    if rdb_type == RDB_TYPE_ZSET or rdb_type == RDB_TYPE_ZSET_2:
        return rdb_skip_score(r, rdb_type)
    if rdb_type in (RDB_TYPE_HASH, RDB_TYPE_HASH_TTLS, RDB_TYPE_HASH_TTLS_EARLY):
        return rdb_skip_string(r)
    return 0


cdef int rdb_skip_counted(RdbRead* r, int rdb_type) noexcept nogil:
    cdef uint64_t n
    if rdb_count(r, &n):
        return -1
    if rdb_type == RDB_TYPE_LIST or rdb_type == RDB_TYPE_SET:
        return rdb_skip_strings(r, n)
    while n > 0:
        if rdb_skip_element(r, rdb_type):
            return -1
        n -= 1
    return 0


cdef int rdb_skip_module(RdbRead* r) noexcept nogil:
    """What a module wrote, behind its number."""
    cdef const uint8_t* from_here
    cdef uint64_t opcode
    cdef int bad = 0
    while not bad:
        from_here = r.at
        if rdb_count(r, &opcode):
            return -1
        if opcode == RDB_MODULE_END:
            return 0
        if opcode == RDB_MODULE_SIGNED or opcode == RDB_MODULE_UNSIGNED:
            bad = rdb_skip_counts(r, 1)
        elif opcode == RDB_MODULE_FLOAT or opcode == RDB_MODULE_DOUBLE:
            bad = rdb_skip_bytes(r, 4 if opcode == RDB_MODULE_FLOAT else 8)
        elif opcode == RDB_MODULE_STRING:
            bad = rdb_skip_string(r)
        else:
            bad = rdb_fail(r, from_here, b"a module's value has no such opcode")
    return bad


# -- streams ---------------------------------------------------------------------------------------------------

cdef int rdb_skip_consumer(RdbRead* r, int rdb_type) noexcept nogil:
    """A name, when it was seen and when it was active, and the ids that it has pending."""
    cdef size_t times = 2 if rdb_type == RDB_TYPE_STREAM_3 else 1
    cdef uint64_t pending
    if rdb_skip_string(r) or rdb_skip_bytes(r, times * RDB_STREAM_TIME_SIZE) or rdb_count(r, &pending):
        return -1
    if pending > rdb_left(r) // RDB_STREAM_ID_SIZE:
        return rdb_need(r, rdb_left(r) + 1)
    return rdb_skip_bytes(r, pending * RDB_STREAM_ID_SIZE)


cdef int rdb_skip_group(RdbRead* r, int rdb_type) noexcept nogil:
    """A name, its last id, the entries it has read, those pending (id, time, deliveries), and its consumers."""
    cdef uint64_t n
    if rdb_skip_string(r) or rdb_skip_counts(r, 2 if rdb_type == RDB_TYPE_STREAM else 3) or rdb_count(r, &n):
        return -1
    while n > 0:
        if rdb_skip_bytes(r, RDB_STREAM_ID_SIZE + RDB_STREAM_TIME_SIZE) or rdb_skip_counts(r, 1):
            return -1
        n -= 1
    if rdb_count(r, &n):
        return -1
    while n > 0:
        if rdb_skip_consumer(r, rdb_type):
            return -1
        n -= 1
    return 0


cdef int rdb_skip_stream(RdbRead* r, int rdb_type) noexcept nogil:
    cdef uint64_t n
    if rdb_count(r, &n):
        return -1
    while n > 0:
        if rdb_skip_strings(r, 2):
            return -1
        n -= 1
    # length and last id; then first id, highest deleted id and entries ever added
    if rdb_skip_counts(r, 3 if rdb_type == RDB_TYPE_STREAM else 8) or rdb_count(r, &n):
        return -1
    while n > 0:
        if rdb_skip_group(r, rdb_type):
            return -1
        n -= 1
    return 0


# -- any of them -------------------------------------------------------------------------------------------------

cdef int rdb_skip_object(RdbRead* r, int rdb_type) noexcept nogil:
    """From the first byte behind the key to the first behind the object; -1: bad, or nobody knows where that is."""
    if rdb_type == RDB_TYPE_STRING:
        return rdb_skip_string(r)
    if rdb_type in (RDB_TYPE_LIST, RDB_TYPE_SET, RDB_TYPE_ZSET, RDB_TYPE_HASH, RDB_TYPE_ZSET_2, RDB_TYPE_LIST_QUICKLIST,
                    RDB_TYPE_LIST_QUICKLIST_2, RDB_TYPE_HASH_TTLS_EARLY):
        return rdb_skip_counted(r, rdb_type)
    if rdb_type == RDB_TYPE_HASH_TTLS:
        return -1 if rdb_skip_bytes(r, 8) else rdb_skip_counted(r, rdb_type)
    if rdb_type == RDB_TYPE_HASH_LISTPACK_TTLS:
        return -1 if rdb_skip_bytes(r, 8) else rdb_skip_string(r)
    if rdb_type == RDB_TYPE_MODULE_2:
        return -1 if rdb_skip_counts(r, 1) else rdb_skip_module(r)
    if rdb_type == RDB_TYPE_MODULE:
        return rdb_fail(r, r.at, b"where the value of a module ends cannot be known in this form")
    if rdb_type in (RDB_TYPE_STREAM, RDB_TYPE_STREAM_2, RDB_TYPE_STREAM_3):
        return rdb_skip_stream(r, rdb_type)
    return rdb_skip_string(r)


cdef bint rdb_object_is_empty(int rdb_type, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Whether an object, whose structure is right, has no elements: a count of 0, or a compact encoding with one."""
    cdef RdbRead r
    cdef RdbText s
    cdef bint empty = False
    memset(&r, 0, sizeof(r))
    r.start = r.at = p
    r.end = end
    if rdb_type == RDB_TYPE_STRING or rdb_type == RDB_TYPE_HASH_ZIPMAP or p == end:
        return False
    if rdb_type in (RDB_TYPE_LIST, RDB_TYPE_SET, RDB_TYPE_ZSET, RDB_TYPE_HASH, RDB_TYPE_ZSET_2, RDB_TYPE_LIST_QUICKLIST,
                    RDB_TYPE_LIST_QUICKLIST_2):
        return p[0] == 0
    if rdb_value_type(rdb_type) == TYPE_LIMIT or rdb_type >= RDB_TYPE_HASH_TTLS_EARLY or rdb_text(&r, &s):
        return False
    if rdb_type in (RDB_TYPE_LIST_ZIPLIST, RDB_TYPE_ZSET_ZIPLIST, RDB_TYPE_HASH_ZIPLIST):
        empty = s.text.len == 11 and memcmp(s.text.ptr + 8, b"\0\0\xff", 3) == 0
    elif rdb_type == RDB_TYPE_SET_INTSET:
        empty = s.text.len == 8 and memcmp(s.text.ptr + 4, b"\0\0\0\0", 4) == 0
    else:
        empty = s.text.len == 7 and memcmp(s.text.ptr + 4, b"\0\0\xff", 3) == 0
    rdb_text_free(&s)
    return empty
