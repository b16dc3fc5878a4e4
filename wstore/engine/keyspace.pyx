# The keyspace of one database: finding, storing and removing keys.  Layouts: keyspace.pxd, record.pxd.
#
# Invariants: db.keys = sum of the segments' counts = sum of db.slot_counts; db.expires = records with a TTL;
# a record is referred to by exactly one place; values outside the arena belong to exactly one record.

cdef enum:
    PLACE_SIZE = 8                  # bytes of the table a key, as full as it is on average
    ARENA_RESERVE_SHIFT = 39        # addresses reserved for records: 512 GB
    TABLE_RESERVE_SHIFT = 37


cdef inline uint64_t place_key(const char* p, size_t n, const uint64_t* seed) noexcept nogil:
    return <uint64_t>ws_key_slot(p, n) << 50 | ws_siphash13(p, n, seed) >> 14


cdef inline uint64_t placement_of_record(const uint8_t* rec, const uint64_t* seed) noexcept nogil:
    cdef size_t n
    cdef const uint8_t* p = record_key(rec, &n)
    return place_key(<const char*>p, n, seed)


cdef void ks_key(Store* store, Str name, Key* out) noexcept nogil:
    out.ptr = name.ptr
    out.len = name.len
    out.placement = place_key(name.ptr, name.len, store.seed)


# -- life of a database ----------------------------------------------------------------------------------------

cdef Db* db_new(int index) noexcept nogil:
    """An empty database, or NULL: no addresses to be had."""
    cdef Keyspace* ks = <Keyspace*>ws_alloc(sizeof(Keyspace))
    cdef Db* db
    memset(ks, 0, sizeof(Keyspace))
    if ws_arena_init(&ks.arena, <size_t>1 << ARENA_RESERVE_SHIFT) != 0:
        ws_free(ks)
        return NULL
    if ws_region_init(&ks.region, <size_t>1 << TABLE_RESERVE_SHIFT) != 0:
        ws_arena_destroy(&ks.arena)
        ws_free(ks)
        return NULL
    ws_blocks_init(&ks.blocks, &ks.region, BLOCK_BUCKETS * sizeof(ws_bucket))
    ws_blocks_init(&ks.stashes, &ks.region, STASH_BUCKETS * sizeof(ws_bucket))
    ks.dir = <uint64_t*>ws_alloc(sizeof(uint64_t))
    ks.dir[0] = <uint64_t>segment_new(ks, 0, 0, 1)
    db = <Db*>ws_alloc(sizeof(Db))
    memset(db, 0, sizeof(Db))
    db.index = index
    db.keyspace = ks
    db.slot_counts = <uint32_t*>ws_alloc(SLOT_COUNT * sizeof(uint32_t))
    memset(db.slot_counts, 0, SLOT_COUNT * sizeof(uint32_t))
    return db


cdef Segment* segment_after(Keyspace* ks, const Segment* s) noexcept nogil:
    """The next segment in placement order, or NULL; s NULL: the first."""
    cdef uint64_t next_prefix
    if s == NULL:
        return find_segment(ks, 0)
    if s.depth == 0:
        return NULL
    next_prefix = s.prefix + (<uint64_t>1 << (64 - s.depth))
    return NULL if next_prefix == 0 else find_segment(ks, next_prefix)


cdef void free_outside_values(Store* store, Keyspace* ks, Segment* s) noexcept nogil:
    """Free what the segment's records own outside the arena."""
    cdef uint32_t j
    cdef int i
    cdef ws_bucket* b
    cdef Entry e
    for j in range(row_count(s)):
        b = row_at(s, j)
        for i in range(BUCKET_ENTRIES):
            if ws_bucket_ref(b, i):
                decode_record(<uint8_t*>ws_arena_at(&ks.arena, ws_bucket_ref(b, i)), &e)
                free_value(store, ks, &e)


