"""Reading the compact encodings in which Redis 2.4 to 7.4 write small collections into RDB objects.

A type's decode reads the plain forms (RDB_TYPE_LIST, _SET, _HASH, _ZSET, _ZSET_2) itself and hands every other RDB
type to `legacy_decode`, which takes the whole object from the stream and calls `fn(arg, item, value, score)` once
for each element, in the order in which they were written: usually to add it to the type's builder.

    lists           (item, NULL, 0)     14: several ziplists; 18: several listpacks and long elements; 10: a ziplist
    sets            (item, NULL, 0)     11: an intset; 20: a listpack
    hashes          (field, value, 0)   9: a zipmap; 13: a ziplist; 16: a listpack
    with TTLs       (field, value, TTL) 23, 25: a listpack; the TTL of a field in Unix ms, 0: none
    sorted sets     (item, NULL, score) 12: a ziplist; 17: a listpack

Both functions return 0, or -1: the bytes are corrupt, there is no element at all, or fn answered 0, by which it
refuses an element (a member that was there before, say). Elements seen until then are then to be dropped.  An
Element's text points into the object or into memory that is freed on return: fn copies what it keeps.

Invariants
* Nothing is read outside the bytes given, whatever they are: each reader checks what is left before it looks.
* What the encodings say twice (sizes, counts, lengths of what is before) must agree, as must the order of an intset.

Source: the encodings as Redis documents them; numbers are little-endian unless said otherwise.

    listpack    | u32 size | u16 count | entries | FF |             count FFFF: more than that, count them
        entry   | head, 1-9 B | data | size of head and data, 1-5 B of 7 bits, to be read backwards |
    ziplist     | u32 size | u32 offset of the last entry | u16 count, as above | entries | FF |
        entry   | size of the entry before: 1 B, or FE and u32 | head, 1-5 B | data |
    zipmap      | u8 count, FE: count them | fields | FF |
        field   | length: 1 B, or FE and u32 | name | length | u8 free | value | free bytes |
    intset      | u32 width: 2, 4, 8 | u32 count | integers of that width, ascending |
"""
from libc.math cimport isnan
from libc.stdlib cimport strtod

cdef enum:
    LEGACY_COUNT_UNKNOWN = 0xFFFF
    LEGACY_END = 0xFF
    LISTPACK_HEADER_SIZE = 6
    ZIPLIST_HEADER_SIZE = 10
    INTSET_HEADER_SIZE = 8
    LEGACY_BIG_LENGTH = 0xFE        # zipmap, ziplist: a 32-bit length follows
    LEGACY_SCORE_MAX = 127          # longest text of a score
    QUICKLIST_PLAIN = 1             # what a node of a quicklist 2 holds: one long element
    QUICKLIST_PACKED = 2            # ... a listpack

cdef enum LegacyShape:
    LEGACY_ITEMS
    LEGACY_PAIRS                    # field and value in turn
    LEGACY_SCORES                   # member and score in turn
    LEGACY_TTLS                     # field, value and TTL in turn

cdef struct LegacyReader:
    const uint8_t* start
    const uint8_t* at
    const uint8_t* end              # where the entries must end: the terminator, if the encoding has one
    const uint8_t* last             # where the last entry read begins
    uint64_t told                   # how many there should be, or LEGACY_COUNT_UNKNOWN
    uint64_t seen
    size_t width                    # of an intset's integers
    int (*next)(LegacyReader* r, Element* out) noexcept nogil   # 1: read; 0: at the end; -1: corrupt
    LegacyShape shape


cdef inline size_t legacy_left(const LegacyReader* r) noexcept nogil:
    return <size_t>(r.end - r.at)


cdef inline bint legacy_terminated(LegacyReader* r) noexcept nogil:
    """Whether the last byte is the terminator; entries end in front of it."""
    r.end -= 1
    return r.end[0] == LEGACY_END


cdef inline uint64_t legacy_load(const uint8_t* p, size_t size_bytes) noexcept nogil:
    """A little-endian number of up to 8 bytes."""
    cdef uint64_t n = 0
    memcpy(&n, p, size_bytes)
    return n


