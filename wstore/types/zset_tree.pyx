"""Big sorted sets: a B+ tree of items with ranks, and the member index beside it (zset_index.pyx).

    leaf   | parent | epoch u32 | level u16 = 0 | count u16 | number u32 | used u16 | cap u16 | run of items, cap B |
    inner  | parent | epoch u32 | level u16 > 0 | count u16 | members below each child | score of each | children |

A leaf is one piece of memory of up to about 1 KB that grows by an eighth and splits in the middle; at the very end of
the set, where rising scores go, a fresh one is begun instead.  Nodes with little in them take in their right
neighbour.  An inner node has a fixed size.  There are no links between leaves: the next one is found by the parents.
While a snapshot reads the tree, leaves that stood when it was frozen are left as they are (zset_frozen.pyx).

Invariants
* score[i], i > 0, is at most that of the first item below child i and at least that of the last one below child
  i - 1; score[0] means nothing.  So a removal changes no scores, and an item that is put at a boundary goes to the
  left as long as the scores differ; with equal scores the first member below the child decides.
* members[i] is exact; all leaves are on level 0; no node but the root is empty; an inner root has two children.
"""
cdef extern from "check.h" nogil:
    void WS_ASSERT(bint condition)

cdef enum:
    ZLEAF_MAX = 992             # bytes of a run; with its header and malloc's a leaf is 1024 bytes
    ZLEAF_SPARSE = 248          # a smaller run takes in its neighbour
    ZLEAF_MERGED_MAX = 744      # ... if both have no more than this
    ZLEAF_HEAD = 24
    ZLEAF_STEP = 16
    ZINNER_MAX = 48
    ZINNER_SPARSE = 12
    ZINNER_MERGED_MAX = 36

cdef struct ZInner

cdef struct ZNode:              # how every node begins
    ZInner* parent
    uint32_t epoch              # of leaves: when they were last free to be changed; atomic
    uint16_t level
    uint16_t count              # items, or children

cdef struct ZLeaf:
    ZInner* parent
    uint32_t epoch
    uint16_t level
    uint16_t count
    uint32_t number             # in ZTree.leaves
    uint16_t used
    uint16_t cap
    uint8_t run[8]

cdef struct ZInner:
    ZInner* parent
    uint32_t epoch
    uint16_t level
    uint16_t count
    uint64_t members[ZINNER_MAX]
    double score[ZINNER_MAX]
    ZNode* child[ZINNER_MAX]

cdef struct ZTree:
    EngineApi* api
    ZNode* root
    uint64_t count
    uint64_t bytes              # all memory of the tree
    ZSlots leaves               # by number
    ZSlots buckets
    uint32_t free_number
    uint32_t index_top          # highest power of two that is at most buckets.count
    uint32_t epoch              # raised when the tree is frozen
    void* frozen                # ZFrozen* while a snapshot reads it, or FROZEN_LEFT: see kept.pyx
    bint big_name               # OBJECT ENCODING: skiplist

cdef struct ZSpot:              # a place in a run, in front of an item or at the end
    ZLeaf* leaf                 # NULL: the run is in a record
    const uint8_t* start
    const uint8_t* end
    const uint8_t* at
    uint64_t rank               # items in front of it in the whole set


# -- nodes ---------------------------------------------------------------------------------------------
cdef ZLeaf* zleaf_new(ZTree* t, size_t cap) noexcept nogil:
    cdef ZLeaf* leaf = <ZLeaf*>ztree_alloc(t, ZLEAF_HEAD + cap)
    memset(leaf, 0, ZLEAF_HEAD)
    leaf.epoch = t.epoch
    leaf.cap = <uint16_t>cap
    leaf.number = zleaf_number(t, leaf)
    return leaf


cdef inline uint32_t znode_position(const ZInner* parent, const void* child) noexcept nogil:
    cdef uint32_t i = 0
    while <const void*>parent.child[i] != child:
        i += 1
        WS_ASSERT(i < parent.count)
    return i


