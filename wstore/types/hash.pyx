"""The hash type: fields with values, packed in the record while they are few, then in a table (table.pyx).

Packed form: the value area (ENC_BYTES, at most PACKED_MAX bytes)

    | name 1 bit, pairs 7 bits | pairs u16, if those are 7F | field | value | field | value ... |

Fields and values are packed elements (packed.pyx), in the order in which the fields came; a new value takes the
place of the old one. Big form: ENC_PTR, the address of a Table, which has the name bit as well.

Invariants
* A hash has a pair, and no field twice.
* A hash that outgrew PACKED_MAX stays big. Apart from this the name bit says what OBJECT ENCODING answers, listpack
  or hashtable: it is set when one of Redis's thresholds is passed, and never cleared.
"""
cdef enum:
    HASH_BIG_NAME = 0x80
    HASH_COUNT_FOLLOWS = 0x7F       # the count is in the two bytes behind
    HASH_HEAD_MAX = 3

cdef struct HashBuilder:    # a hash being made or changed: pairs in `room`, or a table
    Store* store
    Table* table            # NULL: packed
    bint owned              # the table is not in the keyspace yet
    bint big_name
    size_t count            # pairs in room
    size_t used             # bytes of room up to the end of the pairs
    uint8_t room[PACKED_MAX]    # HASH_HEAD_MAX bytes for the header, then pairs


# -- reading -------------------------------------------------------------------------------------------
cdef inline bint hash_is_packed(const Entry* e) noexcept nogil:
    return e.enc != ENC_PTR


cdef inline Table* hash_table(const Entry* e) noexcept nogil:
    cdef Table* t
    memcpy(&t, e.value, sizeof(t))
    return t


cdef inline bint hash_big_name(const Entry* e) noexcept nogil:
    return e.value[0] & HASH_BIG_NAME if hash_is_packed(e) else hash_table(e).named


cdef inline const uint8_t* hash_pairs(const Entry* e, size_t* count) noexcept nogil:
    """The first pair of a packed hash."""
    cdef uint16_t n
    count[0] = e.value[0] & HASH_COUNT_FOLLOWS
    if count[0] != HASH_COUNT_FOLLOWS:
        return e.value + 1
    memcpy(&n, e.value + 1, 2)
    count[0] = n
    return e.value + HASH_HEAD_MAX


cdef inline size_t hash_count(const Entry* e) noexcept nogil:
    cdef size_t count
    if not hash_is_packed(e):
        return table_count(hash_table(e))
    hash_pairs(e, &count)
    return count


cdef inline const uint8_t* hash_seek(const uint8_t* p, const uint8_t* end, const Element* field) noexcept nogil:
    """The field's place among packed pairs, or NULL."""
    cdef uint8_t tag = element_tag(field)
    cdef Element got
    while p < end:
        if p[0] == tag:
            element_read(p, &got)
            if element_same(&got, field):
                return p
        p = element_skip(element_skip(p))
    return NULL


cdef bint hash_get(const Entry* e, const Element* field, Element* value) noexcept nogil:
    """The field's value, which goes on pointing into the hash; 0: there is no such field."""
    cdef TableItem item
    cdef size_t count
    cdef const uint8_t* p
    if not hash_is_packed(e):
        if not table_find(hash_table(e), field, &item):
            return False
        value[0] = item.value
        return True
    p = hash_seek(hash_pairs(e, &count), e.value + e.len, field)
    if p is NULL:
        return False
    element_read(element_skip(p), value)
    return True


cdef void hash_each(Store* store, const Entry* e, EachFn fn, void* arg) noexcept nogil:
    """Visit all pairs until fn says stop; packed ones in the order in which they came."""
    cdef Element field, value
    cdef size_t count
    cdef const uint8_t* p
    if not hash_is_packed(e):
        table_each(hash_table(e), fn, arg)
        return
    p = hash_pairs(e, &count)
    while count > 0:
        p = element_read(element_read(p, &field), &value)
        if not fn(arg, &field, &value, 0):
            return
        count -= 1


