"""The list type: how commands edit lists, and how the engine treats them (LIST_OPS).

A list is small (list_cursor.pyx: packed in its record) as long as it fits PACKED_MAX bytes and one node of
list-max-listpack-size; then it is big (list_node.pyx, list_ring.pyx, list_deque.pyx) and stays so. OBJECT ENCODING
answers "quicklist" for both, as Redis 7.0 does for every list.

Commands edit through a ListForm: `list_form_load` takes the value of an entry, the list_form_* functions change it,
`list_form_save` stores what has become of it. A small list is edited in the form's own room:

    room    | free: pushes at the head | count and elements as loaded | free: pushes at the tail |
                                       ^ start                        ^ end

A big one is edited where it is; the form only leads to it.
"""
cdef enum:
    LIST_FORM_FRONT = PACKED_MAX + 16
    LIST_FORM_ROOM = LIST_FORM_FRONT + 2 * PACKED_MAX + 16

cdef struct ListForm:
    Store* store
    List* big                       # NULL: small
    bint was_big                    # the entry holds `big` already
    uint32_t count                  # of a small list
    uint8_t* start
    uint8_t* end
    ListLimit limit
    uint8_t room[LIST_FORM_ROOM]

ctypedef ListForm ListBuilder


# -- a list in hand ------------------------------------------------------------------------------------
cdef inline void list_form_begin(Store* store, ListForm* form) noexcept nogil:
    """An empty list."""
    form.store = store
    form.big = NULL
    form.was_big = False
    form.count = 0
    form.start = form.room + LIST_FORM_FRONT
    form.end = form.start
    list_limit(store, &form.limit)


cdef inline void list_form_load(Store* store, const Entry* e, ListForm* form) noexcept nogil:
    """The list of an entry that LOOKUP_WRITE gave; e.rec NULL: an empty one."""
    cdef const uint8_t* items
    cdef size_t n
    list_form_begin(store, form)
    if e.rec is NULL:
        return
    if e.enc == ENC_PTR:
        form.big = list_load(e)
        form.was_big = True
        return
    items = list_small_items(e, &form.count)
    n = e.value + e.len - items
    memcpy(form.start, items, n)
    form.end += n


cdef inline uint64_t list_form_count(const ListForm* form) noexcept nogil:
    return form.count if form.big is NULL else form.big.count


cdef void list_form_save_small(ListForm* form, Db* db, const Key* key, Entry* e, int64_t expire_ms) noexcept nogil:
    cdef Value value
    cdef uint8_t* p = form.start - list_small_head_size(form.count)
    list_small_head_write(p, form.count)
    value.type = TYPE_LIST
    value.enc = ENC_BYTES
    value.ptr = p
    value.len = form.end - p
    form.store.api.put(form.store, db, key, e, &value, expire_ms)


cdef void list_form_put(ListForm* form, Db* db, const Key* key, Entry* e, int64_t expire_ms) noexcept nogil:
    """Store a list that is not empty in place of what e holds."""
    cdef Value value
    if form.big is NULL:
        list_form_save_small(form, db, key, e, expire_ms)
        return
    value.type = TYPE_LIST
    value.enc = ENC_PTR
    value.ptr = &form.big
    value.len = sizeof(form.big)
    form.store.api.put(form.store, db, key, e, &value, expire_ms)


cdef void list_form_save(ListForm* form, Db* db, const Key* key, Entry* e) noexcept nogil:
    """Store the list, loaded from e; an empty one is removed. A TTL stays. Its count holds afterwards."""
    if list_form_count(form) == 0:
        if e.rec is not NULL:
            form.store.api.remove(form.store, db, key, e)
        form.big = NULL             # gone with its record
        form.count = 0
        return
    if form.big is not NULL:
        list_settle(form.store, form.big)
    if not form.was_big:
        list_form_put(form, db, key, e, KEEP_TTL)


# -- editing -------------------------------------------------------------------------------------------
cdef inline bint list_form_fits(const ListForm* form, size_t more_bytes, uint32_t more) noexcept nogil:
    """Whether the list stays small with so much more."""
    cdef size_t bytes = form.end - form.start + more_bytes
    return (LIST_SMALL_HEAD_MAX + bytes <= PACKED_MAX and bytes <= form.limit.bytes
            and form.count + more <= form.limit.count)


