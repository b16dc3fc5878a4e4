"""A big list in a snapshot: frozen, encoded as an RDB object on the snapshot's thread, thawed (see kept.pyx).

Freezing copies the slots, 16 bytes for a node of 8 KB, and reads no node.

Invariant: encoding reads the ListFrozen, the captured nodes, and nothing else of the list.
"""
cdef struct ListFrozen:
    EngineApi* api
    List* list
    ListSlot* slots             # as they stood, the first one first
    size_t nodes
    size_t at                   # the next one to be encoded
    uint64_t count              # elements
    ListScratch scratch
    Kept kept
    uint32_t epoch              # of nodes that need not be kept


cdef void* list_freeze(Store* store, const Entry* e) noexcept nogil:
    cdef List* list
    cdef ListFrozen* f
    cdef size_t i
    if e.enc != ENC_PTR:
        return NULL
    list = list_load(e)
    f = <ListFrozen*>store.api.alloc(sizeof(ListFrozen))
    memset(f, 0, sizeof(ListFrozen))
    f.api = store.api
    f.list = list
    f.nodes = list.nodes
    f.count = list.count
    f.slots = <ListSlot*>store.api.alloc(f.nodes * sizeof(ListSlot))
    for i in range(f.nodes):
        f.slots[i] = list_slot(list, i)[0]
    list.epoch += 1
    f.epoch = list.epoch
    list.frozen = f
    return f


cdef void list_encode_slot(Store* store, ListFrozen* f, const ListSlot* slot, Reply* out) noexcept nogil:
    cdef const uint8_t* p = list_slot_view(store, slot, &f.scratch)
    cdef const uint8_t* end = p + slot.used
    cdef Element e
    while p < end:
        p = list_item_read(p, &e)
        rdb_put_element(store, out, &e)
    WS_EPOCH_SET(&slot.node.epoch, f.epoch)


cdef bint list_encode_frozen(Store* store, void* frozen, Reply* out) noexcept nogil:
    cdef ListFrozen* f = <ListFrozen*>frozen
    cdef size_t start = out.len
    if f.at == 0:
        rdb_put_byte(store, out, RDB_TYPE_LIST)
        rdb_put_length(store, out, f.count)
    while f.at < f.nodes and out.len - start < FROZEN_STEP_BYTES:
        list_encode_slot(store, f, &f.slots[f.at], out)
        f.at += 1
    return f.at < f.nodes


cdef void list_frozen_free(void* frozen) noexcept nogil:
    """Free what was kept, and the list if that was left to thaw."""
    cdef ListFrozen* f = <ListFrozen*>frozen
    free_kept(f.api, &f.kept)
    if f.list is not NULL:
        list_free_nodes(f.api, f.list)
    f.api.free(f.scratch.room)
    f.api.free(f.slots)
    f.api.free(f)


cdef void list_thaw(Store* store, void* frozen) noexcept nogil:
    cdef ListFrozen* f = <ListFrozen*>frozen
    if not was_left(&f.list.frozen):
        f.list = NULL
    if f.kept.count <= KEPT_FREED_AT_ONCE and (f.list is NULL or f.list.nodes <= LIST_FREE_AT_ONCE_MAX):
        list_frozen_free(f)
    else:
        store.api.free_later(store, list_frozen_free, f)
