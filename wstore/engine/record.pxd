"""Records: how a key, its TTL and its value lie in one packed string of bytes.

    | flags | key length | expire       | key | value area                                     |
    | 1 B   | 1-5 B      | 0, 6 or 8 B  |     | length 1-5 B + bytes, or 1, 2, 4 or 8 B fixed  |

    flags   bits 0-2 type, 3-5 encoding (abi.Encoding), 6-7 bytes of expire: 0 none, 1 six, 2 eight
    length  < 254: itself in 1 byte; 254, then 2 bytes; 255, then 4 bytes
    expire  Unix time in ms, little-endian; six bytes reach the year 10889

A record says how long it is only by its fields; its cell in the arena may be longer.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from wstore.engine.abi cimport ENC_BLOB, ENC_BYTES, ENC_INT8, ENC_PTR, ENC_RAW, Entry, Key, NO_EXPIRE, Value

cdef extern from "probe.h" nogil:
    bint ws_same_bytes(const void* a, const void* b, size_t n)

cdef enum:
    EXPIRE_NONE = 0
    EXPIRE_6 = 1
    EXPIRE_8 = 2


cdef inline size_t length_size(size_t n) noexcept nogil:
    return 1 if n < 254 else 3 if n < 65536 else 5


cdef inline uint8_t* put_length(uint8_t* p, size_t n) noexcept nogil:
    cdef uint16_t n16
    cdef uint32_t n32
    if n < 254:
        p[0] = <uint8_t>n
        return p + 1
    if n < 65536:
        n16 = <uint16_t>n
        p[0] = 254
        memcpy(p + 1, &n16, 2)
        return p + 3
    n32 = <uint32_t>n
    p[0] = 255
    memcpy(p + 1, &n32, 4)
    return p + 5


cdef inline const uint8_t* get_length(const uint8_t* p, size_t* n) noexcept nogil:
    cdef uint16_t n16
    cdef uint32_t n32
    if p[0] < 254:
        n[0] = p[0]
        return p + 1
    if p[0] == 254:
        memcpy(&n16, p + 1, 2)
        n[0] = n16
        return p + 3
    memcpy(&n32, p + 1, 4)
    n[0] = n32
    return p + 5


cdef inline uint8_t expire_kind(int64_t expire_ms) noexcept nogil:
    if expire_ms == NO_EXPIRE:
        return EXPIRE_NONE
    return EXPIRE_6 if 0 <= expire_ms < <int64_t>1 << 48 else EXPIRE_8


cdef inline size_t expire_size(uint8_t kind) noexcept nogil:
    return 0 if kind == EXPIRE_NONE else 6 if kind == EXPIRE_6 else 8


cdef inline bint has_length(uint8_t enc) noexcept nogil:
    return enc == ENC_BYTES or enc == ENC_RAW


cdef inline size_t fixed_size(uint8_t enc) noexcept nogil:
    """Bytes of a value area without a length."""
    return 8 if enc >= ENC_BLOB else <size_t>1 << (enc - ENC_INT8)


cdef inline size_t value_size(const Value* v) noexcept nogil:
    return length_size(v.len) + v.len if has_length(v.enc) else v.len


cdef inline size_t record_size(size_t key_len, const Value* v, int64_t expire_ms) noexcept nogil:
    return 1 + length_size(key_len) + expire_size(expire_kind(expire_ms)) + key_len + value_size(v)


cdef inline uint8_t record_enc(const uint8_t* rec) noexcept nogil:
    return rec[0] >> 3 & 7


cdef inline int64_t record_expire(const uint8_t* rec) noexcept nogil:
    cdef size_t n
    cdef int64_t expire_ms = 0
    cdef uint8_t kind = rec[0] >> 6
    if kind == EXPIRE_NONE:
        return NO_EXPIRE
    memcpy(&expire_ms, get_length(rec + 1, &n), expire_size(kind))
    return expire_ms


cdef inline const uint8_t* record_key(const uint8_t* rec, size_t* len) noexcept nogil:
    return get_length(rec + 1, len) + expire_size(rec[0] >> 6)


cdef inline bint record_has_key(const uint8_t* rec, const Key* key) noexcept nogil:
    cdef size_t n
    cdef const uint8_t* p
    if rec[1] < 254:
        return rec[1] == key.len and ws_same_bytes(
            rec + 2 + expire_size(rec[0] >> 6), key.ptr, key.len)
    p = record_key(rec, &n)
    return n == key.len and ws_same_bytes(p, key.ptr, n)


cdef inline void decode_record(uint8_t* rec, Entry* e) noexcept nogil:
    """Fill rec, value, len, expire_ms, type and enc of `e`."""
    cdef size_t n
    cdef uint8_t kind = rec[0] >> 6
    cdef const uint8_t* p = get_length(rec + 1, &n)
    e.rec = rec
    e.type = rec[0] & 7
    e.enc = rec[0] >> 3 & 7
    e.expire_ms = NO_EXPIRE
    if kind:
        e.expire_ms = 0
        memcpy(&e.expire_ms, p, expire_size(kind))
        p += expire_size(kind)
    p += n
    if has_length(e.enc):
        p = get_length(p, &e.len)
    else:
        e.len = fixed_size(e.enc)
    e.value = <uint8_t*>p


cdef inline void write_record(uint8_t* rec, const Key* key, const Value* v, int64_t expire_ms) noexcept nogil:
    cdef uint8_t kind = expire_kind(expire_ms)
    cdef uint8_t* p = put_length(rec + 1, key.len)
    rec[0] = v.type | v.enc << 3 | kind << 6
    if kind:
        memcpy(p, &expire_ms, expire_size(kind))
        p += expire_size(kind)
    memcpy(p, key.ptr, key.len)
    p += key.len
    if has_length(v.enc):
        p = put_length(p, v.len)
    memcpy(p, v.ptr, v.len)
