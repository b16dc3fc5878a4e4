"""The string type: how commands store and edit strings, and how the engine treats them (STRING_OPS).

How the bytes lie in a record's value area and how to read them is in engine/value.pxd.  A string that an
editing command has touched is ENC_RAW or a Blob, never an integer, as OBJECT ENCODING tells.

Invariants
* A Blob holds more than EMBED_MAX bytes; strings only ever grow, so that it never turns back.
* Functions that store take the Entry of the lookup(LOOKUP_WRITE) just before, and leave the new one in it.
"""
cdef enum:
    EMBSTR_MAX = 44         # bytes of the longest string that Redis embeds in its object


# -- storing -------------------------------------------------------------------------------------------
cdef inline void string_put(Call* c, const Key* key, Entry* e, Str s, int64_t expire_ms) noexcept nogil:
    """Store s as SET does: as an integer where it is one."""
    cdef int64_t room
    cdef Value value
    value_of_string(c.api, s, &room, &value)
    c.api.put(c.store, c.db, key, e, &value, expire_ms)


cdef inline void string_put_bytes(Call* c, const Key* key, Entry* e, Str s, uint8_t enc) noexcept nogil:
    """Store s as bytes, in ENC_BYTES or ENC_RAW; a TTL stays."""
    cdef int64_t room
    cdef Value value
    value_of_bytes(c.api, s, enc, &room, &value)
    c.api.put(c.store, c.db, key, e, &value, KEEP_TTL)


cdef inline void string_put_int(Call* c, const Key* key, Entry* e, int64_t n) noexcept nogil:
    """Store integer n: in place if the key has an integer of the same or a larger width. A TTL stays."""
    cdef int64_t room
    cdef Value value
    value_of_int(n, &room, &value)
    if e.rec is not NULL and value.enc <= e.enc <= ENC_INT64:
        memcpy(e.value, &n, e.len)
    else:
        c.api.put(c.store, c.db, key, e, &value, KEEP_TTL)


# -- looking at ----------------------------------------------------------------------------------------
cdef inline size_t string_len(const Entry* e) noexcept nogil:
    cdef char scratch[24]
    return view_string(e, scratch).len


cdef inline bint string_to_i64(const Entry* e, int64_t* out) noexcept nogil:
    """The value as an integer; 0 if it is none."""
    cdef Str s
    cdef char scratch[24]
    if is_int(e):
        out[0] = load_int(e.value, e.enc)
        return True
    s = view_string(e, scratch)
    return ws_str_to_i64(s.ptr, s.len, out)


# -- editing in place ----------------------------------------------------------------------------------
cdef Blob* blob_new(EngineApi* api, size_t size) noexcept nogil:
    cdef Blob* blob = <Blob*>api.alloc(sizeof(Blob) + size)
    blob.len = size
    blob.cap = size
    return blob


cdef char* blob_extend(Call* c, Entry* e, size_t size) noexcept nogil:
    """Make the Blob of e at least `size` long, new bytes zero. Its data."""
    cdef Blob* blob = c.api.edit_blob(c.store, c.db, e, size)
    if size > blob.len:
        memset(blob.data + blob.len, 0, size - blob.len)
        blob.len = size
    return blob.data


cdef inline char* string_in_place(Call* c, Entry* e, size_t size) noexcept nogil:
    """The bytes of a string that can be edited where it is, made at least `size` long; else NULL."""
    if e.rec is NULL:
        return NULL
    if e.enc == ENC_BLOB:
        return blob_extend(c, e, size)
    if e.enc == ENC_RAW and e.len >= size:
        return <char*>e.value
    return NULL


cdef void string_rebuild(Call* c, const Key* key, Entry* e, size_t size, size_t offset, Str piece) noexcept nogil:
    """Replace the value, absent or not a Blob, by its bytes, zero-padded to `size`, with piece written at offset."""
    cdef char small[EMBED_MAX]
    cdef char scratch[24]
    cdef Str old
    cdef Blob* blob
    cdef char* room = small
    cdef Value value
    old.ptr = scratch
    old.len = 0
    if e.rec is not NULL:
        old = view_string(e, scratch)
    size = max(size, old.len)
    value.type = TYPE_STRING
    value.enc = ENC_RAW
    value.ptr = small
    value.len = size
    if size > EMBED_MAX:
        blob = blob_new(c.api, size)
        room = blob.data
        value.enc = ENC_BLOB
        value.ptr = &blob
        value.len = sizeof(blob)
    memcpy(room, old.ptr, old.len)
    memset(room + old.len, 0, size - old.len)
    memcpy(room + offset, piece.ptr, piece.len)
    c.api.put(c.store, c.db, key, e, &value, KEEP_TTL)


