"""Lengths and strings of the RDB format, version 10: what every type's encode and decode are built from.

A length is 1, 2, 5 or 9 bytes, told apart by the top two bits of the first; those bits both set announce a
specially encoded string instead: an 8, 16 or 32-bit little-endian integer, or an LZF-compressed string.
Source: the RDB file format as Redis 7.0 writes it.

Readers take bytes from `data` at `pos`, which they advance, and trust nothing: they return 0, or -1 when the
bytes are bad.
"""
cdef extern from "lzf.h" nogil:
    size_t ws_lzf_compress(const void* source, size_t n, void* out, size_t cap)     # 0: does not fit in cap
    size_t ws_lzf_decompress(const void* source, size_t n, void* out, size_t cap)   # 0: corrupt

cdef enum:
    RDB_ENC_INT8 = 0
    RDB_ENC_INT16 = 1
    RDB_ENC_INT32 = 2
    RDB_ENC_LZF = 3
    RDB_SPECIAL = 0xC0          # top bits of a specially encoded string
    RDB_LEN32 = 0x80
    RDB_LEN64 = 0x81
    RDB_LEN6_MAX = 0x3F         # a length up to here is one byte
    RDB_LEN_ROOM = 9            # bytes of the longest length
    RDB_INT_ROOM = 21           # and of the longest integer
    RDB_INT_TEXT_MAX = 11       # longer strings are no 32-bit integer
    RDB_LZF_MIN = 20            # strings up to here are not compressed
    RDB_LZF_RATIO_MAX = 264     # no LZF stream expands further: 3 bytes to 264 + rounding

cdef struct RdbString:
    Str text
    void* owned             # memory behind text, to be freed by rdb_free_string, or NULL
    char digits[24]


# -- writing -------------------------------------------------------------------------------------------
cdef inline uint8_t* rdb_room(Store* store, Reply* out, size_t n) noexcept nogil:
    if out.len + n > out.cap:
        store.api.reply_grow(out, n)
    return <uint8_t*>out.data + out.len


cdef inline void rdb_put_byte(Store* store, Reply* out, int byte) noexcept nogil:
    rdb_room(store, out, 1)[0] = <uint8_t>byte
    out.len += 1


cdef inline void rdb_put_bytes(Store* store, Reply* out, const void* p, size_t n) noexcept nogil:
    memcpy(rdb_room(store, out, n), p, n)
    out.len += n


cdef inline void rdb_store_be(uint8_t* p, uint64_t n, int size_bytes) noexcept nogil:
    cdef int i
    for i in range(size_bytes):
        p[i] = <uint8_t>(n >> (8 * (size_bytes - 1 - i)))


cdef inline size_t rdb_store_length(uint8_t* p, uint64_t n) noexcept nogil:
    """Write length n to p (room for RDB_LEN_ROOM bytes); returns the bytes used."""
    if n <= RDB_LEN6_MAX:
        p[0] = <uint8_t>n
        return 1
    if n < 0x4000:
        p[0] = <uint8_t>(0x40 | n >> 8)
        p[1] = <uint8_t>n
        return 2
    if n <= 0xFFFFFFFFULL:
        p[0] = RDB_LEN32
        rdb_store_be(p + 1, n, 4)
        return 5
    p[0] = RDB_LEN64
    rdb_store_be(p + 1, n, 8)
    return 9


cdef void rdb_put_length(Store* store, Reply* out, uint64_t n) noexcept nogil:
    out.len += rdb_store_length(rdb_room(store, out, RDB_LEN_ROOM), n)


cdef inline size_t rdb_store_int(uint8_t* p, int64_t n) noexcept nogil:
    """Write n as a string to p (room for RDB_INT_ROOM bytes), in an integer encoding if it has 32 bits."""
    cdef int32_t n32 = <int32_t>n
    cdef int16_t n16 = <int16_t>n
    if n != n32:
        p[0] = <uint8_t>ws_i64_to_str(<char*>p + 1, n)
        return 1 + <size_t>p[0]
    if n != n16:
        p[0] = RDB_SPECIAL | RDB_ENC_INT32
        memcpy(p + 1, &n32, 4)
        return 5
    if n != <int8_t>n:
        p[0] = RDB_SPECIAL | RDB_ENC_INT16
        memcpy(p + 1, &n16, 2)
        return 3
    p[0] = RDB_SPECIAL | RDB_ENC_INT8
    p[1] = <uint8_t>n
    return 2


cdef inline void rdb_put_int(Store* store, Reply* out, int64_t n) noexcept nogil:
    """Write an integer as a string."""
    out.len += rdb_store_int(rdb_room(store, out, RDB_INT_ROOM), n)


cdef bint rdb_put_lzf(Store* store, Reply* out, Str s) noexcept nogil:
    """Write s compressed; 0, and nothing written, if that saves less than four bytes."""
    cdef uint8_t* p = rdb_room(store, out, 1 + 2 * RDB_LEN_ROOM + s.len)
    cdef uint8_t* packed = p + 1 + 2 * RDB_LEN_ROOM
    cdef size_t used = 1
    cdef size_t n = ws_lzf_compress(s.ptr, s.len, packed, s.len - 4)
    if n == 0:
        return False
    p[0] = RDB_SPECIAL | RDB_ENC_LZF
    used += rdb_store_length(p + used, n)
    used += rdb_store_length(p + used, s.len)
    memmove(p + used, packed, n)
    out.len += used + n
    return True


