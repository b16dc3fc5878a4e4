"""The set type: small sets lie in the record (set_small.pyx), big ones in a table (table.pyx).

A set begins as integers, becomes packed elements with the first member that is none, and a table when it would take
more than PACKED_MAX bytes; there is no way back but by SPOP of nearly everything, which makes a new set of the rest.
OBJECT ENCODING answers as Redis would, whatever the form: "intset" until a member is no integer or there are more
than set-max-intset-entries of them, then "hashtable" for good.

Sets are made and changed through a SetBuilder: it takes the bytes of a small set, or its table, adds and removes, and
stores the outcome with one put.

Invariants
* No set is empty.
* Packed elements and tables with anything but integers are named "hashtable".
"""
cdef struct SetBuilder:
    Store* store
    Table* table                # NULL: small, in room
    bint owns_table             # the table is not in the keyspace yet
    bint ints                   # the small form
    bint named                  # "hashtable"
    bint ascending              # integers were only ever added, and `last` is the largest
    int64_t last
    size_t count                # of a small set
    size_t len
    uint8_t room[SET_HEAD_MAX + PACKED_MAX + 2 * VARINT_MAX]    # head, then `len` bytes


# -- reading -----------------------------------------------------------------------------------------------
cdef inline Table* set_table(const Entry* e) noexcept nogil:
    cdef Table* t
    memcpy(&t, e.value, sizeof(t))
    return t


cdef inline const uint8_t* set_body(const Entry* e, size_t* count, bint* named) noexcept nogil:
    """The bytes behind the head of a small set."""
    cdef uint64_t head
    cdef const uint8_t* p = varint_read(e.value, &head)
    count[0] = head >> 1
    named[0] = head & 1
    return p


cdef inline void set_open(SetReader* r, const Entry* e) noexcept nogil:
    """Begin a walk over a small set."""
    cdef size_t count
    cdef bint named
    cdef const uint8_t* body = set_body(e, &count, &named)
    set_reader(r, e.enc == ENC_BYTES, body, count)


cdef inline uint64_t set_count(const Entry* e) noexcept nogil:
    cdef size_t count
    cdef bint named
    if e.enc == ENC_PTR:
        return table_count(set_table(e))
    set_body(e, &count, &named)
    return count


cdef inline bint set_has(const Entry* e, const Element* member) noexcept nogil:
    cdef size_t count
    cdef bint named
    cdef const uint8_t* body
    if e.enc == ENC_PTR:
        return table_find(set_table(e), member, NULL)
    body = set_body(e, &count, &named)
    if e.enc == ENC_BYTES:
        return member.is_int and ints_have(body, count, member.n)
    return packed_find(body, count, member) is not NULL


cdef bint set_is_named(const Entry* e) noexcept nogil:
    """Whether OBJECT ENCODING answers "hashtable"."""
    cdef size_t count
    cdef bint named
    if e.enc == ENC_PTR:
        return set_table(e).named
    set_body(e, &count, &named)
    return named


cdef void set_each(Store* store, const Entry* e, EachFn fn, void* arg) noexcept nogil:
    """Visit all members until fn returns 0."""
    cdef SetReader r
    cdef Element member
    if e.enc == ENC_PTR:
        table_each(set_table(e), fn, arg)
        return
    set_open(&r, e)
    while next_member(&r, &member):
        if not fn(arg, &member, NULL, 0):
            return


cdef uint64_t set_scan(Store* store, const Entry* e, uint64_t cursor, size_t count, EachFn fn,
                       void* arg) noexcept nogil:
    """Visit about `count` members from a cursor on; the next one, 0: done. An intset is visited in one go."""
    if e.enc == ENC_PTR and set_table(e).named:
        return table_scan(set_table(e), cursor, count, fn, arg)
    set_each(store, e, fn, arg)
    return 0


