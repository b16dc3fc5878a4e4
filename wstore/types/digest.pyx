"""SHA-1 digests of values, the same as DEBUG DIGEST and DEBUG DIGEST-VALUE of Redis 7.0 compute.

A digest is 20 bytes, first all zero, and takes in a piece of data in one of two ways: `digest_xor` where the
order of the pieces must not matter, `digest_mix` where it must.
Source: the two operations are those of Redis 7.0; equal data give equal digests across both servers.
"""
cdef extern from "sha1.h" nogil:
    void ws_sha1(const void* data, size_t n, uint8_t* out)

cdef enum:
    DIGEST_SIZE = 20


cdef void digest_xor(uint8_t* digest, const void* data, size_t n) noexcept nogil:
    """digest ^= SHA1(data)"""
    cdef uint8_t piece[DIGEST_SIZE]
    cdef int i
    ws_sha1(data, n, piece)
    for i in range(DIGEST_SIZE):
        digest[i] ^= piece[i]


cdef void digest_mix(uint8_t* digest, const void* data, size_t n) noexcept nogil:
    """digest = SHA1(digest ^ SHA1(data))"""
    cdef uint8_t before[DIGEST_SIZE]
    digest_xor(digest, data, n)
    memcpy(before, digest, DIGEST_SIZE)
    ws_sha1(before, DIGEST_SIZE, digest)


cdef void digest_mix_u32(uint8_t* digest, uint32_t n) noexcept nogil:
    """Mix in n as four big-endian bytes."""
    cdef uint8_t be[4]
    rdb_store_be(be, n, 4)
    digest_mix(digest, be, 4)


cdef void digest_value(Store* store, const Entry* e, uint8_t* digest) noexcept nogil:
    """Take in a whole value, as DEBUG DIGEST-VALUE does to a zero digest: type, content, whether it expires."""
    digest_mix_u32(digest, e.type)
    store.types[e.type].digest(store, e, digest)
    if e.expire_ms != NO_EXPIRE:
        digest_xor(digest, b"!!expire!!", 10)


cdef void digest_key(Store* store, const Key* key, const Entry* e, uint8_t* total) noexcept nogil:
    """Take one key and its value into the total of a database, in any order of keys."""
    cdef uint8_t digest[DIGEST_SIZE]
    memset(digest, 0, DIGEST_SIZE)
    digest_mix(digest, key.ptr, key.len)
    digest_value(store, e, digest)
    digest_xor(total, digest, DIGEST_SIZE)
