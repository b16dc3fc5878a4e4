# Reading an RDB file that lies in memory: its header, its opcodes, its keys. The numbers: rdb_format.pxd; walking over
# an object without building it: rdb_skip.pyx.
#
#     rdb_begin, then rdb_next until it gives RDB_ITEM_END or RDB_ITEM_BAD. Behind an RDB_ITEM_KEY the reader stands at
#     the object: take it, or rdb_skip_object.
#
# Invariants
# * start <= at <= end, and nothing outside is looked at, whatever the bytes say.
# * A function that fails returns -1 and has set `why` and `where`, once and for all.
# * Nothing is allocated by what a length says before the bytes are known to be there.

cdef extern from "lzf.h" nogil:
    size_t rdb_lzf_decompress "ws_lzf_decompress" (const void* source, size_t n, void* out, size_t cap)

cdef extern from "crc64.h" nogil:
    uint64_t ws_crc64(uint64_t crc, const void* data, size_t n)

cdef enum:
    RDB_STRING_INT8 = 0         # kinds of specially encoded strings
    RDB_STRING_INT32 = 2
    RDB_STRING_LZF = 3
    RDB_LZF_GROWTH_MAX = 264    # bytes that one byte of LZF can become, rounded up
    RDB_DIGITS_MAX = 24

cdef enum RdbItemKind:
    RDB_ITEM_BAD = -1
    RDB_ITEM_AUX                # key: its name; value
    RDB_ITEM_DB                 # numbers[0]: index
    RDB_ITEM_RESIZE             # numbers: keys, keys with a TTL
    RDB_ITEM_SLOT               # numbers: slot, keys, keys with a TTL
    RDB_ITEM_FUNCTION           # value: source
    RDB_ITEM_MODULE_AUX         # numbers[0]: the module's number
    RDB_ITEM_KEY                # key, rdb_type, expire_ms, object
    RDB_ITEM_END

cdef struct RdbText:            # a string of the file; must not move
    Str text                    # into the file, into `digits`, or `owned`
    char* owned                 # to be freed by rdb_text_free
    char digits[RDB_DIGITS_MAX]

cdef struct RdbItem:
    const uint8_t* begins       # its first byte, that of the TTL of a key
    RdbText key
    RdbText value
    uint64_t numbers[3]
    int64_t expire_ms
    const uint8_t* object       # of a key: behind its type and the key
    int rdb_type
    int db                      # index of the database

cdef struct RdbRead:
    const uint8_t* start
    const uint8_t* at
    const uint8_t* end
    int version
    int db
    const char* why             # what is wrong, or NULL
    const uint8_t* where        # ... and where


cdef int rdb_fail(RdbRead* r, const uint8_t* where, const char* why) noexcept nogil:
    if r.why == NULL:
        r.why = why
        r.where = where
    return -1


cdef inline size_t rdb_left(const RdbRead* r) noexcept nogil:
    return <size_t>(r.end - r.at)


cdef inline int rdb_need(RdbRead* r, size_t n) noexcept nogil:
    """0 if n bytes are there."""
    return 0 if rdb_left(r) >= n else rdb_fail(r, r.at, b"the file ends too early")


cdef inline void rdb_text_free(RdbText* s) noexcept nogil:
    if s.owned != NULL:
        ws_free(s.owned)
        s.owned = NULL


cdef inline void rdb_item_free(RdbItem* item) noexcept nogil:
    rdb_text_free(&item.key)
    rdb_text_free(&item.value)


# -- lengths and strings -------------------------------------------------------------------------------------------

cdef int rdb_length_wide(RdbRead* r, uint64_t* n) noexcept nogil:
    """A length of 4 or 8 bytes behind its first one."""
    cdef uint8_t first = r.at[0]
    cdef size_t size = 4 if first == 0x80 else 8
    cdef size_t i
    if first > 0x81:
        return rdb_fail(r, r.at, b"there is no such form of a length")
    if rdb_need(r, 1 + size):
        return -1
    n[0] = 0
    for i in range(size):
        n[0] = n[0] << 8 | r.at[1 + i]
    r.at += 1 + size
    return 0


cdef inline int rdb_length(RdbRead* r, uint64_t* n, bint* special) noexcept nogil:
    """A length; or, with *special set, the kind of a specially encoded string."""
    cdef uint8_t first
    if rdb_need(r, 1):
        return -1
    first = r.at[0]
    special[0] = first >= 0xC0
    if first < 0x40 or first >= 0xC0:
        n[0] = first & 0x3F
        r.at += 1
        return 0
    if first >= 0x80:
        return rdb_length_wide(r, n)
    if rdb_need(r, 2):
        return -1
    n[0] = <uint64_t>(first & 0x3F) << 8 | r.at[1]
    r.at += 2
    return 0


