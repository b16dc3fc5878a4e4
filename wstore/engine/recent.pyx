# Where the embedded store's last used keys lie, so that a loop finds each by its Python hash alone, which the key
# object has at hand, without CRC, keyed hash and table.
#
#     line[low bits of hash], one cache line = | stamp 64 bits | 7 x (record 48 bits, tag 16 bits) |
#     tag = high 16 bits of hash, odd, so that no tag is that of a free place, which is 0
#
# Invariants: a line's places hold as long as its stamp is the store's, which every record that is freed or moved
# raises, every database that is emptied or swapped, and every step of ageing (so that a use shows in the access bits
# again). Keys with a TTL are never found here, nor are keys of databases but the first. The record's own key is
# compared, so a tag that two keys share does no harm.

cdef enum:
    RECENT_LINES = 32768            # 2 MB, of which those pages are in use that keys came to
    RECENT_WAYS = 7
    RECENT_TAG_SHIFT = 48           # addresses of user space have no more bits

cdef struct RecentLine:
    uint64_t stamp
    uint64_t places[RECENT_WAYS]


cdef inline uint64_t recent_tag(Py_hash_t hash) noexcept:
    return <uint64_t>hash >> RECENT_TAG_SHIFT | 1


cdef inline bint recent_find(const RecentLine* recent, Py_hash_t hash, uint64_t stamp, const Str* name,
                             Entry* e) noexcept:
    """Find a key without a TTL whose record has not moved; fills what decode_record does."""
    cdef const RecentLine* line = &recent[<size_t>hash % RECENT_LINES]
    cdef uint64_t tag = recent_tag(hash)
    cdef uint8_t* rec
    cdef Key key
    cdef int i
    if line.stamp != stamp:
        return False
    key.ptr = name.ptr
    key.len = name.len
    for i in range(RECENT_WAYS):
        if line.places[i] >> RECENT_TAG_SHIFT == tag:
            rec = <uint8_t*>(line.places[i] ^ tag << RECENT_TAG_SHIFT)
            if record_has_key(rec, &key):
                decode_record(rec, e)
                return e.expire_ms == NO_EXPIRE
    return False


cdef inline void recent_note(RecentLine* recent, Py_hash_t hash, uint64_t stamp, const Entry* e) noexcept:
    """Remember a key that recent_find did not know: in a free place of its line, or in that of another key."""
    cdef RecentLine* line = &recent[<size_t>hash % RECENT_LINES]
    cdef int i = 0
    if line.stamp != stamp:
        memset(line, 0, sizeof(RecentLine))
        line.stamp = stamp
    while i < RECENT_WAYS and line.places[i] != 0:
        i += 1
    if i == RECENT_WAYS:
        i = <int>(recent_tag(hash) % RECENT_WAYS)
    line.places[i] = <uint64_t>e.rec | recent_tag(hash) << RECENT_TAG_SHIFT
