# Segments: a thousand entries in buckets of one cache line each, and how they change shape.
#
# Everything here moves references only; records are read where the in-segment hash cannot be had otherwise
# (fewer than 48 buckets, stash) and when a segment splits.  keyspace.pxd describes the layout.
#
# Invariants: an entry is found in its home bucket, or in the next one with its displaced bit set, or in the
# stash with the home's overflow count raised; `count` is exact; a segment's keys all begin with its prefix.


cdef inline uint8_t access_of(const ws_bucket* b, int i) noexcept nogil:
    return b.meta >> (ACCESS_SHIFT + 2 * i) & 3


cdef inline void set_access(ws_bucket* b, int i, uint32_t access) noexcept nogil:
    cdef int shift = ACCESS_SHIFT + 2 * i
    b.meta = b.meta & ~(<uint32_t>3 << shift) | access << shift


cdef inline bint is_displaced(const ws_bucket* b, int i) noexcept nogil:
    return b.meta >> i & 1


cdef inline uint32_t overflow_of(const ws_bucket* b) noexcept nogil:
    return b.meta >> OVERFLOW_SHIFT


cdef inline bint in_stash(const Segment* s, const ws_bucket* b) noexcept nogil:
    return s.stash != NULL and s.stash <= b < s.stash + STASH_BUCKETS


cdef inline void set_place(ws_bucket* b, int i, uint8_t fp, uint64_t ref, uint32_t access,
                           uint32_t displaced) noexcept nogil:
    b.fp[i] = fp
    ws_bucket_set_ref(b, i, ref)
    b.meta = b.meta & ~(<uint32_t>1 << i) | displaced << i
    set_access(b, i, access)


cdef inline void clear_place(ws_bucket* b, int i) noexcept nogil:
    set_place(b, i, 0, 0, 0, 0)


cdef inline void move_place(ws_bucket* source, int i, ws_bucket* to, int j, uint32_t displaced) noexcept nogil:
    set_place(to, j, source.fp[i], ws_bucket_ref(source, i), access_of(source, i), displaced)


cdef Segment* segment_new(Keyspace* ks, uint64_t prefix, int depth, int blocks) noexcept nogil:
    cdef Segment* s = <Segment*>ws_alloc(sizeof(Segment))
    memset(s, 0, sizeof(Segment))
    s.prefix = prefix
    s.depth = <uint8_t>depth
    s.min_expire_ms = INT64_MAX
    segment_resize(ks, s, blocks)
    ks.segments += 1
    return s


cdef void segment_resize(Keyspace* ks, Segment* s, int blocks) noexcept nogil:
    """Give the segment that many blocks, all empty, and no stash; its entries must have been gathered."""
    while s.blocks > blocks:
        s.blocks -= 1
        ws_blocks_free(&ks.blocks, s.block[s.blocks])
    while s.blocks < blocks:
        s.block[s.blocks] = <ws_bucket*>ws_blocks_alloc(&ks.blocks)
        s.blocks += 1
    for i in range(blocks):
        memset(s.block[i], 0, BLOCK_BUCKETS * sizeof(ws_bucket))
    if s.stash != NULL:
        ws_blocks_free(&ks.stashes, s.stash)
        s.stash = NULL
    s.count = 0
    s.stash_count = 0


cdef void segment_free(Keyspace* ks, Segment* s) noexcept nogil:
    for i in range(s.blocks):
        ws_blocks_free(&ks.blocks, s.block[i])
    if s.stash != NULL:
        ws_blocks_free(&ks.stashes, s.stash)
    ws_free(s)
    ks.segments -= 1


# -- inserting ---------------------------------------------------------------------------------------------------

cdef bint insert_displacing(Segment* s, uint32_t home, uint8_t fp, uint64_t ref, uint32_t access) noexcept nogil:
    """Make room in home or the next bucket by moving another entry one bucket on, or back to its home."""
    cdef uint32_t n = bucket_count(s)
    cdef ws_bucket* own = bucket_at(s, home)
    cdef ws_bucket* after = bucket_at(s, (home + 1) % n)
    cdef ws_bucket* other = bucket_at(s, (home + 2) % n)
    cdef int room = ws_bucket_free_place(other)
    cdef int i
    if room >= 0:
        for i in range(BUCKET_ENTRIES):
            if not is_displaced(after, i):
                move_place(after, i, other, room, 1)
                set_place(after, i, fp, ref, access, 1)
                return True
    other = bucket_at(s, (home + n - 1) % n)
    room = ws_bucket_free_place(other)
    if room >= 0:
        for i in range(BUCKET_ENTRIES):
            if is_displaced(own, i):
                move_place(own, i, other, room, 0)
                set_place(own, i, fp, ref, access, 0)
                return True
    return False


