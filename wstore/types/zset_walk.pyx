"""Going through sorted sets: cursors by rank, score and member in both directions, each, random, SCAN.

Invariant: a cursor, and the elements it gives, hold until the next change of the keyspace.
"""
cdef struct ZCursor:
    ZLeaf* leaf                 # NULL: a packed set
    const uint8_t* at           # forward: the next item
    const uint8_t* start        # of the run at hand
    const uint8_t* end
    uint64_t rank               # items of the set in front of the cursor
    bint reverse
    uint32_t left               # reverse: items of the run at hand still to come
    uint16_t offsets[ZRUN_ITEMS_MAX]

cdef struct ZLexBound:          # one end of a range of members
    Element member
    int infinite                # -1: in front of all, 1: behind all, 0: at `member`
    bint exclusive


# -- spots in a set ------------------------------------------------------------------------------------
cdef inline void zspot_packed(const Entry* e, ZSpot* out) noexcept nogil:
    """The start of a packed set."""
    out.leaf = NULL
    out.start = zset_run(e)
    out.end = e.value + e.len
    out.at = out.start
    out.rank = 0


cdef void zspot_at_rank(const Entry* e, uint64_t rank, ZSpot* out) noexcept nogil:
    rank = min(rank, zset_count(e))
    if not zset_is_packed(e):
        ztree_at_rank(zset_tree(e), rank, out)
        return
    zspot_packed(e, out)
    out.at = zrun_at(out.start, rank)
    out.rank = rank


cdef void zspot_at_score(const Entry* e, double bound, bint after, ZSpot* out) noexcept nogil:
    """In front of the first item with a score of at least `bound`, or with `after` above it."""
    cdef double score
    if not zset_is_packed(e):
        ztree_seek_score(zset_tree(e), bound, after, out)
        return
    zspot_packed(e, out)
    while out.at < out.end:
        zscore_read(out.at, &score)
        if not zscore_is_before(score, bound, after):
            return
        out.at = zitem_skip(out.at)
        out.rank += 1


cdef void zspot_at_lex(const Entry* e, const ZLexBound* bound, bint after, ZSpot* out) noexcept nogil:
    """In front of the first item whose member is at least `bound`, or with `after` above it."""
    if bound.infinite:
        zspot_at_rank(e, 0 if bound.infinite < 0 else zset_count(e), out)
        return
    if not zset_is_packed(e):
        ztree_seek_member(zset_tree(e), &bound.member, after, out)
        return
    zspot_packed(e, out)
    while out.at < out.end and zitem_is_before(out.at, &bound.member, after):
        out.at = zitem_skip(out.at)
        out.rank += 1


# -- cursors -------------------------------------------------------------------------------------------
cdef void zcursor_turn(ZCursor* cur) noexcept nogil:
    """List the items of the run at hand in front of `at`, for going backwards."""
    cdef const uint8_t* p = cur.start
    cur.left = 0
    while p < cur.at:
        cur.offsets[cur.left] = <uint16_t>(p - cur.start)
        cur.left += 1
        p = zitem_skip(p)


cdef inline void zcursor_begin(const ZSpot* spot, bint reverse, ZCursor* cur) noexcept nogil:
    cur.leaf = spot.leaf
    cur.start = spot.start
    cur.end = spot.end
    cur.at = spot.at
    cur.rank = spot.rank
    cur.reverse = reverse
    if reverse:
        zcursor_turn(cur)


cdef bint zcursor_change_leaf(ZCursor* cur) noexcept nogil:
    """Go on to the next leaf in the direction of the cursor; 0: there is none."""
    cdef ZLeaf* leaf
    if cur.leaf is NULL:
        return False
    leaf = zleaf_before(cur.leaf) if cur.reverse else zleaf_after(cur.leaf)
    if leaf is NULL:
        return False
    cur.leaf = leaf
    cur.start = leaf.run
    cur.end = leaf.run + leaf.used
    cur.at = cur.end if cur.reverse else cur.start
    if cur.reverse:
        zcursor_turn(cur)
    return True


cdef inline bint zset_next(ZCursor* cur, Element* member, double* score) noexcept nogil:
    """The next item in the cursor's direction; 0: there is none."""
    if cur.reverse:
        if cur.left == 0 and not zcursor_change_leaf(cur):
            return False
        cur.left -= 1
        cur.rank -= 1
        zitem_read(cur.start + cur.offsets[cur.left], member, score)
        return True
    if cur.at == cur.end and not zcursor_change_leaf(cur):
        return False
    cur.at = zitem_read(cur.at, member, score)
    cur.rank += 1
    return True


cdef inline void zset_at_rank(Store* store, const Entry* e, uint64_t rank, bint reverse, ZCursor* cur) noexcept nogil:
    """Go from the item of this rank on, upwards; in reverse ranks count from the highest item, and it goes down."""
    cdef ZSpot spot
    cdef uint64_t count = zset_count(e)
    if reverse:
        rank = count - min(rank, count)
    zspot_at_rank(e, rank, &spot)
    zcursor_begin(&spot, reverse, cur)


