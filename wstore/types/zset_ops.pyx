"""How the engine treats sorted sets: ZSET_OPS."""
from libc.math cimport INFINITY

cdef void ztree_drop(Store* store, ZTree* t) noexcept nogil:
    """Free a tree, a big one in the background; not before a snapshot is done with it."""
    if leave_to_thaw(&t.frozen):
        return
    if t.leaves.count <= ZSET_FREE_NOW_MAX:
        ztree_free(t)
    else:
        store.api.free_later(store, ztree_free, t)


cdef void zset_free(Store* store, const Entry* e) noexcept nogil:
    ztree_drop(store, zset_tree(e))


cdef size_t zset_memory(Store* store, const Entry* e) noexcept nogil:
    """Bytes outside the record."""
    return 0 if zset_is_packed(e) else zset_tree(e).bytes


# -- RDB -----------------------------------------------------------------------------------------------
cdef void zrun_encode(Store* store, Reply* out, const uint8_t* run, const uint8_t* end) noexcept nogil:
    """The items of a run, the last one first."""
    cdef uint16_t offsets[ZRUN_ITEMS_MAX]
    cdef const uint8_t* p = run
    cdef Element member
    cdef double score
    cdef uint32_t n = 0
    while p < end:
        offsets[n] = <uint16_t>(p - run)
        n += 1
        p = zitem_skip(p)
    while n > 0:
        n -= 1
        zitem_read(run + offsets[n], &member, &score)
        rdb_put_element(store, out, &member)
        rdb_put_bytes(store, out, &score, sizeof(score))


cdef int zset_encode(Store* store, const Entry* e, Reply* out) noexcept nogil:
    """Scores as doubles, the highest first: so Redis writes them, since it reads them fastest in that order."""
    cdef ZLeaf* leaf
    rdb_put_byte(store, out, RDB_TYPE_ZSET_2)
    rdb_put_length(store, out, zset_count(e))
    if zset_is_packed(e):
        zrun_encode(store, out, zset_run(e), e.value + e.len)
        return 0
    leaf = znode_last_leaf(zset_tree(e).root)
    while leaf is not NULL:
        zrun_encode(store, out, leaf.run, leaf.run + leaf.used)
        leaf = zleaf_before(leaf)
    return 0


cdef int zset_decode_score(int rdb_type, Str data, size_t* pos, double* out) noexcept nogil:
    """A score: eight bytes, or the length of a text and the text, where 253 to 255 mean nan, inf and -inf."""
    cdef size_t n
    if rdb_type == RDB_TYPE_ZSET_2:
        if data.len - pos[0] < sizeof(double):
            return -1
        memcpy(out, data.ptr + pos[0], sizeof(double))
        pos[0] += sizeof(double)
        return -1 if isnan(out[0]) else 0
    if pos[0] >= data.len:
        return -1
    n = <uint8_t>data.ptr[pos[0]]
    pos[0] += 1
    if n == 254 or n == 255:
        out[0] = INFINITY if n == 254 else -INFINITY
        return 0
    if n == 253 or n > data.len - pos[0] or not ws_str_to_double(data.ptr + pos[0], n, out):
        return -1
    pos[0] += n
    return 0


cdef int zset_decode_item(ZSetBuilder* b, int rdb_type, Str data, size_t* pos) noexcept nogil:
    cdef RdbString text
    cdef Element member
    cdef double score
    cdef uint64_t before = zset_build_count(b)
    cdef int result
    if rdb_get_string(b.store.api, data, pos, &text):
        return -1
    result = zset_decode_score(rdb_type, data, pos, &score)
    if result == 0:
        element_of(text.text, &member)
        zset_build_add(b, &member, score)
        result = 0 if zset_build_count(b) > before else -1
    rdb_free_string(b.store.api, &text)
    return result


cdef int zset_decode_plain(ZSetBuilder* b, int rdb_type, Str data, size_t* pos) noexcept nogil:
    cdef uint64_t left
    if rdb_get_count(data, pos, &left):
        return -1
    while left > 0:
        if zset_decode_item(b, rdb_type, data, pos):
            return -1
        left -= 1
    return 0