cdef ZLeaf* zleaf_resize(ZTree* t, ZLeaf* leaf, size_t size) noexcept nogil:
    """The leaf, moved perhaps, with room for `size` bytes and some more; one that may be changed."""
    cdef size_t cap = min(<size_t>ZLEAF_MAX, (size + size // 8 + ZLEAF_STEP - 1) & ~<size_t>(ZLEAF_STEP - 1))
    cdef ZInner* parent = leaf.parent
    cdef uint32_t position = znode_position(parent, leaf) if parent is not NULL else 0
    if ztree_must_keep(t, &leaf.epoch):
        leaf = zleaf_copy(t, leaf, cap)
    else:
        leaf = <ZLeaf*>ztree_realloc(t, leaf, ZLEAF_HEAD + leaf.cap, ZLEAF_HEAD + cap)
    leaf.cap = <uint16_t>cap
    zslot(&t.leaves, leaf.number)[0] = leaf
    if parent is not NULL:
        parent.child[position] = <ZNode*>leaf
    else:
        t.root = <ZNode*>leaf
    return leaf


cdef void zleaf_free(ZTree* t, ZLeaf* leaf) noexcept nogil:
    zleaf_number_free(t, leaf.number)
    ztree_rid(t, leaf, ZLEAF_HEAD + leaf.cap, &leaf.epoch)


cdef ZInner* zinner_new(ZTree* t, uint16_t level) noexcept nogil:
    cdef ZInner* node = <ZInner*>ztree_alloc(t, sizeof(ZInner))
    node.parent = NULL
    node.epoch = 0
    node.level = level
    node.count = 0
    return node


cdef uint64_t znode_members(const ZNode* node) noexcept nogil:
    """Items below a node."""
    cdef const ZInner* inner = <const ZInner*>node
    cdef uint64_t total = 0
    cdef uint32_t i
    if node.level == 0:
        return node.count
    for i in range(inner.count):
        total += inner.members[i]
    return total


cdef bint znode_is_last(const ZNode* node) noexcept nogil:
    """Is nothing to the right of the node?"""
    while node.parent is not NULL:
        if node.parent.child[node.parent.count - 1] != node:
            return False
        node = <const ZNode*>node.parent
    return True


cdef inline ZLeaf* znode_first_leaf(ZNode* node) noexcept nogil:
    while node.level:
        node = (<ZInner*>node).child[0]
    return <ZLeaf*>node


cdef inline ZLeaf* znode_last_leaf(ZNode* node) noexcept nogil:
    while node.level:
        node = (<ZInner*>node).child[node.count - 1]
    return <ZLeaf*>node


cdef ZLeaf* zleaf_after(ZLeaf* leaf) noexcept nogil:
    """The leaf to the right, or NULL."""
    cdef ZNode* node = <ZNode*>leaf
    cdef uint32_t i
    while node.parent is not NULL:
        i = znode_position(node.parent, node) + 1
        if i < node.parent.count:
            return znode_first_leaf(node.parent.child[i])
        node = <ZNode*>node.parent
    return NULL


cdef ZLeaf* zleaf_before(ZLeaf* leaf) noexcept nogil:
    """The leaf to the left, or NULL."""
    cdef ZNode* node = <ZNode*>leaf
    cdef uint32_t i
    while node.parent is not NULL:
        i = znode_position(node.parent, node)
        if i > 0:
            return znode_last_leaf(node.parent.child[i - 1])
        node = <ZNode*>node.parent
    return NULL


# -- the life of a tree --------------------------------------------------------------------------------
cdef ZTree* ztree_new(Store* store, bint big_name) noexcept nogil:
    cdef ZTree* t = <ZTree*>store.api.alloc(sizeof(ZTree))
    memset(t, 0, sizeof(ZTree))
    t.api = store.api
    t.bytes = zmemory_of(sizeof(ZTree))
    t.free_number = ZLEAF_NONE
    t.index_top = 1
    t.big_name = big_name
    zslots_push(t, &t.buckets, NULL)
    t.root = <ZNode*>zleaf_new(t, ZLEAF_MAX)
    return t


cdef void zrun_free_long(ZTree* t, const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Free the long members of a run, in a tree that nobody reads."""
    cdef const uint8_t* member
    while p < end:
        member = zscore_skip(p)
        if member[0] == ZMEMBER_LONG:
            ztree_release(t, zmember_long(member), ZLONG_HEAD + zmember_long(member).len)
        p = zmember_skip(member)


cdef inline void zlong_free(ZTree* t, const uint8_t* member) noexcept nogil:
    cdef ZLong* text = zmember_long(member)
    ztree_rid(t, text, ZLONG_HEAD + text.len, &text.epoch)


cdef void ztree_free(void* tree) noexcept nogil:
    """Free a tree whole, node by node; may run on any thread."""
    cdef ZTree* t = <ZTree*>tree
    znode_free(t, t.root)
    zindex_free(t)
    t.api.free(t)


cdef void znode_free(ZTree* t, ZNode* node) noexcept nogil:
    """Free a node and all below it."""
    cdef ZInner* inner = <ZInner*>node
    cdef uint32_t i
    if node.level == 0:
        zrun_free_long(t, (<ZLeaf*>node).run, (<ZLeaf*>node).run + (<ZLeaf*>node).used)
        ztree_release(t, node, ZLEAF_HEAD + (<ZLeaf*>node).cap)
        return
    for i in range(inner.count):
        znode_free(t, inner.child[i])
    ztree_release(t, inner, sizeof(ZInner))


# -- places --------------------------------------------------------------------------------------------
cdef bint ztree_find(ZTree* t, const ZMember* m, ZSpot* out) noexcept nogil:
    """Find a member, whose hash is set, by the index; the rank is left alone."""
    cdef ZBucket* b = zindex_place(t, <uint32_t>m.hash)[0]
    cdef uint32_t hash = <uint32_t>m.hash
    cdef ZLeaf* leaf
    cdef uint32_t i
    if b is NULL:
        return False
    for i in range(b.count):
        if <uint32_t>(b.entries[i] >> 32) == hash:
            leaf = <ZLeaf*>zslot(&t.leaves, <uint32_t>b.entries[i])[0]
            out.at = zrun_find(leaf.run, leaf.run + leaf.used, m)
            if out.at is not NULL:
                out.leaf = leaf
                return True
    return False


cdef bint zchild_begins_before(const ZInner* node, uint32_t i, double score, const Element* member) noexcept nogil:
    """May this item lie below child i or further right?"""
    if node.score[i] != score:
        return node.score[i] < score
    return zitem_order(znode_first_leaf(node.child[i]).run, score, member) <= 0


cdef ZLeaf* ztree_descend(ZTree* t, double score, const Element* member) noexcept nogil:
    """The leaf where this item is, or is to go."""
    cdef ZNode* node = t.root
    cdef uint32_t low, high, middle
    while node.level:
        low = 0
        high = node.count
        while high - low > 1:
            middle = (low + high) // 2
            if zchild_begins_before(<ZInner*>node, middle, score, member):
                low = middle
            else:
                high = middle
        node = (<ZInner*>node).child[low]
    return <ZLeaf*>node


cdef uint64_t zleaf_rank(const ZLeaf* leaf) noexcept nogil:
    """Items in front of a leaf."""
    cdef const ZNode* node = <const ZNode*>leaf
    cdef uint64_t rank = 0
    cdef uint32_t i
    while node.parent is not NULL:
        for i in range(znode_position(node.parent, node)):
            rank += node.parent.members[i]
        node = <const ZNode*>node.parent
    return rank


cdef inline void zspot_in(ZLeaf* leaf, const uint8_t* at, uint64_t rank, ZSpot* out) noexcept nogil:
    out.leaf = leaf
    out.start = leaf.run
    out.end = leaf.run + leaf.used
    out.at = at
    out.rank = rank


cdef void ztree_at_rank(ZTree* t, uint64_t rank, ZSpot* out) noexcept nogil:
    """The place in front of the item of this rank; the end of the set if there is none."""
    cdef ZNode* node = t.root
    cdef ZInner* inner
    cdef const uint8_t* at
    cdef uint64_t left = min(rank, t.count)
    cdef uint32_t i
    while node.level:
        inner = <ZInner*>node
        i = 0
        while left >= inner.members[i] and i + 1 < inner.count:
            left -= inner.members[i]
            i += 1
        node = inner.child[i]
    at = zrun_at((<ZLeaf*>node).run, left)
    zspot_in(<ZLeaf*>node, at, min(rank, t.count), out)


cdef inline bint zscore_is_before(double score, double bound, bint after) noexcept nogil:
    """Is a score in front of a boundary: below `bound`, or with `after` at or below it?"""
    return score < bound or (after and score == bound)


cdef void ztree_seek_score(ZTree* t, double bound, bint after, ZSpot* out) noexcept nogil:
    """The place in front of the first item with a score of at least `bound`, or with `after` above it."""
    cdef ZNode* node = t.root
    cdef ZInner* inner
    cdef const uint8_t* at
    cdef uint64_t rank = 0
    cdef double score
    cdef uint32_t i
    while node.level:
        inner = <ZInner*>node
        i = 0
        while i + 1 < inner.count and zscore_is_before(inner.score[i + 1], bound, after):
            rank += inner.members[i]
            i += 1
        node = inner.child[i]
    at = (<ZLeaf*>node).run
    while at < (<ZLeaf*>node).run + (<ZLeaf*>node).used:
        zscore_read(at, &score)
        if not zscore_is_before(score, bound, after):
            break
        at = zitem_skip(at)
        rank += 1
    zspot_in(<ZLeaf*>node, at, rank, out)


cdef inline bint zitem_is_before(const uint8_t* p, const Element* bound, bint after) noexcept nogil:
    """Is the member of the item at p in front of a boundary: below `bound`, or with `after` at or below it?"""
    cdef Element member
    cdef int order
    zmember_read(zscore_skip(p), &member)
    order = element_compare(&member, bound)
    return order < 0 or (after and order == 0)


cdef void ztree_seek_member(ZTree* t, const Element* bound, bint after, ZSpot* out) noexcept nogil:
    """As ztree_seek_score by members alone: for sets whose scores are all the same."""
    cdef ZNode* node = t.root
    cdef uint32_t low, high, middle, i
    cdef uint64_t rank = 0
    cdef const uint8_t* at
    while node.level:
        low = 0
        high = node.count
        while high - low > 1:
            middle = (low + high) // 2
            if zitem_is_before(znode_first_leaf((<ZInner*>node).child[middle]).run, bound, after):
                low = middle
            else:
                high = middle
        for i in range(low):
            rank += (<ZInner*>node).members[i]
        node = (<ZInner*>node).child[low]
    at = (<ZLeaf*>node).run
    while at < (<ZLeaf*>node).run + (<ZLeaf*>node).used and zitem_is_before(at, bound, after):
        at = zitem_skip(at)
        rank += 1
    zspot_in(<ZLeaf*>node, at, rank, out)