cdef inline int rdb_count(RdbRead* r, uint64_t* n) noexcept nogil:
    """A plain length."""
    cdef const uint8_t* from_here = r.at
    cdef bint special = False
    if rdb_length(r, n, &special):
        return -1
    return rdb_fail(r, from_here, b"a length is none") if special else 0


cdef int rdb_lzf_lengths(RdbRead* r, uint64_t* packed, uint64_t* length) noexcept nogil:
    """The two lengths of a compressed string, which are possible; its bytes are there."""
    cdef const uint8_t* from_here = r.at
    if rdb_count(r, packed) or rdb_count(r, length) or rdb_need(r, packed[0]):
        return -1
    if length[0] == 0 or length[0] // RDB_LZF_GROWTH_MAX > packed[0]:
        return rdb_fail(r, from_here, b"the lengths of a compressed string are impossible")
    return 0


cdef int rdb_text_lzf(RdbRead* r, RdbText* out) noexcept nogil:
    cdef uint64_t packed, length
    if rdb_lzf_lengths(r, &packed, &length):
        return -1
    out.owned = <char*>ws_alloc(length)
    if rdb_lzf_decompress(r.at, packed, out.owned, length) != length:
        rdb_text_free(out)
        return rdb_fail(r, r.at, b"a compressed string is damaged")
    out.text.ptr = out.owned
    out.text.len = length
    r.at += packed
    return 0


cdef int rdb_text_int(RdbRead* r, int kind, RdbText* out) noexcept nogil:
    cdef size_t size = <size_t>1 << kind
    cdef uint64_t n = 0
    cdef int unused_bits = 64 - 8 * <int>size
    if rdb_need(r, size):
        return -1
    memcpy(&n, r.at, size)
    out.text.ptr = out.digits
    out.text.len = <size_t>snprintf(out.digits, RDB_DIGITS_MAX, b"%lld",
                                    <long long>(<int64_t>(n << unused_bits) >> unused_bits))
    r.at += size
    return 0


cdef inline int rdb_text(RdbRead* r, RdbText* out) noexcept nogil:
    """A string in any encoding. After success: rdb_text_free."""
    cdef const uint8_t* from_here = r.at
    cdef uint64_t n
    cdef bint special = False
    out.owned = NULL
    if rdb_length(r, &n, &special):
        return -1
    if not special:
        if rdb_need(r, n):
            return -1
        out.text.ptr = <const char*>r.at
        out.text.len = n
        r.at += n
        return 0
    if n <= RDB_STRING_INT32:
        return rdb_text_int(r, <int>n, out)
    return rdb_text_lzf(r, out) if n == RDB_STRING_LZF else rdb_fail(r, from_here, b"there is no such form of a string")


# -- items -----------------------------------------------------------------------------------------------------

cdef int rdb_begin(RdbRead* r, const uint8_t* start, const uint8_t* end) noexcept nogil:
    """Begin at the header of a file; -1: it is none that can be read."""
    cdef int i
    memset(r, 0, sizeof(r[0]))
    r.start = r.at = start
    r.end = end
    if rdb_left(r) < RDB_HEADER_SIZE:
        return rdb_fail(r, start, b"the file is too short for an RDB file")
    if memcmp(start, b"REDIS", 5) != 0:
        return rdb_fail(r, start, b"the file does not begin with REDIS")
    for i in range(5, RDB_HEADER_SIZE):
        if not c"0" <= start[i] <= c"9":
            return rdb_fail(r, start + 5, b"the version is no number")
        r.version = r.version * 10 + (start[i] - c"0")
    if not 1 <= r.version <= RDB_VERSION_MAX:
        return rdb_fail(r, start + 5, b"this version of the RDB format cannot be read")
    r.at += RDB_HEADER_SIZE
    return 0


cdef int rdb_next_key(RdbRead* r, RdbItem* item) noexcept nogil:
    item.rdb_type = r.at[0]
    if item.rdb_type > RDB_TYPE_HASH_LISTPACK_TTLS or item.rdb_type == 8:
        return rdb_fail(r, r.at, b"there is no such opcode or type of value")
    r.at += 1
    if rdb_text(r, &item.key):
        return RDB_ITEM_BAD
    item.object = r.at
    return RDB_ITEM_KEY


cdef int rdb_next_numbers(RdbRead* r, RdbItem* item, int count, int kind) noexcept nogil:
    cdef int i
    r.at += 1
    for i in range(count):
        if rdb_count(r, &item.numbers[i]):
            return RDB_ITEM_BAD
    return kind


cdef int rdb_next_db(RdbRead* r, RdbItem* item) noexcept nogil:
    if rdb_next_numbers(r, item, 1, RDB_ITEM_DB) < 0:
        return RDB_ITEM_BAD
    if item.numbers[0] > 0x7FFFFFFF:
        return rdb_fail(r, item.begins, b"the index of a database is too large")
    r.db = <int>item.numbers[0]
    return RDB_ITEM_DB


