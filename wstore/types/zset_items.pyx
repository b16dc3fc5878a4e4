"""Items of sorted sets: a score and a member each, packed one behind the other in ascending order, "a run".

    | score, 1-9 B | member: an element as in packed.pyx, or FE and an 8-byte pointer to a ZLong |

    score   00..7F                  the integer 0 .. 127
            80..BF | 1 B            integers below 2^14, the high bits in the first byte
            C0..DF | 2 B            below 2^21
            E0..EF | 3 B            below 2^28
            F0 | i32, F1 | i48      other integers, little-endian
            F2 | float, F3 | double what is exact as a float; everything else, -0.0 and infinities included

Order: by score, then by the bytes of the member.  -0.0 and 0.0 are the same score.

Invariants
* A score is in the shortest form that holds it, so that equal scores are equal bytes (but for -0.0 and 0.0).
* In the leaf of a tree a member over ZMEMBER_INLINE_MAX bytes is a ZLong, no other is; in a record none is.
"""
cdef extern from "probe.h" nogil:
    bint ws_same_bytes(const void* a, const void* b, size_t n)
    void ws_prefetch(const void* p)

cdef extern from "siphash.h" nogil:
    uint64_t ws_siphash13(const void* data, size_t n, const uint64_t* key)

cdef extern from "<math.h>" nogil:
    bint signbit(double d)

cdef enum:
    ZSCORE_MAX = 9              # bytes of the longest score
    ZSCORE_14 = 0x80
    ZSCORE_21 = 0xC0
    ZSCORE_28 = 0xE0
    ZSCORE_I32 = 0xF0
    ZSCORE_I48 = 0xF1
    ZSCORE_FLOAT = 0xF2
    ZSCORE_DOUBLE = 0xF3
    ZMEMBER_LONG = 0xFE         # tag of a member outside the leaf
    ZMEMBER_INLINE_MAX = 200    # bytes of the longest member in a leaf
    ZLONG_HEAD = 12             # bytes of a ZLong in front of its data
    ZRUN_ITEMS_MAX = 512        # items are two bytes at least, runs PACKED_MAX at most

cdef struct ZLong:              # a long member
    size_t len
    uint32_t epoch              # of the tree when it came: zset_frozen.pyx
    char data[4]

cdef struct ZMember:            # a member on its way in, or looked for
    const Element* element
    uint64_t hash               # of its text; in trees only
    size_t len                  # of `bytes`; 0: longer than the run takes
    uint8_t bytes[PACKED_MAX + ELEMENT_HEAD_MAX]    # as it lies in an item


# -- scores --------------------------------------------------------------------------------------------
cdef inline uint8_t* zscore_write_natural(uint8_t* p, uint32_t n) noexcept nogil:
    """An integer below 2^28."""
    if n < 0x80:
        p[0] = <uint8_t>n
        return p + 1
    if n < 1 << 14:
        p[0] = <uint8_t>(ZSCORE_14 | n >> 8)
        p[1] = <uint8_t>n
        return p + 2
    if n < 1 << 21:
        p[0] = <uint8_t>(ZSCORE_21 | n >> 16)
        p[1] = <uint8_t>(n >> 8)
        p[2] = <uint8_t>n
        return p + 3
    p[0] = <uint8_t>(ZSCORE_28 | n >> 24)
    p[1] = <uint8_t>(n >> 16)
    p[2] = <uint8_t>(n >> 8)
    p[3] = <uint8_t>n
    return p + 4


cdef inline uint8_t* zscore_write_tagged(uint8_t* p, uint8_t tag, const void* bytes, size_t n) noexcept nogil:
    p[0] = tag
    memcpy(p + 1, bytes, n)
    return p + 1 + n


cdef inline uint8_t* zscore_write(uint8_t* p, double score) noexcept nogil:
    """Write a score, which is no NaN, to p (ZSCORE_MAX bytes); returns what follows it."""
    cdef int64_t n
    cdef float f
    if -0x800000000000LL <= score < 0x800000000000LL:
        n = <int64_t>score
        if <double>n == score and (n != 0 or not signbit(score)):
            if 0 <= n < 1 << 28:
                return zscore_write_natural(p, <uint32_t>n)
            if -0x80000000LL <= n < 0x80000000LL:
                return zscore_write_tagged(p, ZSCORE_I32, &n, 4)
            return zscore_write_tagged(p, ZSCORE_I48, &n, 6)
    f = <float>score
    if <double>f == score:
        return zscore_write_tagged(p, ZSCORE_FLOAT, &f, 4)
    return zscore_write_tagged(p, ZSCORE_DOUBLE, &score, 8)


cdef const uint8_t* zscore_read_tagged(const uint8_t* p, double* out) noexcept nogil:
    cdef int64_t n = 0
    cdef float f
    if p[0] == ZSCORE_I32:
        memcpy(<uint8_t*>&n + 4, p + 1, 4)
        out[0] = <double>(n >> 32)
        return p + 5
    if p[0] == ZSCORE_I48:
        memcpy(<uint8_t*>&n + 2, p + 1, 6)
        out[0] = <double>(n >> 16)
        return p + 7
    if p[0] == ZSCORE_FLOAT:
        memcpy(&f, p + 1, 4)
        out[0] = f
        return p + 5
    memcpy(out, p + 1, 8)
    return p + 9