cdef void db_free(Store* store, Db* db) noexcept nogil:
    """Free a database that nothing refers to any more; may run on any thread."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s = segment_after(ks, NULL)
    cdef Segment* after
    cdef bint outside = ks.blob_bytes > 0 or ks.pointers > 0
    cdef int64_t i
    while s != NULL:
        after = segment_after(ks, s)
        if outside:
            free_outside_values(store, ks, s)
        segment_free(ks, s)
        s = after
    for i in range(<int64_t>1 << ks.dir_bits):
        if ks.dir[i] & 1:
            ws_free(<SlotDir*>(ks.dir[i] - 1))
    ws_free(ks.dir)
    ws_arena_destroy(&ks.arena)
    ws_region_destroy(&ks.region)
    ws_free(ks)
    ws_free(db.slot_counts)
    ws_free(db)


# -- finding ---------------------------------------------------------------------------------------------------

cdef inline void ks_prefetch_dir(const Db* db, const Key* key) noexcept nogil:
    """First pass of a batch: the segment's header comes near."""
    ws_prefetch(find_segment(keyspace_of(db), key.placement))


cdef inline void ks_prefetch_bucket(const Db* db, const Key* key) noexcept nogil:
    """Second pass: the home bucket comes near."""
    cdef Segment* s = find_segment(keyspace_of(db), key.placement)
    ws_prefetch(bucket_at(s, home_of(segment_hash(key.placement), bucket_count(s))))


cdef inline const uint8_t* ks_prefetch_record(const Db* db, const Key* key) noexcept nogil:
    """Third pass: the record that matches the fingerprint comes near. Its address, or NULL: none in the home bucket."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s = find_segment(ks, key.placement)
    cdef uint32_t h = segment_hash(key.placement)
    cdef ws_bucket* b = bucket_at(s, home_of(h, bucket_count(s)))
    cdef uint32_t found = ws_probe(b, <uint8_t>h)
    cdef uint64_t ref
    if found:
        ref = ws_bucket_ref(b, count_trailing_zeros(found))
        if ref:
            ws_prefetch(ws_arena_at(&ks.arena, ref))
            return <const uint8_t*>ws_arena_at(&ks.arena, ref)
    else:
        ws_prefetch(bucket_at(s, (home_of(h, bucket_count(s)) + 1) % bucket_count(s)))
    return NULL


cdef void ks_keys(Store* store, Db* db, const Str* names, size_t step, size_t n, Key* out) noexcept nogil:
    """Hash a batch of names, then fetch what their lookups read in three passes."""
    cdef size_t i
    WS_ASSERT(n <= BATCH_KEYS)
    for i in range(n):
        ks_key(store, names[i * step], &out[i])
        ks_prefetch_dir(db, &out[i])
    for i in range(n):
        ks_prefetch_bucket(db, &out[i])
    for i in range(n):
        ks_prefetch_record(db, &out[i])


cdef inline bint find_in_bucket(const Keyspace* ks, ws_bucket* b, uint8_t fp, const Key* key,
                                Entry* out) noexcept nogil:
    cdef uint32_t found = ws_probe(b, fp)
    cdef uint64_t ref
    cdef uint8_t* rec
    cdef int i
    while found:
        i = count_trailing_zeros(found)
        found &= found - 1
        ref = ws_bucket_ref(b, i)
        if ref:
            rec = <uint8_t*>ws_arena_at(&ks.arena, ref)
            if record_has_key(rec, key):
                decode_record(rec, out)
                out.bucket = b
                out.index = <uint8_t>i
                return True
    return False


cdef bint ks_find(const Db* db, const Key* key, Entry* out) noexcept nogil:
    """Find a key, expired or not."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s = find_segment(ks, key.placement)
    cdef uint32_t h = segment_hash(key.placement)
    cdef uint32_t n = bucket_count(s)
    cdef uint32_t home = home_of(h, n)
    cdef ws_bucket* b = bucket_at(s, home)
    cdef int i
    out.segment = s
    if find_in_bucket(ks, b, <uint8_t>h, key, out):
        return True
    if find_in_bucket(ks, bucket_at(s, home + 1 if home + 1 < n else 0), <uint8_t>h, key, out):
        return True
    if overflow_of(b):
        for i in range(STASH_BUCKETS):
            if find_in_bucket(ks, s.stash + i, <uint8_t>h, key, out):
                return True
    out.rec = NULL
    return False


