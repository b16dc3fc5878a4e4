"""The frame of a big list: a ring of slots, each with a node, the number of its items and their bytes.

    List                ring: ring_size slots, a power of two
    | count   | bytes | | | |node, count, used|node, count, used| ... |node, count, used| | |
    | ring ---|-------^     first                                    first + nodes - 1

The ring wraps around: a node is added or taken at either end without moving a slot, anywhere else by moving those on
the shorter side.  16 bytes for each node of 8 KB: walking all slots of a million elements reads 35 KB.

Compression (list-compress-depth, 0: none): nodes at `depth` or more from both ends are compressed when they get
there, and those nearer are not.  Every function takes nodes of either kind wherever they are, so that a change of
the directive needs no walk.
"""
cdef enum:
    LIST_RING_MIN = 4
    LIST_FREE_AT_ONCE_MAX = 64      # more nodes than these are freed in the background

cdef struct ListGarbage:            # a list on its way to the background thread
    EngineApi* api
    List* list


# -- making and freeing --------------------------------------------------------------------------------
cdef List* list_new(Store* store, uint32_t ring_size) noexcept nogil:
    cdef List* list = <List*>store.api.alloc(sizeof(List))
    memset(list, 0, sizeof(List))
    list.ring = <ListSlot*>store.api.alloc(ring_size * sizeof(ListSlot))
    list.ring_size = ring_size
    list.bytes = sizeof(List) + ring_size * sizeof(ListSlot)
    return list


cdef inline ListSlot* list_slot(const List* list, size_t i) noexcept nogil:
    return &list.ring[(list.first + i) & (list.ring_size - 1)]


cdef void list_free_nodes(EngineApi* api, List* list) noexcept nogil:
    cdef size_t i
    for i in range(list.nodes):
        api.free(list_slot(list, i).node)
    api.free(list.ring)
    api.free(list)


cdef void list_free_garbage(void* p) noexcept nogil:
    cdef ListGarbage* garbage = <ListGarbage*>p
    cdef EngineApi* api = garbage.api
    list_free_nodes(api, garbage.list)
    api.free(garbage)


cdef void list_free(Store* store, List* list) noexcept nogil:
    """Free a list, in the background if it is long. A frozen one is left to thaw."""
    cdef ListGarbage* garbage
    if leave_to_thaw(&list.frozen):
        return
    if list.nodes <= LIST_FREE_AT_ONCE_MAX:
        list_free_nodes(store.api, list)
        return
    garbage = <ListGarbage*>store.api.alloc(sizeof(ListGarbage))
    garbage.api = store.api
    garbage.list = list
    store.api.free_later(store, list_free_garbage, garbage)


# -- slots come and go -----------------------------------------------------------------------------------
cdef void list_ring_resize(Store* store, List* list, uint32_t ring_size) noexcept nogil:
    cdef ListSlot* ring = <ListSlot*>store.api.alloc(ring_size * sizeof(ListSlot))
    cdef size_t head = min(list.nodes, list.ring_size - list.first)     # slots in front of the wrap
    memcpy(ring, list.ring + list.first, head * sizeof(ListSlot))
    memcpy(ring + head, list.ring, (list.nodes - head) * sizeof(ListSlot))
    store.api.free(list.ring)
    list.bytes += ring_size * sizeof(ListSlot)
    list.bytes -= list.ring_size * sizeof(ListSlot)
    list.ring = ring
    list.ring_size = ring_size
    list.first = 0


cdef ListSlot* list_slot_open(Store* store, List* list, size_t at, size_t bytes) noexcept nogil:
    """A new slot in front of slot `at`, with an empty node that has room for `bytes`."""
    cdef ListSlot* slot
    cdef size_t i
    if list.nodes == list.ring_size:
        list_ring_resize(store, list, 2 * list.ring_size)
    list.nodes += 1
    list.reshaped = True
    if at < list.nodes // 2:
        list.first = (list.first - 1) & (list.ring_size - 1)
        for i in range(at):
            list_slot(list, i)[0] = list_slot(list, i + 1)[0]
    else:
        for i in range(list.nodes - 1, at, -1):
            list_slot(list, i)[0] = list_slot(list, i - 1)[0]
    slot = list_slot(list, at)
    slot.node = list_node_new(store, list, bytes)
    slot.count = 0
    slot.used = 0
    return slot


cdef void list_slots_close(Store* store, List* list, size_t at, size_t n) noexcept nogil:
    """Take slots at .. at + n - 1 out, whose nodes are freed or belong to somebody else."""
    cdef size_t behind = list.nodes - at - n
    cdef size_t i
    if n == 0:
        return
    if at < behind:
        for i in range(at):
            list_slot(list, at + n - 1 - i)[0] = list_slot(list, at - 1 - i)[0]
        list.first = <uint32_t>((list.first + n) & (list.ring_size - 1))
    else:
        for i in range(behind):
            list_slot(list, at + i)[0] = list_slot(list, at + n + i)[0]
    list.nodes -= <uint32_t>n
    list.reshaped = True
    if list.ring_size > LIST_RING_MIN and list.nodes <= list.ring_size // 4:
        list_ring_resize(store, list, list_ring_size_for(list.nodes))


