"""Changes of big sorted sets: items in and out of a tree, and the splits and merges that follow.

Invariants
* Between two functions without "index" in what they say, tree and index agree.
* A run is changed only in a leaf that zleaf_own or zleaf_resize gave: it may be a copy (zset_frozen.pyx).
"""

# -- in ------------------------------------------------------------------------------------------------
cdef void zleaf_count(ZTree* t, ZLeaf* leaf, int64_t more) noexcept nogil:
    """Note that a leaf has `more` items than before, here and above."""
    cdef ZNode* node = <ZNode*>leaf
    leaf.count = <uint16_t>(leaf.count + more)
    t.count += more
    while node.parent is not NULL:
        node.parent.members[znode_position(node.parent, node)] += more
        node = <ZNode*>node.parent


cdef void znode_add_right(ZTree* t, ZNode* left, ZNode* right, double score) noexcept nogil:
    """Hang in a new node to the right of `left`, which has handed its last items or children over to it."""
    cdef ZInner* parent = left.parent
    cdef uint32_t i, after
    if parent is NULL:
        parent = zinner_new(t, left.level + 1)
        parent.child[0] = left
        parent.members[0] = znode_members(left) + znode_members(right)
        parent.score[0] = 0
        parent.count = 1
        left.parent = parent
        t.root = <ZNode*>parent
    elif parent.count == ZINNER_MAX:
        zinner_split(t, parent, parent.child[ZINNER_MAX - 1] == left and znode_is_last(left))
        parent = left.parent
    i = znode_position(parent, left) + 1
    after = parent.count - i
    memmove(&parent.child[i + 1], &parent.child[i], after * sizeof(ZNode*))
    memmove(&parent.score[i + 1], &parent.score[i], after * sizeof(double))
    memmove(&parent.members[i + 1], &parent.members[i], after * sizeof(uint64_t))
    parent.child[i] = right
    parent.score[i] = score
    parent.members[i] = znode_members(right)
    parent.members[i - 1] -= parent.members[i]
    parent.count += 1
    right.parent = parent


cdef void zinner_append(ZInner* left, ZInner* right, uint32_t start) noexcept nogil:
    """Copy the children of `right` from `start` on to the end of `left`; right's count is left alone."""
    cdef uint32_t n = right.count - start
    cdef uint32_t i
    memcpy(&left.child[left.count], &right.child[start], n * sizeof(ZNode*))
    memcpy(&left.score[left.count], &right.score[start], n * sizeof(double))
    memcpy(&left.members[left.count], &right.members[start], n * sizeof(uint64_t))
    for i in range(n):
        left.child[left.count + i].parent = left
    left.count += n


cdef void zinner_split(ZTree* t, ZInner* node, bint at_end) noexcept nogil:
    """Split a full inner node: in the middle, or at the end of the set in front of its last child."""
    cdef ZInner* right = zinner_new(t, node.level)
    cdef uint32_t kept = ZINNER_MAX - 1 if at_end else ZINNER_MAX // 2
    zinner_append(right, node, kept)
    node.count = <uint16_t>kept
    znode_add_right(t, <ZNode*>node, <ZNode*>right, right.score[0])


cdef ZLeaf* zleaf_begin_right(ZTree* t, ZLeaf* leaf, double score) noexcept nogil:
    """A fresh leaf at the end of the set, for an item of this score."""
    cdef ZLeaf* right = zleaf_new(t, ZLEAF_MAX)
    znode_add_right(t, <ZNode*>leaf, <ZNode*>right, score)
    return right


cdef ZLeaf* zleaf_split(Store* store, ZTree* t, ZLeaf* leaf, size_t* offset) noexcept nogil:
    """Split a leaf in the middle; returns the half where `offset` lies, which becomes one in it."""
    cdef const uint8_t* cut = leaf.run
    cdef uint32_t kept = 0
    cdef size_t kept_bytes
    cdef ZLeaf* right
    cdef double score
    WS_ASSERT(not ztree_must_keep(t, &leaf.epoch))
    while cut < leaf.run + leaf.used // 2:
        cut = zitem_skip(cut)
        kept += 1
    kept_bytes = cut - leaf.run
    right = zleaf_new(t, ZLEAF_MAX)
    right.used = <uint16_t>(leaf.used - kept_bytes)
    right.count = <uint16_t>(leaf.count - kept)
    memcpy(right.run, cut, right.used)
    leaf.used = <uint16_t>kept_bytes
    leaf.count = <uint16_t>kept
    zscore_read(right.run, &score)
    znode_add_right(t, <ZNode*>leaf, <ZNode*>right, score)
    zindex_move_run(store, t, right.run, right.run + right.used, leaf.number, right.number)
    leaf = zleaf_resize(t, leaf, leaf.used)
    right = zleaf_resize(t, right, right.used)
    if offset[0] <= kept_bytes:
        return leaf
    offset[0] -= kept_bytes
    return right


