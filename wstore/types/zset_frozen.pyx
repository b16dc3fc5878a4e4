"""A big sorted set in a snapshot: frozen, encoded as an RDB object on the snapshot's thread, thawed (kept.pyx).

Of a tree the snapshot needs the runs of its leaves and the long members they point to; inner nodes and the index go on
changing as ever.  Freezing lists the leaves in order, 8 bytes for a KB or so, and reads none.  Before a leaf that is
still to be encoded changes, a copy takes its place in the tree, under the same number.  A long member that stood then
is kept to the end.

Invariant: encoding reads the ZFrozen, `run` and `used` of captured leaves, and long members; nothing else of the tree.
"""
cdef struct ZFrozen:
    EngineApi* api
    ZTree* tree
    ZLeaf** leaves                  # as they stood
    uint64_t count                  # members there were
    uint32_t left                   # leaves still to be encoded, the last one first
    uint32_t epoch                  # of leaves that need not be kept
    bint begun                      # type and count are written
    Kept kept


# -- changing a tree that is frozen --------------------------------------------------------------------
cdef inline bint ztree_must_keep(const ZTree* t, const uint32_t* epoch) noexcept nogil:
    """Whether a snapshot may still read a leaf or long member with this epoch."""
    return t.frozen is not NULL and WS_EPOCH_GET(epoch) != t.epoch


cdef inline void ztree_rid(ZTree* t, void* p, size_t size, const uint32_t* epoch) noexcept nogil:
    """Free a leaf or a long member with this epoch, or keep it for the snapshot."""
    if ztree_must_keep(t, epoch):
        t.bytes -= zmemory_of(size)
        keep_piece(t.api, &(<ZFrozen*>t.frozen).kept, p)
    else:
        ztree_release(t, p, size)


cdef ZLeaf* zleaf_copy(ZTree* t, ZLeaf* leaf, size_t cap) noexcept nogil:
    """A copy that may be changed, of a leaf that must be kept; its `cap` is left to the caller."""
    cdef ZLeaf* copy = <ZLeaf*>ztree_alloc(t, ZLEAF_HEAD + cap)
    copy.parent = leaf.parent
    copy.epoch = t.epoch
    copy.level = leaf.level
    copy.count = leaf.count
    copy.number = leaf.number
    copy.used = leaf.used
    memcpy(copy.run, leaf.run, leaf.used)
    t.bytes -= zmemory_of(ZLEAF_HEAD + leaf.cap)
    keep_piece(t.api, &(<ZFrozen*>t.frozen).kept, leaf)
    return copy


cdef inline ZLeaf* zleaf_own(ZTree* t, ZLeaf* leaf) noexcept nogil:
    """The leaf, or what took its place: one whose run may be changed."""
    return zleaf_resize(t, leaf, leaf.used) if ztree_must_keep(t, &leaf.epoch) else leaf


# -- freeze, encode, thaw ------------------------------------------------------------------------------
cdef void zfrozen_list(ZFrozen* f, ZNode* node) noexcept nogil:
    """List the leaves below a node."""
    cdef ZInner* inner = <ZInner*>node
    cdef uint32_t i
    if node.level == 0:
        f.leaves[0] = <ZLeaf*>node
        f.left = 1
    elif node.level == 1:
        memcpy(f.leaves + f.left, inner.child, inner.count * sizeof(ZLeaf*))
        f.left += inner.count
    else:
        for i in range(inner.count):
            zfrozen_list(f, inner.child[i])


cdef void* zset_freeze(Store* store, const Entry* e) noexcept nogil:
    cdef ZTree* t
    cdef ZFrozen* f
    if zset_is_packed(e):
        return NULL
    t = zset_tree(e)
    WS_ASSERT(t.frozen is NULL)
    f = <ZFrozen*>store.api.alloc(sizeof(ZFrozen))
    memset(f, 0, sizeof(ZFrozen))
    f.api = store.api
    f.tree = t
    f.count = t.count
    f.leaves = <ZLeaf**>store.api.alloc(t.leaves.count * sizeof(ZLeaf*))
    zfrozen_list(f, t.root)
    t.epoch += 1
    f.epoch = t.epoch
    t.frozen = f
    return f


cdef bint zset_encode_frozen(Store* store, void* frozen, Reply* out) noexcept nogil:
    """As zset_encode, a piece at a time."""
    cdef ZFrozen* f = <ZFrozen*>frozen
    cdef size_t end = out.len + FROZEN_STEP_BYTES
    cdef ZLeaf* leaf
    if not f.begun:
        rdb_put_byte(store, out, RDB_TYPE_ZSET_2)
        rdb_put_length(store, out, f.count)
        f.begun = True
    while f.left > 0 and out.len < end:
        f.left -= 1
        leaf = f.leaves[f.left]
        zrun_encode(store, out, leaf.run, leaf.run + leaf.used)
        WS_EPOCH_SET(&leaf.epoch, f.epoch)
    return f.left > 0


cdef void zfrozen_free(void* frozen) noexcept nogil:
    """Free what was kept, and the tree if that was left to thaw."""
    cdef ZFrozen* f = <ZFrozen*>frozen
    free_kept(f.api, &f.kept)
    if f.tree is not NULL:
        ztree_free(f.tree)
    f.api.free(f.leaves)
    f.api.free(f)


cdef void zset_thaw(Store* store, void* frozen) noexcept nogil:
    cdef ZFrozen* f = <ZFrozen*>frozen
    if not was_left(&f.tree.frozen):
        f.tree = NULL
    if f.kept.count <= KEPT_FREED_AT_ONCE and (f.tree is NULL or f.tree.leaves.count <= ZSET_FREE_NOW_MAX):
        zfrozen_free(f)
    else:
        store.api.free_later(store, zfrozen_free, f)
