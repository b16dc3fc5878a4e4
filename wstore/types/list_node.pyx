"""Nodes of a big list: pieces of memory full of packed elements, and what is done to one of them.

A node is one piece of memory:

    | epoch | capacity | begin | packed | data: capacity bytes                            |
    | u32   | u32      | u32   | u32    | free room | items | free room                   |
                                        0           begin   begin + used         capacity

An item is an element (packed.pyx) with its size behind it, so that a node can be walked from either end:

    size < 80      | element | size |
    size < 4000    | element | low byte | 80 + high bits |
    else           | element | u32 | C0 |

How many items there are and how many bytes they take stands in the list's slot for the node (list_ring.pyx): to find
an index costs a walk over slots only.

Invariants
* A compressed node has `packed` bytes of LZF at data[0], begin 0, and capacity >= packed; else packed is 0.
* Whoever is about to change what is in a node calls list_slot_edit first: a compressed node is made a plain one, and
  of one that a snapshot still reads (list_frozen.pyx) a copy is taken. What is captured is kept instead of freed.
* A slot's node is never empty, but inside of list_remove.
"""
cdef enum:
    LIST_CHUNK_HEAD = 8             # what malloc keeps in front of a piece, and the grain of its sizes
    LIST_CHUNK_GRAIN = 16
    LIST_TRIM_MIN = 64              # less free room than that is not worth a trim
    LIST_PACK_MIN = 48              # smaller nodes are not compressed
    LIST_PACK_GAIN_MIN = 16         # nor those that would not be smaller by that much
    LIST_BACK_MAX = 5               # bytes of the longest size behind an element
    LIST_BACK_U14 = 0x80
    LIST_BACK_U32 = 0xC0

cdef struct ListNode:               # the data lies behind it
    uint32_t epoch                  # the list's when the node was made, or when a snapshot was done with it
    uint32_t capacity
    uint32_t begin
    uint32_t packed

cdef struct ListSlot:
    ListNode* node
    uint32_t count                  # items
    uint32_t used                   # their bytes, not compressed

cdef struct List:                   # what a record points to: see list_ring.pyx
    uint64_t count                  # elements
    uint64_t bytes                  # memory of this struct, the ring and the nodes
    ListSlot* ring
    uint32_t ring_size              # slots there are: a power of two
    uint32_t first                  # place of slot 0
    uint32_t nodes                  # slots in use
    bint reshaped                   # nodes came or went: which ones are to be compressed has changed
    uint32_t epoch                  # raised by each freeze
    void* frozen                    # ListFrozen* while a snapshot reads it, or FROZEN_LEFT: see kept.pyx

cdef struct ListLimit:              # of a node
    size_t bytes
    uint32_t count


# -- items ---------------------------------------------------------------------------------------------
cdef inline size_t list_back_size(size_t n) noexcept nogil:
    """Bytes that the size of an n-byte element takes."""
    if n < 0x80:
        return 1
    return 2 if n < 0x4000 else LIST_BACK_MAX


cdef inline uint8_t* list_back_write(uint8_t* p, size_t n) noexcept nogil:
    """Write size n to p; returns what follows it."""
    cdef uint32_t n32 = <uint32_t>n
    if n < 0x80:
        p[0] = <uint8_t>n
        return p + 1
    if n < 0x4000:
        p[0] = <uint8_t>n
        p[1] = <uint8_t>(LIST_BACK_U14 | n >> 8)
        return p + 2
    memcpy(p, &n32, 4)
    p[4] = LIST_BACK_U32
    return p + LIST_BACK_MAX


cdef inline size_t list_item_size(const Element* e) noexcept nogil:
    cdef size_t n = element_size(e)
    return n + list_back_size(n)


cdef inline uint8_t* list_item_write(uint8_t* p, const Element* e) noexcept nogil:
    cdef uint8_t* end = element_write(p, e)
    return list_back_write(end, end - p)


cdef inline const uint8_t* list_item_read(const uint8_t* p, Element* out) noexcept nogil:
    """Read the item at p; returns the next one."""
    cdef const uint8_t* end = element_read(p, out)
    return end + list_back_size(end - p)