cdef inline const uint8_t* zscore_read(const uint8_t* p, double* out) noexcept nogil:
    """Read the score at p; returns the member behind it."""
    cdef uint32_t first = p[0]
    if first < ZSCORE_14:
        out[0] = first
        return p + 1
    if first < ZSCORE_21:
        out[0] = (first & 0x3F) << 8 | p[1]
        return p + 2
    if first < ZSCORE_28:
        out[0] = (first & 0x1F) << 16 | <uint32_t>p[1] << 8 | p[2]
        return p + 3
    if first < ZSCORE_I32:
        out[0] = (first & 0x0F) << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]
        return p + 4
    return zscore_read_tagged(p, out)


cdef inline const uint8_t* zscore_skip(const uint8_t* p) noexcept nogil:
    cdef uint8_t first = p[0]
    if first < ZSCORE_I32:
        return p + (1 if first < ZSCORE_14 else 2 if first < ZSCORE_21 else 3 if first < ZSCORE_28 else 4)
    return p + (9 if first == ZSCORE_DOUBLE else 7 if first == ZSCORE_I48 else 5)


# -- members -------------------------------------------------------------------------------------------
cdef inline ZLong* zmember_long(const uint8_t* p) noexcept nogil:
    """What the member at p, whose tag is ZMEMBER_LONG, points to."""
    cdef ZLong* text
    memcpy(&text, p + 1, sizeof(text))
    return text


cdef inline const uint8_t* zmember_read(const uint8_t* p, Element* out) noexcept nogil:
    """Read the member at p; returns the next item."""
    cdef ZLong* text
    if p[0] != ZMEMBER_LONG:
        return element_read(p, out)
    text = zmember_long(p)
    out.text.ptr = text.data
    out.text.len = text.len
    out.n = 0
    out.is_int = False
    return p + 1 + sizeof(text)


cdef inline const uint8_t* zmember_skip(const uint8_t* p) noexcept nogil:
    return p + 1 + sizeof(ZLong*) if p[0] == ZMEMBER_LONG else element_skip(p)


cdef inline const uint8_t* zitem_read(const uint8_t* p, Element* member, double* score) noexcept nogil:
    return zmember_read(zscore_read(p, score), member)


cdef inline const uint8_t* zitem_skip(const uint8_t* p) noexcept nogil:
    return zmember_skip(zscore_skip(p))


cdef inline uint64_t zmember_hash(Store* store, const Element* element) noexcept nogil:
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str text = element_text(element, scratch)
    return ws_siphash13(text.ptr, text.len, store.seed)


cdef inline void zmember_of(const Element* element, size_t most, ZMember* out) noexcept nogil:
    """The member as it lies in a run that takes members of up to `most` bytes; the hash is left alone."""
    out.element = element
    out.len = element_size(element)
    if out.len <= most:
        element_write(out.bytes, element)
    else:
        out.len = 0


cdef inline bint zmember_is(const uint8_t* p, const uint8_t* end, const ZMember* m) noexcept nogil:
    """Is m the member at p, in a run that ends at `end`?"""
    cdef ZLong* text
    if m.len:
        return p[0] == m.bytes[0] and <size_t>(end - p) >= m.len and ws_same_bytes(p, m.bytes, m.len)
    if p[0] != ZMEMBER_LONG:
        return False
    text = zmember_long(p)
    return same_bytes(text.data, text.len, m.element.text.ptr, m.element.text.len)


# -- runs ----------------------------------------------------------------------------------------------
cdef inline const uint8_t* zrun_find(const uint8_t* p, const uint8_t* end, const ZMember* m) noexcept nogil:
    """The item of a member, or NULL."""
    cdef const uint8_t* member
    while p < end:
        member = zscore_skip(p)
        if zmember_is(member, end, m):
            return p
        p = zmember_skip(member)
    return NULL


cdef inline int zitem_order(const uint8_t* p, double score, const Element* element) noexcept nogil:
    """Below, at or above 0 as the item at p comes before, is, or comes after this score and member."""
    cdef Element there
    cdef double score_there
    cdef const uint8_t* member = zscore_read(p, &score_there)
    if score_there != score:
        return -1 if score_there < score else 1
    zmember_read(member, &there)
    return element_compare(&there, element)


cdef inline const uint8_t* zrun_seek(const uint8_t* p, const uint8_t* end, double score,
                                     const Element* element) noexcept nogil:
    """The first item that comes after this score and member; `end` if none does."""
    cdef double there
    while p < end:
        zscore_read(p, &there)
        if there > score or (there == score and zitem_order(p, score, element) > 0):
            return p
        p = zitem_skip(p)
    return end


cdef inline uint32_t zrun_count(const uint8_t* p, const uint8_t* end) noexcept nogil:
    cdef uint32_t n = 0
    while p < end:
        p = zitem_skip(p)
        n += 1
    return n


cdef inline const uint8_t* zrun_at(const uint8_t* p, uint64_t nth) noexcept nogil:
    """The nth item from p on."""
    while nth > 0:
        p = zitem_skip(p)
        nth -= 1
    return p