cdef uint32_t ztree_place(Store* store, ZTree* t, const ZMember* m, const uint8_t* member, size_t size,
                          double score) noexcept nogil:
    """Put an item in, its member the `size` bytes at `member`; returns the number of its leaf, for the index."""
    cdef uint8_t head[ZSCORE_MAX]
    cdef size_t head_size = zscore_write(head, score) - head
    cdef size_t more = head_size + size
    cdef ZLeaf* leaf = ztree_descend(t, score, m.element)
    cdef size_t offset = zrun_seek(leaf.run, leaf.run + leaf.used, score, m.element) - leaf.run
    if leaf.used + more > ZLEAF_MAX:
        if offset == leaf.used and znode_is_last(<ZNode*>leaf):
            leaf = zleaf_begin_right(t, leaf, score)
            offset = 0
        else:
            leaf = zleaf_split(store, t, zleaf_own(t, leaf), &offset)
    if leaf.used + more > leaf.cap or ztree_must_keep(t, &leaf.epoch):
        leaf = zleaf_resize(t, leaf, leaf.used + more)
    memmove(leaf.run + offset + more, leaf.run + offset, leaf.used - offset)
    memcpy(leaf.run + offset, head, head_size)
    memcpy(leaf.run + offset + head_size, member, size)
    leaf.used += more
    zleaf_count(t, leaf, 1)
    return leaf.number


cdef void ztree_add(Store* store, ZTree* t, ZMember* m, double score) noexcept nogil:
    """Add a member, whose hash is set, that is not there."""
    cdef ZLong* text
    cdef uint32_t number
    if m.len == 0:
        text = <ZLong*>ztree_alloc(t, ZLONG_HEAD + m.element.text.len)
        text.len = m.element.text.len
        text.epoch = t.epoch
        memcpy(text.data, m.element.text.ptr, text.len)
        m.bytes[0] = ZMEMBER_LONG
        memcpy(m.bytes + 1, &text, sizeof(text))
        number = ztree_place(store, t, m, m.bytes, 1 + sizeof(text), score)
    else:
        number = ztree_place(store, t, m, m.bytes, m.len, score)
    zindex_add(t, <uint32_t>m.hash, number)


# -- out -----------------------------------------------------------------------------------------------
cdef void znode_drop(ZTree* t, ZNode* node) noexcept nogil:
    """Free a node that has nothing left in it, with its place in the parent."""
    cdef ZInner* parent = node.parent
    cdef uint32_t i = znode_position(parent, node)
    cdef uint32_t after = parent.count - i - 1
    memmove(&parent.child[i], &parent.child[i + 1], after * sizeof(ZNode*))
    memmove(&parent.score[i], &parent.score[i + 1], after * sizeof(double))
    memmove(&parent.members[i], &parent.members[i + 1], after * sizeof(uint64_t))
    parent.count -= 1
    if node.level:
        ztree_release(t, node, sizeof(ZInner))
    else:
        zleaf_free(t, <ZLeaf*>node)
    zinner_mend(t, parent)


cdef void zinner_mend(ZTree* t, ZInner* node) noexcept nogil:
    """Give an inner node that has lost a child its shape again."""
    if node.parent is NULL:
        if node.count == 1:
            t.root = node.child[0]
            t.root.parent = NULL
            ztree_release(t, node, sizeof(ZInner))
    elif node.count == 0:
        znode_drop(t, <ZNode*>node)
    elif node.count < ZINNER_SPARSE:
        zinner_merge(t, node)