cdef bint zset_decode_packed_item(void* arg, const Element* member, const Element* value,
                                  double score) noexcept nogil:
    """As Redis, which only counts the items of a listpack or ziplist that it loads; no member twice, no NaN."""
    cdef double result
    if isnan(score):
        return False
    return zset_edit_put(<ZSetBuilder*>arg, member, False, score, 0, &result) == ZADD_ADDED


cdef int zset_decode(Store* store, Db* db, const Key* key, int rdb_type, Str data, size_t* pos,
                     int64_t expire_ms) noexcept nogil:
    cdef ZSetBuilder b
    cdef int result
    zset_build_begin(store, &b)
    if rdb_type == RDB_TYPE_ZSET or rdb_type == RDB_TYPE_ZSET_2:
        result = zset_decode_plain(&b, rdb_type, data, pos)
    else:
        result = legacy_decode(store.api, rdb_type, data, pos, zset_decode_packed_item, &b)
    if result != 0 or zset_build_count(&b) == 0:
        zset_build_drop(&b)
        return -1
    zset_build_finish(&b, db, key, expire_ms)
    return 0


# -- the rest ------------------------------------------------------------------------------------------
cdef bint zset_copy_item(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef double result
    zset_edit_put(<ZSetBuilder*>arg, member, False, score, 0, &result)
    return True


cdef int zset_copy(Store* store, Db* db, const Key* key, const Entry* source, int64_t expire_ms) noexcept nogil:
    """Store a copy of source, its name included, under key. The copy is made first: put may move records."""
    cdef ZSetBuilder b
    zset_edit_begin(store, &b, source)
    if b.tree is not NULL:
        zset_build_begin(store, &b)
        zset_each(store, source, zset_copy_item, &b)
        b.big_name = zset_big_name(source)
    zset_build_finish(&b, db, key, expire_ms)
    return 0


cdef bint zset_digest_item(void* arg, const Element* member, const Element* value, double score) noexcept nogil:
    cdef uint8_t item[DIGEST_SIZE]
    cdef char scratch[ELEMENT_TEXT_ROOM]
    cdef char digits[48]
    cdef Str text = element_text(member, scratch)
    memset(item, 0, DIGEST_SIZE)
    digest_mix(item, text.ptr, text.len)
    digest_mix(item, digits, ws_double_to_str(digits, score))
    digest_xor(<uint8_t*>arg, item, DIGEST_SIZE)
    return True


cdef void zset_digest(Store* store, const Entry* e, uint8_t* digest) noexcept nogil:
    zset_each(store, e, zset_digest_item, digest)


cdef const char* zset_encoding(Store* store, const Entry* e) noexcept nogil:
    return b"skiplist" if zset_big_name(e) else b"listpack"


cdef size_t zset_length(Store* store, const Entry* e) noexcept nogil:
    return zset_count(e)


cdef const char* zset_validate_packed(Store* store, const Entry* e) noexcept nogil:
    """Count, bounds and order of a packed sorted set, and that no member comes twice."""
    cdef const uint8_t* run = zset_run(e)
    cdef const uint8_t* p = run
    cdef const uint8_t* last = NULL
    cdef Element member
    cdef ZMember m
    cdef double score
    if e.len > PACKED_MAX or zset_count(e) == 0:
        return b"a packed sorted set's header is wrong"
    while p < e.value + e.len:
        zitem_read(p, &member, &score)
        zmember_of(&member, PACKED_MAX, &m)
        if zrun_find(run, p, &m) is not NULL:
            return b"a packed sorted set has a member twice"
        if last is not NULL and zitem_order(last, score, &member) >= 0:
            return b"a packed sorted set is out of order"
        last = p
        p = zitem_skip(p)
    if p != e.value + e.len or zrun_count(run, p) != zset_count(e):
        return b"a packed sorted set's count is wrong"
    return NULL


cdef const char* zset_validate(Store* store, const Entry* e) noexcept nogil:
    return zset_validate_packed(store, e) if zset_is_packed(e) else ztree_validate(store, zset_tree(e))


cdef TypeOps ZSET_OPS = [
    b"zset", zset_free, zset_memory, zset_encode, zset_decode, zset_copy, zset_digest, zset_encoding, zset_length,
    zset_validate, zset_freeze, zset_encode_frozen, zset_thaw, NULL,
]