cdef inline const uint8_t* list_item_after(const uint8_t* p) noexcept nogil:
    cdef const uint8_t* end = element_skip(p)
    return end + list_back_size(end - p)


cdef inline const uint8_t* list_item_before(const uint8_t* end) noexcept nogil:
    """The item that ends at `end`."""
    cdef uint8_t last = (end - 1)[0]
    cdef uint32_t n
    if last < LIST_BACK_U14:
        return end - 1 - last
    if last < LIST_BACK_U32:
        return end - 2 - (<size_t>(last & 0x3F) << 8 | (end - 2)[0])
    memcpy(&n, end - LIST_BACK_MAX, 4)
    return end - LIST_BACK_MAX - n


cdef inline const uint8_t* list_item_at(const uint8_t* begin, const ListSlot* slot, uint32_t index) noexcept nogil:
    """Item `index` of a slot's items, which lie at `begin`; index == count: their end."""
    cdef const uint8_t* p = begin
    cdef uint32_t _i
    if index <= slot.count // 2:
        for _i in range(index):
            p = list_item_after(p)
    else:
        p = begin + slot.used
        for _i in range(slot.count - index):
            p = list_item_before(p)
    return p


# -- memory of nodes -----------------------------------------------------------------------------------
cdef inline size_t list_capacity(size_t bytes) noexcept nogil:
    """The capacity of the node for `bytes` of items that fills malloc's piece."""
    cdef size_t head = sizeof(ListNode) + LIST_CHUNK_HEAD
    return (bytes + head + LIST_CHUNK_GRAIN - 1) // LIST_CHUNK_GRAIN * LIST_CHUNK_GRAIN - head


cdef inline uint8_t* list_node_data(ListNode* node) noexcept nogil:
    return <uint8_t*>(node + 1)


cdef inline uint8_t* list_slot_items(const ListSlot* slot) noexcept nogil:
    """The items of a node that is not compressed."""
    return list_node_data(slot.node) + slot.node.begin


cdef ListNode* list_node_new(Store* store, List* list, size_t bytes) noexcept nogil:
    """A node with room for `bytes`, and what else its piece of memory holds."""
    cdef size_t capacity = list_capacity(bytes)
    cdef ListNode* node = <ListNode*>store.api.alloc(sizeof(ListNode) + capacity)
    node.epoch = list.epoch
    node.capacity = <uint32_t>capacity
    node.begin = 0
    node.packed = 0
    list.bytes += sizeof(ListNode) + capacity
    return node


cdef inline bint list_is_captured(const List* list, const ListNode* node) noexcept nogil:
    return list.frozen is not NULL and WS_EPOCH_GET(&node.epoch) != list.epoch


cdef inline void list_node_free(Store* store, List* list, ListNode* node) noexcept nogil:
    list.bytes -= sizeof(ListNode) + node.capacity
    if list_is_captured(list, node):
        keep_piece(store.api, &(<ListFrozen*>list.frozen).kept, node)
    else:
        store.api.free(node)


cdef inline void list_slot_replace(Store* store, List* list, ListSlot* slot, ListNode* node) noexcept nogil:
    list_node_free(store, list, slot.node)
    slot.node = node


cdef void list_slot_resize(Store* store, List* list, ListSlot* slot, size_t bytes, bint at_end) noexcept nogil:
    """Give the node room for `bytes`, not fewer than it uses; its items go to the front of it, or to the end."""
    cdef ListNode* node = list_node_new(store, list, bytes)
    node.begin = node.capacity - slot.used if at_end else 0
    memcpy(list_node_data(node) + node.begin, list_slot_items(slot), slot.used)
    list_slot_replace(store, list, slot, node)


cdef inline void list_slot_trim(Store* store, List* list, ListSlot* slot) noexcept nogil:
    """Give free room back: nothing is to be added for now."""
    if slot.node.packed == 0 and slot.node.capacity >= slot.used + LIST_TRIM_MIN:
        list_slot_resize(store, list, slot, slot.used, 0)


