"""The member index of big sorted sets: from the keyed hash of a member to the leaf that holds it.

Linear hashing: n buckets, split one after the other as the set grows, so that no table ever doubles.  With
2^level <= n < 2^(level + 1), a hash belongs to bucket `hash mod 2^(level + 1)` if there is such a bucket, else to
`hash mod 2^level`.  A bucket is one piece of memory that grows by two entries, or NULL while empty:

    | count u32 | cap u32 | cap x u64: hash, 32 bits << 32 | leaf number, 32 bits |

Leaves are known by number, so that a leaf that moves in memory, as it does when it grows, changes one place in the
table of leaves.  Buckets and leaves are listed in ZSlots: chunks of pointers, which are never copied once full.

Invariants
* One entry for each member, of the leaf where the member is; entries of a bucket are in no order.
* n = buckets.count >= 1; the average bucket has ZBUCKET_LEAST to ZBUCKET_MOST entries, but for the first one.
* A slot of `leaves` that no leaf uses holds the number of the next such slot, shifted, with the lowest bit set.
"""
cdef enum:
    ZSLOTS_CHUNK = 256          # pointers of a chunk; the first one grows to that by doubling
    ZSLOTS_FIRST = 4
    ZBUCKET_MOST = 20           # average entries of a bucket beyond which one splits
    ZBUCKET_LEAST = 6           # ... below which two merge
    ZBUCKET_SLACK = 4           # free entries from which on a bucket shrinks
    ZLEAF_NONE = 0xFFFFFFFF

cdef struct ZSlots:
    void*** chunks
    uint32_t count
    uint32_t chunks_cap

cdef struct ZBucket:
    uint32_t count
    uint32_t cap
    uint64_t entries[1]


# -- memory --------------------------------------------------------------------------------------------
cdef inline size_t zmemory_of(size_t size) noexcept nogil:
    """Bytes that malloc takes for `size`."""
    return max(<size_t>32, (size + 8 + 15) & ~<size_t>15)


cdef inline void* ztree_alloc(ZTree* t, size_t size) noexcept nogil:
    t.bytes += zmemory_of(size)
    return t.api.alloc(size)


cdef inline void* ztree_realloc(ZTree* t, void* p, size_t old_size, size_t size) noexcept nogil:
    t.bytes += zmemory_of(size) - zmemory_of(old_size)
    return t.api.realloc(p, size)


cdef inline void ztree_release(ZTree* t, void* p, size_t size) noexcept nogil:
    t.bytes -= zmemory_of(size)
    t.api.free(p)


