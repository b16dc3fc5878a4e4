"""What the engine calls for sets (SET_OPS): size, RDB, copies, digest, validation."""


cdef void set_free(Store* store, const Entry* e) noexcept nogil:
    table_free(store, set_table(e))


cdef size_t set_memory(Store* store, const Entry* e) noexcept nogil:
    """Bytes outside the record."""
    return table_bytes(set_table(e)) if e.enc == ENC_PTR else 0


cdef size_t set_length(Store* store, const Entry* e) noexcept nogil:
    return set_count(e)


cdef const char* set_encoding(Store* store, const Entry* e) noexcept nogil:
    return b"hashtable" if set_is_named(e) else b"intset"


# -- RDB ---------------------------------------------------------------------------------------------------
cdef struct SetOutput:
    Store* store
    Reply* out


cdef bint put_member(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef SetOutput* to = <SetOutput*>arg
    rdb_put_element(to.store, to.out, member)
    return True


cdef int set_encode(Store* store, const Entry* e, Reply* out) noexcept nogil:
    cdef SetOutput to
    cdef SetReader r
    rdb_put_byte(store, out, RDB_TYPE_SET)
    rdb_put_length(store, out, set_count(e))
    if e.enc == ENC_PTR:
        to.store = store
        to.out = out
        set_each(store, e, put_member, &to)
        return 0
    set_open(&r, e)
    if r.ints:
        while next_int(&r):
            rdb_put_int(store, out, r.n)
    else:
        rdb_put_packed(store, out, r.at, e.value + e.len)
    return 0


cdef bint take_member(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    """Add to a builder; 0: it is there already."""
    return set_build_add(<SetBuilder*>arg, member)


cdef int decode_members(SetBuilder* b, Str data, size_t* pos) noexcept nogil:
    cdef RdbString s
    cdef Element member
    cdef uint64_t count
    cdef bint added
    if rdb_get_count(data, pos, &count) or count == 0:
        return -1
    while count > 0:
        if rdb_get_string(b.store.api, data, pos, &s):
            return -1
        element_of(s.text, &member)
        added = set_build_add(b, &member)
        rdb_free_string(b.store.api, &s)
        if not added:
            return -1
        count -= 1
    return 0


cdef int set_decode(Store* store, Db* db, const Key* key, int rdb_type, Str data, size_t* pos,
                    int64_t expire_ms) noexcept nogil:
    cdef SetBuilder b
    cdef int bad
    set_build_begin(store, &b)
    if rdb_type == RDB_TYPE_SET:
        bad = decode_members(&b, data, pos)
    elif rdb_type == RDB_TYPE_SET_INTSET or rdb_type == RDB_TYPE_SET_LISTPACK:
        bad = legacy_decode(store.api, rdb_type, data, pos, take_member, &b)
    else:
        bad = -1
    if bad:
        set_build_drop(&b)
        return -1
    set_build_finish(&b, db, key, expire_ms)
    return 0


# -- copies and digests ------------------------------------------------------------------------------------
cdef int set_copy(Store* store, Db* db, const Key* key, const Entry* source, int64_t expire_ms) noexcept nogil:
    """Store a copy of source under key, in the same form and with the same name."""
    cdef SetBuilder b
    set_edit(store, &b, source)
    if b.table is not NULL:
        b.table = table_copy(store, b.table)
        b.owns_table = True
    set_build_finish(&b, db, key, expire_ms)
    return 0


cdef bint digest_member(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef Str text = element_text(member, scratch)
    digest_xor(<uint8_t*>arg, text.ptr, text.len)
    return True


cdef void set_digest(Store* store, const Entry* e, uint8_t* digest) noexcept nogil:
    set_each(store, e, digest_member, digest)


# -- validation --------------------------------------------------------------------------------------------
cdef struct SetCheck:
    bint named
    bint texts                  # there is a member that is no integer
    bint twisted                # one that is an integer and is not kept as one


cdef bint check_member(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef SetCheck* check = <SetCheck*>arg
    cdef Element again
    if not member.is_int:
        element_of(member.text, &again)
        check.texts = True
        check.twisted |= again.is_int
    return True


cdef const char* check_small(const Entry* e) noexcept nogil:
    cdef SetReader r, rest
    cdef Element member, other
    cdef int64_t last = INT64_MIN_VALUE
    cdef bint first = True
    set_open(&r, e)
    if r.left == 0 or e.len > PACKED_MAX:
        return b"a small set is empty or too big"
    while next_member(&r, &member):
        rest = r
        if r.at > e.value + e.len:
            return b"a small set runs over its end"
        if r.ints and not first and member.n <= last:
            return b"a set's integers are not sorted"
        while not r.ints and next_member(&rest, &other):
            if element_same(&member, &other):
                return b"a small set has a member twice"
        first = False
        last = member.n
    if r.at != e.value + e.len:
        return b"a small set ends too early"
    return NULL


cdef const char* set_validate(Store* store, const Entry* e) noexcept nogil:
    """Walk the whole set: NULL, or what is wrong."""
    cdef SetCheck check
    cdef const char* wrong = table_validate(store, set_table(e)) if e.enc == ENC_PTR else check_small(e)
    if wrong is not NULL:
        return wrong
    memset(&check, 0, sizeof(check))
    set_each(store, e, check_member, &check)
    if check.twisted:
        return b"a set has an integer as text"
    if (check.texts or e.enc == ENC_RAW) and not set_is_named(e):
        return b"a set with other members than integers is named intset"
    if set_count(e) == 0:
        return b"a set is empty"
    return NULL


cdef void* set_freeze(Store* store, const Entry* e) noexcept nogil:
    return table_freeze(store, set_table(e), RDB_TYPE_SET) if e.enc == ENC_PTR else NULL


cdef TypeOps SET_OPS = [
    b"set", set_free, set_memory, set_encode, set_decode, set_copy, set_digest, set_encoding, set_length, set_validate,
    set_freeze, table_encode_frozen, table_thaw, table_approach,
]
