"""Packed elements: how the members, fields and values of collections lie in memory, one behind the other.

    tag 00..7F              that many bytes of text follow
    tag 80..BF              the integer tag - 80: 0 .. 63
    tag C0 | u16 length     text
    tag C1 | u32 length     text
    tag C2, C3, C4, C5, C6, C7 | signed integer in 1, 2, 3, 4, 6, 8 bytes, little-endian

Invariants
* An element whose decimal form reads back to the very same bytes is an integer, and everything is in its shortest
  form: two elements are the same if and only if their packed bytes are.
* What these functions read was written by `element_write`: nothing is checked.
"""
cdef enum:
    ELEMENT_TEXT_SHORT = 0x7F       # longest text whose length is the tag
    ELEMENT_INT_SHORT = 0x80
    ELEMENT_INT_SHORT_MAX = 0x3F    # largest integer in the tag
    ELEMENT_TEXT_U16 = 0xC0
    ELEMENT_TEXT_U32 = 0xC1
    ELEMENT_INT8 = 0xC2
    ELEMENT_INT16 = 0xC3
    ELEMENT_INT24 = 0xC4
    ELEMENT_INT32 = 0xC5
    ELEMENT_INT48 = 0xC6
    ELEMENT_INT64 = 0xC7
    ELEMENT_HEAD_MAX = 5            # bytes in front of a text at most
    ELEMENT_INT_MAX = 9             # bytes of a packed integer at most
    ELEMENT_TEXT_ROOM = 24          # scratch for element_text
    PACKED_MAX = 1024               # bytes of the largest value area that holds a packed collection

cdef struct Element:
    Str text                # ptr NULL: an integer
    int64_t n
    bint is_int

# Visits one element; 0: stop. `value` is NULL but in hashes; `score` counts in sorted sets only.
ctypedef bint (*EachFn)(void* arg, const Element* item, const Element* value, double score) noexcept nogil


# -- making --------------------------------------------------------------------------------------------
cdef inline void element_of_int(int64_t n, Element* out) noexcept nogil:
    out.text.ptr = NULL
    out.text.len = 0
    out.n = n
    out.is_int = True


cdef inline void element_of(Str s, Element* out) noexcept nogil:
    """s as an element, which points into s unless it is an integer."""
    if 0 < s.len <= INT_TEXT_MAX and <uint8_t>s.ptr[0] <= c'9' and ws_str_to_i64(s.ptr, s.len, &out.n):
        element_of_int(out.n, out)
        return
    out.text = s
    out.n = 0
    out.is_int = False


# -- packed bytes --------------------------------------------------------------------------------------
cdef inline size_t element_int_size(int64_t n) noexcept nogil:
    """Bytes of a packed integer, its tag counted."""
    if 0 <= n <= ELEMENT_INT_SHORT_MAX:
        return 1
    if -0x80 <= n < 0x80:
        return 2
    if -0x8000 <= n < 0x8000:
        return 3
    if -0x800000 <= n < 0x800000:
        return 4
    if -0x80000000LL <= n < 0x80000000LL:
        return 5
    if -0x800000000000LL <= n < 0x800000000000LL:
        return 7
    return ELEMENT_INT_MAX


cdef inline size_t element_text_head(size_t len) noexcept nogil:
    """Bytes in front of a text of this length."""
    if len <= ELEMENT_TEXT_SHORT:
        return 1
    return 3 if len <= 0xFFFF else ELEMENT_HEAD_MAX


cdef inline size_t element_size(const Element* e) noexcept nogil:
    """Bytes that element_write writes."""
    if e.is_int:
        return element_int_size(e.n)
    return element_text_head(e.text.len) + e.text.len


cdef inline uint8_t element_int_tag(size_t size) noexcept nogil:
    """The tag of an integer that takes `size` bytes, two or more."""
    if size <= 5:
        return <uint8_t>(ELEMENT_INT8 + size - 2)
    return ELEMENT_INT48 if size == 7 else ELEMENT_INT64


cdef inline uint8_t element_tag(const Element* e) noexcept nogil:
    """The first of its packed bytes."""
    cdef size_t size
    if e.is_int:
        size = element_int_size(e.n)
        return <uint8_t>(ELEMENT_INT_SHORT + e.n) if size == 1 else element_int_tag(size)
    size = element_text_head(e.text.len)
    return <uint8_t>e.text.len if size == 1 else ELEMENT_TEXT_U16 if size == 3 else ELEMENT_TEXT_U32


cdef inline uint8_t* element_write(uint8_t* p, const Element* e) noexcept nogil:
    """Write e to p; returns what follows it."""
    cdef size_t size
    if not e.is_int and e.text.len <= ELEMENT_TEXT_SHORT:
        p[0] = <uint8_t>e.text.len
        memcpy(p + 1, e.text.ptr, e.text.len)
        return p + 1 + e.text.len
    p[0] = element_tag(e)
    if e.is_int:
        size = element_int_size(e.n)
        memcpy(p + 1, &e.n, size - 1)
        return p + size
    size = element_text_head(e.text.len)
    memcpy(p + 1, &e.text.len, size - 1)
    memcpy(p + size, e.text.ptr, e.text.len)
    return p + size + e.text.len


cdef inline size_t element_int_bytes(uint8_t tag) noexcept nogil:
    """Bytes behind the tag of an integer that is not in it."""
    if tag <= ELEMENT_INT32:
        return tag - ELEMENT_INT8 + 1
    return 6 if tag == ELEMENT_INT48 else 8