cdef inline void zset_seek_score(Store* store, const Entry* e, double bound, bint exclusive, bint reverse,
                                 ZCursor* cur) noexcept nogil:
    """Go from the first item at or above the bound on, upwards; in reverse from the last one at or below it, down."""
    cdef ZSpot spot
    zspot_at_score(e, bound, exclusive != reverse, &spot)
    zcursor_begin(&spot, reverse, cur)


cdef inline void zset_seek_lex(Store* store, const Entry* e, const ZLexBound* bound, bint reverse,
                               ZCursor* cur) noexcept nogil:
    """As zset_seek_score by members, in a set whose scores are all the same."""
    cdef ZSpot spot
    zspot_at_lex(e, bound, bound.exclusive != reverse, &spot)
    zcursor_begin(&spot, reverse, cur)


# -- all, one, some ------------------------------------------------------------------------------------
cdef void zset_each(Store* store, const Entry* e, EachFn fn, void* arg) noexcept nogil:
    """Visit all members in rising order until fn says stop."""
    cdef ZCursor cur
    cdef Element member
    cdef double score
    zset_at_rank(store, e, 0, False, &cur)
    while zset_next(&cur, &member, &score):
        if not fn(arg, &member, NULL, score):
            return


cdef void zset_build_each(ZSetBuilder* b, EachFn fn, void* arg) noexcept nogil:
    """Visit all that is in a builder."""
    cdef Entry e
    cdef Value value
    e.rec = b.room
    e.enc = ENC_PTR
    e.value = <uint8_t*>&b.tree
    e.len = sizeof(b.tree)
    if b.tree is NULL:
        zset_packed_value(b, &value)
        e.enc = ENC_BYTES
        e.value = <uint8_t*>value.ptr
        e.len = value.len
    zset_each(b.store, &e, fn, arg)


cdef void zset_random(Store* store, const Entry* e, Element* member, double* score) noexcept nogil:
    """One of the members, each equally likely."""
    cdef ZSpot spot
    zspot_at_rank(e, random_below(store, zset_count(e)), &spot)
    zitem_read(spot.at, member, score)


# -- SCAN ----------------------------------------------------------------------------------------------
cdef inline uint32_t zscan_reverse(uint32_t n) noexcept nogil:
    """The bits of n in reverse order."""
    n = (n >> 1 & 0x55555555) | (n & 0x55555555) << 1
    n = (n >> 2 & 0x33333333) | (n & 0x33333333) << 2
    n = (n >> 4 & 0x0F0F0F0F) | (n & 0x0F0F0F0F) << 4
    n = (n >> 8 & 0x00FF00FF) | (n & 0x00FF00FF) << 8
    return n >> 16 | n << 16


cdef inline uint32_t zscan_following(const ZTree* t, uint32_t cursor) noexcept nogil:
    """The hash from which on the next bucket is; 0: that was the last.

    Hashes are gone through in the order of their bits reversed, in which each bucket is one range and a split or a
    merge leaves all other ranges alone.
    """
    cdef uint32_t bucket = zindex_bucket(t, cursor)
    cdef uint32_t mask = t.index_top - 1        # bits that buckets before and behind the split have in common
    if bucket >= t.index_top or bucket + t.index_top < t.buckets.count:
        mask = 2 * t.index_top - 1
    return zscan_reverse(zscan_reverse(cursor | ~mask) + 1)


cdef size_t zscan_leaf(Store* store, ZLeaf* leaf, uint32_t hash, EachFn fn, void* arg) noexcept nogil:
    """Visit the members of a leaf that have this hash."""
    cdef const uint8_t* p = leaf.run
    cdef size_t n = 0
    cdef Element member
    cdef double score
    while p < leaf.run + leaf.used:
        p = zitem_read(p, &member, &score)
        if <uint32_t>zmember_hash(store, &member) == hash:
            fn(arg, &member, NULL, score)
            n += 1
    return n


cdef size_t zscan_bucket(Store* store, ZTree* t, const ZBucket* b, EachFn fn, void* arg) noexcept nogil:
    """Visit each member of a bucket once."""
    cdef size_t n = 0
    cdef uint32_t i, j
    if b is NULL:
        return 0
    for i in range(b.count):
        j = 0
        while b.entries[j] != b.entries[i]:
            j += 1
        if j == i:
            n += zscan_leaf(
                store, <ZLeaf*>zslot(&t.leaves, <uint32_t>b.entries[i])[0], <uint32_t>(b.entries[i] >> 32), fn, arg)
    return n


cdef uint64_t zset_scan(Store* store, const Entry* e, uint64_t cursor, size_t count, EachFn fn,
                        void* arg) noexcept nogil:
    """Visit at least `count` members from a cursor on; the next cursor, 0: done. A listpack is visited in one go.

    A member that is there throughout is visited, whatever else comes, goes or changes its score; fn always goes on.
    """
    cdef ZTree* t
    cdef size_t seen = 0
    cdef uint32_t at = <uint32_t>cursor
    if zset_is_packed(e) or not zset_big_name(e):
        zset_each(store, e, fn, arg)
        return 0
    t = zset_tree(e)
    while True:
        seen += zscan_bucket(store, t, zindex_place(t, at)[0], fn, arg)
        at = zscan_following(t, at)
        if at == 0 or seen >= count:
            return at
