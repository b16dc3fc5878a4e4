"""Big sorted sets in a snapshot: a tree as it stood is read by a thread while commands go on changing it.

    ZTree ──frozen──> ZFrozen ──leaves──> | ZLeaf* | ZLeaf* | ...       all there were, in order
          <──tree────         ──kept────> | next | count | 254 x memory | ──> ...

Of a tree the snapshot needs the runs of its leaves and the long members they point to; inner nodes and the index go on
changing as ever.  Freezing lists the leaves and raises the tree's epoch.  From then on a leaf or a long member of an
older epoch is kept: its run is not changed, and instead of being freed it goes to `kept`.  A change makes a copy of the
leaf first, under the same number, which takes its place in the tree and bears the new epoch.

Invariants
* The thread reads `run`, `used` and long members of what `leaves` lists, and nothing else of the tree.
* What is in `kept` is reachable from `leaves` only; it is freed when the snapshot is done with the tree.
* A tree that was freed in between is freed then as well: whoever brings `holders` to 0 frees it.
"""
cdef extern from *:
    """
    #define WS_HOLDERS_ADD(p, n) __atomic_add_fetch(p, n, __ATOMIC_ACQ_REL)
    """
    int64_t WS_HOLDERS_ADD(int64_t* p, int64_t n) nogil

cdef enum:
    ZKEPT_CHUNK = 254               # with the chunk's head and malloc's it is 2 KB
    ZKEPT_FREE_NOW_MAX = 4          # chunks, and leaves in them, that are freed at once
    ZFROZEN_PIECE_BYTES = 64 * 1024     # that are encoded at a time

cdef struct ZKept:                  # memory that is kept for the snapshot alone
    ZKept* next
    size_t count
    void* p[ZKEPT_CHUNK]

cdef struct ZFrozen:
    EngineApi* api
    ZTree* tree
    uint64_t count                  # members there were
    bint begun                      # type and count are written
    uint32_t left                   # leaves still to be written, the last one first
    ZLeaf** leaves
    ZKept* kept
    uint32_t kept_chunks


# -- changing a tree that is frozen --------------------------------------------------------------------
cdef inline bint zleaf_is_kept(const ZTree* t, const ZLeaf* leaf) noexcept nogil:
    """Does a snapshot read the leaf, so that its run must stay?"""
    return t.frozen is not NULL and leaf.epoch != t.epoch


cdef void zfrozen_keep(ZFrozen* f, void* p) noexcept nogil:
    cdef ZKept* chunk = f.kept
    if chunk is NULL or chunk.count == ZKEPT_CHUNK:
        chunk = <ZKept*>f.api.alloc(sizeof(ZKept))
        chunk.next = f.kept
        chunk.count = 0
        f.kept = chunk
        f.kept_chunks += 1
    chunk.p[chunk.count] = p
    chunk.count += 1


cdef inline void zfrozen_release(ZTree* t, void* p, size_t size, uint32_t epoch) noexcept nogil:
    """Free a leaf or a long member of that epoch, or keep it for the snapshot."""
    if t.frozen is NULL or epoch == t.epoch:
        ztree_release(t, p, size)
        return
    t.bytes -= zmemory_of(size)
    zfrozen_keep(t.frozen, p)


cdef ZLeaf* zleaf_copy(ZTree* t, ZLeaf* leaf, size_t cap) noexcept nogil:
    """A copy that may be changed, of a leaf which the snapshot keeps."""
    cdef ZLeaf* copy = <ZLeaf*>ztree_alloc(t, ZLEAF_HEAD + cap)
    memcpy(copy, leaf, ZLEAF_HEAD + leaf.used)
    copy.epoch = t.epoch
    zfrozen_release(t, leaf, ZLEAF_HEAD + leaf.cap, leaf.epoch)
    return copy


cdef inline ZLeaf* zleaf_own(ZTree* t, ZLeaf* leaf) noexcept nogil:
    """The leaf, or what took its place: one whose run may be changed."""
    return zleaf_resize(t, leaf, leaf.used) if zleaf_is_kept(t, leaf) else leaf


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
    t.frozen = f
    WS_HOLDERS_ADD(&t.holders, 1)
    return f


cdef bint zset_encode_frozen(Store* store, void* frozen, Reply* out) noexcept nogil:
    """As zset_encode, a piece at a time."""
    cdef ZFrozen* f = <ZFrozen*>frozen
    cdef size_t end = out.len + ZFROZEN_PIECE_BYTES
    cdef ZLeaf* leaf
    if not f.begun:
        rdb_put_byte(store, out, RDB_TYPE_ZSET_2)
        rdb_put_length(store, out, f.count)
        f.begun = True
    while f.left > 0 and out.len < end:
        f.left -= 1
        leaf = f.leaves[f.left]
        zrun_encode(store, out, leaf.run, leaf.run + leaf.used)
    return f.left > 0


cdef void zfrozen_free(void* frozen) noexcept nogil:
    """Free what was kept for the snapshot alone; may run on any thread."""
    cdef ZFrozen* f = <ZFrozen*>frozen
    cdef ZKept* chunk = f.kept
    cdef ZKept* next_chunk
    cdef size_t i
    while chunk is not NULL:
        next_chunk = chunk.next
        for i in range(chunk.count):
            f.api.free(chunk.p[i])
        f.api.free(chunk)
        chunk = next_chunk
    f.api.free(f.leaves)
    f.api.free(f)


cdef void zset_thaw(Store* store, void* frozen) noexcept nogil:
    cdef ZFrozen* f = <ZFrozen*>frozen
    cdef ZTree* t = f.tree
    t.frozen = NULL
    if f.kept_chunks <= ZKEPT_FREE_NOW_MAX:
        zfrozen_free(f)
    else:
        store.api.free_later(store, zfrozen_free, f)
    ztree_drop(store, t)