cdef inline void touch_entry(const Entry* e) noexcept nogil:
    """Note a use of the entry: in its access bits, written only where they change."""
    if access_of(<ws_bucket*>e.bucket, e.index) != ACCESS_NOW:
        set_access(<ws_bucket*>e.bucket, e.index, ACCESS_NOW)


cdef inline bint is_expired(const Store* store, const Entry* e) noexcept nogil:
    """Nothing expires for what files or a master's stream say: it was said of keys that were there."""
    return e.expire_ms != NO_EXPIRE and e.expire_ms <= store.now_ms and not (store.loading or store.obeying)


cdef inline bint keeps_expired(Store* store) noexcept nogil:
    """Whether expired keys stay where they are, hidden from commands that read."""
    return store.is_replica or store.loading or server_of(store).pause_until_ms > 0


cdef bint drop_expired(Store* store, Db* db, const Key* key, Entry* e, bint for_writing) noexcept nogil:
    """For an expired key that a command met: remove it, unless it is to stay. Always False: not found."""
    cdef Key held
    if for_writing or not keeps_expired(store):
        before_change(store, db, e)
        hold_expired(store, key, &held)
        ks_remove(store, db, key, e)
        store.stats.expired_keys += 1
        tell_expired(store, db, &held)
    e.rec = NULL
    return False


cdef void hold_expired(Store* store, const Key* key, Key* held) noexcept nogil:
    """A key whose record is about to go: a copy for tell_expired, if anybody is to hear of it."""
    held.ptr = NULL
    if store.observers:
        held[0] = key[0]
        held.ptr = <const char*>ws_alloc(key.len + 1)
        memcpy(<char*>held.ptr, key.ptr, key.len)


cdef void tell_expired(Store* store, Db* db, Key* held) noexcept nogil:
    if held.ptr != NULL:
        stream_expired(store, db.index, held)
        st_changed(store, db, held, EVENT_EXPIRED, b"expired")
        ws_free(<void*>held.ptr)


cdef inline bint finds_expired(const Store* store, int flags) noexcept nogil:
    return flags == LOOKUP_HELD or flags == LOOKUP_DELETE and store.is_replica


cdef bint ks_lookup(Store* store, Db* db, const Key* key, Entry* out, int flags) noexcept nogil:
    cdef bint found = ks_find(db, key, out)
    cdef bint for_writing = flags == LOOKUP_WRITE or flags == LOOKUP_DELETE
    if for_writing:
        before_change(store, db, out)
    if found and is_expired(store, out) and not finds_expired(store, flags):
        found = drop_expired(store, db, key, out, for_writing)
    if flags == LOOKUP_READ:
        if not found:
            store.stats.keyspace_misses += 1
            if WS_UNLIKELY(store.observers & OBSERVE_CHANGES):
                st_event(store, db, key, EVENT_KEY_MISS, b"keymiss")
            return False
        store.stats.keyspace_hits += 1
        if not store.no_touch:
            touch_entry(out)
    return found


# -- storing ---------------------------------------------------------------------------------------------------

cdef void free_value(Store* store, Keyspace* ks, const Entry* e) noexcept nogil:
    """Free what a value owns outside the arena."""
    cdef Blob* blob
    if e.enc == ENC_BLOB:
        blob = load_blob(e)
        sub_outside(ks, sizeof(Blob) + blob.cap)
        ws_free(blob)
    elif e.enc == ENC_PTR:
        ks.pointers -= 1
        store.types[e.type].free(store, e)


