"""Reading lists: small ones in their record, and a cursor that walks lists of either form in either direction.

A small list is a value area (ENC_BYTES) of at most PACKED_MAX bytes; its elements have no sizes behind them:

    | count: 1 byte < 80, or 80 + high bits | low byte | element | element | ...

Invariant: a cursor holds until the keyspace or the list changes, and must be closed by `list_cursor_close`.
"""
cdef enum:
    LIST_SMALL_HEAD_MAX = 2
    LIST_BULK_HEAD_MAX = 32         # bytes that a bulk reply takes around its text at most, or in all for an integer

cdef struct ListCursor:
    Store* store
    const List* list                # NULL: a small list
    size_t slot                     # whose items begin[0:] are
    const uint8_t* begin
    const uint8_t* end
    const uint8_t* at               # between two elements: what was read and what is to come
    bint backward
    uint32_t left                   # small and backward: elements in front of `at`
    ListScratch scratch
    uint16_t starts[PACKED_MAX]     # small and backward: where each element begins


# -- small lists -----------------------------------------------------------------------------------------
cdef inline const uint8_t* list_small_items(const Entry* e, uint32_t* count) noexcept nogil:
    """The first element of a small list, and how many there are."""
    count[0] = e.value[0]
    if count[0] < 0x80:
        return e.value + 1
    count[0] = (count[0] & 0x7F) << 8 | e.value[1]
    return e.value + 2


cdef inline size_t list_small_head_size(uint32_t count) noexcept nogil:
    return 1 if count < 0x80 else 2


cdef inline void list_small_head_write(uint8_t* p, uint32_t count) noexcept nogil:
    if count < 0x80:
        p[0] = <uint8_t>count
    else:
        p[0] = <uint8_t>(0x80 | count >> 8)
        p[1] = <uint8_t>count


cdef inline List* list_load(const Entry* e) noexcept nogil:
    """The big list of an ENC_PTR entry."""
    cdef List* list
    memcpy(&list, e.value, sizeof(list))
    return list


cdef inline uint64_t list_count(const Entry* e) noexcept nogil:
    cdef uint32_t count
    if e.enc == ENC_PTR:
        return list_load(e).count
    list_small_items(e, &count)
    return count


# -- the cursor ----------------------------------------------------------------------------------------
cdef void list_cursor_open_small(const Entry* e, uint32_t index, ListCursor* cur) noexcept nogil:
    cdef uint32_t count, i
    cdef const uint8_t* p = list_small_items(e, &count)
    cur.begin = p
    cur.end = e.value + e.len
    if cur.backward:
        index += 1
        cur.left = index
    for i in range(index):
        if cur.backward:
            cur.starts[i] = <uint16_t>(p - cur.begin)
        p = element_skip(p)
    cur.at = p


cdef inline void list_cursor_load(ListCursor* cur) noexcept nogil:
    """Have begin and end show the slot's items."""
    cdef const ListSlot* slot = list_slot(cur.list, cur.slot)
    cur.begin = list_slot_view(cur.store, slot, &cur.scratch)
    cur.end = cur.begin + slot.used


cdef void list_cursor_open(Store* store, const Entry* e, uint64_t index, bint backward, ListCursor* cur) noexcept nogil:
    """A cursor that reads element `index` < count first, then those behind it, or those in front of it."""
    cdef uint32_t within
    cur.store = store
    cur.list = NULL
    cur.backward = backward
    cur.scratch.room = NULL
    cur.scratch.size = 0
    if e.enc != ENC_PTR:
        list_cursor_open_small(e, <uint32_t>index, cur)
        return
    cur.list = list_load(e)
    cur.slot = list_locate(cur.list, index, &within)
    list_cursor_load(cur)
    cur.at = list_item_at(cur.begin, list_slot(cur.list, cur.slot), within + backward)


cdef inline void list_cursor_close(ListCursor* cur) noexcept nogil:
    if cur.scratch.room is not NULL:
        cur.store.api.free(cur.scratch.room)


cdef inline bint list_cursor_has_next(ListCursor* cur) noexcept nogil:
    """Forward: whether an element begins at `at`, which moves to the next node where one ends."""
    if cur.at < cur.end:
        return True
    if cur.list is NULL or cur.slot + 1 >= cur.list.nodes:
        return False
    cur.slot += 1
    list_cursor_load(cur)
    cur.at = cur.begin
    return True


cdef inline bint list_cursor_has_previous(ListCursor* cur) noexcept nogil:
    """Backward: the same."""
    if cur.at > cur.begin:
        return True
    if cur.list is NULL or cur.slot == 0:
        return False
    cur.slot -= 1
    list_cursor_load(cur)
    cur.at = cur.end
    return True


