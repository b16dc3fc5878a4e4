# Long strings outside the arena, in Blobs that belong to one record each; blob_bytes counts their memory.
#
# A snapshot may hold a Blob until it is written, whatever becomes of the key: who edits it gets a copy.

cdef enum:
    BLOB_GROWTH_MAX = 1 << 20   # a growing blob doubles, but by no more than this


cdef Blob* ks_edit_blob(Store* store, Db* db, Entry* e, size_t size) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    cdef Blob* old = load_blob(e)
    cdef Blob* blob
    cdef size_t old_cap = old.cap
    cdef size_t cap = old_cap if size <= old_cap else size + min(size, <size_t>BLOB_GROWTH_MAX)
    WS_ASSERT(is_saved(store, <Segment*>e.segment))
    if WS_UNLIKELY(is_held(store, old)):
        blob = <Blob*>ws_alloc(sizeof(Blob) + cap)
        memcpy(blob, old, sizeof(Blob) + old.len)
        let_blob_go(store, old)         # it may have been written while it was copied
    elif cap == old_cap:
        return old
    else:
        blob = <Blob*>ws_realloc(old, sizeof(Blob) + cap)
    blob.cap = cap
    sub_outside(ks, sizeof(Blob) + old_cap)
    ks.blob_bytes += sizeof(Blob) + cap
    memcpy(e.value, &blob, sizeof(blob))
    return blob
