"""Small sets as bytes: sorted integers as differences, or packed elements. What set.pyx keeps in a record.

Integers (ENC_BYTES)
    | head | first, zigzag | second - first | third - second | ...      all of them varints

Elements (ENC_RAW), in the order in which they came
    | head | packed element | packed element | ...                      see packed.pyx

The head is a varint as well: the number of elements, twice, plus 1 if OBJECT ENCODING answers "hashtable". A varint
has seven bits a byte, low ones first; the top bit says that another byte follows. Zigzag: 0, -1, 1, -2 are 0, 1, 2, 3.
Differences are counted modulo 2^64, so that they hold between any two integers.
"""
cdef enum:
    SET_HEAD_MAX = 3            # bytes of the longest head
    VARINT_MAX = 10             # bytes of the longest varint

cdef struct SetReader:          # a walk over a small set
    const uint8_t* at
    size_t left
    bint ints
    bint first
    int64_t n                   # the integer read last


cdef inline uint8_t* varint_write(uint8_t* p, uint64_t n) noexcept nogil:
    while n >= 0x80:
        p[0] = <uint8_t>(n | 0x80)
        p += 1
        n >>= 7
    p[0] = <uint8_t>n
    return p + 1


cdef inline const uint8_t* varint_read(const uint8_t* p, uint64_t* out) noexcept nogil:
    cdef uint64_t n = p[0] & 0x7F
    cdef int shift = 7
    while p[0] & 0x80:
        p += 1
        n |= <uint64_t>(p[0] & 0x7F) << shift
        shift += 7
    out[0] = n
    return p + 1


cdef inline size_t varint_size(uint64_t n) noexcept nogil:
    cdef size_t size = 1
    while n >= 0x80:
        n >>= 7
        size += 1
    return size


cdef inline uint64_t zigzag(int64_t n) noexcept nogil:
    return <uint64_t>n << 1 ^ <uint64_t>(n >> 63)


cdef inline int64_t zigzag_back(uint64_t u) noexcept nogil:
    return <int64_t>(u >> 1 ^ (0 - (u & 1)))


# -- reading -----------------------------------------------------------------------------------------------
cdef inline void set_reader(SetReader* r, bint ints, const uint8_t* body, size_t count) noexcept nogil:
    r.at = body
    r.left = count
    r.ints = ints
    r.first = True
    r.n = 0


cdef inline bint next_int(SetReader* r) noexcept nogil:
    """Read an integer into r.n; 0: there is none left."""
    cdef uint64_t u
    if r.left == 0:
        return False
    r.left -= 1
    r.at = varint_read(r.at, &u)
    r.n = zigzag_back(u) if r.first else <int64_t>(<uint64_t>r.n + u)
    r.first = False
    return True


cdef inline bint next_member(SetReader* r, Element* out) noexcept nogil:
    """Read an element, which points into the set; 0: there is none left."""
    if r.ints:
        if not next_int(r):
            return False
        element_of_int(r.n, out)
        return True
    if r.left == 0:
        return False
    r.left -= 1
    r.at = element_read(r.at, out)
    return True


cdef inline bint ints_have(const uint8_t* body, size_t count, int64_t n) noexcept nogil:
    cdef SetReader r
    set_reader(&r, True, body, count)
    while next_int(&r):
        if r.n >= n:
            return r.n == n
    return False


cdef inline const uint8_t* packed_find(const uint8_t* p, size_t count, const Element* e) noexcept nogil:
    """Where e is among packed elements, or NULL."""
    cdef uint8_t tag = element_tag(e)
    cdef Element other
    while count > 0:
        if p[0] == tag:
            element_read(p, &other)
            if element_same(&other, e):
                return p
        p = element_skip(p)
        count -= 1
    return NULL


# -- changing ----------------------------------------------------------------------------------------------
cdef inline void splice(uint8_t* at, size_t old_size, const uint8_t* piece, size_t size,
                        const uint8_t* end) noexcept nogil:
    """Put a piece in place of the old_size bytes at `at`, moving what is behind them up to `end`."""
    memmove(at + size, at + old_size, end - at - old_size)
    if size > 0:
        memcpy(at, piece, size)


cdef inline uint8_t* gap_write(uint8_t* p, bint first, int64_t before, int64_t n) noexcept nogil:
    """Write n as it stands behind `before`, or as the first one."""
    return varint_write(p, zigzag(n) if first else <uint64_t>n - <uint64_t>before)


cdef int ints_add(uint8_t* body, size_t count, size_t* len, int64_t n, size_t room) noexcept nogil:
    """Add n to sorted integers: 1; 0 it is there already; -1 more than `room` bytes would be needed."""
    cdef uint8_t piece[2 * VARINT_MAX]
    cdef uint8_t* end
    cdef SetReader r
    cdef const uint8_t* at = body
    cdef int64_t before = 0
    cdef bint first = True
    cdef bint more
    set_reader(&r, True, body, count)
    more = next_int(&r)
    while more and r.n < n:
        first = False
        before = r.n
        at = r.at
        more = next_int(&r)
    if more and r.n == n:
        return 0
    end = gap_write(piece, first, before, n)
    if more:
        end = gap_write(end, False, n, r.n)
    if len[0] + (end - piece) - (r.at - at) > room:
        return -1
    splice(<uint8_t*>at, r.at - at, piece, end - piece, body + len[0])
    len[0] += (end - piece) - (r.at - at)
    return 1


cdef bint ints_remove(uint8_t* body, size_t count, size_t* len, int64_t n) noexcept nogil:
    """Whether n was among the integers."""
    cdef uint8_t piece[VARINT_MAX]
    cdef uint8_t* end = piece
    cdef SetReader r
    cdef const uint8_t* at = body
    cdef int64_t before = 0
    cdef bint first = True
    set_reader(&r, True, body, count)
    while True:
        if not next_int(&r) or r.n > n:
            return False
        if r.n == n:
            break
        first = False
        before = r.n
        at = r.at
    if next_int(&r):
        end = gap_write(piece, first, before, r.n)
    splice(<uint8_t*>at, r.at - at, piece, end - piece, body + len[0])
    len[0] -= (r.at - at) - (end - piece)
    return True


cdef bint packed_remove(uint8_t* body, size_t count, size_t* len, const Element* e) noexcept nogil:
    """Whether e was among the packed elements."""
    cdef const uint8_t* at = packed_find(body, count, e)
    cdef size_t size
    if at is NULL:
        return False
    size = element_skip(at) - at
    splice(<uint8_t*>at, size, NULL, 0, body + len[0])
    len[0] -= size
    return True