cdef void list_form_enlarge(ListForm* form) noexcept nogil:
    """Make a small list a big one."""
    cdef const uint8_t* p = form.start
    cdef Element e
    form.big = list_new(form.store, LIST_RING_MIN)
    while p < form.end:
        p = element_read(p, &e)
        list_push(form.store, form.big, &e, False, &form.limit)


cdef inline void list_form_push(ListForm* form, const Element* e, bint head) noexcept nogil:
    cdef size_t n
    if form.big is NULL:
        n = element_size(e)
        if list_form_fits(form, n, 1):
            if head:
                form.start -= n
                element_write(form.start, e)
            else:
                form.end = element_write(form.end, e)
            form.count += 1
            return
        list_form_enlarge(form)
    list_push(form.store, form.big, e, head, &form.limit)


cdef uint64_t list_form_push_all(Store* store, Db* db, const Key* key, Entry* e, const Str* items, int n,
                                 bint head) noexcept nogil:
    cdef ListForm form
    cdef Element item
    cdef int i
    list_form_load(store, e, &form)
    for i in range(n):
        element_of(items[i], &item)
        list_form_push(&form, &item, head)
    list_form_save(&form, db, key, e)
    return list_form_count(&form)


cdef inline uint64_t list_push_items(Store* store, Db* db, const Key* key, Entry* e, const Str* items, int n,
                                     bint head) noexcept nogil:
    """Push n items, one behind the other, to the list of an entry, or a new one, and store it; its count then.

    A big list needs no form."""
    if e.rec is not NULL and e.enc == ENC_PTR:
        return list_push_all(store, list_load(e), items, n, head)
    return list_form_push_all(store, db, key, e, items, n, head)


cdef inline uint8_t* list_form_at(const ListForm* form, uint64_t index) noexcept nogil:
    """Element `index` of a small list; index == count: its end."""
    cdef const uint8_t* p = form.start
    cdef uint64_t _i
    for _i in range(index):
        p = element_skip(p)
    return <uint8_t*>p


cdef void list_form_drop(ListForm* form, bint head, uint64_t n) noexcept nogil:
    """Take n elements, n <= count, from the front or from the end."""
    if form.big is not NULL:
        list_drop(form.store, form.big, head, n)
        return
    if head:
        form.start = list_form_at(form, n)
    else:
        form.end = list_form_at(form, form.count - n)
    form.count -= <uint32_t>n


cdef void list_form_splice(ListForm* form, uint64_t index, bint replace, const Element* e) noexcept nogil:
    """Put e in front of element `index` of a small list that has room for it, or in its place."""
    cdef size_t n = element_size(e)
    cdef uint8_t* p = list_form_at(form, index)
    cdef const uint8_t* rest = element_skip(p) if replace else p
    cdef size_t rest_size = form.end - rest
    memmove(p + n, rest, rest_size)
    element_write(p, e)
    form.end = p + n + rest_size
    form.count += not replace


cdef void list_form_insert(ListForm* form, uint64_t index, const Element* e) noexcept nogil:
    """Put e in front of element `index` <= count."""
    if form.big is NULL:
        if list_form_fits(form, element_size(e), 1):
            list_form_splice(form, index, False, e)
            return
        list_form_enlarge(form)
    list_insert(form.store, form.big, index, e, &form.limit)


cdef void list_form_set(ListForm* form, uint64_t index, const Element* e) noexcept nogil:
    """Put e in the place of element `index` < count."""
    if form.big is NULL:
        if list_form_fits(form, element_size(e), 0):
            list_form_splice(form, index, True, e)
            return
        list_form_enlarge(form)
    list_set(form.store, form.big, index, e, &form.limit)


cdef uint64_t list_form_remove_small(ListForm* form, const ListSame* same, bint from_tail,
                                     uint64_t most) noexcept nogil:
    cdef uint32_t found = 0
    cdef uint64_t gone, skip
    cdef uint8_t* out = form.start
    cdef const uint8_t* p = form.start
    cdef const uint8_t* next
    while p < form.end:
        found += list_is_same(p, form.end, same.bytes, same.n)
        p = element_skip(p)
    gone = min(<uint64_t>found, most)
    skip = found - gone if from_tail else 0
    form.count -= <uint32_t>gone
    p = form.start
    found = 0                       # those passed
    while p < form.end:
        next = element_skip(p)
        if list_is_same(p, form.end, same.bytes, same.n):
            found += 1
            if skip < found <= skip + gone:
                p = next
                continue
        memmove(out, p, next - p)
        out += next - p
        p = next
    form.end = out
    return gone


