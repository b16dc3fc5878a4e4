"""The sorted set type: members with scores, packed in the record while they are few, then in a tree (zset_tree.pyx).

Packed form: the value area (ENC_BYTES, at most PACKED_MAX bytes)

    | name 1 bit, items 7 bits | items u16, if those are 7F | run of items (zset_items.pyx) |

Big form: ENC_PTR, the address of a ZTree.

Invariants
* A sorted set has an item, no member twice, no score that is NaN, and its items in order.
* A sorted set that outgrew PACKED_MAX stays big. Apart from this the name bit (ZTree.big_name) says what OBJECT
  ENCODING answers, listpack or skiplist: it is set when one of Redis's thresholds is passed, and never cleared.
* Under the name listpack no score is -0.0: Redis keeps those as the integer 0.
"""
from libc.math cimport isnan

cdef enum:
    ZSET_BIG_NAME = 0x80
    ZSET_COUNT_FOLLOWS = 0x7F       # the count is in the two bytes behind
    ZSET_HEAD_MAX = 3
    ZSET_FREE_NOW_MAX = 256         # trees of no more leaves are freed at once

cdef enum ZAddFlag:
    ZADD_INCR = 1                   # the score is added to the one that is there
    ZADD_NX = 2                     # new members only
    ZADD_XX = 4                     # old members only
    ZADD_GT = 8                     # scores of old members only rise
    ZADD_LT = 16                    # ... only fall

cdef enum ZAddOutcome:
    ZADD_NOP                        # a flag forbade it
    ZADD_SAME                       # the member had that score
    ZADD_ADDED
    ZADD_UPDATED
    ZADD_NAN                        # the sum would be no number; nothing was changed

cdef struct ZSetBuilder:            # a sorted set being made or changed: a run in `room`, or a tree
    Store* store
    ZTree* tree                     # NULL: packed
    bint owned                      # the tree is not in the keyspace yet
    bint big_name
    bint building                   # a new set, whose name is not known yet: it keeps -0.0
    bint minus_zero                 # it has got one
    uint32_t count                  # items in room
    size_t used                     # bytes of room up to the end of the run
    uint8_t room[PACKED_MAX]        # ZSET_HEAD_MAX bytes for the header, then the run


# -- reading -------------------------------------------------------------------------------------------
cdef inline bint zset_is_packed(const Entry* e) noexcept nogil:
    return e.enc != ENC_PTR


cdef inline ZTree* zset_tree(const Entry* e) noexcept nogil:
    cdef ZTree* t
    memcpy(&t, e.value, sizeof(t))
    return t


cdef inline bint zset_big_name(const Entry* e) noexcept nogil:
    return (e.value[0] & ZSET_BIG_NAME) != 0 if zset_is_packed(e) else zset_tree(e).big_name


cdef inline const uint8_t* zset_run(const Entry* e) noexcept nogil:
    """The run of a packed sorted set, which ends with the value area."""
    return e.value + (ZSET_HEAD_MAX if (e.value[0] & ZSET_COUNT_FOLLOWS) == ZSET_COUNT_FOLLOWS else 1)


cdef inline uint64_t zset_count(const Entry* e) noexcept nogil:
    cdef uint16_t n
    if not zset_is_packed(e):
        return zset_tree(e).count
    if (e.value[0] & ZSET_COUNT_FOLLOWS) != ZSET_COUNT_FOLLOWS:
        return e.value[0] & ZSET_COUNT_FOLLOWS
    memcpy(&n, e.value + 1, 2)
    return n


cdef inline void zmember_of_tree(Store* store, const Element* element, ZMember* out) noexcept nogil:
    """A member as a tree wants it."""
    zmember_of(element, ZMEMBER_INLINE_MAX, out)
    out.hash = zmember_hash(store, element)


cdef bint zset_find(Store* store, const Entry* e, const Element* member, ZSpot* out) noexcept nogil:
    """The place of a member; its rank is left alone."""
    cdef ZMember m
    if not zset_is_packed(e):
        zmember_of_tree(store, member, &m)
        return ztree_find(zset_tree(e), &m, out)
    zmember_of(member, PACKED_MAX, &m)
    out.leaf = NULL
    out.at = zrun_find(zset_run(e), e.value + e.len, &m)
    return out.at is not NULL