cdef void zinner_merge(ZTree* t, ZInner* node) noexcept nogil:
    """Merge a node with a neighbour, if one is there and both have few children."""
    cdef ZInner* parent = node.parent
    cdef uint32_t i = znode_position(parent, node)
    cdef ZInner* left
    cdef ZInner* right
    cdef uint32_t right_position
    for right_position in range(max(<uint32_t>1, i), min(<uint32_t>parent.count, i + 2)):
        left = <ZInner*>parent.child[right_position - 1]
        right = <ZInner*>parent.child[right_position]
        if left.count + right.count <= ZINNER_MERGED_MAX:
            right.score[0] = parent.score[right_position]
            zinner_append(left, right, 0)
            parent.members[right_position - 1] += parent.members[right_position]
            znode_drop(t, <ZNode*>right)
            return


cdef void zleaf_merge(Store* store, ZTree* t, ZLeaf* leaf) noexcept nogil:
    """As zinner_merge for leaves."""
    cdef ZInner* parent = leaf.parent
    cdef uint32_t i = znode_position(parent, leaf)
    cdef ZLeaf* left
    cdef ZLeaf* right
    cdef uint32_t right_position
    for right_position in range(max(<uint32_t>1, i), min(<uint32_t>parent.count, i + 2)):
        left = <ZLeaf*>parent.child[right_position - 1]
        right = <ZLeaf*>parent.child[right_position]
        if left.used + right.used <= ZLEAF_MERGED_MAX:
            if left.used + right.used > left.cap or ztree_must_keep(t, &left.epoch):
                left = zleaf_resize(t, left, left.used + right.used)
            memcpy(left.run + left.used, right.run, right.used)
            left.used += right.used
            left.count += right.count
            parent.members[right_position - 1] += right.count
            zindex_move_run(store, t, right.run, right.run + right.used, right.number, left.number)
            znode_drop(t, <ZNode*>right)
            return


cdef void ztree_cut(Store* store, ZTree* t, ZLeaf* leaf, const uint8_t* at) noexcept nogil:
    """Take the item at `at` out of its leaf; the index and a long member are left alone."""
    cdef size_t offset = at - leaf.run
    cdef const uint8_t* after
    leaf = zleaf_own(t, leaf)
    at = leaf.run + offset
    after = zitem_skip(at)
    memmove(<uint8_t*>at, after, leaf.run + leaf.used - after)
    leaf.used -= after - at
    zleaf_count(t, leaf, -1)
    if leaf.parent is not NULL and leaf.count == 0:
        znode_drop(t, <ZNode*>leaf)
    elif leaf.parent is not NULL and leaf.used < ZLEAF_SPARSE:
        zleaf_merge(store, t, leaf)
    elif leaf.cap - leaf.used > leaf.used // 2 + ZLEAF_SPARSE // 2:
        zleaf_resize(t, leaf, leaf.used)


cdef void ztree_remove_at(Store* store, ZTree* t, const ZSpot* spot, uint32_t hash) noexcept nogil:
    """Remove the item at a spot, whose member has this hash."""
    cdef uint32_t number = spot.leaf.number
    cdef const uint8_t* member = zscore_skip(spot.at)
    if member[0] == ZMEMBER_LONG:
        zlong_free(t, member)
    ztree_cut(store, t, spot.leaf, spot.at)
    zindex_remove(t, hash, number)


cdef void ztree_move(Store* store, ZTree* t, const ZMember* m, const ZSpot* spot, double score) noexcept nogil:
    """Give the member at a spot another score."""
    cdef uint8_t bytes[ZMEMBER_INLINE_MAX]
    cdef uint32_t number = spot.leaf.number
    cdef const uint8_t* member = zscore_skip(spot.at)
    cdef size_t size = zmember_skip(member) - member
    memcpy(bytes, member, size)
    ztree_cut(store, t, spot.leaf, spot.at)
    zindex_replace(t, <uint32_t>m.hash, number, ztree_place(store, t, m, bytes, size, score))


# -- checking ------------------------------------------------------------------------------------------
cdef struct ZWalk:
    Store* store
    ZTree* t
    uint64_t items
    uint32_t leaves
    const char* wrong
    const uint8_t* last         # the item before, or NULL