cdef int rdb_next_aux(RdbRead* r, RdbItem* item) noexcept nogil:
    r.at += 1
    if rdb_text(r, &item.key):
        return RDB_ITEM_BAD
    if rdb_text(r, &item.value):
        rdb_text_free(&item.key)
        return RDB_ITEM_BAD
    return RDB_ITEM_AUX


cdef int rdb_next_function(RdbRead* r, RdbItem* item) noexcept nogil:
    if r.at[0] == RDB_OP_FUNCTION_EARLY:
        return rdb_fail(r, r.at, b"functions in the form of candidates of Redis 7.0 cannot be read")
    r.at += 1
    return RDB_ITEM_BAD if rdb_text(r, &item.value) else RDB_ITEM_FUNCTION


cdef int rdb_next_module_aux(RdbRead* r, RdbItem* item) noexcept nogil:
    r.at += 1
    if rdb_count(r, &item.numbers[0]) or rdb_skip_module(r):
        return RDB_ITEM_BAD
    return RDB_ITEM_MODULE_AUX


cdef int rdb_key_fact(RdbRead* r, RdbItem* item) noexcept nogil:
    """What stands in front of a key and is about it: 1 taken, 0 it is something else, -1."""
    cdef uint64_t n
    cdef int opcode = r.at[0]
    cdef size_t size = 8 if opcode == RDB_OP_EXPIRE_MS else 4 if opcode == RDB_OP_EXPIRE_S else 1
    if opcode == RDB_OP_IDLE:
        r.at += 1
        return -1 if rdb_count(r, &n) else 1
    if opcode != RDB_OP_EXPIRE_MS and opcode != RDB_OP_EXPIRE_S and opcode != RDB_OP_FREQ:
        return 0
    if rdb_need(r, 1 + size):
        return -1
    if opcode != RDB_OP_FREQ:
        n = 0
        memcpy(&n, r.at + 1, size)
        item.expire_ms = <int64_t>n if size == 8 else <int64_t>n * 1000
        if item.expire_ms < 0:
            return rdb_fail(r, r.at, b"a TTL is negative")
    r.at += 1 + size
    return 1


cdef int rdb_next_other(RdbRead* r, RdbItem* item, int opcode) noexcept nogil:
    """What is neither a key nor about one."""
    if opcode == RDB_OP_AUX:
        return rdb_next_aux(r, item)
    if opcode == RDB_OP_SELECT:
        return rdb_next_db(r, item)
    if opcode == RDB_OP_RESIZE:
        return rdb_next_numbers(r, item, 2, RDB_ITEM_RESIZE)
    if opcode == RDB_OP_SLOT_INFO:
        return rdb_next_numbers(r, item, 3, RDB_ITEM_SLOT)
    if opcode == RDB_OP_FUNCTION or opcode == RDB_OP_FUNCTION_EARLY:
        return rdb_next_function(r, item)
    if opcode == RDB_OP_MODULE_AUX:
        return rdb_next_module_aux(r, item)
    return rdb_next_key(r, item)


cdef int rdb_next(RdbRead* r, RdbItem* item) noexcept nogil:
    """The next item of the file; one of RdbItemKind. Afterwards: rdb_item_free."""
    cdef int taken
    item.begins = r.at
    item.key.owned = item.value.owned = NULL
    item.expire_ms = NO_EXPIRE
    item.db = r.db
    while True:
        if rdb_need(r, 1):
            return RDB_ITEM_BAD
        if r.at[0] < RDB_OP_SLOT_INFO:
            return rdb_next_key(r, item)
        taken = rdb_key_fact(r, item)
        if taken < 0:
            return RDB_ITEM_BAD
        if taken == 0:
            break
    if r.at != item.begins:
        return rdb_fail(r, r.at, b"no key follows what is said of it")
    if r.at[0] == RDB_OP_END:
        r.at += 1
        return RDB_ITEM_END
    return rdb_next_other(r, item, r.at[0])


cdef int rdb_check_sum(RdbRead* r, uint64_t crc) noexcept nogil:
    """Behind RDB_ITEM_END: take the checksum and compare it with that of the bytes up to here. 0: none was made."""
    cdef uint64_t told
    if r.version < RDB_VERSION_SUMMED:
        return 0
    if rdb_need(r, RDB_SUM_SIZE):
        return -1
    memcpy(&told, r.at, RDB_SUM_SIZE)
    if told != 0 and told != crc:
        return rdb_fail(r, r.at, b"the checksum is wrong: the file is damaged somewhere before this")
    r.at += RDB_SUM_SIZE
    return 0