cdef bint zset_score(Store* store, const Entry* e, const Element* member, double* out) noexcept nogil:
    """The member's score; 0: there is no such member."""
    cdef ZSpot spot
    if not zset_find(store, e, member, &spot):
        return False
    zscore_read(spot.at, out)
    return True


cdef bint zset_rank(Store* store, const Entry* e, const Element* member, bint reverse, uint64_t* rank,
                    double* score) noexcept nogil:
    """The member's rank, from 0, counted from the lowest score or in reverse, and its score; 0: no such member."""
    cdef ZSpot spot
    if not zset_find(store, e, member, &spot):
        return False
    zscore_read(spot.at, score)
    if spot.leaf is NULL:
        rank[0] = zrun_count(zset_run(e), spot.at)
    else:
        rank[0] = zleaf_rank(spot.leaf) + zrun_count(spot.leaf.run, spot.at)
    if reverse:
        rank[0] = zset_count(e) - 1 - rank[0]
    return True


# -- building and changing -----------------------------------------------------------------------------
cdef inline void zset_build_begin(Store* store, ZSetBuilder* b) noexcept nogil:
    """Start with no items. Ends in zset_build_finish or zset_build_drop."""
    b.store = store
    b.tree = NULL
    b.owned = False
    b.big_name = False
    b.building = True
    b.minus_zero = False
    b.count = 0
    b.used = ZSET_HEAD_MAX


cdef inline void zset_edit_begin(Store* store, ZSetBuilder* b, const Entry* e) noexcept nogil:
    """Start with the items of e, what lookup(LOOKUP_WRITE) gave (rec NULL: none). Ends in zset_edit_finish, or,
    if nothing was changed, in nothing."""
    cdef size_t size
    zset_build_begin(store, b)
    b.building = False
    if e.rec is NULL:
        return
    b.big_name = zset_big_name(e)
    if not zset_is_packed(e):
        b.tree = zset_tree(e)
        return
    size = e.value + e.len - zset_run(e)
    b.count = <uint32_t>zset_count(e)
    memcpy(b.room + ZSET_HEAD_MAX, zset_run(e), size)
    b.used += size


cdef inline uint64_t zset_build_count(const ZSetBuilder* b) noexcept nogil:
    return b.count if b.tree is NULL else b.tree.count


cdef inline void zset_cut_packed(ZSetBuilder* b, const uint8_t* item) noexcept nogil:
    """Take an item out of room."""
    cdef const uint8_t* after = zitem_skip(item)
    memmove(<uint8_t*>item, after, b.room + b.used - after)
    b.used -= after - item
    b.count -= 1


cdef bint zset_put_packed(ZSetBuilder* b, const ZMember* m, double score) noexcept nogil:
    """Put an item into room; 0: it does not fit."""
    cdef uint8_t head[ZSCORE_MAX]
    cdef size_t head_size = zscore_write(head, score) - head
    cdef uint8_t* at
    if m.len == 0 or b.used + head_size + m.len > PACKED_MAX:
        return False
    at = <uint8_t*>zrun_seek(b.room + ZSET_HEAD_MAX, b.room + b.used, score, m.element)
    memmove(at + head_size + m.len, at, b.room + b.used - at)
    memcpy(at, head, head_size)
    memcpy(at + head_size, m.bytes, m.len)
    b.used += head_size + m.len
    b.count += 1
    return True


cdef void zset_to_tree(ZSetBuilder* b) noexcept nogil:
    """Turn room into a tree."""
    cdef const uint8_t* p = b.room + ZSET_HEAD_MAX
    cdef Element member
    cdef ZMember m
    cdef double score
    b.tree = ztree_new(b.store, b.big_name)
    b.owned = True
    while p < b.room + b.used:
        p = zitem_read(p, &member, &score)
        zmember_of_tree(b.store, &member, &m)
        ztree_add(b.store, b.tree, &m, score)


