"""String values in a record's value area: reading them as bytes, choosing the smallest form to store.

A value is kept as an integer (ENC_INT*) when its decimal form reads back to the very same bytes, as bytes
up to EMBED_MAX, as a Blob beyond.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memcpy
from wstore.engine.abi cimport (
    ENC_BLOB, ENC_BYTES, ENC_INT8, ENC_INT16, ENC_INT32, ENC_INT64, ENC_RAW, TYPE_STRING,
    Blob, EngineApi, Entry, Str, Value)
from wstore.engine.reply cimport ws_i64_to_str

cdef extern from "numbers.h" nogil:
    bint ws_str_to_i64(const char* p, size_t n, int64_t* out)   # strict: no sign +, no leading zero, no space

cdef enum:
    EMBED_MAX = 1024        # longer strings live in a Blob
    INT_TEXT_MAX = 20       # bytes of the longest decimal int64


cdef inline bint is_int(const Entry* e) noexcept nogil:
    return ENC_INT8 <= e.enc <= ENC_INT64


cdef inline int64_t load_int(const uint8_t* p, uint8_t enc) noexcept nogil:
    cdef int8_t i8
    cdef int16_t i16
    cdef int32_t i32
    cdef int64_t i64
    if enc == ENC_INT8:
        memcpy(&i8, p, 1)
        return i8
    if enc == ENC_INT16:
        memcpy(&i16, p, 2)
        return i16
    if enc == ENC_INT32:
        memcpy(&i32, p, 4)
        return i32
    memcpy(&i64, p, 8)
    return i64


cdef inline Blob* load_blob(const Entry* e) noexcept nogil:
    cdef Blob* blob
    memcpy(&blob, e.value, sizeof(blob))
    return blob


cdef inline Str view_string(const Entry* e, char* scratch) noexcept nogil:
    """The string's bytes; `scratch` (24 bytes) holds the digits of an integer."""
    cdef Str s
    cdef Blob* blob
    if e.enc == ENC_BYTES or e.enc == ENC_RAW:
        s.ptr = <const char*>e.value
        s.len = e.len
    elif e.enc == ENC_BLOB:
        blob = load_blob(e)
        s.ptr = blob.data
        s.len = blob.len
    else:
        s.ptr = scratch
        s.len = ws_i64_to_str(scratch, load_int(e.value, e.enc))
    return s


cdef inline void value_of_int(int64_t n, int64_t* room, Value* out) noexcept nogil:
    """`out` for integer n in the fewest bytes; out.ptr is `room` (little-endian: its first bytes serve)."""
    room[0] = n
    out.ptr = room
    out.type = TYPE_STRING
    if -0x80 <= n < 0x80:
        out.enc = ENC_INT8
        out.len = 1
    elif -0x8000 <= n < 0x8000:
        out.enc = ENC_INT16
        out.len = 2
    elif -0x80000000LL <= n < 0x80000000LL:
        out.enc = ENC_INT32
        out.len = 4
    else:
        out.enc = ENC_INT64
        out.len = 8


cdef inline void value_of_bytes(EngineApi* api, Str s, uint8_t enc, int64_t* room, Value* out) noexcept nogil:
    """`out` for the bytes as they are: ENC_BYTES or ENC_RAW, or a new Blob if they are long."""
    cdef Blob* blob
    out.type = TYPE_STRING
    if s.len <= EMBED_MAX:
        out.ptr = s.ptr
        out.len = s.len
        out.enc = enc
        return
    blob = <Blob*>api.alloc(sizeof(Blob) + s.len)
    blob.len = s.len
    blob.cap = s.len
    memcpy(blob.data, s.ptr, s.len)
    memcpy(room, &blob, sizeof(blob))
    out.ptr = room
    out.len = sizeof(blob)
    out.enc = ENC_BLOB


cdef inline void value_of_string(EngineApi* api, Str s, int64_t* room, Value* out) noexcept nogil:
    """`out` for a string as SET stores it: an integer where it is one, else its bytes or a Blob."""
    cdef int64_t n
    if s.len <= INT_TEXT_MAX and ws_str_to_i64(s.ptr, s.len, &n):
        value_of_int(n, room, out)
    else:
        value_of_bytes(api, s, ENC_BYTES, room, out)
