"""How the engine treats hashes: HASH_OPS."""

cdef void hash_free(Store* store, const Entry* e) noexcept nogil:
    table_free(store, hash_table(e))


cdef size_t hash_memory(Store* store, const Entry* e) noexcept nogil:
    """Bytes outside the record."""
    return 0 if hash_is_packed(e) else table_bytes(hash_table(e))


# -- RDB -----------------------------------------------------------------------------------------------
cdef struct HashEncode:
    Store* store
    Reply* out


cdef bint hash_encode_pair(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    cdef HashEncode* encode = <HashEncode*>arg
    rdb_put_element(encode.store, encode.out, field)
    rdb_put_element(encode.store, encode.out, value)
    return True


cdef int hash_encode(Store* store, const Entry* e, Reply* out) noexcept nogil:
    cdef HashEncode encode
    cdef const uint8_t* pairs
    cdef size_t count = hash_count(e)
    rdb_put_byte(store, out, RDB_TYPE_HASH)
    rdb_put_length(store, out, count)
    if hash_is_packed(e):
        pairs = hash_pairs(e, &count)
        rdb_put_packed(store, out, pairs, e.value + e.len)
        return 0
    encode.store = store
    encode.out = out
    hash_each(store, e, hash_encode_pair, &encode)
    return 0


cdef int hash_decode_pair(HashBuilder* b, Str data, size_t* pos) noexcept nogil:
    """A field that was there before is bad data, in every encoding."""
    cdef RdbString field_text, value_text
    cdef Element field, value
    cdef int added
    if rdb_get_string(b.store.api, data, pos, &field_text):
        return -1
    if rdb_get_string(b.store.api, data, pos, &value_text):
        rdb_free_string(b.store.api, &field_text)
        return -1
    element_of(field_text.text, &field)
    element_of(value_text.text, &value)
    added = hash_build_add(b, &field, &value)
    rdb_free_string(b.store.api, &field_text)
    rdb_free_string(b.store.api, &value_text)
    return 0 if added else -1


cdef int hash_decode_plain(HashBuilder* b, Str data, size_t* pos) noexcept nogil:
    cdef uint64_t left
    if rdb_get_count(data, pos, &left):
        return -1
    while left > 0:
        if hash_decode_pair(b, data, pos):
            return -1
        left -= 1
    return 0


cdef bint hash_decode_zipmap_pair(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    return hash_build_add(<HashBuilder*>arg, field, value)


cdef bint hash_decode_listpack_pair(void* arg, const Element* field, const Element* value,
                                    double score) noexcept nogil:
    """As Redis, which only counts the pairs of a listpack or ziplist that it loads."""
    return hash_build_put(<HashBuilder*>arg, field, value)


cdef int hash_decode_legacy(HashBuilder* b, int rdb_type, Str data, size_t* pos) noexcept nogil:
    cdef EachFn fn = hash_decode_listpack_pair
    if rdb_type == RDB_TYPE_HASH_ZIPMAP:
        fn = hash_decode_zipmap_pair
    return legacy_decode(b.store.api, rdb_type, data, pos, fn, b)


cdef inline bint hash_field_expired(const Store* store, double ttl_ms) noexcept nogil:
    return ttl_ms != 0 and ttl_ms <= <double>store.now_ms


cdef bint hash_decode_ttl_pair(void* arg, const Element* field, const Element* value, double ttl_ms) noexcept nogil:
    cdef HashBuilder* b = <HashBuilder*>arg
    return hash_field_expired(b.store, ttl_ms) or hash_build_put(b, field, value)


cdef int hash_decode_ttls_plain(HashBuilder* b, uint64_t first_ms, Str data, size_t* pos) noexcept nogil:
    """A count, then TTL, field and value of each. A TTL counts from first_ms as 1; 0: the field has none."""
    cdef RdbString field, value
    cdef uint64_t left, ttl
    cdef Element name, held
    cdef bint good = True
    if rdb_get_count(data, pos, &left) or left == 0:
        return -1
    while left > 0 and good:
        if rdb_get_count(data, pos, &ttl) or rdb_get_string(b.store.api, data, pos, &field):
            return -1
        if rdb_get_string(b.store.api, data, pos, &value):
            rdb_free_string(b.store.api, &field)
            return -1
        element_of(field.text, &name)
        element_of(value.text, &held)
        if not hash_field_expired(b.store, <double>(ttl + first_ms - 1) if ttl else 0):
            good = hash_build_add(b, &name, &held)
        rdb_free_string(b.store.api, &field)
        rdb_free_string(b.store.api, &value)
        left -= 1
    return 0 if good else -1


cdef int hash_decode_ttls(HashBuilder* b, int rdb_type, Str data, size_t* pos) noexcept nogil:
    """A hash whose fields have TTLs, as Redis 7.4 has them: fields that have expired are left out, the others stay."""
    cdef uint64_t first_ms = 1
    if rdb_type == RDB_TYPE_HASH_TTLS or rdb_type == RDB_TYPE_HASH_LISTPACK_TTLS:
        if data.len - pos[0] < 8:
            return -1
        memcpy(&first_ms, data.ptr + pos[0], 8)
        pos[0] += 8
    if rdb_type == RDB_TYPE_HASH_TTLS or rdb_type == RDB_TYPE_HASH_TTLS_EARLY:
        return hash_decode_ttls_plain(b, first_ms, data, pos)
    return legacy_decode(b.store.api, rdb_type, data, pos, hash_decode_ttl_pair, b)


cdef void hash_decode_none(Store* store, Db* db, const Key* key) noexcept nogil:
    """All fields have expired: there is no such key."""
    cdef Entry old
    if store.api.lookup(store, db, key, &old, LOOKUP_WRITE):
        store.api.remove(store, db, key, &old)


cdef int hash_decode(Store* store, Db* db, const Key* key, int rdb_type, Str data, size_t* pos,
                     int64_t expire_ms) noexcept nogil:
    cdef HashBuilder b
    cdef int result
    hash_build_begin(store, &b)
    if rdb_type == RDB_TYPE_HASH:
        result = hash_decode_plain(&b, data, pos)
    elif rdb_type >= RDB_TYPE_HASH_TTLS_EARLY:
        result = hash_decode_ttls(&b, rdb_type, data, pos)
        if result == 0 and hash_build_count(&b) == 0:
            hash_build_drop(&b)
            hash_decode_none(store, db, key)
            return 0
    else:
        result = hash_decode_legacy(&b, rdb_type, data, pos)
    if result != 0 or hash_build_count(&b) == 0:
        hash_build_drop(&b)
        return -1
    hash_build_finish(&b, db, key, expire_ms)
    return 0


# -- the rest ------------------------------------------------------------------------------------------
cdef int hash_copy(Store* store, Db* db, const Key* key, const Entry* source, int64_t expire_ms) noexcept nogil:
    """Store a copy of source under key. The copy is made first: put may move records."""
    cdef HashBuilder b
    hash_edit_begin(store, &b, source)
    if b.table is not NULL:
        b.table = table_copy(store, b.table)
        b.owned = True
    hash_build_finish(&b, db, key, expire_ms)
    return 0


cdef bint hash_digest_pair(void* arg, const Element* field, const Element* value, double score) noexcept nogil:
    cdef uint8_t pair[DIGEST_SIZE]
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str text = element_text(field, scratch)
    memset(pair, 0, DIGEST_SIZE)
    digest_mix(pair, text.ptr, text.len)
    text = element_text(value, scratch)
    digest_mix(pair, text.ptr, text.len)
    digest_xor(<uint8_t*>arg, pair, DIGEST_SIZE)
    return True


cdef void hash_digest(Store* store, const Entry* e, uint8_t* digest) noexcept nogil:
    hash_each(store, e, hash_digest_pair, digest)


cdef const char* hash_encoding(Store* store, const Entry* e) noexcept nogil:
    return b"hashtable" if hash_big_name(e) else b"listpack"


cdef size_t hash_length(Store* store, const Entry* e) noexcept nogil:
    return hash_count(e)


cdef const char* hash_validate_packed(const Entry* e) noexcept nogil:
    """Count, bounds and shortest forms of a packed hash, and that no field comes twice."""
    cdef size_t count
    cdef size_t seen = 0
    cdef const uint8_t* start = hash_pairs(e, &count)
    cdef const uint8_t* end = e.value + e.len
    cdef const uint8_t* p = start
    cdef Element field
    if e.len > PACKED_MAX or count == 0 or (start != e.value + 1 and count < HASH_COUNT_FOLLOWS):
        return b"a packed hash's header is wrong"
    while p < end:
        if not element_is_well(p, end) or not element_is_well(element_skip(p), end):
            return b"a packed hash's pair is wrong"
        element_read(p, &field)
        if hash_seek(start, p, &field) is not NULL:
            return b"a packed hash has a field twice"
        p = element_skip(element_skip(p))
        seen += 1
    if seen != count:
        return b"a packed hash's count is wrong"
    return NULL


cdef const char* hash_validate(Store* store, const Entry* e) noexcept nogil:
    if e.enc == ENC_BYTES:
        return hash_validate_packed(e)
    if e.enc != ENC_PTR:
        return b"a hash's encoding is wrong"
    if table_count(hash_table(e)) == 0:
        return b"a hash is empty"
    return table_validate(store, hash_table(e))


cdef void* hash_freeze(Store* store, const Entry* e) noexcept nogil:
    return NULL if hash_is_packed(e) else table_freeze(store, hash_table(e), RDB_TYPE_HASH)


cdef TypeOps HASH_OPS = [
    b"hash", hash_free, hash_memory, hash_encode, hash_decode, hash_copy, hash_digest, hash_encoding, hash_length,
    hash_validate, hash_freeze, table_encode_frozen, table_thaw, table_approach,
]