cdef inline int64_t legacy_load_signed(const uint8_t* p, size_t size_bytes) noexcept nogil:
    cdef int unused_bits = 64 - 8 * <int>size_bytes
    return <int64_t>(legacy_load(p, size_bytes) << unused_bits) >> unused_bits


cdef int legacy_int_entry(LegacyReader* r, size_t head, size_t size_bytes, Element* out) noexcept nogil:
    """An integer of so many bytes behind `head`; moves on."""
    if legacy_left(r) < head + size_bytes:
        return -1
    element_of_int(legacy_load_signed(r.at + head, size_bytes), out)
    r.at += head + size_bytes
    return 1


cdef int legacy_text_entry(LegacyReader* r, size_t head, size_t size_bytes, Element* out) noexcept nogil:
    """A text of so many bytes behind `head`; moves on."""
    cdef Str text
    if legacy_left(r) < head or legacy_left(r) - head < size_bytes:
        return -1
    text.ptr = <const char*>r.at + head
    text.len = size_bytes
    element_of(text, out)
    r.at += head + size_bytes
    return 1


# -- listpack ------------------------------------------------------------------------------------------
cdef size_t listpack_back_size(size_t n) noexcept nogil:
    """Bytes in which the size n of an entry stands behind it."""
    if n <= 127:
        return 1
    if n < 16383:
        return 2
    if n < 2097151:
        return 3
    return 4 if n < 268435455 else 5


cdef int listpack_back(LegacyReader* r, size_t n) noexcept nogil:
    """Check that n stands behind an entry, and skip it: 1, or -1."""
    cdef size_t size_bytes = listpack_back_size(n)
    cdef size_t i
    if legacy_left(r) < size_bytes:
        return -1
    for i in range(size_bytes):
        if r.at[size_bytes - 1 - i] != ((n >> (7 * i) & 127) | (0 if i == size_bytes - 1 else 128)):
            return -1
    r.at += size_bytes
    return 1


cdef int listpack_int(LegacyReader* r, Element* out) noexcept nogil:
    """An entry whose first byte is F1 to F4: 16, 24, 32, 64 bits."""
    cdef int kind = r.at[0] - 0xF1
    return legacy_int_entry(r, 1, 8 if kind == 3 else 2 + kind, out)


cdef int listpack_data(LegacyReader* r, Element* out) noexcept nogil:
    """Head and data of the entry at r.at, of which there is at least one byte."""
    cdef uint8_t first = r.at[0]
    cdef int n
    if first < 0x80:                        # 0xxxxxxx: 0 .. 127
        element_of_int(first, out)
        r.at += 1
        return 1
    if first < 0xC0:                        # 10xxxxxx: text
        return legacy_text_entry(r, 1, first & 0x3F, out)
    if first <= 0xF0 and legacy_left(r) < (5 if first == 0xF0 else 2):
        return -1
    if first < 0xE0:                        # 110xxxxx xxxxxxxx: signed, big-endian
        n = (first & 0x1F) << 8 | r.at[1]
        element_of_int(n - 0x2000 if n >= 0x1000 else n, out)
        r.at += 2
        return 1
    if first < 0xF0:                        # 1110xxxx xxxxxxxx: text, big-endian
        return legacy_text_entry(r, 2, (first & 0x0F) << 8 | r.at[1], out)
    if first == 0xF0:                       # text of u32
        return legacy_text_entry(r, 5, legacy_load(r.at + 1, 4), out)
    return listpack_int(r, out) if first <= 0xF4 else -1


cdef int listpack_next(LegacyReader* r, Element* out) noexcept nogil:
    cdef const uint8_t* entry = r.at
    if r.at == r.end:
        return 0
    if listpack_data(r, out) < 0:
        return -1
    return listpack_back(r, <size_t>(r.at - entry))


cdef int listpack_open(Str blob, LegacyReader* r) noexcept nogil:
    if blob.len <= LISTPACK_HEADER_SIZE or legacy_load(r.start, 4) != blob.len or not legacy_terminated(r):
        return -1
    r.told = legacy_load(r.start + 4, 2)
    r.at += LISTPACK_HEADER_SIZE
    r.next = listpack_next
    return 0


