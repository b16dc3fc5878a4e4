# Upkeep of a database between commands: active expiry, page evacuation, ageing of access bits.
#
# Each goes round the keyspace with a hand of its own (a placement), a segment or a page at a time, and stops when its
# time is up, so that no turn of the loop waits for it.
#
# Access bits: 3 = used since the last round of ageing. A round begins each minute and takes 3 to 2 and 2 to 1; each
# tenth also takes 1 to 0. So 2 tells nothing of the idle time, 1 at least a minute, 0 at least two and mostly more
# than ten.

cdef enum:
    AGE_ROUND_MS = 60000
    AGE_SEGMENTS_A_TICK = 256
    EVACUATE_CELLS = 256            # cells looked at between two looks at the clock
    EXPIRE_SHARE_PERCENT = 25       # of a tick, the most that active expiry takes


# -- active expiry ---------------------------------------------------------------------------------------------

cdef void expire_place(Store* store, Db* db, Segment* s, ws_bucket* b, int i, int64_t* earliest) noexcept nogil:
    """Drop the entry there if it has expired, else let its TTL count for `earliest`."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Entry e
    cdef Key key, held
    cdef size_t n
    decode_record(<uint8_t*>ws_arena_at(&ks.arena, ws_bucket_ref(b, i)), &e)
    if not is_expired(store, &e):
        if e.expire_ms != NO_EXPIRE and e.expire_ms < earliest[0]:
            earliest[0] = e.expire_ms
        return
    e.bucket = b
    e.index = <uint8_t>i
    e.segment = s
    key.ptr = <const char*>record_key(e.rec, &n)
    key.len = n
    key.placement = place_key(key.ptr, n, store.seed)
    hold_expired(store, &key, &held)
    let_value_go(store, ks, &e)
    drop_place(store, db, &key, &e)
    store.stats.expired_keys += 1
    tell_expired(store, db, &held)


cdef void expire_segment(Store* store, Db* db, Segment* s) noexcept nogil:
    """Drop the expired keys of a segment and note when the next is due."""
    cdef uint32_t j
    cdef int i
    cdef ws_bucket* b
    cdef int64_t earliest = INT64_MAX
    if is_snapshotting(store):
        save_segment(store, keyspace_of(db), s)
    for j in range(row_count(s)):
        b = row_at(s, j)
        prefetch_bucket_records(keyspace_of(db), b)
        for i in range(BUCKET_ENTRIES):
            if ws_bucket_ref(b, i):
                expire_place(store, db, s, b, i, &earliest)
    s.min_expire_ms = earliest
    if not is_snapshotting(store):
        segment_give_back(keyspace_of(db), s, store.seed)


cdef void expire_some(Store* store, Db* db, int64_t until_us) noexcept nogil:
    """Visit due segments from the hand on, once round at the most."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s
    cdef uint64_t i
    for i in range(ks.segments if db.expires else 0):
        s = find_segment(ks, ks.expire_hand)
        ks.expire_hand = s.prefix + (<uint64_t>1 << (64 - s.depth)) if s.depth else 0
        if s.min_expire_ms <= store.now_ms:
            expire_segment(store, db, s)
        elif i % 64:
            continue
        if ws_mono_us() >= until_us:
            store.stats.expired_stale_cycles += 1
            return


# -- evacuation of sparse pages --------------------------------------------------------------------------------

cdef void move_record(Store* store, Db* db, uint64_t ref) noexcept nogil:
    """Move one record to another page of its class; its key tells where the reference is."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef uint8_t* rec = <uint8_t*>ws_arena_at(&ks.arena, ref)
    cdef size_t size = ws_arena_cell_size(&ks.arena, ref)
    cdef uint64_t to
    cdef Entry e
    cdef Key key
    cdef size_t n
    key.ptr = <const char*>record_key(rec, &n)
    key.len = n
    key.placement = place_key(key.ptr, n, store.seed)
    if not ks_find(db, &key, &e) or e.rec != rec:
        WS_ASSERT(False)
        return
    to = ws_arena_alloc(&ks.arena, size)
    memcpy(ws_arena_at(&ks.arena, to), rec, size)
    ws_bucket_set_ref(<ws_bucket*>e.bucket, e.index, to)
    release_record(store, ks, ref)
    store.stats.moved_cells += 1


cdef bint evacuate_some(Store* store, Db* db, int64_t until_us) noexcept nogil:
    """Empty sparse pages; True: more are left."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef uint64_t refs[EVACUATE_CELLS]
    cdef size_t i, n
    cdef uint32_t page = ws_arena_sparse(&ks.arena)
    while page:
        n = ws_arena_live(&ks.arena, page, refs, EVACUATE_CELLS)
        for i in range(n):
            move_record(store, db, refs[i])
        if ws_mono_us() >= until_us:
            return True
        page = ws_arena_sparse(&ks.arena)
    return False


# -- ageing of access bits -------------------------------------------------------------------------------------

cdef void age_bucket(ws_bucket* b, uint64_t age_round) noexcept nogil:
    cdef int i
    cdef uint8_t access
    for i in range(BUCKET_ENTRIES):
        access = access_of(b, i)
        if access >= 2 or access == 1 and age_round % 10 == 0:
            set_access(b, i, access - 1)


cdef void age_some(Store* store, Db* db) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s
    cdef int _
    cdef uint32_t j
    if store.now_ms < ks.age_due_ms or is_snapshotting(store):
        return
    store.places_stamp += 1
    for _ in range(AGE_SEGMENTS_A_TICK):
        s = find_segment(ks, ks.age_hand)
        for j in range(row_count(s)):
            age_bucket(row_at(s, j), ks.age_round)
        ks.age_hand = s.prefix + (<uint64_t>1 << (64 - s.depth)) if s.depth else 0
        if ks.age_hand == 0:
            ks.age_round += 1
            ks.age_due_ms = store.now_ms + AGE_ROUND_MS
            return


cdef int64_t ks_idle_seconds(Store* store, const Entry* e) noexcept nogil:
    """Seconds that the key has at least been idle, as the access bits tell: 0, 60 or 120."""
    cdef uint8_t access = access_of(<ws_bucket*>e.bucket, e.index)
    return 0 if access >= 2 else 60 if access == 1 else 120


# -- what the loop calls ---------------------------------------------------------------------------------------

cdef void ks_cron(Store* store, int64_t tick_us) noexcept nogil:
    """Each tick of `tick_us`: expiry (if it is on and this is no replica) and ageing."""
    cdef int i
    cdef int64_t until_us = ws_mono_us() + tick_us * EXPIRE_SHARE_PERCENT // 100
    for i in range(store.db_count):
        if store.dbs[i] == NULL:
            continue
        if store.config.active_expire and not store.is_replica and not store.loading:
            expire_some(store, store.dbs[i], until_us)
        age_some(store, store.dbs[i])


cdef bint ks_turn(Store* store, int64_t budget_us) noexcept nogil:
    """Each turn of the loop: evacuate sparse pages for about budget_us. True: call again soon, idle or not."""
    cdef int i
    cdef bint more = False
    cdef int64_t until_us = 0
    for i in range(store.db_count):
        if store.dbs[i] == NULL or not ks_has_sparse(store.dbs[i]) or is_snapshotting(store):
            continue
        if until_us == 0:
            until_us = ws_mono_us() + budget_us
        more |= evacuate_some(store, store.dbs[i], until_us)
    return more


cdef inline bint ks_has_sparse(const Db* db) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    return ks.arena.evacuating or ks.arena.sparse_class >= 0