cdef inline void let_value_go(Store* store, Keyspace* ks, const Entry* e) noexcept nogil:
    """free_value for a key that goes or gets another one; a snapshot may keep a long string for itself."""
    if e.enc == ENC_BLOB:
        sub_outside(ks, sizeof(Blob) + load_blob(e).cap)
        let_blob_go(store, load_blob(e))
    else:
        free_value(store, ks, e)


cdef inline void sub_outside(Keyspace* ks, size_t n) noexcept nogil:
    ks.blob_bytes -= min(ks.blob_bytes, n)


cdef inline bint same_outside_value(const Entry* e, const Value* v) noexcept nogil:
    return e.enc >= ENC_BLOB and v.enc == e.enc and memcmp(e.value, v.ptr, 8) == 0


cdef inline bint lies_in(const void* p, const uint8_t* start, size_t size) noexcept nogil:
    return start <= <const uint8_t*>p < start + size


cdef inline void note_expire(Segment* s, int64_t expire_ms) noexcept nogil:
    if expire_ms != NO_EXPIRE and expire_ms < s.min_expire_ms:
        s.min_expire_ms = expire_ms


cdef void insert_record(Store* store, Db* db, const Key* key, uint64_t ref, Entry* out) noexcept nogil:
    """Give a record that is already written its place in the table."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s = find_segment(ks, key.placement)
    cdef uint32_t h = segment_hash(key.placement)
    while not segment_insert(ks, s, h, ref, ACCESS_NOW):
        segment_make_room(ks, s, store.seed)
        s = find_segment(ks, key.placement)
    db.keys += 1
    db.slot_counts[key.placement >> 50] += 1
    out.segment = s


cdef uint64_t write_new_record(Keyspace* ks, const Key* key, const Value* v, int64_t expire_ms,
                               size_t size) noexcept nogil:
    cdef uint64_t ref = ws_arena_alloc(&ks.arena, size)
    write_record(<uint8_t*>ws_arena_at(&ks.arena, ref), key, v, expire_ms)
    return ref


cdef inline void release_record(Store* store, Keyspace* ks, uint64_t ref) noexcept nogil:
    ws_arena_free(&ks.arena, ref)
    store.places_stamp += 1


cdef void put_over(Store* store, Db* db, const Key* key, Entry* old, const Value* v,
                   int64_t expire_ms) noexcept nogil:
    """Overwrite an existing record: in its cell if the new one fits as well there, else in a new one."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef ws_bucket* b = <ws_bucket*>old.bucket
    cdef uint64_t ref = ws_bucket_ref(b, old.index)
    cdef size_t size = record_size(key.len, v, expire_ms)
    cdef bint aliased = lies_in(v.ptr, old.rec, old.value + old.len - old.rec)
    cdef bint keep_outside = same_outside_value(old, v)
    if old.enc >= ENC_BLOB and not keep_outside:
        let_value_go(store, ks, old)
    if not aliased and ws_arena_same_cell(&ks.arena, ref, size):
        write_record(old.rec, key, v, expire_ms)
    else:
        ws_bucket_set_ref(b, old.index, write_new_record(ks, key, v, expire_ms, size))
        release_record(store, ks, ref)
    db.expires += <uint64_t>(expire_ms != NO_EXPIRE) - <uint64_t>(old.expire_ms != NO_EXPIRE)
    note_expire(<Segment*>old.segment, expire_ms)


cdef inline bint same_shape(const Entry* old, const Value* v, int64_t expire_ms) noexcept nogil:
    """Does the new value differ from the old one in its bytes alone?"""
    return (old.enc == v.enc and old.len == v.len and old.type == v.type and v.enc < ENC_BLOB
            and expire_ms == NO_EXPIRE and old.expire_ms == NO_EXPIRE)


