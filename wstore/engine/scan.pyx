# Visiting keys: SCAN, all keys of a slot, a random key.
#
# Invariants: a visitor (ScanFn) changes nothing in the keyspace; it does not see expired keys. Those are removed by
# whoever picks one (a random key), and behind a SCAN, but not behind a KEYS: as Redis does.

cdef void visit_place(Store* store, Keyspace* ks, Segment* s, ws_bucket* b, int i, ScanFn fn,
                      void* arg, size_t* visited) noexcept nogil:
    """Call fn for the entry in that place unless it has expired."""
    cdef Entry e
    cdef Key key
    cdef size_t n
    decode_record(<uint8_t*>ws_arena_at(&ks.arena, ws_bucket_ref(b, i)), &e)
    if is_expired(store, &e):
        return
    key.ptr = <const char*>record_key(e.rec, &n)
    key.len = n
    key.placement = place_key(key.ptr, n, store.seed)
    e.bucket = b
    e.index = <uint8_t>i
    e.segment = s
    visited[0] += 1
    fn(arg, &key, &e)


cdef void prefetch_bucket_records(const Keyspace* ks, const ws_bucket* b) noexcept nogil:
    cdef int i
    for i in range(BUCKET_ENTRIES):
        if ws_bucket_ref(b, i):
            ws_prefetch(ws_arena_at(&ks.arena, ws_bucket_ref(b, i)))


cdef void visit_home(Store* store, Keyspace* ks, Segment* s, uint32_t home, ScanFn fn, void* arg,
                     size_t* visited) noexcept nogil:
    """Visit all entries whose home is that bucket, wherever they sit."""
    cdef uint32_t n = bucket_count(s)
    cdef ws_bucket* own = bucket_at(s, home)
    cdef ws_bucket* after = bucket_at(s, (home + 1) % n)
    cdef int i, j
    prefetch_bucket_records(ks, own)
    for i in range(BUCKET_ENTRIES):
        if ws_bucket_ref(own, i) and not is_displaced(own, i):
            visit_place(store, ks, s, own, i, fn, arg, visited)
    for i in range(BUCKET_ENTRIES):
        if ws_bucket_ref(after, i) and is_displaced(after, i):
            visit_place(store, ks, s, after, i, fn, arg, visited)
    if overflow_of(own):
        for j in range(STASH_BUCKETS):
            for i in range(BUCKET_ENTRIES):
                if ws_bucket_ref(s.stash + j, i) and home_of(
                        hash_of_record(ks, store.seed, ws_bucket_ref(s.stash + j, i)), n) == home:
                    visit_place(store, ks, s, s.stash + j, i, fn, arg, visited)


# A SCAN cursor is where the scan stands: a range of placements and how far it got in it.
#
#     bits 63-20  first placement of the segment's range (its 44 leading bits)
#     bits 19-14  depth of that segment
#     bits 13-0   in-segment hash: entries with a smaller one have been visited
#
# If the segment was split since, the first half of it goes on from that hash and the rest is visited whole; if it
# was merged, the merged segment is visited whole.  So a key that stays is never missed; it may come twice.

cdef inline uint64_t scan_cursor(const Segment* s, uint32_t h) noexcept nogil:
    return s.prefix >> 20 << 20 | <uint64_t>s.depth << 14 | h