cdef void set_random(Store* store, const Entry* e, Element* out) noexcept nogil:
    """A member, each equally likely, which points into the set."""
    cdef SetReader r
    cdef TableItem item
    cdef uint64_t skip
    if e.enc == ENC_PTR:
        table_random(store, set_table(e), &item)
        out[0] = item.name
        return
    set_open(&r, e)
    skip = random_below(store, r.left) + 1
    while skip > 0:
        next_member(&r, out)
        skip -= 1


# -- making and changing -----------------------------------------------------------------------------------
cdef inline void set_build_begin(Store* store, SetBuilder* b) noexcept nogil:
    """An empty set. Ends in set_build_finish, set_build_drop or set_store."""
    b.store = store
    b.table = NULL
    b.owns_table = False
    b.ints = True
    b.named = False
    b.ascending = True
    b.last = INT64_MIN_VALUE
    b.count = 0
    b.len = 0


cdef inline void set_edit(Store* store, SetBuilder* b, const Entry* e) noexcept nogil:
    """The set of e, to be changed; rec NULL: an empty one. Ends in set_store, or nowhere if nothing changed."""
    cdef const uint8_t* body
    set_build_begin(store, b)
    if e.rec is NULL:
        return
    b.ascending = False
    if e.enc == ENC_PTR:
        b.table = set_table(e)
        b.named = b.table.named
        return
    b.ints = e.enc == ENC_BYTES
    body = set_body(e, &b.count, &b.named)
    b.len = e.value + e.len - body
    memcpy(b.room + SET_HEAD_MAX, body, b.len)


cdef inline uint64_t set_build_count(const SetBuilder* b) noexcept nogil:
    return b.count if b.table is NULL else table_count(b.table)


cdef void set_build_reader(const SetBuilder* b, SetReader* r) noexcept nogil:
    set_reader(r, b.ints, b.room + SET_HEAD_MAX, b.count)


cdef void set_build_each(const SetBuilder* b, EachFn fn, void* arg) noexcept nogil:
    """Visit all members until fn returns 0."""
    cdef SetReader r
    cdef Element member
    if b.table is not NULL:
        table_each(b.table, fn, arg)
        return
    set_build_reader(b, &r)
    while next_member(&r, &member):
        if not fn(arg, &member, NULL, 0):
            return


cdef void build_table(SetBuilder* b) noexcept nogil:
    """Go over to a table."""
    cdef Table* t = table_new(b.store)
    cdef SetReader r
    cdef Element member
    set_build_reader(b, &r)
    while next_member(&r, &member):
        table_put(b.store, t, &member, NULL)
    b.table = t
    b.owns_table = True


cdef void build_elements(SetBuilder* b) noexcept nogil:
    """Go over from integers to packed elements, or to a table if they take too much."""
    cdef uint8_t packed[PACKED_MAX + ELEMENT_INT_MAX]
    cdef uint8_t* end = packed
    cdef SetReader r
    cdef Element member
    set_build_reader(b, &r)
    while next_member(&r, &member):
        end = element_write(end, &member)
        if end - packed > PACKED_MAX - SET_HEAD_MAX:
            build_table(b)
            return
    b.ints = False
    b.len = end - packed
    memcpy(b.room + SET_HEAD_MAX, packed, b.len)


cdef int build_add_int(SetBuilder* b, int64_t n) noexcept nogil:
    """Add to integers: 1 added, 0 there already, -1 no room."""
    cdef int added
    cdef uint8_t* end
    if not b.ascending or (n <= b.last and b.count > 0):
        b.ascending = False
        return ints_add(b.room + SET_HEAD_MAX, b.count, &b.len, n, PACKED_MAX - SET_HEAD_MAX)
    end = b.room + SET_HEAD_MAX + b.len
    added = <int>(gap_write(end, b.count == 0, b.last, n) - end)
    if b.len + added > PACKED_MAX - SET_HEAD_MAX:
        return -1
    b.len += added
    b.last = n
    return 1