cdef inline uint32_t list_ring_size_for(size_t nodes) noexcept nogil:
    """A ring that is at most half full of so many."""
    cdef uint32_t size = LIST_RING_MIN
    while size < 2 * nodes:
        size *= 2
    return size


cdef void list_slots_discard(Store* store, List* list, size_t at, size_t n) noexcept nogil:
    """Free the nodes of slots at .. at + n - 1 and take the slots out; many are freed in the background."""
    cdef List* gone
    cdef ListSlot* slot
    cdef size_t i
    if n <= LIST_FREE_AT_ONCE_MAX:
        for i in range(n):
            list_node_free(store, list, list_slot(list, at + i).node)
    else:
        gone = list_new(store, list_ring_size_for(n))
        for i in range(n):
            slot = list_slot(list, at + i)
            if list_is_captured(list, slot.node):
                list_node_free(store, list, slot.node)
            else:
                list.bytes -= sizeof(ListNode) + slot.node.capacity
                gone.ring[gone.nodes] = slot[0]
                gone.nodes += 1
        list_free(store, gone)
    list_slots_close(store, list, at, n)


cdef List* list_copy(Store* store, const List* source) noexcept nogil:
    """A list of its own with the same elements, in nodes of the same form."""
    cdef List* list = list_new(store, list_ring_size_for(source.nodes))
    cdef size_t i
    for i in range(source.nodes):
        list.ring[i] = list_slot(source, i)[0]
        list.ring[i].node = list_node_twin(store, list, &list.ring[i])
    list.count = source.count
    list.nodes = source.nodes
    return list


cdef size_t list_locate(const List* list, uint64_t index, uint32_t* within) noexcept nogil:
    """The slot that holds element `index` < count, and which of its items that is; from the nearer end."""
    cdef size_t i = 0
    cdef uint64_t before = 0
    if index < list.count // 2:
        while before + list_slot(list, i).count <= index:
            before += list_slot(list, i).count
            i += 1
    else:
        i = list.nodes - 1
        before = list.count - list_slot(list, i).count
        while before > index:
            i -= 1
            before -= list_slot(list, i).count
    within[0] = <uint32_t>(index - before)
    return i


# -- compression by place ------------------------------------------------------------------------------
cdef inline bint list_is_inner(const List* list, size_t i, size_t depth) noexcept nogil:
    """Whether slot i is to be compressed."""
    return depth > 0 and i >= depth and i + depth < list.nodes


cdef void list_settle(Store* store, List* list) noexcept nogil:
    """After a change: have the nodes that came near to an end plain, and those that left it compressed."""
    cdef size_t depth = <size_t>store.config.list_compress_depth
    cdef size_t i = min(depth, <size_t>list.nodes)
    if not list.reshaped:
        return
    list.reshaped = False
    while i > 0 and (list_slot(list, i - 1).node.packed or list_slot(list, list.nodes - i).node.packed):
        list_slot_unpack(store, list, list_slot(list, i - 1))
        list_slot_unpack(store, list, list_slot(list, list.nodes - i))
        i -= 1
    if list_is_inner(list, depth, depth):
        list_slot_pack(store, list, list_slot(list, depth))
        list_slot_pack(store, list, list_slot(list, list.nodes - 1 - depth))


cdef inline void list_settle_slot(Store* store, List* list, size_t i) noexcept nogil:
    """After an edit of slot i, which may have been unpacked for it."""
    if i < list.nodes and list_is_inner(list, i, <size_t>store.config.list_compress_depth):
        list_slot_pack(store, list, list_slot(list, i))


# -- sparse nodes --------------------------------------------------------------------------------------
cdef inline bint list_may_join(const ListSlot* a, const ListSlot* b, const ListLimit* limit) noexcept nogil:
    """Whether two neighbours make one node that is not about to be split again."""
    return (<size_t>a.used + b.used <= limit.bytes - limit.bytes // 4
            and <size_t>a.count + b.count <= limit.count)


cdef void list_sweep(Store* store, List* list, size_t low, size_t high, const ListLimit* limit) noexcept nogil:
    """Drop the empty ones of the slots low .. high, shrink or join the sparse ones, also with their neighbours."""
    cdef size_t end = min(high + 2, <size_t>list.nodes)
    cdef size_t out = low
    cdef size_t i
    cdef ListSlot* slot
    cdef ListSlot* before
    for i in range(low, end):
        slot = list_slot(list, i)
        before = list_slot(list, out - 1) if out > 0 else NULL
        if slot.count > 0 and before is not NULL and list_may_join(before, slot, limit):
            list_slot_edit(store, list, before)
            list_slot_unpack(store, list, slot)
            list_slot_join(store, list, before, slot)
            slot.count = 0
        if slot.count == 0:
            list_node_free(store, list, slot.node)
        else:
            if not slot.node.packed:
                list_slot_shrink(store, list, slot)
            list_slot(list, out)[0] = slot[0]
            out += 1
    list_slots_close(store, list, out, end - out)
    for i in range(low - 1 if low > 0 else 0, out):
        list_settle_slot(store, list, i)