cdef bint insert_in_stash(Keyspace* ks, Segment* s, uint32_t home, uint8_t fp, uint64_t ref,
                          uint32_t access) noexcept nogil:
    cdef ws_bucket* own = bucket_at(s, home)
    cdef int i, room
    if s.stash == NULL:
        s.stash = <ws_bucket*>ws_blocks_alloc(&ks.stashes)
        memset(s.stash, 0, STASH_BUCKETS * sizeof(ws_bucket))
    for i in range(STASH_BUCKETS):
        room = ws_bucket_free_place(s.stash + i)
        if room >= 0:
            set_place(s.stash + i, room, fp, ref, access, 0)
            s.stash_count += 1
            if overflow_of(own) < OVERFLOW_MANY:
                own.meta += <uint32_t>1 << OVERFLOW_SHIFT
            return True
    return False


cdef bint segment_insert(Keyspace* ks, Segment* s, uint32_t h, uint64_t ref, uint32_t access) noexcept nogil:
    """Place a reference; False: the segment must change shape first."""
    cdef uint32_t home = home_of(h, bucket_count(s))
    cdef uint8_t fp = <uint8_t>h
    cdef ws_bucket* b = bucket_at(s, home)
    cdef int room = ws_bucket_free_place(b)
    cdef uint32_t displaced = 0
    if room < 0:
        b = bucket_at(s, (home + 1) % bucket_count(s))
        room = ws_bucket_free_place(b)
        displaced = 1
    if room >= 0:
        set_place(b, room, fp, ref, access, displaced)
    elif not insert_displacing(s, home, fp, ref, access) and not insert_in_stash(ks, s, home, fp, ref, access):
        return False
    s.count += 1
    return True


cdef void segment_clear_place(Segment* s, ws_bucket* b, int i, uint32_t h) noexcept nogil:
    """Take the entry of in-segment hash h out of its place."""
    cdef ws_bucket* own
    WS_ASSERT(s.count > 0)
    WS_ASSERT(ws_bucket_ref(b, i) != 0)
    if in_stash(s, b):
        own = bucket_at(s, home_of(h, bucket_count(s)))
        s.stash_count -= 1
        if overflow_of(own) < OVERFLOW_MANY:
            own.meta -= <uint32_t>1 << OVERFLOW_SHIFT
    clear_place(b, i)
    s.count -= 1


# -- changing shape ---------------------------------------------------------------------------------------------------

cdef inline uint32_t hash_of_record(Keyspace* ks, const uint64_t* seed, uint64_t ref) noexcept nogil:
    return segment_hash(placement_of_record(<uint8_t*>ws_arena_at(&ks.arena, ref), seed))


cdef inline uint32_t hash_of_place(const Segment* s, uint32_t bucket, int i) noexcept nogil:
    """The in-segment hash back from where an entry sits: needs EXACT_BUCKETS, and not the stash."""
    cdef uint32_t n = bucket_count(s)
    cdef const ws_bucket* b = bucket_at(s, bucket)
    cdef uint32_t home = (bucket + n - is_displaced(b, i)) % n
    cdef uint32_t first = (home * HASH_RANGE + n - 1) // n
    return first + ((b.fp[i] - first) & 0xff)


cdef void gather_place(Gathered* g, ws_bucket* b, int i, uint32_t h) noexcept nogil:
    g.ref[g.count] = ws_bucket_ref(b, i)
    g.hash[g.count] = <uint16_t>h
    g.access[g.count] = access_of(b, i)
    g.count += 1


cdef void gather(Keyspace* ks, Segment* s, const uint64_t* seed, Gathered* g) noexcept nogil:
    """Append all entries of a segment, with their in-segment hashes."""
    cdef uint32_t n = bucket_count(s)
    cdef uint32_t j
    cdef int i
    cdef ws_bucket* b
    for j in range(row_count(s)):
        b = row_at(s, j)
        if n < EXACT_BUCKETS and j + 1 < row_count(s):      # records are read: have those of the next bucket fetched
            prefetch_bucket_records(ks, row_at(s, j + 1))
        for i in range(BUCKET_ENTRIES):
            if ws_bucket_ref(b, i):
                gather_place(g, b, i, hash_of_place(s, j, i) if n >= EXACT_BUCKETS and j < n
                             else hash_of_record(ks, seed, ws_bucket_ref(b, i)))
    WS_ASSERT(g.count <= SEGMENT_ENTRY_LIMIT + 8)