cdef inline bint list_cursor_next(ListCursor* cur, const uint8_t** out) noexcept nogil:
    """The next packed element in the cursor's direction; 0: there is none."""
    if not cur.backward:
        if not list_cursor_has_next(cur):
            return False
        out[0] = cur.at
        cur.at = element_skip(cur.at) if cur.list is NULL else list_item_after(cur.at)
        return True
    if not list_cursor_has_previous(cur):
        return False
    if cur.list is NULL:
        cur.left -= 1
        cur.at = cur.begin + cur.starts[cur.left]
    else:
        cur.at = list_item_before(cur.at)
    out[0] = cur.at
    return True


cdef inline bint list_cursor_read(ListCursor* cur, Element* out) noexcept nogil:
    """The next element, which holds until the one after it is read; 0: there is none."""
    cdef const uint8_t* p
    if not list_cursor_next(cur, &p):
        return False
    element_read(p, out)
    return True


cdef inline bint list_cursor_is(const ListCursor* cur, const uint8_t* p, const ListSame* same) noexcept nogil:
    """Whether the element at p, which the cursor gave, is `same`."""
    return list_is_same(p, cur.end, same.bytes, same.n)


# -- whole lists and ranges ------------------------------------------------------------------------------
cdef void list_each(Store* store, const Entry* e, EachFn fn, void* arg) noexcept nogil:
    """Visit all elements, the first one first."""
    cdef ListCursor cur
    cdef Element item
    list_cursor_open(store, e, 0, False, &cur)
    while list_cursor_read(&cur, &item):
        if not fn(arg, &item, NULL, 0):
            break
    list_cursor_close(&cur)


cdef inline char* list_put_bulk(char* q, const char* text, size_t n) noexcept nogil:
    q[0] = b"$"
    if n < 10:
        q[1] = <char>(c'0' + n)
        q += 2
    else:
        q += 1 + ws_u64_to_str(q + 1, n)
    q[0] = b"\r"
    q[1] = b"\n"
    memcpy(q + 2, text, n)
    q += 2 + n
    q[0] = b"\r"
    q[1] = b"\n"
    return q + 2


cdef inline char* list_put_element(char* q, const Element* e) noexcept nogil:
    """Write an element as a bulk reply; returns what follows it."""
    cdef char digits[ELEMENT_TEXT_ROOM]
    if not e.is_int:
        return list_put_bulk(q, e.text.ptr, e.text.len)
    return list_put_bulk(q, digits, ws_i64_to_str(digits, e.n))


cdef uint64_t list_reply_run(Call* c, ListCursor* cur, uint64_t n) noexcept nogil:
    """Reply with at most n elements of the node at hand; returns how many."""
    cdef const uint8_t* p = cur.at
    cdef const uint8_t* end = cur.end
    cdef bint sized = cur.list is not NULL
    cdef uint64_t left = n
    cdef Element e
    cdef size_t most = min(n, <uint64_t>(end - p))
    cdef char* q = reply_room(c, most * LIST_BULK_HEAD_MAX + (end - p))
    while p < end and left > 0:
        p = list_item_read(p, &e) if sized else element_read(p, &e)
        q = list_put_element(q, &e)
        left -= 1
    c.out.len = q - c.out.data
    cur.at = p
    return n - left


cdef void list_reply_range(Call* c, const Entry* e, uint64_t index, uint64_t n) noexcept nogil:
    """Reply with n elements, n > 0, from `index` on: so many bulk strings, no header."""
    cdef ListCursor cur
    list_cursor_open(c.store, e, index, False, &cur)
    while n > 0 and list_cursor_has_next(&cur):
        n -= list_reply_run(c, &cur, n)
    list_cursor_close(&cur)


cdef inline void list_reply_end(Call* c, const Entry* e, bint head) noexcept nogil:
    """Reply with the outermost element: a bulk string."""
    cdef const ListSlot* slot
    cdef const uint8_t* items
    cdef Element item
    if e.enc == ENC_PTR:
        slot = list_slot(list_load(e), 0 if head else list_load(e).nodes - 1)
        if not slot.node.packed:
            items = list_slot_items(slot)
            list_item_read(items if head else list_item_before(items + slot.used), &item)
            reply_element(c, &item)
            return
    list_reply_range(c, e, 0 if head else list_count(e) - 1, 1)


cdef void list_reply_backward(Call* c, const Entry* e, uint64_t index, uint64_t n) noexcept nogil:
    """The same from `index` back to the front."""
    cdef ListCursor cur
    cdef Element item
    list_cursor_open(c.store, e, index, True, &cur)
    while n > 0 and list_cursor_read(&cur, &item):
        reply_element(c, &item)
        n -= 1
    list_cursor_close(&cur)