cdef void rdb_put_long_text(Store* store, Reply* out, Str s) noexcept nogil:
    """Write a string that is no integer: compressed, if that is wanted and worth it, or as it is."""
    cdef uint8_t* p
    cdef size_t head
    if store.config.rdb_compression and rdb_put_lzf(store, out, s):
        return
    p = rdb_room(store, out, RDB_LEN_ROOM + s.len)
    head = rdb_store_length(p, s.len)
    memcpy(p + head, s.ptr, s.len)
    out.len += head + s.len


cdef inline void rdb_put_text(Store* store, Reply* out, Str s) noexcept nogil:
    """As rdb_put_long_text, for any length."""
    cdef uint8_t* p
    if s.len > RDB_LZF_MIN:
        rdb_put_long_text(store, out, s)
        return
    p = rdb_room(store, out, 1 + s.len)
    p[0] = <uint8_t>s.len
    memcpy(p + 1, s.ptr, s.len)
    out.len += 1 + s.len


cdef inline void rdb_put_string(Store* store, Reply* out, Str s) noexcept nogil:
    """Write a string in its shortest form."""
    cdef int64_t n
    if s.len <= RDB_INT_TEXT_MAX and ws_str_to_i64(s.ptr, s.len, &n):
        rdb_put_int(store, out, n)
    else:
        rdb_put_text(store, out, s)


# -- reading -------------------------------------------------------------------------------------------
cdef inline uint64_t rdb_load_be(const char* p, int size_bytes) noexcept nogil:
    cdef uint64_t n = 0
    cdef int i
    for i in range(size_bytes):
        n = n << 8 | <uint8_t>p[i]
    return n


cdef int rdb_get_length(Str data, size_t* pos, uint64_t* n, bint* special) noexcept nogil:
    """A length; or, with *special set, the kind of a specially encoded string."""
    cdef uint8_t first
    cdef int size_bytes
    if pos[0] >= data.len:
        return -1
    first = <uint8_t>data.ptr[pos[0]]
    pos[0] += 1
    special[0] = first >= RDB_SPECIAL
    n[0] = first & 0x3F
    if first < 0x40 or special[0]:
        return 0
    if first < RDB_LEN32:
        size_bytes = 1
    elif first == RDB_LEN32:
        size_bytes = 4
    elif first == RDB_LEN64:
        size_bytes = 8
    else:
        return -1
    if data.len - pos[0] < <size_t>size_bytes:
        return -1
    n[0] = rdb_load_be(data.ptr + pos[0], size_bytes) | (n[0] << 8 if size_bytes == 1 else 0)
    pos[0] += size_bytes
    return 0


cdef int rdb_get_count(Str data, size_t* pos, uint64_t* n) noexcept nogil:
    """A plain length, as that of a string or the number of elements."""
    cdef bint special
    if rdb_get_length(data, pos, n, &special) or special:
        return -1
    return 0


cdef int rdb_get_int(Str data, size_t* pos, int kind, RdbString* out) noexcept nogil:
    cdef int size_bytes = 1 << kind
    if data.len - pos[0] < <size_t>size_bytes:
        return -1
    out.text.ptr = out.digits
    out.text.len = ws_i64_to_str(
        out.digits, load_int(<const uint8_t*>data.ptr + pos[0], <uint8_t>(<int>ENC_INT8 + kind)))
    pos[0] += size_bytes
    return 0


cdef int rdb_get_lzf(EngineApi* api, Str data, size_t* pos, RdbString* out) noexcept nogil:
    cdef uint64_t packed, length
    if rdb_get_count(data, pos, &packed) or rdb_get_count(data, pos, &length):
        return -1
    if packed > data.len - pos[0] or length == 0 or length // RDB_LZF_RATIO_MAX > packed:
        return -1
    out.owned = api.alloc(length)
    if ws_lzf_decompress(data.ptr + pos[0], packed, out.owned, length) != length:
        api.free(out.owned)
        out.owned = NULL
        return -1
    out.text.ptr = <const char*>out.owned
    out.text.len = length
    pos[0] += packed
    return 0


cdef int rdb_get_string(EngineApi* api, Str data, size_t* pos, RdbString* out) noexcept nogil:
    """A string in any encoding.  After success call rdb_free_string; out must not move before."""
    cdef uint64_t n
    cdef bint special
    out.owned = NULL
    if rdb_get_length(data, pos, &n, &special):
        return -1
    if special:
        if n == RDB_ENC_LZF:
            return rdb_get_lzf(api, data, pos, out)
        return rdb_get_int(data, pos, <int>n, out) if n < RDB_ENC_LZF else -1
    if n > data.len - pos[0]:
        return -1
    out.text.ptr = data.ptr + pos[0]
    out.text.len = n
    pos[0] += n
    return 0


cdef inline void rdb_free_string(EngineApi* api, RdbString* s) noexcept nogil:
    if s.owned is not NULL:
        api.free(s.owned)