cdef inline const uint8_t* element_text_at(const uint8_t* p, Str* out) noexcept nogil:
    """A text whose length is not in the tag."""
    cdef uint32_t len = 0
    cdef size_t head = 3 if p[0] == ELEMENT_TEXT_U16 else ELEMENT_HEAD_MAX
    memcpy(&len, p + 1, head - 1)
    out.ptr = <const char*>p + head
    out.len = len
    return p + head + len


cdef inline const uint8_t* element_read(const uint8_t* p, Element* out) noexcept nogil:
    """Read the element at p, which a text goes on pointing to; returns what follows it."""
    cdef uint8_t tag = p[0]
    cdef size_t n
    out.n = 0
    if tag <= ELEMENT_TEXT_SHORT:
        out.is_int = False
        out.text.ptr = <const char*>p + 1
        out.text.len = tag
        return p + 1 + tag
    if tag < ELEMENT_TEXT_U16:
        element_of_int(tag - ELEMENT_INT_SHORT, out)
        return p + 1
    if tag < ELEMENT_INT8:
        out.is_int = False
        return element_text_at(p, &out.text)
    n = element_int_bytes(tag)
    memcpy(&out.n, p + 1, n)
    element_of_int(<int64_t>(<uint64_t>out.n << (64 - 8 * n)) >> (64 - 8 * n), out)     # the sign fills what is above
    return p + 1 + n


cdef inline const uint8_t* element_skip(const uint8_t* p) noexcept nogil:
    """What follows the element at p."""
    cdef uint8_t tag = p[0]
    cdef Str text
    if tag <= ELEMENT_TEXT_SHORT:
        return p + 1 + tag
    if tag < ELEMENT_TEXT_U16:
        return p + 1
    if tag < ELEMENT_INT8:
        return element_text_at(p, &text)
    return p + 1 + element_int_bytes(tag)


cdef bint element_is_well(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Whether a whole element in its shortest form lies between p and end: for validation."""
    cdef uint8_t head[ELEMENT_INT_MAX]
    cdef Element e, again
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef size_t room = end - p
    if p >= end or p[0] > ELEMENT_INT64:
        return False
    memset(head, 0, sizeof(head))
    memcpy(head, p, min(room, <size_t>ELEMENT_INT_MAX))
    if p[0] <= ELEMENT_TEXT_SHORT or ELEMENT_TEXT_U16 <= p[0] <= ELEMENT_TEXT_U32:
        if <size_t>(element_skip(head) - head) > room:
            return False
    elif p[0] >= ELEMENT_INT8 and 1 + element_int_bytes(p[0]) > room:
        return False
    element_read(p, &e)
    element_of(element_text(&e, scratch), &again)
    return element_same(&e, &again) and element_tag(&again) == p[0]


# -- looking at ----------------------------------------------------------------------------------------
cdef inline bint element_same(const Element* a, const Element* b) noexcept nogil:
    if a.is_int or b.is_int:
        return a.is_int == b.is_int and a.n == b.n
    return same_bytes(a.text.ptr, a.text.len, b.text.ptr, b.text.len)


cdef inline Str element_text(const Element* e, char* scratch) noexcept nogil:
    """The element's bytes; `scratch` (ELEMENT_TEXT_ROOM) holds the digits of an integer."""
    cdef Str s
    if not e.is_int:
        return e.text
    s.ptr = scratch
    s.len = ws_i64_to_str(scratch, e.n)
    return s


cdef inline size_t element_len(const Element* e) noexcept nogil:
    """Bytes of the element's text."""
    cdef char scratch[ELEMENT_TEXT_ROOM]
    return ws_i64_to_str(scratch, e.n) if e.is_int else e.text.len


cdef inline int str_compare(Str a, Str b) noexcept nogil:
    """Below, at or above 0 as a comes before, is, or comes after b in the order of bytes."""
    cdef int order = memcmp(a.ptr, b.ptr, min(a.len, b.len))
    if order != 0:
        return order
    return (a.len > b.len) - (a.len < b.len)


cdef inline int element_compare(const Element* a, const Element* b) noexcept nogil:
    """As str_compare of the two texts."""
    cdef char scratch_a[ELEMENT_TEXT_ROOM]
    cdef char scratch_b[ELEMENT_TEXT_ROOM]
    return str_compare(element_text(a, scratch_a), element_text(b, scratch_b))


# -- handing on ----------------------------------------------------------------------------------------
cdef inline void reply_element(Call* c, const Element* e) noexcept nogil:
    """Reply with the element as a bulk string."""
    if e.is_int:
        reply_bulk_int(c, e.n)
    else:
        reply_bulk_str(c, e.text)


cdef inline void rdb_put_element(Store* store, Reply* out, const Element* e) noexcept nogil:
    if e.is_int:
        rdb_put_int(store, out, e.n)
    else:
        rdb_put_text(store, out, e.text)


cdef void rdb_put_packed(Store* store, Reply* out, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """The packed elements from p to end as strings. A short text is the same in both forms: they are copied in rows."""
    cdef uint8_t same_max = RDB_LZF_MIN if store.config.rdb_compression else RDB_LEN6_MAX
    cdef const uint8_t* row
    cdef Element e
    while p < end:
        row = p
        while p < end and p[0] <= same_max:
            p += 1 + p[0]
        if p > row:
            rdb_put_bytes(store, out, row, p - row)
        if p < end:
            p = element_read(p, &e)
            rdb_put_element(store, out, &e)