# -- slots ---------------------------------------------------------------------------------------------
cdef inline void** zslot(const ZSlots* s, uint32_t i) noexcept nogil:
    return &s.chunks[i // ZSLOTS_CHUNK][i % ZSLOTS_CHUNK]


cdef size_t zslots_chunk_cap(const ZSlots* s, uint32_t chunk) noexcept nogil:
    """Pointers that there is room for in a chunk."""
    cdef size_t cap = ZSLOTS_FIRST
    if chunk > 0:
        return ZSLOTS_CHUNK
    while cap < s.count and cap < ZSLOTS_CHUNK:
        cap *= 2
    return cap


cdef void zslots_grow_list(ZTree* t, ZSlots* s, uint32_t chunk) noexcept nogil:
    cdef uint32_t cap = s.chunks_cap + s.chunks_cap // 2 + 1
    if chunk < s.chunks_cap:
        return
    if s.chunks is NULL:
        s.chunks = <void***>ztree_alloc(t, cap * sizeof(void**))
    else:
        s.chunks = <void***>ztree_realloc(t, s.chunks, s.chunks_cap * sizeof(void**), cap * sizeof(void**))
    s.chunks_cap = cap


cdef void zslots_push(ZTree* t, ZSlots* s, void* p) noexcept nogil:
    """Add a slot at the end."""
    cdef uint32_t chunk = s.count // ZSLOTS_CHUNK
    cdef size_t offset = s.count % ZSLOTS_CHUNK
    if offset == 0:
        zslots_grow_list(t, s, chunk)
        s.chunks[chunk] = <void**>ztree_alloc(t, (ZSLOTS_CHUNK if chunk else ZSLOTS_FIRST) * sizeof(void*))
    elif chunk == 0 and offset >= ZSLOTS_FIRST and offset & (offset - 1) == 0:
        s.chunks[0] = <void**>ztree_realloc(
            t, s.chunks[0], offset * sizeof(void*), 2 * offset * sizeof(void*))
    s.count += 1
    zslot(s, s.count - 1)[0] = p


cdef void zslots_pop(ZTree* t, ZSlots* s) noexcept nogil:
    """Drop the last slot."""
    cdef uint32_t chunk = (s.count - 1) // ZSLOTS_CHUNK
    cdef size_t cap = zslots_chunk_cap(s, chunk)
    s.count -= 1
    if s.count % ZSLOTS_CHUNK == 0:
        ztree_release(t, s.chunks[chunk], cap * sizeof(void*))
    elif zslots_chunk_cap(s, chunk) < cap:
        s.chunks[chunk] = <void**>ztree_realloc(
            t, s.chunks[chunk], cap * sizeof(void*), cap // 2 * sizeof(void*))


cdef void zslots_free(ZTree* t, ZSlots* s) noexcept nogil:
    cdef uint32_t chunk
    for chunk in range((s.count + ZSLOTS_CHUNK - 1) // ZSLOTS_CHUNK):
        ztree_release(t, s.chunks[chunk], zslots_chunk_cap(s, chunk) * sizeof(void*))
    if s.chunks is not NULL:
        ztree_release(t, s.chunks, s.chunks_cap * sizeof(void**))


# -- numbers of leaves ---------------------------------------------------------------------------------
cdef uint32_t zleaf_number(ZTree* t, ZLeaf* leaf) noexcept nogil:
    """A number for a new leaf."""
    cdef uint32_t number = t.free_number
    if number == ZLEAF_NONE:
        zslots_push(t, &t.leaves, leaf)
        return t.leaves.count - 1
    t.free_number = <uint32_t>(<uint64_t>zslot(&t.leaves, number)[0] >> 1)
    zslot(&t.leaves, number)[0] = leaf
    return number


cdef void zleaf_number_free(ZTree* t, uint32_t number) noexcept nogil:
    zslot(&t.leaves, number)[0] = <void*>(<uint64_t>t.free_number << 1 | 1)
    t.free_number = number


# -- buckets -------------------------------------------------------------------------------------------
cdef inline size_t zbucket_size(uint32_t cap) noexcept nogil:
    return sizeof(ZBucket) - sizeof(uint64_t) + cap * sizeof(uint64_t)


cdef inline uint32_t zindex_top(uint32_t n) noexcept nogil:
    """The highest power of two that is at most n."""
    while n & (n - 1):
        n &= n - 1
    return n


cdef inline uint32_t zindex_bucket(const ZTree* t, uint32_t hash) noexcept nogil:
    """The bucket that a hash belongs to."""
    cdef uint32_t bucket = hash & (2 * t.index_top - 1)
    return bucket if bucket < t.buckets.count else bucket & (t.index_top - 1)


cdef inline ZBucket** zindex_place(const ZTree* t, uint32_t hash) noexcept nogil:
    return <ZBucket**>zslot(&t.buckets, zindex_bucket(t, hash))


cdef ZBucket* zbucket_resize(ZTree* t, ZBucket* b, uint32_t cap) noexcept nogil:
    """The bucket with room for `cap` entries; NULL for none."""
    cdef bint fresh = b is NULL
    if cap == 0:
        if not fresh:
            ztree_release(t, b, zbucket_size(b.cap))
        return NULL
    if fresh:
        b = <ZBucket*>ztree_alloc(t, zbucket_size(cap))
        b.count = 0
    else:
        b = <ZBucket*>ztree_realloc(t, b, zbucket_size(b.cap), zbucket_size(cap))
    b.cap = cap
    return b


cdef void zbucket_add(ZTree* t, ZBucket** place, uint64_t entry) noexcept nogil:
    if place[0] is NULL or place[0].count == place[0].cap:
        place[0] = zbucket_resize(t, place[0], 2 if place[0] is NULL else place[0].cap + 2)
    place[0].entries[place[0].count] = entry
    place[0].count += 1


cdef void zbucket_trim(ZTree* t, ZBucket** place) noexcept nogil:
    cdef ZBucket* b = place[0]
    if b is not NULL and (b.count == 0 or b.cap - b.count >= ZBUCKET_SLACK):
        place[0] = zbucket_resize(t, b, (b.count + 1) & ~1)


cdef void zindex_split(ZTree* t) noexcept nogil:
    """One bucket more: it takes over the entries of another one that have the next bit of the hash set."""
    cdef uint32_t old = t.buckets.count - t.index_top
    cdef uint32_t bit = t.index_top
    cdef ZBucket* b
    cdef uint32_t i
    cdef uint32_t kept = 0
    zslots_push(t, &t.buckets, NULL)
    if t.buckets.count == 2 * t.index_top:
        t.index_top *= 2
    b = <ZBucket*>zslot(&t.buckets, old)[0]
    if b is NULL:
        return
    for i in range(b.count):
        if b.entries[i] >> 32 & bit:
            zbucket_add(t, <ZBucket**>zslot(&t.buckets, t.buckets.count - 1), b.entries[i])
        else:
            b.entries[kept] = b.entries[i]
            kept += 1
    b.count = kept
    zbucket_trim(t, <ZBucket**>zslot(&t.buckets, old))


cdef void zindex_merge(ZTree* t) noexcept nogil:
    """One bucket less: the last one goes back into the one that it was split from."""
    cdef uint32_t last = t.buckets.count - 1
    cdef ZBucket* b = <ZBucket*>zslot(&t.buckets, last)[0]
    cdef uint32_t i
    if last < t.index_top:
        t.index_top //= 2
    if b is not NULL:
        for i in range(b.count):
            zbucket_add(t, <ZBucket**>zslot(&t.buckets, last - t.index_top), b.entries[i])
        zbucket_resize(t, b, 0)
    zslots_pop(t, &t.buckets)


# -- entries -------------------------------------------------------------------------------------------
cdef void zindex_add(ZTree* t, uint32_t hash, uint32_t leaf) noexcept nogil:
    zbucket_add(t, zindex_place(t, hash), <uint64_t>hash << 32 | leaf)
    if t.count > <uint64_t>t.buckets.count * ZBUCKET_MOST:
        zindex_split(t)


cdef inline uint64_t* zindex_entry(const ZTree* t, uint32_t hash, uint32_t leaf) noexcept nogil:
    """An entry that there is."""
    cdef ZBucket* b = zindex_place(t, hash)[0]
    cdef uint64_t wanted = <uint64_t>hash << 32 | leaf
    cdef uint32_t i = 0
    while b.entries[i] != wanted:
        i += 1
        WS_ASSERT(i < b.count)
    return &b.entries[i]


cdef inline void zindex_replace(ZTree* t, uint32_t hash, uint32_t old_leaf, uint32_t leaf) noexcept nogil:
    zindex_entry(t, hash, old_leaf)[0] = <uint64_t>hash << 32 | leaf


cdef void zindex_remove(ZTree* t, uint32_t hash, uint32_t leaf) noexcept nogil:
    cdef ZBucket** place = zindex_place(t, hash)
    cdef uint64_t* entry = zindex_entry(t, hash, leaf)
    place[0].count -= 1
    entry[0] = place[0].entries[place[0].count]
    zbucket_trim(t, place)
    if t.buckets.count > 1 and t.count < <uint64_t>t.buckets.count * ZBUCKET_LEAST:
        zindex_merge(t)


cdef void zindex_move_run(Store* store, ZTree* t, const uint8_t* p, const uint8_t* end, uint32_t old_leaf,
                          uint32_t leaf) noexcept nogil:
    """The items from p to end have moved to another leaf."""
    cdef uint32_t hashes[ZRUN_ITEMS_MAX]
    cdef uint32_t n = 0
    cdef uint32_t i
    cdef Element member
    while p < end:
        p = zmember_read(zscore_skip(p), &member)
        hashes[n] = <uint32_t>zmember_hash(store, &member)
        ws_prefetch(zindex_place(t, hashes[n])[0])
        n += 1
    for i in range(n):
        zindex_replace(t, hashes[i], old_leaf, leaf)


cdef void zindex_free(ZTree* t) noexcept nogil:
    cdef uint32_t i
    for i in range(t.buckets.count):
        zbucket_resize(t, <ZBucket*>zslot(&t.buckets, i)[0], 0)
    zslots_free(t, &t.buckets)
    zslots_free(t, &t.leaves)