cdef int blocks_for(int count, int percent) noexcept nogil:
    """Blocks that hold `count` entries at that fill or less; BLOCK_LIMIT at the most."""
    cdef int blocks = 1
    while blocks < BLOCK_LIMIT and blocks * BLOCK_BUCKETS * BUCKET_ENTRIES * percent < count * 100:
        blocks += 1
    return blocks


cdef bint place_side(Keyspace* ks, Segment* s, const Gathered* g, int side) noexcept nogil:
    cdef int i
    for i in range(g.count):
        if g.side[i] == side and not segment_insert(ks, s, g.hash[i], g.ref[i], g.access[i]):
            return False
    return True


cdef void segment_fill(Keyspace* ks, Segment* s, const Gathered* g, int side, int blocks) noexcept nogil:
    """Rebuild the segment from the gathered entries of one side, with `blocks` blocks or as many more as it takes."""
    segment_resize(ks, s, blocks)
    while not place_side(ks, s, g, side):
        WS_ASSERT(s.blocks < BLOCK_MAX)
        segment_resize(ks, s, s.blocks + 1)


cdef void segment_reshape(Keyspace* ks, Segment* s, const uint64_t* seed, int blocks) noexcept nogil:
    cdef Gathered g
    g.count = 0
    gather(ks, s, seed, &g)
    memset(g.side, 0, g.count)
    segment_fill(ks, s, &g, 0, blocks)
    WS_ASSERT(s.count == g.count)


cdef inline uint64_t* dir_entry(Keyspace* ks, uint64_t placement) noexcept nogil:
    return &ks.dir[placement >> 1 >> (63 - ks.dir_bits)]


cdef void deepen_directory(Keyspace* ks, int bits) noexcept nogil:
    """Let the directory tell at least `bits` (at most SLOT_BITS) leading bits of a placement apart."""
    cdef uint64_t* dir
    cdef int64_t i
    if ks.dir_bits >= bits:
        return
    dir = <uint64_t*>ws_alloc(sizeof(uint64_t) << bits)
    for i in range(<int64_t>1 << bits):
        dir[i] = ks.dir[i >> (bits - ks.dir_bits)]
    ws_free(ks.dir)
    ks.dir = dir
    ks.dir_bits = bits


cdef void point_directory(Keyspace* ks, Segment* s) noexcept nogil:
    """Let the directory entries of the segment's range point to it; directory or SlotDir must be fine enough."""
    cdef uint64_t* entry = dir_entry(ks, s.prefix)
    cdef SlotDir* sub
    cdef int64_t i, first
    if s.depth <= SLOT_BITS and not entry[0] & 1:
        for i in range(<int64_t>1 << (ks.dir_bits - s.depth)):
            entry[i] = <uint64_t>s
        return
    sub = <SlotDir*>(entry[0] - 1)
    WS_ASSERT(s.depth - SLOT_BITS <= sub.bits)
    first = <int64_t>((s.prefix << SLOT_BITS) >> (64 - sub.bits))
    for i in range(<int64_t>1 << (sub.bits - (s.depth - SLOT_BITS))):
        sub.segment[first + i] = s


cdef void deepen_slot(Keyspace* ks, uint64_t placement, int bits) noexcept nogil:
    """Give the slot a directory of its own with at least `bits` bits."""
    cdef uint64_t* entry = dir_entry(ks, placement)
    cdef SlotDir* old = NULL
    cdef SlotDir* sub
    cdef int64_t i
    if entry[0] & 1:
        old = <SlotDir*>(entry[0] - 1)
        if old.bits >= bits:
            return
    sub = <SlotDir*>ws_alloc(sizeof(SlotDir) + sizeof(Segment*) * (<size_t>1 << bits))
    sub.bits = bits
    for i in range(<int64_t>1 << bits):
        sub.segment[i] = <Segment*>entry[0] if old == NULL else old.segment[i >> (bits - old.bits)]
    entry[0] = <uint64_t>sub + 1
    ws_free(old)


