"""Big lists: elements added, taken, replaced and found, node by node.

Invariants (list_validate)
* `count` is the sum of the slots' counts; every slot has a node with at least one item, the sizes behind the elements
  are right, and the items fill exactly `used` bytes.
* A node takes no item beyond its limit (list-max-listpack-size as it was then); an element longer than the limit has
  a node of its own.
* Only nodes at the two ends keep free room to speak of: one that gets a neighbour there is trimmed.
"""
cdef enum:
    LIST_SAFE_BYTES = 8192          # of a node whose limit is a number of elements
    LIST_SAME_ROOM = 256


cdef inline void list_limit(Store* store, ListLimit* out) noexcept nogil:
    """What list-max-listpack-size says."""
    cdef int64_t size = store.config.list_max_listpack_size
    if size >= 0:
        out.bytes = LIST_SAFE_BYTES
        out.count = <uint32_t>max(<int64_t>1, size)
    else:
        out.bytes = <size_t>2048 << min(<int64_t>5, -size)
        out.count = 0xFFFFFFFFUL


# -- ends ----------------------------------------------------------------------------------------------
cdef void list_push(Store* store, List* list, const Element* e, bint head, const ListLimit* limit) noexcept nogil:
    cdef size_t n = list_item_size(e)
    cdef size_t at = 0 if head else list.nodes
    cdef ListSlot* slot = NULL
    if list.nodes > 0:
        slot = list_slot(list, 0 if head else list.nodes - 1)
    if slot is not NULL and list_slot_takes(slot, n, limit):
        list_slot_edit(store, list, slot)
        if not list_slot_make_room(store, list, slot, head, n, limit):
            list_slot_trim(store, list, slot)
            slot = NULL
    elif slot is not NULL:
        list_slot_trim(store, list, slot)
        slot = NULL
    if slot is NULL:
        slot = list_slot_open(store, list, at, max(n, min(limit.bytes, 2 * n + <size_t>(list.bytes // 8))))
        slot.node.begin = slot.node.capacity if head else 0
    list_slot_add(slot, head, e, n)
    list.count += 1


cdef uint64_t list_push_all(Store* store, List* list, const Str* items, int n, bint head) noexcept nogil:
    """Push n items, one behind the other; the list's count then."""
    cdef ListLimit limit
    cdef Element item
    cdef int i
    list_limit(store, &limit)
    for i in range(n):
        element_of(items[i], &item)
        list_push(store, list, &item, head, &limit)
    list_settle(store, list)
    return list.count


cdef void list_drop(Store* store, List* list, bint head, uint64_t n) noexcept nogil:
    """Take n elements, n <= count, from the front or from the end."""
    cdef ListSlot* slot
    cdef size_t whole = 0
    list.count -= n
    while whole < list.nodes:
        slot = list_slot(list, whole if head else list.nodes - 1 - whole)
        if slot.count > n:
            break
        n -= slot.count
        whole += 1
    if whole > 0:
        list_slots_discard(store, list, 0 if head else list.nodes - whole, whole)
    if n > 0:
        slot = list_slot(list, 0 if head else list.nodes - 1)
        list_slot_edit(store, list, slot)
        list_slot_cut(slot, head, <uint32_t>n)
        list_slot_shrink(store, list, slot)


# -- anywhere ------------------------------------------------------------------------------------------
cdef void list_splice(Store* store, List* list, size_t i, uint32_t within, bint replace,
                      const Element* e) noexcept nogil:
    """Put e in front of item `within` of slot i, or in its place."""
    cdef ListSlot* slot = list_slot(list, i)
    cdef const uint8_t* items
    cdef const uint8_t* p
    cdef size_t old = 0
    list_slot_edit(store, list, slot)
    items = list_slot_items(slot)
    p = list_item_at(items, slot, within)
    if replace:
        old = list_item_after(p) - p
    list_item_write(list_slot_gap(store, list, slot, p - items, old, list_item_size(e)), e)
    if not replace:
        slot.count += 1
        list.count += 1


cdef void list_split(Store* store, List* list, size_t i, uint32_t within) noexcept nogil:
    """Move the items of slot i from `within` on, which is neither its first item nor its end, to a new slot."""
    cdef ListSlot* slot = list_slot(list, i)
    cdef ListSlot* right
    cdef const uint8_t* items
    cdef uint32_t left_bytes
    list_slot_unpack(store, list, slot)
    items = list_slot_items(slot)
    left_bytes = <uint32_t>(list_item_at(items, slot, within) - items)
    right = list_slot_open(store, list, i + 1, slot.used - left_bytes)
    slot = list_slot(list, i)
    right.used = slot.used - left_bytes
    right.count = slot.count - within
    memcpy(list_slot_items(right), list_slot_items(slot) + left_bytes, right.used)
    slot.used = left_bytes
    slot.count = within
    list_slot_trim(store, list, slot)


cdef void list_insert_between(Store* store, List* list, size_t i, const Element* e,
                              const ListLimit* limit) noexcept nogil:
    """Put e in front of the first item of slot i: into the node before it, into its own, or into a new one."""
    cdef size_t n = list_item_size(e)
    if i > 0 and list_slot_takes(list_slot(list, i - 1), n, limit):
        list_splice(store, list, i - 1, list_slot(list, i - 1).count, False, e)
    elif i < list.nodes and list_slot_takes(list_slot(list, i), n, limit):
        list_splice(store, list, i, 0, False, e)
    else:
        list_slot_add(list_slot_open(store, list, i, n), False, e, n)
        list.count += 1


cdef void list_insert(Store* store, List* list, uint64_t index, const Element* e,
                      const ListLimit* limit) noexcept nogil:
    """Put e in front of element `index`; index == count: behind the last one."""
    cdef uint32_t within
    cdef size_t i
    if index == 0 or index == list.count:
        list_push(store, list, e, index == 0, limit)
        return
    i = list_locate(list, index, &within)
    if within > 0 and list_slot_takes(list_slot(list, i), list_item_size(e), limit):
        list_splice(store, list, i, within, False, e)
    else:
        if within > 0:
            list_split(store, list, i, within)
            i += 1
        list_insert_between(store, list, i, e, limit)
    list_sweep(store, list, i - 1 if i > 0 else 0, min(i + 1, <size_t>list.nodes - 1), limit)


cdef void list_take_out(Store* store, List* list, size_t i, uint32_t within) noexcept nogil:
    """Remove item `within` of slot i, which has others."""
    cdef ListSlot* slot = list_slot(list, i)
    cdef const uint8_t* items
    cdef const uint8_t* p
    list_slot_edit(store, list, slot)
    items = list_slot_items(slot)
    p = list_item_at(items, slot, within)
    list_slot_gap(store, list, slot, p - items, list_item_after(p) - p, 0)
    slot.count -= 1
    list.count -= 1


cdef void list_set(Store* store, List* list, uint64_t index, const Element* e, const ListLimit* limit) noexcept nogil:
    """Put e in the place of element `index` < count."""
    cdef uint32_t within
    cdef size_t i = list_locate(list, index, &within)
    cdef ListSlot* slot = list_slot(list, i)
    if slot.count == 1 or slot.used + list_item_size(e) <= limit.bytes:
        list_splice(store, list, i, within, True, e)
        list_settle_slot(store, list, i)
    else:
        list_take_out(store, list, i, within)
        list_insert(store, list, index, e, limit)


# -- by value ------------------------------------------------------------------------------------------
cdef struct ListSame:               # an element packed, to compare others with
    const uint8_t* bytes
    size_t n
    uint8_t* owned
    uint8_t room[LIST_SAME_ROOM]


cdef void list_same_begin(Store* store, ListSame* same, const Element* e) noexcept nogil:
    """After use call list_same_end; `same` must not move before."""
    cdef uint8_t* room = same.room
    same.n = element_size(e)
    same.owned = NULL
    if same.n > LIST_SAME_ROOM:
        same.owned = <uint8_t*>store.api.alloc(same.n)
        room = same.owned
    element_write(room, e)
    same.bytes = room


cdef inline void list_same_end(Store* store, ListSame* same) noexcept nogil:
    store.api.free(same.owned)


cdef uint32_t list_slot_remove(Store* store, List* list, ListSlot* slot, const ListSame* same, bint from_tail,
                               uint64_t most, ListScratch* scratch) noexcept nogil:
    """Remove at most `most` items that are `same`, counted from one end; returns how many there were."""
    cdef uint32_t found = list_slot_count_same(list_slot_view(store, slot, scratch), slot, same.bytes, same.n)
    cdef uint32_t gone = <uint32_t>min(<uint64_t>found, most)
    if gone > 0:
        list_slot_edit(store, list, slot)
        list_slot_remove_same(slot, same.bytes, same.n, found - gone if from_tail else 0, gone)
    return gone


cdef uint64_t list_remove(Store* store, List* list, const ListSame* same, bint from_tail, uint64_t most,
                          const ListLimit* limit) noexcept nogil:
    """Remove the first `most` elements that are `same`, or the last ones; returns how many went."""
    cdef ListScratch scratch
    cdef uint64_t before = list.count
    cdef size_t low = list.nodes
    cdef size_t high = 0
    cdef size_t step, i
    cdef uint32_t gone
    memset(&scratch, 0, sizeof(scratch))
    for step in range(list.nodes):
        i = list.nodes - 1 - step if from_tail else step
        gone = list_slot_remove(store, list, list_slot(list, i), same, from_tail, most, &scratch)
        if gone > 0:
            low = min(low, i)
            high = max(high, i)
            list.count -= gone
            most -= gone
        if most == 0:
            break
    store.api.free(scratch.room)
    if list.count < before:
        list_sweep(store, list, low, high, limit)
    return before - list.count


# -- validation ----------------------------------------------------------------------------------------
cdef const char* list_validate_slot(const ListSlot* slot, const uint8_t* items) noexcept nogil:
    cdef const uint8_t* p = items
    cdef const uint8_t* next
    cdef Element e
    cdef uint32_t count = 0
    while p < items + slot.used:
        next = list_item_read(p, &e)
        if next > items + slot.used:
            return b"a list item reaches beyond its node"
        if list_item_before(next) != p:
            return b"the size behind a list element is wrong"
        if next != p + list_item_size(&e):
            return b"a list element is not packed in its shortest form"
        count += 1
        p = next
    if count == 0 or count != slot.count:
        return b"a list node's count is wrong"
    return NULL


cdef const char* list_validate_node(Store* store, const ListSlot* slot, ListScratch* scratch) noexcept nogil:
    cdef const ListNode* node = slot.node
    if node.packed > node.capacity or (node.packed and node.begin != 0):
        return b"a compressed list node is out of bounds"
    if not node.packed and <size_t>node.begin + slot.used > node.capacity:
        return b"a list node's items are out of bounds"
    return list_validate_slot(slot, list_slot_view(store, slot, scratch))


cdef const char* list_validate(Store* store, const List* list) noexcept nogil:
    cdef ListScratch scratch
    cdef const char* wrong = NULL
    cdef uint64_t count = 0
    cdef uint64_t bytes = sizeof(List) + list.ring_size * sizeof(ListSlot)
    cdef size_t i
    memset(&scratch, 0, sizeof(scratch))
    if list.nodes == 0 or list.nodes > list.ring_size or list.ring_size & (list.ring_size - 1):
        return b"a list's ring is wrong"
    for i in range(list.nodes):
        wrong = list_validate_node(store, list_slot(list, i), &scratch)
        if wrong is not NULL:
            break
        count += list_slot(list, i).count
        bytes += sizeof(ListNode) + list_slot(list, i).node.capacity
    store.api.free(scratch.room)
    if wrong is NULL and count != list.count:
        return b"a list's count is wrong"
    if wrong is NULL and bytes != list.bytes:
        return b"a list's memory is counted wrong"
    return wrong
