"""A table in a snapshot: frozen, encoded as an RDB object on the snapshot's thread, thawed (kept.pyx has the protocol).

Freezing copies the directory, 8 bytes for a node or so, and reads no node.

Invariant: encoding reads the TableFrozen, the captured nodes and texts, and nothing else of the table.
"""
cdef struct TableFrozen:
    EngineApi* api
    Table* table
    TableNode** dir             # as it stood
    uint64_t slots              # places in dir
    uint64_t slot               # the next one to be encoded
    uint64_t count              # entries
    Kept kept
    uint32_t epoch              # of nodes that need not be kept
    uint8_t rdb_type
    bint pairs


cdef void* table_freeze(Store* store, Table* t, int rdb_type) noexcept nogil:
    """`rdb_type` is what the object is to begin with."""
    cdef TableFrozen* f = <TableFrozen*>store.api.alloc(sizeof(TableFrozen))
    memset(f, 0, sizeof(TableFrozen))
    f.api = store.api
    f.table = t
    f.slots = <uint64_t>1 << t.depth
    f.count = t.count
    f.pairs = t.pairs
    f.rdb_type = <uint8_t>rdb_type
    f.dir = <TableNode**>store.api.alloc(f.slots * sizeof(TableNode*))
    memcpy(f.dir, t.dir, f.slots * sizeof(TableNode*))
    t.epoch += 1
    f.epoch = t.epoch
    t.frozen = f
    return f


cdef void encode_captured_node(Store* store, const TableFrozen* f, TableNode* n, Reply* out) noexcept nogil:
    cdef const uint8_t* p
    cdef Element e
    cdef uint32_t i
    for i in range(n.count):
        p = inside_read(entry_at(n, i), &e)
        rdb_put_element(store, out, &e)
        if f.pairs:
            inside_read(p, &e)
            rdb_put_element(store, out, &e)
    WS_EPOCH_SET(&n.epoch, f.epoch)


cdef bint table_encode_frozen(Store* store, void* frozen, Reply* out) noexcept nogil:
    cdef TableFrozen* f = <TableFrozen*>frozen
    cdef size_t start = out.len
    cdef TableNode* n
    if f.slot == 0:
        rdb_put_byte(store, out, f.rdb_type)
        rdb_put_length(store, out, f.count)
    while f.slot < f.slots and out.len - start < FROZEN_STEP_BYTES:
        n = f.dir[f.slot]
        encode_captured_node(store, f, n, out)
        while f.slot < f.slots and f.dir[f.slot] == n:
            f.slot += 1
    return f.slot < f.slots


cdef void table_frozen_free(void* frozen) noexcept nogil:
    """Free what was kept, and the table if that was left to thaw."""
    cdef TableFrozen* f = <TableFrozen*>frozen
    free_kept(f.api, &f.kept)
    if f.table is not NULL:
        table_destroy(f.table)
    f.api.free(f.dir)
    f.api.free(f)


cdef void table_thaw(Store* store, void* frozen) noexcept nogil:
    cdef TableFrozen* f = <TableFrozen*>frozen
    if not was_left(&f.table.frozen):
        f.table = NULL
    if f.kept.count <= KEPT_FREED_AT_ONCE and (f.table is NULL or f.table.bytes <= FREE_NOW_BYTES):
        table_frozen_free(f)
    else:
        store.api.free_later(store, table_frozen_free, f)