cdef inline ZAddOutcome zset_decide(const uint8_t* item, double* score, int flags) noexcept nogil:
    """What a score for a member does, whose item is there or NULL; an increment becomes the sum."""
    cdef double old
    if item is NULL:
        return ZADD_NOP if flags & ZADD_XX else ZADD_ADDED
    if flags & ZADD_NX:
        return ZADD_NOP
    zscore_read(item, &old)
    if flags & ZADD_INCR:
        score[0] += old
        if isnan(score[0]):
            return ZADD_NAN
    if (flags & ZADD_LT and score[0] >= old) or (flags & ZADD_GT and score[0] <= old):
        return ZADD_NOP
    return ZADD_UPDATED if score[0] != old else ZADD_SAME


cdef inline double zset_keep_score(ZSetBuilder* b, double score) noexcept nogil:
    """The score as it is stored."""
    if score == 0 and signbit(score):
        if b.building:
            b.minus_zero = True
        elif not b.big_name:
            return 0
    return score


cdef inline void zset_name_by_count(ZSetBuilder* b, uint64_t count) noexcept nogil:
    if count > <uint64_t>b.store.config.zset_max_listpack_entries:
        b.big_name = True


cdef inline void zset_name_by_size(ZSetBuilder* b, const Element* member) noexcept nogil:
    if element_len(member) > <size_t>b.store.config.zset_max_listpack_value:
        b.big_name = True


cdef void zset_store_packed(ZSetBuilder* b, ZMember* m, const uint8_t* item, double score) noexcept nogil:
    """Put an item into room, in place of `item` unless that is NULL; into a tree if that is too much."""
    if item is not NULL:
        zset_cut_packed(b, item)
    if not zset_put_packed(b, m, score):
        zset_to_tree(b)
        zmember_of_tree(b.store, m.element, m)
        ztree_add(b.store, b.tree, m, score)


cdef ZAddOutcome zset_edit_put(ZSetBuilder* b, const Element* member, bint named_by_size, double score, int flags,
                               double* result) noexcept nogil:
    """Set or add to a member's score; what happened. result: the score, unless it was ZADD_NOP or ZADD_NAN."""
    cdef ZMember m
    cdef ZSpot spot
    cdef ZAddOutcome outcome
    spot.at = NULL
    if b.tree is NULL:
        zmember_of(member, PACKED_MAX, &m)
        spot.at = zrun_find(b.room + ZSET_HEAD_MAX, b.room + b.used, &m)
    else:
        zmember_of_tree(b.store, member, &m)
        ztree_find(b.tree, &m, &spot)
    outcome = zset_decide(spot.at, &score, flags)
    result[0] = score
    if outcome == ZADD_ADDED:
        zset_name_by_count(b, zset_build_count(b) + 1)
        if named_by_size:
            zset_name_by_size(b, member)
    elif outcome != ZADD_UPDATED:
        return outcome
    score = zset_keep_score(b, score)
    if b.tree is NULL:
        zset_store_packed(b, &m, spot.at, score)
    elif outcome == ZADD_ADDED:
        ztree_add(b.store, b.tree, &m, score)
    else:
        ztree_move(b.store, b.tree, &m, &spot, score)
    return outcome


cdef void zset_packed_value(ZSetBuilder* b, Value* out) noexcept nogil:
    """Write the header in front of room's run: `out` is both."""
    cdef uint16_t n = <uint16_t>b.count
    cdef uint8_t* start = b.room
    cdef uint8_t name = ZSET_BIG_NAME if b.big_name else 0
    if b.count < ZSET_COUNT_FOLLOWS:
        start += ZSET_HEAD_MAX - 1
        start[0] = <uint8_t>(name | n)
    else:
        start[0] = <uint8_t>(name | ZSET_COUNT_FOLLOWS)
        memcpy(start + 1, &n, 2)
    out.ptr = start
    out.len = b.room + b.used - start
    out.type = TYPE_ZSET
    out.enc = ENC_BYTES


