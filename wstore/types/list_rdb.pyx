"""Lists as RDB objects: written as a count and strings, read from every form that Redis has written.

    count | string | string | ...

Source: the RDB file format as Redis 7.0 reads and writes it.
"""
cdef struct ListEncoder:
    Store* store
    Reply* out


cdef bint list_encode_each(void* arg, const Element* item, const Element* value, double score) noexcept nogil:
    cdef ListEncoder* encoder = <ListEncoder*>arg
    rdb_put_element(encoder.store, encoder.out, item)
    return True


cdef int list_op_encode(Store* store, const Entry* e, Reply* out) noexcept nogil:
    cdef ListEncoder encoder
    cdef const uint8_t* items
    cdef uint32_t count
    rdb_put_byte(store, out, RDB_TYPE_LIST)
    rdb_put_length(store, out, list_count(e))
    if e.enc != ENC_PTR:
        items = list_small_items(e, &count)
        rdb_put_packed(store, out, items, e.value + e.len)
        return 0
    encoder.store = store
    encoder.out = out
    list_each(store, e, list_encode_each, &encoder)
    return 0


cdef int list_decode_plain(ListBuilder* builder, Str data, size_t* pos) noexcept nogil:
    """The strings behind the type byte; 0, or -1: bad data."""
    cdef uint64_t count, _i
    cdef RdbString s
    cdef Element e
    if rdb_get_count(data, pos, &count):
        return -1
    for _i in range(count):
        if rdb_get_string(builder.store.api, data, pos, &s):
            return -1
        element_of(s.text, &e)
        list_build_add(builder, &e)
        rdb_free_string(builder.store.api, &s)
    return 0


cdef int list_op_decode(Store* store, Db* db, const Key* key, int rdb_type, Str data, size_t* pos,
                        int64_t expire_ms) noexcept nogil:
    cdef ListBuilder builder
    cdef int failed
    list_build_begin(store, &builder)
    if rdb_type == RDB_TYPE_LIST:
        failed = list_decode_plain(&builder, data, pos)
    else:
        failed = legacy_decode(store.api, rdb_type, data, pos, list_build_each, &builder)
    if failed or list_form_count(&builder) == 0:
        list_build_drop(&builder)
        return -1
    list_build_finish(&builder, db, key, expire_ms)
    return 0