cdef uint64_t ks_scan(Store* store, Db* db, uint64_t cursor, size_t count, ScanFn fn, void* arg) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    cdef Segment* s = find_segment(ks, cursor >> 20 << 20)
    cdef uint32_t h = <uint32_t>(cursor & 0x3fff)
    cdef uint32_t home, n
    cdef size_t visited = 0
    if s.depth < (cursor >> 14 & 0x3f) or h >= HASH_RANGE:
        h = 0
    while s != NULL:
        n = bucket_count(s)
        for home in range(home_of(h, n), n):
            if visited >= count:
                return scan_cursor(s, (home * HASH_RANGE + n - 1) // n)
            visit_home(store, ks, s, home, fn, arg, &visited)
        s = segment_after(ks, s)
        h = 0
        if s != NULL and visited >= count:
            return scan_cursor(s, 0)
    return 0


cdef void ks_drop_scanned(Store* store, Db* db, uint64_t cursor, uint64_t following) noexcept nogil:
    """After a scan from `cursor` to `following`: drop the expired keys of the segments that it is through with.

    By placement, since a segment that gets small is merged. A scan goes on from `following` all the same.
    """
    cdef uint64_t place = cursor >> 20 << 20
    cdef uint64_t last = (following >> 20 << 20) - 1
    cdef uint64_t end           # the last placement of a segment
    cdef Segment* s
    if keeps_expired(store):
        return
    while db.expires and place <= last:
        s = find_segment(keyspace_of(db), place)
        end = s.prefix + ((<uint64_t>1 << (64 - s.depth)) - 1 if s.depth else <uint64_t>-1)
        if end <= last and s.min_expire_ms <= store.now_ms:
            expire_segment(store, db, s)
        if end == <uint64_t>-1:
            return
        place = end + 1


cdef struct SlotVisit:              # what ks_scan_slot hands through visit_place
    ScanFn fn
    void* arg
    int slot
    size_t left


cdef void visit_if_in_slot(void* arg, const Key* key, Entry* e) noexcept nogil:
    cdef SlotVisit* visit = <SlotVisit*>arg
    if visit.left and <int>(key.placement >> 50) == visit.slot:
        visit.left -= 1
        visit.fn(visit.arg, key, e)


cdef size_t ks_scan_slot(Store* store, Db* db, int slot, size_t count, ScanFn fn, void* arg) noexcept nogil:
    cdef Keyspace* ks = keyspace_of(db)
    cdef SlotVisit visit
    cdef Segment* s
    cdef uint32_t home
    cdef size_t visited = 0
    if db.slot_counts[slot] == 0:
        return 0
    visit.fn = fn
    visit.arg = arg
    visit.slot = slot
    visit.left = min(count, <size_t>db.slot_counts[slot])
    s = find_segment(ks, <uint64_t>slot << 50)
    while s != NULL and visit.left and <int>(s.prefix >> 50) <= slot:
        for home in range(bucket_count(s)):
            if visit.left == 0:
                break
            visit_home(store, ks, s, home, visit_if_in_slot, &visit, &visited)
        s = segment_after(ks, s)
    return min(count, <size_t>db.slot_counts[slot]) - visit.left


cdef void nth_entry(Keyspace* ks, Segment* s, int nth, Entry* e) noexcept nogil:
    """The nth entry of a segment in table order; it has more than that."""
    cdef uint32_t j
    cdef int i
    cdef ws_bucket* b
    for j in range(row_count(s)):
        b = row_at(s, j)
        for i in range(BUCKET_ENTRIES):
            if ws_bucket_ref(b, i):
                if nth == 0:
                    decode_record(<uint8_t*>ws_arena_at(&ks.arena, ws_bucket_ref(b, i)), e)
                    e.bucket = b
                    e.index = <uint8_t>i
                    e.segment = s
                    return
                nth -= 1
    WS_ASSERT(False)


cdef uint64_t next_random(uint64_t* state) noexcept nogil:
    """splitmix64 (Steele, Lea, Flood 2014)."""
    cdef uint64_t z
    state[0] += <uint64_t>0x9E3779B97F4A7C15
    z = (state[0] ^ state[0] >> 30) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ z >> 27) * <uint64_t>0x94D049BB133111EB
    return z ^ z >> 31


cdef Segment* random_segment(Store* store, Db* db) noexcept nogil:
    """A segment, by its share of the keys: the slot of a random rank, inside a big slot by hash and rejection."""
    cdef Keyspace* ks = keyspace_of(db)
    cdef uint64_t rank = next_random(&store.random_state) % db.keys
    cdef uint64_t slot = 0
    cdef Segment* s
    while rank >= db.slot_counts[slot]:
        rank -= db.slot_counts[slot]
        slot += 1
    while True:
        s = find_segment(ks, slot << 50 | next_random(&store.random_state) >> 14)
        if s.depth <= 14 or next_random(&store.random_state) % SEGMENT_ENTRY_LIMIT < s.count:
            return s


cdef bint ks_random_key(Store* store, Db* db, Key* out, Entry* e) noexcept nogil:
    """A live key, each equally likely; expired ones that are picked are dropped.

    False: there is none, or, where expired keys stay (replica, pause), a hundred tries met no other.
    """
    cdef Segment* s
    cdef size_t n
    cdef int tries = 100
    while db.keys and tries:
        s = random_segment(store, db)
        nth_entry(keyspace_of(db), s, <int>(next_random(&store.random_state) % s.count), e)
        out.ptr = <const char*>record_key(e.rec, &n)
        out.len = n
        out.placement = place_key(out.ptr, n, store.seed)
        if not is_expired(store, e):
            return True
        drop_expired(store, db, out, e, 0)
        tries -= keeps_expired(store)
    return False
