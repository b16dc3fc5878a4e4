# The databases of a store as a whole: creating, flushing, swapping; validation walks.
#
# A flushed database is detached in one step, then freed at once or in the background (background.pyx).

cdef Db* st_db(Store* store, int index) noexcept nogil:
    """Database `index`, created when first used."""
    if store.dbs[index] == NULL:
        store.dbs[index] = db_new(index)
        if store.dbs[index] == NULL:
            fprintf(stderr, b"wstore: no addresses left for another database\n")
            abort()
    return store.dbs[index]


cdef void st_flush(Store* store, int index, bint background) noexcept nogil:
    """Empty one database, or with index -1 all of them. Adds the removed keys to `dirty`."""
    cdef int i
    cdef Db* db
    store.places_stamp += 1
    if index == -1:
        server_of(store).flushed = 1
    for i in range(store.db_count):
        db = store.dbs[i]
        if db == NULL or index != -1 and i != index:
            continue
        if store.observers & OBSERVE_WATCH:
            watch_replaced(store, i, db, NULL)
        store.dirty += <int64_t>db.keys
        store.dbs[i] = NULL
        st_db(store, i)
        if not keep_database(store, db):
            db_free_soon(store, db, background)


cdef void st_swap(Store* store, int a, int b) noexcept nogil:
    cdef Db* first = st_db(store, a)
    cdef Db* second = st_db(store, b)
    if store.observers & OBSERVE_WATCH and a != b:
        watch_replaced(store, a, first, second)
        watch_replaced(store, b, second, first)
    store.dbs[a] = second
    store.dbs[b] = first
    second.index = a
    first.index = b
    store.places_stamp += 1
    if store.observers & OBSERVE_BLOCKED:
        blocked_db_changed(server_of(store), a)
        blocked_db_changed(server_of(store), b)


# -- validation ---------------------------------------------------------------------------------------------------

cdef struct Census:                 # what a walk over a database counts
    uint64_t keys
    uint64_t expires
    uint64_t outside_bytes
    uint64_t pointers
    uint32_t slots[SLOT_COUNT]


cdef const char* check_place(Store* store, Keyspace* ks, const Segment* s, ws_bucket* b, int i, uint32_t bucket,
                             Census* census) noexcept nogil:
    """One entry: its key hashes to where it is. `bucket` is its number, or of the stash if beyond."""
    cdef Entry e
    cdef uint64_t placement
    cdef uint32_t h
    cdef uint32_t n = bucket_count(s)
    decode_record(<uint8_t*>ws_arena_at(&ks.arena, ws_bucket_ref(b, i)), &e)
    placement = placement_of_record(e.rec, store.seed)
    h = segment_hash(placement)
    census.keys += 1
    census.expires += e.expire_ms != NO_EXPIRE
    census.slots[placement >> 50] += 1
    if e.enc == ENC_BLOB:
        census.outside_bytes += sizeof(Blob) + load_blob(&e).cap
    if s.depth and (placement ^ s.prefix) >> (64 - s.depth):
        return b"an entry lies in the wrong segment"
    if b.fp[i] != <uint8_t>h:
        return b"a fingerprint is wrong"
    if bucket < n and (home_of(h, n) + is_displaced(b, i)) % n != bucket:
        return b"an entry lies in the wrong bucket"
    if bucket >= n and overflow_of(bucket_at(s, home_of(h, n))) == 0:
        return b"an entry in the stash is not counted by its home"
    if bucket < n and n >= EXACT_BUCKETS and hash_of_place(s, bucket, i) != h:
        return b"a hash does not come back from its place"
    if e.expire_ms != NO_EXPIRE and e.expire_ms < s.min_expire_ms:
        return b"a key expires before its segment's earliest"
    census.pointers += e.enc == ENC_PTR
    if store.types[e.type] == NULL:
        return b"a value is of a type that no command module has"
    return store.types[e.type].validate(store, &e)


cdef const char* check_segment(Store* store, Keyspace* ks, const Segment* s, Census* census) noexcept nogil:
    cdef uint32_t j
    cdef uint64_t before = census.keys
    cdef int i
    cdef ws_bucket* b
    cdef const char* wrong
    for j in range(row_count(s)):
        b = row_at(s, j)
        for i in range(BUCKET_ENTRIES):
            if ws_bucket_ref(b, i):
                wrong = check_place(store, ks, s, b, i, j, census)
                if wrong != NULL:
                    return wrong
    if find_segment(ks, s.prefix) != s:
        return b"the directory does not lead to a segment"
    if census.keys - before != s.count:
        return b"a segment's count is wrong"
    return NULL


cdef const char* db_validate(Store* store, const Db* db) noexcept nogil:
    """Walk a whole database: NULL, or what is wrong with it."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Census* census = <Census*>ws_alloc(sizeof(Census))
    cdef Segment* s = segment_after(ks, NULL)
    cdef const char* wrong = NULL
    cdef uint64_t segments = 0
    memset(census, 0, sizeof(Census))
    while s != NULL and wrong == NULL:
        wrong = check_segment(store, ks, s, census)
        segments += 1
        s = segment_after(ks, s)
    if wrong == NULL:
        if census.keys != db.keys or census.expires != db.expires or segments != ks.segments:
            wrong = b"a database's counts are wrong"
        elif memcmp(census.slots, db.slot_counts, sizeof(census.slots)) != 0:
            wrong = b"a slot's count is wrong"
        elif census.outside_bytes > ks.blob_bytes:
            wrong = b"blob bytes are not all counted"
        elif census.pointers != ks.pointers:
            wrong = b"pointers to values are not all counted"
        elif not ws_arena_validate(&ks.arena):
            wrong = b"the arena is damaged"
    ws_free(census)
    return wrong