cdef void zwalk_item(ZWalk* w, ZLeaf* leaf, const uint8_t* p) noexcept nogil:
    cdef Element member, last
    cdef ZMember m
    cdef ZSpot spot
    cdef double score, last_score
    zitem_read(p, &member, &score)
    if w.last is not NULL:
        zitem_read(w.last, &last, &last_score)
        if zitem_order(p, last_score, &last) <= 0:
            w.wrong = b"items of a sorted set are out of order"
    zmember_of(&member, ZMEMBER_INLINE_MAX, &m)
    m.hash = zmember_hash(w.store, &member)
    if (m.len == 0) != (zscore_skip(p)[0] == ZMEMBER_LONG):
        w.wrong = b"a long member of a sorted set lies in its leaf"
    elif not ztree_find(w.t, &m, &spot) or spot.leaf != leaf or spot.at != p:
        w.wrong = b"a member of a sorted set is not in the index"
    w.items += 1
    w.last = p


cdef void zwalk_leaf(ZWalk* w, ZLeaf* leaf) noexcept nogil:
    cdef const uint8_t* p = leaf.run
    cdef uint64_t before = w.items
    if leaf.used > leaf.cap or leaf.cap > ZLEAF_MAX or zslot(&w.t.leaves, leaf.number)[0] != <void*>leaf:
        w.wrong = b"a leaf's header is wrong"
        return
    while p < leaf.run + leaf.used and w.wrong is NULL:
        zwalk_item(w, leaf, p)
        p = zitem_skip(p)
    if w.wrong is NULL and (p != leaf.run + leaf.used or w.items - before != leaf.count or leaf.count == 0):
        w.wrong = b"a leaf's count is wrong"
    w.leaves += 1


cdef void zwalk_node(ZWalk* w, ZNode* node) noexcept nogil:
    """Walk all below a node, in order; w.wrong tells what is wrong."""
    cdef ZInner* inner = <ZInner*>node
    cdef double first, last
    cdef uint64_t before
    cdef uint32_t i
    if node.level == 0:
        zwalk_leaf(w, <ZLeaf*>node)
        return
    if not 0 < node.count <= ZINNER_MAX or (node.parent is NULL and node.count < 2):
        w.wrong = b"an inner node's count is wrong"
    for i in range(inner.count):
        if w.wrong is not NULL:
            return
        if inner.child[i].parent != inner or inner.child[i].level != inner.level - 1:
            w.wrong = b"an inner node's child is wrong"
            return
        if i:
            zscore_read(w.last, &last)
            zscore_read(znode_first_leaf(inner.child[i]).run, &first)
            if not last <= inner.score[i] <= first:
                w.wrong = b"an inner node's score is wrong"
        before = w.items
        zwalk_node(w, inner.child[i])
        if w.wrong is NULL and w.items - before != inner.members[i]:
            w.wrong = b"an inner node's member count is wrong"


cdef const char* zindex_validate(const ZTree* t, uint32_t leaves) noexcept nogil:
    """Together with a walk that found each member: there is nothing else in the index."""
    cdef uint64_t entries = 0
    cdef uint32_t number = t.free_number
    cdef ZBucket* b
    cdef uint32_t i
    if t.index_top != zindex_top(t.buckets.count):
        return b"a member index's level is wrong"
    for i in range(t.buckets.count):
        b = <ZBucket*>zslot(&t.buckets, i)[0]
        if b is not NULL:
            entries += b.count
            if b.count == 0 or b.count > b.cap:
                return b"a bucket's count is wrong"
    while number != ZLEAF_NONE:
        number = <uint32_t>(<uint64_t>zslot(&t.leaves, number)[0] >> 1)
        leaves += 1
    if leaves != t.leaves.count:
        return b"the numbers of leaves are wrong"
    if entries != t.count:
        return b"a member index has too many entries"
    return NULL


cdef const char* ztree_validate(Store* store, ZTree* t) noexcept nogil:
    """Walk the tree and its index whole: NULL, or what is wrong."""
    cdef ZWalk w
    memset(&w, 0, sizeof(w))
    w.store = store
    w.t = t
    if t.root.parent is not NULL or t.count == 0:
        return b"the root of a sorted set is wrong"
    zwalk_node(&w, t.root)
    if w.wrong is NULL and w.items != t.count:
        w.wrong = b"the count of a sorted set is wrong"
    return w.wrong if w.wrong is not NULL else zindex_validate(t, w.leaves)