# -- ziplist -------------------------------------------------------------------------------------------
cdef int ziplist_before(LegacyReader* r, size_t size_before) noexcept nogil:
    """Check the size of the entry before, at the start of an entry, and skip it: 1, or -1."""
    cdef size_t head = 1
    cdef uint64_t n
    if legacy_left(r) < 1:
        return -1
    n = r.at[0]
    if n == LEGACY_BIG_LENGTH:
        head = 5
        if legacy_left(r) < head:
            return -1
        n = legacy_load(r.at + 1, 4)
    r.at += head
    return 1 if n == size_before else -1


cdef int ziplist_int(LegacyReader* r, Element* out) noexcept nogil:
    """An entry whose head, the byte at r.at, has both top bits set."""
    cdef uint8_t head = r.at[0]
    if head == 0xC0:
        return legacy_int_entry(r, 1, 2, out)
    if head == 0xD0:
        return legacy_int_entry(r, 1, 4, out)
    if head == 0xE0:
        return legacy_int_entry(r, 1, 8, out)
    if head == 0xF0:
        return legacy_int_entry(r, 1, 3, out)
    if head == 0xFE:
        return legacy_int_entry(r, 1, 1, out)
    if not 0xF1 <= head <= 0xFD:
        return -1
    element_of_int(head - 0xF1, out)        # the integer in the head: 0 .. 12
    r.at += 1
    return 1


cdef int ziplist_data(LegacyReader* r, Element* out) noexcept nogil:
    """Head and data of an entry."""
    cdef uint8_t first
    if legacy_left(r) < 1:
        return -1
    first = r.at[0]
    if first < 0x40:                        # 00xxxxxx: text
        return legacy_text_entry(r, 1, first, out)
    if first >= 0xC0:
        return ziplist_int(r, out)
    if legacy_left(r) < (2 if first < 0x80 else 5):
        return -1
    if first < 0x80:                        # 01xxxxxx xxxxxxxx: text, big-endian
        return legacy_text_entry(r, 2, (first & 0x3F) << 8 | r.at[1], out)
    return legacy_text_entry(r, 5, rdb_load_be(<const char*>r.at + 1, 4), out)      # 10......: text of u32, big-endian


cdef int ziplist_next(LegacyReader* r, Element* out) noexcept nogil:
    cdef const uint8_t* entry = r.at
    cdef size_t size_before = 0 if r.last is NULL else <size_t>(r.at - r.last)
    if r.at == r.end:
        if r.last is NULL:
            r.last = r.at                   # an empty one names the place of its terminator
        return 0 if legacy_load(r.start + 4, 4) == <uint64_t>(r.last - r.start) else -1
    r.last = entry
    if ziplist_before(r, size_before) < 0:
        return -1
    return ziplist_data(r, out)


cdef int ziplist_open(Str blob, LegacyReader* r) noexcept nogil:
    if blob.len <= ZIPLIST_HEADER_SIZE or legacy_load(r.start, 4) != blob.len or not legacy_terminated(r):
        return -1
    r.told = legacy_load(r.start + 8, 2)
    r.at += ZIPLIST_HEADER_SIZE
    r.next = ziplist_next
    return 0


# -- zipmap --------------------------------------------------------------------------------------------
cdef int zipmap_length(LegacyReader* r, uint64_t* n) noexcept nogil:
    """Read a length and skip it: 1, or -1."""
    cdef size_t head = 1
    if legacy_left(r) < head or r.at[0] == LEGACY_END:
        return -1
    n[0] = r.at[0]
    if n[0] == LEGACY_BIG_LENGTH:
        head = 5
        if legacy_left(r) < head:
            return -1
        n[0] = legacy_load(r.at + 1, 4)
    r.at += head
    return 1


cdef int zipmap_next(LegacyReader* r, Element* out) noexcept nogil:
    """A field's name or, every second time, its value with the free bytes behind it."""
    cdef bint is_value = r.seen % 2 == 1
    cdef uint64_t n
    cdef uint8_t free_bytes = 0
    if r.at == r.end and not is_value:
        return 0
    if zipmap_length(r, &n) < 0:
        return -1
    if is_value:
        if legacy_left(r) < 1:
            return -1
        free_bytes = r.at[0]
        r.at += 1
    if legacy_text_entry(r, 0, n, out) < 0 or legacy_left(r) < free_bytes:
        return -1
    r.at += free_bytes
    return 1