cdef uint64_t list_form_remove(ListForm* form, const Element* e, bint from_tail, uint64_t most) noexcept nogil:
    """Remove the first `most` elements that are the same as e, or the last ones; returns how many went."""
    cdef ListSame same
    cdef uint64_t gone
    list_same_begin(form.store, &same, e)
    if form.big is NULL:
        gone = list_form_remove_small(form, &same, from_tail, most)
    else:
        gone = list_remove(form.store, form.big, &same, from_tail, most, &form.limit)
    list_same_end(form.store, &same)
    return gone


# -- building ------------------------------------------------------------------------------------------
cdef void list_build_begin(Store* store, ListBuilder* builder) noexcept nogil:
    """After this, finish or drop."""
    list_form_begin(store, builder)


cdef inline void list_build_add(ListBuilder* builder, const Element* e) noexcept nogil:
    list_form_push(builder, e, False)
    if builder.big is not NULL:
        list_settle(builder.store, builder.big)


cdef void list_build_drop(ListBuilder* builder) noexcept nogil:
    if builder.big is not NULL:
        list_free(builder.store, builder.big)


cdef uint64_t list_build_finish(ListBuilder* builder, Db* db, const Key* key, int64_t expire_ms) noexcept nogil:
    """Store the list in place of what is there, unless it is empty; returns its length."""
    cdef Entry old
    if list_form_count(builder) > 0:
        builder.store.api.lookup(builder.store, db, key, &old, LOOKUP_WRITE)
        list_form_put(builder, db, key, &old, expire_ms)
    return list_form_count(builder)


cdef bint list_build_each(void* arg, const Element* item, const Element* value, double score) noexcept nogil:
    """An EachFn that adds to the ListBuilder `arg`."""
    list_build_add(<ListBuilder*>arg, item)
    return True


# -- what the engine calls -----------------------------------------------------------------------------
cdef void list_op_free(Store* store, const Entry* e) noexcept nogil:
    list_free(store, list_load(e))


cdef size_t list_op_memory(Store* store, const Entry* e) noexcept nogil:
    return list_load(e).bytes if e.enc == ENC_PTR else 0


cdef int list_op_copy(Store* store, Db* db, const Key* key, const Entry* source, int64_t expire_ms) noexcept nogil:
    cdef ListBuilder builder
    list_build_begin(store, &builder)
    if source.enc == ENC_PTR and list_load(source).nodes > 1:
        builder.big = list_copy(store, list_load(source))
    else:
        list_each(store, source, list_build_each, &builder)
    list_build_finish(&builder, db, key, expire_ms)
    return 0


cdef bint list_digest_each(void* arg, const Element* item, const Element* value, double score) noexcept nogil:
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str text = element_text(item, scratch)
    digest_mix(<uint8_t*>arg, text.ptr, text.len)
    return True


cdef void list_op_digest(Store* store, const Entry* e, uint8_t* digest) noexcept nogil:
    list_each(store, e, list_digest_each, digest)


cdef const char* list_op_encoding(Store* store, const Entry* e) noexcept nogil:
    return b"quicklist"


cdef size_t list_op_length(Store* store, const Entry* e) noexcept nogil:
    return list_count(e)


cdef const char* list_op_validate(Store* store, const Entry* e) noexcept nogil:
    cdef uint32_t count
    cdef const uint8_t* p
    if e.enc == ENC_PTR:
        return list_validate(store, list_load(e))
    if e.enc != ENC_BYTES or e.len > PACKED_MAX:
        return b"a list's encoding is wrong"
    p = list_small_items(e, &count)
    while p < e.value + e.len:
        p = element_skip(p)
        count -= 1
    if p != e.value + e.len or count != 0:
        return b"a small list's count is wrong"
    if list_count(e) == 0:
        return b"a list is empty"
    return NULL


cdef TypeOps LIST_OPS = [
    b"list", list_op_free, list_op_memory, list_op_encode, list_op_decode, list_op_copy, list_op_digest,
    list_op_encoding, list_op_length, list_op_validate, list_freeze, list_encode_frozen, list_thaw, NULL,
]
