# Long strings outside the arena, in Blobs that belong to one record each; blob_bytes counts their memory.


cdef Blob* ks_resize_blob(Store* store, Db* db, Entry* e, size_t cap) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    cdef Blob* blob = load_blob(e)
    WS_ASSERT(is_saved(store, <Segment*>e.segment))
    sub_outside(ks, sizeof(Blob) + blob.cap)
    blob = <Blob*>ws_realloc(blob, sizeof(Blob) + cap)
    blob.cap = cap
    ks.blob_bytes += sizeof(Blob) + cap
    memcpy(e.value, &blob, sizeof(blob))
    return blob