cdef uint64_t hash_scan(Store* store, const Entry* e, uint64_t cursor, size_t count, EachFn fn,
                        void* arg) noexcept nogil:
    """Visit at least `count` pairs from a cursor on; the next cursor, 0: done. A listpack is visited in one go."""
    if hash_is_packed(e) or not hash_big_name(e):
        hash_each(store, e, fn, arg)
        return 0
    return table_scan(hash_table(e), cursor, count, fn, arg)


cdef void hash_random(Store* store, const Entry* e, Element* field, Element* value) noexcept nogil:
    """One of the pairs, each equally likely."""
    cdef TableItem item
    cdef size_t count, skip
    cdef const uint8_t* p
    if not hash_is_packed(e):
        memset(&item, 0, sizeof(item))
        table_random(store, hash_table(e), &item)
        field[0] = item.name
        value[0] = item.value
        return
    p = hash_pairs(e, &count)
    skip = random_below(store, count)
    while skip > 0:
        p = element_skip(element_skip(p))
        skip -= 1
    element_read(element_read(p, field), value)


# -- making and changing -------------------------------------------------------------------------------
cdef inline void hash_build_begin(Store* store, HashBuilder* b) noexcept nogil:
    """Start with no pairs. Ends in hash_build_finish or hash_build_drop."""
    b.store = store
    b.table = NULL
    b.owned = False
    b.big_name = False
    b.count = 0
    b.used = HASH_HEAD_MAX


cdef inline void hash_edit_begin(Store* store, HashBuilder* b, const Entry* e) noexcept nogil:
    """Start with the pairs of e, what lookup(LOOKUP_WRITE) gave (rec NULL: none). Ends in hash_edit_finish, or,
    if nothing was changed, in nothing."""
    cdef const uint8_t* p
    hash_build_begin(store, b)
    if e.rec is NULL:
        return
    b.big_name = hash_big_name(e)
    if not hash_is_packed(e):
        b.table = hash_table(e)
        return
    p = hash_pairs(e, &b.count)
    b.used += e.value + e.len - p
    memcpy(b.room + HASH_HEAD_MAX, p, b.used - HASH_HEAD_MAX)


cdef void hash_to_table(HashBuilder* b) noexcept nogil:
    cdef const uint8_t* p = b.room + HASH_HEAD_MAX
    cdef const uint8_t* end = b.room + b.used
    cdef Element field, value
    b.table = table_new(b.store)
    b.owned = True
    while p < end:
        p = element_read(element_read(p, &field), &value)
        table_put(b.store, b.table, &field, &value)


cdef bint hash_resize_gap(HashBuilder* b, size_t at, size_t old_size, size_t new_size) noexcept nogil:
    """Make old_size bytes at offset `at` of the packed pairs new_size bytes; 0: there is no room."""
    if b.used - old_size + new_size > PACKED_MAX:
        return False
    memmove(b.room + at + new_size, b.room + at + old_size, b.used - at - old_size)
    b.used = b.used - old_size + new_size
    return True


cdef int hash_put_packed(HashBuilder* b, const Element* field, const Element* value) noexcept nogil:
    """1: added, 0: replaced, -1: it does not fit any more."""
    cdef const uint8_t* p = hash_seek(b.room + HASH_HEAD_MAX, b.room + b.used, field)
    cdef size_t at = b.used
    if p is NULL:
        if not hash_resize_gap(b, at, 0, element_size(field) + element_size(value)):
            return -1
        element_write(element_write(b.room + at, field), value)
        b.count += 1
        return 1
    p = element_skip(p)
    at = p - b.room
    if not hash_resize_gap(b, at, element_skip(p) - p, element_size(value)):
        return -1
    element_write(b.room + at, value)
    return 0


cdef inline size_t hash_build_count(HashBuilder* b) noexcept nogil:
    return b.count if b.table is NULL else table_count(b.table)


