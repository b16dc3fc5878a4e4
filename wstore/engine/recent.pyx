# Where the embedded store's last used keys lie, so that a loop finds each by its Python hash alone, which the key
# object has at hand, without CRC, keyed hash and table.
#
#     line[low bits of hash], one cache line = | stamp 64 bits | 7 x (record 48 bits, tag 16 bits) |
#     tag = high 16 bits of hash, odd, so that no tag is that of a free place, which is 0
#
# A key's place is the one that further bits of its hash name, else the first free one behind it, around the line: so
# that the processor, which guesses that the first one is right, is right while lines are not full.
#
# Invariants: a line's places hold as long as its stamp is the store's, which every record that is freed or moved
# raises, every database that is emptied or swapped, and every step of ageing (so that a use shows in the access bits
# again). Keys with a TTL are never found here, nor are keys of databases but the first, nor those of a database that
# has more keys than fit: most look-ups would end elsewhere, after a cache line more. The record's own key is compared,
# so a tag that two keys share does no harm.

cdef enum:
    RECENT_LINES = 32768            # 2 MB, of which those pages are in use that keys came to
    RECENT_LINE_BITS = 15
    RECENT_WAYS = 7
    RECENT_TAG_SHIFT = 48           # addresses of user space have no more bits

cdef struct RecentLine:
    uint64_t stamp
    uint64_t places[RECENT_WAYS]


cdef inline bint recent_serves(const Store* store, int db_index) noexcept:
    """Are keys of this database remembered?"""
    return (db_index == 0 and store.dbs[0] != NULL
            and store.dbs[0].keys <= <uint64_t>RECENT_LINES * RECENT_WAYS)


cdef inline uint64_t recent_tag(Py_hash_t hash) noexcept:
    return <uint64_t>hash >> RECENT_TAG_SHIFT | 1


cdef inline uint32_t recent_way(Py_hash_t hash) noexcept:
    return (<uint32_t>(hash >> RECENT_LINE_BITS) & 0xffff) * <uint32_t>RECENT_WAYS >> 16


cdef inline uint32_t recent_next_way(uint32_t way) noexcept:
    return way + 1 if way + 1 < RECENT_WAYS else 0


cdef inline bint recent_find(const RecentLine* recent, Py_hash_t hash, uint64_t stamp, const Str* name,
                             Entry* e) noexcept:
    """Find a key without a TTL whose record has not moved; fills what decode_record does."""
    cdef const RecentLine* line = &recent[<size_t>hash % RECENT_LINES]
    cdef uint64_t tag = recent_tag(hash)
    cdef uint32_t way = recent_way(hash)
    cdef uint8_t* rec
    cdef Key key
    cdef int _
    if line.stamp != stamp:
        return False
    key.ptr = name.ptr
    key.len = name.len
    for _ in range(RECENT_WAYS):
        if line.places[way] >> RECENT_TAG_SHIFT == tag:
            rec = <uint8_t*>(line.places[way] ^ tag << RECENT_TAG_SHIFT)
            if record_has_key(rec, &key):
                decode_record(rec, e)
                return e.expire_ms == NO_EXPIRE
        if line.places[way] == 0:
            return False
        way = recent_next_way(way)
    return False


cdef inline void recent_note(RecentLine* recent, Py_hash_t hash, uint64_t stamp, const Entry* e) noexcept:
    """Remember a key: where it is already, in a free place of its line, or in that of another key."""
    cdef RecentLine* line = &recent[<size_t>hash % RECENT_LINES]
    cdef uint64_t place = <uint64_t>e.rec | recent_tag(hash) << RECENT_TAG_SHIFT
    cdef uint32_t way = recent_way(hash)
    cdef int _
    if line.stamp != stamp:
        memset(line, 0, sizeof(RecentLine))
        line.stamp = stamp
    for _ in range(RECENT_WAYS):
        if line.places[way] == 0 or line.places[way] == place:
            break
        way = recent_next_way(way)      # back at the first one: all are taken
    line.places[way] = place