cdef void string_patch(Call* c, const Key* key, Entry* e, size_t offset, Str piece) noexcept nogil:
    """Write piece at offset into the string, which grows as needed, zero-padded; a TTL stays.

    e is what lookup(LOOKUP_WRITE) gave, with rec NULL for a missing key, which is created.
    """
    cdef char* data = string_in_place(c, e, offset + piece.len)
    if data is NULL:
        string_rebuild(c, key, e, offset + piece.len, offset, piece)
    else:
        memcpy(data + offset, piece.ptr, piece.len)


cdef char* string_edit(Call* c, const Key* key, Entry* e, size_t size) noexcept nogil:
    """The string's bytes, to be changed in place: at least `size` of them, new ones zero. Otherwise as string_patch."""
    cdef char* data = string_in_place(c, e, size)
    cdef Str nothing
    if data is not NULL:
        return data
    nothing.ptr = b""
    nothing.len = 0
    string_rebuild(c, key, e, size, 0, nothing)
    c.api.lookup(c.store, c.db, key, e, LOOKUP_WRITE)
    return string_in_place(c, e, size)


# -- what the engine calls -----------------------------------------------------------------------------
cdef size_t string_memory(Store* store, const Entry* e) noexcept nogil:
    """Bytes outside the record."""
    if e.enc != ENC_BLOB:
        return 0
    return sizeof(Blob) + load_blob(e).cap


cdef int string_encode(Store* store, const Entry* e, Reply* out) noexcept nogil:
    cdef char scratch[24]
    rdb_put_byte(store, out, RDB_TYPE_STRING)
    if is_int(e):
        rdb_put_int(store, out, load_int(e.value, e.enc))
    else:
        rdb_put_string(store, out, view_string(e, scratch))
    return 0


cdef int string_decode(Store* store, Db* db, const Key* key, int rdb_type, Str data, size_t* pos,
                       int64_t expire_ms) noexcept nogil:
    cdef RdbString s
    cdef Value value
    cdef Entry old
    cdef int64_t room
    if rdb_type != RDB_TYPE_STRING or rdb_get_string(store.api, data, pos, &s):
        return -1
    value_of_string(store.api, s.text, &room, &value)
    store.api.lookup(store, db, key, &old, LOOKUP_WRITE)
    store.api.put(store, db, key, &old, &value, expire_ms)
    rdb_free_string(store.api, &s)
    return 0


cdef int string_copy(Store* store, Db* db, const Key* key, const Entry* source, int64_t expire_ms) noexcept nogil:
    """Store a copy of source under key; the encoding stays. The copy is made first: put may move records."""
    cdef char small[EMBED_MAX]
    cdef Value value
    cdef Entry old
    cdef int64_t room
    cdef char scratch[24]
    cdef Str s
    value.type = TYPE_STRING
    value.enc = source.enc
    value.len = source.len
    value.ptr = small
    if source.enc == ENC_BLOB:
        s = view_string(source, scratch)
        value_of_bytes(store.api, s, ENC_RAW, &room, &value)
    else:
        memcpy(small, source.value, source.len)
    store.api.lookup(store, db, key, &old, LOOKUP_WRITE)
    store.api.put(store, db, key, &old, &value, expire_ms)
    return 0


cdef void string_digest(Store* store, const Entry* e, uint8_t* digest) noexcept nogil:
    """Mix in the string's bytes; type and TTL are digest_value's part."""
    cdef char scratch[24]
    cdef Str s = view_string(e, scratch)
    digest_mix(digest, s.ptr, s.len)


cdef const char* string_encoding(Store* store, const Entry* e) noexcept nogil:
    if is_int(e):
        return b"int"
    if e.enc == ENC_BYTES and e.len <= EMBSTR_MAX:
        return b"embstr"
    return b"raw"


cdef size_t string_length(Store* store, const Entry* e) noexcept nogil:
    return string_len(e)


cdef const char* string_validate(Store* store, const Entry* e) noexcept nogil:
    cdef Blob* blob
    if e.enc == ENC_BLOB:
        blob = load_blob(e)
        if not EMBED_MAX < blob.len <= blob.cap:
            return b"a blob's length is wrong"
    elif e.enc == ENC_PTR:
        return b"a string's encoding is wrong"
    return NULL


cdef TypeOps STRING_OPS = [
    b"string", NULL, string_memory, string_encode, string_decode, string_copy, string_digest, string_encoding,
    string_length, string_validate, NULL, NULL, NULL, NULL,
]