cdef int zipmap_open(Str blob, LegacyReader* r) noexcept nogil:
    if blob.len < 2 or not legacy_terminated(r):
        return -1
    r.told = LEGACY_COUNT_UNKNOWN if r.start[0] >= LEGACY_BIG_LENGTH else 2 * <uint64_t>r.start[0]
    r.at += 1
    r.next = zipmap_next
    return 0


# -- intset --------------------------------------------------------------------------------------------
cdef int intset_next(LegacyReader* r, Element* out) noexcept nogil:
    cdef const uint8_t* before = r.at - r.width
    if r.at == r.end:
        return 0
    if r.seen > 0 and legacy_load_signed(before, r.width) >= legacy_load_signed(r.at, r.width):
        return -1
    return legacy_int_entry(r, 0, r.width, out)


cdef int intset_open(Str blob, LegacyReader* r) noexcept nogil:
    if blob.len < INTSET_HEADER_SIZE:
        return -1
    r.width = legacy_load(r.start, 4)
    if r.width not in (2, 4, 8) or blob.len - INTSET_HEADER_SIZE != legacy_load(r.start + 4, 4) * r.width:
        return -1
    r.told = LEGACY_COUNT_UNKNOWN           # the length told it already
    r.at += INTSET_HEADER_SIZE
    r.next = intset_next
    return 0


# -- elements of any of them ---------------------------------------------------------------------------
cdef int legacy_open(int rdb_type, Str blob, LegacyReader* r) noexcept nogil:
    memset(r, 0, sizeof(r[0]))
    r.start = <const uint8_t*>blob.ptr
    r.at = r.start
    r.end = r.start + blob.len
    r.shape = LEGACY_ITEMS
    if rdb_type in (RDB_TYPE_HASH_ZIPMAP, RDB_TYPE_HASH_ZIPLIST, RDB_TYPE_HASH_LISTPACK):
        r.shape = LEGACY_PAIRS
    elif rdb_type in (RDB_TYPE_ZSET_ZIPLIST, RDB_TYPE_ZSET_LISTPACK):
        r.shape = LEGACY_SCORES
    elif rdb_type in (RDB_TYPE_HASH_LISTPACK_TTLS, RDB_TYPE_HASH_LISTPACK_TTLS_EARLY):
        r.shape = LEGACY_TTLS
        return listpack_open(blob, r)
    if rdb_type in (RDB_TYPE_LIST_ZIPLIST, RDB_TYPE_LIST_QUICKLIST, RDB_TYPE_ZSET_ZIPLIST, RDB_TYPE_HASH_ZIPLIST):
        return ziplist_open(blob, r)
    if rdb_type in (RDB_TYPE_LIST_QUICKLIST_2, RDB_TYPE_SET_LISTPACK, RDB_TYPE_HASH_LISTPACK, RDB_TYPE_ZSET_LISTPACK):
        return listpack_open(blob, r)
    if rdb_type == RDB_TYPE_HASH_ZIPMAP:
        return zipmap_open(blob, r)
    return intset_open(blob, r) if rdb_type == RDB_TYPE_SET_INTSET else -1


cdef int legacy_score(const Element* e, double* out) noexcept nogil:
    """The score that an element stands for; also such as underflow, which strtod takes: 0, or -1."""
    cdef char text[LEGACY_SCORE_MAX + 1]
    cdef char* after
    if e.is_int:
        out[0] = <double>e.n
        return 0
    if not 0 < e.text.len <= LEGACY_SCORE_MAX:
        return -1
    memcpy(text, e.text.ptr, e.text.len)
    text[e.text.len] = 0
    out[0] = strtod(text, &after)
    return 0 if after == text + e.text.len and not isnan(out[0]) else -1


cdef inline int legacy_take(LegacyReader* r, Element* out) noexcept nogil:
    cdef int got = r.next(r, out)
    if got > 0:
        r.seen += 1
    return got