cdef inline void list_slot_shrink(Store* store, List* list, ListSlot* slot) noexcept nogil:
    """Give back what is free if that is three quarters of the node, or nearly."""
    if slot.node.capacity >= 4 * <size_t>slot.used + 4 * LIST_TRIM_MIN:
        list_slot_resize(store, list, slot, slot.used + slot.used // 8, 0)


# -- compression ---------------------------------------------------------------------------------------
cdef void list_slot_pack(Store* store, List* list, ListSlot* slot) noexcept nogil:
    """Compress a node if that makes it smaller."""
    cdef ListNode* node
    cdef size_t n
    if slot.node.packed or slot.used < LIST_PACK_MIN:
        return
    node = list_node_new(store, list, slot.used)
    n = ws_lzf_compress(list_slot_items(slot), slot.used, list_node_data(node), slot.used - LIST_PACK_GAIN_MIN)
    if n == 0:
        list_node_free(store, list, node)
        return
    list_slot_replace(store, list, slot, list_node_new(store, list, n))
    memcpy(list_node_data(slot.node), list_node_data(node), n)
    slot.node.packed = <uint32_t>n
    list_node_free(store, list, node)


cdef void list_slot_unpack(Store* store, List* list, ListSlot* slot) noexcept nogil:
    """Make a compressed node a plain one."""
    cdef ListNode* node
    if slot.node.packed == 0:
        return
    node = list_node_new(store, list, slot.used)
    ws_lzf_decompress(list_node_data(slot.node), slot.node.packed, list_node_data(node), slot.used)
    list_slot_replace(store, list, slot, node)


cdef ListNode* list_node_twin(Store* store, List* list, const ListSlot* slot) noexcept nogil:
    """A new node with the same bytes, apart from its epoch."""
    cdef ListNode* node = list_node_new(store, list, slot.node.capacity)
    node.begin = slot.node.begin
    node.packed = slot.node.packed
    memcpy(list_node_data(node) + node.begin, list_slot_items(slot), node.packed if node.packed else slot.used)
    return node


cdef inline void list_slot_edit(Store* store, List* list, ListSlot* slot) noexcept nogil:
    """Have a plain node that may be changed."""
    if slot.node.packed:
        list_slot_unpack(store, list, slot)
    elif list_is_captured(list, slot.node):
        list_slot_replace(store, list, slot, list_node_twin(store, list, slot))


cdef struct ListScratch:            # room for the items of a compressed node that is only read
    uint8_t* room
    size_t size


cdef const uint8_t* list_slot_view(Store* store, const ListSlot* slot, ListScratch* scratch) noexcept nogil:
    """The slot's items, to be read; those of a compressed node in `scratch`, until that is used again."""
    if slot.node.packed == 0:
        return list_slot_items(slot)
    if scratch.size < slot.used:
        store.api.free(scratch.room)
        scratch.room = <uint8_t*>store.api.alloc(slot.used)
        scratch.size = slot.used
    ws_lzf_decompress(list_node_data(slot.node), slot.node.packed, scratch.room, scratch.size)
    return scratch.room


# -- editing a node that is not compressed ---------------------------------------------------------------
cdef inline bint list_slot_takes(const ListSlot* slot, size_t n, const ListLimit* limit) noexcept nogil:
    """Whether an item of n bytes may go into this node."""
    return slot.used + n <= limit.bytes and slot.count < limit.count


cdef inline void list_slot_slide(ListSlot* slot, uint32_t begin) noexcept nogil:
    memmove(list_node_data(slot.node) + begin, list_slot_items(slot), slot.used)
    slot.node.begin = begin


cdef bint list_slot_make_room(Store* store, List* list, ListSlot* slot, bint head, size_t n,
                              const ListLimit* limit) noexcept nogil:
    """Have n bytes free before the items or behind them; 0: a new node does better.

    Every path moves items at most as often as an eighth of the node is filled, or leaves the node as it is.
    """
    cdef size_t free_bytes = slot.node.capacity - slot.used
    cdef size_t needed = slot.used + n
    cdef size_t wanted
    if (slot.node.begin if head else free_bytes - slot.node.begin) >= n:
        return True
    if free_bytes >= n + slot.used // 8:
        list_slot_slide(slot, <uint32_t>free_bytes if head else 0)
        return True
    wanted = min(needed + needed // 8 + LIST_TRIM_MIN, limit.bytes)
    if wanted < needed + needed // 16:
        return False
    list_slot_resize(store, list, slot, wanted, head)
    return True


cdef inline void list_slot_add(ListSlot* slot, bint head, const Element* e, size_t n) noexcept nogil:
    """Add an item of n bytes, for which there is room."""
    if head:
        slot.node.begin -= <uint32_t>n
        list_item_write(list_slot_items(slot), e)
    else:
        list_item_write(list_slot_items(slot) + slot.used, e)
    slot.used += <uint32_t>n
    slot.count += 1


cdef uint8_t* list_slot_gap(Store* store, List* list, ListSlot* slot, size_t offset, size_t old,
                            size_t new) noexcept nogil:
    """Make the `old` bytes of items at `offset` `new` bytes, for the caller to write; returns where."""
    cdef size_t rest = slot.used - offset - old
    cdef uint8_t* items
    if new > old and slot.node.capacity - slot.node.begin - slot.used < new - old:
        if slot.node.capacity - slot.used >= new - old:
            list_slot_slide(slot, 0)
        else:
            list_slot_resize(store, list, slot, slot.used + new - old + slot.used // 16, 0)
    items = list_slot_items(slot)
    memmove(items + offset + new, items + offset + old, rest)
    slot.used = <uint32_t>(slot.used + new - old)
    return items + offset


cdef void list_slot_cut(ListSlot* slot, bint head, uint32_t count) noexcept nogil:
    """Take `count` items, not all, from the front or from the end."""
    cdef const uint8_t* items = list_slot_items(slot)
    cdef uint32_t bytes
    if head:
        bytes = <uint32_t>(list_item_at(items, slot, count) - items)
        slot.node.begin += bytes
    else:
        bytes = <uint32_t>(items + slot.used - list_item_at(items, slot, slot.count - count))
    slot.used -= bytes
    slot.count -= count


cdef void list_slot_join(Store* store, List* list, ListSlot* slot, const ListSlot* next) noexcept nogil:
    """Append the items of `next`, which the caller frees."""
    cdef uint8_t* p = list_slot_gap(store, list, slot, slot.used, 0, next.used)
    memcpy(p, list_slot_items(next), next.used)
    slot.count += next.count


cdef inline bint list_is_same(const uint8_t* p, const uint8_t* end, const uint8_t* same, size_t n) noexcept nogil:
    """Whether the element at p is the packed element same[0:n]."""
    return p[0] == same[0] and <size_t>(end - p) >= n and memcmp(p, same, n) == 0


cdef uint32_t list_slot_count_same(const uint8_t* items, const ListSlot* slot, const uint8_t* same,
                                   size_t n) noexcept nogil:
    """How many of the slot's items, at `items`, are the packed element same[0:n]."""
    cdef const uint8_t* p = items
    cdef const uint8_t* end = items + slot.used
    cdef uint32_t found = 0
    while p < end:
        found += list_is_same(p, end, same, n)
        p = list_item_after(p)
    return found


cdef void list_slot_remove_same(ListSlot* slot, const uint8_t* same, size_t n, uint32_t skip,
                                uint32_t most) noexcept nogil:
    """Remove items that are the packed element same[0:n]: the first `skip` of them stay, then `most` go."""
    cdef uint8_t* out = list_slot_items(slot)
    cdef const uint8_t* p = out
    cdef const uint8_t* end = out + slot.used
    cdef const uint8_t* next
    cdef bint hit
    while p < end:
        next = list_item_after(p)
        hit = list_is_same(p, end, same, n)
        if hit and skip == 0 and most > 0:
            most -= 1
            slot.count -= 1
            slot.used -= <uint32_t>(next - p)
        else:
            if hit and skip > 0:
                skip -= 1
            if out != p:
                memmove(out, p, next - p)
            out += next - p
        p = next