cdef inline void hash_name_by_size(HashBuilder* b, const Element* field, const Element* value) noexcept nogil:
    """Set the name bit if one of the two is longer than Redis has it in a listpack."""
    cdef size_t most = b.store.config.hash_max_listpack_value
    b.big_name = element_len(field) > most or element_len(value) > most


cdef inline void hash_name_by_count(HashBuilder* b) noexcept nogil:
    if hash_build_count(b) > <size_t>b.store.config.hash_max_listpack_entries:
        b.big_name = True


cdef int hash_build_put(HashBuilder* b, const Element* field, const Element* value) noexcept nogil:
    """Set a field, whatever its length means for the name. 1: added, 0: replaced."""
    cdef int added = -1
    if b.table is NULL:
        added = hash_put_packed(b, field, value)
        if added < 0:
            hash_to_table(b)
    if added < 0:
        added = table_put(b.store, b.table, field, value)
    if not b.big_name:
        hash_name_by_count(b)
    return added


cdef int hash_build_add(HashBuilder* b, const Element* field, const Element* value) noexcept nogil:
    """Set a field. 1: added, 0: replaced."""
    if not b.big_name:
        hash_name_by_size(b, field, value)
    return hash_build_put(b, field, value)


cdef bint hash_edit_remove(HashBuilder* b, const Element* field) noexcept nogil:
    """Remove a field; 0: there is none."""
    cdef const uint8_t* p
    if b.table is not NULL:
        return table_remove(b.store, b.table, field)
    p = hash_seek(b.room + HASH_HEAD_MAX, b.room + b.used, field)
    if p is NULL:
        return False
    hash_resize_gap(b, p - b.room, element_skip(element_skip(p)) - p, 0)
    b.count -= 1
    return True


cdef void hash_packed_value(HashBuilder* b, Value* out) noexcept nogil:
    """Write the header in front of the packed pairs: `out` is both."""
    cdef uint16_t n = <uint16_t>b.count
    cdef uint8_t* start = b.room
    cdef uint8_t name = HASH_BIG_NAME if b.big_name else 0
    if b.count < HASH_COUNT_FOLLOWS:
        start += HASH_HEAD_MAX - 1
        start[0] = name | <uint8_t>n
    else:
        start[0] = name | HASH_COUNT_FOLLOWS
        memcpy(start + 1, &n, 2)
    out.ptr = start
    out.len = b.room + b.used - start
    out.enc = ENC_BYTES


cdef void hash_store(HashBuilder* b, Db* db, const Key* key, Entry* old, int64_t expire_ms) noexcept nogil:
    cdef Value value
    value.type = TYPE_HASH
    if b.table is NULL:
        hash_packed_value(b, &value)
    else:
        b.table.named = b.big_name
        value.ptr = &b.table
        value.len = sizeof(b.table)
        value.enc = ENC_PTR
    b.owned = False
    b.store.api.put(b.store, db, key, old, &value, expire_ms)


cdef inline void hash_edit_finish(HashBuilder* b, Db* db, const Key* key, Entry* e) noexcept nogil:
    """Store the hash again under its key, or remove the key if no pair is left; e: as hash_edit_begin got it. The
    TTL stays."""
    if hash_build_count(b) == 0:
        b.store.api.remove(b.store, db, key, e)
    elif b.table is NULL or b.owned:
        hash_store(b, db, key, e, KEEP_TTL)
    else:
        b.table.named = b.big_name      # the rest of a table changed where it is


cdef inline void hash_build_drop(HashBuilder* b) noexcept nogil:
    if b.owned:
        table_free(b.store, b.table)
        b.owned = False


cdef void hash_build_finish(HashBuilder* b, Db* db, const Key* key, int64_t expire_ms) noexcept nogil:
    """Store what was built under key, in place of what is there; nothing is stored if it is empty."""
    cdef Entry old
    if hash_build_count(b) == 0:
        hash_build_drop(b)
        return
    b.store.api.lookup(b.store, db, key, &old, LOOKUP_WRITE)
    hash_store(b, db, key, &old, expire_ms)