cdef void zset_put(ZSetBuilder* b, Db* db, const Key* key, Entry* old, int64_t expire_ms) noexcept nogil:
    """Store what is built: `old` holds no more."""
    cdef Value value
    if b.tree is NULL:
        zset_packed_value(b, &value)
    else:
        b.tree.big_name = b.big_name
        value.ptr = &b.tree
        value.len = sizeof(b.tree)
        value.type = TYPE_ZSET
        value.enc = ENC_PTR
    b.owned = False
    b.store.api.put(b.store, db, key, old, &value, expire_ms)


cdef bint zset_edit_finish(ZSetBuilder* b, Db* db, const Key* key, Entry* e) noexcept nogil:
    """Store the changed set again under its key, with its TTL, or remove the key if no item is left, and then return 0.
    e: as zset_edit_begin got it, and used up, as is b."""
    if zset_build_count(b) == 0:
        b.store.api.remove(b.store, db, key, e)
        return False
    if b.tree is NULL or b.owned:
        zset_put(b, db, key, e, KEEP_TTL)
    else:
        b.tree.big_name = b.big_name        # a tree changes where it is
    return True


cdef inline void zset_build_add(ZSetBuilder* b, const Element* member, double score) noexcept nogil:
    """Add a member, or give it another score."""
    cdef double result
    zset_edit_put(b, member, True, score, 0, &result)


cdef inline void zset_build_drop(ZSetBuilder* b) noexcept nogil:
    if b.owned:
        ztree_drop(b.store, b.tree)
        b.owned = False


cdef bint zset_build_add_fn(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    """zset_build_add as an EachFn that takes away the sign of zero."""
    zset_build_add(<ZSetBuilder*>arg, member, score + 0.0)
    return True


cdef void zset_build_finish(ZSetBuilder* b, Db* db, const Key* key, int64_t expire_ms) noexcept nogil:
    """Store what was built under key, in place of what is there; nothing is stored if it is empty."""
    cdef Entry old
    cdef ZSetBuilder again
    if zset_build_count(b) == 0:
        zset_build_drop(b)
        return
    if b.minus_zero and not b.big_name:
        zset_build_begin(b.store, &again)
        zset_build_each(b, zset_build_add_fn, &again)
        zset_build_drop(b)
        zset_build_finish(&again, db, key, expire_ms)
        return
    b.store.api.lookup(b.store, db, key, &old, LOOKUP_WRITE)
    zset_put(b, db, key, &old, expire_ms)


# -- removing ------------------------------------------------------------------------------------------
cdef bint zset_edit_remove(ZSetBuilder* b, const Element* member) noexcept nogil:
    """Remove a member; 0: there is none."""
    cdef ZMember m
    cdef ZSpot spot
    if b.tree is NULL:
        zmember_of(member, PACKED_MAX, &m)
        spot.at = zrun_find(b.room + ZSET_HEAD_MAX, b.room + b.used, &m)
        if spot.at is not NULL:
            zset_cut_packed(b, spot.at)
        return spot.at is not NULL
    zmember_of_tree(b.store, member, &m)
    if not ztree_find(b.tree, &m, &spot):
        return False
    ztree_remove_at(b.store, b.tree, &spot, <uint32_t>m.hash)
    return True


cdef void zset_remove_rank_range(Call* c, const Key* key, Entry* e, uint64_t start, uint64_t stop) noexcept nogil:
    """Remove the items of ranks start to stop, which there must be; e as LOOKUP_WRITE gave it, and used up."""
    cdef ZSetBuilder b
    cdef ZSpot spot
    cdef Element member
    cdef uint64_t left = stop - start + 1
    if left == zset_count(e):
        c.api.remove(c.store, c.db, key, e)
        return
    zset_edit_begin(c.store, &b, e)
    while left > 0:
        left -= 1
        if b.tree is NULL:
            zset_cut_packed(&b, zrun_at(b.room + ZSET_HEAD_MAX, start))
        else:
            ztree_at_rank(b.tree, start, &spot)
            zmember_read(zscore_skip(spot.at), &member)
            ztree_remove_at(c.store, b.tree, &spot, <uint32_t>zmember_hash(c.store, &member))
    zset_edit_finish(&b, c.db, key, e)