cdef int build_add_element(SetBuilder* b, const Element* member) noexcept nogil:
    """Add to packed elements: 1 added, 0 there already, -1 no room."""
    cdef uint8_t* body = b.room + SET_HEAD_MAX
    cdef size_t size = element_size(member)
    if packed_find(body, b.count, member) is not NULL:
        return 0
    if b.len + size > PACKED_MAX - SET_HEAD_MAX:
        return -1
    element_write(body + b.len, member)
    b.len += size
    return 1


cdef int build_add_small(SetBuilder* b, const Element* member) noexcept nogil:
    """Add to the small forms: 1 added, 0 there already, -1 a table is needed."""
    if b.ints and not member.is_int:
        build_elements(b)
        if b.table is not NULL:
            return -1
    if b.ints:
        return build_add_int(b, member.n)
    return build_add_element(b, member)


cdef int set_build_add(SetBuilder* b, const Element* member) noexcept nogil:
    """Add a member, which does not lie in the set: 1 added, 0 it was there."""
    cdef int added = -1
    if b.table is NULL:
        added = build_add_small(b, member)
        if added < 0 and b.table is NULL:
            build_table(b)
    if added < 0:
        added = table_put(b.store, b.table, member, NULL)
    elif added:
        b.count += 1
    if added and (not member.is_int or <int64_t>set_build_count(b) > b.store.config.set_max_intset_entries):
        b.named = True
    return added


cdef bint set_build_remove(SetBuilder* b, const Element* member) noexcept nogil:
    """Whether the member was there."""
    cdef uint8_t* body = b.room + SET_HEAD_MAX
    cdef bint removed
    if b.table is not NULL:
        return table_remove(b.store, b.table, member)
    if b.ints:
        b.ascending = False
        removed = member.is_int and ints_remove(body, b.count, &b.len, member.n)
    else:
        removed = packed_remove(body, b.count, &b.len, member)
    b.count -= removed
    return removed


cdef void build_value(SetBuilder* b, Value* out) noexcept nogil:
    """The value to put, which points into b."""
    cdef uint64_t head = <uint64_t>b.count << 1 | b.named
    out.type = TYPE_SET
    if b.table is not NULL:
        b.table.named = b.named
        out.enc = ENC_PTR
        out.ptr = &b.table
        out.len = sizeof(b.table)
        return
    out.enc = ENC_BYTES if b.ints else ENC_RAW
    out.ptr = b.room + SET_HEAD_MAX - varint_size(head)
    out.len = varint_size(head) + b.len
    varint_write(<uint8_t*>out.ptr, head)


cdef bint set_store(SetBuilder* b, Db* db, const Key* key, Entry* e, int64_t expire_ms) noexcept nogil:
    """Store what was made under key, in place of e, which lookup(LOOKUP_WRITE) gave; an empty set removes it.

    1: a set is there. 0: there is none, and what was made is freed.
    """
    cdef Value value
    if set_build_count(b) == 0:
        if e.rec is not NULL:
            b.store.api.remove(b.store, db, key, e)
        set_build_drop(b)
        return False
    build_value(b, &value)
    if b.table is NULL or b.owns_table or expire_ms != KEEP_TTL:
        b.store.api.put(b.store, db, key, e, &value, expire_ms)
    b.owns_table = False
    return True


cdef void set_build_finish(SetBuilder* b, Db* db, const Key* key, int64_t expire_ms) noexcept nogil:
    """Store the set under key in place of what is there; nothing is stored if it is empty."""
    cdef Entry e
    b.store.api.lookup(b.store, db, key, &e, LOOKUP_WRITE)
    set_store(b, db, key, &e, expire_ms)


cdef void set_build_drop(SetBuilder* b) noexcept nogil:
    """Give up what was made."""
    if b.owns_table:
        table_free(b.store, b.table)
        b.owns_table = False