cdef int legacy_visit(LegacyReader* r, EachFn fn, void* arg) noexcept nogil:
    """Read one element with what belongs to it and show it to fn: 1; 0 at the end; -1."""
    cdef Element item, second, third
    cdef double score = 0
    cdef int got = legacy_take(r, &item)
    if got <= 0:
        return got
    if r.shape != LEGACY_ITEMS and legacy_take(r, &second) <= 0:
        return -1
    if r.shape == LEGACY_SCORES and legacy_score(&second, &score):
        return -1
    if r.shape == LEGACY_TTLS:
        if legacy_take(r, &third) <= 0 or not third.is_int or third.n < 0:
            return -1
        score = <double>third.n
    return 1 if fn(arg, &item, &second if r.shape == LEGACY_PAIRS or r.shape == LEGACY_TTLS else NULL, score) else -1


cdef int64_t legacy_walk(int rdb_type, Str blob, EachFn fn, void* arg) noexcept nogil:
    """Visit all elements; how many entries there were, or -1."""
    cdef LegacyReader r
    cdef int got = 1
    if legacy_open(rdb_type, blob, &r):
        return -1
    while got > 0:
        got = legacy_visit(&r, fn, arg)
    if got < 0 or (r.told != LEGACY_COUNT_UNKNOWN and r.told != r.seen):
        return -1
    return <int64_t>r.seen


cdef int legacy_each(int rdb_type, Str blob, EachFn fn, void* arg) noexcept nogil:
    """Visit the elements of one encoded string: of the whole object, or of one node of a list."""
    return 0 if legacy_walk(rdb_type, blob, fn, arg) > 0 else -1


# -- objects in a stream -------------------------------------------------------------------------------
cdef int64_t legacy_node(int rdb_type, bint plain, Str blob, EachFn fn, void* arg) noexcept nogil:
    cdef Element item
    if not plain:
        return legacy_walk(rdb_type, blob, fn, arg)
    if blob.len == 0:
        return -1
    element_of(blob, &item)
    return 1 if fn(arg, &item, NULL, 0) else -1


cdef int64_t legacy_string(EngineApi* api, int rdb_type, bint plain, Str data, size_t* pos, EachFn fn,
                           void* arg) noexcept nogil:
    """Take one string from the stream and visit what it holds: how many entries, or -1."""
    cdef RdbString s
    cdef int64_t n
    if rdb_get_string(api, data, pos, &s):
        return -1
    n = legacy_node(rdb_type, plain, s.text, fn, arg)
    rdb_free_string(api, &s)
    return n


cdef int legacy_list(EngineApi* api, int rdb_type, Str data, size_t* pos, EachFn fn, void* arg) noexcept nogil:
    """A quicklist: the number of its nodes, then the nodes; quicklist 2 says of each what it holds."""
    cdef uint64_t nodes, _node
    cdef uint64_t holds = QUICKLIST_PACKED
    cdef int64_t total = 0
    cdef int64_t n
    if rdb_get_count(data, pos, &nodes):
        return -1
    for _node in range(nodes):
        if rdb_type == RDB_TYPE_LIST_QUICKLIST_2 and rdb_get_count(data, pos, &holds):
            return -1
        if holds != QUICKLIST_PLAIN and holds != QUICKLIST_PACKED:
            return -1
        n = legacy_string(api, rdb_type, holds == QUICKLIST_PLAIN, data, pos, fn, arg)
        if n < 0:
            return -1
        total += n
    return 0 if total > 0 else -1


cdef int legacy_decode(EngineApi* api, int rdb_type, Str data, size_t* pos, EachFn fn, void* arg) noexcept nogil:
    """Take an object of any of these types from data at *pos, behind its type byte, and visit its elements."""
    if rdb_type == RDB_TYPE_LIST_QUICKLIST or rdb_type == RDB_TYPE_LIST_QUICKLIST_2:
        return legacy_list(api, rdb_type, data, pos, fn, arg)
    return 0 if legacy_string(api, rdb_type, False, data, pos, fn, arg) > 0 else -1