cdef void mark_sides(Keyspace* ks, const uint64_t* seed, Gathered* g, int depth) noexcept nogil:
    """side[i] = the placement bit behind `depth`: the one pass that reads every record."""
    cdef int i
    for i in range(g.count):
        if i + 16 < g.count:
            ws_prefetch(ws_arena_at(&ks.arena, g.ref[i + 16]))
        g.side[i] = placement_of_record(<uint8_t*>ws_arena_at(&ks.arena, g.ref[i]), seed) >> (63 - depth) & 1


cdef Segment* segment_split(Keyspace* ks, Segment* s, const uint64_t* seed) noexcept nogil:
    """Divide a segment in two by the next placement bit; the half that got more than three quarters, or NULL."""
    cdef Gathered g
    cdef Segment* upper
    cdef int i, above = 0
    WS_ASSERT(s.depth < 63)
    g.count = 0
    gather(ks, s, seed, &g)
    mark_sides(ks, seed, &g, s.depth)
    for i in range(g.count):
        above += g.side[i]
    deepen_directory(ks, min(s.depth + 1, <int>SLOT_BITS))
    if s.depth >= SLOT_BITS:
        deepen_slot(ks, s.prefix, s.depth + 1 - SLOT_BITS)
    upper = segment_new(ks, s.prefix | <uint64_t>1 << (63 - s.depth), s.depth + 1, 1)
    upper.min_expire_ms = s.min_expire_ms
    upper.epoch = s.epoch
    s.depth += 1
    segment_fill(ks, s, &g, 0, blocks_for(g.count - above, FILL_TIGHT))
    segment_fill(ks, upper, &g, 1, blocks_for(above, FILL_TIGHT))
    point_directory(ks, upper)
    return upper if above * 4 > g.count * 3 else s if above * 4 < g.count else NULL


cdef void segment_make_room(Keyspace* ks, Segment* s, const uint64_t* seed) noexcept nogil:
    """One step of growth: a block more, or a split. A lopsided split (most keys are in one slot) makes no room: the
    larger half is split again, so that no segment needs more than BLOCK_MAX blocks."""
    if s.blocks < BLOCK_LIMIT:
        segment_reshape(ks, s, seed, s.blocks + 1)
        return
    while s != NULL:
        s = segment_split(ks, s, seed)


cdef void flatten_slot(Keyspace* ks, Segment* s) noexcept nogil:
    """A slot that is one segment again needs no directory of its own."""
    cdef uint64_t* entry = dir_entry(ks, s.prefix)
    if s.depth == SLOT_BITS and entry[0] & 1:
        ws_free(<SlotDir*>(entry[0] - 1))
        entry[0] = <uint64_t>s


cdef bint segment_merge(Keyspace* ks, Segment* s, const uint64_t* seed) noexcept nogil:
    """Join the segment with the other half of the range it was split from, if both are small."""
    cdef Gathered g
    cdef Segment* buddy
    cdef Segment* lower
    if s.depth == 0:
        return False
    buddy = find_segment(ks, s.prefix ^ <uint64_t>1 << (64 - s.depth))
    if buddy.depth != s.depth or s.count + buddy.count > EXACT_BUCKETS * 8:
        return False
    g.count = 0
    gather(ks, s, seed, &g)
    gather(ks, buddy, seed, &g)
    memset(g.side, 0, g.count)
    lower = s if s.prefix < buddy.prefix else buddy
    if lower == s:
        s.min_expire_ms = min(s.min_expire_ms, buddy.min_expire_ms)
        segment_free(ks, buddy)
    else:
        buddy.min_expire_ms = min(s.min_expire_ms, buddy.min_expire_ms)
        segment_free(ks, s)
    lower.depth -= 1
    segment_fill(ks, lower, &g, 0, max(blocks_for(g.count, FILL_ROOMY), 4))
    point_directory(ks, lower)
    flatten_slot(ks, lower)
    return True


cdef void segment_give_back(Keyspace* ks, Segment* s, const uint64_t* seed) noexcept nogil:
    """After a removal: merge or shrink a segment that is less than 40 % full."""
    cdef int capacity = s.blocks * BLOCK_BUCKETS * BUCKET_ENTRIES
    if s.count * 10 >= capacity * 4:
        return
    if segment_merge(ks, s, seed):
        return
    if s.blocks > max(blocks_for(s.count, FILL_ROOMY) + 1, 4):
        segment_reshape(ks, s, seed, max(blocks_for(s.count, FILL_ROOMY) + 1, 4))
