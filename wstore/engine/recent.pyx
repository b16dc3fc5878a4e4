# Where the embedded store's last used keys lie, so that a loop finds each by its Python hash alone, which the key
# object has at hand, without CRC, keyed hash and table.
#
#     recent[low bits of hash] = | record 48 bits, high 16 bits of hash | stamp 64 bits |
#
# Invariants: a place holds as long as its stamp is the store's, which every record that is freed or moved raises,
# every database that is emptied or swapped, and every step of ageing (so that a use shows in the access bits again).
# Keys with a TTL are never found here, nor are keys of databases but the first. The record's own key is compared, so a
# hash that two keys share does no harm.

cdef enum:
    RECENT_KEYS = 16384            # 2 MB, of which those pages are in use that keys came to
    RECENT_HASH_SHIFT = 48          # addresses of user space have no more bits

cdef struct RecentKey:
    uint64_t record
    uint64_t stamp


cdef inline bint recent_find(const RecentKey* recent, Py_hash_t hash, uint64_t stamp, const Str* name,
                             Entry* e) noexcept:
    """Find a key without a TTL whose record has not moved; fills what decode_record does."""
    cdef const RecentKey* r = &recent[<size_t>hash % RECENT_KEYS]
    cdef uint8_t* rec = <uint8_t*>(r.record & ((<uint64_t>1 << RECENT_HASH_SHIFT) - 1))
    cdef Key key
    if r.stamp != stamp or r.record >> RECENT_HASH_SHIFT != <uint64_t>hash >> RECENT_HASH_SHIFT:
        return False
    key.ptr = name.ptr
    key.len = name.len
    if not record_has_key(rec, &key):
        return False
    decode_record(rec, e)
    return e.expire_ms == NO_EXPIRE


cdef inline void recent_note(RecentKey* recent, Py_hash_t hash, uint64_t stamp, const Entry* e) noexcept:
    cdef RecentKey* r = &recent[<size_t>hash % RECENT_KEYS]
    r.record = <uint64_t>e.rec | <uint64_t>hash >> RECENT_HASH_SHIFT << RECENT_HASH_SHIFT
    r.stamp = stamp
