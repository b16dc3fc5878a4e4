"""Random numbers for commands that pick elements: fast and evenly spread, not secret.

The state is Store.random_state.  Source: splitmix64 (Steele, Lea, Flood 2014); a range by multiplication (Lemire 2019).
"""
cdef extern from *:
    """
    typedef unsigned __int128 ws_u128;
    """
    ctypedef unsigned long long u128 "ws_u128"


cdef inline uint64_t random_u64(Store* store) noexcept nogil:
    cdef uint64_t z
    store.random_state += <uint64_t>0x9E3779B97F4A7C15
    z = (store.random_state ^ store.random_state >> 30) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ z >> 27) * <uint64_t>0x94D049BB133111EB
    return z ^ z >> 31


cdef inline uint64_t random_below(Store* store, uint64_t n) noexcept nogil:
    """One of 0 .. n - 1."""
    return <uint64_t>(<u128>random_u64(store) * n >> 64)