cdef void ks_put(Store* store, Db* db, const Key* key, Entry* old, const Value* v,
                 int64_t expire_ms) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    WS_ASSERT(is_saved(store, <Segment*>old.segment))
    if expire_ms == KEEP_TTL:
        expire_ms = old.expire_ms if old.rec != NULL else NO_EXPIRE
    if v.enc == ENC_BLOB and (old.rec == NULL or not same_outside_value(old, v)):
        ks.blob_bytes += sizeof(Blob) + (<Blob**>v.ptr)[0].cap
    if v.enc == ENC_PTR and (old.rec == NULL or not same_outside_value(old, v)):
        ks.pointers += 1
    if old.rec != NULL and same_shape(old, v, expire_ms):
        memmove(old.value, v.ptr, v.len)
    elif old.rec != NULL:
        put_over(store, db, key, old, v, expire_ms)
    else:
        insert_record(store, db, key, write_new_record(ks, key, v, expire_ms,
                                                       record_size(key.len, v, expire_ms)), old)
        db.expires += expire_ms != NO_EXPIRE
        note_expire(<Segment*>old.segment, expire_ms)
        if WS_UNLIKELY(store.observers & OBSERVE_CHANGES):
            st_event(store, db, key, EVENT_NEW, b"new")
    old.rec = NULL


cdef void take_out(Store* store, Db* db, const Key* key, Entry* e) noexcept nogil:
    """Remove the record and its place; the value outside, if any, stays."""
    cdef Segment* s = <Segment*>e.segment
    drop_place(store, db, key, e)
    if s.count % 8 == 0 and not is_snapshotting(store):
        segment_give_back(keyspace_of(db), s, store.seed)


cdef void drop_place(Store* store, Db* db, const Key* key, Entry* e) noexcept nogil:
    """Free an entry's record and place; the shape of the segment stays."""
    cdef Segment* s = <Segment*>e.segment
    cdef ws_bucket* b = <ws_bucket*>e.bucket
    cdef uint64_t ref = ws_bucket_ref(b, e.index)
    WS_ASSERT(is_saved(store, s))
    segment_clear_place(s, b, e.index, segment_hash(key.placement))
    db.keys -= 1
    db.slot_counts[key.placement >> 50] -= 1
    db.expires -= e.expire_ms != NO_EXPIRE
    release_record(store, keyspace_of(db), ref)
    e.rec = NULL


cdef void ks_detach(Store* store, Db* db, const Key* key, Entry* e) noexcept nogil:
    if e.enc == ENC_BLOB:
        sub_outside(keyspace_of(db), sizeof(Blob) + load_blob(e).cap)
    elif e.enc == ENC_PTR:
        keyspace_of(db).pointers -= 1
    take_out(store, db, key, e)


cdef void ks_remove(Store* store, Db* db, const Key* key, Entry* e) noexcept nogil:
    let_value_go(store, keyspace_of(db), e)
    take_out(store, db, key, e)


cdef void ks_set_expire(Store* store, Db* db, const Key* key, Entry* e, int64_t expire_ms) noexcept nogil:
    cdef Value v
    cdef uint8_t kind = expire_kind(expire_ms)
    cdef size_t n
    WS_ASSERT(is_saved(store, <Segment*>e.segment))
    if kind == e.rec[0] >> 6:                   # the same room for it: in place
        if kind:
            memcpy(<uint8_t*>get_length(e.rec + 1, &n), &expire_ms, expire_size(kind))
            note_expire(<Segment*>e.segment, expire_ms)
            e.expire_ms = expire_ms
        return
    v.ptr = e.value
    v.len = e.len
    v.type = e.type
    v.enc = e.enc
    ks_put(store, db, key, e, &v, expire_ms)


cdef size_t ks_record_size(Store* store, Db* db, const Entry* e) noexcept nogil:
    """Bytes of the key's cell and of its place in the table; what the value has outside is its type's to tell."""
    cdef Keyspace* ks = keyspace_of(db)
    return ws_arena_cell_size(&ks.arena, ws_bucket_ref(<ws_bucket*>e.bucket, e.index)) + PLACE_SIZE
